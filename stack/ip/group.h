/*
 * Multicast groups: RFC 1112 7 with the source filters of RFC 3376 2 and 3.
 * A socket joins a group on an interface; the interface listens to what any of
 * its sockets wants; IGMP (igmp.h) tells the routers of it.
 *
 * Every host is in 224.0.0.1 on every interface, without joining: RFC 1112 4.
 */
#ifndef TAPIR_IP_GROUP_H
#define TAPIR_IP_GROUP_H

#include "base/timer.h"
#include "ip/source_filter.h"
#include "link/iface.h"

struct ip;
struct ip_choice;
struct ip_path;
struct ip_send;

enum {
    MEMBERSHIPS_MAX = 20,        /* of a socket, as Linux */
    MEMBERSHIP_SOURCES_MAX = 10, /* of a membership, as Linux */
};

/* What IGMP has still to say of a group: see igmp.c. */
struct igmp_group {
    struct timer change; /* the state change is told once more */
    struct timer answer; /* to a query about this group */
    struct source_list queried;
    struct source_list allow;
    struct source_list block;
    uint8_t changes_left;
    bool mode_changed;
    bool queried_all;      /* not only of `queried` */
    bool was_last_to_tell; /* RFC 2236 3, "flag": nobody else has since */
};

/* A group that an interface listens to, or has just left. */
struct ip_group {
    struct hash_node node; /* by interface and group */
    struct list all_node;
    struct ip *ip;
    struct iface *iface;
    struct ip_addr addr;
    struct list members;         /* struct membership */
    struct source_filter filter; /* of all members together */
    struct igmp_group igmp;
};

struct ip_groups {
    struct hash_key key;
    struct hash_table table;
    struct list all; /* the one joined first stands first */
};

/* That a socket is in a group on an interface. */
struct membership {
    struct list socket_node;
    struct list group_node;
    struct ip_group *group;
    struct source_filter filter;
    bool had_sources; /* Linux: then a block does not become an include */
};

/* What a socket has of multicast: its options and its memberships. */
struct ip_multicast {
    struct ip *ip;
    uint8_t ttl;         /* IP_MULTICAST_TTL; 0: not beyond this host */
    bool is_looped;      /* IP_MULTICAST_LOOP: our own groups hear it */
    bool hears_all;      /* IP_MULTICAST_ALL: groups that others joined */
    unsigned iface;      /* IP_MULTICAST_IF: an index; 0: by the route */
    struct ip_addr addr; /* and the source address; all zero: its own */
    struct list memberships;
    unsigned count;
};

MUST_CHECK int ip_groups_init(struct ip *ip);
void ip_groups_fini(struct ip *ip);

/* Whether what `src` sends to `group` is wanted on the interface. */
bool ip_group_is_wanted(const struct ip *ip, const struct iface *iface,
                        const struct ip_addr *group, const struct ip_addr *src);
/* NULL: nobody has joined it, nor left it lately. */
struct ip_group *ip_group_find(const struct ip *ip, const struct iface *iface,
                               const struct ip_addr *group);
/* IGMP has said all of a group that was left. */
void ip_group_end(struct ip_group *group);

void ip_multicast_init(struct ip_multicast *multicast, struct ip *ip);
/* Leaves all groups. */
void ip_multicast_fini(struct ip_multicast *multicast);

/* What the options say of a packet to a group is filled in, and then the TTL
 * that was chosen for this packet alone. */
void ip_multicast_prepare(const struct ip_multicast *multicast,
                          const struct ip_choice *choice, struct ip_send *send);

/*
 * The way of what a program sends: `send` has source, destination and scope of
 * its socket, to which `choice` and the multicast options are added. -ENODEV;
 * -ENETUNREACH, also for a source that is not ours, as in Linux.
 */
MUST_CHECK int ip_multicast_path(const struct ip_multicast *multicast,
                                 struct ip_send *send,
                                 const struct ip_choice *choice,
                                 struct ip_path *path);

/* RFC 3376 2: which of a group's packets the socket gets. */
bool ip_multicast_hears(const struct ip_multicast *multicast,
                        const struct iface *iface, const struct ip_addr *group,
                        const struct ip_addr *src);

/* Where a group is joined: by the index, else by an address of ours, else by
 * the route. */
struct group_where {
    struct ip_addr group;
    struct ip_addr addr;
    unsigned iface;
};

/*
 * The errors are Linux's. -EINVAL not a group; -ENODEV no such interface;
 * -EADDRINUSE already joined; -ENOBUFS.
 */
MUST_CHECK int ip_group_join(struct ip_multicast *multicast,
                             const struct group_where *where);
/* -EADDRNOTAVAIL not joined, -ENODEV. */
MUST_CHECK int ip_group_leave(struct ip_multicast *multicast,
                              const struct group_where *where);
/* One more source that is wanted; joins if need be. -EADDRNOTAVAIL it is
 * already; -EINVAL sources of this group are blocked. */
MUST_CHECK int ip_source_join(struct ip_multicast *multicast,
                              const struct group_where *where,
                              const struct ip_addr *source);
/* The last one leaves the group. -EADDRNOTAVAIL it was not joined. */
MUST_CHECK int ip_source_leave(struct ip_multicast *multicast,
                               const struct group_where *where,
                               const struct ip_addr *source);
/* Of a group that is joined as a whole. */
MUST_CHECK int ip_source_block(struct ip_multicast *multicast,
                               const struct group_where *where,
                               const struct ip_addr *source);
MUST_CHECK int ip_source_unblock(struct ip_multicast *multicast,
                                 const struct group_where *where,
                                 const struct ip_addr *source);
/* The whole filter; INCLUDE without sources leaves the group. */
MUST_CHECK int ip_filter_set(struct ip_multicast *multicast,
                             const struct group_where *where,
                             const struct source_filter *filter);
MUST_CHECK int ip_filter_get(const struct ip_multicast *multicast,
                             const struct group_where *where,
                             struct source_filter *out);

#endif
