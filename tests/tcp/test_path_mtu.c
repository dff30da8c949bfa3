/*
 * How large a packet the path takes: RFC 1191, RFC 5927 7.2, RFC 4821 7.7,
 * RFC 6691. Segments of a 1,500 byte link carry 1,460 bytes, those of a path
 * of 1,000 bytes 960.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>

enum { UNREACHABLE = 3, FRAG_NEEDED = 4, MINUTE = 60000 };

static void router_says(struct conversation *c, unsigned mtu)
{
    peer_sends_icmp(c, .type = UNREACHABLE, .code = FRAG_NEEDED, .mtu = mtu);
}

static void peer_acks_all(struct conversation *c)
{
    peer_sends(c, .flags = ACK);
}

/* The rest was lost, whatever its size. */
static void peer_acks_all_but(struct conversation *c, int64_t rest)
{
    peer_sends(c, .flags = ACK, .ack = c->peer->received - rest);
}

/* A full-sized segment goes to and fro: it is known that it can. */
static void full_segment_gets_through(struct conversation *c, int64_t len)
{
    app_writes(c, (size_t)len);
    expect_segment(c, .len = len, .flags = ACK | PSH);
    peer_acks_all(c);
}

/* ---- What ICMP tells ---------------------------------------------------- */

/* RFC 1191 6.3, 6.5: sent again at once and smaller; it is no sign of
 * congestion. */
START_TEST(what_was_too_big_is_sent_again_in_the_size_that_fits)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH);
    ck_assert(c.last.df);
    router_says(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 960, .flags = ACK);
    expect_segment(&c, .seq = 961, .len = 500, .flags = ACK | PSH);
    ck_assert(c.last.df);
    close_conversation(&c);
}
END_TEST

/* RFC 1191 6.4: "One MUST not retransmit in response to every Datagram Too Big
 * message": each segment of a flight has brought one. */
START_TEST(a_burst_of_messages_resends_the_flight_once)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460, .initial_window = 4);

    app_writes(&c, 4 * 1460);
    conversation_ignore_sent(&c);
    for (int64_t seq = 1; seq < 4 * 1460; seq += 1460)
        peer_sends_icmp(&c, .type = UNREACHABLE, .code = FRAG_NEEDED,
                        .mtu = 1000, .seq = seq, .len = 1500);
    for (int64_t seq = 1; seq < 1 + 4 * 960; seq += 960) /* cwnd */
        expect_segment(&c, .seq = seq, .len = 960, .flags = ACK);
    expect_silence(&c);
    peer_acks_all(&c);
    conversation_ignore_sent(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5681 3.1: cwnd is "reduced by the ratio of the old segment size to the
 * new segment size", so that as many segments are in flight and not more. */
START_TEST(the_window_has_as_many_segments_as_before)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH);
    router_says(&c, 1000);
    conversation_ignore_sent(&c);
    peer_acks_all(&c);
    app_writes(&c, 14600);
    for (int i = 0; i < 10; i++)
        expect_segment(&c, .len = 960, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 1191 5, 7.1: the next plateau below the packet that was too big. */
START_TEST(a_router_that_does_not_say_is_answered_with_plateaus)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH);
    router_says(&c, 0);
    expect_segment(&c, .seq = 1, .len = 1452, .flags = ACK);
    expect_segment(&c, .seq = 1453, .len = 8, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = UNREACHABLE, .code = FRAG_NEEDED, .seq = 1,
                    .len = 1492);
    expect_segment(&c, .seq = 1, .len = 966, .flags = ACK);
    expect_segment(&c, .seq = 967, .len = 494, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* An MTU that is no smaller than what is used says nothing. */
START_TEST(a_larger_mtu_is_not_believed)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH);
    router_says(&c, 1500);
    router_says(&c, 9000);
    expect_silence(&c);
    router_says(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 960, .flags = ACK);
    expect_segment(&c, .seq = 961, .len = 500, .flags = ACK | PSH);
    router_says(&c, 1400);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* RFC 5927 7.2: that size was acknowledged before, so it takes a time-out. */
START_TEST(a_size_that_got_through_is_not_given_up_for_a_message_alone)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    full_segment_gets_through(&c, 1460);
    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1461, .len = 1460, .flags = ACK | PSH);
    router_says(&c, 1000);
    expect_silence(&c);
    expect_segment(&c, .seq = 1461, .len = 960, .flags = ACK, .within_ms = 500);
    peer_acks_all_but(&c, 500);
    expect_segment(&c, .seq = 2421, .len = 500, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* "If there is progress on the connection, the errors must be a false claim" */
START_TEST(a_message_that_progress_refutes_is_forgotten)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    full_segment_gets_through(&c, 1460);
    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1461, .len = 1460, .flags = ACK | PSH);
    router_says(&c, 1000);
    peer_acks_all(&c);
    app_writes(&c, 1460);
    expect_segment(&c, .seq = 2921, .len = 1460, .flags = ACK | PSH);
    expect_segment(&c, .seq = 2921, .len = 1460, .flags = ACK | PSH,
                   .within_ms = 500);
    close_conversation(&c);
}
END_TEST

/* RFC 1191 6.3: after 10 minutes the larger size is tried again. */
START_TEST(what_icmp_told_is_forgotten_after_ten_minutes)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 1460);
    expect_segment(&c, .len = 1460, .flags = ACK | PSH);
    router_says(&c, 1000);
    conversation_ignore_sent(&c);
    peer_acks_all(&c);
    advance(&c, 9 * MINUTE);
    full_segment_gets_through(&c, 960);
    advance(&c, 2 * MINUTE);
    full_segment_gets_through(&c, 1460);
    close_conversation(&c);
}
END_TEST

/* The cache is the destination's: others learn of it, old and new ones. */
START_TEST(other_connections_to_the_same_host_learn_of_it)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    full_segment_gets_through(&c, 1460);

    peer_uses_port(&c, PEER_PORT);
    app_writes(&c, 1460);
    expect_segment(&c, .len = 1460, .flags = ACK | PSH);
    router_says(&c, 1000);
    conversation_ignore_sent(&c);

    peer_uses_port(&c, PEER_PORT + 1);
    app_writes(&c, 1000);
    expect_segment(&c, .len = 960, .flags = ACK);
    expect_segment(&c, .len = 40, .flags = ACK | PSH);
    /* what we can take is another matter: RFC 6691 2 */
    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .mss = 1460);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    full_segment_gets_through(&c, 960);
    close_conversation(&c);
}
END_TEST

/* Where even 552 may be too much, routers fragment. */
START_TEST(the_smallest_size_goes_without_df)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 600);
    expect_segment(&c, .seq = 1, .len = 600, .flags = ACK | PSH);
    router_says(&c, 296);
    expect_segment(&c, .seq = 1, .len = 512, .flags = ACK);
    ck_assert(!c.last.df);
    expect_segment(&c, .seq = 513, .len = 88, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

START_TEST(without_discovery_df_is_clear_and_icmp_is_not_heard)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460, .no_pmtu_discovery = true);

    app_writes(&c, 1460);
    expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH);
    ck_assert(!c.last.df);
    router_says(&c, 1000);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* ---- IP_MTU_DISCOVER; measured on Linux --------------------------------- */

static void open_with(struct conversation *c, int discover)
{
    begin_conversation(c, .active = true, .mss = 1460);
    app_opens_socket(c);
    app_sets(c, IPPROTO_IP, IP_MTU_DISCOVER, discover);
    ck_assert_int_eq(app_tries_to_connect(c), -EINPROGRESS);
    expect_segment(c, .flags = SYN);
}

static void finish_open(struct conversation *c)
{
    peer_sends(c, .flags = SYN | ACK);
    expect_segment(c, .seq = 1, .ack = 1, .flags = ACK);
    app_writes(c, 1460);
    expect_segment(c, .seq = 1, .len = 1460, .flags = ACK | PSH);
}

START_TEST(df_goes_with_want_and_do_alone)
{
    for (int discover = IP_PMTUDISC_DONT; discover <= IP_PMTUDISC_OMIT;
         discover++) {
        bool df = discover == IP_PMTUDISC_WANT || discover == IP_PMTUDISC_DO;
        struct conversation c;
        open_with(&c, discover);

        ck_assert_int_eq(c.last.df, df);
        finish_open(&c);
        ck_assert_int_eq(c.last.df, df);
        close_conversation(&c);
    }
}
END_TEST

START_TEST(df_follows_the_option)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_sets(&c, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    full_segment_gets_through(&c, 100);
    ck_assert(!c.last.df);
    app_sets(&c, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    full_segment_gets_through(&c, 100);
    ck_assert(c.last.df);
    close_conversation(&c);
}
END_TEST

START_TEST(what_was_too_big_without_df_waits_for_its_timer)
{
    static const int modes[] = {IP_PMTUDISC_DONT, IP_PMTUDISC_INTERFACE,
                                IP_PMTUDISC_OMIT};

    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
        struct conversation c;
        open_with(&c, modes[i]);

        finish_open(&c);
        router_says(&c, 1000);
        expect_silence(&c);
        ck_assert_int_eq(app_gets(&c, IPPROTO_IP, IP_MTU), 1000);
        expect_segment(&c, .seq = 1, .len = 960, .flags = ACK,
                       .within_ms = 1100);
        ck_assert(!c.last.df);
        conversation_ignore_sent(&c);
        close_conversation(&c);
    }
}
END_TEST

START_TEST(with_probe_it_is_sent_again_at_once)
{
    struct conversation c;
    open_with(&c, IP_PMTUDISC_PROBE);

    finish_open(&c);
    router_says(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 960, .flags = ACK);
    ck_assert(!c.last.df);
    expect_segment(&c, .seq = 961, .len = 500, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

/* What may be cut on the way is not lost for its size. */
START_TEST(without_df_silence_changes_nothing)
{
    struct conversation c;
    open_with(&c, IP_PMTUDISC_DONT);

    finish_open(&c);
    for (int i = 0; i < 6; i++)
        expect_segment(&c, .seq = 1, .len = 1460, .flags = ACK | PSH,
                       .within_ms = 40000);
    close_conversation(&c);
}
END_TEST

/* ---- What silence tells ------------------------------------------------- */

/* Full-sized segments vanish; the first smaller one gets through. */
static void fall_into_black_hole(struct conversation *c)
{
    app_writes(c, 1460);
    expect_segment(c, .len = 1460, .flags = ACK | PSH);
    expect_segment(c, .len = 1460, .flags = ACK | PSH, .within_ms = 1000);
    expect_segment(c, .len = 1024, .flags = ACK, .within_ms = 2000);
    peer_acks_all_but(c, 436);
    expect_segment(c, .len = 436, .flags = ACK | PSH);
    peer_acks_all(c);
}

/* RFC 4821 7.7; a path that was down looks the same, so the full size is soon
 * tried again. */
START_TEST(two_time_outs_of_full_segments_make_them_smaller_for_a_while)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    fall_into_black_hole(&c);
    full_segment_gets_through(&c, 1024);
    advance(&c, 10000);
    full_segment_gets_through(&c, 1460);
    full_segment_gets_through(&c, 1460);
    close_conversation(&c);
}
END_TEST

/* A size that has got through is given up for a longer silence only: losses
 * alone make two time-outs in a row, on a bad link every few seconds. */
START_TEST(a_size_that_got_through_is_suspected_later)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    full_segment_gets_through(&c, 1460);
    app_writes(&c, 1460);
    for (int i = 0; i < 5; i++)
        expect_segment(&c, .len = 1460, .flags = ACK | PSH, .within_ms = 10000);
    expect_segment(&c, .len = 1024, .flags = ACK, .within_ms = 20000);
    peer_acks_all_but(&c, 436);
    expect_segment(&c, .len = 436, .flags = ACK | PSH);
    peer_acks_all(&c);
    full_segment_gets_through(&c, 1024);
    close_conversation(&c);
}
END_TEST

/* When the full size fails again it is the path: one time-out, ten minutes,
 * and other connections know. */
START_TEST(a_black_hole_that_shows_again_is_believed)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    fall_into_black_hole(&c);
    advance(&c, 11000);
    app_writes(&c, 1460);
    expect_segment(&c, .len = 1460, .flags = ACK | PSH);
    expect_segment(&c, .len = 1024, .flags = ACK, .within_ms = 2000);
    peer_acks_all_but(&c, 436);
    expect_segment(&c, .len = 436, .flags = ACK | PSH);
    peer_acks_all(&c);
    advance(&c, 9 * MINUTE);
    full_segment_gets_through(&c, 1024);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    full_segment_gets_through(&c, 1024);
    advance(&c, 2 * MINUTE);
    full_segment_gets_through(&c, 1460);
    close_conversation(&c);
}
END_TEST

/* The next step, and then it was not the size. */
START_TEST(where_small_ones_vanish_too_the_full_size_comes_back)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    app_writes(&c, 1460);
    expect_segment(&c, .len = 1460, .flags = ACK | PSH);
    expect_segment(&c, .len = 1460, .flags = ACK | PSH, .within_ms = 1000);
    expect_segment(&c, .len = 1024, .flags = ACK, .within_ms = 2000);
    expect_segment(&c, .len = 1024, .flags = ACK, .within_ms = 4000);
    expect_segment(&c, .len = 512, .flags = ACK, .within_ms = 8000);
    ck_assert(!c.last.df);
    expect_segment(&c, .len = 512, .flags = ACK, .within_ms = 16000);
    expect_segment(&c, .len = 1460, .flags = ACK | PSH, .within_ms = 30000);
    expect_segment(&c, .len = 1460, .flags = ACK | PSH, .within_ms = 60000);
    peer_acks_all(&c);
    full_segment_gets_through(&c, 1460);
    close_conversation(&c);
}
END_TEST

static void expect_the_same_size_for_ever(struct conversation *c, int64_t len)
{
    app_writes(c, (size_t)len);
    for (int i = 0; i < 5; i++)
        expect_segment(c, .len = len, .flags = ACK | PSH, .within_ms = 10000);
}

/* A segment that is not full-sized is no sign. */
START_TEST(time_outs_of_small_segments_change_nothing)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460);

    expect_the_same_size_for_ever(&c, 1200);
    close_conversation(&c);
}
END_TEST

/* RFC 4821 7.2: nearly every path takes 1024 bytes. */
START_TEST(a_usual_small_size_is_above_suspicion)
{
    struct conversation c;
    open_conversation(&c, .mss = 1024);

    expect_the_same_size_for_ever(&c, 1024);
    close_conversation(&c);
}
END_TEST

START_TEST(without_detection_the_size_stays)
{
    struct conversation c;
    open_conversation(&c, .mss = 1460, .no_black_hole_detection = true);

    expect_the_same_size_for_ever(&c, 1460);
    close_conversation(&c);
}
END_TEST

/* ---- MSS, RFC 6691 2 ---------------------------------------------------- */

/* What is announced counts no options; what is sent makes room for them. */
START_TEST(options_come_out_of_the_text_and_not_of_the_mss)
{
    struct conversation c;
    begin_conversation(&c, .active = true, .mss = 1000, .timestamps = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN, .mss = 1460);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_writes(&c, 2000);
    expect_segment(&c, .len = 988, .flags = ACK);
    expect_segment(&c, .len = 988, .flags = ACK);
    expect_segment(&c, .len = 24, .flags = ACK | PSH);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp path mtu", what_was_too_big_is_sent_again_in_the_size_that_fits,
          a_burst_of_messages_resends_the_flight_once,
          the_window_has_as_many_segments_as_before,
          a_router_that_does_not_say_is_answered_with_plateaus,
          a_larger_mtu_is_not_believed,
          a_size_that_got_through_is_not_given_up_for_a_message_alone,
          a_message_that_progress_refutes_is_forgotten,
          what_icmp_told_is_forgotten_after_ten_minutes,
          other_connections_to_the_same_host_learn_of_it,
          the_smallest_size_goes_without_df,
          without_discovery_df_is_clear_and_icmp_is_not_heard,
          df_goes_with_want_and_do_alone, df_follows_the_option,
          what_was_too_big_without_df_waits_for_its_timer,
          with_probe_it_is_sent_again_at_once,
          without_df_silence_changes_nothing,
          two_time_outs_of_full_segments_make_them_smaller_for_a_while,
          a_size_that_got_through_is_suspected_later,
          a_black_hole_that_shows_again_is_believed,
          where_small_ones_vanish_too_the_full_size_comes_back,
          time_outs_of_small_segments_change_nothing,
          a_usual_small_size_is_above_suspicion,
          without_detection_the_size_stays,
          options_come_out_of_the_text_and_not_of_the_mss)
