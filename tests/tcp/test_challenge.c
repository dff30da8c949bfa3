/*
 * Challenge ACKs, RFC 5961 7: how many one connection sends, how many all of
 * them together, and that nobody learns from their number what others have
 * sent (CVE-2016-5696).
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static void open_from(struct conversation *c, unsigned port)
{
    peer_uses_port(c, port);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .flags = SYN | ACK);
    peer_sends(c, .flags = ACK);
    app_accepts(c);
}

/* From so many ports, the first of which is PEER_PORT. */
static void open_many(struct conversation *c, unsigned count)
{
    app_listens(c);
    for (unsigned i = 0; i < count; i++)
        open_from(c, PEER_PORT + i);
}

/* An RST in the window, but not at RCV.NXT: RFC 5961 3.2. */
static void guess_reset(struct conversation *c, unsigned port)
{
    peer_uses_port(c, port);
    peer_sends(c, .seq = 100, .flags = RST);
}

/* How many ACKs come back when each of the connections gets so many. */
static unsigned count_challenges(struct conversation *c, unsigned connections,
                                 unsigned guesses)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < guesses; i++)
        for (unsigned j = 0; j < connections; j++) {
            guess_reset(c, PEER_PORT + j);
            sum += conversation_waiting(c);
            conversation_ignore_sent(c);
        }
    return sum;
}

/* ---- one connection ---- */

START_TEST(a_connection_sends_ten_in_a_second)
{
    struct conversation c;
    open_conversation(&c);

    ck_assert_uint_eq(count_challenges(&c, 1, 100), 10);
    advance(&c, 999);
    ck_assert_uint_eq(count_challenges(&c, 1, 100), 0);
    advance(&c, 1);
    ck_assert_uint_eq(count_challenges(&c, 1, 100), 10);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->challenge_acks, 20);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->challenge_acks_withheld, 280);
    close_conversation(&c);
}
END_TEST

/* RFC 5961 7 (1): "in any 5 second window, no more than 10". */
START_TEST(number_and_time_may_be_set)
{
    struct conversation c;
    open_conversation(&c, .challenge_acks = 3, .challenge_interval_ms = 5000);

    ck_assert_uint_eq(count_challenges(&c, 1, 100), 3);
    advance(&c, 4999);
    ck_assert_uint_eq(count_challenges(&c, 1, 100), 0);
    advance(&c, 1);
    ck_assert_uint_eq(count_challenges(&c, 1, 100), 3);
    close_conversation(&c);
}
END_TEST

/* RFC 5961 3.2, 4.2 and 5.2 count together; a SYN may be anywhere. */
START_TEST(reset_syn_and_ack_share_one_count)
{
    struct conversation c;
    open_conversation(&c, .challenge_acks = 3);

    peer_sends(&c, .seq = 100, .flags = RST);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 100, .flags = SYN);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 1, .ack = 1000000, .flags = ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    peer_sends(&c, .seq = 100, .flags = RST);
    peer_sends(&c, .seq = 100, .flags = SYN);
    peer_sends(&c, .seq = 1000000, .flags = SYN);
    peer_sends(&c, .seq = 1, .ack = 1000000, .flags = ACK);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

/* ---- all of them ---- */

/* 63 connections and their listener share 128. */
START_TEST(all_connections_together_keep_to_the_limit)
{
    struct conversation c;
    begin_conversation(&c, .challenge_acks_all = 128);
    open_many(&c, 63);

    for (unsigned second = 0; second < 3; second++) {
        ck_assert_uint_eq(count_challenges(&c, 63, 20), 2 * 63);
        advance(&c, 1000);
    }
    close_conversation(&c);
}
END_TEST

/* 255 connections and their listener share 64 in a second: each has one in four
 * seconds. */
START_TEST(a_part_of_less_than_one_is_one_in_a_longer_time)
{
    struct conversation c;
    unsigned sum;

    begin_conversation(&c, .challenge_acks_all = 64, .backlog = 256);
    open_many(&c, 255);
    sum = count_challenges(&c, 255, 1);
    ck_assert_uint_eq(sum, 255); /* nobody is left without an answer */
    for (unsigned second = 1; second < 40; second++) {
        advance(&c, 1000);
        sum += count_challenges(&c, 255, 2);
    }
    ck_assert_uint_eq(sum, 10 * 255);
    close_conversation(&c);
}
END_TEST

/* That is between the two ends, and would otherwise end connections. */
START_TEST(a_keepalive_is_answered_however_many_connections_there_are)
{
    struct conversation c;

    begin_conversation(&c, .challenge_acks_all = 1, .backlog = 256);
    open_many(&c, 256);
    for (unsigned second = 0; second < 20; second++) {
        peer_sends(&c, .seq = 0, .flags = ACK);
        expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
        advance(&c, 1000);
    }
    close_conversation(&c);
}
END_TEST

/* ---- what others see ---- */

enum {
    VICTIM = PEER_PORT,        /* the first of these connections */
    VICTIMS = 40,              /* whose sequence numbers are guessed */
    NOBODY = PEER_PORT + 1000, /* the first of so many without a connection */
    ATTACKER = PEER_PORT + 500 /* his own connection */
};

/* What the attacker sends under the names of others, and whether it meets. */
enum guess { GUESS_PORT, GUESS_SEQ, GUESS_ACK };

static void guess(struct conversation *c, enum guess what, bool right)
{
    for (unsigned i = 0; i < VICTIMS; i++) {
        peer_uses_port(c, (what == GUESS_PORT && !right ? NOBODY : VICTIM) + i);
        if (what == GUESS_PORT)
            peer_sends(c, .seq = 5000, .flags = SYN);
        else if (what == GUESS_SEQ)
            peer_sends(c, .seq = right ? 5000 : 5000000, .flags = RST);
        else
            peer_sends(c, .seq = 1, .ack = right ? 1 : 5000000, .flags = ACK);
    }
    conversation_ignore_sent(c); /* this he does not see */
}

/* He provokes as many challenges as he can and notes what comes and when. */
static void look(struct conversation *c, FILE *seen)
{
    for (unsigned i = 0; i < 20; i++) {
        guess_reset(c, ATTACKER);
        for (; conversation_waiting(c) > 0; conversation_forget(c))
            fprintf(seen, "%lld: %u\n", (long long)conversation_peek(c)->sent,
                    conversation_peek(c)->flags);
    }
}

/* The text is the caller's to free. */
static char *what_the_attacker_sees(enum guess what, bool right)
{
    struct conversation c;
    char *text;
    size_t size;
    FILE *seen = open_memstream(&text, &size);

    /* a common count would be used up by one guess at all victims */
    begin_conversation(&c, .challenge_acks_all = VICTIMS);
    open_many(&c, VICTIMS);
    open_from(&c, ATTACKER);
    for (unsigned second = 0; second < 10; second++) {
        for (unsigned i = 0; i < 5; i++) {
            guess(&c, what, right);
            look(&c, seen);
            advance(&c, 100);
            conversation_ignore_sent(&c);
        }
        look(&c, seen);
        advance(&c, 500);
        conversation_ignore_sent(&c);
    }
    close_conversation(&c);
    fclose(seen);
    return text;
}

static void check_guess(enum guess what)
{
    char *right = what_the_attacker_sees(what, true);
    char *wrong = what_the_attacker_sees(what, false);

    ck_assert_uint_gt(strlen(right), 0);
    ck_assert_str_eq(right, wrong);
    free(right);
    free(wrong);
}

/* CVE-2016-5696: is there a connection between these two ports? */
START_TEST(nobody_learns_by_counting_whether_there_is_a_connection)
{
    check_guess(GUESS_PORT);
}
END_TEST

/* Is this number in its window? */
START_TEST(nobody_learns_by_counting_where_the_window_is)
{
    check_guess(GUESS_SEQ);
}
END_TEST

/* Has this been sent? */
START_TEST(nobody_learns_by_counting_what_was_sent)
{
    check_guess(GUESS_ACK);
}
END_TEST

/* ---- records ---- */

/* 5 records may there be, and 10 in a second. */
START_TEST(a_half_open_connection_has_its_part)
{
    struct conversation c;
    begin_conversation(&c, .challenge_acks_all = 10, .max_half_open = 5);
    app_listens(&c);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);

    ck_assert_uint_eq(count_challenges(&c, 1, 20), 2);
    ck_assert_uint_eq(stack_tcp_stats(c.stack)->challenge_acks_withheld, 18);
    expect_segment(&c, .flags = SYN | ACK, .after_ms = 1000);
    ck_assert_uint_eq(count_challenges(&c, 1, 20), 2);
    close_conversation(&c);
}
END_TEST

/* 20 records may there be, each for 60 s, and one in a second. */
START_TEST(a_connection_in_time_wait_has_its_part)
{
    struct conversation c;
    open_conversation(&c, .challenge_acks_all = 1, .max_time_wait = 20);
    app_closes(&c);
    expect_segment(&c, .flags = FIN | ACK);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);

    ck_assert_uint_eq(count_challenges(&c, 1, 20), 3);
    advance(&c, 59000);
    ck_assert_uint_eq(count_challenges(&c, 1, 20), 0);
    peer_sends(&c, .seq = 1, .flags = FIN | ACK); /* that is no challenge */
    expect_segment(&c, .seq = 2, .ack = 2, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* Somebody begins half-open connections under all kinds of names: the parts
 * stay as they were. */
START_TEST(a_part_does_not_tell_how_many_records_there_are)
{
    struct conversation c;
    begin_conversation(&c, .challenge_acks_all = 20, .max_half_open = 100);
    open_many(&c, 3);

    ck_assert_uint_eq(count_challenges(&c, 3, 20), 3 * 5);
    advance(&c, 1000);
    peer_floods(&c, 90);
    ck_assert_uint_eq(count_challenges(&c, 3, 20), 3 * 5);
    close_conversation(&c);
}
END_TEST

/* ---- RST in answer to what belongs to nothing ---- */

static unsigned count_resets(struct conversation *c, unsigned segments)
{
    unsigned sum;

    for (unsigned i = 0; i < segments; i++)
        peer_sends(c, .seq = 1, .ack = 1, .flags = ACK);
    sum = conversation_waiting(c);
    conversation_ignore_sent(c);
    return sum;
}

/* A common limit would tell of connections, too: whoever uses it up sees
 * whether what he sent in another's name was answered by an RST. As Linux. */
START_TEST(resets_are_not_limited)
{
    struct conversation c;
    begin_conversation(&c);

    c.peer->stack_port = 80;
    for (unsigned i = 0; i < 20; i++)
        ck_assert_uint_eq(count_resets(&c, 1000), 1000);
    close_conversation(&c);
}
END_TEST

START_TEST(resets_may_be_limited)
{
    struct conversation c;
    begin_conversation(&c, .resets_per_second = 5);

    c.peer->stack_port = 80;
    ck_assert_uint_eq(count_resets(&c, 100), 5);
    ck_assert_uint_eq(c.drops[DROP_TCP_RATE_LIMIT], 95);
    advance(&c, 1000);
    ck_assert_uint_eq(count_resets(&c, 100), 5);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp challenge", a_connection_sends_ten_in_a_second,
          number_and_time_may_be_set, reset_syn_and_ack_share_one_count,
          all_connections_together_keep_to_the_limit,
          a_part_of_less_than_one_is_one_in_a_longer_time,
          a_keepalive_is_answered_however_many_connections_there_are,
          nobody_learns_by_counting_whether_there_is_a_connection,
          nobody_learns_by_counting_where_the_window_is,
          nobody_learns_by_counting_what_was_sent,
          a_half_open_connection_has_its_part,
          a_connection_in_time_wait_has_its_part,
          a_part_does_not_tell_how_many_records_there_are,
          resets_are_not_limited, resets_may_be_limited)
