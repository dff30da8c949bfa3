/*
 * The options of level IPPROTO_TCP that a stream socket keeps in its TCB, with
 * Linux's ranges, defaults and errors (tcp(7), and measured).
 */
#ifndef TAPIR_SOCKET_SOCKET_TCP_OPTIONS_H
#define TAPIR_SOCKET_SOCKET_TCP_OPTIONS_H

#include "tcp/tcp.h"

/* -EINVAL out of range, -ENOPROTOOPT. */
MUST_CHECK int socket_tcp_set_option(struct tcb *tcb, int name, int value);
MUST_CHECK int socket_tcp_get_option(const struct tcb *tcb, int name,
                                     int *value);

/* TCP_INFO: struct tcp_info of <linux/tcp.h>, cut to *len bytes. */
MUST_CHECK int socket_tcp_get_info(const struct tcb *tcb, void *value,
                                   size_t *len);

#endif
