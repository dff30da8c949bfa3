/*
 * A recorder around a device, of the kind that the file's name asks for: pcap,
 * or pcapng with what became of each packet if it ends in ".pcapng".
 */
#ifndef TAPIR_HOST_CAPTURE_H
#define TAPIR_HOST_CAPTURE_H

#include "base/memory.h"
#include "host/pcapng_story.h"

struct capture_dev {
    struct netdev *dev;         /* with the recorder around it, if any */
    struct pcapng_story *story; /* its listener has to hear the stack's events;
                                   NULL: nobody has to */
};

/*
 * Puts it around captured->dev; no path: nothing is done. `interface` is a
 * name for the file. 0; a negative errno, and all is as before.
 */
MUST_CHECK int capture_around(struct capture_dev *captured,
                              struct memory *memory, const char *path,
                              const char *interface, usec epoch);

/* False after a write to the file has failed. It was put there. */
bool capture_is_complete(const struct capture_dev *captured);

/* The device is closed, and then nobody needs the story; `memory` as then. */
void capture_close(const struct capture_dev *captured, struct memory *memory);

#endif
