/*
 * Requests of rtnetlink(7): a header and attributes, which may hold others.
 */
#include "tapir_netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    struct nlmsghdr header;
    struct ifinfomsg interface;
    uint8_t attributes[256];
};

struct answer {
    struct nlmsghdr header;
    struct nlmsgerr result;
};

static struct request request_of(uint16_t type, unsigned flags)
{
    return (struct request){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = type,
                   .nlmsg_flags =
                       (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)},
        .interface = {.ifi_family = AF_UNSPEC},
    };
}

static struct rtattr *add(struct request *request, uint16_t type,
                          const void *value, size_t len)
{
    size_t end = NLMSG_ALIGN(request->header.nlmsg_len);
    struct rtattr *at = (struct rtattr *)((uint8_t *)request + end);

    at->rta_type = type;
    at->rta_len = (uint16_t)RTA_LENGTH(len);
    if (len > 0)
        memcpy(RTA_DATA(at), value, len);
    request->header.nlmsg_len = (uint32_t)(end + RTA_SPACE(len));
    return at;
}

static void add_text(struct request *request, uint16_t type, const char *text)
{
    (void)add(request, type, text, strlen(text) + 1);
}

/* What was added since belongs to it. */
static void end(const struct request *request, struct rtattr *at)
{
    at->rta_len = (uint16_t)((const uint8_t *)request +
                             request->header.nlmsg_len - (const uint8_t *)at);
}

static int ask(const struct request *request)
{
    struct answer answer;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;

    int error = 0;
    if (send(fd, request, request->header.nlmsg_len, 0) < 0 ||
        recv(fd, &answer, sizeof(answer), MSG_TRUNC) < 0)
        error = -errno;
    else
        error = answer.header.nlmsg_type == NLMSG_ERROR ? answer.result.error
                                                        : -EPROTO;
    close(fd);
    return error;
}

int netlink_set_queue_length(const char *name, uint32_t length)
{
    struct request request = request_of(RTM_SETLINK, 0);

    request.interface.ifi_index = (int)if_nametoindex(name);
    (void)add(&request, IFLA_TXQLEN, &length, sizeof(length));
    return ask(&request);
}

int netlink_make_veth(const char *left, const char *right)
{
    struct request request = request_of(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    struct ifinfomsg other = {.ifi_family = AF_UNSPEC};

    add_text(&request, IFLA_IFNAME, left);
    struct rtattr *info = add(&request, IFLA_LINKINFO, NULL, 0);
    add_text(&request, IFLA_INFO_KIND, "veth");
    struct rtattr *data = add(&request, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = add(&request, VETH_INFO_PEER, &other, sizeof(other));
    add_text(&request, IFLA_IFNAME, right);
    end(&request, peer);
    end(&request, data);
    end(&request, info);
    return ask(&request);
}
