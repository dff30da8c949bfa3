/*
 * Bytes of which most are zero, in less space: runs of zeros are counted, the
 * others are copied. For what is kept for long and looked at seldom.
 */
#ifndef TAPIR_BASE_PACK_H
#define TAPIR_BASE_PACK_H

#include "base/bytes.h"

/* The most that `len` bytes can take, whatever they are. */
#define PACK_MOST(len) ((len) + (len) / 8 + 2)

/* How many bytes were written to `to`, which has room for PACK_MOST. */
size_t pack_bytes(struct bytes from, uint8_t *to);

/* The way back: `len` bytes, what pack_bytes was given. */
void unpack_bytes(struct bytes packed, uint8_t *to, size_t len);

#endif
