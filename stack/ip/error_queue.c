#include "ip/error_queue.h"

#include <errno.h>

static size_t size_of(size_t len)
{
    return sizeof(struct error_report) + len;
}

static struct error_report *first(const struct error_queue *queue)
{
    return container_of(queue->reports.next, struct error_report, node);
}

void error_queue_init(struct error_queue *queue)
{
    list_init(&queue->reports);
    queue->used = 0;
}

void error_queue_clear(struct error_queue *queue, struct memory *memory)
{
    while (!list_is_empty(&queue->reports))
        error_queue_remove(queue, memory);
}

void error_queue_add(struct error_queue *queue, const struct env *env,
                     size_t limit, const struct error_report *about,
                     struct bytes data)
{
    struct error_report *report;

    if (queue->used > limit || size_of(data.len) > limit - queue->used)
        return;
    report = memory_resize(env->memory, NULL, 0, size_of(data.len));
    if (report == NULL)
        return;
    *report = *about;
    report->arrived = env->now;
    report->len = data.len;
    if (data.len > 0)
        memcpy(report->data, data.data, data.len);
    list_append(&queue->reports, &report->node);
    queue->used += size_of(data.len);
}

void error_queue_add_icmp(struct error_queue *queue, const struct env *env,
                          size_t limit, const struct icmp_error *error,
                          uint16_t port, size_t header_len)
{
    struct error_report about = {
        .to = {.addr = error->quoted.dst, .port = port},
        .offender = error->reporter,
        .told = error->told,
        .iface = error->iface,
        .ttl = error->ttl,
        .tos = error->tos,
        .error = error->error,
        .origin = ERROR_ICMP,
        .type = error->type,
        .code = error->code,
        .info = error->mtu != 0 ? error->mtu : error->pointer,
    };

    if (ip_addr_is_any(&about.offender)) /* our own link: as Linux, ourselves */
        about.offender = error->quoted.src;
    error_queue_add(
        queue, env, limit, &about,
        bytes_from(error->payload, min_size(header_len, error->payload.len)));
}

void error_queue_add_too_big(struct error_queue *queue, const struct env *env,
                             size_t limit, const struct endpoint *to,
                             unsigned mtu)
{
    struct error_report about = {
        .to = *to, .error = EMSGSIZE, .origin = ERROR_LOCAL, .info = mtu};

    error_queue_add(queue, env, limit, &about, bytes_of(NULL, 0));
}

const struct error_report *error_queue_first(const struct error_queue *queue)
{
    return list_is_empty(&queue->reports) ? NULL : first(queue);
}

void error_queue_remove(struct error_queue *queue, struct memory *memory)
{
    assert(!list_is_empty(&queue->reports));

    struct error_report *report = first(queue);

    list_remove(&report->node);
    queue->used -= size_of(report->len);
    memory_free(memory, report, size_of(report->len));
}
