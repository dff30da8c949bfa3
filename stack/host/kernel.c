/*
 * Read and write on descriptors of the kernel. A blocking one is first waited
 * for as a socket is, so that the stacks are driven meanwhile; then the system
 * call is made, without the lock.
 */
#include "host/kernel.h"

#include "host/host.h"
#include "host/numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int kernel_wait(int fd, short events)
{
    struct pollfd kernel = {.fd = fd, .events = events};
    struct waiter waiter;
    int r = 0;

    host_lock();
    waiter_init(&waiter, NULL, USEC_NEVER);
    waiter.restarts = true;
    waiter.kernel = &kernel;
    waiter.kernel_count = 1;
    if (drive_is_needed())
        r = waiter_wait(&waiter);
    waiter_end(&waiter);
    host_unlock();
    waiter_let_signals(&waiter);
    return r;
}

static int prepare(int fd, short events)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    return (flags & O_NONBLOCK) != 0 ? 0 : kernel_wait(fd, events);
}

static void release(struct file *file)
{
    int error = errno;

    host_lock();
    file_release(file);
    host_unlock();
    errno = error;
}

ssize_t kernel_readv(struct file *file, const struct iovec *iov, int count)
{
    ssize_t r = errno_result(prepare(file->kernel_fd, POLLIN));

    if (r == 0)
        r = readv(file->kernel_fd, iov, count);
    release(file);
    return r;
}

ssize_t kernel_writev(struct file *file, const struct iovec *iov, int count)
{
    ssize_t r = errno_result(prepare(file->kernel_fd, POLLOUT));

    if (r == 0)
        r = writev(file->kernel_fd, iov, count);
    release(file);
    return r;
}

int tapir_import(int kernel_fd)
{
    struct file *file;
    int number;

    if (fcntl(kernel_fd, F_GETFD) < 0)
        return -1;
    host_lock();
    file = file_create(FILE_KERNEL);
    if (file != NULL)
        file->kernel_fd = kernel_fd;
    number = file == NULL ? -ENOMEM : number_add_first(file, false);
    if (number < 0 && file != NULL) {
        file->kernel_fd = -1; /* stays the caller's */
        file_release(file);
    }
    host_unlock();
    return (int)errno_result(number);
}
