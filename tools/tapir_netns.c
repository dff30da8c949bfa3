/*
 * Namespaces and what is in them. Interfaces are set up with the ioctls of
 * netdevice(7), which need no parsing of messages, as far as they go.
 * Left out on purpose: IPv6 addresses, which the stack does not speak yet.
 */
#define _GNU_SOURCE
#include "tapir_netns.h"

#include "tapir_netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char host_address[] = "192.0.2.1"; /* RFC 5737 */
static const char host_netmask[] = "255.255.255.0";

/* Room in the device's queue for a window of frames of a full segment. */
enum { TAP_QUEUE_LENGTH = 1000 };

__attribute__((format(printf, 3, 4))) static int
fail(int error, char why[static WHY_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(why, WHY_MAX, format, args);
    va_end(args);
    if (length >= 0 && length < WHY_MAX)
        snprintf(why + length, WHY_MAX - (size_t)length, ": %s",
                 strerror(error));
    return -error;
}

static void add_repair(char why[static WHY_MAX], const char *repair)
{
    size_t length = strlen(why);

    snprintf(why + length, WHY_MAX - length, "; repair: %s", repair);
}

/* ---- /dev/net/tun -------------------------------------------------------- */

static const char tun_path[] = "/dev/net/tun";

/* Something else in its place; its numbers are in admin-guide/devices.txt. */
static bool is_other_node(void)
{
    struct stat node;

    return stat(tun_path, &node) == 0 &&
           (!S_ISCHR(node.st_mode) || node.st_rdev != makedev(10, 200));
}

/* Forbidden by the mount (not shown for one of a user namespace), not by the
 * node's mode. */
static bool is_on_nodev(void)
{
    struct statvfs mount;

    return euidaccess(tun_path, R_OK | W_OK) == 0 ||
           (statvfs(tun_path, &mount) == 0 && (mount.f_flag & ST_NODEV) != 0);
}

static const char *tun_repair(int error)
{
    if (is_other_node())
        return "sudo rm -r /dev/net/tun; sudo mknod -m 666 /dev/net/tun c 10 "
               "200";
    switch (error) {
    case ENOENT:
        return "sudo modprobe tun, or, if that does not bring it, "
               "sudo mkdir -p /dev/net && "
               "sudo mknod -m 666 /dev/net/tun c 10 200";
    case ENODEV:
    case ENXIO:
        return "sudo modprobe tun";
    case EACCES:
        return is_on_nodev() ? "it is on a file system that is mounted nodev: "
                               "sudo mount -o remount,bind,dev \"$(findmnt -no "
                               "TARGET -T /dev/net/tun)\""
                             : "sudo chmod 666 /dev/net/tun";
    default:
        return "a container must be started with --device /dev/net/tun";
    }
}

/* A descriptor, or a negative errno and `why`. */
static int open_tun(char why[static WHY_MAX])
{
    unsigned features;
    int fd = open(tun_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && ioctl(fd, TUNGETFEATURES, &features) == 0)
        return fd;

    int error = errno;
    if (fd >= 0)
        close(fd);
    if (is_other_node())
        snprintf(why, WHY_MAX, "%s is not the TUN/TAP driver's node", tun_path);
    else
        fail(error, why, "cannot open %s", tun_path);
    add_repair(why, tun_repair(error));
    return -error;
}

int netns_check_tun(char why[static WHY_MAX])
{
    int fd = open_tun(why);
    if (fd < 0)
        return fd;

    close(fd);
    return 0;
}

/* ---- Namespaces ---------------------------------------------------------- */

/* A setting of the kernel; -1 if it has no such setting. */
static long read_setting(const char *path)
{
    FILE *file = fopen(path, "re");
    long value;

    if (!file)
        return -1;
    if (fscanf(file, "%ld", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

struct setting {
    const char *name; /* as sysctl(8) has it */
    long forbids;
    long allows;
};

/* namespaces(7): ENOSPC says that there are as many as there may be. */
static const struct setting limits[] = {
    {"user.max_user_namespaces", 0, 15000},
    {"user.max_net_namespaces", 0, 15000},
    {"user.max_mnt_namespaces", 0, 15000},
    {"user.max_pid_namespaces", 0, 15000},
};

/* Of Debian, and of Ubuntu: what an ordinary user may. */
static const struct setting permissions[] = {
    {"kernel.unprivileged_userns_clone", 0, 1},
    {"kernel.apparmor_restrict_unprivileged_userns", 1, 0},
};

enum {
    LIMIT_COUNT = sizeof(limits) / sizeof(limits[0]),
    PERMISSION_COUNT = sizeof(permissions) / sizeof(permissions[0]),
};

static bool is_forbidding(const struct setting *setting)
{
    char path[80];

    snprintf(path, sizeof(path), "/proc/sys/%s", setting->name);
    for (char *dot = path; (dot = strchr(dot, '.')) != NULL;)
        *dot = '/';
    return read_setting(path) == setting->forbids;
}

/* All of those that forbid, lest the repair of one leads to the next. */
static bool add_settings(char why[static WHY_MAX],
                         const struct setting *settings, size_t count)
{
    char repair[160];
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        if (!is_forbidding(&settings[i]))
            continue;
        snprintf(repair, sizeof(repair), "%s is %ld: sudo sysctl -w %s=%ld",
                 settings[i].name, settings[i].forbids, settings[i].name,
                 settings[i].allows);
        add_repair(why, repair);
        found = true;
    }
    return found;
}

static void add_limits(char why[static WHY_MAX])
{
    if (!add_settings(why, limits, LIMIT_COUNT))
        add_repair(why, "raise a limit, here or outside of this container; "
                        "they are: sysctl -ar '^user.max_.*_namespaces'");
}

/*
 * What keeps this process from a namespace, or from its rights in it. Linux
 * 5.12 and later let uid 0 become root of a user namespace only with
 * CAP_SETFCAP: user_namespaces(7).
 */
static void add_namespace_repair(int error, uid_t uid, char why[static WHY_MAX])
{
    if (error == ENOSPC)
        add_limits(why);
    else if (uid == 0)
        add_repair(why, "this root has not all rights (CAP_SYS_ADMIN): run it "
                        "as an ordinary user, or, in a container, start that "
                        "with --privileged (or --cap-add SYS_ADMIN)");
    else if (!add_settings(why, permissions, PERMISSION_COUNT))
        add_repair(why, "run it as root (a container needs the right to make "
                        "namespaces: --privileged, or --cap-add SYS_ADMIN)");
}

/* As fail(), with the repair. */
static int fail_namespace(int error, uid_t uid, char why[static WHY_MAX],
                          const char *what)
{
    fail(error, why, "%s", what);
    add_namespace_repair(error, uid, why);
    return -error;
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    int error = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return -error;
}

/*
 * In the new user namespace the user is root: user_namespaces(7). Ubuntu's
 * AppArmor lets the namespace be made, and forbids this.
 */
static int map_to_root(uid_t uid, gid_t gid)
{
    char uid_map[32];
    char gid_map[32];
    int error;

    snprintf(uid_map, sizeof(uid_map), "0 %u 1", uid);
    snprintf(gid_map, sizeof(gid_map), "0 %u 1", gid);
    if ((error = write_file("/proc/self/setgroups", "deny")) < 0 ||
        (error = write_file("/proc/self/uid_map", uid_map)) < 0)
        return error;
    return write_file("/proc/self/gid_map", gid_map);
}

int netns_enter(char why[static WHY_MAX])
{
    int namespaces = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID;
    uid_t uid = geteuid(); /* before it means nothing in the new one */
    gid_t gid = getegid();

    if (unshare(namespaces) < 0) {
        if (errno != EPERM)
            return fail_namespace(errno, uid, why,
                                  "cannot make a network namespace");
        if (unshare(CLONE_NEWUSER | namespaces) < 0)
            return fail_namespace(errno, uid, why,
                                  "cannot make a user namespace");

        int error = map_to_root(uid, gid);
        if (error < 0)
            return fail_namespace(-error, uid, why,
                                  "cannot become root of a user namespace");
    }
    /* What is mounted from now on is seen in here only. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return fail_namespace(errno, uid, why,
                              "cannot make the mounts private");
    return 0;
}

int netns_mount_proc(char why[static WHY_MAX])
{
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
        0)
        return fail(errno, why, "cannot mount /proc");
    return 0;
}

/* ---- Interfaces ---------------------------------------------------------- */

static struct ifreq request_for(const char *name)
{
    struct ifreq request = {0};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    return request;
}

static int set_flags(int fd, const char *name, short flags,
                     char why[static WHY_MAX])
{
    struct ifreq request = request_for(name);

    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return fail(errno, why, "%s: cannot read its flags", name);
    request.ifr_flags |= flags;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return fail(errno, why, "%s: cannot bring it up", name);
    return 0;
}

static int set_up(int fd, const char *name, char why[static WHY_MAX])
{
    return set_flags(fd, name, IFF_UP, why);
}

/* By netlink, because SIOCSIFTXQLEN asks for the machine's own root. */
static int set_queue_length(const char *name, char why[static WHY_MAX])
{
    int error = netlink_set_queue_length(name, TAP_QUEUE_LENGTH);

    if (error < 0)
        return fail(-error, why, "%s: cannot set its queue's length", name);
    return 0;
}

static int set_inet(int fd, const char *name, unsigned long what,
                    const char *text, char why[static WHY_MAX])
{
    struct ifreq request = request_for(name);
    struct sockaddr_in address = {.sin_family = AF_INET};

    inet_pton(AF_INET, text, &address.sin_addr);
    memcpy(&request.ifr_addr, &address, sizeof(address));
    if (ioctl(fd, what, &request) < 0)
        return fail(errno, why, "%s: cannot set %s", name, text);
    return 0;
}

static int set_host_address(int fd, const char *name, char why[static WHY_MAX])
{
    int error = set_inet(fd, name, SIOCSIFADDR, host_address, why);
    if (error < 0)
        return error;
    return set_inet(fd, name, SIOCSIFNETMASK, host_netmask, why);
}

/*
 * Without this the kernel greets the stack with router solicitations. Where it
 * cannot be done (no IPv6 at all, or /proc/sys is read-only in a container)
 * the stack drops those frames, so nothing depends on it.
 */
static void disable_ipv6(const char *name)
{
    char path[80];

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
             name);
    (void)write_file(path, "1");
}

/*
 * Lets ping do its work without being root: icmp(7). In a user namespace only
 * the one mapped group can be named.
 */
static void allow_ping(void)
{
    const char *path = "/proc/sys/net/ipv4/ping_group_range";

    if (write_file(path, "0 2147483647") < 0)
        (void)write_file(path, "0 0");
}

/* Persistent: it stays when its descriptor is closed. */
static int create_tap(const char *name, char why[static WHY_MAX])
{
    struct ifreq request = request_for(name);
    int error = 0;
    int fd = open_tun(why);

    if (fd < 0)
        return fd;
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
        error = fail(errno, why, "cannot make the TAP device %s", name);
    close(fd);
    return error;
}

static int make_tap(const char *name, char why[static WHY_MAX])
{
    int error = create_tap(name, why);

    if (error < 0 || (error = set_queue_length(name, why)) < 0)
        return error;
    disable_ipv6(name);
    return 0;
}

/*
 * The stack's end, veth0, is up, or no frame would pass, and that is all: the
 * kernel has no address on it and answers no ARP there.
 */
static int make_veth(int fd, const char *hosts, const char *stacks,
                     char why[static WHY_MAX])
{
    int error = netlink_make_veth(hosts, stacks);

    if (error < 0) {
        fail(-error, why, "cannot make a veth pair");
        if (error == -EOPNOTSUPP)
            add_repair(why, "sudo modprobe veth");
        return error;
    }
    disable_ipv6(hosts);
    disable_ipv6(stacks);
    return set_flags(fd, stacks, IFF_UP | IFF_NOARP, why);
}

/* The kernel's way to a stack: a TAP device, or its end of a veth pair. */
static int make_link(int fd, enum netns_link link, unsigned number,
                     char name[static IFNAMSIZ], char why[static WHY_MAX])
{
    char stacks[IFNAMSIZ];

    if (link == NETNS_TAP) {
        snprintf(name, IFNAMSIZ, "tap%u", number);
        return make_tap(name, why);
    }
    snprintf(name, IFNAMSIZ, "host%u", number);
    snprintf(stacks, sizeof(stacks), "veth%u", number);
    return make_veth(fd, name, stacks, why);
}

/* A new bridge has no spanning tree, and so forwards without a delay. */
static int create_bridge(int fd, char why[static WHY_MAX])
{
    if (ioctl(fd, SIOCBRADDBR, "br0") < 0) {
        int error = fail(errno, why, "cannot make a bridge");
        if (error == -ENOPKG)
            add_repair(why, "sudo modprobe bridge");
        return error;
    }
    disable_ipv6("br0");
    return 0;
}

static int add_to_bridge(int fd, const char *name, char why[static WHY_MAX])
{
    struct ifreq request = request_for("br0");

    request.ifr_ifindex = (int)if_nametoindex(name);
    if (ioctl(fd, SIOCBRADDIF, &request) < 0)
        return fail(errno, why, "cannot add %s to the bridge", name);
    return 0;
}

static int make_bridge_port(int fd, enum netns_link link, unsigned number,
                            char why[static WHY_MAX])
{
    char name[IFNAMSIZ];
    int error;

    if ((error = make_link(fd, link, number, name, why)) < 0 ||
        (error = add_to_bridge(fd, name, why)) < 0)
        return error;
    return set_up(fd, name, why);
}

static int open_control(char why[static WHY_MAX])
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    allow_ping();
    return fd < 0 ? fail(errno, why, "cannot make a socket") : fd;
}

int netns_make_link(enum netns_link link, char why[static WHY_MAX])
{
    char name[IFNAMSIZ];
    int error;
    int fd = open_control(why);

    if (fd < 0)
        return fd;
    if ((error = set_up(fd, "lo", why)) == 0 &&
        (error = make_link(fd, link, 0, name, why)) == 0 &&
        (error = set_host_address(fd, name, why)) == 0)
        error = set_up(fd, name, why);
    close(fd);
    return error;
}

int netns_make_bridge(enum netns_link link, unsigned count,
                      char why[static WHY_MAX])
{
    int error;
    int fd = open_control(why);

    if (fd < 0)
        return fd;
    if ((error = set_up(fd, "lo", why)) == 0)
        error = create_bridge(fd, why);
    for (unsigned i = 0; i < count && error == 0; i++)
        error = make_bridge_port(fd, link, i, why);
    if (error == 0 && (error = set_host_address(fd, "br0", why)) == 0)
        error = set_up(fd, "br0", why);
    close(fd);
    return error;
}
