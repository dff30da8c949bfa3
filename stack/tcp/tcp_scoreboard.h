/*
 * The scoreboard: what is outstanding, when it was sent, and what became of
 * it. RFC 6675 3 keeps one for what was selectively acknowledged, RFC 8985 5.2
 * for the times; here it is one list of ranges, in order of their sequence
 * numbers and without gaps from SND.UNA to SND.NXT. Everything that was sent
 * at the same moment is one range until an acknowledgment tells its parts
 * apart.
 *
 * Work and memory are bounded (SCOREBOARD_MAX ranges): a SACK block that would
 * need more is not believed, and what is sent then counts as sent with what
 * went before.
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
    bool lost;               /* to be sent again */
    bool resent;             /* was sent more than once */
    struct rate_stamp stamp; /* of the last time */
};

struct scoreboard;
typedef void scoreboard_lost_fn(struct scoreboard *board,
                                const struct sent_range *range);

struct scoreboard {
    struct sent_range *ranges;
    uint16_t head;
    uint16_t count;
    uint16_t capacity;
    uint32_t sacked;             /* bytes */
    uint32_t lost;               /* bytes */
    uint64_t lost_ever;          /* bytes that were ever taken for lost */
    struct rate_stamp stamp;     /* what is sent next remembers this */
    scoreboard_lost_fn *on_lost; /* is told of each range; NULL: nobody is */
};

/* What one ACK has newly delivered: by SND.UNA, or by SACK. */
struct delivery {
    uint32_t acked;         /* bytes by which SND.UNA moved */
    uint32_t sacked;        /* bytes newly selectively acknowledged */
    uint32_t delivered;     /* of both, those that were not delivered before */
    bool has_original;      /* some of it was never sent twice: */
    tcp_seq original_start; /* the lowest such */
    tcp_seq original_end;   /* the highest */
    tcp_seq highest_end;    /* of it all */
    bool has_newest;        /* of it all, what was sent last: */
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

/* [start, end), which is outstanding, went out again. */
void scoreboard_resent(struct scoreboard *board, struct memory *memory,
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
/* Nothing is lost after all. */
void scoreboard_forget_losses(struct scoreboard *board);

/* The first lost range; NULL if nothing is. */
const struct sent_range *scoreboard_first_lost(const struct scoreboard *board);

/* How far it is lost from this range on without a gap, `most` bytes at most. */
tcp_seq scoreboard_lost_until(const struct scoreboard *board,
                              const struct sent_range *range, uint32_t most);

/* Ranges by position, in order of sequence numbers. */
static inline struct sent_range *scoreboard_at(const struct scoreboard *board,
                                               unsigned index)
{
    return board->ranges + board->head + index;
}

#endif
