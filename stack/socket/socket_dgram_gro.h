/*
 * UDP_GRO, udp(7): datagrams of one sender that came in one batch of the
 * device, all as long but the last, are read by one call, which tells how long
 * each is.
 *
 * Linux joins them as they come, here they are joined as they are read. So no
 * more are joined than there is room for, and none is cut where Linux would cut
 * them all.
 */
#ifndef TAPIR_SOCKET_SOCKET_DGRAM_GRO_H
#define TAPIR_SOCKET_SOCKET_DGRAM_GRO_H

#include "socket/socket_kind.h"

/* As socket_receive_dgram. MSG_PEEK looks at the first alone. */
ssize_t socket_receive_joined(struct socket *socket, struct dgram_queue *queue,
                              struct socket_message *message);

#endif
