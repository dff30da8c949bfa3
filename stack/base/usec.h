/*
 * Stack time: microseconds since an origin that only the caller knows. The
 * core never asks for the time; it is an argument of every entry point.
 */
#ifndef TAPIR_BASE_USEC_H
#define TAPIR_BASE_USEC_H

#include <stdint.h>

typedef int64_t usec;

#define USEC_PER_MSEC ((usec)1000)
#define USEC_PER_SEC ((usec)1000000)

/* A deadline that does not come. */
#define USEC_NEVER INT64_MAX

static inline usec usec_min(usec a, usec b)
{
    return a < b ? a : b;
}

static inline usec usec_max(usec a, usec b)
{
    return a > b ? a : b;
}

#endif
