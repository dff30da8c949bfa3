#include "unit.h"

#include "host/trace_text.h"

#include "ip/icmp.h"
#include "link/iface.h"
#include "tcp/tcb.h"

#include <string.h>

static char printed[2 * LINE_MAX_LEN];

/* What the listener prints of one event when these layers are wanted. */
static const char *print(const char *layers, struct trace_event event)
{
    char mistake[TRACE_WORD_MAX];
    struct trace_filter filter;
    struct trace_text text;
    FILE *file = tmpfile();
    size_t len;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(trace_filter_parse(layers, &filter, mistake), 0);
    trace_text_init(&text, &filter, fileno(file));
    text.listener.event(&text.listener, &event);
    rewind(file);
    len = fread(printed, 1, sizeof(printed) - 1, file);
    printed[len] = '\0';
    fclose(file);
    return printed;
}

static struct endpoint endpoint(unsigned host, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(0xc0000200 + host),
                             .port = port};
}

/* A segment between 192.0.2.1:4000 (ISS 500) and our 192.0.2.2:80 (1000). */
static struct trace_event segment_event(enum trace_kind kind,
                                        const struct tcp_segment *seg)
{
    return (struct trace_event){.kind = kind,
                                .layer = TRACE_TCP,
                                .now = 1234567,
                                .local = endpoint(2, 80),
                                .remote = endpoint(1, 4000),
                                .connection = 3,
                                .segment = seg,
                                .iss = 1000,
                                .irs = 500};
}

START_TEST(a_segment_that_arrives_is_relative_to_both_ends)
{
    struct tcp_segment seg = {.seq = 501,
                              .ack = 1001,
                              .flags = SEG_ACK | SEG_PSH,
                              .wnd = 512,
                              .text_len = 20};

    ck_assert_str_eq(print("", segment_event(TRACE_SEGMENT_IN, &seg)),
                     "     1.234567 in       tcp  [3] 192.0.2.1:4000 > "
                     "192.0.2.2:80: P. 1:21(20) ack 1 win 512\n");
}
END_TEST

START_TEST(a_segment_that_leaves_is_printed_the_other_way)
{
    struct tcp_segment seg = {
        .seq = 1000,
        .ack = 501,
        .flags = SEG_SYN | SEG_ACK,
        .wnd = 65535,
        .options = {.has_mss = true,
                    .mss = 1460,
                    .has_window_scale = true,
                    .window_scale = 7,
                    .has_timestamps = true,
                    .ts_val = 5,
                    .ts_ecr = 4},
    };

    ck_assert_str_eq(print("tcp", segment_event(TRACE_SEGMENT_OUT, &seg)),
                     "     1.234567 out      tcp  [3] 192.0.2.2:80 > "
                     "192.0.2.1:4000: S. 0:0(0) ack 1 win 65535 "
                     "<mss 1460,wscale 7,TS val 5 ecr 4>\n");
}
END_TEST

/* The letters in tcpdump's order. */
START_TEST(flags_and_marks_of_ecn_are_told)
{
    struct tcp_segment seg = {.flags = SEG_SYN | SEG_ECE | SEG_CWR};

    ck_assert_str_eq(print("", segment_event(TRACE_SEGMENT_OUT, &seg)),
                     "     1.234567 out      tcp  [3] 192.0.2.2:80 > "
                     "192.0.2.1:4000: SEW 0:0(0) win 0\n");
    seg = (struct tcp_segment){.seq = 501,
                               .ack = 1001,
                               .flags = SEG_FIN | SEG_PSH | SEG_ACK | SEG_URG |
                                        SEG_ECE | SEG_CWR,
                               .ecn = IP_ECN_CE};
    ck_assert_str_eq(print("", segment_event(TRACE_SEGMENT_IN, &seg)),
                     "     1.234567 in       tcp  [3] 192.0.2.1:4000 > "
                     "192.0.2.2:80: FP.UEW 1:1(0) ack 1 win 0 urg 0 CE\n");
    seg.flags = SEG_ACK;
    seg.ecn = IP_ECN_ECT_0;
    ck_assert_str_eq(print("", segment_event(TRACE_SEGMENT_IN, &seg)),
                     "     1.234567 in       tcp  [3] 192.0.2.1:4000 > "
                     "192.0.2.2:80: . 1:1(0) ack 1 win 0 ECT(0)\n");
}
END_TEST

START_TEST(the_syn_of_a_peer_that_is_not_known_yet_is_zero)
{
    struct tcp_segment seg = {.seq = 777777, .flags = SEG_SYN, .wnd = 1};
    struct trace_event event = segment_event(TRACE_SEGMENT_IN, &seg);

    event.connection = 0;
    event.iss = 0;
    event.irs = 0;
    ck_assert_str_eq(print("", event),
                     "     1.234567 in       tcp  192.0.2.1:4000 > "
                     "192.0.2.2:80: S 0:0(0) win 1\n");
}
END_TEST

START_TEST(an_echo_has_its_identifier_and_sequence_number)
{
    struct icmp_echo echo = {.id = 7, .sequence = 1};
    struct trace_event event = {.kind = TRACE_PACKET_IN,
                                .layer = TRACE_ICMP,
                                .local = endpoint(2, 0),
                                .remote = endpoint(1, 0),
                                .text = "echo request",
                                .len = 64,
                                .echo = &echo};

    ck_assert_str_eq(print("", event),
                     "     0.000000 in       icmp 192.0.2.1 > 192.0.2.2: echo "
                     "request, id 7, seq 1, 64 bytes\n");
    event.echo = NULL;
    event.text = "unreachable";
    ck_assert_str_eq(print("", event),
                     "     0.000000 in       icmp 192.0.2.1 > 192.0.2.2: "
                     "unreachable, 64 bytes\n");
}
END_TEST

START_TEST(only_a_frame_of_ethernet_has_a_line_as_such)
{
    uint8_t bytes[60] = {0x02, 0, 0x5e, 0, 0x53, 2, 0x02, 0, 0x5e, 0, 0x53, 1};
    struct netdev dev = {.type = NETDEV_ETHERNET};
    struct iface iface = {.dev = &dev};
    struct frame frame;
    struct trace_event event = {.kind = TRACE_FRAME_IN,
                                .layer = TRACE_ETH,
                                .frame = &frame,
                                .len = sizeof(bytes)};

    frame_init_input(&frame, &iface, bytes, sizeof(bytes));
    ck_assert_str_eq(print("", event),
                     "     0.000000 in   eth  02:00:5e:00:53:01 > "
                     "02:00:5e:00:53:02, 60 bytes\n");
    dev.type = NETDEV_IP;
    ck_assert_str_eq(print("", event), "");
    event.kind = TRACE_FRAME_OUT;
    ck_assert_str_eq(print("", event), "");
}
END_TEST

START_TEST(a_change_of_state_names_both)
{
    ck_assert_str_eq(print("", (struct trace_event){.kind = TRACE_STATE,
                                                    .layer = TRACE_TCP,
                                                    .connection = 12,
                                                    .from = "ESTABLISHED",
                                                    .text = "CLOSE-WAIT"}),
                     "     0.000000          tcp  [12] ESTABLISHED -> "
                     "CLOSE-WAIT\n");
}
END_TEST

START_TEST(a_drop_gives_its_reason_and_the_rule)
{
    struct trace_event event = {
        .kind = TRACE_DROP, .layer = TRACE_IP, .drop = DROP_IP_BAD_CHECKSUM};

    ck_assert_str_eq(print("", event),
                     "     0.000000 drop   ip   header checksum is wrong "
                     "(IP_BAD_CHECKSUM, RFC 1122 3.2.1.2)\n");
    ck_assert_str_ne(print("drop", event), "");
    ck_assert_str_ne(print("ip", event), "");
    ck_assert_str_eq(print("tcp", event), "");
}
END_TEST

START_TEST(a_neighbour_has_an_address_once_it_is_known)
{
    struct trace_event event = {.kind = TRACE_NEIGHBOUR,
                                .layer = TRACE_ARP,
                                .remote = endpoint(1, 0),
                                .text = "incomplete"};

    ck_assert_str_eq(print("", event),
                     "     0.000000        arp  192.0.2.1 incomplete\n");
    event.mac = (struct mac_addr){{2, 0, 0x5e, 0, 0x53, 1}};
    event.text = "reachable";
    ck_assert_str_eq(print("", event),
                     "     0.000000        arp  192.0.2.1 is at "
                     "02:00:5e:00:53:01: reachable\n");
}
END_TEST

START_TEST(what_a_segment_selects_is_told)
{
    struct tcp_segment seg = {
        .seq = 501,
        .ack = 1001,
        .flags = SEG_ACK | SEG_URG,
        .urgent = 3,
        .options = {.sack_permitted = true,
                    .sack_count = 2,
                    .sacks = {{1011, 1021}, {1031, 1041}}},
    };

    ck_assert_str_eq(print("", segment_event(TRACE_SEGMENT_IN, &seg)),
                     "     1.234567 in       tcp  [3] 192.0.2.1:4000 > "
                     "192.0.2.2:80: .U 1:1(0) ack 1 win 0 urg 3 "
                     "<sackOK,sack 2 {11:21}{31:41}>\n");
}
END_TEST

/* With text that leaves, and with each acknowledgment of it. */
START_TEST(how_a_connection_stands_is_told)
{
    struct tcp_segment seg = {
        .seq = 1001, .ack = 501, .flags = SEG_ACK, .text_len = 10};
    struct trace_event event = segment_event(TRACE_SEGMENT_OUT, &seg);
    struct tcp tcp = {.config = {.rto_max = 120 * USEC_PER_SEC}};
    struct tcb tcb = {.tcp = &tcp,
                      .cwnd = 14480,
                      .ssthresh = UINT32_MAX,
                      .snd_una = 1001,
                      .snd_nxt = 1011,
                      .srtt = 1204,
                      .rto = 201000};

    event.tcb = &tcb;
    event.len = 10;
    ck_assert_str_eq(print("", event),
                     "     1.234567 out      tcp  [3] 192.0.2.2:80 > "
                     "192.0.2.1:4000: . 1:11(10) ack 1 win 0 {cwnd 14480, "
                     "flight 10, rtt 1.204 ms, rto 201.000 ms}\n");
    tcb.ssthresh = 2896;
    event.kind = TRACE_ACKED;
    ck_assert_str_eq(print("", event),
                     "     1.234567          tcp  [3] 10 acknowledged: cwnd "
                     "14480, ssthresh 2896, flight 10, rtt 1.204 ms, rto "
                     "201.000 ms\n");
}
END_TEST

START_TEST(what_becomes_of_a_segment_is_told)
{
    struct trace_event event = {.layer = TRACE_TCP, .connection = 1, .len = 20};

    event.kind = TRACE_TEXT;
    event.text = "delivered";
    ck_assert_str_eq(print("", event),
                     "     0.000000          tcp  [1] 20 bytes delivered\n");
    event.kind = TRACE_WINDOW;
    ck_assert_str_eq(print("", event),
                     "     0.000000          tcp  [1] send window 20\n");
    event.kind = TRACE_ACK;
    event.text = "delayed";
    event.due = 40000;
    ck_assert_str_eq(print("", event),
                     "     0.000000          tcp  [1] ACK delayed, in 40.000 "
                     "ms\n");
    event = (struct trace_event){
        .kind = TRACE_READY, .layer = TRACE_SOCKET, .socket = 9};
    ck_assert_str_eq(print("", event),
                     "     0.000000            socket socket 9: its program is "
                     "told\n");
}
END_TEST

UNIT_MAIN("trace_text", a_segment_that_arrives_is_relative_to_both_ends,
          a_segment_that_leaves_is_printed_the_other_way,
          flags_and_marks_of_ecn_are_told,
          the_syn_of_a_peer_that_is_not_known_yet_is_zero,
          an_echo_has_its_identifier_and_sequence_number,
          only_a_frame_of_ethernet_has_a_line_as_such,
          a_change_of_state_names_both, a_drop_gives_its_reason_and_the_rule,
          a_neighbour_has_an_address_once_it_is_known,
          what_a_segment_selects_is_told, how_a_connection_stands_is_told,
          what_becomes_of_a_segment_is_told)
