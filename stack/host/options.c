/*
 * Options, names and flags of a descriptor.
 */
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

/* O_NONBLOCK is the only flag of ours that can be changed; it belongs to the
 * open file. */
static int file_fcntl(struct file *file, int command, int argument)
{
    switch (command) {
    case F_GETFL:
        return O_RDWR | (file->is_nonblocking ? O_NONBLOCK : 0);
    case F_SETFL:
        file->is_nonblocking = (argument & O_NONBLOCK) != 0;
        return 0;
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

static int file_ioctl(struct file *file, unsigned long request, void *argument)
{
    if (request == FIONBIO) {
        file->is_nonblocking = *(const int *)argument != 0;
        return 0;
    }
    if (file->kind != FILE_SOCKET)
        return -EINVAL; /* of an epoll set, as Linux */
    if (file->stack == NULL || !inherit_claim())
        return -ENETDOWN;
    if (request == FIONREAD)
        return store_count(stack_unread(file->stack->core, file->id), argument);
    if (request == SIOCOUTQ)
        return store_count(stack_unsent(file->stack->core, file->id), argument);
    if (request == SIOCOUTQNSD)
        return store_count(stack_never_sent(file->stack->core, file->id),
                           argument);
    if (request == SIOCATMARK)
        return store_count(stack_at_mark(file->stack->core, file->id),
                           argument);
    return interfaces_ioctl(file->stack->core, request, argument);
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
        r = argument == NULL ? -EFAULT : file_ioctl(file, request, argument);
    }
    host_unlock();
    return (int)errno_result(r);
}
