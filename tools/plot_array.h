/*
 * Arrays that grow: room for one more element, twice as many when it is used
 * up.
 */
#ifndef TAPIR_TOOLS_PLOT_ARRAY_H
#define TAPIR_TOOLS_PLOT_ARRAY_H

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>

/* Where the array lies now, or NULL: it is then where it was. */
MUST_CHECK static inline void *plot_array_grow(void *array, size_t count,
                                               size_t *room, size_t size)
{
    if (count < *room)
        return array;

    size_t more = *room == 0 ? 16 : *room * 2;
    void *larger = realloc(array, more * size);
    if (larger != NULL)
        *room = more;
    return larger;
}

#endif
