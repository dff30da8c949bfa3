/*
 * Why a TAP device cannot be had, and what to do about it, in a line for a
 * person. An operating system edge: it reads /proc and /sys.
 */
#ifndef TAPIR_NETDEV_TAP_WHY_H
#define TAPIR_NETDEV_TAP_WHY_H

#include "netdev/tap.h"

/* Each gives the negative errno to return, of `error` or as it says. */

/* open(2) of /dev/net/tun, or asking it what it can do. */
MUST_CHECK int tap_why_open(int error, char why[static NETDEV_WHY_MAX]);

/* TUNSETIFF, for the device `name`. */
MUST_CHECK int tap_why_attach(const char *name, int error,
                              char why[static NETDEV_WHY_MAX]);

/* There is no device `name`: -ENODEV. */
MUST_CHECK int tap_why_absent(const char *name,
                              char why[static NETDEV_WHY_MAX]);

/* The device `name` is not up: -ENETDOWN. */
MUST_CHECK int tap_why_down(const char *name, bool has_address,
                            char why[static NETDEV_WHY_MAX]);

#endif
