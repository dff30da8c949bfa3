#include "tcp/tcp_fast_open.h"

#include "tcp/tcp_open.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_steps.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_tlp.h"

#include <errno.h>

/* RFC 7413 5.1: so long a request that was reset counts as pending; as Linux */
#define RESET_HOLD (60 * USEC_PER_SEC)

/* Between SYN and ACK it is the TCB's, afterwards, if that was reset, it goes
 * on counting in `resets`. */
struct fast_open_request {
    struct list node;                /* in one of the server's lists */
    struct fast_open_server *server; /* NULL: the listener has ended */
    usec until;
};

/* Of a listener. */
struct fast_open_server {
    struct list pending;
    struct list resets;         /* the oldest first */
    uint32_t count;             /* PendingFastOpenRequests, RFC 7413 4.2 */
    struct fast_open_keys keys; /* its own, if it has a current one */
};

static bool is_on(const struct tcb *tcb, enum tcp_fast_open_bit bit)
{
    return (tcb->tcp->config.fast_open & bit) != 0;
}

/* ---- Server: its requests ------------------------------------------------ */

/* FastOpenEnabled, and how many may be pending; 0: it is off. */
static uint32_t limit_of(const struct tcb *listener)
{
    if (!is_on(listener, TCP_FAST_OPEN_SERVER))
        return 0;
    if (listener->settings.fast_open != 0)
        return listener->settings.fast_open;
    return is_on(listener, TCP_FAST_OPEN_ALL_LISTENERS) ? listener->backlog : 0;
}

static struct fast_open_server *server_of(struct tcb *listener)
{
    struct fast_open_server *server = listener->fast_open_server;

    if (server == NULL) {
        server = memory_alloc(listener->tcp->env->memory, sizeof(*server));
        if (server == NULL)
            return NULL;
        list_init(&server->pending);
        list_init(&server->resets);
        listener->fast_open_server = server;
    }
    return server;
}

static void release(struct tcp *tcp, struct fast_open_request *request)
{
    if (request->server != NULL)
        request->server->count--;
    list_remove(&request->node);
    memory_free(tcp->env->memory, request, sizeof(*request));
}

static struct fast_open_request *first_of(struct list *requests)
{
    return list_is_empty(requests)
               ? NULL
               : container_of(requests->next, struct fast_open_request, node);
}

static void forget_old_resets(struct tcp *tcp, struct fast_open_server *server)
{
    struct fast_open_request *oldest;

    while ((oldest = first_of(&server->resets)) != NULL &&
           oldest->until <= tcp->env->now)
        release(tcp, oldest);
}

static bool has_room(struct tcb *listener)
{
    struct fast_open_server *server = listener->fast_open_server;

    if (server == NULL)
        return true;
    forget_old_resets(listener->tcp, server);
    return server->count < limit_of(listener);
}

static struct fast_open_request *reserve(struct tcb *listener)
{
    struct fast_open_server *server = server_of(listener);
    struct fast_open_request *request = NULL;

    if (server != NULL)
        request = memory_alloc(listener->tcp->env->memory, sizeof(*request));
    if (request == NULL)
        return NULL;
    request->server = server;
    list_init(&request->node);
    list_append(&server->pending, &request->node);
    server->count++;
    return request;
}

void fast_open_cancel(struct tcp *tcp, struct fast_open_request *request)
{
    release(tcp, request);
}

/* The listener ends; its children may go on. */
static void forget_requests(struct tcp *tcp, struct fast_open_server *server)
{
    struct fast_open_request *request;

    while ((request = first_of(&server->resets)) != NULL)
        release(tcp, request);
    while ((request = first_of(&server->pending)) != NULL) {
        request->server = NULL;
        list_remove(&request->node);
    }
    server->count = 0;
}

static void end_server(struct tcb *listener)
{
    struct fast_open_server *server = listener->fast_open_server;

    forget_requests(listener->tcp, server);
    memory_free(listener->tcp->env->memory, server, sizeof(*server));
    listener->fast_open_server = NULL;
}

/* ---- Server: a SYN ------------------------------------------------------- */

static const struct fast_open_keys *keys_of(struct tcb *listener)
{
    struct tcp *tcp = listener->tcp;
    struct fast_open_server *server = listener->fast_open_server;

    if (server != NULL && server->keys.has_current)
        return &server->keys;
    fast_open_keys_roll(&tcp->fast_open_keys, tcp->env,
                        tcp->config.fast_open_key_life);
    return &tcp->fast_open_keys;
}

/* Step 3. A cookie that is wrong gets a good one in return (4.1.2). */
static struct fast_open_verdict judge_cookie(struct tcb *listener,
                                             const struct tcp_ends *ends,
                                             const struct tcp_segment *syn)
{
    const struct fast_open_cookie *cookie = &syn->options.fast_open;
    struct tcp_stats *stats = &listener->tcp->stats;
    struct fast_open_verdict verdict = {.gives_cookie = true};
    enum fast_open_validity validity;

    if (cookie->len == 0) {
        stats->fast_open_cookies_asked++;
        return verdict;
    }
    validity = fast_open_cookie_check(keys_of(listener), &ends->remote,
                                      &ends->local, cookie);
    if (validity == FAST_OPEN_COOKIE_WRONG) {
        stats->fast_open_passive_fails++;
        return verdict;
    }
    verdict.gives_cookie = validity == FAST_OPEN_COOKIE_OF_PREVIOUS;
    verdict.request = reserve(listener);
    return verdict;
}

struct fast_open_verdict fast_open_judge(struct tcb *listener,
                                         const struct tcp_ends *ends,
                                         const struct tcp_segment *syn)
{
    struct fast_open_verdict verdict = {.request = NULL};
    bool needs_no_cookie = listener->settings.fast_open_no_cookie ||
                           is_on(listener, TCP_FAST_OPEN_SERVER_NO_COOKIE);

    if (limit_of(listener) == 0 || (syn->flags & SEG_FIN) ||
        (syn->text_len == 0 && !syn->options.has_fast_open)) /* step 1 */
        return verdict;
    if (!has_room(listener)) { /* step 2 */
        listener->tcp->stats.fast_open_overflows++;
        return verdict;
    }
    if (needs_no_cookie) /* RFC 7413 7.3 */
        verdict.request = reserve(listener);
    else if (syn->options.has_fast_open)
        verdict = judge_cookie(listener, ends, syn);
    return verdict;
}

/* The SYN,ACK will acknowledge it. */
static void take_text(struct tcb *tcb, const struct tcp_segment *syn)
{
    struct tcp_segment seg = *syn;

    process_after_syn(tcb, &seg);
    tcb->ack_now = false;
    tcp_timer_clear(tcb, TCP_TIMER_DELAYED_ACK);
    tcb->syn_text_was_taken = tcb->rcv_nxt != tcb->irs + 1;
}

void fast_open_begin(struct tcb *tcb, const struct tcp_segment *syn,
                     struct fast_open_verdict verdict)
{
    tcb->fast_open = verdict.request;
    tcb->was_fast_opened = true;
    tcb->gives_cookie = verdict.gives_cookie;
    tcp_begin_at(tcb, tcb->iss); /* nothing has been sent yet */
    tcb->cc->init(tcb);          /* step 6 */
    info_segment_in(tcb, syn);
    take_text(tcb, syn); /* step 4 */
    tcb->tcp->stats.fast_open_passive++;
    tcp_queue_for_accept(tcb);
    tcb_mark_output(tcb); /* step 5 */
}

/* ---- Server: afterwards -------------------------------------------------- */

/* What was sent meanwhile is in flight like any other from now on. */
void fast_open_completed(struct tcb *tcb)
{
    if (tcb->fast_open == NULL)
        return;
    release(tcb->tcp, tcb->fast_open);
    tcb->fast_open = NULL;
    if (tcb_flight_size(tcb) == 0)
        return;
    tcp_timer_restart_retransmit(tcb);
    tlp_schedule(tcb);
}

/* RFC 7413 5.1: whose name was taken answers with RST; a flood of these must
 * not be faster for that. */
static void hold_reset(struct tcb *tcb)
{
    struct fast_open_request *request = tcb->fast_open;

    if (request->server == NULL)
        return;
    list_remove(&request->node);
    request->until = tcb->tcp->env->now + RESET_HOLD;
    list_append(&request->server->resets, &request->node);
    tcb->fast_open = NULL;
}

/* ---- Client: the SYN ----------------------------------------------------- */

static struct fast_open_memory what_is_known(const struct tcb *tcb)
{
    return fast_open_cache_find(&tcb->tcp->fast_open_cache, &tcb->local,
                                &tcb->remote);
}

static bool needs_no_cookie(const struct tcb *tcb)
{
    return tcb->settings.fast_open_no_cookie ||
           is_on(tcb, TCP_FAST_OPEN_CLIENT_NO_COOKIE);
}

static bool may_send_text(const struct tcb *tcb,
                          const struct fast_open_memory *known)
{
    return !known->is_paused && (known->cookie.len > 0 || needs_no_cookie(tcb));
}

/* RFC 7413 4.2.2 (1b): what the server's MSS and the path allow. As Linux,
 * less all that options can take, whatever a middlebox adds to them. */
uint32_t fast_open_room(const struct tcb *tcb)
{
    struct fast_open_memory known = what_is_known(tcb);
    uint32_t mss = tcb_path_mtu(tcb) - IP_HEADER_LEN - TCP_HEADER_LEN;

    if (!may_send_text(tcb, &known))
        return 0;
    if (known.mss != 0)
        mss = min_u32(mss, known.mss);
    if (tcb->user_mss != 0)
        mss = min_u32(mss, tcb->user_mss);
    return mss > TCP_OPTIONS_MAX ? mss - TCP_OPTIONS_MAX : 0;
}

static void add_text(struct tcb *tcb, struct tcp_segment *seg,
                     struct frame *frame)
{
    uint32_t len = min_u32(tcb_unsent(tcb), fast_open_room(tcb));
    struct bytes pieces[FRAME_SLICES];
    unsigned count;

    len = sndbuf_reach(&tcb->sndbuf, tcb->snd_nxt, len);
    if (len == 0 || !scoreboard_reserve(&tcb->board, tcb->tcp->env->memory))
        return;
    count = sndbuf_slices(&tcb->sndbuf, tcb->snd_nxt, len, pieces);
    for (unsigned i = 0; i < count; i++)
        frame_add_slice(frame, pieces[i]);
    seg->text_len = len;
    seg->len += len;
    recovery_sent(tcb, tcb->snd_nxt, len);
    tcb->snd_nxt += len; /* (2) */
    tcb->last_sent = tcb->tcp->env->now;
    tcb->syn_has_text = true;
}

/* RFC 7413 4.2.1 (1), 4.2.2 "Client: Sending SYN" */
static void stamp_syn(struct tcb *tcb, struct tcp_segment *seg,
                      struct frame *frame)
{
    struct fast_open_memory known = what_is_known(tcb);
    bool asks = known.cookie.len == 0;

    if (asks && !needs_no_cookie(tcb))
        tcb->fast_open_fail = TCP_FAST_OPEN_NO_COOKIE;
    if (known.is_paused)
        return;
    if (!needs_no_cookie(tcb)) {
        seg->options.has_fast_open = true;
        seg->options.fast_open = known.cookie;
        tcb->fast_open_asks = asks;
    }
    if (may_send_text(tcb, &known))
        add_text(tcb, seg, frame);
    tcb->fast_open_tried = true;
}

static void stamp_syn_ack(struct tcb *tcb, struct tcp_segment *seg)
{
    struct tcb *listener = tcb->listener;

    if (listener == NULL) /* it has ended */
        return;
    seg->options.has_fast_open = true;
    seg->options.fast_open = fast_open_cookie_make(
        keys_of(listener), &tcb->remote.addr, &tcb->local.addr);
}

void fast_open_stamp(struct tcb *tcb, struct tcp_segment *seg,
                     struct frame *frame)
{
    if (tcb->fast_open_wanted && tcb->state == TCPS_SYN_SENT)
        stamp_syn(tcb, seg, frame);
    if (tcb->gives_cookie)
        stamp_syn_ack(tcb, seg);
    tcb->fast_open_wanted = false;
    tcb->gives_cookie = false;
}

/* ---- Client: the answer -------------------------------------------------- */

static void remember_failure(struct tcb *tcb)
{
    fast_open_cache_failed(&tcb->tcp->fast_open_cache, &tcb->local,
                           &tcb->remote);
}

/*
 * RFC 7413 4.1.3.1, negative responses: the text was not acknowledged, or the
 * request for a cookie not answered; be it that the server would not, or that
 * the SYN was lost on its way, which is seen by its having been sent again
 * (4.2.2). A new cookie in place of the acknowledgment is none: the old one has
 * expired.
 */
static void learn(struct tcb *tcb, const struct tcp_segment *seg)
{
    struct fast_open_cache *cache = &tcb->tcp->fast_open_cache;
    bool has_cookie =
        seg->options.has_fast_open && seg->options.fast_open.len > 0;
    bool is_text_taken = seq_gt(seg->ack, tcb->iss + 1);

    fast_open_cache_learn(cache, &tcb->local, &tcb->remote,
                          has_cookie ? &seg->options.fast_open : NULL,
                          tcb->peer_mss);
    if (is_text_taken || has_cookie)
        fast_open_cache_worked(cache, &tcb->local, &tcb->remote);
    else if (tcb->syn_has_text || tcb->fast_open_asks || tcb->syn_resends > 0)
        remember_failure(tcb);
}

/* What was not acknowledged goes again, in the first ACK if it fits. */
static void settle_text(struct tcb *tcb, const struct tcp_segment *seg)
{
    struct tcp_stats *stats = &tcb->tcp->stats;
    struct delivery delivery = {.acked = 0};
    uint32_t acked = seg->ack - (tcb->iss + 1);

    tcb->syn_text_was_taken = acked > 0;
    if (acked > 0)
        stats->fast_open_active++;
    else
        stats->fast_open_active_fails++;
    if (acked == 0)
        tcb->fast_open_fail = tcb->syn_resends > 0
                                  ? TCP_FAST_OPEN_SYN_RESENT
                                  : TCP_FAST_OPEN_TEXT_NOT_ACKED;
    info_acked(tcb, acked);
    sndbuf_acknowledge(&tcb->sndbuf, seg->ack);
    scoreboard_acknowledge(&tcb->board, seg->ack, &delivery);
    info_delivered(tcb, seg, delivery.delivered);
    if (sndbuf_end(&tcb->sndbuf) == seg->ack)
        tcp_timer_buffer_is_empty(tcb);
    if (tcb_flight_size(tcb) > 0)
        recovery_nothing_was_taken(tcb);
}

void fast_open_answered(struct tcb *tcb, const struct tcp_segment *seg)
{
    if (tcb->fast_open_tried)
        learn(tcb, seg);
    if (tcb->syn_has_text)
        settle_text(tcb, seg);
}

/* No fault of Fast Open's. */
void fast_open_was_too_big(struct tcb *tcb)
{
    if (tcb->state != TCPS_SYN_SENT || !tcb->syn_has_text)
        return;
    tcb->fast_open_tried = false;
    tcb->resend_syn = true;
    tcb_mark_output(tcb);
}

/* ---- Both: the end ------------------------------------------------------- */

/* That a port refuses is no negative response; that nobody answers, or ICMP
 * does, is one (RFC 7413 4.1.3.1). */
void fast_open_failed(struct tcb *tcb, int error)
{
    if (tcb->fast_open != NULL && error == ECONNRESET)
        hold_reset(tcb);
    if (tcb->state == TCPS_SYN_SENT && tcb->fast_open_tried && error != 0 &&
        error != ECONNREFUSED)
        remember_failure(tcb);
}

void fast_open_ended(struct tcb *tcb)
{
    if (tcb->fast_open != NULL)
        release(tcb->tcp, tcb->fast_open);
    tcb->fast_open = NULL;
    if (tcb->fast_open_server != NULL)
        end_server(tcb);
}

/* ---- What a program sets ------------------------------------------------- */

bool tcp_may_open_fast(const struct tcb *tcb)
{
    return is_on(tcb, TCP_FAST_OPEN_CLIENT);
}

int tcp_set_fast_open_key(struct tcb *tcb, struct bytes key)
{
    struct fast_open_keys keys;
    struct fast_open_server *server;
    int error = fast_open_keys_set(&keys, key);

    if (error < 0)
        return error;
    server = server_of(tcb);
    if (server == NULL)
        return -ENOBUFS;
    server->keys = keys;
    return 0;
}

size_t tcp_fast_open_key(struct tcb *tcb,
                         uint8_t to[static 2 * FAST_OPEN_KEY_LEN])
{
    return fast_open_keys_get(keys_of(tcb), to);
}

/* Memory goes with it, so there is enough. */
void tcp_move_fast_open_key(struct tcb *to, struct tcb *from)
{
    to->fast_open_server = from->fast_open_server;
    from->fast_open_server = NULL;
    if (to->fast_open_server != NULL)
        forget_requests(to->tcp, to->fast_open_server);
}
