/*
 * 127.0.0.0/8 is the machine's, not the stack's: a program that talks to
 * another one over it (a database, a resolver, a debugger) is to find it. A
 * socket without an address that is given one there, its own or its peer's,
 * becomes its placeholder, the socket of the kernel that holds its numbers.
 * With TAPIR_LOOPBACK=1 it stays the stack's.
 *
 * Options that are set before go to both sockets (sockets.c); O_NONBLOCK is
 * carried over here.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A connect that has failed leaves a port, as in Linux: that one decides. One
 * whose stack is gone (ENETDOWN) has lost what it had. */
bool loopback_is_allowed(int fd)
{
    struct sockaddr_in name = {0};
    socklen_t len = sizeof(name);
    int error = errno;
    int r = tapir_getsockname(fd, (struct sockaddr *)&name, &len);
    bool is_unnamed = r == 0 ? name.sin_port == 0 : errno == ENETDOWN;

    errno = error;
    return is_unnamed;
}

static bool belongs_to_stack(void)
{
    const char *value = getenv("TAPIR_LOOPBACK");

    return value != NULL && *value != '\0' && strcmp(value, "0") != 0;
}

static bool is_loopback(const struct sockaddr *addr, socklen_t len)
{
    struct sockaddr_in in;

    if (addr == NULL || len < sizeof(in))
        return false;
    memcpy(&in, addr, sizeof(in));
    return in.sin_family == AF_INET &&
           ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* Not everybody may make a raw socket, so those of ours have no such one; nor
 * have echo sockets where the kernel gives this user none. */
static bool has_twin(int fd)
{
    int ours = 0; /* and stays so when the stack is gone */
    int twins = 0;
    socklen_t len = sizeof(ours);
    int error = errno;

    tapir_getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &ours, &len);
    errno = error;
    return real.getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &twins, &len) == 0 &&
           twins != 0 && (ours == 0 || ours == twins);
}

static void become_kernels(int fd)
{
    int flags = tapir_fcntl(fd, F_GETFL);

    if (flags >= 0)
        real.fcntl(fd, F_SETFL, flags & O_NONBLOCK);
    shim_hand_over(fd);
}

bool loopback_decide(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (!is_loopback(addr, len) || belongs_to_stack() ||
        !loopback_is_allowed(fd) || !has_twin(fd))
        return true;
    become_kernels(fd);
    return false;
}
