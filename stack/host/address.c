/*
 * The system's socket addresses and ours. AF_INET; AF_INET6 comes with IPv6.
 */
#include "host/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

int endpoint_from_sockaddr(const struct sockaddr *addr, socklen_t len,
                           struct endpoint *out)
{
    struct sockaddr_in in;

    if (addr == NULL || len < sizeof(addr->sa_family))
        return -EINVAL;
    if (addr->sa_family != AF_INET)
        return -EAFNOSUPPORT;
    if (len < sizeof(in))
        return -EINVAL;
    memcpy(&in, addr, sizeof(in));
    *out = (struct endpoint){
        .addr = ip_addr_v4(ntohl(in.sin_addr.s_addr)),
        .port = ntohs(in.sin_port),
    };
    return 0;
}

void endpoint_to_sockaddr(const struct endpoint *endpoint,
                          struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET,
        .sin_port = htons(endpoint->port),
        .sin_addr.s_addr = htonl(ip_addr_to_v4(&endpoint->addr)),
    };

    if (addr == NULL || len == NULL)
        return;
    memcpy(addr, &in, min_size(*len, sizeof(in)));
    *len = sizeof(in);
}
