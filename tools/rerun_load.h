/*
 * A capture in memory, as a replay wants it: whole frames of one kind of link,
 * each known to be sent by the host that is replayed, or received by it.
 */
#ifndef TAPIR_TOOLS_RERUN_LOAD_H
#define TAPIR_TOOLS_RERUN_LOAD_H

#include "rerun_packet.h"

struct rerun_flow;

/* Bytes of frames: a larger capture is refused. */
enum { RERUN_LOAD_MAX = 1 << 30 };
/* Microseconds since 1970, some 285 years: no clock shows more. */
#define RERUN_TIME_MAX ((usec)1 << 53)

struct rerun_record {
    struct rerun_packet packet; /* `kind` may be RERUN_NOTHING */
    uint8_t *frame;             /* Ethernet, or a bare IP packet */
    size_t len;
    bool is_ours;            /* sent by the host that is replayed */
    bool is_parsed;          /* IPv4 or ARP */
    bool has_no_checksum;    /* taken where it was sent: not yet filled in */
    struct rerun_flow *flow; /* NULL: of none that is replayed */
};

struct rerun_capture {
    enum netdev_type type;
    struct ip_addr addr;
    struct mac_addr mac; /* of the host; zero if it is not known */
    struct rerun_record *records;
    size_t count, room;
    size_t bytes;
    usec began; /* the time of the first record */
    usec ended;
    bool is_damaged; /* ends amid a record, or in one that is broken */
    /* Records that are left out, and why. */
    uint64_t without_time;
    uint64_t of_other_links; /* or of a kind that is not known */
    uint64_t to_itself;      /* from the host to the host */
    /* Of those that are there. */
    uint64_t cut; /* by the capture's snap length: filled up with zeroes */
    uint64_t without_checksum;
};

/*
 * 0, or a negative errno: of opening and reading; -EBADMSG it is no capture;
 * -EFBIG too large; -ENOMEM. A damaged one is loaded up to there.
 */
MUST_CHECK int rerun_load(struct rerun_capture *capture, const char *path,
                          const struct ip_addr *addr);
void rerun_unload(struct rerun_capture *capture);

#endif
