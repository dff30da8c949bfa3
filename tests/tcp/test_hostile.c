/*
 * A peer that means no good: options that cannot be, acknowledgments of what
 * was never sent, SACK blocks that take the scoreboard apart. Nothing crashes,
 * each is dropped for a reason or answered as the RFC has it, and what it costs
 * is bounded. Flags in all states are in test_flags, forged ICMP in test_icmp,
 * windows that stay shut in test_data and test_close.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <string.h>

/* ---- options: RFC 9293 3.1, 3.2 ---- */

enum {
    SPACE = 40, /* for options */
    END = 0,
    NOP = 1,
    MSS = 2,
    WSCALE = 3,
    SACK_PERMITTED = 4,
    SACK = 5,
    TIMESTAMPS = 8,
    FAST_OPEN = 34 /* its cookie has a length of its own */
};

/* Whether an option of this kind may be so long: RFC 9293 3.2, RFC 7323 2.2,
 * 3.2, RFC 2018 2, 3; of all others only that length counts itself. */
static bool may_have_length(unsigned kind, unsigned len)
{
    switch (kind) {
    case MSS:
        return len == 4;
    case WSCALE:
        return len == 3;
    case SACK_PERMITTED:
        return len == 2;
    case SACK:
        return len >= 10 && len % 8 == 2;
    case TIMESTAMPS:
        return len == 10;
    default:
        return len >= 2;
    }
}

/* One option, the last `space` bytes of the header's; before it NOPs. */
static void put_option(char options[static SPACE], unsigned kind, unsigned len,
                       unsigned space)
{
    memset(options, NOP, SPACE - space);
    memset(options + SPACE - space, END, space);
    options[SPACE - space] = (char)kind;
    if (space > 1)
        options[SPACE - space + 1] = (char)len;
}

static bool is_whole(unsigned kind, unsigned len, unsigned space)
{
    return space > 1 && len <= space && may_have_length(kind, len);
}

/* One byte of text with this option is taken, or dropped for it. */
static void try_option(struct conversation *c, unsigned kind, unsigned len,
                       unsigned space)
{
    char options[SPACE];
    int64_t next = c->peer->next;

    put_option(options, kind, len, space);
    peer_sends(c, .len = 1, .flags = ACK, .options = options,
               .options_len = SPACE);
    if (is_whole(kind, len, space)) {
        expect_no_drops(c);
    } else {
        if (c->drops[DROP_TCP_BAD_OPTION] != 1)
            conversation_fail(c, "kind %u, length %u of %u was taken", kind,
                              len, space);
        expect_drops(c, TCP_BAD_OPTION, 1);
        c->peer->next = next;
    }
}

/* MUST-7: "prepared to handle an illegal option length (e.g., zero)"; MUST-6:
 * what is not known is stepped over by its length. */
START_TEST(each_kind_of_option_with_each_length_is_taken_or_dropped)
{
    static const unsigned spaces[] = {1, 2, 3, 4, 5, 9, 10, 18, 26, 34, 40};

    for (unsigned kind = MSS; kind < 256; kind++) {
        struct conversation c;

        if (kind == FAST_OPEN)
            continue;
        open_conversation(&c);
        for (unsigned len = 0; len < 256; len += len < SPACE + 2 ? 1 : 50)
            for (size_t i = 0; i < ARRAY_LENGTH(spaces); i++)
                try_option(&c, kind, len, spaces[i]);
        advance(&c, 40);
        conversation_ignore_sent(&c);
        app_reads(&c, (size_t)c.peer->next - 1);
        close_conversation(&c);
    }
}
END_TEST

static const unsigned known_kinds[] = {MSS, WSCALE, SACK_PERMITTED, SACK,
                                       TIMESTAMPS};

/* A SYN that is no good makes no record; the next one is served. */
START_TEST(a_syn_with_a_bad_option_is_dropped)
{
    struct conversation c;
    char options[SPACE];

    begin_conversation(&c);
    app_listens(&c);
    for (size_t i = 0; i < ARRAY_LENGTH(known_kinds); i++)
        for (unsigned len = 0; len <= SPACE + 1; len++) {
            if (is_whole(known_kinds[i], len, SPACE))
                continue;
            put_option(options, known_kinds[i], len, SPACE);
            peer_sends(&c, .seq = 0, .flags = SYN, .options = options,
                       .options_len = SPACE);
            expect_drops(&c, TCP_BAD_OPTION, 1);
        }
    expect_silence(&c);
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* Nor does a SYN,ACK end the attempt. */
START_TEST(a_syn_ack_with_a_bad_option_is_dropped)
{
    struct conversation c;
    char options[SPACE];

    begin_conversation(&c, .active = true);
    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    for (size_t i = 0; i < ARRAY_LENGTH(known_kinds); i++)
        for (unsigned len = 0; len <= SPACE + 1; len++) {
            if (is_whole(known_kinds[i], len, SPACE))
                continue;
            put_option(options, known_kinds[i], len, SPACE);
            peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK,
                       .options = options, .options_len = SPACE);
            expect_drops(&c, TCP_BAD_OPTION, 1);
        }
    expect_silence(&c);
    peer_sends(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* RFC 7323 2.2: "a Window Scale option in a segment without a SYN bit MUST be
 * ignored"; the same for MSS (MUST-65) and SACK-permitted (RFC 2018 2). */
START_TEST(what_belongs_on_a_syn_means_nothing_later)
{
    struct conversation c;
    open_conversation(&c, .mss = 1000);

    peer_sends(&c, .len = 10, .flags = ACK, .win = 3000,
               .options = "\2\4\0\144\3\3\7\1\4\2\1\1", .options_len = 12);
    expect_no_drops(&c);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    app_writes(&c, 5000);
    for (int64_t seq = 1; seq < 3001; seq += 1000)
        expect_segment(&c, .seq = seq, .len = 1000, .flags = ACK);
    expect_silence(&c); /* not 3,000 << 7 */
    peer_sends(&c, .seq = 111, .ack = 1, .len = 10, .flags = ACK);
    expect_segment(&c, .ack = 11, .flags = ACK); /* without a block */
    close_conversation(&c);
}
END_TEST

/* ---- acknowledgments: RFC 9293 3.10.7.4, RFC 5961 5.2 ---- */

/* What was sent is 1 to 1,000 of 32 bits; the peer's largest window 65,535. */
START_TEST(acks_of_what_was_never_sent_are_dropped)
{
    static const int64_t far[] = {1002,       1003,       2000,
                                  66536,      0x3fffffff, 0x40000000,
                                  0x7fffffff, 0x80000000};
    static const int64_t old[] = {-65535, -65536, -100000, -0x3fffffff,
                                  -0x7ffffc00};
    struct conversation c;
    open_conversation(&c, .challenge_acks = 100);

    app_writes(&c, 1000);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK | PSH);
    for (size_t i = 0; i < ARRAY_LENGTH(far); i++) {
        peer_sends(&c, .seq = 1, .ack = far[i], .len = 10, .flags = ACK);
        expect_segment(&c, .seq = 1001, .ack = 1, .flags = ACK);
        expect_drops(&c, TCP_BAD_ACK, 1);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(old); i++) {
        peer_sends(&c, .seq = 1, .ack = old[i], .len = 10, .flags = ACK);
        expect_segment(&c, .seq = 1001, .ack = 1, .flags = ACK);
        expect_drops(&c, TCP_OLD_ACK, 1);
    }
    app_fails_to_read(&c, EAGAIN);
    c.peer->acked = 1;
    peer_sends(&c, .seq = 1, .ack = -65534, .len = 10, .flags = ACK);
    expect_no_drops(&c); /* the oldest that is believed */
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    close_conversation(&c);
}
END_TEST

/* ---- SACK: CVE-2019-11477, 11478, 11479 ---- */

enum { TINY = 48, MANY = 20000 };

/* Half a megabyte in segments of 48 bytes, and each ACK takes the scoreboard
 * further apart: a block for every second byte, all over it. How many segments
 * an ACK lets go, and what is remembered of it all, does not grow with their
 * number. */
START_TEST(an_ack_that_takes_the_scoreboard_apart_costs_no_more_than_another)
{
    struct conversation c;
    unsigned largest_answer = 0;
    size_t before;

    open_conversation(&c, .sack = true, .rtt_ms = 100, .mss = TINY,
                      .initial_window = 1000, .window = 48000);
    app_writes(&c, 500000);
    conversation_ignore_sent(&c);
    before = c.memory.used;
    advance(&c, 50);
    for (unsigned i = 0; i < MANY; i++) {
        int64_t at = 8 + (int64_t)i * 7919 % 47000;

        peer_sends(&c, .ack = 1, .flags = ACK,
                   .sack = {{at, at + 1},
                            {at - 2, at - 1},
                            {at - 4, at - 3},
                            {at - 6, at - 5}});
        if (conversation_waiting(&c) > largest_answer)
            largest_answer = conversation_waiting(&c);
        conversation_ignore_sent(&c);
    }
    /* four bytes let go no more than that, and the fast retransmit */
    ck_assert_uint_le(largest_answer, 4);
    ck_assert_uint_lt(c.memory.used - before, (size_t)256 * 1024);
    peer_sends(&c, .ack = 48001, .flags = ACK);
    conversation_ignore_sent(&c);
    peer_sends(&c, .seq = 1, .flags = RST);
    app_fails_to_read(&c, ECONNRESET);
    close_conversation(&c);
}
END_TEST

/* Blocks outside of what is outstanding, inverted, empty: no news at all, so
 * nothing is sent again, and nothing is remembered. */
START_TEST(blocks_of_nothing_cost_nothing)
{
    struct conversation c;
    size_t before;

    open_conversation(&c, .sack = true, .rtt_ms = 100);
    app_writes(&c, 10000);
    conversation_ignore_sent(&c);
    before = c.memory.used;
    for (int64_t i = 0; i < MANY; i++)
        peer_sends(&c, .ack = 1, .flags = ACK,
                   .sack = {{10001 + i, 10002 + i},
                            {5001 + i % 1000, 5001 - i % 1000},
                            {9001, 10002 + i},
                            {-i, 1}});
    expect_silence(&c);
    ck_assert_uint_eq(c.memory.used, before);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* A time-out on top: what is sent again then is a window, not all the holes. */
START_TEST(a_timeout_with_a_scoreboard_in_pieces_sends_one_segment)
{
    struct conversation c;

    open_conversation(&c, .sack = true, .rtt_ms = 100, .mss = TINY,
                      .initial_window = 1000, .window = 48000);
    app_writes(&c, 48000);
    conversation_ignore_sent(&c);
    for (int64_t at = 47999; at > 8; at -= 8) {
        peer_sends(&c, .ack = 1, .flags = ACK,
                   .sack = {{at, at + 1},
                            {at - 2, at - 1},
                            {at - 4, at - 3},
                            {at - 6, at - 5}});
        conversation_ignore_sent(&c);
    }
    advance(&c, 290);
    conversation_ignore_sent(&c);
    advance(&c, 2000);
    ck_assert_uint_ge(conversation_waiting(&c), 1);
    ck_assert_uint_le(conversation_waiting(&c), TINY + 4);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 48001, .flags = ACK);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp hostile",
          each_kind_of_option_with_each_length_is_taken_or_dropped,
          a_syn_with_a_bad_option_is_dropped,
          a_syn_ack_with_a_bad_option_is_dropped,
          what_belongs_on_a_syn_means_nothing_later,
          acks_of_what_was_never_sent_are_dropped,
          an_ack_that_takes_the_scoreboard_apart_costs_no_more_than_another,
          blocks_of_nothing_cost_nothing,
          a_timeout_with_a_scoreboard_in_pieces_sends_one_segment)
