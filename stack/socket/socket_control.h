/*
 * What comes beside a datagram: as the socket's options ask for it.
 */
#ifndef TAPIR_SOCKET_SOCKET_CONTROL_H
#define TAPIR_SOCKET_SOCKET_CONTROL_H

#include "socket/socket_kind.h"

/* Those that say something of the packet itself. */
enum {
    CONTROL_OF_PACKET =
        CONTROL_PACKET_INFO | CONTROL_TTL | CONTROL_TOS | CONTROL_DESTINATION
};

/* Which the options ask for: bits of enum socket_control_kind. */
unsigned socket_wants(const struct socket *socket);

void socket_tell_control(const struct socket *socket, const struct dgram *dgram,
                         struct socket_control *control);

/* What the program chose for a datagram that is sent. */
struct ip_choice socket_choice(const struct socket_message *message);

#endif
