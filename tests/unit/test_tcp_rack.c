/*
 * RACK-TLP, RFC 8985: the reordering window and the probe's time-out by their
 * formulas, and how much of the scoreboard an ACK looks at. What RACK finds is
 * in tests/tcp/test_rack.c.
 */
#include "unit.h"

#include "tcp/tcp_rack.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_tlp.h"
#include "tcp_alone.h"

enum { SEGMENT = 1000, SEGMENTS = 2000 };

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
    uint32_t looked_at; /* by RACK, after the last SACK */
};

/* As many segments as `SEGMENTS`, 10 us apart; the round trip is 50 ms. */
static void begin(struct fixture *f)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->state = TCPS_ESTABLISHED;
    f->tcb->has_sack = true;
    f->tcb->snd_mss = SEGMENT;
    f->tcb->srtt = 50 * USEC_PER_MSEC;
    rack_init(f->tcb);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        scoreboard_sent(&f->tcb->board, &f->alone.memory, i * SEGMENT,
                        (i + 1) * SEGMENT, f->alone.env.now);
        f->tcb->snd_nxt += SEGMENT;
        f->alone.env.now += 10;
    }
    f->alone.env.now += 50 * USEC_PER_MSEC - 10 * SEGMENTS;
}

static void end(struct fixture *f)
{
    f->tcb->snd_una = f->tcb->snd_nxt; /* nothing is in flight any more */
    scoreboard_fini(&f->tcb->board, &f->alone.memory);
    tcb_release(f->tcb);
    tcb_close(f->tcb);
    tcb_reap(&f->alone.tcp);
    tcp_alone_close(&f->alone);
}

/* A SACK of one segment, 10 us after the last; what was newly lost. */
static uint32_t sack(struct fixture *f, unsigned segment)
{
    struct delivery delivery = {0};

    f->alone.env.now += 10;
    scoreboard_sack(&f->tcb->board, &f->alone.memory, segment * SEGMENT,
                    (segment + 1) * SEGMENT, &delivery);
    rack_delivered(f->tcb, &delivery);

    uint32_t before = f->tcb->board.looked_at;
    uint32_t lost = rack_detect_losses(f->tcb);

    f->looked_at = f->tcb->board.looked_at - before;
    return lost;
}

/* The ranges that an ACK looks at are those which it finds lost, those which
 * are waited for, and one more. */
START_TEST(what_cannot_be_lost_is_not_looked_at)
{
    struct fixture f;
    uint32_t lost = 0;
    uint32_t most = 0;

    begin(&f);
    for (unsigned i = 1; i < SEGMENTS; i++) {
        uint32_t newly_lost;

        if (i % 10 == 0) /* every tenth is lost */
            continue;
        newly_lost = sack(&f, i);
        most = max_u32(most, f.looked_at);
        ck_assert_uint_le(newly_lost, SEGMENT);
        lost += newly_lost;
    }
    ck_assert_uint_eq(lost, SEGMENTS / 10 * SEGMENT);
    ck_assert_uint_le(most, 3);
    end(&f);
}
END_TEST

/* The same with the retransmissions in flight, which come after all that. */
START_TEST(what_was_sent_again_is_not_looked_at_either)
{
    struct fixture f;

    begin(&f);
    for (unsigned i = 1; i < SEGMENTS / 2; i += 2)
        (void)sack(&f, i);
    for (unsigned i = 0; i + 1 < SEGMENTS / 2; i += 2)
        scoreboard_resent(&f.tcb->board, &f.alone.memory, i * SEGMENT,
                          (i + 1) * SEGMENT, f.alone.env.now);
    (void)sack(&f, SEGMENTS / 2);
    ck_assert_uint_le(f.looked_at, 3);
    end(&f);
}
END_TEST

/* ---- 6.2 step 4: the reordering window ------------------------------------
 */

/* Round trips of 40 ms, the least of which was 40 ms; SRTT is 50 ms. */
enum { RTT = 40 * 1000, SRTT = 50 * 1000 };

/* Ten segments that were sent `RTT` ago, at once. */
static void begin_flight(struct fixture *f)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->state = TCPS_ESTABLISHED;
    f->tcb->has_sack = true;
    f->tcb->snd_mss = SEGMENT;
    f->tcb->srtt = SRTT;
    rack_init(f->tcb);
    for (unsigned i = 0; i < 10; i++) {
        scoreboard_sent(&f->tcb->board, &f->alone.memory, i * SEGMENT,
                        (i + 1) * SEGMENT, f->alone.env.now);
        f->tcb->snd_nxt += SEGMENT;
    }
    f->alone.env.now += RTT;
}

/* Segments from..to - 1 arrive by SACK; for how long the rest is waited for,
 * which is the window, since all went at once; -1: it is not. */
static usec window_after_sack(struct fixture *f, unsigned from, unsigned to)
{
    struct delivery delivery = {.answerable = f->alone.env.now};

    scoreboard_sack(&f->tcb->board, &f->alone.memory, from * SEGMENT,
                    to * SEGMENT, &delivery);
    rack_delivered(f->tcb, &delivery);
    (void)rack_detect_losses(f->tcb);
    if (!tcp_timer_is_set(f->tcb, TCP_TIMER_REORDER))
        return -1;
    return f->tcb->due[TCP_TIMER_REORDER] - f->alone.env.now;
}

START_TEST(the_window_is_a_quarter_of_the_least_round_trip)
{
    struct fixture f;

    begin_flight(&f);
    ck_assert_int_eq(window_after_sack(&f, 1, 2), RTT / 4);
    ck_assert_int_eq(f.tcb->rack.min_rtt, RTT);
    ck_assert_uint_eq(f.tcb->board.lost, 0);
    end(&f);
}
END_TEST

/* "Else if RACK.segs_sacked >= DupThresh: Return 0" */
START_TEST(three_sacked_segments_make_it_nothing)
{
    struct fixture f;

    begin_flight(&f);
    ck_assert_int_eq(window_after_sack(&f, 1, 3), RTT / 4);
    ck_assert_int_eq(window_after_sack(&f, 3, 4), -1);
    ck_assert_uint_eq(f.tcb->board.lost, SEGMENT);
    end(&f);
}
END_TEST

/* "If in Fast or RTO recovery: Return 0" */
START_TEST(within_a_recovery_it_is_nothing)
{
    struct fixture f;

    begin_flight(&f);
    f.tcb->phase = RECOVERY_FAST;
    ck_assert_int_eq(window_after_sack(&f, 1, 2), -1);
    ck_assert_uint_eq(f.tcb->board.lost, SEGMENT);
    end(&f);
}
END_TEST

/* Step 3: then it is a quarter whatever else holds. */
START_TEST(where_reordering_was_seen_it_holds_always)
{
    struct fixture f;

    begin_flight(&f);
    rack_reordered(f.tcb, f.tcb->snd_una);
    f.tcb->phase = RECOVERY_FAST;
    ck_assert_int_eq(window_after_sack(&f, 1, 9), RTT / 4);
    end(&f);
}
END_TEST

/* "RACK.reo_wnd_mult += 1" once in a round trip with a D-SACK; SRTT at most. */
START_TEST(each_round_with_a_dsack_widens_it_by_a_quarter_up_to_srtt)
{
    static const usec expected[] = {2 * RTT / 4, 3 * RTT / 4, RTT, SRTT, SRTT};
    struct fixture f;

    begin_flight(&f);
    for (unsigned i = 0; i < ARRAY_LENGTH(expected); i++) {
        struct delivery nothing = {0};

        f.tcb->snd_una = i * SEGMENT;
        rack_delivered(f.tcb, &nothing);
        f.tcb->snd_nxt = (i + 1) * SEGMENT; /* dsack_round */
        rack_dsack(f.tcb);
        rack_dsack(f.tcb); /* in the same round: nothing */
        ck_assert_uint_eq(f.tcb->rack.reo_wnd_mult, 2 + i);
    }
    f.tcb->snd_una = 0;
    f.tcb->snd_nxt = 10 * SEGMENT;
    for (unsigned i = 0; i < ARRAY_LENGTH(expected); i++) {
        f.tcb->rack.reo_wnd_mult = (uint8_t)(2 + i);
        ck_assert_int_eq(window_after_sack(&f, 1, 2), expected[i]);
    }
    end(&f);
}
END_TEST

/* "RACK.reo_wnd_persist = 16", less one with each recovery's end. */
START_TEST(after_sixteen_recoveries_without_one_it_is_a_quarter_again)
{
    struct fixture f;

    begin_flight(&f);
    rack_dsack(f.tcb);
    for (unsigned i = 0; i < 15; i++)
        rack_recovery_ended(f.tcb);
    ck_assert_int_eq(window_after_sack(&f, 1, 2), 2 * RTT / 4);
    rack_recovery_ended(f.tcb);
    ck_assert_int_eq(window_after_sack(&f, 1, 2), RTT / 4);
    end(&f);
}
END_TEST

/* Step 2: what was sent twice, and may have been answered for its first time,
 * tells no round trip. */
START_TEST(a_retransmission_that_is_too_recent_tells_nothing)
{
    struct fixture f;
    struct delivery delivery = {0};

    begin_flight(&f);
    scoreboard_resent(&f.tcb->board, &f.alone.memory, 0, SEGMENT,
                      f.alone.env.now);
    f.alone.env.now += 1000; /* an ACK after a millisecond */
    delivery.answerable = f.alone.env.now - RTT;
    scoreboard_acknowledge(&f.tcb->board, SEGMENT, &delivery);
    f.tcb->snd_una = SEGMENT;
    rack_delivered(f.tcb, &delivery);
    ck_assert_int_eq(f.tcb->rack.min_rtt, USEC_NEVER);
    end(&f);
}
END_TEST

/* 6.3: when the timer expires, what was sent a round trip and a window ago. */
START_TEST(a_time_out_marks_the_first_and_what_is_as_old)
{
    struct fixture f;

    begin_flight(&f);
    (void)window_after_sack(&f, 9, 10); /* a round trip of 40 ms */
    scoreboard_sent(&f.tcb->board, &f.alone.memory, 10 * SEGMENT, 12 * SEGMENT,
                    f.alone.env.now);
    f.tcb->snd_nxt += 2 * SEGMENT;
    f.alone.env.now += RTT / 4;
    rack_lose_on_timeout(f.tcb);
    ck_assert_uint_eq(f.tcb->board.lost, 9 * SEGMENT);
    end(&f);
}
END_TEST

/* ---- 7.2: TLP_calc_PTO() ---------------------------------------------------
 */

/* In how much time the probe goes. */
static usec probe_timeout(struct fixture *f)
{
    tlp_init(f->tcb);
    tlp_schedule(f->tcb);
    ck_assert(tcp_timer_is_set(f->tcb, TCP_TIMER_PROBE));
    return f->tcb->due[TCP_TIMER_PROBE] - f->alone.env.now;
}

/* Sent now; SRTT is 50 ms, RTTVAR small, so that the RTO is 250 ms. */
static void begin_probe(struct fixture *f, unsigned segments)
{
    begin_flight(f);
    scoreboard_fini(&f->tcb->board, &f->alone.memory);
    scoreboard_init(&f->tcb->board);
    f->tcb->snd_nxt = segments * SEGMENT;
    scoreboard_sent(&f->tcb->board, &f->alone.memory, 0, f->tcb->snd_nxt,
                    f->alone.env.now);
    f->tcb->rto = SRTT + 200 * 1000;
}

/* "PTO = 2 * SRTT" */
START_TEST(a_probe_goes_after_two_round_trips)
{
    struct fixture f;

    begin_probe(&f, 2);
    ck_assert_int_eq(probe_timeout(&f), 2 * SRTT);
    end(&f);
}
END_TEST

/* "If FlightSize is one segment: PTO += TLP.max_ack_delay", which is 200 ms;
 * "If Now() + PTO > TCP_RTO_expiration()": it is the RTO. */
START_TEST(for_a_single_segment_a_delayed_ack_is_waited_for)
{
    struct fixture f;

    begin_probe(&f, 1);
    f.tcb->rto = SRTT + 400 * 1000;
    ck_assert_int_eq(probe_timeout(&f), 2 * SRTT + 200 * 1000);
    f.tcb->rto = SRTT + 200 * 1000;
    ck_assert_int_eq(probe_timeout(&f), SRTT + 200 * 1000);
    f.alone.env.now += 100 * 1000; /* it counts from the sending */
    ck_assert_int_eq(probe_timeout(&f), SRTT + 100 * 1000);
    end(&f);
}
END_TEST

/* "Else: PTO = 1 sec" */
START_TEST(without_a_round_trip_time_it_is_a_second)
{
    struct fixture f;

    begin_probe(&f, 2);
    f.tcb->srtt = 0;
    f.tcb->rto = 3000 * 1000;
    ck_assert_int_eq(probe_timeout(&f), 1000 * 1000);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp rack", what_cannot_be_lost_is_not_looked_at,
          what_was_sent_again_is_not_looked_at_either,
          the_window_is_a_quarter_of_the_least_round_trip,
          three_sacked_segments_make_it_nothing,
          within_a_recovery_it_is_nothing,
          where_reordering_was_seen_it_holds_always,
          each_round_with_a_dsack_widens_it_by_a_quarter_up_to_srtt,
          after_sixteen_recoveries_without_one_it_is_a_quarter_again,
          a_retransmission_that_is_too_recent_tells_nothing,
          a_time_out_marks_the_first_and_what_is_as_old,
          a_probe_goes_after_two_round_trips,
          for_a_single_segment_a_delayed_ack_is_waited_for,
          without_a_round_trip_time_it_is_a_second)
