/*
 * Options of a stream socket that are settings of its TCB: a change is made in
 * a copy of struct tcp_settings and takes effect as a whole. The ranges are
 * those that Linux checks; where it cuts a value to its range, so is it here.
 */
#include "socket/socket_tcp_options.h"

#include "tcp/tcp_settings.h"

#include <errno.h>
#include <netinet/tcp.h>

static bool is_in(int value, int least, int most)
{
    return value >= least && value <= most;
}

static int set_user_timeout(struct tcp_settings *settings, int ms)
{
    if (ms < 0)
        return -EINVAL;
    settings->user_timeout = (uint32_t)ms;
    return 0;
}

static int set_keepalive_idle(struct tcp_settings *settings, int seconds)
{
    if (!is_in(seconds, 1, TCP_KEEPALIVE_SECONDS_MAX))
        return -EINVAL;
    settings->keepalive_idle = (uint16_t)seconds;
    return 0;
}

static int set_keepalive_interval(struct tcp_settings *settings, int seconds)
{
    if (!is_in(seconds, 1, TCP_KEEPALIVE_SECONDS_MAX))
        return -EINVAL;
    settings->keepalive_interval = (uint16_t)seconds;
    return 0;
}

static int set_keepalive_probes(struct tcp_settings *settings, int count)
{
    if (!is_in(count, 1, TCP_KEEPALIVE_PROBES_MAX))
        return -EINVAL;
    settings->keepalive_probes = (uint8_t)count;
    return 0;
}

static int set_syn_retries(struct tcp_settings *settings, int count)
{
    if (!is_in(count, 1, TCP_SYN_RETRIES_MAX))
        return -EINVAL;
    settings->syn_retries = (uint8_t)count;
    return 0;
}

/* 0: the stack's own again. */
static int set_linger2(struct tcp_settings *settings, int seconds)
{
    if (seconds < 0)
        settings->linger2 = -1;
    else
        settings->linger2 = (int8_t)min_u32((uint32_t)seconds, TCP_LINGER2_MAX);
    return 0;
}

static int set_cork(struct tcp_settings *settings, int on)
{
    settings->corked = on != 0;
    return 0;
}

/* A negative number is a large one. */
static int set_notsent_lowat(struct tcp_settings *settings, int bytes)
{
    settings->notsent_lowat = (uint32_t)bytes;
    return 0;
}

static int get_linger2(const struct tcb *tcb)
{
    return tcp_settings(tcb)->linger2 < 0
               ? -1
               : (int)(tcp_fin_wait_2(tcb) / USEC_PER_SEC);
}

/* Rounded up to what so many SYN,ACKs take: the program reads it back. */
static int set_defer_accept(struct tcb *tcb, int seconds)
{
    struct tcp_settings settings = *tcp_settings(tcb);

    settings.defer_accept = tcp_defer_retries(tcb, seconds);
    tcp_change_settings(tcb, &settings);
    return 0;
}

/* 0 takes the clamp away, which Linux allows without a connection only. */
static int set_window_clamp(struct tcb *tcb, int bytes)
{
    struct tcp_settings settings = *tcp_settings(tcb);
    uint32_t clamp = bytes < 0 ? 0 : (uint32_t)bytes;

    if (bytes == 0 && tcp_status(tcb) != TCPS_CLOSED)
        return -EINVAL;
    settings.window_clamp =
        bytes == 0 ? 0 : max_u32(clamp, TCP_WINDOW_CLAMP_MIN);
    tcp_change_settings(tcb, &settings);
    return 0;
}

/* Linux's net.core.somaxconn limits it as any backlog. */
static int set_fast_open(struct tcb *tcb, int backlog)
{
    enum { BACKLOG_MAX = 4096 };
    struct tcp_settings settings = *tcp_settings(tcb);

    if (backlog < 0 ||
        (tcp_status(tcb) != TCPS_CLOSED && tcp_status(tcb) != TCPS_LISTEN))
        return -EINVAL;
    settings.fast_open = (uint16_t)min_u32((uint32_t)backlog, BACKLOG_MAX);
    tcp_change_settings(tcb, &settings);
    return 0;
}

static int set_fast_open_connect(struct tcb *tcb, int on)
{
    struct tcp_settings settings = *tcp_settings(tcb);

    if (!is_in(on, 0, 1))
        return -EINVAL;
    if (!tcp_may_open_fast(tcb))
        return -EOPNOTSUPP;
    if (tcp_status(tcb) != TCPS_CLOSED)
        return -EINVAL;
    settings.fast_open_connect = on;
    tcp_change_settings(tcb, &settings);
    return 0;
}

static int set_fast_open_no_cookie(struct tcb *tcb, int on)
{
    struct tcp_settings settings = *tcp_settings(tcb);

    if (!is_in(on, 0, 1) ||
        (tcp_status(tcb) != TCPS_CLOSED && tcp_status(tcb) != TCPS_LISTEN))
        return -EINVAL;
    settings.fast_open_no_cookie = on;
    tcp_change_settings(tcb, &settings);
    return 0;
}

static int change(struct tcb *tcb,
                  int (*set)(struct tcp_settings *settings, int value),
                  int value)
{
    struct tcp_settings settings = *tcp_settings(tcb);
    int error = set(&settings, value);

    if (error == 0)
        tcp_change_settings(tcb, &settings);
    return error;
}

int socket_tcp_set_option(struct tcb *tcb, int name, int value)
{
    switch (name) {
    case TCP_USER_TIMEOUT:
        return change(tcb, set_user_timeout, value);
    case TCP_KEEPIDLE:
        return change(tcb, set_keepalive_idle, value);
    case TCP_KEEPINTVL:
        return change(tcb, set_keepalive_interval, value);
    case TCP_KEEPCNT:
        return change(tcb, set_keepalive_probes, value);
    case TCP_SYNCNT:
        return change(tcb, set_syn_retries, value);
    case TCP_LINGER2:
        return change(tcb, set_linger2, value);
    case TCP_CORK:
        return change(tcb, set_cork, value);
    case TCP_NOTSENT_LOWAT:
        return change(tcb, set_notsent_lowat, value);
    case TCP_DEFER_ACCEPT:
        return set_defer_accept(tcb, value);
    case TCP_WINDOW_CLAMP:
        return set_window_clamp(tcb, value);
    case TCP_FASTOPEN:
        return set_fast_open(tcb, value);
    case TCP_FASTOPEN_CONNECT:
        return set_fast_open_connect(tcb, value);
    case TCP_FASTOPEN_NO_COOKIE:
        return set_fast_open_no_cookie(tcb, value);
    case TCP_QUICKACK:
        tcp_set_quickack(tcb, value != 0);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int socket_tcp_get_option(const struct tcb *tcb, int name, int *value)
{
    const struct tcp_settings *settings = tcp_settings(tcb);

    switch (name) {
    case TCP_USER_TIMEOUT:
        *value = (int)settings->user_timeout;
        return 0;
    case TCP_KEEPIDLE:
        *value = (int)(tcp_keepalive_idle(tcb) / USEC_PER_SEC);
        return 0;
    case TCP_KEEPINTVL:
        *value = (int)(tcp_keepalive_interval(tcb) / USEC_PER_SEC);
        return 0;
    case TCP_KEEPCNT:
        *value = (int)tcp_keepalive_probes(tcb);
        return 0;
    case TCP_SYNCNT:
        *value = (int)tcp_syn_retries(tcb);
        return 0;
    case TCP_LINGER2:
        *value = get_linger2(tcb);
        return 0;
    case TCP_CORK:
        *value = settings->corked;
        return 0;
    case TCP_NOTSENT_LOWAT:
        *value = (int)settings->notsent_lowat;
        return 0;
    case TCP_DEFER_ACCEPT:
        *value = (int)tcp_defer_seconds(tcb);
        return 0;
    case TCP_WINDOW_CLAMP:
        *value = (int)settings->window_clamp;
        return 0;
    case TCP_FASTOPEN:
        *value = settings->fast_open;
        return 0;
    case TCP_FASTOPEN_CONNECT:
        *value = settings->fast_open_connect;
        return 0;
    case TCP_FASTOPEN_NO_COOKIE:
        *value = settings->fast_open_no_cookie;
        return 0;
    case TCP_QUICKACK:
        *value = tcp_quickack(tcb);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}
