/*
 * All sockets, one after the other, for whoever shows them. What is told is a
 * copy.
 */
#ifndef TAPIR_SOCKET_SOCKET_SHOW_H
#define TAPIR_SOCKET_SOCKET_SHOW_H

#include "socket/socket.h"
#include "tcp/tcp_show.h"

struct socket_shown {
    socket_id id;
    int domain; /* AF_INET, AF_PACKET */
    int type;   /* SOCK_STREAM, ... */
    int protocol;
    struct endpoint local;
    struct endpoint remote; /* all zero: not connected */
    uint32_t receive_queue; /* bytes */
    uint32_t send_queue;
    uint32_t receive_buffer;
    uint32_t send_buffer;
    uint32_t lost;        /* datagrams, for want of room */
    struct tcp_shown tcp; /* of SOCK_STREAM: all else of it is in here */
};

/*
 * The next one from *cursor on, which is 0 at first; as tcp_show_next. Streams
 * that have a connection are left out: tcp_show_next has those, and connections
 * without a socket.
 */
MUST_CHECK int socket_show_next(const struct sockets *sockets, uint32_t *cursor,
                                enum tcp_show_depth depth,
                                struct socket_shown *out);

/* Of the owner that a tcp_shown tells; 0: it is NULL. */
socket_id socket_id_of_owner(const void *owner);

#endif
