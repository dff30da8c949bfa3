/*
 * What is in the segments: a pattern by position, another one in each
 * direction, so that a byte lost, doubled or moved shows wherever it is.
 */
#ifndef TAPIR_TESTS_TCP_PAYLOAD_H
#define TAPIR_TESTS_TCP_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void payload_fill(bool from_peer, uint64_t position, uint8_t *to, size_t len);

/* The index of the first wrong byte, or len. */
size_t payload_check(bool from_peer, uint64_t position, const uint8_t *bytes,
                     size_t len);

#endif
