#include "unit.h"

#include "host/trace_filter.h"
#include "link/iface.h"

#include <errno.h>

/* An IPv4 packet in Ethernet, 192.0.2.1:4000 to 192.0.2.2:80, of TCP. */
static uint8_t http[14 + 20 + 20] = {
    2,    0,    0,   0,  0, 2, 2, 0, 0,  0, 0, 1, 8,   0, /* Ethernet */
    0x45, 0,    0,   40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0,
    2,    1,    192, 0,  2, 2, /* IP */
    0x0f, 0xa0, 0,   80,       /* ports */
};

static struct netdev ethernet = {.type = NETDEV_ETHERNET};
static struct iface iface = {.dev = &ethernet};

static struct trace_filter parse(const char *what)
{
    char mistake[TRACE_WORD_MAX];
    struct trace_filter filter;

    ck_assert_int_eq(trace_filter_parse(what, &filter, mistake), 0);
    return filter;
}

static const char *mistake_in(const char *what)
{
    static char mistake[TRACE_WORD_MAX];
    struct trace_filter filter;

    ck_assert_int_eq(trace_filter_parse(what, &filter, mistake), -EINVAL);
    return mistake;
}

static bool wants(const char *what, struct trace_event event)
{
    struct trace_filter filter = parse(what);

    return trace_filter_wants(&filter, &event);
}

static struct endpoint endpoint(unsigned host, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(0xc0000200 + host),
                             .port = port};
}

static const struct trace_event state = {.kind = TRACE_STATE,
                                         .layer = TRACE_TCP};
static const struct trace_event tcp_drop = {.kind = TRACE_DROP,
                                            .layer = TRACE_TCP};
static const struct trace_event udp_in = {.kind = TRACE_PACKET_IN,
                                          .layer = TRACE_UDP};

START_TEST(no_word_is_everything)
{
    ck_assert(wants("", state));
    ck_assert(wants("", tcp_drop));
    ck_assert(wants("json", udp_in));
    ck_assert(!parse("").is_json);
    ck_assert(parse("json").is_json);
}
END_TEST

START_TEST(layers_add_up)
{
    ck_assert(wants("tcp,udp", state));
    ck_assert(wants("tcp,udp", udp_in));
    ck_assert(wants("tcp", tcp_drop));
    ck_assert(!wants("tcp", udp_in));
}
END_TEST

START_TEST(drops_come_beside_other_words)
{
    ck_assert(wants("drop", tcp_drop));
    ck_assert(!wants("drop", state));
    ck_assert(wants("udp,drop", tcp_drop));
    ck_assert(wants("event=state,drop", tcp_drop));
    ck_assert(wants("event=state,drop", state));
    ck_assert(!wants("event=state,drop", udp_in));
}
END_TEST

START_TEST(events_narrow_layers_down)
{
    ck_assert(wants("event=state", state));
    ck_assert(!wants("event=state", udp_in));
    ck_assert(!wants("udp,event=state", state));
    ck_assert(wants("event=timer|packet", udp_in));
    ck_assert(wants("event=timer,event=packet", udp_in));
    ck_assert(wants("event=drop", tcp_drop));
}
END_TEST

START_TEST(ports_and_hosts_are_those_of_either_end)
{
    struct trace_event event = state;

    event.local = endpoint(2, 80);
    event.remote = endpoint(1, 4000);
    ck_assert(wants("port=80", event));
    ck_assert(wants("port=4000", event));
    ck_assert(!wants("port=81", event));
    ck_assert(wants("port=81,port=80", event));
    ck_assert(wants("host=192.0.2.1", event));
    ck_assert(wants("host=192.0.2.0/24", event));
    ck_assert(!wants("host=192.0.2.3", event));
    ck_assert(!wants("host=192.0.2.1,port=81", event));
}
END_TEST

/* The same filter is asked of a frame's events in their order. */
START_TEST(a_drop_goes_with_the_frame_in_hand)
{
    struct trace_filter filter = parse("drop,port=80,host=192.0.2.1");
    struct trace_event event = {
        .kind = TRACE_FRAME_IN, .layer = TRACE_ETH, .frame_number = 7};
    struct trace_event drop = tcp_drop;
    struct frame frame;

    frame_init_input(&frame, &iface, http, sizeof(http));
    event.frame = &frame;
    drop.frame_number = 7;
    ck_assert(!trace_filter_wants(&filter, &event));
    ck_assert(trace_filter_wants(&filter, &drop));

    event.frame_number = 8;
    drop.frame_number = 8;
    http[14 + 20 + 3] = 81;
    (void)trace_filter_wants(&filter, &event);
    ck_assert(!trace_filter_wants(&filter, &drop));
    http[14 + 20 + 3] = 80;
}
END_TEST

START_TEST(a_frame_is_looked_into)
{
    struct trace_event event = {.kind = TRACE_FRAME_IN, .layer = TRACE_ETH};
    struct frame frame;

    event.frame = &frame;
    for (size_t len = 0; len <= sizeof(http); len++) {
        frame_init_input(&frame, &iface, http, len);
        ck_assert_int_eq(wants("host=192.0.2.1", event), len >= 14 + 20);
        ck_assert_int_eq(wants("port=80", event), len >= 14 + 20 + 4);
    }
    event.kind = TRACE_FRAME_OUT;
    ck_assert(wants("eth,port=4000", event));
    ck_assert(!wants("eth,port=4001", event));
}
END_TEST

START_TEST(a_word_that_is_none_is_named)
{
    ck_assert_str_eq(mistake_in("tcp,tpc,udp"), "tpc");
    ck_assert_str_eq(mistake_in("tcp,"), "");
    ck_assert_str_eq(mistake_in(",tcp"), "");
    ck_assert_str_eq(mistake_in("tcpip"), "tcpip");
    ck_assert_str_eq(mistake_in("event=state|"), "event=state|");
    ck_assert_str_eq(mistake_in("event="), "event=");
    ck_assert_str_eq(mistake_in("port=65536"), "port=65536");
    ck_assert_str_eq(mistake_in("port=http"), "port=http");
    ck_assert_str_eq(mistake_in("host=192.0.2.300"), "host=192.0.2.300");
    ck_assert_str_eq(
        mistake_in("port=1,port=2,port=3,port=4,port=5,port=6,port=7,port=8,"
                   "port=9"),
        "port=9");
    ck_assert_uint_eq(
        strlen(mistake_in("a word that is much longer than any that there is, "
                          "by far")),
        49);
}
END_TEST

UNIT_MAIN("trace_filter", no_word_is_everything, layers_add_up,
          drops_come_beside_other_words, events_narrow_layers_down,
          ports_and_hosts_are_those_of_either_end,
          a_drop_goes_with_the_frame_in_hand, a_frame_is_looked_into,
          a_word_that_is_none_is_named)
