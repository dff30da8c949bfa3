/*
 * Whether a system call is worth making that may find nothing: guessed from
 * how it went before. It is made until too many have found nothing in a row,
 * and then now and then, in case things have changed.
 */
#ifndef TAPIR_HOST_GUESS_H
#define TAPIR_HOST_GUESS_H

#include <stdbool.h>
#include <stdint.h>

struct guess {
    uint8_t trust;  /* failures that it bears before it rests */
    uint8_t rested; /* chances that were let go since */
};

/* Whether to try: each `rest`-th time at least. All zero: not at first. */
static inline bool guess_is_yes(struct guess *guess, uint8_t rest)
{
    return guess->trust > 0 || ++guess->rested % rest == 0;
}

/* What came of a try; `trust` failures are borne after each success. */
static inline void guess_learn(struct guess *guess, bool has_paid,
                               uint8_t trust)
{
    guess->trust = has_paid           ? trust
                   : guess->trust > 0 ? (uint8_t)(guess->trust - 1)
                                      : 0;
}

#endif
