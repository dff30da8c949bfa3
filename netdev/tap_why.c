/*
 * The kernel has one errno for several causes of a TAP that cannot be had;
 * here they are told apart by what /proc and /sys say. Each line ends with its
 * repair, as commands to type.
 */
#define _GNU_SOURCE
#include "netdev/tap_why.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { PATH_TEXT_MAX = 640, LINE_MAX_TAP = 128, NAME_SHOWN_MAX = 20 };
enum { GENERATIONS_MAX = 64 };

/* Of the node /dev/net/tun: Documentation/admin-guide/devices.txt. */
enum { TUN_NODE_MAJOR = 10, TUN_NODE_MINOR = 200 };

__attribute__((format(printf, 3, 4))) static int
explain(int error, char why[static NETDEV_WHY_MAX], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, NETDEV_WHY_MAX, format, arguments);
    va_end(arguments);
    return -error;
}

static bool is_other_node(const char *path)
{
    struct stat node;

    return stat(path, &node) == 0 &&
           (!S_ISCHR(node.st_mode) ||
            node.st_rdev != makedev(TUN_NODE_MAJOR, TUN_NODE_MINOR));
}

/*
 * Forbidden by the mount, not by the node's mode. That of a user namespace
 * does not show nodev, and still is.
 */
static bool is_on_nodev(const char *path)
{
    struct statvfs mount;

    return euidaccess(path, R_OK | W_OK) == 0 ||
           (statvfs(path, &mount) == 0 && (mount.f_flag & ST_NODEV) != 0);
}

static int why_no_access(char why[static NETDEV_WHY_MAX])
{
    if (is_on_nodev("/dev/net/tun"))
        return explain(EACCES, why,
                       "/dev/net/tun is on a file system that is mounted "
                       "nodev: sudo mount -o remount,bind,dev \"$(findmnt -no "
                       "TARGET -T /dev/net/tun)\"");
    return explain(EACCES, why,
                   "user %u may not open /dev/net/tun: sudo chmod 666 "
                   "/dev/net/tun",
                   (unsigned)geteuid());
}

int tap_why_open(int error, char why[static NETDEV_WHY_MAX])
{
    if (is_other_node("/dev/net/tun"))
        return explain(error, why,
                       "/dev/net/tun is not the TUN/TAP driver's node: sudo rm "
                       "-r /dev/net/tun; sudo mknod -m 666 /dev/net/tun c %d "
                       "%d",
                       TUN_NODE_MAJOR, TUN_NODE_MINOR);
    switch (error) {
    case ENOENT:
        return explain(error, why,
                       "/dev/net/tun does not exist: sudo modprobe tun; sudo "
                       "mkdir -p /dev/net; sudo mknod -m 666 /dev/net/tun c 10 "
                       "200");
    case ENODEV:
    case ENXIO:
        return explain(error, why,
                       "the kernel's TUN/TAP driver is not loaded: sudo "
                       "modprobe tun");
    case EACCES:
        return why_no_access(why);
    case EPERM:
        return explain(error, why,
                       "/dev/net/tun is forbidden in this container: start it "
                       "with --device /dev/net/tun");
    default: /* the set of errno values is open */
        return explain(error, why, "/dev/net/tun: %s", strerror(error));
    }
}

/* The first line of `path` that begins with `prefix`, without it. */
static bool read_line(const char *path, const char *prefix,
                      char line[static LINE_MAX_TAP])
{
    FILE *file = fopen(path, "re");
    char text[LINE_MAX_TAP];
    bool found = false;

    if (file == NULL)
        return false;
    while (!found && fgets(text, sizeof(text), file) != NULL)
        found = strncmp(text, prefix, strlen(prefix)) == 0;
    fclose(file);
    if (!found)
        return false;
    text[strcspn(text, "\n")] = '\0';
    strcpy(line, text + strlen(prefix));
    return true;
}

/* An attribute of the device in /sys, as a number; decimal or 0x. */
static bool read_attribute(const char *name, const char *attribute, long *out)
{
    char path[PATH_TEXT_MAX];
    char line[LINE_MAX_TAP];

    snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, attribute);
    if (!read_line(path, "", line))
        return false;
    *out = strtol(line, NULL, 0);
    return true;
}

/*
 * In a network namespace of its own a process may still see the /sys of
 * another, where `name` is somebody else.
 */
static bool sys_shows(const char *name)
{
    long index;

    return read_attribute(name, "ifindex", &index) &&
           index == (long)if_nametoindex(name);
}

static bool is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* Names of devices mean the same to both. */
static bool shares_our_network(const char *pid)
{
    char path[PATH_TEXT_MAX];
    char theirs[LINE_MAX_TAP] = "";
    char ours[LINE_MAX_TAP] = "";

    snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
    return readlink(path, theirs, sizeof(theirs) - 1) > 0 &&
           readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) > 0 &&
           strcmp(theirs, ours) == 0;
}

/* One of the process's descriptors is attached to the device `name`. */
static bool process_holds(const char *pid, const char *name)
{
    char path[PATH_TEXT_MAX];
    char device[LINE_MAX_TAP];
    bool holds = false;

    snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);

    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL)
        return false;
    while (!holds && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, entry->d_name);
        holds = is_number(entry->d_name) && read_line(path, "iff:\t", device) &&
                strcmp(device, name) == 0;
    }
    closedir(dir);
    return holds;
}

/* The pid of a process that we may look into and that has `name`; or 0. */
static long find_user(const char *name, char program[static LINE_MAX_TAP])
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    long pid = 0;

    if (proc == NULL)
        return 0;
    while (pid == 0 && (entry = readdir(proc)) != NULL)
        if (is_number(entry->d_name) && shares_our_network(entry->d_name) &&
            process_holds(entry->d_name, name))
            pid = strtol(entry->d_name, NULL, 10);
    closedir(proc);

    char path[PATH_TEXT_MAX];

    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    if (pid != 0 && !read_line(path, "", program))
        strcpy(program, "?");
    return pid;
}

static long parent_of(long pid)
{
    char path[PATH_TEXT_MAX];
    char parent[LINE_MAX_TAP];

    snprintf(path, sizeof(path), "/proc/%ld/status", pid);
    return read_line(path, "PPid:\t", parent) ? strtol(parent, NULL, 10) : 0;
}

/* It has started this program, or whoever did. */
static bool is_ancestor(long pid)
{
    long at = (long)getppid();

    for (int i = 0; i < GENERATIONS_MAX && at > 0 && at != pid; i++)
        at = parent_of(at);
    return at == pid;
}

static int why_busy(const char *name, char why[static NETDEV_WHY_MAX])
{
    char program[LINE_MAX_TAP];
    long pid = find_user(name, program);

    if (pid == (long)getpid())
        return explain(EBUSY, why,
                       "%s is in use by this process itself (pid %ld): take "
                       "another device",
                       name, pid);
    if (pid != 0 && is_ancestor(pid))
        return explain(EBUSY, why,
                       "%s is in use by %.*s (pid %ld), which has started this "
                       "program; to have two devices: tapir lab --stacks 2",
                       name, NAME_SHOWN_MAX, program, pid);
    if (pid != 0)
        return explain(EBUSY, why,
                       "%s is in use by %.*s (pid %ld); to stop it: kill %ld",
                       name, NAME_SHOWN_MAX, program, pid, pid);
    return explain(EBUSY, why,
                   "%s is in use; to see by which process: sudo grep -l "
                   "'iff:.%s$' /proc/[0-9]*/fdinfo/*",
                   name, name);
}

enum { COMMANDS_MAX = 240 };

/*
 * What makes the device and its host's side. Without an owner it is anybody's,
 * root's too.
 */
static void make(const char *name, char commands[static COMMANDS_MAX])
{
    char owner[sizeof(" user 4294967295")] = "";

    if (geteuid() != 0)
        snprintf(owner, sizeof(owner), " user %u", (unsigned)geteuid());
    snprintf(commands, COMMANDS_MAX,
             "sudo ip tuntap add %s mode tap%s; sudo ip addr add 192.0.2.1/24 "
             "dev %s; sudo ip link set %s up",
             name, owner, name, name);
}

/* Deletes the device as it is, and makes it as it should be. */
static void remake(const char *name, const char *mode,
                   char commands[static COMMANDS_MAX])
{
    int len = snprintf(commands, COMMANDS_MAX,
                       "sudo ip tuntap del %s mode %s; ", name, mode);
    char making[COMMANDS_MAX];

    make(name, making);
    snprintf(commands + len, COMMANDS_MAX - (size_t)len, "%s", making);
}

int tap_why_absent(const char *name, char why[static NETDEV_WHY_MAX])
{
    char commands[COMMANDS_MAX];

    make(name, commands);
    return explain(ENODEV, why, "there is no device %s: %s; or use tapir lab",
                   name, commands);
}

/* A port of a bridge needs no address. */
int tap_why_down(const char *name, bool has_address,
                 char why[static NETDEV_WHY_MAX])
{
    if (has_address)
        return explain(ENETDOWN, why, "%s is down: sudo ip link set %s up",
                       name, name);
    return explain(ENETDOWN, why,
                   "%s is down: sudo ip link set %s up; and if it is not on a "
                   "bridge, it needs an address: sudo ip addr add "
                   "192.0.2.1/24 dev %s",
                   name, name, name);
}

static int why_not_ours(const char *name, char why[static NETDEV_WHY_MAX])
{
    char commands[COMMANDS_MAX];
    long owner;

    remake(name, "tap", commands);
    if (!sys_shows(name) || !read_attribute(name, "owner", &owner))
        return explain(EPERM, why, "%s belongs to somebody else: %s", name,
                       commands);
    if (owner < 0) /* without an owner or a group it would be anybody's */
        return explain(EPERM, why, "%s belongs to a group that is not ours: %s",
                       name, commands);

    struct passwd *user = getpwuid((uid_t)owner);

    return explain(EPERM, why, "%s belongs to user %ld (%.*s): %s", name, owner,
                   NAME_SHOWN_MAX, user != NULL ? user->pw_name : "no name",
                   commands);
}

static int why_other_kind(const char *name, char why[static NETDEV_WHY_MAX])
{
    char commands[COMMANDS_MAX];
    long flags;

    if (!sys_shows(name))
        return explain(EINVAL, why,
                       "%s is no TAP device, or one made with multi_queue; to "
                       "see which: ip -d link show %s",
                       name, name);
    if (!read_attribute(name, "tun_flags", &flags))
        return explain(EINVAL, why,
                       "%s is not a TAP device; to see which there are: ip "
                       "tuntap",
                       name);
    if ((flags & IFF_TUN) != 0) {
        remake(name, "tun", commands);
        return explain(EINVAL, why, "%s is a TUN device, not a TAP: %s", name,
                       commands);
    }
    if ((flags & IFF_MULTI_QUEUE) != 0) {
        remake(name, "tap multi_queue", commands);
        return explain(EINVAL, why, "%s was made with multi_queue: %s", name,
                       commands);
    }
    remake(name, "tap", commands);
    return explain(EINVAL, why, "%s was made with other flags (0x%lx): %s",
                   name, (unsigned long)flags, commands);
}

int tap_why_attach(const char *name, int error, char why[static NETDEV_WHY_MAX])
{
    switch (error) {
    case EBUSY:
        return why_busy(name, why);
    case EPERM:
        return why_not_ours(name, why);
    case EINVAL:
        return why_other_kind(name, why);
    default: /* the set of errno values is open */
        return explain(error, why, "%s: %s", name, strerror(error));
    }
}
