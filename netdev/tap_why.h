/*
 * Why a TAP device cannot be had, and what to do about it, in a line for a
 * person. An operating system edge: it reads /proc and /sys.
 */
#ifndef TAPIR_NETDEV_TAP_WHY_H
#define TAPIR_NETDEV_TAP_WHY_H

#include "netdev/tap.h"

/* Each takes the errno of what failed and gives the negative one to return. */

/* open(2) of /dev/net/tun. */
MUST_CHECK int tap_why_open(int error, char why[static NETDEV_WHY_MAX]);

/* TUNSETIFF, for the device `name`. */
MUST_CHECK int tap_why_attach(const char *name, int error,
                              char why[static NETDEV_WHY_MAX]);

#endif
