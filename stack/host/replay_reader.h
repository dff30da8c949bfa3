/*
 * What lies in the body of a recording's piece: see stack_record.h. A body that
 * ends too early, or holds what cannot be, is bad, and says so once all has
 * been read.
 */
#ifndef TAPIR_HOST_REPLAY_READER_H
#define TAPIR_HOST_REPLAY_READER_H

#include "stack_record.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool is_bad;
};

/* A piece of a recording. */
struct piece {
    enum record_kind kind;
    struct bytes body;
    struct bytes whole; /* with its header */
};

/* The piece at `at`, and where the next one is; false: there is none. */
bool piece_read(struct bytes recording, size_t at, struct piece *out,
                size_t *next);

struct reader reader_of(struct bytes body);
/* All has been read, and was good. */
bool reader_is_done(const struct reader *reader);

uint64_t read_count(struct reader *reader);
/* One above `most` is bad. */
uint64_t read_most(struct reader *reader, uint64_t most);
int64_t read_number(struct reader *reader);
int read_int(struct reader *reader);
bool read_truth(struct reader *reader);
uint64_t read_u64(struct reader *reader);
/* So many, or none if they are not there. */
struct bytes read_raw(struct reader *reader, size_t len);
/* After their count. */
struct bytes read_bytes(struct reader *reader);
struct ip_addr read_addr(struct reader *reader);
struct mac_addr read_mac(struct reader *reader);
struct ip_prefix read_prefix(struct reader *reader);
/* False: there is none. */
bool read_endpoint(struct reader *reader, struct endpoint *out);
void read_control(struct reader *reader, struct socket_control *out);

#endif
