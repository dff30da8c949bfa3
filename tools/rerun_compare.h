/*
 * How what the stack sent differs from what the host sent, flow by flow.
 */
#ifndef TAPIR_TOOLS_RERUN_COMPARE_H
#define TAPIR_TOOLS_RERUN_COMPARE_H

#include "rerun_script.h"

enum rerun_verdict {
    RERUN_SAME,
    RERUN_MISSING, /* the host sent it */
    RERUN_EXTRA,   /* the stack did */
    RERUN_OTHER,   /* both did, with other contents */
    RERUN_MOVED,   /* the same at another time */
    RERUN_LATER,   /* the stack's, past the capture's end: not judged */
    RERUN_VERDICTS
};

const char *rerun_verdict_text(enum rerun_verdict verdict);

struct rerun_finding {
    enum rerun_verdict verdict;
    const struct rerun_packet *host;  /* NULL: extra, later */
    const struct rerun_packet *stack; /* NULL: missing */
    unsigned differences;             /* enum rerun_difference */
};

struct rerun_judge {
    usec tolerance;
    usec ended;     /* the capture's last record, */
    bool is_open;   /* to which the host's answer may be missing */
    bool is_strict; /* PSH and windows are compared, too */
};

typedef void rerun_finding_fn(void *context,
                              const struct rerun_finding *finding);

/* In the order in which things were sent. `counts` are added to. */
void rerun_compare(const struct rerun_flow *flow,
                   const struct rerun_judge *judge,
                   uint64_t counts[static RERUN_VERDICTS],
                   rerun_finding_fn *each, void *context);

#endif
