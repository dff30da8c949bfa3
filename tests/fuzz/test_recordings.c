/*
 * Recordings that are broken: whatever stands in one, a replay ends, without a
 * crash, and says how. The recording that is broken has an entry of each kind,
 * which another test here sees to.
 *
 *     test_recordings          the usual number of rounds
 *     test_recordings 17       round 17 alone
 */
#include "tests/fuzz/rounds.h"
#include "stack/stack.h"

#include "base/random.h"
#include "tests/recording.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

enum { ROUNDS = 5000, CHANGES_MAX = 8, MTU = 1500 };

static const uint8_t stack_mac[] = {2, 0, 0, 0, 0, 2};
static const uint8_t peer_mac[] = {2, 0, 0, 0, 0, 1};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

/* ---- A device that takes every second frame ------------------------------ */

struct device {
    struct netdev dev;
    unsigned sent;
};

static int transmit(struct netdev *dev, usec now, const struct frame *frame)
{
    struct device *device = (struct device *)(void *)dev;

    (void)now;
    (void)frame;
    return device->sent++ % 2 == 0 ? 0 : -ENOBUFS;
}

static void flush(struct netdev *dev, usec now)
{
    (void)dev;
    (void)now;
}

static int receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)dev;
    (void)now;
    (void)frame;
    return 0;
}

static usec deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void close_device(struct netdev *dev)
{
    (void)dev;
}

static const struct netdev_ops device_ops = {
    .name = "test",
    .transmit = transmit,
    .flush = flush,
    .receive = receive,
    .deadline = deadline,
    .poll_fd = poll_fd,
    .close = close_device,
};

/* ---- A little of everything ---------------------------------------------- */

struct scene {
    struct recording recording;
    struct memory memory;
    struct device device;
    struct stack *stack;
    usec now;
    socket_id listener, client, server, datagrams, raw;
    uint8_t bytes[4096];
};

static void create(struct scene *scene)
{
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "test0", .dev = &scene->device.dev};
    struct ip_prefix addr = {ip_addr_v4(0xc0000202), IPV4_PREFIX_OFFSET + 24};
    struct ip_prefix all = {IP_ADDR_ANY_V4, IPV4_PREFIX_OFFSET};
    struct ip_addr peer = ip_addr_v4(0xc0000201);
    struct mac_addr mac;

    memory_init(&scene->memory, SIZE_MAX);
    scene->device.dev = (struct netdev){
        .ops = &device_ops, .type = NETDEV_ETHERNET, .mtu = MTU};
    memcpy(scene->device.dev.mac.octet, stack_mac, sizeof(stack_mac));
    memcpy(mac.octet, peer_mac, sizeof(peer_mac));
    scene->now = USEC_PER_SEC;
    config.memory = &scene->memory;
    config.recorder = &scene->recording.recorder;
    must(stack_create(&config, scene->now, &scene->stack) == 0, "create");
    must(stack_iface_add(scene->stack, scene->now, &iface) == 2, "iface");
    must(stack_addr_add(scene->stack, scene->now, 2, &addr) == 0, "addr");
    must(stack_route_add(scene->stack, scene->now, &all, &peer, 2) == 0,
         "route");
    must(stack_neighbour_add(scene->stack, scene->now, 2, &peer, &mac) == 0,
         "neighbour");
    must(stack_tell_beginning(scene->stack, scene->now,
                              &(struct endpoint){.addr = addr.addr, .port = 80},
                              &(struct endpoint){.addr = peer, .port = 40000},
                              1, 2) == 0,
         "beginning");
    stack_forget_waiting(scene->stack, scene->now);
}

static void pass(struct scene *scene)
{
    socket_id id;

    scene->now += 1000;
    stack_run_timers(scene->stack, scene->now);
    stack_flush(scene->stack, scene->now);
    while (stack_next_ready(scene->stack, &id))
        ;
}

static socket_id make_socket(struct scene *scene, int type, int protocol)
{
    socket_id id;

    must(stack_socket(scene->stack, scene->now, AF_INET, type, protocol, &id) ==
             0,
         "socket");
    return id;
}

static void connect_over_loopback(struct scene *scene)
{
    struct endpoint local = {.addr = ip_addr_v4(0x7f000001), .port = 7};
    struct endpoint remote;

    scene->listener = make_socket(scene, SOCK_STREAM, 0);
    scene->client = make_socket(scene, SOCK_STREAM, 0);
    must(stack_bind(scene->stack, scene->now, scene->listener, &local) == 0 &&
             stack_listen(scene->stack, scene->now, scene->listener, 4) == 0,
         "listen");
    must(stack_connect(scene->stack, scene->now, scene->client, &local) ==
             -EINPROGRESS,
         "connect");
    pass(scene);
    must(stack_accept(scene->stack, scene->now, scene->listener, &scene->server,
                      &remote) == 0,
         "accept");
}

static ssize_t send_to(struct scene *scene, socket_id id, size_t len,
                       struct endpoint *name)
{
    struct iovec iov[] = {{scene->bytes, len / 2},
                          {scene->bytes + len / 2, len - len / 2}};
    struct socket_control control = {.present = CONTROL_TTL, .ttl = 3};
    struct socket_message message = {
        .iov = iov,
        .iov_count = 2,
        .name = name,
        .control = name == NULL ? NULL : &control,
    };

    return stack_send(scene->stack, scene->now, id, &message);
}

static ssize_t receive_from(struct scene *scene, socket_id id, size_t len)
{
    struct iovec iov = {scene->bytes, len};
    struct endpoint name;
    struct socket_control control = {0};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = &name, .control = &control};

    return stack_receive(scene->stack, scene->now, id, &message);
}

static void carry_text(struct scene *scene)
{
    struct iovec iov[2];
    int count = 0;

    must(send_to(scene, scene->client, 3000, NULL) == 3000, "send");
    pass(scene);
    must(receive_from(scene, scene->server, 1000) == 1000, "receive");
    must(stack_borrow(scene->stack, scene->now, scene->server, iov, &count) ==
             2000,
         "borrow");
    must(stack_give_back(scene->stack, scene->now, scene->server, 1500) == 0,
         "give_back");
    pass(scene);
}

static void carry_datagrams(struct scene *scene)
{
    struct endpoint far = {.addr = ip_addr_v4(0xc0000201), .port = 9};
    struct endpoint near = {.addr = ip_addr_v4(0x7f000001), .port = 9};
    static const uint8_t echo[] = {8, 0, 0xf7, 0xff, 0, 0, 0, 0};

    scene->datagrams = make_socket(scene, SOCK_DGRAM, 0);
    scene->raw = make_socket(scene, SOCK_RAW, IPPROTO_ICMP);
    must(stack_bind(scene->stack, scene->now, scene->datagrams, &near) == 0,
         "bind");
    must(send_to(scene, scene->datagrams, 300, &near) == 300, "datagram");
    pass(scene);
    must(receive_from(scene, scene->datagrams, 100) == 100, "datagram, cut");
    memcpy(scene->bytes, echo, sizeof(echo));
    must(send_to(scene, scene->raw, sizeof(echo), &far) == sizeof(echo), "raw");
    pass(scene);
}

static void ask(struct scene *scene)
{
    struct endpoint end;
    usec receive_time;
    usec send_time;
    uint32_t arrived;
    int value = 1;
    size_t len = sizeof(value);
    socket_id id = scene->server;

    must(stack_set_option(scene->stack, scene->now, id, SOL_SOCKET,
                          SO_KEEPALIVE, bytes_of(&value, sizeof(value))) == 0,
         "set_option");
    must(stack_get_option(scene->stack, scene->now, id, SOL_SOCKET, SO_ERROR,
                          &value, &len) == 0,
         "get_option");
    must(stack_timeouts(scene->stack, id, &receive_time, &send_time) == 0 &&
             stack_local(scene->stack, id, &end) == 0 &&
             stack_remote(scene->stack, id, &end) == 0,
         "timeouts and ends");
    must(stack_unread(scene->stack, id) == 500 &&
             stack_unsent(scene->stack, id) == 0 &&
             stack_never_sent(scene->stack, id) == 0 &&
             stack_at_mark(scene->stack, id) == 0,
         "counts");
    must(stack_arrived(scene->stack, id, &arrived), "arrived");
    must((stack_readiness(scene->stack, id) & POLLIN) != 0, "readiness");
}

/* An echo request of the peer, and a segment to nobody. */
static void take_frames(struct scene *scene)
{
    static const uint8_t head[] = {2, 0, 0,    0, 0, 2, 2,    0,    0, 0, 0,  1,
                                   8, 0, 0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, 0,
                                   0, 0, 192,  0, 2, 1, 192,  0,    2, 2};
    static const uint8_t protocols[] = {IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP};

    for (unsigned i = 0; i < 3; i++) {
        uint8_t bytes[100] = {0};
        struct frame frame;

        memcpy(bytes, head, sizeof(head));
        bytes[17] = sizeof(bytes) - 14;
        bytes[23] = protocols[i];
        bytes[34] = 8;
        bytes[46] = 0x50; /* of TCP: 20 bytes of header */
        put_be16(bytes + 38, 84 - 18);
        frame_init_input(&frame, NULL, bytes, sizeof(bytes));
        frame.offload.checksum = FRAME_CHECKSUM_VERIFIED;
        stack_input(scene->stack, scene->now, 2, &frame);
        stack_flush(scene->stack, scene->now);
    }
}

static void change_settings(struct scene *scene)
{
    struct ip_prefix all = {.addr = IP_ADDR_ANY_V4, .len = IPV4_PREFIX_OFFSET};
    struct ip_addr peer = ip_addr_v4(0xc0000201);

    must(stack_change(scene->stack, scene->now, STACK_ECN, TCP_ECN_ASK) == 0,
         "change");
    (void)stack_neighbour_flush(scene->stack, scene->now);
    must(stack_neighbour_delete(scene->stack, scene->now, 2, &peer) == 0,
         "neighbour_delete");
    must(stack_route_delete(scene->stack, scene->now, &all) == 0,
         "route_delete");
}

static void end(struct scene *scene)
{
    must(stack_take_port(scene->stack, scene->now, scene->raw) == 0, "port");
    must(stack_disconnect(scene->stack, scene->now, scene->datagrams) == 0,
         "disconnect");
    must(stack_shutdown(scene->stack, scene->now, scene->client, SHUT_WR) == 0,
         "shutdown");
    (void)!stack_linger(scene->stack, scene->now, scene->client);
    pass(scene);
    must(stack_close(scene->stack, scene->now, scene->client) == 0, "close");
    pass(scene);
    stack_forget_connections(scene->stack, scene->now, ENETDOWN);
    stack_abort_all(scene->stack, scene->now);
    pass(scene);
    stack_destroy(scene->stack);
    must(scene->memory.used == 0, "memory comes back");
}

static void play(struct scene *scene)
{
    recording_begin(&scene->recording);
    create(scene);
    connect_over_loopback(scene);
    carry_text(scene);
    carry_datagrams(scene);
    ask(scene);
    take_frames(scene);
    change_settings(scene);
    end(scene);
}

/* ---- Each kind ----------------------------------------------------------- */

static size_t piece_end(struct bytes recording, size_t at)
{
    const uint8_t *piece = recording.data + at;

    return at + RECORD_HEADER_LEN +
           (piece[1] | (size_t)piece[2] << 8 | (size_t)piece[3] << 16);
}

static void expect_each_kind(struct bytes recording)
{
    unsigned counts[256] = {0};
    size_t at = RECORD_MAGIC_LEN;

    while (at < recording.len) {
        counts[recording.data[at]]++;
        at = piece_end(recording, at);
    }
    for (unsigned kind = RECORD_CREATE; kind < RECORD_ENTRY_KINDS; kind++) {
        if (counts[kind] == 0)
            fprintf(stderr, "no entry of kind %u\n", kind);
        must(counts[kind] > 0, "each kind of entry is recorded");
    }
    must(counts[RECORD_SENT] > 0 && counts[RECORD_HASH] > 0, "what came of it");
}

static void expect_same(struct bytes recording)
{
    struct replay_report report;

    replay_run(recording, NULL, &report);
    if (report.outcome != REPLAY_SAME)
        fprintf(stderr, "%s: recorded: %s; now: %s\n", report.entry,
                report.recorded, report.now);
    must(report.outcome == REPLAY_SAME, "the replay is the same");
}

/* ---- Broken -------------------------------------------------------------- */

static unsigned outcomes[REPLAY_BROKEN + 1];

static void change(struct random *random, uint8_t *bytes, size_t len)
{
    size_t at = random_below(random, (uint32_t)len);
    size_t part = random_below(random, 64);
    size_t from = random_below(random, (uint32_t)len);

    switch (random_below(random, 4)) {
    case 0:
        bytes[at] ^= (uint8_t)(1 << random_below(random, 8));
        break;
    case 1:
        bytes[at] = (uint8_t)random_u32(random);
        break;
    case 2: /* a number of many bits */
        memset(bytes + at, 0xff, min_size(part % 10, len - at));
        break;
    case 3: /* another place's bytes */
        part = min_size(part, len - (at > from ? at : from));
        memmove(bytes + at, bytes + from, part);
        break;
    }
}

/* Seldom at its beginning, which has a hash. */
static void replay_broken(const struct scene *scene, unsigned long round)
{
    struct random random;
    struct bytes whole = recording_of(&scene->recording);
    size_t head = piece_end(whole, RECORD_MAGIC_LEN);
    size_t len;
    uint8_t *bytes;
    struct replay_report report;

    random_init(&random, (struct hash_key){round, 1});
    len = random_below(&random, 8) > 0
              ? whole.len
              : random_below(&random, (uint32_t)whole.len);
    if (random_below(&random, 16) == 0 || len <= head)
        head = 0;
    bytes = malloc(len + 1); /* exactly so long: ASan sees what is beyond */
    must(bytes != NULL, "memory");
    memcpy(bytes, whole.data, len);
    for (unsigned i = 0; i <= random_below(&random, CHANGES_MAX) && len > head;
         i++)
        change(&random, bytes + head, len - head);
    replay_run(bytes_of(bytes, len), NULL, &report);
    outcomes[report.outcome]++;
    free(bytes);
}

static volatile unsigned long current_round;

static void say_round(int signal_number)
{
    fprintf(stderr, "it died in round %lu\n", current_round);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

int main(int argc, char **argv)
{
    static struct scene scene;
    struct rounds rounds = rounds_of(argc, argv, ROUNDS);

    play(&scene);
    expect_each_kind(recording_of(&scene.recording));
    expect_same(recording_of(&scene.recording));
    signal(SIGABRT, say_round);
    signal(SIGSEGV, say_round);
    for (current_round = rounds.first; current_round <= rounds.last;
         current_round++)
        replay_broken(&scene, current_round);
    recording_end(&scene.recording);
    if (rounds.first == 1 &&
        rounds.last == ROUNDS) /* or it would be about nothing */
        must(outcomes[REPLAY_DIFFERS] > ROUNDS / 4 &&
                 outcomes[REPLAY_BROKEN] > ROUNDS / 10,
             "many rounds go far");
    return rounds_passed(rounds);
}
