/*
 * The functions of struct socket_ops that UDP's, echo and raw sockets have in
 * common; `common` of the kind's table says where its struct datagram_pcb is.
 */
#ifndef TAPIR_SOCKET_SOCKET_DATAGRAMS_H
#define TAPIR_SOCKET_SOCKET_DATAGRAMS_H

#include "socket/socket_kind.h"

/* How large the buffers are at the beginning. */
void socket_datagrams_open(struct socket *socket);
/* The part of shutdown that says what is shut. */
void socket_datagrams_shut(struct socket *socket, int how);
/* Of the settings those of struct datagram_pcb. */
void socket_datagrams_apply(struct socket *socket, enum socket_setting setting);

int socket_datagrams_take_error(struct socket *socket);
void socket_datagrams_set_error(struct socket *socket, int error);
struct error_queue *socket_datagrams_errors(struct socket *socket);
int socket_datagrams_readiness(const struct socket *socket);
const struct dgram_queue *
socket_datagrams_received(const struct socket *socket);
int socket_datagrams_unread(const struct socket *socket);
struct ip_multicast *socket_datagrams_multicast(struct socket *socket);
int socket_datagrams_set_filter(struct socket *socket,
                                const struct bpf_program *filter);

#endif
