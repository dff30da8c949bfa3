/*
 * For rerun_script.c alone: flows as they come and go. What others may know of
 * them is in rerun_script.h.
 */
#ifndef TAPIR_TOOLS_RERUN_FLOW_H
#define TAPIR_TOOLS_RERUN_FLOW_H

#include "rerun_script.h"

enum { MSS_DEFAULT = 536 /* RFC 9293 3.7.1 MUST-15 */ };

/* One more, the last of the script's, and from now on the one of its ends.
 * NULL: no memory. */
struct rerun_flow *rerun_flow_create(struct rerun_script *script,
                                     enum rerun_kind kind,
                                     const struct endpoint *local,
                                     const struct endpoint *remote);
void rerun_flow_destroy(struct memory *memory, struct rerun_flow *flow);

/* The window scale that its SYN has told: RFC 7323 2.2. */
void rerun_flow_note_scale(struct rerun_flow *flow, struct rerun_sent *sent,
                           const struct rerun_packet *packet);

/* Room for one more of `size` bytes in an array that doubles. NULL: none. */
void *rerun_grow(struct memory *memory, void *array, size_t count, size_t *room,
                 size_t size);

#endif
