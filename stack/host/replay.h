/*
 * A recording (stack_record.h) enters a stack once more, in virtual time. The
 * stack is recorded while it does, and its pieces must be those of the
 * recording: each frame that it sends, each result.
 */
#ifndef TAPIR_HOST_REPLAY_H
#define TAPIR_HOST_REPLAY_H

#include "base/bytes.h"
#include "host/line.h"
#include "base/usec.h"

#include <stdbool.h>

enum { REPLAY_LINE_MAX = 256 };

enum replay_outcome {
    REPLAY_SAME,    /* to its end */
    REPLAY_CUT,     /* the same as far as it goes: the process was killed */
    REPLAY_STOPPED, /* at stop_before */
    REPLAY_DIFFERS, /* from this entry on: the rest was not looked at */
    REPLAY_BROKEN   /* no recording, or of another version: `now` says why */
};

struct replay_options {
    const char *const *settings; /* "delayed_ack=41ms", up to a NULL */
    const char *pcap; /* where all frames are written to, as they come by the
                         first interface; NULL: nowhere */
    bool traces;      /* as --trace */
    const char *trace_what;
    uint64_t stop_before; /* this frame: a debugger in replay_frame, or the
                             replay, if there is none; 0: never */
    /* Before each step of time: it is that now. NULL: at once. */
    void (*wait_until)(void *context, usec time);
    void *context;
};

struct replay_report {
    enum replay_outcome outcome;
    bool keeps_text; /* the recording has all of it */
    uint64_t entries;
    uint64_t frames_in;
    uint64_t frames_sent;
    usec began; /* stack time of the first entry, and of the last one */
    usec ended;
    const char *entry; /* what differs: the function of stack.h; */
    char recorded[REPLAY_LINE_MAX];
    char now[REPLAY_LINE_MAX];
};

/* `options` may be NULL. */
void replay_run(struct bytes recording, const struct replay_options *options,
                struct replay_report *report);

/* replay_text.c: a frame of which only the head may be there, in one line. */
void replay_frame_text(struct bytes head, size_t len, bool is_ethernet,
                       struct line *line);

#endif
