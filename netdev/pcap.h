/*
 * Records what passes a device, both ways, to a file that tcpdump and
 * Wireshark read: pcap with microseconds, frames made whole first.
 */
#ifndef TAPIR_NETDEV_PCAP_H
#define TAPIR_NETDEV_PCAP_H

#include "base/memory.h"
#include "netdev/netdev.h"

enum { PCAP_SNAPLEN = 262144 };

/*
 * Takes over `inner`. `epoch` is the wall-clock time of stack time 0. Each
 * pass's records are in the file when its flush returns. 0, or a negative
 * errno of opening the file; `inner` is then still the caller's.
 */
MUST_CHECK int pcap_create(struct memory *memory, struct netdev *inner,
                           const char *path, usec epoch, struct netdev **out);

/* False after a write to the file has failed: the recording is cut there. */
bool pcap_is_complete(const struct netdev *dev);

#endif
