/*
 * getnameinfo: POSIX, RFC 3493 6.2, and glibc where they leave a choice.
 */
#define _GNU_SOURCE /* NI_*, EAI_* */
#include "host/names.h"

#include "base/addr.h"

#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    KNOWN_FLAGS = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD |
                  NI_DGRAM | NI_IDN
};

/* 0; EAI_OVERFLOW: there is no room for all of it. */
static int put(char *to, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return EAI_OVERFLOW;
    strcpy(to, text);
    return 0;
}

/* NI_NOFQDN: without the machine's own domain. */
static void cut_own_domain(char *name)
{
    char own[256] = "";
    const char *domain;
    char *dot = strchr(name, '.');

    if (dot == NULL || gethostname(own, sizeof(own) - 1) < 0)
        return;
    domain = strchr(own, '.');
    if (domain != NULL && strcmp(dot, domain) == 0)
        *dot = '\0';
}

static int put_name(struct tapir_stack *stack, uint32_t addr, int flags,
                    char *host, size_t size)
{
    struct host_entry *entry = malloc(sizeof(*entry));
    int r = entry == NULL ? EAI_MEMORY : names_find_addr(stack, addr, entry);

    if (r == 0 && (flags & NI_NOFQDN) != 0)
        cut_own_domain(entry->name);
    if (r == 0)
        r = put(host, size, entry->name);
    free(entry);
    return r;
}

static int put_host(struct tapir_stack *stack, uint32_t addr, int flags,
                    char *host, size_t size)
{
    struct ip_addr numeric = ip_addr_v4(addr);
    char text[IP_ADDR_TEXT_MAX];
    int r = EAI_NONAME;

    if ((flags & NI_NUMERICHOST) == 0)
        r = put_name(stack, addr, flags, host, size);
    if (r != EAI_NONAME && r != EAI_NODATA && r != EAI_FAIL)
        return r;
    if ((flags & NI_NAMEREQD) != 0)
        return EAI_NONAME;
    return put(host, size, ip_addr_text(&numeric, text));
}

static int put_service(uint16_t port, int flags, char *service, size_t size)
{
    const char *protocol = (flags & NI_DGRAM) != 0 ? "udp" : "tcp";
    char text[NI_MAXSERV];

    if ((flags & NI_NUMERICSERV) != 0 ||
        !names_find_port(port, protocol, text, sizeof(text)))
        snprintf(text, sizeof(text), "%u", port);
    return put(service, size, text);
}

int tapir_getnameinfo_on(struct tapir_stack *stack, const struct sockaddr *addr,
                         socklen_t len, char *host, socklen_t host_size,
                         char *service, socklen_t service_size, int flags)
{
    bool wants_host = host != NULL && host_size > 0;
    bool wants_service = service != NULL && service_size > 0;
    struct sockaddr_in in;
    int r = 0;

    if ((flags & ~KNOWN_FLAGS) != 0)
        return EAI_BADFLAGS;
    if (addr == NULL || len < sizeof(in) || addr->sa_family != AF_INET)
        return EAI_FAMILY;
    memcpy(&in, addr, sizeof(in));
    if (wants_host)
        r = put_host(stack, ntohl(in.sin_addr.s_addr), flags, host, host_size);
    if (r == 0 && wants_service)
        r = put_service(ntohs(in.sin_port), flags, service, service_size);
    return r;
}

int tapir_getnameinfo(const struct sockaddr *addr, socklen_t len, char *host,
                      socklen_t host_size, char *service,
                      socklen_t service_size, int flags)
{
    return tapir_getnameinfo_on(NULL, addr, len, host, host_size, service,
                                service_size, flags);
}
