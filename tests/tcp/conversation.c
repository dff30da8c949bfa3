#include "tests/tcp/conversation_internal.h"

#include "stack_settings.h"

#include <stdlib.h>
#include <string.h>

enum { MTU = 1500, TIMER_SPIN_MAX = 1000, TIMER_STEPS_MAX = 1000000 };

const usec start_of_time = 1000 * USEC_PER_SEC;
const uint8_t stack_mac[6] = {2, 0, 0x5e, 0, 0x53, 2};
const uint8_t peer_mac[6] = {2, 0, 0x5e, 0, 0x53, 1};

struct conversation *conversation_at(struct conversation *c, const char *file,
                                     int line)
{
    c->file = file;
    c->line = line;
    return c;
}

/* ---- time ---- */

/* The pass ends: what was marked is sent, what was handed in is done with. */
void end_pass(struct conversation *c)
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
void run_until(struct conversation *c, usec until, bool stop_at_segment)
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

void conversation_advance(struct conversation *c, usec time)
{
    run_until(c, c->now + time, false);
}

/* ---- beginning and end ---- */

static void set_if(unsigned *setting, unsigned value)
{
    if (value != 0)
        *setting = value;
}

static void configure_recovery(struct tcp_config *tcp,
                               const struct conversation_options *options)
{
    tcp->sack = !options->no_sack;
    tcp->dsack = !options->no_dsack;
    tcp->rack = !options->no_rack;
    tcp->tlp = !options->no_tlp;
    tcp->prr = !options->no_prr;
    tcp->frto = !options->no_frto;
    tcp->cwv = !options->no_cwv;
    tcp->rest = !options->no_rest;
    tcp->slow_start_after_idle = !options->no_slow_start_after_idle;
    tcp->reduce_twice = options->reduce_twice;
    tcp->undo = !options->no_undo;
}

static void configure_ecn(struct tcp_config *tcp,
                          const struct conversation_options *options)
{
    if (options->asks_ecn)
        tcp->ecn = TCP_ECN_ASK;
    if (options->no_ecn)
        tcp->ecn = TCP_ECN_OFF;
    tcp->ecn_fallback = !options->no_ecn_fallback;
    tcp->abe = options->abe;
}

static void configure(struct tcp_config *tcp,
                      const struct conversation_options *options)
{
    snprintf(tcp->congestion, sizeof(tcp->congestion), "%s",
             options->congestion != NULL ? options->congestion : "reno");
    tcp->pacing = options->pacing;
    tcp->unpaced_segments = options->unpaced_segments;
    set_if(&tcp->initial_window, options->initial_window);
    set_if(&tcp->retries, options->retries);
    set_if(&tcp->syn_retries, options->syn_retries);
    set_if(&tcp->synack_retries, options->synack_retries);
    set_if(&tcp->orphan_retries, options->orphan_retries);
    set_if(&tcp->max_half_open, options->max_half_open);
    set_if(&tcp->challenge_acks, options->challenge_acks);
    if (options->no_challenge_acks)
        tcp->challenge_acks = 0;
    set_if(&tcp->challenge_acks_all, options->challenge_acks_all);
    if (options->challenge_interval_ms != 0)
        tcp->challenge_interval =
            options->challenge_interval_ms * USEC_PER_MSEC;
    set_if(&tcp->resets_per_second, options->resets_per_second);
    set_if(&tcp->min_send_mss, options->min_send_mss);
    set_if(&tcp->send_buffer, options->send_buffer);
    set_if(&tcp->send_buffer_max, options->send_buffer);
    set_if(&tcp->send_buffer_max, options->send_buffer_max);
    set_if(&tcp->receive_buffer, options->receive_buffer);
    set_if(&tcp->receive_buffer_max, options->receive_buffer);
    set_if(&tcp->receive_buffer_max, options->receive_buffer_max);
    set_if(&tcp->keepalive_probes, options->keepalive_probes);
    if (options->keepalive_idle_s != 0)
        tcp->keepalive_idle = options->keepalive_idle_s * USEC_PER_SEC;
    if (options->keepalive_interval_s != 0)
        tcp->keepalive_interval = options->keepalive_interval_s * USEC_PER_SEC;
    set_if(&tcp->max_time_wait, options->max_time_wait);
    tcp->rfc1337 = options->rfc1337;
    tcp->quick_acks = options->quick_acks;
    if (options->no_time_wait)
        tcp->max_time_wait = 0;
    if (options->no_syn_cookies)
        tcp->syn_cookies = false;
    if (options->no_timestamps)
        tcp->timestamps = false;
    if (options->no_window_scale)
        tcp->window_scale = false;
    if (options->no_pmtu_discovery)
        tcp->pmtu_discovery = false;
    if (options->no_black_hole_detection)
        tcp->black_hole_detection = false;
    tcp->user_timeout_option = options->user_timeout_option;
    set_if(&tcp->fast_open, options->fast_open);
    if (options->no_fast_open)
        tcp->fast_open = 0;
    set_if(&tcp->fast_open_cache, options->fast_open_cache);
    if (options->fast_open_key_life_s != 0)
        tcp->fast_open_key_life = options->fast_open_key_life_s * USEC_PER_SEC;
    tcp->memory_limit = options->memory_limit;
    if (options->no_buffer_tuning)
        tcp->buffer_tuning = false;
    if (options->no_place_text)
        tcp->place_text = false;
    configure_ecn(tcp, options);
    configure_recovery(tcp, options);
}

static void set_by_name(struct stack_config *config, const char *list)
{
    char why[SETTING_WHY_MAX];

    if (list != NULL && stack_settings_take(config, list, why) < 0)
        ck_abort_msg("%s", why);
}

/* The script may have a listener of its own behind this. */
static void event_came(void *listener, const struct trace_event *event)
{
    struct conversation *c = listener;
    const struct trace *next = &c->options.trace;

    if (event->kind == TRACE_DROP)
        c->drops[event->drop]++;
    if (next->emit != NULL)
        next->emit(next->listener, event);
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
    config.trace = (struct trace){.emit = event_came, .listener = c};
    configure(&config.tcp, &c->options);
    set_by_name(&config, c->options.set);
    recording_begin(&c->recording);
    config.recorder = &c->recording.recorder;
    ck_assert_int_eq(stack_create(&config, c->now, &c->stack), 0);
    ck_assert_int_eq(stack_iface_add(c->stack, c->now, &iface), IFACE);
    ck_assert_int_eq(stack_addr_add(c->stack, c->now, IFACE, &addr), 0);
    if (!c->options.ethernet)
        return;
    if (c->options.learns) {
        conversation_peer_answers_arp(c);
        return;
    }
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
        .ops = &conversation_device_ops,
        .type = c->options.ethernet ? NETDEV_ETHERNET : NETDEV_IP,
        .mtu = MTU,
        .max_gso = c->options.max_gso,
        .fills_checksum = c->options.max_gso != 0,
    };
    memcpy(c->device.mac.octet, stack_mac, sizeof(stack_mac));
    create_stack(c);
    conversation_peer_uses_port(c, PEER_PORT);
}

static usec handshake_rtt(const struct conversation *c)
{
    return c->options.rtt_ms * USEC_PER_MSEC + c->options.rtt_us;
}

static void shake_hands_as_server(struct conversation *c)
{
    unsigned asks = c->options.ecn ? ECE | CWR : 0;
    unsigned grants = c->options.ecn && !c->options.no_ecn ? ECE : 0;

    app_listens(c);
    peer_sends(c, .flags = SYN | asks);
    expect_segment(c, .seq = 0, .ack = 1, .flags = SYN | ACK | grants);
    advance_us(c, handshake_rtt(c));
    peer_sends(c, .flags = ACK);
    app_accepts(c);
}

static void shake_hands_as_client(struct conversation *c)
{
    unsigned asks = c->options.asks_ecn ? ECE | CWR : 0;
    unsigned grants = c->options.ecn ? ECE : 0;

    app_connects(c);
    expect_segment(c, .seq = 0, .flags = SYN | asks);
    advance_us(c, handshake_rtt(c));
    peer_sends(c, .flags = SYN | ACK | grants);
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
    recording_check(&c->recording);
    if (c->memory.used != 0)
        conversation_fail(c, "%zu bytes of memory did not come back",
                          c->memory.used);
    for (unsigned i = 0; i < c->peer_count; i++)
        free(c->peers[i].said);
    fclose(c->log);
    free(c->log_text);
}
