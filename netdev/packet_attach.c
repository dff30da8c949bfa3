/*
 * How a packet socket comes to its interface: looked at, claimed, filtered,
 * bound. What stands in the way is told in a line that ends with its repair.
 *
 * One stack for an interface: two would have the default address both, and
 * could not hear each other. The kernel knows no such exclusion, so it is a
 * name of unix(7), abstract, for those are the network namespace's, as
 * interfaces are; and who listens at it can be asked who he is (SO_PEERCRED).
 */
#define _GNU_SOURCE /* struct ucred */
#include "netdev/packet_attach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

enum {
    /* Room for a window of super-segments, where the kernel gives it. */
    PACKET_BUFFER = 16 << 20,
    COMMAND_MAX = 16 /* a process's name and its NUL: proc(5), comm */
};

__attribute__((format(printf, 3, 4))) static int
explain(int error, char why[static NETDEV_WHY_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, NETDEV_WHY_MAX, format, args);
    va_end(args);
    return -error;
}

/* ---- The claim ----------------------------------------------------------- */

static socklen_t claim_name(const char *name, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};

    int len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
                       "tapir/packet/%s", name);

    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)len);
}

/* 0: it does not say. */
static pid_t ask_owner(const struct sockaddr_un *address, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct ucred owner = {.pid = 0};
    socklen_t size = sizeof(owner);

    if (fd < 0)
        return 0;
    if (connect(fd, (const struct sockaddr *)address, len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) < 0)
        owner.pid = 0;
    close(fd);
    return owner.pid;
}

static void read_command(pid_t pid, char command[static COMMAND_MAX])
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    file = fopen(path, "re");
    if (file == NULL || fgets(command, COMMAND_MAX, file) == NULL)
        strcpy(command, "?");
    if (file != NULL)
        fclose(file);
    command[strcspn(command, "\n")] = '\0';
}

static int why_claimed(const char *name, pid_t owner,
                       char why[static NETDEV_WHY_MAX])
{
    char command[COMMAND_MAX];

    if (owner <= 0)
        return explain(EBUSY, why,
                       "%s is in use by the stack of another process", name);
    read_command(owner, command);
    return explain(EBUSY, why, "%s is in use by %s, process %d", name, command,
                   (int)owner);
}

/* A descriptor that holds the claim until it is closed. */
static int claim(const char *name, char why[static NETDEV_WHY_MAX])
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;
    socklen_t len = claim_name(name, &address);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;

    int error = errno;

    if (fd >= 0)
        close(fd);
    if (error == EADDRINUSE)
        return why_claimed(name, ask_owner(&address, len), why);
    return explain(error, why, "cannot claim %s: %s", name, strerror(error));
}

/* ---- The socket ---------------------------------------------------------- */

/* A socket that hears nothing until it is bound, or a negative errno. */
static int open_socket(const char *name, char why[static NETDEV_WHY_MAX])
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0)
        return fd;
    if (errno == EPERM || errno == EACCES)
        return explain(
            EPERM, why,
            "user %u may not open packet sockets: run it as root, or sudo "
            "setcap cap_net_raw+ep PROGRAM",
            (unsigned)geteuid());
    return explain(errno, why, "%s: cannot open a packet socket: %s", name,
                   strerror(errno));
}

/* One of the ioctls of netdevice(7): 0 or a negative errno. */
static int ask_interface(int fd, const char *name, unsigned long what,
                         struct ifreq *request)
{
    strcpy(request->ifr_name, name);
    return ioctl(fd, what, request) < 0 ? -errno : 0;
}

static int check_interface(int fd, const char *name, unsigned *mtu,
                           char why[static NETDEV_WHY_MAX])
{
    struct ifreq request = {.ifr_flags = 0};

    if (ask_interface(fd, name, SIOCGIFHWADDR, &request) < 0)
        return explain(ENODEV, why,
                       "there is no interface %s; to see which there are: ip "
                       "link",
                       name);
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return explain(EINVAL, why,
                       "%s is not an Ethernet interface; to see which are: ip "
                       "link | grep ether -B 1",
                       name);
    if (ask_interface(fd, name, SIOCGIFFLAGS, &request) < 0 ||
        (request.ifr_flags & IFF_UP) == 0)
        return explain(ENETDOWN, why, "%s is down: sudo ip link set %s up",
                       name, name);
    if (ask_interface(fd, name, SIOCGIFMTU, &request) < 0)
        return explain(errno, why, "cannot read the MTU of %s: %s", name,
                       strerror(errno));
    *mtu = (unsigned)request.ifr_mtu;
    return 0;
}

/*
 * An interface that has just come up notices its carrier a moment later, and
 * until then drops what it is to send: our first ARP request, for one. To be
 * asked for the carrier makes the kernel attend to it (linkwatch_sync_dev).
 */
static void settle_carrier(int fd, const char *name)
{
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
    struct ifreq request = {.ifr_data = (char *)&link};

    (void)ask_interface(fd, name, SIOCETHTOOL, &request);
}

/* Nothing that this machine sends, and nothing of another VLAN. */
static int set_filter(int fd)
{
    static const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
                 (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 3, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
                 (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]),
                                 .filter = (struct sock_filter *)code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                      sizeof(program));
}

/* The first asks for a privilege; both may give less. */
static void set_buffer(int fd, int force, int ask)
{
    int size = PACKET_BUFFER;

    if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, ask, &size, sizeof(size));
}

/* All but the first can be done without. */
static int set_options(int fd)
{
    int on = 1;

    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
        return -1;
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
    (void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
    return 0;
}

/* From here on it hears. */
static int bind_to(int fd, int index)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = index};
    struct packet_mreq membership = {.mr_ifindex = index,
                                     .mr_type = PACKET_MR_PROMISC};

    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
                      sizeof(membership));
}

static int attach(int fd, const char *name, unsigned *mtu,
                  char why[static NETDEV_WHY_MAX])
{
    int status = check_interface(fd, name, mtu, why);

    if (status < 0)
        return status;
    settle_carrier(fd, name);
    if (set_options(fd) < 0 || set_filter(fd) < 0 ||
        bind_to(fd, (int)if_nametoindex(name)) < 0)
        return explain(errno, why, "cannot attach to %s: %s", name,
                       strerror(errno));
    return 0;
}

int packet_attach(const char *name, struct packet_attachment *out,
                  char why[static NETDEV_WHY_MAX])
{
    struct packet_attachment got = {.claim = -1};
    int status;

    if (*name == '\0' || strlen(name) >= IFNAMSIZ)
        return explain(EINVAL, why, "\"%.64s\" is not an interface's name",
                       name);
    got.fd = open_socket(name, why);
    if (got.fd < 0)
        return got.fd;
    got.claim = status = claim(name, why);
    if (status >= 0)
        status = attach(got.fd, name, &got.mtu, why);
    if (status < 0) {
        close(got.fd);
        if (got.claim >= 0)
            close(got.claim);
        return status;
    }
    *out = got;
    return 0;
}
