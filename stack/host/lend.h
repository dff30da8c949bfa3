/*
 * Memory that a program has lent to be sent from (tapir_send_lend), and how it
 * is told that it is free again.
 */
#ifndef TAPIR_HOST_LEND_H
#define TAPIR_HOST_LEND_H

#include "base/lent.h"
#include "base/list.h"
#include "tapir.h"

/* Who will be told. */
struct lender {
    tapir_lent_fn *done;
    void *arg;
};

/* A loan of nothing yet; NULL: no memory. */
struct lent *lend_begin(const struct lender *lender);
/* The call is over: if it has taken nothing, nobody is told. Lock held. */
void lend_end(struct lent *lent, bool was_taken);
/* Tells those whose loans are over, as host_unlock gathers them. Lock not
 * held; errno is kept. */
void lend_tell(struct list *over);

#endif
