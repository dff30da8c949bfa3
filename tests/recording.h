/*
 * A recording in memory, for tests.
 */
#ifndef TAPIR_TESTS_RECORDING_H
#define TAPIR_TESTS_RECORDING_H

#include "host/replay.h"
#include "stack_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct recording {
    struct record_sink sink;
    struct recorder recorder;
    uint8_t *bytes;
    size_t size;
};

static inline size_t recording_len(const struct recording *recording)
{
    return (size_t)(recording->sink.at - recording->bytes);
}

static inline bool recording_more(struct record_sink *sink, size_t need)
{
    struct recording *recording = (struct recording *)(void *)sink;
    size_t len = recording_len(recording);
    size_t size = 2 * recording->size + need;
    uint8_t *bytes = realloc(recording->bytes, size);

    if (bytes == NULL)
        return false;
    memset(bytes + len, 0, size - len);
    recording->bytes = bytes;
    recording->size = size;
    sink->at = bytes + len;
    sink->end = bytes + size;
    return true;
}

/* It does not move: the recorder knows where it lies. */
static inline void recording_begin(struct recording *recording)
{
    *recording = (struct recording){.sink = {.more = recording_more}};
    recording->recorder.sink = &recording->sink;
    (void)recording_more(&recording->sink, RECORD_PIECE_MAX);
    memcpy(recording->sink.at, RECORD_MAGIC, RECORD_MAGIC_LEN);
    recording->sink.at += RECORD_MAGIC_LEN;
}

static inline struct bytes recording_of(const struct recording *recording)
{
    return bytes_of(recording->bytes, recording_len(recording));
}

/* The stack is gone: whatever the test was about, it is to be the same again.
 */
static inline void recording_check(struct recording *recording)
{
    struct replay_report report;

    replay_run(recording_of(recording), NULL, &report);
    if (report.outcome == REPLAY_SAME) {
        free(recording->bytes);
        return;
    }
    fprintf(stderr,
            "the replay is not the same: entry %llu at %lld, %s: recorded: %s; "
            "now: %s\n",
            (unsigned long long)report.entries, (long long)report.ended,
            report.entry, report.recorded, report.now);
    abort();
}

static inline void recording_end(struct recording *recording)
{
    free(recording->bytes);
}

#endif
