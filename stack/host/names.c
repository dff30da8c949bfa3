/*
 * getaddrinfo: POSIX, RFC 3493 6.1, and what glibc makes of it where they leave
 * a choice (see stack/host/README.md). IPv4 only.
 */
#define _GNU_SOURCE /* AI_*, EAI_* */
#include "host/names.h"

#include "base/addr.h"

#include <netdb.h>
#include <stdlib.h>

/* What is asked for, with hints as POSIX reads them. */
struct query {
    const char *node;
    const char *service;
    int flags;
    int socktype; /* 0: any */
    int protocol; /* 0: any */
    int port;     /* of a service that is a number; or ... */
};

/* A kind of socket that an answer is for. */
struct kind {
    int socktype;
    int protocol;
    const char *name; /* in /etc/services; NULL: it has no ports */
};

static const struct kind kinds[] = {
    {SOCK_STREAM, IPPROTO_TCP, "tcp"},
    {SOCK_DGRAM, IPPROTO_UDP, "udp"},
    {SOCK_RAW, 0, NULL}, /* of any protocol */
};

/* A result is one block: the addrinfo, its address, its name. */
struct answer {
    struct addrinfo info;
    struct sockaddr_in addr;
    char name[];
};

enum {
    PORT_BY_NAME = -1, /* the service is none */
    PORT_NONE = -2,    /* it is one, and no port's */
    /* Of international names, and no more of a meaning: 0x100 and 0x200. */
    OBSOLETE_FLAGS = 0x300,
    KNOWN_FLAGS = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_NUMERICSERV |
                  AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG | AI_IDN | AI_CANONIDN |
                  OBSOLETE_FLAGS,
    FLAGS_WITHOUT_HINTS = AI_V4MAPPED | AI_ADDRCONFIG
};

static bool fits(const struct query *query, const struct kind *kind)
{
    return (query->socktype == 0 || query->socktype == kind->socktype) &&
           (query->protocol == 0 || kind->protocol == 0 ||
            query->protocol == kind->protocol);
}

/* All kinds if the hints name none; otherwise the first that is as they say. */
static bool is_wanted(const struct query *query, const struct kind *kind)
{
    const struct kind *first = kinds;

    if (query->socktype == 0 && query->protocol == 0)
        return true;
    while (first < kind && !fits(query, first))
        first++;
    return first == kind && fits(query, kind);
}

/* The port that the service has for a kind of socket; -1: none. */
static int port_of(const struct query *query, const struct kind *kind)
{
    if (query->service == NULL)
        return 0;
    if (query->port == PORT_BY_NAME)
        return kind->name == NULL
                   ? -1
                   : names_find_service(query->service, kind->name);
    /* A raw socket has no port: asked for alone, it cannot be had. */
    return kind->name != NULL || (query->socktype == 0 && query->protocol == 0)
               ? query->port
               : -1;
}

static struct addrinfo *create_answer(const struct query *query,
                                      const struct kind *kind, uint32_t addr,
                                      int port, const char *name)
{
    size_t name_size = name != NULL ? strlen(name) + 1 : 0;
    struct answer *answer = calloc(1, sizeof(*answer) + name_size);

    if (answer == NULL)
        return NULL;
    answer->addr = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(addr),
    };
    answer->info = (struct addrinfo){
        .ai_flags = query->flags,
        .ai_family = AF_INET,
        .ai_socktype = kind->socktype,
        .ai_protocol = kind->protocol != 0 ? kind->protocol : query->protocol,
        .ai_addrlen = sizeof(answer->addr),
        .ai_addr = (struct sockaddr *)&answer->addr,
    };
    if (name != NULL)
        answer->info.ai_canonname = memcpy(answer->name, name, name_size);
    return &answer->info;
}

/*
 * A service that is a number has no name to look up, and stands for all kinds;
 * so does none at all, or "". What is no port's is none here, where glibc takes
 * the lower 16 bits of it.
 */
static int check_service(struct query *query)
{
    char *end;
    unsigned long port;

    if (query->service != NULL && *query->service == '\0')
        query->service = NULL;
    if (query->service == NULL)
        return 0;
    port = strtoul(query->service, &end, 10);
    if (*end != '\0') {
        query->port = PORT_BY_NAME;
        return (query->flags & AI_NUMERICSERV) != 0 ? EAI_NONAME : 0;
    }
    query->port = port <= UINT16_MAX ? (int)port : PORT_NONE;
    return 0;
}

/* Before any name is looked for: is there a socket with such a port? */
static int check_kinds(const struct query *query)
{
    bool has_kind = false;

    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (!is_wanted(query, &kinds[i]))
            continue;
        has_kind = true;
        if (port_of(query, &kinds[i]) >= 0)
            return 0;
    }
    return has_kind ? EAI_SERVICE : EAI_SOCKTYPE;
}

static int check_hints(const struct addrinfo *hints, struct query *query)
{
    query->flags = FLAGS_WITHOUT_HINTS;
    if (hints == NULL)
        return 0;
    if ((hints->ai_flags & ~KNOWN_FLAGS) != 0)
        return EAI_BADFLAGS;
    if ((hints->ai_flags & AI_CANONNAME) != 0 && query->node == NULL)
        return EAI_BADFLAGS;
    if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET)
        return EAI_FAMILY;
    query->flags = hints->ai_flags;
    query->socktype = hints->ai_socktype;
    query->protocol = hints->ai_protocol;
    return 0;
}

/* "*" stands for nothing, as in Linux. */
static const char *text_of(const char *text)
{
    return text != NULL && strcmp(text, "*") == 0 ? NULL : text;
}

static int check(struct query *query, const struct addrinfo *hints)
{
    int r = 0;

    if (query->node == NULL && query->service == NULL)
        return EAI_NONAME;
    r = check_hints(hints, query);
    if (r == 0)
        r = check_service(query);
    return r == 0 ? check_kinds(query) : r;
}

static void take_addr(const char *name, uint32_t addr, struct host_entry *entry)
{
    host_entry_init(entry);
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    host_entry_add_addr(entry, addr);
}

static int find_addrs(struct tapir_stack *stack, const struct query *query,
                      struct host_entry *entry)
{
    struct ip_addr other;
    uint32_t addr;

    if (query->node == NULL) {
        take_addr(
            "", (query->flags & AI_PASSIVE) != 0 ? INADDR_ANY : INADDR_LOOPBACK,
            entry);
        return 0;
    }
    if (names_parse_addr(query->node, &addr) == 0) {
        take_addr(query->node, addr, entry);
        return 0;
    }
    if (ip_addr_parse(query->node, &other) == 0)
        return EAI_ADDRFAMILY;
    if ((query->flags & AI_NUMERICHOST) != 0)
        return EAI_NONAME;
    return names_find(stack, query->node, entry);
}

/* An answer for each address and, of that, for each kind of socket; the name
 * in the first of all. */
static int list_answers(const struct query *query,
                        const struct host_entry *entry, struct addrinfo **list)
{
    struct addrinfo **end = list;
    const char *name = (query->flags & AI_CANONNAME) != 0 ? entry->name : NULL;
    int ports[ARRAY_LENGTH(kinds)];

    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        ports[i] = is_wanted(query, &kinds[i]) ? port_of(query, &kinds[i]) : -1;
    for (size_t i = 0; i < entry->addr_count * ARRAY_LENGTH(kinds); i++) {
        size_t kind = i % ARRAY_LENGTH(kinds);

        if (ports[kind] < 0)
            continue;
        *end = create_answer(query, &kinds[kind],
                             entry->addr[i / ARRAY_LENGTH(kinds)], ports[kind],
                             name);
        if (*end == NULL)
            return EAI_MEMORY;
        end = &(*end)->ai_next;
        name = NULL;
    }
    return 0;
}

int tapir_getaddrinfo_on(struct tapir_stack *stack, const char *node,
                         const char *service, const struct addrinfo *hints,
                         struct addrinfo **result)
{
    struct query query = {.node = text_of(node), .service = text_of(service)};
    struct addrinfo *list = NULL;
    struct host_entry *entry;
    int r = check(&query, hints);

    if (r != 0)
        return r;
    entry = malloc(sizeof(*entry));
    r = entry == NULL ? EAI_MEMORY : find_addrs(stack, &query, entry);
    if (r == 0)
        r = list_answers(&query, entry, &list);
    free(entry);
    if (r != 0) {
        tapir_freeaddrinfo(list);
        return r;
    }
    *result = list;
    return 0;
}

int tapir_getaddrinfo(const char *node, const char *service,
                      const struct addrinfo *hints, struct addrinfo **result)
{
    return tapir_getaddrinfo_on(NULL, node, service, hints, result);
}

void tapir_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        free(container_of(list, struct answer, info));
        list = next;
    }
}
