/*
 * What comes beside a datagram: as the socket's options ask for it.
 */
#ifndef TAPIR_SOCKET_SOCKET_CONTROL_H
#define TAPIR_SOCKET_SOCKET_CONTROL_H

#include "socket/socket_kind.h"

void socket_tell_control(const struct socket *socket, const struct dgram *dgram,
                         struct socket_control *control);

/* What the program chose for a datagram that is sent. */
struct ip_choice socket_choice(const struct socket_message *message);

#endif
