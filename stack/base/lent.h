/*
 * Memory of a program from which the stack sends in place. It is lent in one
 * or several parts and must not change until the last of them is given back.
 */
#ifndef TAPIR_BASE_LENT_H
#define TAPIR_BASE_LENT_H

#include <stdint.h>

struct lent {
    uint32_t parts; /* that are in use, the owner's own hold included */
    /* The last part has been given back. Called in the middle of what the
     * stack does: it must not call back. */
    void (*is_over)(struct lent *lent);
};

static inline void lent_hold(struct lent *lent)
{
    lent->parts++;
}

static inline void lent_give_back(struct lent *lent)
{
    if (--lent->parts == 0)
        lent->is_over(lent);
}

#endif
