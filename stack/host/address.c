/*
 * The system's socket addresses and ours. AF_INET, and AF_PACKET (packet(7));
 * AF_INET6 comes with IPv6.
 */
#include "host/address.h"

#include "link/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>

/* Linux: a hardware address that is longer than there is room for is none. */
static int endpoint_from_link(const struct sockaddr *addr, socklen_t len,
                              struct endpoint *out)
{
    struct sockaddr_ll link;
    struct link_addr to = {0};

    if (len < sizeof(link))
        return -EINVAL;
    memcpy(&link, addr, sizeof(link));
    if (link.sll_halen > sizeof(link.sll_addr))
        return -EINVAL;
    memcpy(to.octet, link.sll_addr, sizeof(to.octet));
    to.len = link.sll_halen;
    *out = link_endpoint(&to, (unsigned)link.sll_ifindex,
                         ntohs(link.sll_protocol));
    return 0;
}

static struct sockaddr_ll link_of_endpoint(const struct endpoint *endpoint)
{
    struct link_addr addr = link_addr_of(endpoint);
    struct sockaddr_ll link = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(endpoint->port),
        .sll_ifindex = (int)endpoint->scope,
        .sll_hatype = addr.hardware,
        .sll_pkttype = addr.kind,
        .sll_halen = addr.len,
    };

    memcpy(link.sll_addr, addr.octet, sizeof(link.sll_addr));
    return link;
}

int sockaddr_check(const struct sockaddr *addr, socklen_t len)
{
    if (len > sizeof(struct sockaddr_storage))
        return -EINVAL;
    return addr == NULL && len > 0 ? -EFAULT : 0;
}

int sockaddr_family(const struct sockaddr *addr, socklen_t len)
{
    sa_family_t family;
    int r = sockaddr_check(addr, len);

    if (r < 0)
        return r;
    if (len < sizeof(family))
        return -EINVAL;
    memcpy(&family, addr, sizeof(family)); /* it need not be aligned */
    return family;
}

static bool is_link_address(const struct sockaddr *addr, socklen_t len)
{
    return sockaddr_family(addr, len) == AF_PACKET;
}

/* Of whatever family. */
static int read_sockaddr(const struct sockaddr *addr, socklen_t len,
                         struct sockaddr_in *out)
{
    int r = sockaddr_check(addr, len);

    if (r < 0)
        return r;
    if (len < sizeof(*out))
        return -EINVAL;
    memcpy(out, addr, sizeof(*out));
    return 0;
}

static struct endpoint endpoint_of(const struct sockaddr_in *in)
{
    return (struct endpoint){
        .addr = ip_addr_v4(ntohl(in->sin_addr.s_addr)),
        .port = ntohs(in->sin_port),
    };
}

int endpoint_from_sockaddr(const struct sockaddr *addr, socklen_t len,
                           struct endpoint *out)
{
    struct sockaddr_in in;
    int r = read_sockaddr(addr, len, &in);

    if (is_link_address(addr, len))
        return endpoint_from_link(addr, len, out);
    if (r < 0)
        return r;
    if (in.sin_family != AF_INET)
        return -EAFNOSUPPORT;
    *out = endpoint_of(&in);
    return 0;
}

int endpoint_to_bind(const struct sockaddr *addr, socklen_t len,
                     struct endpoint *out)
{
    struct sockaddr_in in;
    int r = read_sockaddr(addr, len, &in);

    if (is_link_address(addr, len))
        return endpoint_from_link(addr, len, out);
    if (r < 0)
        return r;
    if (in.sin_family != AF_INET &&
        (in.sin_family != AF_UNSPEC || in.sin_addr.s_addr != htonl(INADDR_ANY)))
        return -EAFNOSUPPORT;
    *out = endpoint_of(&in);
    return 0;
}

int endpoint_to_bind_raw(const struct sockaddr *addr, socklen_t len,
                         struct endpoint *out)
{
    struct sockaddr_in in;
    int r = read_sockaddr(addr, len, &in);

    if (is_link_address(addr, len))
        return endpoint_from_link(addr, len, out);
    if (r < 0)
        return r;
    *out = endpoint_of(&in);
    return 0;
}

int endpoint_to_send(const struct sockaddr *addr, socklen_t len,
                     struct endpoint *out)
{
    struct sockaddr_in in;
    int r = read_sockaddr(addr, len, &in);

    if (is_link_address(addr, len))
        return endpoint_from_link(addr, len, out);
    if (r < 0)
        return r;
    if (in.sin_family != AF_INET && in.sin_family != AF_UNSPEC)
        return -EAFNOSUPPORT;
    *out = endpoint_of(&in);
    return 0;
}

int endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr *addr,
                         socklen_t *len)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET,
        .sin_port = htons(endpoint->port),
        .sin_addr.s_addr = htonl(ip_addr_to_v4(&endpoint->addr)),
    };

    if ((int)*len < 0)
        return -EINVAL;
    if (addr == NULL && *len > 0)
        return -EFAULT;
    if (endpoint->is_link) {
        struct sockaddr_ll link = link_of_endpoint(endpoint);

        if (*len > 0)
            memcpy(addr, &link, min_size(*len, sizeof(link)));
        *len = sizeof(link);
        return 0;
    }
    if (*len > 0)
        memcpy(addr, &in, min_size(*len, sizeof(in)));
    *len = sizeof(in);
    return 0;
}
