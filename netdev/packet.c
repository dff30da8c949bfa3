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
 * Left out on purpose: the rings (PACKET_RX_RING, PACKET_TX_RING) and
 * PACKET_QDISC_BYPASS. README.md has the figures, and why.
 */
#include "netdev/packet.h"

#include "netdev/fd_device.h"
#include "netdev/packet_attach.h"

#include <endian.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    /* Linux cuts by itself, slowly, what with its Ethernet header reaches the
     * gso_max_size of most interfaces, 65536. */
    PACKET_MAX_GSO = 65535 - 14
};

struct packet_device {
    struct fd_device base; /* gone: the interface was deleted */
    int claim;             /* that the interface is ours: packet_attach.h */
    uint64_t missed;       /* base.dev.missed points here */
    uint32_t missed_seen;
};

static struct packet_device *packet_of(const struct netdev *dev)
{
    return container_of(dev, struct packet_device, base.dev);
}

/* ---- Frames -------------------------------------------------------------- */

/* A packet socket has the header in the machine's byte order. */
static void change_byte_order(uint8_t header[static VIRTIO_HEADER_LEN])
{
    for (size_t i = 2; i + 2 <= VIRTIO_HEADER_LEN; i += 2) {
        uint16_t field;

        memcpy(&field, header + i, sizeof(field));
        field = htole16(field);
        memcpy(header + i, &field, sizeof(field));
    }
}

static int transmit_error(struct packet_device *packet, int error)
{
    switch (error) {
    case ENXIO: /* the interface was deleted */
    case ENODEV:
        packet->base.gone = true;
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
    struct iovec iov[FD_DEVICE_IOV_MAX];
    int count = fd_device_message(frame, header, iov);

    (void)now;
    change_byte_order(header);
    if (writev(packet->base.fd, iov, count) < 0)
        return transmit_error(packet, errno);
    return 0;
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
    uint8_t *buffer = packet->base.buffers[packet->base.used];
    uint8_t header[VIRTIO_HEADER_LEN];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint32_t))];
    struct iovec iov[2] = {
        {.iov_base = header, .iov_len = sizeof(header)},
        {.iov_base = buffer, .iov_len = FD_DEVICE_FRAME_MAX}};
    struct msghdr message = {.msg_iov = iov,
                             .msg_iovlen = 2,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t len = recvmsg(packet->base.fd, &message, MSG_DONTWAIT);

    if (len < 0)
        return -errno;
    take_missed(packet, &message);
    if (len < VIRTIO_HEADER_LEN || (message.msg_flags & MSG_TRUNC) != 0)
        return -EBADMSG;
    frame_init_input(frame, NULL, buffer, (size_t)len - VIRTIO_HEADER_LEN);
    change_byte_order(header);
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

    if (getsockname(packet->base.fd, (struct sockaddr *)&bound, &len) < 0 ||
        bound.sll_ifindex <= 0)
        packet->base.gone = true;
    return packet->base.gone ? -ENETDOWN : 0;
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
    if (packet->base.gone)
        return -ENETDOWN;
    if (packet->base.used == FD_DEVICE_BATCH)
        return 0;
    for (int i = 0; i < FD_DEVICE_BATCH && is_skipped(status); i++)
        status = read_frame(packet, frame);
    if (status == 0) {
        packet->base.used++;
        return 1;
    }
    return status == -ENETDOWN ? receive_error(packet) : 0;
}

/* The claim is as much the device's as the socket: in other hands it would
 * outlive the stack. */
static int packet_held_fd(const struct netdev *dev, unsigned i)
{
    return i == 1 ? packet_of(dev)->claim : fd_device_held_fd(dev, i);
}

/* With the socket ends that the interface is promiscuous for our sake. */
static void packet_close(struct netdev *dev)
{
    struct packet_device *packet = packet_of(dev);

    close(packet->base.fd);
    close(packet->claim);
    free(packet);
}

static const struct netdev_ops packet_ops = {
    .name = "packet",
    .transmit = packet_transmit,
    .flush = fd_device_flush,
    .receive = packet_receive,
    .deadline = fd_device_deadline,
    .poll_fd = fd_device_poll_fd,
    .held_fd = packet_held_fd,
    .close = packet_close,
};

int packet_open(const char *name, struct netdev **out,
                char why[static NETDEV_WHY_MAX])
{
    struct packet_attachment attached;
    int status = packet_attach(name, &attached, why);

    if (status < 0)
        return status;

    struct packet_device *packet = calloc(1, sizeof(*packet));

    if (packet == NULL) {
        close(attached.fd);
        close(attached.claim);
        snprintf(why, NETDEV_WHY_MAX, "no memory");
        return -ENOMEM;
    }
    packet->base.dev = (struct netdev){.ops = &packet_ops,
                                       .type = NETDEV_ETHERNET,
                                       .mtu = attached.mtu,
                                       .max_gso = PACKET_MAX_GSO,
                                       .fills_checksum = true,
                                       .missed = &packet->missed};
    packet->base.fd = attached.fd;
    packet->claim = attached.claim;
    *out = &packet->base.dev;
    return 0;
}
