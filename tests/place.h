/*
 * What a device with receive_at does, for the tests' own devices: the bytes
 * that belong to the stack's place lie there, and not in the device's buffer.
 */
#ifndef TAPIR_TESTS_PLACE_H
#define TAPIR_TESTS_PLACE_H

#include "stack.h"

#include <string.h>

static inline void move_to_place(struct frame *frame,
                                 const struct frame_place *place)
{
    enum { NOTHING = 0xa5 };

    frame_place(frame, place);
    for (unsigned i = 0; i < frame->slice_count; i++) {
        const struct iovec *piece = &place->pieces[i];
        uint8_t *from = frame->head + place->head_len;

        if (i > 0)
            from += place->pieces[0].iov_len;
        if (i == place->count || frame->slices[i].data == from)
            return;
        memcpy(piece->iov_base, from, frame->slices[i].len);
        memset(from, NOTHING, frame->slices[i].len);
    }
}

/* Whether the stack had a place for what follows the frame's headers. */
static inline bool place_frame(const struct stack *stack, unsigned iface,
                               struct frame *frame)
{
    struct frame_place place;

    if (!stack_expect(stack, iface, &place))
        return false;
    move_to_place(frame, &place);
    return true;
}

#endif
