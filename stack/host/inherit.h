/*
 * What becomes of the stack when its process forks and then ends, as daemons
 * begin: the child has a copy of it, and needs only the device to go on. Under
 * the preload shim alone; a program of tapir.h opens its stack where it wants
 * it.
 *
 *   - Each fork ties parent and child by a pair of sockets. The child that was
 *     forked last is the heir.
 *   - A parent that exits offers its heir the device, if it has sockets. Its
 *     TCP connections end with it: how far they have come the child's copy does
 *     not know. What was written is finished, as always, and then the heir has
 *     the rest: listening sockets, UDP. If it does not claim it within two
 *     seconds, nobody has it.
 *   - The heir claims it in its first call that needs the stack, which waits a
 *     second for the offer, and then until its parent has finished. Without an
 *     offer, and in all other children, calls say ENETDOWN, and why is told in
 *     one line.
 *   - An heir that ends, and has not claimed it, leaves its place to an heir of
 *     its own: so daemons that fork twice have the stack in the end.
 *   - daemon(3)'s parent has nothing left to do, so its fork gives the device
 *     with everything, connections too, and the child claims it at once.
 *
 * All functions here are called with the lock held, but for the last two.
 */
#ifndef TAPIR_HOST_INHERIT_H
#define TAPIR_HOST_INHERIT_H

#include <stdbool.h>

struct inheritance {
    int heir_fd;         /* the parent's end; 0: there is no heir */
    int heirs_estate_fd; /* the other one, while it forks */
    int estate_fd;       /* the child's, from which the device may come; or 0 */
    bool gives_at_fork;  /* as daemon(3) */
    bool has_waited;     /* the child, in vain, since its parent's last word */
    bool has_claimed;    /* the child: its parent is about to exit */
    bool has_complained; /* the child */
};

/* exit.c, before a fork and after it. */
void inherit_prepare(void);
void inherit_in_parent(void);
/* Whether the stack may become the child's, which then keeps the numbers of its
 * device; the_host.is_child is its parent's still. */
bool inherit_in_child(void);

/* The process ends: its heir has the stack now; or false, and this process
 * still has it. */
bool inherit_give(void);

/* A child needs the stack. Whether it has become its own. */
bool inherit_claim(void);

/* Whether the stack of this child's copy may still become its own. */
bool inherit_is_open(void);

/* Around a fork of the calling thread: as daemon(3)'s. */
void inherit_begin_giving(void);
void inherit_end_giving(void);

#endif
