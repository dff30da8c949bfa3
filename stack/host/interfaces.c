/*
 * The interfaces of a stack, as programs ask for them: the ioctls of
 * netdevice(7), getifaddrs(3) and the calls of if_nametoindex(3). All of it is
 * to be read only: an interface is set up when its stack is.
 */
#define _GNU_SOURCE /* struct ifreq's names */
#include "host/interfaces.h"
#include "host/host.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdlib.h>

enum { QUEUE_LEN = 1000 /* SIOCGIFTXQLEN: what Linux begins with */ };

static struct sockaddr_in sockaddr_of(const struct ip_addr *addr)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(ip_addr_to_v4(addr))};
}

static struct ip_addr mask_of(const struct ip_prefix *prefix)
{
    struct ip_prefix all = {.addr = ip_addr_v4(UINT32_MAX), .len = prefix->len};

    return ip_prefix_network(&all);
}

static struct ip_addr broadcast_of(const struct iface_info *iface,
                                   const struct ip_prefix *prefix)
{
    struct ip_addr addr = IP_ADDR_ANY_V4;

    if (iface->is_loopback || !ip_prefix_broadcast(prefix, &addr))
        return IP_ADDR_ANY_V4;
    return addr;
}

static unsigned flags_of(const struct iface_info *iface)
{
    unsigned up = IFF_UP | IFF_RUNNING;

    if (iface->is_loopback)
        return up | IFF_LOOPBACK;
    return iface->hardware == ARPHRD_ETHER
               ? up | IFF_BROADCAST | IFF_MULTICAST
               : up | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
}

/* Of a stack, or of the one that is foreseen (NULL). */
static int info_of(const struct stack *core, unsigned index,
                   struct iface_info *out)
{
    return core == NULL ? default_stack_foresee(index, out)
                        : stack_iface_info(core, index, out);
}

static int find_by_name(const struct stack *core, const char *name, size_t len,
                        struct iface_info *out)
{
    for (unsigned i = 1; info_of(core, i, out) == 0; i++)
        if (strlen(out->name) == len && memcmp(out->name, name, len) == 0)
            return 0;
    return -ENODEV;
}

/* What follows a colon is an alias; but "fd:3" is a device. */
static int find_by_alias(const struct stack *core, const char *name,
                         struct iface_info *out)
{
    int r = find_by_name(core, name, strlen(name), out);

    return r == 0 ? 0 : find_by_name(core, name, strcspn(name, ":"), out);
}

/* ---- ioctl ------------------------------------------------------------- */

static int request_name(const struct stack *core, struct ifreq *request)
{
    struct iface_info iface;
    int r =
        request->ifr_ifindex <= 0
            ? -ENODEV
            : stack_iface_info(core, (unsigned)request->ifr_ifindex, &iface);

    if (r == 0)
        memcpy(request->ifr_name, iface.name, sizeof(iface.name));
    return r;
}

/* Those about an interface itself. */
static int request_link(const struct iface_info *iface, unsigned long what,
                        struct ifreq *request)
{
    switch (what) {
    case SIOCGIFINDEX:
        request->ifr_ifindex = (int)iface->index;
        return 0;
    case SIOCGIFFLAGS:
        request->ifr_flags = (short)flags_of(iface);
        return 0;
    case SIOCGIFMTU:
        request->ifr_mtu = (int)iface->mtu;
        return 0;
    case SIOCGIFMETRIC:
        request->ifr_metric = 0;
        return 0;
    case SIOCGIFTXQLEN:
        request->ifr_qlen = QUEUE_LEN;
        return 0;
    case SIOCGIFMAP:
        memset(&request->ifr_map, 0, sizeof(request->ifr_map));
        return 0;
    default: /* SIOCGIFHWADDR */
        request->ifr_hwaddr =
            (struct sockaddr){.sa_family = (sa_family_t)iface->hardware};
        memcpy(request->ifr_hwaddr.sa_data, iface->mac.octet,
               sizeof(iface->mac.octet));
        return 0;
    }
}

/* Those about its first address. */
static int request_addr(const struct iface_info *iface, unsigned long what,
                        struct ifreq *request)
{
    const struct ip_prefix *prefix = &iface->addrs[0];
    struct ip_addr addr = prefix->addr;

    if (iface->addr_count == 0 || strcmp(request->ifr_name, iface->name) != 0)
        return -EADDRNOTAVAIL;
    if (what == SIOCGIFNETMASK)
        addr = mask_of(prefix);
    if (what == SIOCGIFBRDADDR)
        addr = broadcast_of(iface, prefix);

    struct sockaddr_in in = sockaddr_of(&addr);

    memcpy(&request->ifr_addr, &in, sizeof(in));
    return 0;
}

/* As many of the IPv4 addresses as there is room for; without a place, how
 * much they need. */
static int request_all(const struct stack *core, struct ifconf *conf)
{
    struct iface_info iface;
    int len = 0;

    for (unsigned i = 1; stack_iface_info(core, i, &iface) == 0; i++) {
        for (unsigned j = 0; j < iface.addr_count; j++) {
            struct sockaddr_in in = sockaddr_of(&iface.addrs[j].addr);
            struct ifreq one = {0};

            memcpy(one.ifr_name, iface.name, sizeof(iface.name));
            memcpy(&one.ifr_addr, &in, sizeof(in));
            if (conf->ifc_buf != NULL && conf->ifc_len - len < (int)sizeof(one))
                break;
            if (conf->ifc_buf != NULL)
                memcpy(conf->ifc_buf + len, &one, sizeof(one));
            len += (int)sizeof(one);
        }
    }
    conf->ifc_len = len;
    return 0;
}

static int request_by_name(const struct stack *core, unsigned long what,
                           struct ifreq *request, bool is_of_addr)
{
    struct iface_info iface;
    int r;

    request->ifr_name[IFNAMSIZ - 1] = '\0';
    r = find_by_alias(core, request->ifr_name, &iface);
    if (r < 0)
        return r;
    return is_of_addr ? request_addr(&iface, what, request)
                      : request_link(&iface, what, request);
}

int interfaces_ioctl(const struct stack *core, unsigned long request,
                     void *argument)
{
    switch (request) {
    case SIOCGIFCONF:
        return request_all(core, argument);
    case SIOCGIFNAME:
        return request_name(core, argument);
    case SIOCGIFINDEX:
    case SIOCGIFFLAGS:
    case SIOCGIFMTU:
    case SIOCGIFMETRIC:
    case SIOCGIFTXQLEN:
    case SIOCGIFMAP:
    case SIOCGIFHWADDR:
        return request_by_name(core, request, argument, false);
    case SIOCGIFADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFBRDADDR:
    case SIOCGIFDSTADDR:
        return request_by_name(core, request, argument, true);
    case SIOCSIFFLAGS:
    case SIOCSIFADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFBRDADDR:
    case SIOCSIFDSTADDR:
    case SIOCSIFMTU:
    case SIOCSIFHWADDR:
    case SIOCSIFTXQLEN:
    case SIOCSIFMETRIC:
    case SIOCSIFNAME:
        return -EPERM; /* as to a user without the right to */
    case SIOCGIFSLAVE: /* Linux: no longer, and never did */
    case SIOCGIFPFLAGS:
        return -EINVAL;
    case SIOCETHTOOL:
        return -EOPNOTSUPP;
    default:
        return -ENOTTY;
    }
}

/* ---- getifaddrs -------------------------------------------------------- */

union any_sockaddr {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_ll link;
};

/* One entry and all that it points to; its first member is the program's. */
struct entry {
    struct ifaddrs public;
    char name[IFNAMSIZ];
    union any_sockaddr addr;
    union any_sockaddr mask;
    union any_sockaddr other; /* broadcast address, or the other end */
    struct rtnl_link_stats stats;
};

static struct entry *entry_create(const struct iface_info *iface)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        return NULL;
    memcpy(entry->name, iface->name, sizeof(iface->name));
    entry->public.ifa_name = entry->name;
    entry->public.ifa_flags = flags_of(iface);
    entry->public.ifa_addr = &entry->addr.any;
    return entry;
}

static struct sockaddr_ll link_address(const struct iface_info *iface,
                                       const struct mac_addr *mac)
{
    struct sockaddr_ll link = {.sll_family = AF_PACKET,
                               .sll_ifindex = (int)iface->index,
                               .sll_hatype = iface->hardware};

    if (iface->hardware == ARPHRD_NONE)
        return link;
    link.sll_halen = sizeof(mac->octet);
    memcpy(link.sll_addr, mac->octet, sizeof(mac->octet));
    return link;
}

/* The device's own entry, with its counters. */
static struct entry *link_entry(const struct iface_info *iface)
{
    struct entry *entry = entry_create(iface);
    const struct iface_stats *stats = &iface->stats;

    if (entry == NULL)
        return NULL;
    entry->addr.link = link_address(iface, &iface->mac);
    if (iface->hardware == ARPHRD_ETHER) {
        entry->other.link = link_address(iface, &mac_addr_broadcast);
        entry->public.ifa_broadaddr = &entry->other.any;
    }
    entry->stats = (struct rtnl_link_stats){
        .rx_packets = (uint32_t)stats->in_frames,
        .tx_packets = (uint32_t)stats->out_frames,
        .rx_bytes = (uint32_t)stats->in_octets,
        .tx_bytes = (uint32_t)stats->out_octets,
        .rx_dropped = (uint32_t)stats->in_discards,
        .tx_dropped = (uint32_t)stats->out_discards,
        .rx_missed_errors = (uint32_t)stats->in_missed,
    };
    entry->public.ifa_data = &entry->stats;
    return entry;
}

static struct entry *addr_entry(const struct iface_info *iface,
                                const struct ip_prefix *prefix)
{
    struct entry *entry = entry_create(iface);
    struct ip_addr mask = mask_of(prefix);
    struct ip_addr other = broadcast_of(iface, prefix);

    if (entry == NULL)
        return NULL;
    if (ip_addr_is_any(&other)) /* getifaddrs(3): the other end, then */
        other = prefix->addr;
    entry->addr.in = sockaddr_of(&prefix->addr);
    entry->mask.in = sockaddr_of(&mask);
    entry->other.in = sockaddr_of(&other);
    entry->public.ifa_netmask = &entry->mask.any;
    entry->public.ifa_broadaddr = &entry->other.any;
    return entry;
}

/* The list under construction: where the next entry is hung. */
static int hang(struct ifaddrs ***end, struct entry *entry)
{
    if (entry == NULL)
        return -ENOMEM;
    **end = &entry->public;
    *end = &entry->public.ifa_next;
    return 0;
}

/* ---- Of the default stack ---------------------------------------------- */

/*
 * Under the preload shim asking does not open it: the program may fork, and
 * serve in the child. What it is answered then is what the stack will have.
 */
static bool is_foreseen(void)
{
    struct iface_info first;

    return the_host.default_stack == NULL && the_host.numbers != NULL &&
           default_stack_foresee(1, &first) == 0;
}

/*
 * 0, with the lock held; otherwise a negative errno, and without. `core` is
 * NULL for a stack that is foreseen.
 */
static int enter(const struct stack **core)
{
    int r = 0;

    host_lock();
    if (!is_foreseen()) {
        host_unlock();
        r = ensure_default_stack();
        host_lock();
        if (r == 0 && (the_host.default_stack == NULL || !inherit_claim()))
            r = -ENETDOWN;
    }
    if (r < 0)
        host_unlock();
    else
        *core = the_host.default_stack == NULL ? NULL
                                               : the_host.default_stack->core;
    return r;
}

/* In glibc's order: the devices, then their addresses. */
static int list_all(const struct stack *core, struct ifaddrs **end)
{
    struct iface_info iface;
    int r = 0;

    for (unsigned i = 1; r == 0 && info_of(core, i, &iface) == 0; i++)
        r = hang(&end, link_entry(&iface));
    for (unsigned i = 1; r == 0 && info_of(core, i, &iface) == 0; i++)
        for (unsigned j = 0; r == 0 && j < iface.addr_count; j++)
            r = hang(&end, addr_entry(&iface, &iface.addrs[j]));
    return r;
}

int tapir_getifaddrs(struct ifaddrs **list)
{
    const struct stack *core;
    int r = enter(&core);

    *list = NULL;
    if (r < 0)
        return (int)errno_result(r);
    r = list_all(core, list);
    host_unlock();
    if (r < 0) {
        tapir_freeifaddrs(*list);
        *list = NULL;
    }
    return (int)errno_result(r);
}

void tapir_freeifaddrs(struct ifaddrs *list)
{
    while (list != NULL) {
        struct ifaddrs *next = list->ifa_next;

        free(list); /* the first member of its entry */
        list = next;
    }
}

unsigned tapir_if_nametoindex(const char *name)
{
    const struct stack *core;
    struct iface_info iface;
    int r = enter(&core);

    if (r == 0) {
        r = find_by_name(core, name, strlen(name), &iface);
        host_unlock();
    }
    return errno_result(r) < 0 ? 0 : iface.index;
}

char *tapir_if_indextoname(unsigned index, char *name)
{
    const struct stack *core;
    struct iface_info iface;
    int r = enter(&core);

    if (r == 0) {
        r = info_of(core, index, &iface) < 0 ? -ENXIO : 0;
        host_unlock();
    }
    return errno_result(r) < 0 ? NULL
                               : memcpy(name, iface.name, sizeof(iface.name));
}

/* One block: the array, of which the last is all zero, then the names. */
static void fill_nameindex(const struct stack *core, struct if_nameindex *list,
                           unsigned count)
{
    char *name = (char *)(list + count + 1);
    struct iface_info iface;

    for (unsigned i = 0; i < count; i++, name += IF_NAMESIZE) {
        if (info_of(core, i + 1, &iface) < 0)
            break;
        memcpy(name, iface.name, sizeof(iface.name));
        list[i] = (struct if_nameindex){.if_index = i + 1, .if_name = name};
    }
}

struct if_nameindex *tapir_if_nameindex(void)
{
    const struct stack *core;
    struct iface_info iface;
    struct if_nameindex *list;
    unsigned count = 0;

    if (errno_result(enter(&core)) < 0)
        return NULL;
    while (info_of(core, count + 1, &iface) == 0)
        count++;
    list = calloc(count + 1, sizeof(*list) + IF_NAMESIZE);
    if (list != NULL)
        fill_nameindex(core, list, count);
    host_unlock();
    if (list == NULL)
        errno = ENOBUFS;
    return list;
}

void tapir_if_freenameindex(struct if_nameindex *list)
{
    free(list);
}
