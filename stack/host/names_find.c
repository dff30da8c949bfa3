/*
 * Where a name is looked for: /etc/hosts, the names that RFC 6761 has given a
 * meaning, the stack's name servers.
 */
#include "host/names.h"

#include "host/host.h"
#include "host/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <strings.h>

int names_parse_addr(const char *text, uint32_t *out)
{
    struct in_addr short_form;
    struct ip_addr addr;

    if (ip_addr_parse(text, &addr) == 0 && ip_addr_is_v4(&addr)) {
        *out = ip_addr_to_v4(&addr);
        return 0;
    }
    /* inet_aton stops at a space, and does not mind what follows */
    if (strpbrk(text, " \t\r\n\v\f") != NULL ||
        inet_aton(text, &short_form) == 0)
        return -EINVAL;
    *out = ntohl(short_form.s_addr);
    return 0;
}

static bool find_in_hosts(const char *name, struct host_entry *entry)
{
    FILE *file = fopen("/etc/hosts", "re");
    bool is_found = file != NULL && hosts_find(file, name, entry);

    if (file != NULL)
        fclose(file);
    return is_found;
}

static bool find_addr_in_hosts(uint32_t addr, struct host_entry *entry)
{
    FILE *file = fopen("/etc/hosts", "re");
    bool is_found = file != NULL && hosts_find_addr(file, addr, entry);

    if (file != NULL)
        fclose(file);
    return is_found;
}

int names_find_service(const char *name, const char *protocol)
{
    FILE *file = fopen("/etc/services", "re");
    int port = file == NULL ? -1 : services_find(file, name, protocol);

    if (file != NULL)
        fclose(file);
    return port;
}

bool names_find_port(uint16_t port, const char *protocol, char *name,
                     size_t size)
{
    FILE *file = fopen("/etc/services", "re");
    bool is_found =
        file != NULL && services_find_port(file, port, protocol, name, size);

    if (file != NULL)
        fclose(file);
    return is_found;
}

/* Whether it is the domain or a name in it, with or without a dot at the end */
static bool is_in_domain(const char *name, const char *domain)
{
    size_t len = strlen(name);
    size_t tail = strlen(domain);

    if (len > 0 && name[len - 1] == '.')
        len--;
    return len >= tail && strncasecmp(name + len - tail, domain, tail) == 0 &&
           (len == tail || name[len - tail - 1] == '.');
}

/* RFC 6761 6.3: localhost is this host, whatever servers say. */
static void take_localhost(const char *name, struct host_entry *entry)
{
    host_entry_init(entry);
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    host_entry_add_addr(entry, INADDR_LOOPBACK);
}

static void take_answer(const struct dns_answer *answer,
                        struct host_entry *entry)
{
    char text[DNS_TEXT_MAX];

    host_entry_init(entry);
    dns_name_text(&answer->owner, entry->name);
    for (unsigned i = 0; i < answer->alias_count; i++)
        host_entry_add_alias(entry, dns_name_text(&answer->alias[i], text));
    for (unsigned i = 0; i < answer->addr_count; i++)
        host_entry_add_addr(entry, answer->addr[i]);
}

/* The default stack, if none is given; it must run to be asked anything. */
static int choose_stack(struct tapir_stack **stack)
{
    int r = *stack == NULL ? ensure_default_stack() : 0;

    if (r == 0 && *stack == NULL)
        *stack = tapir_default_stack();
    if (r == 0 && *stack == NULL) /* it has just been shut */
        r = -ENETDOWN;
    errno = r < 0 ? -r : errno;
    return r < 0 ? EAI_SYSTEM : 0;
}

static int ask_servers(struct tapir_stack *stack, const char *name,
                       struct host_entry *entry)
{
    struct dns_answer *answer = malloc(sizeof(*answer));
    int r = answer == NULL ? EAI_MEMORY : choose_stack(&stack);

    if (r == 0)
        r = resolver_find(stack, name, answer);
    if (r == 0)
        take_answer(answer, entry);
    free(answer);
    return r;
}

/* "192.0.2.256": nobody's name, though it looks like one (RFC 1123 2.1). */
static bool is_bad_addr(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[len - 1] != '.' &&
           strspn(name, "0123456789.") == len;
}

int names_find(struct tapir_stack *stack, const char *name,
               struct host_entry *entry)
{
    struct dns_name parsed;

    if (find_in_hosts(name, entry))
        return 0;
    if (is_bad_addr(name) || dns_name_parse(name, &parsed) < 0 ||
        !dns_name_is_host(&parsed) || is_in_domain(name, "invalid"))
        return EAI_NONAME;
    if (is_in_domain(name, "localhost")) {
        take_localhost(name, entry);
        return 0;
    }
    return ask_servers(stack, name, entry);
}

static void take_target(const struct dns_answer *answer, uint32_t addr,
                        struct host_entry *entry)
{
    host_entry_init(entry);
    dns_name_text(&answer->target, entry->name);
    host_entry_add_addr(entry, addr);
}

int names_find_addr(struct tapir_stack *stack, uint32_t addr,
                    struct host_entry *entry)
{
    struct dns_answer *answer;
    int r;

    if (find_addr_in_hosts(addr, entry))
        return 0;
    answer = malloc(sizeof(*answer));
    r = answer == NULL ? EAI_MEMORY : choose_stack(&stack);
    if (r == 0)
        r = resolver_find_addr(stack, addr, answer);
    if (r == 0)
        take_target(answer, addr, entry);
    free(answer);
    return r;
}
