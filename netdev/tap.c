/*
 * The TAP device of Linux, Documentation/networking/tuntap.rst, with the
 * virtio header of OASIS virtio 1.2, 5.1.6 before each frame: by it the kernel
 * takes and gives super-frames of 64 KiB and checksums that are not there.
 *
 * The stack needs a MAC address of its own: the one that the kernel shows for
 * the device is that of the host's end, so dev->mac stays zero.
 *
 * An edge to the operating system: it makes system calls, and its memory comes
 * from the C library.
 *
 * Left out on purpose: TUN devices, several queues, the offload (TSO6) that
 * the stack has no use for yet, and TSO_ECN: the kernel cuts what carries
 * CWR itself, one super-frame in a round trip at most.
 */
#include "netdev/tap.h"

#include "netdev/fd_device.h"
#include "netdev/tap_why.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    TAP_MAX_GSO = 65535,
    HOST_WAIT_TRIES = 10000 /* a second and a bit */
};

struct tap {
    struct fd_device base; /* gone: it was deleted while we had it */
    bool has_vnet;         /* a virtio header before each frame */
};

static struct tap *tap_of(const struct netdev *dev)
{
    return container_of(dev, struct tap, base.dev);
}

static struct iovec iov_of(uint8_t *data, size_t len)
{
    return (struct iovec){.iov_base = data, .iov_len = len};
}

static int transmit_error(int error)
{
    switch (error) {
    case EIO:    /* the host's side is down */
    case EBADFD: /* the device was deleted */
        return -ENETDOWN;
    default: /* EAGAIN, ENOBUFS, ENOMEM, or a frame that it does not like */
        return -ENOBUFS;
    }
}

static int tap_transmit(struct netdev *dev, usec now, const struct frame *frame)
{
    struct tap *tap = tap_of(dev);
    uint8_t header[VIRTIO_HEADER_LEN];
    struct iovec iov[FD_DEVICE_IOV_MAX];
    int count = fd_device_message(frame, header, iov);
    int skip = tap->has_vnet ? 0 : 1;

    (void)now;
    if (writev(tap->base.fd, iov + skip, count - skip) < 0)
        return transmit_error(errno);
    return 0;
}

/* Bytes of the frame read, or a negative errno. `place` may be NULL. */
static ssize_t read_frame(struct tap *tap, uint8_t *header, uint8_t *buffer,
                          const struct frame_place *place)
{
    struct iovec iov[4 + 1] = {
        {.iov_base = header, .iov_len = VIRTIO_HEADER_LEN}};
    int count = 1;
    int skip = tap->has_vnet ? 0 : 1;
    size_t before = tap->has_vnet ? VIRTIO_HEADER_LEN : 0;
    size_t at = 0;

    if (place != NULL) {
        iov[count++] = iov_of(buffer, place->head_len);
        at = place->head_len;
        for (unsigned i = 0; i < place->count; i++) {
            iov[count++] = place->pieces[i];
            at += place->pieces[i].iov_len;
        }
    }
    if (at < FD_DEVICE_FRAME_MAX)
        iov[count++] = iov_of(buffer + at, FD_DEVICE_FRAME_MAX - at);

    ssize_t len = readv(tap->base.fd, iov + skip, count - skip);

    if (len < 0)
        return -errno;
    if ((size_t)len < before)
        return -EBADMSG;
    return len - (ssize_t)before;
}

/*
 * A device that is down gives no frames and no error, and poll(2) is silent;
 * one that was deleted gives EBADFD, poll(2) says POLLERR without end, and it
 * does not come back: from then on there is no descriptor to poll.
 */
static int receive_error(struct tap *tap, ssize_t error)
{
    if (error == -EBADFD || error == -ENODEV)
        tap->base.gone = true;
    return tap->base.gone ? -ENETDOWN : 0;
}

static int receive(struct tap *tap, const struct frame_place *place,
                   struct frame *frame)
{
    uint8_t header[VIRTIO_HEADER_LEN] = {0};

    if (tap->base.gone)
        return -ENETDOWN;
    if (tap->base.used == FD_DEVICE_BATCH)
        return 0;

    uint8_t *buffer = tap->base.buffers[tap->base.used];
    ssize_t len = read_frame(tap, header, buffer, place);

    if (len < 0)
        return receive_error(tap, len);
    tap->base.used++;
    frame_init_input(frame, NULL, buffer, (size_t)len);
    virtio_parse(header, frame);
    if (place != NULL)
        frame_place(frame, place);
    return 1;
}

static int tap_receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)now;
    return receive(tap_of(dev), NULL, frame);
}

static int tap_receive_at(struct netdev *dev, usec now,
                          const struct frame_place *place, struct frame *frame)
{
    (void)now;
    return receive(tap_of(dev), place, frame);
}

static void tap_close(struct netdev *dev)
{
    struct tap *tap = tap_of(dev);

    close(tap->base.fd);
    free(tap);
}

static const struct netdev_ops tap_ops = {
    .name = "tap",
    .transmit = tap_transmit,
    .flush = fd_device_flush,
    .receive = tap_receive,
    .receive_at = tap_receive_at,
    .deadline = fd_device_deadline,
    .poll_fd = fd_device_poll_fd,
    .held_fd = fd_device_held_fd,
    .close = tap_close,
};

static bool name_is_valid(const char *name)
{
    return *name != '\0' && strlen(name) < IFNAMSIZ &&
           strpbrk(name, "/:% \t\n") == NULL; /* % would make a new name */
}

/* A descriptor, or a negative errno and `why`. */
static int open_tun(char why[static NETDEV_WHY_MAX])
{
    unsigned features;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && ioctl(fd, TUNGETFEATURES, &features) == 0)
        return fd; /* not a plain file in its place */

    int error = errno;

    if (fd >= 0)
        close(fd);
    return tap_why_open(error, why);
}

/* TUNSETIFF makes a device that is not there, if we may: hence the look. */
static int attach(struct tap *tap, const char *name, unsigned flags,
                  char why[static NETDEV_WHY_MAX])
{
    struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags)};
    int status;

    tap->base.fd = open_tun(why);
    if (tap->base.fd < 0)
        return tap->base.fd;
    strcpy(request.ifr_name, name);
    if (if_nametoindex(name) == 0)
        status = tap_why_absent(name, why);
    else if (ioctl(tap->base.fd, TUNSETIFF, &request) < 0)
        status = tap_why_attach(name, errno, why);
    else
        return 0;
    close(tap->base.fd);
    return status;
}

/* Little-endian by decree, lest the last user left it otherwise. */
static bool set_vnet(const struct tap *tap)
{
    int size = VIRTIO_HEADER_LEN;
    int little = 1;

    return ioctl(tap->base.fd, TUNSETVNETHDRSZ, &size) == 0 &&
           ioctl(tap->base.fd, TUNSETVNETLE, &little) == 0;
}

/*
 * With the virtio header if the kernel has it, otherwise without. EINVAL may
 * be a kernel's way to refuse it; if not, the second attempt says why.
 */
static int attach_best(struct tap *tap, const char *name,
                       char why[static NETDEV_WHY_MAX])
{
    int status = attach(tap, name, IFF_VNET_HDR, why);

    if (status < 0 && status != -EINVAL)
        return status;
    tap->has_vnet = status == 0 && set_vnet(tap);
    if (tap->has_vnet)
        return 0;
    if (status == 0)
        close(tap->base.fd);
    return attach(tap, name, 0, why);
}

#ifndef TUN_F_USO4 /* Linux 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40 /* the one is not had without the other */
#endif

/* What the kernel may hand to us unfinished; the most that it agrees to. */
static void set_offloads(struct tap *tap)
{
    tap->base.dev.cuts_udp =
        tap->has_vnet && ioctl(tap->base.fd, TUNSETOFFLOAD,
                               (unsigned long)(TUN_F_CSUM | TUN_F_TSO4 |
                                               TUN_F_USO4 | TUN_F_USO6)) == 0;
    if (tap->base.dev.cuts_udp) {
        tap->base.dev.fills_checksum = true;
        tap->base.dev.max_gso = TAP_MAX_GSO;
        return;
    }
    if (tap->has_vnet && ioctl(tap->base.fd, TUNSETOFFLOAD,
                               (unsigned long)(TUN_F_CSUM | TUN_F_TSO4)) == 0) {
        tap->base.dev.fills_checksum = true;
        tap->base.dev.max_gso = TAP_MAX_GSO;
        return;
    }
    if (tap->has_vnet &&
        ioctl(tap->base.fd, TUNSETOFFLOAD, (unsigned long)TUN_F_CSUM) == 0) {
        tap->base.dev.fills_checksum = true;
        return;
    }
    /* None; a kernel that refuses even this knows none. */
    (void)!ioctl(tap->base.fd, TUNSETOFFLOAD, 0ul);
}

/* One of the ioctls of netdevice(7): 0 or a negative errno. */
static int ask_device(const char *name, unsigned long what,
                      struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    strcpy(request->ifr_name, name);

    int status = fd < 0 || ioctl(fd, what, request) < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    return status;
}

static int read_mtu(struct tap *tap, const char *name,
                    char why[static NETDEV_WHY_MAX])
{
    struct ifreq request = {.ifr_mtu = 0};
    int status = ask_device(name, SIOCGIFMTU, &request);

    if (status < 0)
        snprintf(why, NETDEV_WHY_MAX, "cannot read the MTU of %s: %s", name,
                 strerror(-status));
    tap->base.dev.mtu = (unsigned)request.ifr_mtu;
    return status;
}

/*
 * Attaching gives the device its carrier, which the host's side notices a
 * moment later, and until then it drops what it is to send us: the answer to
 * our first ARP request, for one. A device that is down would never have it.
 */
static int wait_for_host(const char *name, char why[static NETDEV_WHY_MAX])
{
    struct ifreq request = {.ifr_flags = 0};
    struct timespec pause = {.tv_nsec = 100000};

    for (int i = 0; i < HOST_WAIT_TRIES; i++) {
        if (ask_device(name, SIOCGIFFLAGS, &request) < 0)
            return tap_why_absent(name, why); /* deleted meanwhile */
        if ((request.ifr_flags & IFF_UP) == 0)
            return tap_why_down(
                name, ask_device(name, SIOCGIFADDR, &request) == 0, why);
        if ((request.ifr_flags & IFF_RUNNING) != 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int set_up(struct tap *tap, const char *name,
                  char why[static NETDEV_WHY_MAX])
{
    tap->base.dev.ops = &tap_ops;
    tap->base.dev.type = NETDEV_ETHERNET;

    int status = attach_best(tap, name, why);

    if (status < 0)
        return status;
    set_offloads(tap);
    status = read_mtu(tap, name, why);
    if (status == 0)
        status = wait_for_host(name, why);
    if (status < 0)
        close(tap->base.fd);
    return status;
}

int tap_open(const char *name, struct netdev **out,
             char why[static NETDEV_WHY_MAX])
{
    if (!name_is_valid(name)) {
        snprintf(why, NETDEV_WHY_MAX, "\"%.64s\" is not a device's name", name);
        return -EINVAL;
    }

    struct tap *tap = calloc(1, sizeof(*tap));

    if (tap == NULL) {
        snprintf(why, NETDEV_WHY_MAX, "no memory");
        return -ENOMEM;
    }

    int status = set_up(tap, name, why);

    if (status < 0)
        free(tap);
    else
        *out = &tap->base.dev;
    return status;
}
