/*
 * hosts(5) and services(5): "192.0.2.1 name alias ...", "http 80/tcp www".
 */
#define _GNU_SOURCE /* getline, strtok_r */
#include "host/names.h"

#include "host/settings.h"

#include <stdlib.h>
#include <strings.h>

static const char between[] = " \t\r\n";

void host_entry_init(struct host_entry *entry)
{
    entry->name[0] = '\0';
    entry->alias_count = 0;
    entry->alias_len = 0;
    entry->addr_count = 0;
}

void host_entry_add_alias(struct host_entry *entry, const char *name)
{
    size_t size = strlen(name) + 1;

    if (entry->alias_count == HOST_ALIASES_MAX ||
        size > sizeof(entry->alias) - entry->alias_len)
        return;
    memcpy(entry->alias + entry->alias_len, name, size);
    entry->alias_len += size;
    entry->alias_count++;
}

void host_entry_add_addr(struct host_entry *entry, uint32_t addr)
{
    if (entry->addr_count < DNS_ADDRS_MAX)
        entry->addr[entry->addr_count++] = addr;
}

/* A file that is read line by line. */
struct lines {
    FILE *file;
    char *line;
    size_t size;
};

/* The first word of the next line that has one; NULL at the end. */
static char *next_line(struct lines *lines, char **rest)
{
    while (getline(&lines->line, &lines->size, lines->file) >= 0) {
        char *word;

        lines->line[strcspn(lines->line, "#")] = '\0';
        word = strtok_r(lines->line, between, rest);
        if (word != NULL)
            return word;
    }
    return NULL;
}

typedef int compare_fn(const char *, const char *, size_t);

/* Whether one of the words of `rest` is `name`; they stay as they are. */
static bool has_word(const char *rest, const char *name, compare_fn *compare)
{
    size_t wanted = strlen(name);

    for (;;) {
        size_t len;

        rest += strspn(rest, between);
        len = strcspn(rest, between);
        if (len == 0)
            return false;
        if (len == wanted && compare(rest, name, len) == 0)
            return true;
        rest += len;
    }
}

/* A line of hosts(5) for IPv4; ::1 also stands for 127.0.0.1, as in Linux. */
static bool take_host_addr(const char *word, uint32_t *out)
{
    struct ip_addr addr;

    if (ip_addr_parse(word, &addr) < 0)
        return false;
    if (ip_addr_is_loopback(&addr) && !ip_addr_is_v4(&addr))
        addr = ip_addr_v4(INADDR_LOOPBACK);
    *out = ip_addr_to_v4(&addr);
    return ip_addr_is_v4(&addr);
}

/* The names of a line: the first that is found at all is the host's own. */
static void add_names(struct host_entry *entry, char *rest)
{
    char *word;

    while ((word = strtok_r(NULL, between, &rest)) != NULL) {
        if (entry->name[0] == '\0')
            snprintf(entry->name, sizeof(entry->name), "%s", word);
        else
            host_entry_add_alias(entry, word);
    }
}

bool hosts_find(FILE *file, const char *name, struct host_entry *entry)
{
    struct lines lines = {.file = file};
    char *rest;
    char *first;

    host_entry_init(entry);
    while ((first = next_line(&lines, &rest)) != NULL) {
        uint32_t addr;

        if (!take_host_addr(first, &addr) || !has_word(rest, name, strncasecmp))
            continue;
        host_entry_add_addr(entry, addr);
        add_names(entry, rest);
    }
    free(lines.line);
    return entry->addr_count > 0;
}

bool hosts_find_addr(FILE *file, uint32_t addr, struct host_entry *entry)
{
    struct lines lines = {.file = file};
    char *rest;
    char *first;

    host_entry_init(entry);
    while (entry->name[0] == '\0' &&
           (first = next_line(&lines, &rest)) != NULL) {
        uint32_t found;

        if (take_host_addr(first, &found) && found == addr)
            add_names(entry, rest);
    }
    free(lines.line);
    host_entry_add_addr(entry, addr);
    return entry->name[0] != '\0';
}

/* A line of services(5) for this protocol; its aliases are left in *rest. */
static bool take_service(char **rest, const char *protocol, uint64_t *port)
{
    char *number = strtok_r(NULL, "/ \t\r\n", rest);
    char *word = strtok_r(NULL, between, rest);

    return number != NULL && word != NULL && strcmp(word, protocol) == 0 &&
           number_parse(number, UINT16_MAX, port) == 0;
}

int services_find(FILE *file, const char *name, const char *protocol)
{
    struct lines lines = {.file = file};
    int port = -1;
    char *rest;
    char *first;

    while (port < 0 && (first = next_line(&lines, &rest)) != NULL) {
        uint64_t number;

        if (take_service(&rest, protocol, &number) &&
            (strcmp(first, name) == 0 || has_word(rest, name, strncmp)))
            port = (int)number;
    }
    free(lines.line);
    return port;
}

bool services_find_port(FILE *file, uint16_t port, const char *protocol,
                        char *name, size_t size)
{
    struct lines lines = {.file = file};
    bool is_found = false;
    char *rest;
    char *first;

    while (!is_found && (first = next_line(&lines, &rest)) != NULL) {
        uint64_t number;

        is_found = take_service(&rest, protocol, &number) && number == port &&
                   strlen(first) < size;
        if (is_found)
            strcpy(name, first);
    }
    free(lines.line);
    return is_found;
}
