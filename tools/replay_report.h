/*
 * What a replay has found, for a person or a machine.
 */
#ifndef TAPIR_TOOLS_REPLAY_REPORT_H
#define TAPIR_TOOLS_REPLAY_REPORT_H

#include "replay_compare.h"

#include <stdio.h>

struct replay_report {
    const char *path;
    const struct replay_script *script;
    struct replay_judge judge;
    bool is_json;
    uint64_t limit; /* differences of a flow that are told; 0: all */
    FILE *to;
};

/* Whether something differs. */
bool replay_report(const struct replay_report *report);

#endif
