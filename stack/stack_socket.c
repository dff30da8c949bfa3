/*
 * The sockets' part of the door: each entry takes the time, finds the socket
 * by its number, and calls socket/.
 */
#include "stack_internal.h"

#include <errno.h>
#include <poll.h>

/* Each entry about a socket begins so. NULL: there is none: -EBADF. */
static struct socket *enter(struct stack *stack, usec now, socket_id id)
{
    stack_enter(stack, now);
    return socket_find(&stack->sockets, id);
}

bool stack_do_next_ready(struct stack *stack, socket_id *id)
{
    struct socket *socket = socket_next_ready(&stack->sockets);

    if (socket == NULL)
        return false;
    *id = socket_number(socket);
    return true;
}

int stack_do_socket(struct stack *stack, usec now, int domain, int type,
                    int protocol, socket_id *out)
{
    struct socket *socket;

    stack_enter(stack, now);

    int error = socket_create(&stack->sockets, domain, type, protocol, &socket);

    if (error < 0)
        return error;
    *out = socket_number(socket);
    return 0;
}

int stack_do_bind(struct stack *stack, usec now, socket_id id,
                  const struct endpoint *local)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_bind(socket, local) : -EBADF;
}

int stack_do_listen(struct stack *stack, usec now, socket_id id, int backlog)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_listen(socket, backlog) : -EBADF;
}

int stack_do_accept(struct stack *stack, usec now, socket_id id, socket_id *out,
                    struct endpoint *remote)
{
    struct socket *socket = enter(stack, now, id);
    struct socket *child;

    if (socket == NULL)
        return -EBADF;

    int error = socket_accept(socket, &child, remote);

    if (error < 0)
        return error;
    *out = socket_number(child);
    return 0;
}

int stack_do_take_port(struct stack *stack, usec now, socket_id id)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_take_port(socket) : -EBADF;
}

int stack_do_connect(struct stack *stack, usec now, socket_id id,
                     const struct endpoint *remote)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_connect(socket, remote) : -EBADF;
}

int stack_do_disconnect(struct stack *stack, usec now, socket_id id)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_disconnect(socket) : -EBADF;
}

ssize_t stack_do_send(struct stack *stack, usec now, socket_id id,
                      const struct socket_message *message)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_send(socket, message) : -EBADF;
}

ssize_t stack_do_receive(struct stack *stack, usec now, socket_id id,
                         struct socket_message *message)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_receive(socket, message) : -EBADF;
}

ssize_t stack_do_borrow(struct stack *stack, usec now, socket_id id,
                        struct iovec iov[static 2], int *count)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_borrow(socket, iov, count) : -EBADF;
}

int stack_do_give_back(struct stack *stack, usec now, socket_id id, size_t len)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_give_back(socket, len) : -EBADF;
}

int stack_do_shutdown(struct stack *stack, usec now, socket_id id, int how)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_shutdown(socket, how) : -EBADF;
}

int stack_do_linger(struct stack *stack, usec now, socket_id id)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_linger(socket) : -EBADF;
}

int stack_do_close(struct stack *stack, usec now, socket_id id)
{
    struct socket *socket = enter(stack, now, id);

    if (socket == NULL)
        return -EBADF;
    socket_close(socket);
    return 0;
}

int stack_do_set_option(struct stack *stack, usec now, socket_id id, int level,
                        int name, struct bytes value)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_set_option(socket, level, name, value) : -EBADF;
}

int stack_do_get_option(struct stack *stack, usec now, socket_id id, int level,
                        int name, void *value, size_t *len)
{
    struct socket *socket = enter(stack, now, id);

    return socket ? socket_get_option(socket, level, name, value, len) : -EBADF;
}

int stack_do_timeouts(struct stack *stack, socket_id id, usec *receive,
                      usec *send)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    if (socket == NULL)
        return -EBADF;
    socket_timeouts(socket, receive, send);
    return 0;
}

int stack_do_local(struct stack *stack, socket_id id, struct endpoint *out)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    if (socket == NULL)
        return -EBADF;
    socket_local(socket, out);
    return 0;
}

int stack_do_remote(struct stack *stack, socket_id id, struct endpoint *out)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    return socket ? socket_remote(socket, out) : -EBADF;
}

int stack_do_unread(struct stack *stack, socket_id id)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    return socket ? socket_unread(socket) : -EBADF;
}

int stack_do_unsent(struct stack *stack, socket_id id)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    return socket ? socket_unsent(socket) : -EBADF;
}

int stack_do_never_sent(struct stack *stack, socket_id id)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    return socket ? socket_never_sent(socket) : -EBADF;
}

bool stack_do_arrived(struct stack *stack, socket_id id, uint32_t *out)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    return socket != NULL && socket_arrived(socket, out);
}

int stack_do_at_mark(struct stack *stack, socket_id id)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    return socket ? socket_at_mark(socket) : -EBADF;
}

int stack_do_readiness(struct stack *stack, socket_id id)
{
    struct socket *socket = socket_find(&stack->sockets, id);

    return socket ? socket_readiness(socket) : POLLNVAL;
}
