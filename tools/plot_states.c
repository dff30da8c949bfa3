/*
 * RFC 9293 3.3.2, figure 5, run for both ends over the segments between them.
 * What a program does (open, close) shows only by what is sent. A segment
 * counts as received unless it was sent again later, unacknowledged; and an ACK
 * proves that what it acknowledges was received.
 */
#include "plot_states.h"

#include "plot_ranges.h"

static const char *const names[] = {
    [PLOT_CLOSED] = "CLOSED",           [PLOT_LISTEN] = "LISTEN",
    [PLOT_SYN_SENT] = "SYN-SENT",       [PLOT_SYN_RECEIVED] = "SYN-RECEIVED",
    [PLOT_ESTABLISHED] = "ESTABLISHED", [PLOT_FIN_WAIT_1] = "FIN-WAIT-1",
    [PLOT_FIN_WAIT_2] = "FIN-WAIT-2",   [PLOT_CLOSE_WAIT] = "CLOSE-WAIT",
    [PLOT_CLOSING] = "CLOSING",         [PLOT_LAST_ACK] = "LAST-ACK",
    [PLOT_TIME_WAIT] = "TIME-WAIT",
};

const char *plot_state_name(enum plot_state state)
{
    return names[state];
}

struct side {
    enum plot_state state;
    bool was_listening;
    int64_t fin_end; /* the number after its FIN; -1 before that is sent */
    struct plot_ranges received;
    int64_t rcv_nxt;
    bool has_fin; /* the peer's has been received, in order */
};

static void become(struct side *side, enum plot_state from, enum plot_state to)
{
    if (side->state == from)
        side->state = to;
}

/* ---- Sending ----------------------------------------------------------- */

static void send_fin(struct side *side, const struct plot_segment *segment)
{
    side->fin_end = segment->end;
    become(side, PLOT_CLOSE_WAIT, PLOT_LAST_ACK);
    become(side, PLOT_ESTABLISHED, PLOT_FIN_WAIT_1);
    become(side, PLOT_SYN_RECEIVED, PLOT_FIN_WAIT_1);
}

static void send_syn(struct side *side, const struct plot_segment *segment)
{
    if (segment->ack >= 0) {
        become(side, PLOT_LISTEN, PLOT_SYN_RECEIVED);
        become(side, PLOT_SYN_SENT, PLOT_SYN_RECEIVED); /* both opened */
    } else {
        become(side, PLOT_CLOSED, PLOT_SYN_SENT);
    }
}

static void send_segment(struct side *side, const struct plot_segment *segment)
{
    if (segment->flags & CAPTURE_RST) {
        side->state = PLOT_CLOSED;
        return;
    }
    if (segment->flags & CAPTURE_SYN)
        send_syn(side, segment);
    else if (segment->ack > 0) /* the SYN,ACK was not captured */
        become(side, PLOT_SYN_SENT, PLOT_ESTABLISHED);
    if (segment->flags & CAPTURE_FIN)
        send_fin(side, segment);
}

/* ---- Receiving --------------------------------------------------------- */

/* 3.10.7.4, eighth: once all before it is there. */
static void receive_fin(struct side *side)
{
    side->has_fin = true;
    become(side, PLOT_FIN_WAIT_2, PLOT_TIME_WAIT);
    become(side, PLOT_FIN_WAIT_1, PLOT_CLOSING);
    become(side, PLOT_ESTABLISHED, PLOT_CLOSE_WAIT);
    become(side, PLOT_SYN_RECEIVED, PLOT_CLOSE_WAIT);
}

/* The text of [from, to) is there. 0, or -ENOMEM. */
static int receive_text(struct side *side, const struct side *peer,
                        int64_t from, int64_t to)
{
    int r = plot_ranges_add(&side->received, from, to);

    side->rcv_nxt = plot_ranges_end(&side->received, side->rcv_nxt);
    plot_ranges_trim(&side->received, side->rcv_nxt - 1);
    if (peer->fin_end >= 0 && side->rcv_nxt >= peer->fin_end && !side->has_fin)
        receive_fin(side);
    return r;
}

static void receive_rst(struct side *side)
{
    /* 3.10.7.4, second: what came from LISTEN goes back to it. */
    side->state = side->state == PLOT_SYN_RECEIVED && side->was_listening
                      ? PLOT_LISTEN
                      : PLOT_CLOSED;
}

static void receive_syn(struct side *side, const struct plot_segment *segment)
{
    if (segment->ack > 0) {
        become(side, PLOT_SYN_SENT, PLOT_ESTABLISHED);
    } else {
        become(side, PLOT_LISTEN, PLOT_SYN_RECEIVED);
        become(side, PLOT_SYN_SENT, PLOT_SYN_RECEIVED);
    }
}

static void receive_ack(struct side *side, const struct plot_segment *segment)
{
    if (segment->ack > 0)
        become(side, PLOT_SYN_RECEIVED, PLOT_ESTABLISHED);
    if (side->fin_end < 0 || segment->ack < side->fin_end)
        return;
    become(side, PLOT_FIN_WAIT_1, PLOT_FIN_WAIT_2);
    become(side, PLOT_CLOSING, PLOT_TIME_WAIT);
    become(side, PLOT_LAST_ACK, PLOT_CLOSED);
}

static int receive_segment(struct side *side, const struct side *peer,
                           const struct plot_segment *segment)
{
    if (segment->flags & CAPTURE_RST) {
        receive_rst(side);
        return 0;
    }
    if (segment->flags & CAPTURE_SYN)
        receive_syn(side, segment);
    receive_ack(side, segment);
    return receive_text(side, peer, segment->seq, segment->end);
}

/* ---- All --------------------------------------------------------------- */

static int pass(struct side side[2], struct plot_segment *segment)
{
    struct side *sender = &side[segment->from];
    struct side *receiver = &side[!segment->from];
    int r = 0;

    if (segment->ack > 0) /* so it has received all of that */
        r = receive_text(sender, receiver, sender->rcv_nxt, segment->ack);
    send_segment(sender, segment);
    if (r == 0 && !(segment->marks & PLOT_LOST))
        r = receive_segment(receiver, sender, segment);
    segment->state[0] = (uint8_t)side[0].state;
    segment->state[1] = (uint8_t)side[1].state;
    return r;
}

/* Whether the end that did not begin was waiting for it: its first word was
 * neither RST nor a SYN of its own. */
static bool was_listening(const struct plot_connection *connection)
{
    for (size_t i = 0; i < connection->segment_count; i++) {
        const struct plot_segment *segment = &connection->segment[i];

        if (segment->from == 1)
            return !(segment->flags & CAPTURE_RST) && segment->ack >= 0;
    }
    return false;
}

/* From their beginning if that was captured. */
static void begin(const struct plot_connection *connection, struct side side[2])
{
    const struct plot_segment *first = connection->segment;

    side[0] = side[1] = (struct side){.state = PLOT_ESTABLISHED, .fin_end = -1};
    if (!(first->flags & CAPTURE_SYN))
        return;
    side[0].state = first->ack < 0 ? PLOT_CLOSED : PLOT_SYN_SENT;
    side[1].was_listening = was_listening(connection);
    side[1].state = side[1].was_listening ? PLOT_LISTEN : PLOT_CLOSED;
}

int plot_infer_states(struct plot_connection *connection)
{
    struct side side[2];
    int r = 0;

    if (connection->segment_count == 0)
        return 0;
    begin(connection, side);
    for (unsigned i = 0; i < 2; i++)
        connection->first_state[i] = (uint8_t)side[i].state;
    for (size_t i = 0; i < connection->segment_count && r == 0; i++)
        r = pass(side, &connection->segment[i]);
    plot_ranges_fini(&side[0].received);
    plot_ranges_fini(&side[1].received);
    return r;
}
