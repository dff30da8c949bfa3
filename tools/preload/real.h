/*
 * libc's own functions under the names that the shim takes: real.read is what
 * read was before.
 *
 * Each is looked up once, by dlsym(RTLD_NEXT), in real_init. Until then those
 * that an allocator calls while it starts (it reads files) are bare system
 * calls: a look-up there could allocate, and so wait for that allocator.
 */
#ifndef TAPIR_PRELOAD_REAL_H
#define TAPIR_PRELOAD_REAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/*
 * X(result, name, count of parameters, (parameters), (the same as arguments)).
 * EARLY ones may be called before real_init.
 */
#define REAL_EARLY(X)                                                          \
    X(ssize_t, read, 3, (int a, void *b, size_t c), (a, b, c))                 \
    X(ssize_t, write, 3, (int a, const void *b, size_t c), (a, b, c))          \
    X(ssize_t, readv, 3, (int a, const struct iovec *b, int c), (a, b, c))     \
    X(ssize_t, writev, 3, (int a, const struct iovec *b, int c), (a, b, c))    \
    X(int, close, 1, (int a), (a))                                             \
    X(int, dup, 1, (int a), (a))                                               \
    X(int, dup3, 3, (int a, int b, int c), (a, b, c))

#define REAL_LATER(X)                                                          \
    X(int, close_range, 3, (unsigned a, unsigned b, int c), (a, b, c))         \
    X(int, dup2, 2, (int a, int b), (a, b))                                    \
    X(int, bind, 3, (int a, const struct sockaddr *b, socklen_t c), (a, b, c)) \
    X(int, connect, 3, (int a, const struct sockaddr *b, socklen_t c),         \
      (a, b, c))                                                               \
    X(int, listen, 2, (int a, int b), (a, b))                                  \
    X(int, accept, 3, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))    \
    X(int, shutdown, 2, (int a, int b), (a, b))                                \
    X(int, getsockname, 3, (int a, struct sockaddr *b, socklen_t *c),          \
      (a, b, c))                                                               \
    X(int, getpeername, 3, (int a, struct sockaddr *b, socklen_t *c),          \
      (a, b, c))                                                               \
    X(int, getsockopt, 5, (int a, int b, int c, void *d, socklen_t *e),        \
      (a, b, c, d, e))                                                         \
    X(int, setsockopt, 5, (int a, int b, int c, const void *d, socklen_t e),   \
      (a, b, c, d, e))                                                         \
    X(ssize_t, preadv2, 5,                                                     \
      (int a, const struct iovec *b, int c, off_t d, int e), (a, b, c, d, e))  \
    X(ssize_t, pwritev2, 5,                                                    \
      (int a, const struct iovec *b, int c, off_t d, int e), (a, b, c, d, e))  \
    X(ssize_t, send, 4, (int a, const void *b, size_t c, int d), (a, b, c, d)) \
    X(ssize_t, sendto, 6,                                                      \
      (int a, const void *b, size_t c, int d, const struct sockaddr *e,        \
       socklen_t f),                                                           \
      (a, b, c, d, e, f))                                                      \
    X(ssize_t, sendmsg, 3, (int a, const struct msghdr *b, int c), (a, b, c))  \
    X(int, sendmmsg, 4, (int a, struct mmsghdr *b, unsigned c, int d),         \
      (a, b, c, d))                                                            \
    X(ssize_t, recv, 4, (int a, void *b, size_t c, int d), (a, b, c, d))       \
    X(ssize_t, recvfrom, 6,                                                    \
      (int a, void *b, size_t c, int d, struct sockaddr *e, socklen_t *f),     \
      (a, b, c, d, e, f))                                                      \
    X(ssize_t, recvmsg, 3, (int a, struct msghdr *b, int c), (a, b, c))        \
    X(int, recvmmsg, 5,                                                        \
      (int a, struct mmsghdr *b, unsigned c, int d, struct timespec *e),       \
      (a, b, c, d, e))                                                         \
    X(int, poll, 3, (struct pollfd * a, nfds_t b, int c), (a, b, c))           \
    X(int, ppoll, 4,                                                           \
      (struct pollfd * a, nfds_t b, const struct timespec *c,                  \
       const sigset_t *d),                                                     \
      (a, b, c, d))                                                            \
    X(int, select, 5,                                                          \
      (int a, fd_set *b, fd_set *c, fd_set *d, struct timeval *e),             \
      (a, b, c, d, e))                                                         \
    X(int, pselect, 6,                                                         \
      (int a, fd_set *b, fd_set *c, fd_set *d, const struct timespec *e,       \
       const sigset_t *f),                                                     \
      (a, b, c, d, e, f))                                                      \
    X(int, epoll_ctl, 4, (int a, int b, int c, struct epoll_event *d),         \
      (a, b, c, d))                                                            \
    X(int, epoll_wait, 4, (int a, struct epoll_event *b, int c, int d),        \
      (a, b, c, d))                                                            \
    X(int, epoll_pwait, 5,                                                     \
      (int a, struct epoll_event *b, int c, int d, const sigset_t *e),         \
      (a, b, c, d, e))                                                         \
    X(int, epoll_pwait2, 5,                                                    \
      (int a, struct epoll_event *b, int c, const struct timespec *d,          \
       const sigset_t *e),                                                     \
      (a, b, c, d, e))                                                         \
    X(ssize_t, sendfile, 4, (int a, int b, off_t *c, size_t d), (a, b, c, d))  \
    X(ssize_t, splice, 6,                                                      \
      (int a, off64_t *b, int c, off64_t *d, size_t e, unsigned f),            \
      (a, b, c, d, e, f))                                                      \
    X(int, getaddrinfo, 4,                                                     \
      (const char *a, const char *b, const struct addrinfo *c,                 \
       struct addrinfo **d),                                                   \
      (a, b, c, d))                                                            \
    X(int, getnameinfo, 7,                                                     \
      (const struct sockaddr *a, socklen_t b, char *c, socklen_t d, char *e,   \
       socklen_t f, int g),                                                    \
      (a, b, c, d, e, f, g))                                                   \
    X(unsigned, if_nametoindex, 1, (const char *a), (a))                       \
    X(int, bindresvport, 2, (int a, struct sockaddr_in *b), (a, b))            \
    X(int, sockatmark, 1, (int a), (a))                                        \
    X(FILE *, fdopen, 2, (int a, const char *b), (a, b))                       \
    X(int, vdprintf, 3, (int a, const char *b, va_list c), (a, b, c))

/* Of these the library has its own: own.c. */
#define REAL_MOVED(X)                                                          \
    X(int, socket, 3, (int a, int b, int c), (a, b, c))                        \
    X(int, accept4, 4, (int a, struct sockaddr *b, socklen_t *c, int d),       \
      (a, b, c, d))                                                            \
    X(int, epoll_create1, 1, (int a), (a))

#define REAL_FIELD(result, name, count, parameters, arguments)                 \
    result(*name) parameters;

struct real {
    REAL_EARLY(REAL_FIELD)
    REAL_LATER(REAL_FIELD)
    REAL_MOVED(REAL_FIELD)
    void (*freeaddrinfo)(struct addrinfo *list);
    void (*longjmp)(struct __jmp_buf_tag *env, int value);
    int (*fcntl)(int fd, int command, ...);
    int (*ioctl)(int fd, unsigned long request, ...);
    long (*syscall)(long number, ...);
};

extern struct real real;

/* Looks all of them up. Before there is a second thread; again is no harm. */
void real_init(void);

/* Ends the process now, without a word to anybody. */
_Noreturn void real_exit(int status);

#endif
