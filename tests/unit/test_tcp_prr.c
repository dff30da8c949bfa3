/*
 * Proportional rate reduction against the formulas and the examples of RFC 6937
 * and RFC 9937: a flight as numbers alone, and a sender that sends as much as
 * cwnd allows, in whole segments. tests/tcp/test_prr.c has it as a
 * conversation.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_prr.h"
#include "tcp/tcp_recovery.h"
#include "tcp_alone.h"

enum { MSS = 1000 };

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

/* A fast recovery of so many segments in flight, of which some were SACKed and
 * some lost before; what may be sent of the lost is sent first. */
static void begin(struct fixture *f, unsigned flight, unsigned sacked,
                  unsigned lost, unsigned ssthresh)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->state = TCPS_ESTABLISHED;
    f->tcb->has_sack = true;
    f->tcb->phase = RECOVERY_FAST;
    f->tcb->snd_mss = MSS;
    f->tcb->snd_una = f->tcb->snd_nxt;
    f->tcb->snd_nxt += flight * MSS;
    f->tcb->board.sacked = sacked * MSS;
    f->tcb->board.lost = lost * MSS;
    f->tcb->ssthresh = ssthresh * MSS;
}

static void end(struct fixture *f)
{
    f->tcb->snd_una = f->tcb->snd_nxt;
    f->tcb->board.sacked = 0;
    f->tcb->board.lost = 0;
    f->tcb->phase = RECOVERY_NONE;
    tcb_release(f->tcb);
    tcb_close(f->tcb);
    tcb_reap(&f->alone.tcp);
    tcp_alone_close(&f->alone);
}

/* What cwnd allows: 'R' again, 'N' new; none but the last is shown. */
static unsigned send_what_may_go(struct fixture *f, char *last)
{
    struct tcb *tcb = f->tcb;
    unsigned sent = 0;

    for (*last = '.'; recovery_pipe(tcb) + MSS <= tcb->cwnd; sent++) {
        uint32_t again = min_u32(tcb->board.lost, MSS);

        *last = again > 0 ? 'R' : 'N';
        if (again > 0)
            tcb->board.lost -= again;
        else
            tcb->snd_nxt += MSS;
        prr_sent(tcb, again > 0 ? again : MSS);
    }
    return sent;
}

/* The next segment has arrived, above a hole. */
static void sack_one(struct fixture *f)
{
    struct delivery delivery = {.sacked = MSS, .delivered = MSS};

    f->tcb->board.sacked += MSS;
    prr_acked(f->tcb, &delivery, 0);
}

/*
 * RFC 6937 3.1, first example: one of twenty is lost, ssthresh is ten, limited
 * transmit has sent two. RFC 9937 6.1 does not count what had been SACKed
 * before in RecoverFS: it is 20 of the 22, so that half a segment may go for
 * each ACK. By hand: the retransmission with the first, at 4, 6, 8, ...
 * delivered one new segment; with the sixteenth ACK no more than ssthresh is in
 * flight, and the last lets go what keeps it so.
 */
START_TEST(example_one_loss_of_twenty)
{
    static const char expected[] = "R..N.N.N.N.N.N..N";
    char sent[sizeof(expected)] = {0};
    struct fixture f;

    begin(&f, 22, 2, 1, 10);
    f.tcb->board.sacked += MSS; /* the third duplicate, which begins it */
    prr_begin(f.tcb, MSS);
    ck_assert_uint_eq(f.tcb->prr.recover_flight, 20 * MSS);
    f.tcb->board.sacked -= MSS;
    for (unsigned k = 0; k < sizeof(expected) - 1; k++) {
        sack_one(&f);
        if (k == 0) /* "force a fast retransmit upon entering recovery" */
            f.tcb->cwnd = recovery_pipe(f.tcb) + MSS;
        ck_assert_uint_le(send_what_may_go(&f, &sent[k]), 1);
    }
    ck_assert_str_eq(sent, expected);
    ck_assert_uint_eq(recovery_pipe(f.tcb), 10 * MSS);
    ck_assert_uint_eq(f.tcb->prr.out, 8 * MSS);
    prr_end(f.tcb);
    ck_assert_uint_eq(f.tcb->cwnd, f.tcb->ssthresh);
    end(&f);
}
END_TEST

/* RFC 6937 3.1, second example: the first fifteen are lost, so that there are
 * only three ACKs within the recovery. None is safe (RFC 9937), since SND.UNA
 * does not move: packet conservation, "R R R", and the pipe stays at four. */
START_TEST(example_fifteen_losses_of_twenty)
{
    struct fixture f;
    char last;

    begin(&f, 22, 2, 15, 10);
    f.tcb->board.sacked += MSS;
    prr_begin(f.tcb, MSS);
    f.tcb->board.sacked -= MSS;
    for (unsigned k = 0; k < 3; k++) {
        sack_one(&f);
        ck_assert_uint_eq(recovery_pipe(f.tcb), 4 * MSS);
        ck_assert_uint_eq(send_what_may_go(&f, &last), 1);
        ck_assert_int_eq(last, 'R');
    }
    end(&f);
}
END_TEST

/* PRR-SSRB, "2R 2R 2R": a segment more for each ACK that moves SND.UNA and
 * finds nothing lost. */
START_TEST(a_safe_ack_brings_a_segment_more)
{
    struct fixture f;
    char last;

    begin(&f, 22, 5, 12, 10);
    prr_begin(f.tcb, 0);
    for (unsigned k = 0; k < 3; k++) {
        struct delivery delivery = {.acked = MSS, .delivered = MSS};

        f.tcb->snd_una += MSS;
        prr_acked(f.tcb, &delivery, 0);
        ck_assert_uint_eq(send_what_may_go(&f, &last), 2);
    }
    end(&f);
}
END_TEST

/* An ACK that finds more losses is not safe. */
START_TEST(an_ack_that_finds_losses_brings_what_it_delivered)
{
    struct delivery delivery = {.acked = MSS, .delivered = MSS};
    struct fixture f;
    char last;

    begin(&f, 22, 5, 12, 10);
    prr_begin(f.tcb, 0);
    f.tcb->snd_una += MSS;
    f.tcb->board.lost += MSS;
    prr_acked(f.tcb, &delivery, MSS);
    ck_assert_uint_eq(send_what_may_go(&f, &last), 1);
    end(&f);
}
END_TEST

/* "The missed opportunities to send due to stalls are treated like banked
 * voluntary window reductions": RFC 6937 4. */
START_TEST(what_a_stall_has_left_is_sent_later_up_to_ssthresh)
{
    struct fixture f;
    char last;

    begin(&f, 20, 0, 1, 10);
    prr_begin(f.tcb, 0);
    for (unsigned k = 0; k < 15; k++)
        sack_one(&f); /* the program writes nothing */
    ck_assert_uint_eq(recovery_pipe(f.tcb), 4 * MSS);
    ck_assert_uint_eq(send_what_may_go(&f, &last), 6);
    ck_assert_uint_eq(recovery_pipe(f.tcb), 10 * MSS);
    end(&f);
}
END_TEST

/* Nothing in flight brings no ACK. */
START_TEST(with_nothing_in_flight_a_segment_goes)
{
    struct delivery delivery = {.acked = MSS, .delivered = 1};
    struct fixture f;

    begin(&f, 5, 0, 5, 10);
    prr_begin(f.tcb, 0);
    f.tcb->prr.out = 4 * MSS;
    prr_acked(f.tcb, &delivery, MSS);
    ck_assert_uint_eq(f.tcb->cwnd, MSS);
    end(&f);
}
END_TEST

/* RFC 9937 6.2 as it is written there, in numbers that cannot overflow. */
static int64_t snd_cnt(const struct tcb *tcb, int64_t delivered_before,
                       int64_t delivered_data, bool is_safe_ack, int64_t out)
{
    int64_t delivered = delivered_before + delivered_data;
    int64_t ssthresh = tcb->ssthresh;
    int64_t in_flight = recovery_pipe(tcb);
    int64_t recover_fs = tcb->prr.recover_flight;
    int64_t limit;
    int64_t count;

    if (in_flight > ssthresh) {
        count = (delivered * ssthresh + recover_fs - 1) / recover_fs - out;
    } else {
        limit =
            delivered - out > delivered_data ? delivered - out : delivered_data;
        if (is_safe_ack)
            limit += MSS;
        count = ssthresh - in_flight < limit ? ssthresh - in_flight : limit;
    }
    count = count < 0 ? 0 : count;
    if ((out == 0 && count == 0) || in_flight == 0)
        count = count < MSS ? MSS : count;
    return count;
}

/* One ACK of a random kind: some arrives, some is lost, SND.UNA moves or not.
 */
static void random_ack(struct fixture *f, struct random *random)
{
    struct tcb *tcb = f->tcb;
    struct prr before = tcb->prr;
    uint32_t pipe = recovery_pipe(tcb);
    uint32_t data = random_u32(random) % min_u32(pipe + 1, 3 * MSS);
    uint32_t lost = random_u32(random) % 4 == 0 ? (pipe - data) / 3 : 0;
    struct delivery delivery = {.delivered = data};
    int64_t count;

    if (data == 0)
        return;
    if (random_u32(random) % 2 == 0)
        delivery.acked = data;
    else
        delivery.sacked = data;
    tcb->snd_una += delivery.acked;
    tcb->board.sacked += delivery.sacked;
    tcb->board.lost += lost;
    prr_acked(tcb, &delivery, lost);
    count = snd_cnt(tcb, before.delivered, data,
                    delivery.acked > 0 && lost == 0, before.out);
    ck_assert_int_eq(tcb->cwnd, recovery_pipe(tcb) + count);
}

START_TEST(each_ack_gives_what_the_formula_gives)
{
    struct random random;
    char last;

    random_init(&random, (struct hash_key){9937, 6937});
    for (unsigned round = 0; round < 300; round++) {
        unsigned flight = 4 + random_u32(&random) % 100;
        struct fixture f;

        begin(&f, flight, 0, 1 + random_u32(&random) % (flight / 2),
              2 + random_u32(&random) % flight);
        prr_begin(f.tcb, 0);
        for (unsigned i = 0; i < 50; i++) {
            random_ack(&f, &random);
            if (random_u32(&random) % 4 != 0) /* else it stalls */
                (void)send_what_may_go(&f, &last);
        }
        end(&f);
    }
}
END_TEST

/* 6.2, without SACK: an ACK of nothing stands for a segment, which a later one
 * of text does not bring again; and no more than RecoverFS arrives. */
START_TEST(without_sack_what_duplicates_have_told_counts_once)
{
    struct fixture f;

    begin(&f, 10, 0, 1, 5);
    f.tcb->has_sack = false;
    prr_begin(f.tcb, 0);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(prr_estimate(f.tcb, 0), MSS);
    ck_assert_uint_eq(prr_estimate(f.tcb, 3 * MSS), 0);
    ck_assert_uint_eq(prr_estimate(f.tcb, 3 * MSS), 2 * MSS);
    f.tcb->prr.delivered = 9 * MSS;
    ck_assert_uint_eq(prr_estimate(f.tcb, 0), MSS);
    f.tcb->prr.delivered = 10 * MSS;
    ck_assert_uint_eq(prr_estimate(f.tcb, 0), 0);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp prr", example_one_loss_of_twenty,
          example_fifteen_losses_of_twenty, a_safe_ack_brings_a_segment_more,
          an_ack_that_finds_losses_brings_what_it_delivered,
          what_a_stall_has_left_is_sent_later_up_to_ssthresh,
          with_nothing_in_flight_a_segment_goes,
          each_ack_gives_what_the_formula_gives,
          without_sack_what_duplicates_have_told_counts_once)
