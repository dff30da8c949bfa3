/*
 * What the program has written and the peer has not yet acknowledged. TCP asks
 * for bytes by sequence number and never sees where they lie: in a ring, where
 * a write has copied them, or in memory that the program has lent.
 */
#ifndef TAPIR_TCP_TCP_SNDBUF_H
#define TAPIR_TCP_TCP_SNDBUF_H

#include "base/frame.h"
#include "base/lent.h"
#include "base/ring.h"
#include "tcp/seq.h"

#include <sys/types.h>
#include <sys/uio.h>

struct sndbuf {
    struct ring ring;
    struct sndbuf_loans *loans; /* NULL: nothing was lent */
    uint32_t limit;
    tcp_seq start; /* the sequence number of the oldest byte */
};

enum {
    /* Less than this is not worth a loan, and is copied. So a segment of any
     * ordinary size is in at most FRAME_SLICES pieces: the end of a loan, what
     * was written behind it, where the ring wraps, the next loan. */
    SNDBUF_LOAN_MIN = 4096
};

void sndbuf_init(struct sndbuf *buf, tcp_seq start, uint32_t limit);
void sndbuf_fini(struct sndbuf *buf, struct memory *memory);

/* Lent bytes that are not yet acknowledged. */
uint32_t sndbuf_lent(const struct sndbuf *buf);
/* The sequence number after the last byte: where the next write goes. */
static inline tcp_seq sndbuf_end(const struct sndbuf *buf)
{
    uint32_t lent = buf->loans == NULL ? 0 : sndbuf_lent(buf);

    return buf->start + buf->ring.used + lent;
}
uint32_t sndbuf_space(const struct sndbuf *buf);

/* As much as there is space for: the count, 0 when full, or -ENOBUFS. */
MUST_CHECK ssize_t sndbuf_write(struct sndbuf *buf, struct memory *memory,
                                const struct iovec *iov, int count);

/* The same, as if the limit were another one. */
MUST_CHECK ssize_t sndbuf_write_up_to(struct sndbuf *buf, struct memory *memory,
                                      const struct iovec *iov, int count,
                                      uint32_t limit);

/*
 * The same of one piece of memory that stays where it is, a part of `lent`
 * until it is acknowledged; small ones are copied.
 */
MUST_CHECK ssize_t sndbuf_lend_up_to(struct sndbuf *buf, struct memory *memory,
                                     struct bytes data, struct lent *lent,
                                     uint32_t limit);

/*
 * The bytes [from, from + len) as they lie: the number of pieces. Fewer than
 * `len` if they lie in more pieces than that.
 */
unsigned sndbuf_slices(const struct sndbuf *buf, tcp_seq from, uint32_t len,
                       struct bytes pieces[static FRAME_SLICES]);
/* How many bytes these would be. */
uint32_t sndbuf_reach(const struct sndbuf *buf, tcp_seq from, uint32_t len);

/* Everything before `una` is acknowledged: drops it. */
void sndbuf_acknowledge(struct sndbuf *buf, tcp_seq una);
void sndbuf_release_if_empty(struct sndbuf *buf, struct memory *memory);

#endif
