/*
 * TCP_INFO, field by field: each is brought to a value that can be worked out
 * by hand, with the meaning that it has in Linux.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <linux/tcp.h>
#include <netinet/in.h>

static struct tcp_info info_of(struct conversation *c)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    memset(&info, 0xff, sizeof(info));
    ck_assert_int_eq(stack_get_option(c->stack, c->now, c->peer->socket,
                                      IPPROTO_TCP, TCP_INFO, &info, &len),
                     0);
    ck_assert_uint_eq(len, sizeof(info));
    return info;
}

/* Segments of a thousand bytes from `seq` up to `end`, in order, no more. */
static void expect_flight(struct conversation *c, int64_t seq, int64_t end)
{
    for (; seq < end; seq += 1000)
        expect_segment(c, .seq = seq, .len = 1000, .flags = ACK,
                       .optional = PSH);
    expect_silence(c);
}

#define ck_field(info, field, value)                                           \
    ck_assert_msg((info).tcpi_##field == (value), #field " is %llu, not %llu", \
                  (unsigned long long)(info).tcpi_##field,                     \
                  (unsigned long long)(value))

/* ---- What the handshake has told ----------------------------------------- */

/* It took 100 ms: SRTT is that, RTTVAR half, and the RTO SRTT + 4 RTTVAR. With
 * timestamps 12 of 1,460 bytes are theirs. */
START_TEST(what_is_known_after_the_handshake)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c, .timestamps = true, .sack = true, .wscale = 7,
                      .mss = 1460, .rtt_ms = 100, .receive_buffer = 200000);

    info = info_of(&c);
    ck_field(info, state, 1); /* TCP_ESTABLISHED */
    ck_field(info, ca_state, TCP_CA_Open);
    ck_field(info, options,
             TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
    ck_field(info, snd_wscale, 7);
    ck_field(info, rcv_wscale, 2); /* 200,000 >> 2 is below 65,536 */
    ck_field(info, rtt, 100000);
    ck_field(info, rttvar, 50000);
    ck_field(info, rto, 300000);
    ck_field(info, min_rtt, 100000);
    ck_field(info, snd_mss, 1448);
    ck_field(info, advmss, 1448);
    ck_field(info, rcv_mss, 536); /* until something larger comes */
    ck_field(info, pmtu, 1500);
    ck_field(info, snd_cwnd, 10);
    ck_field(info, snd_ssthresh, INT32_MAX);
    ck_field(info, reordering, 3);
    ck_field(info, rcv_ssthresh, 200000);
    ck_field(info, rcv_space, 200000);
    ck_field(info, delivered, 1); /* our SYN */
    ck_field(info, pacing_rate, UINT64_MAX);
    ck_field(info, max_pacing_rate, UINT64_MAX);
    close_conversation(&c);
}
END_TEST

START_TEST(what_nothing_has_happened_for_is_zero)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c);

    info = info_of(&c);
    ck_field(info, options, 0);
    ck_field(info, retransmits, 0);
    ck_field(info, probes, 0);
    ck_field(info, backoff, 0);
    ck_field(info, snd_wscale, 0);
    ck_field(info, rcv_wscale, 0);
    ck_field(info, delivery_rate_app_limited, 0);
    ck_field(info, fastopen_client_fail, 0);
    ck_field(info, ato, 0); /* no text has come that could be delayed */
    ck_field(info, unacked, 0);
    ck_field(info, sacked, 0);
    ck_field(info, lost, 0);
    ck_field(info, retrans, 0);
    ck_field(info, fackets, 0);
    ck_field(info, last_ack_sent, 0); /* "Not remembered" */
    ck_field(info, rcv_rtt, 0);
    ck_field(info, total_retrans, 0);
    ck_field(info, bytes_acked, 0);
    ck_field(info, bytes_received, 0);
    ck_field(info, bytes_sent, 0);
    ck_field(info, bytes_retrans, 0);
    ck_field(info, notsent_bytes, 0);
    ck_field(info, data_segs_in, 0);
    ck_field(info, data_segs_out, 0);
    ck_field(info, delivery_rate, 0);
    ck_field(info, busy_time, 0);
    ck_field(info, rwnd_limited, 0);
    ck_field(info, sndbuf_limited, 0);
    ck_field(info, delivered_ce, 0);
    ck_field(info, dsack_dups, 0);
    ck_field(info, reord_seen, 0);
    ck_field(info, rcv_ooopack, 0);
    close_conversation(&c);
}
END_TEST

/* The kernel's numbers of the states: TCP_ESTABLISHED is 1, TCP_CLOSING 11. */
START_TEST(the_states_have_the_kernels_numbers)
{
    struct conversation c;
    begin_conversation(&c, .active = true);

    app_connects(&c);
    expect_segment(&c, .flags = SYN);
    ck_field(info_of(&c), state, 2); /* TCP_SYN_SENT */
    ck_field(info_of(&c), unacked, 1);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .flags = ACK);
    ck_field(info_of(&c), state, 1);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .flags = FIN | ACK);
    ck_field(info_of(&c), state, 4); /* TCP_FIN_WAIT1 */
    peer_sends(&c, .ack = 2, .flags = ACK);
    ck_field(info_of(&c), state, 5); /* TCP_FIN_WAIT2 */
    close_conversation(&c);

    open_conversation(&c);
    peer_sends(&c, .flags = FIN | ACK);
    expect_segment(&c, .flags = ACK);
    ck_field(info_of(&c), state, 8); /* TCP_CLOSE_WAIT */
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .flags = FIN | ACK);
    ck_field(info_of(&c), state, 9); /* TCP_LAST_ACK */
    close_conversation(&c);

    open_conversation(&c);
    app_shuts_down(&c, SHUT_WR);
    expect_segment(&c, .seq = 1, .flags = FIN | ACK);
    peer_sends(&c, .ack = 1, .flags = FIN | ACK);
    expect_segment(&c, .seq = 2, .flags = ACK);
    ck_field(info_of(&c), state, 11); /* TCP_CLOSING */
    close_conversation(&c);
}
END_TEST

/* Of a listener: how many wait to be accepted, and how many may. */
START_TEST(a_listener_tells_its_queue)
{
    struct conversation c;
    struct tcp_info info;
    begin_conversation(&c, .backlog = 5);

    app_listens(&c);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    c.peer->socket = c.listener;
    info = info_of(&c);
    ck_field(info, state, 10); /* TCP_LISTEN */
    ck_field(info, unacked, 1);
    ck_field(info, sacked, 5);
    app_accepts(&c);
    close_conversation(&c);
}
END_TEST

/* ---- Sending ------------------------------------------------------------- */

START_TEST(a_flight_goes_out_and_is_acknowledged)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c, .rtt_ms = 100, .window = 30000);

    app_writes(&c, 15000);
    expect_flight(&c, 1, 10001);
    advance(&c, 30);
    info = info_of(&c);
    ck_field(info, unacked, 10);
    ck_field(info, notsent_bytes, 5000);
    ck_field(info, bytes_sent, 10000);
    ck_field(info, data_segs_out, 10);
    ck_field(info, segs_out, 10); /* not the SYN,ACK, as in Linux */
    ck_field(info, segs_in, 2);
    ck_field(info, last_data_sent, 30);
    ck_field(info, busy_time, 30000);
    ck_field(info, snd_wnd, 30000);

    advance(&c, 70);
    peer_sends(&c, .ack = 8001, .flags = ACK, .win = 29000);
    expect_flight(&c, 10001, 15001);
    advance(&c, 20);
    info = info_of(&c);
    ck_field(info, unacked, 7);
    ck_field(info, notsent_bytes, 0);
    ck_field(info, bytes_acked, 8000);
    ck_field(info, delivered, 1 + 8);
    ck_field(info, snd_cwnd, 12); /* an ACK counts for two, RFC 3465 2.2 */
    ck_field(info, segs_in, 3);
    ck_field(info, last_data_sent, 20);
    ck_field(info, last_ack_recv, 20);
    ck_field(info, snd_wnd, 29000);
    ck_field(info, delivery_rate, 80000); /* 8,000 bytes in 100 ms */
    close_conversation(&c);
}
END_TEST

/* A FIN is no segment of its own, unless it goes alone. */
START_TEST(a_fin_with_text_is_one_segment_that_was_delivered)
{
    struct conversation c;
    open_conversation(&c);

    app_writes_with(&c, 1000, MSG_MORE);
    expect_segment(&c, .len = 1000, .flags = ACK, .optional = PSH);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    ck_field(info_of(&c), delivered, 1 + 1);
    app_writes_with(&c, 1000, 0);
    app_shuts_down(&c, SHUT_WR);
    conversation_ignore_sent(&c);
    peer_sends(&c, .ack = 2002, .flags = ACK);
    ck_field(info_of(&c), delivered, 1 + 2);
    ck_field(info_of(&c), bytes_acked, 2001); /* as Linux, the FIN counts */
    close_conversation(&c);
}
END_TEST

/* The window has no room while text waits; all of it is time with something
 * to send. */
START_TEST(time_that_the_receivers_window_takes)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c, .rtt_ms = 100, .window = 2000);

    app_writes(&c, 5000);
    expect_flight(&c, 1, 2001);
    advance(&c, 80);
    info = info_of(&c);
    ck_field(info, rwnd_limited, 80000);
    ck_field(info, sndbuf_limited, 0);
    ck_field(info, busy_time, 80000);
    peer_sends(&c, .ack = 2001, .win = 8000, .flags = ACK);
    expect_flight(&c, 2001, 5001);
    advance(&c, 20);
    info = info_of(&c);
    ck_field(info, rwnd_limited, 80000);
    ck_field(info, busy_time, 100000);
    peer_sends(&c, .ack = 5001, .flags = ACK);
    advance(&c, 500);
    ck_field(info_of(&c), busy_time, 100000);
    close_conversation(&c);
}
END_TEST

START_TEST(time_that_the_send_buffer_takes)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c, .rtt_ms = 100, .send_buffer = 4096);

    app_tries_to_write(&c, 5000);
    conversation_ignore_sent(&c);
    advance(&c, 60);
    info = info_of(&c);
    ck_field(info, sndbuf_limited, 60000);
    ck_field(info, rwnd_limited, 0);
    ck_field(info, busy_time, 60000);
    close_conversation(&c);
}
END_TEST

/* Above ssthresh / 2 pacing takes 120 % of cwnd / SRTT, in slow start 200 %;
 * and no more than the program allows. */
START_TEST(the_rates_of_pacing)
{
    struct conversation c;
    open_conversation(&c, .rtt_ms = 100, .pacing = true);

    app_writes(&c, 1000);
    expect_segment(&c, .len = 1000, .flags = ACK | PSH);
    advance(&c, 100);
    peer_sends(&c, .ack = 1001, .flags = ACK);
    ck_field(info_of(&c), snd_cwnd, 10); /* it was not used */
    ck_field(info_of(&c), pacing_rate, 2 * 10000 * 10);
    ck_field(info_of(&c), max_pacing_rate, UINT64_MAX);
    app_sets(&c, SOL_SOCKET, SO_MAX_PACING_RATE, 50000);
    ck_field(info_of(&c), pacing_rate, 50000);
    ck_field(info_of(&c), max_pacing_rate, 50000);
    close_conversation(&c);
}
END_TEST

/* ---- Receiving ----------------------------------------------------------- */

START_TEST(what_comes_in_order_and_out_of_it)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c, .sack = true);

    peer_sends(&c, .len = 1000, .flags = ACK);
    peer_sends(&c, .seq = 2001, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    advance(&c, 70);
    info = info_of(&c);
    ck_field(info, ato, 40000); /* what is delayed is so by so much */
    ck_field(info, rcv_mss, 1000);
    ck_field(info, data_segs_in, 2);
    ck_field(info, segs_in, 2 + 2);
    ck_field(info, bytes_received, 1000);
    ck_field(info, rcv_ooopack, 1);
    ck_field(info, last_data_recv, 70);
    ck_field(info, last_ack_recv, 70);
    peer_sends(&c, .seq = 1001, .len = 1000, .flags = ACK);
    conversation_ignore_sent(&c);
    ck_field(info_of(&c), bytes_received, 3000);
    ck_field(info_of(&c), rcv_ooopack, 1);
    ck_field(info_of(&c), last_data_recv, 0);
    close_conversation(&c);
}
END_TEST

/* Who only receives measures by what he reads: a window in a round trip. */
START_TEST(the_round_trip_time_of_a_receiver)
{
    struct conversation c;
    open_conversation(&c, .timestamps = true, .rtt_ms = 50, .wscale = 7);

    peer_sends(&c, .len = 900, .flags = ACK);
    advance(&c, 50);
    conversation_ignore_sent(&c);
    ck_assert_uint_eq(info_of(&c).tcpi_rcv_rtt, 0);
    for (unsigned i = 0; i < 3; i++) { /* each echoes what was sent before */
        for (unsigned k = 0; k < 80; k++)
            peer_sends(&c, .len = 900, .flags = ACK);
        app_reads(&c, (i == 0 ? 81 : 80) * 900);
        advance(&c, 50);
        conversation_ignore_sent(&c);
    }
    ck_field(info_of(&c), rcv_rtt, 50000);
    close_conversation(&c);
}
END_TEST

/* ---- Losses -------------------------------------------------------------- */

START_TEST(a_loss_and_its_repair)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .set = "tlp=off");

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 2001}});
    info = info_of(&c);
    ck_field(info, ca_state, TCP_CA_Disorder);
    ck_field(info, sacked, 1);
    ck_field(info, lost, 0);
    ck_field(info, delivered, 1 + 1);
    ck_field(info, bytes_acked, 0);

    peer_sends(&c, .ack = 1, .flags = ACK, .sack = {{1001, 10001}});
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK);
    info = info_of(&c);
    ck_field(info, ca_state, TCP_CA_Recovery);
    ck_field(info, unacked, 10);
    ck_field(info, sacked, 9);
    ck_field(info, lost, 1); /* as long as it has not arrived */
    ck_field(info, retrans, 1);
    ck_field(info, snd_ssthresh, 5);
    ck_field(info, total_retrans, 1);
    ck_field(info, bytes_retrans, 1000);
    ck_field(info, bytes_sent, 11000);
    ck_field(info, data_segs_out, 11);
    ck_field(info, delivered, 1 + 9);

    advance(&c, 100);
    peer_sends(&c, .ack = 10001, .flags = ACK);
    info = info_of(&c);
    ck_field(info, ca_state, TCP_CA_Open);
    ck_field(info, unacked, 0);
    ck_field(info, sacked, 0);
    ck_field(info, lost, 0);
    ck_field(info, retrans, 0);
    ck_field(info, total_retrans, 1);
    ck_field(info, bytes_acked, 10000);
    ck_field(info, delivered, 1 + 10);
    ck_field(info, snd_cwnd, 5);
    ck_field(info, reord_seen, 0);
    close_conversation(&c);
}
END_TEST

START_TEST(a_time_out_and_its_back_off)
{
    struct conversation c;
    struct tcp_info info;
    open_conversation(&c, .rtt_ms = 100, .set = "frto=off");

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    info = info_of(&c);
    ck_field(info, ca_state, TCP_CA_Loss);
    ck_field(info, retransmits, 1);
    ck_field(info, backoff, 1);
    ck_field(info, rto, 600000);
    ck_field(info, unacked, 4);
    ck_field(info, lost, 4);
    ck_field(info, retrans, 1);
    ck_field(info, snd_cwnd, 1);
    ck_field(info, snd_ssthresh, 2);
    close_conversation(&c);
}
END_TEST

/* How far what was late lay below the highest that had arrived: so much
 * reordering Linux bears with, 3 at least. */
static void arrives_late(struct conversation *c, int64_t from, int64_t to)
{
    peer_sends(c, .ack = from, .flags = ACK, .sack = {{from + 1000, to}});
    peer_sends(c, .ack = to, .flags = ACK);
}

START_TEST(reordering_is_told_by_its_distance)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .set = "tlp=off");

    app_writes(&c, 10000);
    expect_flight(&c, 1, 10001);
    advance(&c, 100);
    arrives_late(&c, 1, 3001); /* two came before it */
    ck_field(info_of(&c), reord_seen, 1);
    ck_field(info_of(&c), reordering, 3);
    arrives_late(&c, 3001, 10001); /* and six */
    ck_field(info_of(&c), reord_seen, 2);
    ck_field(info_of(&c), reordering, 7);
    ck_field(info_of(&c), delivered, 1 + 10);
    ck_field(info_of(&c), total_retrans, 0);
    close_conversation(&c);
}
END_TEST

/* RFC 4898: "The number of duplicate segments reported to the local host by
 * D-SACK blocks". What has come twice was delivered twice. */
START_TEST(what_came_twice_is_counted_in_segments)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .rtt_ms = 100, .set = "tlp=off");

    app_writes(&c, 4000);
    expect_flight(&c, 1, 4001);
    expect_segment(&c, .seq = 1, .len = 1000, .flags = ACK, .after_ms = 300);
    peer_sends(&c, .ack = 4001, .flags = ACK);
    ck_field(info_of(&c), dsack_dups, 0);
    ck_field(info_of(&c), delivered, 1 + 4);
    peer_sends(&c, .ack = 4001, .flags = ACK, .sack = {{1, 1001}});
    ck_field(info_of(&c), dsack_dups, 1);
    ck_field(info_of(&c), delivered, 1 + 4 + 1);
    peer_sends(&c, .ack = 4001, .flags = ACK, .sack = {{1, 2001}});
    ck_field(info_of(&c), dsack_dups, 1 + 2);
    close_conversation(&c);
}
END_TEST

/* What an ACK with ECE delivers, by SACK too; RFC 3168. */
START_TEST(what_was_marked_is_counted_as_it_is_delivered)
{
    struct conversation c;
    open_conversation(&c, .sack = true, .ecn = true, .rtt_ms = 100,
                      .set = "tlp=off");

    ck_field(info_of(&c), options, TCPI_OPT_SACK | TCPI_OPT_ECN);
    app_writes(&c, 10000);
    conversation_ignore_sent(&c);
    advance(&c, 100);
    peer_sends(&c, .ack = 2001, .flags = ACK);
    ck_field(info_of(&c), delivered_ce, 0);
    peer_sends(&c, .ack = 2001, .flags = ACK | ECE, .sack = {{3001, 5001}});
    conversation_ignore_sent(&c);
    ck_field(info_of(&c), ca_state, TCP_CA_CWR);
    ck_field(info_of(&c), delivered, 1 + 4);
    ck_field(info_of(&c), delivered_ce, 2);
    close_conversation(&c);
}
END_TEST

/* A program's struct may be shorter than ours, or longer. */
START_TEST(it_is_cut_to_the_room_there_is)
{
    struct conversation c;
    uint8_t room[sizeof(struct tcp_info) + 16];
    size_t len = 9;
    open_conversation(&c);

    memset(room, 0xee, sizeof(room));
    ck_assert_int_eq(stack_get_option(c.stack, c.now, c.peer->socket,
                                      IPPROTO_TCP, TCP_INFO, room, &len),
                     0);
    ck_assert_uint_eq(len, 9);
    ck_assert_uint_eq(room[0], 1);
    ck_assert_uint_eq(room[9], 0xee);
    len = sizeof(room);
    ck_assert_int_eq(stack_get_option(c.stack, c.now, c.peer->socket,
                                      IPPROTO_TCP, TCP_INFO, room, &len),
                     0);
    ck_assert_uint_eq(len, sizeof(struct tcp_info));
    ck_assert_uint_eq(room[len], 0xee);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("TCP_INFO", what_is_known_after_the_handshake,
          what_nothing_has_happened_for_is_zero,
          the_states_have_the_kernels_numbers, a_listener_tells_its_queue,
          a_flight_goes_out_and_is_acknowledged,
          a_fin_with_text_is_one_segment_that_was_delivered,
          time_that_the_receivers_window_takes, time_that_the_send_buffer_takes,
          the_rates_of_pacing, what_comes_in_order_and_out_of_it,
          the_round_trip_time_of_a_receiver, a_loss_and_its_repair,
          a_time_out_and_its_back_off, reordering_is_told_by_its_distance,
          what_came_twice_is_counted_in_segments,
          what_was_marked_is_counted_as_it_is_delivered,
          it_is_cut_to_the_room_there_is)
