/*
 * The packet socket of Linux, packet(7), on an interface, with the virtio
 * header of OASIS virtio 1.2, 5.1.6 before each frame (PACKET_VNET_HDR): the
 * interface, or the kernel for it, cuts super-segments and fills in checksums,
 * and gives those that it has put together (GRO), or that the other end of a
 * veth pair has not cut, whole. One system call a frame, each way.
 *
 * The kernel sees each frame too. What keeps the two apart:
 * - the stack has a MAC address of its own, for which the interface is made
 *   promiscuous as long as we are attached: to the kernel these frames are
 *   another station's, so it neither answers nor forwards them;
 * - the frames that this machine sends, ours among them, do not come back
 *   (PACKET_IGNORE_OUTGOING, and the filter for kernels before 4.20). So the
 *   machine's own kernel and the stack cannot reach each other over the
 *   interface that they share, as with macvlan: that takes a veth pair.
 *
 * Frames with a VLAN tag, which the kernel takes out of the frame, are not for
 * us: without it they would look like those of our own network.
 *
 * An edge to the operating system: it makes system calls, and its memory comes
 * from the C library.
 *
 * Left out: the ring (PACKET_RX_RING), whose every slot would have to hold the
 * largest super-segment, and PACKET_QDISC_BYPASS. TODO: neither was measured.
 */
#include "netdev/packet.h"

#include "netdev/virtio.h"

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

enum {
    PACKET_BATCH = 16, /* frames between two flushes, as on a TAP */
    /* The largest IP packet, Ethernet header, room for VLAN tags. */
    PACKET_FRAME_MAX = 65535 + 14 + 8,
    /* Linux cuts by itself, slowly, what with its Ethernet header reaches the
     * gso_max_size of most interfaces, 65536. */
    PACKET_MAX_GSO = 65535 - 14,
    /* Room for a window of super-segments, where the kernel gives it. */
    PACKET_BUFFER = 16 << 20
};

struct packet_device {
    struct netdev dev;
    int fd;
    bool gone;       /* the interface was deleted */
    bool has_vnet;   /* a virtio header before each frame */
    uint64_t missed; /* dev.missed points here */
    uint32_t missed_seen;
    unsigned used; /* buffers handed out since the last flush */
    uint8_t buffers[PACKET_BATCH][PACKET_FRAME_MAX]; /* last: a page costs
                                                  nothing until it is touched */
};

static struct packet_device *packet_of(const struct netdev *dev)
{
    return container_of(dev, struct packet_device, dev);
}

/* ---- Frames -------------------------------------------------------------- */

static int transmit_error(struct packet_device *packet, int error)
{
    switch (error) {
    case ENXIO: /* the interface was deleted */
    case ENODEV:
        packet->gone = true;
        return -ENETDOWN;
    case ENETDOWN:
        return -ENETDOWN;
    default: /* EAGAIN, ENOBUFS, ENOMEM, or a frame that it does not like */
        return -ENOBUFS;
    }
}

static int packet_transmit(struct netdev *dev, usec now,
                           const struct frame *frame)
{
    struct packet_device *packet = packet_of(dev);
    uint8_t header[VIRTIO_HEADER_LEN];
    struct iovec iov[2 + FRAME_SLICES] = {
        {.iov_base = header, .iov_len = sizeof(header)},
        {.iov_base = frame->head, .iov_len = frame->head_len}};
    int count = 2;

    (void)now;
    virtio_emit(frame, header);
    for (unsigned i = 0; i < frame->slice_count; i++)
        iov[count++] = (struct iovec){.iov_base = (void *)frame->slices[i].data,
                                      .iov_len = frame->slices[i].len};

    int skip = packet->has_vnet ? 0 : 1;

    if (writev(packet->fd, iov + skip, count - skip) < 0)
        return transmit_error(packet, errno);
    return 0;
}

static void packet_flush(struct netdev *dev, usec now)
{
    (void)now;
    packet_of(dev)->used = 0; /* the buffer used first is the warmest: again */
}

/* SO_RXQ_OVFL: comes with a frame once some were lost, and counts from the
 * beginning, in 32 bits. So it costs no call, as PACKET_STATISTICS would. */
static void take_missed(struct packet_device *packet, struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    uint32_t missed;

    if (control == NULL || control->cmsg_level != SOL_SOCKET ||
        control->cmsg_type != SO_RXQ_OVFL)
        return;
    memcpy(&missed, CMSG_DATA(control), sizeof(missed));
    packet->missed += missed - packet->missed_seen;
    packet->missed_seen = missed;
}

/* 0, or a negative errno: nothing there, or nothing that is a frame. */
static int read_frame(struct packet_device *packet, struct frame *frame)
{
    uint8_t *buffer = packet->buffers[packet->used];
    uint8_t header[VIRTIO_HEADER_LEN] = {0};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint32_t))];
    struct iovec iov[2] = {{.iov_base = header, .iov_len = sizeof(header)},
                           {.iov_base = buffer, .iov_len = PACKET_FRAME_MAX}};
    unsigned skip = packet->has_vnet ? 0 : 1;
    size_t before = packet->has_vnet ? VIRTIO_HEADER_LEN : 0;
    struct msghdr message = {.msg_iov = iov + skip,
                             .msg_iovlen = 2 - skip,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t len = recvmsg(packet->fd, &message, MSG_DONTWAIT);

    if (len < 0)
        return -errno;
    take_missed(packet, &message);
    if ((size_t)len < before || (message.msg_flags & MSG_TRUNC) != 0)
        return -EBADMSG;
    frame_init_input(frame, NULL, buffer, (size_t)len - before);
    virtio_parse(header, frame);
    return 0;
}

/*
 * An interface that goes down says so once, gives nothing while it is, and
 * goes on when it comes up; one that is deleted is taken from the socket.
 */
static int receive_error(struct packet_device *packet)
{
    struct sockaddr_ll bound;
    socklen_t len = sizeof(bound);

    if (getsockname(packet->fd, (struct sockaddr *)&bound, &len) < 0 ||
        bound.sll_ifindex <= 0)
        packet->gone = true;
    return packet->gone ? -ENETDOWN : 0;
}

/* EINVAL: a super-segment of a kind that the virtio header has no word for. */
static bool is_skipped(int status)
{
    return status == -EBADMSG || status == -EINVAL;
}

/* Looks at messages until one is a frame, but at no more than a batch. */
static int packet_receive(struct netdev *dev, usec now, struct frame *frame)
{
    struct packet_device *packet = packet_of(dev);
    int status = -EBADMSG;

    (void)now;
    if (packet->gone)
        return -ENETDOWN;
    if (packet->used == PACKET_BATCH)
        return 0;
    for (int i = 0; i < PACKET_BATCH && is_skipped(status); i++)
        status = read_frame(packet, frame);
    if (status == 0) {
        packet->used++;
        return 1;
    }
    return status == -ENETDOWN ? receive_error(packet) : 0;
}

static usec packet_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int packet_poll_fd(const struct netdev *dev)
{
    const struct packet_device *packet = packet_of(dev);

    return packet->gone ? -1 : packet->fd;
}

/* With the socket ends that the interface is promiscuous for our sake. */
static void packet_close(struct netdev *dev)
{
    struct packet_device *packet = packet_of(dev);

    close(packet->fd);
    free(packet);
}

static const struct netdev_ops packet_ops = {
    .name = "packet",
    .transmit = packet_transmit,
    .flush = packet_flush,
    .receive = packet_receive,
    .deadline = packet_deadline,
    .poll_fd = packet_poll_fd,
    .close = packet_close,
};

/* ---- Opening ------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int
explain(int error, char why[static NETDEV_WHY_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, NETDEV_WHY_MAX, format, args);
    va_end(args);
    return -error;
}

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
static int ask_interface(const struct packet_device *packet, const char *name,
                         unsigned long what, struct ifreq *request)
{
    strcpy(request->ifr_name, name);
    return ioctl(packet->fd, what, request) < 0 ? -errno : 0;
}

static int check_interface(struct packet_device *packet, const char *name,
                           char why[static NETDEV_WHY_MAX])
{
    struct ifreq request = {.ifr_flags = 0};

    if (ask_interface(packet, name, SIOCGIFHWADDR, &request) < 0)
        return explain(ENODEV, why,
                       "there is no interface %s; to see which there are: ip "
                       "link",
                       name);
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return explain(EINVAL, why,
                       "%s is not an Ethernet interface; to see which are: ip "
                       "link | grep ether -B 1",
                       name);
    if (ask_interface(packet, name, SIOCGIFFLAGS, &request) < 0 ||
        (request.ifr_flags & IFF_UP) == 0)
        return explain(ENETDOWN, why, "%s is down: sudo ip link set %s up",
                       name, name);
    if (ask_interface(packet, name, SIOCGIFMTU, &request) < 0)
        return explain(errno, why, "cannot read the MTU of %s: %s", name,
                       strerror(errno));
    packet->dev.mtu = (unsigned)request.ifr_mtu;
    return 0;
}

/*
 * An interface that has just come up notices its carrier a moment later, and
 * until then drops what it is to send: our first ARP request, for one. To be
 * asked for the carrier makes the kernel attend to it (linkwatch_sync_dev).
 */
static void settle_carrier(const struct packet_device *packet, const char *name)
{
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
    struct ifreq request = {.ifr_data = (char *)&link};

    (void)ask_interface(packet, name, SIOCETHTOOL, &request);
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

/* The header is in the machine's byte order here, unlike a TAP's. */
static void set_offloads(struct packet_device *packet)
{
    int on = 1;

    packet->has_vnet =
        htons(1) != 1 && setsockopt(packet->fd, SOL_PACKET, PACKET_VNET_HDR,
                                    &on, sizeof(on)) == 0;
    packet->dev.fills_checksum = packet->has_vnet;
    packet->dev.max_gso = packet->has_vnet ? PACKET_MAX_GSO : 0;
}

static void set_conveniences(struct packet_device *packet)
{
    int on = 1;

    set_offloads(packet);
    set_buffer(packet->fd, SO_RCVBUFFORCE, SO_RCVBUF);
    set_buffer(packet->fd, SO_SNDBUFFORCE, SO_SNDBUF);
    (void)setsockopt(packet->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
    (void)setsockopt(packet->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
                     sizeof(on));
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

static int set_up(struct packet_device *packet, const char *name,
                  char why[static NETDEV_WHY_MAX])
{
    packet->dev.ops = &packet_ops;
    packet->dev.type = NETDEV_ETHERNET;
    packet->dev.missed = &packet->missed;
    packet->fd = open_socket(name, why);
    if (packet->fd < 0)
        return packet->fd;

    int status = check_interface(packet, name, why);

    if (status == 0) {
        set_conveniences(packet);
        settle_carrier(packet, name);
        if (set_filter(packet->fd) < 0 ||
            bind_to(packet->fd, (int)if_nametoindex(name)) < 0)
            status = explain(errno, why, "cannot attach to %s: %s", name,
                             strerror(errno));
    }
    if (status < 0)
        close(packet->fd);
    return status;
}

int packet_open(const char *name, struct netdev **out,
                char why[static NETDEV_WHY_MAX])
{
    if (*name == '\0' || strlen(name) >= IFNAMSIZ)
        return explain(EINVAL, why, "\"%.64s\" is not an interface's name",
                       name);

    struct packet_device *packet = calloc(1, sizeof(*packet));

    if (packet == NULL)
        return explain(ENOMEM, why, "no memory");

    int status = set_up(packet, name, why);

    if (status < 0)
        free(packet);
    else
        *out = &packet->dev;
    return status;
}
