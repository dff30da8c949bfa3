/*
 * From names to addresses, by the library's resolver: libc's would ask over
 * the kernel's sockets. No name has an AF_INET6 address here.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

static bool is_numeric_ipv6(const char *node)
{
    struct in6_addr addr;
    char text[INET6_ADDRSTRLEN];
    size_t len = strcspn(node, "%"); /* fe80::1%eth0 */

    if (len >= sizeof(text))
        return false;
    memcpy(text, node, len);
    text[len] = '\0';
    return inet_pton(AF_INET6, text, &addr) == 1;
}

/*
 * As on a machine without IPv6: what needs no resolver is answered for it all
 * the same ("::" to listen on), and socket(2) then says EAFNOSUPPORT, by which
 * a program knows to do without.
 */
static int answer_ipv6(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **result)
{
    struct addrinfo numeric = {.ai_family = AF_UNSPEC};

    if (hints != NULL)
        numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST;
    return real.getaddrinfo(node, service, &numeric, result);
}

EXPORT int getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **result)
{
    if ((hints != NULL && hints->ai_family == AF_INET6) ||
        (node != NULL && is_numeric_ipv6(node)))
        return answer_ipv6(node, service, hints, result);
    mirror_begin();
    return tapir_getaddrinfo(node, service, hints, result);
}

/* A list is libc's if its addresses are of IPv6: the library makes none. */
EXPORT void freeaddrinfo(struct addrinfo *list)
{
    if (list != NULL && list->ai_family == AF_INET6)
        real.freeaddrinfo(list);
    else
        tapir_freeaddrinfo(list);
}

/* ---- From addresses to names ------------------------------------------- */

EXPORT int getnameinfo(const struct sockaddr *addr, socklen_t len, char *host,
                       socklen_t host_size, char *service,
                       socklen_t service_size, int flags)
{
    if (addr == NULL || len < sizeof(struct sockaddr_in) ||
        addr->sa_family != AF_INET)
        return real.getnameinfo(addr, len, host, host_size, service,
                                service_size, flags);
    mirror_begin();
    return tapir_getnameinfo(addr, len, host, host_size, service, service_size,
                             flags);
}

EXPORT int gethostbyaddr_r(const void *addr, socklen_t len, int family,
                           struct hostent *host, char *room, size_t size,
                           struct hostent **result, int *error)
{
    mirror_begin();
    return tapir_gethostbyaddr_r(addr, len, family, host, room, size, result,
                                 error);
}

EXPORT struct hostent *gethostbyaddr(const void *addr, socklen_t len,
                                     int family)
{
    mirror_begin();
    return tapir_gethostbyaddr(addr, len, family);
}

/* ---- gethostbyname(3) -------------------------------------------------- */

EXPORT int gethostbyname_r(const char *name, struct hostent *host, char *room,
                           size_t size, struct hostent **result, int *error)
{
    mirror_begin();
    return tapir_gethostbyname_r(name, host, room, size, result, error);
}

EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *host,
                            char *room, size_t size, struct hostent **result,
                            int *error)
{
    if (family == AF_INET)
        return gethostbyname_r(name, host, room, size, result, error);
    *result = NULL;
    *error = NO_DATA;
    return 0;
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    mirror_begin();
    return tapir_gethostbyname(name);
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    if (family == AF_INET)
        return gethostbyname(name);
    h_errno = NO_DATA;
    return NULL;
}
