/*
 * perf: measures how fast two ends are: a server, and a client that asks it
 * for bytes, round trips, datagrams or connections and says what it got.
 *
 *   perf serve
 *   perf send | receive | rr | connect | udp-send | udp-receive HOST
 *
 * Each end is one thread with an epoll set, whatever the connections' number.
 * A connection begins with a request of the client: what it is for. One of
 * them is for questions: the server's counters and the CPU time that its
 * process has used, at the beginning of the measured time and at its end. What
 * counts is what the receiver's program has got.
 *
 * Compiled with -DKERNEL it is the same program on the kernel's sockets: so
 * the benchmarks compare the two.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#ifdef KERNEL
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#define CALL(name) name
#else
#include <tapir.h>
#define CALL(name) tapir_##name
#endif

#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    PATTERN_LEN = 256 * 1024, /* the most for one call */
    EVENTS_MAX = 256,
    CONNECTIONS_MAX = 20000,
    BACKLOG = 4096,
    DATAGRAM_MAX = 65507,
    DATAGRAMS_AT_ONCE = 64, /* then the clock and the others are looked at */
    PATIENCE = 20           /* seconds beyond those asked for */
};

/* What a connection is for, as its first byte says; MODE_NONE: not told yet. */
enum mode {
    MODE_NONE,
    MODE_SEND,        /* the client sends, the server receives */
    MODE_RECEIVE,     /* the other way round */
    MODE_RR,          /* the client asks, the server answers as much */
    MODE_CONNECT,     /* the server closes it at once */
    MODE_UDP_SEND,    /* of the client's command only */
    MODE_UDP_RECEIVE, /* datagrams come to a port as long as it is open */
    MODE_QUESTION,    /* each byte is answered with the server's counters */
    MODE_COUNT
};

static const char *const mode_names[MODE_COUNT] = {
    "",        "send",     "receive",     "rr",
    "connect", "udp-send", "udp-receive", "question"};

/* A request, in network order. */
struct request {
    uint8_t mode;
    uint8_t unused;
    uint16_t port; /* of MODE_UDP_RECEIVE */
    uint32_t size; /* of its datagrams */
};

/* What one end has done; on the wire in network order. */
struct counters {
    uint64_t bytes;     /* received by the program, from */
    uint64_t datagrams; /* or in datagrams */
    uint64_t operations;
    uint64_t time_us;
    uint64_t user_us;
    uint64_t system_us;
};

enum { COUNTERS = sizeof(struct counters) / sizeof(uint64_t) };

struct connection {
    int fd;
    enum mode mode;
    bool is_watched;   /* for writing, too */
    uint64_t position; /* in the stream, of what is sent or received */
    size_t owed;       /* bytes that are still to be sent */
    size_t awaited;    /* bytes that are still to come */
    uint64_t began_ns; /* of the round trip or the connection */
    struct sockaddr_in datagrams_to;
    size_t size;
};

struct options {
    enum mode mode;
    bool is_server;
    struct sockaddr_in host;
    unsigned connections;
    double seconds;
    double warm_up;
    size_t size;    /* 0: each mode's own */
    bool zero_copy; /* this end lends and borrows */
    bool check;     /* what is received is compared */
    bool json;
    const char *congestion;
};

/* Round-trip times, in ns: 32 classes for each power of two, so 3 % wide. */
enum { CLASSES = 32 * 64 };

struct perf {
    struct options options;
    int epoll;
    int listener;
    int datagrams;
    uint64_t sum; /* of what was borrowed, so that it was read */
    struct counters counters;
    uint64_t times[CLASSES];
};

static struct perf perf;
/* Byte i of any stream is that of the pattern at i modulo its length; twice,
 * so that a call can begin anywhere. */
static uint8_t pattern[2 * PATTERN_LEN];
static uint8_t buffer[PATTERN_LEN];

/* ---- Time -------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static struct counters counters_now(void)
{
    struct counters now = perf.counters;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    now.time_us = now_ns() / 1000;
    now.user_us = microseconds(usage.ru_utime);
    now.system_us = microseconds(usage.ru_stime);
    return now;
}

static unsigned class_of(uint64_t ns)
{
    if (ns < 32)
        return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);

    return (power - 4) * 32 + (unsigned)(ns >> (power - 5) & 31);
}

/* The class's middle. */
static double class_ns(unsigned class)
{
    if (class < 32)
        return class;
    return (32.5 + class % 32) * (double)(UINT64_C(1) << (class / 32 - 1));
}

static void count_operation(uint64_t began_ns)
{
    perf.counters.operations++;
    perf.times[class_of(now_ns() - began_ns)]++;
}

static double percentile_us(double share)
{
    uint64_t all = 0;
    uint64_t seen = 0;

    for (unsigned i = 0; i < CLASSES; i++)
        all += perf.times[i];
    for (unsigned i = 0; i < CLASSES; i++) {
        seen += perf.times[i];
        if (seen > 0 && (double)seen >= share * (double)all)
            return class_ns(i) / 1000;
    }
    return 0;
}

/* ---- Connections ------------------------------------------------------- */

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static void watch(struct connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    if (CALL(epoll_ctl)(perf.epoll, operation, connection->fd, &event) < 0)
        err(1, "epoll_ctl");
    connection->is_watched = (events & EPOLLOUT) != 0;
}

static void watch_writing(struct connection *connection, bool is_wanted)
{
    if (connection->is_watched != is_wanted)
        watch(connection, EPOLL_CTL_MOD,
              EPOLLIN | (is_wanted ? (uint32_t)EPOLLOUT : 0));
}

static int new_socket(int type)
{
    /* Datagrams are sent as fast as it goes, so that waits. */
    int fd = CALL(socket)(AF_INET,
                          type == SOCK_STREAM ? type | SOCK_NONBLOCK : type, 0);
    int on = 1;
    const char *congestion = perf.options.congestion;

    if (fd < 0)
        err(1, "socket");
    if (type != SOCK_STREAM)
        return fd;
    (void)CALL(setsockopt)(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)CALL(setsockopt)(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (congestion != NULL &&
        CALL(setsockopt)(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
                         (socklen_t)strlen(congestion)) < 0)
        err(1, "--cc %s", congestion);
    return fd;
}

/* Closing with a reset: nobody waits for what is still on the way. */
static void reset_on_close(int fd)
{
    struct linger at_once = {.l_onoff = 1};

    (void)CALL(setsockopt)(fd, SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof(at_once));
}

/* ---- Bytes one way ----------------------------------------------------- */

static void no_more_lent(void *arg)
{
    (void)arg; /* the pattern stays */
}

static ssize_t send_bytes(int fd, const void *data, size_t len)
{
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

#ifndef KERNEL
    if (perf.options.zero_copy)
        return tapir_send_lend(fd, data, len, flags, no_more_lent, NULL);
#else
    (void)no_more_lent;
#endif
    return CALL(send)(fd, data, len, flags);
}

/* As much as is taken now; false: it is over. */
static bool send_pattern(struct connection *connection)
{
    size_t size = perf.options.size ? perf.options.size : PATTERN_LEN;
    size_t from = connection->position % PATTERN_LEN;
    ssize_t len = send_bytes(connection->fd, pattern + from, size);

    if (len < 0)
        return would_block();
    connection->position += (uint64_t)len;
    return true;
}

static void take_bytes(struct connection *connection, const uint8_t *data,
                       size_t len)
{
    while (perf.options.check && len > 0) {
        size_t from = connection->position % PATTERN_LEN;
        size_t part = len < PATTERN_LEN ? len : PATTERN_LEN;

        if (memcmp(data, pattern + from, part) != 0)
            errx(1, "wrong bytes after %" PRIu64 " of a connection",
                 connection->position);
        connection->position += part;
        perf.counters.bytes += part;
        data += part;
        len -= part;
    }
    perf.counters.bytes += len;
}

#ifndef KERNEL
static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* Each byte is read, as a copy would, and not slower than by one: four sums
 * need not wait for each other. */
static uint64_t sum_of(const uint8_t *data, size_t len)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;

    for (; len >= 32; data += 32, len -= 32) {
        a += word_at(data);
        b += word_at(data + 8);
        c += word_at(data + 16);
        d += word_at(data + 24);
    }
    for (; len > 0; len--)
        a += *data++;
    return a + b + c + d;
}

static ssize_t borrow_bytes(struct connection *connection)
{
    struct iovec pieces[2];
    int count = 0;
    ssize_t len =
        tapir_recv_borrow(connection->fd, pieces, &count, MSG_DONTWAIT);

    if (len <= 0)
        return len;
    for (int i = 0; i < count; i++) {
        perf.sum += sum_of(pieces[i].iov_base, pieces[i].iov_len);
        take_bytes(connection, pieces[i].iov_base, pieces[i].iov_len);
    }
    if (tapir_recv_release(connection->fd, (size_t)len) < 0)
        err(1, "tapir_recv_release");
    return len;
}
#endif

static ssize_t copy_bytes(struct connection *connection)
{
    size_t size = perf.options.size ? perf.options.size : PATTERN_LEN;
    ssize_t len = CALL(recv)(connection->fd, buffer, size, MSG_DONTWAIT);

    if (len > 0)
        take_bytes(connection, buffer, (size_t)len);
    return len;
}

/* False: it is over. */
static bool receive_bytes(struct connection *connection)
{
    ssize_t len;

#ifndef KERNEL
    if (perf.options.zero_copy)
        len = borrow_bytes(connection);
    else
#endif
        len = copy_bytes(connection);
    return len > 0 || (len < 0 && would_block());
}

/* ---- Round trips ------------------------------------------------------- */

/* What is owed is sent, as far as it can be. */
static bool send_owed(struct connection *connection)
{
    while (connection->owed > 0) {
        size_t part =
            connection->owed < PATTERN_LEN ? connection->owed : PATTERN_LEN;
        ssize_t len = CALL(send)(connection->fd, pattern, part,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (len < 0 && !would_block())
            return false;
        if (len < 0)
            break;
        connection->owed -= (size_t)len;
    }
    watch_writing(connection, connection->owed > 0);
    return true;
}

static bool answer(struct connection *connection)
{
    if (connection->owed == 0) {
        ssize_t len =
            CALL(recv)(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (len <= 0)
            return len < 0 && would_block();
        connection->owed = (size_t)len;
    }
    return send_owed(connection);
}

static bool ask(struct connection *connection)
{
    size_t size = perf.options.size ? perf.options.size : 1;

    connection->began_ns = now_ns();
    connection->owed = size;
    connection->awaited = size;
    return send_owed(connection);
}

static bool take_answer(struct connection *connection)
{
    ssize_t len =
        CALL(recv)(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (len <= 0)
        return len < 0 && would_block() && send_owed(connection);
    connection->awaited -= (size_t)len;
    if (connection->awaited > 0)
        return send_owed(connection);
    count_operation(connection->began_ns);
    return ask(connection);
}

/* ---- Datagrams --------------------------------------------------------- */

/* To whom a connection says, or (NULL) to whom the socket is connected. */
static void send_datagrams(const struct sockaddr_in *to, size_t size)
{
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++)
        if (CALL(sendto)(perf.datagrams, pattern, size, 0,
                         (const struct sockaddr *)to,
                         to == NULL ? 0 : sizeof(*to)) < 0)
            break;
}

static void receive_datagrams(void)
{
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        ssize_t len =
            CALL(recv)(perf.datagrams, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (len < 0)
            break;
        perf.counters.datagrams++;
        perf.counters.bytes += (uint64_t)len;
    }
}

/* ---- The server -------------------------------------------------------- */

static bool answer_question(struct connection *connection)
{
    struct counters now = counters_now();
    uint64_t numbers[COUNTERS];
    char byte;
    ssize_t len = CALL(recv)(connection->fd, &byte, 1, MSG_DONTWAIT);

    if (len <= 0)
        return len < 0 && would_block();
    memcpy(numbers, &now, sizeof(now));
    for (int i = 0; i < COUNTERS; i++)
        numbers[i] = htobe64(numbers[i]);
    return CALL(send)(connection->fd, numbers, sizeof(numbers), MSG_NOSIGNAL) ==
           sizeof(numbers);
}

/* The client's request is so short that it comes as one. */
static bool take_request(struct connection *connection)
{
    struct request request;
    socklen_t len = sizeof(connection->datagrams_to);
    ssize_t got = CALL(recv)(connection->fd, &request, sizeof(request), 0);

    if (got < 0 && would_block())
        return true;
    if (got != sizeof(request) || request.mode == MODE_NONE ||
        request.mode >= MODE_COUNT)
        return false;
    connection->mode = request.mode;
    connection->size = ntohl(request.size);
    if (CALL(getpeername)(connection->fd,
                          (struct sockaddr *)&connection->datagrams_to,
                          &len) < 0 ||
        connection->size > DATAGRAM_MAX)
        return false;
    connection->datagrams_to.sin_port = request.port;
    watch_writing(connection, request.mode == MODE_RECEIVE ||
                                  request.mode == MODE_UDP_RECEIVE);
    return request.mode != MODE_CONNECT;
}

static bool serve_connection(struct connection *connection, uint32_t events)
{
    switch (connection->mode) {
    case MODE_NONE:
        return take_request(connection);
    case MODE_SEND:
        return receive_bytes(connection);
    case MODE_RECEIVE:
        return (events & EPOLLIN) == 0 && send_pattern(connection);
    case MODE_RR:
        return answer(connection);
    case MODE_UDP_RECEIVE:
        send_datagrams(&connection->datagrams_to, connection->size);
        return (events & EPOLLIN) == 0;
    case MODE_QUESTION:
        return answer_question(connection);
    case MODE_CONNECT:
    case MODE_UDP_SEND:
    case MODE_COUNT:
        break;
    }
    return false;
}

static void accept_all(void)
{
    int fd;

    while ((fd = CALL(accept4)(perf.listener, NULL, NULL, SOCK_NONBLOCK)) >=
           0) {
        struct connection *connection = calloc(1, sizeof(*connection));
        int on = 1;

        if (connection == NULL)
            err(1, "calloc");
        connection->fd = fd;
        (void)CALL(setsockopt)(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void end_connection(struct connection *connection)
{
    if (connection->mode == MODE_CONNECT)
        perf.counters.operations++;
    CALL(close)(connection->fd);
    free(connection);
}

static int bind_socket(int type)
{
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_port = perf.options.host.sin_port};
    int fd = new_socket(type);

    if (CALL(bind)(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
        err(1, "port %u", ntohs(any.sin_port));
    return fd;
}

static void serve(void)
{
    static struct connection listener;
    static struct connection datagrams;
    struct epoll_event events[EVENTS_MAX];

    listener.fd = perf.listener = bind_socket(SOCK_STREAM);
    datagrams.fd = perf.datagrams = bind_socket(SOCK_DGRAM);
    if (CALL(listen)(perf.listener, BACKLOG) < 0)
        err(1, "listen");
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    watch(&datagrams, EPOLL_CTL_ADD, EPOLLIN);
    fprintf(stderr, "perf: serving port %u\n",
            ntohs(perf.options.host.sin_port));
    for (;;) {
        int count = CALL(epoll_wait)(perf.epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;

            if (connection == &listener)
                accept_all();
            else if (connection == &datagrams)
                receive_datagrams();
            else if (!serve_connection(connection, events[i].events))
                end_connection(connection);
        }
    }
}

/* ---- The client -------------------------------------------------------- */

/* Waits until it is there, or until it is known why not. */
static void wait_connected(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);

    if (CALL(poll)(&polled, 1, PATIENCE * 1000) <= 0)
        errx(1, "connect: no answer");
    (void)CALL(getsockopt)(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0)
        errx(1, "connect: %s", strerror(error));
}

static int start_connecting(void)
{
    int fd = new_socket(SOCK_STREAM);

    if (CALL(connect)(fd, (struct sockaddr *)&perf.options.host,
                      sizeof(perf.options.host)) < 0 &&
        errno != EINPROGRESS)
        err(1, "connect");
    return fd;
}

static void send_request(int fd, enum mode mode, uint16_t port)
{
    struct request request = {.mode = (uint8_t)mode,
                              .port = port,
                              .size = htonl((uint32_t)perf.options.size)};

    if (CALL(send)(fd, &request, sizeof(request), MSG_NOSIGNAL) !=
        sizeof(request))
        err(1, "send");
}

/* The server's counters; a blocking call of this program, as short as a round
 * trip. */
static struct counters ask_server(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    uint64_t numbers[COUNTERS];
    struct counters counters;
    size_t got = 0;

    if (CALL(send)(fd, "?", 1, MSG_NOSIGNAL) != 1)
        err(1, "send");
    while (got < sizeof(numbers)) {
        if (CALL(poll)(&polled, 1, PATIENCE * 1000) <= 0)
            errx(1, "the server does not answer");
        ssize_t len = CALL(recv)(fd, (char *)numbers + got,
                                 sizeof(numbers) - got, MSG_DONTWAIT);
        if (len == 0 || (len < 0 && !would_block()))
            errx(1, "the server is gone");
        got += len > 0 ? (size_t)len : 0;
    }
    for (int i = 0; i < COUNTERS; i++)
        numbers[i] = be64toh(numbers[i]);
    memcpy(&counters, numbers, sizeof(counters));
    return counters;
}

/* One more of those that are opened and closed. */
static void connect_anew(struct connection *connection)
{
    connection->began_ns = now_ns();
    connection->fd = start_connecting();
    connection->owed = 1;
    watch(connection, EPOLL_CTL_ADD, EPOLLOUT);
}

static bool go_on_connecting(struct connection *connection)
{
    char byte;

    if (connection->owed > 0) {
        wait_connected(connection->fd);
        send_request(connection->fd, MODE_CONNECT, 0);
        connection->owed = 0;
        watch(connection, EPOLL_CTL_MOD, EPOLLIN);
        return true;
    }
    ssize_t len = CALL(recv)(connection->fd, &byte, 1, 0);
    if (len < 0 && would_block())
        return true;
    if (len != 0)
        return false;
    count_operation(connection->began_ns);
    CALL(close)(connection->fd);
    connect_anew(connection);
    return true;
}

static void open_connection(struct connection *connection)
{
    connection->mode = perf.options.mode;
    if (connection->mode == MODE_CONNECT) {
        connect_anew(connection);
        return;
    }
    connection->fd = start_connecting();
    wait_connected(connection->fd);
    reset_on_close(connection->fd);
    send_request(connection->fd, connection->mode, 0);
    watch(connection, EPOLL_CTL_ADD,
          connection->mode == MODE_SEND ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (connection->mode == MODE_RR && !ask(connection))
        err(1, "send");
}

/* The connection tells the server where datagrams are to go, and how long. */
static void open_datagrams(struct connection *connection)
{
    struct sockaddr_in own;
    socklen_t len = sizeof(own);

    if (perf.options.size == 0)
        perf.options.size = 64;
    if (perf.options.size > DATAGRAM_MAX)
        errx(2, "--size: a datagram has at most %d bytes", DATAGRAM_MAX);
    perf.datagrams = new_socket(SOCK_DGRAM);
    if (CALL(connect)(perf.datagrams, (struct sockaddr *)&perf.options.host,
                      sizeof(perf.options.host)) < 0 ||
        CALL(getsockname)(perf.datagrams, (struct sockaddr *)&own, &len) < 0)
        err(1, "connect");
    connection->mode = perf.options.mode;
    if (connection->mode == MODE_UDP_SEND)
        return;
    int fd = start_connecting();
    wait_connected(fd);
    reset_on_close(fd);
    send_request(fd, MODE_UDP_RECEIVE, own.sin_port);
    connection->fd = perf.datagrams;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

static bool run_connection(struct connection *connection, uint32_t events)
{
    switch (connection->mode) {
    case MODE_SEND:
        return (events & EPOLLIN) == 0 && send_pattern(connection);
    case MODE_RECEIVE:
        return receive_bytes(connection);
    case MODE_RR:
        return take_answer(connection);
    case MODE_CONNECT:
        return go_on_connecting(connection);
    case MODE_UDP_RECEIVE:
        receive_datagrams();
        return true;
    case MODE_NONE:
    case MODE_UDP_SEND:
    case MODE_QUESTION:
    case MODE_COUNT:
        break;
    }
    return false;
}

static void run(double seconds)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);

    for (uint64_t now = now_ns(); now < end; now = now_ns()) {
        if (perf.options.mode == MODE_UDP_SEND) {
            send_datagrams(NULL, perf.options.size);
            continue;
        }
        int count = CALL(epoll_wait)(perf.epoll, events, EVENTS_MAX,
                                     (int)((end - now) / 1000000) + 1);
        for (int i = 0; i < count; i++)
            if (!run_connection(events[i].data.ptr, events[i].events))
                errx(1, "the server has ended a connection");
    }
}

/* ---- What came of it --------------------------------------------------- */

struct result {
    double seconds; /* at the receiver */
    double bytes, datagrams, operations;
    double client_cpu, server_cpu;
    double per; /* CPU time is told per 10^9 bytes, or per million of others */
};

static double cpu_between(const struct counters *a, const struct counters *b)
{
    return (double)(b->user_us - a->user_us + b->system_us - a->system_us) /
           1e6;
}

/* `own` and `server` of the beginning and of the end. */
static struct result result_of(const struct counters own[2],
                               const struct counters server[2])
{
    bool is_server =
        perf.options.mode == MODE_SEND || perf.options.mode == MODE_UDP_SEND;
    const struct counters *receiver = is_server ? server : own;
    struct result result = {
        .seconds = (double)(receiver[1].time_us - receiver[0].time_us) / 1e6,
        .bytes = (double)(receiver[1].bytes - receiver[0].bytes),
        .datagrams = (double)(receiver[1].datagrams - receiver[0].datagrams),
        .operations = (double)(own[1].operations - own[0].operations),
        .client_cpu = cpu_between(&own[0], &own[1]),
        .server_cpu = cpu_between(&server[0], &server[1]),
    };
    result.per = (result.operations > 0  ? result.operations / 1e6
                  : result.datagrams > 0 ? result.datagrams / 1e6
                                         : result.bytes / 1e9);
    return result;
}

static void print_text(const struct result *result)
{
    printf("%s, %u at once: ", mode_names[perf.options.mode],
           perf.options.connections);
    if (result->operations > 0)
        printf("%.0f a second, median %.1f us, 99 of 100 in %.1f us",
               result->operations / result->seconds, percentile_us(0.5),
               percentile_us(0.99));
    else if (result->datagrams > 0)
        printf("%.0f datagrams a second, %.2f Gbit/s",
               result->datagrams / result->seconds,
               result->bytes * 8 / result->seconds / 1e9);
    else
        printf("%.2f Gbit/s", result->bytes * 8 / result->seconds / 1e9);
    printf("; CPU seconds per %s: client %.3f, server %.3f\n",
           result->operations > 0 || result->datagrams > 0 ? "million" : "GB",
           result->client_cpu / result->per, result->server_cpu / result->per);
}

static void print_json(const struct result *result)
{
    printf("{\"mode\": \"%s\", \"connections\": %u, \"seconds\": %.6f, "
           "\"bytes\": %.0f, \"gbit_s\": %.4f, \"datagrams_s\": %.1f, "
           "\"operations_s\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
           "\"client_cpu_s\": %.4f, \"server_cpu_s\": %.4f, "
           "\"client_cpu_per\": %.5f, \"server_cpu_per\": %.5f}\n",
           mode_names[perf.options.mode], perf.options.connections,
           result->seconds, result->bytes,
           result->bytes * 8 / result->seconds / 1e9,
           result->datagrams / result->seconds,
           result->operations / result->seconds, percentile_us(0.5),
           percentile_us(0.99), result->client_cpu, result->server_cpu,
           result->client_cpu / result->per, result->server_cpu / result->per);
}

static int measure(void)
{
    struct counters own[2];
    struct counters server[2];
    struct connection *connections =
        calloc(perf.options.connections, sizeof(*connections));
    int questions = start_connecting();

    if (connections == NULL)
        err(1, "calloc");
    wait_connected(questions);
    reset_on_close(questions);
    send_request(questions, MODE_QUESTION, 0);
    (void)ask_server(questions); /* so it has the request by itself */
    if (perf.options.mode == MODE_UDP_SEND ||
        perf.options.mode == MODE_UDP_RECEIVE)
        open_datagrams(&connections[0]);
    else
        for (unsigned i = 0; i < perf.options.connections; i++)
            open_connection(&connections[i]);

    run(perf.options.warm_up);
    memset(perf.times, 0, sizeof(perf.times));
    server[0] = ask_server(questions);
    own[0] = counters_now();
    run(perf.options.seconds);
    own[1] = counters_now();
    server[1] = ask_server(questions);

    struct result result = result_of(own, server);
    if (perf.options.json)
        print_json(&result);
    else
        print_text(&result);
    free(connections);
    return result.bytes > 0 || result.operations > 0 ? 0 : 1;
}

/* ---- Command line ------------------------------------------------------ */

static void print_help(void)
{
    printf("usage: perf [OPTION...] serve\n"
           "       perf [OPTION...] send | receive | rr | connect | udp-send |"
           " udp-receive HOST\n"
           "  --port N          instead of 7500\n"
           "  --connections N   at once, instead of 1\n"
           "  --seconds S       measured, instead of 2\n"
           "  --warm-up S       before that, instead of 0.2\n"
           "  --size BYTES      of a call (262144), a request (1), a datagram"
           " (64)\n"
           "  --zero-copy       this end sends what it lends, and borrows what"
           " came\n"
           "  --check           this end compares what came\n"
           "  --cc NAME         congestion control of this end's connections"
           "\n"
           "  --json            one line of it\n");
#ifndef KERNEL
    printf("%s", tapir_config_help());
#endif
}

static double number(const char *option, const char *text, double least,
                     double most)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= least && value <= most))
        errx(2, "--%s %s: not a number from %g to %g", option, text, least,
             most);
    return value;
}

static enum mode mode_of(const char *name)
{
    for (enum mode mode = MODE_SEND; mode < MODE_QUESTION; mode++)
        if (strcmp(name, mode_names[mode]) == 0)
            return mode;
    errx(2, "%s: no such command; see perf --help", name);
}

static void parse_command(int argc, char **argv)
{
    struct options *options = &perf.options;

    options->host.sin_family = AF_INET;
    options->is_server = argc == 1 && strcmp(argv[0], "serve") == 0;
    if (options->is_server)
        return;
    if (argc != 2)
        errx(2, "a command is wanted, and a host; see perf --help");
    options->mode = mode_of(argv[0]);
    if (inet_pton(AF_INET, argv[1], &options->host.sin_addr) != 1)
        errx(2, "%s: not an IPv4 address", argv[1]);
}

/* What getopt has found: 'p' for --port, and so on. */
static void take_option(int option, const char *name)
{
    struct options *options = &perf.options;

    switch (option) {
    case 'p':
        options->host.sin_port =
            htons((uint16_t)number(name, optarg, 1, 65535));
        break;
    case 'n':
        options->connections =
            (unsigned)number(name, optarg, 1, CONNECTIONS_MAX);
        break;
    case 's':
        options->seconds = number(name, optarg, 0.01, 86400);
        break;
    case 'w':
        options->warm_up = number(name, optarg, 0, 3600);
        break;
    case 'l':
        options->size = (size_t)number(name, optarg, 1, PATTERN_LEN);
        break;
    case 'z':
        options->zero_copy = true;
        break;
    case 'k':
        options->check = true;
        break;
    case 'c':
        options->congestion = optarg;
        break;
    case 'j':
        options->json = true;
        break;
    case 'h':
        print_help();
        exit(0);
    default:
        exit(2); /* getopt has said what is wrong */
    }
}

static void parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"port", required_argument, 0, 'p'},
        {"connections", required_argument, 0, 'n'},
        {"seconds", required_argument, 0, 's'},
        {"warm-up", required_argument, 0, 'w'},
        {"size", required_argument, 0, 'l'},
        {"zero-copy", no_argument, 0, 'z'},
        {"check", no_argument, 0, 'k'},
        {"cc", required_argument, 0, 'c'},
        {"json", no_argument, 0, 'j'},
        {"help", no_argument, 0, 'h'},
        {0}};
    int option;
    int which = 0;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "h", long_options, &which)) != -1)
        take_option(option, long_options[which].name);
    parse_command(argc - optind, argv + optind);
}

static void fill_pattern(void)
{
    uint32_t state = 1;

    for (size_t i = 0; i < PATTERN_LEN; i++) {
        state = state * 1664525 + 1013904223;
        pattern[i] = pattern[i + PATTERN_LEN] = (uint8_t)(state >> 24);
    }
}

/* Takes the stack's settings out of the command line; the stack starts when
 * the rest is known to be right. */
static void open_stack(int argc, char **argv)
{
#ifdef KERNEL
    parse_options(argc, argv);
#else
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    parse_options(argc, argv);
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);
#endif
}

int main(int argc, char **argv)
{
    perf.options = (struct options){
        .host.sin_port = htons(7500),
        .connections = 1,
        .seconds = 2,
        .warm_up = 0.2,
    };
    open_stack(argc, argv);
    fill_pattern();
    perf.epoll = CALL(epoll_create1)(0);
    if (perf.epoll < 0)
        err(1, "epoll_create1");
    if (perf.options.is_server)
        serve();
    return measure();
}
