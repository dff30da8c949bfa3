/*
 * The options of multicast, level IPPROTO_IP: ip(7), RFC 3678 4.1 and 5.1.
 */
#ifndef TAPIR_SOCKET_SOCKET_MULTICAST_H
#define TAPIR_SOCKET_SOCKET_MULTICAST_H

#include "socket/socket_kind.h"

/* -ENOPROTOOPT: it is none of these; else the option's own answer. */
MUST_CHECK int socket_set_multicast(struct socket *socket, int name,
                                    struct bytes value);
MUST_CHECK int socket_get_multicast(struct socket *socket, int name,
                                    void *value, size_t *len);

#endif
