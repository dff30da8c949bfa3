/*
 * Inside the socket layer: what every socket has, and what its kind must do.
 * A kind is a transport with BSD's face: stream (TCP), datagram (UDP), echo
 * (ICMP), raw (IP), packet (frames); one file each.
 */
#ifndef TAPIR_SOCKET_SOCKET_KIND_H
#define TAPIR_SOCKET_SOCKET_KIND_H

#include "socket/socket_table.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

/* Settings that are a truth, most of them Linux's: see socket_flags.c. */
enum socket_flag {
    FLAG_DONT_ROUTE,
    FLAG_NO_CHECKSUM,
    FLAG_RECEIVE_OVERFLOW,
    FLAG_RECEIVE_MARK,
    FLAG_RECEIVE_PRIORITY,
    FLAG_WIFI_STATUS,
    FLAG_NO_FCS,
    FLAG_LOCK_FILTER,
    FLAG_SELECT_ERROR_QUEUE,
    FLAG_RECEIVE_OPTIONS,
    FLAG_RETURN_OPTIONS,
    FLAG_PACKET_INFO,
    FLAG_RECEIVE_ERRORS,
    FLAG_RECEIVE_TTL,
    FLAG_RECEIVE_TOS,
    FLAG_PASS_SECURITY,
    FLAG_FREE_BIND,
    FLAG_TRANSPARENT,
    FLAG_RECEIVE_DESTINATION,
    FLAG_RECEIVE_CHECKSUM,
    FLAG_BIND_NO_PORT,
    FLAG_RECEIVE_FRAGMENT_SIZE,
    FLAG_ERRORS_RFC_4884
};

/* What is set by setsockopt on any kind of socket. */
struct socket_settings {
    usec receive_timeout; /* USEC_NEVER: none */
    usec send_timeout;
    uint64_t max_pacing_rate; /* bytes a second; 0: none */
    uint32_t receive_buffer;  /* bytes */
    uint32_t send_buffer;
    uint32_t linger; /* seconds, if `lingers` */
    unsigned device; /* SO_BINDTODEVICE: an interface's index; 0: any */
    uint32_t flags;  /* 1 << enum socket_flag */
    uint32_t mark;   /* these four: only remembered */
    int priority;
    int incoming_cpu;
    int busy_poll;
    int receive_lowat;    /* at least 1 */
    int peek_offset;      /* SO_PEEK_OFF; negative: peeks begin at the first */
    uint32_t port_range;  /* IP_LOCAL_PORT_RANGE; 0: the stack's */
    uint8_t mtu_discover; /* IP_PMTUDISC_... */
    uint8_t timestamp;    /* SO_TIMESTAMP..., by its number; 0: none */
    uint8_t ttl;          /* 0: the stack's */
    uint8_t tos;
    uint8_t min_ttl;       /* IP_MINTTL */
    uint8_t unicast_iface; /* IP_UNICAST_IF, of the first 255; 0: any */
    bool lingers : 1;
    bool reuse_addr : 1;
    bool reuse_port : 1;
    bool keepalive : 1;
    bool broadcast : 1;
    bool has_receive_buffer : 1; /* set by the program */
    bool has_send_buffer : 1;
    bool oob_inline : 1;
    bool txrehash : 1;        /* only remembered */
    bool header_included : 1; /* IP_HDRINCL, raw sockets only */
};

/* Those of them that a transport must hear of. */
enum socket_setting {
    SETTING_REUSE_ADDR,
    SETTING_REUSE_PORT,
    SETTING_DEVICE,
    SETTING_KEEPALIVE,
    SETTING_BROADCAST,
    SETTING_RECEIVE_BUFFER,
    SETTING_SEND_BUFFER,
    SETTING_TTL,
    SETTING_TOS,
    SETTING_OOB_INLINE,
    SETTING_MAX_PACING_RATE,
    SETTING_FLAGS,
    SETTING_MTU_DISCOVER,
    SETTING_PORT_RANGE,
    SETTING_COUNT
};

/* The beginning of each kind's own struct. */
struct socket {
    struct list ready_node;
    struct sockets *sockets;
    const struct socket_ops *ops;
    struct socket_settings settings;
    struct bpf_program *filter; /* SO_ATTACH_FILTER; NULL: none */
    socket_id id;
    uint16_t protocol; /* as given to socket() */
    bool is_receive_shut : 1;
    bool is_send_shut : 1;
};

/* Functions that a kind leaves out answer -EOPNOTSUPP (-ENOPROTOOPT). */
struct socket_ops {
    int domain;
    int type;
    int protocol;
    size_t size; /* of the kind's struct, all zero but for its beginning */

    /* Makes the transport's part; 0 or -ENOBUFS. */
    int (*open)(struct socket *socket);
    int (*bind)(struct socket *socket, const struct endpoint *local);
    int (*listen)(struct socket *socket, unsigned backlog);
    int (*accept)(struct socket *socket, struct socket **out,
                  struct endpoint *remote);  /* remote: may be NULL */
    int (*take_port)(struct socket *socket); /* left out: there is none */
    int (*connect)(struct socket *socket, const struct endpoint *remote);
    int (*disconnect)(struct socket *socket);
    ssize_t (*send)(struct socket *socket,
                    const struct socket_message *message);
    /* What is looked at before whereto; left out: nothing. */
    int (*check_message)(const struct socket_message *message);
    ssize_t least_message; /* bytes: -EINVAL for less */
    ssize_t (*receive)(struct socket *socket, struct socket_message *message);
    ssize_t (*borrow)(struct socket *socket, struct iovec iov[static 2],
                      int *count);
    int (*give_back)(struct socket *socket, size_t len);
    int (*shutdown)(struct socket *socket, int how);
    int (*linger)(struct socket *socket);
    /* The end of the transport's part; the socket's own memory is not its. */
    void (*close)(struct socket *socket);
    /* The same when the stack itself ends: nothing is said to anybody. */
    void (*discard)(struct socket *socket);

    int (*take_error)(struct socket *socket); /* positive, or 0 */
    /* What MSG_ERRQUEUE reads (NULL: nothing), and the pending error that goes
     * with it. */
    struct error_queue *(*errors)(struct socket *socket);
    void (*set_error)(struct socket *socket, int error);
    int (*readiness)(const struct socket *socket);
    struct endpoint (*local)(const struct socket *socket);
    uint16_t (*number)(const struct socket *socket); /* IP_PROTOCOL; NULL: the
                                                        local port */
    int (*remote)(const struct socket *socket, struct endpoint *out);
    /* SO_PEERNAME; NULL: as `remote`. */
    int (*peer_name)(const struct socket *socket, struct endpoint *out);
    int (*unread)(const struct socket *socket);
    int (*unsent)(const struct socket *socket);
    /* Of the kinds that have one: see socket_datagrams.h. */
    struct datagram_pcb *(*common)(struct socket *socket);
    /* What waits to be read; left out by streams. */
    const struct dgram_queue *(*received)(const struct socket *socket);
    int (*mtu)(const struct socket *socket); /* of the path, or -ENOTCONN */
    int (*never_sent)(const struct socket *socket); /* these two: -ENOTTY */
    int (*at_mark)(const struct socket *socket);
    bool (*arrived)(const struct socket *socket, uint32_t *out); /* or none */
    bool (*is_listening)(const struct socket *socket);
    /* Of a stream; NULL: its connection is at rest. */
    const struct tcb *(*tcb)(const struct socket *socket);

    bool has_peek_offset; /* SO_PEEK_OFF */
    /* NULL without memory; left out by packet sockets. */
    struct ip_multicast *(*multicast)(struct socket *socket);

    int (*prepare)(struct socket *socket); /* for apply: 0, -ENOBUFS */
    void (*apply)(struct socket *socket, enum socket_setting setting);
    /* Packets are looked at by it from now on; NULL: all are wanted. -ENOMEM.
     */
    int (*set_filter)(struct socket *socket, const struct bpf_program *filter);
    /* Takes over the buffer sizes that the transport has changed by itself. */
    void (*refresh_buffers)(struct socket *socket);
    /* Options of the level that is the kind's protocol. */
    int (*set_option)(struct socket *socket, int name, int value);
    int (*get_option)(const struct socket *socket, int name, int *value);
    /* The same of those that are not an int; -ENOPROTOOPT: it is one. */
    int (*set_bytes_option)(struct socket *socket, int name,
                            struct bytes value);
    int (*get_bytes_option)(struct socket *socket, int name, void *value,
                            size_t *len);
};

extern const struct socket_ops socket_stream_ops;
extern const struct socket_ops socket_dgram_ops;
extern const struct socket_ops socket_echo_ops;
extern const struct socket_ops socket_raw_ops;
extern const struct socket_ops socket_packet_raw_ops;
extern const struct socket_ops socket_packet_dgram_ops;

/* Several bits of poll(2) go together: the old names and those of XSI. */
enum { READY_IN = POLLIN | POLLRDNORM, READY_OUT = POLLOUT | POLLWRNORM };

static inline bool socket_has(const struct socket *socket,
                              enum socket_flag flag)
{
    return (socket->settings.flags >> flag & 1) != 0;
}

static inline bool shuts_receive(int how)
{
    return how == SHUT_RD || how == SHUT_RDWR;
}

static inline bool shuts_send(int how)
{
    return how == SHUT_WR || how == SHUT_RDWR;
}

/* A socket with a number and without a transport; NULL: limit or memory. */
MUST_CHECK struct socket *socket_alloc(struct sockets *sockets,
                                       const struct socket_ops *ops);
/* Number and memory are free again. */
void socket_free(struct socket *socket);

/* Something was done to the socket that others who wait on it must hear of. */
void socket_mark_ready(struct socket *socket);

/*
 * What an option tells, cut to the room that the caller has, as in Linux.
 * -EFAULT: `value` is NULL, and there is something to put there.
 */
MUST_CHECK int socket_give(const void *from, size_t size, void *value,
                           size_t *len);

/* What a socket begins with. */
struct socket_settings socket_settings_default(void);

/* Applies all settings to a transport's part that is new. */
void socket_apply_all(struct socket *socket);

/* SO_ATTACH_FILTER (the value is the program's instructions: the host has
 * fetched them), SO_DETACH_FILTER; -EINVAL, -ENOENT, -ENOMEM, -EPERM locked. */
MUST_CHECK int socket_attach_filter(struct socket *socket, struct bytes code);
MUST_CHECK int socket_detach_filter(struct socket *socket);
/* SO_GET_FILTER: `len` counts instructions, not bytes; of 0 the result is how
 * many there are. -EINVAL: more than there is room for. */
MUST_CHECK int socket_get_filter(const struct socket *socket, void *value,
                                 size_t *len);

/* SO_PEEK_OFF: where a peek begins, and so many bytes were peeked at, or read.
 */
size_t socket_peek_offset(const struct socket *socket);
void socket_was_peeked(struct socket *socket, size_t len);
void socket_was_read(struct socket *socket, size_t len);

/*
 * Receive and readiness of the kinds that keep a queue of datagrams; `error`
 * is the transport's pending one (positive).
 */
ssize_t socket_receive_dgram(struct socket *socket, struct dgram_queue *queue,
                             struct socket_message *message);
int socket_dgram_readiness(const struct socket *socket,
                           const struct dgram_queue *queue, int error);
int socket_dgram_unread(const struct dgram_queue *queue);
/* Datagrams wait for nobody: there never is any. */
int socket_dgram_unsent(const struct socket *socket);

/* MSG_ERRQUEUE. -EAGAIN; see socket_errors.c. */
ssize_t socket_receive_error(struct socket *socket,
                             struct socket_message *message);
/* An error in poll's bits: SO_SELECT_ERR_QUEUE, as Linux's datagram_poll. */
int socket_error_events(const struct socket *socket);
/* What waits there, in poll's bits. */
int socket_errors_readiness(const struct socket *socket);
/* IP_RECVERR was taken away. */
void socket_forget_errors(struct socket *socket);

#endif
