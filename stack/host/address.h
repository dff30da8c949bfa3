/*
 * The system's socket addresses and ours.
 */
#ifndef TAPIR_HOST_ADDRESS_H
#define TAPIR_HOST_ADDRESS_H

#include "base/addr.h"

#include <sys/socket.h>

/* -EINVAL, -EAFNOSUPPORT. */
MUST_CHECK int endpoint_from_sockaddr(const struct sockaddr *addr,
                                      socklen_t len, struct endpoint *out);
/* As getsockname(2): *len is the room given and the length there is. */
void endpoint_to_sockaddr(const struct endpoint *endpoint,
                          struct sockaddr *addr, socklen_t *len);

#endif
