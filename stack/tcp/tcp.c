/*
 * TCP as a whole: its settings, its tables, its output pass.
 */
#include "tcp/tcp.h"

#include "tcp/tcb.h"
#include "tcp/tcp_half_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_time_wait.h"
#include "tcp/tcp_told.h"

#include <errno.h>

/* README.md has the reasons. */
static const struct tcp_config defaults = {
    .rto_initial = 1 * USEC_PER_SEC,
    .rto_min = 200 * USEC_PER_MSEC,
    .rto_max = 120 * USEC_PER_SEC,
    .delayed_ack = 40 * USEC_PER_MSEC,
    .msl2 = 60 * USEC_PER_SEC,
    .fin_wait_2 = 60 * USEC_PER_SEC,
    .buffer_idle = 1 * USEC_PER_SEC,
    .syn_retries = 6,
    .synack_retries = 5,
    .retries = 15,
    .doubt_retries = 3,
    .orphan_retries = 8,
    .keepalive_idle = 7200 * USEC_PER_SEC,
    .keepalive_interval = 75 * USEC_PER_SEC,
    .keepalive_probes = 9,
    .initial_window = 10,
    .min_send_mss = 48,
    .quick_acks = 16,
    .send_buffer = 1024 * 1024,
    .receive_buffer = 1024 * 1024,
    .buffer_tuning = true,
    .place_text = true,
    .send_buffer_max = TCP_BUFFER_MAX,
    .receive_buffer_max = TCP_BUFFER_MAX,
    .max_connections = 2 * 1024 * 1024,
    .max_half_open = 4096,
    .max_time_wait = 65536,
    .challenge_acks = 10,
    .challenge_acks_all = 10000,
    .challenge_interval = 1 * USEC_PER_SEC,
    .resets_per_second = 0,
    .congestion = "cubic",
    .unpaced_segments = 10,
    .hystart = true,
    .hystart_train = true,
    .cubic_fast_convergence = true,
    .cubic_search = true,
    .byte_counting = true,
    .timestamps = true,
    .timestamp_offset = true,
    .rest = true,
    .sack = true,
    .dsack = true,
    .rack = true,
    .tlp = true,
    .prr = true,
    .frto = true,
    .cwv = true,
    .slow_start_after_idle = true,
    .limited_transmit = true,
    .rto_restart = true,
    .undo = true,
    .eifel = true,
    .window_scale = true,
    .pmtu_discovery = true,
    .black_hole_detection = true,
    .icmp_checks = true,
    .rfc5961 = true,
    .time_wait_reuse = true,
    .ecn = TCP_ECN_ANSWER,
    .ecn_fallback = true,
    .syn_cookies = true,
    .fast_open = TCP_FAST_OPEN_CLIENT,
    .fast_open_cache = 1024,
    .fast_open_pause = 60 * USEC_PER_SEC,
    .fast_open_key_life = 12 * 3600 * USEC_PER_SEC,
    .user_timeout_least = 100 * USEC_PER_SEC,
    .user_timeout_most = 3600 * USEC_PER_SEC,
    .port_first = 32768,
    .port_last = 60999,
};

struct tcp_config tcp_config_default(void)
{
    return defaults;
}

void tcp_config_limit_buffers(struct tcp_config *config, uint32_t most)
{
    config->send_buffer = min_u32(config->send_buffer, most);
    config->receive_buffer = min_u32(config->receive_buffer, most);
    config->send_buffer_max = most;
    config->receive_buffer_max = most;
}

int tcp_change_congestion(struct tcp *tcp, const char *name)
{
    const struct tcp_cc_ops *cc = tcp_cc_find(name);

    if (cc == NULL || strlen(name) >= sizeof(tcp->config.congestion))
        return -ENOENT;
    tcp->cc = cc;
    memcpy(tcp->config.congestion, name, strlen(name) + 1);
    return 0;
}

int tcp_change_ecn(struct tcp *tcp, unsigned ecn)
{
    if (ecn > TCP_ECN_MAX)
        return -EINVAL;
    tcp->config.ecn = (enum tcp_ecn)ecn;
    return 0;
}

/* A limit that is lower takes nothing back that there is. */
int tcp_change_buffer_max(struct tcp *tcp, uint64_t most)
{
    if (most < TCP_BUFFER_MAX_LEAST || most > TCP_BUFFER_MAX_MOST)
        return -EINVAL;
    tcp->config.send_buffer = tcp->at_first.send_buffer;
    tcp->config.receive_buffer = tcp->at_first.receive_buffer;
    tcp_config_limit_buffers(&tcp->config, (uint32_t)most);
    return 0;
}

/* Where each begins is nobody's to know; that they begin together tells
 * nothing, since what is added to them differs. */
static void init_port_counters(struct tcp *tcp)
{
    uint32_t start = random_u32(&tcp->env->random);

    for (unsigned i = 0; i < TCP_PORT_COUNTERS; i++)
        tcp->port_counters[i] = start;
}

/* All of them, so that all can be taken down again; 0 or -ENOBUFS. */
static int init_tables(struct tcp *tcp)
{
    struct memory *memory = tcp->env->memory;
    int errors[] = {
        hash_table_init(&tcp->connections, memory),
        hash_table_init(&tcp->ports, memory),
        tcp_told_init(tcp),
        rest_init(tcp),
        half_open_init(tcp),
        time_wait_init(tcp),
        fast_open_cache_init(&tcp->fast_open_cache, tcp->env, &tcp->key,
                             tcp->config.fast_open_cache,
                             tcp->config.fast_open_pause),
    };

    for (unsigned i = 0; i < ARRAY_LENGTH(errors); i++)
        if (errors[i] < 0)
            return errors[i];
    return 0;
}

/* Also where there was no memory for one. */
static void fini_tables(struct tcp *tcp)
{
    tcp_told_fini(tcp);
    rest_fini(tcp);
    half_open_fini(tcp);
    time_wait_fini(tcp);
    fast_open_cache_fini(&tcp->fast_open_cache);
    hash_table_fini(&tcp->connections, tcp->env->memory);
    hash_table_fini(&tcp->ports, tcp->env->memory);
}

int tcp_init(struct tcp *tcp, struct env *env, struct ip *ip,
             const struct tcp_config *config)
{
    int error;

    *tcp = (struct tcp){.env = env, .ip = ip, .config = *config};
    tcp->cc = tcp_cc_find(config->congestion);
    if (tcp->cc == NULL)
        return -ENOENT;
    tcp->key = random_key(&env->random);
    tcp->isn_key = random_key(&env->random);
    tcp->port_key = random_key(&env->random);
    tcp->ts_key = random_key(&env->random);
    init_port_counters(tcp);
    tcp->cookie_key = random_key(&env->random);
    list_init(&tcp->output);
    list_init(&tcp->all);
    list_init(&tcp->reaped);
    tcp_memory_init(tcp);
    error = init_tables(tcp);
    if (error < 0)
        fini_tables(tcp);
    return error;
}

void tcp_fini(struct tcp *tcp)
{
    while (!list_is_empty(&tcp->all)) {
        struct tcb *tcb = container_of(tcp->all.next, struct tcb, all_node);

        tcb->owner = NULL;
        tcb->listener = NULL;
        half_open_forget(tcb);
        tcb_close(tcb);
        tcb_reap(tcp);
    }
    fini_tables(tcp);
}

uint32_t tcp_clock(const struct tcp *tcp)
{
    return (uint32_t)(tcp->env->now / USEC_PER_MSEC);
}

/* Each is called once: whoever is marked while this goes on waits for the next
 * pass. */
void tcp_flush(struct tcp *tcp)
{
    struct list marked;
    struct list *node;

    if (list_is_empty(&tcp->output) && list_is_empty(&tcp->reaped) &&
        list_is_empty(&tcp->tired))
        return; /* as after most calls of a program */
    list_init(&marked);
    list_splice(&marked, &tcp->output);
    while ((node = list_pop(&marked)) != NULL) {
        struct tcb *tcb = container_of(node, struct tcb, output_node);

        tcp_output(tcb);
        tcb_check(tcb);
    }
    tcb_reap(tcp);
    rest_all_that_may(tcp);
}

static bool is_connection(const struct tcb *tcb)
{
    return tcb->state != TCPS_CLOSED && tcb->state != TCPS_LISTEN;
}

bool tcp_has_connections(const struct tcp *tcp)
{
    if (tcp->resting.entry_count > 0)
        return true;
    for (struct list *node = tcp->all.next; node != &tcp->all;
         node = node->next) {
        if (is_connection(container_of(node, struct tcb, all_node)))
            return true;
    }
    return false;
}

static void wake_all(struct tcp *tcp)
{
    struct hash_node *node;
    uint32_t cursor = 0;

    while ((node = hash_table_any(&tcp->resting, &cursor)) != NULL)
        if (tcp_wake(tcp, container_of(node, struct tcp_rest, node)) == NULL)
            break;
}

void tcp_forget_connections(struct tcp *tcp, int error)
{
    wake_all(tcp);
    for (struct list *node = tcp->all.next; node != &tcp->all;
         node = node->next) {
        struct tcb *tcb = container_of(node, struct tcb, all_node);

        if (is_connection(tcb))
            tcb_fail(tcb, error);
    }
}

void tcp_abort_all(struct tcp *tcp)
{
    for (struct list *node = tcp->all.next; node != &tcp->all;
         node = node->next) {
        struct tcb *tcb = container_of(node, struct tcb, all_node);

        if (tcb->state != TCPS_CLOSED && tcb->owner == NULL)
            tcp_abort(tcb);
    }
    rest_abort_closed(tcp);
}
