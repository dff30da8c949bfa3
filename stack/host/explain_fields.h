/*
 * The fields of a header, line by line: where they lie in the frame, their
 * bytes, what these mean. It decides nothing: that is told by events.
 */
#ifndef TAPIR_HOST_EXPLAIN_FIELDS_H
#define TAPIR_HOST_EXPLAIN_FIELDS_H

#include "base/bytes.h"

/* Who takes the lines; each ends with a newline. */
struct explain_sink {
    void (*take)(void *context, const char *line);
    void *context;
};

/* From `at` in `frame` on, as far as there are bytes. Each returns where what
 * it carries begins. */
size_t explain_fields_eth(const struct explain_sink *to, struct bytes frame);
void explain_fields_arp(const struct explain_sink *to, struct bytes frame,
                        size_t at);
size_t explain_fields_ip(const struct explain_sink *to, struct bytes frame,
                         size_t at);
void explain_fields_icmp(const struct explain_sink *to, struct bytes frame,
                         size_t at);
void explain_fields_udp(const struct explain_sink *to, struct bytes frame,
                        size_t at);
/* Sequence numbers are also told from `seq_from` and `ack_from` on, the initial
 * ones, where these are not 0. */
void explain_fields_tcp(const struct explain_sink *to, struct bytes frame,
                        size_t at, uint32_t seq_from, uint32_t ack_from);

#endif
