/*
 * IGMP, host side: version 3 (RFC 3376), and version 2 (RFC 2236) or 1 (RFC
 * 1112 I) while a querier of that version is heard. It tells the routers, and
 * switches that listen, which groups an interface wants.
 */
#ifndef TAPIR_IP_IGMP_H
#define TAPIR_IP_IGMP_H

#include "ip/group.h"

struct ip_packet;

enum igmp_type {
    IGMP_QUERY = 0x11,
    IGMP_V1_REPORT = 0x12,
    IGMP_V2_REPORT = 0x16,
    IGMP_V2_LEAVE = 0x17,
    IGMP_V3_REPORT = 0x22
};

enum igmp_record_type { /* RFC 3376 4.2.12 */
                        IGMP_IS_INCLUDE = 1,
                        IGMP_IS_EXCLUDE = 2,
                        IGMP_TO_INCLUDE = 3,
                        IGMP_TO_EXCLUDE = 4,
                        IGMP_ALLOW_NEW = 5,
                        IGMP_BLOCK_OLD = 6
};

struct igmp_config {
    bool is_on;          /* off: nothing is told; groups are received */
    unsigned version;    /* 1, 2, 3: this one; 0: as the querier, else 3 */
    unsigned robustness; /* RFC 3376 8.1, until a querier tells another */
};

struct igmp_stats {
    uint64_t in_queries;
    uint64_t in_reports;
    uint64_t out_reports;
    uint64_t out_leaves;
};

/* What is known of an interface's querier. */
struct igmp_iface {
    struct list node;
    struct ip *ip;
    struct iface *iface;
    usec v1_until; /* RFC 3376 8.12: an older querier is there */
    usec v2_until;
    unsigned robustness;
    struct timer answer; /* to a general query, version 3 */
};

struct igmp {
    struct igmp_config config;
    struct list ifaces; /* those that were needed */
    struct igmp_stats stats;
};

struct igmp_config igmp_config_default(void);
void igmp_init(struct ip *ip, const struct igmp_config *config);
void igmp_fini(struct ip *ip);

/* The packet's frame stands at the IGMP header. */
void igmp_input(struct ip *ip, const struct ip_packet *packet);

void igmp_group_init(struct ip_group *group);
void igmp_group_fini(struct ip_group *group);
/* group->filter is another than `before`; without members the group ends, at
 * once or when that has been told often enough. */
void igmp_filter_changed(struct ip_group *group,
                         const struct source_filter *before);

#endif
