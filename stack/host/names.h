/*
 * From names to addresses and back: what getaddrinfo, getnameinfo and the
 * gethostby calls have in common. Errors are those of getaddrinfo, EAI_*.
 */
#ifndef TAPIR_HOST_NAMES_H
#define TAPIR_HOST_NAMES_H

#include "host/dns_message.h"
#include "tapir.h"

enum { HOST_ALIASES_MAX = 32, HOST_ALIAS_TEXT_MAX = 4096 };

/* A host as it was found. */
struct host_entry {
    char name[DNS_TEXT_MAX]; /* its own, which an alias has led to */
    unsigned alias_count;
    size_t alias_len;
    char alias[HOST_ALIAS_TEXT_MAX]; /* one after the other, each with a NUL */
    unsigned addr_count;
    uint32_t addr[DNS_ADDRS_MAX]; /* IPv4, host order */
};

void host_entry_init(struct host_entry *entry);
/* Aliases and addresses for which there is no room are left out. */
void host_entry_add_alias(struct host_entry *entry, const char *name);
void host_entry_add_addr(struct host_entry *entry, uint32_t addr);

/* names_files.c: files in the form of hosts(5) and services(5). --------- */

/* All lines that have the name, as in Linux. False: there is none. */
bool hosts_find(FILE *file, const char *name, struct host_entry *entry);
/* The first line that has the address. */
bool hosts_find_addr(FILE *file, uint32_t addr, struct host_entry *entry);
/* The port of a service; -1: there is none. Protocol: "tcp", "udp". */
int services_find(FILE *file, const char *name, const char *protocol);
/* Its name; false: the port has none, or one of `size` characters or more. */
bool services_find_port(FILE *file, uint16_t port, const char *protocol,
                        char *name, size_t size);

/* names_find.c: the files of /etc, then the name servers. --------------- */

/*
 * A name that is no address, for sockets of this stack (NULL: the default one,
 * which is opened if need be). 0; EAI_NONAME, EAI_NODATA, EAI_AGAIN, EAI_FAIL,
 * EAI_MEMORY, EAI_SYSTEM and errno. Lock not held.
 */
MUST_CHECK int names_find(struct tapir_stack *stack, const char *name,
                          struct host_entry *entry);
MUST_CHECK int names_find_addr(struct tapir_stack *stack, uint32_t addr,
                               struct host_entry *entry);
/* An address, also in the short forms of inet_aton(3); -EINVAL. */
MUST_CHECK int names_parse_addr(const char *text, uint32_t *out);
/* /etc/services */
int names_find_service(const char *name, const char *protocol);
bool names_find_port(uint16_t port, const char *protocol, char *name,
                     size_t size);

#endif
