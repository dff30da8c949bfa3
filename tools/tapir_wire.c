/*
 * `tapir wire`: joins two ends and treats what passes as --faults says, for
 * both directions alike, whoever sends. Kernels and stacks so meet on the very
 * same network, which a kernel without netem could not give.
 *
 * A packet is read, stamped with the time and put into its way (netdev/
 * faults_way.h), which first makes it whole: so rate, queue and loss see the
 * same packets from a sender with segmentation offload as from one without. It
 * is handed on when it is due. One thread; the kernel's clock with a slack of a
 * nanosecond wakes it.
 *
 * What the treatment did not ask for spoils a measurement: a frame that found
 * the queue of a TAP device or socket full, and a packet that was handed on
 * more than 1 ms late (or what --late says) because no processor was free.
 * These are counted, and if there are any, the exit status is 3.
 *
 * Left out on purpose: different treatment of the two directions, and more than
 * two ends.
 */
#define _GNU_SOURCE
#include "tapir_command.h"
#include "tapir_wire_end.h"

#include "netdev/faults_way.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

enum {
    EXIT_USAGE = 2,
    EXIT_VOID = 3,
    LATE_US = 1000,
    SENT_IN_A_PASS = 64, /* packets, before new ones are looked for */
    SPIN_NS = 50 * 1000,
    BUSY_NS = 2000 * 1000, /* how long a realtime process runs before it
                              rests */
    REST_PART = 16,
    SECONDS_MAX = 1000000,
    LATE_MS_MAX = 1000000
};

static const char help[] =
    "usage: tapir wire [OPTION...] END1 END2\n"
    "\n"
    "Joins two ends and treats what passes, both ways alike. An END is\n"
    "\n"
    "  tap:NAME[@NETNS]  the kernel behind this TAP device, in the network\n"
    "                    namespace of that name (ip netns) or of that process\n"
    "  unix:PATH         a stack that attaches with --dev unix:PATH\n"
    "\n"
    "  --faults SPEC     as rate=10Mbit,queue=64kB,mark=20kB,delay=10ms,\n"
    "                    jitter=2ms,loss=1%,burst-loss=1%/3,dup=1%,\n"
    "                    reorder=1%/3,corrupt=0.1%: see netdev/faults.h\n"
    "  --seed N          draws the same again\n"
    "  --seconds S       ends after so long; otherwise with Ctrl-C\n"
    "  --spin            does not sleep for the last 50 us: more exact\n"
    "  --realtime        before all others on its processor (SCHED_FIFO 2)\n"
    "  --late MS         how late a packet may be handed on (default: 1)\n"
    "\n"
    "At the end it prints what was done to how many packets, and what was not\n"
    "of its making: if there is any of that, a measurement is void and the\n"
    "exit status 3.\n"
    "\n"
    "  tapir wire --faults rate=10Mbit,delay=10ms tap:tap0 unix:/tmp/w &\n"
    "  build/apps/httpd --dev unix:/tmp/w\n";

struct options {
    const char *ends[2];
    const char *faults_text;
    struct faults faults;
    uint64_t seed;
    double seconds; /* 0: until a signal */
    usec late_after;
    bool spins;
    bool is_realtime;
};

/* From one end to the other. */
struct direction {
    struct wire_end *from;
    struct wire_end *to;
    struct faults_way way;
    uint64_t nobody;  /* packets for an end without a stack */
    uint64_t refused; /* packets that found its queue full */
    bool is_down;     /* nothing will come from there any more */
};

struct wire {
    const struct options *options;
    struct memory memory;
    struct wire_end ends[2];
    struct direction directions[2];
    int64_t began_ns;
    int64_t end_ns;
    int64_t rested_ns; /* when it last did, and what it had used by then */
    int64_t used_ns;
    sigset_t waiting; /* signals that are held back while ppoll waits: none */
};

static volatile sig_atomic_t is_stopped;

static void stop(int signal)
{
    (void)signal;
    is_stopped = 1;
}

/* ---- Time ---------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static usec now_us(void)
{
    return now_ns() / 1000;
}

/* When something is due next. */
static int64_t deadline_ns(const struct wire *wire)
{
    usec due = usec_min(faults_way_due(&wire->directions[0].way),
                        faults_way_due(&wire->directions[1].way));

    if (due > wire->end_ns / 1000)
        return wire->end_ns;
    return due * 1000;
}

/* ---- Passing on ---------------------------------------------------------- */

/* What has come, up to the device's batch. */
static void take_in(struct direction *direction)
{
    struct netdev *from = direction->from->dev;
    struct frame frame;
    int status;

    while ((status = netdev_receive(from, now_us(), &frame)) == 1)
        faults_way_put(&direction->way, from->type, now_us(), &frame);
    direction->is_down = status < 0;
}

static void hand_on(struct direction *direction)
{
    struct frame frame;

    for (int i = 0; i < SENT_IN_A_PASS &&
                    faults_way_take(&direction->way, now_us(), &frame);
         i++) {
        int status = netdev_transmit(direction->to->dev, now_us(), &frame);

        if (status == -ENETDOWN)
            direction->nobody++;
        else if (status < 0)
            direction->refused++;
    }
}

static void pass(struct wire *wire)
{
    for (int i = 0; i < 2; i++) {
        hand_on(&wire->directions[i]);
        take_in(&wire->directions[i]);
    }
    for (int i = 0; i < 2; i++) {
        hand_on(&wire->directions[i]); /* what need not wait */
        netdev_flush(wire->ends[i].dev, now_us());
    }
    for (int i = 0; i < 2; i++)
        faults_way_release(&wire->directions[i].way);
}

/* Until something comes or is due. */
static void wait_for_work(const struct wire *wire)
{
    int64_t wait = deadline_ns(wire) - now_ns();
    struct pollfd fds[2];

    if (wire->options->spins)
        wait -= SPIN_NS;
    if (wait < 0)
        wait = 0;

    struct timespec timeout = {.tv_sec = wait / 1000000000,
                               .tv_nsec = wait % 1000000000};

    for (int i = 0; i < 2; i++)
        fds[i] = (struct pollfd){.fd = netdev_poll_fd(wire->ends[i].dev),
                                 .events = POLLIN};
    (void)!ppoll(fds, 2, &timeout, &wire->waiting);
}

/* Linux takes the processor from a realtime process that has used 950 ms of a
 * second, for the other 50 ms at a stretch (sched_rt_runtime_us). A wire that
 * hardly waits gives that twentieth back in small parts. */
static void rest(struct wire *wire)
{
    int64_t passed = clock_ns(CLOCK_MONOTONIC) - wire->rested_ns;
    int64_t used = clock_ns(CLOCK_THREAD_CPUTIME_ID) - wire->used_ns;
    struct timespec time = {.tv_nsec = used + used / REST_PART - passed};

    if (time.tv_nsec > 0)
        nanosleep(&time, NULL);
    wire->rested_ns = clock_ns(CLOCK_MONOTONIC);
    wire->used_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* 0, or the status to exit with: an end is gone. */
static int run(struct wire *wire)
{
    while (!is_stopped && now_ns() < wire->end_ns) {
        pass(wire);
        for (int i = 0; i < 2; i++) {
            if (!wire->directions[i].is_down)
                continue;
            fprintf(stderr, "tapir wire: %s is gone\n", wire->ends[i].text);
            return EXIT_FAILURE;
        }
        wait_for_work(wire);
        if (wire->options->is_realtime && now_ns() - wire->rested_ns >= BUSY_NS)
            rest(wire);
    }
    return 0;
}

/* ---- Report -------------------------------------------------------------- */

static unsigned long long ull(uint64_t value)
{
    return value;
}

static void report_direction(const struct direction *direction)
{
    const struct faults_counts *counts = &direction->way.counts;

    printf("%s -> %s: %llu passed, %llu lost, %llu queue full, %llu marked, "
           "%llu duplicated, %llu reordered, %llu corrupted",
           direction->from->text, direction->to->text, ull(counts->passed),
           ull(counts->lost), ull(counts->queue_full), ull(counts->marked),
           ull(counts->duplicated), ull(counts->reordered),
           ull(counts->corrupted));
    if (direction->nobody > 0)
        printf(", %llu with nobody there", ull(direction->nobody));
    printf("\n");
}

/* What was not of the wire's making: how many. */
static uint64_t report_spoilt(const struct direction *direction)
{
    const struct faults_counts *counts = &direction->way.counts;
    uint64_t dropped = wire_end_dropped(direction->from);

    printf("%s -> %s: not by the wire: %llu TAP queue full, %llu refused, "
           "%llu no memory, %llu late (latest %.3f ms)\n",
           direction->from->text, direction->to->text, ull(dropped),
           ull(direction->refused), ull(counts->overflowed), ull(counts->late),
           (double)counts->latest / 1000);
    if (dropped > 0)
        printf("repair: ip link set %s txqueuelen 10000\n",
               direction->from->name);
    return dropped + direction->refused + counts->overflowed + counts->late;
}

/* The status to exit with. */
static int report(const struct wire *wire)
{
    uint64_t spoilt = 0;

    printf("tapir wire: %.1f s, --faults '%s' --seed %llu\n",
           (double)(now_ns() - wire->began_ns) / 1e9,
           wire->options->faults_text, ull(wire->options->seed));
    for (int i = 0; i < 2; i++)
        report_direction(&wire->directions[i]);
    for (int i = 0; i < 2; i++)
        spoilt += report_spoilt(&wire->directions[i]);
    if (spoilt == 0)
        return 0;
    printf("tapir wire: VOID: a measurement over this wire tells nothing\n");
    return EXIT_VOID;
}

/* ---- Setting up ---------------------------------------------------------- */

static void set_up_signals(struct wire *wire)
{
    struct sigaction action = {.sa_handler = stop};
    sigset_t stopping;

    sigemptyset(&stopping);
    sigaddset(&stopping, SIGINT);
    sigaddset(&stopping, SIGTERM);
    sigprocmask(SIG_BLOCK, &stopping, &wire->waiting);
    sigdelset(&wire->waiting, SIGINT);
    sigdelset(&wire->waiting, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void set_up_timing(const struct options *options)
{
    struct sched_param first = {.sched_priority = 2};

    prctl(PR_SET_TIMERSLACK, 1UL);
    if (options->is_realtime && sched_setscheduler(0, SCHED_FIFO, &first) < 0)
        fprintf(stderr, "tapir wire: note: no --realtime: %s\n",
                strerror(errno));
}

/* 0, or the status to exit with. */
static int open_ends(struct wire *wire)
{
    char why[WIRE_WHY_MAX];

    for (int i = 0; i < 2; i++) {
        int status = wire_end_open(&wire->ends[i], wire->options->ends[i], why);

        if (status == 0)
            continue;
        fprintf(stderr, "tapir wire: %s\n", why);
        if (i == 1)
            wire_end_close(&wire->ends[0]);
        return status == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
    }
    return 0;
}

static void init_directions(struct wire *wire)
{
    struct random seeds;

    memory_init(&wire->memory, SIZE_MAX);
    random_init(&seeds, (struct hash_key){.k0 = wire->options->seed});
    for (int i = 0; i < 2; i++) {
        struct direction *direction = &wire->directions[i];

        direction->from = &wire->ends[i];
        direction->to = &wire->ends[1 - i];
        faults_way_init(&direction->way, &wire->memory, &wire->options->faults,
                        random_key(&seeds));
        direction->way.late_after = wire->options->late_after;
    }
}

static int join(const struct options *options)
{
    struct wire wire = {.options = options};
    int status = open_ends(&wire);

    if (status != 0)
        return status;
    set_up_signals(&wire);
    set_up_timing(options);
    init_directions(&wire);
    fprintf(stderr, "tapir wire: ready\n");
    wire.began_ns = now_ns();
    wire.end_ns = options->seconds > 0
                      ? wire.began_ns + (int64_t)(options->seconds * 1e9)
                      : INT64_MAX;
    status = run(&wire);

    int result = report(&wire);

    for (int i = 0; i < 2; i++) {
        faults_way_fini(&wire.directions[i].way);
        wire_end_close(&wire.ends[i]);
    }
    return status != 0 ? status : result;
}

/* ---- Command line -------------------------------------------------------- */

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "tapir wire: %s: %s\n", what, why);
    return EXIT_USAGE;
}

/* Each of these: 0, or the status to exit with. */
static int set_seed(struct options *options, const char *text)
{
    char *end;

    errno = 0;
    options->seed = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
        return usage("--seed", "wants a number");
    return 0;
}

static int set_seconds(struct options *options, const char *text)
{
    char *end;

    options->seconds = strtod(text, &end);
    if (*text < '0' || *text > '9' || *end != '\0' ||
        !(options->seconds > 0 && options->seconds <= SECONDS_MAX))
        return usage("--seconds", "wants a number of seconds above 0");
    return 0;
}

static int set_late(struct options *options, const char *text)
{
    char *end;
    double ms = strtod(text, &end);

    if (*text < '0' || *text > '9' || *end != '\0' || !(ms <= LATE_MS_MAX))
        return usage("--late", "wants a number of milliseconds");
    options->late_after = (usec)(ms * 1000);
    return 0;
}

static int set_faults(struct options *options, const char *text)
{
    char why[FAULTS_WHY_MAX];

    options->faults_text = text;
    if (*text != '\0' && faults_parse(text, &options->faults, why) < 0)
        return usage("--faults", why);
    return 0;
}

static const struct {
    const char *name;
    int (*set)(struct options *options, const char *text);
} with_value[] = {
    {"--faults", set_faults},
    {"--seed", set_seed},
    {"--seconds", set_seconds},
    {"--late", set_late},
};

/* How many arguments it took; 0: no such option; -1: it is wrong. */
static int take_option(struct options *options, char **argv)
{
    for (size_t i = 0; i < ARRAY_LENGTH(with_value); i++) {
        size_t len = strlen(with_value[i].name);

        if (strncmp(argv[0], with_value[i].name, len) != 0)
            continue;
        if (argv[0][len] == '=')
            return with_value[i].set(options, argv[0] + len + 1) == 0 ? 1 : -1;
        if (argv[0][len] != '\0')
            continue;
        if (argv[1] == NULL) {
            usage(argv[0], "a value is missing");
            return -1;
        }
        return with_value[i].set(options, argv[1]) == 0 ? 2 : -1;
    }
    if (strcmp(argv[0], "--spin") == 0)
        return options->spins = 1;
    if (strcmp(argv[0], "--realtime") == 0)
        return options->is_realtime = 1;
    return 0;
}

/* 0, or the status to exit with. */
static int parse_options(struct options *options, char **argv)
{
    int ends = 0;

    while (*argv != NULL) {
        int taken = take_option(options, argv);

        if (taken < 0)
            return EXIT_USAGE;
        if (taken == 0 && argv[0][0] == '-')
            return usage(argv[0], "no such option (see --help)");
        if (taken == 0 && ends == 2)
            return usage(argv[0], "a third end");
        if (taken == 0)
            options->ends[ends++] = argv[0];
        argv += taken > 0 ? taken : 1;
    }
    return ends == 2 ? 0 : usage("END1 END2", "two ends are wanted");
}

int wire_main(int argc, char **argv)
{
    struct options options = {.faults_text = "", .late_after = LATE_US};

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    (void)!getrandom(&options.seed, sizeof(options.seed), 0);
    options.seed >>= 32; /* short enough to be typed */

    int status = parse_options(&options, argv + 1);

    return status != 0 ? status : join(&options);
}
