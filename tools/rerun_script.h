/*
 * What the programs of the captured host did, found out from what it sent:
 * which ports were open, when they connected, wrote, shut down. And the flows:
 * what passed between each two ends.
 */
#ifndef TAPIR_TOOLS_RERUN_SCRIPT_H
#define TAPIR_TOOLS_RERUN_SCRIPT_H

#include "rerun_load.h"
#include "rerun_neighbours.h"

enum rerun_side { RERUN_HOST, RERUN_STACK, RERUN_SIDES };

/* What one side has sent of a flow, cut into packets as on the wire. */
struct rerun_sent {
    struct rerun_packet *packets;
    size_t count, room;
    uint8_t wscale; /* from its SYN, if both have one */
    uint32_t end;   /* TCP: after the last that it has sent, relative */
};

struct rerun_flow {
    struct hash_node node;
    struct rerun_flow *next; /* in the order in which they begin */
    enum rerun_kind kind;
    struct endpoint local;
    struct endpoint remote;
    struct rerun_sent sent[RERUN_SIDES];
    /* TCP */
    bool is_active;   /* the host connects */
    bool has_irs;     /* the peer's SYN has been seen, */
    bool has_iss;     /* and the host's */
    bool is_refused;  /* it answered with RST */
    bool has_fin;     /* the host has sent one */
    bool is_hung_up;  /* its program closed, and did not only shut down */
    bool closes_last; /* the peer's FIN came before the host's */
    bool peer_fin;
    bool has_hole; /* in what the host sent: the capture lacks something */
    uint32_t iss, irs;
    uint32_t ts_val; /* of the host, at ts_time */
    usec ts_time;
    bool has_timestamps;
    uint32_t mss;       /* of what the host sends */
    uint16_t local_mss; /* what it announced; 0 unknown */
    bool has_scale[2];  /* the host's SYN, the peer's */
    uint8_t *stream;    /* all that the host's program wrote */
    size_t stream_len, stream_room;
    bool is_writing;               /* the last segment did not end with PSH */
    size_t write;                  /* the action for that */
    struct rerun_flow *next_held;  /* rerun_hold.c */
    struct rerun_record *held;     /* the last ACK that was cut back; NULL */
    uint32_t given;                /* what the stack knows to have arrived */
    struct rerun_program *program; /* that plays the host's: rerun_program.c */
};

enum rerun_action_kind {
    RERUN_BEGIN, /* a connection: the stack is told its ISS */
    RERUN_CONNECT,
    RERUN_WRITE, /* of the stream, [from, to) */
    RERUN_SHUTDOWN,
    RERUN_ABORT,
    RERUN_DATAGRAM, /* UDP, or an echo request: the text of `record` */
};

struct rerun_action {
    size_t before; /* this record is replayed, or would be */
    size_t order;  /* among those before the same record */
    enum rerun_action_kind kind;
    struct rerun_flow *flow;
    size_t from, to;
    size_t record;
};

enum { RERUN_PORTS = 65536 };

struct rerun_script {
    struct memory *memory;
    struct rerun_capture *capture;
    struct rerun_neighbours neighbours;
    struct hash_table table; /* of flows, by their ends */
    struct rerun_flow *first, **last;
    struct rerun_action *actions;
    size_t action_count, action_room;
    bool listens[RERUN_PORTS]; /* TCP: a SYN was accepted */
    /* UDP: something came to it; the host sent from it, or said that it is
     * closed */
    bool has_socket[RERUN_PORTS], sends[RERUN_PORTS];
    bool is_closed[RERUN_PORTS];
    /* What the host can do: */
    bool timestamps, sack, window_scale;
    bool asks_ecn;
    uint8_t wscale; /* the largest that it announced */
    uint16_t mss;   /* likewise; 0: none */
    /* Records that are not replayed, and not compared. */
    uint64_t midstream; /* of connections whose beginning is not there */
    uint64_t fragments; /* sent by the host */
    uint64_t others;    /* sent by it, and of no kind that is compared */
    uint64_t questions; /* of ARP, that the stack does not ask */
    uint64_t held;      /* ACKs for what the stack had not sent yet */
};

/* -ENOBUFS; to be ended even then. `capture` stays as long. */
MUST_CHECK int rerun_script_init(struct rerun_script *script,
                                 struct memory *memory,
                                 struct rerun_capture *capture);
void rerun_script_fini(struct rerun_script *script);

/* From now on `flow` is the one of its ends: RERUN_BEGIN. */
void rerun_flow_begin(struct rerun_script *script, struct rerun_flow *flow);

/* The one of these ends, now; NULL. */
struct rerun_flow *rerun_flow_find(const struct rerun_script *script,
                                   enum rerun_kind kind,
                                   const struct endpoint *local,
                                   const struct endpoint *remote);

/*
 * A packet that the host, or the stack, has sent: made relative, cut, added to
 * those of its flow, which may be new. -ENOBUFS.
 */
MUST_CHECK int rerun_script_sent(struct rerun_script *script,
                                 enum rerun_side side,
                                 const struct rerun_packet *packet);

#endif
