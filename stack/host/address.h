/*
 * The system's socket addresses and ours.
 */
#ifndef TAPIR_HOST_ADDRESS_H
#define TAPIR_HOST_ADDRESS_H

#include "base/addr.h"

#include <sys/socket.h>

/* -EINVAL: longer than any address is; -EFAULT: there is none. */
MUST_CHECK int sockaddr_check(const struct sockaddr *addr, socklen_t len);
/* The family, or an error as above; -EINVAL: too short to have one. */
MUST_CHECK int sockaddr_family(const struct sockaddr *addr, socklen_t len);

/* An error as above, then -EINVAL: too short, and -EAFNOSUPPORT, as Linux. */
MUST_CHECK int endpoint_from_sockaddr(const struct sockaddr *addr,
                                      socklen_t len, struct endpoint *out);
/* The same of a raw socket: Linux does not look at the family. */
MUST_CHECK int endpoint_to_bind_raw(const struct sockaddr *addr, socklen_t len,
                                    struct endpoint *out);
/* The same; as Linux, AF_UNSPEC with 0.0.0.0 is AF_INET for bind, and AF_UNSPEC
 * always is where a datagram goes to. */
MUST_CHECK int endpoint_to_bind(const struct sockaddr *addr, socklen_t len,
                                struct endpoint *out);
MUST_CHECK int endpoint_to_send(const struct sockaddr *addr, socklen_t len,
                                struct endpoint *out);
/*
 * As getsockname(2): *len is the room given and the length there is. -EINVAL:
 * it is negative; -EFAULT: there is no such room.
 */
MUST_CHECK int endpoint_to_sockaddr(const struct endpoint *endpoint,
                                    struct sockaddr *addr, socklen_t *len);

#endif
