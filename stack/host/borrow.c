/*
 * Receiving without a copy: the program looks at what was received where it
 * lies, in the connection's ring.
 */
#include "host/call.h"
#include "host/host.h"

#include <errno.h>

static ssize_t borrow(struct call *call, struct iovec iov[static 2], int *count)
{
    struct file *file = call->file;

    for (;;) {
        ssize_t got = stack_borrow(file->stack->core, stack_now(file->stack),
                                   file->id, iov, count);

        if (got != -EAGAIN)
            return got;
        got = call_wait(call, POLLIN);
        if (got < 0)
            return got;
    }
}

ssize_t tapir_recv_borrow(int fd, struct iovec iov[2], int *count, int flags)
{
    struct call call;
    ssize_t r = call_enter(&call, fd);

    if (r == 0 && (iov == NULL || count == NULL))
        r = -EFAULT;
    if (r == 0 && (flags & ~MSG_DONTWAIT) != 0)
        r = -EINVAL;
    if (r == 0) {
        call.is_nonblocking |= (flags & MSG_DONTWAIT) != 0;
        *count = 0;
        r = borrow(&call, iov, count);
        call.has_received = r > 0;
    }
    return call_leave(&call, r);
}

int tapir_recv_release(int fd, size_t len)
{
    struct call call;
    int r = call_enter(&call, fd);

    if (r == 0)
        r = stack_give_back(call.file->stack->core, stack_now(call.file->stack),
                            call.file->id, len);
    return (int)call_leave(&call, r);
}
