/*
 * Reads capture files: pcap with microseconds or nanoseconds
 * (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), in either
 * byte order. Every length is checked, and memory is bounded whatever a file
 * says: no record is longer than CAPTURE_BLOCK_MAX.
 */
#ifndef TAPIR_TOOLS_CAPTURE_FILE_H
#define TAPIR_TOOLS_CAPTURE_FILE_H

#include "base/bytes.h"
#include "base/usec.h"

#include <stdbool.h>

enum {
    CAPTURE_PACKET_MAX = 262144,   /* captured bytes of a packet */
    CAPTURE_BLOCK_MAX = 1048576,   /* a packet with its options */
    CAPTURE_INTERFACES_MAX = 4096, /* in one section of a pcapng file */
};

/* The numbers of the LINKTYPE registry, as far as capture_link.h knows them. */
enum capture_link_type {
    CAPTURE_LINK_NULL = 0,
    CAPTURE_LINK_ETHERNET = 1,
    CAPTURE_LINK_RAW = 101,
    CAPTURE_LINK_LOOP = 108,
    CAPTURE_LINK_SLL = 113,
    CAPTURE_LINK_IPV4 = 228,
    CAPTURE_LINK_IPV6 = 229,
    CAPTURE_LINK_SLL2 = 276
};

/* As the host that captured saw it. */
enum capture_direction { CAPTURE_UNTOLD, CAPTURE_IN, CAPTURE_OUT };

struct capture_record {
    uint64_t number; /* from 1 */
    bool has_time;   /* a Simple Packet Block has none: time is then 0 */
    usec time;       /* since 1970 */
    unsigned nsec;   /* 0 to 999, after `time` */
    uint32_t interface;
    uint32_t link_type;
    struct bytes data;   /* as much as was captured */
    size_t original_len; /* of the packet on the wire */
    enum capture_direction direction;
    const char *comment; /* several are joined by newlines; NULL if none */
};

struct capture_file;

/*
 * "-" is standard input. 0, or a negative errno of opening; -EBADMSG if that is
 * no capture.
 */
MUST_CHECK int capture_file_open(const char *path, struct capture_file **out);

/*
 * The next packet, in the order of the file: 1, or 0 at the end. -ENODATA if
 * the file ends amid a record, -EBADMSG if it is damaged, -EIO if it cannot be
 * read; what follows cannot be read then, and each later call says the same.
 * What the record points to is the file's, until the next call.
 */
MUST_CHECK int capture_file_next(struct capture_file *file,
                                 struct capture_record *out);

void capture_file_close(struct capture_file *file);

#endif
