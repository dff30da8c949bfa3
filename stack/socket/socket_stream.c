/*
 * Stream sockets: BSD's face of a TCB (RFC 9293 3.9.1 names its calls).
 *
 * What a socket has and a TCB has not is a life after the connection: it tells
 * how the connection has ended, and may begin another one. A TCB that has
 * ended is then exchanged for a new one, with the settings and the address
 * that the program gave.
 *
 * A connection that is idle may have no TCB: it is at rest (tcp_rest.h), and
 * can be looked at so; whatever else is done with it wakes it first.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "socket/socket_kind.h"
#include "socket/socket_message.h"
#include "socket/socket_tcp_options.h"
#include "tcp/tcp_settings.h"

#include <errno.h>
#include <netinet/tcp.h>

/* Where the socket is for its program; the connection may be further. */
enum stream_phase {
    STREAM_UNCONNECTED, /* or listening */
    STREAM_CONNECTING,  /* connect has not told the outcome yet */
    STREAM_CONNECTED,   /* connect has told it, or accept gave it; to the end */
    STREAM_DISCONNECTING /* Linux's word: shut after an attempt that failed and
                            was not told; of use again by disconnecting it */
};

struct stream {
    struct socket socket;
    union {
        struct tcb *tcb;
        struct tcp_rest *rest; /* while it rests */
    };
    struct ip_multicast *multicast; /* NULL: not asked for */
    enum stream_phase phase;
    bool has_bound_addr : 1; /* given by bind: a new TCB gets them too */
    bool has_bound_port : 1;
    bool nodelay : 1;
    bool tells_unread : 1; /* TCP_INQ */
    bool thin : 1;         /* TCP_THIN_LINEAR_TIMEOUTS: only remembered */
    bool rests : 1;
    uint16_t mss;         /* TCP_MAXSEG; 0: not set */
    struct endpoint past; /* of the last TCB: what getsockname goes on telling,
                             as in Linux, when nothing has a name any more */
};

static struct stream *stream_of(struct socket *socket)
{
    return container_of(socket, struct stream, socket);
}

static const struct stream *stream_of_const(const struct socket *socket)
{
    return container_of(socket, const struct stream, socket);
}

void socket_stream_moved(void *sockets, void *owner, struct tcb *tcb,
                         struct tcp_rest *rest)
{
    struct stream *stream = stream_of(owner);

    (void)sockets;
    stream->rests = tcb == NULL;
    if (tcb != NULL)
        stream->tcb = tcb;
    else
        stream->rest = rest;
}

/* There is a TCB then; false: there is no memory for it. */
static bool wake(struct stream *stream)
{
    struct tcp *tcp = stream->socket.sockets->tcp;

    return !stream->rests || tcp_wake(tcp, stream->rest) != NULL;
}

/* For who only looks: whether it rests is nothing that a program sees. */
static bool is_awake(const struct stream *stream)
{
    return wake((struct stream *)(uintptr_t)stream);
}

static enum tcp_state status_of(const struct stream *stream)
{
    return stream->rests ? tcp_rest_status(stream->rest)
                         : tcp_status(stream->tcb);
}

static unsigned readiness_of(const struct stream *stream)
{
    return stream->rests ? tcp_rest_readiness(stream->rest)
                         : tcp_readiness(stream->tcb);
}

static bool is_listening(const struct socket *socket)
{
    return status_of(stream_of_const(socket)) == TCPS_LISTEN;
}

/* Nothing can be sent or received yet. */
static bool is_opening(const struct stream *stream)
{
    return !stream->rests && tcp_is_opening(stream->tcb);
}

static const struct tcb *stream_tcb(const struct socket *socket)
{
    const struct stream *stream = stream_of_const(socket);

    return stream->rests ? NULL : stream->tcb;
}

static bool is_closed(const struct stream *stream)
{
    return status_of(stream) == TCPS_CLOSED;
}

static void stream_refresh_buffers(struct socket *socket)
{
    const struct stream *stream = stream_of(socket);

    if (!is_awake(stream)) /* what is known from before */
        return;
    socket->settings.receive_buffer = tcp_receive_buffer(stream->tcb);
    socket->settings.send_buffer = tcp_send_buffer(stream->tcb);
}

static int stream_open(struct socket *socket)
{
    struct stream *stream = stream_of(socket);

    stream->tcb = tcp_create(socket->sockets->tcp, socket);
    if (stream->tcb == NULL)
        return -ENOBUFS;
    stream_refresh_buffers(socket);
    return 0;
}

static void apply_mtu_discover(const struct socket *socket,
                               struct tcp_settings *settings)
{
    uint8_t discover = socket->settings.mtu_discover;

    settings->without_df =
        discover != IP_DISCOVER_WANT && discover != IP_DISCOVER_DO;
    settings->resends_too_big_later =
        settings->without_df && discover != IP_DISCOVER_PROBE;
}

/* Those that are settings of the TCB. */
static void apply_settings(const struct socket *socket)
{
    struct tcb *tcb = stream_of_const(socket)->tcb;
    struct tcp_settings settings = *tcp_settings(tcb);

    settings.port_range = socket->settings.port_range;
    settings.free_bind = socket_has(socket, FLAG_FREE_BIND) ||
                         socket_has(socket, FLAG_TRANSPARENT);
    settings.bind_no_port = socket_has(socket, FLAG_BIND_NO_PORT);
    settings.dont_route = socket_has(socket, FLAG_DONT_ROUTE);
    settings.hears_errors = socket_has(socket, FLAG_RECEIVE_ERRORS);
    settings.min_ttl = socket->settings.min_ttl;
    settings.stamps_text = socket->settings.timestamp != 0;
    apply_mtu_discover(socket, &settings);
    tcp_change_settings(tcb, &settings);
}

static int stream_prepare(struct socket *socket)
{
    return wake(stream_of(socket)) ? 0 : -ENOBUFS;
}

static void stream_apply(struct socket *socket, enum socket_setting setting)
{
    struct socket_settings *settings = &socket->settings;
    struct tcb *tcb = stream_of(socket)->tcb;

    assert(!stream_of(socket)->rests);
    switch (setting) {
    case SETTING_REUSE_ADDR:
        tcp_set_reuse_addr(tcb, settings->reuse_addr);
        break;
    case SETTING_REUSE_PORT:
        tcp_set_reuse_port(tcb, settings->reuse_port);
        break;
    case SETTING_DEVICE:
        tcp_set_device(tcb, settings->device);
        break;
    case SETTING_KEEPALIVE:
        tcp_set_keepalive(tcb, settings->keepalive);
        break;
    case SETTING_RECEIVE_BUFFER:
        if (!settings->has_receive_buffer) /* it tunes itself */
            break;
        tcp_set_receive_buffer(tcb, settings->receive_buffer);
        settings->receive_buffer = tcp_receive_buffer(tcb); /* its own limits */
        break;
    case SETTING_SEND_BUFFER:
        if (!settings->has_send_buffer)
            break;
        tcp_set_send_buffer(tcb, settings->send_buffer);
        settings->send_buffer = tcp_send_buffer(tcb);
        break;
    case SETTING_TTL:
        tcp_set_ttl(tcb, settings->ttl);
        break;
    case SETTING_TOS:
        tcp_set_tos(tcb, settings->tos);
        break;
    case SETTING_OOB_INLINE:
        tcp_set_urgent_in_line(tcb, settings->oob_inline);
        break;
    case SETTING_MAX_PACING_RATE:
        tcp_set_max_pacing_rate(tcb, settings->max_pacing_rate);
        break;
    case SETTING_FLAGS:
    case SETTING_MTU_DISCOVER:
    case SETTING_PORT_RANGE:
        apply_settings(socket);
        break;
    case SETTING_BROADCAST: /* remembered, and without meaning */
    case SETTING_COUNT:
        break;
    }
}

static int apply_own(struct stream *stream)
{
    tcp_set_nodelay(stream->tcb, stream->nodelay);
    return stream->mss == 0 ? 0 : tcp_set_mss(stream->tcb, stream->mss);
}

/* The address that bind gave, of a TCB that has a whole one by now. */
static struct endpoint bound_address(const struct stream *stream)
{
    struct endpoint bound = *tcp_local(stream->tcb);

    if (!stream->has_bound_addr)
        bound.addr = IP_ADDR_ANY_V4;
    return bound;
}

/*
 * A new TCB in place of the old one, which is reset if it is still connected;
 * the socket is as after socket() and bind().
 */
static int stream_renew(struct stream *stream)
{
    struct endpoint bound = bound_address(stream);
    struct tcb *tcb = tcp_create(stream->socket.sockets->tcp, &stream->socket);
    bool keeps_port;
    int error;

    if (tcb == NULL)
        return -ENOBUFS;
    /* found by name, so it is there */
    error = tcp_set_congestion(tcb, tcp_congestion(stream->tcb));
    assert(error == 0);
    tcp_change_settings(tcb, tcp_settings(stream->tcb));
    tcp_move_fast_open_key(tcb, stream->tcb);
    tcp_move_extra(tcb, stream->tcb);
    keeps_port =
        stream->has_bound_port && tcp_move_port(tcb, stream->tcb, &bound);
    tcp_abort(stream->tcb);
    stream->tcb = tcb;
    if (bound.port != 0) /* else the one before goes on being told */
        stream->past = bound;
    stream->phase = STREAM_UNCONNECTED;
    stream->socket.is_receive_shut = false;
    stream->socket.is_send_shut = false;
    socket_apply_all(&stream->socket);
    if ((error = apply_own(stream)) < 0)
        return error;
    if (keeps_port)
        return 0;
    if (stream->has_bound_port)
        return tcp_bind(tcb, &bound);
    bound.port = 0;
    return tcp_settings(tcb)->bind_no_port ? tcp_bind(tcb, &bound) : 0;
}

static int stream_bind(struct socket *socket, const struct endpoint *local)
{
    struct stream *stream = stream_of(socket);
    int error;

    if (!wake(stream))
        return -ENOBUFS;
    /* Linux: the port that was asked for stays, whatever became of the TCB. */
    if (stream->has_bound_port && tcp_may_bind_to(stream->tcb, &local->addr))
        return -EINVAL;
    if ((error = tcp_bind(stream->tcb, local)) < 0)
        return error;
    stream->past = (struct endpoint){0};
    stream->has_bound_addr = !ip_addr_is_any(&local->addr);
    stream->has_bound_port = local->port != 0; /* as Linux: or any will do */
    return 0;
}

/* Not bound: to any port, as Linux does; POSIX leaves it open. */
static int stream_listen(struct socket *socket, unsigned backlog)
{
    struct stream *stream = stream_of(socket);

    if (stream->phase != STREAM_UNCONNECTED)
        return -EINVAL;
    return tcp_listen(stream->tcb, backlog);
}

/* With a filter like the listener's. */
static struct socket *new_child(const struct socket *listener)
{
    struct socket *child = socket_alloc(listener->sockets, listener->ops);
    struct memory *memory = listener->sockets->env->memory;

    if (child == NULL || listener->filter == NULL)
        return child;
    child->filter = bpf_copy(memory, listener->filter);
    if (child->filter != NULL)
        return child;
    socket_free(child);
    return NULL;
}

/* A connection that the peer has reset meanwhile is given too, as in Linux. */
static int stream_accept(struct socket *socket, struct socket **out,
                         struct endpoint *remote)
{
    struct stream *listener = stream_of(socket);
    struct stream *stream;

    if (!is_listening(socket))
        return -EINVAL;
    if (!(tcp_readiness(listener->tcb) & TCP_READABLE))
        return -EAGAIN;

    struct socket *child = new_child(socket);

    if (child == NULL)
        return -ENOBUFS; /* the connection waits on in the backlog */
    child->settings = socket->settings;
    stream = stream_of(child);
    stream->phase = STREAM_CONNECTED;
    stream->nodelay = listener->nodelay;
    stream->mss = listener->mss;
    stream->has_bound_addr = listener->has_bound_addr;
    stream->tcb = tcp_accept(listener->tcb, child, child->filter);
    if (stream->tcb == NULL) { /* it was readable: for want of memory */
        socket_free(child);
        return -ENOBUFS;
    }
    if (remote != NULL)
        *remote = *tcp_remote(stream->tcb);
    *out = child;
    return 0;
}

/* After a failure that has been told the socket is as new. */
static int tell_outcome(struct stream *stream, int error)
{
    if (error == 0) {
        stream->phase = STREAM_CONNECTED;
        return 0;
    }

    int renewed = stream_renew(stream);

    (void)renewed; /* without memory the next connect tries it again */
    return -error;
}

static int begin(struct stream *stream, const struct endpoint *remote)
{
    int error;

    if (remote == NULL)
        return -EDESTADDRREQ;
    if ((error = tcp_connect(stream->tcb, remote)) < 0)
        return error;
    if (tcp_awaits_text(stream->tcb)) { /* as far as the program can see */
        stream->phase = STREAM_CONNECTED;
        return 0;
    }
    stream->phase = STREAM_CONNECTING;
    return -EINPROGRESS;
}

static int stream_connect(struct socket *socket, const struct endpoint *remote)
{
    struct stream *stream = stream_of(socket);
    int error;

    if (stream->phase == STREAM_CONNECTED || is_listening(socket))
        return -EISCONN; /* of a listener too, as in Linux */
    if (!wake(stream))
        return -ENOBUFS;
    if (stream->phase == STREAM_UNCONNECTED)
        return begin(stream, remote);
    if (stream->phase == STREAM_DISCONNECTING)
        return -EINVAL;
    if (is_opening(stream))
        return -EALREADY;
    error = tcp_take_error(stream->tcb);
    if (error == 0 && is_closed(stream))
        error = ECONNABORTED; /* Linux: SO_ERROR has told why */
    return tell_outcome(stream, error);
}

/* Linux: a connection that is cut off so leaves its reset behind as an error.
 */
static int give_up(struct stream *stream)
{
    int error =
        tcp_would_reset(stream->tcb) ? ECONNRESET : tcp_take_error(stream->tcb);
    int result = stream_renew(stream);

    if (result == 0)
        tcp_leave_error(stream->tcb, error);
    return result;
}

static int stream_disconnect(struct socket *socket)
{
    return wake(stream_of(socket)) ? give_up(stream_of(socket)) : -ENOBUFS;
}

static struct tcp_text text_of(const struct socket_message *message)
{
    return (struct tcp_text){
        .iov = message->iov,
        .count = message->iov_count,
        .lent = message->lent,
    };
}

/* As connect, and its answers are connect's. -EINPROGRESS: no byte has gone. */
static ssize_t connect_with(struct stream *stream,
                            const struct socket_message *message)
{
    struct tcp_text text = text_of(message);
    ssize_t sent;

    sent = tcp_connect_with(stream->tcb, message->name, &text);
    if (sent >= 0 || sent == -EINPROGRESS)
        stream->phase = STREAM_CONNECTING;
    return sent;
}

/*
 * MSG_FASTOPEN, RFC 7413, as Linux: on a socket that is not new it is first a
 * connect, which may have an outcome to tell.
 */
static ssize_t send_fast_open(struct socket *socket,
                              const struct socket_message *message)
{
    struct stream *stream = stream_of(socket);
    struct tcp_text text = text_of(message);
    int error = 0;

    if (!tcp_may_open_fast(stream->tcb))
        return -EOPNOTSUPP;
    if (message->name == NULL && stream->phase != STREAM_CONNECTED)
        return -EINVAL;
    if (stream->phase == STREAM_UNCONNECTED && !is_listening(socket))
        return connect_with(stream, message);
    if (!tcp_awaits_text(stream->tcb))
        error = stream_connect(socket, message->name);
    if (error < 0)
        return error;
    return tcp_send(stream->tcb, &text);
}

/* What would be said of any bytes, before it is found that there are none. */
static ssize_t send_nothing(struct tcb *tcb)
{
    struct tcp_text nothing = {0};
    ssize_t result = tcp_awaits_text(tcb) ? -EFAULT : tcp_send(tcb, &nothing);

    return result < 0 ? result : -EFAULT;
}

/* The name is not looked at: Linux, where POSIX would say EISCONN. */
static ssize_t stream_send(struct socket *socket,
                           const struct socket_message *message)
{
    struct tcp_text text = text_of(message);
    struct tcb *tcb;
    int error;

    if (!wake(stream_of(socket)))
        return -ENOBUFS;
    tcb = stream_of(socket)->tcb;
    error = socket->is_send_shut ? tcp_take_error(tcb) : 0;
    if (socket->is_send_shut)
        return error != 0 ? -error : -EPIPE;
    if (message->is_nowhere)
        return send_nothing(tcb);
    if (message->flags & MSG_FASTOPEN)
        return send_fast_open(socket, message);
    if (message->flags & MSG_OOB)
        return tcp_send_urgent(tcb, &text);
    if (message->flags & MSG_MORE)
        return tcp_send_more(tcb, &text);
    return tcp_send(tcb, &text);
}

/* MSG_OOB: an octet, if there is room for it. */
static ssize_t receive_urgent(struct tcb *tcb, struct socket_message *message)
{
    int flags = message->flags;
    uint8_t octet;
    ssize_t got = flags & MSG_PEEK ? tcp_peek_urgent(tcb, &octet)
                                   : tcp_receive_urgent(tcb, &octet);

    message->flags = 0;
    if (got <= 0)
        return got;
    message->flags = MSG_OOB;
    if (message_len(message) == 0) {
        message->flags |= MSG_TRUNC;
        return 0;
    }
    if (!(flags & MSG_TRUNC))
        message_fill(message, bytes_of(&octet, 1));
    return 1;
}

/* MSG_TRUNC: so many bytes are counted, and thrown away unless MSG_PEEK. */
static ssize_t receive_nowhere(struct stream *stream,
                               struct socket_message *message)
{
    uint32_t at = (uint32_t)socket_peek_offset(&stream->socket);
    bool peeks = message->flags & MSG_PEEK;
    ssize_t len = message_len(message);

    message->flags = 0;
    if (len < 0)
        return len;
    return peeks ? tcp_peek_skip(stream->tcb, at, (size_t)len)
                 : tcp_skip(stream->tcb, (size_t)len);
}

/* TCP_INQ: what is left to read; 1 if that is the end. */
static void tell_unread(const struct stream *stream,
                        struct socket_control *control)
{
    if (!stream->tells_unread)
        return;
    control->present |= CONTROL_UNREAD;
    control->unread = (int)tcp_unread(stream->tcb);
    if (control->unread == 0 && tcp_has_peer_fin(stream->tcb))
        control->unread = 1;
}

/* SO_TIMESTAMP: of the last byte that was read, or is `ahead` of what will be.
 */
static void tell_arrival(const struct stream *stream, uint32_t ahead,
                         struct socket_control *control)
{
    usec arrived = tcp_arrived_at(stream->tcb, ahead);

    if (stream->socket.settings.timestamp == 0 || arrived == USEC_NEVER)
        return;
    control->present |= CONTROL_TIMESTAMP;
    control->timestamp = stream->socket.settings.timestamp;
    control->arrived = arrived;
}

static ssize_t receive_text(struct stream *stream,
                            struct socket_message *message)
{
    uint32_t at = (uint32_t)socket_peek_offset(&stream->socket);
    bool peeks = message->flags & MSG_PEEK;

    if (message->flags & MSG_TRUNC)
        return receive_nowhere(stream, message);
    message->flags = 0;
    return peeks
               ? tcp_peek_at(stream->tcb, at, message->iov, message->iov_count)
               : tcp_receive(stream->tcb, message->iov, message->iov_count);
}

/* What was read, or peeked at, and what is told of it. */
static void after_text(struct stream *stream, size_t got, bool was_peeked,
                       struct socket_control *control)
{
    struct socket *socket = &stream->socket;
    uint32_t ahead = 0;

    if (was_peeked) {
        ahead = (uint32_t)(socket_peek_offset(socket) + got);
        socket_was_peeked(socket, got);
    } else {
        socket_was_read(socket, got);
    }
    if (control != NULL)
        tell_arrival(stream, ahead, control);
}

static ssize_t stream_receive(struct socket *socket,
                              struct socket_message *message)
{
    struct stream *stream = stream_of(socket);
    bool peeks = message->flags & MSG_PEEK;
    bool is_urgent = message->flags & MSG_OOB;

    if (!wake(stream))
        return -ENOBUFS;
    if (message->name != NULL) /* as Linux: the peer is known by now */
        *message->name = (struct endpoint){.addr = IP_ADDR_ANY_V4};
    message->least = (size_t)socket->settings.receive_lowat;

    ssize_t got = is_urgent ? receive_urgent(stream->tcb, message)
                            : receive_text(stream, message);

    if (got > 0 && !is_urgent)
        after_text(stream, (size_t)got, peeks, message->control);
    else if (got == 0 && message->control != NULL &&
             tcp_unread(stream->tcb) > 0) /* no bytes: of the next one */
        tell_arrival(stream, 1, message->control);
    if (got >= 0 && message->control != NULL)
        tell_unread(stream, message->control);
    return got;
}

static ssize_t stream_borrow(struct socket *socket, struct iovec iov[static 2],
                             int *count)
{
    if (!wake(stream_of(socket)))
        return -ENOBUFS;
    return tcp_borrow(stream_of(socket)->tcb, iov, count);
}

static int stream_give_back(struct socket *socket, size_t len)
{
    int error;

    if (!wake(stream_of(socket)))
        return -ENOBUFS;
    error = tcp_give_back(stream_of(socket)->tcb, len);
    if (error == 0)
        socket_was_read(socket, len);
    return error;
}

static void shut_receive(struct stream *stream)
{
    tcp_shutdown_receive(stream->tcb);
    stream->socket.is_receive_shut = true;
}

static int shut_send(struct stream *stream)
{
    int error;

    if (stream->socket.is_send_shut)
        return 0;
    if ((error = tcp_shutdown_send(stream->tcb)) < 0)
        return error;
    stream->socket.is_send_shut = true;
    return 0;
}

/* Linux: a listener, and an attempt to connect, are given up; without a
 * connection it is done, and is an error all the same. */
static int stream_shutdown(struct socket *socket, int how)
{
    struct stream *stream = stream_of(socket);

    if (!wake(stream))
        return -ENOBUFS;
    if (is_listening(socket))
        return shuts_receive(how) ? give_up(stream) : 0;
    if (is_opening(stream))
        return give_up(stream);
    if (stream->phase == STREAM_CONNECTING) /* connect will not tell of it */
        stream->phase =
            is_closed(stream) ? STREAM_DISCONNECTING : STREAM_CONNECTED;
    if (shuts_receive(how))
        shut_receive(stream);
    if (is_closed(stream)) {
        socket->is_send_shut = socket->is_send_shut || shuts_send(how);
        return -ENOTCONN;
    }
    return shuts_send(how) ? shut_send(stream) : 0;
}

/*
 * With bytes unread there is nothing to wait for: the close will reset, RFC
 * 2525 2.17.
 */
static int stream_linger(struct socket *socket)
{
    struct stream *stream = stream_of(socket);

    if (is_closed(stream) || is_listening(socket) || is_opening(stream))
        return 0;
    if (!wake(stream)) /* the close does what can be done without memory */
        return 0;
    if (tcp_unread(stream->tcb) > 0 || shut_send(stream) < 0)
        return 0;
    return tcp_is_finished(stream->tcb) ? 0 : -EAGAIN;
}

static struct ip_multicast *stream_multicast(struct socket *socket)
{
    struct stream *stream = stream_of(socket);
    struct sockets *sockets = socket->sockets;

    if (stream->multicast != NULL)
        return stream->multicast;
    stream->multicast =
        memory_alloc(sockets->env->memory, sizeof(*stream->multicast));
    if (stream->multicast != NULL)
        ip_multicast_init(stream->multicast, sockets->tcp->ip);
    return stream->multicast;
}

static void leave_groups(struct stream *stream)
{
    if (stream->multicast == NULL)
        return;
    ip_multicast_fini(stream->multicast);
    memory_free(stream->socket.sockets->env->memory, stream->multicast,
                sizeof(*stream->multicast));
}

/* SO_LINGER with time 0. */
static bool is_to_reset(const struct socket *socket)
{
    return socket->settings.lingers && socket->settings.linger == 0;
}

/* Without memory to wake it. */
static void close_at_rest(struct stream *stream)
{
    struct tcp *tcp = stream->socket.sockets->tcp;

    if (is_to_reset(&stream->socket))
        tcp_rest_abort(tcp, stream->rest);
    else
        tcp_rest_close(tcp, stream->rest);
}

static void stream_close(struct socket *socket)
{
    struct stream *stream = stream_of(socket);
    int error;

    leave_groups(stream);
    if (!wake(stream)) {
        close_at_rest(stream);
        return;
    }
    error = tcp_set_filter(stream->tcb, NULL); /* it ends with the socket */
    assert(error == 0);
    if (is_to_reset(socket))
        tcp_abort(stream->tcb);
    else
        tcp_close(stream->tcb);
}

/* TCP ends after its sockets, and frees every TCB by itself. */
static void stream_discard(struct socket *socket)
{
    leave_groups(stream_of(socket));
}

static struct error_queue *stream_errors(struct socket *socket)
{
    /* who has some does not rest */
    return stream_of(socket)->rests ? NULL : tcp_errors(stream_of(socket)->tcb);
}

static void stream_set_error(struct socket *socket, int error)
{
    if (wake(stream_of(socket)))
        tcp_leave_error(stream_of(socket)->tcb, error);
}

static int stream_take_error(struct socket *socket)
{
    return stream_of(socket)->rests ? 0
                                    : tcp_take_error(stream_of(socket)->tcb);
}

/* SO_RCVLOWAT; more than half the buffer need not be awaited. */
static bool has_enough(const struct stream *stream)
{
    size_t least = (size_t)stream->socket.settings.receive_lowat;
    size_t unread;

    if (least == 1 || stream->rests)
        return true;
    unread = tcp_unread(stream->tcb);
    return unread == 0 || unread >= least ||
           unread >= tcp_receive_buffer(stream->tcb) / 2;
}

/* Of a connection, or what is left of one. */
static int connection_readiness(const struct stream *stream)
{
    unsigned ready = readiness_of(stream);
    bool no_input = stream->socket.is_receive_shut || (ready & TCP_PEER_CLOSED);
    bool no_output = stream->socket.is_send_shut || is_closed(stream);
    int mask = ready & TCP_ERROR ? POLLERR : 0;

    if (no_input)
        mask |= POLLRDHUP;
    if (no_input || (ready & TCP_READABLE))
        mask |= no_input || has_enough(stream) ? READY_IN : SOCKET_READY_LESS;
    if (ready & TCP_URGENT_READABLE)
        mask |= POLLPRI;
    if (no_output || (ready & TCP_WRITABLE))
        mask |= READY_OUT;
    if (is_closed(stream) || (no_input && no_output))
        mask |= POLLHUP;
    return mask;
}

/* Before, or after, the connection; the reset of one may be left. */
static int unconnected_readiness(const struct stream *stream)
{
    int mask = READY_OUT | POLLHUP;

    if (stream->socket.is_receive_shut)
        mask |= READY_IN | POLLRDHUP;
    if (tcp_readiness(stream->tcb) & TCP_ERROR)
        mask |= POLLERR;
    return mask;
}

/* As Linux's poll answers, which programs have come to rely on. */
static int stream_readiness(const struct socket *socket)
{
    const struct stream *stream = stream_of_const(socket);
    int mask = socket_errors_readiness(socket);

    if (is_listening(socket))
        return tcp_readiness(stream->tcb) & TCP_READABLE ? READY_IN : 0;
    if (is_opening(stream)) /* what is written now begins it: RFC 7413 */
        mask |= tcp_awaits_text(stream->tcb) ? READY_OUT : 0;
    else if (is_closed(stream) && stream->phase == STREAM_UNCONNECTED)
        mask |= unconnected_readiness(stream);
    else
        mask |= connection_readiness(stream);
    return mask;
}

static struct endpoint own_name(const struct stream *stream)
{
    return stream->rests ? tcp_rest_local(stream->rest)
                         : *tcp_local(stream->tcb);
}

static struct endpoint stream_local(const struct socket *socket)
{
    const struct stream *stream = stream_of_const(socket);
    struct endpoint local = own_name(stream);

    return local.port == 0 && stream->past.port != 0 ? stream->past : local;
}

/* A port that is only told is not had. */
static uint16_t stream_number(const struct socket *socket)
{
    return own_name(stream_of_const(socket)).port;
}

static int stream_remote(const struct socket *socket, struct endpoint *out)
{
    const struct stream *stream = stream_of_const(socket);

    if (is_closed(stream) || is_listening(socket) || is_opening(stream))
        return -ENOTCONN;
    *out = stream->rests ? tcp_rest_remote(stream->rest)
                         : *tcp_remote(stream->tcb);
    return 0;
}

/* SO_PEERNAME: as Linux, also of a connection that has ended. */
static int stream_peer_name(const struct socket *socket, struct endpoint *out)
{
    const struct stream *stream = stream_of_const(socket);

    if (!stream->rests && is_closed(stream) &&
        tcp_remote(stream->tcb)->port != 0) {
        *out = *tcp_remote(stream->tcb);
        return 0;
    }
    return stream_remote(socket, out);
}

static int stream_mtu(const struct socket *socket)
{
    const struct stream *stream = stream_of_const(socket);

    if (is_closed(stream) || is_listening(socket))
        return -ENOTCONN;
    return is_awake(stream) ? (int)tcp_mtu(stream->tcb) : -ENOBUFS;
}

static int stream_unread(const struct socket *socket)
{
    if (is_listening(socket))
        return -EINVAL;
    return stream_of_const(socket)->rests
               ? 0
               : (int)tcp_unread(stream_of_const(socket)->tcb);
}

/* The FIN takes one number, RFC 9293 3.4, and Linux counts it. */
static int stream_unsent(const struct socket *socket)
{
    const struct stream *stream = stream_of_const(socket);

    if (is_listening(socket))
        return -EINVAL;
    if (stream->rests)
        return 0;
    return (int)tcp_unacknowledged(stream->tcb) +
           (socket->is_send_shut && !tcp_is_finished(stream->tcb));
}

static int stream_never_sent(const struct socket *socket)
{
    if (is_listening(socket))
        return -EINVAL;
    return stream_of_const(socket)->rests
               ? 0
               : (int)tcp_unsent(stream_of_const(socket)->tcb);
}

static bool stream_arrived(const struct socket *socket, uint32_t *out)
{
    if (is_listening(socket))
        return false;
    *out = stream_of_const(socket)->rests
               ? tcp_rest_arrived(stream_of_const(socket)->rest)
               : tcp_arrived(stream_of_const(socket)->tcb);
    return true;
}

static int stream_at_mark(const struct socket *socket)
{
    return is_awake(stream_of_const(socket))
               ? tcp_is_at_mark(stream_of_const(socket)->tcb)
               : -ENOBUFS;
}

static int set_maxseg(struct stream *stream, int value)
{
    int error;

    if (value < 0 || value > UINT16_MAX)
        return -EINVAL;
    if ((error = tcp_set_mss(stream->tcb, (unsigned)value)) < 0)
        return error;
    stream->mss = (uint16_t)value;
    return 0;
}

/* As Linux: what is too long for a name is cut, a NUL need not be there. */
static int set_congestion(struct stream *stream, struct bytes value)
{
    char name[TCP_CONGESTION_MAX] = "";

    if (value.len == 0)
        return -EINVAL;
    memcpy(name, value.data, min_size(value.len, sizeof(name) - 1));
    return tcp_set_congestion(stream->tcb, name);
}

/* As Linux: all 16 octets, or those for which there is room. */
static int get_congestion(const struct stream *stream, void *value, size_t *len)
{
    char name[TCP_CONGESTION_MAX] = "";

    strncpy(name, tcp_congestion(stream->tcb), sizeof(name) - 1);
    return socket_give(name, sizeof(name), value, len);
}

static int get_fast_open_key(const struct stream *stream, void *value,
                             size_t *len)
{
    uint8_t keys[2 * FAST_OPEN_KEY_LEN];

    return socket_give(keys, tcp_fast_open_key(stream->tcb, keys), value, len);
}

static int stream_set_bytes_option(struct socket *socket, int name,
                                   struct bytes value)
{
    if (!wake(stream_of(socket)))
        return -ENOBUFS;
    if (name == TCP_CONGESTION)
        return set_congestion(stream_of(socket), value);
    if (name == TCP_FASTOPEN_KEY)
        return tcp_set_fast_open_key(stream_of(socket)->tcb, value);
    if (name == TCP_ULP)
        return -ENOENT; /* nothing can lie over TCP: no such name */
    return -ENOPROTOOPT;
}

static int stream_get_bytes_option(struct socket *socket, int name, void *value,
                                   size_t *len)
{
    if (!is_awake(stream_of_const(socket)))
        return -ENOBUFS;
    if (name == TCP_CONGESTION)
        return get_congestion(stream_of_const(socket), value, len);
    if (name == TCP_FASTOPEN_KEY)
        return get_fast_open_key(stream_of_const(socket), value, len);
    if (name == TCP_ULP)
        return socket_give("", 0, value, len);
    if (name == TCP_INFO)
        return socket_tcp_get_info(stream_of_const(socket)->tcb, value, len);
    return -ENOPROTOOPT;
}

static int stream_set_option(struct socket *socket, int name, int value)
{
    struct stream *stream = stream_of(socket);

    if (!wake(stream))
        return -ENOBUFS;
    switch (name) {
    case TCP_NODELAY:
        stream->nodelay = value != 0;
        tcp_set_nodelay(stream->tcb, stream->nodelay);
        return 0;
    case TCP_MAXSEG:
        return set_maxseg(stream, value);
    case TCP_INQ:
        if (value != 0 && value != 1)
            return -EINVAL;
        stream->tells_unread = value;
        return 0;
    case TCP_THIN_LINEAR_TIMEOUTS:
    case TCP_THIN_DUPACK: /* Linux: nothing comes of it */
        if (value != 0 && value != 1)
            return -EINVAL;
        if (name == TCP_THIN_LINEAR_TIMEOUTS)
            stream->thin = value;
        return 0;
    default:
        return socket_tcp_set_option(stream->tcb, name, value);
    }
}

static int stream_get_option(const struct socket *socket, int name, int *value)
{
    const struct stream *stream = stream_of_const(socket);

    if (!is_awake(stream))
        return -ENOBUFS;
    switch (name) {
    case TCP_NODELAY:
        *value = stream->nodelay;
        return 0;
    case TCP_MAXSEG:
        *value = (int)tcp_mss(stream->tcb);
        return 0;
    case TCP_INQ:
        *value = stream->tells_unread;
        return 0;
    case TCP_THIN_LINEAR_TIMEOUTS:
        *value = stream->thin;
        return 0;
    case TCP_THIN_DUPACK:
        *value = 0;
        return 0;
    default:
        return socket_tcp_get_option(stream->tcb, name, value);
    }
}

static int stream_set_filter(struct socket *socket,
                             const struct bpf_program *filter)
{
    if (!wake(stream_of(socket)))
        return -ENOMEM;
    return tcp_set_filter(stream_of(socket)->tcb, filter);
}

const struct socket_ops socket_stream_ops = {
    .domain = AF_INET,
    .type = SOCK_STREAM,
    .protocol = IPPROTO_TCP,
    .size = sizeof(struct stream),
    .open = stream_open,
    .bind = stream_bind,
    .listen = stream_listen,
    .accept = stream_accept,
    .connect = stream_connect,
    .disconnect = stream_disconnect,
    .send = stream_send,
    .receive = stream_receive,
    .borrow = stream_borrow,
    .give_back = stream_give_back,
    .shutdown = stream_shutdown,
    .linger = stream_linger,
    .close = stream_close,
    .discard = stream_discard,
    .take_error = stream_take_error,
    .errors = stream_errors,
    .set_error = stream_set_error,
    .readiness = stream_readiness,
    .local = stream_local,
    .number = stream_number,
    .remote = stream_remote,
    .peer_name = stream_peer_name,
    .unread = stream_unread,
    .unsent = stream_unsent,
    .mtu = stream_mtu,
    .never_sent = stream_never_sent,
    .at_mark = stream_at_mark,
    .arrived = stream_arrived,
    .is_listening = is_listening,
    .tcb = stream_tcb,
    .has_peek_offset = true,
    .multicast = stream_multicast,
    .prepare = stream_prepare,
    .apply = stream_apply,
    .set_filter = stream_set_filter,
    .refresh_buffers = stream_refresh_buffers,
    .set_option = stream_set_option,
    .get_option = stream_get_option,
    .set_bytes_option = stream_set_bytes_option,
    .get_bytes_option = stream_get_bytes_option,
};
