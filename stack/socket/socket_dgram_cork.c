#include "socket/socket_dgram_cork.h"

#include "socket/socket_control.h"

#include <errno.h>

void dgram_cork_begin(struct dgram_cork *cork,
                      const struct socket_message *first)
{
    cork->is_pending = true;
    cork->has_to = first->name != NULL;
    if (cork->has_to)
        cork->to = *first->name;
    cork->choice = socket_choice(first);
}

/* Twice as much each time, so that many small pieces cost little. */
static int make_room(struct dgram_cork *cork, struct memory *memory,
                     size_t wanted)
{
    size_t room = cork->room;
    uint8_t *data;

    if (wanted <= room)
        return 0;
    while (room < wanted)
        room = room == 0 ? 512 : 2 * room;
    data = memory_resize(memory, cork->data, cork->room, room);
    if (data == NULL)
        return -ENOBUFS;
    cork->data = data;
    cork->room = room;
    return 0;
}

int dgram_cork_add(struct dgram_cork *cork, struct memory *memory,
                   const struct socket_message *message, size_t len)
{
    int error;

    if (len > UDP_PAYLOAD_MAX - cork->len)
        return -EMSGSIZE;
    if ((error = make_room(cork, memory, cork->len + len)) < 0)
        return error;
    for (int i = 0; i < message->iov_count; i++) {
        const struct iovec *iov = &message->iov[i];

        if (iov->iov_len > 0)
            memcpy(cork->data + cork->len, iov->iov_base, iov->iov_len);
        cork->len += iov->iov_len;
    }
    return 0;
}

void dgram_cork_clear(struct dgram_cork *cork, struct memory *memory)
{
    if (cork->data != NULL)
        memory_free(memory, cork->data, cork->room);
    cork->data = NULL;
    cork->len = 0;
    cork->room = 0;
    cork->is_pending = false;
}
