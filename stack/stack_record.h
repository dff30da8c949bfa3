/*
 * The recorder: writes down what enters a stack by its one door, so that
 * host/replay.h can let it enter once more. It makes no system call: the bytes
 * go where a sink says.
 *
 * A recording is RECORD_MAGIC, then pieces: a kind (one byte), a length (three,
 * little-endian), and a body. An entry is a piece with what was handed in, then
 * the pieces of what came of it: frames that were sent, memory that was
 * refused, and last its result. A piece's kind is written after all the rest of
 * it, so what a process that was killed leaves behind ends with a whole piece
 * and zeros. In a body numbers have 7 bits in a byte, the lowest first, and a
 * set high bit but for the last; those that may be negative are 0, -1, 1, -2.
 *
 * Text that no decision depends on, that of TCP segments and UDP datagrams,
 * both ways, is left out: of a received one there is the length, its checksum's
 * sum and a hash, of a sent one the length and a hash. In a replay zeros stand
 * in its place (with the same sum). All that enters is kept once a socket has a
 * filter, which may look at it.
 */
#ifndef TAPIR_STACK_RECORD_H
#define TAPIR_STACK_RECORD_H

#include "stack.h"

#define RECORD_MAGIC "TAPIRREC"

enum {
    RECORD_VERSION = 1,
    RECORD_CUTS_UDP = 2, /* of a device, beside fills_checksum */
    RECORD_MAGIC_LEN = 8,
    RECORD_HEADER_LEN = 4, /* of a piece: kind and length */
    RECORD_PIECE_MAX = 1 << 18,
    RECORD_IFACES_MAX = 65,      /* by index; 0: of one too many */
    RECORD_OPTION_MAX = 1 << 16, /* no option looks at more of its value */
    RECORD_IOV_MAX = 1024,
    RECORD_MESSAGE_MAX = 1 << 28 /* more of one is not told apart */
};

/* Numbers of the format: new ones go to the end of their part. */
enum record_kind {
    RECORD_END = 0, /* what was never written */
    /* Entries, one for each function of stack.h that changes something. */
    RECORD_CREATE = 1,
    RECORD_DESTROY,
    RECORD_IFACE_ADD,
    RECORD_ADDR_ADD,
    RECORD_ROUTE_ADD,
    RECORD_NEIGHBOUR_ADD,
    RECORD_INPUT,
    RECORD_RUN_TIMERS,
    RECORD_FLUSH,
    RECORD_ABORT_ALL,
    RECORD_NEXT_READY,
    RECORD_SOCKET,
    RECORD_BIND,
    RECORD_LISTEN,
    RECORD_ACCEPT,
    RECORD_TAKE_PORT,
    RECORD_CONNECT,
    RECORD_DISCONNECT,
    RECORD_SEND,
    RECORD_RECEIVE,
    RECORD_BORROW,
    RECORD_GIVE_BACK,
    RECORD_SHUTDOWN,
    RECORD_LINGER,
    RECORD_CLOSE,
    RECORD_SET_OPTION,
    RECORD_GET_OPTION,
    RECORD_TIMEOUTS,
    RECORD_LOCAL,
    RECORD_REMOTE,
    RECORD_UNREAD,
    RECORD_UNSENT,
    RECORD_NEVER_SENT,
    RECORD_AT_MARK,
    RECORD_ARRIVED,
    RECORD_READINESS,
    RECORD_TELL_BEGINNING,
    RECORD_FORGET_WAITING,
    RECORD_ROUTE_DELETE,
    RECORD_NEIGHBOUR_DELETE,
    RECORD_NEIGHBOUR_FLUSH,
    RECORD_CHANGE,
    RECORD_FORGET_CONNECTIONS,
    RECORD_ENTRY_KINDS, /* not a kind: how many there are */
    /* What came of an entry. */
    RECORD_SENT = 0x80, /* a frame, and what its device answered */
    RECORD_REFUSED,     /* memory: the how-manieth request of the entry */
    RECORD_RESULT,
    /* What else is to be known. */
    RECORD_MEMORY = 0xc0, /* before an entry: limit and use have changed */
    RECORD_DATA,          /* after an entry: what a stream has taken */
    RECORD_HASH           /* after an entry: of the text that is left out */
};

/* Where a recording goes. */
struct record_sink {
    uint8_t *at; /* what is written next lies here: zeros, up to */
    uint8_t *end;
    /*
     * There is no room for `need` bytes, at most RECORD_PIECE_MAX: makes some.
     * All before `at` is complete. False: nothing more is to be recorded.
     */
    bool (*more)(struct record_sink *sink, size_t need);
};

struct recorder;

/* Stands between a stack and a device: sees what is sent. */
struct recorded_dev {
    struct netdev dev;
    struct netdev *inner;
    struct recorder *recorder;
    unsigned iface;
};

/*
 * It is the caller's: in stack_config.recorder, zeroed but for the first part,
 * and outlives the stack.
 */
struct recorder {
    struct record_sink *sink;
    bool keeps_text; /* all of it */
    bool is_replay;  /* hashes of what is left out are left out, too */
    usec epoch;      /* the wall-clock time of stack time 0; 0: unknown */

    bool is_on;
    bool has_filter; /* some socket had one */
    usec now;        /* of the last entry */
    struct memory *memory;
    size_t limit; /* of the memory, and its use, after the last entry */
    size_t used;
    uint8_t *piece; /* that is being written: its kind */
    uint8_t *to;    /* its next byte */
    enum record_kind kind;
    uint64_t hash; /* of the text that the entry leaves out, */
    bool has_hash; /* if there is any */
    struct recorded_dev devs[RECORD_IFACES_MAX];
};

/* What of a frame is text that may be left out. */
struct record_text {
    size_t at;       /* it begins so far into the frame */
    size_t len;      /* up to the end of the packet: padding may follow */
    size_t checksum; /* where the field lies that depends on it; 0: nowhere */
    bool is_answer;  /* only of a frame that we sent: of others it matters */
};

/* False: there is none. `type` says where the IP header is. */

bool record_find_text(enum netdev_type type, const struct frame *frame,
                      struct record_text *out);

/* Of the end of RECORD_CREATE: the rest of its body. */
uint64_t record_hash(struct bytes bytes);

/* ---- For stack_door.c --------------------------------------------------- */

void record_create(struct recorder *recorder, const struct stack_config *config,
                   usec now);
/* The last entry: nothing is recorded after it. */
void record_destroy(struct recorder *recorder);
/* The device that iface_add is to be given for `dev`. */
struct netdev *record_device(struct recorder *recorder, struct netdev *dev,
                             unsigned iface);

/*
 * An entry begins; its arguments follow, of which all but numbers take at most
 * `room` bytes; then record_enter. After the entry itself its result, what else
 * it has told, and record_leave.
 */
void record_entry(struct recorder *recorder, enum record_kind kind, usec now,
                  size_t room);
void record_enter(struct recorder *recorder);
void record_result(struct recorder *recorder, int64_t result, size_t room);
void record_leave(struct recorder *recorder);

void record_count(struct recorder *recorder, uint64_t count);
void record_number(struct recorder *recorder, int64_t number);
void record_bytes(struct recorder *recorder, struct bytes bytes);
void record_addr(struct recorder *recorder, const struct ip_addr *addr);
void record_mac(struct recorder *recorder, const struct mac_addr *mac);
/* NULL: that there is none. */
void record_endpoint(struct recorder *recorder,
                     const struct endpoint *endpoint);
void record_control(struct recorder *recorder,
                    const struct socket_control *control);

/* An entry with a frame, up to record_enter. */
void record_input(struct recorder *recorder, usec now, unsigned iface,
                  enum netdev_type type, const struct frame *frame);

/* Messages: `protocol` is what their socket speaks, 0 if there is none. */
void record_send(struct recorder *recorder, usec now, socket_id id,
                 int protocol, const struct socket_message *message);
void record_sent(struct recorder *recorder, int protocol, ssize_t result,
                 const struct socket_message *message);
void record_receive(struct recorder *recorder, usec now, socket_id id,
                    const struct socket_message *message);
/* `flags` are those that it was given with. */
void record_received(struct recorder *recorder, int protocol, int flags,
                     ssize_t result, const struct socket_message *message);

/* A socket looks at packets from now on. */
void record_filter(struct recorder *recorder);

#endif
