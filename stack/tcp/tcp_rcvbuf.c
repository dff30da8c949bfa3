#include "tcp/tcp_rcvbuf.h"

#include <errno.h>

/* What a program looks at in place. */
struct rcvbuf_loan {
    uint32_t len;
    const uint8_t *data; /* the ring's block when it was lent */
    struct ring kept;    /* that block, if the ring has left it; or empty */
};

void rcvbuf_init(struct rcvbuf *buf, uint32_t limit)
{
    ring_init(&buf->ring);
    buf->limit = limit;
    buf->loan = NULL;
}

int rcvbuf_lend(struct rcvbuf *buf, struct memory *memory, uint32_t at,
                uint32_t len, struct bytes pieces[static 2])
{
    struct rcvbuf_loan *loan;

    if (buf->loan != NULL)
        return -EBUSY;
    loan = memory_alloc(memory, sizeof(*loan));
    if (loan == NULL)
        return -ENOBUFS;
    *loan = (struct rcvbuf_loan){.len = len, .data = buf->ring.data};
    buf->loan = loan;
    return (int)ring_slices(&buf->ring, at, len, pieces);
}

ssize_t rcvbuf_lent(const struct rcvbuf *buf)
{
    return buf->loan == NULL ? -EINVAL : (ssize_t)buf->loan->len;
}

void rcvbuf_end_loan(struct rcvbuf *buf, struct memory *memory)
{
    if (buf->loan == NULL)
        return;
    ring_fini(&buf->loan->kept, memory);
    memory_free(memory, buf->loan, sizeof(*buf->loan));
    buf->loan = NULL;
}

void rcvbuf_fini(struct rcvbuf *buf, struct memory *memory)
{
    rcvbuf_end_loan(buf, memory);
    ring_fini(&buf->ring, memory);
}

/* A larger ring with all that the old one holds, also out of order; the old
 * block is kept as long as it is lent. */
static int grow_beside_loan(struct rcvbuf *buf, struct memory *memory,
                            uint32_t want)
{
    struct ring old = buf->ring;
    struct ring grown;
    struct bytes pieces[2];
    uint32_t at = 0;
    unsigned count;

    ring_init(&grown);
    if (ring_reserve(&grown, memory, want) < 0)
        return -ENOBUFS;
    old.used = old.size;
    count = ring_slices(&old, 0, old.size, pieces);
    for (unsigned i = 0; i < count; i++) {
        ring_put(&grown, at, pieces[i]);
        at += (uint32_t)pieces[i].len;
    }
    ring_commit(&grown, buf->ring.used);
    buf->ring = grown;
    if (old.data == buf->loan->data)
        buf->loan->kept = old;
    else
        ring_fini(&old, memory);
    return 0;
}

static int reserve(struct rcvbuf *buf, struct memory *memory, uint32_t want)
{
    if (buf->loan == NULL || ring_growth(&buf->ring, want) == 0)
        return ring_reserve(&buf->ring, memory, want);
    return grow_beside_loan(buf, memory, want);
}

/* The part of [from, from + len) that lies in a piece which begins at
 * `piece_at` of the frame goes to the ring. */
static void put_piece(struct ring *ring, uint32_t at, struct bytes piece,
                      size_t piece_at, size_t from, size_t len)
{
    size_t begin = from > piece_at ? from - piece_at : 0;
    size_t end = min_size(piece.len, from + len - piece_at);

    if (from + len <= piece_at || begin >= end)
        return;
    ring_put(ring, at + (uint32_t)(piece_at + begin - from),
             bytes_slice(piece, begin, end - begin));
}

int rcvbuf_put(struct rcvbuf *buf, struct memory *memory, uint32_t at,
               const struct frame *frame, size_t from, uint32_t len)
{
    uint32_t place = buf->ring.used + at;
    size_t piece_at = frame->head_len;

    if (reserve(buf, memory, place + len) < 0)
        return -ENOBUFS;
    put_piece(&buf->ring, place, frame_head(frame), 0, from, len);
    for (unsigned i = 0; i < frame->slice_count; i++) {
        put_piece(&buf->ring, place, frame->slices[i], piece_at, from, len);
        piece_at += frame->slices[i].len;
    }
    return 0;
}

unsigned rcvbuf_place(const struct rcvbuf *buf, uint32_t len,
                      struct iovec pieces[static 2])
{
    if (buf->ring.size - buf->ring.used < len)
        return 0;
    return ring_place(&buf->ring, 0, len, pieces);
}

size_t rcvbuf_growth(const struct rcvbuf *buf, uint32_t at, uint32_t len)
{
    return ring_growth(&buf->ring, buf->ring.used + at + len);
}

bool rcvbuf_can_shrink(const struct rcvbuf *buf)
{
    return buf->loan == NULL && ring_can_shrink(&buf->ring);
}

void rcvbuf_shrink(struct rcvbuf *buf, struct memory *memory)
{
    if (buf->loan == NULL)
        ring_shrink(&buf->ring, memory);
}

void rcvbuf_commit(struct rcvbuf *buf, uint32_t len)
{
    ring_commit(&buf->ring, len);
}

ssize_t rcvbuf_peek(const struct rcvbuf *buf, const struct iovec *iov,
                    int count)
{
    uint32_t done = 0;

    for (int i = 0; i < count && done < buf->ring.used; i++) {
        uint32_t len =
            (uint32_t)min_size(iov[i].iov_len, buf->ring.used - done);

        ring_copy(&buf->ring, done, iov[i].iov_base, len);
        done += len;
    }
    return done;
}

ssize_t rcvbuf_read(struct rcvbuf *buf, const struct iovec *iov, int count)
{
    ssize_t done = rcvbuf_peek(buf, iov, count);

    ring_consume(&buf->ring, (uint32_t)done);
    return done;
}

void rcvbuf_copy(const struct rcvbuf *buf, uint32_t at, void *to, uint32_t len)
{
    ring_copy(&buf->ring, at, to, len);
}

void rcvbuf_skip(struct rcvbuf *buf, uint32_t len)
{
    ring_consume(&buf->ring, len);
}

void rcvbuf_discard(struct rcvbuf *buf)
{
    ring_consume(&buf->ring, buf->ring.used);
}

void rcvbuf_rewind_if_empty(struct rcvbuf *buf)
{
    if (buf->loan == NULL)
        ring_rewind_if_empty(&buf->ring);
}

void rcvbuf_release_if_empty(struct rcvbuf *buf, struct memory *memory)
{
    if (buf->loan == NULL)
        ring_release_if_empty(&buf->ring, memory);
}
