/*
 * From names to addresses, by the library's resolver: libc's would ask over
 * the kernel's sockets. No name has an AF_INET6 address here.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <errno.h>
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

/* ---- gethostbyname(3) ------------------------------------------------------
 */

enum { ADDRS_MAX = 32, TEXT_MAX = 256 };

/* Where a hostent points to. */
struct answer {
    char *aliases[1];
    char *list[ADDRS_MAX + 1];
    struct in_addr addrs[ADDRS_MAX];
    char name[TEXT_MAX];
};

static int h_errno_of(int error)
{
    switch (error) {
    case EAI_AGAIN:
        return TRY_AGAIN;
    case EAI_NONAME:
        return HOST_NOT_FOUND;
    default:
        return NO_RECOVERY;
    }
}

static void fill(struct answer *answer, const struct addrinfo *list,
                 struct hostent *host)
{
    int count = 0;

    for (; list != NULL && count < ADDRS_MAX; list = list->ai_next) {
        struct sockaddr_in in;

        memcpy(&in, list->ai_addr, sizeof(in));
        answer->addrs[count] = in.sin_addr;
        answer->list[count] = (char *)&answer->addrs[count];
        count++;
    }
    answer->list[count] = NULL;
    answer->aliases[0] = NULL;
    *host = (struct hostent){
        .h_name = answer->name,
        .h_aliases = answer->aliases,
        .h_addrtype = AF_INET,
        .h_length = sizeof(struct in_addr),
        .h_addr_list = answer->list,
    };
}

/* 0, or what h_errno is to be. */
static int look_up(const char *name, int family, struct answer *answer,
                   struct hostent *host)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int r;

    if (family != AF_INET)
        return NO_DATA;
    if (strlen(name) >= sizeof(answer->name))
        return HOST_NOT_FOUND;
    r = tapir_getaddrinfo(name, NULL, &hints, &list);
    if (r != 0)
        return h_errno_of(r);
    strcpy(answer->name, name);
    fill(answer, list, host);
    tapir_freeaddrinfo(list);
    return 0;
}

EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *host,
                            char *room, size_t size, struct hostent **result,
                            int *error)
{
    /* The caller's room may lie anywhere. */
    size_t gap = -(uintptr_t)room % _Alignof(struct answer);
    int r;

    *result = NULL;
    if (size < gap + sizeof(struct answer))
        return ERANGE;
    r = look_up(name, family, (struct answer *)(void *)(room + gap), host);
    if (r != 0) {
        *error = r;
        return r == TRY_AGAIN ? EAGAIN : 0;
    }
    *result = host;
    return 0;
}

EXPORT int gethostbyname_r(const char *name, struct hostent *host, char *room,
                           size_t size, struct hostent **result, int *error)
{
    return gethostbyname2_r(name, AF_INET, host, room, size, result, error);
}

/* The answer is the thread's, until its next question. */
EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    static _Thread_local struct answer answer;
    static _Thread_local struct hostent host;
    int r = look_up(name, family, &answer, &host);

    if (r == 0)
        return &host;
    h_errno = r;
    return NULL;
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    return gethostbyname2(name, AF_INET);
}
