/*
 * Ancillary data, as a program sees it: which message for which option, in
 * which order, cut to which room. The results were tried on Linux's own
 * sockets.
 */
#define _GNU_SOURCE
#include "unit.h"

#include "joined.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { PORT = 7000, ROOM = 512 };

static struct joined joined;
static int receiver; /* at b, 192.0.2.2 */
static int sender;   /* at a, 192.0.2.1 */

static void start(void)
{
    struct sockaddr_in to = address_of(2, PORT);

    joined = joined_open(TAPIR_CLOCK_REAL);
    receiver = open_socket(joined.b, SOCK_DGRAM);
    to.sin_addr.s_addr = 0;
    ck_assert_int_eq(tapir_bind(receiver, (struct sockaddr *)&to, sizeof(to)),
                     0);
    to = address_of(2, PORT);
    sender = open_socket(joined.a, SOCK_DGRAM);
    ck_assert_int_eq(tapir_connect(sender, (struct sockaddr *)&to, sizeof(to)),
                     0);
}

static void stop(void)
{
    ck_assert_int_eq(tapir_close(receiver), 0);
    ck_assert_int_eq(tapir_close(sender), 0);
    joined_close(&joined);
}

static void ask_for(int fd, int level, int name)
{
    int yes = 1;

    ck_assert_int_eq(tapir_setsockopt(fd, level, name, &yes, sizeof(yes)), 0);
}

/* A message of one buffer, with room for control. */
struct mail {
    struct msghdr header;
    struct iovec iov;
    char data[64];
    _Alignas(struct cmsghdr) char control[ROOM];
};

static ssize_t receive(int fd, struct mail *mail, size_t room)
{
    mail->iov = (struct iovec){mail->data, sizeof(mail->data)};
    mail->header = (struct msghdr){.msg_iov = &mail->iov,
                                   .msg_iovlen = 1,
                                   .msg_control = mail->control,
                                   .msg_controllen = room};
    return tapir_recvmsg(fd, &mail->header, 0);
}

/* The first message is of this kind, and the next is looked at then. */
static const void *take(struct mail *mail, struct cmsghdr **at, int level,
                        int type, size_t len)
{
    *at = *at == NULL ? CMSG_FIRSTHDR(&mail->header)
                      : CMSG_NXTHDR(&mail->header, *at);
    ck_assert_ptr_nonnull(*at);
    ck_assert_int_eq((*at)->cmsg_level, level);
    ck_assert_int_eq((*at)->cmsg_type, type);
    ck_assert_uint_eq((*at)->cmsg_len, CMSG_LEN(len));
    return CMSG_DATA(*at);
}

static int send_with(int level, int type, const void *data, size_t len)
{
    struct mail mail = {.iov = {mail.data, 5}, .data = "hello"};
    struct cmsghdr *header = (struct cmsghdr *)mail.control;

    *header = (struct cmsghdr){
        .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len)};
    memcpy(CMSG_DATA(header), data, len);
    mail.header = (struct msghdr){.msg_iov = &mail.iov,
                                  .msg_iovlen = 1,
                                  .msg_control = mail.control,
                                  .msg_controllen = CMSG_SPACE(len)};
    return tapir_sendmsg(sender, &mail.header, 0) < 0 ? -errno : 0;
}

static int send_int(int level, int type, int value)
{
    return send_with(level, type, &value, sizeof(value));
}

START_TEST(each_option_has_its_message_in_linuxs_order)
{
    struct cmsghdr *at = NULL;
    struct timespec now;
    struct timeval stamp;
    struct in_pktinfo info;
    struct mail mail;
    int tos = 0xb8;
    int value;

    start();
    ask_for(receiver, IPPROTO_IP, IP_RECVORIGDSTADDR);
    ask_for(receiver, IPPROTO_IP, IP_RECVTOS);
    ask_for(receiver, IPPROTO_IP, IP_RECVTTL);
    ask_for(receiver, IPPROTO_IP, IP_PKTINFO);
    ask_for(receiver, SOL_SOCKET, SO_RXQ_OVFL); /* nothing was lost */
    ask_for(receiver, SOL_SOCKET, SO_TIMESTAMP);
    ck_assert_int_eq(
        tapir_setsockopt(sender, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
    ck_assert_int_eq(tapir_send(sender, "hello", 5, 0), 5);
    ck_assert_int_eq(receive(receiver, &mail, ROOM), 5);
    ck_assert_int_eq(mail.header.msg_flags, 0);
    memcpy(&stamp, take(&mail, &at, SOL_SOCKET, SO_TIMESTAMP, sizeof(stamp)),
           sizeof(stamp));
    clock_gettime(CLOCK_REALTIME, &now);
    ck_assert_int_le(stamp.tv_sec, now.tv_sec);
    ck_assert_int_ge(stamp.tv_sec, now.tv_sec - 50);
    ck_assert_int_lt(stamp.tv_usec, 1000000);
    memcpy(&info, take(&mail, &at, IPPROTO_IP, IP_PKTINFO, sizeof(info)),
           sizeof(info));
    ck_assert_int_eq(info.ipi_ifindex, 2);
    ck_assert_uint_eq(info.ipi_addr.s_addr, address_of(2, 0).sin_addr.s_addr);
    ck_assert_uint_eq(info.ipi_spec_dst.s_addr, info.ipi_addr.s_addr);
    memcpy(&value, take(&mail, &at, IPPROTO_IP, IP_TTL, 4), 4);
    ck_assert_int_eq(value, 64);
    ck_assert_int_eq(*(const uint8_t *)take(&mail, &at, IPPROTO_IP, IP_TOS, 1),
                     0xb8);

    struct sockaddr_in to = address_of(2, PORT);
    ck_assert_mem_eq(take(&mail, &at, IPPROTO_IP, IP_ORIGDSTADDR, sizeof(to)),
                     &to, sizeof(to));
    ck_assert_ptr_null(CMSG_NXTHDR(&mail.header, at));
    stop();
}
END_TEST

START_TEST(of_a_broadcast_the_specific_destination_is_our_address)
{
    struct sockaddr_in all = address_of(255, PORT);
    struct cmsghdr *at = NULL;
    struct in_pktinfo info;
    struct mail mail;
    int other;

    start();
    other = open_socket(joined.a, SOCK_DGRAM);
    ask_for(other, SOL_SOCKET, SO_BROADCAST);
    ask_for(receiver, IPPROTO_IP, IP_PKTINFO);
    ck_assert_int_eq(
        tapir_sendto(other, "all", 3, 0, (struct sockaddr *)&all, sizeof(all)),
        3);
    ck_assert_int_eq(receive(receiver, &mail, ROOM), 3);
    memcpy(&info, take(&mail, &at, IPPROTO_IP, IP_PKTINFO, sizeof(info)),
           sizeof(info));
    ck_assert_uint_eq(info.ipi_addr.s_addr, all.sin_addr.s_addr);
    ck_assert_uint_eq(info.ipi_spec_dst.s_addr,
                      address_of(2, 0).sin_addr.s_addr);
    ck_assert_int_eq(tapir_close(other), 0);
    stop();
}
END_TEST

START_TEST(what_there_is_no_room_for_is_cut)
{
    static const struct {
        size_t room;
        size_t then; /* msg_controllen */
        int flags;
        size_t last; /* its cmsg_len; 0: there is none */
    } rooms[] = {
        {0, 0, MSG_CTRUNC, 0},    {12, 0, MSG_CTRUNC, 0},
        {16, 16, MSG_CTRUNC, 16}, {20, 20, MSG_CTRUNC, 20},
        {28, 28, MSG_CTRUNC, 28}, {36, 32, MSG_CTRUNC, 28},
        {48, 48, MSG_CTRUNC, 16}, {52, 52, 0, 20},
        {56, 56, 0, 20},          {60, 56, 0, 20},
    };
    struct mail mail;

    start();
    ask_for(receiver, IPPROTO_IP, IP_PKTINFO); /* 28, with its space 32 */
    ask_for(receiver, IPPROTO_IP, IP_RECVTTL); /* 20, and 24 */
    for (size_t i = 0; i < ARRAY_LENGTH(rooms); i++) {
        const struct cmsghdr *last = NULL;

        ck_assert_int_eq(tapir_send(sender, "hello", 5, 0), 5);
        ck_assert_int_eq(receive(receiver, &mail, rooms[i].room), 5);
        ck_assert_uint_eq(mail.header.msg_controllen, rooms[i].then);
        ck_assert_int_eq(mail.header.msg_flags, rooms[i].flags);
        for (struct cmsghdr *at = CMSG_FIRSTHDR(&mail.header); at != NULL;
             at = CMSG_NXTHDR(&mail.header, at))
            last = at;
        ck_assert_uint_eq(last == NULL ? 0 : last->cmsg_len, rooms[i].last);
    }
    stop();
}
END_TEST

START_TEST(what_was_lost_is_told_with_what_came_after)
{
    struct cmsghdr *at = NULL;
    char data[1000] = {0};
    struct mail mail;
    int small = 2304;
    int fill = 0;
    int lost;

    start();
    ask_for(receiver, SOL_SOCKET, SO_RXQ_OVFL);
    ck_assert_int_eq(tapir_setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &small,
                                      sizeof(small)),
                     0);
    for (; fill < 20; fill++)
        ck_assert_int_eq(tapir_send(sender, data, sizeof(data), 0), 1000);
    for (fill = 0; receive(receiver, &mail, ROOM) >= 0; fill++) {
        ck_assert_uint_eq(mail.header.msg_controllen, 0);
        if (fill == 0)
            ask_for(receiver, IPPROTO_IP, IP_RECVERR);
        if (tapir_recv(receiver, data, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
            break;
    }
    ck_assert_int_eq(tapir_send(sender, data, sizeof(data), 0), 1000);
    ck_assert_int_eq(receive(receiver, &mail, ROOM), sizeof(mail.data));
    memcpy(&lost, take(&mail, &at, SOL_SOCKET, SO_RXQ_OVFL, 4), 4);
    ck_assert_int_eq(lost, 20 - (fill + 1));
    stop();
}
END_TEST

START_TEST(a_program_chooses_for_one_datagram)
{
    struct in_pktinfo info = {.ipi_ifindex = 2};
    struct cmsghdr *at;
    struct mail mail;
    int value;

    start();
    ask_for(receiver, IPPROTO_IP, IP_RECVTTL);
    ask_for(receiver, IPPROTO_IP, IP_RECVTOS);
    ck_assert_int_eq(send_int(IPPROTO_IP, IP_TTL, 7), 0);
    ck_assert_int_eq(send_int(IPPROTO_IP, IP_TOS, 0x23), 0);
    ck_assert_int_eq(send_with(IPPROTO_IP, IP_TOS, "\x44", 1), 0);
    ck_assert_int_eq(send_with(IPPROTO_IP, IP_PKTINFO, &info, sizeof(info)), 0);
    for (unsigned i = 0; i < 4; i++) {
        static const int ttls[] = {7, 64, 64, 64};
        static const uint8_t toses[] = {0, 0x23, 0x44, 0};

        at = NULL;
        ck_assert_int_eq(receive(receiver, &mail, ROOM), 5);
        memcpy(&value, take(&mail, &at, IPPROTO_IP, IP_TTL, 4), 4);
        ck_assert_int_eq(value, ttls[i]);
        ck_assert_int_eq(
            *(const uint8_t *)take(&mail, &at, IPPROTO_IP, IP_TOS, 1),
            toses[i]);
    }
    stop();
}
END_TEST

START_TEST(a_choice_that_cannot_be_is_refused)
{
    struct in_pktinfo info = {.ipi_spec_dst = address_of(77, 0).sin_addr};

    start();
    ck_assert_int_eq(send_int(IPPROTO_IP, IP_TTL, 0), -EINVAL);
    ck_assert_int_eq(send_int(IPPROTO_IP, IP_TTL, 256), -EINVAL);
    ck_assert_int_eq(send_with(IPPROTO_IP, IP_TTL, "\7", 1), -EINVAL);
    ck_assert_int_eq(send_int(IPPROTO_IP, IP_TOS, 256), -EINVAL);
    ck_assert_int_eq(send_int(IPPROTO_IP, 99, 1), -EINVAL);
    ck_assert_int_eq(send_int(IPPROTO_IP, IP_RECVERR, 1), -EINVAL);
    ck_assert_int_eq(send_int(IPPROTO_UDP, 1, 1), -EINVAL);
    ck_assert_int_eq(send_int(SOL_SOCKET, 99, 1), -EINVAL);
    ck_assert_int_eq(send_with(IPPROTO_IP, IP_PKTINFO, &info, 8), -EINVAL);
    ck_assert_int_eq(send_with(IPPROTO_IP, IP_PKTINFO, &info, sizeof(info)),
                     -ENETUNREACH);
    info = (struct in_pktinfo){.ipi_ifindex = 99};
    ck_assert_int_eq(send_with(IPPROTO_IP, IP_PKTINFO, &info, sizeof(info)),
                     -ENODEV);
    /* of others' levels, and AF_UNIX's: not looked at */
    ck_assert_int_eq(send_int(55, 1, 1), 0);
    ck_assert_int_eq(send_int(SOL_SOCKET, SCM_RIGHTS, 0), 0);
    ck_assert_int_eq(send_int(SOL_SOCKET, SO_PRIORITY, 1), 0);
    stop();
}
END_TEST

/* Behind a message without data there may be nothing at all. */
START_TEST(a_message_without_data_is_not_looked_into)
{
    static const int types[] = {IP_TOS, IP_TTL, IP_PKTINFO};

    start();
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        struct cmsghdr *header = malloc(sizeof(*header));
        struct iovec iov = {"hello", 5};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = header,
                                 .msg_controllen = sizeof(*header)};

        ck_assert_ptr_nonnull(header);
        *header = (struct cmsghdr){.cmsg_level = IPPROTO_IP,
                                   .cmsg_type = types[i],
                                   .cmsg_len = sizeof(*header)};
        ck_assert_int_eq(tapir_sendmsg(sender, &message, 0), -1);
        ck_assert_int_eq(errno, EINVAL);
        free(header);
    }
    stop();
}
END_TEST

START_TEST(a_stream_tells_what_is_left)
{
    struct cmsghdr *at = NULL;
    struct mail mail;
    int left;

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);
    int peer = tapir_accept(server, NULL, NULL);
    ask_for(peer, IPPROTO_TCP, TCP_INQ);
    ck_assert_int_eq(tapir_send(client, mail.data, 64, 0), 64);
    ck_assert_int_eq(tapir_send(client, mail.data, 36, 0), 36);
    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    while (tapir_recv(peer, (char[100]){0}, 100, MSG_PEEK) < 100)
        ;
    ck_assert_int_eq(receive(peer, &mail, ROOM), 64);
    memcpy(&left, take(&mail, &at, IPPROTO_TCP, TCP_CM_INQ, 4), 4);
    ck_assert_int_eq(left, 36);
    ck_assert_int_eq(receive(peer, &mail, ROOM), 36);
    ck_assert_int_eq(receive(peer, &mail, ROOM), 0);
    at = NULL;
    memcpy(&left, take(&mail, &at, IPPROTO_TCP, TCP_CM_INQ, 4), 4);
    ck_assert_int_eq(left, 1); /* the end: to be read */
    ck_assert_int_eq(tapir_close(server), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_int_eq(tapir_close(peer), 0);
    stop();
}
END_TEST

/* SO_RCVLOWAT: poll and a call that waits; one that does not takes what there
 * is. */
START_TEST(a_stream_is_readable_when_there_is_enough)
{
    struct timeval soon = {.tv_usec = 50000};
    char data[100];
    int least = 10;

    start();
    int server = open_listener(joined.b, PORT, 1);
    int client = open_connection(joined.a, PORT);
    int peer = tapir_accept(server, NULL, NULL);
    struct pollfd poll = {.fd = peer, .events = POLLIN};
    ck_assert_int_eq(
        tapir_setsockopt(peer, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least)),
        0);
    ck_assert_int_eq(tapir_send(client, "12345", 5, 0), 5);
    ck_assert_int_eq(tapir_poll(&poll, 1, 50), 0);
    ck_assert_int_eq(tapir_recv(peer, data, 100, MSG_DONTWAIT), 5);
    ck_assert_int_eq(tapir_send(client, "12345", 5, 0), 5);
    ck_assert_int_eq(tapir_recv(peer, data, 3, 0), 3); /* all it asked for */
    ck_assert_int_eq(
        tapir_setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)),
        0);
    ck_assert_int_eq(tapir_recv(peer, data, 100, 0), 2); /* its time is over */
    ck_assert_int_eq(tapir_send(client, "1234567890", 10, 0), 10);
    ck_assert_int_eq(tapir_poll(&poll, 1, 10000), 1);
    ck_assert_int_eq(tapir_recv(peer, data, 9, 0), 9);
    ck_assert_int_eq(tapir_poll(&poll, 1, 50), 0);
    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    ck_assert_int_eq(tapir_poll(&poll, 1, 10000), 1);
    ck_assert_int_eq(tapir_recv(peer, data, 100, 0), 1);
    ck_assert_int_eq(tapir_close(server), 0);
    ck_assert_int_eq(tapir_close(client), 0);
    ck_assert_int_eq(tapir_close(peer), 0);
    stop();
}
END_TEST

UNIT_MAIN("control messages", each_option_has_its_message_in_linuxs_order,
          of_a_broadcast_the_specific_destination_is_our_address,
          what_there_is_no_room_for_is_cut,
          what_was_lost_is_told_with_what_came_after,
          a_program_chooses_for_one_datagram,
          a_choice_that_cannot_be_is_refused,
          a_message_without_data_is_not_looked_into,
          a_stream_tells_what_is_left,
          a_stream_is_readable_when_there_is_enough)
