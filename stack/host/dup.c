/*
 * dup and close: several numbers for one open file, and the end of the last.
 */
#include "host/dup.h"

#include "host/call.h"
#include "host/host.h"
#include "host/numbers.h"

#include <errno.h>
#include <fcntl.h>

/* How long SO_LINGER lets close wait; 0: not at all. */
static usec linger_time(const struct file *file)
{
    struct linger linger = {0};
    size_t len = sizeof(linger);
    int r = stack_get_option(file->stack->core, stack_now(file->stack),
                             file->id, SOL_SOCKET, SO_LINGER, &linger, &len);

    return r < 0 || !linger.l_onoff ? 0 : linger.l_linger * USEC_PER_SEC;
}

/* A signal ends the wait, not the closing: close returns 0, as in Linux. */
static void linger(struct call *call)
{
    struct file *file = call->file;
    usec time = linger_time(file);

    while (time > 0 && file->stack != NULL &&
           stack_linger(file->stack->core, stack_now(file->stack), file->id) ==
               -EAGAIN) {
        if (call_sleep(call, WATCH_ANY, time) < 0)
            return;
    }
}

static void close_socket(struct call *call)
{
    struct file *file = call->file;
    struct tapir_stack *stack = file->stack;

    if (stack == NULL)
        return;
    if (the_host.is_child) { /* the connection is the parent's */
        if (inherit_is_open())
            core_close(stack, file->id); /* in this copy of it */
        file_lose_stack(file);
        return;
    }
    linger(call);
    if (file->stack == NULL)
        return; /* the stack has ended while we waited */
    core_close(stack, file->id);
    file_lose_stack(file);
    pass_run(stack);
}

/* The call's file has lost a number, whose reference goes. */
static void lose_number(struct call *call)
{
    if (call->file->numbers == 0) {
        file_close(call->file);
        if (call->file->kind == FILE_SOCKET)
            close_socket(call);
    }
    file_release(call->file);
}

void file_end(struct file *file)
{
    struct call call;

    call_enter_file(&call, file);
    lose_number(&call);
    (void)call_leave(&call, 0);
}

int tapir_close(int fd)
{
    struct call call;
    int r;

    if (!shim_is_here())
        return (int)errno_result(-ENETDOWN);
    r = call_enter_number(&call, fd);
    if (r < 0)
        return (int)call_leave(&call, r);
    number_remove(fd);
    lose_number(&call);
    return (int)call_leave(&call, 0);
}

static int put_duplicate(int from, int to, bool is_cloexec,
                         struct file **before)
{
    struct file *file = number_file(from);

    if (file == NULL)
        return -EBADF;
    if (from == to)
        return 0;
    return number_put(file, to, is_cloexec, before);
}

int dup_to(int from, int to, bool is_cloexec)
{
    struct file *before = NULL;
    int r;

    if (!shim_is_here())
        return -ENETDOWN;
    host_lock();
    r = put_duplicate(from, to, is_cloexec, &before);
    host_unlock();
    if (before != NULL)
        file_end(before);
    return r < 0 ? r : to;
}

int dup_from(int fd, int least, bool is_cloexec)
{
    struct file *file;
    int r = -EBADF;

    if (!shim_is_here())
        return -ENETDOWN;
    host_lock();
    file = number_file(fd);
    if (file != NULL)
        r = least < 0 || least >= DESCRIPTORS_MAX
                ? -EINVAL
                : number_add(file, least, is_cloexec);
    host_unlock();
    return r;
}

int tapir_dup(int fd)
{
    return (int)errno_result(dup_from(fd, 0, false));
}

int tapir_dup2(int from, int to)
{
    return (int)errno_result(dup_to(from, to, false));
}

int tapir_dup3(int from, int to, int flags)
{
    if ((flags & ~O_CLOEXEC) != 0 || from == to)
        return (int)errno_result(-EINVAL);
    return (int)errno_result(dup_to(from, to, (flags & O_CLOEXEC) != 0));
}
