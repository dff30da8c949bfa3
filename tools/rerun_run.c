/*
 * Stack time is the capture's, less a whole number of seconds, so that it
 * begins near a minute. The stack is older than the capture: what it says when
 * it gets its address is over by then.
 *
 * Frames of the same microsecond come in one pass, as a device hands them over
 * in a batch, and what the programs did in that microsecond belongs to it.
 */
#include "rerun_run.h"

#include "host/capture.h"
#include "netdev/callback.h"
#include "rerun_frame.h"
#include "rerun_hold.h"
#include "rerun_program.h"
#include "stack.h"
#include "stack_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    IFACE = 2, /* after the loopback */
    BEGIN_S = 60,
    AFTER_S = 2, /* that the stack gets to send what the host sent sooner */
    MTU_DEFAULT = 1500,
    MTU_LEAST = 68, /* RFC 791 3.2 */
};

struct run {
    struct rerun_script *script;
    const struct rerun_options *options;
    const struct rerun_capture *capture;
    struct memory memory; /* of the tool */
    struct memory stack_memory;
    struct stack *stack;
    struct netdev *dev;
    struct capture_dev pcap; /* nobody is behind it; dev is NULL: none */
    struct trace_hub own_listeners;
    struct trace_hub *listeners; /* those, or the options' */
    struct rerun_programs programs;
    struct rerun_hold hold;
    usec now;
    usec ahead; /* the capture's time, less the stack's */
    size_t next_action;
    bool is_begun; /* what is sent counts */
    int error;
    struct timespec began; /* --realtime: when the stack's time was this: */
    usec began_at;
};

/* ---- What the stack sends ------------------------------------------------ */

/* To the file, as it is. */
static void record_sent(const struct run *run, uint8_t *data, size_t len)
{
    struct frame frame;

    frame_init_input(&frame, NULL, data, len);
    (void)netdev_transmit(run->pcap.dev, run->now, &frame);
}

static void take_nothing(void *context, const uint8_t *frame, size_t len)
{
    (void)context;
    (void)frame;
    (void)len;
}

static void take_sent(void *context, const uint8_t *frame, size_t len)
{
    struct run *run = context;
    struct rerun_packet packet = {.time = run->now + run->ahead};
    uint8_t *copy;

    if (!run->is_begun || run->error < 0)
        return;
    copy = malloc(len > 0 ? len : 1);
    if (copy == NULL) {
        run->error = -ENOMEM;
        return;
    }
    memcpy(copy, frame, len);
    if (run->pcap.dev != NULL)
        record_sent(run, copy, len);
    if (rerun_packet_parse(run->capture->type, copy, len, &packet) &&
        packet.kind != RERUN_NOTHING)
        run->error = rerun_script_sent(run->script, RERUN_STACK, &packet);
    free(copy);
}

/* ---- Setting up ---------------------------------------------------------- */

static unsigned mtu_of(const struct run *run)
{
    unsigned mss = run->script->mss;

    if (run->options->mtu != 0)
        return run->options->mtu;
    if (mss == 0)
        return MTU_DEFAULT;
    mss += IP_HEADER_LEN + TCP_HEADER_LEN;
    return mss < MTU_LEAST       ? MTU_LEAST
           : mss > IP_PACKET_MAX ? IP_PACKET_MAX
                                 : mss;
}

/* The host's abilities are the stack's, as far as its SYNs show them. */
static void take_over_abilities(const struct rerun_script *script,
                                struct tcp_config *tcp)
{
    bool has_syn = script->mss > 0;
    uint32_t window = (uint32_t)UINT16_MAX << min_u32(script->wscale, 14);

    if (!has_syn)
        return;
    tcp->timestamps = script->timestamps;
    tcp->sack = script->sack;
    tcp->window_scale = script->window_scale;
    if (script->asks_ecn)
        tcp->ecn = TCP_ECN_ASK;
    if (!script->window_scale)
        return;
    tcp->receive_buffer_max = window; /* so the scale is the host's */
    tcp->receive_buffer = min_u32(tcp->receive_buffer, window);
}

static int change_setting(const char *text, struct stack_config *config,
                          char *why)
{
    char mistake[SETTING_WHY_MAX];
    int error = stack_settings_take(config, text, mistake);

    if (error < 0)
        snprintf(why, RERUN_WHY_MAX, "--set: %s", mistake);
    return error;
}

static int change_settings(const struct rerun_options *options,
                           struct stack_config *config, char *why)
{
    int error = 0;

    for (unsigned i = 0; i < options->setting_count && error == 0; i++)
        error = change_setting(options->settings[i], config, why);
    return error;
}

static int create_stack(struct run *run, char *why)
{
    struct stack_config config = stack_config_default();
    int error;

    config.memory = &run->stack_memory;
    config.seed = (struct hash_key){.k0 = 7, .k1 = 8};
    config.trace = trace_hub_trace(run->listeners);
    config.arp.reachable_time = 365 * 24 * 3600 * USEC_PER_SEC; /* the answers
                                     to any other question are not there */
    take_over_abilities(run->script, &config.tcp);
    if ((error = change_settings(run->options, &config, why)) < 0)
        return error;
    error = stack_create(&config, run->now, &run->stack);
    if (error < 0)
        snprintf(why, RERUN_WHY_MAX, "%s",
                 error == -ENOENT ? "no such congestion control"
                                  : "no memory for a stack");
    return error;
}

static int create_pcap(struct run *run, char *why)
{
    struct callback_config config = {.type = run->capture->type,
                                     .mtu = IP_PACKET_MAX,
                                     .transmit = take_nothing};
    struct capture_dev pcap = {.dev = callback_create(&run->memory, &config)};
    int error;

    if (pcap.dev == NULL)
        return -ENOMEM;
    error = capture_around(&pcap, &run->memory, run->options->pcap, "replay",
                           run->ahead);
    if (error < 0) {
        snprintf(why, RERUN_WHY_MAX, "%s: %s", run->options->pcap,
                 strerror(-error));
        netdev_close(pcap.dev);
        return error;
    }
    if (pcap.story != NULL)
        pcap.story->iface = IFACE;
    run->pcap = pcap;
    return 0;
}

static int create_device(struct run *run, char *why)
{
    struct callback_config config = {.type = run->capture->type,
                                     .mtu = mtu_of(run),
                                     .transmit = take_sent,
                                     .context = run};

    run->dev = callback_create(&run->memory, &config);
    if (run->dev == NULL)
        return -ENOMEM;
    return run->options->pcap != NULL ? create_pcap(run, why) : 0;
}

static int add_way(struct run *run, const struct rerun_neighbour *to)
{
    struct ip_prefix host = {.addr = to->addr, .len = 128};

    if (to->is_given)
        return stack_neighbour_add(run->stack, run->now, IFACE, &to->addr,
                                   &to->used);
    if (!ip_addr_is_any(&to->gateway))
        return stack_route_add(run->stack, run->now, &host, &to->gateway,
                               IFACE);
    return 0;
}

/* Everybody is on the link, but those behind a gateway. What the stack refuses
 * is of no use to it: 0.0.0.0 may stand in a capture. */
static int add_ways(struct run *run)
{
    struct ip_prefix all = {.addr = IP_ADDR_ANY_V4, .len = IPV4_PREFIX_OFFSET};
    struct ip_addr on_link = IP_ADDR_ANY_V4;
    int error = stack_route_add(run->stack, run->now, &all, &on_link, IFACE);

    for (const struct rerun_neighbour *at = run->script->neighbours.first;
         at != NULL && error != -ENOBUFS; at = at->next)
        error = add_way(run, at);
    return error == -ENOBUFS ? error : 0;
}

static int configure(struct run *run, char *why)
{
    struct iface_config iface = {
        .name = "replay", .dev = run->dev, .mac = run->capture->mac};
    struct ip_prefix addr = {.addr = run->capture->addr,
                             .len = run->options->prefix_len};
    int error = stack_iface_add(run->stack, run->now, &iface);

    if (error < 0)
        snprintf(why, RERUN_WHY_MAX, "a stack cannot have an MTU of %u",
                 mtu_of(run));
    else if ((error = stack_addr_add(run->stack, run->now, IFACE, &addr)) < 0)
        snprintf(why, RERUN_WHY_MAX, "a stack cannot have that address");
    else
        error = add_ways(run);
    return error < 0 ? error : 0;
}

/* ---- Time ---------------------------------------------------------------- */

static void wait_until(const struct run *run, usec time)
{
    usec after = time - run->began_at;
    struct timespec at = run->began;

    at.tv_sec += after / USEC_PER_SEC;
    at.tv_nsec += (after % USEC_PER_SEC) * 1000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

static void set_time(struct run *run, usec time)
{
    if (run->options->is_realtime && run->is_begun && time > run->now)
        wait_until(run, time);
    run->now = usec_max(run->now, time);
}

/* What the stack has sent now, and the peer had acknowledged before. */
static bool give_held(struct run *run)
{
    uint8_t data[RERUN_ACK_MAX];
    struct frame frame;
    size_t len = rerun_hold_next(&run->hold, run->capture->type, data);

    if (len == 0)
        return false;
    frame_init_input(&frame, NULL, data, len);
    frame.offload.checksum = FRAME_CHECKSUM_VERIFIED;
    stack_input(run->stack, run->now, IFACE, &frame);
    stack_flush(run->stack, run->now);
    return true;
}

/* The programs do what they can, and the stack sends. */
static void end_pass(struct run *run)
{
    stack_run_timers(run->stack, run->now);
    stack_flush(run->stack, run->now);
    do {
        rerun_programs_run(&run->programs, run->now);
        stack_flush(run->stack, run->now);
    } while (give_held(run));
}

/* Up to just before `to`. */
static void pass_time(struct run *run, usec to)
{
    usec next;

    while ((next = stack_next_deadline(run->stack)) < to && run->error == 0) {
        set_time(run, next);
        end_pass(run);
    }
    set_time(run, to);
}

/* ---- Frames -------------------------------------------------------------- */

/* A large frame was put together by the receiver, from segments as large as
 * they were for the peer. */
static void set_offload(const struct run *run,
                        const struct rerun_record *record, struct frame *frame)
{
    const struct rerun_packet *packet = &record->packet;
    struct frame_offload *offload = &frame->offload;

    if (run->options->no_checksums || record->has_no_checksum || packet->is_cut)
        offload->checksum = FRAME_CHECKSUM_VERIFIED;
    if (packet->kind == RERUN_TCP && record->flow != NULL &&
        record->flow->local_mss > 0 &&
        packet->text.len > record->flow->local_mss) {
        offload->gso = FRAME_GSO_TCPV4;
        offload->gso_size = record->flow->local_mss;
        if (record->flow->has_timestamps)
            offload->gso_size -= 2 + TCP_OPTION_TIMESTAMPS_LEN;
    }
}

static bool is_replayed(const struct run *run,
                        const struct rerun_record *record)
{
    bool is_for_us =
        ip_addr_equal(&record->packet.dst.addr, &run->capture->addr);

    if (record->is_ours)
        return false;
    return record->packet.kind != RERUN_TCP || !is_for_us ||
           record->flow != NULL;
}

static void take_frame(struct run *run, struct rerun_record *record)
{
    struct frame frame;

    if (!is_replayed(run, record))
        return;
    replay_frame(record->packet.number);
    frame_init_input(&frame, NULL, record->frame, record->len);
    set_offload(run, record, &frame);
    if (rerun_hold_back(&run->hold, run->capture->type, record))
        frame.offload.checksum = FRAME_CHECKSUM_VERIFIED;
    stack_input(run->stack, run->now, IFACE, &frame);
}

static void act_before(struct run *run, size_t at)
{
    const struct rerun_script *script = run->script;

    while (run->next_action < script->action_count &&
           script->actions[run->next_action].before <= at && run->error == 0)
        run->error = rerun_programs_act(&run->programs, run->now,
                                        &script->actions[run->next_action++]);
}

static bool acts_before(const struct run *run, size_t at)
{
    const struct rerun_script *script = run->script;

    return run->next_action < script->action_count &&
           script->actions[run->next_action].before == at;
}

/* Those from `at` on that make one pass; where the next one begins. */
static size_t rerun_pass(struct run *run, size_t at)
{
    struct rerun_record *records = run->capture->records;
    usec time = records[at].packet.time;
    size_t i = at;

    pass_time(run, time - run->ahead);
    for (; i < run->capture->count && records[i].packet.time == time; i++) {
        if (records[i].is_ours && i > at && !acts_before(run, i))
            break; /* the host had sent: its pass was over */
        if (records[i].packet.number == run->options->stop_before)
            rerun_frame_stop(run->options->stop_before);
        act_before(run, i);
        take_frame(run, &records[i]);
        if (records[i].is_ours) {
            i++;
            break;
        }
    }
    end_pass(run);
    return i;
}

static void rerun_all(struct run *run)
{
    size_t at = 0;

    while (at < run->capture->count && run->error == 0)
        at = rerun_pass(run, at);
    pass_time(run, run->capture->ended - run->ahead + AFTER_S * USEC_PER_SEC);
}

/* ---- All of it ----------------------------------------------------------- */

static int prepare(struct run *run, char *why)
{
    int error;

    if ((error = create_device(run, why)) < 0 ||
        (error = create_stack(run, why)) < 0 ||
        (error = configure(run, why)) < 0)
        return error;
    error = rerun_programs_init(&run->programs, &run->memory, run->now,
                                run->stack, run->script, run->options);
    if (error < 0)
        snprintf(why, RERUN_WHY_MAX, "the ports cannot be opened: %s",
                 strerror(-error));
    return error;
}

/* From now on it is recorded, and told of. */
static void begin_pcap(struct run *run)
{
    netdev_flush(run->pcap.dev, run->now);
    if (run->pcap.story == NULL)
        return;
    trace_hub_add(run->listeners, &run->pcap.story->listener);
    stack_set_trace(run->stack, trace_hub_trace(run->listeners));
}

static void begin(struct run *run)
{
    usec first = run->capture->began - run->ahead;

    while (run->now < first) { /* what it announces goes nowhere */
        run->now = usec_min(
            first, usec_max(run->now + 1, stack_next_deadline(run->stack)));
        stack_run_timers(run->stack, run->now);
        stack_flush(run->stack, run->now);
    }
    run->is_begun = true;
    if (run->pcap.dev != NULL)
        begin_pcap(run);
    run->began_at = run->now;
    clock_gettime(CLOCK_MONOTONIC, &run->began);
}

static void end(struct run *run)
{
    if (run->stack != NULL)
        stack_destroy(run->stack);
    rerun_programs_fini(&run->programs);
    if (run->dev != NULL)
        netdev_close(run->dev);
    if (run->pcap.dev == NULL)
        return;
    netdev_flush(run->pcap.dev, run->now);
    if (!capture_is_complete(&run->pcap))
        run->error = -EIO;
    if (run->is_begun && run->pcap.story != NULL)
        trace_hub_remove(run->listeners, &run->pcap.story->listener);
    capture_close(&run->pcap, &run->memory);
}

int rerun_script_run(struct rerun_script *script,
                     const struct rerun_options *options,
                     char why[static RERUN_WHY_MAX])
{
    struct run run = {.script = script,
                      .options = options,
                      .capture = script->capture,
                      .now = BEGIN_S / 2 * USEC_PER_SEC};
    usec first = script->capture->began;

    why[0] = '\0';
    run.ahead = first - first % USEC_PER_SEC - BEGIN_S * USEC_PER_SEC;
    trace_hub_init(&run.own_listeners);
    run.listeners =
        options->listeners != NULL ? options->listeners : &run.own_listeners;
    memory_init(&run.memory, SIZE_MAX);
    memory_init(&run.stack_memory, SIZE_MAX);
    run.error = prepare(&run, why);
    if (run.error == 0) {
        begin(&run);
        rerun_all(&run);
    }
    end(&run);
    script->held = run.hold.count;
    if (run.error < 0 && why[0] == '\0')
        snprintf(why, RERUN_WHY_MAX, "%s", strerror(-run.error));
    return run.error;
}
