/*
 * What a captured frame carries: past the header of its link, whichever of the
 * known types that is.
 */
#ifndef TAPIR_TOOLS_CAPTURE_LINK_H
#define TAPIR_TOOLS_CAPTURE_LINK_H

#include "capture_file.h"

enum {
    CAPTURE_IPV4 = 0x0800,
    CAPTURE_ARP = 0x0806,
    CAPTURE_IPV6 = 0x86dd,
};

struct capture_packet {
    uint16_t ether_type;              /* past VLAN tags */
    struct bytes data;                /* of the record */
    enum capture_direction direction; /* the record's, or by the link header */
};

/*
 * 0; -EPROTONOSUPPORT if the link type, or what it says that it carries, is
 * none of those known here; -EBADMSG if the header is not whole.
 */
MUST_CHECK int capture_link_parse(const struct capture_record *record,
                                  struct capture_packet *out);

#endif
