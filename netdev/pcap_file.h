/*
 * The file that a recorder writes: what a pass has recorded is in it when the
 * pass ends. An edge to the operating system: it blocks where that blocks.
 */
#ifndef TAPIR_NETDEV_PCAP_FILE_H
#define TAPIR_NETDEV_PCAP_FILE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdio.h>

struct pcap_file {
    FILE *file;      /* stdio's buffer is the pass's */
    bool unwritten;  /* since the last flush */
    bool has_failed; /* a write did: nothing more is recorded */
};

/* Empties the file, or makes it. 0 or a negative errno. */
MUST_CHECK int pcap_file_open(struct pcap_file *out, const char *path);
void pcap_file_write(struct pcap_file *out, const void *data, size_t len);
void pcap_file_flush(struct pcap_file *out);
int pcap_file_fd(const struct pcap_file *out);
void pcap_file_close(struct pcap_file *out);

#endif
