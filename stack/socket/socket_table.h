/*
 * The sockets of a stack: who has which number, and whose readiness has
 * changed.
 *
 * A number is a slot of the table and how often the slot has been used, so
 * that a number outlives its socket without ever meaning another one's: it
 * answers nothing. Slots are used again in turn, the one that is free for
 * longest first. The table doubles when it is full; it does not shrink.
 */
#ifndef TAPIR_SOCKET_SOCKET_TABLE_H
#define TAPIR_SOCKET_SOCKET_TABLE_H

#include "socket/socket.h"

enum {
    SOCKET_SLOT_BITS = 20,
    SOCKET_SLOTS_MAX = 1 << SOCKET_SLOT_BITS,
    SOCKET_USES_MAX = (1 << (32 - SOCKET_SLOT_BITS)) - 1
};

struct socket_slot {
    struct socket *socket; /* NULL: free */
    uint32_t uses;         /* from 1, so that no number is 0 */
    uint32_t next_free;    /* the slot that is taken after this one */
};

struct sockets {
    struct env *env;
    struct tcp *tcp;
    struct udp *udp;
    struct echo *echo;
    struct raw *raw;
    struct packets *packets;
    struct socket_config config;
    struct socket_slot *slots;
    uint32_t slot_count;
    uint32_t count;      /* sockets that exist */
    uint32_t first_free; /* meaningful while count < slot_count */
    uint32_t last_free;
    struct list ready; /* changed, and not yet told */
    struct list kept;  /* gathered datagrams, until the pass ends */
};

/* -EINVAL: more sockets than there are numbers. */
MUST_CHECK int sockets_init(struct sockets *sockets, struct env *env,
                            struct tcp *tcp, struct udp *udp, struct echo *echo,
                            struct raw *raw, struct packets *packets,
                            const struct socket_config *config);
/* Every socket is gone, without a word to its peer; TCP still has the TCBs. */
void sockets_fini(struct sockets *sockets);
/* Closes every socket, and resets those that have a connection. */
void sockets_abort_all(struct sockets *sockets);
/* The pass has ended: what was borrowed for its frames is given back. */
void sockets_end_pass(struct sockets *sockets);

/* NULL: there is none, or no longer. */
struct socket *socket_find(const struct sockets *sockets, socket_id id);
socket_id socket_number(const struct socket *socket);
/* IPPROTO_TCP, IPPROTO_UDP, ...: what stands below it. */
int socket_transport(const struct socket *socket);

/*
 * For the transports: the socket `owner` has changed. It is told once, however
 * often it changes until then.
 */
void socket_notify(void *sockets, void *owner);
/* For TCP: the connection of the socket `owner` is elsewhere, see tcp.h. */
void socket_stream_moved(void *sockets, void *owner, struct tcb *tcb,
                         struct tcp_rest *rest);
/* The socket that has waited longest to be told; NULL when there is none. */
struct socket *socket_next_ready(struct sockets *sockets);

#endif
