/*
 * Who is in which multicast group: RFC 1112 7.1 (joining and leaving), RFC 3376
 * 2 and 3.1 (filters of sockets), 3.2 (of interfaces). Errors and limits are
 * those of Linux.
 */
#include "ip/group.h"

#include "ip/igmp.h"
#include "ip/ip.h"

#include <errno.h>

/* ---- Groups of an interface --------------------------------------------- */

static uint32_t hash_of(const struct ip *ip, const struct iface *iface,
                        const struct ip_addr *group)
{
    uint8_t key[20];

    memcpy(key, group->octet, 16);
    put_be32(key + 16, iface->index);
    return (uint32_t)hash_bytes(&ip->groups.key, bytes_of(key, sizeof(key)));
}

struct ip_group *ip_group_find(const struct ip *ip, const struct iface *iface,
                               const struct ip_addr *addr)
{
    struct hash_node *node =
        hash_table_first(&ip->groups.table, hash_of(ip, iface, addr));

    for (; node != NULL; node = hash_table_next(node)) {
        struct ip_group *group = container_of(node, struct ip_group, node);

        if (group->iface == iface && ip_addr_equal(&group->addr, addr))
            return group;
    }
    return NULL;
}

/* One that was left a moment ago may still be there. */
static struct ip_group *obtain(struct ip *ip, struct iface *iface,
                               const struct ip_addr *addr)
{
    struct ip_group *group = ip_group_find(ip, iface, addr);

    if (group != NULL)
        return group;
    group = memory_alloc(ip->env->memory, sizeof(*group));
    if (group == NULL)
        return NULL;
    *group = (struct ip_group){.ip = ip, .iface = iface, .addr = *addr};
    list_init(&group->members);
    igmp_group_init(group);
    list_append(&ip->groups.all, &group->all_node);
    hash_table_insert(&ip->groups.table, ip->env->memory, &group->node,
                      hash_of(ip, iface, addr));
    return group;
}

void ip_group_end(struct ip_group *group)
{
    struct ip *ip = group->ip;

    assert(list_is_empty(&group->members));
    igmp_group_fini(group);
    list_remove(&group->all_node);
    hash_table_remove(&ip->groups.table, &group->node);
    memory_free(ip->env->memory, group, sizeof(*group));
}

/* RFC 3376 3.2; the routers are told what has changed. */
static void filter_changed(struct ip_group *group)
{
    struct source_filter before = group->filter;
    struct source_filter now = {0};

    for (struct list *node = group->members.next; node != &group->members;
         node = node->next)
        source_filter_merge(
            &now, &container_of(node, struct membership, group_node)->filter);
    group->filter = now;
    igmp_filter_changed(group, &before);
}

bool ip_group_is_wanted(const struct ip *ip, const struct iface *iface,
                        const struct ip_addr *addr, const struct ip_addr *src)
{
    const struct ip_addr all_hosts = ip_addr_v4(0xe0000001);
    const struct ip_group *group;

    if (!ip_addr_is_multicast(addr))
        return false;
    if (ip_addr_equal(addr, &all_hosts))
        return true;
    group = ip_group_find(ip, iface, addr);
    return group != NULL && source_filter_allows(&group->filter, src);
}

/* ---- Memberships of a socket -------------------------------------------- */

static struct membership *of_socket(struct list *node)
{
    return container_of(node, struct membership, socket_node);
}

static struct membership *find_membership(const struct ip_multicast *multicast,
                                          const struct iface *iface,
                                          const struct ip_addr *group)
{
    const struct list *all = &multicast->memberships;

    for (struct list *node = all->next; node != all; node = node->next)
        if (of_socket(node)->group->iface == iface &&
            ip_addr_equal(&of_socket(node)->group->addr, group))
            return of_socket(node);
    return NULL;
}

/* NULL: there is none. */
static struct iface *find_iface(const struct ip *ip,
                                const struct group_where *where)
{
    struct ip_addr any = IP_ADDR_ANY_V4;

    if (where->iface != 0)
        return ip_iface_by_index(ip, where->iface);
    if (!ip_addr_is_any(&where->addr))
        return ip_local_iface(ip, &where->addr);
    return ip_link_of_group(ip, &where->group, &any);
}

static int join(struct ip_multicast *multicast, const struct group_where *where,
                bool whole)
{
    struct ip *ip = multicast->ip;
    struct iface *iface;
    struct membership *member;

    if (!ip_addr_is_multicast(&where->group))
        return -EINVAL;
    if ((iface = find_iface(ip, where)) == NULL)
        return -ENODEV;
    if (find_membership(multicast, iface, &where->group) != NULL)
        return -EADDRINUSE;
    if (multicast->count == MEMBERSHIPS_MAX)
        return -ENOBUFS;
    member = memory_alloc(ip->env->memory, sizeof(*member));
    if (member == NULL)
        return -ENOBUFS;
    member->group = obtain(ip, iface, &where->group);
    if (member->group == NULL) {
        memory_free(ip->env->memory, member, sizeof(*member));
        return -ENOBUFS;
    }
    member->filter = (struct source_filter){.excludes = whole};
    member->had_sources = false;
    list_append(&multicast->memberships, &member->socket_node);
    list_append(&member->group->members, &member->group_node);
    multicast->count++;
    filter_changed(member->group);
    return 0;
}

static void leave(struct ip_multicast *multicast, struct membership *member)
{
    struct ip_group *group = member->group;

    list_remove(&member->socket_node);
    list_remove(&member->group_node);
    multicast->count--;
    memory_free(multicast->ip->env->memory, member, sizeof(*member));
    filter_changed(group);
}

int ip_group_join(struct ip_multicast *multicast,
                  const struct group_where *where)
{
    return join(multicast, where, true);
}

int ip_group_leave(struct ip_multicast *multicast,
                   const struct group_where *where)
{
    struct iface *iface = find_iface(multicast->ip, where);
    struct membership *member;

    if (iface == NULL && where->iface == 0 && ip_addr_is_any(&where->addr))
        return -ENODEV;
    member = find_membership(multicast, iface, &where->group);
    if (member == NULL)
        return -EADDRNOTAVAIL;
    leave(multicast, member);
    return 0;
}

/* ---- Sources ------------------------------------------------------------ */

static int find_to_change(const struct ip_multicast *multicast,
                          const struct group_where *where,
                          struct membership **out)
{
    struct iface *iface;

    if (!ip_addr_is_multicast(&where->group))
        return -EINVAL;
    if ((iface = find_iface(multicast->ip, where)) == NULL)
        return -ENODEV;
    *out = find_membership(multicast, iface, &where->group);
    return *out == NULL ? -EINVAL : 0;
}

/* A filter that never had sources may become one of the other kind. */
static int take_mode(struct membership *member, bool excludes)
{
    if (member->filter.excludes == excludes)
        return 0;
    if (member->had_sources)
        return -EINVAL;
    member->filter.excludes = excludes;
    filter_changed(member->group);
    return 0;
}

static int add_source(struct ip_multicast *multicast,
                      const struct group_where *where, bool excludes,
                      const struct ip_addr *source)
{
    struct membership *member;
    int error = find_to_change(multicast, where, &member);

    if (error == 0)
        error = take_mode(member, excludes);
    if (error < 0)
        return error;
    if (member->filter.sources.count == MEMBERSHIP_SOURCES_MAX)
        return -ENOBUFS;
    if (source_list_has(&member->filter.sources, source))
        return -EADDRNOTAVAIL;
    source_list_add(&member->filter.sources, source);
    member->had_sources = true;
    filter_changed(member->group);
    return 0;
}

static int remove_source(struct ip_multicast *multicast,
                         const struct group_where *where, bool excludes,
                         const struct ip_addr *source)
{
    struct membership *member;
    int error = find_to_change(multicast, where, &member);

    if (error == 0)
        error = take_mode(member, excludes);
    if (error < 0)
        return error;
    if (!source_list_remove(&member->filter.sources, source))
        return -EADDRNOTAVAIL;
    if (!excludes && member->filter.sources.count == 0)
        leave(multicast, member); /* (INCLUDE, none) is no membership */
    else
        filter_changed(member->group);
    return 0;
}

int ip_source_join(struct ip_multicast *multicast,
                   const struct group_where *where,
                   const struct ip_addr *source)
{
    int error = join(multicast, where, false);

    if (error < 0 && error != -EADDRINUSE)
        return error;
    return add_source(multicast, where, false, source);
}

int ip_source_leave(struct ip_multicast *multicast,
                    const struct group_where *where,
                    const struct ip_addr *source)
{
    return remove_source(multicast, where, false, source);
}

int ip_source_block(struct ip_multicast *multicast,
                    const struct group_where *where,
                    const struct ip_addr *source)
{
    return add_source(multicast, where, true, source);
}

int ip_source_unblock(struct ip_multicast *multicast,
                      const struct group_where *where,
                      const struct ip_addr *source)
{
    return remove_source(multicast, where, true, source);
}

int ip_filter_set(struct ip_multicast *multicast,
                  const struct group_where *where,
                  const struct source_filter *filter)
{
    struct membership *member;
    int error;

    if (filter->sources.count > MEMBERSHIP_SOURCES_MAX)
        return -ENOBUFS;
    error = find_to_change(multicast, where, &member);
    if (!filter->excludes && filter->sources.count == 0 &&
        ip_addr_is_multicast(&where->group))
        return ip_group_leave(multicast, where);
    if (error < 0)
        return error;
    member->filter = *filter;
    member->had_sources = filter->sources.count > 0;
    filter_changed(member->group);
    return 0;
}

int ip_filter_get(const struct ip_multicast *multicast,
                  const struct group_where *where, struct source_filter *out)
{
    struct membership *member;
    int error = find_to_change(multicast, where, &member);

    if (error == -EINVAL && ip_addr_is_multicast(&where->group))
        return -EADDRNOTAVAIL;
    if (error < 0)
        return error;
    *out = member->filter;
    return 0;
}

/* ---- All of it ---------------------------------------------------------- */

bool ip_multicast_hears(const struct ip_multicast *multicast,
                        const struct iface *iface, const struct ip_addr *group,
                        const struct ip_addr *src)
{
    const struct membership *member = find_membership(multicast, iface, group);

    return member == NULL ? multicast->hears_all
                          : source_filter_allows(&member->filter, src);
}

static void prepare_for_group(const struct ip_multicast *multicast,
                              struct ip_send *send)
{
    send->ttl = multicast->ttl;
    send->stays_here = multicast->ttl == 0;
    send->is_not_looped = !multicast->is_looped;
    if (send->scope == 0)
        send->scope = multicast->iface;
    if (ip_addr_is_any(&send->src))
        send->src = multicast->addr;
}

void ip_multicast_prepare(const struct ip_multicast *multicast,
                          const struct ip_choice *choice, struct ip_send *send)
{
    if (ip_addr_is_multicast(&send->dst))
        prepare_for_group(multicast, send);
    if (choice->ttl == 0)
        return;
    send->ttl = choice->ttl; /* for a group, too */
    send->stays_here = false;
}

int ip_multicast_path(const struct ip_multicast *multicast,
                      struct ip_send *send, const struct ip_choice *choice,
                      struct ip_path *path)
{
    struct ip *ip = multicast->ip;
    int error;

    if (!ip_addr_is_any(&choice->src))
        send->src = choice->src;
    if (choice->scope)
        send->scope = choice->scope;
    if (choice->scope && !ip_iface_by_index(ip, choice->scope))
        return -ENODEV;
    ip_multicast_prepare(multicast, choice, send);
    error = ip_path(ip, &send->dst, &send->src, send->scope, path);
    if (error == 0 && choice->on_link &&
        !ip_addr_equal(&path->next_hop, &send->dst))
        return -ENETUNREACH;
    return error == -EADDRNOTAVAIL ? -ENETUNREACH : error;
}

void ip_multicast_init(struct ip_multicast *multicast, struct ip *ip)
{
    *multicast = (struct ip_multicast){
        .ip = ip,
        .ttl = 1, /* RFC 1112 6.1 */
        .is_looped = true,
        .hears_all = true,
    };
    list_init(&multicast->memberships);
}

void ip_multicast_fini(struct ip_multicast *multicast)
{
    while (!list_is_empty(&multicast->memberships))
        leave(multicast, of_socket(multicast->memberships.next));
}

int ip_groups_init(struct ip *ip)
{
    ip->groups.key = random_key(&ip->env->random);
    list_init(&ip->groups.all);
    return hash_table_init(&ip->groups.table, ip->env->memory);
}

void ip_groups_fini(struct ip *ip)
{
    struct list *all = &ip->groups.all;

    while (!list_is_empty(all))
        ip_group_end(container_of(all->next, struct ip_group, all_node));
    hash_table_fini(&ip->groups.table, ip->env->memory);
}
