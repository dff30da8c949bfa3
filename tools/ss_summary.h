/*
 * `tapir ss -s`: how many sockets there are, of which kind, in the words of
 * ss(8).
 */
#ifndef TAPIR_TOOLS_SS_SUMMARY_H
#define TAPIR_TOOLS_SS_SUMMARY_H

#include "json_line.h"

struct ss_summary {
    uint64_t total;
    uint64_t tcp; /* with those that are connected to nothing, */
    uint64_t established;
    uint64_t closed;   /* of which there are so many, TIME-WAIT among them */
    uint64_t orphaned; /* their program has closed them */
    uint64_t time_wait;
    uint64_t udp;
    uint64_t raw;
    uint64_t packet;
    uint64_t fragments; /* datagrams of which parts are missing */
};

/* One more, by its line of the answer to "sockets". */
void ss_summary_add(struct ss_summary *summary, const struct json_line *socket);
/* A line of the answer to "stats". */
void ss_summary_add_count(struct ss_summary *summary,
                          const struct json_line *counter);

void ss_summary_print(const struct ss_summary *summary, FILE *to);
/* An array of one object. */
void ss_summary_print_json(const struct ss_summary *summary, FILE *to);

#endif
