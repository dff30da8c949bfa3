/*
 * Filters of sockets: SO_ATTACH_FILTER and SO_DETACH_FILTER, as Linux has
 * them (socket(7)). A filter is a classic BPF program (base/bpf.h), which says
 * of each packet how much of it the socket wants.
 */
#include "socket/socket_kind.h"

#include <errno.h>

/* The old one ends only when the new one is there. */
static void replace_filter(struct socket *socket, struct bpf_program *filter)
{
    struct bpf_program *old = socket->filter;

    socket->filter = filter;
    socket->ops->set_filter(socket, filter);
    bpf_destroy(socket->sockets->env->memory, old);
}

int socket_attach_filter(struct socket *socket, struct bytes code)
{
    struct bpf_program *filter;

    int error = bpf_create(socket->sockets->env->memory, code, &filter);

    if (error < 0)
        return error;
    if (socket->ops->set_filter == NULL) {
        bpf_destroy(socket->sockets->env->memory, filter);
        return -ENOPROTOOPT;
    }
    replace_filter(socket, filter);
    return 0;
}

int socket_detach_filter(struct socket *socket)
{
    if (socket->filter == NULL)
        return -ENOENT;
    replace_filter(socket, NULL);
    return 0;
}
