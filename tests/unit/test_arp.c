#include "unit.h"

#include "link/eth.h"
#include "net.h"

#include <errno.h>

/* ---- ARP packets in and out -------------------------------------------- */

static const struct mac_addr nobody;

static struct arp_packet
request_from(uint32_t sender, const struct mac_addr *mac, uint32_t target)
{
    return (struct arp_packet){.operation = ARP_REQUEST,
                               .sender_mac = *mac,
                               .sender_ip = ip_addr_v4(sender),
                               .target_ip = ip_addr_v4(target)};
}

static struct arp_packet reply_from(uint32_t sender, const struct mac_addr *mac)
{
    return (struct arp_packet){.operation = ARP_REPLY,
                               .sender_mac = *mac,
                               .sender_ip = ip_addr_v4(sender),
                               .target_mac = net_our_mac,
                               .target_ip = ip_addr_v4(NET_OURS)};
}

static void receive_bytes(struct net *net, uint8_t *bytes, size_t len)
{
    frame_init_input(&net->frame, &net->eth, bytes, len);
    arp_input(&net->arp, &net->frame);
}

static void receive(struct net *net, struct arp_packet packet)
{
    uint8_t *bytes = net_buffer(net, ARP_PACKET_LEN);

    arp_emit(bytes, &packet);
    receive_bytes(net, bytes, ARP_PACKET_LEN);
}

static int send_text(struct net *net, uint32_t next_hop, const char *text)
{
    struct ip_addr to = ip_addr_v4(next_hop);
    struct frame frame;

    frame_init_output(&frame);
    frame_add_slice(&frame, bytes_of(text, strlen(text)));
    memcpy(frame_push(&frame, 4), "head", 4);
    return arp_output(&net->arp, &net->eth, &frame, &to);
}

/* The frame `i` that was sent is ARP, to `dst`; what it says. */
static struct arp_packet sent_arp(const struct net *net, unsigned i,
                                  const struct mac_addr *dst)
{
    struct eth_header eth;
    struct arp_packet packet;
    enum drop_reason why;

    ck_assert_uint_lt(i, net->eth_dev.count);
    ck_assert_int_eq(eth_parse(bytes_of(net->eth_dev.frames[i].data,
                                        net->eth_dev.frames[i].len),
                               &eth, &why),
                     0);
    ck_assert_uint_eq(eth.type, ETH_TYPE_ARP);
    ck_assert(mac_addr_equal(&eth.dst, dst));
    ck_assert_int_eq(arp_parse(net_sent_packet(net, i), &packet, &why), 0);
    return packet;
}

static void assert_asks(const struct net *net, unsigned i,
                        const struct mac_addr *dst, uint32_t target)
{
    struct arp_packet packet = sent_arp(net, i, dst);

    ck_assert_int_eq(packet.operation, ARP_REQUEST);
    ck_assert(mac_addr_equal(&packet.sender_mac, &net_our_mac));
    ck_assert_uint_eq(ip_addr_to_v4(&packet.sender_ip), NET_OURS);
    ck_assert(mac_addr_equal(&packet.target_mac, &nobody));
    ck_assert_uint_eq(ip_addr_to_v4(&packet.target_ip), target);
}

static void assert_text(const struct net *net, unsigned i,
                        const struct mac_addr *dst, const char *text)
{
    struct bytes packet = net_sent_packet(net, i);

    ck_assert_mem_eq(net->eth_dev.frames[i].data, dst->octet, 6);
    ck_assert_uint_eq(packet.len, 4 + strlen(text));
    ck_assert_mem_eq(packet.data, "head", 4);
    ck_assert_mem_eq(packet.data + 4, text, strlen(text));
}

/* ---- The packet -------------------------------------------------------- */

START_TEST(a_request_has_the_bytes_of_rfc_826)
{
    static const uint8_t expected[ARP_PACKET_LEN] = {
        0,   1, 8, 0, 6, 4, 0, 1, 2, 0, 0,   0, 0, 1,
        192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2};
    struct arp_packet packet = request_from(NET_PEER, &net_peer_mac, NET_OURS);
    uint8_t bytes[ARP_PACKET_LEN];

    arp_emit(bytes, &packet);
    ck_assert_mem_eq(bytes, expected, sizeof(expected));
}
END_TEST

START_TEST(what_is_not_arp_for_ethernet_and_ipv4_is_dropped)
{
    struct arp_packet packet = reply_from(NET_PEER, &net_peer_mac);
    uint8_t bytes[ARP_PACKET_LEN];
    struct net net;

    net_open(&net);
    arp_emit(bytes, &packet);
    for (size_t len = 0; len < ARP_PACKET_LEN; len++)
        receive_bytes(&net, bytes, len);
    ck_assert_uint_eq(net.env.drops[DROP_ARP_SHORT], ARP_PACKET_LEN);
    for (size_t at = 0; at < ARP_OPERATION; at++) {
        bytes[at] ^= 0x10;
        receive_bytes(&net, bytes, ARP_PACKET_LEN);
        bytes[at] ^= 0x10;
    }
    ck_assert_uint_eq(net.env.drops[DROP_ARP_UNSUPPORTED], 6);
    bytes[ARP_OPERATION + 1] = 3; /* RARP */
    receive_bytes(&net, bytes, ARP_PACKET_LEN);
    ck_assert_uint_eq(net.env.drops[DROP_ARP_BAD_OPERATION], 1);
    ck_assert_uint_eq(net.arp.count, 0);
    net_close(&net);
}
END_TEST

/* ---- RFC 826, packet reception ----------------------------------------- */

START_TEST(a_request_for_us_is_answered_and_its_sender_learned)
{
    struct arp_packet answer;
    struct net net;

    net_open(&net);
    receive(&net, request_from(NET_PEER, &net_peer_mac, NET_OURS));
    ck_assert_uint_eq(net.eth_dev.count, 1);
    answer = sent_arp(&net, 0, &net_peer_mac);
    ck_assert_int_eq(answer.operation, ARP_REPLY);
    ck_assert(mac_addr_equal(&answer.sender_mac, &net_our_mac));
    ck_assert_uint_eq(ip_addr_to_v4(&answer.sender_ip), NET_OURS);
    ck_assert(mac_addr_equal(&answer.target_mac, &net_peer_mac));
    ck_assert_uint_eq(ip_addr_to_v4(&answer.target_ip), NET_PEER);

    ck_assert_int_eq(send_text(&net, NET_PEER, "at once"), 0);
    assert_text(&net, 1, &net_peer_mac, "at once");
    ck_assert_uint_eq(net.arp.stats.in_requests, 1);
    ck_assert_uint_eq(net.arp.stats.out_replies, 1);
    net_close(&net);
}
END_TEST

START_TEST(a_request_for_another_teaches_nothing_new)
{
    struct net net;

    net_open(&net);
    receive(&net, request_from(NET_PEER, &net_peer_mac, NET_THIRD));
    ck_assert_uint_eq(net.eth_dev.count, 0);
    ck_assert_uint_eq(net.arp.count, 0);
    net_close(&net);
}
END_TEST

START_TEST(a_request_for_another_updates_what_is_known)
{
    struct net net;

    net_open(&net);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    receive(&net, request_from(NET_PEER, &net_third_mac, NET_THIRD));
    ck_assert_int_eq(send_text(&net, NET_PEER, "moved"), 0);
    assert_text(&net, 0, &net_third_mac, "moved");
    net_close(&net);
}
END_TEST

START_TEST(a_gratuitous_announcement_updates_but_does_not_add)
{
    struct net net;

    net_open(&net);
    receive(&net, request_from(NET_PEER, &net_peer_mac, NET_PEER));
    ck_assert_uint_eq(net.arp.count, 0);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    receive(&net, request_from(NET_PEER, &net_third_mac, NET_PEER));
    ck_assert_int_eq(send_text(&net, NET_PEER, "moved"), 0);
    assert_text(&net, 0, &net_third_mac, "moved");
    net_close(&net);
}
END_TEST

/* RFC 5227 2.1.1: it has no address yet, but must hear that we have this one */
START_TEST(a_probe_for_our_address_is_answered_and_not_learned)
{
    struct net net;

    net_open(&net);
    receive(&net, request_from(0, &net_third_mac, NET_OURS));
    ck_assert_uint_eq(net.eth_dev.count, 1);
    ck_assert_int_eq(sent_arp(&net, 0, &net_third_mac).operation, ARP_REPLY);
    ck_assert_uint_eq(net.arp.count, 0);
    net_close(&net);
}
END_TEST

START_TEST(an_address_of_another_interface_is_not_answered_for)
{
    struct net net;

    net_open(&net);
    receive(&net, request_from(NET_PEER, &net_peer_mac, NET_FAR_OURS));
    ck_assert_uint_eq(net.eth_dev.count, 0);
    net_close(&net);
}
END_TEST

START_TEST(an_impossible_sender_is_dropped)
{
    static const uint32_t impossible[] = {0xe0000001, 0xffffffff, NET_BROADCAST,
                                          0x7f000001};
    struct net net;

    net_open(&net);
    for (size_t i = 0; i < ARRAY_LENGTH(impossible); i++)
        receive(&net, request_from(impossible[i], &net_peer_mac, NET_OURS));
    receive(&net, request_from(NET_PEER, &mac_addr_broadcast, NET_OURS));
    receive(&net, request_from(NET_PEER, &nobody, NET_OURS));
    receive(&net, reply_from(0, &net_peer_mac));
    ck_assert_uint_eq(net.env.drops[DROP_ARP_BAD_SENDER], 7);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    ck_assert_uint_eq(net.arp.count, 0);
    net_close(&net);
}
END_TEST

/* ---- RFC 5227 ---------------------------------------------------------- */

START_TEST(our_address_is_defended_once_in_ten_seconds)
{
    struct arp_packet announcement;
    struct net net;

    net_open(&net);
    receive(&net, request_from(NET_OURS, &net_third_mac, NET_PEER));
    ck_assert_uint_eq(net.env.drops[DROP_ARP_ADDRESS_CONFLICT], 1);
    announcement = sent_arp(&net, 0, &mac_addr_broadcast);
    ck_assert_int_eq(announcement.operation, ARP_REQUEST);
    ck_assert_uint_eq(ip_addr_to_v4(&announcement.sender_ip), NET_OURS);
    ck_assert_uint_eq(ip_addr_to_v4(&announcement.target_ip), NET_OURS);

    net_wait(&net, 9 * USEC_PER_SEC);
    receive(&net, request_from(NET_OURS, &net_third_mac, NET_PEER));
    ck_assert_uint_eq(net.eth_dev.count, 1);
    net_wait(&net, 1 * USEC_PER_SEC);
    receive(&net, request_from(NET_OURS, &net_third_mac, NET_PEER));
    ck_assert_uint_eq(net.eth_dev.count, 2);
    ck_assert_uint_eq(net.arp.count, 0);
    net_close(&net);
}
END_TEST

START_TEST(our_own_announcement_come_back_is_no_conflict)
{
    struct net net;

    net_open(&net);
    receive(&net, request_from(NET_OURS, &net_our_mac, NET_OURS));
    ck_assert_uint_eq(net.env.drops[DROP_ARP_ADDRESS_CONFLICT], 0);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    net_close(&net);
}
END_TEST

/* ---- Waiting ----------------------------------------------------------- */

START_TEST(packets_wait_for_the_answer_and_leave_in_order)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(send_text(&net, NET_PEER, "one"), 0);
    ck_assert_int_eq(send_text(&net, NET_PEER, "two"), 0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    assert_asks(&net, 0, &mac_addr_broadcast, NET_PEER);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    ck_assert_uint_eq(net.eth_dev.count, 3);
    assert_text(&net, 1, &net_peer_mac, "one");
    assert_text(&net, 2, &net_peer_mac, "two");
    net_close(&net);
}
END_TEST

/* The checksum and the cutting are still the device's to do after the wait. */
START_TEST(a_packet_that_waits_keeps_its_offload_facts)
{
    struct ip_addr to = ip_addr_v4(NET_PEER);
    uint8_t payload[3000] = {0};
    struct frame frame;
    struct net net;

    net_open(&net);
    net.eth_dev.dev.fills_checksum = true;
    frame_init_output(&frame);
    frame_add_slice(&frame, bytes_of(payload, sizeof(payload)));
    memset(frame_push(&frame, 20), 'T', 20);
    frame_leave_checksum(&frame, 16);
    frame.offload.gso = FRAME_GSO_TCPV4;
    frame.offload.gso_size = 1000;
    memset(frame_push(&frame, 20), 'I', 20);
    ck_assert_int_eq(arp_output(&net.arp, &net.eth, &frame, &to), 0);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));

    struct fake_frame *sent = &net.eth_dev.frames[1];

    ck_assert_uint_eq(sent->len, 14 + 20 + 20 + 3000);
    ck_assert_int_eq(sent->offload.checksum, FRAME_CHECKSUM_ABSENT);
    ck_assert_uint_eq(sent->head_len - sent->offload.csum_back, 14 + 20);
    ck_assert_int_eq(sent->offload.gso, FRAME_GSO_TCPV4);
    ck_assert_uint_eq(sent->offload.gso_size, 1000);
    net_close(&net);
}
END_TEST

/* RFC 1122 2.3.2.1: one a second; 2.3.2.2: three without an answer */
START_TEST(requests_are_a_second_apart_and_end_after_three)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(send_text(&net, NET_PEER, "one"), 0);
    net_wait(&net, USEC_PER_SEC - 1);
    ck_assert_int_eq(send_text(&net, NET_PEER, "two"), 0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    net_wait(&net, 1);
    ck_assert_uint_eq(net.eth_dev.count, 2);
    net_wait(&net, USEC_PER_SEC);
    ck_assert_uint_eq(net.eth_dev.count, 3);
    assert_asks(&net, 2, &mac_addr_broadcast, NET_PEER);
    ck_assert_uint_eq(net.unreachable, 0);
    net_wait(&net, USEC_PER_SEC);
    ck_assert_uint_eq(net.eth_dev.count, 3);
    ck_assert_uint_eq(net.env.drops[DROP_ARP_NO_ANSWER], 2);
    ck_assert_uint_eq(net.unreachable, 2);
    ck_assert_uint_eq(net.unreachable_len, 7);
    ck_assert_mem_eq(net.unreachable_first, "headtwo", 7);
    ck_assert_uint_eq(net.arp.queued_bytes, 0);
    net_close(&net);
}
END_TEST

START_TEST(after_a_failure_the_rate_of_requests_stays_limited)
{
    struct net net;

    net_open(&net);
    for (unsigned ms = 0; ms < 9900; ms += 100) {
        ck_assert_int_eq(send_text(&net, NET_PEER, "again"), 0);
        net_wait(&net, 100 * USEC_PER_MSEC);
    }
    ck_assert_uint_eq(net.eth_dev.count, 10);
    net_close(&net);
}
END_TEST

START_TEST(a_full_queue_keeps_the_first_packets)
{
    struct net net;

    net_open(&net);
    net.arp.config.max_queued = 2;
    ck_assert_int_eq(send_text(&net, NET_PEER, "one"), 0);
    ck_assert_int_eq(send_text(&net, NET_PEER, "two"), 0);
    ck_assert_int_eq(send_text(&net, NET_PEER, "three"), -ENOBUFS);
    ck_assert_uint_eq(net.env.drops[DROP_ARP_QUEUE_FULL], 1);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    ck_assert_uint_eq(net.eth_dev.count, 3);
    assert_text(&net, 1, &net_peer_mac, "one");
    net_close(&net);
}
END_TEST

START_TEST(all_queues_together_are_bounded_until_the_flush)
{
    struct net net;

    net_open(&net);
    net.arp.config.max_queued_bytes = 150; /* two of them */
    ck_assert_int_eq(send_text(&net, NET_PEER, "one"), 0);
    ck_assert_int_eq(send_text(&net, NET_THIRD, "two"), 0);
    ck_assert_int_eq(send_text(&net, NET_THIRD, "three"), -ENOBUFS);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    ck_assert_int_eq(send_text(&net, NET_THIRD, "still lent"), -ENOBUFS);
    net_flush(&net);
    ck_assert_int_eq(send_text(&net, NET_THIRD, "room"), 0);
    net_close(&net);
}
END_TEST

/* By the copy of a stack, in a child: the original sends them. */
START_TEST(what_waits_can_be_forgotten_and_the_neighbour_is_still_asked_for)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(send_text(&net, NET_PEER, "one"), 0);
    ck_assert_int_eq(send_text(&net, NET_THIRD, "two"), 0);
    arp_forget_waiting(&net.arp);
    ck_assert_uint_eq(net.arp.queued_bytes, 0);
    ck_assert_int_eq(send_text(&net, NET_PEER, "later"), 0);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    ck_assert_uint_eq(net.eth_dev.count, 3); /* two requests, and: */
    assert_text(&net, 2, &net_peer_mac, "later");
    net_close(&net);
}
END_TEST

/* ---- Ageing ------------------------------------------------------------ */

START_TEST(an_old_neighbour_is_used_and_polled_by_unicast)
{
    struct net net;

    net_open(&net);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, net.arp.config.reachable_time);
    ck_assert_str_eq(net.last.text, "stale");
    ck_assert_uint_eq(net.eth_dev.count, 0);

    ck_assert_int_eq(send_text(&net, NET_PEER, "used"), 0);
    assert_asks(&net, 0, &net_peer_mac, NET_PEER);
    assert_text(&net, 1, &net_peer_mac, "used");
    ck_assert_int_eq(send_text(&net, NET_PEER, "more"), 0);
    ck_assert_uint_eq(net.eth_dev.count, 3); /* not asked again */
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, net.arp.config.reachable_time - 1);
    ck_assert_uint_eq(net.eth_dev.count, 3);

    net_wait(&net, 1); /* old again, and asked again */
    ck_assert_int_eq(send_text(&net, NET_PEER, "used"), 0);
    assert_asks(&net, 3, &net_peer_mac, NET_PEER);
    net_close(&net);
}
END_TEST

/* RFC 1122 2.3.2.1 (4), 3.3.1.4: the layer above has had no answer. */
START_TEST(a_neighbour_that_is_doubted_is_asked_before_its_time)
{
    struct ip_addr peer = ip_addr_v4(NET_PEER);
    struct ip_addr third = ip_addr_v4(NET_THIRD);
    struct net net;

    net_open(&net);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, USEC_PER_SEC);
    arp_doubt(&net.arp, &net.eth, &peer);
    arp_doubt(&net.arp, &net.eth, &third); /* nobody knows him */
    ck_assert_uint_eq(net.eth_dev.count, 0);
    ck_assert_int_eq(send_text(&net, NET_PEER, "still used"), 0);
    assert_asks(&net, 0, &net_peer_mac, NET_PEER);
    assert_text(&net, 1, &net_peer_mac, "still used");

    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    arp_doubt(&net.arp, &net.eth, &peer); /* he has just shown himself */
    ck_assert_int_eq(send_text(&net, NET_PEER, "good again"), 0);
    assert_text(&net, 2, &net_peer_mac, "good again");
    ck_assert_uint_eq(net.eth_dev.count, 3);
    net_close(&net);
}
END_TEST

START_TEST(polls_without_answer_fall_back_to_broadcast)
{
    struct net net;

    net_open(&net);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, net.arp.config.reachable_time);
    ck_assert_int_eq(send_text(&net, NET_PEER, "used"), 0);
    net_wait(&net, 2 * USEC_PER_SEC);
    assert_asks(&net, 0, &net_peer_mac, NET_PEER);
    assert_asks(&net, 2, &net_peer_mac, NET_PEER);
    assert_asks(&net, 3, &net_peer_mac, NET_PEER);
    ck_assert_uint_eq(net.eth_dev.count, 4);
    net_wait(&net, USEC_PER_SEC);
    assert_asks(&net, 4, &mac_addr_broadcast, NET_PEER);
    ck_assert_int_eq(send_text(&net, NET_PEER, "waits"), 0);
    ck_assert_uint_eq(net.eth_dev.count, 5);
    receive(&net, reply_from(NET_PEER, &net_third_mac));
    assert_text(&net, 5, &net_third_mac, "waits");
    net_close(&net);
}
END_TEST

START_TEST(a_neighbour_that_is_gone_is_asked_for_three_times_each_way)
{
    struct net net;

    net_open(&net);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, net.arp.config.reachable_time);
    ck_assert_int_eq(send_text(&net, NET_PEER, "used"), 0);
    net_wait(&net, 60 * USEC_PER_SEC);
    ck_assert_uint_eq(net.eth_dev.count, 1 + 3 + 3);
    assert_asks(&net, 6, &mac_addr_broadcast, NET_PEER);
    ck_assert_uint_eq(net.arp.count, 0);
    net_close(&net);
}
END_TEST

START_TEST(a_neighbour_that_was_asked_for_is_forgotten_too)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(send_text(&net, NET_PEER, "one"), 0);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, net.arp.config.reachable_time + net.arp.config.stale_time);
    ck_assert_uint_eq(net.arp.count, 0);
    ck_assert_uint_eq(net.eth_dev.count, 2);
    net_close(&net);
}
END_TEST

START_TEST(an_unused_neighbour_is_forgotten)
{
    struct net net;

    net_open(&net);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, net.arp.config.reachable_time + net.arp.config.stale_time);
    ck_assert_uint_eq(net.arp.count, 0);
    ck_assert_uint_eq(net.eth_dev.count, 0);
    net_close(&net);
}
END_TEST

/* RFC 1122 2.3.2.1 (1): any packet of its sender shows that it is there */
START_TEST(hearing_from_a_neighbour_refreshes_it)
{
    struct net net;

    net_open(&net);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    net_wait(&net, net.arp.config.reachable_time - 1);
    receive(&net, request_from(NET_PEER, &net_peer_mac, NET_THIRD));
    net_wait(&net, net.arp.config.reachable_time - 1);
    ck_assert_int_eq(send_text(&net, NET_PEER, "fresh"), 0);
    ck_assert_uint_eq(net.eth_dev.count, 1);
    net_close(&net);
}
END_TEST

/* ---- The table --------------------------------------------------------- */

START_TEST(at_the_limit_the_least_recently_used_gives_way)
{
    struct net net;

    net_open(&net);
    net.arp.config.max_neighbours = 2;
    receive(&net, reply_from(0xc0000211, &net_peer_mac));
    receive(&net, reply_from(0xc0000212, &net_peer_mac));
    ck_assert_int_eq(send_text(&net, 0xc0000211, "used"), 0);
    receive(&net, reply_from(0xc0000213, &net_peer_mac));
    ck_assert_uint_eq(net.arp.count, 2);
    ck_assert_int_eq(send_text(&net, 0xc0000211, "known"), 0);
    assert_text(&net, 1, &net_peer_mac, "known");
    ck_assert_int_eq(send_text(&net, 0xc0000212, "unknown"), 0);
    assert_asks(&net, 2, &mac_addr_broadcast, 0xc0000212);
    net_close(&net);
}
END_TEST

/* However many strangers speak to us, they drive out only each other. */
START_TEST(who_was_only_heard_gives_way_before_who_is_used)
{
    struct net net;

    net_open(&net);
    net.arp.config.max_neighbours = 2;
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    ck_assert_int_eq(send_text(&net, NET_PEER, "used"), 0);
    for (uint32_t host = 0x20; host < 0x30; host++)
        receive(&net,
                request_from(0xc0000200 + host, &net_third_mac, NET_OURS));
    ck_assert_uint_eq(net.arp.count, 2);
    fake_netdev_clear(&net.eth_dev);
    ck_assert_int_eq(send_text(&net, NET_PEER, "known"), 0);
    assert_text(&net, 0, &net_peer_mac, "known");
    net_close(&net);
}
END_TEST

START_TEST(what_waits_for_one_that_gives_way_is_dropped)
{
    struct net net;

    net_open(&net);
    net.arp.config.max_neighbours = 1;
    ck_assert_int_eq(send_text(&net, NET_PEER, "lost"), 0);
    ck_assert_int_eq(send_text(&net, NET_THIRD, "waits"), 0);
    ck_assert_uint_eq(net.env.drops[DROP_ARP_TABLE_FULL], 1);
    ck_assert_uint_eq(net.arp.count, 1);
    net_close(&net);
}
END_TEST

START_TEST(a_permanent_neighbour_stays_as_it_is)
{
    struct net net;

    net_open(&net);
    net.arp.config.max_neighbours = 1;
    net_know_peer(&net);
    receive(&net, reply_from(NET_PEER, &net_third_mac));
    receive(&net, reply_from(NET_THIRD, &net_third_mac));
    ck_assert_uint_eq(net.env.drops[DROP_ARP_TABLE_FULL], 1);
    net_wait(&net, 3600 * USEC_PER_SEC);
    ck_assert_int_eq(send_text(&net, NET_PEER, "same"), 0);
    assert_text(&net, 0, &net_peer_mac, "same");
    ck_assert_int_eq(send_text(&net, NET_THIRD, "no room"), -ENOBUFS);
    net_close(&net);
}
END_TEST

START_TEST(a_neighbour_given_by_call_sends_what_waits)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(send_text(&net, NET_PEER, "waits"), 0);
    net_know_peer(&net);
    assert_text(&net, 1, &net_peer_mac, "waits");
    net_wait(&net, 10 * USEC_PER_SEC);
    ck_assert_uint_eq(net.eth_dev.count, 2);
    net_close(&net);
}
END_TEST

START_TEST(without_memory_the_packet_is_dropped)
{
    struct net net;

    net_open(&net);
    net.memory.limit = net.memory.used;
    ck_assert_int_eq(send_text(&net, NET_PEER, "lost"), -ENOBUFS);
    ck_assert_uint_eq(net.env.drops[DROP_ARP_TABLE_FULL], 1);
    net_close(&net);
}
END_TEST

/* ---- Groups ------------------------------------------------------------ */

START_TEST(broadcast_and_multicast_need_no_request)
{
    const struct mac_addr group = {{1, 0, 0x5e, 0x01, 0x02, 0x03}};
    struct net net;

    net_open(&net);
    ck_assert_int_eq(send_text(&net, 0xffffffff, "all"), 0);
    ck_assert_int_eq(send_text(&net, NET_BROADCAST, "subnet"), 0);
    ck_assert_int_eq(send_text(&net, 0xe0810203, "group"), 0);
    assert_text(&net, 0, &mac_addr_broadcast, "all");
    assert_text(&net, 1, &mac_addr_broadcast, "subnet");
    assert_text(&net, 2, &group, "group");
    net_close(&net);
}
END_TEST

START_TEST(states_are_traced)
{
    struct net net;

    net_open(&net);
    ck_assert_int_eq(send_text(&net, NET_PEER, "one"), 0);
    ck_assert_uint_eq(net.events[TRACE_NEIGHBOUR], 1);
    receive(&net, reply_from(NET_PEER, &net_peer_mac));
    ck_assert_str_eq(net.last.text, "reachable");
    ck_assert_uint_eq(ip_addr_to_v4(&net.last.remote.addr), NET_PEER);
    ck_assert(mac_addr_equal(&net.last.mac, &net_peer_mac));
    ck_assert_uint_eq(net.events[TRACE_PACKET_OUT], 1);
    ck_assert_uint_eq(net.events[TRACE_PACKET_IN], 1);
    net_close(&net);
}
END_TEST

UNIT_MAIN("arp", a_request_has_the_bytes_of_rfc_826,
          what_is_not_arp_for_ethernet_and_ipv4_is_dropped,
          a_request_for_us_is_answered_and_its_sender_learned,
          a_request_for_another_teaches_nothing_new,
          a_request_for_another_updates_what_is_known,
          a_gratuitous_announcement_updates_but_does_not_add,
          a_probe_for_our_address_is_answered_and_not_learned,
          an_address_of_another_interface_is_not_answered_for,
          an_impossible_sender_is_dropped,
          our_address_is_defended_once_in_ten_seconds,
          our_own_announcement_come_back_is_no_conflict,
          packets_wait_for_the_answer_and_leave_in_order,
          a_packet_that_waits_keeps_its_offload_facts,
          requests_are_a_second_apart_and_end_after_three,
          after_a_failure_the_rate_of_requests_stays_limited,
          a_full_queue_keeps_the_first_packets,
          all_queues_together_are_bounded_until_the_flush,
          what_waits_can_be_forgotten_and_the_neighbour_is_still_asked_for,
          an_old_neighbour_is_used_and_polled_by_unicast,
          a_neighbour_that_is_doubted_is_asked_before_its_time,
          polls_without_answer_fall_back_to_broadcast,
          a_neighbour_that_is_gone_is_asked_for_three_times_each_way,
          a_neighbour_that_was_asked_for_is_forgotten_too,
          an_unused_neighbour_is_forgotten,
          hearing_from_a_neighbour_refreshes_it,
          at_the_limit_the_least_recently_used_gives_way,
          who_was_only_heard_gives_way_before_who_is_used,
          what_waits_for_one_that_gives_way_is_dropped,
          a_permanent_neighbour_stays_as_it_is,
          a_neighbour_given_by_call_sends_what_waits,
          without_memory_the_packet_is_dropped,
          broadcast_and_multicast_need_no_request, states_are_traced)
