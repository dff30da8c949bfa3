/*
 * What `tapir plot` draws: the segments of a connection, with sequence numbers
 * that are relative and do not wrap, and what follows from them.
 */
#ifndef TAPIR_TOOLS_PLOT_H
#define TAPIR_TOOLS_PLOT_H

#include "capture_tcp.h"

enum {
    PLOT_SEGMENTS_MAX = 2000000, /* of all connections: 200 MB */
    PLOT_CONNECTIONS_MAX = 65536
};

/* RFC 9293 3.3.2 */
enum plot_state {
    PLOT_CLOSED,
    PLOT_LISTEN,
    PLOT_SYN_SENT,
    PLOT_SYN_RECEIVED,
    PLOT_ESTABLISHED,
    PLOT_FIN_WAIT_1,
    PLOT_FIN_WAIT_2,
    PLOT_CLOSE_WAIT,
    PLOT_CLOSING,
    PLOT_LAST_ACK,
    PLOT_TIME_WAIT
};

/* What follows from all the segments together. */
enum plot_mark {
    PLOT_AGAIN = 1,        /* holds octets that were seen before */
    PLOT_OUT_OF_ORDER = 2, /* octets before the highest, but not yet seen */
    PLOT_LOST = 4,         /* came again before they were acknowledged */
    PLOT_DUPLICATE_ACK = 8 /* RFC 5681 2 */
};

struct plot_segment {
    usec time;
    uint64_t number; /* of the record */
    int64_t seq;     /* relative to the sender's first */
    int64_t end;     /* after text, SYN and FIN */
    int64_t ack;     /* relative to the receiver's first; -1 without ACK */
    int64_t window;  /* in octets; -1: its scale is not known */
    uint32_t len;    /* of its text */
    uint32_t sack;   /* the first of its blocks in the connection's list */
    uint8_t sack_count;
    uint8_t from; /* which end sent it: 0 or 1 */
    uint8_t flags;
    uint8_t marks;    /* of enum plot_mark */
    uint8_t state[2]; /* of both ends after it, enum plot_state */
};

struct plot_block {
    int64_t from;
    int64_t to;
};

/* Options of a SYN. */
struct plot_syn {
    bool is_seen;
    uint16_t mss;
    int wscale;
    bool sack_permitted;
    bool has_timestamp;
};

struct plot_end {
    struct endpoint endpoint;
    struct plot_syn syn;
    bool has_base;
    uint32_t base; /* relative 0: the ISS, or the first number that was seen */
    int64_t last;  /* the highest relative number yet */
    uint64_t text; /* octets of text, those sent again too */
    uint32_t segments;
    uint32_t again;
};

/* What a stack said about itself, if it did: -1 is not told. */
struct plot_sample {
    usec time;
    uint8_t from; /* which end's */
    int64_t cwnd;
    int64_t ssthresh;
    int64_t srtt; /* microseconds */
};

struct plot_connection {
    unsigned number; /* from 1, by their first segments */
    struct plot_end end[2];
    struct plot_segment *segment;
    size_t segment_count;
    size_t segment_room;
    struct plot_block *block;
    size_t block_count;
    size_t block_room;
    struct plot_sample *sample;
    size_t sample_count;
    size_t sample_room;
    size_t last_sample[2];    /* of each end: its place, from 1; 0 if none */
    uint8_t first_state[2];   /* before the first segment, enum plot_state */
    struct endpoint observer; /* of a trace: whose segments these are */
    bool is_over; /* a RST, or both FINs: a new SYN is another connection */
};

struct plot_capture {
    struct plot_connection **connection;
    size_t connection_count;
    size_t connection_room;
    size_t segment_count;
    const char *record; /* what is counted: "frame" or "line" */
    uint64_t records;
    bool is_cut; /* there was more than may be kept */
    struct plot_index *index;
};

/* 0, or -ENOMEM. */
MUST_CHECK int plot_capture_init(struct plot_capture *capture);
void plot_capture_fini(struct plot_capture *capture);

/* The connection that it would belong to; NULL if it would be a new one. */
struct plot_connection *plot_capture_find(const struct plot_capture *capture,
                                          const struct capture_tcp *tcp);

/* One more segment, to the connection that it belongs to; NULL if there are too
 * many already. 0, or -ENOMEM. */
MUST_CHECK int plot_capture_add(struct plot_capture *capture, usec time,
                                uint64_t number, const struct capture_tcp *tcp,
                                struct plot_connection **out);

/* One more sample, if it differs from the last one. 0, or -ENOMEM. */
MUST_CHECK int plot_connection_add_sample(struct plot_connection *connection,
                                          const struct plot_sample *sample);

/* Sets the windows, marks and states of all segments. 0, or -ENOMEM. */
MUST_CHECK int plot_connection_analyse(struct plot_connection *connection);

/* Which end sent more text. */
unsigned plot_connection_sender(const struct plot_connection *connection);

const char *plot_state_name(enum plot_state state);

#endif
