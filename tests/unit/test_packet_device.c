/*
 * The packet socket, between the two ends of a veth pair in a network namespace
 * of the test's own. Where none can be made, what needs one is skipped.
 */
#define _GNU_SOURCE /* unshare */
#include "unit.h"

#include "netdev/packet.h"
#include "netdev/whole.h"
#include "packets.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t data[65535];
static char why[NETDEV_WHY_MAX];

/* ---- The veth pair ------------------------------------------------------- */

struct request {
    struct nlmsghdr header;
    struct ifinfomsg interface;
    uint8_t attributes[200];
};

static struct rtattr *add(struct request *request, unsigned short type,
                          const void *value, size_t len)
{
    struct rtattr *at =
        (struct rtattr *)((uint8_t *)request +
                          NLMSG_ALIGN(request->header.nlmsg_len));

    at->rta_type = type;
    at->rta_len = (unsigned short)RTA_LENGTH(len);
    if (len > 0)
        memcpy(RTA_DATA(at), value, len);
    request->header.nlmsg_len =
        NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(at->rta_len);
    return at;
}

static void end(const struct request *request, struct rtattr *at)
{
    at->rta_len = (unsigned short)((uint8_t *)request +
                                   request->header.nlmsg_len - (uint8_t *)at);
}

static struct request request_of(unsigned short type, unsigned short flags)
{
    return (struct request){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = type,
                   .nlmsg_flags =
                       (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags)}};
}

static int ask(const struct request *request)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr result;
    } answer = {.result = {.error = -EPROTO}};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (send(fd, request, request->header.nlmsg_len, 0) < 0 ||
        recv(fd, &answer, sizeof(answer), MSG_TRUNC) < 0)
        answer.result.error = -errno;
    close(fd);
    return answer.result.error;
}

static int make_pair(void)
{
    struct request request = request_of(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    struct ifinfomsg peer = {.ifi_family = AF_UNSPEC};

    add(&request, IFLA_IFNAME, "left", sizeof("left"));
    struct rtattr *info = add(&request, IFLA_LINKINFO, NULL, 0);
    add(&request, IFLA_INFO_KIND, "veth", sizeof("veth"));
    struct rtattr *kind = add(&request, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *other = add(&request, VETH_INFO_PEER, &peer, sizeof(peer));
    add(&request, IFLA_IFNAME, "right", sizeof("right"));
    end(&request, other);
    end(&request, kind);
    end(&request, info);
    return ask(&request);
}

static int change(const char *name, unsigned short type, unsigned flags)
{
    struct request request = request_of(type, 0);

    request.interface.ifi_index = (int)if_nametoindex(name);
    request.interface.ifi_flags = flags;
    request.interface.ifi_change = IFF_UP | IFF_NOARP;
    return ask(&request);
}

static void silence_ipv6(void)
{
    FILE *file = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w");

    if (file == NULL)
        return;
    fputs("1", file);
    fclose(file);
}

/* A pair in a new network, both ends up; false, and `why` it cannot be had. */
static bool enter_network(void)
{
    int error;

    if (unshare(CLONE_NEWNET) < 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        snprintf(why, sizeof(why), "no network namespace: %s", strerror(errno));
        return false;
    }
    silence_ipv6();
    error = make_pair();
    if (error < 0) {
        snprintf(why, sizeof(why), "no veth pair: %s", strerror(-error));
        return false;
    }
    ck_assert_int_eq(change("left", RTM_NEWLINK, IFF_UP | IFF_NOARP), 0);
    ck_assert_int_eq(change("right", RTM_NEWLINK, IFF_UP | IFF_NOARP), 0);
    return true;
}

struct fixture {
    struct netdev *left;
    struct netdev *right;
};

static struct netdev *open_device(const char *name)
{
    struct netdev *dev;

    ck_assert_msg(packet_open(name, &dev, why) == 0, "%s", why);
    return dev;
}

static bool open_pair(struct fixture *f)
{
    if (!enter_network())
        return false;
    f->left = open_device("left");
    f->right = open_device("right");
    return true;
}

static void close_pair(struct fixture *f)
{
    netdev_close(f->left);
    netdev_close(f->right);
}

/* The kernel hands on a frame in its own time. */
static int receive_soon(struct netdev *dev, struct frame *frame)
{
    struct pollfd polled = {.fd = netdev_poll_fd(dev), .events = POLLIN};

    poll(&polled, 1, 2000);
    return netdev_receive(dev, 0, frame);
}

static unsigned receive_all(struct netdev *dev)
{
    struct pollfd polled = {.fd = netdev_poll_fd(dev), .events = POLLIN};
    unsigned count = 0;
    struct frame frame;

    while (poll(&polled, 1, 100) == 1 && netdev_receive(dev, 0, &frame) == 1) {
        netdev_flush(dev, 0);
        count++;
    }
    return count;
}

static void ask_interface(const char *name, unsigned long what,
                          struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    strcpy(request->ifr_name, name);
    ck_assert_int_eq(ioctl(fd, what, request), 0);
    close(fd);
}

static void set_mtu(const char *name, int mtu)
{
    struct ifreq request = {.ifr_mtu = mtu};

    ask_interface(name, SIOCSIFMTU, &request);
}

static void turn_off(const char *name, uint32_t what)
{
    struct ethtool_value value = {.cmd = what, .data = 0};
    struct ifreq request = {.ifr_data = (char *)&value};

    ask_interface(name, SIOCETHTOOL, &request);
}

/* Once it has come up it notices its carrier when it is asked for it. */
static void settle(const char *name)
{
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
    struct ifreq request = {.ifr_data = (char *)&link};

    ask_interface(name, SIOCETHTOOL, &request);
}

/* As another program of this machine, or its kernel, does. */
static void send_from(const char *name, const uint8_t *bytes, size_t len)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)if_nametoindex(name)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(
        sendto(fd, bytes, len, 0, (struct sockaddr *)&to, sizeof(to)),
        (ssize_t)len);
    close(fd);
}

/* ---- Tests --------------------------------------------------------------- */

START_TEST(the_device_has_the_interfaces_mtu_and_all_offloads)
{
    struct netdev *left;

    if (!enter_network())
        UNIT_SKIP(why);
    set_mtu("left", 4000);
    left = open_device("left");
    ck_assert_int_eq(left->type, NETDEV_ETHERNET);
    ck_assert_uint_eq(left->mtu, 4000);
    ck_assert_uint_eq(left->max_gso, 65521);
    ck_assert(left->fills_checksum);
    ck_assert_int_eq(netdev_deadline(left), USEC_NEVER);
    netdev_close(left);
}
END_TEST

START_TEST(a_super_segment_arrives_whole_and_its_checksum_is_still_absent)
{
    struct packets got = {0};
    struct frame frame;
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    /* the largest: a byte more, and the kernel would cut it */
    PACKET_BUILD(&frame, data, .payload = 65521 - PACKET_HEADERS_LEN + 14,
                 .gso_size = 1460);
    ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    ck_assert_int_eq(receive_soon(f.right, &frame), 1);
    ck_assert_uint_eq(frame.head_len, 65535);
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_ABSENT);
    ck_assert_uint_eq(frame.offload.gso_size, 1460);
    frame_make_whole(NETDEV_ETHERNET, &frame, packets_add, &got);
    for (unsigned i = 0; i < got.count; i++)
        ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, got.data[i],
                                             got.len[i]));
    close_pair(&f);
}
END_TEST

/* As a simple network card: the kernel does it before. */
START_TEST(for_an_interface_that_cannot_the_kernel_cuts_and_sums)
{
    unsigned count = 0;
    struct frame frame;
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    turn_off("left", ETHTOOL_STSO);
    turn_off("left", ETHTOOL_STXCSUM);
    PACKET_BUILD(&frame, data, .payload = 4000, .gso_size = 1460);
    ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    for (; count < 3 && receive_soon(f.right, &frame) == 1; count++) {
        ck_assert_int_ne(frame.offload.checksum, FRAME_CHECKSUM_ABSENT);
        ck_assert_uint_eq(frame.offload.gso_size, 0);
        ck_assert_uint_le(frame.head_len, 1514);
        ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, frame.head,
                                             frame.head_len));
    }
    ck_assert_uint_eq(count, 3);
    close_pair(&f);
}
END_TEST

START_TEST(what_the_machine_sends_does_not_come_back)
{
    uint8_t bytes[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    struct frame frame = packet_frame(bytes, sizeof(bytes));
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    ck_assert_int_eq(receive_soon(f.right, &frame), 1);
    send_from("left", bytes, sizeof(bytes));
    ck_assert_int_eq(receive_soon(f.right, &frame), 1);
    ck_assert_int_eq(netdev_receive(f.left, 0, &frame), 0);
    close_pair(&f);
}
END_TEST

START_TEST(a_frame_of_another_vlan_is_not_for_us)
{
    uint8_t tagged[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 7, 8};
    uint8_t plain[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    struct frame frame = packet_frame(tagged, sizeof(tagged));
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    frame = packet_frame(plain, sizeof(plain));
    ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    ck_assert_int_eq(receive_soon(f.right, &frame), 1);
    ck_assert_uint_eq(frame.head_len, sizeof(plain));
    ck_assert_mem_eq(frame.head, plain, sizeof(plain));
    close_pair(&f);
}
END_TEST

START_TEST(a_batch_stays_until_the_flush)
{
    uint8_t bytes[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    struct frame frames[17];
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    for (uint8_t i = 0; i < 17; i++) {
        struct frame frame;

        bytes[14] = i;
        frame = packet_frame(bytes, sizeof(bytes));
        ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    }
    for (unsigned i = 0; i < 16; i++)
        ck_assert_int_eq(receive_soon(f.right, &frames[i]), 1);
    ck_assert_int_eq(receive_soon(f.right, &frames[16]), 0);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_uint_eq(frames[i].head[14], i);
    netdev_flush(f.right, 0);
    ck_assert_int_eq(receive_soon(f.right, &frames[16]), 1);
    ck_assert_uint_eq(frames[16].head[14], 16);
    close_pair(&f);
}
END_TEST

START_TEST(what_found_the_buffer_full_is_counted)
{
    struct frame frame;
    struct fixture f;
    unsigned got;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    ck_assert_ptr_nonnull(f.right->missed);
    for (unsigned i = 0; i < 1000; i++) {
        PACKET_BUILD(&frame, data, .payload = 60000, .gso_size = 1460);
        ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    }
    got = receive_all(f.right);
    ck_assert_uint_lt(got, 1000);
    PACKET_BUILD(&frame, data, .payload = 100); /* tells of those before it */
    ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), 0);
    got += receive_all(f.right);
    ck_assert_uint_eq(got + *f.right->missed, 1001);
    close_pair(&f);
}
END_TEST

START_TEST(an_interface_that_was_down_goes_on_when_it_is_up)
{
    struct frame frame;
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    ck_assert_int_eq(change("left", RTM_NEWLINK, IFF_NOARP), 0);
    PACKET_BUILD(&frame, data, .payload = 100);
    ck_assert_int_eq(netdev_transmit(f.left, 0, &frame), -ENETDOWN);
    ck_assert_int_eq(netdev_receive(f.left, 0, &frame), 0);
    ck_assert_int_ge(netdev_poll_fd(f.left), 0);
    ck_assert_int_eq(change("left", RTM_NEWLINK, IFF_UP | IFF_NOARP), 0);
    settle("right");
    PACKET_BUILD(&frame, data, .payload = 100);
    ck_assert_int_eq(netdev_transmit(f.right, 0, &frame), 0);
    ck_assert_int_eq(receive_soon(f.left, &frame), 1);
    close_pair(&f);
}
END_TEST

START_TEST(an_interface_that_was_deleted_takes_the_device_down)
{
    struct frame frame;
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    ck_assert_int_eq(change("left", RTM_DELLINK, 0), 0);
    PACKET_BUILD(&frame, data, .payload = 100);
    ck_assert_int_eq(netdev_receive(f.left, 0, &frame), -ENETDOWN);
    ck_assert_int_eq(netdev_poll_fd(f.left), -1);
    ck_assert_int_eq(netdev_transmit(f.right, 0, &frame), -ENETDOWN);
    ck_assert_int_eq(netdev_receive(f.right, 0, &frame), -ENETDOWN);
    close_pair(&f);
}
END_TEST

static void expect_refused(const char *name, int error, const char *said)
{
    struct netdev *dev = NULL;

    ck_assert_int_eq(packet_open(name, &dev, why), -error);
    ck_assert_ptr_null(dev);
    ck_assert_msg(strstr(why, said) != NULL, "'%s' lacks '%s'", why, said);
}

START_TEST(an_interface_that_cannot_be_had_is_refused_with_its_repair)
{
    if (!enter_network())
        UNIT_SKIP(why);
    ck_assert_int_eq(change("left", RTM_NEWLINK, IFF_NOARP), 0);
    expect_refused("left", ENETDOWN, "left is down: sudo ip link set left up");
    expect_refused("middle", ENODEV, "there is no interface middle");
    expect_refused("lo", EINVAL, "lo is not an Ethernet interface");
}
END_TEST

START_TEST(an_interface_has_one_stack_at_a_time)
{
    char said[NETDEV_WHY_MAX];
    struct fixture f;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    snprintf(said, sizeof(said),
             "left is in use by test_packet_dev, process %d", (int)getpid());
    expect_refused("left", EBUSY, said);
    netdev_close(f.left);
    f.left = open_device("left");
    close_pair(&f);
}
END_TEST

/* A child, in which all that the device holds is closed, until it is ended. */
static pid_t fork_without(const struct netdev *dev)
{
    int ready[2];
    char byte;

    ck_assert_int_eq(pipe(ready), 0);

    pid_t pid = fork();

    if (pid == 0) {
        int fd;

        for (unsigned i = 0; (fd = netdev_held_fd(dev, i)) >= 0; i++)
            close(fd);
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

/* A child that outlives its parent's stack is no reason to refuse the next. */
START_TEST(a_child_that_closes_what_the_device_holds_leaves_it_to_others)
{
    struct fixture f;
    pid_t pid;

    if (!open_pair(&f))
        UNIT_SKIP(why);
    ck_assert_int_eq(netdev_held_fd(f.left, 0), netdev_poll_fd(f.left));
    pid = fork_without(f.left);
    netdev_close(f.left);
    f.left = open_device("left");
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    close_pair(&f);
}
END_TEST

START_TEST(a_name_that_no_interface_has_is_refused)
{
    expect_refused("", EINVAL, "not an interface's name");
    expect_refused("thisnameismuchtoolong", EINVAL, "not an interface's name");
}
END_TEST

UNIT_MAIN("packet_device", the_device_has_the_interfaces_mtu_and_all_offloads,
          a_super_segment_arrives_whole_and_its_checksum_is_still_absent,
          for_an_interface_that_cannot_the_kernel_cuts_and_sums,
          what_the_machine_sends_does_not_come_back,
          a_frame_of_another_vlan_is_not_for_us, a_batch_stays_until_the_flush,
          what_found_the_buffer_full_is_counted,
          an_interface_that_was_down_goes_on_when_it_is_up,
          an_interface_that_was_deleted_takes_the_device_down,
          an_interface_that_cannot_be_had_is_refused_with_its_repair,
          an_interface_has_one_stack_at_a_time,
          a_child_that_closes_what_the_device_holds_leaves_it_to_others,
          a_name_that_no_interface_has_is_refused)
