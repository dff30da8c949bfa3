/*
 * What an event looks like as JSON. That every line of a run is JSON is shown
 * with another program's parser, by live/seeing.test.
 */
#include "unit.h"

#include "host/trace_json.h"

#include "ip/icmp.h"
#include "link/iface.h"
#include "tcp/tcb.h"

static const char *json(struct trace_event event)
{
    static struct line line;

    trace_json_line(&event, &line);
    return line.text;
}

static struct endpoint endpoint(unsigned host, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(0xc0000200 + host),
                             .port = port};
}

START_TEST(a_segment_has_its_fields_and_options)
{
    struct tcp_segment seg = {.seq = 501,
                              .ack = 1001,
                              .flags = SEG_ACK | SEG_PSH,
                              .wnd = 512,
                              .text_len = 20,
                              .options = {.has_timestamps = true,
                                          .ts_val = 5,
                                          .ts_ecr = 4,
                                          .sack_count = 1,
                                          .sacks = {{1011, 1021}}}};

    ck_assert_str_eq(
        json((struct trace_event){.kind = TRACE_SEGMENT_IN,
                                  .layer = TRACE_TCP,
                                  .now = 1234567,
                                  .frame_number = 7,
                                  .local = endpoint(2, 80),
                                  .remote = endpoint(1, 4000),
                                  .connection = 3,
                                  .state = "SYN-RECEIVED",
                                  .segment = &seg,
                                  .len = 20,
                                  .iss = 1000,
                                  .irs = 500}),
        "{\"time\":1.234567,\"event\":\"segment\",\"layer\":\"tcp\","
        "\"direction\":\"in\",\"frame\":7,\"local\":\"192.0.2.2\","
        "\"local_port\":80,\"remote\":\"192.0.2.1\",\"remote_port\":4000,"
        "\"connection\":3,\"state\":\"SYN-RECEIVED\",\"flags\":\"P.\","
        "\"seq\":1,\"ack\":1,\"win\":512,\"iss\":1000,\"irs\":500,"
        "\"bytes\":20,\"options\":{ \"ts_val\":5,\"ts_ecr\":4,"
        "\"sack\":[[11,21]]}}\n");
    seg.options = (struct tcp_options){.has_mss = false};
    ck_assert_ptr_nonnull(strstr(
        json((struct trace_event){.kind = TRACE_SEGMENT_OUT, .segment = &seg}),
        "\"options\":{}}"));
}
END_TEST

START_TEST(a_connection_tells_how_it_stands)
{
    struct tcp tcp = {.config = {.rto_max = 120 * USEC_PER_SEC}};
    struct tcb tcb = {.tcp = &tcp,
                      .state = TCPS_ESTABLISHED,
                      .cwnd = 14480,
                      .ssthresh = 7240,
                      .snd_nxt = 10,
                      .snd_wnd = 65535,
                      .rcv_adv = 1000,
                      .srtt = 1204,
                      .rttvar = 400,
                      .rto = 201000};

    ck_assert_str_eq(
        json((struct trace_event){.kind = TRACE_ACKED,
                                  .layer = TRACE_TCP,
                                  .connection = 1,
                                  .state = "ESTABLISHED",
                                  .tcb = &tcb,
                                  .len = 20}),
        "{\"time\":0.000000,\"event\":\"acked\",\"layer\":\"tcp\","
        "\"connection\":1,\"state\":\"ESTABLISHED\",\"cwnd\":14480,"
        "\"ssthresh\":7240,\"flight\":10,\"snd_wnd\":65535,\"rcv_wnd\":1000,"
        "\"srtt\":1204,\"rttvar\":400,\"rto\":201000,\"bytes\":20}\n");
}
END_TEST

START_TEST(a_drop_has_its_reason_in_full)
{
    ck_assert_str_eq(
        json((struct trace_event){.kind = TRACE_DROP,
                                  .layer = TRACE_IP,
                                  .drop = DROP_IP_BAD_CHECKSUM}),
        "{\"time\":0.000000,\"event\":\"drop\",\"layer\":\"ip\","
        "\"reason\":\"IP_BAD_CHECKSUM\",\"text\":\"header checksum "
        "is wrong\",\"section\":\"RFC 1122 3.2.1.2\"}\n");
}
END_TEST

START_TEST(a_frame_has_stations_and_length)
{
    uint8_t bytes[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    struct netdev dev = {.type = NETDEV_ETHERNET};
    struct iface iface = {.dev = &dev};
    struct frame frame;

    frame_init_input(&frame, &iface, bytes, sizeof(bytes));
    ck_assert_str_eq(
        json((struct trace_event){.kind = TRACE_FRAME_OUT,
                                  .layer = TRACE_ETH,
                                  .frame = &frame,
                                  .frame_out = 4,
                                  .len = 60}),
        "{\"time\":0.000000,\"event\":\"frame\",\"layer\":\"eth\","
        "\"direction\":\"out\",\"frame_out\":4,\"src\":\"02:00:00:00:00:01\","
        "\"dst\":\"02:00:00:00:00:02\",\"bytes\":60}\n");
    dev.type = NETDEV_IP;
    ck_assert_ptr_null(strstr(
        json((struct trace_event){.kind = TRACE_FRAME_IN, .frame = &frame}),
        "src"));
}
END_TEST

START_TEST(other_events_have_what_they_are_about)
{
    struct icmp_echo echo = {.id = 7, .sequence = 1};

    ck_assert_str_eq(json((struct trace_event){.kind = TRACE_PACKET_IN,
                                               .layer = TRACE_ICMP,
                                               .text = "echo request",
                                               .echo = &echo,
                                               .len = 64}),
                     "{\"time\":0.000000,\"event\":\"packet\",\"layer\":"
                     "\"icmp\",\"direction\":\"in\",\"what\":\"echo request\","
                     "\"id\":7,\"echo\":1,\"bytes\":64}\n");
    ck_assert_str_eq(json((struct trace_event){.kind = TRACE_STATE,
                                               .layer = TRACE_TCP,
                                               .state = "CLOSE-WAIT",
                                               .from = "ESTABLISHED"}),
                     "{\"time\":0.000000,\"event\":\"state\",\"layer\":\"tcp\","
                     "\"state\":\"CLOSE-WAIT\",\"from\":\"ESTABLISHED\"}\n");
    ck_assert_str_eq(json((struct trace_event){.kind = TRACE_ACK,
                                               .layer = TRACE_TCP,
                                               .text = "delayed",
                                               .due = 40000}),
                     "{\"time\":0.000000,\"event\":\"ack\",\"layer\":\"tcp\","
                     "\"what\":\"delayed\",\"due\":0.040000}\n");
    ck_assert_str_eq(json((struct trace_event){.kind = TRACE_NEIGHBOUR,
                                               .layer = TRACE_ARP,
                                               .remote = endpoint(1, 0),
                                               .mac = {{2, 0, 0, 0, 0, 1}},
                                               .text = "reachable"}),
                     "{\"time\":0.000000,\"event\":\"neighbour\",\"layer\":"
                     "\"arp\",\"remote\":\"192.0.2.1\",\"mac\":"
                     "\"02:00:00:00:00:01\",\"state\":\"reachable\"}\n");
    ck_assert_str_eq(json((struct trace_event){.kind = TRACE_READY,
                                               .layer = TRACE_SOCKET,
                                               .socket = 9}),
                     "{\"time\":0.000000,\"event\":\"ready\",\"layer\":"
                     "\"socket\",\"socket\":9}\n");
}
END_TEST

/* RFC 8259 7 */
START_TEST(what_text_may_not_have_is_escaped)
{
    ck_assert_ptr_nonnull(
        strstr(json((struct trace_event){.kind = TRACE_TIMER,
                                         .text = "a \"b\" \\ \n c"}),
               "\"what\":\"a \\\"b\\\" \\\\ \\u000a c\"}"));
}
END_TEST

UNIT_MAIN("trace_json", a_segment_has_its_fields_and_options,
          a_connection_tells_how_it_stands, a_drop_has_its_reason_in_full,
          a_frame_has_stations_and_length,
          other_events_have_what_they_are_about,
          what_text_may_not_have_is_escaped)
