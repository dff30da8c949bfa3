/*
 * How what the stack sent differs from what the host sent, flow by flow.
 */
#ifndef TAPIR_TOOLS_REPLAY_COMPARE_H
#define TAPIR_TOOLS_REPLAY_COMPARE_H

#include "replay_script.h"

enum replay_verdict {
    REPLAY_SAME,
    REPLAY_MISSING, /* the host sent it */
    REPLAY_EXTRA,   /* the stack did */
    REPLAY_OTHER,   /* both did, with other contents */
    REPLAY_MOVED,   /* the same at another time */
    REPLAY_LATER,   /* the stack's, past the capture's end: not judged */
    REPLAY_VERDICTS
};

const char *replay_verdict_text(enum replay_verdict verdict);

struct replay_finding {
    enum replay_verdict verdict;
    const struct replay_packet *host;  /* NULL: extra, later */
    const struct replay_packet *stack; /* NULL: missing */
    unsigned differences;              /* enum replay_difference */
};

struct replay_judge {
    usec tolerance;
    usec ended;     /* the capture's last record, */
    bool is_open;   /* to which the host's answer may be missing */
    bool is_strict; /* PSH and windows are compared, too */
};

typedef void replay_finding_fn(void *context,
                               const struct replay_finding *finding);

/* In the order in which things were sent. `counts` are added to. */
void replay_compare(const struct replay_flow *flow,
                    const struct replay_judge *judge,
                    uint64_t counts[static REPLAY_VERDICTS],
                    replay_finding_fn *each, void *context);

#endif
