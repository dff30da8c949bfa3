/*
 * Where control sockets lie. Any time.
 */
#ifndef TAPIR_HOST_CONTROL_PLACE_H
#define TAPIR_HOST_CONTROL_PLACE_H

#include "base/bytes.h"
#include "tapir.h"

#include <stdbool.h>

/*
 * The `which`th directory that tapir_control_directory tells, made unless it is
 * there; shared: for a group to look into. -ENOENT: there are not so many;
 * another error: this one cannot be used.
 */
MUST_CHECK int control_place_make(unsigned which, bool is_shared,
                                  char path[TAPIR_TEXT_MAX]);

/* A number for the network namespace that the process is in; 0: not known. */
uint64_t control_place_network(void);

#endif
