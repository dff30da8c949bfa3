/*
 * IGMP for hosts: RFC 3376 4 (messages), 5 (what a host does), 7.2 (older
 * queriers), RFC 2236 3 and RFC 1112 I for those.
 *
 * Reports have a size that fits a frame's head, so a long answer is several
 * packets (RFC 3376 4.2.16 allows it). Source changes of a group are told
 * again together, as often as the last of them asks for: RFC 3376 5.1 would
 * count for each source. A general query in version 3 is answered at once for
 * all groups of the interface.
 */
#include "ip/igmp.h"

#include "base/checksum.h"
#include "ip/ip.h"

#include <errno.h>

enum {
    TYPE = 0,
    MAX_RESPONSE = 1,
    CHECKSUM = 2,
    GROUP = 4,
    HEADER_LEN = 8,
    QUERY_ROBUSTNESS = 8, /* with the S flag; version 3 */
    QUERY_SOURCE_COUNT = 10,
    QUERY_HEADER_LEN = 12,
    REPORT_RECORD_COUNT = 6,
    RECORD_TYPE = 0,
    RECORD_SOURCE_COUNT = 2,
    RECORD_GROUP = 4,
    RECORD_LEN = 8,
    ROBUSTNESS_MASK = 7,
    REPORT_MAX = HEADER_LEN + RECORD_LEN + 4 * SOURCES_MAX,
    TOS_INTERNETWORK_CONTROL = 0xc0, /* RFC 3376 4 */
};

#define ALL_HOSTS ip_addr_v4(0xe0000001)   /* 224.0.0.1 */
#define ALL_ROUTERS ip_addr_v4(0xe0000002) /* 224.0.0.2 */
#define V3_DESTINATION                                                         \
    ip_addr_v4(0xe0000016) /* 224.0.0.22, RFC 3376 4.2.14                      \
                            */

static const usec TENTH = USEC_PER_SEC / 10;
static const usec V1_RESPONSE = 10 * USEC_PER_SEC;    /* RFC 3376 7.2.1 */
static const usec V2_UNSOLICITED = 10 * USEC_PER_SEC; /* RFC 2236 8.10 */
static const usec V3_UNSOLICITED = USEC_PER_SEC;      /* RFC 3376 8.11 */
static const usec QUERY_INTERVAL = 125 * USEC_PER_SEC;

/* ---- Interfaces --------------------------------------------------------- */

static void answer_generally(struct timer *timer);

static struct igmp_iface *iface_of(struct list *node)
{
    return container_of(node, struct igmp_iface, node);
}

/* NULL without memory. */
static struct igmp_iface *obtain_iface(struct ip *ip, struct iface *iface)
{
    struct list *all = &ip->igmp.ifaces;
    struct igmp_iface *ours;

    for (struct list *node = all->next; node != all; node = node->next)
        if (iface_of(node)->iface == iface)
            return iface_of(node);
    ours = memory_alloc(ip->env->memory, sizeof(*ours));
    if (ours == NULL)
        return NULL;
    *ours = (struct igmp_iface){
        .ip = ip,
        .iface = iface,
        .robustness = ip->igmp.config.robustness,
    };
    timer_init(&ours->answer, answer_generally);
    list_append(all, &ours->node);
    return ours;
}

static unsigned version_of(const struct igmp_iface *iface)
{
    usec now = iface->ip->env->now;

    if (iface->ip->igmp.config.version != 0)
        return iface->ip->igmp.config.version;
    if (now < iface->v1_until)
        return 1;
    return now < iface->v2_until ? 2 : 3;
}

/* Some time in (0, most]. */
static usec soon(struct ip *ip, usec most)
{
    return ip->env->now + 1 + random_below(&ip->env->random, (uint32_t)most);
}

/* ---- What is sent ------------------------------------------------------- */

static void send_message(struct ip *ip, const struct iface *iface,
                         const struct ip_addr *dst, uint8_t *message,
                         size_t len)
{
    struct ip_send send = {
        .dst = *dst,
        .protocol = IP_PROTO_IGMP,
        .tos = TOS_INTERNETWORK_CONTROL,
        .ttl = 1,
        .router_alert = true, /* RFC 2113 */
        .is_not_looped = true,
        .scope = iface->index,
    };
    struct frame frame;

    put_be16(message + CHECKSUM, 0);
    put_be16(message + CHECKSUM, checksum_of(bytes_of(message, len)));
    frame_init_output(&frame);
    memcpy(frame_push(&frame, len), message, len);
    ip_output(ip, &frame, &send); /* what is lost is told again */
}

/* Versions 1 and 2. */
static void send_short(struct ip_group *group, enum igmp_type type,
                       const struct ip_addr *dst)
{
    uint8_t message[HEADER_LEN] = {[TYPE] = (uint8_t)type};

    put_be32(message + GROUP, ip_addr_to_v4(&group->addr));
    send_message(group->ip, group->iface, dst, message, sizeof(message));
}

static void send_old_report(struct ip_group *group, unsigned version)
{
    group->ip->igmp.stats.out_reports++;
    group->igmp.was_last_to_tell = true;
    send_short(group, version == 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT,
               &group->addr);
}

/* A report that is being written: RFC 3376 4.2. */
struct report {
    struct ip *ip;
    const struct iface *iface;
    uint8_t message[REPORT_MAX];
    size_t len;
    uint16_t records;
};

static struct report report_begin(struct ip *ip, const struct iface *iface)
{
    return (struct report){
        .ip = ip,
        .iface = iface,
        .message = {[TYPE] = IGMP_V3_REPORT},
        .len = HEADER_LEN,
    };
}

static void report_send(struct report *report)
{
    struct ip_addr dst = V3_DESTINATION;

    if (report->records == 0)
        return;
    put_be16(report->message + REPORT_RECORD_COUNT, report->records);
    send_message(report->ip, report->iface, &dst, report->message, report->len);
    report->ip->igmp.stats.out_reports++;
    *report = report_begin(report->ip, report->iface);
}

static void report_add(struct report *report, enum igmp_record_type type,
                       const struct ip_addr *group,
                       const struct source_list *sources)
{
    size_t len = RECORD_LEN + 4 * (size_t)sources->count;
    uint8_t *at;

    if (report->len + len > REPORT_MAX)
        report_send(report);
    at = report->message + report->len;
    memset(at, 0, len);
    at[RECORD_TYPE] = (uint8_t)type;
    put_be16(at + RECORD_SOURCE_COUNT, (uint16_t)sources->count);
    put_be32(at + RECORD_GROUP, ip_addr_to_v4(group));
    for (unsigned i = 0; i < sources->count; i++)
        put_be32(at + RECORD_LEN + 4 * (size_t)i,
                 ip_addr_to_v4(&sources->addrs[i]));
    report->len += len;
    report->records++;
}

/* ---- A change of our own: RFC 3376 5.1, RFC 2236 3 ---------------------- */

static bool is_nobody(const struct source_filter *filter)
{
    return !filter->excludes && filter->sources.count == 0;
}

static void end_if_over(struct ip_group *group)
{
    if (list_is_empty(&group->members) && group->igmp.changes_left == 0)
        ip_group_end(group);
}

static void send_change(struct ip_group *group)
{
    struct igmp_group *igmp = &group->igmp;
    const struct source_filter *filter = &group->filter;
    struct report report = report_begin(group->ip, group->iface);

    if (igmp->mode_changed) {
        report_add(&report,
                   filter->excludes ? IGMP_TO_EXCLUDE : IGMP_TO_INCLUDE,
                   &group->addr, &filter->sources);
    } else {
        if (igmp->allow.count > 0)
            report_add(&report, IGMP_ALLOW_NEW, &group->addr, &igmp->allow);
        if (igmp->block.count > 0)
            report_add(&report, IGMP_BLOCK_OLD, &group->addr, &igmp->block);
    }
    report_send(&report);
}

/* Tells the change once; `interval`: until the next time, at most. */
static void tell_change(struct ip_group *group, unsigned version)
{
    struct igmp_group *igmp = &group->igmp;
    struct timers *timers = &group->ip->env->timers;
    usec interval = version == 3 ? V3_UNSOLICITED : V2_UNSOLICITED;

    if (version == 3)
        send_change(group);
    else if (!is_nobody(&group->filter))
        send_old_report(group, version);
    else
        igmp->changes_left = 1; /* a Leave is sent but once */
    if (igmp->changes_left > 1) {
        igmp->changes_left--;
        timer_arm(timers, &igmp->change, soon(group->ip, interval));
        return;
    }
    timer_disarm(timers, &igmp->change); /* of the change before this one */
    igmp->changes_left = 0;
    igmp->mode_changed = false;
    igmp->allow.count = 0;
    igmp->block.count = 0;
}

static void change_again(struct timer *timer)
{
    struct ip_group *group = container_of(timer, struct ip_group, igmp.change);
    struct igmp_iface *iface = obtain_iface(group->ip, group->iface);

    assert(iface != NULL); /* it was there the first time */
    tell_change(group, version_of(iface));
    end_if_over(group);
}

/* `to` loses what is in `gone` and gains `added`; false: no room. */
static bool move_sources(struct source_list *to, const struct source_list *gone,
                         const struct source_list *added)
{
    *to = source_list_minus(to, gone);
    for (unsigned i = 0; i < added->count; i++)
        if (!source_list_add(to, &added->addrs[i]))
            return false;
    return true;
}

static void note_sources(struct igmp_group *igmp,
                         const struct source_filter *before,
                         const struct source_filter *now)
{
    struct source_list more =
        source_list_minus(&now->sources, &before->sources);
    struct source_list less =
        source_list_minus(&before->sources, &now->sources);
    const struct source_list *allowed = now->excludes ? &less : &more;
    const struct source_list *blocked = now->excludes ? &more : &less;

    if (!move_sources(&igmp->allow, blocked, allowed) ||
        !move_sources(&igmp->block, allowed, blocked))
        igmp->mode_changed = true; /* the whole filter says it as well */
}

static void note_change(struct ip_group *group,
                        const struct source_filter *before)
{
    if (group->filter.excludes != before->excludes)
        group->igmp.mode_changed = true;
    else
        note_sources(&group->igmp, before, &group->filter);
}

static void tell_changed(struct ip_group *group, struct igmp_iface *iface,
                         const struct source_filter *before)
{
    unsigned version = version_of(iface);
    bool was_joined = !is_nobody(before);
    struct ip_addr routers = ALL_ROUTERS;

    note_change(group, before);
    if (version == 3 || !was_joined) {
        group->igmp.changes_left = (uint8_t)iface->robustness;
        tell_change(group, version);
    } else if (is_nobody(&group->filter)) {
        timer_disarm(&group->ip->env->timers, &group->igmp.change);
        timer_disarm(&group->ip->env->timers, &group->igmp.answer);
        group->igmp.changes_left = 0;
        if (version == 2 && group->igmp.was_last_to_tell) {
            group->ip->igmp.stats.out_leaves++;
            send_short(group, IGMP_V2_LEAVE, &routers);
        }
    }
}

void igmp_filter_changed(struct ip_group *group,
                         const struct source_filter *before)
{
    struct ip_addr all_hosts = ALL_HOSTS;
    struct igmp_iface *iface = NULL;

    /* RFC 3376 5: 224.0.0.1 is never told of; who would hear it on "lo"? */
    if (group->ip->igmp.config.is_on && !group->iface->loopback &&
        !ip_addr_equal(&group->addr, &all_hosts))
        iface = obtain_iface(group->ip, group->iface);
    if (iface != NULL && !source_filter_equal(before, &group->filter))
        tell_changed(group, iface, before);
    end_if_over(group);
}

/* ---- Answers: RFC 3376 5.2 ---------------------------------------------- */

static void add_state(struct report *report, const struct ip_group *group)
{
    if (!is_nobody(&group->filter))
        report_add(report,
                   group->filter.excludes ? IGMP_IS_EXCLUDE : IGMP_IS_INCLUDE,
                   &group->addr, &group->filter.sources);
}

static bool is_told_of(const struct ip_group *group, const struct iface *iface)
{
    struct ip_addr all_hosts = ALL_HOSTS;

    return group->iface == iface && !is_nobody(&group->filter) &&
           !ip_addr_equal(&group->addr, &all_hosts);
}

/* "1. ... one Current-State Record for each group" */
static void answer_generally(struct timer *timer)
{
    struct igmp_iface *iface = container_of(timer, struct igmp_iface, answer);
    struct list *all = &iface->ip->groups.all;
    struct report report = report_begin(iface->ip, iface->iface);

    for (struct list *node = all->next; node != all; node = node->next) {
        struct ip_group *group = container_of(node, struct ip_group, all_node);

        if (is_told_of(group, iface->iface))
            add_state(&report, group);
    }
    report_send(&report);
}

/* "3. ... the set of requested sources that the interface wants" */
static void add_queried(struct report *report, const struct ip_group *group)
{
    struct source_list wanted = {0};

    for (unsigned i = 0; i < group->igmp.queried.count; i++)
        if (source_filter_allows(&group->filter, &group->igmp.queried.addrs[i]))
            source_list_add(&wanted, &group->igmp.queried.addrs[i]);
    if (wanted.count > 0)
        report_add(report, IGMP_IS_INCLUDE, &group->addr, &wanted);
}

static void answer_for_group(struct timer *timer)
{
    struct ip_group *group = container_of(timer, struct ip_group, igmp.answer);
    struct igmp_iface *iface = obtain_iface(group->ip, group->iface);
    struct report report = report_begin(group->ip, group->iface);
    unsigned version;

    assert(iface != NULL); /* the query made it */
    version = version_of(iface);
    if (version < 3) {
        if (!is_nobody(&group->filter))
            send_old_report(group, version);
    } else if (group->igmp.queried_all) {
        add_state(&report, group);
    } else {
        add_queried(&report, group);
    }
    report_send(&report);
    group->igmp.queried_all = false;
    group->igmp.queried.count = 0;
}

/* ---- What comes in ------------------------------------------------------ */

struct query {
    unsigned version;
    usec most; /* the answer's delay */
    unsigned robustness;
    struct ip_addr group;
    struct source_list sources;
    bool is_of_all_sources;
};

/* RFC 3376 4.1.1: from 128 on a floating point number. */
static unsigned decode(uint8_t code)
{
    if (code < 128)
        return code;
    return (unsigned)((code & 0xf) | 0x10) << ((code >> 4 & 7) + 3);
}

static void read_sources(const uint8_t *at, unsigned count, struct query *query)
{
    query->is_of_all_sources = count == 0;
    for (unsigned i = 0; i < count; i++) {
        struct ip_addr source = ip_addr_v4(get_be32(at + 4 * (size_t)i));

        if (!source_list_add(&query->sources, &source))
            query->is_of_all_sources = true; /* an answer for all holds too */
    }
}

/* RFC 3376 7.1 tells the versions apart; 0: it is none of them. */
static unsigned query_version(const uint8_t *at, size_t len)
{
    if (len == HEADER_LEN)
        return at[MAX_RESPONSE] == 0 ? 1 : 2;
    if (len < QUERY_HEADER_LEN)
        return 0;
    return len < QUERY_HEADER_LEN +
                       4 * (size_t)get_be16(at + QUERY_SOURCE_COUNT)
               ? 0
               : 3;
}

static bool query_parse(const uint8_t *at, size_t len, struct query *query)
{
    *query = (struct query){
        .version = query_version(at, len),
        .group = ip_addr_v4(get_be32(at + GROUP)),
        .is_of_all_sources = true,
    };
    if (query->version == 1)
        query->most = V1_RESPONSE;
    else if (query->version == 2)
        query->most = at[MAX_RESPONSE] * TENTH;
    if (query->version != 3)
        return query->version != 0;
    query->most = max_u32(decode(at[MAX_RESPONSE]), 1) * TENTH;
    query->robustness = at[QUERY_ROBUSTNESS] & ROBUSTNESS_MASK;
    read_sources(at + QUERY_HEADER_LEN, get_be16(at + QUERY_SOURCE_COUNT),
                 query);
    return true;
}

/* RFC 3376 7.2.1, 8.12 */
static void note_querier(struct igmp_iface *iface, const struct query *query)
{
    struct env *env = iface->ip->env;
    usec until = env->now + iface->robustness * QUERY_INTERVAL + query->most;

    if (query->version == 1)
        iface->v1_until = until;
    else if (query->version == 2)
        iface->v2_until = until;
    else
        iface->robustness = query->robustness != 0
                                ? query->robustness
                                : iface->ip->igmp.config.robustness;
    if (version_of(iface) < 3) /* "cancels all pending responses" */
        timer_disarm(&env->timers, &iface->answer);
}

/* An answer that is due earlier stays. */
static void arm_earlier(struct ip *ip, struct timer *timer, usec deadline)
{
    if (!timer_is_armed(timer) || deadline < timer->deadline)
        timer_arm(&ip->env->timers, timer, deadline);
}

/* "4. ... the group timer's sources are augmented", "5." */
static void note_queried(struct igmp_group *igmp, const struct query *query)
{
    bool is_pending = timer_is_armed(&igmp->answer);

    if (query->is_of_all_sources || (is_pending && igmp->queried_all)) {
        igmp->queried_all = true;
        return;
    }
    igmp->queried_all = false;
    for (unsigned i = 0; i < query->sources.count; i++)
        if (!source_list_add(&igmp->queried, &query->sources.addrs[i]))
            igmp->queried_all = true;
}

static void query_of_group(struct igmp_iface *iface, struct ip_group *group,
                           const struct query *query)
{
    usec deadline = soon(iface->ip, query->most);

    /* "1. If there is a pending response to a previous General Query
     * scheduled sooner than the selected delay, no additional" one */
    if (timer_is_armed(&iface->answer) && iface->answer.deadline <= deadline)
        return;
    note_queried(&group->igmp, query);
    arm_earlier(iface->ip, &group->igmp.answer, deadline);
}

static void process_query(struct igmp_iface *iface, const struct query *query)
{
    struct list *all = &iface->ip->groups.all;
    bool is_general = ip_addr_is_any(&query->group);

    note_querier(iface, query);
    if (is_general && version_of(iface) == 3) {
        arm_earlier(iface->ip, &iface->answer, soon(iface->ip, query->most));
        return;
    }
    for (struct list *node = all->next; node != all; node = node->next) {
        struct ip_group *group = container_of(node, struct ip_group, all_node);

        if (is_told_of(group, iface->iface) &&
            (is_general || ip_addr_equal(&group->addr, &query->group)))
            query_of_group(iface, group, query);
    }
}

/* RFC 2236 3: another host has told it, so we need not. */
static void process_report(struct ip *ip, struct iface *from, const uint8_t *at)
{
    struct ip_addr addr = ip_addr_v4(get_be32(at + GROUP));
    struct ip_group *group = ip_group_find(ip, from, &addr);
    struct igmp_iface *iface = obtain_iface(ip, from);

    ip->igmp.stats.in_reports++;
    if (group == NULL || iface == NULL || version_of(iface) == 3)
        return;
    timer_disarm(&ip->env->timers, &group->igmp.answer);
    group->igmp.was_last_to_tell = false;
}

static bool checksum_is_right(const struct frame *frame)
{
    struct checksum checksum = {0};

    checksum_add_frame(&checksum, frame, 0);
    return checksum_finish(&checksum) == 0;
}

/* RFC 3376 9.1: a general query goes to all systems; but 4.1.12 has one to our
 * own address taken. Not 9.1's Router Alert: as Linux, for version 2 began
 * without it. */
static bool is_astray(const struct ip_packet *packet, const struct query *query)
{
    const struct ip_addr all_systems = ip_addr_v4(0xe0000001);
    const struct ip_addr *dst = &packet->header.dst;

    return ip_addr_is_any(&query->group) && ip_addr_is_multicast(dst) &&
           !ip_addr_equal(dst, &all_systems);
}

static void take_query(struct ip *ip, const struct ip_packet *packet,
                       const uint8_t *at, size_t len)
{
    struct igmp_iface *iface = obtain_iface(ip, packet->iface);
    struct query query;

    ip->igmp.stats.in_queries++;
    if (!query_parse(at, len, &query))
        env_drop(ip->env, DROP_IGMP_SHORT, packet->frame);
    else if (is_astray(packet, &query))
        env_drop(ip->env, DROP_IGMP_ASTRAY, packet->frame);
    else if (iface != NULL)
        process_query(iface, &query);
}

DOOR void igmp_input(struct ip *ip, const struct ip_packet *packet)
{
    const struct bytes head = frame_head(packet->frame);
    const uint8_t *at = head.data;

    if (head.len < HEADER_LEN) {
        env_drop(ip->env, DROP_IGMP_SHORT, packet->frame);
    } else if (!checksum_is_right(packet->frame)) {
        env_drop(ip->env, DROP_IGMP_BAD_CHECKSUM, packet->frame);
    } else if (!ip->igmp.config.is_on || packet->iface->loopback) {
        return;
    } else if (at[TYPE] == IGMP_QUERY) {
        take_query(ip, packet, at, head.len);
    } else if (at[TYPE] == IGMP_V1_REPORT || at[TYPE] == IGMP_V2_REPORT) {
        process_report(ip, packet->iface, at);
    } else if (at[TYPE] != IGMP_V2_LEAVE && at[TYPE] != IGMP_V3_REPORT) {
        env_drop(ip->env, DROP_IGMP_UNKNOWN_TYPE, packet->frame);
    }
}

/* ---- The contexts ------------------------------------------------------- */

void igmp_group_init(struct ip_group *group)
{
    timer_init(&group->igmp.change, change_again);
    timer_init(&group->igmp.answer, answer_for_group);
}

void igmp_group_fini(struct ip_group *group)
{
    timer_disarm(&group->ip->env->timers, &group->igmp.change);
    timer_disarm(&group->ip->env->timers, &group->igmp.answer);
}

struct igmp_config igmp_config_default(void)
{
    return (struct igmp_config){.is_on = true, .robustness = 2};
}

void igmp_init(struct ip *ip, const struct igmp_config *config)
{
    ip->igmp.config = *config;
    list_init(&ip->igmp.ifaces);
}

void igmp_fini(struct ip *ip)
{
    struct list *node;

    while ((node = list_pop(&ip->igmp.ifaces)) != NULL) {
        timer_disarm(&ip->env->timers, &iface_of(node)->answer);
        memory_free(ip->env->memory, iface_of(node), sizeof(struct igmp_iface));
    }
}
