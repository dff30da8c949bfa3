/*
 * `tapir doctor`: what on this machine stands in the way of a stack, and what
 * to type against it. The first part is what `tapir lab` needs: there it is
 * tried, not guessed. The second part is about a stack outside of a lab, and
 * only reads.
 */
#define _GNU_SOURCE
#include "tapir_command.h"
#include "tapir_netns.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "usage: tapir doctor\n"
    "\n"
    "Checks one by one what a stack needs of this machine, and prints what to\n"
    "type where something is missing. Exit status 0 if `tapir lab` works.\n";

static void print_ok(const char *what)
{
    printf("ok    %s\n", what);
}

static void print_wrong(const char *why)
{
    printf("WRONG %s\n", why);
}

/* ---- The lab ------------------------------------------------------------- */

/* Tries in a process of its own, which the namespaces end with. */
static bool works_in_child(int (*attempt)(char *why), const char *what)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char why[WHY_MAX];
        int error = attempt(why);

        if (error < 0)
            print_wrong(why);
        else
            print_ok(what);
        fflush(stdout);
        _exit(error < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }

    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        print_wrong("cannot start a process");
        return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int try_namespaces(char *why)
{
    return netns_enter(why);
}

static int try_link(enum netns_link link, char *why)
{
    int error = netns_enter(why);

    return error < 0 ? error : netns_make_link(link, why);
}

static int try_tap(char *why)
{
    return try_link(NETNS_TAP, why);
}

static int try_veth(char *why)
{
    return try_link(NETNS_VETH, why);
}

static int try_bridge(enum netns_link link, char *why)
{
    int error = netns_enter(why);

    return error < 0 ? error : netns_make_bridge(link, 2, why);
}

static int try_tap_bridge(char *why)
{
    return try_bridge(NETNS_TAP, why);
}

static int try_veth_bridge(char *why)
{
    return try_bridge(NETNS_VETH, why);
}

static bool check_tun(void)
{
    char why[WHY_MAX];

    if (netns_check_tun(why) < 0) {
        print_wrong(why);
        return false;
    }
    print_ok("/dev/net/tun is there and can be opened");
    return true;
}

/* Only --stacks needs the bridge. */
static bool check_lab_of_taps(void)
{
    if (!works_in_child(try_tap, "a TAP device can be made in it"))
        return false;
    works_in_child(try_tap_bridge, "and two on a bridge, for --stacks");
    return true;
}

/* What lab uses where /dev/net/tun cannot be opened. */
static bool check_lab_of_veths(void)
{
    if (!works_in_child(try_veth, "a veth pair can be made in it, which tapir "
                                  "lab uses instead of a TAP device"))
        return false;
    works_in_child(try_veth_bridge, "and two on a bridge, for --stacks");
    return true;
}

static bool check_lab(void)
{
    bool tun = check_tun();

    if (!works_in_child(try_namespaces,
                        "a private network namespace can be made"))
        return false;
    return tun ? check_lab_of_taps() : check_lab_of_veths();
}

/* ---- The network outside of the lab -------------------------------------- */

/* RFC 5737: three of 24 bits each for documentation. The first is the default
 * of the programs. */
static const char *const networks[] = {"192.0.2", "198.51.100", "203.0.113"};

enum { NETWORK_COUNT = sizeof(networks) / sizeof(networks[0]) };

struct route {
    char interface[IFNAMSIZ];
    uint32_t destination; /* in network order, as the kernel prints it */
    uint32_t mask;
};

/* The next line of /proc/net/route. */
static bool read_route(FILE *file, struct route *route)
{
    char line[256];

    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "%15s %x %*x %*x %*d %*d %*d %x", route->interface,
                   &route->destination, &route->mask) == 3)
            return true;
    return false;
}

/* The default route (mask 0) leads everywhere and so is no clash. */
static bool route_clashes(const struct route *route, const char *network)
{
    char text[INET_ADDRSTRLEN];
    in_addr_t ours;

    snprintf(text, sizeof(text), "%s.0", network);
    inet_pton(AF_INET, text, &ours);
    return route->mask != 0 &&
           ((route->destination ^ ours) & route->mask & htonl(0xffffff00)) ==
               0 &&
           strcmp(route->interface, "tap0") != 0 &&
           strcmp(route->interface, "br0") != 0;
}

/* A route of `network` to somewhere else than to a stack. */
static bool find_clash(const char *network, struct route *route)
{
    FILE *file = fopen("/proc/net/route", "re");
    bool clash = false;

    if (!file)
        return false;
    while (!clash && read_route(file, route))
        clash = route_clashes(route, network);
    fclose(file);
    return clash;
}

/* The first that is free; if none is, the default. */
static const char *choose_network(void)
{
    struct route route;

    for (size_t i = 0; i < NETWORK_COUNT; i++)
        if (!find_clash(networks[i], &route))
            return networks[i];
    return networks[0];
}

/* ---- tap0, outside of the lab -------------------------------------------- */

static bool has_flag(int fd, struct ifreq *request, short flag)
{
    return ioctl(fd, SIOCGIFFLAGS, request) == 0 &&
           (request->ifr_flags & flag) != 0;
}

/* Does this file of /proc/PID/fdinfo describe a queue of tap0? */
static bool describes_tap0(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[128];
    bool found = false;

    if (!file)
        return false;
    while (!found && fgets(line, sizeof(line), file))
        found = strcmp(line, "iff:\ttap0\n") == 0;
    fclose(file);
    return found;
}

static bool process_has_tap0(long pid)
{
    char path[64 + NAME_MAX];
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%ld/fdinfo", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        snprintf(path, sizeof(path), "/proc/%ld/fdinfo/%s", pid, entry->d_name);
        found = entry->d_name[0] != '.' && describes_tap0(path);
    }
    closedir(dir);
    return found;
}

/* A tap0 of another network namespace is another one. */
static bool process_is_in_our_network(long pid)
{
    char path[64];
    char ours[64] = "";
    char theirs[64] = "";

    snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
    return readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) > 0 &&
           readlink(path, theirs, sizeof(theirs) - 1) > 0 &&
           strcmp(ours, theirs) == 0;
}

/* A process that has tap0 open, as far as we may see it; 0: none. */
static long find_user_of_tap0(void)
{
    DIR *dir = opendir("/proc");
    long user = 0;

    if (!dir)
        return 0;
    for (struct dirent *entry; user == 0 && (entry = readdir(dir));) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid > 0 && process_has_tap0(pid) && process_is_in_our_network(pid))
            user = pid;
    }
    closedir(dir);
    return user;
}

/* A TAP device has a carrier while somebody is attached. */
static bool has_carrier(int fd, struct ifreq *request)
{
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK};

    request->ifr_data = (char *)&link;
    return ioctl(fd, SIOCETHTOOL, request) == 0 && link.data != 0;
}

static void check_use_of_tap0(int fd, struct ifreq *request)
{
    long pid = find_user_of_tap0();

    if (pid > 0)
        printf("WRONG tap0 is in use by process %ld; repair: end it, or make "
               "another TAP device and name it with --dev\n",
               pid);
    else if (has_carrier(fd, request))
        print_wrong("tap0 is in use by a process of another user; to see "
                    "which: sudo tapir doctor");
    else
        print_ok("tap0 is free");
}

static bool get_address(int fd, const char *name, char text[INET_ADDRSTRLEN])
{
    struct ifreq request = {0};
    struct sockaddr_in address;

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (ioctl(fd, SIOCGIFADDR, &request) < 0)
        return false;
    memcpy(&address, &request.ifr_addr, sizeof(address));
    return inet_ntop(AF_INET, &address.sin_addr, text, INET_ADDRSTRLEN) != NULL;
}

/* In a lab of several stacks the bridge has it. */
static bool get_address_of_host(int fd, char text[INET_ADDRSTRLEN])
{
    return get_address(fd, "tap0", text) || get_address(fd, "br0", text);
}

static void check_address_of_host(int fd)
{
    char text[INET_ADDRSTRLEN];

    if (!get_address_of_host(fd, text))
        printf("WRONG tap0 has no address; repair: sudo ip addr add %s.1/24 "
               "dev tap0\n",
               choose_network());
    else if (strcmp(text, "192.0.2.1") == 0)
        print_ok("the host's side has the address 192.0.2.1");
    else
        printf("note  the host's side has the address %s: give the stack one "
               "beside it, with --addr, and --gateway %s\n",
               text, text);
}

/* The owner is the one who asks; root needs none. */
static void print_how_to_make_tap0(void)
{
    char owner[sizeof(" user 4294967295")] = "";

    if (getuid() != 0)
        snprintf(owner, sizeof(owner), " user %u", getuid());
    printf("note  there is no tap0 here; tapir lab brings its own; otherwise: "
           "sudo ip tuntap add tap0 mode tap%s; sudo ip addr add %s.1/24 dev "
           "tap0; sudo ip link set tap0 up\n",
           owner, choose_network());
}

static void check_tap0(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "tap0"};

    if (fd < 0 || if_nametoindex("tap0") == 0) {
        print_how_to_make_tap0();
    } else {
        check_use_of_tap0(fd, &request);
        check_address_of_host(fd);
        if (has_flag(fd, &request, IFF_UP))
            print_ok("tap0 is up");
        else
            print_wrong("tap0 is down; repair: sudo ip link set tap0 up");
    }
    if (fd >= 0)
        close(fd);
}

/* What it tells of a stack outside of a lab, on the default addresses. */
static void print_clash(const struct route *route)
{
    const char *other = choose_network();

    printf("WRONG %s.0/24 is routed to %s here", networks[0], route->interface);
    if (other == networks[0]) {
        printf(", and the other networks of RFC 5737 lead elsewhere too; "
               "repair: tapir lab, which is not concerned\n");
        return;
    }
    printf(", which does not concern a lab; repair: ");
    if (if_nametoindex("tap0") != 0)
        printf("sudo ip addr flush dev tap0; sudo ip addr add %s.1/24 dev "
               "tap0; ",
               other);
    printf("export TAPIR_ADDR=%s.2/24 TAPIR_GATEWAY=%s.1\n", other, other);
}

/* Only the default network: another one was somebody's choice. */
static void check_routes(void)
{
    char text[INET_ADDRSTRLEN] = "";
    struct route route;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has_other = if_nametoindex("tap0") != 0 &&
                     get_address_of_host(fd, text) &&
                     strncmp(text, "192.0.2.", strlen("192.0.2.")) != 0;

    if (fd >= 0)
        close(fd);
    if (has_other)
        return;
    if (find_clash(networks[0], &route))
        print_clash(&route);
    else
        print_ok("192.0.2.0/24 leads nowhere else");
}

/* ---- The tools ----------------------------------------------------------- */

static bool is_in_path(const char *name)
{
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char *rest = path;
    bool found = false;

    while (rest && !found) {
        char file[PATH_MAX];

        snprintf(file, sizeof(file), "%s/%s", strsep(&rest, ":"), name);
        found = access(file, X_OK) == 0;
    }
    free(path);
    return found;
}

static void check_tools(void)
{
    static const char *const names[] = {"ping", "curl"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_in_path(names[i]))
            printf("ok    %s is installed\n", names[i]);
        else
            printf("WRONG %s is not installed; repair: tools/install-deps "
                   "demo\n",
                   names[i]);
    }
}

int doctor_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 1) {
        fprintf(stderr, "tapir doctor: %s: no such option\n", argv[1]);
        return 2;
    }
    bool lab_works = check_lab();

    check_tap0();
    check_routes();
    check_tools();
    puts(lab_works ? "tapir lab works here" : "tapir lab does not work here");
    return lab_works ? EXIT_SUCCESS : EXIT_FAILURE;
}
