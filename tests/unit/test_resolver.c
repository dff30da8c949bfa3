/*
 * The resolver of one stack, and on the other one name servers whose every word
 * is the test's, in virtual time: each test reads as a trace of questions and
 * answers. The one that asks is a thread; time goes on when it sleeps and
 * nothing is on the wire.
 */
#define _GNU_SOURCE /* EAI_NODATA */
#include "unit.h"

#include "dns_packet.h"
#include "joined.h"

#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    A = 1,
    PTR = 12,
    FORMERR = 1,
    SERVFAIL = 2,
    NXDOMAIN = 3,
    NOTIMP = 4,
    REFUSED = 5,
    SECOND = 1000000,
    SERVERS = 2 /* 192.0.2.2 and 192.0.2.3 */
};

/* Who asks. */
static struct asker {
    pthread_t thread;
    const char *name; /* NULL: addr's name is wanted */
    uint32_t addr;
    int flags;
    atomic_bool is_done;
    int result;
    struct addrinfo *list;
    char host[NI_MAXHOST];
} asker;

/* The question that came last. */
static struct question {
    struct sockaddr_in from;
    unsigned server;
    int stream; /* by TCP: its connection; -1 */
    size_t len;
    uint8_t data[600];
    unsigned id;
    char name[256];
    unsigned type;
    bool has_edns;
} question;

static struct joined joined;
static uint64_t now;
static int udp[SERVERS];
static int tcp[SERVERS];
static struct dns_packet packet;

/* ---- The stage --------------------------------------------------------- */

static int bound(int type, unsigned server)
{
    struct sockaddr_in local = address_of(2 + server, 53);
    int fd = open_socket(joined.b, type | SOCK_NONBLOCK);

    ck_assert_int_eq(tapir_bind(fd, (struct sockaddr *)&local, sizeof(local)),
                     0);
    if (type == SOCK_STREAM)
        ck_assert_int_eq(tapir_listen(fd, 4), 0);
    return fd;
}

static void start_with(const char *dns)
{
    unsetenv("LOCALDOMAIN");
    unsetenv("RES_OPTIONS");
    joined = joined_open_asking(TAPIR_CLOCK_MANUAL, dns);
    now = 0;
    for (unsigned i = 0; i < SERVERS; i++) {
        udp[i] = bound(SOCK_DGRAM, i);
        tcp[i] = bound(SOCK_STREAM, i);
    }
}

static void start(void)
{
    start_with("192.0.2.2,192.0.2.3");
}

/* The resolver has given all its numbers back. */
static void stop(void)
{
    for (unsigned i = 0; i < SERVERS; i++) {
        ck_assert_int_eq(tapir_close(udp[i]), 0);
        ck_assert_int_eq(tapir_close(tcp[i]), 0);
    }
    ck_assert_int_eq(open_socket(joined.b, SOCK_DGRAM), 3);
    ck_assert_int_eq(tapir_close(3), 0);
    joined_close(&joined);
}

static void advance(void)
{
    uint64_t a = tapir_next_deadline(joined.a);
    uint64_t b = tapir_next_deadline(joined.b);
    uint64_t next = a < b ? a : b;

    ck_assert_msg(next != UINT64_MAX, "it waits for ever");
    now = next > now ? next : now;
    ck_assert_int_eq(tapir_advance(joined.a, now), 0);
    ck_assert_int_eq(tapir_advance(joined.b, now), 0);
}

/* What there is to do but for the test's own part. */
static void go_on(void)
{
    if (count_sleepers() > 0)
        advance();
    else
        sched_yield();
}

/* The one that asks sleeps until then. */
static void pass_until(uint64_t time)
{
    while (count_sleepers() == 0)
        sched_yield();
    now = time;
    ck_assert_int_eq(tapir_advance(joined.a, now), 0);
    ck_assert_int_eq(tapir_advance(joined.b, now), 0);
}

static void expect_time(uint64_t time)
{
    ck_assert_msg(now == time, "the time is %llu, not %llu",
                  (unsigned long long)now, (unsigned long long)time);
}

/* ---- Who asks ---------------------------------------------------------- */

static void *run_asker(void *argument)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_CANONNAME};
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(asker.addr)};

    (void)argument;
    if (asker.name != NULL)
        asker.result = tapir_getaddrinfo_on(joined.a, asker.name, "80", &hints,
                                            &asker.list);
    else
        asker.result = tapir_getnameinfo_on(
            joined.a, (struct sockaddr *)&in, sizeof(in), asker.host,
            sizeof(asker.host), NULL, 0, asker.flags);
    atomic_store(&asker.is_done, true);
    return NULL;
}

static void begin(void)
{
    atomic_store(&asker.is_done, false);
    ck_assert_int_eq(pthread_create(&asker.thread, NULL, run_asker, NULL), 0);
}

static void ask(const char *name)
{
    asker.name = name;
    begin();
}

static void ask_addr(uint32_t addr, int flags)
{
    asker.name = NULL;
    asker.addr = addr;
    asker.flags = flags;
    begin();
}

static void expect_end(int result)
{
    while (!atomic_load(&asker.is_done))
        go_on();
    ck_assert_int_eq(pthread_join(asker.thread, NULL), 0);
    ck_assert_msg(asker.result == result, "%s, not %s",
                  gai_strerror(asker.result), gai_strerror(result));
}

static uint32_t addr_of(const struct addrinfo *info)
{
    struct sockaddr_in in;

    memcpy(&in, info->ai_addr, sizeof(in));
    return ntohl(in.sin_addr.s_addr);
}

static void expect_found(const char *canonical, uint32_t addr)
{
    expect_end(0);
    ck_assert_str_eq(asker.list->ai_canonname, canonical);
    ck_assert_uint_eq(addr_of(asker.list), addr);
    tapir_freeaddrinfo(asker.list);
}

static void expect_host(const char *host)
{
    expect_end(0);
    ck_assert_str_eq(asker.host, host);
}

/* ---- The servers ------------------------------------------------------- */

/* The question's name as it lies there: nothing in it is compressed. */
static size_t read_question_name(void)
{
    size_t at = 12;
    size_t len = 0;

    while (question.data[at] != 0) {
        size_t label = question.data[at++];

        ck_assert_uint_lt(label, 64);
        memcpy(question.name + len, question.data + at, label);
        at += label;
        len += label;
        question.name[len++] = '.';
    }
    question.name[len > 0 ? len - 1 : 0] = '\0';
    return at + 1;
}

static void read_question(unsigned server)
{
    size_t at = read_question_name();

    question.server = server;
    question.id = get_be16(question.data);
    question.type = get_be16(question.data + at);
    question.has_edns = get_be16(question.data + 10) == 1;
    ck_assert_uint_eq(get_be16(question.data + 2), DNS_RD);
    ck_assert_uint_eq(get_be16(question.data + 4), 1);
    ck_assert_uint_eq(get_be16(question.data + at + 2), 1);
    ck_assert_uint_eq(question.len, at + 4 + (question.has_edns ? 11 : 0));
}

static bool hears_udp(unsigned server)
{
    socklen_t len = sizeof(question.from);
    ssize_t got =
        tapir_recvfrom(udp[server], question.data, sizeof(question.data), 0,
                       (struct sockaddr *)&question.from, &len);

    if (got < 0)
        return false;
    question.len = (size_t)got;
    question.stream = -1;
    read_question(server);
    return true;
}

static void expect_question(unsigned server, const char *name, unsigned type)
{
    while (!hears_udp(server)) {
        ck_assert_msg(!atomic_load(&asker.is_done), "nobody asks for %s: %s",
                      name, gai_strerror(asker.result));
        go_on();
    }
    ck_assert_str_eq(question.name, name);
    ck_assert_uint_eq(question.type, type);
}

static void wait_readable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    while (tapir_poll(&polled, 1, 0) == 0) {
        ck_assert_msg(!atomic_load(&asker.is_done), "nobody asks by TCP: %s",
                      gai_strerror(asker.result));
        go_on();
    }
}

/* A connection, and the question on it (RFC 7766 8: in one segment). */
static void expect_question_by_tcp(unsigned server, const char *name)
{
    uint8_t data[700];
    ssize_t got;

    wait_readable(tcp[server]);
    question.stream = tapir_accept4(tcp[server], NULL, NULL, SOCK_NONBLOCK);
    ck_assert_int_ge(question.stream, 0);
    wait_readable(question.stream);
    got = tapir_recv(question.stream, data, sizeof(data), 0);
    ck_assert_int_gt(got, 2);
    ck_assert_int_eq(get_be16(data) + 2, (int)got);
    question.len = (size_t)got - 2;
    memcpy(question.data, data + 2, question.len);
    read_question(server);
    ck_assert_str_eq(question.name, name);
}

/* The beginning of an answer; records may follow. */
static void begin_answer(unsigned flags)
{
    packet_begin(&packet, question.id, flags, question.name, question.type);
}

static void send_answer(void)
{
    ck_assert_int_eq(tapir_sendto(udp[question.server], packet.data, packet.len,
                                  0, (struct sockaddr *)&question.from,
                                  sizeof(question.from)),
                     (ssize_t)packet.len);
}

static void hang_up(void)
{
    ck_assert_int_eq(tapir_close(question.stream), 0);
}

static void send_answer_by_tcp(void)
{
    uint8_t length[2];

    put_be16(length, (uint16_t)packet.len);
    ck_assert_int_eq(tapir_send(question.stream, length, 2, MSG_MORE), 2);
    ck_assert_int_eq(tapir_send(question.stream, packet.data, packet.len, 0),
                     (ssize_t)packet.len);
    hang_up();
}

static void answer(uint32_t addr)
{
    begin_answer(DNS_RESPONSE);
    packet_a(&packet, question.name, addr);
    send_answer();
}

static void answer_rcode(unsigned rcode)
{
    begin_answer(DNS_RESPONSE | rcode);
    send_answer();
}

/* ---- Questions and answers --------------------------------------------- */

START_TEST(a_name_is_asked_for_by_udp)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    ck_assert(question.has_edns);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(all_addresses_are_listed_in_their_order)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    begin_answer(DNS_RESPONSE);
    packet_a(&packet, question.name, 0xc0000209);
    packet_a(&packet, question.name, 0xc0000207);
    send_answer();
    expect_end(0);
    ck_assert_uint_eq(addr_of(asker.list), 0xc0000209);
    ck_assert_uint_eq(addr_of(asker.list->ai_next), 0xc0000207);
    ck_assert_ptr_null(asker.list->ai_next->ai_next);
    tapir_freeaddrinfo(asker.list);
    stop();
}
END_TEST

START_TEST(an_alias_gives_way_to_the_hosts_own_name)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    begin_answer(DNS_RESPONSE);
    packet_cname(&packet, "www.example.com", "host.example.net");
    packet_a(&packet, "host.example.net", 0xc0000207);
    send_answer();
    expect_found("host.example.net", 0xc0000207);
    stop();
}
END_TEST

START_TEST(an_alias_of_a_name_without_addresses_has_none)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    begin_answer(DNS_RESPONSE);
    packet_cname(&packet, "www.example.com", "host.example.net");
    send_answer();
    expect_end(EAI_NODATA); /* the server has looked: nothing more is asked */
    stop();
}
END_TEST

START_TEST(no_such_name_and_no_such_address_are_told_apart)
{
    start();
    ask("none.example.com");
    expect_question(0, "none.example.com", A);
    answer_rcode(NXDOMAIN);
    expect_end(EAI_NONAME);
    ask("mail.example.com");
    expect_question(0, "mail.example.com", A);
    answer_rcode(0);
    expect_end(EAI_NODATA);
    expect_time(0); /* neither is asked for twice */
    stop();
}
END_TEST

START_TEST(questions_have_ids_and_ports_of_their_own)
{
    unsigned ids[4];
    unsigned ports[4];

    start();
    for (unsigned i = 0; i < 4; i++) {
        ask("www.example.com");
        expect_question(0, "www.example.com", A);
        ids[i] = question.id;
        ports[i] = ntohs(question.from.sin_port);
        answer(0xc0000207);
        expect_found("www.example.com", 0xc0000207);
    }
    for (unsigned i = 1; i < 4; i++) {
        ck_assert_uint_ne(ids[i] - ids[i - 1], 0);
        ck_assert_uint_ne(ids[i] - ids[i - 1], 1);
        ck_assert_uint_ne(ports[i] - ports[i - 1], 0);
        ck_assert_uint_ne(ports[i] - ports[i - 1], 1);
    }
    stop();
}
END_TEST

/* ---- Lies -------------------------------------------------------------- */

START_TEST(what_does_not_answer_the_question_is_passed_over)
{
    struct sockaddr_in to;

    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    to = question.from;
    packet_begin(&packet, question.id ^ 1, DNS_RESPONSE, "www.example.com", A);
    packet_a(&packet, "www.example.com", 0xc6336401);
    send_answer();
    packet_begin(&packet, question.id, DNS_RESPONSE, "www.example.org", A);
    packet_a(&packet, "www.example.org", 0xc6336401);
    send_answer();
    packet_begin(&packet, question.id, DNS_RD, "www.example.com", A);
    send_answer();
    packet.len = 5;
    send_answer();
    packet.len = 0;
    send_answer();
    begin_answer(DNS_RESPONSE); /* the right words from the wrong server */
    packet_a(&packet, "www.example.com", 0xc6336401);
    ck_assert_int_gt(tapir_sendto(udp[1], packet.data, packet.len, 0,
                                  (struct sockaddr *)&to, sizeof(to)),
                     0);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(lies_alone_do_not_lengthen_the_wait)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    for (uint64_t time = 1; time < 5; time++) {
        pass_until(time * SECOND);
        packet_begin(&packet, question.id ^ 1, DNS_RESPONSE, "www.example.com",
                     A);
        send_answer();
    }
    expect_question(1, "www.example.com", A);
    expect_time(5 * SECOND);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(a_malformed_answer_leads_to_the_next_server)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    begin_answer(DNS_RESPONSE);
    packet_a(&packet, question.name, 0xc6336401);
    packet.len--;
    send_answer();
    expect_question(1, "www.example.com", A);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(aliases_in_a_circle_fail)
{
    start();
    ask("a.example");
    expect_question(0, "a.example", A);
    begin_answer(DNS_RESPONSE);
    packet_cname(&packet, "a.example", "b.example");
    packet_cname(&packet, "b.example", "a.example");
    send_answer();
    expect_end(EAI_FAIL);
    stop();
}
END_TEST

START_TEST(an_alias_of_a_name_that_no_host_can_have_fails)
{
    start();
    ask("a.example");
    expect_question(0, "a.example", A);
    begin_answer(DNS_RESPONSE);
    packet_cname(&packet, "a.example", "$(reboot).example");
    packet_a(&packet, "$(reboot).example", 0xc0000207);
    send_answer();
    expect_end(EAI_FAIL);
    stop();
}
END_TEST

/* ---- Silence and failure ----------------------------------------------- */

START_TEST(silent_servers_are_asked_in_turn_twice)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    expect_time(0);
    expect_question(1, "www.example.com", A);
    expect_time(5 * SECOND);
    expect_question(0, "www.example.com", A);
    expect_time(10 * SECOND);
    expect_question(1, "www.example.com", A);
    expect_time(15 * SECOND);
    expect_end(EAI_AGAIN);
    expect_time(20 * SECOND);
    stop();
}
END_TEST

START_TEST(timeout_and_attempts_are_options)
{
    start_with("192.0.2.2");
    setenv("RES_OPTIONS", "timeout:1 attempts:3", 1);
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    expect_question(0, "www.example.com", A);
    expect_time(1 * SECOND);
    expect_question(0, "www.example.com", A);
    expect_time(3 * SECOND);
    expect_end(EAI_AGAIN);
    expect_time(7 * SECOND);
    stop();
}
END_TEST

START_TEST(a_late_answer_to_an_earlier_question_is_passed_over)
{
    struct question first;

    start_with("192.0.2.2");
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    first = question;
    expect_question(0, "www.example.com", A);
    ck_assert_uint_ne(question.from.sin_port, first.from.sin_port);
    packet_begin(&packet, first.id, DNS_RESPONSE, "www.example.com", A);
    packet_a(&packet, "www.example.com", 0xc6336401);
    send_answer();
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

/* ICMP says that the port is closed. */
START_TEST(where_no_server_is_the_next_one_is_asked_at_once)
{
    start_with("192.0.2.2,192.0.2.3");
    ck_assert_int_eq(tapir_close(udp[0]), 0);
    ask("www.example.com");
    expect_question(1, "www.example.com", A);
    expect_time(0);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    udp[0] = bound(SOCK_DGRAM, 0);
    stop();
}
END_TEST

START_TEST(a_server_that_fails_leads_to_the_next_one)
{
    static const unsigned rcodes[] = {SERVFAIL, REFUSED};

    start();
    for (size_t i = 0; i < ARRAY_LENGTH(rcodes); i++) {
        ask("www.example.com");
        expect_question(0, "www.example.com", A);
        answer_rcode(rcodes[i]);
        expect_question(1, "www.example.com", A);
        answer(0xc0000207);
        expect_found("www.example.com", 0xc0000207);
    }
    expect_time(0);
    stop();
}
END_TEST

START_TEST(if_all_servers_fail_it_may_be_tried_again)
{
    start();
    ask("www.example.com");
    for (unsigned i = 0; i < 4; i++) {
        expect_question(i % 2, "www.example.com", A);
        answer_rcode(SERVFAIL);
    }
    expect_end(EAI_AGAIN);
    stop();
}
END_TEST

START_TEST(a_referral_leads_to_the_next_server)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    begin_answer(DNS_QR | DNS_RD);
    send_answer();
    expect_question(1, "www.example.com", A);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(of_a_server_that_does_not_ask_others_the_rest_of_a_chain_is_asked)
{
    start();
    ask("a.example");
    expect_question(0, "a.example", A);
    begin_answer(DNS_QR | DNS_RD | DNS_AA);
    packet_cname(&packet, "a.example", "b.example");
    send_answer();
    expect_question(0, "b.example", A);
    begin_answer(DNS_QR | DNS_RD | DNS_AA);
    packet_cname(&packet, "b.example", "c.example");
    packet_a(&packet, "c.example", 0xc0000207);
    send_answer();
    expect_found("c.example", 0xc0000207);
    stop();
}
END_TEST

START_TEST(such_a_chain_has_an_end)
{
    start();
    ask("a.example");
    for (unsigned i = 0; i < 17; i++) {
        expect_question(0, i % 2 == 0 ? "a.example" : "b.example", A);
        begin_answer(DNS_QR | DNS_RD | DNS_AA);
        packet_cname(&packet, question.name,
                     i % 2 == 0 ? "b.example" : "a.example");
        send_answer();
    }
    expect_end(EAI_FAIL);
    stop();
}
END_TEST

START_TEST(rotate_begins_with_another_server_each_time)
{
    start();
    setenv("RES_OPTIONS", "rotate", 1);
    for (unsigned i = 0; i < 3; i++) {
        ask("www.example.com");
        expect_question(i % 2, "www.example.com", A);
        answer(0xc0000207);
        expect_found("www.example.com", 0xc0000207);
    }
    stop();
}
END_TEST

/* ---- EDNS -------------------------------------------------------------- */

/* RFC 6891 7 */
START_TEST(a_server_without_edns_is_asked_again_without_it)
{
    static const unsigned rcodes[] = {FORMERR, NOTIMP};

    start();
    for (size_t i = 0; i < ARRAY_LENGTH(rcodes); i++) {
        ask("www.example.com");
        expect_question(0, "www.example.com", A);
        ck_assert(question.has_edns);
        answer_rcode(rcodes[i]);
        expect_question(0, "www.example.com", A);
        ck_assert(!question.has_edns);
        answer(0xc0000207);
        expect_found("www.example.com", 0xc0000207);
    }
    stop();
}
END_TEST

START_TEST(a_server_of_another_version_is_asked_without_edns)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    begin_answer(DNS_RESPONSE);
    packet_opt(&packet, 1); /* BADVERS */
    send_answer();
    expect_question(0, "www.example.com", A);
    ck_assert(!question.has_edns);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(who_cannot_read_a_plain_question_has_failed)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    packet_begin(&packet, question.id, DNS_RESPONSE | FORMERR, NULL, 0);
    send_answer();
    expect_question(0, "www.example.com", A);
    packet_begin(&packet, question.id, DNS_RESPONSE | FORMERR, NULL, 0);
    send_answer();
    expect_end(EAI_FAIL);
    stop();
}
END_TEST

START_TEST(edns_can_be_switched_off)
{
    start();
    setenv("RES_OPTIONS", "no-edns0", 1);
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    ck_assert(!question.has_edns);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

/* ---- TCP, RFC 7766 ----------------------------------------------------- */

static void answer_truncated(void)
{
    begin_answer(DNS_RESPONSE | DNS_TC);
    send_answer();
}

START_TEST(what_does_not_fit_is_asked_for_by_tcp)
{
    unsigned count = 0;

    start();
    ask("many.example.com");
    expect_question(0, "many.example.com", A);
    answer_truncated();
    expect_question_by_tcp(0, "many.example.com");
    begin_answer(DNS_RESPONSE);
    for (uint32_t i = 0; i < 200; i++)
        packet_a(&packet, question.name, 0xc6336400 + i);
    ck_assert_uint_gt(packet.len, 4096);
    send_answer_by_tcp();
    expect_end(0);
    for (struct addrinfo *i = asker.list; i != NULL; i = i->ai_next)
        ck_assert_uint_eq(addr_of(i), 0xc6336400 + count++);
    ck_assert_uint_eq(count, 200);
    tapir_freeaddrinfo(asker.list);
    stop();
}
END_TEST

START_TEST(without_tcp_the_next_server_is_asked)
{
    start();
    ck_assert_int_eq(tapir_close(tcp[0]), 0);
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    answer_truncated();
    expect_question(1, "www.example.com", A);
    expect_time(0);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    tcp[0] = bound(SOCK_STREAM, 0);
    stop();
}
END_TEST

START_TEST(a_connection_that_ends_too_early_leads_to_the_next_server)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    answer_truncated();
    expect_question_by_tcp(0, "www.example.com");
    ck_assert_int_eq(tapir_send(question.stream, "\0\100abc", 5, 0), 5);
    hang_up();
    expect_question(1, "www.example.com", A);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(a_lie_by_tcp_leads_to_the_next_server)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    answer_truncated();
    expect_question_by_tcp(0, "www.example.com");
    packet_begin(&packet, question.id ^ 1, DNS_RESPONSE, "www.example.com", A);
    packet_a(&packet, "www.example.com", 0xc6336401);
    send_answer_by_tcp();
    expect_question(1, "www.example.com", A);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(a_connection_that_is_silent_ends_with_the_time)
{
    int stream;

    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    answer_truncated();
    expect_question_by_tcp(0, "www.example.com");
    stream = question.stream;
    expect_question(1, "www.example.com", A);
    expect_time(5 * SECOND);
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    ck_assert_int_eq(tapir_close(stream), 0);
    stop();
}
END_TEST

START_TEST(tcp_can_be_had_from_the_beginning)
{
    start();
    setenv("RES_OPTIONS", "use-vc", 1);
    ask("www.example.com");
    expect_question_by_tcp(0, "www.example.com");
    begin_answer(DNS_RESPONSE);
    packet_a(&packet, question.name, 0xc0000207);
    send_answer_by_tcp();
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

/* ---- The search list --------------------------------------------------- */

START_TEST(a_name_without_a_dot_is_looked_for_in_the_domains_first)
{
    start();
    setenv("LOCALDOMAIN", "a.example b.example", 1);
    ask("www");
    expect_question(0, "www.a.example", A);
    answer_rcode(NXDOMAIN);
    expect_question(0, "www.b.example", A);
    answer(0xc0000207);
    expect_found("www.b.example", 0xc0000207);
    stop();
}
END_TEST

START_TEST(at_last_it_is_tried_as_it_is)
{
    start();
    setenv("LOCALDOMAIN", "a.example", 1);
    ask("www");
    expect_question(0, "www.a.example", A);
    answer_rcode(NXDOMAIN);
    expect_question(0, "www", A);
    answer(0xc0000207);
    expect_found("www", 0xc0000207);
    stop();
}
END_TEST

START_TEST(a_name_with_dots_is_tried_as_it_is_first)
{
    start();
    setenv("LOCALDOMAIN", "a.example", 1);
    ask("www.b");
    expect_question(0, "www.b", A);
    answer_rcode(NXDOMAIN);
    expect_question(0, "www.b.a.example", A);
    answer_rcode(NXDOMAIN);
    expect_end(EAI_NONAME);
    stop();
}
END_TEST

START_TEST(ndots_says_how_many)
{
    start();
    setenv("LOCALDOMAIN", "a.example", 1);
    setenv("RES_OPTIONS", "ndots:2", 1);
    ask("www.b");
    expect_question(0, "www.b.a.example", A);
    answer(0xc0000207);
    expect_found("www.b.a.example", 0xc0000207);
    stop();
}
END_TEST

START_TEST(a_dot_at_the_end_ends_the_search)
{
    start();
    setenv("LOCALDOMAIN", "a.example", 1);
    ask("www.");
    expect_question(0, "www", A);
    answer_rcode(NXDOMAIN);
    expect_end(EAI_NONAME);
    stop();
}
END_TEST

START_TEST(a_name_without_addresses_is_remembered_in_the_search)
{
    start();
    setenv("LOCALDOMAIN", "a.example b.example", 1);
    ask("www");
    expect_question(0, "www.a.example", A);
    answer_rcode(0);
    expect_question(0, "www.b.example", A);
    answer_rcode(NXDOMAIN);
    expect_question(0, "www", A);
    answer_rcode(NXDOMAIN);
    expect_end(EAI_NODATA);
    stop();
}
END_TEST

START_TEST(silence_ends_the_search)
{
    start_with("192.0.2.2");
    setenv("LOCALDOMAIN", "a.example b.example", 1);
    ask("www");
    expect_question(0, "www.a.example", A);
    expect_question(0, "www.a.example", A);
    expect_end(EAI_AGAIN);
    expect_time(15 * SECOND);
    stop();
}
END_TEST

/* ---- From address to name ---------------------------------------------- */

START_TEST(an_address_has_a_name_that_a_pointer_gives)
{
    start();
    ask_addr(0xc0000207, 0);
    expect_question(0, "7.2.0.192.in-addr.arpa", PTR);
    begin_answer(DNS_RESPONSE);
    packet_ptr(&packet, question.name, "www.example.com");
    send_answer();
    expect_host("www.example.com");
    stop();
}
END_TEST

START_TEST(an_address_without_a_name_stays_a_number)
{
    start();
    ask_addr(0xc0000207, 0);
    expect_question(0, "7.2.0.192.in-addr.arpa", PTR);
    answer_rcode(NXDOMAIN);
    expect_host("192.0.2.7");
    ask_addr(0xc0000207, NI_NAMEREQD);
    expect_question(0, "7.2.0.192.in-addr.arpa", PTR);
    answer_rcode(NXDOMAIN);
    expect_end(EAI_NONAME);
    stop();
}
END_TEST

START_TEST(a_name_that_no_host_can_have_is_none)
{
    start();
    ask_addr(0xc0000207, 0);
    expect_question(0, "7.2.0.192.in-addr.arpa", PTR);
    begin_answer(DNS_RESPONSE);
    packet_ptr(&packet, question.name, "a;b\n.example.com");
    send_answer();
    expect_host("192.0.2.7");
    stop();
}
END_TEST

/* ---- What is not asked ------------------------------------------------- */

START_TEST(names_with_a_meaning_of_their_own_are_not_asked_for)
{
    start();
    ask("www.localhost");
    expect_found("www.localhost", 0x7f000001);
    ask("Nobody.INVALID.");
    expect_end(EAI_NONAME);
    ask("192.0.2.256");
    expect_end(EAI_NONAME);
    ask("a..b");
    expect_end(EAI_NONAME);
    ask("$(reboot)");
    expect_end(EAI_NONAME);
    for (unsigned i = 0; i < SERVERS; i++)
        ck_assert(!hears_udp(i));
    stop();
}
END_TEST

START_TEST(without_dns_nobody_is_asked)
{
    start_with("none");
    ask("www.example.com");
    expect_end(EAI_NONAME);
    for (unsigned i = 0; i < SERVERS; i++)
        ck_assert(!hears_udp(i));
    stop();
}
END_TEST

static void ignore_signal(int number)
{
    (void)number;
}

START_TEST(a_signal_does_not_end_it)
{
    struct sigaction action = {.sa_handler = ignore_signal};

    sigaction(SIGUSR1, &action, NULL);
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    for (unsigned i = 0; i < 10; i++) {
        await_sleepers(1);
        pthread_kill(asker.thread, SIGUSR1);
    }
    answer(0xc0000207);
    expect_found("www.example.com", 0xc0000207);
    stop();
}
END_TEST

START_TEST(the_end_of_the_stack_ends_it)
{
    start();
    ask("www.example.com");
    expect_question(0, "www.example.com", A);
    await_sleepers(1);
    tapir_stack_destroy(joined.a);
    ck_assert_int_eq(pthread_join(asker.thread, NULL), 0);
    ck_assert_int_eq(asker.result, EAI_SYSTEM);
    tapir_stack_destroy(joined.b);
}
END_TEST

UNIT_MAIN("resolver", a_name_is_asked_for_by_udp,
          all_addresses_are_listed_in_their_order,
          an_alias_gives_way_to_the_hosts_own_name,
          an_alias_of_a_name_without_addresses_has_none,
          no_such_name_and_no_such_address_are_told_apart,
          questions_have_ids_and_ports_of_their_own,
          what_does_not_answer_the_question_is_passed_over,
          lies_alone_do_not_lengthen_the_wait,
          a_malformed_answer_leads_to_the_next_server, aliases_in_a_circle_fail,
          an_alias_of_a_name_that_no_host_can_have_fails,
          silent_servers_are_asked_in_turn_twice,
          timeout_and_attempts_are_options,
          a_late_answer_to_an_earlier_question_is_passed_over,
          where_no_server_is_the_next_one_is_asked_at_once,
          a_server_that_fails_leads_to_the_next_one,
          if_all_servers_fail_it_may_be_tried_again,
          a_referral_leads_to_the_next_server,
          of_a_server_that_does_not_ask_others_the_rest_of_a_chain_is_asked,
          such_a_chain_has_an_end, rotate_begins_with_another_server_each_time,
          a_server_without_edns_is_asked_again_without_it,
          a_server_of_another_version_is_asked_without_edns,
          who_cannot_read_a_plain_question_has_failed, edns_can_be_switched_off,
          what_does_not_fit_is_asked_for_by_tcp,
          without_tcp_the_next_server_is_asked,
          a_connection_that_ends_too_early_leads_to_the_next_server,
          a_lie_by_tcp_leads_to_the_next_server,
          a_connection_that_is_silent_ends_with_the_time,
          tcp_can_be_had_from_the_beginning,
          a_name_without_a_dot_is_looked_for_in_the_domains_first,
          at_last_it_is_tried_as_it_is,
          a_name_with_dots_is_tried_as_it_is_first, ndots_says_how_many,
          a_dot_at_the_end_ends_the_search,
          a_name_without_addresses_is_remembered_in_the_search,
          silence_ends_the_search, an_address_has_a_name_that_a_pointer_gives,
          an_address_without_a_name_stays_a_number,
          a_name_that_no_host_can_have_is_none,
          names_with_a_meaning_of_their_own_are_not_asked_for,
          without_dns_nobody_is_asked, a_signal_does_not_end_it,
          the_end_of_the_stack_ends_it)
