/*
 * What a replay has found, for a person or a machine.
 */
#ifndef TAPIR_TOOLS_RERUN_REPORT_H
#define TAPIR_TOOLS_RERUN_REPORT_H

#include "rerun_compare.h"

#include <stdio.h>

struct rerun_report {
    const char *path;
    const struct rerun_script *script;
    struct rerun_judge judge;
    bool is_json;
    uint64_t limit; /* differences of a flow that are told; 0: all */
    FILE *to;
};

/* Whether something differs. */
bool rerun_report(const struct rerun_report *report);

#endif
