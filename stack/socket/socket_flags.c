/*
 * Options that are a truth, and those that are refused: two tables. What they
 * answer was measured on Linux 6.18; README.md says which of them do something.
 */
#include "socket/socket_options.h"

#include <errno.h>

enum { /* newer than the C library's headers */
       OPTION_PASSPIDFD = 76,
       OPTION_RCVPRIORITY = 82,
       OPTION_PASSRIGHTS = 83,
       OPTION_PEERPIDFD = 77
};

static const struct flag_option flag_options[] = {
    {SOL_SOCKET, SO_DONTROUTE, FLAG_DONT_ROUTE},
    {SOL_SOCKET, SO_NO_CHECK, FLAG_NO_CHECKSUM},
    {SOL_SOCKET, SO_RXQ_OVFL, FLAG_RECEIVE_OVERFLOW},
    {SOL_SOCKET, SO_RCVMARK, FLAG_RECEIVE_MARK},
    {SOL_SOCKET, OPTION_RCVPRIORITY, FLAG_RECEIVE_PRIORITY},
    {SOL_SOCKET, SO_WIFI_STATUS, FLAG_WIFI_STATUS},
    {SOL_SOCKET, SO_NOFCS, FLAG_NO_FCS},
    {SOL_SOCKET, SO_LOCK_FILTER, FLAG_LOCK_FILTER},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE, FLAG_SELECT_ERROR_QUEUE},
    {IPPROTO_IP, IP_RECVOPTS, FLAG_RECEIVE_OPTIONS},
    {IPPROTO_IP, IP_RETOPTS, FLAG_RETURN_OPTIONS},
    {IPPROTO_IP, IP_PKTINFO, FLAG_PACKET_INFO},
    {IPPROTO_IP, IP_RECVERR, FLAG_RECEIVE_ERRORS},
    {IPPROTO_IP, IP_RECVTTL, FLAG_RECEIVE_TTL},
    {IPPROTO_IP, IP_RECVTOS, FLAG_RECEIVE_TOS},
    {IPPROTO_IP, IP_PASSSEC, FLAG_PASS_SECURITY},
    {IPPROTO_IP, IP_FREEBIND, FLAG_FREE_BIND},
    {IPPROTO_IP, IP_TRANSPARENT, FLAG_TRANSPARENT},
    {IPPROTO_IP, IP_RECVORIGDSTADDR, FLAG_RECEIVE_DESTINATION},
    {IPPROTO_IP, IP_CHECKSUM, FLAG_RECEIVE_CHECKSUM},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, FLAG_BIND_NO_PORT},
    {IPPROTO_IP, IP_RECVFRAGSIZE, FLAG_RECEIVE_FRAGMENT_SIZE},
    {IPPROTO_IP, IP_RECVERR_RFC4884, FLAG_ERRORS_RFC_4884},
};

const struct flag_option *socket_find_flag(int level, int name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(flag_options); i++)
        if (flag_options[i].level == level && flag_options[i].name == name)
            return &flag_options[i];
    return NULL;
}

/* Of a stream a fragment's size means nothing; one option is strict; a filter
 * that is locked stays so. */
static int check_flag(const struct socket *socket, enum socket_flag flag,
                      int value)
{
    if (flag == FLAG_RECEIVE_FRAGMENT_SIZE && socket->ops->type == SOCK_STREAM)
        return -EINVAL;
    if (flag == FLAG_ERRORS_RFC_4884 && value != 0 && value != 1)
        return -EINVAL;
    if (flag == FLAG_LOCK_FILTER && value == 0 && socket_has(socket, flag))
        return -EPERM;
    return 0;
}

int socket_set_flag(struct socket *socket, const struct flag_option *option,
                    int value)
{
    uint32_t bit = 1u << option->flag;
    int error = check_flag(socket, option->flag, value);

    if (error < 0)
        return error;
    if (value != 0)
        socket->settings.flags |= bit;
    else
        socket->settings.flags &= ~bit;
    if (option->flag == FLAG_RECEIVE_ERRORS && value == 0)
        socket_forget_errors(socket);
    socket->ops->apply(socket, SETTING_FLAGS);
    return 0;
}

static const struct refused_option refused_options[] = {
    /* of AF_UNIX */
    {SOL_SOCKET, SO_PASSCRED, -EOPNOTSUPP, -EOPNOTSUPP},
    {SOL_SOCKET, SO_PASSSEC, -EOPNOTSUPP, -EOPNOTSUPP},
    {SOL_SOCKET, OPTION_PASSPIDFD, -EOPNOTSUPP, -EOPNOTSUPP},
    {SOL_SOCKET, OPTION_PASSRIGHTS, -EOPNOTSUPP, -EOPNOTSUPP},
    {SOL_SOCKET, SO_PEERGROUPS, -ENODATA, -ENOPROTOOPT},
    {SOL_SOCKET, OPTION_PEERPIDFD, -ENODATA, -ENOPROTOOPT},
    /* of kernels that are long gone */
    {SOL_SOCKET, SO_BSDCOMPAT, 0, 0},
    /* of devices and processors that are not there */
    {SOL_SOCKET, SO_INCOMING_NAPI_ID, 0, -ENOPROTOOPT},
    {SOL_SOCKET, SO_TXTIME, -ENOPROTOOPT, -EINVAL},
    {SOL_SOCKET, SO_NETNS_COOKIE, -EINVAL, -ENOPROTOOPT},
    /* what is done elsewhere, and cannot be read, or not so set */
    {SOL_SOCKET, SO_DETACH_FILTER, -ENOPROTOOPT, -ENOENT},
    /* beyond the stack's own limits nobody may go */
    {SOL_SOCKET, SO_SNDBUFFORCE, -ENOPROTOOPT, -EPERM},
    {SOL_SOCKET, SO_RCVBUFFORCE, -ENOPROTOOPT, -EPERM},
    {SOL_SOCKET, SO_SNDLOWAT, 1, -ENOPROTOOPT},
    /* of routers */
    {IPPROTO_IP, IP_NODEFRAG, 0, -ENOPROTOOPT},
    {IPPROTO_IP, IP_ROUTER_ALERT, 0, -EINVAL},
    {IPPROTO_IP, IP_XFRM_POLICY, -ENOPROTOOPT, -EINVAL},
    {IPPROTO_IP, IP_IPSEC_POLICY, -ENOPROTOOPT, -EOPNOTSUPP},
};

const struct refused_option *socket_find_refused(int level, int name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(refused_options); i++)
        if (refused_options[i].level == level &&
            refused_options[i].name == name)
            return &refused_options[i];
    return NULL;
}
