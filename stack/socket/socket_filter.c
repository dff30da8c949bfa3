/*
 * Filters of sockets: SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_GET_FILTER and
 * SO_LOCK_FILTER, as Linux has them (socket(7)). A filter is a classic BPF
 * program (base/bpf.h), which says of each packet how much of it the socket
 * wants.
 */
#include "socket/socket_kind.h"

#include <errno.h>

/* The old one ends only when the new one is there. */
static int replace_filter(struct socket *socket, struct bpf_program *filter)
{
    struct bpf_program *old = socket->filter;
    int error = socket->ops->set_filter(socket, filter);

    if (error < 0)
        return error;
    socket->filter = filter;
    bpf_destroy(socket->sockets->env->memory, old);
    return 0;
}

int socket_attach_filter(struct socket *socket, struct bytes code)
{
    struct memory *memory = socket->sockets->env->memory;
    struct bpf_program *filter;
    int error;

    if (socket_has(socket, FLAG_LOCK_FILTER))
        return -EPERM;
    if ((error = bpf_create(memory, code, &filter)) < 0)
        return error;
    if ((error = replace_filter(socket, filter)) < 0)
        bpf_destroy(memory, filter);
    return error;
}

int socket_detach_filter(struct socket *socket)
{
    if (socket_has(socket, FLAG_LOCK_FILTER))
        return -EPERM;
    return socket->filter == NULL ? -ENOENT : replace_filter(socket, NULL);
}

int socket_get_filter(const struct socket *socket, void *value, size_t *len)
{
    size_t room = *len;
    size_t count = socket->filter == NULL ? 0 : socket->filter->count;

    if (room > 0 && room < count)
        return -EINVAL;
    *len = count;
    if (room == 0 || count == 0)
        return 0;
    if (value == NULL)
        return -EFAULT;
    memcpy(value, socket->filter->insns, count * BPF_INSN_LEN);
    return 0;
}
