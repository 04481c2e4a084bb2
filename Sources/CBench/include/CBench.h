/* What bare C needs for the work of a driver, on the same libraries: the measure that `caserouter-dev bench` holds the
   drivers against. One loop each, no abstraction, no error handling beyond stopping with a sentence. */
#ifndef CASE_ROUTER_BENCH_H
#define CASE_ROUTER_BENCH_H

#include <stddef.h>

struct case_router_bench_result {
    /* Of the measured operations, warm-up not counted. */
    long operations;
    double cpu_us;
    double seconds;
    /* Empty, or why there is no result. */
    char problem[256];
};

struct case_router_bench_broker {
    const char *host;
    int port;
    const char *user;
    const char *password;
    /* A durable quorum queue, declared if it is missing. */
    const char *queue;
};

/* User and system time of this process, in microseconds. */
double case_router_bench_cpu_us(void);

/* Publishes persistent, mandatory messages of `size` bytes, with at most `window` of them unconfirmed. */
void case_router_bench_publish(
    const struct case_router_bench_broker *broker, long operations, long warm_up, int window, const char *body,
    size_t size, struct case_router_bench_result *result);

/* Takes messages with this prefetch and acknowledges them, all that came together with one frame. */
void case_router_bench_consume(
    const struct case_router_bench_broker *broker, long operations, long warm_up, int window,
    struct case_router_bench_result *result);

/* Locks and updates rows of the table `bench_cases`, `window` of them in one pipeline and one transaction. */
void case_router_bench_postgres(
    const char *address, const char *lock, const char *update, long rows, long operations, long warm_up, int window,
    struct case_router_bench_result *result);

/* Posts a JSON body over `window` kept connections and takes the answer. */
void case_router_bench_http(
    const char *url, long operations, long warm_up, int window, const char *body, size_t size,
    struct case_router_bench_result *result);

/* Reads the events of a Bayeux answer so often, each into strings of its own. */
void case_router_bench_decode(
    const char *answer, size_t size, long operations, long warm_up, struct case_router_bench_result *result);

/* Answers every request on 127.0.0.1 with the same small JSON, until the process ends. Returns why it cannot. */
const char *case_router_bench_serve(int port);

/* How often a text occurs: the C library's search, which Swift does not see. */
long case_router_bench_occurrences(const void *text, size_t size, const void *wanted, size_t length);

#endif
