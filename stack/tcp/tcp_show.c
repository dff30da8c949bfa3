/*
 * Going through the connections while they change. A connection is in one of
 * four tables, and passes from one to another; but its hash is the same in all
 * of them, and so is the place of the hash, which no growth changes
 * (hash_place). So the four are gone through side by side, in the order of
 * places, and where one has got to is a place.
 */
#include "tcp/tcp_show.h"

#include "tcp/tcp_half_open.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_time_wait.h"
#include "tcp/tcp_timer.h"

#include <errno.h>

enum { RANGES_MAX = 16 /* of a call */ };

/* ---- One connection ----------------------------------------------------- */

static usec left_until(const struct tcp *tcp, usec deadline)
{
    return usec_max(deadline - tcp->env->now, 0);
}

static void tell_timer(const struct tcb *tcb, enum tcp_timer which,
                       enum tcp_shown_timer shown, unsigned count,
                       struct tcp_shown *out)
{
    if (out->timer != TCP_SHOWN_NO_TIMER || !tcp_timer_is_set(tcb, which))
        return;
    out->timer = shown;
    out->timer_left = left_until(tcb->tcp, tcb->due[which]);
    out->timer_count = count;
}

static void tell_timers(const struct tcb *tcb, struct tcp_shown *out)
{
    if (tcb->is_probing)
        tell_timer(tcb, TCP_TIMER_RETRANSMIT, TCP_SHOWN_PERSIST, tcb->retries,
                   out);
    tell_timer(tcb, TCP_TIMER_RETRANSMIT, TCP_SHOWN_RETRANSMIT, tcb->retries,
               out);
    tell_timer(tcb, TCP_TIMER_PROBE, TCP_SHOWN_RETRANSMIT, tcb->retries, out);
    tell_timer(tcb, TCP_TIMER_REORDER, TCP_SHOWN_RETRANSMIT, tcb->retries, out);
    tell_timer(tcb, TCP_TIMER_END, TCP_SHOWN_TIME_WAIT, 0, out);
    tell_timer(tcb, TCP_TIMER_KEEPALIVE, TCP_SHOWN_KEEPALIVE, tcb->probes, out);
}

static void tell_queues(const struct tcb *tcb, struct tcp_shown *out)
{
    if (tcb->state == TCPS_LISTEN) {
        out->receive_queue = tcb->accept_count;
        out->send_queue = tcb->backlog;
    } else {
        out->receive_queue = rcvbuf_unread(&tcb->rcvbuf);
        out->send_queue = tcp_unacknowledged(tcb);
    }
    out->receive_buffer = tcp_receive_buffer(tcb);
    out->send_buffer = tcp_send_buffer(tcb);
}

void tcp_show(const struct tcb *tcb, enum tcp_show_depth depth,
              struct tcp_shown *out)
{
    out->owner = tcb->owner;
    out->local = tcb->local;
    out->remote = tcb->remote;
    out->state = tcb->state;
    out->timer = TCP_SHOWN_NO_TIMER;
    out->timer_left = 0;
    out->timer_count = 0;
    out->is_resting = false;
    out->has_info = depth == TCP_SHOW_ALL && tcb->state != TCPS_LISTEN;
    tell_timers(tcb, out);
    tell_queues(tcb, out);
    if (!out->has_info)
        return;
    out->congestion = tcp_congestion(tcb);
    tcp_status_info(tcb, &out->info);
}

static void show_tcb(struct tcp *tcp, struct hash_node *node,
                     enum tcp_show_depth depth, struct tcp_shown *out)
{
    (void)tcp;
    tcp_show(container_of(node, struct tcb, node), depth, out);
}

/* Its queues are empty. All else would have to be unpacked. */
static void show_rest(struct tcp *tcp, struct hash_node *node,
                      enum tcp_show_depth depth, struct tcp_shown *out)
{
    struct tcp_rest *rest = container_of(node, struct tcp_rest, node);

    if (depth == TCP_SHOW_ALL) {
        struct tcb tcb;

        rest_copy(tcp, rest, &tcb);
        tcp_show(&tcb, depth, out);
    } else {
        *out = (struct tcp_shown){
            .owner = rest->is_closing ? NULL : rest->owner,
            .local = tcp_rest_local(rest),
            .remote = tcp_rest_remote(rest),
            .state = tcp_rest_status(rest),
        };
    }
    out->is_resting = true;
}

static void show_half_open(struct tcp *tcp, struct hash_node *node,
                           enum tcp_show_depth depth, struct tcp_shown *out)
{
    struct half_open *half = container_of(node, struct half_open, node);
    struct tcp_ends ends = tcp_ends_of_kept(&half->ends);

    (void)depth;
    *out = (struct tcp_shown){
        .local = tcp_ends_local(&ends),
        .remote = tcp_ends_remote(&ends),
        .state = TCPS_SYN_RECEIVED,
        .timer = TCP_SHOWN_RETRANSMIT,
        .timer_left = left_until(tcp, half->deadline),
        .timer_count = half->retries,
    };
}

static void show_time_wait(struct tcp *tcp, struct hash_node *node,
                           enum tcp_show_depth depth, struct tcp_shown *out)
{
    struct time_wait *wait = container_of(node, struct time_wait, node);
    struct tcp_ends ends = tcp_ends_of_kept(&wait->ends);
    uint32_t now = (uint32_t)(tcp->env->now / USEC_PER_MSEC);
    int32_t left = (int32_t)(wait->deadline - now); /* modulo 2^32 */

    (void)depth;
    *out = (struct tcp_shown){
        .local = tcp_ends_local(&ends),
        .remote = tcp_ends_remote(&ends),
        .state = TCPS_TIME_WAIT,
        .timer = TCP_SHOWN_TIME_WAIT,
        .timer_left = left > 0 ? left * USEC_PER_MSEC : 0,
    };
}

/* ---- All of them -------------------------------------------------------- */

static struct tcp_ends ends_of_tcb(const struct hash_node *node)
{
    const struct tcb *tcb = container_of(node, const struct tcb, node);

    return tcp_ends_of(&tcb->local, &tcb->remote);
}

static struct tcp_ends ends_of_rest(const struct hash_node *node)
{
    return tcp_ends_of_kept(
        &container_of(node, const struct tcp_rest, node)->ends);
}

static struct tcp_ends ends_of_half_open(const struct hash_node *node)
{
    return tcp_ends_of_kept(
        &container_of(node, const struct half_open, node)->ends);
}

static struct tcp_ends ends_of_time_wait(const struct hash_node *node)
{
    return tcp_ends_of_kept(
        &container_of(node, const struct time_wait, node)->ends);
}

/* One of the four tables. */
static const struct kind {
    size_t table; /* in struct tcp */
    struct tcp_ends (*ends)(const struct hash_node *node);
    void (*show)(struct tcp *tcp, struct hash_node *node,
                 enum tcp_show_depth depth, struct tcp_shown *out);
} kinds[] = {
    {offsetof(struct tcp, connections), ends_of_tcb, show_tcb},
    {offsetof(struct tcp, resting), ends_of_rest, show_rest},
    {offsetof(struct tcp, half_open), ends_of_half_open, show_half_open},
    {offsetof(struct tcp, time_wait_table), ends_of_time_wait, show_time_wait},
};

static const struct hash_table *table_of(const struct tcp *tcp,
                                         const struct kind *kind)
{
    return (const struct hash_table *)(const void *)((const char *)tcp +
                                                     kind->table);
}

/*
 * Where a connection stands in the order: the place of its hash, and behind
 * that the other half of the hash, which keeps apart what has the same place.
 */
static uint64_t position(const struct tcp *tcp, const struct kind *kind,
                         const struct hash_node *node)
{
    struct tcp_ends ends = kind->ends(node);
    uint64_t hash = tcp_ends_table_hash(&ends, &tcp->key);

    return (uint64_t)hash_place((uint32_t)hash) << 32 | hash >> 32;
}

struct found {
    struct hash_node *node; /* NULL: none */
    const struct kind *kind;
    uint64_t position;
};

/* The first at or after `from` in a chain, if it stands before what is found.
 */
static void find_in_chain(const struct tcp *tcp, const struct kind *kind,
                          struct hash_node *chain, uint64_t from,
                          struct found *found)
{
    for (; chain != NULL; chain = chain->next) {
        uint64_t at;

        if (hash_place(chain->hash) < from >> 32)
            continue;
        at = position(tcp, kind, chain);
        if (at >= from && (found->node == NULL || at < found->position))
            *found = (struct found){chain, kind, at};
    }
}

/* The first from there on, of all tables; *end: how far all have been seen. */
static struct found find(const struct tcp *tcp, uint64_t from, uint64_t *end)
{
    struct found found = {0};

    *end = UINT64_C(1) << 32;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        uint64_t end_here;
        struct hash_node *chain = hash_table_range(
            table_of(tcp, &kinds[i]), (uint32_t)(from >> 32), &end_here);

        find_in_chain(tcp, &kinds[i], chain, from, &found);
        *end = end_here < *end ? end_here : *end;
    }
    return found;
}

/* The last place of all is the end. */
int tcp_show_next(struct tcp *tcp, uint64_t *cursor, enum tcp_show_depth depth,
                  struct tcp_shown *out)
{
    for (unsigned i = 0; i < RANGES_MAX && *cursor != UINT64_MAX; i++) {
        uint64_t end;
        struct found found = find(tcp, *cursor, &end);

        if (found.node != NULL && found.position >> 32 < end) {
            *cursor = found.position + 1;
            found.kind->show(tcp, found.node, depth, out);
            return 1;
        }
        *cursor = end > UINT32_MAX ? UINT64_MAX : end << 32;
    }
    return *cursor == UINT64_MAX ? -ENOENT : 0;
}
