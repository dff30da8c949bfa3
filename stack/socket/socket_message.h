/*
 * The bytes of a message: a program gives and takes them in any number of
 * pieces.
 */
#ifndef TAPIR_SOCKET_SOCKET_MESSAGE_H
#define TAPIR_SOCKET_SOCKET_MESSAGE_H

#include "socket/socket_table.h"

/* All pieces together; -EINVAL when that is more than a size can be. */
MUST_CHECK ssize_t message_len(const struct socket_message *message);

/*
 * A datagram's bytes in at most FRAME_SLICES pieces: the caller's own where
 * they are so few, otherwise a copy that the stack keeps until the pass ends.
 * How many pieces, -ENOBUFS.
 */
MUST_CHECK int message_pieces(struct sockets *sockets,
                              const struct socket_message *message,
                              struct bytes pieces[static FRAME_SLICES]);

/* A copy that the stack keeps until the pass ends, in one piece. -ENOBUFS. */
MUST_CHECK int message_copy(struct sockets *sockets,
                            const struct socket_message *message,
                            struct bytes *out);

/* Copies as much of `data` as there is room for; the count. */
size_t message_fill(const struct socket_message *message, struct bytes data);
/* The same behind the first `at` bytes of the room. */
size_t message_fill_at(const struct socket_message *message, size_t at,
                       struct bytes data);

/* Gives back what message_pieces has copied. */
void message_end_pass(struct sockets *sockets);

#endif
