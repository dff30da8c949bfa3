/*
 * The user calls of RFC 9293 3.9.1 and 3.10.1 to 3.10.6: OPEN, SEND, RECEIVE,
 * CLOSE, ABORT, STATUS. None waits: what cannot be done now says -EAGAIN.
 */
#include "tcp/tcp_fast_open.h"
#include "tcp/tcp_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_timer.h"
#include "tcp/tcp_urgent.h"

#include <errno.h>
#include <netinet/in.h>

enum {
    USER_MSS_MIN = 88, /* as Linux */
    BUFFER_MIN = 4096,
    BUFFER_MAX = 1 << 29 /* RFC 7323 2.3: a window is below 2^30 */
};

struct tcb *tcp_create(struct tcp *tcp, void *owner)
{
    return tcb_create(tcp, owner);
}

/* ---- OPEN --------------------------------------------------------------- */

/* Linux: also to a group or broadcast, where nothing ever comes. */
bool tcp_may_bind_to(const struct tcb *tcb, const struct ip_addr *addr)
{
    const struct ip *ip = tcb->tcp->ip;

    return tcb->settings.free_bind || ip_addr_is_any(addr) ||
           ip_local_iface(ip, addr) != NULL || ip_is_broadcast(ip, addr) ||
           ip_addr_is_multicast(addr);
}

int tcp_bind(struct tcb *tcb, const struct endpoint *local)
{
    if (!tcp_may_bind_to(tcb, &local->addr))
        return -EADDRNOTAVAIL;
    if (tcb->state != TCPS_CLOSED || tcb->port != NULL)
        return -EINVAL;
    if (local->port == 0 && tcb->settings.bind_no_port) {
        tcb->local.addr = local->addr;
        return 0;
    }
    return tcp_port_bind(tcb, local);
}

int tcp_listen(struct tcb *tcb, unsigned backlog)
{
    struct endpoint any = {.addr = tcb->local.addr}; /* or as it was bound */

    if (tcb->state == TCPS_LISTEN) {
        tcb->backlog = backlog;
        return 0;
    }
    if (tcb->state != TCPS_CLOSED)
        return -EINVAL;
    if (tcb->port == NULL) {
        int result = tcp_port_bind(tcb, &any);

        if (result < 0)
            return result;
    }
    if (!tcp_port_can_listen(tcb))
        return -EADDRINUSE;
    tcb->backlog = backlog;
    tcb_set_state(tcb, TCPS_LISTEN);
    return 0;
}

static int check_connect(const struct tcb *tcb, const struct endpoint *remote)
{
    if (tcb->state == TCPS_SYN_SENT || tcb->state == TCPS_SYN_RECEIVED)
        return -EALREADY;
    if (tcb->state == TCPS_LISTEN)
        return -EINVAL;
    if (tcb->state != TCPS_CLOSED)
        return -EISCONN;
    /* MUST-57: only a single host can be the other end */
    if (ip_addr_is_multicast(&remote->addr) ||
        ip_is_broadcast(tcb->tcp->ip, &remote->addr))
        return -ENETUNREACH;
    return 0;
}

/* The address to speak from; a group that was bound to is none, as in UDP. */
static struct ip_addr source_of(const struct tcb *tcb)
{
    bool is_group = ip_addr_is_multicast(&tcb->local.addr) ||
                    ip_is_broadcast(tcb->tcp->ip, &tcb->local.addr);

    return is_group ? IP_ADDR_ANY_V4 : tcb->local.addr;
}

/* The local end: as it was bound, or by the route, with a port of its own. */
static int choose_local(struct tcb *tcb, const struct endpoint *remote,
                        struct endpoint *local)
{
    struct ip_path path;
    struct ip_addr src = source_of(tcb);
    int result =
        ip_path(tcb->tcp->ip, &remote->addr, &src, tcb->local.scope, &path);

    if (result == -EADDRNOTAVAIL) /* Linux: from there, no route is found */
        return -ENETUNREACH;
    if (result < 0)
        return result;
    if (tcb->settings.dont_route &&
        !ip_addr_equal(&path.next_hop, &remote->addr))
        return -ENETUNREACH;
    if (tcb->port == NULL) {
        result = tcp_port_connect(tcb, &path.src, remote);
        if (result < 0)
            return result;
    }
    *local = (struct endpoint){
        .addr = path.src, .scope = tcb->local.scope, .port = tcb->port->number};
    return 0;
}

/* A connection that failed may be tried again on the same TCB. */
static void forget_last_attempt(struct tcb *tcb)
{
    tcb->error = 0;
    tcb->soft_error = 0;
    tcb->retries = 0;
    tcb->backoff = 0;
    tcb->fin_is_queued = false;
    tcb->has_rcv_fin = false;
    tcb->syn_resends = 0;
    tcb->resend_syn = false;
    tcb->is_urgent = false;
    tcb->peer_user_timeout = 0;
    tcb->connect_is_deferred = false;
    tcb->fast_open_tried = false;
    tcb->fast_open_asks = false;
    tcb->syn_has_text = false;
    tcb->syn_text_was_taken = false;
    tcb->fast_open_fail = TCP_FAST_OPEN_UNSPECIFIED;
    tcb->counts = (struct tcp_counts){0};
    rcvbuf_discard(&tcb->rcvbuf);
}

/* The SYN goes with the flush, unless it waits for text: RFC 7413. */
static void send_syn(struct tcb *tcb)
{
    tcb->connect_is_deferred = false;
    tcb_mark_output(tcb);
}

static int begin_connect(struct tcb *tcb, const struct endpoint *remote)
{
    struct endpoint to = *remote;
    struct endpoint local;
    int result;

    if (ip_addr_is_any(&to.addr)) /* as BSD and Linux: this host */
        to.addr = ip_addr_v4(INADDR_LOOPBACK);
    result = check_connect(tcb, &to);
    if (result == 0)
        result = choose_local(tcb, &to, &local);
    if (result < 0)
        return result;
    result = tcb_connect_ends(tcb, &local, &to);
    if (result < 0)
        return result == -EADDRINUSE ? -EADDRNOTAVAIL : result;

    forget_last_attempt(tcb);
    tcp_choose(tcb);
    tcb->tcp->stats.active_opens++;
    tcb_set_state(tcb, TCPS_SYN_SENT);
    return 0;
}

int tcp_connect(struct tcb *tcb, const struct endpoint *remote)
{
    int result = begin_connect(tcb, remote);

    if (result < 0)
        return result;
    tcb->fast_open_wanted = tcb->settings.fast_open_connect;
    if (tcb->fast_open_wanted && fast_open_room(tcb) > 0)
        tcb->connect_is_deferred = true;
    else
        send_syn(tcb);
    return 0;
}

bool tcp_awaits_text(const struct tcb *tcb)
{
    return tcb->connect_is_deferred && tcb->state == TCPS_SYN_SENT;
}

struct tcb *tcp_accept(struct tcb *listener, void *owner,
                       const struct bpf_program *filter)
{
    struct list *node = listener->accept_queue.next;
    struct tcb *child;

    if (list_is_empty(&listener->accept_queue))
        return NULL;
    child = container_of(node, struct tcb, child_node);
    if (tcp_set_filter(child, filter) < 0)
        return NULL;
    list_remove(node);
    child->listener = NULL;
    child->owner = owner;
    listener->accept_count--;
    rest_consider(child);
    return child;
}

/* ---- SEND and RECEIVE --------------------------------------------------- */

bool tcp_is_opening(const struct tcb *tcb)
{
    return tcb->state == TCPS_SYN_SENT ||
           (tcb->state == TCPS_SYN_RECEIVED && !tcb_is_fast_open(tcb));
}

static bool can_send(const struct tcb *tcb)
{
    return tcb->state == TCPS_ESTABLISHED || tcb->state == TCPS_CLOSE_WAIT ||
           tcb_is_fast_open(tcb);
}

/* Why no data can be taken; 0 if it can. */
static int check_send(struct tcb *tcb)
{
    if (tcb->error != 0)
        return -tcp_take_error(tcb);
    if (tcb->fin_is_queued)
        return -EPIPE;
    if (tcp_is_opening(tcb)) /* "queue for transmission after ESTABLISHED" would
                            do; Linux waits, and so tells of a failure */
        return -EAGAIN;
    if (!can_send(tcb))
        return -EPIPE; /* as Linux, also before there is a connection */
    return 0;
}

static size_t iov_total(const struct iovec *iov, int count)
{
    size_t total = 0;

    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    return total;
}

static ssize_t take_piece(struct tcb *tcb, const struct iovec *piece,
                          struct lent *lent)
{
    struct memory *memory = tcb->tcp->env->memory;
    uint32_t limit = tcp_memory_send_limit(tcb);

    return lent == NULL
               ? sndbuf_write_up_to(&tcb->sndbuf, memory, piece, 1, limit)
               : sndbuf_lend_up_to(&tcb->sndbuf, memory,
                                   bytes_of(piece->iov_base, piece->iov_len),
                                   lent, limit);
}

/* The pieces one by one, and of them no more than `most` bytes. */
static ssize_t take_at_most(struct tcb *tcb, const struct tcp_text *text,
                            uint32_t most)
{
    uint32_t done = 0;

    for (int i = 0; i < text->count && done < most; i++) {
        struct iovec piece = {
            .iov_base = text->iov[i].iov_base,
            .iov_len = min_size(text->iov[i].iov_len, most - done),
        };
        ssize_t taken = take_piece(tcb, &piece, text->lent);

        if (taken < 0)
            return done > 0 ? (ssize_t)done : taken;
        done += (uint32_t)taken;
        if ((size_t)taken < piece.iov_len)
            break;
    }
    return done;
}

/* The SYN goes with as much as it takes; -EINPROGRESS: with nothing. */
static ssize_t send_with_syn(struct tcb *tcb, const struct tcp_text *text)
{
    ssize_t taken = take_at_most(tcb, text, fast_open_room(tcb));

    send_syn(tcb);
    return taken > 0 ? taken : -EINPROGRESS;
}

ssize_t tcp_connect_with(struct tcb *tcb, const struct endpoint *remote,
                         const struct tcp_text *text)
{
    int result = begin_connect(tcb, remote);

    if (result < 0)
        return result;
    tcb->fast_open_wanted = true;
    return send_with_syn(tcb, text);
}

ssize_t tcp_send(struct tcb *tcb, const struct tcp_text *text)
{
    ssize_t taken;

    if (tcp_awaits_text(tcb)) {
        taken = send_with_syn(tcb, text);
        return taken == -EINPROGRESS ? -EAGAIN : taken;
    }
    taken = check_send(tcb);
    if (taken < 0)
        return taken;
    rate_check_app_limited(tcb);
    taken = take_at_most(tcb, text, tcp_room_below_lowat(tcb));
    if (taken == 0 && iov_total(text->iov, text->count) > 0)
        return -EAGAIN;
    if (taken <= 0)
        return taken;
    tcb->is_pushed = false;
    tcb->more_follows = false;
    tcb_mark_output(tcb);
    return taken;
}

ssize_t tcp_send_more(struct tcb *tcb, const struct tcp_text *text)
{
    ssize_t taken = tcp_send(tcb, text);

    if (taken > 0)
        tcb->more_follows = true;
    return taken;
}

ssize_t tcp_send_urgent(struct tcb *tcb, const struct tcp_text *text)
{
    ssize_t taken = tcp_send(tcb, text);

    if (taken > 0)
        urgent_written(tcb);
    return taken;
}

/* What RECEIVE says when there is no data. */
static ssize_t receive_nothing(struct tcb *tcb)
{
    if (tcb->has_rcv_fin && seq_gt(tcb->rcv_nxt, tcb->rcv_fin))
        return 0; /* as Linux: the end, whatever came after the FIN */
    if (tcb->error != 0)
        return -tcp_take_error(tcb);
    if (tcb->state == TCPS_LISTEN)
        return -ENOTCONN;
    if (tcb->is_receive_shut)
        return 0;
    if (tcb->state == TCPS_CLOSED) /* if it had a peer, it is over */
        return ip_addr_is_any(&tcb->remote.addr) ? -ENOTCONN : 0;
    return tcp_is_opening(tcb) || tcb_can_receive(tcb) ? -EAGAIN : 0;
}

/* Whether more space is worth a segment: when the window at least doubles (as
 * Linux) and moves by a good step. The window of a SYN, which is not scaled,
 * is not worth it: our next ACK corrects it. */
static bool should_offer_space(const struct tcb *tcb)
{
    uint32_t offered = tcb_receive_window(tcb);
    uint32_t offer = tcp_window_to_offer(tcb);
    bool only_syn_was_acked = tcb->last_ack_sent == tcb->irs + 1;

    if (only_syn_was_acked && offered > UINT16_MAX / 2)
        return false;
    return offer > offered && offer >= 2 * offered;
}

/* The program has read: the buffer may be empty, the peer may send more. */
static void after_reading(struct tcb *tcb)
{
    if (tcb->state == TCPS_CLOSED) {
        rcvbuf_release_if_empty(&tcb->rcvbuf, tcb->tcp->env->memory);
        return;
    }
    tcp_memory_after_reading(tcb);
    if (reass_is_empty(&tcb->reass))
        rcvbuf_rewind_if_empty(&tcb->rcvbuf);
    if (rcvbuf_unread(&tcb->rcvbuf) == 0)
        tcp_timer_buffer_is_empty(tcb);
    if (tcb_can_receive(tcb) && should_offer_space(tcb))
        tcb_ack_now(tcb);
}

/* Copies unread bytes from the `at`th on out, at most `len`; the count. */
static uint32_t copy_out(const struct tcb *tcb, uint32_t at, uint32_t len,
                         const struct iovec *iov, int count)
{
    uint32_t done = 0;

    for (int i = 0; i < count && done < len; i++) {
        uint32_t part = (uint32_t)min_size(iov[i].iov_len, len - done);

        rcvbuf_copy(&tcb->rcvbuf, at + done, iov[i].iov_base, part);
        done += part;
    }
    return done;
}

/* How many bytes lie before a reader that has passed over `skipped`. */
static uint32_t bytes_ahead(const struct tcb *tcb, uint32_t skipped)
{
    return skipped > 0 ? rcvbuf_unread(&tcb->rcvbuf) - skipped
                       : urgent_readable(tcb);
}

/* As Linux: no bytes are had at once if any lie there, be it the urgent octet,
 * which then stays. */
static bool has_nothing(const struct tcb *tcb, size_t wanted)
{
    return wanted == 0 && rcvbuf_unread(&tcb->rcvbuf) > 0;
}

ssize_t tcp_peek_at(struct tcb *tcb, uint32_t at, const struct iovec *iov,
                    int count)
{
    uint32_t skipped = urgent_to_skip(tcb);
    uint32_t ahead = bytes_ahead(tcb, skipped);

    if (has_nothing(tcb, iov_total(iov, count)))
        return 0;
    if (ahead <= at)
        return receive_nothing(tcb);
    return copy_out(tcb, skipped + at, ahead - at, iov, count);
}

ssize_t tcp_peek(struct tcb *tcb, const struct iovec *iov, int count)
{
    return tcp_peek_at(tcb, 0, iov, count);
}

/* The reader goes on over `len` bytes. */
static void consume(struct tcb *tcb, uint32_t len)
{
    if (len == 0)
        return;
    rcvbuf_skip(&tcb->rcvbuf, len);
    urgent_forget_passed(tcb);
    autotune_read(tcb, len);
    after_reading(tcb);
}

ssize_t tcp_receive(struct tcb *tcb, const struct iovec *iov, int count)
{
    uint32_t skipped = urgent_to_skip(tcb);
    uint32_t ahead = bytes_ahead(tcb, skipped);
    uint32_t done = copy_out(tcb, skipped, ahead, iov, count);

    if (has_nothing(tcb, iov_total(iov, count)))
        return 0;
    if (ahead == 0) {
        consume(tcb, skipped); /* as Linux: even if nothing lies behind it */
        return receive_nothing(tcb);
    }
    if (done > 0)
        consume(tcb, skipped + done);
    return done;
}

ssize_t tcp_peek_skip(struct tcb *tcb, uint32_t at, size_t len)
{
    uint32_t ahead = bytes_ahead(tcb, urgent_to_skip(tcb));

    if (has_nothing(tcb, len))
        return 0;
    return ahead <= at ? receive_nothing(tcb)
                       : (ssize_t)min_size(len, ahead - at);
}

ssize_t tcp_skip(struct tcb *tcb, size_t len)
{
    uint32_t skipped = urgent_to_skip(tcb);
    uint32_t ahead = bytes_ahead(tcb, skipped);
    uint32_t done = (uint32_t)min_size(len, ahead);

    if (has_nothing(tcb, len))
        return 0;
    if (ahead == 0) {
        consume(tcb, skipped); /* as tcp_receive does */
        return receive_nothing(tcb);
    }
    if (done > 0)
        consume(tcb, skipped + done);
    return done;
}

ssize_t tcp_borrow(struct tcb *tcb, struct iovec iov[static 2], int *count)
{
    uint32_t skipped = urgent_to_skip(tcb);
    uint32_t ahead = bytes_ahead(tcb, skipped);
    struct bytes pieces[2];
    int pieces_lent;

    if (ahead == 0)
        return receive_nothing(tcb);
    pieces_lent = rcvbuf_lend(&tcb->rcvbuf, tcb->tcp->env->memory, skipped,
                              ahead, pieces);
    if (pieces_lent < 0)
        return pieces_lent;
    for (int i = 0; i < pieces_lent; i++)
        iov[i] = (struct iovec){.iov_base = (void *)(uintptr_t)pieces[i].data,
                                .iov_len = pieces[i].len};
    *count = pieces_lent;
    return ahead;
}

int tcp_give_back(struct tcb *tcb, size_t len)
{
    uint32_t skipped = urgent_to_skip(tcb);
    ssize_t lent = rcvbuf_lent(&tcb->rcvbuf);

    if (lent < 0 || len > (size_t)lent)
        return -EINVAL;
    rcvbuf_end_loan(&tcb->rcvbuf, tcb->tcp->env->memory);
    len = min_size(len, bytes_ahead(tcb, skipped)); /* others may have read */
    if (len > 0)
        consume(tcb, skipped + (uint32_t)len);
    return 0;
}

/* ---- CLOSE and ABORT ---------------------------------------------------- */

/* Our FIN follows what was written, RFC 9293 3.10.4; in SYN-RECEIVED (without
 * Fast Open) it is "queued for processing after entering ESTABLISHED". */
static void queue_fin(struct tcb *tcb)
{
    if (tcb->fin_is_queued)
        return;
    tcb->fin_is_queued = true;
    tcb_enter_closing(tcb);
    tcb_mark_output(tcb);
}

int tcp_shutdown_send(struct tcb *tcb)
{
    if (tcb->state == TCPS_SYN_SENT) { /* as Linux: the attempt is over */
        tcb_fail(tcb, 0);
        return 0;
    }
    if (tcb->state == TCPS_CLOSED || tcb->state == TCPS_LISTEN)
        return -ENOTCONN;
    queue_fin(tcb); /* nothing happens if it is queued already */
    return 0;
}

void tcp_shutdown_receive(struct tcb *tcb)
{
    tcb->is_receive_shut = true;
    tcb_notify(tcb);
}

static void close_listener(struct tcb *tcb)
{
    tcp_abandon_children(tcb);
    tcb_close(tcb);
}

void tcp_abort(struct tcb *tcb)
{
    tcb->owner = NULL;
    if (tcb->state == TCPS_LISTEN)
        tcp_abandon_children(tcb);
    else if (tcb->state >= TCPS_SYN_RECEIVED && tcb->state <= TCPS_CLOSE_WAIT)
        tcp_send_reset(tcb); /* not after both FINs, RFC 9293 3.10.5 */
    tcb_close(tcb);
    tcb_release(tcb);
}

void tcp_close(struct tcb *tcb)
{
    /* RFC 2525 2.17: the peer must learn that its data was not read */
    if (rcvbuf_unread(&tcb->rcvbuf) > 0 &&
        (tcb_is_synchronized(tcb) || tcb_is_fast_open(tcb))) {
        tcp_abort(tcb);
        return;
    }
    switch (tcb->state) {
    case TCPS_CLOSED:
    case TCPS_SYN_SENT:
        tcb_close(tcb);
        break;
    case TCPS_LISTEN:
        close_listener(tcb);
        break;
    case TCPS_SYN_RECEIVED:
    case TCPS_ESTABLISHED:
    case TCPS_CLOSE_WAIT:
        queue_fin(tcb);
        break;
    case TCPS_FIN_WAIT_2:
        tcp_limit_fin_wait_2(tcb);
        break;
    case TCPS_FIN_WAIT_1:
    case TCPS_CLOSING:
    case TCPS_LAST_ACK:
    case TCPS_TIME_WAIT:
        break; /* on its way */
    }
    tcb_release(tcb);
}

/* ---- STATUS ------------------------------------------------------------- */

/* A third is free, as Linux has it. */
bool tcp_has_send_space(const struct tcb *tcb)
{
    uint32_t limit = tcp_memory_send_limit(tcb);

    return tcp_unacknowledged(tcb) <= limit - (limit + 2) / 3;
}

unsigned tcp_readiness(const struct tcb *tcb)
{
    unsigned ready = 0;
    bool receives = tcb_can_receive(tcb) || tcp_is_opening(tcb);
    bool sends = can_send(tcb);

    if (tcb->error != 0)
        ready |= TCP_ERROR;
    if (tcb->state == TCPS_LISTEN)
        return ready | (tcb->accept_count > 0 ? TCP_READABLE : 0);
    if (tcp_is_opening(tcb))
        return ready | TCP_CONNECTING;
    if (bytes_ahead(tcb, urgent_to_skip(tcb)) > 0)
        ready |= TCP_READABLE;
    if (urgent_is_readable(tcb))
        ready |= TCP_URGENT_READABLE;
    if (!receives || tcb->is_receive_shut)
        ready |= TCP_PEER_CLOSED | TCP_READABLE;
    if (!sends || (tcp_has_send_space(tcb) && tcp_is_below_lowat(tcb)))
        ready |= TCP_WRITABLE;
    if (!receives && !sends)
        ready |= TCP_ENDED;
    return ready;
}

bool tcp_has_peer_fin(const struct tcb *tcb)
{
    return tcb->has_rcv_fin && seq_gt(tcb->rcv_nxt, tcb->rcv_fin);
}

enum tcp_state tcp_status(const struct tcb *tcb)
{
    return tcb->state;
}

int tcp_take_error(struct tcb *tcb)
{
    int error = tcb->error;

    tcb->error = 0;
    return error;
}

bool tcp_would_reset(const struct tcb *tcb)
{
    return tcb->state == TCPS_SYN_SENT ||
           (tcb->state >= TCPS_SYN_RECEIVED && tcb->state <= TCPS_CLOSE_WAIT);
}

void tcp_leave_error(struct tcb *tcb, int error)
{
    tcb->error = error;
}

const struct endpoint *tcp_local(const struct tcb *tcb)
{
    return &tcb->local;
}

const struct endpoint *tcp_remote(const struct tcb *tcb)
{
    return &tcb->remote;
}

uint32_t tcp_unread(const struct tcb *tcb)
{
    return tcb->settings.urgent_in_line ? rcvbuf_unread(&tcb->rcvbuf)
                                        : urgent_readable(tcb);
}

uint32_t tcp_arrived(const struct tcb *tcb)
{
    return tcb->rcv_nxt;
}

uint32_t tcp_unsent(const struct tcb *tcb)
{
    return tcb_unsent(tcb);
}

uint32_t tcp_unacknowledged(const struct tcb *tcb)
{
    return sndbuf_end(&tcb->sndbuf) - tcb->sndbuf.start;
}

bool tcp_is_finished(const struct tcb *tcb)
{
    if (tcb->state == TCPS_CLOSED || tcb->state == TCPS_LISTEN)
        return true;
    return tcp_unacknowledged(tcb) == 0 &&
           (!tcb->fin_is_queued || tcb_fin_is_acked(tcb));
}

/* ---- Settings ----------------------------------------------------------- */

void tcp_set_nodelay(struct tcb *tcb, bool on)
{
    tcb->nodelay = on;
    if (on)
        tcp_push(tcb); /* what was held back goes now; as Linux, corked too */
}

void tcp_set_keepalive(struct tcb *tcb, bool on)
{
    tcb->keepalive = on;
    tcp_timer_restart_keepalive(tcb);
}

void tcp_set_urgent_in_line(struct tcb *tcb, bool on)
{
    tcb->settings.urgent_in_line = on;
    tcb_notify(tcb); /* the octet is readable, or no longer */
}

void tcp_set_reuse_addr(struct tcb *tcb, bool on)
{
    tcp_port_set_sharing(tcb, on, tcb->reuse_port);
}

void tcp_set_reuse_port(struct tcb *tcb, bool on)
{
    tcp_port_set_sharing(tcb, tcb->reuse_addr, on);
}

void tcp_set_device(struct tcb *tcb, unsigned iface)
{
    tcb->local.scope = iface;
}

void tcp_set_ttl(struct tcb *tcb, uint8_t ttl)
{
    tcb->ttl = ttl;
}

void tcp_set_tos(struct tcb *tcb, uint8_t tos)
{
    tcb->tos = tos;
}

unsigned tcp_mtu(const struct tcb *tcb)
{
    return tcb_path_mtu(tcb);
}

int tcp_set_mss(struct tcb *tcb, unsigned mss)
{
    if (mss != 0 && (mss < USER_MSS_MIN || mss > INT16_MAX))
        return -EINVAL;
    tcb->user_mss = (uint16_t)mss;
    if (tcb_is_synchronized(tcb))
        tcb_update_mss(tcb, tcb_path_mtu(tcb));
    return 0;
}

unsigned tcp_mss(const struct tcb *tcb)
{
    return tcb_is_synchronized(tcb) || tcb->user_mss == 0
               ? (tcb->snd_mss != 0 ? tcb->snd_mss : tcb->peer_mss)
               : tcb->user_mss;
}

static uint32_t clamp_buffer(uint32_t bytes)
{
    return min_u32(max_u32(bytes, BUFFER_MIN), BUFFER_MAX);
}

void tcp_set_send_buffer(struct tcb *tcb, uint32_t bytes)
{
    tcb->sndbuf.limit = clamp_buffer(bytes);
    tcb->autotune.send_is_fixed = true;
    tcb_notify(tcb);
}

uint32_t tcp_send_buffer(const struct tcb *tcb)
{
    return tcb->sndbuf.limit;
}

void tcp_set_receive_buffer(struct tcb *tcb, uint32_t bytes)
{
    tcb->rcvbuf.limit = clamp_buffer(bytes);
    tcb->autotune.receive_is_fixed = true;
    after_reading(tcb); /* there may be more to offer */
}

uint32_t tcp_receive_buffer(const struct tcb *tcb)
{
    return tcb->rcvbuf.limit;
}
