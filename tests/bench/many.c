/*
 * A client on the kernel's sockets with many connections to `perf serve`: opens
 * them one after another, each with a byte there and back, says "open", and
 * waits for a line of standard input. Then it makes round trips of one byte,
 * one at a time, over all of them in turn, and prints what they took.
 *
 *   many ADDR CONNECTIONS SECONDS [FROM]
 *
 * With FROM, an address of its own, it has the ports of that one: so several of
 * them open more connections than one address has ports, or a process files.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    PORT = 7500, /* of apps/perf.c, as the next three */
    REQUEST_LEN = 8,
    REQUEST_RR = 3,
    REQUEST_QUESTION = 7,
    USER_US = 4, /* of the counters in an answer to that, the server's */
    SYSTEM_US = 5,
    COUNTERS = 6,
    CONNECTIONS_MAX = 1000000,
    TIMES_MAX = 1 << 20,
    STRIDE = 7919, /* so that the next is no neighbour; a prime */
    PATIENCE = 10  /* seconds */
};

static struct sockaddr_in server = {.sin_family = AF_INET};
static struct sockaddr_in from = {.sin_family = AF_INET};
static float times_us[TIMES_MAX];

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_one(char purpose)
{
    struct timeval patience = {.tv_sec = PATIENCE};
    const char request[REQUEST_LEN] = {purpose};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        err(1, "socket");
    /* the port is chosen by connect, which knows who is at the other end */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
        err(1, "bind");
    if (connect(fd, (const struct sockaddr *)&server, sizeof(server)) < 0)
        err(1, "connect");
    if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
        err(1, "request");
    return fd;
}

static void go_there_and_back(int fd)
{
    char sent = 'a';
    char got = 0;

    if (send(fd, &sent, 1, MSG_NOSIGNAL) != 1)
        err(1, "send");
    if (recv(fd, &got, 1, 0) != 1)
        err(1, "no byte came back");
}

/* Of the server's process, since it began. */
static double server_cpu(int questions)
{
    uint64_t numbers[COUNTERS];

    if (send(questions, "?", 1, MSG_NOSIGNAL) != 1 ||
        recv(questions, numbers, sizeof(numbers), MSG_WAITALL) !=
            sizeof(numbers))
        err(1, "question");
    return (double)(be64toh(numbers[USER_US]) + be64toh(numbers[SYSTEM_US])) /
           1e6;
}

static int *open_all(unsigned count)
{
    int *fds = calloc(count, sizeof(*fds));

    if (fds == NULL)
        err(1, "calloc");
    for (unsigned i = 0; i < count; i++) {
        fds[i] = open_one(REQUEST_RR);
        go_there_and_back(fds[i]);
    }
    return fds;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;

    return (x > y) - (x < y);
}

/* How many trips; the times of the first of them are kept. */
static unsigned sweep(const int *fds, unsigned count, double seconds)
{
    double began = now();
    double before = began;
    unsigned trips = 0;

    for (unsigned i = 0; before < began + seconds; i = (i + STRIDE) % count) {
        double after;

        go_there_and_back(fds[i]);
        after = now();
        if (trips < TIMES_MAX)
            times_us[trips] = (float)((after - before) * 1e6);
        trips++;
        before = after;
    }
    return trips;
}

static void measure(const int *fds, unsigned count, double seconds)
{
    int questions = open_one(REQUEST_QUESTION);
    double cpu = server_cpu(questions);
    double began = now();
    unsigned trips = sweep(fds, count, seconds);
    double took = now() - began;
    unsigned kept = trips < TIMES_MAX ? trips : TIMES_MAX;

    cpu = server_cpu(questions) - cpu;
    qsort(times_us, kept, sizeof(*times_us), compare);
    printf("{\"connections\": %u, \"operations_s\": %.1f, \"p50_us\": %.2f, "
           "\"p99_us\": %.2f, \"server_cpu_per\": %.5f}\n",
           count, trips / took, (double)times_us[kept / 2],
           (double)times_us[kept / 100 * 99], cpu / (trips / 1e6));
}

int main(int argc, char **argv)
{
    unsigned count;
    int *fds;

    if (argc < 4 || argc > 5 ||
        inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 ||
        (argc == 5 && inet_pton(AF_INET, argv[4], &from.sin_addr) != 1))
        errx(2, "usage: many ADDR CONNECTIONS SECONDS [FROM]");
    count = (unsigned)strtoul(argv[2], NULL, 10);
    if (count == 0 || count > CONNECTIONS_MAX)
        errx(2, "%s connections?", argv[2]);
    server.sin_port = htons(PORT);
    fds = open_all(count);
    fprintf(stderr, "many: open\n");
    while (getchar() != '\n' && !feof(stdin))
        continue;
    measure(fds, count, strtod(argv[3], NULL));
    free(fds);
    return 0;
}
