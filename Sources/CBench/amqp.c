#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "measure.h"

static amqp_connection_state_t open_connection(
    const struct case_router_bench_broker *broker, struct case_router_bench_result *result) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (socket == NULL || amqp_socket_open(socket, broker->host, broker->port) != AMQP_STATUS_OK) {
        PROBLEM(result, "the broker cannot be reached");
        return NULL;
    }
    amqp_rpc_reply_t reply =
        amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, broker->user, broker->password);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        PROBLEM(result, "the broker refuses the log-in");
        return NULL;
    }
    amqp_channel_open(connection, 1);
    amqp_table_entry_t type = {
        .key = amqp_cstring_bytes("x-queue-type"),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes("quorum")}}};
    amqp_table_t arguments = {.num_entries = 1, .entries = &type};
    amqp_queue_declare(connection, 1, amqp_cstring_bytes(broker->queue), 0, 1, 0, 0, arguments);
    if (amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL) {
        PROBLEM(result, "the queue cannot be declared");
        return NULL;
    }
    return connection;
}

static void close_connection(amqp_connection_state_t connection) {
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
}

/* The next frame; waits for it, or not. Returns 0 when there is none, -1 when the connection is broken. */
static int next_frame(amqp_connection_state_t connection, int waits, amqp_frame_t *frame) {
    if (!waits && !amqp_data_in_buffer(connection) && !amqp_frames_enqueued(connection)) return 0;
    struct timeval none = {0, 0};
    int status = waits ? amqp_simple_wait_frame(connection, frame)
                       : amqp_simple_wait_frame_noblock(connection, frame, &none);
    if (status == AMQP_STATUS_TIMEOUT) return 0;
    return status == AMQP_STATUS_OK ? 1 : -1;
}

struct confirms {
    char *is_confirmed;
    long first_open;
    long count;
    long sent;
};

/* Notes what a frame confirms. Returns whether it is one that may come here. */
static int note_confirm(struct confirms *confirms, const amqp_frame_t *frame) {
    if (frame->frame_type != AMQP_FRAME_METHOD || frame->payload.method.id != AMQP_BASIC_ACK_METHOD) return 0;
    const amqp_basic_ack_t *ack = frame->payload.method.decoded;
    long last = (long)ack->delivery_tag;
    if (last < 1 || last > confirms->sent) return 0;
    long tag = ack->multiple ? confirms->first_open : last;
    for (; tag <= last; tag++) {
        confirms->count += !confirms->is_confirmed[tag];
        confirms->is_confirmed[tag] = 1;
    }
    while (confirms->first_open <= confirms->sent && confirms->is_confirmed[confirms->first_open])
        confirms->first_open++;
    return 1;
}

void case_router_bench_publish(
    const struct case_router_bench_broker *broker, long operations, long warm_up, int window, const char *body,
    size_t size, struct case_router_bench_result *result) {
    amqp_connection_state_t connection = open_connection(broker, result);
    if (connection == NULL) return;
    amqp_confirm_select(connection, 1);
    long total = operations + warm_up;
    struct confirms confirms = {calloc(total + 2, 1), 1, 0, 0};
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
        .content_type = amqp_cstring_bytes("application/cloudevents+json"),
        .delivery_mode = 2};
    amqp_bytes_t payload = {.len = size, .bytes = (void *)body};
    amqp_bytes_t queue = amqp_cstring_bytes(broker->queue);
    struct measure begin = measure_begin();
    int has_begun = 0;
    while (confirms.count < total) {
        if (!has_begun && confirms.count >= warm_up) {
            begin = measure_begin();
            warm_up = confirms.count;
            has_begun = 1;
        }
        while (confirms.sent < total && confirms.sent - confirms.count < window) {
            if (amqp_basic_publish(connection, 1, amqp_empty_bytes, queue, 1, 0, &properties, payload)) {
                PROBLEM(result, "a message cannot be sent");
                return;
            }
            confirms.sent++;
        }
        amqp_frame_t frame;
        int status = next_frame(connection, 1, &frame);
        while (status == 1) {
            if (!note_confirm(&confirms, &frame)) {
                PROBLEM(result, "the broker answered something else than a confirm");
                return;
            }
            status = next_frame(connection, 0, &frame);
        }
        if (status < 0) {
            PROBLEM(result, "the connection broke");
            return;
        }
        amqp_maybe_release_buffers(connection);
    }
    measure_end(begin, total - warm_up, result);
    free(confirms.is_confirmed);
    close_connection(connection);
}

void case_router_bench_consume(
    const struct case_router_bench_broker *broker, long operations, long warm_up, int window,
    struct case_router_bench_result *result) {
    amqp_connection_state_t connection = open_connection(broker, result);
    if (connection == NULL) return;
    amqp_basic_qos(connection, 1, 0, (uint16_t)window, 0);
    amqp_basic_consume(
        connection, 1, amqp_cstring_bytes(broker->queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    long total = operations + warm_up;
    long received = 0, wanted = 0;
    uint64_t tag = 0, acknowledged = 0;
    char *body = NULL;
    size_t length = 0, filled = 0;
    struct measure begin = measure_begin();
    int has_begun = 0;
    while (received < total) {
        if (!has_begun && received >= warm_up) {
            begin = measure_begin();
            warm_up = received;
            has_begun = 1;
        }
        amqp_frame_t frame;
        int status = next_frame(connection, 1, &frame);
        for (; status == 1; status = next_frame(connection, 0, &frame)) {
            if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD) {
                tag = ((amqp_basic_deliver_t *)frame.payload.method.decoded)->delivery_tag;
                wanted++;
            } else if (frame.frame_type == AMQP_FRAME_HEADER) {
                length = frame.payload.properties.body_size;
                filled = 0;
                free(body);
                body = malloc(length);
            } else if (frame.frame_type == AMQP_FRAME_BODY && filled + frame.payload.body_fragment.len <= length) {
                memcpy(body + filled, frame.payload.body_fragment.bytes, frame.payload.body_fragment.len);
                filled += frame.payload.body_fragment.len;
                if (filled == length) received++;
            } else {
                PROBLEM(result, "the broker sent something else than a delivery");
                return;
            }
        }
        if (status < 0) {
            PROBLEM(result, "the connection broke");
            return;
        }
        /* One that is not whole yet is acknowledged with the next. */
        uint64_t whole = received < wanted ? tag - 1 : tag;
        if (whole > acknowledged) {
            amqp_basic_ack(connection, 1, whole, 1);
            acknowledged = whole;
        }
        amqp_maybe_release_buffers(connection);
    }
    measure_end(begin, received - warm_up, result);
    free(body);
    close_connection(connection);
}
