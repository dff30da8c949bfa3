/*
 * A segment for a connection at rest. Who sends under another's name, and so
 * knows neither the numbers nor how far he seems to be away, must not take
 * memory with it: what RFC 5082 3 and the first step of RFC 9293 3.10.7.4
 * refuse is refused, and answered, by a copy that is thrown away. Only what has
 * passed wakes the connection. TCP_INFO does not count those segments.
 */
#include "tcp/tcp_rest.h"

#include "tcp/tcp_output.h"
#include "tcp/tcp_sack.h"
#include "tcp/tcp_steps.h"

enum drop_reason rest_refuses(const struct tcb *copy,
                              const struct ip_packet *packet,
                              const struct tcp_segment *seg)
{
    if (packet->header.ttl < copy->settings.min_ttl)
        return DROP_TCP_LOW_TTL;
    return sequence_is_wrong(copy, seg);
}

/*
 * RFC 5961 7, and what holds for empty segments that are not acceptable
 * (tcp_challenge.h): one for each connection in the time of one part. The
 * record has the number of that time, cut to 16 bits, and 0 for none.
 */
static bool may_be_answered(struct tcp *tcp, struct tcp_rest *rest)
{
    usec time = usec_max(challenge_time(tcp), 1);
    uint16_t number = (uint16_t)(tcp->env->now / time % UINT16_MAX + 1);

    if (tcp->config.challenge_acks == 0 || rest->answered == number)
        return false;
    rest->answered = number;
    return true;
}

/* Whether an ACK is due, as for a connection that is awake. */
static bool is_to_be_answered(struct tcp *tcp, struct tcp_rest *rest,
                              const struct tcp_segment *seg)
{
    bool is_syn = seg->flags & SEG_SYN;

    if (seg->flags & SEG_RST)
        return false;
    if (seg->len > 0 && !is_syn) /* the ACK of text may have been lost */
        return true;
    if (!may_be_answered(tcp, rest)) {
        tcp->stats.challenge_acks_withheld += is_syn;
        return false;
    }
    tcp->stats.challenge_acks += is_syn;
    return true;
}

/* The record does not learn of the ACK: it offers no more than was offered. */
void rest_answer(struct tcp_rest *rest, struct tcb *copy,
                 const struct tcp_segment *seg, enum drop_reason why)
{
    bool passes_silently =
        why == DROP_TCP_LOW_TTL || why == DROP_TCP_NO_TIMESTAMP;

    if (passes_silently || !is_to_be_answered(copy->tcp, rest, seg))
        return;
    if (seg->text_len > 0 && seq_lt(seg->seq, copy->rcv_nxt))
        sack_note_duplicate(copy, seg->seq,
                            seq_min(segment_end(seg), copy->rcv_nxt));
    copy->settings.window_clamp = max_u32(tcb_receive_window(copy), 1);
    tcp_send_ack(copy);
}
