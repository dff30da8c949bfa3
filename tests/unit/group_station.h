/*
 * A station (stacks.h) whose sockets join groups, and what a router or another
 * host on its link sends. Reports are told as text: "v3 TO_EX 224.1.2.3 {}".
 */
#ifndef TAPIR_TESTS_GROUP_STATION_H
#define TAPIR_TESTS_GROUP_STATION_H

#include "stacks.h"

enum { REPORT_TEXT_MAX = 512 };

/* A datagram socket. */
socket_id group_socket(struct station *station);
/* One bound to an address and port, with SO_REUSEADDR. */
socket_id group_bound(struct station *station, const char *addr, uint16_t port);

int group_set(struct station *station, socket_id id, int name,
              const void *value, size_t len);
int group_set_int(struct station *station, socket_id id, int name, int value);

/* IP_ADD_MEMBERSHIP and its like, by 192.0.2.2 and a flush. */
int group_change(struct station *station, socket_id id, int name,
                 const char *group);
/* The same with a source. */
int group_change_source(struct station *station, socket_id id, int name,
                        const char *group, const char *source);

/* "x" to a group; its length or an error. */
ssize_t group_send(struct station *station, socket_id id, const char *to,
                   uint16_t port);
/* Reads all that waits; how many. */
unsigned group_received(struct station *station, socket_id id);

/* A packet from the link. */
void group_packet(struct station *station, const char *src, const char *dst,
                  uint8_t protocol, const void *payload, size_t len);
void group_datagram(struct station *station, const char *src, const char *dst,
                    uint16_t port);
/* An IGMP message, whose checksum is filled in. */
void group_igmp(struct station *station, const char *src, const char *dst,
                const uint8_t *message, size_t len);

/* The next IGMP message that was sent, whose header is checked; "" if none. */
const char *group_report(struct station *station,
                         char text[static REPORT_TEXT_MAX]);
#define expect_report(station, expected)                                       \
    do {                                                                       \
        char text_[REPORT_TEXT_MAX];                                           \
                                                                               \
        ck_assert_str_eq(group_report(station, text_), expected);              \
    } while (0)

#endif
