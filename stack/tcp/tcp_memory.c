#include "tcp/tcp_memory.h"

#include "tcp/tcb.h"

enum {
    FLOOR = 4096,       /* a ring that everybody may have, if there is any */
    PRUNE_TRIES_MAX = 4 /* for each segment */
};

static size_t limit_of(const struct tcp *tcp)
{
    const struct memory *memory = tcp->env->memory;
    size_t limit = tcp->config.memory_limit;

    return limit != 0 && limit < memory->limit ? limit : memory->limit;
}

static size_t short_from(const struct tcp *tcp)
{
    return limit_of(tcp) / 4 * 3;
}

/* `more` bytes fit under `bound`. */
static bool fits(const struct tcp *tcp, size_t more, size_t bound)
{
    size_t used = tcp->env->memory->used;

    return used <= bound && more <= bound - used;
}

bool tcp_memory_is_short(const struct tcp *tcp)
{
    return !fits(tcp, 0, short_from(tcp));
}

void tcp_memory_init(struct tcp *tcp)
{
    tcp->memory.occupied = 0;
    for (unsigned i = 0; i < TCP_MEMORY_CLASSES; i++)
        list_init(&tcp->memory.holders[i]);
}

/* ---- The limits --------------------------------------------------------- */

/* What `ring` holds, or would if it were there. */
static uint32_t size_without_growth(const struct ring *ring)
{
    return ring->size != 0 ? ring->size : FLOOR;
}

/* How far `ring` may grow: while it does, the old one and the new one are
 * there at the same time. */
static uint32_t limit_now(const struct tcp *tcp, const struct ring *ring,
                          uint32_t limit)
{
    size_t bound = short_from(tcp);
    size_t size = size_without_growth(ring);

    if (fits(tcp, 2 * (size_t)limit, bound)) /* as almost always */
        return limit;
    while (size < limit && fits(tcp, 2 * size, bound))
        size *= 2;
    return (uint32_t)min_size(size, limit);
}

uint32_t tcp_memory_send_limit(const struct tcb *tcb)
{
    return limit_now(tcb->tcp, &tcb->sndbuf.ring, tcb->sndbuf.limit);
}

uint32_t tcp_memory_receive_limit(const struct tcb *tcb)
{
    return limit_now(tcb->tcp, &tcb->rcvbuf.ring, tcb->rcvbuf.limit);
}

/* ---- Text out of order, and who holds it -------------------------------- */

static void leave_holders(struct tcb *tcb)
{
    struct tcp_memory *memory = &tcb->tcp->memory;

    list_remove(&tcb->holder_node);
    if (list_is_empty(&memory->holders[tcb->holder_class]))
        memory->occupied &= ~(UINT32_C(1) << tcb->holder_class);
}

static void join_holders(struct tcb *tcb)
{
    struct tcp_memory *memory = &tcb->tcp->memory;

    tcb->holder_class = (uint8_t)__builtin_ctz(tcb->rcvbuf.ring.size);
    list_append(&memory->holders[tcb->holder_class], &tcb->holder_node);
    memory->occupied |= UINT32_C(1) << tcb->holder_class;
}

void tcp_memory_out_of_order_changed(struct tcb *tcb)
{
    uint32_t size = tcb->rcvbuf.ring.size;

    if (reass_is_empty(&tcb->reass)) {
        if (list_is_linked(&tcb->holder_node))
            leave_holders(tcb);
        return;
    }
    if (list_is_linked(&tcb->holder_node)) {
        if (size == UINT32_C(1) << tcb->holder_class)
            return;
        leave_holders(tcb);
    }
    join_holders(tcb);
}

/* The one who has waited longest among those with the largest rings. */
static struct tcb *largest_holder(const struct tcp *tcp)
{
    const struct tcp_memory *memory = &tcp->memory;

    if (memory->occupied == 0)
        return NULL;

    unsigned top = 31u - (unsigned)__builtin_clz(memory->occupied);

    return container_of(memory->holders[top].next, struct tcb, holder_node);
}

static void prune(struct tcb *tcb)
{
    struct memory *memory = tcb->tcp->env->memory;

    if (!rcvbuf_can_shrink(&tcb->rcvbuf)) { /* what is unread fills it */
        leave_holders(tcb);
        join_holders(tcb); /* at the end */
        return;
    }
    reass_fini(&tcb->reass, memory);
    tcp_memory_out_of_order_changed(tcb);
    rcvbuf_shrink(&tcb->rcvbuf, memory);
    tcb->tcp->stats.pruned++;
}

static void make_room(struct tcp *tcp, size_t bytes)
{
    for (unsigned i = 0; i < PRUNE_TRIES_MAX; i++) {
        struct tcb *holder = largest_holder(tcp);

        if (holder == NULL || fits(tcp, bytes, short_from(tcp)))
            return;
        prune(holder);
    }
}

/* ---- What is taken ------------------------------------------------------ */

bool tcp_memory_admits_connection(struct tcp *tcp)
{
    size_t need = sizeof(struct tcb);

    if (!fits(tcp, need, limit_of(tcp)))
        make_room(tcp, need);
    return fits(tcp, need, limit_of(tcp));
}

/* What the ring that is there takes, or the one that everybody may have. */
static uint32_t room_without_growth(const struct tcb *tcb)
{
    uint32_t size = size_without_growth(&tcb->rcvbuf.ring);
    uint32_t unread = rcvbuf_unread(&tcb->rcvbuf);

    return unread < size ? size - unread : 0;
}

uint32_t tcp_memory_admits_text(struct tcb *tcb, uint32_t at, uint32_t len)
{
    size_t need = rcvbuf_growth(&tcb->rcvbuf, at, len);

    if (need == 0 || fits(tcb->tcp, need, short_from(tcb->tcp)))
        return len;
    if (at > 0)
        return 0;
    make_room(tcb->tcp, need);
    if (fits(tcb->tcp, need, limit_of(tcb->tcp)))
        return len;
    return min_u32(len, room_without_growth(tcb));
}

void tcp_memory_after_reading(struct tcb *tcb)
{
    const struct ring *ring = &tcb->rcvbuf.ring;

    if (tcp_memory_is_short(tcb->tcp) && reass_is_empty(&tcb->reass) &&
        ring->used <= ring->size / 4 && ring->size > FLOOR)
        rcvbuf_shrink(&tcb->rcvbuf, tcb->tcp->env->memory);
}
