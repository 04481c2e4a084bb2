#ifndef CASE_ROUTER_BENCH_MEASURE_H
#define CASE_ROUTER_BENCH_MEASURE_H

#include <stdio.h>

#include "CBench.h"

/* The measured stretch: begun when the warm-up is over. */
struct measure {
    double cpu_us;
    double seconds;
};

double measure_seconds(void);
struct measure measure_begin(void);
void measure_end(struct measure begin, long operations, struct case_router_bench_result *result);

#define PROBLEM(result, ...) snprintf((result)->problem, sizeof((result)->problem), __VA_ARGS__)

#endif
