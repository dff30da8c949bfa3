/*
 * The replay itself: a stack at the host's address, in virtual time, to which
 * the frames of a capture come when they came to the host, and whose programs
 * do what the host's did.
 */
#ifndef TAPIR_TOOLS_REPLAY_RUN_H
#define TAPIR_TOOLS_REPLAY_RUN_H

#include "base/trace.h"
#include "replay_script.h"

enum { REPLAY_FILES_MAX = 16 };

/* What a program of the stack's sends in place of what the host's did. */
struct replay_file {
    bool is_connect;    /* --connect: the stack opens the connection */
    struct endpoint at; /* of --serve the port alone */
    const char *path;   /* NULL: what the host sent */
    struct bytes text;
};

struct replay_options {
    const char *pcap; /* what the stack sends goes there; NULL */
    const char *congestion;
    bool no_checksums; /* none is verified */
    bool is_realtime;
    uint64_t stop_before; /* this frame, in the debugger; 0: none */
    unsigned prefix_len;  /* of the host's subnet, as base/addr.h counts */
    unsigned mtu;         /* 0: as the host's MSS says */
    struct trace trace;
    struct replay_file files[REPLAY_FILES_MAX];
    unsigned file_count;
};

/*
 * Fills in what the stack sends (REPLAY_STACK of each flow). 0, or a negative
 * errno, and then why.
 */
enum { REPLAY_WHY_MAX = 256 };
MUST_CHECK int replay_script_run(struct replay_script *script,
                                 const struct replay_options *options,
                                 char why[static REPLAY_WHY_MAX]);

#endif
