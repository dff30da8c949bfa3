/*
 * SACK as the peer sees it: what may stand in the options of the stack's
 * segments, RFC 2018 3 and 4, RFC 2883 4.
 */
#include "tests/tcp/conversation_internal.h"

#include <stdlib.h>
#include <string.h>

bool sack_agreed(const struct peer *peer)
{
    return peer->offered_sack && peer->stack_offered_sack;
}

unsigned count_sacks(const struct sack *list, unsigned room)
{
    unsigned count = 0;

    while (count < room && (list[count].from != 0 || list[count].to != 0))
        count++;
    return count;
}

struct sack sack_of(const struct peer *peer, const struct segment *segment,
                    unsigned i)
{
    const struct segment_sack *sack = &segment->options.sacks[i];

    return (struct sack){relative(sack->from, peer->iss, peer->next),
                         relative(sack->to, peer->iss, peer->next)};
}

/* ---- what the peer has sent ---- */

static void make_room(struct peer *peer)
{
    if (peer->said_count < peer->said_room)
        return;
    peer->said_room = peer->said_room == 0 ? 16 : peer->said_room * 2;
    peer->said = realloc(peer->said, peer->said_room * sizeof(*peer->said));
    ck_assert_ptr_nonnull(peer->said);
}

void remember_text(struct peer *peer, int64_t from, int64_t to)
{
    struct sack *said = peer->said;
    size_t first = peer->said_count;
    size_t after = peer->said_count;

    if (from == to)
        return;
    while (first > 0 && said[first - 1].to >= from)
        first--;
    while (after > first && said[after - 1].from > to)
        after--;
    if (first < after) { /* it touches these: all are one */
        from = said[first].from < from ? said[first].from : from;
        to = said[after - 1].to > to ? said[after - 1].to : to;
    } else {
        make_room(peer);
        said = peer->said;
    }
    memmove(said + first + 1, said + after,
            (peer->said_count - after) * sizeof(*said));
    peer->said_count = peer->said_count - after + first + 1;
    said[first] = (struct sack){from, to};
}

static bool was_said(const struct peer *peer, const struct sack *sack)
{
    size_t low = 0;
    size_t high = peer->said_count;

    while (low < high) { /* the first that ends at or after it */
        size_t middle = (low + high) / 2;

        if (peer->said[middle].to >= sack->to)
            high = middle;
        else
            low = middle + 1;
    }
    return low < peer->said_count && peer->said[low].from <= sack->from;
}

/* ---- what the stack says of it ---- */

static bool overlap(const struct sack *a, const struct sack *b)
{
    return a->from < b->to && b->from < a->to;
}

/* RFC 2883 4: below the acknowledgment, or within the second block. */
static bool first_is_dsack(const struct sack *sacks, unsigned count,
                           int64_t ack)
{
    return count > 0 && (sacks[0].to <= ack ||
                         (count > 1 && sacks[1].from <= sacks[0].from &&
                          sacks[0].to <= sacks[1].to));
}

const char *check_sack(const struct conversation *c, const struct peer *peer,
                       const struct segment *segment)
{
    unsigned count = segment->options.sack_count;
    int64_t ack = relative(segment->ack, peer->iss, peer->next);
    struct sack sacks[SEGMENT_SACKS_MAX];
    unsigned first;

    if (count == 0)
        return NULL;
    if (!sack_agreed(peer))
        return "SACK blocks against the agreement (RFC 2018 2)";
    if ((segment->flags & ACK) == 0 || (segment->flags & RST) != 0)
        return "SACK blocks without an acknowledgment";
    for (unsigned i = 0; i < count; i++) {
        sacks[i] = sack_of(peer, segment, i);
        if (sacks[i].from >= sacks[i].to)
            return "a SACK block without text";
        if (!was_said(peer, &sacks[i]))
            return "a SACK block of what the peer has not sent";
    }
    first = first_is_dsack(sacks, count, ack) ? 1 : 0;
    if (first > 0 && c->options.no_dsack)
        return "a D-SACK, which is switched off";
    for (unsigned i = first; i < count; i++) {
        if (sacks[i].from <= ack)
            return "a SACK block at or below the acknowledgment (RFC 2018 3)";
        for (unsigned j = i + 1; j < count; j++)
            if (overlap(&sacks[i], &sacks[j]))
                return "SACK blocks that overlap (RFC 2018 4)";
    }
    return NULL;
}
