#include "tcp/tcp_extra.h"

#include "tcp/tcb.h"

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

struct error_queue *tcp_errors(struct tcb *tcb)
{
    return tcb->extra == NULL ? NULL : &tcb->extra->errors;
}

void tcp_move_extra(struct tcb *to, struct tcb *from)
{
    tcp_extra_free(to);
    to->extra = from->extra;
    from->extra = NULL;
}
