/*
 * What only rtnetlink(7) can do, or what the ioctls of netdevice(7) grant to
 * the machine's own root alone. Each function returns 0, or the kernel's
 * answer, a negative errno.
 */
#ifndef TAPIR_TOOLS_NETLINK_H
#define TAPIR_TOOLS_NETLINK_H

#include <stdint.h>

/* Of the interface's queue, in frames; ip link set NAME txqueuelen. */
int netlink_set_queue_length(const char *name, uint32_t length);

/* ip link add LEFT type veth peer name RIGHT; both ends are down. */
int netlink_make_veth(const char *left, const char *right);

#endif
