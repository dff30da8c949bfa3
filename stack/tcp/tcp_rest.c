/*
 * How a TCB is packed. A TCB at rest is mostly as a new one: rings, lists and
 * scoreboard are empty, nobody recovers from anything. So what differs from a
 * new one is mostly zeros (base/pack.h). Numbers and times that lie near each
 * other are told by their distance, and then are small or zero, too.
 *
 * What lies in tables and lists, and who owns it, is left out and found anew.
 */
#include "tcp/tcp_rest.h"

#include "tcp/tcp_extra.h"
#include "tcp/tcp_open.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"
#include "tcp/tcp_recovery.h"
#include "tcp/tcp_timer.h"

/* When a close is tried again for which there was no memory. */
#define CLOSING_AGAIN (100 * USEC_PER_MSEC)

/* With a keepalive timer. */
struct timed_rest {
    struct timer timer;
    struct tcp *tcp;
    struct tcp_rest rest;
};

/* ---- The record --------------------------------------------------------- */

static uint8_t *packed_of(struct tcp_rest *rest)
{
    return rest->ends.addrs + tcp_ends_kept_addrs_len(&rest->ends);
}

static size_t size_for(size_t addrs_len, size_t packed_len, bool has_timer)
{
    size_t head = has_timer ? offsetof(struct timed_rest, rest) : 0;

    return head + offsetof(struct tcp_rest, ends.addrs) + addrs_len +
           packed_len;
}

static struct timed_rest *timed(struct tcp_rest *rest)
{
    return container_of(rest, struct timed_rest, rest);
}

static struct tcp_rest *alloc(struct tcp *tcp, const struct tcp_ends *ends,
                              size_t packed_len, bool has_timer)
{
    void *block =
        memory_alloc(tcp->env->memory,
                     size_for(tcp_ends_addrs_len(ends), packed_len, has_timer));
    struct timed_rest *with_timer = block;
    struct tcp_rest *rest = block;

    if (block == NULL)
        return NULL;
    if (has_timer)
        rest = &with_timer->rest;
    tcp_ends_keep(&rest->ends, ends);
    rest->packed_len = (uint16_t)packed_len;
    rest->answered = 0;
    rest->is_closing = false;
    rest->has_timer = has_timer;
    return rest;
}

static void forget(struct tcp *tcp, struct tcp_rest *rest)
{
    size_t size = size_for(tcp_ends_kept_addrs_len(&rest->ends),
                           rest->packed_len, rest->has_timer);
    void *block = rest;

    if (rest->has_timer) {
        timer_disarm(&tcp->env->timers, &timed(rest)->timer);
        block = timed(rest);
    }
    hash_table_remove(&tcp->resting, &rest->node);
    memory_free(tcp->env->memory, block, size);
}

static uint32_t hash_of(const struct tcp *tcp, const struct tcp_ends *ends)
{
    return (uint32_t)tcp_ends_table_hash(ends, &tcp->key);
}

struct tcp_rest *rest_find(struct tcp *tcp, const struct tcp_ends *ends)
{
    struct hash_node *node;

    if (tcp->resting.entry_count == 0)
        return NULL;
    node = hash_table_first(&tcp->resting, hash_of(tcp, ends));
    for (; node != NULL; node = hash_table_next(node)) {
        struct tcp_rest *rest = container_of(node, struct tcp_rest, node);

        if (tcp_ends_are_kept(&rest->ends, ends))
            return rest;
    }
    return NULL;
}

/* ---- Distances ---------------------------------------------------------- */

#define AT(field) offsetof(struct tcb, field)

static const uint16_t near_snd_nxt[] = {
    AT(iss), AT(snd_una), AT(snd_wl2), AT(snd_up), AT(snd_small),
    AT(sndbuf.start), AT(recover), AT(rtt_round), AT(rack.fack),
    AT(rack.newest_end), AT(cwv.round_end),
    /* these, of an algorithm that another has taken the place of, are
     * turned back, too */
    AT(cc_state.cubic.hystart.window_end)};

static const uint16_t near_rcv_nxt[] = {AT(irs), AT(snd_wl1), AT(rcv_adv),
                                        AT(last_ack_sent),
                                        AT(autotune.mark_edge)};

static const uint16_t near_last_heard[] = {
    AT(last_sent),
    AT(last_text),
    AT(ts_recent_at),
    AT(rtt_start),
    AT(rate.delivered_time),
    AT(rate.first_send_time),
    AT(rack.newest_sent_at),
    AT(rack.min_rtt_at),
    AT(autotune.rtt_at),
    AT(autotune.mark_at),
    AT(autotune.round_at),
    AT(reduced_at),
    AT(cwv.nvp_began),
    AT(cwv.began[0]),
    AT(cwv.began[1]),
    AT(cwv.began[2]),
    AT(cwv.began[3]),
    AT(cwv.began[4]),
    AT(cc_state.cubic.paused),
    AT(cc_state.cubic.hystart.train_began),
    AT(cc_state.cubic.hystart.train_end)};

#undef AT

static void turn_seq(struct tcb *image, uint16_t at, tcp_seq base)
{
    tcp_seq value;

    memcpy(&value, (uint8_t *)image + at, sizeof(value));
    value = base - value;
    memcpy((uint8_t *)image + at, &value, sizeof(value));
}

/* From 1 to the base; what lies outside stays as it is. */
static void turn_time(struct tcb *image, uint16_t at, usec base)
{
    usec value;

    memcpy(&value, (uint8_t *)image + at, sizeof(value));
    if (value >= 1 && value <= base)
        value = base + 1 - value;
    memcpy((uint8_t *)image + at, &value, sizeof(value));
}

/* To distances, and the second time back again. */
static void turn_distances(struct tcb *image)
{
    for (size_t i = 0; i < ARRAY_LENGTH(near_snd_nxt); i++)
        turn_seq(image, near_snd_nxt[i], image->snd_nxt);
    for (size_t i = 0; i < ARRAY_LENGTH(near_rcv_nxt); i++)
        turn_seq(image, near_rcv_nxt[i], image->rcv_nxt);
    turn_seq(image, offsetof(struct tcb, max_snd_wnd), image->snd_wnd);
    turn_seq(image, offsetof(struct tcb, ssthresh), UINT32_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(near_last_heard); i++)
        turn_time(image, near_last_heard[i], image->last_heard);
}

/* ---- Packing ------------------------------------------------------------ */

/* What a TCB has by its place: not packed. */
static void clear_place(struct tcb *image)
{
    image->node = (struct hash_node){0};
    image->all_node = (struct list){0};
    image->output_node = (struct list){0};
    image->end_node = (struct list){0};
    image->port_node = (struct list){0};
    image->holder_node = (struct list){0};
    image->half_open = (struct list){0};
    image->accept_queue = (struct list){0};
    image->child_node = (struct list){0};
    image->timer = (struct timer){0};
    image->port = NULL;
    image->owner = NULL;
    image->local = (struct endpoint){0};
    image->remote = (struct endpoint){0};
}

/* To what differs from `from`, and the second time back again. */
static void turn_difference(struct tcb *image, const struct tcb *from)
{
    uint8_t *to = (uint8_t *)image;

    for (size_t i = 0; i < sizeof(*image); i++)
        to[i] ^= ((const uint8_t *)from)[i];
}

/* USEC_NEVER is frequent, and has no zeros: it changes places with a number
 * that has no others, in every word; the second time back again. */
static void turn_never(struct tcb *image)
{
    uint8_t *octets = (uint8_t *)image;

    for (size_t at = 0; at + sizeof(usec) <= sizeof(*image);
         at += sizeof(usec)) {
        usec word;

        memcpy(&word, octets + at, sizeof(word));
        if (word == USEC_NEVER || word == INT64_MIN)
            word = word == INT64_MIN ? USEC_NEVER : INT64_MIN;
        memcpy(octets + at, &word, sizeof(word));
    }
}

/* What `image` is compared with. */
static void begin_as_new(struct tcb *new, struct tcp *tcp)
{
    memset(new, 0, sizeof(*new)); /* what lies between the fields, too */
    tcb_init(new, tcp);
    new->cc = tcp->at_first.cc; /* settings may change while it rests */
    new->sndbuf.limit = tcp->at_first.send_buffer;
    new->rcvbuf.limit = tcp->at_first.receive_buffer;
    recovery_init(new);
    new->rack.min_rtt = 0; /* USEC_NEVER, and most have seen less */
    clear_place(new);
}

/* Three that follow from the ends and from the time. */
static void turn_clocks(struct tcb *image, uint32_t offset)
{
    uint32_t msec = (uint32_t)(image->last_heard / USEC_PER_MSEC);

    turn_seq(image, offsetof(struct tcb, ts_offset), offset);
    turn_seq(image, offsetof(struct tcb, autotune.mark_timestamp),
             offset + msec);
    turn_seq(image, offsetof(struct tcb, counts.limited_since), msec);
}

static size_t pack(const struct tcb *tcb, const struct tcp_ends *ends,
                   uint8_t *to)
{
    struct tcb image;
    struct tcb new;

    memcpy(&image, tcb, sizeof(image));
    begin_as_new(&new, tcb->tcp);
    clear_place(&image);
    turn_distances(&image);
    turn_clocks(&image, tcp_timestamp_offset(tcb->tcp, ends));
    turn_difference(&image, &new);
    turn_never(&image);
    return pack_bytes(bytes_of((const uint8_t *)&image, sizeof(image)), to);
}

void rest_copy(struct tcp *tcp, struct tcp_rest *rest, struct tcb *tcb)
{
    struct tcp_ends ends = tcp_ends_of_kept(&rest->ends);
    struct tcb new;

    begin_as_new(&new, tcp);
    unpack_bytes(bytes_of(packed_of(rest), rest->packed_len), (uint8_t *)tcb,
                 sizeof(*tcb));
    turn_never(tcb);
    turn_difference(tcb, &new);
    turn_clocks(tcb, tcp_timestamp_offset(tcp, &ends));
    turn_distances(tcb);
    tcb_init_links(tcb);
    tcp_timer_init_link(tcb);
    tcb->port = tcp_port_find(tcp, ends.local_port);
    tcb->owner = rest->is_closing ? NULL : rest->owner;
    tcb->local = tcp_ends_local(&ends);
    tcb->remote = tcp_ends_remote(&ends);
}

/* ---- To rest ------------------------------------------------------------ */

static bool is_on(const struct tcb *tcb)
{
    return tcb->tcp->config.rest && tcb->tcp->moved != NULL;
}

static bool is_open(const struct tcb *tcb)
{
    return tcb->state == TCPS_ESTABLISHED || tcb->state == TCPS_CLOSE_WAIT;
}

/* Has something, or is known to somebody, that a record is not made for. */
static bool must_stay(const struct tcb *tcb)
{
    return !is_open(tcb) || tcb->owner == NULL || tcb->listener != NULL ||
           list_is_linked(&tcb->port_node) || tcb->error != 0 ||
           tcb->is_urgent || tcb->fast_open != NULL ||
           tcb->fast_open_server != NULL || tcb->extra != NULL;
}

static bool has_work(const struct tcb *tcb)
{
    return tcb_flight_size(tcb) > 0 || tcb->sndbuf.ring.used > 0 ||
           tcb->sndbuf.loans != NULL || rcvbuf_unread(&tcb->rcvbuf) > 0 ||
           tcb->rcvbuf.loan != NULL || !reass_is_empty(&tcb->reass);
}

/* Besides keepalive's, which a record can have. */
static bool has_timers(const struct tcb *tcb)
{
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        if (i != TCP_TIMER_KEEPALIVE &&
            tcp_timer_is_set(tcb, (enum tcp_timer)i))
            return true;
    return false;
}

static usec idle_since(const struct tcb *tcb)
{
    return usec_max(tcb->last_heard, usec_max(tcb->last_sent, tcb->last_text));
}

/* Its buffers are gone, and nothing is to be done. */
static bool may_rest(const struct tcb *tcb)
{
    return !must_stay(tcb) && !has_work(tcb) && !has_timers(tcb) &&
           tcb->sndbuf.ring.data == NULL && tcb->rcvbuf.ring.data == NULL &&
           tcb->reass.ranges == NULL && tcb->board.ranges == NULL &&
           !list_is_linked(&tcb->output_node);
}

void rest_consider(struct tcb *tcb)
{
    if (is_on(tcb) && is_open(tcb))
        tcp_timer_buffer_is_empty(tcb);
}

/* What it does is done at the end of the pass: whoever calls has the TCB in
 * his hands. */
void rest_timer_fired(struct tcb *tcb)
{
    usec due = idle_since(tcb) + tcb->tcp->config.buffer_idle;

    tcp_extra_tidy(tcb);
    if (!is_on(tcb) || must_stay(tcb) || has_work(tcb))
        return; /* when that is over it is considered again */
    if (tcb->tcp->env->now < due)
        tcp_timer_set(tcb, TCP_TIMER_IDLE, due);
    else if (!list_is_linked(&tcb->end_node))
        list_append(&tcb->tcp->tired, &tcb->end_node);
}

static void timer_fired(struct timer *timer)
{
    struct timed_rest *timed = container_of(timer, struct timed_rest, timer);
    struct tcp *tcp = timed->tcp;
    struct tcb *tcb = tcp_wake(tcp, &timed->rest);

    if (tcb == NULL) /* no memory: later */
        timer_arm(&tcp->env->timers, timer, tcp->env->now + USEC_PER_SEC);
    else
        tcb->timer.fire(&tcb->timer);
}

static void start_timer(struct tcp *tcp, struct timed_rest *timed, usec due)
{
    timed->tcp = tcp;
    timer_init(&timed->timer, timer_fired);
    timer_arm(&tcp->env->timers, &timed->timer, due);
}

static void put_to_rest(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;
    struct tcp_ends ends = tcp_ends_of(&tcb->local, &tcb->remote);
    bool has_timer = tcp_timer_is_set(tcb, TCP_TIMER_KEEPALIVE);
    uint8_t packed[PACK_MOST(sizeof(*tcb))];
    size_t packed_len = pack(tcb, &ends, packed);
    struct tcp_rest *rest = alloc(tcp, &ends, packed_len, has_timer);

    if (rest == NULL) {
        rest_consider(tcb);
        return;
    }
    memcpy(packed_of(rest), packed, packed_len);
    rest->owner = tcb->owner;
    rest->rcv_nxt = tcb->rcv_nxt;
    rest->state = tcb->state & 0x7f;
    rest->readiness = tcp_readiness(tcb) & 0x7f;
    if (has_timer)
        start_timer(tcp, timed(rest), tcb->due[TCP_TIMER_KEEPALIVE]);
    hash_table_insert(&tcp->resting, tcp->env->memory, &rest->node,
                      hash_of(tcp, &ends));
    tcb_leave(tcb);
    tcp->moved(tcp->notify_context, rest->owner, NULL, rest);
}

void rest_all_that_may(struct tcp *tcp)
{
    struct list *node;

    while ((node = list_pop(&tcp->tired)) != NULL) {
        struct tcb *tcb = container_of(node, struct tcb, end_node);

        if (may_rest(tcb))
            put_to_rest(tcb);
        else /* something has come in between */
            rest_consider(tcb);
    }
}

/* ---- Awake -------------------------------------------------------------- */

/* A TCB in place of the record; NULL without memory. */
static struct tcb *take_out(struct tcp *tcp, struct tcp_rest *rest)
{
    struct tcb *tcb = memory_alloc(tcp->env->memory, sizeof(*tcb));

    if (tcb == NULL && tcp_memory_admits_connection(tcp))
        tcb = memory_alloc(tcp->env->memory, sizeof(*tcb));
    if (tcb == NULL)
        return NULL;
    rest_copy(tcp, rest, tcb);
    forget(tcp, rest);
    tcb_enter(tcb);
    if (tcp_timer_is_set(tcb, TCP_TIMER_KEEPALIVE))
        tcp_timer_set(tcb, TCP_TIMER_KEEPALIVE, tcb->due[TCP_TIMER_KEEPALIVE]);
    return tcb;
}

/* Their FINs go, as far as there is memory. */
static void close_those_that_wait(struct tcp *tcp)
{
    while (tcp->closing != NULL) {
        struct tcp_rest *next = tcp->closing->next;
        struct tcb *tcb = take_out(tcp, tcp->closing);

        if (tcb == NULL)
            break;
        tcp->closing = next;
        tcp->unfinished--; /* the TCB counts as one itself */
        tcp_close(tcb);
    }
    if (tcp->closing != NULL && !timer_is_armed(&tcp->closing_timer))
        timer_arm(&tcp->env->timers, &tcp->closing_timer,
                  tcp->env->now + CLOSING_AGAIN);
}

static void closing_timer_fired(struct timer *timer)
{
    close_those_that_wait(container_of(timer, struct tcp, closing_timer));
}

struct tcb *tcp_wake(struct tcp *tcp, struct tcp_rest *rest)
{
    struct tcp_ends ends = tcp_ends_of_kept(&rest->ends);
    struct tcb *tcb;

    if (rest->is_closing) {
        close_those_that_wait(tcp);
        return tcb_find(tcp, &ends);
    }
    tcb = take_out(tcp, rest);
    if (tcb == NULL)
        return NULL;
    rest_consider(tcb);
    tcp->moved(tcp->notify_context, tcb->owner, tcb, NULL);
    return tcb;
}

void tcp_rest_close(struct tcp *tcp, struct tcp_rest *rest)
{
    if (rest->has_timer)
        timer_disarm(&tcp->env->timers, &timed(rest)->timer);
    rest->is_closing = true;
    rest->next = tcp->closing;
    tcp->closing = rest;
    tcp->unfinished++;
    close_those_that_wait(tcp);
}

void tcp_rest_abort(struct tcp *tcp, struct tcp_rest *rest)
{
    struct tcb tcb;

    rest_copy(tcp, rest, &tcb);
    forget(tcp, rest);
    tcp->connection_count--;
    tcp_send_reset(&tcb);
    tcp_port_release(&tcb);
    tcb_set_state(&tcb, TCPS_CLOSED);
}

void rest_abort_closed(struct tcp *tcp)
{
    while (tcp->closing != NULL) {
        struct tcp_rest *rest = tcp->closing;

        tcp->closing = rest->next;
        tcp->unfinished--;
        tcp_rest_abort(tcp, rest);
    }
}

unsigned tcp_rest_readiness(const struct tcp_rest *rest)
{
    return rest->readiness;
}

enum tcp_state tcp_rest_status(const struct tcp_rest *rest)
{
    return (enum tcp_state)rest->state;
}

struct endpoint tcp_rest_local(const struct tcp_rest *rest)
{
    struct tcp_ends ends = tcp_ends_of_kept(&rest->ends);

    return tcp_ends_local(&ends);
}

struct endpoint tcp_rest_remote(const struct tcp_rest *rest)
{
    struct tcp_ends ends = tcp_ends_of_kept(&rest->ends);

    return tcp_ends_remote(&ends);
}

uint32_t tcp_rest_arrived(const struct tcp_rest *rest)
{
    return rest->rcv_nxt;
}

/* ---- All of them -------------------------------------------------------- */

int rest_init(struct tcp *tcp)
{
    list_init(&tcp->tired);
    timer_init(&tcp->closing_timer, closing_timer_fired);
    tcp->at_first.cc = tcp->cc;
    tcp->at_first.send_buffer = tcp->config.send_buffer;
    tcp->at_first.receive_buffer = tcp->config.receive_buffer;
    return hash_table_init(&tcp->resting, tcp->env->memory);
}

void rest_fini(struct tcp *tcp)
{
    struct hash_node *node;
    uint32_t cursor = 0;

    while ((node = hash_table_any(&tcp->resting, &cursor)) != NULL) {
        struct tcp_rest *rest = container_of(node, struct tcp_rest, node);
        struct tcb tcb;

        rest_copy(tcp, rest, &tcb);
        forget(tcp, rest);
        tcp->connection_count--;
        tcp_port_release(&tcb);
    }
    timer_disarm(&tcp->env->timers, &tcp->closing_timer);
    hash_table_fini(&tcp->resting, tcp->env->memory);
}
