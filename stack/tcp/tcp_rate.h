/*
 * Delivery rate: how fast the network delivers what we send, measured with
 * each ACK. draft-ietf-ccwg-bbr-06 4.1, whose names these are (C. is struct
 * delivery_rate, P. struct rate_stamp, RS struct rate_sample). For whoever
 * models the path (tcp_bbr) and for TCP_INFO.
 *
 * Left out: counting duplicate ACKs as deliveries where the peer knows no SACK
 * (4.1.3.5.1 "can be"): the rate is then known only when SND.UNA moves.
 */
#ifndef TAPIR_TCP_TCP_RATE_H
#define TAPIR_TCP_TCP_RATE_H

#include "base/usec.h"

#include <stdbool.h>
#include <stdint.h>

struct tcb;
struct delivery;

/* Bytes a second: no sample is larger, so that a rate may be multiplied by a
 * gain and by ten seconds. */
#define RATE_MAX (UINT64_C(1) << 40)

/* What is remembered of the moment in which something was sent. There are
 * thousands of these: times are distances, to a good hour. */
struct rate_stamp {
    uint64_t delivered;
    uint32_t send_elapsed;   /* P.send_time - P.first_send_time, usec */
    uint32_t since_delivery; /* P.send_time - P.delivered_time, usec */
    uint32_t lost;           /* C.lost, modulo 2^32 */
    uint32_t tx_in_flight;   /* with what was sent */
    bool is_app_limited;
};

struct delivery_rate {
    uint64_t delivered; /* bytes, over the life of the connection */
    usec delivered_time;
    usec first_send_time;
    usec min_rtt;         /* over the life of the connection; 0: none yet */
    uint64_t app_limited; /* until so much is delivered samples may be low for
                             want of data; 0: they are not */
    /* The last sample that counts, for TCP_INFO. */
    uint64_t last_rate;
    bool last_is_app_limited;
};

struct rate_sample {
    bool has_data;
    uint64_t prior_delivered;
    uint64_t delivered;     /* bytes, over the interval */
    uint64_t delivery_rate; /* bytes a second; 0: none that can be relied on */
    usec rtt;               /* of what was sent last; USEC_NEVER: none */
    uint32_t newly_acked;   /* bytes */
    uint32_t newly_lost;
    uint32_t tx_in_flight;
    uint32_t lost; /* between that transmission and now */
    bool is_app_limited;
};

/* len bytes are about to go out. */
void rate_sending(struct tcb *tcb, uint32_t len);

/* 4.1.2.4: before the program's data is queued, before an ACK is looked at,
 * before a timer sends. */
void rate_check_app_limited(struct tcb *tcb);
/* What follows is not to be taken for all that the path bears. */
void rate_mark_app_limited(struct tcb *tcb);

/* An ACK has delivered something. */
void rate_delivered(struct tcb *tcb, const struct delivery *delivery,
                    struct rate_sample *sample);
/* The losses that the ACK tells of have been found: the sample is complete. */
void rate_finish(struct tcb *tcb, const struct delivery *delivery,
                 uint32_t newly_lost, struct rate_sample *sample);

#endif
