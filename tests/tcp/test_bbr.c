/*
 * BBR as its peer sees it (draft-ietf-ccwg-bbr-06): when segments leave, what a
 * loss, a time-out, an undone one does to that, and changes from and to other
 * algorithms. What its formulas say is in unit/test_tcp_bbr.c.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* 10 segments in 100 ms, 2.77 times as fast: 277 kB/s. */
#define SPEAKS_BBR .congestion = "bbr", .rtt_ms = 100, .no_tlp = true
#define SPEAKS_BBR_AND_SACK SPEAKS_BBR, .sack = true

enum { SPACING = 3610 }; /* usec, of 1000 bytes at that rate */

static void expect_next(struct conversation *c, int64_t seq)
{
    expect_segment(c, .seq = seq, .len = 1000, .flags = ACK, .optional = PSH,
                   .within_ms = 400);
}

/* It leaves so long after the one that was looked at before. */
static void expect_after(struct conversation *c, usec time, int64_t seq)
{
    usec before = c->last.sent;

    expect_next(c, seq);
    if (c->last.sent != before + time)
        conversation_fail(c, "it left after %lld usec, not after %lld",
                          (long long)(c->last.sent - before), (long long)time);
}

/* Segments from `seq` up to `end`, each at its time, and no more. */
static void expect_all(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_next(c, seq);
    expect_silence(c);
}

static void choose(struct conversation *c, const char *name)
{
    struct bytes value = {(const uint8_t *)name, strlen(name)};

    ck_assert_int_eq(stack_set_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_CONGESTION, value),
                     0);
    advance(c, 0);
}

static struct tcp_info info(struct conversation *c)
{
    struct tcp_info told;
    size_t len = sizeof(told);

    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &told, &len),
                     0);
    return told;
}

/* A segment and its ACK: the round trip of data is known. */
static void exchange(struct conversation *c)
{
    app_writes(c, 1000);
    expect_next(c, 1);
    advance(c, 100);
    peer_sends(c, .ack = 1001, .flags = ACK);
    expect_silence(c);
}

/* ---- Pacing: 5.6.2 ------------------------------------------------------- */

/* ... and then doubles: two segments for each that is acknowledged. */
START_TEST(startup_doubles_what_is_in_flight)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR);

    app_writes(&c, 40000);
    expect_all(&c, 1, 10001);
    advance(&c, 67);
    for (int64_t ack = 1001; ack <= 10001; ack += 1000) {
        peer_sends(&c, .ack = ack, .flags = ACK);
        advance(&c, 3);
    }
    advance(&c, 67);
    ck_assert_uint_eq(conversation_waiting(&c), 20);
    expect_all(&c, 10001, 30001);
    peer_sends(&c, .ack = 30001, .flags = ACK);
    expect_all(&c, 30001, 40001);
    peer_sends(&c, .ack = 40001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_fin_goes_with_the_last_segment_that_waited)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR);

    app_writes(&c, 3000);
    app_closes(&c);
    expect_next(&c, 1);
    expect_after(&c, SPACING / 2, 1001);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK | PSH | FIN,
                   .within_ms = 5);
    peer_sends(&c, .ack = 3002, .flags = ACK | FIN);
    expect_segment(&c, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- What it tells: TCP_INFO ----------------------------------------------
 */

/* Ten segments in flight, of which one arrives every 10 ms: 100 kB/s. */
START_TEST(the_delivery_rate_is_that_of_the_acks)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR);

    ck_assert_uint_eq(info(&c).tcpi_delivery_rate, 0);
    app_writes(&c, 200000);
    advance(&c, 100);
    for (int64_t ack = 1001; ack <= 30001; ack += 1000) {
        peer_sends(&c, .ack = ack, .flags = ACK);
        advance(&c, 10);
    }
    conversation_ignore_sent(&c);
    ck_assert_uint_ge(info(&c).tcpi_delivery_rate, 95000);
    ck_assert_uint_le(info(&c).tcpi_delivery_rate, 105000);
    ck_assert_uint_eq(info(&c).tcpi_delivery_rate_app_limited, 0);
    ck_assert_uint_eq(info(&c).tcpi_max_pacing_rate, UINT64_MAX);
    app_lingers(&c, 0);
    app_closes(&c);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* ---- Losses -------------------------------------------------------------- */

/* 5.6.4.4: the window is not reduced, neither by PRR nor at the end. */
START_TEST(a_loss_does_not_reduce_the_window)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR_AND_SACK);

    app_writes(&c, 10000);
    expect_all(&c, 1, 10001);
    advance(&c, 67);
    uint32_t cwnd = info(&c).tcpi_snd_cwnd;
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 6001}});
    expect_next(&c, 1);
    ck_assert_uint_eq(info(&c).tcpi_ca_state, 3); /* recovery */
    app_writes(&c, 20000);
    for (int64_t seq = 10001; seq < 20001; seq += 1000)
        expect_next(&c, seq); /* pipe: 5 of 15; ten more */
    expect_silence_for(&c, 20);
    ck_assert_uint_eq(info(&c).tcpi_snd_cwnd, cwnd + 5);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_all(&c, 20001, 30001);
    ck_assert_uint_eq(info(&c).tcpi_ca_state, 0);
    ck_assert_uint_eq(info(&c).tcpi_snd_cwnd, cwnd + 10);
    peer_sends(&c, .ack = 30001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 9937 6.2: a peer without SACK tells by each duplicate ACK that one more
 * has left the network; of those before the recovery limited transmit has made
 * use already. */
START_TEST(without_sack_duplicate_acks_let_more_go)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR);

    app_writes(&c, 20000);
    expect_all(&c, 1, 10001);
    advance(&c, 67);
    peer_sends(&c, .ack = 1, .flags = ACK);
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_all(&c, 10001, 12001); /* limited transmit, RFC 3042 */
    peer_sends(&c, .ack = 1, .flags = ACK);
    expect_next(&c, 1);
    peer_sends(&c, .ack = 1, .flags = ACK); /* pipe: 10 of 10 */
    for (int64_t seq = 12001; seq < 16001; seq += 1000) {
        expect_silence_for(&c, 10);
        peer_sends(&c, .ack = 1, .flags = ACK);
        expect_next(&c, seq);
    }
    peer_sends(&c, .ack = 16001, .flags = ACK);
    expect_all(&c, 16001, 20001);
    peer_sends(&c, .ack = 20001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* 5.6.4.4: what is in flight, and one segment. */
START_TEST(a_timeout_leaves_one_segment_beyond_what_is_in_flight)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR_AND_SACK, .no_frto = true);

    exchange(&c);
    app_writes(&c, 3000);
    expect_all(&c, 1001, 4001);
    advance(&c, 250);
    app_writes(&c, 3000);
    expect_all(&c, 4001, 7001);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK,
                   .within_ms = 100);
    ck_assert_uint_eq(info(&c).tcpi_snd_cwnd, 4);
    expect_silence_for(&c, 50);
    /* the three arrive: no longer in flight */
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{4001, 7001}});
    expect_all(&c, 2001, 4001);
    peer_sends(&c, .ack = 7001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(a_timeout_with_all_of_it_lost_leaves_one_segment)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR_AND_SACK);

    exchange(&c);
    app_writes(&c, 10000);
    expect_all(&c, 1001, 11001);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK,
                   .within_ms = 300);
    expect_silence_for(&c, 200);
    ck_assert_uint_le(info(&c).tcpi_snd_cwnd, 2);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_next(&c, 2001); /* and then four at least */
    expect_next(&c, 3001);
    expect_next(&c, 4001);
    expect_next(&c, 5001);
    expect_silence_for(&c, 50);
    peer_sends(&c, .ack = 11001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* 5.5.11: the window as it was before, and Startup. */
START_TEST(an_undone_timeout_gives_the_window_back)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR_AND_SACK, .timestamps = true, .mss = 1012);

    exchange(&c);
    uint32_t cwnd = info(&c).tcpi_snd_cwnd;
    app_writes(&c, 10000);
    expect_next(&c, 1001);
    uint32_t first = c.peer->ts_recent;
    expect_all(&c, 2001, 11001);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK,
                   .within_ms = 300);
    ck_assert_uint_lt(info(&c).tcpi_snd_cwnd, cwnd);
    peer_sends(&c, .ack = 2001, .flags = ACK, .ts_ecr = first);
    expect_silence_for(&c, 50); /* nothing else goes again */
    ck_assert_uint_ge(info(&c).tcpi_snd_cwnd, cwnd);
    peer_sends(&c, .ack = 11001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* A spurious retransmission, without SACK, and the ACK of the original: a rate
 * of ten segments in a millisecond is none. */
START_TEST(a_late_ack_is_no_fast_path)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR);

    exchange(&c);
    app_writes(&c, 10000);
    expect_all(&c, 1001, 11001);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK,
                   .within_ms = 300);
    advance(&c, 1);
    peer_sends(&c, .ack = 11001, .flags = ACK);
    ck_assert_uint_le(info(&c).tcpi_delivery_rate, 100000);
    close_conversation(&c);
}
END_TEST

/* ---- A shut window --------------------------------------------------------
 */

/* What the peer had no room for goes again, at the rate and in the window of
 * before. */
START_TEST(a_window_that_opens_again_finds_the_model_unchanged)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR_AND_SACK);

    exchange(&c);
    app_writes(&c, 2000);
    expect_all(&c, 1001, 3001);
    advance(&c, 97);
    peer_sends(&c, .ack = 3001, .win = 0, .flags = ACK);
    uint32_t cwnd = info(&c).tcpi_snd_cwnd;
    uint64_t rate = info(&c).tcpi_pacing_rate;
    app_writes(&c, 3000);
    expect_segment(&c, .seq = 3001, .len = 1, .flags = ACK, .within_ms = 400);
    advance(&c, 100);
    peer_sends(&c, .ack = 3001, .win = 65535, .flags = ACK);
    expect_all(&c, 3001, 6001);
    ck_assert_uint_eq(info(&c).tcpi_snd_cwnd, cwnd);
    ck_assert_uint_eq(info(&c).tcpi_pacing_rate, rate);
    peer_sends(&c, .ack = 6001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- Idle: 5.4 ------------------------------------------------------------
 */

/* RFC 5681 4.1 would begin with the restart window. */
START_TEST(after_an_idle_time_the_window_is_as_it_was)
{
    struct conversation c;
    open_conversation(&c, SPEAKS_BBR);

    app_writes(&c, 20000);
    expect_all(&c, 1, 10001);
    advance(&c, 67);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_all(&c, 10001, 20001);
    advance(&c, 67);
    peer_sends(&c, .ack = 20001, .flags = ACK);
    uint32_t cwnd = info(&c).tcpi_snd_cwnd;
    ck_assert_uint_gt(cwnd, 10);
    advance(&c, 20000);
    app_writes(&c, 15000);
    expect_all(&c, 20001, 35001);
    advance(&c, 60);
    peer_sends(&c, .ack = 35001, .flags = ACK);
    ck_assert_uint_ge(info(&c).tcpi_snd_cwnd, cwnd);
    close_conversation(&c);
}
END_TEST

/* ---- From and to other algorithms -----------------------------------------
 */

static const char *const algorithms[] = {"bbr", "cubic", "reno"};

/* All that was written arrives in the end, whatever goes out until then. */
static void finish(struct conversation *c, int64_t end)
{
    for (unsigned rounds = 0; c->peer->received < end; rounds++) {
        if (rounds == 100)
            conversation_fail(c, "it has stopped");
        conversation_ignore_sent(c);
        peer_sends(c, .ack = c->peer->received, .flags = ACK);
        advance(c, 100);
    }
    conversation_ignore_sent(c);
    peer_sends(c, .ack = end, .flags = ACK);
    advance(c, 100);
    expect_silence(c);
}

/* Into fast recovery: three segments of thirty are lost. */
static void lose_some(struct conversation *c, bool sack)
{
    app_writes(c, 30000);
    advance(c, 100);
    conversation_ignore_sent(c);
    if (sack)
        peer_sends(c, .ack = 1, .flags = ACK, .sack = {{3001, 9001}});
    for (unsigned i = 0; i < 4 && !sack; i++)
        peer_sends(c, .ack = 1, .flags = ACK);
    advance(c, 5);
    conversation_ignore_sent(c);
    ck_assert_uint_eq(info(c).tcpi_ca_state, 3);
}

/* The peer had it all in the end. */
static void repair(struct conversation *c)
{
    peer_sends(c, .ack = 2001, .flags = ACK);
    advance(c, 50);
    finish(c, 30001);
}

START_TEST(a_change_within_fast_recovery_goes_on)
{
    for (size_t from = 0; from < ARRAY_LENGTH(algorithms); from++)
        for (size_t to = 0; to < ARRAY_LENGTH(algorithms); to++)
            for (unsigned sack = 0; sack < 2; sack++) {
                struct conversation c;
                open_conversation(&c, .congestion = algorithms[from],
                                  .rtt_ms = 100, .sack = sack != 0);

                lose_some(&c, sack != 0);
                choose(&c, algorithms[to]);
                repair(&c);
                close_conversation(&c);
            }
}
END_TEST

START_TEST(a_change_after_a_timeout_goes_on)
{
    for (size_t from = 0; from < ARRAY_LENGTH(algorithms); from++)
        for (size_t to = 0; to < ARRAY_LENGTH(algorithms); to++)
            for (unsigned sack = 0; sack < 2; sack++) {
                struct conversation c;
                open_conversation(&c, .congestion = algorithms[from],
                                  .rtt_ms = 100, .sack = sack != 0,
                                  .no_tlp = true);

                app_writes(&c, 30000);
                advance(&c, 350);
                conversation_ignore_sent(&c);
                ck_assert_uint_eq(info(&c).tcpi_ca_state, 4);
                choose(&c, algorithms[to]);
                repair(&c);
                close_conversation(&c);
            }
}
END_TEST

START_TEST(a_change_in_the_middle_of_a_flight_goes_on)
{
    for (size_t from = 0; from < ARRAY_LENGTH(algorithms); from++)
        for (size_t to = 0; to < ARRAY_LENGTH(algorithms); to++) {
            struct conversation c;
            open_conversation(&c, .congestion = algorithms[from], .rtt_ms = 100,
                              .sack = true);

            app_writes(&c, 30000);
            advance(&c, 10);
            choose(&c, algorithms[to]);
            finish(&c, 30001);
            close_conversation(&c);
        }
}
END_TEST

/* The window that was found stays, and the first sample sets the rate. */
START_TEST(bbr_takes_over_the_window)
{
    struct conversation c;
    open_conversation(&c, .congestion = "reno", .rtt_ms = 100);

    app_writes(&c, 30000);
    expect_all(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    conversation_ignore_sent(&c);
    uint32_t cwnd = info(&c).tcpi_snd_cwnd;
    choose(&c, "bbr");
    ck_assert_uint_eq(info(&c).tcpi_snd_cwnd, cwnd);
    ck_assert_uint_lt(info(&c).tcpi_pacing_rate, UINT64_MAX);
    finish(&c, 30001);
    choose(&c, "reno");
    ck_assert_uint_eq(info(&c).tcpi_pacing_rate, UINT64_MAX);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp bbr", startup_doubles_what_is_in_flight,
          a_fin_goes_with_the_last_segment_that_waited,
          the_delivery_rate_is_that_of_the_acks,

          a_loss_does_not_reduce_the_window,
          without_sack_duplicate_acks_let_more_go,
          a_timeout_leaves_one_segment_beyond_what_is_in_flight,
          a_timeout_with_all_of_it_lost_leaves_one_segment,
          an_undone_timeout_gives_the_window_back, a_late_ack_is_no_fast_path,
          a_window_that_opens_again_finds_the_model_unchanged,
          after_an_idle_time_the_window_is_as_it_was,
          a_change_within_fast_recovery_goes_on,
          a_change_after_a_timeout_goes_on,
          a_change_in_the_middle_of_a_flight_goes_on, bbr_takes_over_the_window)
