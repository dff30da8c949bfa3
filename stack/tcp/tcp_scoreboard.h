/*
 * The scoreboard: what is outstanding, when it was sent, and what became of
 * it. RFC 6675 3 keeps one for what was selectively acknowledged, RFC 8985 5.2
 * for the times; here it is one list of ranges, in order of their sequence
 * numbers and without gaps from SND.UNA to SND.NXT. Everything that was sent
 * at the same moment is one range until an acknowledgment tells its parts
 * apart.
 *
 * Work and memory are bounded (SCOREBOARD_MAX ranges): as they are used up,
 * moments of sending that lie close together become one; a SACK block that
 * would need more is not believed.
 *
 * What is in flight (neither sacked nor lost) is in a second order as well,
 * that of its transmissions: RFC 8985 6.2 step 5 has it, so that an ACK looks
 * at what may be lost and at no more. For that a range stays where it is in
 * memory while others come and go: `ranges` is a pool, `order` tells which is
 * which by sequence number.
 */
#ifndef TAPIR_TCP_SCOREBOARD_H
#define TAPIR_TCP_SCOREBOARD_H

#include "base/memory.h"
#include "base/usec.h"
#include "tcp/seq.h"
#include "tcp/tcp_rate.h"

enum { SCOREBOARD_MAX = 4096 };

struct sent_range {
    tcp_seq start;
    tcp_seq end;
    usec sent_at; /* the last time */
    bool sacked;
    bool lost;   /* to be sent again */
    bool resent; /* was sent more than once */
    /* while in flight: places in the pool, in order of sent_at; `later` also
     * of a place that is free */
    uint16_t earlier;
    uint16_t later;
    struct rate_stamp stamp; /* of the last time */
};

struct scoreboard;
typedef void scoreboard_lost_fn(struct scoreboard *board,
                                const struct sent_range *range);

struct scoreboard {
    struct sent_range *ranges;
    uint16_t *order; /* places of `count` ranges, from `head` on */
    uint16_t head;
    uint16_t count;
    uint16_t capacity;
    uint16_t free;   /* the first free place */
    uint16_t oldest; /* in flight: the first transmission, the last */
    uint16_t newest;
    tcp_seq lost_from;           /* nothing before it is lost */
    uint32_t sacked;             /* bytes */
    uint32_t lost;               /* bytes */
    uint32_t looked_at;          /* ranges, one by one: the work; for tests */
    uint64_t lost_ever;          /* bytes that were ever taken for lost */
    struct rate_stamp stamp;     /* what is sent next remembers this */
    scoreboard_lost_fn *on_lost; /* is told of each range; NULL: nobody is */
};

/* What one ACK has newly delivered: by SND.UNA, or by SACK. */
struct delivery {
    /* Told beforehand: a retransmission after this time is too recent to have
     * been answered by the ACK; it was an earlier one (RFC 8985 6.2 step 2). */
    usec answerable;
    uint32_t acked;         /* bytes by which SND.UNA moved */
    uint32_t sacked;        /* bytes newly selectively acknowledged */
    uint32_t delivered;     /* of both, those that were not delivered before */
    bool has_original;      /* some of it was never sent twice: */
    tcp_seq original_start; /* the lowest such */
    tcp_seq original_end;   /* the highest */
    usec original_sent_at;  /* the first of them */
    bool acked_resent;      /* SND.UNA has passed some that was sent twice */
    tcp_seq highest_end;    /* of it all */
    bool has_newest;        /* what was sent last, of what is answerable: */
    struct sent_range newest;
};

void scoreboard_init(struct scoreboard *board);
void scoreboard_fini(struct scoreboard *board, struct memory *memory);

/* Room for one more; false only if nothing at all is outstanding and there is
 * no memory: then nothing can be sent. */
MUST_CHECK bool scoreboard_reserve(struct scoreboard *board,
                                   struct memory *memory);

/* [start, end) went out for the first time; it begins where the last range
 * ends. */
void scoreboard_sent(struct scoreboard *board, struct memory *memory,
                     tcp_seq start, tcp_seq end, usec now);

/* [start, end), which is outstanding, went out again; how many bytes of it for
 * the first time. */
uint32_t scoreboard_resent(struct scoreboard *board, struct memory *memory,
                           tcp_seq start, tcp_seq end, usec now);

/* Everything before `una` has arrived. */
void scoreboard_acknowledge(struct scoreboard *board, tcp_seq una,
                            struct delivery *delivery);

/* [start, end) has arrived, out of order. */
void scoreboard_sack(struct scoreboard *board, struct memory *memory,
                     tcp_seq start, tcp_seq end, struct delivery *delivery);

/* What the cumulative ACK should have reached: the peer has thrown it away
 * again, as it may (RFC 2018 8). */
bool scoreboard_first_is_sacked(const struct scoreboard *board);
/* The peer has taken its SACKs back. */
void scoreboard_forget_sacks(struct scoreboard *board);

/* [start, end), as far as it is outstanding and not sacked, is lost. */
void scoreboard_lose(struct scoreboard *board, struct memory *memory,
                     tcp_seq start, tcp_seq end);
/* A range that is in flight is lost. */
void scoreboard_lose_range(struct scoreboard *board, struct sent_range *range);
/* Nothing is lost after all. */
void scoreboard_forget_losses(struct scoreboard *board);

/* The first lost range; NULL if nothing is. */
const struct sent_range *scoreboard_first_lost(struct scoreboard *board);

/* How far it is lost from `seq` on without a gap, `most` bytes at most. */
tcp_seq scoreboard_lost_until(const struct scoreboard *board, tcp_seq seq,
                              uint32_t most);

/* What is in flight in order of transmission, the oldest first; NULL: that was
 * all. */
struct sent_range *scoreboard_oldest(struct scoreboard *board);
struct sent_range *scoreboard_next_sent(struct scoreboard *board,
                                        const struct sent_range *range);

/* Ranges by position, in order of sequence numbers. */
static inline struct sent_range *scoreboard_at(const struct scoreboard *board,
                                               unsigned index)
{
    return board->ranges + board->order[board->head + index];
}

#endif
