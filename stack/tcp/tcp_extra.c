#include "tcp/tcp_extra.h"

#include "tcp/tcb.h"

#include <errno.h>

struct tcp_extra *tcp_extra_make(struct tcb *tcb)
{
    struct memory *memory = tcb->tcp->env->memory;

    if (tcb->extra != NULL)
        return tcb->extra;
    tcb->extra = memory_alloc(memory, sizeof(*tcb->extra));
    if (tcb->extra == NULL)
        return NULL;
    *tcb->extra = (struct tcp_extra){0};
    error_queue_init(&tcb->extra->errors);
    return tcb->extra;
}

void tcp_extra_free(struct tcb *tcb)
{
    struct memory *memory = tcb->tcp->env->memory;

    if (tcb->extra == NULL)
        return;
    error_queue_clear(&tcb->extra->errors, memory);
    memory_free(memory, tcb->extra, sizeof(*tcb->extra));
    tcb->extra = NULL;
}

/* As Linux: with the segment's header, as far as it is quoted. */
void tcp_extra_add_error(struct tcb *tcb, const struct icmp_error *error)
{
    struct tcp_extra *extra = tcb->owner == NULL ? NULL : tcp_extra_make(tcb);

    if (extra != NULL)
        error_queue_add_icmp(&extra->errors, tcb->tcp->env,
                             tcp_receive_buffer(tcb), error, tcb->remote.port,
                             0);
}

/* Of the next byte to be read. */
static tcp_seq read_seq(const struct tcb *tcb)
{
    bool is_past_fin = tcb->has_rcv_fin && seq_gt(tcb->rcv_nxt, tcb->rcv_fin);

    return tcb->rcv_nxt - is_past_fin - rcvbuf_unread(&tcb->rcvbuf);
}

static void forget_read(struct tcp_extra *extra, tcp_seq until)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < extra->arrival_count; i++)
        if (seq_gt(extra->arrivals[i].end, until))
            extra->arrivals[kept++] = extra->arrivals[i];
    extra->arrival_count = kept;
}

static void add_arrival(struct tcp_extra *extra, tcp_seq end, usec at)
{
    if (extra->arrival_count == TCP_ARRIVALS_MAX)
        extra->arrival_count--;
    extra->arrivals[extra->arrival_count++] =
        (struct tcp_arrival){.end = end, .at = at};
}

/* Where the last one ended, or there is nothing that is unread and unknown. */
static bool continues(const struct tcp_extra *extra, tcp_seq read, tcp_seq from)
{
    if (extra->arrival_count == 0)
        return read == from;
    return extra->arrivals[extra->arrival_count - 1].end == from;
}

void tcp_extra_note_arrival(struct tcb *tcb, tcp_seq before)
{
    struct tcp_extra *extra = tcp_extra_make(tcb);
    tcp_seq read = read_seq(tcb);

    if (extra == NULL || tcb->rcv_nxt == before)
        return;
    forget_read(extra, read);
    if (!continues(extra, read, before))
        add_arrival(extra, before, USEC_NEVER);
    add_arrival(extra, tcb->rcv_nxt, tcb->tcp->env->now);
}

void tcp_extra_tidy(struct tcb *tcb)
{
    struct tcp_extra *extra = tcb->extra;

    if (extra == NULL || tcb->settings.stamps_text)
        return;
    forget_read(extra, read_seq(tcb));
    if (extra->arrival_count == 0 && extra->filter == NULL &&
        error_queue_first(&extra->errors) == NULL)
        tcp_extra_free(tcb);
}

usec tcp_arrived_at(const struct tcb *tcb, uint32_t ahead)
{
    tcp_seq end = read_seq(tcb) + ahead;

    for (unsigned i = 0; tcb->extra != NULL && i < tcb->extra->arrival_count;
         i++)
        if (seq_geq(tcb->extra->arrivals[i].end, end))
            return tcb->extra->arrivals[i].at;
    return USEC_NEVER;
}

int tcp_set_filter(struct tcb *tcb, const struct bpf_program *filter)
{
    struct tcp_extra *extra = filter == NULL ? tcb->extra : tcp_extra_make(tcb);

    if (extra == NULL)
        return filter == NULL ? 0 : -ENOMEM;
    extra->filter = filter;
    return 0;
}

struct error_queue *tcp_errors(struct tcb *tcb)
{
    return tcb->extra == NULL ? NULL : &tcb->extra->errors;
}

void tcp_move_extra(struct tcb *to, struct tcb *from)
{
    tcp_extra_free(to);
    to->extra = from->extra;
    from->extra = NULL;
    if (to->extra != NULL)
        to->extra->arrival_count = 0; /* of another sequence space */
}
