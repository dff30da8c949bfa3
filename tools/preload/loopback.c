/*
 * 127.0.0.0/8 is the machine's, not the stack's: a program that talks to
 * another one over it (a database, a resolver, a debugger) is to find it. A
 * socket whose first address lies there becomes its placeholder, the socket of
 * the kernel that holds its number. With TAPIR_LOOPBACK=1 it stays the stack's.
 *
 * Options that are set before go to both sockets (sockets.c); O_NONBLOCK is
 * carried over here.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MAX = 1 << 20, WORD = 64 };

static _Atomic uint64_t allowed[NUMBERS_MAX / WORD];

static bool is_in_range(int fd)
{
    return fd >= 0 && fd < NUMBERS_MAX;
}

static uint64_t bit_of(int fd)
{
    return (uint64_t)1 << (fd % WORD);
}

void loopback_allow(int fd)
{
    if (is_in_range(fd))
        atomic_fetch_or(&allowed[fd / WORD], bit_of(fd));
}

void loopback_forbid(int fd)
{
    if (is_in_range(fd))
        atomic_fetch_and(&allowed[fd / WORD], ~bit_of(fd));
}

bool loopback_is_allowed(int fd)
{
    return is_in_range(fd) &&
           (atomic_load(&allowed[fd / WORD]) & bit_of(fd)) != 0;
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

static void become_kernels(int fd)
{
    int flags = tapir_fcntl(fd, F_GETFL);

    if (flags >= 0)
        real.fcntl(fd, F_SETFL, flags & O_NONBLOCK);
    shim_hand_over(fd);
}

bool loopback_decide(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (!loopback_is_allowed(fd))
        return true;
    loopback_forbid(fd);
    if (!is_loopback(addr, len) || belongs_to_stack())
        return true;
    become_kernels(fd);
    return false;
}
