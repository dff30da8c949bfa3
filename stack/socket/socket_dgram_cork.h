/*
 * A datagram that is put together by several calls: udp(7), UDP_CORK and
 * MSG_MORE.
 */
#ifndef TAPIR_SOCKET_SOCKET_DGRAM_CORK_H
#define TAPIR_SOCKET_SOCKET_DGRAM_CORK_H

#include "socket/socket_table.h"

struct dgram_cork {
    uint8_t *data;
    size_t len;
    size_t room;
    struct endpoint to; /* of the first piece, as is the choice */
    struct ip_choice choice;
    bool has_to;    /* otherwise to where the socket is connected */
    bool is_corked; /* UDP_CORK */
    bool is_pending;
};

void dgram_cork_begin(struct dgram_cork *cork,
                      const struct socket_message *first);
/* The bytes of the message, `len` of them. -EMSGSIZE, -ENOBUFS. */
MUST_CHECK int dgram_cork_add(struct dgram_cork *cork, struct memory *memory,
                              const struct socket_message *message, size_t len);
/* Nothing is pending any more. */
void dgram_cork_clear(struct dgram_cork *cork, struct memory *memory);

#endif
