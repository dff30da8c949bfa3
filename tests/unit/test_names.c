/*
 * getaddrinfo and its kin beside libc's own, call for call: the same hints,
 * nodes and services must give the same answers and errors. Only what needs no
 * name server is asked for. IPv6, of which the library has none, is taken out
 * of libc's answers; a name of /etc/hosts that has an address twice counts
 * once.
 */
#define _GNU_SOURCE /* AI_*, EAI_*, NI_*, gethostbyname_r */
#include "unit.h"

#include "tapir.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Other libraries' getaddrinfo takes other liberties. */
#ifdef __GLIBC__
enum { IS_GLIBC = 1 };
#else
enum { IS_GLIBC = 0 };
#endif

enum { TEXT_MAX = 4096 };

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *,
                           struct addrinfo **);

static const char *name_of(int error)
{
    switch (error) {
    case EAI_BADFLAGS:
        return "EAI_BADFLAGS";
    case EAI_NONAME:
        return "EAI_NONAME";
    case EAI_AGAIN:
        return "EAI_AGAIN";
    case EAI_FAMILY:
        return "EAI_FAMILY";
    case EAI_SOCKTYPE:
        return "EAI_SOCKTYPE";
    case EAI_SERVICE:
        return "EAI_SERVICE";
    case EAI_ADDRFAMILY:
        return "EAI_ADDRFAMILY";
    case EAI_OVERFLOW:
        return "EAI_OVERFLOW";
    default:
        return gai_strerror(error);
    }
}

/* ---- getaddrinfo ------------------------------------------------------- */

/* Without what is not of IPv4; the canonical name goes to the first that is. */
static void print_list(const struct addrinfo *list, char text[static TEXT_MAX])
{
    const char *canonical = list != NULL ? list->ai_canonname : NULL;
    char last[128] = "";
    size_t len = 0;

    for (; list != NULL; list = list->ai_next) {
        struct sockaddr_in in;
        char one[128];

        if (list->ai_family != AF_INET)
            continue;
        ck_assert_uint_eq(list->ai_addrlen, sizeof(in));
        memcpy(&in, list->ai_addr, sizeof(in));
        ck_assert_int_eq(in.sin_family, AF_INET);
        snprintf(one, sizeof(one), "%08x:%u type %d protocol %d flags %#x; ",
                 ntohl(in.sin_addr.s_addr), ntohs(in.sin_port),
                 list->ai_socktype, list->ai_protocol,
                 (unsigned)list->ai_flags);
        if (strcmp(one, last) != 0)
            len += (size_t)snprintf(text + len, TEXT_MAX - len, "%s", one);
        strcpy(last, one);
    }
    snprintf(text + len, TEXT_MAX - len, "named %s",
             canonical != NULL ? canonical : "nothing");
}

static void look_up(getaddrinfo_fn *function, const char *node,
                    const char *service, const struct addrinfo *hints,
                    char text[static TEXT_MAX])
{
    struct addrinfo *list = NULL;
    int r = function(node, service, hints, &list);

    if (r != 0)
        snprintf(text, TEXT_MAX, "%s", name_of(r));
    else
        print_list(list, text);
    if (r == 0 && function == tapir_getaddrinfo)
        tapir_freeaddrinfo(list);
    else if (r == 0)
        freeaddrinfo(list);
}

static void expect_same(const char *node, const char *service,
                        const struct addrinfo *hints)
{
    static const struct addrinfo none = {0};
    const struct addrinfo *shown = hints != NULL ? hints : &none;
    char libc[TEXT_MAX];
    char ours[TEXT_MAX];

    look_up(getaddrinfo, node, service, hints, libc);
    look_up(tapir_getaddrinfo, node, service, hints, ours);
    ck_assert_msg(strcmp(libc, ours) == 0,
                  "node '%s' service '%s' flags %#x family %d type %d "
                  "protocol %d:\nlibc: %s\nours: %s",
                  node != NULL ? node : "(none)",
                  service != NULL ? service : "(none)",
                  (unsigned)shown->ai_flags, shown->ai_family,
                  shown->ai_socktype, shown->ai_protocol, libc, ours);
}

/* With no hints, and with all kinds of sockets. */
static void expect_same_for_all_kinds(const char *node, const char *service,
                                      int flags)
{
    static const int types[] = {0,        SOCK_STREAM, SOCK_DGRAM,
                                SOCK_RAW, SOCK_RDM,    99};
    static const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
                                    99};

    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(protocols); j++) {
            struct addrinfo hints = {.ai_family = AF_INET,
                                     .ai_socktype = types[i],
                                     .ai_protocol = protocols[j],
                                     .ai_flags = flags};

            expect_same(node, service, &hints);
        }
    }
}

START_TEST(services_are_found_for_each_kind_of_socket)
{
    static const char *const services[] = {
        NULL, "0",      "80",   "65535", "080",      " 80",  "80 ",
        "-1", "x1",     "0x50", "",      "http",     "HTTP", "www",
        "*",  "domain", "tftp", "ssh",   "nonesuch",
    };

    for (size_t i = 0; i < ARRAY_LENGTH(services); i++) {
        expect_same("192.0.2.7", services[i], NULL);
        expect_same_for_all_kinds("192.0.2.7", services[i], 0);
        expect_same_for_all_kinds("192.0.2.7", services[i], AI_NUMERICSERV);
    }
}
END_TEST

START_TEST(nodes_are_numbers_in_all_forms_and_names)
{
    static const char *const nodes[] = {
        NULL,
        "*",
        "",
        "192.0.2.7",
        "127.1",
        "0x7f.1",
        "1.2.3",
        "1",
        "017.0.0.1",
        "4294967295",
        "4294967296",
        "192.0.2.7 ",
        " 192.0.2.7",
        "192.0.2.256",
        "::ffff:192.0.2.9",
        "255.255.255.255",
        "0.0.0.0",
        "localhost",
        "LocalHost",
        "..",
        "a..b",
        "-x",
        "a b",
    };
    static const int flags[] = {0, AI_PASSIVE, AI_NUMERICHOST, AI_CANONNAME,
                                AI_V4MAPPED | AI_ALL};

    for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(flags); j++) {
            struct addrinfo hints = {.ai_family = AF_INET,
                                     .ai_flags = flags[j]};

            expect_same(nodes[i], NULL, &hints);
            expect_same(nodes[i], "80", &hints);
            expect_same(nodes[i], "nonesuch", &hints);
        }
    }
    expect_same("::1", "80", &(struct addrinfo){.ai_family = AF_INET});
    expect_same(NULL, "80", NULL); /* of both families */
    expect_same(NULL, "", NULL);
    expect_same("localhost", "80", NULL);
    expect_same("192.0.2.7", "80", NULL);
}
END_TEST

START_TEST(wrong_hints_are_refused_with_the_same_error)
{
    for (int bit = 0; bit < 31; bit++) {
        struct addrinfo hints = {.ai_family = AF_INET,
                                 .ai_flags = (int)(1u << bit)};

        if (hints.ai_flags == AI_ADDRCONFIG) /* as the machine is */
            continue;
        expect_same("192.0.2.7", "80", &hints);
        expect_same(NULL, "80", &hints);
    }
    for (int family = 0; family < 45; family++) {
        struct addrinfo hints = {.ai_family = family};

        if (family != AF_INET6)
            expect_same("192.0.2.7", "80", &hints);
    }
}
END_TEST

START_TEST(of_ipv6_there_is_nothing)
{
    struct addrinfo hints = {.ai_family = AF_INET6};
    struct addrinfo *list;

    ck_assert_int_eq(tapir_getaddrinfo("localhost", "80", &hints, &list),
                     EAI_FAMILY);
    ck_assert_int_eq(tapir_getaddrinfo("2001:db8::1", "80", NULL, &list),
                     EAI_ADDRFAMILY);
}
END_TEST

/* Linux's libc takes the lower 16 bits. */
START_TEST(a_port_that_is_none_is_refused)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;

    ck_assert_int_eq(tapir_getaddrinfo("192.0.2.7", "65536", &hints, &list),
                     EAI_SERVICE);
    ck_assert_int_eq(
        tapir_getaddrinfo("192.0.2.7", "99999999999999999999", &hints, &list),
        EAI_SERVICE);
}
END_TEST

/* ---- getnameinfo ------------------------------------------------------- */

typedef int getnameinfo_fn(const struct sockaddr *, socklen_t, char *,
                           socklen_t, char *, socklen_t, int);

struct inverse {
    uint32_t addr;
    uint16_t port;
    int flags;
    socklen_t host_size;
    socklen_t service_size;
    socklen_t len;
    sa_family_t family;
};

static void look_up_addr(getnameinfo_fn *function, const struct inverse *asked,
                         char text[static TEXT_MAX])
{
    union {
        struct sockaddr_in in;
        char room[64];
    } addr = {.in = {.sin_family = asked->family,
                     .sin_port = htons(asked->port),
                     .sin_addr.s_addr = htonl(asked->addr)}};
    char host[NI_MAXHOST] = "";
    char service[NI_MAXSERV] = "";
    int r =
        function((struct sockaddr *)&addr.in, asked->len, host,
                 asked->host_size, service, asked->service_size, asked->flags);

    if (r != 0)
        snprintf(text, TEXT_MAX, "%s", name_of(r));
    else
        snprintf(text, TEXT_MAX, "%s %s", host, service);
}

START_TEST(addresses_and_ports_have_the_same_names)
{
    enum { L = INADDR_LOOPBACK, H = NI_MAXHOST, S = NI_MAXSERV, LEN = 16 };
    static const struct inverse table[] = {
        /* addr, port, flags, host_size, service_size, len, family */
        {L, 80, 0, H, S, LEN, AF_INET},
        {L, 80, NI_NUMERICHOST, H, S, LEN, AF_INET},
        {L, 80, NI_NUMERICSERV, H, S, LEN, AF_INET},
        {L, 80, NI_NAMEREQD, H, S, LEN, AF_INET},
        {L, 80, NI_NOFQDN, H, S, LEN, AF_INET},
        {L, 80, NI_NUMERICHOST | NI_NAMEREQD, H, S, LEN, AF_INET},
        {L, 69, 0, H, S, LEN, AF_INET},
        {L, 69, NI_DGRAM, H, S, LEN, AF_INET},
        {L, 53, NI_DGRAM, H, S, LEN, AF_INET},
        {L, 0, 0, H, S, LEN, AF_INET},
        {L, 65535, 0, H, S, LEN, AF_INET},
        {L, 4, NI_NAMEREQD, 0, S, LEN, AF_INET},
        {L, 80, 0, 0, 0, LEN, AF_INET},
        {L, 80, NI_NAMEREQD, 0, 0, LEN, AF_INET},
        {L, 80, 0, 3, S, LEN, AF_INET},
        {L, 80, 0, H, 2, LEN, AF_INET},
        {0xc0000207, 80, NI_NUMERICHOST, 9, S, LEN, AF_INET},
        {0xc0000207, 80, NI_NUMERICHOST, 10, S, LEN, AF_INET},
        {L, 4, 0, H, 1, LEN, AF_INET},
        {L, 4, 0, H, 2, LEN, AF_INET},
        {L, 80, 0x4000, H, S, LEN, AF_INET},
        {L, 80, 0, H, S, 8, AF_INET},
        {L, 80, NI_NUMERICHOST, H, S, 40, AF_INET},
        {L, 80, 0, H, S, LEN, 99},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        char libc[TEXT_MAX];
        char ours[TEXT_MAX];

        look_up_addr(getnameinfo, &table[i], libc);
        look_up_addr(tapir_getnameinfo, &table[i], ours);
        ck_assert_msg(strcmp(libc, ours) == 0, "row %zu:\nlibc: %s\nours: %s",
                      i, libc, ours);
    }
}
END_TEST

/* ---- gethostbyname ----------------------------------------------------- */

static void print_host(const struct hostent *host, char text[static TEXT_MAX])
{
    uint32_t last = 0;
    size_t len = (size_t)snprintf(text, TEXT_MAX, "%s %d %d:", host->h_name,
                                  host->h_addrtype, host->h_length);

    for (char **addr = host->h_addr_list; *addr != NULL; addr++) {
        uint32_t octets;

        memcpy(&octets, *addr, sizeof(octets));
        if (addr == host->h_addr_list || octets != last)
            len += (size_t)snprintf(text + len, TEXT_MAX - len, " %08x",
                                    ntohl(octets));
        last = octets;
    }
}

typedef int by_name_fn(const char *, struct hostent *, char *, size_t,
                       struct hostent **, int *);

static void find_host(by_name_fn *function, const char *name, size_t size,
                      char text[static TEXT_MAX])
{
    char room[TEXT_MAX];
    struct hostent host;
    struct hostent *result = &host;
    int error = -99;
    int r = function(name, &host, room, size, &result, &error);

    if (result == NULL)
        snprintf(text, TEXT_MAX, "%s h_errno %d", strerror(r), error);
    else
        print_host(result, text);
}

START_TEST(gethostbyname_r_has_the_same_answers)
{
    static const char *const names[] = {
        "localhost",   "LOCALHOST", "192.0.2.7", "127.1",
        "192.0.2.256", "-x",        "a..b",
    };

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char libc[TEXT_MAX];
        char ours[TEXT_MAX];

        find_host(gethostbyname_r, names[i], TEXT_MAX, libc);
        find_host(tapir_gethostbyname_r, names[i], TEXT_MAX, ours);
        ck_assert_msg(strcmp(libc, ours) == 0, "%s:\nlibc: %s\nours: %s",
                      names[i], libc, ours);
    }
}
END_TEST

/* How much that is is every library's own business. */
START_TEST(a_room_that_is_too_small_is_told)
{
    char text[TEXT_MAX];
    unsigned too_small = 0;

    for (size_t size = 0; size < 256; size++) {
        find_host(tapir_gethostbyname_r, "192.0.2.7", size, text);
        if (strcmp(text, "192.0.2.7 2 4: c0000207") == 0)
            break;
        ck_assert_str_eq(text, "Numerical result out of range h_errno -1");
        too_small++;
    }
    ck_assert_uint_gt(too_small, 20);
    ck_assert_uint_lt(too_small, 128);
}
END_TEST

START_TEST(gethostbyaddr_r_has_the_same_answers)
{
    struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    static const struct {
        socklen_t len;
        int family;
    } table[] = {{4, AF_INET}, {3, AF_INET}, {4, 99}, {0, AF_INET}};

    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        char room[TEXT_MAX];
        struct hostent hosts[2];
        struct hostent *results[2];
        int errors[2];
        char libc[TEXT_MAX] = "";
        char ours[TEXT_MAX] = "";

        ck_assert_int_eq(
            tapir_gethostbyaddr_r(&loopback, table[i].len, table[i].family,
                                  &hosts[1], room, sizeof(room), &results[1],
                                  &errors[1]),
            gethostbyaddr_r(&loopback, table[i].len, table[i].family, &hosts[0],
                            libc, sizeof(libc), &results[0], &errors[0]));
        ck_assert_int_eq(results[0] == NULL, results[1] == NULL);
        ck_assert_int_eq(errors[0], errors[1]);
        if (results[0] != NULL) {
            print_host(results[1], ours);
            print_host(results[0], room);
            ck_assert_str_eq(room, ours);
        }
    }
}
END_TEST

START_TEST(the_threads_own_answer_stays_until_the_next_question)
{
    uint32_t loopback = htonl(INADDR_LOOPBACK);
    char text[TEXT_MAX];
    struct hostent *host = tapir_gethostbyname("192.0.2.7");

    ck_assert_ptr_nonnull(host);
    print_host(host, text);
    ck_assert_str_eq(text, "192.0.2.7 2 4: c0000207");
    ck_assert_ptr_null(host->h_aliases[0]);

    h_errno = 0;
    ck_assert_ptr_null(tapir_gethostbyname("nobody.invalid"));
    ck_assert_int_eq(h_errno, HOST_NOT_FOUND);
    host = tapir_gethostbyaddr(&loopback, sizeof(loopback), AF_INET);
    ck_assert_ptr_nonnull(host);
    ck_assert_ptr_null(tapir_gethostbyaddr(&loopback, 3, AF_INET));
    ck_assert_int_eq(h_errno, NETDB_INTERNAL);
    ck_assert_int_eq(errno, EAFNOSUPPORT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        of_ipv6_there_is_nothing,
        a_port_that_is_none_is_refused,
        a_room_that_is_too_small_is_told,
        the_threads_own_answer_stays_until_the_next_question,
        services_are_found_for_each_kind_of_socket, /* libc's from here on */
        nodes_are_numbers_in_all_forms_and_names,
        wrong_hints_are_refused_with_the_same_error,
        addresses_and_ports_have_the_same_names,
        gethostbyname_r_has_the_same_answers,
        gethostbyaddr_r_has_the_same_answers,
    };

    return unit_run("names", tests, IS_GLIBC ? ARRAY_LENGTH(tests) : 4);
}
