/*
 * An end of `tapir wire`: what is behind it, a kernel or a stack, and what got
 * lost there without the wire's doing.
 */
#ifndef TAPIR_TOOLS_WIRE_END_H
#define TAPIR_TOOLS_WIRE_END_H

#include "netdev/netdev.h"

struct wire_end {
    const char *text; /* as it was given */
    struct netdev *dev;
    int counters;           /* /proc/net/dev of a TAP's namespace; -1 */
    char name[16];          /* of the TAP */
    uint64_t dropped_first; /* what its counter said at the opening */
};

enum { WIRE_WHY_MAX = 512 };

/*
 * "tap:NAME", "tap:NAME@NETNS" (a name of /run/netns, or a process whose
 * namespace it is) or "unix:PATH". 0; a negative errno and one line in `why`:
 * the reason and its repair.
 */
MUST_CHECK int wire_end_open(struct wire_end *end, const char *text,
                             char why[static WIRE_WHY_MAX]);
void wire_end_close(struct wire_end *end);

/* Frames that the kernel could not put into the TAP's queue, since the
 * opening. */
uint64_t wire_end_dropped(const struct wire_end *end);

#endif
