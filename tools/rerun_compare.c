/*
 * Both sequences are walked together. Where they part, the nearest two packets
 * ahead that are the same bring them together again; what lies between is
 * paired by what it is about, and the rest of it is missing or extra. How far
 * is looked ahead is bounded, so is the work.
 */
#include "rerun_compare.h"

#include <stdlib.h>

enum { AHEAD_MAX = 48 };

const char *rerun_verdict_text(enum rerun_verdict verdict)
{
    switch (verdict) {
    case RERUN_SAME:
        return "same";
    case RERUN_MISSING:
        return "missing";
    case RERUN_EXTRA:
        return "extra";
    case RERUN_OTHER:
        return "other";
    case RERUN_MOVED:
        return "moved";
    case RERUN_LATER:
        return "later";
    case RERUN_VERDICTS:
        break;
    }
    return "";
}

struct walk {
    const struct rerun_sent *host;
    const struct rerun_sent *stack;
    size_t i, j;
    const struct rerun_judge *judge;
    uint64_t *counts;
    rerun_finding_fn *each;
    void *context;
};

static void tell(struct walk *walk, enum rerun_verdict verdict,
                 const struct rerun_packet *host,
                 const struct rerun_packet *stack, unsigned differences)
{
    struct rerun_finding finding = {verdict, host, stack, differences};

    walk->counts[verdict]++;
    if (walk->each != NULL)
        walk->each(walk->context, &finding);
}

static void tell_pair(struct walk *walk, const struct rerun_packet *host,
                      const struct rerun_packet *stack)
{
    unsigned differences =
        rerun_packets_compare(host, stack, walk->judge->is_strict);
    enum rerun_verdict verdict = differences != 0 ? RERUN_OTHER : RERUN_SAME;

    if (llabs(stack->time - host->time) > walk->judge->tolerance) {
        differences |= DIFFERS_TIME;
        if (verdict == RERUN_SAME)
            verdict = RERUN_MOVED;
    }
    tell(walk, verdict, host, stack, differences);
}

/* What was to be answered by the end of the capture, can be judged. */
static void tell_extra(struct walk *walk, const struct rerun_packet *stack)
{
    const struct rerun_judge *judge = walk->judge;
    bool is_later = stack->time > judge->ended ||
                    (judge->is_open && stack->time == judge->ended);

    tell(walk, is_later ? RERUN_LATER : RERUN_EXTRA, NULL, stack, 0);
}

/* Both are about the same thing. */
static bool is_pair(const struct rerun_packet *a, const struct rerun_packet *b)
{
    enum { CONTROL = SEG_SYN | SEG_FIN | SEG_RST };

    switch (a->kind) {
    case RERUN_TCP:
        return a->seq == b->seq && (a->text.len > 0) == (b->text.len > 0) &&
               (a->flags & CONTROL) == (b->flags & CONTROL);
    case RERUN_ICMP:
        return a->type == b->type && a->id == b->id &&
               a->sequence == b->sequence;
    case RERUN_ARP:
        return a->type == b->type;
    case RERUN_UDP:
    case RERUN_NOTHING:
        break;
    }
    return false;
}

/* Up to, not with, the host's number i_end and the stack's j_end. */
static void tell_gap(struct walk *walk, size_t i_end, size_t j_end)
{
    for (; walk->i < i_end; walk->i++) {
        const struct rerun_packet *host = &walk->host->packets[walk->i];
        size_t j = walk->j;

        while (j < j_end && !is_pair(host, &walk->stack->packets[j]))
            j++;
        if (j == j_end) {
            tell(walk, RERUN_MISSING, host, NULL, 0);
            continue;
        }
        while (walk->j < j)
            tell_extra(walk, &walk->stack->packets[walk->j++]);
        tell_pair(walk, host, &walk->stack->packets[walk->j++]);
    }
    while (walk->j < j_end)
        tell_extra(walk, &walk->stack->packets[walk->j++]);
}

static bool is_same(const struct walk *walk, size_t i, size_t j)
{
    return i < walk->host->count && j < walk->stack->count &&
           rerun_packets_compare(&walk->host->packets[i],
                                 &walk->stack->packets[j],
                                 walk->judge->is_strict) == 0;
}

/* Where both come together again; if nowhere near, one packet on. */
static void find_anchor(const struct walk *walk, size_t *i_end, size_t *j_end)
{
    for (size_t sum = 1; sum <= AHEAD_MAX; sum++) {
        for (size_t a = 0; a <= sum; a++) {
            if (!is_same(walk, walk->i + a, walk->j + sum - a))
                continue;
            *i_end = walk->i + a;
            *j_end = walk->j + sum - a;
            return;
        }
    }
    *i_end = min_size(walk->i + 1, walk->host->count);
    *j_end = min_size(walk->j + 1, walk->stack->count);
}

void rerun_compare(const struct rerun_flow *flow,
                   const struct rerun_judge *judge,
                   uint64_t counts[static RERUN_VERDICTS],
                   rerun_finding_fn *each, void *context)
{
    struct walk walk = {.host = &flow->sent[RERUN_HOST],
                        .stack = &flow->sent[RERUN_STACK],
                        .judge = judge,
                        .counts = counts,
                        .each = each,
                        .context = context};
    size_t i_end, j_end;

    while (walk.i < walk.host->count || walk.j < walk.stack->count) {
        if (is_same(&walk, walk.i, walk.j)) {
            tell_pair(&walk, &walk.host->packets[walk.i++],
                      &walk.stack->packets[walk.j++]);
            continue;
        }
        find_anchor(&walk, &i_end, &j_end);
        tell_gap(&walk, i_end, j_end);
    }
}
