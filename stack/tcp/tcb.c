/*
 * The life of a TCB: RFC 9293 3.3.1 and 3.3.2. What belongs to a user call, a
 * segment or a timer is elsewhere; here it is found, changes state, and ends.
 */
#include "tcp/tcb.h"

#include "tcp/tcp_ends.h"
#include "tcp/tcp_extra.h"
#include "tcp/tcp_fast_open.h"
#include "tcp/tcp_half_open.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_time_wait.h"
#include "tcp/tcp_timer.h"

#include <errno.h>

enum {
    MSS_FLOOR = TCP_OPTIONS_MAX + 8, /* of which 8 at least are text */
    TCP_IP_HEADERS = TCP_HEADER_LEN + IP_HEADER_LEN
};

const char *tcp_state_name(enum tcp_state state)
{
    static const char *const names[] = {
        [TCPS_CLOSED] = "CLOSED",
        [TCPS_LISTEN] = "LISTEN",
        [TCPS_SYN_SENT] = "SYN-SENT",
        [TCPS_SYN_RECEIVED] = "SYN-RECEIVED",
        [TCPS_ESTABLISHED] = "ESTABLISHED",
        [TCPS_FIN_WAIT_1] = "FIN-WAIT-1",
        [TCPS_FIN_WAIT_2] = "FIN-WAIT-2",
        [TCPS_CLOSE_WAIT] = "CLOSE-WAIT",
        [TCPS_CLOSING] = "CLOSING",
        [TCPS_LAST_ACK] = "LAST-ACK",
        [TCPS_TIME_WAIT] = "TIME-WAIT",
    };

    return names[state];
}

void tcb_init_links(struct tcb *tcb)
{
    list_init(&tcb->all_node);
    list_init(&tcb->output_node);
    list_init(&tcb->end_node);
    list_init(&tcb->port_node);
    list_init(&tcb->holder_node);
    list_init(&tcb->child_node);
    list_init(&tcb->half_open);
    list_init(&tcb->accept_queue);
}

void tcb_init(struct tcb *tcb, struct tcp *tcp)
{
    const struct tcp_config *config = &tcp->config;

    *tcb = (struct tcb){.tcp = tcp};
    tcb->local.addr = IP_ADDR_ANY_V4;
    tcb->remote.addr = IP_ADDR_ANY_V4;
    tcb->peer_mss = DEFAULT_MSS;
    tcb->cc = tcp->cc;
    sndbuf_init(&tcb->sndbuf, 0, config->send_buffer);
    rcvbuf_init(&tcb->rcvbuf, config->receive_buffer);
    reass_init(&tcb->reass);
    scoreboard_init(&tcb->board);
    rtt_init(tcb);
    tcp_timer_init(tcb);
    tcb_init_links(tcb);
}

struct tcb *tcb_create_numbered(struct tcp *tcp, void *owner, uint32_t number)
{
    struct tcb *tcb = NULL;

    if (tcp->connection_count < tcp->config.max_connections)
        tcb = memory_alloc(tcp->env->memory, sizeof(*tcb));
    if (tcb == NULL)
        return NULL;
    tcb_init(tcb, tcp);
    tcb->owner = owner;
    tcb->number = number;
    list_append(&tcp->all, &tcb->all_node);
    tcp->connection_count++;
    return tcb;
}

struct tcb *tcb_create(struct tcp *tcp, void *owner)
{
    if (!tcp_memory_admits_connection(tcp))
        return NULL;
    return tcb_create_numbered(tcp, owner, ++tcp->next_connection);
}

static uint32_t hash_of(struct tcp *tcp, const struct tcp_ends *ends)
{
    return (uint32_t)tcp_ends_table_hash(ends, &tcp->key);
}

static bool has_ends(const struct tcb *tcb, const struct tcp_ends *ends)
{
    return tcb->local.port == ends->local_port &&
           tcb->remote.port == ends->remote_port &&
           ip_addr_equal(&tcb->remote.addr, &ends->remote) &&
           ip_addr_equal(&tcb->local.addr, &ends->local);
}

struct tcb *tcb_find(struct tcp *tcp, const struct tcp_ends *ends)
{
    struct hash_node *node =
        hash_table_first(&tcp->connections, hash_of(tcp, ends));

    for (; node != NULL; node = hash_table_next(node))
        if (has_ends(container_of(node, struct tcb, node), ends))
            return container_of(node, struct tcb, node);
    return NULL;
}

bool tcb_ends_are_free(struct tcp *tcp, const struct endpoint *local,
                       const struct endpoint *remote)
{
    struct tcp_ends ends = tcp_ends_of(local, remote);

    return tcb_find(tcp, &ends) == NULL && rest_find(tcp, &ends) == NULL &&
           half_open_find(tcp, &ends) == NULL &&
           time_wait_find(tcp, &ends) == NULL;
}

int tcb_connect_ends(struct tcb *tcb, const struct endpoint *local,
                     const struct endpoint *remote)
{
    struct tcp *tcp = tcb->tcp;
    struct tcp_ends ends = tcp_ends_of(local, remote);

    if (!tcb_ends_are_free(tcp, local, remote))
        return -EADDRINUSE;
    tcb->local = *local;
    tcb->remote = *remote;
    hash_table_insert(&tcp->connections, tcp->env->memory, &tcb->node,
                      hash_of(tcp, &ends));
    tcb->is_connected = true;
    return 0;
}

static void disconnect_ends(struct tcb *tcb)
{
    if (!tcb->is_connected)
        return;
    hash_table_remove(&tcb->tcp->connections, &tcb->node);
    tcb->is_connected = false;
}

/* What a program that has closed would want to be finished before it ends. */
static bool is_unfinished(const struct tcb *tcb)
{
    return tcb->owner == NULL && tcb->listener == NULL &&
           (tcb->state == TCPS_SYN_RECEIVED || tcb->state == TCPS_FIN_WAIT_1 ||
            tcb->state == TCPS_CLOSING || tcb->state == TCPS_LAST_ACK);
}

static void count_unfinished(struct tcb *tcb)
{
    bool now = is_unfinished(tcb);

    if (now && !tcb->is_unfinished)
        tcb->tcp->unfinished++;
    if (!now && tcb->is_unfinished)
        tcb->tcp->unfinished--;
    tcb->is_unfinished = now;
}

static bool counts_as_established(enum tcp_state state)
{
    return state == TCPS_ESTABLISHED || state == TCPS_CLOSE_WAIT;
}

struct trace_event tcb_event(const struct tcb *tcb, enum trace_kind kind)
{
    return (struct trace_event){
        .kind = kind,
        .layer = TRACE_TCP,
        .state = tcp_state_name(tcb->state),
        .tcb = tcb,
        .local = tcb->local,
        .remote = tcb->remote,
        .connection = tcb->number,
        .iss = tcb->iss,
        .irs = tcb->irs,
        .cwnd = tcb->cwnd,
        .ssthresh = tcb->ssthresh,
    };
}

void tcb_trace(const struct tcb *tcb, enum trace_kind kind, size_t len,
               const char *text)
{
    struct trace_event event;

    if (!env_is_traced(tcb->tcp->env))
        return;
    event = tcb_event(tcb, kind);
    event.len = len;
    event.text = text;
    env_trace(tcb->tcp->env, &event);
}

/* Also without a listener: a debugger waits for it, see env_trace. */
static void trace_state(const struct tcb *tcb, enum tcp_state from)
{
    struct trace_event event = tcb_event(tcb, TRACE_STATE);

    event.from = tcp_state_name(from);
    event.text = event.state;
    env_trace(tcb->tcp->env, &event);
}

void tcb_set_state(struct tcb *tcb, enum tcp_state state)
{
    enum tcp_state from = tcb->state;

    if (state == tcb->state)
        return;
    tcb->tcp->stats.curr_estab += counts_as_established(state);
    tcb->tcp->stats.curr_estab -= counts_as_established(tcb->state);
    tcb->state = state;
    count_unfinished(tcb);
    trace_state(tcb, from);
}

void tcb_enter_closing(struct tcb *tcb)
{
    if (tcb->state == TCPS_ESTABLISHED)
        tcb_set_state(tcb, TCPS_FIN_WAIT_1);
    else if (tcb->state == TCPS_CLOSE_WAIT)
        tcb_set_state(tcb, TCPS_LAST_ACK);
}

/* Nobody has it any more: freed when the pass ends. */
static void reap_if_nobodys(struct tcb *tcb)
{
    if (tcb->owner != NULL || tcb->listener != NULL ||
        tcb->state != TCPS_CLOSED || tcb->is_reaped)
        return;
    tcb->is_reaped = true;
    list_append(&tcb->tcp->reaped, &tcb->end_node);
}

/* A child in the accept queue stays there, so that accept shows the program
 * what became of it, as in Linux. */
void tcb_close(struct tcb *tcb)
{
    struct memory *memory = tcb->tcp->env->memory;

    tcp_timer_clear_all(tcb);
    expect_no_more(tcb);
    fast_open_ended(tcb);
    list_remove(&tcb->output_node);
    if (!tcb->is_reaped) /* it is not put to rest, then */
        list_remove(&tcb->end_node);
    disconnect_ends(tcb);
    tcp_port_release(tcb);
    sndbuf_fini(&tcb->sndbuf, memory);
    reass_fini(&tcb->reass, memory);
    scoreboard_fini(&tcb->board, memory);
    tcp_memory_out_of_order_changed(tcb);
    tcb_set_state(tcb, TCPS_CLOSED);
    reap_if_nobodys(tcb);
}

void tcb_leave(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;

    expect_no_more(tcb);
    timer_disarm(&tcp->env->timers, &tcb->timer);
    hash_table_remove(&tcp->connections, &tcb->node);
    list_remove(&tcb->all_node);
    memory_free(tcp->env->memory, tcb, sizeof(*tcb));
}

void tcb_enter(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;
    struct tcp_ends ends = tcp_ends_of(&tcb->local, &tcb->remote);

    hash_table_insert(&tcp->connections, tcp->env->memory, &tcb->node,
                      hash_of(tcp, &ends));
    list_append(&tcp->all, &tcb->all_node);
}

void tcb_release(struct tcb *tcb)
{
    tcb->owner = NULL;
    count_unfinished(tcb);
    reap_if_nobodys(tcb);
}

void tcb_reap(struct tcp *tcp)
{
    struct list *node;

    while ((node = list_pop(&tcp->reaped)) != NULL) {
        struct tcb *tcb = container_of(node, struct tcb, end_node);

        rcvbuf_fini(&tcb->rcvbuf, tcp->env->memory);
        tcp_extra_free(tcb);
        list_remove(&tcb->all_node);
        tcp->connection_count--;
        memory_free(tcp->env->memory, tcb, sizeof(*tcb));
    }
}

void tcb_fail(struct tcb *tcb, int error)
{
    fast_open_failed(tcb, error);
    tcb->error = error;
    tcb_close(tcb);
    tcb_notify(tcb);
}

void tcb_notify(struct tcb *tcb)
{
    if (tcb->owner != NULL)
        tcb->tcp->notify(tcb->tcp->notify_context, tcb->owner);
}

void tcb_mark_output(struct tcb *tcb)
{
    if (!list_is_linked(&tcb->output_node) && tcb->state != TCPS_CLOSED)
        list_append(&tcb->tcp->output, &tcb->output_node);
}

static void trace_ack_now(const struct tcb *tcb)
{
    struct trace_event event;

    if (!env_is_traced(tcb->tcp->env))
        return;
    event = tcb_event(tcb, TRACE_ACK);
    event.due = tcb->tcp->env->now;
    event.text = "at once";
    env_trace(tcb->tcp->env, &event);
}

void tcb_ack_now(struct tcb *tcb)
{
    if (!tcb->ack_now)
        trace_ack_now(tcb);
    tcb->ack_now = true;
    tcb_mark_output(tcb);
}

static bool find_path(const struct tcb *tcb, struct ip_path *path)
{
    return ip_path(tcb->tcp->ip, &tcb->remote.addr, &tcb->local.addr,
                   tcb->local.scope, path) == 0;
}

unsigned tcb_path_mtu(const struct tcb *tcb)
{
    struct ip_path path;
    unsigned mtu = TCP_IP_HEADERS + DEFAULT_MSS;

    if (find_path(tcb, &path))
        mtu = path.mtu;
    if (tcb->path_mtu.reduced != 0)
        mtu = min_u32(mtu, tcb->path_mtu.reduced);
    return mtu;
}

unsigned tcb_link_mtu(const struct tcb *tcb)
{
    struct ip_path path;

    return find_path(tcb, &path) ? path.iface->mtu
                                 : TCP_IP_HEADERS + DEFAULT_MSS;
}

void tcb_update_mss(struct tcb *tcb, unsigned mtu)
{
    /* RFC 9293 3.7.1: Eff.snd.MSS = min(SendMSS + 20, MMS_S) - headers */
    uint32_t mss = min_u32(tcb->peer_mss, mtu - TCP_IP_HEADERS);
    uint32_t floor = min_u32(tcb->tcp->config.min_send_mss, DEFAULT_MSS);

    if (tcb->user_mss != 0)
        mss = min_u32(mss, tcb->user_mss);
    mss = max_u32(mss, max_u32(floor, MSS_FLOOR));
    if (tcb->has_timestamps) /* in every segment: RFC 6691 2 */
        mss -= 2 + TCP_OPTION_TIMESTAMPS_LEN;
    tcb->snd_mss = (uint16_t)mss;
}

uint32_t tcb_timestamp(const struct tcb *tcb)
{
    return tcp_clock(tcb->tcp) + tcb->ts_offset;
}

void tcb_check(const struct tcb *tcb)
{
    if (tcb->state == TCPS_CLOSED || tcb->state == TCPS_LISTEN)
        return;
    assert(seq_leq(tcb->snd_una, tcb->snd_nxt));
    if (tcb_is_synchronized(tcb)) {
        assert(seq_leq(tcb->sndbuf.start, tcb->snd_una));
        assert(seq_leq(tcb->snd_nxt,
                       tcb_fin_seq(tcb) + (tcb->fin_is_queued ? 1 : 0)));
    }
    if (tcb->state != TCPS_TIME_WAIT && tcb_flight_size(tcb) > 0 &&
        !list_is_linked(&tcb->output_node))
        assert(tcp_timer_is_set(tcb, TCP_TIMER_RETRANSMIT) ||
               tcp_timer_is_set(tcb, TCP_TIMER_PROBE));
    if (tcb_is_synchronized(tcb) && tcb->state != TCPS_TIME_WAIT &&
        tcb_flight_size(tcb) == 0 && tcb_unsent(tcb) > 0 &&
        !list_is_linked(&tcb->output_node)) /* persist, or its time */
        assert(tcp_timer_is_set(tcb, TCP_TIMER_RETRANSMIT) ||
               tcp_timer_is_set(tcb, TCP_TIMER_PACING) ||
               tcp_timer_is_set(tcb, TCP_TIMER_CONGESTED));
}
