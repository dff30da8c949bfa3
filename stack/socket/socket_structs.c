/*
 * Options of Linux that tell a struct, and cannot be set.
 */
#include "socket/socket_options.h"

#include <errno.h>

/* struct ucred, as Linux has it of what is no AF_UNIX: nobody. */
static int get_peer_credentials(void *value, size_t *len)
{
    static const int nobody[] = {0, -1, -1};

    return socket_give(nobody, sizeof(nobody), value, len);
}

static int get_peer_name(const struct socket *socket, void *value, size_t *len)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    struct endpoint remote;
    int error = socket->ops->peer_name != NULL
                    ? socket->ops->peer_name(socket, &remote)
                    : socket_remote(socket, &remote);

    if (error < 0)
        return error;
    if (*len > sizeof(name)) /* Linux: more than it is long */
        *len = sizeof(name);
    put_be16((uint8_t *)&name.sin_port, remote.port);
    put_be32((uint8_t *)&name.sin_addr, ip_addr_to_v4(&remote.addr));
    return socket_give(&name, sizeof(name), value, len);
}

/* A number that no other socket of this stack has: Linux wants room for it. */
static int get_cookie(const struct socket *socket, void *value, size_t *len)
{
    uint64_t cookie = socket->id;

    if (*len < sizeof(cookie))
        return -EINVAL;
    return socket_give(&cookie, sizeof(cookie), value, len);
}

/* <linux/sock_diag.h>: the numbers that mean something here; others are 0. */
static int get_memory_info(struct socket *socket, void *value, size_t *len)
{
    enum { RECEIVED = 0, RECEIVE_LIMIT = 1, SEND_LIMIT = 3, COUNT = 9 };
    uint32_t info[COUNT] = {0};
    int unread = socket_unread(socket);

    if (socket->ops->refresh_buffers != NULL)
        socket->ops->refresh_buffers(socket);
    info[RECEIVED] = unread > 0 ? (uint32_t)unread : 0;
    info[RECEIVE_LIMIT] = socket->settings.receive_buffer;
    info[SEND_LIMIT] = socket->settings.send_buffer;
    return socket_give(info, sizeof(info), value, len);
}

/* SO_TXTIME and SO_TIMESTAMPING: a struct of two numbers, of what is off. */
static int get_nothing(void *value, size_t *len)
{
    static const uint32_t nothing[2];

    return socket_give(nothing, sizeof(nothing), value, len);
}

static int get_socket_struct(struct socket *socket, int name, void *value,
                             size_t *len)
{
    switch (name) {
    case SO_PEERCRED:
        return get_peer_credentials(value, len);
    case SO_PEERNAME:
        return get_peer_name(socket, value, len);
    case SO_COOKIE:
        return get_cookie(socket, value, len);
    case SO_MEMINFO:
        return get_memory_info(socket, value, len);
    case SO_TXTIME:
    case SO_TIMESTAMPING_OLD:
    case SO_TIMESTAMPING_NEW:
        return get_nothing(value, len);
    default:
        return 1;
    }
}

bool socket_get_struct(struct socket *socket, int level, int name, void *value,
                       size_t *len, int *out)
{
    int answer = 1;

    if (level == SOL_SOCKET && name == SO_GET_FILTER)
        answer = socket_get_filter(socket, value, len);
    else if (level == SOL_SOCKET)
        answer = get_socket_struct(socket, name, value, len);
    if (level == IPPROTO_IP && name == IP_OPTIONS) {
        *len = 0; /* none are sent */
        answer = 0;
    }
    if (answer > 0)
        return false;
    *out = answer;
    return true;
}
