/*
 * A private network in namespaces of the kernel: namespaces(7),
 * user_namespaces(7), network_namespaces(7). With system calls alone, so that
 * neither ip nor unshare need be installed.
 *
 * Each function returns 0, or a negative errno and one line in `why`: what
 * went wrong and, where it is known, how to repair it.
 */
#ifndef TAPIR_TOOLS_NETNS_H
#define TAPIR_TOOLS_NETNS_H

enum { WHY_MAX = 512 };

/* Can /dev/net/tun be used here? */
int netns_check_tun(char why[static WHY_MAX]);

/*
 * Moves the process into a network and a mount namespace of its own, and its
 * children into a PID namespace. An ordinary user gets a user namespace too,
 * and is root in it; files made there still belong to that user.
 */
int netns_enter(char why[static WHY_MAX]);

/*
 * For the first child, which is PID 1 of the new PID namespace: /proc shows
 * the new namespaces. Containers often forbid it, and it can be done without.
 */
int netns_mount_proc(char why[static WHY_MAX]);

/* What a stack attaches to, and its name there. */
enum netns_link {
    NETNS_TAP, /* tap0 ..., which are the kernel's side too */
    NETNS_VETH /* veth0 ..., by a packet socket; the kernel's ends: host0 ... */
};

/*
 * In the new namespace: lo is up, and a persistent tap0, or host0 and veth0.
 * The host's side is 192.0.2.1/24 and has no IPv6. No descriptor stays open.
 */
int netns_make_link(enum netns_link link, char why[static WHY_MAX]);

/* The same with several on a bridge, br0, which carries the address. */
int netns_make_bridge(enum netns_link link, unsigned count,
                      char why[static WHY_MAX]);

#endif
