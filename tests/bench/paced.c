/*
 * A client on the kernel's sockets that asks, or sends, at a fixed rate,
 * however fast the server could be: so that what the server's process has used
 * can be compared from run to run.
 *
 *   paced get ADDR PORT PATH REQUESTS-PER-SECOND SECONDS CONNECTIONS PID
 *   paced send ADDR PORT BYTES-PER-SECOND SECONDS PID
 *
 * It prints what it reached and how many microseconds of processor time the
 * server's process PID has used, both for a second. A request is due at its
 * time; it waits for the next connection that is free.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1000, CHUNK = 256 * 1024, REQUEST_MAX = 512 };

struct connection {
    int fd;
    uint64_t left; /* of the answer; 0: it is free */
};

struct client {
    struct connection connections[CONNECTIONS_MAX];
    struct pollfd polled[CONNECTIONS_MAX];
    unsigned count;
    char request[REQUEST_MAX];
    uint64_t answer_len;
    double rate;
    double seconds;
    double began;
    uint64_t asked;
    uint64_t answered;
};

static char chunk[CHUNK];

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value > 0))
        errx(2, "%s: not a number", text);
    return value;
}

/* Of all threads of the server, since the last call. */
static double processor_time(const char *pid)
{
    static double last;
    struct timespec time;
    clockid_t clock;
    double used;

    if (clock_getcpuclockid((pid_t)number(pid), &clock) != 0 ||
        clock_gettime(clock, &time) < 0)
        errx(1, "there is no process %s", pid);
    used = (double)time.tv_sec + (double)time.tv_nsec / 1e9 - last;
    last += used;
    return used;
}

static void report(double count, double seconds, const char *pid)
{
    printf("%.0f %.0f\n", count / seconds, processor_time(pid) * 1e6 / seconds);
}

static void sleep_until(double time)
{
    double left = time - now();
    struct timespec pause = {.tv_sec = (time_t)left};

    pause.tv_nsec = (long)((left - (double)pause.tv_sec) * 1e9);
    if (left > 0)
        nanosleep(&pause, NULL);
}

static int connect_to(const char *addr, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)number(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    if (inet_pton(AF_INET, addr, &to.sin_addr) != 1)
        errx(2, "%s: not an IPv4 address", addr);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        err(1, "%s:%s", addr, port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* ---- send ---------------------------------------------------------------- */

/* What is due goes each millisecond. */
static void run_send(char **argv)
{
    int fd = connect_to(argv[0], argv[1]);
    double rate = number(argv[2]);
    double seconds = number(argv[3]);
    double began = now();
    double sent = 0;
    double time;

    (void)processor_time(argv[4]);
    while ((time = now() - began) < seconds) {
        double due = rate * time - sent;

        if (due < 1) {
            sleep_until(now() + 0.001);
            continue;
        }
        ssize_t len = send(fd, chunk, due < CHUNK ? (size_t)due : CHUNK, 0);
        if (len < 0)
            err(1, "send");
        sent += (double)len;
    }
    report(sent, time, argv[4]);
    close(fd);
}

/* ---- get ----------------------------------------------------------------- */

/* The first answer tells how long all are. */
static uint64_t learn_len(const struct client *client, int fd)
{
    static const char word[] = "Content-Length:";
    size_t len = 0;
    const char *body = NULL;
    const char *at;

    if (send(fd, client->request, strlen(client->request), 0) < 0)
        err(1, "send");
    while (body == NULL) {
        ssize_t got = recv(fd, chunk + len, CHUNK - 1 - len, 0);

        if (got <= 0)
            err(1, "no answer");
        len += (size_t)got;
        chunk[len] = '\0';
        body = strstr(chunk, "\r\n\r\n");
    }
    at = strcasestr(chunk, word);
    if (strncmp(chunk, "HTTP/1.1 200", 12) != 0 || at == NULL)
        errx(1, "that is no answer: %.40s", chunk);
    uint64_t whole = (uint64_t)(body + 4 - chunk) +
                     strtoull(at + sizeof(word) - 1, NULL, 10);
    for (uint64_t left = whole - len; left > 0;) {
        ssize_t got = recv(fd, chunk, left < CHUNK ? left : CHUNK, 0);

        if (got <= 0)
            err(1, "the answer is cut");
        left -= (uint64_t)got;
    }
    return whole;
}

static void ask_what_is_due(struct client *client)
{
    uint64_t due = (uint64_t)((now() - client->began) * client->rate);

    for (unsigned i = 0; i < client->count && client->asked < due; i++) {
        struct connection *connection = &client->connections[i];

        if (connection->left > 0)
            continue;
        if (send(connection->fd, client->request, strlen(client->request), 0) <
            0)
            err(1, "send");
        connection->left = client->answer_len;
        client->asked++;
    }
}

static void take_answers(struct client *client)
{
    struct timespec pause = {.tv_nsec = 200000};

    if (ppoll(client->polled, client->count, &pause, NULL) <= 0)
        return;
    for (unsigned i = 0; i < client->count; i++) {
        struct connection *connection = &client->connections[i];

        if (client->polled[i].revents == 0)
            continue;
        ssize_t got = recv(connection->fd, chunk, CHUNK, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN) ||
            (got > 0 && (uint64_t)got > connection->left))
            errx(1, "the answer is another one than before");
        connection->left -= got > 0 ? (uint64_t)got : 0;
        client->answered += got > 0 && connection->left == 0;
    }
}

static void run_get(char **argv)
{
    static struct client client;

    snprintf(client.request, REQUEST_MAX, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
             argv[2], argv[0]);
    client.rate = number(argv[3]);
    client.seconds = number(argv[4]);
    client.count = (unsigned)number(argv[5]);
    if (client.count > CONNECTIONS_MAX)
        errx(2, "too many connections");
    for (unsigned i = 0; i < client.count; i++) {
        int fd = connect_to(argv[0], argv[1]);

        client.connections[i].fd = fd;
        client.polled[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    client.answer_len = learn_len(&client, client.connections[0].fd);
    (void)processor_time(argv[6]);
    client.began = now();
    while (now() - client.began < client.seconds) {
        ask_what_is_due(&client);
        take_answers(&client);
    }
    report((double)client.answered, client.seconds, argv[6]);
}

int main(int argc, char **argv)
{
    if (argc == 9 && strcmp(argv[1], "get") == 0)
        run_get(argv + 2);
    else if (argc == 7 && strcmp(argv[1], "send") == 0)
        run_send(argv + 2);
    else
        errx(2, "get ADDR PORT PATH RATE SECONDS CONNECTIONS PID, or "
                "send ADDR PORT BYTES-PER-SECOND SECONDS PID");
    return 0;
}
