/*
 * The error queue, as a program sees it: IP_RECVERR and MSG_ERRQUEUE. The
 * results were tried on Linux's own sockets.
 */
#define _GNU_SOURCE
#include "unit.h"

#include "joined.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>

enum { NOBODYS_PORT = 9, ROOM = 512 };

static struct joined joined;

static int new_socket(int type, int protocol)
{
    int fd = tapir_socket_on(joined.a, AF_INET, type | SOCK_NONBLOCK, protocol);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static void set(int fd, int level, int name, int value)
{
    ck_assert_int_eq(tapir_setsockopt(fd, level, name, &value, sizeof(value)),
                     0);
}

static int pending_error(int fd)
{
    int error = -1;
    socklen_t len = sizeof(error);

    ck_assert_int_eq(tapir_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len),
                     0);
    return error;
}

static int polled(int fd)
{
    struct pollfd poll = {.fd = fd, .events = POLLPRI};

    ck_assert_int_ge(tapir_poll(&poll, 1, 0), 0);
    return poll.revents;
}

static void await_error(int fd)
{
    struct pollfd poll = {.fd = fd};

    ck_assert_int_eq(tapir_poll(&poll, 1, 10000), 1);
    ck_assert_int_eq(poll.revents, POLLERR);
}

static void send_to(int fd, unsigned host, const char *text)
{
    struct sockaddr_in to = address_of(host, NOBODYS_PORT);
    ssize_t len = (ssize_t)strlen(text);

    ck_assert_int_eq(tapir_sendto(fd, text, (size_t)len, 0,
                                  (struct sockaddr *)&to, sizeof(to)),
                     len);
}

/* What MSG_ERRQUEUE gives. */
struct told {
    ssize_t len;
    int flags;
    char data[64];
    struct sockaddr_in to;
    struct {
        struct sock_extended_err error;
        struct sockaddr_in offender;
    } about;
};

static struct told read_error(int fd, int flags)
{
    struct told told = {0};
    struct iovec iov = {told.data, sizeof(told.data)};
    _Alignas(struct cmsghdr) char control[ROOM];
    struct msghdr message = {.msg_name = &told.to,
                             .msg_namelen = sizeof(told.to),
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};

    told.len = tapir_recvmsg(fd, &message, MSG_ERRQUEUE | flags);
    if (told.len < 0) {
        told.len = -errno;
        return told;
    }
    told.flags = message.msg_flags;

    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    ck_assert_int_eq(header->cmsg_level, IPPROTO_IP);
    ck_assert_int_eq(header->cmsg_type, IP_RECVERR);
    ck_assert_uint_eq(header->cmsg_len, CMSG_LEN(sizeof(told.about)));
    memcpy(&told.about, CMSG_DATA(header), sizeof(told.about));
    ck_assert_ptr_null(CMSG_NXTHDR(&message, header));
    return told;
}

static void expect_icmp(const struct told *told, int error, int code)
{
    ck_assert_uint_eq(told->about.error.ee_errno, (unsigned)error);
    ck_assert_uint_eq(told->about.error.ee_origin, SO_EE_ORIGIN_ICMP);
    ck_assert_uint_eq(told->about.error.ee_type, ICMP_DEST_UNREACH);
    ck_assert_uint_eq(told->about.error.ee_code, (unsigned)code);
    ck_assert_int_eq(told->about.offender.sin_family, AF_INET);
}

START_TEST(an_unconnected_socket_is_told_all)
{
    struct sockaddr_in peer = address_of(2, NOBODYS_PORT);
    struct told told;

    joined = joined_open(TAPIR_CLOCK_REAL);
    int fd = new_socket(SOCK_DGRAM, 0);
    set(fd, IPPROTO_IP, IP_RECVERR, 1);
    send_to(fd, 2, "hello");
    await_error(fd);
    told = read_error(fd, MSG_PEEK); /* which is not looked at */
    ck_assert_int_eq(told.len, 5);
    ck_assert_int_eq(told.flags, MSG_ERRQUEUE);
    ck_assert_mem_eq(told.data, "hello", 5);
    ck_assert_mem_eq(&told.to, &peer, sizeof(peer));
    expect_icmp(&told, ECONNREFUSED, ICMP_PORT_UNREACH);
    ck_assert_uint_eq(told.about.offender.sin_addr.s_addr,
                      peer.sin_addr.s_addr);
    ck_assert_int_eq(read_error(fd, 0).len, -EAGAIN);
    ck_assert_int_eq(pending_error(fd), 0);
    ck_assert_int_eq(polled(fd), 0);
    ck_assert_int_eq(tapir_close(fd), 0);
    joined_close(&joined);
}
END_TEST

/* How many octets of ancillary data there are with a datagram of `text`. */
static size_t ancillary_of(int fd, const char *text)
{
    _Alignas(struct cmsghdr) char control[ROOM];
    struct msghdr message = {.msg_control = control,
                             .msg_controllen = sizeof(control)};

    send_to(fd, 2, text);
    await_error(fd);
    ck_assert_int_ge(tapir_recvmsg(fd, &message, MSG_ERRQUEUE), 0);
    return message.msg_controllen;
}

/* Linux takes it from where the quoted text has what could be ports. */
START_TEST(a_quote_without_room_for_ports_has_no_destination)
{
    size_t error = CMSG_SPACE(sizeof(struct sock_extended_err) +
                              sizeof(struct sockaddr_in));
    size_t destination = CMSG_SPACE(sizeof(struct sockaddr_in));

    joined = joined_open(TAPIR_CLOCK_REAL);
    int fd = new_socket(SOCK_DGRAM, 0);
    set(fd, IPPROTO_IP, IP_RECVERR, 1);
    set(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
    ck_assert_uint_eq(ancillary_of(fd, "abcd"), destination + error);
    ck_assert_uint_eq(ancillary_of(fd, "abc"), error);
    ck_assert_uint_eq(ancillary_of(fd, ""), error);
    ck_assert_int_eq(tapir_close(fd), 0);
    joined_close(&joined);
}
END_TEST

START_TEST(the_queue_stays_when_the_error_has_been_told)
{
    char data[4];

    joined = joined_open(TAPIR_CLOCK_REAL);
    int fd = new_socket(SOCK_DGRAM, 0);
    set(fd, IPPROTO_IP, IP_RECVERR, 1);
    set(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1);
    send_to(fd, 2, "one");
    ck_assert_int_eq(tapir_poll(&(struct pollfd){.fd = fd}, 1, 10000), 1);
    ck_assert_int_eq(polled(fd), POLLERR | POLLPRI);
    ck_assert_int_eq(tapir_recv(fd, data, sizeof(data), 0), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert_int_eq(tapir_recv(fd, data, sizeof(data), 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(polled(fd), POLLERR | POLLPRI);
    set(fd, IPPROTO_IP, IP_RECVERR, 0); /* forgets them */
    ck_assert_int_eq(polled(fd), 0);
    ck_assert_int_eq(read_error(fd, 0).len, -EAGAIN);
    ck_assert_int_eq(tapir_close(fd), 0);
    joined_close(&joined);
}
END_TEST

/* Not in the queue: a program that has not asked is told as ever. */
START_TEST(without_the_option_there_is_no_queue)
{
    struct sockaddr_in peer = address_of(2, NOBODYS_PORT);

    joined = joined_open(TAPIR_CLOCK_REAL);
    int fd = new_socket(SOCK_DGRAM, 0);
    ck_assert_int_eq(tapir_connect(fd, (struct sockaddr *)&peer, sizeof(peer)),
                     0);
    send_to(fd, 2, "hello");
    await_error(fd);
    ck_assert_int_eq(read_error(fd, 0).len, -EAGAIN);
    ck_assert_int_eq(pending_error(fd), ECONNREFUSED);
    ck_assert_int_eq(tapir_close(fd), 0);
    joined_close(&joined);
}
END_TEST

START_TEST(what_is_too_big_is_told_with_the_size_that_would_not_be)
{
    struct sockaddr_in peer = address_of(2, NOBODYS_PORT);
    char data[1473] = {0};
    struct told told;

    joined = joined_open(TAPIR_CLOCK_REAL);
    int fd = new_socket(SOCK_DGRAM, 0);
    set(fd, IPPROTO_IP, IP_RECVERR, 1);
    set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    ck_assert_int_eq(tapir_sendto(fd, data, sizeof(data), 0,
                                  (struct sockaddr *)&peer, sizeof(peer)),
                     -1);
    ck_assert_int_eq(errno, EMSGSIZE);
    told = read_error(fd, 0);
    ck_assert_int_eq(told.len, 0);
    ck_assert_uint_eq(told.about.error.ee_errno, EMSGSIZE);
    ck_assert_uint_eq(told.about.error.ee_origin, SO_EE_ORIGIN_LOCAL);
    ck_assert_uint_eq(told.about.error.ee_info, 1500);
    ck_assert_int_eq(told.about.offender.sin_family, 0);
    peer.sin_port = 0; /* it is not connected to one */
    ck_assert_mem_eq(&told.to, &peer, sizeof(peer));
    ck_assert_int_eq(tapir_close(fd), 0);
    joined_close(&joined);
}
END_TEST

/* Nobody answers ARP: we say so ourselves. The echo header is there. */
START_TEST(a_ping_is_told_of_a_host_that_is_not_there)
{
    static const char request[] = {ICMP_ECHO, 0, 0, 0, 0, 0, 0, 7, 'a', 'b'};
    struct sockaddr_in nobody = address_of(77, 0);
    struct told told;

    joined = joined_open(TAPIR_CLOCK_REAL);
    int fd = new_socket(SOCK_DGRAM, IPPROTO_ICMP);
    set(fd, IPPROTO_IP, IP_RECVERR, 1);
    ck_assert_int_eq(tapir_sendto(fd, request, sizeof(request), 0,
                                  (struct sockaddr *)&nobody, sizeof(nobody)),
                     sizeof(request));
    await_error(fd);
    told = read_error(fd, 0);
    ck_assert_int_eq(told.len, sizeof(request));
    ck_assert_int_eq(told.data[0], ICMP_ECHO);
    ck_assert_mem_eq(told.data + 7, "\7ab", 3);
    ck_assert_mem_eq(&told.to, &nobody, sizeof(nobody));
    expect_icmp(&told, EHOSTUNREACH, ICMP_HOST_UNREACH);
    ck_assert_uint_eq(told.about.offender.sin_addr.s_addr,
                      address_of(1, 0).sin_addr.s_addr);
    ck_assert_int_eq(tapir_close(fd), 0);
    joined_close(&joined);
}
END_TEST

UNIT_MAIN("error queue", an_unconnected_socket_is_told_all,
          a_quote_without_room_for_ports_has_no_destination,
          the_queue_stays_when_the_error_has_been_told,
          without_the_option_there_is_no_queue,
          what_is_too_big_is_told_with_the_size_that_would_not_be,
          a_ping_is_told_of_a_host_that_is_not_there)
