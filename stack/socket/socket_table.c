/*
 * The table from numbers to sockets, and the list of those that have changed.
 */
#include "socket/socket_kind.h"
#include "socket/socket_message.h"

#include <errno.h>

enum { SLOTS_FIRST = 64 }; /* the table's first size */

static uint32_t slot_of(socket_id id)
{
    return id & (SOCKET_SLOTS_MAX - 1);
}

static socket_id number_of(uint32_t slot, uint32_t uses)
{
    return uses << SOCKET_SLOT_BITS | slot;
}

/* To the end of the queue, so that a number comes back as late as it can. */
static void free_slot(struct sockets *sockets, uint32_t slot)
{
    if (sockets->count == sockets->slot_count) /* none was free */
        sockets->first_free = slot;
    else
        sockets->slots[sockets->last_free].next_free = slot;
    sockets->last_free = slot;
    sockets->count--;
}

static int grow(struct sockets *sockets)
{
    uint32_t old = sockets->slot_count;
    uint32_t new = old == 0 ? SLOTS_FIRST : 2 * old;
    struct socket_slot *slots =
        memory_resize(sockets->env->memory, sockets->slots,
                      old * sizeof(*slots), new * sizeof(*slots));

    if (slots == NULL)
        return -ENOBUFS;
    for (uint32_t i = old; i < new; i++)
        slots[i] = (struct socket_slot){.uses = 1, .next_free = i + 1};
    sockets->slots = slots;
    sockets->slot_count = new;
    sockets->first_free = old;
    sockets->last_free = new - 1;
    return 0;
}

static int take_slot(struct sockets *sockets, uint32_t *out)
{
    if (sockets->count >= sockets->config.max_sockets)
        return -ENOBUFS;
    if (sockets->count == sockets->slot_count && grow(sockets) < 0)
        return -ENOBUFS;
    *out = sockets->first_free;
    sockets->first_free = sockets->slots[*out].next_free;
    sockets->count++;
    return 0;
}

struct socket *socket_alloc(struct sockets *sockets,
                            const struct socket_ops *ops)
{
    struct socket *socket = memory_alloc(sockets->env->memory, ops->size);
    uint32_t slot;

    if (socket == NULL)
        return NULL;
    if (take_slot(sockets, &slot) < 0) {
        memory_free(sockets->env->memory, socket, ops->size);
        return NULL;
    }
    list_init(&socket->ready_node);
    socket->sockets = sockets;
    socket->ops = ops;
    socket->protocol = (uint16_t)ops->protocol;
    socket->id = number_of(slot, sockets->slots[slot].uses);
    socket->settings = socket_settings_default();
    sockets->slots[slot].socket = socket;
    return socket;
}

void socket_free(struct socket *socket)
{
    struct sockets *sockets = socket->sockets;
    uint32_t slot = slot_of(socket->id);
    struct socket_slot *entry = &sockets->slots[slot];

    list_remove(&socket->ready_node);
    bpf_destroy(sockets->env->memory, socket->filter);
    entry->socket = NULL;
    entry->uses = entry->uses == SOCKET_USES_MAX ? 1 : entry->uses + 1;
    free_slot(sockets, slot);
    memory_free(sockets->env->memory, socket, socket->ops->size);
}

struct socket *socket_find(const struct sockets *sockets, socket_id id)
{
    uint32_t slot = slot_of(id);

    if (slot >= sockets->slot_count)
        return NULL;

    struct socket *socket = sockets->slots[slot].socket;

    return socket != NULL && socket->id == id ? socket : NULL;
}

socket_id socket_number(const struct socket *socket)
{
    return socket->id;
}

int socket_transport(const struct socket *socket)
{
    return socket->ops->protocol;
}

void socket_mark_ready(struct socket *socket)
{
    if (!list_is_linked(&socket->ready_node))
        list_append(&socket->sockets->ready, &socket->ready_node);
}

static void trace_ready(const struct socket *socket)
{
    struct trace_event event = {
        .kind = TRACE_READY, .layer = TRACE_SOCKET, .socket = socket->id};

    env_trace(socket->sockets->env, &event);
}

void socket_notify(void *sockets, void *owner)
{
    struct socket *socket = owner;

    assert(socket->sockets == sockets);
    socket_mark_ready(socket);
    if (env_is_traced(socket->sockets->env))
        trace_ready(socket);
}

struct socket *socket_next_ready(struct sockets *sockets)
{
    struct list *node = list_pop(&sockets->ready);

    return node ? container_of(node, struct socket, ready_node) : NULL;
}

int sockets_init(struct sockets *sockets, struct env *env, struct tcp *tcp,
                 struct udp *udp, struct echo *echo, struct raw *raw,
                 struct packets *packets, const struct socket_config *config)
{
    if (config->max_sockets > SOCKET_SLOTS_MAX)
        return -EINVAL;
    *sockets = (struct sockets){.env = env,
                                .tcp = tcp,
                                .udp = udp,
                                .echo = echo,
                                .raw = raw,
                                .packets = packets,
                                .config = *config};
    list_init(&sockets->ready);
    list_init(&sockets->kept);
    return 0;
}

void sockets_fini(struct sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->slot_count; i++) {
        struct socket *socket = sockets->slots[i].socket;

        if (socket == NULL)
            continue;
        socket->ops->discard(socket);
        socket_free(socket);
    }
    message_end_pass(sockets);
    memory_free(sockets->env->memory, sockets->slots,
                sockets->slot_count * sizeof(*sockets->slots));
}

void sockets_abort_all(struct sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->slot_count; i++) {
        struct socket *socket = sockets->slots[i].socket;

        if (socket == NULL)
            continue;
        socket->settings.lingers = true; /* with time 0: a reset */
        socket->settings.linger = 0;
        socket_close(socket);
    }
}

void sockets_end_pass(struct sockets *sockets)
{
    message_end_pass(sockets);
}
