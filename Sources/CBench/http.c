#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "measure.h"

struct transfer {
    CURL *easy;
    int sendings;
    char *body;
    size_t length;
};

struct loop {
    CURLM *multi;
    int epoll;
    /* Milliseconds until libcurl wants to be called, from `set_at`; negative: not at all. */
    long timeout;
    double set_at;
};

static size_t receive(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    transfer->body = realloc(transfer->body, transfer->length + size * count);
    memcpy(transfer->body + transfer->length, bytes, size * count);
    transfer->length += size * count;
    return size * count;
}

/* As the driver: nothing is sent twice. */
static int before_request(void *context, char *a, char *b, int c, int d) {
    struct transfer *transfer = context;
    return transfer->sendings++ > 0 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static int socket_changed(CURL *easy, curl_socket_t descriptor, int what, void *context, void *known) {
    struct loop *loop = context;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, descriptor, NULL);
        curl_multi_assign(loop->multi, descriptor, NULL);
        return 0;
    }
    struct epoll_event event = {
        .events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0),
        .data = {.fd = descriptor}};
    epoll_ctl(loop->epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event);
    curl_multi_assign(loop->multi, descriptor, loop);
    return 0;
}

static int timer_changed(CURLM *multi, long timeout, void *context) {
    struct loop *loop = context;
    loop->timeout = timeout;
    loop->set_at = measure_seconds();
    return 0;
}

static void begin_transfer(struct loop *loop, struct transfer *transfer) {
    transfer->sendings = 0;
    transfer->length = 0;
    free(transfer->body);
    transfer->body = NULL;
    curl_multi_add_handle(loop->multi, transfer->easy);
}

/* Takes what is done and begins as many anew. Returns how many were done, -1 when one failed. */
static long collect(struct loop *loop, long *left) {
    long done = 0;
    int rest;
    CURLMsg *message;
    while ((message = curl_multi_info_read(loop->multi, &rest)) != NULL) {
        struct transfer *transfer;
        long status = 0;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        int failed = message->data.result != CURLE_OK || status != 200 || transfer->length == 0;
        curl_multi_remove_handle(loop->multi, transfer->easy);
        if (failed) return -1;
        done++;
        if (*left > 0) {
            (*left)--;
            begin_transfer(loop, transfer);
        }
    }
    return done;
}

void case_router_bench_http(
    const char *url, long operations, long warm_up, int window, const char *body, size_t size,
    struct case_router_bench_result *result) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct loop loop = {.multi = curl_multi_init(), .epoll = epoll_create1(EPOLL_CLOEXEC), .timeout = -1};
    curl_multi_setopt(loop.multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
    curl_multi_setopt(loop.multi, CURLMOPT_SOCKETDATA, &loop);
    curl_multi_setopt(loop.multi, CURLMOPT_TIMERFUNCTION, timer_changed);
    curl_multi_setopt(loop.multi, CURLMOPT_TIMERDATA, &loop);
    curl_multi_setopt(loop.multi, CURLMOPT_MAXCONNECTS, (long)window);
    struct curl_slist *headers = NULL;
    const char *lines[] = {"Content-Type: application/json", "Accept: application/json", "Accept-Language: en", "Expect:"};
    for (int i = 0; i < 4; i++) headers = curl_slist_append(headers, lines[i]);
    struct transfer *transfers = calloc((size_t)window, sizeof(struct transfer));
    for (int i = 0; i < window; i++) {
        CURL *easy = transfers[i].easy = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfers[i]);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)size);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "CaseRouter");
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfers[i]);
        curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
        curl_easy_setopt(easy, CURLOPT_PREREQDATA, &transfers[i]);
    }
    long left = operations + warm_up, done = 0;
    for (int i = 0; i < window && left > 0; i++, left--) begin_transfer(&loop, &transfers[i]);
    struct measure begin = measure_begin();
    int has_begun = 0, running = 0;
    while (done < operations + warm_up) {
        if (!has_begun && done >= warm_up) {
            begin = measure_begin();
            operations += warm_up - done;
            warm_up = done;
            has_begun = 1;
        }
        int wait = -1;
        if (loop.timeout >= 0) {
            double rest = loop.timeout - (measure_seconds() - loop.set_at) * 1000;
            wait = rest > 0 ? (int)rest + 1 : 0;
        }
        struct epoll_event events[256];
        int count = epoll_wait(loop.epoll, events, 256, wait);
        for (int i = 0; i < count; i++) {
            int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0)
                | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
                | (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(loop.multi, events[i].data.fd, what, &running);
        }
        if (loop.timeout >= 0 && (measure_seconds() - loop.set_at) * 1000 >= loop.timeout) {
            loop.timeout = -1;
            curl_multi_socket_action(loop.multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        long ended = collect(&loop, &left);
        if (ended < 0) {
            PROBLEM(result, "a request failed");
            return;
        }
        done += ended;
    }
    measure_end(begin, operations, result);
    for (int i = 0; i < window; i++) {
        curl_easy_cleanup(transfers[i].easy);
        free(transfers[i].body);
    }
    free(transfers);
    curl_multi_cleanup(loop.multi);
    curl_slist_free_all(headers);
    close(loop.epoll);
}
