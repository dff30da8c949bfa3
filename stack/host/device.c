/*
 * Devices by name: see device.h.
 */
#include "host/device.h"

#include "host/settings.h"
#include "netdev/packet.h"
#include "netdev/seqpacket.h"
#include "netdev/tap.h"

#include <errno.h>
#include <net/if.h>
#include <limits.h>

_Static_assert((int)NETDEV_WHY_MAX <= (int)TAPIR_TEXT_MAX, "a reason fits");

/* What follows "packet:", "unix:" or "fd:"; NULL: it does not begin so. */
static const char *after(const char *name, const char *scheme)
{
    size_t len = strlen(scheme);

    return strncmp(name, scheme, len) == 0 ? name + len : NULL;
}

/* -1: not a descriptor's number. */
static int parse_fd(const char *text)
{
    uint64_t number;

    return number_parse(text, INT_MAX, &number) < 0 ? -1 : (int)number;
}

/* Whether there is such a device is told later. */
static int check_name(const char *name, char why[TAPIR_TEXT_MAX])
{
    if (strlen(name) < IFNAMSIZ && strcspn(name, "/ \t\n") == strlen(name))
        return 0;
    snprintf(why, TAPIR_TEXT_MAX,
             "--dev: '%s' is not the name of a device, which has at most %d "
             "characters",
             name, IFNAMSIZ - 1);
    return -EINVAL;
}

int device_check(const char *name, char why[TAPIR_TEXT_MAX])
{
    const char *interface = after(name, "packet:");
    const char *path = after(name, "unix:");
    const char *number = after(name, "fd:");

    if (path != NULL && *path == '\0') {
        snprintf(why, TAPIR_TEXT_MAX,
                 "--dev: '%s' names no socket, as unix:/tmp/wire does", name);
        return -EINVAL;
    }
    if (number != NULL && parse_fd(number) < 0) {
        snprintf(why, TAPIR_TEXT_MAX,
                 "--dev: '%s' is not the number of a descriptor, as fd:3",
                 name);
        return -EINVAL;
    }
    if (interface != NULL && *interface == '\0') {
        snprintf(why, TAPIR_TEXT_MAX,
                 "--dev: '%s' names no interface, as packet:eth0 does", name);
        return -EINVAL;
    }
    if (path != NULL || number != NULL)
        return 0;
    return check_name(interface != NULL ? interface : name, why);
}

int device_open(const char *name, unsigned mtu, struct netdev **out,
                char why[TAPIR_TEXT_MAX])
{
    const char *interface = after(name, "packet:");
    const char *path = after(name, "unix:");
    const char *number = after(name, "fd:");

    if (interface != NULL)
        return packet_open(interface, out, why);
    if (path != NULL)
        return seqpacket_connect(path, mtu, out, why);
    if (number != NULL)
        return seqpacket_take(parse_fd(number), mtu, out, why);
    return tap_open(name, out, why);
}

const char *device_label(const char *name)
{
    const char *interface = after(name, "packet:");

    if (interface != NULL)
        return interface;
    return after(name, "unix:") != NULL ? "unix" : name;
}
