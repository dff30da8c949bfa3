/*
 * getaddrinfo: numeric addresses, the names of /etc/hosts, the services of
 * /etc/services. IPv4 only, and no resolver yet.
 */
#define _GNU_SOURCE /* strtok_r, EAI_* */
#include "host/settings.h"

#include <netdb.h>
#include <stdlib.h>
#include <strings.h>

enum { FILE_LINE_MAX = 1024, HOST_ADDRS_MAX = 16 };

static const char between[] = " \t\r\n";

/* What is asked for, with hints as POSIX reads them. */
struct query {
    const char *node;
    const char *service;
    int flags;
    int socktype; /* 0: any */
    int protocol; /* 0: any */
};

/* A kind of socket that an answer is for. */
struct kind {
    int socktype;
    int protocol;
    const char *name; /* in /etc/services */
};

static const struct kind kinds[] = {
    {SOCK_STREAM, IPPROTO_TCP, "tcp"},
    {SOCK_DGRAM, IPPROTO_UDP, "udp"},
};

/* A result is one block: the addrinfo, its address, its name. */
struct answer {
    struct addrinfo info;
    struct sockaddr_in addr;
    char name[];
};

static bool is_wanted(const struct query *query, const struct kind *kind)
{
    return (query->socktype == 0 || query->socktype == kind->socktype) &&
           (query->protocol == 0 || query->protocol == kind->protocol);
}

/* Whether one of the words that are left on the line is `name`. */
static bool line_has_name(char **rest, const char *name)
{
    char *word;

    while ((word = strtok_r(NULL, between, rest)) != NULL) {
        if (strcasecmp(word, name) == 0)
            return true;
    }
    return false;
}

/* The first word of the next line of a file that has one; NULL at the end. */
static char *next_line(FILE *file, char line[FILE_LINE_MAX], char **rest)
{
    while (fgets(line, FILE_LINE_MAX, file) != NULL) {
        char *word;

        line[strcspn(line, "#")] = '\0';
        word = strtok_r(line, between, rest);
        if (word != NULL)
            return word;
    }
    return NULL;
}

/* "192.0.2.1 name alias ...": hosts(5). The number of addresses found. */
static unsigned find_in_hosts(const char *name,
                              struct in_addr addrs[HOST_ADDRS_MAX])
{
    FILE *file = fopen("/etc/hosts", "re");
    char line[FILE_LINE_MAX];
    unsigned count = 0;
    char *rest;
    char *first;

    if (file == NULL)
        return 0;
    while (count < HOST_ADDRS_MAX &&
           (first = next_line(file, line, &rest)) != NULL) {
        struct ip_addr addr;

        if (ip_addr_parse(first, &addr) == 0 && ip_addr_is_v4(&addr) &&
            line_has_name(&rest, name))
            addrs[count++].s_addr = htonl(ip_addr_to_v4(&addr));
    }
    fclose(file);
    return count;
}

/* "http 80/tcp www": services(5). The port, or -1. */
static int find_in_services(const char *name, const char *protocol)
{
    FILE *file = fopen("/etc/services", "re");
    char line[FILE_LINE_MAX];
    int port = -1;
    char *rest;
    char *first;

    if (file == NULL)
        return -1;
    while (port < 0 && (first = next_line(file, line, &rest)) != NULL) {
        char *number = strtok_r(NULL, "/ \t\r\n", &rest);
        char *word = strtok_r(NULL, between, &rest);
        uint64_t value;

        if (number == NULL || word == NULL || strcmp(word, protocol) != 0)
            continue;
        if ((strcasecmp(first, name) == 0 || line_has_name(&rest, name)) &&
            number_parse(number, UINT16_MAX, &value) == 0)
            port = (int)value;
    }
    fclose(file);
    return port;
}

/* The port that the service has for a kind of socket; -1: none. */
static int port_of(const struct query *query, const struct kind *kind)
{
    uint64_t port;

    if (query->service == NULL)
        return 0;
    if (number_parse(query->service, UINT16_MAX, &port) == 0)
        return (int)port;
    if ((query->flags & AI_NUMERICSERV) != 0)
        return -1;
    return find_in_services(query->service, kind->name);
}

/* How many addresses the node has; 0: it has no such name. */
static unsigned find_addrs(const struct query *query,
                           struct in_addr addrs[HOST_ADDRS_MAX])
{
    struct ip_addr addr;

    if (query->node == NULL) {
        addrs[0].s_addr = htonl(
            (query->flags & AI_PASSIVE) != 0 ? INADDR_ANY : INADDR_LOOPBACK);
        return 1;
    }
    if (ip_addr_parse(query->node, &addr) == 0) {
        addrs[0].s_addr = htonl(ip_addr_to_v4(&addr));
        return ip_addr_is_v4(&addr) ? 1 : 0;
    }
    if ((query->flags & AI_NUMERICHOST) != 0)
        return 0;
    return find_in_hosts(query->node, addrs);
}

static struct addrinfo *create_answer(const struct query *query,
                                      const struct kind *kind,
                                      struct in_addr addr, int port)
{
    bool has_name = (query->flags & AI_CANONNAME) != 0 && query->node != NULL;
    size_t name_size = has_name ? strlen(query->node) + 1 : 0;
    struct answer *answer = calloc(1, sizeof(*answer) + name_size);

    if (answer == NULL)
        return NULL;
    answer->addr = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = addr,
    };
    answer->info = (struct addrinfo){
        .ai_family = AF_INET,
        .ai_socktype = kind->socktype,
        .ai_protocol = kind->protocol,
        .ai_addrlen = sizeof(answer->addr),
        .ai_addr = (struct sockaddr *)&answer->addr,
    };
    if (has_name)
        answer->info.ai_canonname =
            memcpy(answer->name, query->node, name_size);
    return &answer->info;
}

/* Appends an answer for each kind of socket; `end` is the list's last link. */
static int add_answers(const struct query *query, struct in_addr addr,
                       struct addrinfo ***end)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        int port = is_wanted(query, &kinds[i]) ? port_of(query, &kinds[i]) : -1;

        if (port < 0)
            continue;
        **end = create_answer(query, &kinds[i], addr, port);
        if (**end == NULL)
            return EAI_MEMORY;
        *end = &(**end)->ai_next;
    }
    return 0;
}

static int check_hints(const struct addrinfo *hints, struct query *query)
{
    if (query->node == NULL && query->service == NULL)
        return EAI_NONAME;
    if (hints == NULL)
        return 0;
    if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET)
        return EAI_FAMILY;
    if (hints->ai_socktype != 0 && hints->ai_socktype != SOCK_STREAM &&
        hints->ai_socktype != SOCK_DGRAM)
        return EAI_SOCKTYPE;
    if ((hints->ai_flags & AI_CANONNAME) != 0 && query->node == NULL)
        return EAI_BADFLAGS;
    query->flags = hints->ai_flags;
    query->socktype = hints->ai_socktype;
    query->protocol = hints->ai_protocol;
    return 0;
}

int tapir_getaddrinfo(const char *node, const char *service,
                      const struct addrinfo *hints, struct addrinfo **result)
{
    struct query query = {.node = node, .service = service};
    struct in_addr addrs[HOST_ADDRS_MAX];
    struct addrinfo *list = NULL;
    struct addrinfo **end = &list;
    int r = check_hints(hints, &query);
    unsigned count = r == 0 ? find_addrs(&query, addrs) : 0;

    for (unsigned i = 0; r == 0 && i < count; i++)
        r = add_answers(&query, addrs[i], &end);
    if (r == 0 && list == NULL)
        r = count == 0 ? EAI_NONAME : EAI_SERVICE;
    if (r != 0) {
        tapir_freeaddrinfo(list);
        return r;
    }
    *result = list;
    return 0;
}

void tapir_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        free(container_of(list, struct answer, info));
        list = next;
    }
}
