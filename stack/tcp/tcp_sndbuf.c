/*
 * What was written is in the ring, in order; what was lent lies between: the
 * loans are a queue by sequence number, and each knows how many lent bytes
 * there were before it, which is the way from a number to a place in the ring.
 */
#include "tcp/tcp_sndbuf.h"

#include <errno.h>
#include <string.h>

struct loan {
    const uint8_t *data;
    struct lent *lent;
    tcp_seq start;
    uint32_t len;
    uint32_t lent_before; /* all loans ever, modulo 2^32 */
};

struct sndbuf_loans {
    uint32_t size; /* of queue; those of the past lie before `first` */
    uint32_t first;
    uint32_t end;
    uint32_t bytes;       /* that are not yet acknowledged */
    uint32_t lent_before; /* the oldest byte of the buffer */
    struct loan queue[];
};

enum { LOANS_FIRST_SIZE = 8 };

void sndbuf_init(struct sndbuf *buf, tcp_seq start, uint32_t limit)
{
    ring_init(&buf->ring);
    buf->loans = NULL;
    buf->start = start;
    buf->limit = limit;
}

/* ---- Loans -------------------------------------------------------------- */

static size_t loans_size(uint32_t size)
{
    return sizeof(struct sndbuf_loans) + size * sizeof(struct loan);
}

static uint32_t loan_count(const struct sndbuf_loans *loans)
{
    return loans == NULL ? 0 : loans->end - loans->first;
}

uint32_t sndbuf_lent(const struct sndbuf *buf)
{
    return buf->loans == NULL ? 0 : buf->loans->bytes;
}

static tcp_seq loan_end(const struct loan *loan)
{
    return loan->start + loan->len;
}

/* Room for one more: those of the past make it, or a larger block does. */
static int reserve_loan(struct sndbuf *buf, struct memory *memory)
{
    struct sndbuf_loans *loans = buf->loans;
    uint32_t count = loan_count(loans);
    uint32_t size = loans == NULL ? 0 : loans->size;

    if (loans != NULL && loans->end < size)
        return 0;
    if (count >= size / 2 || loans == NULL) {
        uint32_t grown = size == 0 ? LOANS_FIRST_SIZE : 2 * size;

        loans = memory_resize(memory, loans, loans_size(size) * (size != 0),
                              loans_size(grown));
        if (loans == NULL)
            return -ENOBUFS;
        if (size == 0)
            *loans = (struct sndbuf_loans){0};
        loans->size = grown;
        buf->loans = loans;
    }
    memmove(loans->queue, &loans->queue[loans->first],
            count * sizeof(struct loan));
    loans->first = 0;
    loans->end = count;
    return 0;
}

/* What follows in memory and in sequence is the same loan. */
static bool extend_last(struct sndbuf *buf, struct bytes data,
                        const struct lent *lent)
{
    struct sndbuf_loans *loans = buf->loans;

    if (loan_count(loans) == 0)
        return false;

    struct loan *last = &loans->queue[loans->end - 1];

    if (last->lent != lent || loan_end(last) != sndbuf_end(buf) ||
        last->data + last->len != data.data)
        return false;
    last->len += (uint32_t)data.len;
    loans->bytes += (uint32_t)data.len;
    return true;
}

static void add_loan(struct sndbuf *buf, struct bytes data, struct lent *lent)
{
    struct sndbuf_loans *loans = buf->loans;

    loans->queue[loans->end] = (struct loan){
        .data = data.data,
        .lent = lent,
        .start = sndbuf_end(buf),
        .len = (uint32_t)data.len,
        .lent_before = loans->lent_before + loans->bytes,
    };
    loans->end++;
    loans->bytes += (uint32_t)data.len;
    lent_hold(lent);
}

/* The first loan that ends after `seq`, or the queue's end. */
static uint32_t find_loan(const struct sndbuf_loans *loans, tcp_seq seq)
{
    uint32_t low = loans->first;
    uint32_t high = loans->end;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (seq_gt(loan_end(&loans->queue[middle]), seq))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void acknowledge_loans(struct sndbuf_loans *loans, tcp_seq una)
{
    while (loans->first < loans->end) {
        struct loan *loan = &loans->queue[loans->first];
        uint32_t len = seq_lt(loan->start, una)
                           ? min_u32(loan->len, una - loan->start)
                           : 0;

        loans->bytes -= len;
        loans->lent_before += len;
        loan->lent_before += len;
        loan->start += len;
        loan->data += len;
        loan->len -= len;
        if (loan->len > 0)
            return;
        loans->first++;
        lent_give_back(loan->lent);
    }
}

static void end_loans(struct sndbuf *buf, struct memory *memory)
{
    struct sndbuf_loans *loans = buf->loans;

    if (loans == NULL)
        return;
    for (uint32_t i = loans->first; i < loans->end; i++)
        lent_give_back(loans->queue[i].lent);
    memory_free(memory, loans, loans_size(loans->size));
    buf->loans = NULL;
}

/* ---- Writing ------------------------------------------------------------ */

void sndbuf_fini(struct sndbuf *buf, struct memory *memory)
{
    end_loans(buf, memory);
    ring_fini(&buf->ring, memory);
}

static uint32_t used_of(const struct sndbuf *buf)
{
    return buf->ring.used + sndbuf_lent(buf);
}

static uint32_t space_below(const struct sndbuf *buf, uint32_t limit)
{
    uint32_t used = used_of(buf);

    return used < limit ? limit - used : 0;
}

uint32_t sndbuf_space(const struct sndbuf *buf)
{
    return space_below(buf, buf->limit);
}

static size_t iov_total(const struct iovec *iov, int count)
{
    size_t total = 0;

    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    return total;
}

ssize_t sndbuf_write_up_to(struct sndbuf *buf, struct memory *memory,
                           const struct iovec *iov, int count, uint32_t limit)
{
    uint32_t room =
        (uint32_t)min_size(space_below(buf, limit), iov_total(iov, count));
    uint32_t done = 0;

    if (room == 0)
        return 0;
    if (ring_reserve(&buf->ring, memory, buf->ring.used + room) < 0)
        return -ENOBUFS;
    for (int i = 0; i < count && done < room; i++) {
        size_t len = min_size(iov[i].iov_len, room - done);

        ring_put(&buf->ring, buf->ring.used + done,
                 bytes_of(iov[i].iov_base, len));
        done += (uint32_t)len;
    }
    ring_commit(&buf->ring, room);
    return room;
}

ssize_t sndbuf_write(struct sndbuf *buf, struct memory *memory,
                     const struct iovec *iov, int count)
{
    return sndbuf_write_up_to(buf, memory, iov, count, buf->limit);
}

ssize_t sndbuf_lend_up_to(struct sndbuf *buf, struct memory *memory,
                          struct bytes data, struct lent *lent, uint32_t limit)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data.data,
                        .iov_len = data.len};

    data.len = min_size(data.len, space_below(buf, limit));
    if (data.len == 0 || extend_last(buf, data, lent))
        return (ssize_t)data.len;
    if (data.len < SNDBUF_LOAN_MIN || reserve_loan(buf, memory) < 0)
        return sndbuf_write_up_to(buf, memory, &iov, 1, limit);
    add_loan(buf, data, lent);
    return (ssize_t)data.len;
}

/* ---- Sending ------------------------------------------------------------ */

static unsigned ring_pieces(const struct sndbuf *buf, uint32_t at, uint32_t len,
                            struct bytes *pieces, unsigned room)
{
    struct bytes found[2];
    unsigned count = ring_slices(&buf->ring, at, len, found);

    count = (unsigned)min_u32(count, room);
    memcpy(pieces, found, count * sizeof(*found));
    return count;
}

/* What of [from, until) lies before the loan, which may be none (NULL). */
static unsigned written_before(const struct sndbuf *buf,
                               const struct loan *loan, tcp_seq from,
                               tcp_seq until, struct bytes *pieces,
                               unsigned room)
{
    const struct sndbuf_loans *loans = buf->loans;
    tcp_seq end = loan == NULL ? until : seq_min(until, loan->start);
    uint32_t lent =
        loan == NULL ? loans->bytes : loan->lent_before - loans->lent_before;

    if (seq_geq(from, end))
        return 0;
    return ring_pieces(buf, from - buf->start - lent, end - from, pieces, room);
}

static unsigned scattered(const struct sndbuf *buf, tcp_seq from, tcp_seq until,
                          struct bytes *pieces)
{
    const struct sndbuf_loans *loans = buf->loans;
    uint32_t at = find_loan(loans, from);
    unsigned count = 0;

    while (seq_lt(from, until) && count < FRAME_SLICES) {
        const struct loan *loan = at < loans->end ? &loans->queue[at++] : NULL;
        unsigned before = count;

        count += written_before(buf, loan, from, until, pieces + count,
                                FRAME_SLICES - count);
        for (; before < count; before++)
            from += (uint32_t)pieces[before].len;
        if (loan == NULL || count == FRAME_SLICES || seq_geq(from, until))
            break;
        pieces[count] =
            bytes_slice(bytes_of(loan->data, loan->len), from - loan->start,
                        seq_min(until, loan_end(loan)) - from);
        from += (uint32_t)pieces[count++].len;
    }
    return count;
}

unsigned sndbuf_slices(const struct sndbuf *buf, tcp_seq from, uint32_t len,
                       struct bytes pieces[static FRAME_SLICES])
{
    if (loan_count(buf->loans) == 0)
        return ring_slices(&buf->ring, from - buf->start, len, pieces);
    return scattered(buf, from, from + len, pieces);
}

uint32_t sndbuf_reach(const struct sndbuf *buf, tcp_seq from, uint32_t len)
{
    struct bytes pieces[FRAME_SLICES];
    unsigned count;
    uint32_t reach = 0;

    if (loan_count(buf->loans) == 0)
        return len;
    count = sndbuf_slices(buf, from, len, pieces);
    for (unsigned i = 0; i < count; i++)
        reach += (uint32_t)pieces[i].len;
    return reach;
}

void sndbuf_acknowledge(struct sndbuf *buf, tcp_seq una)
{
    uint32_t lent = sndbuf_lent(buf);

    if (buf->loans != NULL)
        acknowledge_loans(buf->loans, una);
    ring_consume(&buf->ring, una - buf->start - (lent - sndbuf_lent(buf)));
    ring_rewind_if_empty(&buf->ring);
    buf->start = una;
}

void sndbuf_release_if_empty(struct sndbuf *buf, struct memory *memory)
{
    ring_release_if_empty(&buf->ring, memory);
    if (loan_count(buf->loans) == 0)
        end_loans(buf, memory);
}
