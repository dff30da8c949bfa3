/*
 * recvmmsg and sendmmsg, sendfile, splice; nothing, too much and nowhere as
 * buffers. The results were tried on Linux's own sockets.
 */
#define _GNU_SOURCE
#include "unit.h"

#include "joined.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PORT = 7000, FILE_LEN = 300000 };

static struct joined joined;
static int client; /* a connection: client at a, peer at b */
static int peer;
static int server; /* datagrams: from sender at a to receiver at b */
static int receiver;
static int sender;

static void start(void)
{
    struct sockaddr_in to = address_of(2, PORT);

    joined = joined_open(TAPIR_CLOCK_REAL);
    server = open_listener(joined.b, PORT, 1);
    client = open_connection(joined.a, PORT);
    peer = tapir_accept(server, NULL, NULL);
    receiver = bound_socket(joined.b, 2, PORT);
    sender = open_socket(joined.a, SOCK_DGRAM);
    ck_assert_int_eq(tapir_connect(sender, (struct sockaddr *)&to, sizeof(to)),
                     0);
}

static void stop(void)
{
    int fds[] = {client, peer, server, receiver, sender};

    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
        ck_assert_int_eq(tapir_close(fds[i]), 0);
    joined_close(&joined);
}

static void expect_error(ssize_t result, int error)
{
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(errno, error);
}

static void set_nonblocking(int fd)
{
    ck_assert_int_eq(tapir_fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

/* ---- Buffers ------------------------------------------------------------ */

START_TEST(a_stream_takes_and_gives_nothing_as_linux_does)
{
    char data[4];

    start();
    set_nonblocking(peer);
    ck_assert_int_eq(tapir_send(client, NULL, 0, 0), 0);
    expect_error(tapir_recv(peer, data, 0, 0), EAGAIN);
    ck_assert_int_eq(tapir_read(peer, data, 0), 0);
    ck_assert_int_eq(tapir_readv(peer, NULL, 0), 0);
    ck_assert_int_eq(tapir_writev(client, NULL, 0), 0);
    ck_assert_int_eq(tapir_send(client, "abc", 3, 0), 3);
    ck_assert_int_eq(tapir_recv(peer, NULL, 0, 0), 0);
    ck_assert_int_eq(tapir_recv(peer, NULL, 2, MSG_TRUNC), 2);
    ck_assert_int_eq(tapir_recv(peer, data, 4, MSG_PEEK), 1);
    ck_assert_int_eq(tapir_recv(peer, data, 4, MSG_PEEK | MSG_WAITALL), 1);
    ck_assert_int_eq(tapir_recv(peer, data, 4, 0), 1);
    stop();
}
END_TEST

START_TEST(an_empty_datagram_is_one)
{
    char data[4];

    start();
    ck_assert_int_eq(tapir_send(sender, NULL, 0, 0), 0);
    ck_assert_int_eq(tapir_write(sender, data, 0), 0);
    ck_assert_int_eq(tapir_writev(sender, NULL, 0), 0); /* that is none */
    ck_assert_int_eq(tapir_recv(receiver, data, 4, 0), 0);
    ck_assert_int_eq(tapir_recv(receiver, data, 4, 0), 0);
    expect_error(tapir_recv(receiver, data, 4, MSG_DONTWAIT), EAGAIN);
    ck_assert_int_eq(tapir_send(sender, "abc", 3, 0), 3);
    ck_assert_int_eq(tapir_recv(receiver, NULL, 0, MSG_TRUNC), 3);
    stop();
}
END_TEST

START_TEST(buffers_that_cannot_be_are_refused)
{
    static char big[66000];
    char data[4];
    struct iovec iov = {.iov_base = data, .iov_len = 4};
    struct msghdr nowhere = {.msg_iovlen = 1};
    struct msghdr many = {.msg_iov = &iov, .msg_iovlen = 1025};
    struct sockaddr_in address = address_of(2, PORT);
    int another;

    start();
    expect_error(tapir_send(client, NULL, 5, 0), EFAULT);
    expect_error(tapir_send(sender, NULL, 5, 0), EFAULT);
    ck_assert_int_eq(tapir_send(client, "abc", 3, 0), 3);
    expect_error(tapir_recv(peer, NULL, 5, 0), EFAULT);
    expect_error(tapir_readv(peer, NULL, 1), EFAULT);
    expect_error(tapir_readv(peer, &iov, -1), EINVAL);
    expect_error(tapir_readv(peer, &iov, 1025), EINVAL);
    expect_error(tapir_writev(client, &iov, IOV_MAX + 1), EINVAL);
    expect_error(tapir_send(sender, big, sizeof(big), 0), EMSGSIZE);
    expect_error(tapir_sendmsg(sender, NULL, 0), EFAULT);
    expect_error(tapir_recvmsg(receiver, NULL, MSG_DONTWAIT), EFAULT);
    expect_error(tapir_recvmsg(receiver, &nowhere, 0), EFAULT);
    expect_error(tapir_recvmsg(receiver, &many, 0), EMSGSIZE);
    expect_error(tapir_sendmsg(sender, &many, 0), EMSGSIZE);
    expect_error(
        tapir_sendto(sender, data, 1, 0, (struct sockaddr *)&address, 200),
        EINVAL);
    expect_error(
        tapir_recvfrom(peer, data, 4, 0, (struct sockaddr *)&address, NULL),
        EFAULT);
    set_nonblocking(server);
    expect_error(tapir_accept(server, (struct sockaddr *)&address, NULL),
                 EAGAIN);
    another = open_connection(joined.a, PORT);
    expect_error(tapir_accept(server, (struct sockaddr *)&address, NULL),
                 EFAULT);
    tapir_close(another);
    expect_error(tapir_writev(99, NULL, 0), EBADF);
    expect_error(tapir_readv(99, NULL, 0), EBADF);
    stop();
}
END_TEST

/* ---- Several messages --------------------------------------------------- */

static void lay_out(struct mmsghdr *messages, struct iovec *iov, char *data,
                    unsigned count, size_t len)
{
    for (unsigned i = 0; i < count; i++) {
        iov[i] = (struct iovec){.iov_base = data + i * len, .iov_len = len};
        messages[i] =
            (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
}

START_TEST(several_messages_go_and_come_in_one_call)
{
    struct mmsghdr messages[4];
    struct iovec iov[4];
    char out[] = "aabbcc";
    char in[16];

    start();
    lay_out(messages, iov, out, 3, 2);
    ck_assert_int_eq(tapir_sendmmsg(sender, messages, 3, 0), 3);
    ck_assert_uint_eq(messages[2].msg_len, 2);
    lay_out(messages, iov, in, 4, 4);
    ck_assert_int_eq(tapir_recvmmsg(receiver, messages, 4, MSG_DONTWAIT, NULL),
                     3);
    ck_assert_uint_eq(messages[0].msg_len, 2);
    ck_assert_mem_eq(in + 8, "cc", 2);
    expect_error(tapir_recvmmsg(receiver, messages, 4, MSG_DONTWAIT, NULL),
                 EAGAIN);
    ck_assert_int_eq(tapir_send(sender, "x", 1, 0), 1);
    ck_assert_int_eq(
        tapir_recvmmsg(receiver, messages, 4, MSG_WAITFORONE, NULL), 1);
    stop();
}
END_TEST

START_TEST(the_time_of_recvmmsg_is_looked_at_after_each_message)
{
    struct timespec no_time = {.tv_nsec = 1000000000};
    struct timespec over = {0};
    struct timespec long_time = {.tv_sec = 50};
    struct mmsghdr messages[2];
    struct iovec iov[2];
    char in[8];

    start();
    lay_out(messages, iov, in, 2, 4);
    expect_error(tapir_recvmmsg(receiver, messages, 2, 0, &no_time), EINVAL);
    ck_assert_int_eq(tapir_send(sender, "x", 1, 0), 1);
    ck_assert_int_eq(tapir_recvmmsg(receiver, messages, 2, 0, &over), 1);
    ck_assert_int_eq(tapir_send(sender, "x", 1, 0), 1);
    ck_assert_int_eq(
        tapir_recvmmsg(receiver, messages, 2, MSG_WAITFORONE, &long_time), 1);
    ck_assert_int_ge(long_time.tv_sec, 40);
    stop();
}
END_TEST

START_TEST(several_messages_are_refused_as_linux_refuses_them)
{
    struct mmsghdr messages[2];
    struct iovec iov[2];
    char out[] = "aabb";

    start();
    lay_out(messages, iov, out, 2, 2);
    ck_assert_int_eq(tapir_sendmmsg(sender, NULL, 0, 0), 0);
    ck_assert_int_eq(tapir_recvmmsg(receiver, messages, 0, 0, NULL), 0);
    expect_error(tapir_sendmmsg(sender, NULL, 2, 0), EFAULT);
    expect_error(tapir_recvmmsg(receiver, NULL, 2, 0, NULL), EFAULT);
    expect_error(tapir_recvmmsg(99, messages, 1, 0, NULL), EBADF);
    expect_error(tapir_sendmmsg(0, messages, 1, 0), ENOTSOCK);
    iov[1].iov_base = NULL; /* the first one is sent all the same */
    ck_assert_int_eq(tapir_sendmmsg(sender, messages, 2, 0), 1);
    stop();
}
END_TEST

/* ---- sendfile ----------------------------------------------------------- */

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 256);
}

static int patterned_file(void)
{
    static uint8_t data[FILE_LEN];
    int fd = memfd_create("pattern", 0);

    for (size_t i = 0; i < FILE_LEN; i++)
        data[i] = pattern(i);
    ck_assert_int_eq(write(fd, data, FILE_LEN), FILE_LEN);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void *read_pattern(void *from)
{
    uint8_t data[4096];
    size_t at = (size_t)(uintptr_t)from;
    ssize_t got;

    while ((got = tapir_recv(peer, data, sizeof(data), 0)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (data[i] != pattern(at++))
                return NULL;
        }
    }
    return at == FILE_LEN ? from : NULL;
}

START_TEST(sendfile_sends_a_file_from_its_position_or_an_offset)
{
    pthread_t thread;
    void *result;
    off_t offset = 1000;

    start();
    int kernel_fd = patterned_file();
    int file = tapir_import(kernel_fd);

    ck_assert_int_eq(pthread_create(&thread, NULL, read_pattern, (void *)1000),
                     0);
    ck_assert_int_eq(tapir_sendfile(client, file, &offset, 100), 100);
    ck_assert_int_eq(offset, 1100);
    ck_assert_int_eq(lseek(kernel_fd, 0, SEEK_CUR), 0);
    ck_assert_int_eq(lseek(kernel_fd, 1100, SEEK_SET), 1100);
    ck_assert_int_eq(tapir_sendfile(client, file, NULL, SIZE_MAX),
                     FILE_LEN - 1100);
    ck_assert_int_eq(lseek(kernel_fd, 0, SEEK_CUR), FILE_LEN);
    ck_assert_int_eq(tapir_sendfile(client, file, NULL, 100), 0);
    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_nonnull(result);
    ck_assert_int_eq(tapir_close(file), 0);
    stop();
}
END_TEST

START_TEST(a_socket_that_does_not_block_takes_a_part_of_a_file)
{
    static uint8_t data[FILE_LEN];
    int size = 4096;

    start();
    int file = tapir_import(patterned_file());

    ck_assert_int_eq(
        tapir_setsockopt(client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
        0);
    set_nonblocking(client);
    ssize_t sent = tapir_sendfile(client, file, NULL, FILE_LEN);

    ck_assert_int_gt(sent, 0);
    ck_assert_int_lt(sent, FILE_LEN);
    ck_assert_int_eq(tapir_recv(peer, data, (size_t)sent, MSG_WAITALL), sent);
    ck_assert_uint_eq(data[sent - 1], pattern((size_t)sent - 1));
    ck_assert_int_gt(tapir_sendfile(client, file, NULL, FILE_LEN), 0);
    ck_assert_int_eq(tapir_recv(peer, data, 1, 0), 1);
    ck_assert_uint_eq(data[0], pattern((size_t)sent));
    while (tapir_recv(peer, data, sizeof(data), MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(tapir_close(file), 0);
    stop();
}
END_TEST

/* A device, and a file that does not say how long it is. */
START_TEST(sendfile_sends_what_has_no_size)
{
    int zeros;
    int processors;
    char data[300];

    start();
    zeros = tapir_import(open("/dev/zero", O_RDONLY));
    processors = tapir_import(open("/proc/cpuinfo", O_RDONLY));
    ck_assert_int_eq(tapir_sendfile(client, zeros, NULL, 100), 100);
    ck_assert_int_eq(tapir_recv(peer, data, sizeof(data), 0), 100);
    ck_assert_int_eq(data[99], 0);
    ck_assert_int_eq(tapir_sendfile(client, processors, NULL, 10), 10);
    ck_assert_int_eq(tapir_recv(peer, data, sizeof(data), 0), 10);
    tapir_close(zeros);
    tapir_close(processors);
    stop();
}
END_TEST

START_TEST(sendfile_refuses_what_linux_refuses)
{
    off_t before = -1;
    int ends[2];

    start();
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(pipe(ends), 0);
    int file = tapir_import(patterned_file());
    int in = tapir_import(ends[0]);
    int folder = tapir_import(open("/", O_RDONLY));
    int null = tapir_import(open("/dev/null", O_WRONLY));

    expect_error(tapir_sendfile(client, in, NULL, 10), EINVAL);
    expect_error(tapir_sendfile(client, peer, NULL, 10), EINVAL);
    expect_error(tapir_sendfile(client, folder, NULL, 10), EINVAL);
    expect_error(tapir_sendfile(client, file, &before, 1), EINVAL);
    expect_error(tapir_sendfile(99, file, NULL, 1), EBADF);
    expect_error(tapir_sendfile(client, 99, NULL, 1), EBADF);
    ck_assert_int_eq(tapir_sendfile(client, file, NULL, 0), 0);
    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    expect_error(tapir_sendfile(client, file, NULL, 1), EPIPE);
    close(ends[1]);
    ck_assert_int_eq(tapir_close(file), 0);
    ck_assert_int_eq(tapir_close(in), 0);
    ck_assert_int_eq(tapir_close(folder), 0);
    ck_assert_int_eq(tapir_close(null), 0);
    stop();
}
END_TEST

/* ---- splice ------------------------------------------------------------- */

START_TEST(splice_carries_between_a_pipe_and_a_stream)
{
    char data[16];
    int ends[2];

    start();
    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);
    int out = tapir_import(ends[1]);

    ck_assert_int_eq(tapir_send(client, "hello world", 11, 0), 11);
    ck_assert_int_eq(tapir_splice(peer, NULL, out, NULL, 5, 0), 5);
    ck_assert_int_eq(tapir_splice(peer, NULL, out, NULL, 50, 0), 6);
    ck_assert_int_eq(tapir_fcntl(peer, F_SETFL, O_NONBLOCK), 0);
    expect_error(tapir_splice(peer, NULL, out, NULL, 5, 0), EAGAIN);
    ck_assert_int_eq(tapir_fcntl(peer, F_SETFL, 0), 0);
    expect_error(tapir_splice(peer, NULL, in, NULL, 5, 0), EBADF);
    ck_assert_int_eq(tapir_splice(in, NULL, peer, NULL, 4, SPLICE_F_MORE), 4);
    ck_assert_int_eq(tapir_splice(in, NULL, peer, NULL, 50, 0), 7);
    expect_error(tapir_splice(in, NULL, peer, NULL, 5, SPLICE_F_NONBLOCK),
                 EAGAIN);
    ck_assert_int_eq(tapir_recv(client, data, 11, MSG_WAITALL), 11);
    ck_assert_mem_eq(data, "hello world", 11);
    ck_assert_int_eq(tapir_shutdown(client, SHUT_WR), 0);
    ck_assert_int_eq(tapir_splice(peer, NULL, out, NULL, 5, 0), 0);
    ck_assert_int_eq(tapir_close(out), 0);
    ck_assert_int_eq(tapir_splice(in, NULL, peer, NULL, 5, 0), 0);
    ck_assert_int_eq(tapir_close(in), 0);
    stop();
}
END_TEST

/* What does not go into the pipe, or the socket, stays where it was. */
START_TEST(splice_loses_nothing_where_there_is_no_room)
{
    static char data[200000];
    int ends[2];
    int size = 4096;

    start();
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    int in = tapir_import(ends[0]);
    int out = tapir_import(ends[1]);

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)pattern(i);
    ck_assert_int_eq(tapir_send(client, data, 10000, 0), 10000);
    for (size_t done = 0; done < 10000;) {
        ssize_t got = tapir_splice(peer, NULL, out, NULL, 9000, 0);

        ck_assert_int_gt(got, 0);
        ck_assert_int_le(got, 4096);
        if (done + (size_t)got < 10000)
            expect_error(tapir_splice(peer, NULL, out, NULL, 9000, 0), EAGAIN);
        ck_assert_int_eq(read(ends[0], data + 100000, 9000), got);
        ck_assert_mem_eq(data + 100000, data + done, (size_t)got);
        done += (size_t)got;
    }
    ck_assert_int_eq(
        tapir_setsockopt(client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
        0);
    set_nonblocking(client);
    while (tapir_send(client, data, 3000, 0) > 0)
        ;
    ck_assert_int_eq(write(ends[1], "xyz", 3), 3);
    expect_error(tapir_splice(in, NULL, client, NULL, 3, 0), EAGAIN);
    ck_assert_int_eq(read(ends[0], data, 10), 3);
    while (tapir_recv(peer, data, sizeof(data), MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(tapir_close(in), 0);
    ck_assert_int_eq(tapir_close(out), 0);
    stop();
}
END_TEST

START_TEST(splice_refuses_what_linux_refuses)
{
    off_t offset = 0;
    int ends[2];

    start();
    ck_assert_int_eq(pipe(ends), 0);
    int in = tapir_import(ends[0]);

    expect_error(tapir_splice(peer, NULL, client, NULL, 5, 0), EINVAL);
    expect_error(tapir_splice(in, &offset, client, NULL, 5, 0), ESPIPE);
    expect_error(tapir_splice(in, NULL, client, &offset, 5, 0), EINVAL);
    expect_error(tapir_splice(in, NULL, client, NULL, 5, 0x100), EINVAL);
    expect_error(tapir_splice(99, NULL, in, NULL, 5, 0), EBADF);
    ck_assert_int_eq(tapir_splice(in, NULL, client, NULL, 0, 0), 0);
    close(ends[1]);
    ck_assert_int_eq(tapir_close(in), 0);
    stop();
}
END_TEST

UNIT_MAIN("host_transfer", a_stream_takes_and_gives_nothing_as_linux_does,
          an_empty_datagram_is_one, buffers_that_cannot_be_are_refused,
          several_messages_go_and_come_in_one_call,
          the_time_of_recvmmsg_is_looked_at_after_each_message,
          several_messages_are_refused_as_linux_refuses_them,
          sendfile_sends_a_file_from_its_position_or_an_offset,
          a_socket_that_does_not_block_takes_a_part_of_a_file,
          sendfile_sends_what_has_no_size, sendfile_refuses_what_linux_refuses,
          splice_carries_between_a_pipe_and_a_stream,
          splice_loses_nothing_where_there_is_no_room,
          splice_refuses_what_linux_refuses)
