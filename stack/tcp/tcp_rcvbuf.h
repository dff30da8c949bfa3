/*
 * What has arrived and the program has not yet read. TCP asks for bytes by
 * their distance from RCV.NXT and never sees the ring behind them.
 */
#ifndef TAPIR_TCP_TCP_RCVBUF_H
#define TAPIR_TCP_TCP_RCVBUF_H

#include "base/frame.h"
#include "base/ring.h"

#include <sys/types.h>
#include <sys/uio.h>

struct rcvbuf {
    struct ring ring;
    uint32_t limit;
    struct rcvbuf_loan *loan; /* NULL: nothing is lent */
};

void rcvbuf_init(struct rcvbuf *buf, uint32_t limit);
void rcvbuf_fini(struct rcvbuf *buf, struct memory *memory);

static inline uint32_t rcvbuf_unread(const struct rcvbuf *buf)
{
    return buf->ring.used;
}

/* How many bytes from RCV.NXT on there is space for. */
static inline uint32_t rcvbuf_space(const struct rcvbuf *buf)
{
    return buf->ring.used < buf->limit ? buf->limit - buf->ring.used : 0;
}

/*
 * Copies `len` bytes of `frame`, from `from` on, to their place `at` bytes
 * after RCV.NXT, in or out of order. 0 or -ENOBUFS.
 */
MUST_CHECK int rcvbuf_put(struct rcvbuf *buf, struct memory *memory,
                          uint32_t at, const struct frame *frame, size_t from,
                          uint32_t len);

/*
 * Where up to `len` bytes from RCV.NXT on will be put: the number of pieces, 0
 * if that would take memory. What is put there goes without a copy.
 */
unsigned rcvbuf_place(const struct rcvbuf *buf, uint32_t len,
                      struct iovec pieces[static 2]);

/* What rcvbuf_put takes from memory: 0 if the ring reaches so far. */
size_t rcvbuf_growth(const struct rcvbuf *buf, uint32_t at, uint32_t len);

/* Whether a smaller ring would do for what is unread, and to make it so; what
 * was put beyond RCV.NXT is gone then. */
bool rcvbuf_can_shrink(const struct rcvbuf *buf);
void rcvbuf_shrink(struct rcvbuf *buf, struct memory *memory);

/* RCV.NXT moves on over `len` bytes that have been put: they can be read. */
void rcvbuf_commit(struct rcvbuf *buf, uint32_t len);

/* Copies unread bytes out; the count. rcvbuf_read drops them, too. */
ssize_t rcvbuf_peek(const struct rcvbuf *buf, const struct iovec *iov,
                    int count);
ssize_t rcvbuf_read(struct rcvbuf *buf, const struct iovec *iov, int count);
/* Copies `len` unread bytes from the `at`th on out. */
void rcvbuf_copy(const struct rcvbuf *buf, uint32_t at, void *to, uint32_t len);
/*
 * Lends the bytes [at, at + len) of what is unread, as they lie; the number of
 * pieces, -EBUSY if there is a loan, -ENOBUFS. They stay where they are until
 * the loan ends: a ring that must grow meanwhile does so elsewhere.
 */
MUST_CHECK int rcvbuf_lend(struct rcvbuf *buf, struct memory *memory,
                           uint32_t at, uint32_t len,
                           struct bytes pieces[static 2]);
/* How many bytes are lent; -EINVAL: there is no loan. */
MUST_CHECK ssize_t rcvbuf_lent(const struct rcvbuf *buf);
/* The loan ends; the bytes stay unread. */
void rcvbuf_end_loan(struct rcvbuf *buf, struct memory *memory);
/* Drops the oldest `len` unread bytes. */
void rcvbuf_skip(struct rcvbuf *buf, uint32_t len);
void rcvbuf_discard(struct rcvbuf *buf);
/* If nothing is unread or lent: see ring_rewind_if_empty. */
void rcvbuf_rewind_if_empty(struct rcvbuf *buf);
/* Gives the ring's memory back, which must hold nothing out of order. */
void rcvbuf_release_if_empty(struct rcvbuf *buf, struct memory *memory);

#endif
