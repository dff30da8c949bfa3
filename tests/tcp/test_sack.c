/*
 * SACK: RFC 2018 (what a receiver tells, what a sender makes of it), RFC 2883
 * (duplicates), RFC 6675 5.1 (reneging). When a loss is found is in
 * test_rack.c.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

/* Full-sized segments from `seq` up to `end`, in order, and no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_silence(c);
}

/* The peer has sent 3,000 to 3,999 last, and it is acknowledged: where the
 * examples of RFC 2883 begin. Its numbers there are ours less 1. */
static void begin_example(struct conversation *c, int64_t ack)
{
    peer_sends(c, .seq = 1, .len = ack - 1, .flags = ACK);
    expect_segment(c, .ack = ack, .flags = ACK, .after_ms = 0, .within_ms = 50);
}

/* ---- the receiver: RFC 2018 ---- */

/* RFC 2018 2: both must have said so. */
START_TEST(without_sack_permitted_no_block_is_sent)
{
    struct conversation c;
    open_conversation(&c);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(when_switched_off_sack_is_not_agreed_to)
{
    struct conversation c;
    begin_conversation(&c, .sack = true, .no_sack = true);
    app_listens(&c);

    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK, .options = "mss");
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(the_client_agrees_on_sack_too)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .active = true);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    close_conversation(&c);
}
END_TEST

/* RFC 2018 7, case 1 and 2: the first four of eight segments of 500 arrive,
 * the last four do not; then the first is lost and seven arrive. */
START_TEST(example_of_rfc_2018_the_first_segment_is_lost)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 5001);
    for (int64_t seq = 5501; seq <= 8501; seq += 500) {
        peer_sends(&c, .seq = seq, .len = 500, .flags = ACK);
        expect_segment(&c, .ack = 5001, .flags = ACK,
                       .sack = {{5501, seq + 500}});
    }
    close_conversation(&c);
}
END_TEST

/* RFC 2018 7, case 3: the second, fourth, sixth and eighth are lost; then the
 * fourth comes, and the second. */
START_TEST(example_of_rfc_2018_every_second_segment_is_lost)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 5001);
    peer_sends(&c, .seq = 5001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 5501, .flags = ACK, .after_ms = 40);
    peer_sends(&c, .seq = 6001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 5501, .flags = ACK, .sack = {{6001, 6501}});
    peer_sends(&c, .seq = 7001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 5501, .flags = ACK,
                   .sack = {{7001, 7501}, {6001, 6501}});
    peer_sends(&c, .seq = 8001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 5501, .flags = ACK,
                   .sack = {{8001, 8501}, {7001, 7501}, {6001, 6501}});

    peer_sends(&c, .seq = 6501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 5501, .flags = ACK,
                   .sack = {{6001, 7501}, {8001, 8501}});
    peer_sends(&c, .seq = 5501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 7501, .flags = ACK, .sack = {{8001, 8501}});
    close_conversation(&c);
}
END_TEST

/* RFC 2018 4: as many of the most recently reported blocks as there is room
 * for, and each only once, so that a lost ACK does no harm. */
START_TEST(older_blocks_are_repeated_while_one_block_grows)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    peer_sends(&c, .seq = 1001, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{1001, 1101}});
    peer_sends(&c, .seq = 2001, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK,
                   .sack = {{2001, 2101}, {1001, 1101}});
    for (int64_t seq = 2101; seq <= 3001; seq += 100) {
        peer_sends(&c, .seq = seq, .len = 100, .flags = ACK);
        expect_segment(&c, .ack = 1, .flags = ACK,
                       .sack = {{2001, seq + 100}, {1001, 1101}});
    }
    close_conversation(&c);
}
END_TEST

/* RFC 2018 3: four blocks fill the options. */
START_TEST(four_blocks_are_the_most)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    for (int64_t seq = 1001; seq <= 6001; seq += 1000)
        peer_sends(&c, .seq = seq, .len = 100, .flags = ACK);
    for (int i = 0; i < 5; i++)
        expect_segment(&c, .ack = 1, .flags = ACK, .any_sack = true);
    expect_segment(
        &c, .ack = 1, .flags = ACK,
        .sack = {{6001, 6101}, {5001, 5101}, {4001, 4101}, {3001, 3101}},
        .options = "nop,nop,sack");
    close_conversation(&c);
}
END_TEST

START_TEST(beside_timestamps_three_blocks_are_the_most)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .timestamps = true);

    for (int64_t seq = 1001; seq <= 6001; seq += 1000)
        peer_sends(&c, .seq = seq, .len = 100, .flags = ACK);
    for (int i = 0; i < 5; i++)
        expect_segment(&c, .ack = 1, .flags = ACK, .any_sack = true);
    expect_segment(&c, .ack = 1, .flags = ACK,
                   .sack = {{6001, 6101}, {5001, 5101}, {4001, 4101}},
                   .options = "nop,nop,TS,nop,nop,sack");
    close_conversation(&c);
}
END_TEST

START_TEST(when_all_has_arrived_no_block_is_sent)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    peer_sends(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 2001, .flags = ACK);
    peer_sends(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 3001, .flags = ACK, .after_ms = 0,
                   .within_ms = 50);
    app_reads(&c, 3000);
    close_conversation(&c);
}
END_TEST

/* RFC 2018 3 and RFC 6691: blocks go into segments with text as well, and the
 * text makes room for them (each segment is held to the peer's MSS). */
START_TEST(segments_with_text_carry_blocks_and_are_shorter_for_it)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    peer_sends(&c, .seq = 1001, .len = 100, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{1001, 1101}});
    app_writes(&c, 2000);
    expect_segment(&c, .seq = 1, .len = 988, .flags = ACK,
                   .sack = {{1001, 1101}});
    expect_segment(&c, .seq = 989, .len = 988, .flags = ACK,
                   .sack = {{1001, 1101}});
    expect_segment(&c, .seq = 1977, .len = 24, .flags = ACK | PSH,
                   .sack = {{1001, 1101}});
    peer_sends(&c, .ack = 2001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(numbers_of_blocks_wrap)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .iss = 0xffffffff - 1500);

    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    peer_sends(&c, .seq = 3001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK,
                   .sack = {{3001, 4001}, {1001, 2001}});
    close_conversation(&c);
}
END_TEST

/* ---- the receiver: RFC 2883 ---- */

/* RFC 2883 4.1.1 */
START_TEST(dsack_example_1_a_duplicate_segment)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 4001);
    peer_sends(&c, .seq = 3001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK, .sack = {{3001, 3501}});
    close_conversation(&c);
}
END_TEST

/* RFC 2883 4.1.2 */
START_TEST(dsack_example_2_beside_a_segment_out_of_order)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 4001);
    peer_sends(&c, .seq = 4501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK, .sack = {{4501, 5001}});
    peer_sends(&c, .seq = 3001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK,
                   .sack = {{3001, 3501}, {4501, 5001}});
    close_conversation(&c);
}
END_TEST

/* RFC 2883 4.1.3, and 4 (2): it is told once. */
START_TEST(dsack_example_3_a_duplicate_of_one_out_of_order)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 4001);
    peer_sends(&c, .seq = 4501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK, .sack = {{4501, 5001}});
    peer_sends(&c, .seq = 5001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK, .sack = {{4501, 5501}});
    peer_sends(&c, .seq = 5001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK,
                   .sack = {{5001, 5501}, {4501, 5501}});

    peer_sends(&c, .seq = 5501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK, .sack = {{4501, 6001}});
    close_conversation(&c);
}
END_TEST

/* RFC 2883 4.2.1 */
START_TEST(dsack_example_4_a_duplicate_part)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 1001);
    peer_sends(&c, .seq = 2001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK, .sack = {{2001, 2501}});
    peer_sends(&c, .seq = 1001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1501, .flags = ACK, .sack = {{2001, 2501}});
    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 2501, .flags = ACK, .sack = {{1001, 1501}});
    close_conversation(&c);
}
END_TEST

/* RFC 2883 4.2.2: the first of two duplicate parts. */
START_TEST(dsack_example_5_two_duplicate_parts_below_the_ack)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 1001);
    peer_sends(&c, .seq = 3001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK, .sack = {{3001, 3501}});
    peer_sends(&c, .seq = 1001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1501, .flags = ACK, .sack = {{3001, 3501}});
    peer_sends(&c, .seq = 2001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1501, .flags = ACK,
                   .sack = {{2001, 2501}, {3001, 3501}});
    peer_sends(&c, .seq = 1001, .len = 1500, .flags = ACK);
    expect_segment(&c, .ack = 2501, .flags = ACK,
                   .sack = {{1001, 1501}, {3001, 3501}});
    close_conversation(&c);
}
END_TEST

/* RFC 2883 4.2.3; the second segment is 2,500 to 2,999, as the text has it. */
START_TEST(dsack_example_6_two_duplicate_parts_above_the_ack)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 1001);
    peer_sends(&c, .seq = 3501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK, .sack = {{3501, 4001}});
    peer_sends(&c, .seq = 1501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK,
                   .sack = {{1501, 2001}, {3501, 4001}});
    peer_sends(&c, .seq = 2501, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK,
                   .sack = {{2501, 3001}, {1501, 2001}, {3501, 4001}});
    peer_sends(&c, .seq = 1501, .len = 1500, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK,
                   .sack = {{1501, 2001}, {1501, 3001}, {3501, 4001}});
    close_conversation(&c);
}
END_TEST

/* RFC 2883 4.2: the first duplicate part, wherever in the segment it is. */
START_TEST(a_duplicate_part_behind_new_text_is_told)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    peer_sends(&c, .seq = 2001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK, .sack = {{2001, 2501}});
    peer_sends(&c, .seq = 1501, .len = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1, .flags = ACK,
                   .sack = {{2001, 2501}, {1501, 2501}});
    peer_sends(&c, .seq = 1, .len = 1700, .flags = ACK);
    expect_segment(&c, .ack = 2501, .flags = ACK, .sack = {{1501, 1701}});
    close_conversation(&c);
}
END_TEST

START_TEST(when_switched_off_duplicates_are_not_told)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .no_dsack = true);

    begin_example(&c, 4001);
    peer_sends(&c, .seq = 3001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK);
    peer_sends(&c, .seq = 5001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK, .sack = {{5001, 5501}});
    peer_sends(&c, .seq = 5001, .len = 500, .flags = ACK);
    expect_segment(&c, .ack = 4001, .flags = ACK, .sack = {{5001, 5501}});
    close_conversation(&c);
}
END_TEST

/* Nothing has come twice: an empty block would say so. */
START_TEST(a_keepalive_without_text_is_no_duplicate)
{
    struct conversation c;
    open_conversation(&c, .sack = true);

    begin_example(&c, 1001);
    peer_sends(&c, .seq = 1000, .flags = ACK);
    expect_segment(&c, .ack = 1001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* ---- the sender ---- */

START_TEST(only_the_holes_are_sent_again)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK,
               .sack = {{1001, 2001}, {3001, 4001}, {5001, 10001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 4001, .len = 1000, .flags = ACK);
    expect_silence(&c);

    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    expect_silence_for(&c, 2000);
    close_conversation(&c);
}
END_TEST

/* RFC 2018 5: blocks tell the same again and again, in any order, and grow. */
START_TEST(blocks_that_are_repeated_change_nothing)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 5001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    for (int i = 0; i < 5; i++)
        peer_sends(&c, .ack = 1, .flags = ACK,
                   .sack = {{4001, 5001}, {1001, 2001}, {1001, 5001}});
    expect_silence(&c);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* Blocks that cannot be: above SND.NXT, reaching over it, below SND.UNA,
 * backwards, empty, 2 GiB away. Nothing is lost by their word, and nothing
 * counts as arrived. */
START_TEST(blocks_that_cannot_be_are_not_believed)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 10);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{10001, 14001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{9001, 14001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{5001, 1001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{5001, 5001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1, 9001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{-4000, 9001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{2147489001, 2147490001}});
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{5001, 2147490001}});
    expect_silence_for(&c, 180);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

START_TEST(an_ack_without_agreement_may_carry_blocks_in_vain)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100);

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    expect_silence_for(&c, 150);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 2018 8: what was selectively acknowledged stays in the send buffer; if
 * the peer has thrown it away, the time-out sends it again. */
START_TEST(what_the_peer_takes_back_is_sent_again_after_a_timeout)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 4001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK); /* all the rest is gone */
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 600);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    expect_segment(&c, .seq = 2001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 3001, .len = 1000, .flags = ACK | PSH);
    advance(&c, 100);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 6675 5.1: where nothing says that the peer has thrown it away, what was
 * selectively acknowledged is not sent again after a time-out. */
START_TEST(a_timeout_does_not_forget_the_blocks)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 5001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{2001, 5001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 0,
                   .within_ms = 600);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK, .sack = {{2001, 5001}});
    expect_segment(&c, .seq = 1001, .len = 1000, .flags = ACK);
    advance(&c, 100);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    expect_silence_for(&c, 5000);
    close_conversation(&c);
}
END_TEST

/* CVE-2019-11477, 11478: a small MSS, and a block for every second byte. What
 * is remembered of it is bounded, and so is the work; all arrives. */
START_TEST(thousands_of_tiny_blocks_are_bounded_in_memory)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .mss = 48,
                      .initial_window = 600);
    size_t before;

    app_writes(&c, 28800);
    ck_assert_uint_eq(conversation_waiting(&c), 600);
    conversation_ignore_sent(&c);
    before = c.memory.used;
    advance(&c, 50);
    for (int64_t at = 28799; at > 8; at -= 8) {
        peer_sends(&c, .ack = 1, .flags = ACK,
                   .sack = {{at, at + 1},
                            {at - 2, at - 1},
                            {at - 4, at - 3},
                            {at - 6, at - 5}});
        conversation_ignore_sent(&c);
    }
    ck_assert_uint_lt(c.memory.used - before, (size_t)256 * 1024);
    advance(&c, 100);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 28801, .flags = ACK);
    conversation_ignore_sent(&c);
    expect_silence_for(&c, 5000);
    app_writes(&c, 48);
    expect_segment(&c, .seq = 28801, .len = 48, .flags = ACK | PSH);
    peer_sends(&c, .ack = 28849, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* The same for the receiver: tiny segments with holes between them. */
START_TEST(thousands_of_tiny_segments_are_bounded_in_memory)
{
    struct conversation c;
    open_conversation(&c, .sack = true);
    size_t before = 0;

    for (int64_t seq = 3; seq < 12000; seq += 2) {
        peer_sends(&c, .seq = seq, .len = 1, .flags = ACK);
        conversation_ignore_sent(&c);
        if (seq == 3)
            before = c.memory.used;
    }
    ck_assert_uint_lt(c.memory.used - before, (size_t)256 * 1024);
    peer_sends(&c, .seq = 1, .len = 2, .flags = ACK);
    conversation_ignore_sent(&c);
    app_reads(&c, 3);
    close_conversation(&c);
}
END_TEST

/* A SACK option with a wrong length makes the segment a bad one. */
START_TEST(an_option_of_a_wrong_length_drops_the_segment)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100);

    app_writes(&c, 1000);
    expect_flight(&c, 1, 1001);
    peer_sends(&c, .ack = 1001, .flags = ACK, .options = "\5\2\0\0",
               .options_len = 4);
    peer_sends(&c, .ack = 1001, .flags = ACK, .options = "\5\11\0\0\0\0\0\0\0",
               .options_len = 9);
    peer_sends(&c, .ack = 1001, .flags = ACK,
               .options = "\1\1\5\22\0\0\0\0\0\0\0\0", .options_len = 12);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH, .after_ms = 0,
                   .within_ms = 400); /* nothing was acknowledged */
    peer_sends(&c, .ack = 1001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp sack", without_sack_permitted_no_block_is_sent,
          when_switched_off_sack_is_not_agreed_to,
          the_client_agrees_on_sack_too,
          example_of_rfc_2018_the_first_segment_is_lost,
          example_of_rfc_2018_every_second_segment_is_lost,
          older_blocks_are_repeated_while_one_block_grows,
          four_blocks_are_the_most, beside_timestamps_three_blocks_are_the_most,
          when_all_has_arrived_no_block_is_sent,
          segments_with_text_carry_blocks_and_are_shorter_for_it,
          numbers_of_blocks_wrap, dsack_example_1_a_duplicate_segment,
          dsack_example_2_beside_a_segment_out_of_order,
          dsack_example_3_a_duplicate_of_one_out_of_order,
          dsack_example_4_a_duplicate_part,
          dsack_example_5_two_duplicate_parts_below_the_ack,
          dsack_example_6_two_duplicate_parts_above_the_ack,
          a_duplicate_part_behind_new_text_is_told,
          when_switched_off_duplicates_are_not_told,
          a_keepalive_without_text_is_no_duplicate,
          only_the_holes_are_sent_again,
          blocks_that_are_repeated_change_nothing,
          blocks_that_cannot_be_are_not_believed,
          an_ack_without_agreement_may_carry_blocks_in_vain,
          what_the_peer_takes_back_is_sent_again_after_a_timeout,
          a_timeout_does_not_forget_the_blocks,
          thousands_of_tiny_blocks_are_bounded_in_memory,
          thousands_of_tiny_segments_are_bounded_in_memory,
          an_option_of_a_wrong_length_drops_the_segment)
