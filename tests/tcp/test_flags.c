/*
 * Every combination of control bits, in every state, at every place that a
 * sequence number and an acknowledgment can have: RFC 9293 3.10.7 with the
 * answers of RFC 5961. Nothing crashes, nothing leaks, nothing is answered
 * that the section does not allow, and what is not taken is dropped for a
 * reason.
 *
 * `allowed` says the section once more, from the answers' point of view, and
 * `is_taken` from that of the drops.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

enum state {
    CLOSED,
    LISTEN,
    SYN_SENT,
    SYN_RECEIVED,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT
};

enum answer { /* as a set */
              NOTHING = 1,
              BARE_RESET = 2, /* <SEQ=SEG.ACK><CTL=RST> */
              RESET_ACK = 4,  /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
              AN_ACK = 8,     /* <SEQ=SND.NXT><ACK=...><CTL=ACK> */
              A_SYN_ACK = 16,
              SOMETHING_ELSE = 32
};

enum place { EXACT, IN_WINDOW, OUTSIDE };
enum ack_place { ACK_RIGHT, ACK_OF_NOTHING_SENT };

struct probe {
    enum state state;
    enum place place;
    enum ack_place ack_place;
    unsigned flags;
    unsigned reserved; /* bits that must mean nothing, RFC 9293 3.1 */
    unsigned len;
    int64_t rcv_nxt; /* of the stack, in the peer's numbers */
    int64_t snd_nxt; /* of the stack */
};

/* ---- reaching a state ---- */

/* Our FIN is out. */
static void half_close(struct conversation *c)
{
    app_shuts_down(c, SHUT_WR);
    expect_segment(c, .seq = 1, .flags = FIN | ACK);
}

static void receive_fin(struct conversation *c, int64_t ack)
{
    peer_sends(c, .seq = 1, .ack = ack, .flags = FIN | ACK);
    expect_segment(c, .ack = 2, .flags = ACK, .within_ms = 40);
}

static void reach_closing_state(struct conversation *c, enum state state)
{
    if (state == CLOSE_WAIT || state == LAST_ACK)
        receive_fin(c, 1);
    if (state != ESTABLISHED && state != CLOSE_WAIT)
        half_close(c);
    if (state == FIN_WAIT_2 || state == TIME_WAIT)
        peer_sends(c, .seq = 1, .ack = 2, .flags = ACK);
    if (state == CLOSING)
        receive_fin(c, 1);
    if (state == TIME_WAIT)
        receive_fin(c, 2);
}

static void reach(struct conversation *c, enum state state)
{
    bool active = state == SYN_SENT;

    conversation_begin(c, __FILE__, __LINE__,
                       &(struct conversation_options){.active = active});
    if (state == SYN_SENT) {
        app_connects(c);
        expect_segment(c, .flags = SYN);
        return;
    }
    if (state != CLOSED)
        app_listens(c);
    if (state == CLOSED || state == LISTEN)
        return;
    peer_sends(c, .seq = 0, .flags = SYN);
    expect_segment(c, .flags = SYN | ACK);
    if (state == SYN_RECEIVED)
        return;
    peer_sends(c, .seq = 1, .flags = ACK);
    app_accepts(c);
    reach_closing_state(c, state);
}

/* ---- what RFC 9293 3.10.7 allows ---- */

static unsigned allowed_when_closed(const struct probe *p)
{
    if ((p->flags & RST) != 0)
        return NOTHING;
    return (p->flags & ACK) != 0 ? BARE_RESET : RESET_ACK;
}

static unsigned allowed_in_listen(const struct probe *p)
{
    if ((p->flags & RST) != 0)
        return NOTHING;
    if ((p->flags & ACK) != 0)
        return BARE_RESET;
    if ((p->flags & SYN) == 0)
        return NOTHING;
    /* SYN with FIN is dropped by many, as here it may be. */
    return (p->flags & FIN) != 0 ? A_SYN_ACK | NOTHING : A_SYN_ACK;
}

static unsigned allowed_in_syn_sent(const struct probe *p)
{
    bool has_ack = (p->flags & ACK) != 0;

    if (has_ack && p->ack_place != ACK_RIGHT)
        return (p->flags & RST) != 0 ? NOTHING : BARE_RESET;
    if ((p->flags & RST) != 0 || (p->flags & SYN) == 0)
        return NOTHING;
    return has_ack ? AN_ACK : A_SYN_ACK;
}

/* Steps one to four; 0: go on with the ACK. */
static unsigned allowed_before_ack(const struct probe *p)
{
    bool syn_received = p->state == SYN_RECEIVED;

    if (p->place == OUTSIDE)
        return (p->flags & RST) != 0   ? NOTHING
               : syn_received          ? AN_ACK | A_SYN_ACK
               : p->state != TIME_WAIT ? AN_ACK
               : (p->flags & SYN) != 0 ? AN_ACK | A_SYN_ACK
                                       : AN_ACK;
    if ((p->flags & RST) != 0)
        return p->place == EXACT ? NOTHING
               : syn_received || p->state == TIME_WAIT
                   ? AN_ACK | NOTHING /* nobody there to be fooled */
                   : AN_ACK;
    if ((p->flags & SYN) != 0 && syn_received)
        return NOTHING | AN_ACK; /* back to LISTEN, or RFC 5961 */
    if ((p->flags & SYN) != 0)
        return p->state == TIME_WAIT ? AN_ACK | A_SYN_ACK : AN_ACK;
    if ((p->flags & ACK) == 0)
        return NOTHING;
    return 0;
}

static unsigned allowed_afterwards(const struct probe *p)
{
    unsigned before = allowed_before_ack(p);
    bool takes_room = p->len > 0 || (p->flags & FIN) != 0;

    if (before != 0)
        return before;
    if (p->ack_place != ACK_RIGHT)
        return p->state == SYN_RECEIVED ? BARE_RESET : AN_ACK;
    if (p->state == LAST_ACK)
        return NOTHING; /* our FIN is acknowledged: CLOSED */
    if (!takes_room)
        return p->state == TIME_WAIT ? NOTHING | AN_ACK : NOTHING;
    if (p->state > FIN_WAIT_2)
        return NOTHING | AN_ACK; /* after the peer's FIN: ignored */
    return p->place == EXACT || p->len > 0 ? AN_ACK : NOTHING | AN_ACK;
}

static unsigned allowed(const struct probe *p)
{
    switch (p->state) {
    case CLOSED:
        return allowed_when_closed(p);
    case LISTEN:
        return allowed_in_listen(p);
    case SYN_SENT:
        return allowed_in_syn_sent(p);
    case SYN_RECEIVED:
    case ESTABLISHED:
    case FIN_WAIT_1:
    case FIN_WAIT_2:
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK:
    case TIME_WAIT:
        return allowed_afterwards(p);
    }
    return 0;
}

/* ---- what is dropped ---- */

static bool is_taken_before_ack(const struct probe *p)
{
    bool syn_received = p->state == SYN_RECEIVED;
    bool has_syn = (p->flags & SYN) != 0;
    bool has_ack = (p->flags & ACK) != 0;

    if (p->place == OUTSIDE)
        return false;
    if ((p->flags & RST) != 0)
        return p->place == EXACT;
    if (has_syn) /* RFC 6191: only in TIME-WAIT, if it is newer */
        return p->state == TIME_WAIT && p->place == IN_WINDOW && !has_ack;
    return has_ack && (p->ack_place == ACK_RIGHT || syn_received);
}

static bool is_taken_afterwards(const struct probe *p)
{
    bool takes_room = p->len > 0 || (p->flags & FIN) != 0;

    if (!is_taken_before_ack(p))
        return false;
    if ((p->flags & (RST | SYN)) != 0)
        return true;
    if (p->ack_place != ACK_RIGHT)
        return false;
    if (p->state == LAST_ACK) /* it is over with the ACK */
        return true;
    if (p->state == TIME_WAIT)
        return p->len == 0; /* a FIN is taken for the one that is known */
    return p->state <= FIN_WAIT_2 || !takes_room;
}

static bool is_taken(const struct probe *p)
{
    bool has_ack = (p->flags & ACK) != 0;

    switch (p->state) {
    case CLOSED:
        return false;
    case LISTEN:
        return (p->flags & (SYN | ACK | RST)) == SYN;
    case SYN_SENT:
        if (has_ack && p->ack_place != ACK_RIGHT)
            return false;
        return (p->flags & RST) != 0 ? has_ack : (p->flags & SYN) != 0;
    case SYN_RECEIVED:
    case ESTABLISHED:
    case FIN_WAIT_1:
    case FIN_WAIT_2:
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK:
    case TIME_WAIT:
        return is_taken_afterwards(p);
    }
    return false;
}

/* ---- one probe ---- */

static int64_t probe_seq(const struct probe *p)
{
    return p->place == EXACT       ? p->rcv_nxt
           : p->place == IN_WINDOW ? p->rcv_nxt + 100
                                   : p->rcv_nxt - 10000;
}

static int64_t probe_ack(const struct probe *p)
{
    if (p->state == CLOSED || p->state == LISTEN)
        return 4711;
    return p->ack_place == ACK_RIGHT ? p->snd_nxt : p->snd_nxt + 100;
}

/* What kind of answer a segment is. */
static unsigned classify(const struct conversation *c, const struct probe *p,
                         const struct segment *sent)
{
    int64_t seq = (int32_t)(sent->seq - c->peer->stack_iss);
    int64_t ack = (int32_t)(sent->ack - c->peer->iss);
    int64_t end = probe_seq(p) + p->len + ((p->flags & SYN) != 0) +
                  ((p->flags & FIN) != 0);

    switch (sent->flags & ~(unsigned)(ECE | CWR)) {
    case RST:
        return seq == probe_ack(p) ? BARE_RESET : SOMETHING_ELSE;
    case RST | ACK:
        return seq == 0 && ack == end ? RESET_ACK : SOMETHING_ELSE;
    case SYN | ACK:
        return A_SYN_ACK;
    case ACK:
        if (seq != p->snd_nxt || sent->len != 0)
            return SOMETHING_ELSE;
        return ack == p->rcv_nxt || ack == end || ack == end - 1
                   ? AN_ACK
                   : SOMETHING_ELSE;
    default:
        return SOMETHING_ELSE;
    }
}

static void try_probe(struct probe *p)
{
    struct conversation c;
    unsigned answers = 0;

    reach(&c, p->state);
    p->rcv_nxt = c.peer->next;
    p->snd_nxt = c.peer->received;
    expect_no_drops(&c);
    peer_sends(&c, .seq = probe_seq(p), .ack = probe_ack(p), .len = p->len,
               .flags = p->flags, .reserved = p->reserved,
               .urgent = (p->flags & URG) != 0);
    if (conversation_dropped(&c) != (is_taken(p) ? 0 : 1))
        conversation_fail(&c, "%u reasons to drop it in state %d",
                          conversation_dropped(&c), p->state);
    advance(&c, 45);

    unsigned count = conversation_waiting(&c);
    for (; conversation_waiting(&c) > 0; conversation_forget(&c))
        answers |= classify(&c, p, conversation_peek(&c));
    if (count == 0)
        answers = NOTHING;
    if ((answers & ~allowed(p)) != 0 || count > 1)
        conversation_fail(&c, "answers 0x%x in state %d, 0x%x allowed", answers,
                          p->state, allowed(p));
    close_conversation(&c);
}

static void try_all(enum state state)
{
    static const enum place places[] = {EXACT, IN_WINDOW, OUTSIDE};
    static const enum ack_place acks[] = {ACK_RIGHT, ACK_OF_NOTHING_SENT};
    static const unsigned lens[] = {0, 10};

    for (unsigned flags = 0; flags < 256; flags++)
        for (size_t i = 0; i < ARRAY_LENGTH(places); i++)
            for (size_t j = 0; j < ARRAY_LENGTH(acks); j++)
                for (size_t k = 0; k < ARRAY_LENGTH(lens); k++)
                    try_probe(&(struct probe){.state = state,
                                              .place = places[i],
                                              .ack_place = acks[j],
                                              .flags = flags,
                                              .reserved = flags / 64 * 5,
                                              .len = lens[k]});
}

/* RFC 9293 3.10.7.1 */
START_TEST(every_combination_of_flags_in_closed)
{
    try_all(CLOSED);
}
END_TEST

/* RFC 9293 3.10.7.2 */
START_TEST(every_combination_of_flags_in_listen)
{
    try_all(LISTEN);
}
END_TEST

/* RFC 9293 3.10.7.3 */
START_TEST(every_combination_of_flags_in_syn_sent)
{
    try_all(SYN_SENT);
}
END_TEST

/* RFC 9293 3.10.7.4, and so the rest */
START_TEST(every_combination_of_flags_in_syn_received)
{
    try_all(SYN_RECEIVED);
}
END_TEST

START_TEST(every_combination_of_flags_in_established)
{
    try_all(ESTABLISHED);
}
END_TEST

START_TEST(every_combination_of_flags_in_fin_wait_1)
{
    try_all(FIN_WAIT_1);
}
END_TEST

START_TEST(every_combination_of_flags_in_fin_wait_2)
{
    try_all(FIN_WAIT_2);
}
END_TEST

START_TEST(every_combination_of_flags_in_close_wait)
{
    try_all(CLOSE_WAIT);
}
END_TEST

START_TEST(every_combination_of_flags_in_closing)
{
    try_all(CLOSING);
}
END_TEST

START_TEST(every_combination_of_flags_in_last_ack)
{
    try_all(LAST_ACK);
}
END_TEST

START_TEST(every_combination_of_flags_in_time_wait)
{
    try_all(TIME_WAIT);
}
END_TEST

UNIT_MAIN("tcp flags", every_combination_of_flags_in_closed,
          every_combination_of_flags_in_listen,
          every_combination_of_flags_in_syn_sent,
          every_combination_of_flags_in_syn_received,
          every_combination_of_flags_in_established,
          every_combination_of_flags_in_fin_wait_1,
          every_combination_of_flags_in_fin_wait_2,
          every_combination_of_flags_in_close_wait,
          every_combination_of_flags_in_closing,
          every_combination_of_flags_in_last_ack,
          every_combination_of_flags_in_time_wait)
