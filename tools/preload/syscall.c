/*
 * syscall(2): programs that go around libc's own entries (libuv closes so) are
 * taken to the same places. io_uring does its work in the kernel, where there
 * is no stack of ours: it is not there, and programs do without.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

static int int_of(long word)
{
    return (int)word;
}

static void *pointer_of(long word)
{
    return (void *)word;
}

static long dup_of(const long *a)
{
    return int_of(a[0]) == int_of(a[1])
               ? real.dup3(int_of(a[0]), int_of(a[1]), int_of(a[2]))
               : shim_dup3(int_of(a[0]), int_of(a[1]), int_of(a[2]));
}

long syscall_pass(long number, const long *a)
{
    return real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The first is not always the one that is a socket of ours. */
static long bulk_call(long number, const long *a)
{
    switch (number) {
    case SYS_sendfile:
        return sendfile(int_of(a[0]), int_of(a[1]), pointer_of(a[2]),
                        (size_t)a[3]);
    case SYS_splice:
        return splice(int_of(a[0]), pointer_of(a[1]), int_of(a[2]),
                      pointer_of(a[3]), (size_t)a[4], (unsigned)a[5]);
    default:
        return syscall_wait(number, a);
    }
}

/* Numbers and the way of a process's end. */
static long descriptor_call(long number, const long *a)
{
    switch (number) {
    case SYS_close:
        return shim_close(int_of(a[0]));
    case SYS_close_range:
        return shim_close_range((unsigned)a[0], (unsigned)a[1], int_of(a[2]));
    case SYS_dup:
        return shim_dup(int_of(a[0]));
#ifdef SYS_dup2 /* newer machines have none */
    case SYS_dup2:
        return dup2(int_of(a[0]), int_of(a[1]));
#endif
    case SYS_dup3:
        return dup_of(a);
    case SYS_fcntl:
        return shim_fcntl(int_of(a[0]), int_of(a[1]), pointer_of(a[2]));
    case SYS_socket:
        return socket(int_of(a[0]), int_of(a[1]), int_of(a[2]));
    case SYS_exit_group:
        process_finish();
        return syscall_pass(number, a);
    case SYS_io_uring_setup:
    case SYS_io_uring_enter:
    case SYS_io_uring_register:
        errno = ENOSYS;
        return -1;
#ifdef SYS_fork /* newer machines have clone alone */
    case SYS_fork:
    case SYS_vfork:
#endif
    case SYS_clone:
    case SYS_clone3:
        return syscall_fork(number, a);
    default:
        return bulk_call(number, a);
    }
}

/* What names, connects and asks, on a socket of ours: libc's entries know of
 * loopback, too. */
static long name_call(long number, const long *a)
{
    int fd = int_of(a[0]);

    switch (number) {
    case SYS_bind:
        return bind(fd, pointer_of(a[1]), (socklen_t)a[2]);
    case SYS_connect:
        return connect(fd, pointer_of(a[1]), (socklen_t)a[2]);
    case SYS_listen:
        return listen(fd, int_of(a[1]));
    case SYS_accept:
        return accept(fd, pointer_of(a[1]), pointer_of(a[2]));
    case SYS_getsockname:
        return tapir_getsockname(fd, pointer_of(a[1]), pointer_of(a[2]));
    case SYS_getpeername:
        return tapir_getpeername(fd, pointer_of(a[1]), pointer_of(a[2]));
    case SYS_getsockopt:
        return tapir_getsockopt(fd, int_of(a[1]), int_of(a[2]),
                                pointer_of(a[3]), pointer_of(a[4]));
    case SYS_setsockopt:
        return setsockopt(fd, int_of(a[1]), int_of(a[2]), pointer_of(a[3]),
                          (socklen_t)a[4]);
    case SYS_ioctl:
        return ioctl(fd, (unsigned long)a[1], pointer_of(a[2]));
    default:
        return descriptor_call(number, a);
    }
}

/* What moves data, on a socket of ours. */
static long socket_call(long number, const long *a)
{
    int fd = int_of(a[0]);

    switch (number) {
    case SYS_read:
        return tapir_read(fd, pointer_of(a[1]), (size_t)a[2]);
    case SYS_write:
        return tapir_write(fd, pointer_of(a[1]), (size_t)a[2]);
    case SYS_readv:
        return tapir_readv(fd, pointer_of(a[1]), int_of(a[2]));
    case SYS_writev:
        return tapir_writev(fd, pointer_of(a[1]), int_of(a[2]));
    case SYS_preadv2: /* the offset's upper half is in its lower */
        return preadv2(fd, pointer_of(a[1]), int_of(a[2]), a[3], int_of(a[5]));
    case SYS_pwritev2:
        return pwritev2(fd, pointer_of(a[1]), int_of(a[2]), a[3], int_of(a[5]));
    case SYS_sendto:
        return sendto(fd, pointer_of(a[1]), (size_t)a[2], int_of(a[3]),
                      pointer_of(a[4]), (socklen_t)a[5]);
    case SYS_recvfrom:
        return tapir_recvfrom(fd, pointer_of(a[1]), (size_t)a[2], int_of(a[3]),
                              pointer_of(a[4]), pointer_of(a[5]));
    case SYS_sendmsg:
        return sendmsg(fd, pointer_of(a[1]), int_of(a[2]));
    case SYS_sendmmsg:
        return sendmmsg(fd, pointer_of(a[1]), (unsigned)a[2], int_of(a[3]));
    case SYS_recvmmsg:
        return recvmmsg(fd, pointer_of(a[1]), (unsigned)a[2], int_of(a[3]),
                        pointer_of(a[4]));
    case SYS_recvmsg:
        return tapir_recvmsg(fd, pointer_of(a[1]), int_of(a[2]));
    case SYS_accept4:
        return tapir_accept4(fd, pointer_of(a[1]), pointer_of(a[2]),
                             int_of(a[3]));
    case SYS_shutdown:
        return tapir_shutdown(fd, int_of(a[1]));
    default:
        return name_call(number, a);
    }
}

EXPORT long syscall(long number, ...)
{
    long a[SYSCALL_WORDS];
    va_list rest;

    va_start(rest, number);
    for (int i = 0; i < SYSCALL_WORDS; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    return is_socket(int_of(a[0])) ? socket_call(number, a)
                                   : descriptor_call(number, a);
}
