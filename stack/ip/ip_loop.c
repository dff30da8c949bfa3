#include "ip/ip_loop.h"

#include "ip/ip.h"

enum { LOOP_BYTES_MAX = 1 << 20 };

struct looped {
    struct list node;
    struct iface *iface;
    struct ip_header header;
    size_t len;
    uint8_t data[];
};

static size_t size_of(size_t len)
{
    return sizeof(struct looped) + len;
}

static struct looped *looped_of(struct list *node)
{
    return container_of(node, struct looped, node);
}

void ip_loop_init(struct ip_loop *loop)
{
    list_init(&loop->waiting);
    list_init(&loop->lent);
    loop->used = 0;
}

void ip_loop_add(struct ip *ip, struct iface *iface, struct frame *frame,
                 const struct ip_header *header)
{
    struct ip_loop *loop = &ip->loop;
    size_t len = frame_len(frame);
    struct looped *looped = NULL;

    if (loop->used + size_of(len) <= LOOP_BYTES_MAX)
        looped = memory_alloc(ip->env->memory, size_of(len));
    if (looped == NULL) {
        env_drop(ip->env, DROP_IP_NO_BUFFER, frame);
        return;
    }
    if (frame->offload.checksum == FRAME_CHECKSUM_ABSENT)
        frame_fill_checksum(frame); /* once, for the copy too */
    looped->iface = iface;
    looped->header = *header;
    looped->len = frame_copy(frame, 0, looped->data, len);
    loop->used += size_of(len);
    list_append(&loop->waiting, &looped->node);
}

bool ip_loop_take(struct ip *ip, struct frame *frame, struct ip_packet *out)
{
    struct list *node = list_pop(&ip->loop.waiting);
    struct looped *looped;

    if (node == NULL)
        return false;
    looped = looped_of(node);
    list_append(&ip->loop.lent, node);
    frame_init_input(frame, looped->iface, looped->data, looped->len);
    frame->offload.checksum = FRAME_CHECKSUM_VERIFIED;
    *out = (struct ip_packet){
        .iface = looped->iface,
        .header = looped->header,
        .frame = frame,
        .quote = bytes_of(looped->data, looped->len),
        .broadcast = true,
    };
    frame_pull(frame, looped->header.header_len);
    return true;
}

bool ip_loop_is_empty(const struct ip *ip)
{
    return list_is_empty(&ip->loop.waiting);
}

static void free_all(struct ip *ip, struct list *list)
{
    struct list *node;

    while ((node = list_pop(list)) != NULL) {
        size_t size = size_of(looped_of(node)->len);

        ip->loop.used -= size;
        memory_free(ip->env->memory, looped_of(node), size);
    }
}

void ip_loop_release(struct ip *ip)
{
    free_all(ip, &ip->loop.lent);
}

void ip_loop_fini(struct ip *ip)
{
    free_all(ip, &ip->loop.waiting);
    free_all(ip, &ip->loop.lent);
}
