/*
 * What a program can ask about interfaces. The answers about loopback and
 * about what is not there were compared with the kernel's.
 */
#include "unit.h"

#include "joined.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct ifreq request_for(const char *name)
{
    struct ifreq request;

    memset(&request, 0xee, sizeof(request));
    strcpy(request.ifr_name, name);
    return request;
}

/* The result, or the negative errno. */
static int ask(int fd, unsigned long what, struct ifreq *request)
{
    int r = tapir_ioctl(fd, what, request);

    return r < 0 ? -errno : r;
}

static void expect_addr(int fd, unsigned long what, const char *name,
                        const char *addr)
{
    struct ifreq request = request_for(name);
    struct sockaddr_in in;

    ck_assert_int_eq(ask(fd, what, &request), 0);
    memcpy(&in, &request.ifr_addr, sizeof(in));
    ck_assert_int_eq(in.sin_family, AF_INET);
    ck_assert_str_eq(inet_ntoa(in.sin_addr), addr);
}

/* The name of interface 2. */
static void real_name(int fd, char name[IFNAMSIZ])
{
    struct ifreq request = {.ifr_ifindex = 2};

    ck_assert_int_eq(ask(fd, SIOCGIFNAME, &request), 0);
    memcpy(name, request.ifr_name, IFNAMSIZ);
}

START_TEST(the_loopback_is_as_the_kernels)
{
    struct joined joined = joined_open(TAPIR_CLOCK_MANUAL);
    int fd = open_socket(joined.a, SOCK_DGRAM);
    struct ifreq lo = request_for("lo");

    ck_assert_int_eq(ask(fd, SIOCGIFINDEX, &lo), 0);
    ck_assert_int_eq(lo.ifr_ifindex, 1);
    ck_assert_int_eq(ask(fd, SIOCGIFNAME, &lo), 0);
    ck_assert_str_eq(lo.ifr_name, "lo");
    ck_assert_int_eq(ask(fd, SIOCGIFFLAGS, &lo), 0);
    ck_assert_int_eq(lo.ifr_flags, IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
    ck_assert_int_eq(ask(fd, SIOCGIFHWADDR, &lo), 0);
    ck_assert_int_eq(lo.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
    ck_assert_int_eq(ask(fd, SIOCGIFTXQLEN, &lo), 0);
    ck_assert_int_eq(lo.ifr_qlen, 1000);
    ck_assert_int_eq(ask(fd, SIOCGIFMETRIC, &lo), 0);
    ck_assert_int_eq(lo.ifr_metric, 0);
    expect_addr(fd, SIOCGIFADDR, "lo", "127.0.0.1");
    expect_addr(fd, SIOCGIFNETMASK, "lo", "255.0.0.0");
    expect_addr(fd, SIOCGIFBRDADDR, "lo", "0.0.0.0");
    expect_addr(fd, SIOCGIFDSTADDR, "lo", "127.0.0.1");
    tapir_close(fd);
    joined_close(&joined);
}
END_TEST

START_TEST(an_ethernet_has_what_it_was_given)
{
    struct joined joined = joined_open(TAPIR_CLOCK_MANUAL);
    int fd = open_socket(joined.b, SOCK_STREAM);
    char name[IFNAMSIZ];
    struct ifreq request;

    real_name(fd, name);
    request = request_for(name);
    ck_assert_int_eq(ask(fd, SIOCGIFINDEX, &request), 0);
    ck_assert_int_eq(request.ifr_ifindex, 2);
    ck_assert_int_eq(ask(fd, SIOCGIFFLAGS, &request), 0);
    ck_assert_int_eq(request.ifr_flags,
                     IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_MULTICAST);
    ck_assert_int_eq(ask(fd, SIOCGIFMTU, &request), 0);
    ck_assert_int_eq(request.ifr_mtu, 1500);
    ck_assert_int_eq(ask(fd, SIOCGIFHWADDR, &request), 0);
    ck_assert_int_eq(request.ifr_hwaddr.sa_family, ARPHRD_ETHER);
    expect_addr(fd, SIOCGIFADDR, name, "192.0.2.2");
    expect_addr(fd, SIOCGIFNETMASK, name, "255.255.255.0");
    expect_addr(fd, SIOCGIFBRDADDR, name, "192.0.2.255");
    tapir_close(fd);
    joined_close(&joined);
}
END_TEST

START_TEST(what_is_not_there_or_not_allowed)
{
    struct joined joined = joined_open(TAPIR_CLOCK_MANUAL);
    int fd = open_socket(joined.a, SOCK_DGRAM);
    struct ifreq request = request_for("nope");

    ck_assert_int_eq(ask(fd, SIOCGIFINDEX, &request), -ENODEV);
    ck_assert_int_eq(ask(fd, SIOCGIFADDR, &request), -ENODEV);
    request.ifr_ifindex = 99;
    ck_assert_int_eq(ask(fd, SIOCGIFNAME, &request), -ENODEV);
    request = request_for("lo:0"); /* an alias: of an address only */
    ck_assert_int_eq(ask(fd, SIOCGIFMTU, &request), 0);
    ck_assert_int_eq(ask(fd, SIOCGIFADDR, &request), -EADDRNOTAVAIL);
    request = request_for("lo");
    ck_assert_int_eq(ask(fd, SIOCSIFMTU, &request), -EPERM);
    ck_assert_int_eq(ask(fd, SIOCETHTOOL, &request), -EOPNOTSUPP);
    ck_assert_int_eq(ask(fd, TIOCGWINSZ, &request), -ENOTTY);
    ck_assert_int_eq(ask(fd, SIOCGIFCONF, NULL), -EFAULT);
    tapir_close(fd);
    joined_close(&joined);
}
END_TEST

START_TEST(the_list_of_addresses_is_cut_to_whole_entries)
{
    struct joined joined = joined_open(TAPIR_CLOCK_MANUAL);
    int fd = open_socket(joined.a, SOCK_DGRAM);
    struct ifreq all[3] = {0};
    struct ifconf conf = {.ifc_len = sizeof(all), .ifc_req = all};

    ck_assert_int_eq(tapir_ioctl(fd, SIOCGIFCONF, &conf), 0);
    ck_assert_int_eq(conf.ifc_len, 2 * sizeof(all[0]));
    ck_assert_str_eq(all[0].ifr_name, "lo");
    ck_assert_int_eq(all[1].ifr_addr.sa_family, AF_INET);
    memset(all, 0, sizeof(all));
    conf.ifc_len = sizeof(all[0]) + 10;
    ck_assert_int_eq(tapir_ioctl(fd, SIOCGIFCONF, &conf), 0);
    ck_assert_int_eq(conf.ifc_len, sizeof(all[0]));
    ck_assert_int_eq(all[1].ifr_name[0], 0);
    conf = (struct ifconf){0}; /* how much is needed? */
    ck_assert_int_eq(tapir_ioctl(fd, SIOCGIFCONF, &conf), 0);
    ck_assert_int_eq(conf.ifc_len, 2 * sizeof(all[0]));
    tapir_close(fd);
    joined_close(&joined);
}
END_TEST

/* ---- Of the default stack ---------------------------------------------- */

/* On one end of a socket of frames; the other one is returned. */
static int open_default(void)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    tapir_config_init(&config);
    snprintf(config.dev, sizeof(config.dev), "fd:%d", ends[0]);
    config.exit_wait = 0;
    ck_assert_msg(tapir_open(&config, why) == 0, "%s", why);
    return ends[1];
}

static const struct ifaddrs *find(const struct ifaddrs *list, unsigned index,
                                  int family)
{
    char name[IF_NAMESIZE];

    ck_assert_ptr_nonnull(tapir_if_indextoname(index, name));
    for (; list != NULL; list = list->ifa_next)
        if (list->ifa_addr->sa_family == family &&
            strcmp(list->ifa_name, name) == 0)
            return list;
    ck_abort_msg("no such entry");
}

static const char *text_of(const struct sockaddr *addr)
{
    return inet_ntoa(
        ((const struct sockaddr_in *)(const void *)addr)->sin_addr);
}

START_TEST(getifaddrs_lists_devices_then_addresses)
{
    int peer = open_default();
    const struct ifaddrs *entry;
    struct sockaddr_ll link;
    struct ifaddrs *list;

    ck_assert_int_eq(tapir_getifaddrs(&list), 0);
    ck_assert_str_eq(list->ifa_name, "lo");
    ck_assert_int_eq(list->ifa_next->ifa_addr->sa_family, AF_PACKET);

    entry = find(list, 2, AF_PACKET);
    memcpy(&link, entry->ifa_addr, sizeof(link));
    ck_assert_int_eq(link.sll_ifindex, 2);
    ck_assert_int_eq(link.sll_hatype, ARPHRD_ETHER);
    ck_assert_int_eq(link.sll_halen, 6);
    ck_assert_ptr_nonnull(entry->ifa_data);
    ck_assert_uint_gt(/* the address was announced */
                      ((const struct rtnl_link_stats *)entry->ifa_data)
                          ->tx_packets,
                      0);

    entry = find(list, 2, AF_INET);
    ck_assert_str_eq(text_of(entry->ifa_addr), "192.0.2.2");
    ck_assert_str_eq(text_of(entry->ifa_netmask), "255.255.255.0");
    ck_assert_str_eq(text_of(entry->ifa_broadaddr), "192.0.2.255");
    ck_assert((entry->ifa_flags & IFF_BROADCAST) != 0);
    entry = find(list, 1, AF_INET);
    ck_assert_str_eq(text_of(entry->ifa_addr), "127.0.0.1");
    tapir_freeifaddrs(list);
    tapir_freeifaddrs(NULL);
    tapir_shut();
    close(peer);
}
END_TEST

START_TEST(names_and_numbers_belong_together)
{
    int peer = open_default();
    char name[IF_NAMESIZE];
    struct if_nameindex *all;

    ck_assert_uint_eq(tapir_if_nametoindex("lo"), 1);
    ck_assert_ptr_eq(tapir_if_indextoname(2, name), name);
    ck_assert_uint_eq(tapir_if_nametoindex(name), 2);
    ck_assert_uint_eq(tapir_if_nametoindex("nope"), 0);
    ck_assert_int_eq(errno, ENODEV);
    ck_assert_ptr_null(tapir_if_indextoname(3, name));
    ck_assert_int_eq(errno, ENXIO);
    all = tapir_if_nameindex();
    ck_assert_ptr_nonnull(all);
    ck_assert_uint_eq(all[0].if_index, 1);
    ck_assert_str_eq(all[0].if_name, "lo");
    ck_assert_uint_eq(all[1].if_index, 2);
    ck_assert_str_eq(all[1].if_name, name);
    ck_assert_uint_eq(all[2].if_index, 0);
    ck_assert_ptr_null(all[2].if_name);
    tapir_if_freenameindex(all);
    tapir_shut();
    close(peer);
}
END_TEST

UNIT_MAIN("host_interfaces", the_loopback_is_as_the_kernels,
          an_ethernet_has_what_it_was_given, what_is_not_there_or_not_allowed,
          the_list_of_addresses_is_cut_to_whole_entries,
          getifaddrs_lists_devices_then_addresses,
          names_and_numbers_belong_together)
