/*
 * getifaddrs(3) and if_nametoindex(3): the interfaces are the stack's, for an
 * address of theirs is to be one that a socket can be bound to. To ask does
 * not start the stack, where the settings say what it will be
 * (stack/host/interfaces.c).
 */
#include "shim.h"

#include <ifaddrs.h>
#include <net/if.h>

EXPORT int getifaddrs(struct ifaddrs **list)
{
    mirror_begin();
    return tapir_getifaddrs(list);
}

EXPORT void freeifaddrs(struct ifaddrs *list)
{
    tapir_freeifaddrs(list);
}

EXPORT unsigned if_nametoindex(const char *name)
{
    mirror_begin();
    return tapir_if_nametoindex(name);
}

EXPORT char *if_indextoname(unsigned index, char name[IF_NAMESIZE])
{
    mirror_begin();
    return tapir_if_indextoname(index, name);
}

EXPORT struct if_nameindex *if_nameindex(void)
{
    mirror_begin();
    return tapir_if_nameindex();
}

EXPORT void if_freenameindex(struct if_nameindex *list)
{
    tapir_if_freenameindex(list);
}
