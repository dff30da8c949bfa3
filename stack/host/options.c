/*
 * Options, names and flags of a descriptor.
 */
#define _GNU_SOURCE /* F_SETSIG, ... */
#include "host/host.h"
#include "host/address.h"
#include "host/call.h"
#include "host/dup.h"
#include "host/interfaces.h"
#include "host/numbers.h"
#include "link/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>

int tapir_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    struct call call;
    int r = call_enter(&call, fd);
    size_t room;

    if (r == 0 && len == NULL)
        r = -EFAULT;
    if (r == 0) {
        room = (int)*len < 0 ? 0 : *len;
        r = stack_get_option(call.file->stack->core,
                             stack_now(call.file->stack), call.file->id, level,
                             name, value, &room);
        if ((int)*len < 0 && /* unless there is no such level, in Linux */
            (r != -EOPNOTSUPP || level == SOL_SOCKET))
            r = -EINVAL;
        if (r == 0)
            *len = (socklen_t)room;
    }
    return (int)call_leave(&call, r);
}

/* SO_ATTACH_FILTER points to its program; to the core the value is that. */
static int fetch_filter(struct bytes *value)
{
    struct sock_fprog program;

    if (value->len != sizeof(program))
        return -EINVAL;
    memcpy(&program, value->data, sizeof(program));
    *value = bytes_of(program.filter,
                      program.filter == NULL
                          ? 0 /* the core says what that is */
                          : program.len * sizeof(struct sock_filter));
    return 0;
}

int tapir_setsockopt(int fd, int level, int name, const void *value,
                     socklen_t len)
{
    struct call call;
    struct bytes bytes = bytes_of(value, len);
    int r = call_enter(&call, fd);

    if (r == 0 && (int)len < 0)
        r = -EINVAL;
    if (r == 0 && value == NULL && len > 0)
        r = -EFAULT;
    if (r == 0 && level == SOL_SOCKET && name == SO_ATTACH_FILTER)
        r = fetch_filter(&bytes);
    if (r == 0)
        r = stack_set_option(call.file->stack->core,
                             stack_now(call.file->stack), call.file->id, level,
                             name, bytes);
    return (int)call_leave(&call, r);
}

int tapir_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct call call;
    struct endpoint local;
    int r = call_enter(&call, fd);

    if (r == 0)
        r = stack_local(call.file->stack->core, call.file->id, &local);
    if (r == 0)
        r = len == NULL ? -EFAULT : endpoint_to_sockaddr(&local, addr, len);
    if (r == 0 && local.is_link) /* Linux: to the last octet */
        *len =
            offsetof(struct sockaddr_ll, sll_addr) + link_addr_of(&local).len;
    return (int)call_leave(&call, r);
}

int tapir_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct call call;
    struct endpoint remote;
    int r = call_enter(&call, fd);

    if (r == 0)
        r = stack_remote(call.file->stack->core, call.file->id, &remote);
    if (r == 0)
        r = len == NULL ? -EFAULT : endpoint_to_sockaddr(&remote, addr, len);
    return (int)call_leave(&call, r);
}

/* FD_CLOEXEC belongs to the number. */
static int number_fcntl(int fd, int command, int argument)
{
    struct descriptors *table = &the_host.descriptors;

    if (command == F_GETFD)
        return descriptors_is_cloexec(table, fd) ? FD_CLOEXEC : 0;
    if ((argument & FD_CLOEXEC) != 0)
        descriptors_set_cloexec(table, fd);
    else
        descriptors_clear_cloexec(table, fd);
    return 0;
}

/*
 * The flags of the open file. Of those O_NONBLOCK alone means something here;
 * the others are kept for who asks, as Linux does of a socket.
 */
static int set_status(struct file *file, int flags)
{
    if ((flags & O_DIRECT) != 0)
        return -EINVAL;
    file->is_nonblocking = (flags & O_NONBLOCK) != 0;
    file->status = flags & (O_APPEND | O_ASYNC | O_NOATIME);
    return 0;
}

static int set_signal(struct file *file, int signal)
{
    if (signal < 0 || signal >= NSIG)
        return -EINVAL;
    file->signal = (uint8_t)signal;
    return 0;
}

static int file_fcntl(struct file *file, int command, int argument)
{
    switch (command) {
    case F_GETFL:
        return O_RDWR | file->status | (file->is_nonblocking ? O_NONBLOCK : 0);
    case F_SETFL:
        return set_status(file, argument);
    case F_GETOWN:
        return file->owner;
    case F_SETOWN:
        file->owner = argument;
        return 0;
    case F_GETSIG:
        return file->signal;
    case F_SETSIG:
        return set_signal(file, argument);
    case F_GETLEASE:
        return F_UNLCK;
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
        return -EBADF; /* it is no pipe */
    default:
        return -EINVAL;
    }
}

/* F_SETFD goes to the kernel as well, which does the closing. */
static int kernel_fcntl(int fd, const struct file *file, int command,
                        void *argument)
{
    int r = fcntl(file->kernel_fd, command, argument);

    if (r >= 0 && command == F_SETFD)
        return number_fcntl(fd, command, (int)(intptr_t)argument);
    return r < 0 ? -errno : r;
}

static int any_fcntl(int fd, int command, void *argument)
{
    struct file *file = number_file(fd);

    if (file == NULL)
        return -EBADF;
    if (file->kind == FILE_KERNEL && command != F_GETFD)
        return kernel_fcntl(fd, file, command, argument);
    if (command == F_GETFD || command == F_SETFD)
        return number_fcntl(fd, command, (int)(intptr_t)argument);
    return file_fcntl(file, command, (int)(intptr_t)argument);
}

int tapir_fcntl(int fd, int command, ...)
{
    void *argument;
    va_list arguments;
    int r;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);

    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        return (int)errno_result(
            dup_from(fd, (int)(intptr_t)argument, command == F_DUPFD_CLOEXEC));
    host_lock();
    r = any_fcntl(fd, command, argument);
    host_unlock();
    return (int)errno_result(r);
}

/* The core's answer goes into the int that the program points to. */
static int store_count(int count, void *argument)
{
    if (count < 0)
        return count;
    *(int *)argument = count;
    return 0;
}

/* What Linux has of every file; -ENOTTY: it is none of these. */
static int any_ioctl(int fd, struct file *file, unsigned long request,
                     int *argument)
{
    switch (request) {
    case FIONBIO:
        file->is_nonblocking = *argument != 0;
        return 0;
    case FIOASYNC:
        if (file->kind != FILE_SOCKET)
            return *argument == 0 ? 0 : -ENOTTY;
        file->status =
            *argument != 0 ? file->status | O_ASYNC : file->status & ~O_ASYNC;
        return 0;
    case FIOCLEX:
        return number_fcntl(fd, F_SETFD, FD_CLOEXEC);
    case FIONCLEX:
        return number_fcntl(fd, F_SETFD, 0);
    default:
        return -ENOTTY;
    }
}

static int socket_ioctl(struct file *file, unsigned long request,
                        void *argument)
{
    struct stack *core = file->stack->core;

    switch (request) {
    case FIONREAD:
        return store_count(stack_unread(core, file->id), argument);
    case SIOCOUTQ:
        return store_count(stack_unsent(core, file->id), argument);
    case SIOCOUTQNSD:
        return store_count(stack_never_sent(core, file->id), argument);
    case SIOCATMARK:
        return store_count(stack_at_mark(core, file->id), argument);
    case SIOCGPGRP:
    case FIOGETOWN:
        return store_count(file->owner, argument);
    case SIOCSPGRP:
    case FIOSETOWN:
        file->owner = *(const int *)argument;
        return 0;
    default:
        return interfaces_ioctl(core, request, argument);
    }
}

static int file_ioctl(int fd, struct file *file, unsigned long request,
                      void *argument)
{
    bool has_argument = request != FIOCLEX && request != FIONCLEX;
    int r;

    if (argument == NULL && has_argument)
        return -EFAULT;
    r = any_ioctl(fd, file, request, argument);
    if (r != -ENOTTY || request == FIOASYNC)
        return r;
    if (file->kind != FILE_SOCKET)
        return -EINVAL; /* of an epoll set, as Linux */
    if (file->stack == NULL || !inherit_claim())
        return -ENETDOWN;
    return socket_ioctl(file, request, argument);
}

int tapir_ioctl(int fd, unsigned long request, ...)
{
    struct file *file;
    void *argument;
    va_list arguments;
    int r = -EBADF;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);

    host_lock();
    file = number_file(fd);
    if (file != NULL && file->kind == FILE_KERNEL) {
        r = ioctl(file->kernel_fd, request, argument);
        r = r < 0 ? -errno : r;
    } else if (file != NULL) {
        r = file_ioctl(fd, file, request, argument);
    }
    host_unlock();
    return (int)errno_result(r);
}
