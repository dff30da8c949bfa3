/*
 * Who speaks with whom: OPEN and its parameters, RFC 9293 3.9.1.1; addresses
 * that cannot be, 3.9.2.3; TTL and TOS, 3.9.1.9 and 3.9.2.
 */
#include "tests/tcp/conversation.h"
#include "tests/unit/unit.h"

#include <netinet/in.h>

static struct endpoint at(uint32_t addr, unsigned port)
{
    return (struct endpoint){.addr = ip_addr_v4(addr), .port = (uint16_t)port};
}

static socket_id new_socket(struct conversation *c)
{
    int on = 1;
    socket_id id;

    ck_assert_int_eq(
        stack_socket(c->stack, c->now, AF_INET, SOCK_STREAM, 0, &id), 0);
    ck_assert_int_eq(stack_set_option(c->stack, c->now, id, SOL_SOCKET,
                                      SO_REUSEADDR, bytes_of(&on, sizeof(on))),
                     0);
    return id;
}

static int connect_to(struct conversation *c, socket_id id,
                      const struct endpoint *remote)
{
    int result = stack_connect(c->stack, c->now, id, remote);

    stack_flush(c->stack, c->now);
    return result;
}

/* From this port of the stack's to the peer's; the SYN is out. */
static void connect_from(struct conversation *c, unsigned port)
{
    struct endpoint local = at(STACK_ADDR, port);
    struct endpoint remote = at(PEER_ADDR, c->peer->port);

    c->peer->stack_port = 0;
    c->peer->socket = new_socket(c);
    ck_assert_int_eq(stack_bind(c->stack, c->now, c->peer->socket, &local), 0);
    ck_assert_int_eq(connect_to(c, c->peer->socket, &remote), -EINPROGRESS);
    expect_segment(c, .seq = 0, .flags = SYN);
    ck_assert_uint_eq(c->peer->stack_port, port);
}

static int listen_at(struct conversation *c, unsigned port, socket_id *id)
{
    struct endpoint local = at(STACK_ADDR, port);
    int result;

    *id = new_socket(c);
    result = stack_bind(c->stack, c->now, *id, &local);
    return result < 0 ? result : stack_listen(c->stack, c->now, *id, 5);
}

/* ---- the ends ---- */

/* MUST-46: "an invalid remote IP address (e.g., a broadcast or multicast
 * address)". */
START_TEST(nobody_connects_to_a_group)
{
    static const uint32_t groups[] = {0xc00002ff, 0xffffffff, 0xe0000001,
                                      0xefffffff};
    struct conversation c;
    begin_conversation(&c, .active = true);

    for (size_t i = 0; i < ARRAY_LENGTH(groups); i++) {
        struct endpoint remote = at(groups[i], 80);

        ck_assert_int_eq(connect_to(&c, new_socket(&c), &remote), -ENETUNREACH);
    }
    expect_silence_for(&c, 10000);
    close_conversation(&c);
}
END_TEST

/* MUST-63, RFC 1122 3.2.1.3: dropped, and not answered either. */
START_TEST(a_syn_from_nobodys_address_is_dropped)
{
    static const uint32_t sources[] = {0,          0xffffffff, 0xe0000001,
                                       0xefffffff, 0xc00002ff, STACK_ADDR};
    static uint8_t packet[SEGMENT_PACKET_MAX];
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    for (size_t i = 0; i < ARRAY_LENGTH(sources); i++) {
        struct segment syn = {
            .src = sources[i],
            .dst = STACK_ADDR,
            .src_port = PEER_PORT,
            .dst_port = STACK_PORT,
            .flags = SYN,
            .options = segment_no_options,
        };
        conversation_peer_sends_bytes(&c, packet, segment_emit(&syn, packet));
        expect_drops(&c, IP_BAD_SOURCE, 1);
    }
    expect_silence_for(&c, 10000);
    close_conversation(&c);
}
END_TEST

/* MUST-43; without it the route chooses (MUST-44), and then it stays (MUST-45):
 * that the harness looks after. */
START_TEST(the_local_end_may_be_chosen)
{
    struct endpoint foreign = at(PEER_ADDR, 5000);
    struct conversation c;
    begin_conversation(&c, .active = true);

    ck_assert_int_eq(stack_bind(c.stack, c.now, new_socket(&c), &foreign),
                     -EADDRNOTAVAIL);
    connect_from(&c, 5000);
    peer_sends(&c, .flags = SYN | ACK);
    expect_segment(&c, .seq = 1, .ack = 1, .flags = ACK);
    close_conversation(&c);
}
END_TEST

/* MUST-42: "LISTEN on a port while a connection block with the same local port
 * is in SYN-SENT or SYN-RECEIVED state". */
START_TEST(one_may_listen_where_another_connects)
{
    struct conversation c;
    begin_conversation(&c);

    connect_from(&c, STACK_PORT);
    ck_assert_int_eq(listen_at(&c, STACK_PORT, &c.listener), 0);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);

    peer_uses_port(&c, PEER_PORT); /* opens at the same time */
    peer_sends(&c, .seq = 0, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_uses_port(&c, PEER_PORT + 2);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    peer_uses_port(&c, PEER_PORT);
    peer_sends(&c, .seq = 1, .ack = 1, .flags = ACK);
    app_polls(&c, POLLOUT);
    close_conversation(&c);
}
END_TEST

/* MUST-41: a passive OPEN "MUST NOT affect any previously created connection
 * record", whether it succeeds or not. */
START_TEST(another_listener_touches_no_connection)
{
    struct conversation c;
    socket_id other;
    open_conversation(&c);

    ck_assert_int_eq(listen_at(&c, STACK_PORT, &other), -EADDRINUSE);
    app_closes_listener(&c);
    ck_assert_int_eq(listen_at(&c, STACK_PORT, &c.listener), 0);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    app_reads(&c, 10);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    peer_uses_port(&c, PEER_PORT + 1);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    close_conversation(&c);
}
END_TEST

/* ---- TTL and TOS ---- */

static void expect_marks(const struct conversation *c, unsigned ttl,
                         unsigned tos)
{
    ck_assert_uint_eq(c->last.ttl, ttl);
    ck_assert_uint_eq(c->last.tos, tos);
}

/* MUST-48, SHLD-21, SHLD-22: as it was set, on every segment from now on, those
 * that go again too. MUST-49: the TTL. */
START_TEST(segments_carry_the_tos_and_ttl_that_were_set)
{
    struct conversation c;
    open_conversation(&c);

    expect_marks(&c, 64, 0);
    app_sets(&c, IPPROTO_IP, IP_TOS, 0xb8); /* expedited forwarding */
    app_sets(&c, IPPROTO_IP, IP_TTL, 7);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    expect_marks(&c, 7, 0xb8);
    app_sets(&c, IPPROTO_IP, IP_TOS, 0x28);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH,
                   .after_ms = 200);
    expect_marks(&c, 7, 0x28);
    peer_sends(&c, .ack = 11, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    expect_marks(&c, 7, 0x28);
    close_conversation(&c);
}
END_TEST

/* A listener's are on its SYN,ACK, and on what its children say. */
START_TEST(a_listeners_tos_and_ttl_are_its_childrens)
{
    unsigned tos = 0x28, ttl = 9;
    struct conversation c;
    begin_conversation(&c);
    app_listens(&c);

    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.listener, IPPROTO_IP,
                                      IP_TOS, bytes_of(&tos, sizeof(tos))),
                     0);
    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.listener, IPPROTO_IP,
                                      IP_TTL, bytes_of(&ttl, sizeof(ttl))),
                     0);
    peer_sends(&c, .flags = SYN);
    expect_segment(&c, .flags = SYN | ACK);
    expect_marks(&c, 9, 0x28);
    peer_sends(&c, .flags = ACK);
    app_accepts(&c);
    app_closes(&c);
    expect_segment(&c, .flags = FIN | ACK);
    expect_marks(&c, 9, 0x28);
    peer_sends(&c, .flags = FIN | ACK); /* TIME-WAIT */
    expect_segment(&c, .flags = ACK);
    expect_marks(&c, 9, 0x28);
    close_conversation(&c);
}
END_TEST

/* RFC 5082 3, IP_MINTTL: the packets of the peer have 64. */
START_TEST(what_comes_from_too_far_is_not_heard)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_IP, IP_MINTTL, 64);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 11, .flags = ACK, .within_ms = 40);
    app_reads(&c, 10);
    app_sets(&c, IPPROTO_IP, IP_MINTTL, 65);
    peer_sends(&c, .len = 10, .flags = ACK | PSH);
    peer_sends(&c, .flags = RST);
    expect_drops(&c, TCP_LOW_TTL, 2);
    expect_silence(&c);
    app_fails_to_read(&c, EAGAIN);
    app_sets(&c, IPPROTO_IP, IP_MINTTL, 0);
    peer_sends(&c, .seq = 11, .len = 10, .flags = ACK | PSH);
    expect_segment(&c, .ack = 21, .flags = ACK, .within_ms = 40);
    app_reads(&c, 10);
    close_conversation(&c);
}
END_TEST

/* As Linux: it is that of the quoted packet that counts, here 63. */
START_TEST(an_error_about_a_packet_that_went_too_far_is_not_heard)
{
    struct conversation c;
    open_conversation(&c);

    app_sets(&c, IPPROTO_IP, IP_RECVERR, 1);
    app_sets(&c, IPPROTO_IP, IP_MINTTL, 64);
    app_writes(&c, 10);
    expect_segment(&c, .seq = 1, .len = 10, .flags = ACK | PSH);
    peer_sends_icmp(&c, .type = 3, .code = 1);
    expect_drops(&c, TCP_LOW_TTL, 1);
    app_finds_error(&c, 0);
    app_sets(&c, IPPROTO_IP, IP_MINTTL, 63);
    peer_sends_icmp(&c, .type = 3, .code = 1);
    app_finds_error(&c, EHOSTUNREACH);
    close_conversation(&c);
}
END_TEST

START_TEST(a_listener_hears_no_syn_from_too_far)
{
    struct conversation c;
    int least = 65;
    begin_conversation(&c);

    app_listens(&c);
    ck_assert_int_eq(stack_set_option(c.stack, c.now, c.listener, IPPROTO_IP,
                                      IP_MINTTL,
                                      bytes_of(&least, sizeof(least))),
                     0);
    peer_sends(&c, .flags = SYN);
    expect_drops(&c, TCP_LOW_TTL, 1);
    expect_silence(&c);
    close_conversation(&c);
}
END_TEST

UNIT_MAIN("tcp endpoints", what_comes_from_too_far_is_not_heard,
          an_error_about_a_packet_that_went_too_far_is_not_heard,
          a_listener_hears_no_syn_from_too_far, nobody_connects_to_a_group,
          a_syn_from_nobodys_address_is_dropped, the_local_end_may_be_chosen,
          one_may_listen_where_another_connects,
          another_listener_touches_no_connection,
          segments_carry_the_tos_and_ttl_that_were_set,
          a_listeners_tos_and_ttl_are_its_childrens)
