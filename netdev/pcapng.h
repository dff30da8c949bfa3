/*
 * Records what passes a device, both ways, to a pcapng file: with the
 * direction of each packet, with a comment that says what became of it, which
 * Wireshark and tshark show, and with the interface's statistics.
 *
 * The recorder knows nothing of stacks: whoever does tells it what to say. A
 * frame that came in is written when the next one is asked for or the pass
 * ends, so that what was said of it meanwhile is in its block.
 */
#ifndef TAPIR_NETDEV_PCAPNG_H
#define TAPIR_NETDEV_PCAPNG_H

#include "base/memory.h"
#include "netdev/netdev.h"
#include "netdev/pcapng_block.h"

struct pcapng_config {
    const char *interface;   /* its name */
    const char *application; /* who writes */
    usec epoch;              /* the wall-clock time of stack time 0 */
    /* Adds what it knows, with a comment of its own memory; NULL: nothing. */
    void (*count)(void *context, struct pcapng_statistics *statistics);
    void *context;
};

/* As pcap_create. */
MUST_CHECK int pcapng_create(struct memory *memory, struct netdev *inner,
                             const char *path,
                             const struct pcapng_config *config,
                             struct netdev **out);

/*
 * More to be said of the frame that was received last, after "; " if something
 * was said already; or of the one that is transmitted next.
 */
void pcapng_say_of_received(struct netdev *dev, const char *text);
void pcapng_say_of_next(struct netdev *dev, const char *text);

/* False after a write to the file has failed: the recording is cut there. */
bool pcapng_is_complete(const struct netdev *dev);

#endif
