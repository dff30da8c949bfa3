/*
 * The life of a half-open connection: it begins with a SYN, sends its SYN,ACK
 * again (RFC 6298 5, RFC 9293 3.8.3), and becomes a TCB or ends.
 *
 * Whatever it sends is sent by a TCB that lives for one segment on the C
 * stack, unfolded from the record: so there is one place where segments and
 * options are made, tcp_output.c, and one where a SYN is understood,
 * tcp_take_syn. It is sent at once and not by the flush, as a record has no
 * place among those that are marked.
 */
#include "tcp/tcp_half_open.h"

#include "tcp/tcp_defer.h"
#include "tcp/tcp_fast_open.h"
#include "tcp/tcp_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_steps.h"
#include "tcp/tcp_syn_cookie.h"
#include "tcp/tcp_time_wait.h"

static struct tcp *tcp_of(const struct half_open *half)
{
    return half->listener->tcp;
}

static size_t size_of(const struct half_open *half)
{
    return offsetof(struct half_open, ends.addrs) +
           tcp_ends_kept_addrs_len(&half->ends);
}

static struct endpoint local_of(const struct half_open *half)
{
    struct tcp_ends ends = tcp_ends_of_kept(&half->ends);

    return tcp_ends_local(&ends);
}

static struct endpoint remote_of(const struct half_open *half)
{
    struct tcp_ends ends = tcp_ends_of_kept(&half->ends);

    return tcp_ends_remote(&ends);
}

static void trace_state(const struct half_open *half, enum tcp_state from,
                        enum tcp_state to)
{
    struct trace_event event = {
        .kind = TRACE_STATE,
        .layer = TRACE_TCP,
        .from = tcp_state_name(from),
        .text = tcp_state_name(to),
        .state = tcp_state_name(to),
        .local = local_of(half),
        .remote = remote_of(half),
        .connection = half->number,
    };

    env_trace(tcp_of(half)->env, &event);
}

static void trace_timer(const struct half_open *half)
{
    struct trace_event event = {
        .kind = TRACE_TIMER,
        .layer = TRACE_TCP,
        .text = "SYN retransmission",
        .state = tcp_state_name(TCPS_SYN_RECEIVED),
        .local = local_of(half),
        .remote = remote_of(half),
        .connection = half->number,
    };

    env_trace(tcp_of(half)->env, &event);
}

/* ---- From TCB to record and back --------------------------------------- */

/* What `tcb` has learnt from the SYN that it has taken. */
static void fold(struct half_open *half, const struct tcb *tcb)
{
    half->irs = tcb->irs;
    half->iss = tcb->iss;
    half->mss = tcb->peer_mss;
    half->snd_wnd = (uint16_t)tcb->snd_wnd;
    half->ts_recent = tcb->ts_recent;
    half->has_timestamps = tcb->has_timestamps;
    half->has_window_scale = tcb->has_window_scale;
    half->snd_wscale = (unsigned)tcb->snd_wscale & 0xf;
    half->rcv_wscale = (unsigned)tcb->rcv_wscale & 0xf;
    half->sack_permitted = tcb->has_sack;
    half->ecn = tcb->ecn.is_agreed;
}

/* The SYN once more, as far as it matters. */
static struct tcp_segment syn_of(const struct half_open *half)
{
    bool is_setup = half->ecn && !half->ecn_was_taken_back;

    return (struct tcp_segment){
        .src_port = half->ends.remote_port,
        .dst_port = half->ends.local_port,
        .seq = half->irs,
        .flags = is_setup ? SEG_SYN | SEG_ECE | SEG_CWR : SEG_SYN,
        .wnd = half->snd_wnd,
        .len = 1,
        .options =
            {
                .has_mss = true,
                .mss = half->mss,
                .has_window_scale = half->has_window_scale,
                .window_scale = half->snd_wscale,
                .has_timestamps = half->has_timestamps,
                .ts_val = half->ts_recent,
                .sack_permitted = half->sack_permitted,
            },
    };
}

/* `tcb` has the ends, and what a listener's children have from it. */
static void begin_tcb(struct tcb *tcb, const struct half_open *half)
{
    tcp_inherit(tcb, half->listener);
    tcb->number = half->number;
    tcb->local = local_of(half);
    tcb->remote = remote_of(half);
    tcb->state = TCPS_SYN_RECEIVED;
    tcp_choose(tcb);
}

/* As it was when the SYN,ACK was sent. */
static void unfold(const struct half_open *half, struct tcb *tcb)
{
    struct tcp_segment syn = syn_of(half);

    begin_tcb(tcb, half);
    tcp_begin_at(tcb, half->iss);
    tcp_take_syn(tcb, &syn);
    tcb->ecn.is_agreed = half->ecn; /* the SYN,ACK may have said so */
    if (half->has_window_scale)
        tcb->rcv_wscale = half->rcv_wscale; /* the listener's buffer may have
                                               been set anew since */
    tcb->snd_nxt = tcb->iss + 1;
}

/* A TCB that nobody but the caller knows. */
static void unfold_for_a_segment(const struct half_open *half, struct tcb *tcb)
{
    tcb_init(tcb, tcp_of(half));
    unfold(half, tcb);
    tcb->retries = half->retries;
}

/* ---- In the tables ------------------------------------------------------ */

static uint32_t hash_of(const struct tcp *tcp, const struct tcp_ends *ends)
{
    return (uint32_t)tcp_ends_table_hash(ends, &tcp->key);
}

struct half_open *half_open_find(struct tcp *tcp, const struct tcp_ends *ends)
{
    struct hash_node *node;

    if (tcp->half_open.entry_count == 0)
        return NULL;
    node = hash_table_first(&tcp->half_open, hash_of(tcp, ends));
    for (; node != NULL; node = hash_table_next(node)) {
        struct half_open *half = container_of(node, struct half_open, node);

        if (tcp_ends_are_kept(&half->ends, ends))
            return half;
    }
    return NULL;
}

/* How long to wait for an answer to the SYN,ACK, RFC 6298 5.5. */
static usec rto_of(const struct half_open *half)
{
    const struct tcp_config *config = &tcp_of(half)->config;
    usec rto = config->rto_initial;

    for (unsigned i = 0; i < min_u32(half->retries, HALF_OPEN_QUEUES - 1) &&
                         rto < config->rto_max;
         i++)
        rto *= 2;
    return usec_max(usec_min(rto, config->rto_max), 1);
}

/*
 * One for each number of retries: who has retried as often waits as long, so
 * each queue is in the order of deadlines by itself, and one timer will do.
 * Who has retried more often than there are queues waits no longer.
 */
static void arm(struct tcp *tcp, usec deadline)
{
    struct timer *timer = &tcp->half_open_timer;

    if (!timer_is_armed(timer) || deadline < timer->deadline)
        timer_arm(&tcp->env->timers, timer, deadline);
}

static void enqueue(struct half_open *half)
{
    struct tcp *tcp = tcp_of(half);
    uint32_t which = min_u32(half->retries, HALF_OPEN_QUEUES - 1);

    list_remove(&half->queue_node);
    half->deadline = tcp->env->now + rto_of(half);
    list_append(&tcp->half_open_queues[which], &half->queue_node);
    arm(tcp, half->deadline);
}

static void insert(struct half_open *half)
{
    struct tcp *tcp = tcp_of(half);
    struct tcp_ends ends = tcp_ends_of_kept(&half->ends);

    half->is_recorded = true;
    list_init(&half->queue_node);
    hash_table_insert(&tcp->half_open, tcp->env->memory, &half->node,
                      hash_of(tcp, &ends));
    list_append(&half->listener->half_open, &half->listener_node);
    half->listener->half_open_count++;
    enqueue(half);
}

/* The record goes; the connection may go on. */
static void half_open_remove(struct half_open *half)
{
    struct tcp *tcp = tcp_of(half);

    if (!half->is_recorded)
        return;
    hash_table_remove(&tcp->half_open, &half->node);
    list_remove(&half->queue_node);
    list_remove(&half->listener_node);
    half->listener->half_open_count--;
    memory_free(tcp->env->memory, half, size_of(half));
}

/* ---- What it sends ------------------------------------------------------ */

/* Nothing is touched after the sending: it may come back as an error. */
void half_open_send_syn_ack(struct half_open *half)
{
    struct tcb tcb;

    unfold_for_a_segment(half, &tcb);
    tcb.listener = half->listener;
    tcb.gives_cookie = half->gives_cookie;
    half->gives_cookie = false; /* RFC 7413 4.2.1: not when it is sent again */
    tcp_send_syn(&tcb);
}

void half_open_send_ack(const struct half_open *half)
{
    struct tcb tcb;

    unfold_for_a_segment(half, &tcb);
    tcp_send_ack(&tcb);
}

/* ---- Its end ------------------------------------------------------------ */

void half_open_discard(struct half_open *half)
{
    trace_state(half, TCPS_SYN_RECEIVED, TCPS_CLOSED);
    half_open_remove(half);
}

void half_open_fail(struct half_open *half)
{
    tcp_of(half)->stats.attempt_fails++;
    half_open_discard(half);
}

static void reset(struct half_open *half)
{
    struct tcb tcb;

    unfold_for_a_segment(half, &tcb);
    half_open_discard(half);
    tcp_send_reset(&tcb);
}

static struct half_open *first_of(const struct tcb *listener)
{
    return list_is_empty(&listener->half_open)
               ? NULL
               : container_of(listener->half_open.next, struct half_open,
                              listener_node);
}

void half_open_abandon(struct tcb *listener)
{
    struct half_open *half;

    while ((half = first_of(listener)) != NULL)
        reset(half);
}

void half_open_forget(struct tcb *listener)
{
    struct half_open *half;

    while ((half = first_of(listener)) != NULL)
        half_open_remove(half);
}

/* ---- The SYN,ACK's timer ------------------------------------------------ */

static struct half_open *first_in(const struct list *queue)
{
    return list_is_empty(queue)
               ? NULL
               : container_of(queue->next, struct half_open, queue_node);
}

static void syn_ack_timed_out(struct half_open *half)
{
    struct tcp *tcp = tcp_of(half);

    trace_timer(half);
    if (half->retries >= defer_synack_retries(half)) {
        half_open_fail(half);
        return;
    }
    if (defer_is_waiting(half)) {
        half->retries++;
        enqueue(half);
        return;
    }
    half->retries++;
    half->challenges = 0;
    half->was_resent = true;
    tcp->stats.retrans_segs++;
    enqueue(half);
    half_open_send_syn_ack(half);
}

static void timer_fired(struct timer *timer)
{
    struct tcp *tcp = container_of(timer, struct tcp, half_open_timer);

    for (unsigned i = 0; i < HALF_OPEN_QUEUES; i++) {
        struct list *queue = &tcp->half_open_queues[i];
        struct half_open *half;

        while ((half = first_in(queue)) != NULL &&
               half->deadline <= tcp->env->now)
            syn_ack_timed_out(half);
        if (half != NULL)
            arm(tcp, half->deadline);
    }
}

/* ---- It becomes a connection -------------------------------------------- */

/* An RTT without timestamps: by the SYN,ACK, if it went but once (Karn). When
 * a cookie was sent is not known. */
static void time_the_handshake(const struct half_open *half, struct tcb *tcb)
{
    tcb->syn_resends = half->retries;
    if (half->was_resent || half->is_deferred || !half->is_recorded)
        return;
    rtt_start_timing(tcb);
    tcb->rtt_start = half->deadline - rto_of(half);
}

static void count_opening(const struct half_open *half)
{
    tcp_of(half)->stats.passive_opens++;
    trace_state(half, TCPS_LISTEN, TCPS_SYN_RECEIVED);
}

struct tcb *half_open_become_tcb(struct half_open *half)
{
    struct tcb *listener = half->listener;
    struct tcb *tcb = tcb_create_numbered(listener->tcp, NULL, half->number);
    int connected;

    if (tcb == NULL)
        return NULL;
    unfold(half, tcb);
    if (!half->is_recorded)
        count_opening(half);
    time_the_handshake(half, tcb);
    half_open_remove(half);
    connected = tcb_connect_ends(tcb, &tcb->local, &tcb->remote);
    assert(connected == 0); /* the ends were the record's */
    (void)connected;
    tcp_port_share(tcb, listener->port);
    tcb->listener = listener;
    tcb->counts.segments_in = 1; /* the SYN; as Linux, its answer is no count */
    return tcb;
}

/* ---- Its beginning ------------------------------------------------------ */

/* What is to be known of the SYN, and our ISS; `least_iss` may be NULL. */
static void take_syn(struct half_open *half, const struct tcp_segment *seg,
                     const tcp_seq *least_iss)
{
    struct tcb tcb;

    tcb_init(&tcb, tcp_of(half));
    begin_tcb(&tcb, half);
    if (least_iss != NULL)
        tcp_begin_at(&tcb, seq_max(tcb.iss, *least_iss));
    tcp_take_syn(&tcb, seg);
    fold(half, &tcb);
}

/* ---- Without a record: SYN cookies -------------------------------------- */

static struct syn_cookie cookie_for(const struct half_open *half)
{
    return (struct syn_cookie){
        .mss = half->mss,
        .window_scale = half->snd_wscale,
        .has_timestamps = half->has_timestamps,
        .has_window_scale = half->has_window_scale && half->has_timestamps,
        .sack_permitted = half->sack_permitted && half->has_timestamps,
        .ecn = half->ecn && half->has_timestamps,
    };
}

/* What the cookie does not bring back is not agreed to either. */
static void take_cookie(struct half_open *half, const struct syn_cookie *cookie)
{
    half->mss = cookie->mss;
    half->has_window_scale = cookie->has_window_scale;
    half->snd_wscale = (unsigned)cookie->window_scale & 0xf;
    half->sack_permitted = cookie->sack_permitted;
    half->ecn = cookie->ecn;
}

/* The record is gone when this returns: all is in the SYN,ACK. */
static void send_cookie(struct tcb *listener, const struct tcp_ends *ends,
                        const struct tcp_segment *seg)
{
    struct tcp *tcp = listener->tcp;
    struct half_open half = {.listener = listener};
    struct syn_cookie cookie;
    struct tcb tcb;

    tcp_ends_keep(&half.ends, ends);
    take_syn(&half, seg, NULL);
    cookie = cookie_for(&half);
    take_cookie(&half, &cookie);
    half.iss = syn_cookie_iss(&tcp->cookie_key, ends, half.irs, tcp->env->now,
                              &cookie);
    unfold_for_a_segment(&half, &tcb);
    tcb.ts_offset += syn_cookie_timestamp(tcb_timestamp(&tcb), &cookie) -
                     tcb_timestamp(&tcb);
    tcp->cookies_until = tcp->env->now + SYN_COOKIE_LIFE;
    tcp->stats.syn_cookies_sent++;
    tcp_send_syn(&tcb);
}

/* The SYN, so far as the ACK tells of it. */
static void take_ack(struct half_open *half, const struct tcp_segment *seg)
{
    half->irs = seg->seq - 1;
    half->iss = seg->ack - 1;
    half->has_timestamps =
        tcp_of(half)->config.timestamps && seg->options.has_timestamps;
    half->ts_recent = seg->options.ts_val;
}

bool half_open_from_cookie(struct tcb *listener, const struct ip_packet *packet,
                           const struct tcp_segment *seg,
                           struct half_open *half)
{
    struct tcp *tcp = listener->tcp;
    struct tcp_ends ends = tcp_ends_of_segment(packet, seg);
    struct tcp_segment syn;
    struct syn_cookie cookie;

    if ((seg->flags & SEG_SYN) || tcp->env->now >= tcp->cookies_until)
        return false;
    *half = (struct half_open){.listener = listener};
    ends.scope = (uint16_t)listener->local.scope;
    tcp_ends_keep(&half->ends, &ends);
    take_ack(half, seg);
    cookie.has_timestamps = half->has_timestamps;
    if (!syn_cookie_read(&tcp->cookie_key, &ends, half->irs, tcp->env->now,
                         half->iss, seg->options.ts_ecr, &cookie)) {
        tcp->stats.syn_cookies_failed++;
        return false;
    }
    take_cookie(half, &cookie);
    syn = syn_of(half);
    take_syn(half, &syn, NULL); /* and so our scale, too */
    half->iss = seg->ack - 1;
    half->number = ++tcp->next_connection;
    tcp->stats.syn_cookies_received++;
    return true;
}

/* ---- A SYN has come ------------------------------------------------------ */

/* RFC 9293 3.6.1: the new ISS must lie above what the old connection used. */
static void take_syn_of_new(struct half_open *half,
                            const struct tcp_segment *seg,
                            struct time_wait *time_wait)
{
    tcp_seq least_iss;

    if (time_wait == NULL) {
        take_syn(half, seg, NULL);
    } else {
        least_iss = time_wait->snd_nxt + UINT16_MAX;
        take_syn(half, seg, &least_iss);
        time_wait_end(tcp_of(half), time_wait);
    }
}

/* RFC 7413 4.2.2: a TCB at once, in place of the record; or only a cookie. */
static bool open_fast(struct half_open *half, const struct tcp_segment *seg)
{
    struct tcp_ends ends = tcp_ends_of_kept(&half->ends);
    struct fast_open_verdict verdict =
        fast_open_judge(half->listener, &ends, seg);
    struct tcb *tcb;

    half->gives_cookie = verdict.gives_cookie;
    if (verdict.request == NULL)
        return false;
    tcb = half_open_become_tcb(half);
    if (tcb == NULL)
        fast_open_cancel(tcp_of(half), verdict.request);
    else
        fast_open_begin(tcb, seg, verdict);
    return tcb != NULL;
}

static void record(struct half_open *half)
{
    insert(half);
    count_opening(half);
    half_open_send_syn_ack(half);
}

static struct half_open *create(struct tcb *listener,
                                const struct tcp_ends *ends)
{
    struct tcp *tcp = listener->tcp;
    struct half_open *half = NULL;

    /* asked now: whoever was answered is not turned away later */
    if (tcp_memory_admits_connection(tcp))
        half = memory_alloc(tcp->env->memory,
                            offsetof(struct half_open, ends.addrs) +
                                tcp_ends_addrs_len(ends));
    if (half == NULL)
        return NULL;
    half->listener = listener;
    half->number = ++tcp->next_connection;
    tcp_ends_keep(&half->ends, ends);
    return half;
}

void half_open_begin(struct tcb *listener, const struct ip_packet *packet,
                     const struct tcp_segment *seg)
{
    struct tcp *tcp = listener->tcp;
    struct tcp_ends ends = tcp_ends_of_segment(packet, seg);
    /* it gives way: tcp_input has seen that it may */
    struct time_wait *time_wait = time_wait_find(tcp, &ends);
    struct half_open *half;
    /* an ISS above the old one cannot be a cookie, and no flood gets here */
    bool is_full = listener->half_open_count >= tcp->config.max_half_open &&
                   time_wait == NULL;

    ends.scope = (uint16_t)listener->local.scope;
    if (!tcp_has_backlog(listener) || (is_full && !tcp->config.syn_cookies)) {
        drop_segment(listener, seg, DROP_TCP_BACKLOG_FULL);
    } else if (is_full) {
        send_cookie(listener, &ends, seg);
    } else {
        half = create(listener, &ends);
        if (half == NULL) {
            drop_segment(listener, seg, DROP_TCP_NO_BUFFER);
            return;
        }
        take_syn_of_new(half, seg, time_wait);
        if (open_fast(half, seg))
            memory_free(tcp->env->memory, half, size_of(half));
        else
            record(half);
    }
}

/* ---- All of them -------------------------------------------------------- */

int half_open_init(struct tcp *tcp)
{
    timer_init(&tcp->half_open_timer, timer_fired);
    for (unsigned i = 0; i < HALF_OPEN_QUEUES; i++)
        list_init(&tcp->half_open_queues[i]);
    return hash_table_init(&tcp->half_open, tcp->env->memory);
}

void half_open_fini(struct tcp *tcp)
{
    timer_disarm(&tcp->env->timers, &tcp->half_open_timer);
    hash_table_fini(&tcp->half_open, tcp->env->memory);
}
