#define _GNU_SOURCE
#include "measure.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

double case_router_bench_cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

double measure_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

struct measure measure_begin(void) {
    struct measure begin = {case_router_bench_cpu_us(), measure_seconds()};
    return begin;
}

void measure_end(struct measure begin, long operations, struct case_router_bench_result *result) {
    result->operations = operations;
    result->cpu_us = case_router_bench_cpu_us() - begin.cpu_us;
    result->seconds = measure_seconds() - begin.seconds;
}

long case_router_bench_occurrences(const void *text, size_t size, const void *wanted, size_t length) {
    const char *at = text, *end = at + size, *found;
    long count = 0;
    while ((found = memmem(at, (size_t)(end - at), wanted, length)) != NULL) {
        count++;
        at = found + length;
    }
    return count;
}
