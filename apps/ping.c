/*
 * ping: asks a host for echoes and measures how long they take (RFC 792, RFC
 * 1122 3.2.2.6), with the output and the exit status of the usual ping.
 *
 *   ping [-fq] [-c COUNT] [-i SECONDS] [-s SIZE] [-t TTL] [-W SECONDS] HOST
 *
 * The socket is SOCK_DGRAM with IPPROTO_ICMP: what is sent is an echo request
 * from its ICMP header on, of which the stack fills in identifier and checksum;
 * what is received are the replies to it, from the ICMP header on as well.
 *
 * With -f each answer sends the next request, and if there is none for 10 ms
 * one is sent nevertheless: so it is as fast as the path, and harms nobody who
 * does not answer. The row of dots that is seen is what is on its way.
 *
 * Left out: record route, preload, pattern and the other special options.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include <tapir.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/ip_icmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

enum {
    HEADER_LEN = sizeof(struct icmphdr),
    SIZE_MAX_V4 = 65535 - 20 - HEADER_LEN, /* of the data in one datagram */
    SEQUENCES = 65536,
    FLOOD_INTERVAL = 10000, /* microseconds; as are these */
    FLUSH_INTERVAL = 20000,
    DOTS_MAX = 64, /* a line of the screen */
    /* A bucket is a 128th of a power of two, or 1 us. */
    BUCKET_BITS = 7,
    BUCKETS = (40 - BUCKET_BITS + 2) << BUCKET_BITS
};

/* What became of the request with a sequence number. Times in microseconds. */
struct request {
    uint64_t sent;
    bool answered;
};

struct ping {
    const char *host;
    struct sockaddr_in address;
    char address_text[INET_ADDRSTRLEN];
    uint64_t count; /* 0: until interrupted */
    uint64_t interval;
    bool floods;
    bool is_paced; /* by -i alone, not by answers */
    bool is_quiet;
    uint64_t wait; /* for an answer, when there has been none at all */
    size_t size;
    int ttl; /* 0: the stack's default */

    int socket;
    int interrupt; /* readable after SIGINT */

    uint64_t started;
    uint64_t last_sent;
    struct request requests[SEQUENCES];
    uint64_t sent;
    uint64_t received;
    uint64_t duplicates;
    uint64_t corrupted;
    uint64_t errors;
    uint64_t rtt_min;
    uint64_t rtt_max;
    uint64_t rtt_sum;
    uint64_t rtt_sum_of_squares;
    uint64_t rtt_counts[BUCKETS]; /* how many took about so long */

    unsigned dots; /* that are seen */
    uint64_t last_flush;
};

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static uint64_t square_root(uint64_t square)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= square)
            root += bit;
    return root;
}

/* ---- Dots -------------------------------------------------------------- */

static void show_dot(struct ping *ping)
{
    if (!ping->floods || ping->is_quiet || ping->dots == DOTS_MAX)
        return;
    ping->dots++;
    putchar('.');
}

/* Takes it away, or makes an E of it: an error. */
static void take_dot(struct ping *ping, const char *instead)
{
    if (ping->dots == 0)
        return;
    ping->dots--;
    fputs(instead, stdout);
}

/* A write for each dot would take longer than a round trip. */
static void flush_dots(struct ping *ping, uint64_t time)
{
    if (time - ping->last_flush < FLUSH_INTERVAL)
        return;
    ping->last_flush = time;
    fflush(stdout);
}

/* What went wrong, in errno. */
__attribute__((format(printf, 2, 3))) static void
tell_error(struct ping *ping, const char *format, ...)
{
    va_list arguments;

    ping->errors++;
    if (ping->floods) {
        take_dot(ping, "\bE");
        return;
    }
    va_start(arguments, format);
    vwarn(format, arguments);
    va_end(arguments);
}

/* ---- Sending ----------------------------------------------------------- */

/* Differs from request to request, so that a mixed-up answer is noticed. */
static uint8_t data_byte(size_t i, uint16_t sequence)
{
    return (uint8_t)(i + sequence);
}

static void send_request(struct ping *ping)
{
    static uint8_t packet[HEADER_LEN + SIZE_MAX_V4];
    uint16_t sequence = (uint16_t)(ping->sent + 1); /* ping counts from 1 */
    struct icmphdr header = {.type = ICMP_ECHO,
                             .un.echo.sequence = htons(sequence)};

    memcpy(packet, &header, HEADER_LEN);
    for (size_t i = 0; i < ping->size; i++)
        packet[HEADER_LEN + i] = data_byte(i, sequence);

    ping->sent++;
    ping->last_sent = now();
    ping->requests[sequence] = (struct request){.sent = ping->last_sent};
    show_dot(ping);
    if (tapir_sendto(ping->socket, packet, HEADER_LEN + ping->size, 0,
                     (struct sockaddr *)&ping->address,
                     sizeof(ping->address)) < 0)
        tell_error(ping, "icmp_seq=%u", sequence);
}

/* ---- Receiving --------------------------------------------------------- */

/* A message that says of each datagram with which TTL it came (IP_RECVTTL). */
static int ttl_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
         c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) {
            int ttl;
            memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
            return ttl;
        }
    }
    return -1;
}

/* The number of the first byte that is not what was sent; `len` if none. */
static size_t first_difference(const uint8_t *data, size_t len,
                               uint16_t sequence)
{
    size_t i = 0;

    while (i < len && data[i] == data_byte(i, sequence))
        i++;
    return i;
}

/* Buckets of 1 us, and from 128 us on 128 for each power of two. */
static unsigned bucket_of(uint64_t rtt)
{
    unsigned shift = 0;

    while (rtt >> shift >= 2U << BUCKET_BITS)
        shift++;
    uint64_t bucket = ((uint64_t)shift << BUCKET_BITS) + (rtt >> shift);
    return bucket < BUCKETS ? (unsigned)bucket : BUCKETS - 1;
}

/* The least time that is in it. */
static uint64_t bucket_start(unsigned bucket)
{
    unsigned shift = bucket >> BUCKET_BITS;

    if (shift < 2)
        return bucket;
    shift--;
    return (uint64_t)(bucket - (shift << BUCKET_BITS)) << shift;
}

static void count_rtt(struct ping *ping, uint64_t rtt)
{
    if (ping->received == 0 || rtt < ping->rtt_min)
        ping->rtt_min = rtt;
    if (rtt > ping->rtt_max)
        ping->rtt_max = rtt;
    ping->rtt_sum += rtt;
    ping->rtt_sum_of_squares += rtt * rtt;
    ping->rtt_counts[bucket_of(rtt)]++;
    ping->received++;
}

static void print_reply(size_t len, const struct sockaddr_in *from, int ttl,
                        uint16_t sequence, uint64_t rtt)
{
    char from_text[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &from->sin_addr, from_text, sizeof(from_text));
    printf("%zu bytes from %s: icmp_seq=%u", len, from_text, sequence);
    if (ttl >= 0)
        printf(" ttl=%d", ttl);
    printf(" time=%" PRIu64 ".%03" PRIu64 " ms", rtt / 1000, rtt % 1000);
}

/* False: it is none to a request of ours. */
static bool take_reply(struct ping *ping, const uint8_t *packet, size_t len,
                       const struct sockaddr_in *from, int ttl)
{
    struct icmphdr header;

    if (len < HEADER_LEN)
        return false;
    memcpy(&header, packet, HEADER_LEN);
    uint16_t sequence = ntohs(header.un.echo.sequence);
    struct request *request = &ping->requests[sequence];
    if (header.type != ICMP_ECHOREPLY || request->sent == 0)
        return false;

    uint64_t rtt = now() - request->sent;
    bool duplicate = request->answered;
    request->answered = true;
    if (duplicate)
        ping->duplicates++;
    else
        count_rtt(ping, rtt);
    size_t data_len = len - HEADER_LEN;
    size_t wrong = first_difference(packet + HEADER_LEN, data_len, sequence);
    bool is_wrong = data_len != ping->size || wrong < data_len;
    if (is_wrong)
        ping->corrupted++;

    if (!duplicate)
        take_dot(ping, "\b \b");
    if (ping->floods || ping->is_quiet)
        return !duplicate;
    print_reply(len, from, ttl, sequence, rtt);
    printf("%s", duplicate ? " (DUP!)" : "");
    if (is_wrong)
        printf(" (%zu of %zu data bytes, wrong from #%zu)", data_len,
               ping->size, wrong);
    putchar('\n');
    fflush(stdout);
    return !duplicate;
}

/* True: an answer has come. */
static bool receive(struct ping *ping)
{
    static uint8_t packet[HEADER_LEN + SIZE_MAX_V4];
    struct sockaddr_in from = {.sin_family = AF_INET};
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {.iov_base = packet, .iov_len = sizeof(packet)};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};

    ssize_t len = tapir_recvmsg(ping->socket, &message, MSG_DONTWAIT);
    if (len >= 0)
        return take_reply(ping, packet, (size_t)len, &from, ttl_of(&message));
    /* An ICMP error that came back, or no answer to ARP. */
    if (errno != EAGAIN && errno != EINTR)
        tell_error(ping, "%s", ping->address_text);
    return false;
}

/* ---- The run ----------------------------------------------------------- */

static bool all_sent(const struct ping *ping)
{
    return ping->count != 0 && ping->sent >= ping->count;
}

/* As ping: two round trips, at least an interval, when answers have come. */
static uint64_t patience(const struct ping *ping)
{
    if (ping->received == 0)
        return ping->wait;
    return 2 * ping->rtt_max > ping->interval ? 2 * ping->rtt_max
                                              : ping->interval;
}

static void run(struct ping *ping)
{
    struct pollfd fds[] = {{.fd = ping->socket, .events = POLLIN},
                           {.fd = ping->interrupt, .events = POLLIN}};
    bool hurries = false; /* an answer of a flood has come */

    ping->started = now();
    while (!all_sent(ping) || ping->received + ping->errors < ping->sent) {
        uint64_t time = now();
        uint64_t next = ping->last_sent +
                        (all_sent(ping) ? patience(ping) : ping->interval);
        if (all_sent(ping) && time >= next)
            return;
        if (ping->sent == 0 || time >= next || (hurries && !all_sent(ping))) {
            send_request(ping);
            hurries = false;
            time = now();
            next = time; /* whatever the interval, there is a look */
        }
        struct timespec wait = {.tv_sec = (time_t)((next - time) / 1000000),
                                .tv_nsec =
                                    (long)((next - time) % 1000000) * 1000};
        flush_dots(ping, time);
        if (tapir_ppoll(fds, 2, &wait, NULL) < 0) {
            if (errno != EINTR)
                err(1, "poll");
            continue;
        }
        if (fds[1].revents != 0)
            return;
        if (fds[0].revents != 0)
            hurries = receive(ping) && ping->floods && !ping->is_paced;
    }
}

static void print_ms(uint64_t usec, const char *after)
{
    printf("%" PRIu64 ".%03" PRIu64 "%s", usec / 1000, usec % 1000, after);
}

/* What so many of 1,000 answers took at most: where the bucket of the last of
 * them begins, which is 1 % less at worst. */
static uint64_t percentile(const struct ping *ping, uint64_t of_thousand)
{
    uint64_t wanted = (ping->received * of_thousand + 999) / 1000;
    uint64_t seen = 0;

    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += ping->rtt_counts[i];
        if (seen >= wanted)
            return bucket_start(i);
    }
    return ping->rtt_max;
}

static void print_statistics(const struct ping *ping)
{
    printf("\n--- %s ping statistics ---\n", ping->host);
    printf("%" PRIu64 " packets transmitted, %" PRIu64 " received, ",
           ping->sent, ping->received);
    if (ping->duplicates > 0)
        printf("+%" PRIu64 " duplicates, ", ping->duplicates);
    if (ping->corrupted > 0)
        printf("+%" PRIu64 " corrupted, ", ping->corrupted);
    if (ping->errors > 0)
        printf("+%" PRIu64 " errors, ", ping->errors);
    if (ping->sent > 0)
        printf("%g%% packet loss, ", (double)(ping->sent - ping->received) *
                                         100 / (double)ping->sent);
    printf("time %" PRIu64 "ms\n", (now() - ping->started) / 1000);
    if (ping->received == 0)
        return;

    uint64_t mean = ping->rtt_sum / ping->received;
    uint64_t mean_square = ping->rtt_sum_of_squares / ping->received;
    printf("rtt min/avg/max/mdev = ");
    print_ms(ping->rtt_min, "/");
    print_ms(mean, "/");
    print_ms(ping->rtt_max, "/");
    print_ms(square_root(mean_square - mean * mean), " ms\n");
    if (!ping->floods && !ping->is_quiet)
        return;
    printf("rtt 50%%/90%%/99%%/99.9%% = ");
    print_ms(percentile(ping, 500), "/");
    print_ms(percentile(ping, 900), "/");
    print_ms(percentile(ping, 990), "/");
    print_ms(percentile(ping, 999), " ms\n");
}

/* ---- Setting up -------------------------------------------------------- */

static void print_help(void)
{
    printf("usage: ping [-fq] [-c COUNT] [-i SECONDS] [-s SIZE] [-t TTL] "
           "[-W SECONDS] HOST\n"
           "  -c COUNT    stop after this many requests\n"
           "  -f          flood: each answer sends the next request, or 10 "
           "ms without\n"
           "  -i SECONDS  between two requests (1); with -f, whatever comes "
           "back\n"
           "  -q          statistics only\n"
           "  -s SIZE     bytes of data in a request (56)\n"
           "  -t TTL      hops that a request may take\n"
           "  -W SECONDS  to wait for an answer (10)\n%s",
           tapir_config_help());
}

static uint64_t number(int option, const char *text, uint64_t min, uint64_t max)
{
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' ||
        value < min || value > max)
        errx(2, "-%c %s: not a number from %" PRIu64 " to %" PRIu64, option,
             text, min, max);
    return value;
}

/* "0.2": in microseconds. */
static uint64_t seconds(int option, const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= 0.0001 && value <= 86400))
        errx(2, "-%c %s: not a number of seconds from 0.0001 to 86400", option,
             text);
    return (uint64_t)(value * 1e6);
}

static void parse_options(struct ping *ping, int argc, char **argv)
{
    static const struct option long_options[] = {{"help", no_argument, 0, 'h'},
                                                 {0}};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "c:fi:qs:t:W:h", long_options,
                                 NULL)) != -1) {
        switch (option) {
        case 'c':
            ping->count = number(option, optarg, 1, UINT32_MAX);
            break;
        case 'f':
            ping->floods = true;
            break;
        case 'i':
            ping->interval = seconds(option, optarg);
            ping->is_paced = true;
            break;
        case 'q':
            ping->is_quiet = true;
            break;
        case 's':
            ping->size = number(option, optarg, 0, SIZE_MAX_V4);
            break;
        case 't':
            ping->ttl = (int)number(option, optarg, 1, 255);
            break;
        case 'W':
            ping->wait = seconds(option, optarg);
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (!ping->is_paced)
        ping->interval = ping->floods ? FLOOD_INTERVAL : 1000000;
    if (argc != optind + 1)
        errx(2, "one host is wanted; see ping --help");
    ping->host = argv[optind];
}

static void find_host(struct ping *ping)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;

    int error = tapir_getaddrinfo(ping->host, NULL, &hints, &found);
    if (error != 0)
        errx(2, "%s: %s", ping->host, gai_strerror(error));
    memcpy(&ping->address, found->ai_addr, sizeof(ping->address));
    tapir_freeaddrinfo(found);
    inet_ntop(AF_INET, &ping->address.sin_addr, ping->address_text,
              sizeof(ping->address_text));
}

static void open_socket(struct ping *ping)
{
    int yes = 1;

    ping->socket = tapir_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    if (ping->socket < 0)
        err(1, "socket");
    if (ping->ttl != 0 && tapir_setsockopt(ping->socket, IPPROTO_IP, IP_TTL,
                                           &ping->ttl, sizeof(ping->ttl)) < 0)
        err(1, "IP_TTL");
    /* Without it, the output only lacks the TTL. */
    (void)tapir_setsockopt(ping->socket, IPPROTO_IP, IP_RECVTTL, &yes,
                           sizeof(yes));
}

/* To be called before the stack starts, whose thread inherits the mask. */
static sigset_t block_interrupt(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

int main(int argc, char **argv)
{
    static struct ping ping = {.wait = 10000000, .size = 56};
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    parse_options(&ping, argc, argv);
    find_host(&ping);

    sigset_t signals = block_interrupt();
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);
    ping.interrupt = tapir_import(signalfd(-1, &signals, SFD_CLOEXEC));
    open_socket(&ping);

    printf("PING %s (%s) %zu(%zu) bytes of data.\n", ping.host,
           ping.address_text, ping.size, ping.size + 28);
    fflush(stdout);
    run(&ping);
    print_statistics(&ping);
    return ping.received > 0 && ping.corrupted == 0 ? 0 : 1;
}
