/*
 * A transfer between two stacks over a bad link, in virtual time: the twin of
 * one run of tests/bench/links. One connection carries as much as it can; the
 * same seed gives the same packets.
 */
#ifndef TAPIR_TESTS_SIM_TRANSFER_H
#define TAPIR_TESTS_SIM_TRANSFER_H

#include "base/trace.h"

#include <stdint.h>

struct transfer {
    const char *faults; /* netdev/faults.h, of both ways */
    const char *congestion;
    uint32_t buffer;    /* bytes, of both buffers of both ends; 0: they tune
                           themselves */
    usec time_max;      /* from the accept on: it ends after so long, */
    uint64_t bytes_max; /* or with so many bytes */
    uint64_t seed;
    struct trace trace;            /* of the sender; may be none */
    struct recorder *recorders[2]; /* of the sender and the receiver; or NULL */
};

struct transfer_result {
    uint64_t bytes; /* that the receiving program got */
    usec time;      /* in which it did */
    uint64_t sent;  /* bytes of text, with */
    uint64_t resent;
};

/* Adds to `result`. Whatever goes wrong fails the test. */
void transfer_run(const struct transfer *transfer,
                  struct transfer_result *result);

#endif
