/*
 * A table of what was told, by the two ends. It is empty but in a replay, and
 * costs a connection no more than to see that.
 */
#include "tcp/tcp_told.h"

#include "tcp/tcp.h"
#include "tcp/tcp_rest.h"

#include <errno.h>

struct told {
    struct hash_node node;
    struct tcp_ends ends;
    tcp_seq iss;
    uint32_t ts_offset;
};

static uint32_t hash_of(const struct tcp *tcp, const struct tcp_ends *ends)
{
    return (uint32_t)tcp_ends_table_hash(ends, &tcp->key);
}

static struct told *find(const struct tcp *tcp, const struct tcp_ends *ends)
{
    struct hash_node *node = NULL;

    if (tcp->told.entry_count > 0)
        node = hash_table_first(&tcp->told, hash_of(tcp, ends));
    for (; node != NULL; node = hash_table_next(node)) {
        struct told *told = container_of(node, struct told, node);

        if (tcp_ends_equal(&told->ends, ends))
            return told;
    }
    return NULL;
}

static struct told *create(struct tcp *tcp, const struct tcp_ends *ends)
{
    struct told *told = memory_alloc(tcp->env->memory, sizeof(*told));

    if (told == NULL)
        return NULL;
    told->ends = *ends;
    hash_table_insert(&tcp->told, tcp->env->memory, &told->node,
                      hash_of(tcp, ends));
    return told;
}

int tcp_tell(struct tcp *tcp, const struct tcp_ends *ends, tcp_seq iss,
             uint32_t ts_val)
{
    struct told *told = find(tcp, ends);

    if (rest_find(tcp, ends) != NULL)
        return -EISCONN; /* its clock is packed by what is told: tcp_rest.c */
    if (told == NULL && (told = create(tcp, ends)) == NULL)
        return -ENOBUFS;
    told->iss = iss;
    told->ts_offset = ts_val - tcp_clock(tcp);
    return 0;
}

bool tcp_told_iss(const struct tcp *tcp, const struct tcp_ends *ends,
                  tcp_seq *iss)
{
    const struct told *told = find(tcp, ends);

    if (told != NULL)
        *iss = told->iss;
    return told != NULL;
}

bool tcp_told_offset(const struct tcp *tcp, const struct tcp_ends *ends,
                     uint32_t *offset)
{
    const struct told *told = find(tcp, ends);

    if (told != NULL)
        *offset = told->ts_offset;
    return told != NULL;
}

int tcp_told_init(struct tcp *tcp)
{
    return hash_table_init(&tcp->told, tcp->env->memory);
}

void tcp_told_fini(struct tcp *tcp)
{
    struct hash_node *node;
    uint32_t cursor = 0;

    while ((node = hash_table_any(&tcp->told, &cursor)) != NULL) {
        struct told *told = container_of(node, struct told, node);

        hash_table_remove(&tcp->told, node);
        memory_free(tcp->env->memory, told, sizeof(*told));
    }
    hash_table_fini(&tcp->told, tcp->env->memory);
}
