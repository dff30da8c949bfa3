/*
 * From a process to its forked child: see inherit.h.
 */
#define _GNU_SOURCE /* dup3 */
#include "host/inherit.h"

#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 /* from a fork to the parent's exit, at most */ };

static void close_end(int *fd)
{
    if (*fd == 0)
        return;
    host_disown_fd(*fd);
    close(*fd);
    *fd = 0;
}

/* ---- The device -------------------------------------------------------- */

/* Of the default stack, which has one. -1: it is gone. */
static int device_fd(void)
{
    struct list *ports = &the_host.default_stack->ports;

    if (list_is_empty(ports))
        return -1;
    return netdev_poll_fd(container_of(ports->next, struct port, node)->dev);
}

/* Its number stays taken. */
static bool let_go_of_device(void)
{
    int fd = device_fd();
    int null = fd < 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
    bool done = null >= 0 && dup3(null, fd, O_CLOEXEC) >= 0;

    if (null >= 0)
        close(null);
    return done;
}

/* Room for one descriptor, SCM_RIGHTS. */
union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static bool send_device(int to, int device)
{
    union control control = {0};
    struct iovec iov = {.iov_base = &(char){0}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};

    control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                      .cmsg_type = SCM_RIGHTS,
                                      .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(&control.header), &device, sizeof(device));
    return sendmsg(to, &message, MSG_NOSIGNAL) == 1;
}

/* -EAGAIN: not yet; -ENETDOWN: never. */
static int receive_device(int from)
{
    union control control;
    char byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    ssize_t len = recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int device;

    if (len < 0 && errno == EAGAIN)
        return -EAGAIN;
    if (len <= 0 || message.msg_controllen < CMSG_LEN(sizeof(int)))
        return -ENETDOWN;
    memcpy(&device, CMSG_DATA(&control.header), sizeof(device));
    return device;
}

/* ---- Fork -------------------------------------------------------------- */

/* A thread that waits is none in the child, but its waiter is in the lists. */
static bool nobody_waits(void)
{
    const struct driver *driver = &the_host.driver;

    return list_is_empty(&driver->sleepers) &&
           (driver->who == NULL || driver->who == &driver->helper);
}

void inherit_prepare(void)
{
    struct inheritance *in = &the_host.inheritance;
    int pair[2];

    if (the_host.numbers == NULL || the_host.is_child ||
        the_host.default_stack == NULL || !nobody_waits())
        return;
    close_end(&in->heir_fd);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    in->heir_fd = pair[0];
    in->estate_fd = pair[1];
    host_own_fd(in->heir_fd);
    host_own_fd(in->estate_fd);
}

void inherit_in_parent(void)
{
    struct inheritance *in = &the_host.inheritance;

    if (the_host.is_child)
        return; /* its parent's estate may still be its own, or its child's */
    close_end(&in->estate_fd);
    if (in->gives_at_fork)
        inherit_give();
}

bool inherit_in_child(void)
{
    struct inheritance *in = &the_host.inheritance;

    close_end(&in->heir_fd);
    in->gives_at_fork = false;
    in->has_waited = false;
    if (in->estate_fd != 0 && !let_go_of_device())
        close_end(&in->estate_fd);
    return in->estate_fd != 0;
}

/* ---- Giving and taking ------------------------------------------------- */

static bool has_sockets(struct tapir_stack *stack)
{
    uint32_t cursor = 0;

    return hash_table_any(&stack->files, &cursor) != NULL;
}

static bool is_worth_giving(struct tapir_stack *stack)
{
    if (the_host.inheritance.gives_at_fork)
        return true;
    return has_sockets(stack) && !stack_has_connections(stack->core);
}

bool inherit_give(void)
{
    struct inheritance *in = &the_host.inheritance;
    struct tapir_stack *stack = the_host.default_stack;
    bool given = in->heir_fd != 0 && stack != NULL && is_worth_giving(stack) &&
                 device_fd() >= 0 && send_device(in->heir_fd, device_fd());

    close_end(&in->heir_fd);
    if (!given)
        return false;
    the_host.is_child = true; /* the stack is another process's */
    (void)let_go_of_device();
    return true;
}

static bool take_over(int device)
{
    int fd = device_fd();
    bool done = fd >= 0 && dup3(device, fd, O_CLOEXEC) >= 0;

    close(device);
    if (!done)
        return false;
    close_end(&the_host.inheritance.estate_fd);
    record_file_take_over(the_host.default_stack->record);
    the_host.is_child = false;
    helper_start();
    drive_devices_changed();
    return true;
}

static void complain(void)
{
    if (the_host.numbers == NULL || the_host.inheritance.has_complained)
        return;
    the_host.inheritance.has_complained = true;
    fprintf(stderr,
            "tapir: process %d was forked off, and has no sockets of the "
            "stack: that stays with its parent\n",
            (int)getpid());
}

bool inherit_claim(void)
{
    struct inheritance *in = &the_host.inheritance;
    struct pollfd given = {.fd = in->estate_fd, .events = POLLIN};
    int device = -ENETDOWN;

    if (!the_host.is_child)
        return true;
    if (in->estate_fd != 0) {
        if (!in->has_waited)
            in->has_waited = poll(&given, 1, PATIENCE_MS) >= 0;
        device = receive_device(in->estate_fd);
    }
    if (device >= 0 && take_over(device))
        return true;
    if (device != -EAGAIN)
        close_end(&in->estate_fd);
    complain();
    return false;
}

bool inherit_is_open(void)
{
    return the_host.inheritance.estate_fd != 0;
}
