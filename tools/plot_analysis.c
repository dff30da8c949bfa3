/*
 * What the segments of a connection mean together: windows by their scale (RFC
 * 7323 2), what was sent again, what came out of order, duplicate ACKs (RFC
 * 5681 2). All of it is concluded from what one point of the path has seen.
 */
#include "plot_outstanding.h"
#include "plot_ranges.h"
#include "plot_states.h"

#include <errno.h>

/* RFC 7323 2.2: a SYN's window is not scaled, and others only if both ends said
 * that they would. -1 if what they said was not captured. */
static int scale_of(const struct plot_connection *connection, unsigned from)
{
    const struct plot_syn *syn = &connection->end[from].syn;
    const struct plot_syn *other = &connection->end[!from].syn;

    if ((syn->is_seen && syn->wscale < 0) ||
        (other->is_seen && other->wscale < 0))
        return 0;
    return syn->is_seen && other->is_seen ? syn->wscale : -1;
}

static void scale_windows(struct plot_connection *connection)
{
    int scale[2] = {scale_of(connection, 0), scale_of(connection, 1)};

    for (size_t i = 0; i < connection->segment_count; i++) {
        struct plot_segment *segment = &connection->segment[i];

        if (segment->flags & CAPTURE_SYN)
            continue;
        if (scale[segment->from] < 0)
            segment->window = -1;
        else
            segment->window <<= scale[segment->from];
    }
}

/* ---- Marks ------------------------------------------------------------- */

/* What was seen of one direction: its text one way, its ACKs the other. */
struct direction {
    struct plot_ranges seen;
    struct plot_ranges sacked;
    int64_t highest;
    int64_t acked;  /* the highest acknowledgment of it; 0 if none */
    int64_t window; /* that came with the last one */
    struct plot_outstanding outstanding;
};

/* Of what waits for an acknowledgment it takes the place of what it repeats. */
static int note_sent(struct plot_connection *connection,
                     struct direction *direction, size_t at)
{
    const struct plot_segment *segment = &connection->segment[at];
    struct plot_waiting sent = {segment->seq, segment->end, at};
    size_t from;
    size_t to;

    if (segment->end <= direction->acked)
        return 0;
    from = plot_outstanding_find(&direction->outstanding, segment->seq,
                                 segment->end, &to);
    for (size_t i = from; i < to; i++) {
        const struct plot_waiting *old = &direction->outstanding.waiting[i];

        if (plot_ranges_end(&direction->sacked, old->seq) < old->end)
            connection->segment[old->segment].marks |= PLOT_LOST;
    }
    return plot_outstanding_sent(&direction->outstanding, from, to, &sent);
}

static int mark_text(struct plot_connection *connection,
                     struct direction *direction, size_t at)
{
    struct plot_segment *segment = &connection->segment[at];

    if (segment->seq == segment->end || (segment->flags & CAPTURE_RST))
        return 0;
    if (plot_ranges_overlap(&direction->seen, segment->seq, segment->end)) {
        segment->marks |= PLOT_AGAIN;
        connection->end[segment->from].again++;
    } else if (segment->seq < direction->highest) {
        segment->marks |= PLOT_OUT_OF_ORDER;
    }
    if (segment->end > direction->highest)
        direction->highest = segment->end;
    int r = note_sent(connection, direction, at);
    return r < 0
               ? r
               : plot_ranges_add(&direction->seen, segment->seq, segment->end);
}

static bool is_duplicate(const struct direction *direction,
                         const struct plot_segment *segment)
{
    return segment->len == 0 &&
           !(segment->flags & (CAPTURE_SYN | CAPTURE_FIN | CAPTURE_RST)) &&
           direction->highest > direction->acked &&
           segment->ack == direction->acked &&
           segment->window == direction->window;
}

static int take_sack(const struct plot_connection *connection,
                     struct direction *direction,
                     const struct plot_segment *segment)
{
    for (unsigned i = 0; i < segment->sack_count; i++) {
        const struct plot_block *block = &connection->block[segment->sack + i];
        int r = plot_ranges_add(&direction->sacked, block->from, block->to);

        if (r < 0)
            return r;
    }
    plot_ranges_trim(&direction->sacked, direction->acked);
    return 0;
}

/* `direction` is the one that it acknowledges. */
static int mark_ack(struct plot_connection *connection,
                    struct direction *direction, struct plot_segment *segment)
{
    if (segment->ack < 0)
        return 0;
    if (is_duplicate(direction, segment))
        segment->marks |= PLOT_DUPLICATE_ACK;
    if (segment->ack > direction->acked)
        direction->acked = segment->ack;
    direction->window = segment->window;
    return take_sack(connection, direction, segment);
}

static int mark_all(struct plot_connection *connection,
                    struct direction direction[2])
{
    for (size_t i = 0; i < connection->segment_count; i++) {
        struct plot_segment *segment = &connection->segment[i];
        unsigned from = segment->from;

        int r = mark_text(connection, &direction[from], i);
        if (r == 0)
            r = mark_ack(connection, &direction[!from], segment);
        if (r < 0)
            return r;
        plot_outstanding_acked(&direction[!from].outstanding,
                               direction[!from].acked);
    }
    return 0;
}

int plot_connection_analyse(struct plot_connection *connection)
{
    struct direction direction[2] = {0};

    scale_windows(connection);
    int r = mark_all(connection, direction);
    for (unsigned i = 0; i < 2; i++) {
        plot_ranges_fini(&direction[i].seen);
        plot_ranges_fini(&direction[i].sacked);
        plot_outstanding_fini(&direction[i].outstanding);
    }
    return r < 0 ? r : plot_infer_states(connection);
}
