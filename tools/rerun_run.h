/*
 * The replay itself: a stack at the host's address, in virtual time, to which
 * the frames of a capture come when they came to the host, and whose programs
 * do what the host's did.
 */
#ifndef TAPIR_TOOLS_RERUN_RUN_H
#define TAPIR_TOOLS_RERUN_RUN_H

#include "host/trace_hub.h"
#include "rerun_script.h"

enum { RERUN_FILES_MAX = 16, RERUN_SETTINGS_MAX = 64 };

/* What a program of the stack's sends in place of what the host's did. */
struct rerun_file {
    bool is_connect;    /* --connect: the stack opens the connection */
    struct endpoint at; /* of --serve the port alone */
    const char *path;   /* NULL: what the host sent */
    struct bytes text;
};

struct rerun_options {
    const char *pcap; /* what the stack sends goes there; NULL */
    const char *settings[RERUN_SETTINGS_MAX]; /* "delayed_ack=41ms" */
    unsigned setting_count;
    bool no_checksums; /* none is verified */
    bool is_realtime;
    uint64_t stop_before; /* this frame, in the debugger; 0: none */
    unsigned prefix_len;  /* of the host's subnet, as base/addr.h counts */
    unsigned mtu;         /* 0: as the host's MSS says */
    struct trace_hub
        *listeners; /* to its events; NULL: only those of the pcap */
    struct rerun_file files[RERUN_FILES_MAX];
    unsigned file_count;
};

/*
 * Fills in what the stack sends (RERUN_STACK of each flow). 0, or a negative
 * errno, and then why.
 */
enum { RERUN_WHY_MAX = 256 };
MUST_CHECK int rerun_script_run(struct rerun_script *script,
                                const struct rerun_options *options,
                                char why[static RERUN_WHY_MAX]);

#endif
