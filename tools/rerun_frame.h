/*
 * Where a debugger stops in a replay: once before each frame that is replayed.
 */
#ifndef TAPIR_TOOLS_RERUN_FRAME_H
#define TAPIR_TOOLS_RERUN_FRAME_H

#include "base/bytes.h"

#include <stdbool.h>

/*
 * Frame `number` comes next (of a capture, as Wireshark counts): a breakpoint
 * here, `break replay_frame if number == 12`, stands before it.
 */
DOOR void replay_frame(uint64_t number);

/* Stops by itself: needs a debugger. */
void rerun_frame_stop(uint64_t number);

/* Whether a debugger holds this process. */
bool rerun_is_debugged(void);

#endif
