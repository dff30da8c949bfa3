/*
 * ECN, RFC 3168 6.1: what must hold for each segment of the stack.
 */
#include "tests/tcp/conversation_internal.h"

bool is_ecn_setup(unsigned flags)
{
    unsigned setup = (flags & ACK) != 0 ? ECE : ECE | CWR; /* 6.1.1 */

    return (flags & SYN) != 0 && (flags & (ECE | CWR)) == setup;
}

static bool is_agreed(const struct peer *peer)
{
    return peer->offered_ecn && peer->stack_offered_ecn;
}

/* Text that goes for the first time, and into the window: no probe of it. */
static bool is_new_text(const struct peer *peer, const struct segment *segment)
{
    int64_t seq = relative(segment->seq, peer->stack_iss, peer->received);

    return segment->len > 0 && seq >= peer->stack_sent &&
           seq + (int64_t)segment->len <= peer->edge;
}

const char *check_ecn(const struct peer *peer, const struct segment *segment)
{
    unsigned ecn = segment_ecn(segment);

    if (ecn == CE || ecn == ECT_1)
        return "CE or ECT(1) from an end (RFC 3168 6.1.2)";
    if ((segment->flags & SYN) != 0) {
        if (ecn != NOT_ECT)
            return "ECT on a SYN (RFC 3168 6.1.1)";
        if ((segment->flags & ACK) != 0 && (segment->flags & ECE) != 0 &&
            !peer->offered_ecn)
            return "ECN granted that nobody asked for (RFC 3168 6.1.1)";
        return NULL;
    }
    if ((segment->flags & (ECE | CWR)) != 0 &&
        (!is_agreed(peer) || (segment->flags & RST) != 0))
        return "ECN flags that were not agreed on (RFC 3168 6.1.1)";
    if (ecn != NOT_ECT && !is_agreed(peer))
        return "ECT that was not agreed on (RFC 3168 6.1.1)";
    if (ecn != NOT_ECT && !is_new_text(peer, segment))
        return "ECT on a segment without new text (RFC 3168 6.1.4 to 6.1.6)";
    if ((segment->flags & CWR) != 0 && !is_new_text(peer, segment))
        return "CWR on a segment without new text (RFC 3168 6.1.2)";
    return NULL;
}
