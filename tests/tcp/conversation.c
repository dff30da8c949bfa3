#include "tests/tcp/conversation.h"

#include "base/bytes.h"

#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    ETHERNET_LEN = 14,
    MTU = 1500,
    IFACE = 2, /* the loopback is 1 */
    TIMER_SPIN_MAX = 1000,
    TIMER_STEPS_MAX = 1000000,
    LOG_SHOWN = 3500
};

static const usec start_of_time = 1000 * USEC_PER_SEC;
static const uint8_t stack_mac[6] = {2, 0, 0x5e, 0, 0x53, 2};
static const uint8_t peer_mac[6] = {2, 0, 0x5e, 0, 0x53, 1};

/* ---- the pattern ---- */

/* Payload by its position in its direction: a slip of one byte shows. */
static uint8_t pattern(bool from_peer, uint64_t position)
{
    uint64_t mixed = (position + 1) * 0x9e3779b97f4a7c15u;

    return (uint8_t)((mixed >> 40) ^ (from_peer ? 0x5a : 0));
}

static void pattern_fill(bool from_peer, uint64_t position, uint8_t *to,
                         size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = pattern(from_peer, position + i);
}

/* The index of the first wrong byte, or len. */
static size_t pattern_check(bool from_peer, uint64_t position,
                            const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != pattern(from_peer, position + i))
            return i;
    return len;
}

/* ---- the log ---- */

struct conversation *conversation_at(struct conversation *c, const char *file,
                                     int line)
{
    c->file = file;
    c->line = line;
    return c;
}

static void print_flags(FILE *to, unsigned flags)
{
    static const char letters[] = "FSRP.UEW";

    for (unsigned i = 0; i < 8; i++)
        if ((flags & 1u << i) != 0)
            fputc(letters[i], to);
    if (flags == 0)
        fputs("none", to);
}

static void print_options(FILE *to, const struct segment_options *options)
{
    if (options->mss >= 0)
        fprintf(to, " mss %d", options->mss);
    if (options->wscale >= 0)
        fprintf(to, " wscale %d", options->wscale);
    if (options->has_timestamps)
        fprintf(to, " TS val %u ecr %u", options->ts_val, options->ts_ecr);
}

/* As tcpdump, with the numbers relative to `seq_base` and `ack_base`. */
static void print_segment(FILE *to, const struct segment *segment,
                          uint32_t seq_base, uint32_t ack_base)
{
    int32_t seq = (int32_t)(segment->seq - seq_base);

    print_flags(to, segment->flags);
    fprintf(to, " %d:%ld(%zu)", seq, (long)seq + (long)segment->len,
            segment->len);
    if ((segment->flags & ACK) != 0)
        fprintf(to, " ack %d", (int32_t)(segment->ack - ack_base));
    fprintf(to, " win %u", segment->window);
    print_options(to, &segment->options);
}

static void log_line(struct conversation *c, const char *who)
{
    fprintf(c->log, "%5d %10.3f %s ", c->line,
            (double)(c->now - start_of_time) / 1000, who);
}

__attribute__((format(printf, 2, 3))) static void
log_event(struct conversation *c, const char *format, ...)
{
    va_list args;

    log_line(c, "-");
    va_start(args, format);
    vfprintf(c->log, format, args);
    va_end(args);
    fputc('\n', c->log);
}

static void log_segment(struct conversation *c, const struct peer *peer,
                        const char *who, const struct segment *segment,
                        bool from_peer)
{
    log_line(c, who);
    if (peer->port != PEER_PORT)
        fprintf(c->log, "[%u] ", peer->port);
    print_segment(c->log, segment, from_peer ? peer->iss : peer->stack_iss,
                  from_peer ? peer->stack_iss : peer->iss);
    fputc('\n', c->log);
}

/* As much of its end as a message of Check holds, in whole lines. */
static const char *log_tail(const struct conversation *c)
{
    if (c->log_size <= LOG_SHOWN)
        return c->log_text;
    return strchr(c->log_text + c->log_size - LOG_SHOWN, '\n') + 1;
}

void conversation_fail(struct conversation *c, const char *format, ...)
{
    va_list args;

    fprintf(c->log, "%s:%d: ", c->file, c->line);
    va_start(args, format);
    vfprintf(c->log, format, args);
    va_end(args);
    fflush(c->log);
    ck_abort_msg("the conversation (line, msec, segment):\n%s", log_tail(c));
    abort(); /* not reached; Check does not say so */
}

/* ---- peers ---- */

static struct peer *find_peer(struct conversation *c, unsigned port)
{
    for (unsigned i = 0; i < c->peer_count; i++)
        if (c->peers[i].port == port)
            return &c->peers[i];
    return NULL;
}

static void init_peer(struct conversation *c, struct peer *peer, unsigned port,
                      uint32_t iss)
{
    *peer = (struct peer){
        .port = (uint16_t)port,
        .stack_port = c->options.active ? 0 : STACK_PORT,
        .iss = iss,
        .edge = INT64_MIN,
        .stack_edge = INT64_MIN,
        .window = c->options.window,
        .offered_wscale = -1,
        .stack_offered_wscale = -1,
    };
}

void conversation_peer_uses_port(struct conversation *c, unsigned port)
{
    struct peer *peer = find_peer(c, port);

    if (peer == NULL) {
        if (c->peer_count == PEERS_MAX)
            conversation_fail(c, "more than %d peers", PEERS_MAX);
        peer = &c->peers[c->peer_count++];
        init_peer(c, peer, port, c->options.iss + port - PEER_PORT);
    }
    c->peer = peer;
}

void conversation_peer_starts_over(struct conversation *c, uint32_t iss)
{
    uint16_t stack_port = c->peer->stack_port;

    init_peer(c, c->peer, c->peer->port, iss);
    c->peer->stack_port = stack_port;
}

/* RFC 7323 2.2: scaling is in use only if both sides have said so. */
static int scale_of(const struct peer *peer, bool of_stack)
{
    if (peer->offered_wscale < 0 || peer->stack_offered_wscale < 0)
        return 0;
    return of_stack ? peer->stack_offered_wscale : peer->offered_wscale;
}

static bool timestamps_agreed(const struct peer *peer)
{
    return peer->offered_timestamps && peer->stack_offered_timestamps;
}

static int64_t relative(uint32_t number, uint32_t base)
{
    return (int32_t)(number - base);
}

/* Sequence numbers that a segment takes. */
static int64_t span(unsigned flags, int64_t len)
{
    return len + ((flags & SYN) != 0) + ((flags & FIN) != 0);
}

/* ---- what the stack sends ---- */

/* What must hold for every segment of an open conversation. */
static const char *check_always(const struct peer *peer,
                                const struct segment *segment)
{
    int64_t seq = relative(segment->seq, peer->stack_iss);
    int64_t ack = relative(segment->ack, peer->iss);
    int scale = (segment->flags & SYN) != 0 ? 0 : scale_of(peer, true);

    if ((segment->flags & RST) != 0)
        return NULL;
    if ((segment->flags & ACK) != 0) {
        if (ack > peer->next)
            return "acknowledges what the peer has not sent";
        if (ack < peer->stack_acked)
            return "the acknowledgment goes back";
        if (ack + ((int64_t)segment->window << scale) + (1 << scale) <=
            peer->stack_edge)
            return "the right edge of the window goes back (RFC 9293 3.8.6)";
    }
    /* One byte beyond may be a zero-window probe, RFC 9293 3.8.6.1. */
    if (segment->len > 0 && seq + (int64_t)segment->len > peer->edge + 1)
        return "data outside the peer's window";
    if ((segment->flags & SYN) == 0 &&
        segment->options.has_timestamps != timestamps_agreed(peer))
        return "timestamps against the agreement (RFC 7323 3.2)";
    if (segment->len > 0 &&
        pattern_check(false, (uint64_t)(seq - 1), segment->payload,
                      segment->len) != segment->len)
        return "the payload is not what the program wrote there";
    return NULL;
}

static void learn_from_syn(struct peer *peer, const struct segment *segment)
{
    if (!peer->stack_iss_known) {
        peer->stack_iss = segment->seq;
        peer->stack_iss_known = true;
        peer->stack_port = segment->src_port;
    }
    peer->stack_offered_wscale = segment->options.wscale;
    peer->stack_offered_timestamps = segment->options.has_timestamps;
}

static void remember_segment(struct peer *peer, const struct segment *segment)
{
    int64_t seq = relative(segment->seq, peer->stack_iss);
    int64_t end = seq + span(segment->flags, (int64_t)segment->len);
    int64_t ack = relative(segment->ack, peer->iss);
    int scale = (segment->flags & SYN) != 0 ? 0 : scale_of(peer, true);

    if ((segment->flags & RST) != 0)
        return;
    if (seq <= peer->received && peer->received < end)
        peer->received = end;
    if (segment->options.has_timestamps)
        peer->ts_recent = segment->options.ts_val;
    if ((segment->flags & ACK) == 0)
        return;
    peer->stack_acked = ack;
    if (peer->stack_edge < ack + ((int64_t)segment->window << scale))
        peer->stack_edge = ack + ((int64_t)segment->window << scale);
}

/* To whom a segment goes; its ports must be those of a conversation. */
static struct peer *peer_of(struct conversation *c,
                            const struct segment *segment)
{
    struct peer *peer = find_peer(c, segment->dst_port);

    if (peer == NULL)
        conversation_fail(c, "a segment to the unknown port %u",
                          segment->dst_port);
    if (peer->stack_port != 0 && peer->stack_port != segment->src_port)
        conversation_fail(c, "a segment from the unknown port %u",
                          segment->src_port);
    return peer;
}

static void queue_segment(struct conversation *c, const struct segment *segment,
                          const struct frame_offload *offload)
{
    if (c->sent_count == SENT_MAX)
        conversation_fail(c, "more than %d segments at once", SENT_MAX);

    unsigned slot = (c->sent_first + c->sent_count++) % SENT_MAX;
    uint8_t *payload = malloc(segment->len + 1);

    ck_assert_ptr_nonnull(payload);
    memcpy(payload, segment->payload, segment->len);
    c->sent[slot] = *segment;
    c->sent[slot].sent = c->now;
    c->sent[slot].payload = payload;
    c->offloads[slot] = *offload;
}

static void take_sent(struct conversation *c, const uint8_t *packet, size_t len,
                      const struct frame_offload *offload)
{
    struct segment segment;
    bool partial = offload->checksum == FRAME_CHECKSUM_ABSENT;
    const char *wrong = segment_parse(packet, len, partial, &segment);

    if (wrong != NULL)
        conversation_fail(c, "the stack sent garbage: %s", wrong);
    if (segment.src != STACK_ADDR || segment.dst != PEER_ADDR)
        conversation_fail(c, "a segment between the wrong addresses");

    struct peer *peer = peer_of(c, &segment);
    if ((segment.flags & SYN) != 0)
        learn_from_syn(peer, &segment);
    log_segment(c, peer, ">", &segment, false);
    wrong = check_always(peer, &segment);
    if (wrong != NULL)
        conversation_fail(c, "%s", wrong);
    remember_segment(peer, &segment);
    c->last_seq = segment.seq;
    queue_segment(c, &segment, offload);
}

/* ---- the device ---- */

static int device_transmit(struct netdev *dev, usec now,
                           const struct frame *frame)
{
    struct conversation *c = container_of(dev, struct conversation, device);
    static uint8_t packet[ETHERNET_LEN + SEGMENT_PACKET_MAX];
    size_t len = frame_copy(frame, 0, packet, sizeof(packet));
    size_t skip = dev->type == NETDEV_ETHERNET ? ETHERNET_LEN : 0;

    if (now != c->now)
        conversation_fail(c, "the stack sends at another time than now");
    if (len != frame_len(frame) || len < skip)
        conversation_fail(c, "a frame of an impossible length");
    if (!dev->fills_checksum &&
        frame->offload.checksum == FRAME_CHECKSUM_ABSENT)
        conversation_fail(c, "the device cannot fill in checksums");
    if (len - skip > dev->mtu && frame->offload.gso == FRAME_GSO_NONE)
        conversation_fail(c, "a packet larger than the MTU");
    if (skip != 0 && get_be16(packet + 12) == 0x0806) /* ARP */
        return 0;
    if (skip != 0 && memcmp(packet, peer_mac, sizeof(peer_mac)) != 0)
        conversation_fail(c, "a frame to another station");
    take_sent(c, packet + skip, len - skip, &frame->offload);
    return 0;
}

static void device_flush(struct netdev *dev, usec now)
{
    (void)dev;
    (void)now;
}

static int device_receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)dev;
    (void)now;
    (void)frame;
    return 0;
}

static usec device_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int device_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void device_close(struct netdev *dev)
{
    (void)dev;
}

static const struct netdev_ops device_ops = {
    .name = "conversation",
    .transmit = device_transmit,
    .flush = device_flush,
    .receive = device_receive,
    .deadline = device_deadline,
    .poll_fd = device_poll_fd,
    .close = device_close,
};

/* ---- time ---- */

/* The pass ends: what was marked is sent, what was handed in is done with. */
static void end_pass(struct conversation *c)
{
    socket_id id;

    stack_flush(c->stack, c->now);
    while (c->pass_count > 0)
        free(c->pass[--c->pass_count]);
    while (stack_next_ready(c->stack, &id))
        ;
}

static void run_timers(struct conversation *c)
{
    stack_run_timers(c->stack, c->now);
    end_pass(c);
}

/* Goes on to `until`, or to the time of the first segment sent. */
static void run_until(struct conversation *c, usec until, bool stop_at_segment)
{
    unsigned spin = 0;

    for (unsigned steps = 0; steps < TIMER_STEPS_MAX; steps++) {
        usec deadline = stack_next_deadline(c->stack);

        if (deadline > until) {
            c->now = until;
            return;
        }
        spin = deadline > c->now ? 0 : spin + 1;
        if (spin > TIMER_SPIN_MAX)
            conversation_fail(c, "the stack's deadline stays in the past");
        c->now = usec_max(c->now, deadline);
        run_timers(c);
        if (stop_at_segment && c->sent_count > 0)
            return;
    }
    conversation_fail(c, "more than %d timer steps", TIMER_STEPS_MAX);
}

void conversation_advance(struct conversation *c, int64_t msec)
{
    run_until(c, c->now + msec * USEC_PER_MSEC, false);
}

/* ---- beginning and end ---- */

static void set_if(unsigned *setting, unsigned value)
{
    if (value != 0)
        *setting = value;
}

static void configure(struct tcp_config *tcp,
                      const struct conversation_options *options)
{
    set_if(&tcp->initial_window, options->initial_window);
    set_if(&tcp->retries, options->retries);
    set_if(&tcp->syn_retries, options->syn_retries);
    set_if(&tcp->synack_retries, options->synack_retries);
    set_if(&tcp->orphan_retries, options->orphan_retries);
    set_if(&tcp->challenge_acks_per_second, options->challenge_acks_per_second);
    set_if(&tcp->send_buffer, options->send_buffer);
    set_if(&tcp->receive_buffer, options->receive_buffer);
    set_if(&tcp->keepalive_probes, options->keepalive_probes);
    if (options->keepalive_idle_s != 0)
        tcp->keepalive_idle = options->keepalive_idle_s * USEC_PER_SEC;
    if (options->keepalive_interval_s != 0)
        tcp->keepalive_interval = options->keepalive_interval_s * USEC_PER_SEC;
    if (options->no_timestamps)
        tcp->timestamps = false;
    if (options->no_window_scale)
        tcp->window_scale = false;
}

static void create_stack(struct conversation *c)
{
    struct stack_config config = stack_config_default();
    struct iface_config iface = {.name = "test0", .dev = &c->device};
    struct ip_prefix addr = {ip_addr_v4(STACK_ADDR), IPV4_PREFIX_OFFSET + 24};
    struct ip_addr peer_addr = ip_addr_v4(PEER_ADDR);
    struct mac_addr mac;

    memory_init(&c->memory, (size_t)64 << 20);
    config.memory = &c->memory;
    config.seed = (struct hash_key){1, 2};
    configure(&config.tcp, &c->options);
    ck_assert_int_eq(stack_create(&config, c->now, &c->stack), 0);
    ck_assert_int_eq(stack_iface_add(c->stack, c->now, &iface), IFACE);
    ck_assert_int_eq(stack_addr_add(c->stack, c->now, IFACE, &addr), 0);
    if (!c->options.ethernet)
        return;
    memcpy(mac.octet, peer_mac, sizeof(mac.octet));
    ck_assert_int_eq(
        stack_neighbour_add(c->stack, c->now, IFACE, &peer_addr, &mac), 0);
}

void conversation_begin(struct conversation *c, const char *file, int line,
                        const struct conversation_options *options)
{
    memset(c, 0, sizeof(*c));
    conversation_at(c, file, line);
    c->now = start_of_time;
    c->options = *options;
    if (c->options.mss == 0)
        c->options.mss = 1000;
    if (c->options.window == 0)
        c->options.window = 65535;
    if (c->options.iss == 0)
        c->options.iss = 1000000000;
    if (c->options.backlog == 0)
        c->options.backlog = 128;
    c->log = open_memstream(&c->log_text, &c->log_size);
    ck_assert_ptr_nonnull(c->log);

    c->device = (struct netdev){
        .ops = &device_ops,
        .type = c->options.ethernet ? NETDEV_ETHERNET : NETDEV_IP,
        .mtu = MTU,
        .max_gso = c->options.max_gso,
        .fills_checksum = c->options.max_gso != 0,
    };
    memcpy(c->device.mac.octet, stack_mac, sizeof(stack_mac));
    create_stack(c);
    conversation_peer_uses_port(c, PEER_PORT);
}

static void shake_hands_as_server(struct conversation *c)
{
    app_listens(c);
    peer_sends(c, .flags = SYN);
    expect_segment(c, .seq = 0, .ack = 1, .flags = SYN | ACK);
    advance(c, c->options.rtt_ms);
    peer_sends(c, .flags = ACK);
    app_accepts(c);
}

static void shake_hands_as_client(struct conversation *c)
{
    app_connects(c);
    expect_segment(c, .seq = 0, .flags = SYN);
    advance(c, c->options.rtt_ms);
    peer_sends(c, .flags = SYN | ACK);
    expect_segment(c, .seq = 1, .ack = 1, .flags = ACK);
}

void conversation_open(struct conversation *c, const char *file, int line,
                       const struct conversation_options *options)
{
    conversation_begin(c, file, line, options);
    if (options->active)
        shake_hands_as_client(c);
    else
        shake_hands_as_server(c);
    conversation_at(c, file, line);
    conversation_expect_silence(c, 0);
}

void conversation_close(struct conversation *c)
{
    conversation_expect_silence(c, 0);
    stack_destroy(c->stack);
    if (c->memory.used != 0)
        conversation_fail(c, "%zu bytes of memory did not come back",
                          c->memory.used);
    fclose(c->log);
    free(c->log_text);
}

/* ---- the peer speaks ---- */

void conversation_peer_sends_bytes(struct conversation *c, const void *packet,
                                   size_t len)
{
    size_t skip = c->options.ethernet ? ETHERNET_LEN : 0;
    uint8_t *bytes = malloc(skip + len);
    struct frame frame;

    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_lt(c->pass_count, ARRAY_LENGTH(c->pass));
    c->pass[c->pass_count++] = bytes;
    if (skip != 0) {
        memcpy(bytes, stack_mac, sizeof(stack_mac));
        memcpy(bytes + 6, peer_mac, sizeof(peer_mac));
        put_be16(bytes + 12, 0x0800);
    }
    memcpy(bytes + skip, packet, len);
    frame_init_input(&frame, NULL, bytes, skip + len);
    stack_input(c->stack, c->now, IFACE, &frame);
}

static void add_syn_options(struct conversation *c,
                            const struct peer_segment *say,
                            struct segment_options *to)
{
    struct peer *peer = c->peer;
    bool answer = (say->flags & ACK) != 0;

    if (say->mss != UNNAMED || !c->options.no_mss)
        to->mss = (int)(say->mss != UNNAMED ? say->mss : c->options.mss);
    if (say->wscale != UNNAMED)
        to->wscale = (int)say->wscale;
    else if (c->options.wscale != 0 &&
             (!answer || peer->stack_offered_wscale >= 0))
        to->wscale = (int)c->options.wscale;
    to->has_timestamps =
        c->options.timestamps && (!answer || peer->stack_offered_timestamps);
}

/* The peer's clock of RFC 7323 4.1: milliseconds. */
static uint32_t peer_clock(const struct conversation *c)
{
    return (uint32_t)(c->now / USEC_PER_MSEC);
}

static struct segment_options options_to_say(struct conversation *c,
                                             const struct peer_segment *say)
{
    struct segment_options options = segment_no_options;

    if ((say->flags & SYN) != 0)
        add_syn_options(c, say, &options);
    else
        options.has_timestamps = timestamps_agreed(c->peer);
    if (say->ts_val != UNNAMED)
        options.has_timestamps = true;
    if (say->no_timestamps)
        options.has_timestamps = false;
    options.ts_val =
        say->ts_val != UNNAMED ? (uint32_t)say->ts_val : peer_clock(c);
    options.ts_ecr = say->ts_ecr != UNNAMED    ? (uint32_t)say->ts_ecr
                     : (say->flags & ACK) != 0 ? c->peer->ts_recent
                                               : 0;
    return options;
}

static uint16_t window_to_say(struct conversation *c,
                              const struct peer_segment *say)
{
    struct peer *peer = c->peer;
    int scale = (say->flags & SYN) != 0 ? 0 : scale_of(peer, false);

    if (say->win != UNNAMED)
        peer->window = (uint32_t)say->win;
    return (uint16_t)(peer->window >> scale > 65535 ? 65535
                                                    : peer->window >> scale);
}

/* What the peer knows of itself after it has spoken. */
static void remember_said(struct peer *peer, const struct peer_segment *say,
                          const struct segment *segment)
{
    int64_t seq = relative(segment->seq, peer->iss);
    int64_t end = seq + span(say->flags, say->len);
    int64_t ack = relative(segment->ack, peer->stack_iss);
    int scale = (say->flags & SYN) != 0 ? 0 : scale_of(peer, false);
    int64_t edge = ack + ((int64_t)segment->window << scale);

    if ((say->flags & RST) == 0 && peer->next < end)
        peer->next = end;
    if ((say->flags & ACK) != 0)
        peer->acked = ack;
    if ((say->flags & ACK) != 0 && peer->edge < edge)
        peer->edge = edge;
}

void conversation_peer_sends(struct conversation *c,
                             const struct peer_segment *say)
{
    static uint8_t packet[SEGMENT_PACKET_MAX];
    static uint8_t payload[SEGMENT_PACKET_MAX];
    struct peer *peer = c->peer;
    int64_t seq = say->seq != UNNAMED ? say->seq : peer->next;
    int64_t ack = say->ack != UNNAMED ? say->ack : peer->received;
    bool syn = (say->flags & SYN) != 0;

    if (say->ack == UNNAMED && (say->flags & ACK) == 0)
        ack = -(int64_t)peer->stack_iss; /* 0 on the wire */
    pattern_fill(true, (uint64_t)(seq - 1 + syn), payload, (size_t)say->len);

    struct segment segment = {
        .src = PEER_ADDR,
        .dst = STACK_ADDR,
        .src_port = peer->port,
        .dst_port = peer->stack_port,
        .seq = peer->iss + (uint32_t)seq,
        .ack = peer->stack_iss + (uint32_t)ack,
        .flags = say->flags,
        .window = window_to_say(c, say),
        .urgent = (uint16_t)say->urgent,
        .options = options_to_say(c, say),
        .payload = payload,
        .len = (size_t)say->len,
        .raw_options = (const uint8_t *)say->options,
        .raw_options_len = say->options_len,
        .data_offset = say->data_offset,
        .bad_checksum = say->bad_checksum,
    };
    if (syn) {
        peer->offered_wscale = segment.options.wscale;
        peer->offered_timestamps = segment.options.has_timestamps;
    }
    log_segment(c, peer, "<", &segment, true);
    remember_said(peer, say, &segment);
    conversation_peer_sends_bytes(c, packet, segment_emit(&segment, packet));
    if (!say->more)
        end_pass(c);
}

/* RFC 792: the IP header and the first 8 bytes of what it speaks about. */
static void quote_segment(struct conversation *c, uint32_t seq,
                          uint8_t quote[static 28])
{
    put_be16(quote, 0x4500);
    put_be16(quote + 2, 40);
    put_be16(quote + 6, 0x4000);
    quote[8] = 63;
    quote[9] = 6;
    put_be32(quote + 12, STACK_ADDR);
    put_be32(quote + 16, PEER_ADDR);
    put_be16(quote + 10, (uint16_t)~segment_fold(segment_sum(0, quote, 20)));
    put_be16(quote + 20, c->peer->stack_port);
    put_be16(quote + 22, c->peer->port);
    put_be32(quote + 24, seq);
}

void conversation_peer_sends_icmp(struct conversation *c,
                                  const struct peer_icmp *say)
{
    uint8_t packet[20 + 8 + 28] = {0};
    uint8_t *icmp = packet + 20;

    put_be16(packet, 0x4500);
    put_be16(packet + 2, sizeof(packet));
    packet[8] = 64;
    packet[9] = 1;
    put_be32(packet + 12, PEER_ADDR);
    put_be32(packet + 16, STACK_ADDR);
    put_be16(packet + 10, (uint16_t)~segment_fold(segment_sum(0, packet, 20)));
    icmp[0] = (uint8_t)say->type;
    icmp[1] = (uint8_t)say->code;
    put_be16(icmp + 6, (uint16_t)say->mtu);
    quote_segment(c,
                  say->seq == UNNAMED ? c->last_seq
                                      : c->peer->stack_iss + (uint32_t)say->seq,
                  icmp + 8);
    put_be16(icmp + 2, (uint16_t)~segment_fold(segment_sum(0, icmp, 36)));

    log_event(c, "ICMP type %u code %u", say->type, say->code);
    conversation_peer_sends_bytes(c, packet, sizeof(packet));
    end_pass(c);
}

/* ---- expectations ---- */

unsigned conversation_waiting(const struct conversation *c)
{
    return c->sent_count;
}

const struct segment *conversation_peek(const struct conversation *c)
{
    return c->sent_count == 0 ? NULL : &c->sent[c->sent_first];
}

static void forget_first(struct conversation *c)
{
    struct segment *first = &c->sent[c->sent_first];

    c->last = *first;
    c->last.payload = NULL;
    free((void *)(uintptr_t)first->payload);
    c->sent_first = (c->sent_first + 1) % SENT_MAX;
    c->sent_count--;
}

void conversation_ignore_sent(struct conversation *c)
{
    while (c->sent_count > 0)
        forget_first(c);
}

static void print_named(FILE *to, const char *name, int64_t value)
{
    if (value != UNNAMED)
        fprintf(to, " %s %lld", name, (long long)value);
}

/* Fails with what was expected in the same form as what came. */
static void fail_expected(struct conversation *c,
                          const struct expected_segment *expected,
                          const char *which)
{
    FILE *to = c->log;

    fputs("\nexpected: ", to);
    print_flags(to, expected->flags);
    if (expected->seq != UNNAMED)
        fprintf(to, " %lld:%lld(%lld)", (long long)expected->seq,
                (long long)(expected->seq + expected->len),
                (long long)expected->len);
    else
        fprintf(to, " (%lld)", (long long)expected->len);
    print_named(to, "ack", expected->ack);
    print_named(to, "win (bytes)", expected->win);
    print_named(to, "mss", expected->mss);
    print_named(to, "wscale", expected->wscale);
    print_named(to, "TS ecr", expected->ts_ecr);
    if (expected->options != NULL)
        fprintf(to, " <%s>", expected->options);
    print_named(to, "after msec", expected->after_ms);
    print_named(to, "within msec", expected->within_ms);

    if (c->sent_count > 0) {
        const struct segment *sent = &c->sent[c->sent_first];
        fputs("\n    came: ", to);
        print_segment(to, sent, c->peer->stack_iss, c->peer->iss);
        fprintf(to, " <%s> at %.3f msec", sent->options.order,
                (double)(sent->sent - start_of_time) / 1000);
    }
    fputc('\n', to);
    conversation_fail(c, "%s", which);
}

static void compare(struct conversation *c,
                    const struct expected_segment *expected, const char *field,
                    int64_t wanted, int64_t came)
{
    if (wanted != UNNAMED && wanted != came)
        fail_expected(c, expected, field);
}

static void compare_segment(struct conversation *c,
                            const struct expected_segment *expected,
                            const struct segment *sent)
{
    const struct peer *peer = c->peer;
    int scale = (sent->flags & SYN) != 0 ? 0 : scale_of(peer, true);

    if (sent->dst_port != peer->port)
        fail_expected(c, expected, "another connection's segment came");
    compare(c, expected, "flags differ", expected->flags | expected->optional,
            sent->flags | expected->optional);
    compare(c, expected, "seq differs", expected->seq,
            relative(sent->seq, peer->stack_iss));
    if (!expected->any_len)
        compare(c, expected, "len differs", expected->len, (int64_t)sent->len);
    compare(c, expected, "ack differs", expected->ack,
            relative(sent->ack, peer->iss));
    compare(c, expected, "win differs", expected->win,
            (int64_t)sent->window << scale);
    compare(c, expected, "mss differs", expected->mss, sent->options.mss);
    compare(c, expected, "wscale differs", expected->wscale,
            sent->options.wscale);
    compare(c, expected, "TS ecr differs", expected->ts_ecr,
            sent->options.ts_ecr);
    if (expected->options != NULL &&
        strcmp(expected->options, sent->options.order) != 0)
        fail_expected(c, expected, "options differ");
}

/* When the segment may be sent, in usec from `start`, both ends included. */
struct slot {
    usec from;
    usec to;
};

static struct slot slot_of(const struct expected_segment *expected)
{
    usec after = expected->after_ms * USEC_PER_MSEC;
    usec within = expected->within_ms * USEC_PER_MSEC;

    if (expected->after_ms == UNNAMED && expected->within_ms == UNNAMED)
        return (struct slot){INT64_MIN, 0}; /* has been sent already */
    if (expected->after_ms == UNNAMED)
        return (struct slot){INT64_MIN, within};
    if (expected->within_ms == UNNAMED)
        return (struct slot){after - USEC_PER_MSEC, after + USEC_PER_MSEC};
    return (struct slot){after - USEC_PER_MSEC, within + USEC_PER_MSEC};
}

void conversation_expect(struct conversation *c,
                         const struct expected_segment *expected)
{
    usec start = c->now;
    struct slot slot = slot_of(expected);

    if (c->sent_count == 0 && slot.to > 0)
        run_until(c, start + slot.to, true);
    if (c->sent_count == 0)
        fail_expected(c, expected, "nothing came");

    const struct segment *sent = &c->sent[c->sent_first];
    compare_segment(c, expected, sent);
    if (slot.from != INT64_MIN && sent->sent - start < slot.from)
        fail_expected(c, expected, "it came too early");
    if (sent->sent - start > slot.to)
        fail_expected(c, expected, "it came too late");
    forget_first(c);
}

void conversation_expect_silence(struct conversation *c, int64_t msec)
{
    if (c->sent_count == 0 && msec > 0)
        run_until(c, c->now + msec * USEC_PER_MSEC, true);
    if (c->sent_count == 0)
        return;

    const struct segment *sent = &c->sent[c->sent_first];
    fputs("\n    came: ", c->log);
    print_segment(c->log, sent, c->peer->stack_iss, c->peer->iss);
    fputc('\n', c->log);
    conversation_fail(c, "nothing was expected");
}

/* ---- the program ---- */

/* What a call answered, when it should have been something else. */
static void check_result(struct conversation *c, const char *call, long wanted,
                         long result)
{
    if (result == wanted)
        return;
    conversation_fail(c, "%s: %ld (%s) instead of %ld (%s)", call, result,
                      result < 0 ? strerror((int)-result) : "a count", wanted,
                      wanted < 0 ? strerror((int)-wanted) : "a count");
}

static struct endpoint endpoint_of(uint32_t addr, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(addr), .port = port};
}

void conversation_app_listens(struct conversation *c)
{
    struct endpoint local = endpoint_of(STACK_ADDR, STACK_PORT);

    check_result(
        c, "socket", 0,
        stack_socket(c->stack, c->now, AF_INET, SOCK_STREAM, 0, &c->listener));
    conversation_app_sets(c, SOL_SOCKET, SO_REUSEADDR, 1);
    check_result(c, "bind", 0,
                 stack_bind(c->stack, c->now, c->listener, &local));
    check_result(
        c, "listen", 0,
        stack_listen(c->stack, c->now, c->listener, (int)c->options.backlog));
    log_event(c, "listen");
    end_pass(c);
}

void conversation_app_connects(struct conversation *c)
{
    struct endpoint remote = endpoint_of(PEER_ADDR, c->peer->port);

    c->peer->stack_port = 0;
    check_result(c, "socket", 0,
                 stack_socket(c->stack, c->now, AF_INET, SOCK_STREAM, 0,
                              &c->peer->socket));
    log_event(c, "connect");
    check_result(c, "connect", -EINPROGRESS,
                 stack_connect(c->stack, c->now, c->peer->socket, &remote));
    end_pass(c);
}

void conversation_app_accepts(struct conversation *c)
{
    struct endpoint remote;

    log_event(c, "accept");
    check_result(
        c, "accept", 0,
        stack_accept(c->stack, c->now, c->listener, &c->peer->socket, &remote));
    if (remote.port != c->peer->port ||
        ip_addr_to_v4(&remote.addr) != PEER_ADDR)
        conversation_fail(c, "accept gave the connection from port %u",
                          remote.port);
    end_pass(c);
}

void conversation_app_cannot_accept(struct conversation *c)
{
    struct endpoint remote;
    socket_id id;

    check_result(c, "accept", -EAGAIN,
                 stack_accept(c->stack, c->now, c->listener, &id, &remote));
}

/* One send of the next `len` bytes of the pattern; its answer. */
static ssize_t send_pattern(struct conversation *c, size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    ck_assert_ptr_nonnull(bytes);
    pattern_fill(false, c->peer->written, bytes, len);
    ssize_t result = stack_send(c->stack, c->now, c->peer->socket, &message);
    log_event(c, "write %zu: %zd", len, result);
    free(bytes);
    end_pass(c);
    return result;
}

size_t conversation_app_tries_to_write(struct conversation *c, size_t len)
{
    ssize_t result = send_pattern(c, len);

    if (result < 0 && result != -EAGAIN)
        check_result(c, "write", (long)len, result);
    if (result < 0)
        return 0;
    c->peer->written += (size_t)result;
    return (size_t)result;
}

void conversation_app_writes(struct conversation *c, size_t len)
{
    ssize_t result = send_pattern(c, len);

    check_result(c, "write", (long)len, result);
    c->peer->written += len;
}

void conversation_app_fails_to_write(struct conversation *c, int error)
{
    check_result(c, "write", -error, send_pattern(c, 1));
}

/* One receive of at most `len` bytes; they must be the peer's pattern. */
static ssize_t receive_pattern(struct conversation *c, size_t len)
{
    uint8_t *bytes = malloc(len);
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    ck_assert_ptr_nonnull(bytes);
    ssize_t result = stack_receive(c->stack, c->now, c->peer->socket, &message);
    log_event(c, "read %zu: %zd", len, result);
    if (result > 0 && pattern_check(true, c->peer->read, bytes,
                                    (size_t)result) != (size_t)result)
        conversation_fail(c, "the program read what the peer did not send");
    free(bytes);
    end_pass(c);
    return result;
}

void conversation_app_reads(struct conversation *c, size_t len)
{
    ssize_t result = receive_pattern(c, len == 0 ? 1 : len);

    check_result(c, "read", (long)len, result);
    c->peer->read += len;
}

void conversation_app_fails_to_read(struct conversation *c, int error)
{
    check_result(c, "read", -error, receive_pattern(c, 1));
}

void conversation_app_shuts_down(struct conversation *c, int how)
{
    log_event(c, "shutdown %d", how);
    check_result(c, "shutdown", 0,
                 stack_shutdown(c->stack, c->now, c->peer->socket, how));
    end_pass(c);
}

void conversation_app_closes(struct conversation *c)
{
    log_event(c, "close");
    check_result(c, "close", 0, stack_close(c->stack, c->now, c->peer->socket));
    end_pass(c);
}

void conversation_app_closes_listener(struct conversation *c)
{
    log_event(c, "close of the listener");
    check_result(c, "close", 0, stack_close(c->stack, c->now, c->listener));
    end_pass(c);
}

/* The connection's socket, or the listener while there is none. */
static socket_id socket_at_hand(const struct conversation *c)
{
    return c->peer->socket != 0 ? c->peer->socket : c->listener;
}

void conversation_app_sets(struct conversation *c, int level, int name,
                           int value)
{
    check_result(c, "setsockopt", 0,
                 stack_set_option(c->stack, c->now, socket_at_hand(c), level,
                                  name, bytes_of(&value, sizeof(value))));
    end_pass(c);
}

void conversation_app_lingers(struct conversation *c, int seconds)
{
    struct linger linger = {.l_onoff = 1, .l_linger = seconds};

    check_result(c, "setsockopt", 0,
                 stack_set_option(c->stack, c->now, socket_at_hand(c),
                                  SOL_SOCKET, SO_LINGER,
                                  bytes_of(&linger, sizeof(linger))));
}

void conversation_app_finds_error(struct conversation *c, int error)
{
    int value = -1;
    size_t len = sizeof(value);

    check_result(c, "getsockopt", 0,
                 stack_get_option(c->stack, c->now, c->peer->socket, SOL_SOCKET,
                                  SO_ERROR, &value, &len));
    check_result(c, "SO_ERROR", -error, -value);
}

void conversation_app_polls(struct conversation *c, int events)
{
    int readiness = stack_readiness(c->stack, c->peer->socket) &
                    (POLLIN | POLLOUT | POLLHUP | POLLERR);

    if (readiness != events)
        conversation_fail(c, "poll says 0x%x instead of 0x%x", readiness,
                          events);
}
