/*
 * Bulk: one connection that carries as many bytes as it can for some seconds.
 * The same program over Tapir and, compiled with -DKERNEL, over the kernel.
 *
 *   bulk receive PORT SECONDS        prints: BYTES SECONDS
 *   bulk send HOST PORT SECONDS      prints: BYTES-SENT BYTES-RETRANSMITTED
 *
 *   --buffer BYTES   SO_SNDBUF and SO_RCVBUF; otherwise they tune themselves
 *   --cc NAME        TCP_CONGESTION
 *   --set NAME=VALUE a setting of Tapir by name, as each program of ours takes
 *   --at SECONDS     since the epoch: a connection that is made before waits
 *                    until then
 *
 * The receiver counts from its accept (or --at) for the given time and then
 * resets the connection: what waits in queues by then is not counted, and
 * nobody waits for it. The sender tells what TCP_INFO said at the end of its
 * own time; "- -" if there is none.
 */
#ifdef KERNEL
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#define CALL(name) name
#else
#include <tapir.h>

#include <arpa/inet.h>
#include <unistd.h>
#define CALL(name) tapir_##name
#endif

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CHUNK = 256 * 1024,
    PATIENCE = 40,         /* seconds beyond those asked for */
    CONNECT_TRIES = 20,    /* the receiver may not listen yet */
    SENDER_GRACE_MS = 2000 /* it goes on until it is reset */
};

/* Offsets in the kernel's struct tcp_info, which is longer than the one of
 * <netinet/tcp.h>. */
enum { TCPI_BYTES_SENT = 200, TCPI_BYTES_RETRANS = 208, TCPI_LEN = 216 };

static char chunk[CHUNK];

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- Sockets ------------------------------------------------------------- */

struct options {
    int buffer; /* 0: not set */
    const char *cc;
    double at; /* 0: at once */
};

static int new_socket(const struct options *options)
{
    int fd = CALL(socket)(AF_INET, SOCK_STREAM, 0);
    int yes = 1;

    if (fd < 0)
        err(1, "socket");
    (void)CALL(setsockopt)(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (options->buffer > 0) {
        (void)CALL(setsockopt)(fd, SOL_SOCKET, SO_SNDBUF, &options->buffer,
                               sizeof(options->buffer));
        (void)CALL(setsockopt)(fd, SOL_SOCKET, SO_RCVBUF, &options->buffer,
                               sizeof(options->buffer));
    }
    if (options->cc != NULL &&
        CALL(setsockopt)(fd, IPPROTO_TCP, TCP_CONGESTION, options->cc,
                         (socklen_t)strlen(options->cc)) < 0) {
        if (errno != ENOPROTOOPT)
            err(1, "TCP_CONGESTION %s", options->cc);
        warn("note: TCP_CONGESTION"); /* then it has one only */
    }
    return fd;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, host, &addr.sin_addr) != 1)
        errx(2, "%s is not an IPv4 address", host);
    addr.sin_port = htons((uint16_t)atoi(port));
    return addr;
}

static int listen_at(const struct sockaddr_in *addr,
                     const struct options *options)
{
    int fd = new_socket(options);

    if (CALL(bind)(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
        CALL(listen)(fd, 1) < 0)
        err(1, "listen");
    fprintf(stderr, "listening\n");
    return fd;
}

static int connect_to(const struct sockaddr_in *addr,
                      const struct options *options)
{
    struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};

    for (int i = 0; i < CONNECT_TRIES; i++) {
        int fd = new_socket(options);

        if (CALL(connect)(fd, (const struct sockaddr *)addr, sizeof(*addr)) ==
            0)
            return fd;
        if (errno != ECONNREFUSED && errno != EHOSTUNREACH)
            err(1, "connect");
        CALL(close)(fd);
        nanosleep(&pause, NULL);
    }
    err(1, "connect");
}

/* Nothing of it is worth waiting for. */
static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};

    (void)CALL(setsockopt)(fd, SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof(at_once));
    CALL(close)(fd);
}

/* Waits until the socket is ready, at most up to `end`: whether it is. */
static int wait_for(int fd, short events, int64_t end)
{
    struct pollfd polled = {.fd = fd, .events = events};
    int64_t left = end - now_us();

    return left > 0 && CALL(poll)(&polled, 1, (int)(left / 1000) + 1) > 0 &&
           now_us() < end;
}

/* Until options->at; the stack is driven meanwhile. */
static void wait_for_start(const struct options *options)
{
    struct timespec now;
    double left;

    clock_gettime(CLOCK_REALTIME, &now);
    left = options->at - (double)now.tv_sec - (double)now.tv_nsec / 1e9;
    if (left > 0)
        (void)CALL(poll)(NULL, 0, (int)(left * 1e3) + 1);
}

/* ---- Receiving ----------------------------------------------------------- */

static void receive(const char *port, double seconds,
                    const struct options *options)
{
    struct sockaddr_in any = address_of("0.0.0.0", port);
    int listener = listen_at(&any, options);
    int fd = CALL(accept)(listener, NULL, NULL);
    int64_t began;
    int64_t end;
    long long bytes = 0;

    if (fd < 0)
        err(1, "accept");
    wait_for_start(options);
    began = now_us();
    end = began + (int64_t)(seconds * 1e6);
    while (wait_for(fd, POLLIN, end)) {
        ssize_t len = CALL(recv)(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

        if (len > 0)
            bytes += len;
        else if (len == 0 || (errno != EAGAIN && errno != EINTR))
            errx(1, "the connection ended after %lld bytes: %s", bytes,
                 len == 0 ? "end of file" : strerror(errno));
    }
    printf("%lld %.6f\n", bytes, (double)(now_us() - began) / 1e6);
    reset(fd);
}

/* ---- Sending ------------------------------------------------------------- */

static void print_info(int fd)
{
    uint8_t info[TCPI_LEN];
    socklen_t len = sizeof(info);
    uint64_t sent;
    uint64_t retransmitted;

    if (CALL(getsockopt)(fd, IPPROTO_TCP, TCP_INFO, info, &len) < 0 ||
        len < TCPI_LEN) {
        printf("- -\n");
        return;
    }
    memcpy(&sent, info + TCPI_BYTES_SENT, sizeof(sent));
    memcpy(&retransmitted, info + TCPI_BYTES_RETRANS, sizeof(retransmitted));
    printf("%llu %llu\n", (unsigned long long)sent,
           (unsigned long long)retransmitted);
}

/* Until the time is over or the receiver has had enough. */
static int send_until(int fd, int64_t end)
{
    while (wait_for(fd, POLLOUT, end)) {
        ssize_t len =
            CALL(send)(fd, chunk, sizeof(chunk), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (len < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
    }
    return 0;
}

static void send_all(const char *host, const char *port, double seconds,
                     const struct options *options)
{
    struct sockaddr_in addr = address_of(host, port);
    int fd = connect_to(&addr, options);
    int64_t end;
    int status;

    wait_for_start(options);
    end = now_us() + (int64_t)(seconds * 1e6);
    status = send_until(fd, end);
    print_info(fd);
    if (status == 0)
        (void)send_until(fd, end + SENDER_GRACE_MS * 1000);
    reset(fd);
}

/* ---- Command line -------------------------------------------------------- */

static void take_options(int *argc, char **argv, struct options *options)
{
    while (*argc > 2 && strncmp(argv[1], "--", 2) == 0) {
        if (strcmp(argv[1], "--buffer") == 0)
            options->buffer = atoi(argv[2]);
        else if (strcmp(argv[1], "--cc") == 0)
            options->cc = argv[2];
        else if (strcmp(argv[1], "--at") == 0)
            options->at = atof(argv[2]);
        else
            errx(2, "%s: no such option", argv[1]);
        *argc -= 2;
        memmove(argv + 1, argv + 3, (size_t)*argc * sizeof(*argv));
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};

#ifndef KERNEL
    tapir_open_args(&argc, argv);
#endif
    take_options(&argc, argv, &options);
    if (argc == 4 && strcmp(argv[1], "receive") == 0) {
        alarm((unsigned)atof(argv[3]) + PATIENCE);
        receive(argv[2], atof(argv[3]), &options);
    } else if (argc == 5 && strcmp(argv[1], "send") == 0) {
        alarm((unsigned)atof(argv[4]) + PATIENCE);
        send_all(argv[2], argv[3], atof(argv[4]), &options);
    } else {
        errx(2, "usage: bulk [--buffer BYTES] [--cc NAME] [--at SECONDS] "
                "receive PORT SECONDS | send HOST PORT SECONDS");
    }
    return 0;
}
