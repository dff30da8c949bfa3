/*
 * Whether a system call is worth making that may find nothing: guessed from
 * how it went before. It is made while at least one in four finds something,
 * and now and then although it has not, in case things have changed.
 */
#ifndef TAPIR_HOST_GUESS_H
#define TAPIR_HOST_GUESS_H

#include <stdbool.h>
#include <stdint.h>

enum { GUESS_TRUST = 3, GUESS_REST = 16 };

struct guess {
    uint8_t trust;  /* failures that it bears before it rests */
    uint8_t rested; /* chances that were let go since */
};

/* Whether to try. All zero: not at first. */
static inline bool guess_is_yes(struct guess *guess)
{
    return guess->trust > 0 || ++guess->rested % GUESS_REST == 0;
}

/* What came of a try. */
static inline void guess_learn(struct guess *guess, bool has_paid)
{
    guess->trust = has_paid           ? GUESS_TRUST
                   : guess->trust > 0 ? (uint8_t)(guess->trust - 1)
                                      : 0;
}

#endif
