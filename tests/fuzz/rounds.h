/*
 * The rounds of a fuzzer. Each is made by its number alone, so one that failed
 * is done again by naming it.
 */
#ifndef TAPIR_TESTS_FUZZ_ROUNDS_H
#define TAPIR_TESTS_FUZZ_ROUNDS_H

#include <stdio.h>
#include <stdlib.h>

struct rounds {
    unsigned long first;
    unsigned long last;
};

/* FIRST [LAST] of the command line, or 1 to `most`. */
static inline struct rounds rounds_of(int argc, char **argv, unsigned long most)
{
    struct rounds rounds = {1, most};

    if (argc > 1)
        rounds.first = rounds.last = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        rounds.last = strtoul(argv[2], NULL, 10);
    return rounds;
}

/* What tests/run reads; a round that fails ends the program before. */
static inline int rounds_passed(struct rounds rounds)
{
    printf("100%%: Checks: %lu, Failures: 0, Errors: 0\n",
           rounds.last - rounds.first + 1);
    return EXIT_SUCCESS;
}

#endif
