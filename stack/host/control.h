/*
 * Control messages, cmsg(3): between the core's struct socket_control and a
 * program's struct msghdr.
 */
#ifndef TAPIR_HOST_CONTROL_H
#define TAPIR_HOST_CONTROL_H

#include "socket/socket.h"

#include <sys/socket.h>

/*
 * Fills in msg_control with what there is room for, and msg_controllen; what is
 * cut says MSG_CTRUNC. `now`: stack time, of which wall time is made.
 */
void control_write(struct msghdr *message, const struct socket_control *control,
                   usec now);

/*
 * What a program chooses for what it sends, as Linux reads it: messages of
 * levels that are not the socket's do not matter. -EINVAL.
 */
MUST_CHECK int control_read(const struct msghdr *message, int socket_type,
                            struct socket_control *out);

#endif
