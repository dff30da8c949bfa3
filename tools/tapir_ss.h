/*
 * What `tapir ss` shows: the sockets that it was told of, as lines of JSON.
 */
#ifndef TAPIR_TOOLS_SS_H
#define TAPIR_TOOLS_SS_H

#include "tapir_ask.h"
#include "ss_filter.h"

#include <stddef.h>

enum ss_bit {
    SS_TCP = 1 << 0,
    SS_UDP = 1 << 1,
    SS_RAW = 1 << 2,
    SS_PACKET = 1 << 3,
    SS_KINDS = SS_TCP | SS_UDP | SS_RAW | SS_PACKET,
    SS_ALL = 1 << 4,
    SS_LISTENING = 1 << 5,
    SS_NUMERIC = 1 << 6,
    SS_PROCESSES = 1 << 7,
    SS_TIMERS = 1 << 8,
    SS_EXTENDED = 1 << 9,
    SS_MEMORY = 1 << 10,
    SS_INFO = 1 << 11,
    SS_SUMMARY = 1 << 12,
    SS_NO_HEADER = 1 << 13,
    SS_ONE_LINE = 1 << 14
};

struct ss_options {
    struct ask_options ask;
    unsigned bits; /* enum ss_bit */
    bool lists;    /* not only a summary */
    struct filter filter;
};

struct ss_descriptor {
    uint64_t socket;
    int fd;
};

struct ss_table {
    const struct ss_options *options;
    const struct ask_stack *stack;
    char **lines;
    size_t count;
    size_t room;
    struct ss_descriptor *descriptors;
    size_t descriptor_count;
    size_t descriptor_room;
};

/* The table takes it over; false: no memory. */
bool ss_table_add(struct ss_table *table, char *line);
/* That there is one. */
void ss_table_add_descriptor(struct ss_table *table, uint64_t socket, int fd);
/* Takes the lines apart as it goes. */
void ss_table_print(struct ss_table *table);
void ss_table_free(struct ss_table *table);

#endif
