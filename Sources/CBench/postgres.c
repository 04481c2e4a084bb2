#include <libpq-fe.h>
#include <arpa/inet.h>
#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

enum { TEXT = 25, INT4 = 23, TEXT_ARRAY = 1009, INT4_ARRAY = 1007, HEADER = 20 };

/* An array parameter in binary form, grown as elements are appended. */
struct array {
    char *bytes;
    size_t used, room;
    int count, has_null;
    unsigned element;
};

static void put(struct array *array, const void *bytes, size_t count) {
    if (array->used + count > array->room) {
        array->room = 2 * (array->room + count);
        array->bytes = realloc(array->bytes, array->room);
    }
    memcpy(array->bytes + array->used, bytes, count);
    array->used += count;
}

static void put_int(struct array *array, int value) {
    unsigned bytes = htonl((unsigned)value);
    put(array, &bytes, 4);
}

static void append(struct array *array, const void *bytes, int count) {
    put_int(array, count);
    if (count > 0) put(array, bytes, (size_t)count);
    if (count < 0) array->has_null = 1;
    array->count++;
}

static void clear(struct array *array) {
    array->used = 0;
    array->count = 0;
    array->has_null = 0;
    for (int i = 0; i < 5; i++) put_int(array, 0);
}

static void finish(struct array *array) {
    unsigned header[5] = {htonl(1), htonl((unsigned)array->has_null), htonl(array->element),
        htonl((unsigned)array->count), htonl(1)};
    memcpy(array->bytes, header, HEADER);
}

static int by_number(const void *left, const void *right) {
    return *(const int *)left < *(const int *)right ? -1 : *(const int *)left > *(const int *)right;
}

static int send_statement(PGconn *connection, const char *name, struct array *arrays, int count) {
    const char *values[8];
    int lengths[8], formats[8];
    for (int i = 0; i < count; i++) {
        finish(&arrays[i]);
        values[i] = arrays[i].bytes;
        lengths[i] = (int)arrays[i].used;
        formats[i] = 1;
    }
    return PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1);
}

/* Sends what is buffered and waits until an answer can be read. */
static int wait_for_answer(PGconn *connection) {
    while (1) {
        int unsent = PQflush(connection);
        if (unsent < 0) return 0;
        struct pollfd one = {.fd = PQsocket(connection), .events = POLLIN | (unsent ? POLLOUT : 0)};
        if (poll(&one, 1, 10000) <= 0) return 0;
        if (one.revents & POLLIN) return PQconsumeInput(connection);
    }
}

/* Reads results until the Sync. Returns how many rows of the update came, -1 when something failed. */
static int read_answers(PGconn *connection, const int *chosen, int window, long *sum) {
    int rows = 0;
    while (1) {
        while (PQisBusy(connection))
            if (!wait_for_answer(connection)) return -1;
        PGresult *answer = PQgetResult(connection);
        if (answer == NULL) continue;
        ExecStatusType status = PQresultStatus(answer);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(answer);
            return rows;
        }
        if (status != PGRES_TUPLES_OK) {
            PQclear(answer);
            return -1;
        }
        /* The update answers each input with its ordinal; the lock with nothing of use. */
        if (PQnfields(answer) == 2) {
            for (int row = 0; row < PQntuples(answer); row++) {
                int ordinal = (int)ntohl(*(unsigned *)PQgetvalue(answer, row, 0));
                if (ordinal < 1 || ordinal > window) return -1;
                *sum += chosen[ordinal - 1] + (int)ntohl(*(unsigned *)PQgetvalue(answer, row, 1));
                rows++;
            }
        }
        PQclear(answer);
    }
}

static int prepare(PGconn *connection, const char *name, const char *sql, int count, const Oid *types) {
    PGresult *answer = PQprepare(connection, name, sql, count, types);
    int is_good = PQresultStatus(answer) == PGRES_COMMAND_OK;
    PQclear(answer);
    return is_good;
}

void case_router_bench_postgres(
    const char *address, const char *lock, const char *update, long rows, long operations, long warm_up, int window,
    struct case_router_bench_result *result) {
    PGconn *connection = PQconnectdb(address);
    Oid types[4] = {TEXT_ARRAY, TEXT_ARRAY, INT4_ARRAY, TEXT_ARRAY};
    if (PQstatus(connection) != CONNECTION_OK || !prepare(connection, "lock", lock, 2, types)
        || !prepare(connection, "update", update, 4, types)) {
        PROBLEM(result, "%s", PQerrorMessage(connection));
        return;
    }
    PQclear(PQexec(connection, "SET plan_cache_mode = force_generic_plan"));
    PQsetnonblocking(connection, 1);
    PQenterPipelineMode(connection);

    struct array keys[2] = {{.element = TEXT}, {.element = TEXT}};
    struct array inputs[4] = {{.element = TEXT}, {.element = TEXT}, {.element = INT4}, {.element = TEXT}};
    int *chosen = malloc(sizeof(int) * (size_t)window);
    long done = 0, sum = 0, next = 0;
    struct measure begin = measure_begin();
    int has_begun = 0;
    while (done < operations + warm_up) {
        if (!has_begun && done >= warm_up) {
            begin = measure_begin();
            warm_up = done;
            has_begun = 1;
        }
        for (int i = 0; i < window; i++) chosen[i] = (int)((next++ * 7919) % rows);
        qsort(chosen, (size_t)window, sizeof(int), by_number);
        for (int i = 0; i < 2; i++) clear(&keys[i]);
        for (int i = 0; i < 4; i++) clear(&inputs[i]);
        for (int i = 0; i < window; i++) {
            char name[16];
            int length = snprintf(name, sizeof(name), "case%08d", chosen[i]);
            unsigned one = htonl(1);
            append(&keys[0], "org", 3);
            append(&keys[1], name, length);
            append(&inputs[0], "org", 3);
            append(&inputs[1], name, length);
            append(&inputs[2], &one, 4);
            append(&inputs[3], NULL, -1);
        }
        if (!send_statement(connection, "lock", keys, 2) || !send_statement(connection, "update", inputs, 4)
            || !PQpipelineSync(connection) || read_answers(connection, chosen, window, &sum) != window) {
            PROBLEM(result, "a flush failed: %s", PQerrorMessage(connection));
            return;
        }
        done += window;
    }
    measure_end(begin, done - warm_up, result);
    free(chosen);
    for (int i = 0; i < 2; i++) free(keys[i].bytes);
    for (int i = 0; i < 4; i++) free(inputs[i].bytes);
    PQfinish(connection);
}
