/*
 * The calls that make and connect sockets.
 */
#include "host/host.h"
#include "host/address.h"
#include "host/call.h"
#include "host/numbers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TYPE_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC };

void core_close(struct tapir_stack *stack, socket_id id)
{
    int r = stack_close(stack->core, stack_now(stack), id);

    assert(r == 0 || r == -EBADF);
    (void)r;
}

/* The number of a new descriptor for socket `id`; without one, it is closed. */
static int give_number(struct tapir_stack *stack, socket_id id, int type,
                       int flags)
{
    struct file *file = file_create_socket(stack, id, type);
    int number = -ENOMEM;

    if (file != NULL) {
        file->is_nonblocking = (flags & SOCK_NONBLOCK) != 0;
        number = number_add_first(file, (flags & SOCK_CLOEXEC) != 0);
    }
    if (number >= 0)
        return number;
    core_close(stack, id);
    if (file != NULL) {
        file_lose_stack(file);
        file_release(file);
    }
    return number;
}

static int socket_on(struct tapir_stack *stack, int domain, int type,
                     int protocol)
{
    int flags = type & TYPE_FLAGS;
    socket_id id;
    int r;

    if (stack == NULL || stack->is_ending || the_host.is_child ||
        !shim_is_here())
        return -ENETDOWN;
    if (!numbers_have_room())
        return -EMFILE;
    r = stack_socket(stack->core, stack_now(stack), domain, type & ~TYPE_FLAGS,
                     protocol, &id);
    return r < 0 ? r : give_number(stack, id, type & ~TYPE_FLAGS, flags);
}

int tapir_socket_on(struct tapir_stack *stack, int domain, int type,
                    int protocol)
{
    int r;

    host_lock();
    r = socket_on(stack, domain, type, protocol);
    host_unlock();
    return (int)errno_result(r);
}

int socket_on_living(struct tapir_stack *stack, int type)
{
    int r = -ENETDOWN;

    host_lock();
    if (stack_is_there(stack) && inherit_claim())
        r = socket_on(stack, AF_INET, type, 0);
    host_unlock();
    return r;
}

/* Once, though the program may try again and again. */
static void say_why(const char *why)
{
    bool is_said;

    host_lock();
    is_said = strcmp(the_host.said, why) == 0;
    snprintf(the_host.said, sizeof(the_host.said), "%s", why);
    host_unlock();
    if (!is_said)
        fprintf(stderr, "tapir: %s\n", why);
}

/* The first socket opens the default stack by the environment. */
int ensure_default_stack(void)
{
    char why[TAPIR_TEXT_MAX];
    int r;

    if (tapir_default_stack() != NULL || tapir_open_env(why) == 0 ||
        errno == EALREADY)
        return 0;
    r = -errno;
    say_why(why);
    return r;
}

int tapir_socket(int domain, int type, int protocol)
{
    int r = ensure_default_stack();

    if (r < 0)
        return (int)errno_result(r);
    host_lock();
    inherit_claim();
    r = socket_on(the_host.default_stack, domain, type, protocol);
    host_unlock();
    return (int)errno_result(r);
}

int tapir_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct call call;
    struct endpoint local;
    int r = call_enter(&call, fd);

    if (r == 0)
        r = call.file->socket_type == SOCK_RAW
                ? endpoint_to_bind_raw(addr, len, &local)
                : endpoint_to_bind(addr, len, &local);
    if (r == 0)
        r = stack_bind(call.file->stack->core, stack_now(call.file->stack),
                       call.file->id, &local);
    return (int)call_leave(&call, r);
}

int tapir_listen(int fd, int backlog)
{
    struct call call;
    int r = call_enter(&call, fd);

    if (r == 0)
        r = stack_listen(call.file->stack->core, stack_now(call.file->stack),
                         call.file->id, backlog);
    return (int)call_leave(&call, r);
}

static int accept_waiting(struct call *call, struct endpoint *remote, int flags)
{
    struct file *listener = call->file;

    for (;;) {
        struct tapir_stack *stack = listener->stack;
        socket_id id;
        int r = -EMFILE;

        if (numbers_have_room())
            r = stack_accept(stack->core, stack_now(stack), listener->id, &id,
                             remote);
        if (r == 0)
            return give_number(stack, id, SOCK_STREAM, flags);
        if (r == -EAGAIN)
            r = call_wait(call, POLLIN);
        if (r < 0)
            return r;
    }
}

/* Linux: without a place for the peer's name the connection is lost. */
static int name_or_close(int number, const struct endpoint *remote,
                         struct sockaddr *addr, socklen_t *len)
{
    int r = len == NULL ? -EFAULT : endpoint_to_sockaddr(remote, addr, len);
    struct file *file;

    if (r == 0)
        return number;
    file = number_remove(number);
    core_close(file->stack, file->id);
    file_lose_stack(file);
    file_release(file);
    return r;
}

int tapir_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct call call;
    struct endpoint remote;
    int r = call_enter(&call, fd);

    if (r == 0 && (flags & ~TYPE_FLAGS) != 0)
        r = -EINVAL;
    if (r == 0)
        r = accept_waiting(&call, &remote, flags);
    if (r >= 0 && addr != NULL)
        r = name_or_close(r, &remote, addr, len);
    return (int)call_leave(&call, r);
}

int tapir_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return tapir_accept4(fd, addr, len, 0);
}

/* Linux looks at the address of a stream only where it begins to connect. */
static int connect_waiting(struct call *call, const struct sockaddr *addr,
                           socklen_t len)
{
    struct endpoint remote;
    int wrong = endpoint_from_sockaddr(addr, len, &remote);
    int r = stack_take_port(call->file->stack->core,
                            stack_now(call->file->stack), call->file->id);

    if (r < 0)
        return r;
    if (wrong < 0 && call->file->socket_type != SOCK_STREAM)
        return wrong;
    r = call_connect(call, wrong < 0 ? NULL : &remote);
    return r == -EDESTADDRREQ ? wrong : r;
}

int tapir_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct call call;
    int r = call_enter(&call, fd);

    if (r == 0)
        r = sockaddr_family(addr, len);
    if (r == AF_UNSPEC)
        r = stack_disconnect(call.file->stack->core,
                             stack_now(call.file->stack), call.file->id);
    else if (r > 0)
        r = connect_waiting(&call, addr, len);
    return (int)call_leave(&call, r);
}

int tapir_shutdown(int fd, int how)
{
    struct call call;
    int r = call_enter(&call, fd);

    if (r == 0)
        r = stack_shutdown(call.file->stack->core, stack_now(call.file->stack),
                           call.file->id, how);
    return (int)call_leave(&call, r);
}
