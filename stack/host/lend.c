/*
 * Loans end in the middle of what the stack does, with the lock held; programs
 * are told by whoever releases it next.
 */
#include "host/lend.h"

#include "host/host.h"

#include <errno.h>
#include <stdlib.h>

struct lending {
    struct list node; /* in the_host.loans_over */
    struct lent lent;
    struct lender lender; /* done NULL: nobody is to be told */
};

static struct lending *lending_of(struct lent *lent)
{
    return container_of(lent, struct lending, lent);
}

static void is_over(struct lent *lent)
{
    struct lending *lending = lending_of(lent);

    if (lending->lender.done == NULL)
        free(lending);
    else
        list_append(&the_host.loans_over, &lending->node);
}

struct lent *lend_begin(const struct lender *lender)
{
    struct lending *lending = malloc(sizeof(*lending));

    if (lending == NULL)
        return NULL;
    *lending = (struct lending){
        .lent = {.parts = 1, .is_over = is_over},
        .lender = *lender,
    };
    return &lending->lent;
}

void lend_end(struct lent *lent, bool was_taken)
{
    if (!was_taken)
        lending_of(lent)->lender.done = NULL;
    lent_give_back(lent);
}

void lend_tell(struct list *over)
{
    int error = errno;
    struct list *node;

    while ((node = list_pop(over)) != NULL) {
        struct lending *lending = container_of(node, struct lending, node);

        lending->lender.done(lending->lender.arg);
        free(lending);
    }
    errno = error;
}
