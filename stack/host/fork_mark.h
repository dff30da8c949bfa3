/*
 * Whose memory this is: a byte that every child finds wiped (madvise(2),
 * MADV_WIPEONFORK) until it sets it anew, however the child was made: the
 * handlers of pthread_atfork(3) hear of fork(3) alone. To look costs one load.
 * A child of vfork(2) has its parent's memory, and finds it set.
 */
#ifndef TAPIR_HOST_FORK_MARK_H
#define TAPIR_HOST_FORK_MARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fork_mark {
    _Atomic(_Atomic uint8_t *) byte; /* NULL: not set yet, or the kernel, before
                                        4.14, has no such memory */
};

/* It is this process's. */
void fork_mark_set(struct fork_mark *mark);

static inline bool fork_mark_is_wiped(const struct fork_mark *mark)
{
    _Atomic uint8_t *byte =
        atomic_load_explicit(&mark->byte, memory_order_acquire);

    return byte != NULL &&
           atomic_load_explicit(byte, memory_order_relaxed) == 0;
}

#endif
