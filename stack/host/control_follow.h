/*
 * The requests that go on until the client ends them, by another line or by
 * going away: it is told what happens, as it happens. One that does not read
 * fast enough misses some: how many lines, or packets, is told when there is
 * room again.
 */
#ifndef TAPIR_HOST_CONTROL_FOLLOW_H
#define TAPIR_HOST_CONTROL_FOLLOW_H

#include "host/control_client.h"

/* Whose part it is. */
struct control_client *control_follower(struct trace_listener *listener);

/* For what is told; the rest of the buffer is for what ends the answer. */
size_t control_follow_room(const struct control_client *client);
/* In one piece or not at all: then it is missed. */
void control_follow_put(struct control_client *client, const void *data,
                        size_t len);

/* The listener hears of everything from now on. */
void control_follow_begin(struct control_client *client,
                          const struct trace_listener *listener);
void control_follow_stop(struct control_client *client);

#endif
