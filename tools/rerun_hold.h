/*
 * Acknowledgments that are ahead of the stack: the peer has them for what the
 * host had sent, and the stack not yet. They are cut back to what it has sent,
 * and what was cut off comes as soon as it has. Without that a stack that once
 * sends later than the host did would never hear of its data again.
 */
#ifndef TAPIR_TOOLS_RERUN_HOLD_H
#define TAPIR_TOOLS_RERUN_HOLD_H

#include "rerun_script.h"

enum { RERUN_ACK_MAX = 14 + 60 + 60 }; /* a frame of headers alone */

struct rerun_hold {
    struct rerun_flow *first; /* those of which something is held back */
    uint64_t count;           /* ACKs that were cut */
};

/* The segment of the peer's is given to the stack. True: it was changed, and
 * its checksum with it. */
bool rerun_hold_back(struct rerun_hold *hold, enum netdev_type type,
                     struct rerun_record *record);

/* An ACK that is due now: the length of its frame; 0: there is none. */
size_t rerun_hold_next(struct rerun_hold *hold, enum netdev_type type,
                       uint8_t frame[static RERUN_ACK_MAX]);

#endif
