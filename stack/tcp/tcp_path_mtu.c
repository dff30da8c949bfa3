/*
 * ICMP: RFC 1191 3, 5, 6.3, 6.5. Anybody can send such a message; so, by RFC
 * 5927 7.2, it is believed at once only where it claims no less than has been
 * acknowledged before. Otherwise it waits for a time-out to bear it out, and
 * is forgotten when what it speaks of is acknowledged.
 *
 * Silence: a router may throw large packets away and its ICMP message may be
 * filtered. Two time-outs in a row with full-sized segments in flight are
 * taken for that, five where that size has got through before, since losses
 * alone do the same: the size is lowered step by step (RFC 4821 7.7, 8899 4.3).
 * A path that was down for a while looks the same, and so the full size is
 * tried again soon; only if a time-out answers that as well is it believed, put
 * in the cache, and tried again when that forgets it. Where the smallest does
 * not get through either it was not the size.
 *
 * IP_MTU_DISCOVER, as Linux has it of TCP: DF goes with WANT and DO alone; what
 * ICMP tells is believed in any case, but with DONT, INTERFACE and OMIT what
 * was too big waits for its timer. Without DF silence says nothing about the
 * size.
 *
 * Not RFC 4821 7.2: sizes are not searched upwards by probes of their own. The
 * next full-sized segment is the probe; if it is lost it costs a time-out.
 */
#include "tcp/tcp_path_mtu.h"

#include "tcp/tcb.h"
#include "tcp/tcp_fast_open.h"
#include "tcp/tcp_recovery.h"

enum {
    TCP_IP_HEADERS = TCP_HEADER_LEN + IP_HEADER_LEN,
    BLACK_HOLE_TIMEOUTS = 2,
    PROVEN_SIZE_TIMEOUTS = 5,        /* if it has got through before */
    BASE_MTU = 1024 + TCP_IP_HEADERS /* nearly every path takes it: it is above
                                        suspicion at first, RFC 4821 7.2 */
};

static const usec first_retry = 10 * USEC_PER_SEC;

/* ---- Eff.snd.MSS -------------------------------------------------------- */

/* RFC 5681 3.1: cwnd is reduced as the segment is, or a burst of smaller ones
 * would follow; RFC 4821 4: it does not grow with it. But a segment larger than
 * cwnd could never be sent. */
static void scale_window(struct tcb *tcb, uint16_t before)
{
    if (tcb->snd_mss < before)
        tcb->cwnd = (uint32_t)((uint64_t)tcb->cwnd * tcb->snd_mss / before);
    tcb->cwnd = max_u32(tcb->cwnd, tcb->snd_mss);
}

static void update_size(struct tcb *tcb)
{
    uint16_t before = tcb->snd_mss;

    tcb_update_mss(tcb, tcb_path_mtu(tcb));
    if (tcb->snd_mss != before)
        tcb->path_mtu.full_size = 0;
    if (tcb_is_synchronized(tcb))
        scale_window(tcb, before);
}

static void retry_full_size(struct tcb *tcb)
{
    struct tcp_path_mtu *path = &tcb->path_mtu;

    if (path->reduced == 0 || !path->reduced_works ||
        tcb->tcp->env->now < path->reduced_until)
        return;
    path->reduced = 0;
    path->is_second_try = true;
}

void path_mtu_refresh(struct tcb *tcb)
{
    const struct pmtu *pmtu = &tcb->tcp->ip->pmtu;
    struct tcp_path_mtu *path = &tcb->path_mtu;
    usec until;

    if (path->generation == pmtu->generation &&
        tcb->tcp->env->now < path->look_again)
        return;
    retry_full_size(tcb);
    (void)pmtu_find(pmtu, &tcb->remote.addr, &until);
    if (path->reduced != 0 && path->reduced_works)
        until = usec_min(until, path->reduced_until);
    path->generation = pmtu->generation;
    path->look_again = until;
    update_size(tcb);
}

bool path_mtu_sets_df(const struct tcb *tcb)
{
    if (!tcb->tcp->config.pmtu_discovery || tcb->settings.without_df)
        return false;
    return tcb->snd_mss + TCP_IP_HEADERS > PMTU_FLOOR || /* almost always */
           tcb_path_mtu(tcb) > PMTU_FLOOR;
}

/* It is certain: for everybody, and what is out there is sent again. RFC 1191
 * 6.5: no sign of congestion. */
static void believe(struct tcb *tcb, unsigned mtu)
{
    tcb->path_mtu.pending = 0;
    pmtu_lower(&tcb->tcp->ip->pmtu, &tcb->remote.addr, mtu);
    if (tcb_path_mtu(tcb) > mtu) /* no memory for that */
        tcb->path_mtu.reduced = (uint16_t)mtu;
    update_size(tcb);
    if (tcb_is_synchronized(tcb) && !tcb->settings.resends_too_big_later)
        recovery_nothing_was_taken(tcb);
    fast_open_was_too_big(tcb);
    tcb_mark_output(tcb);
}

/* ---- What is sent and acknowledged -------------------------------------- */

/* Of a full-sized segment. */
static uint16_t packet_size(const struct tcb *tcb)
{
    uint32_t size = TCP_IP_HEADERS + tcb->snd_mss;

    if (tcb->has_timestamps)
        size += 2 + TCP_OPTION_TIMESTAMPS_LEN;
    return (uint16_t)min_u32(size, UINT16_MAX);
}

void path_mtu_sent(struct tcb *tcb, tcp_seq seq, uint32_t len)
{
    struct tcp_path_mtu *path = &tcb->path_mtu;

    if (path->full_size != 0 || len < tcb->snd_mss)
        return;
    path->full_size = packet_size(tcb);
    path->full_end = seq + tcb->snd_mss;
}

/* The smaller size gets through. */
static void reduced_size_works(struct tcb *tcb)
{
    struct tcp_path_mtu *path = &tcb->path_mtu;

    path->reduced_works = true;
    path->reduced_until = tcb->tcp->env->now + first_retry;
    if (path->is_second_try) { /* and the full one does not, again */
        pmtu_lower(&tcb->tcp->ip->pmtu, &tcb->remote.addr, path->reduced);
        path->reduced = 0;
        path->is_second_try = false;
    }
    path->look_again = 0;
}

void path_mtu_acked(struct tcb *tcb)
{
    struct tcp_path_mtu *path = &tcb->path_mtu;

    path->size_is_innocent = false;
    if (path->pending != 0 && seq_gt(tcb->snd_una, path->pending_seq))
        path->pending = 0; /* it was a false claim */
    if (path->full_size == 0 || seq_lt(tcb->snd_una, path->full_end))
        return;
    path->max_size_acked =
        (uint16_t)max_u32(path->max_size_acked, path->full_size);
    path->full_size = 0;
    if (path->reduced == 0)
        path->is_second_try = false; /* the full size gets through */
    else if (!path->reduced_works)
        reduced_size_works(tcb);
}

/* ---- ICMP --------------------------------------------------------------- */

/* The packet that was too big: RFC 1191 5 if the router does not say what
 * would not be. */
static unsigned claimed_mtu(const struct tcb *tcb,
                            const struct icmp_error *error)
{
    size_t len = min_size(error->quoted.total_len, tcb_path_mtu(tcb));

    if (error->mtu != 0)
        return max_u32(error->mtu, PMTU_FLOOR);
    return max_u32(pmtu_plateau_below((unsigned)len), PMTU_FLOOR);
}

void path_mtu_told(struct tcb *tcb, const struct icmp_error *error, tcp_seq seq)
{
    struct tcp_path_mtu *path = &tcb->path_mtu;
    unsigned mtu = claimed_mtu(tcb, error);

    /* none of ours was so large: RFC 5927 7.2 maxsizesent */
    if (!tcb->tcp->config.pmtu_discovery || mtu >= tcb_path_mtu(tcb))
        return;
    if (tcb->tcp->config.icmp_checks && mtu < path->max_size_acked &&
        tcb->retries == 0) {
        path->pending = (uint16_t)mtu;
        path->pending_seq = seq;
        return;
    }
    path->max_size_acked = (uint16_t)min_u32(path->max_size_acked, mtu);
    believe(tcb, mtu);
}

/* ---- Time-outs ---------------------------------------------------------- */

static unsigned next_step(unsigned mtu)
{
    static const uint16_t steps[] = {1500, BASE_MTU, PMTU_FLOOR};

    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
        if (steps[i] < mtu)
            return steps[i];
    return 0;
}

static void reduce(struct tcb *tcb)
{
    struct tcp_path_mtu *path = &tcb->path_mtu;
    unsigned next = next_step(path->full_size);

    path->reduced = (uint16_t)next; /* 0: the smallest was tried, too */
    path->reduced_works = false;
    path->size_is_innocent = next == 0;
    path->look_again = 0;
    tcb->tcp->stats.path_mtu_reductions += next != 0;
    update_size(tcb);
}

/* How many time-outs in a row it takes. */
static unsigned patience(const struct tcp_path_mtu *path)
{
    bool is_second_try = path->is_second_try && path->reduced == 0;

    if (path->full_size <= path->max_size_acked)
        return is_second_try ? BLACK_HOLE_TIMEOUTS : PROVEN_SIZE_TIMEOUTS;
    return is_second_try ? 1 : BLACK_HOLE_TIMEOUTS;
}

/* Whether it may be the size: that of what timed out so often. */
static bool suspects_size(const struct tcb *tcb)
{
    const struct tcp_path_mtu *path = &tcb->path_mtu;

    return tcb->tcp->config.black_hole_detection &&
           tcb->tcp->config.pmtu_discovery && !tcb->settings.without_df &&
           !path->size_is_innocent &&
           (path->full_size > BASE_MTU ||
            (path->full_size > 0 && path->reduced != 0)) &&
           tcb->retries % patience(path) == 0;
}

void path_mtu_timed_out(struct tcb *tcb)
{
    struct tcp_path_mtu *path = &tcb->path_mtu;
    unsigned mtu = path->pending;

    if (mtu != 0) { /* RFC 5927 7.2: borne out, MAXSEGRTO is 1 */
        path->max_size_acked = (uint16_t)mtu;
        believe(tcb, mtu);
    } else if (suspects_size(tcb)) {
        reduce(tcb);
    }
}
