/*
 * The beginning: libc's functions are looked up when the shim is loaded, and
 * with the first socket the library's table and the kernel's become one.
 *
 * Each of our numbers is held by a placeholder, an unbound socket or an empty
 * epoll set of the kernel. So the kernel gives the lowest free number, keeps to
 * RLIMIT_NOFILE, and fstat says that it is a socket.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

static int make_placeholder(enum shim_kind kind, int socket_type, int flags)
{
    int fd;

    if (kind == SHIM_EPOLL)
        return real.epoll_create1(flags != 0 ? EPOLL_CLOEXEC : 0);
    if (socket_type == SOCK_STREAM || socket_type == SOCK_DGRAM)
        return real.socket(AF_INET, socket_type | flags, 0);
    /* A raw one is not everybody's to make. */
    fd = real.socket(AF_UNIX, SOCK_DGRAM | flags, 0);
    return fd;
}

static int number_take(enum shim_kind kind, int socket_type, int least,
                       bool is_cloexec)
{
    int fd = make_placeholder(kind, socket_type, is_cloexec ? SOCK_CLOEXEC : 0);
    int moved;

    if (fd < 0)
        return -errno;
    if (fd >= least)
        return fd;
    moved = real.fcntl(fd, is_cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, least);
    moved = moved < 0 ? -errno : moved;
    real.close(fd);
    return moved;
}

static void number_give_back(int number)
{
    real.close(number);
}

static void begin(void)
{
    static const struct shim_numbers numbers = {
        .take = number_take,
        .give_back = number_give_back,
    };

    shim_mirror(&numbers);
}

void mirror_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin);
}

__attribute__((constructor)) static void load(void)
{
    real_init();
    process_begin();
}
