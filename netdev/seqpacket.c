/*
 * The socket of frames. The kernel keeps the messages apart and in order, and
 * holds as many as fit the sender's buffer; what does not is refused, as by any
 * full queue.
 *
 * The other side is another program, perhaps a hostile one. A message that is
 * too short for its header, or longer than any frame, is skipped; what its
 * header says is checked by virtio_parse, and the frame itself by the stack.
 * Nothing here grows with what comes.
 *
 * A device that listens has no socket to listen with while it has a peer: so a
 * second one is refused at once, and not kept waiting without a word.
 *
 * An edge to the operating system: it makes system calls, and its memory comes
 * from the C library.
 *
 * Left out on purpose: descriptors that come with a message, several frames in
 * one, and reconnecting by the side that has connected.
 */
#define _GNU_SOURCE /* accept4, POLLRDHUP */
#include "netdev/seqpacket.h"

#include "netdev/fd_device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SEQPACKET_MAX_GSO = 65535,
    SEQPACKET_MTU = 1500,
    /* The kernel gives what it allows; each packet takes more than its bytes,
     * and a window of them should fit. */
    SEQPACKET_SEND_BUFFER = 16 << 20
};

struct seqpacket {
    struct fd_device base; /* fd: of the peer, or to listen with while there is
                              none; gone: the peer that we had connected to */
    bool has_peer;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* listens at */
};

static struct seqpacket *seqpacket_of(const struct netdev *dev)
{
    return container_of(dev, struct seqpacket, base.dev);
}

static void have_peer(struct seqpacket *seqpacket, int fd)
{
    int size = SEQPACKET_SEND_BUFFER;

    /* The first is for the privileged; both may give less. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    seqpacket->base.fd = fd;
    seqpacket->has_peer = true;
}

/* ---- Listening ----------------------------------------------------------- */

static bool address_of(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (*path == '\0' || strlen(path) >= sizeof(out->sun_path))
        return false;
    strcpy(out->sun_path, path);
    return true;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* The socket, or a negative errno. */
static int connect_to(const struct sockaddr_un *address)
{
    int fd = new_socket();

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return fd;

    int error = errno;

    close(fd);
    return -error;
}

/* A socket's file whose program has ended without removing it. */
static bool is_left_behind(const struct sockaddr_un *address)
{
    int fd = connect_to(address);

    if (fd >= 0)
        close(fd);
    return fd == -ECONNREFUSED;
}

static int bind_to(int fd, const struct sockaddr_un *address)
{
    const struct sockaddr *generic = (const struct sockaddr *)address;

    if (bind(fd, generic, sizeof(*address)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    if (!is_left_behind(address))
        return -EADDRINUSE;
    unlink(address->sun_path);
    return bind(fd, generic, sizeof(*address)) < 0 ? -errno : 0;
}

static int begin_to_listen(struct seqpacket *seqpacket)
{
    struct sockaddr_un address;
    int fd = new_socket();
    int status = fd < 0 ? -errno : 0;

    (void)address_of(seqpacket->path, &address); /* checked at the opening */
    if (status == 0)
        status = bind_to(fd, &address);
    if (status == 0 && listen(fd, 1) < 0)
        status = -errno;
    if (status < 0 && fd >= 0)
        close(fd);
    seqpacket->base.fd = status < 0 ? -1 : fd;
    return status;
}

static bool is_listening_device(const struct seqpacket *seqpacket)
{
    return seqpacket->path[0] != '\0';
}

static bool is_listening(const struct seqpacket *seqpacket)
{
    return !seqpacket->has_peer && seqpacket->base.fd >= 0 &&
           is_listening_device(seqpacket);
}

/* The peer has gone: those who listen wait for the next one. For the others it
 * is over, and the descriptor, which others may know of, stays to the end. */
static void lose_peer(struct seqpacket *seqpacket)
{
    seqpacket->has_peer = false;
    if (!is_listening_device(seqpacket)) {
        seqpacket->base.gone = true;
        (void)shutdown(seqpacket->base.fd, SHUT_RDWR);
        return;
    }
    close(seqpacket->base.fd);
    (void)begin_to_listen(seqpacket); /* it has worked before */
}

static void accept_peer(struct seqpacket *seqpacket)
{
    int fd =
        accept4(seqpacket->base.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return; /* nobody there, or gone again */
    close(seqpacket->base.fd);
    have_peer(seqpacket, fd);
}

/* ---- Frames -------------------------------------------------------------- */

static int transmit_error(struct seqpacket *seqpacket, int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
        lose_peer(seqpacket);
        return -ENETDOWN;
    default: /* EAGAIN, ENOBUFS, ENOMEM, EMSGSIZE */
        return -ENOBUFS;
    }
}

static int seqpacket_transmit(struct netdev *dev, usec now,
                              const struct frame *frame)
{
    struct seqpacket *seqpacket = seqpacket_of(dev);
    uint8_t header[VIRTIO_HEADER_LEN];
    struct iovec iov[FD_DEVICE_IOV_MAX];
    struct msghdr message = {.msg_iov = iov};

    (void)now;
    if (!seqpacket->has_peer)
        return -ENETDOWN;
    message.msg_iovlen = (size_t)fd_device_message(frame, header, iov);
    if (sendmsg(seqpacket->base.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return transmit_error(seqpacket, errno);
    return 0;
}

/* An empty message and the end of all messages look the same to recvmsg. */
static bool has_hung_up(const struct seqpacket *seqpacket)
{
    struct pollfd polled = {.fd = seqpacket->base.fd, .events = POLLRDHUP};

    return poll(&polled, 1, 0) > 0 &&
           (polled.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* 0, or a negative errno: nothing there, or nothing that is a frame. */
static int read_frame(struct seqpacket *seqpacket, struct frame *frame)
{
    uint8_t *buffer = seqpacket->base.buffers[seqpacket->base.used];
    uint8_t header[VIRTIO_HEADER_LEN];
    struct iovec iov[2] = {
        {.iov_base = header, .iov_len = sizeof(header)},
        {.iov_base = buffer, .iov_len = FD_DEVICE_FRAME_MAX}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    ssize_t len = recvmsg(seqpacket->base.fd, &message, MSG_DONTWAIT);

    if (len < 0)
        return -errno;
    if (len == 0 && has_hung_up(seqpacket))
        return -EPIPE;
    if (len < VIRTIO_HEADER_LEN || (message.msg_flags & MSG_TRUNC) != 0)
        return -EBADMSG;
    frame_init_input(frame, NULL, buffer, (size_t)len - sizeof(header));
    virtio_parse(header, frame);
    return 0;
}

/* Looks at messages until one is a frame, but at no more than a batch. */
static int seqpacket_receive(struct netdev *dev, usec now, struct frame *frame)
{
    struct seqpacket *seqpacket = seqpacket_of(dev);
    int status = -EBADMSG;

    (void)now;
    if (is_listening(seqpacket))
        accept_peer(seqpacket);
    if (!seqpacket->has_peer)
        return is_listening(seqpacket) ? 0 : -ENETDOWN;
    for (int i = 0; i < FD_DEVICE_BATCH && status == -EBADMSG; i++) {
        if (seqpacket->base.used == FD_DEVICE_BATCH)
            return 0;
        status = read_frame(seqpacket, frame);
    }
    if (status == 0) {
        seqpacket->base.used++;
        return 1;
    }
    if (status != -EPIPE && status != -ECONNRESET)
        return 0;
    lose_peer(seqpacket);
    return is_listening_device(seqpacket) ? 0 : -ENETDOWN;
}

static void seqpacket_close(struct netdev *dev)
{
    struct seqpacket *seqpacket = seqpacket_of(dev);

    if (is_listening_device(seqpacket))
        unlink(seqpacket->path);
    if (seqpacket->base.fd >= 0)
        close(seqpacket->base.fd);
    free(seqpacket);
}

static const struct netdev_ops seqpacket_ops = {
    .name = "seqpacket",
    .transmit = seqpacket_transmit,
    .flush = fd_device_flush,
    .receive = seqpacket_receive,
    .deadline = fd_device_deadline,
    .poll_fd = fd_device_poll_fd,
    .held_fd = fd_device_held_fd,
    .close = seqpacket_close,
};

/* ---- Opening ------------------------------------------------------------- */

/* Without a peer yet. NULL: no memory, and `why`. */
static struct seqpacket *create(unsigned mtu, char why[static NETDEV_WHY_MAX])
{
    struct seqpacket *seqpacket = calloc(1, sizeof(*seqpacket));

    if (seqpacket == NULL) {
        snprintf(why, NETDEV_WHY_MAX, "no memory");
        return NULL;
    }
    seqpacket->base.dev = (struct netdev){
        .ops = &seqpacket_ops,
        .type = NETDEV_ETHERNET,
        .mtu = mtu != 0 ? mtu : SEQPACKET_MTU,
        .max_gso = SEQPACKET_MAX_GSO,
        .fills_checksum = true,
    };
    seqpacket->base.fd = -1;
    return seqpacket;
}

static int why_path(const char *path, char why[static NETDEV_WHY_MAX])
{
    snprintf(why, NETDEV_WHY_MAX,
             "\"%.40s\" is no path of a socket: it must have 1 to %zu "
             "characters",
             path, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
    return -EINVAL;
}

static int why_connect(const char *path, int error,
                       char why[static NETDEV_WHY_MAX])
{
    switch (error) {
    case ENOENT:
        snprintf(why, NETDEV_WHY_MAX,
                 "there is no socket %s: start what listens there first, as: "
                 "tapir wire unix:%s tap:tap0",
                 path, path);
        break;
    case EAGAIN:
    case ECONNREFUSED:
        snprintf(why, NETDEV_WHY_MAX,
                 "nobody waits at %s: its program has ended, or has a peer "
                 "already; start it anew, or end the other peer",
                 path);
        break;
    case EPROTOTYPE:
        snprintf(why, NETDEV_WHY_MAX,
                 "%s is not a SEQPACKET socket: connect to one of tapir wire",
                 path);
        break;
    case EACCES:
    case EPERM:
        snprintf(why, NETDEV_WHY_MAX,
                 "user %u may not write to %s: chmod it, or run as its owner",
                 (unsigned)geteuid(), path);
        break;
    default: /* the set of errno values is open */
        snprintf(why, NETDEV_WHY_MAX, "%s: %s", path, strerror(error));
    }
    return -error;
}

int seqpacket_connect(const char *path, unsigned mtu, struct netdev **out,
                      char why[static NETDEV_WHY_MAX])
{
    struct sockaddr_un address;

    if (!address_of(path, &address))
        return why_path(path, why);

    int fd = connect_to(&address);

    if (fd < 0)
        return why_connect(path, -fd, why);

    struct seqpacket *seqpacket = create(mtu, why);

    if (seqpacket == NULL) {
        close(fd);
        return -ENOMEM;
    }
    have_peer(seqpacket, fd);
    *out = &seqpacket->base.dev;
    return 0;
}

/* Why it is not what it must be; NULL: it is. */
static const char *mistake_of(int fd)
{
    struct sockaddr_un peer;
    socklen_t peer_len = sizeof(peer);
    int domain = 0;
    int type = 0;
    socklen_t len = sizeof(int);

    if (fcntl(fd, F_GETFD) < 0)
        return "is not open";
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
        return "is not a socket";
    if (domain != AF_UNIX || type != SOCK_SEQPACKET)
        return "is not a SEQPACKET socket of AF_UNIX";
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0)
        return "is not connected";
    return NULL;
}

int seqpacket_take(int fd, unsigned mtu, struct netdev **out,
                   char why[static NETDEV_WHY_MAX])
{
    const char *mistake = mistake_of(fd);

    if (mistake != NULL) {
        snprintf(why, NETDEV_WHY_MAX,
                 "descriptor %d %s: start the program with an end of "
                 "socketpair(AF_UNIX, SOCK_SEQPACKET) as this descriptor",
                 fd, mistake);
        return -EINVAL;
    }

    struct seqpacket *seqpacket = create(mtu, why);

    if (seqpacket == NULL)
        return -ENOMEM;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    have_peer(seqpacket, fd);
    *out = &seqpacket->base.dev;
    return 0;
}

int seqpacket_listen(const char *path, unsigned mtu, struct netdev **out,
                     char why[static NETDEV_WHY_MAX])
{
    struct sockaddr_un address;

    if (!address_of(path, &address))
        return why_path(path, why);

    struct seqpacket *seqpacket = create(mtu, why);

    if (seqpacket == NULL)
        return -ENOMEM;
    strcpy(seqpacket->path, path);

    int status = begin_to_listen(seqpacket);

    if (status == 0) {
        *out = &seqpacket->base.dev;
        return 0;
    }
    snprintf(why, NETDEV_WHY_MAX, "cannot listen at %s: %s%s", path,
             strerror(-status),
             status == -EADDRINUSE ? "; end who listens there, or remove it"
                                   : "");
    free(seqpacket);
    return status;
}

bool seqpacket_has_peer(const struct netdev *dev)
{
    return seqpacket_of(dev)->has_peer;
}
