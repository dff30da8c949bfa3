/*
 * The calls that make, name and connect sockets. AF_INET is the stack's; there
 * is no AF_INET6 (programs then use IPv4); all other families are the kernel's.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

/* The kernel's one for 127.0.0.0/8, if it lets this user have one. */
static void take_echo_twin(int fd, int type)
{
    int error = errno;
    int twin = real.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

    if (twin >= 0) {
        real.dup3(twin, fd, (type & SOCK_CLOEXEC) != 0 ? O_CLOEXEC : 0);
        real.close(twin);
    }
    errno = error;
}

EXPORT int socket(int domain, int type, int protocol)
{
    int fd;

    if (domain == AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    if (domain != AF_INET || !process_is_owner())
        return real.socket(domain, type, protocol);
    mirror_begin();
    fd = tapir_socket(domain, type, protocol);
    if (fd >= 0 && protocol == IPPROTO_ICMP &&
        (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_DGRAM)
        take_echo_twin(fd, type);
    return fd;
}

EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (!is_socket(fd) || !loopback_decide(fd, addr, len))
        return real.bind(fd, addr, len);
    return tapir_bind(fd, addr, len);
}

/* A port that only root may have; libc's begins by its process's number, too.
 */
EXPORT int bindresvport(int fd, struct sockaddr_in *addr)
{
    enum { FIRST = 512, LIKED = 600, END = 1024 };
    struct sockaddr_in any = {.sin_family = AF_INET};
    int port = LIKED + (int)getpid() % (END - LIKED);
    int r = -1;

    if (!is_socket(fd))
        return real.bindresvport(fd, addr);
    addr = addr == NULL ? &any : addr;
    if (addr->sin_family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    for (int i = FIRST; i < END; i++) {
        addr->sin_port = htons((uint16_t)port);
        r = bind(fd, (struct sockaddr *)addr, sizeof(*addr));
        if (r == 0 || errno != EADDRINUSE)
            break;
        port = port + 1 < END ? port + 1 : FIRST;
    }
    return r;
}

EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (!is_socket(fd) || !loopback_decide(fd, addr, len))
        return real.connect(fd, addr, len);
    return tapir_connect(fd, addr, len);
}

EXPORT int __connect(int fd, const struct sockaddr *addr, socklen_t len)
    __attribute__((alias("connect")));

EXPORT int listen(int fd, int backlog)
{
    if (!is_socket(fd))
        return real.listen(fd, backlog);
    return tapir_listen(fd, backlog);
}

EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return is_socket(fd) ? tapir_accept(fd, addr, len)
                         : real.accept(fd, addr, len);
}

EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return is_socket(fd) ? tapir_accept4(fd, addr, len, flags)
                         : real.accept4(fd, addr, len, flags);
}

EXPORT int shutdown(int fd, int how)
{
    return is_socket(fd) ? tapir_shutdown(fd, how) : real.shutdown(fd, how);
}

EXPORT int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    return is_socket(fd) ? tapir_getsockname(fd, addr, len)
                         : real.getsockname(fd, addr, len);
}

EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    return is_socket(fd) ? tapir_getpeername(fd, addr, len)
                         : real.getpeername(fd, addr, len);
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return is_socket(fd) ? tapir_getsockopt(fd, level, name, value, len)
                         : real.getsockopt(fd, level, name, value, len);
}

/* While it may still become the kernel's, both are told; ours answers. */
EXPORT int setsockopt(int fd, int level, int name, const void *value,
                      socklen_t len)
{
    if (!is_socket(fd))
        return real.setsockopt(fd, level, name, value, len);
    if (loopback_is_allowed(fd))
        real.setsockopt(fd, level, name, value, len);
    return tapir_setsockopt(fd, level, name, value, len);
}

EXPORT int sockatmark(int fd)
{
    int at_mark;

    if (!is_socket(fd))
        return real.sockatmark(fd);
    return tapir_ioctl(fd, SIOCATMARK, &at_mark) < 0 ? -1 : at_mark;
}
