/*
 * Frames: headers pushed and pulled, borrowed payload, and the checksum that
 * was left to the device's edge.
 */
#include "base/checksum.h"

#include <string.h>

enum { UDP_CSUM_OFFSET = 6 }; /* where the checksum lies in RFC 768's header */

/* Not by one assignment: that would clear the store. */
static void init_empty(struct frame *frame)
{
    frame->iface = NULL;
    frame->offload = (struct frame_offload){0};
    frame->slice_count = 0;
    frame->is_placed = false;
    frame->number = 0;
    frame->start = NULL;
}

void frame_init_output(struct frame *frame)
{
    init_empty(frame);
    frame->head = frame->store + FRAME_STORE;
    frame->head_len = 0;
}

void frame_init_input(struct frame *frame, struct iface *iface, uint8_t *data,
                      size_t len)
{
    init_empty(frame);
    frame->iface = iface;
    frame->start = data;
    frame->head = data;
    frame->head_len = len;
}

/* csum_back is counted modulo 2^16: the two functions undo each other. */
void frame_place(struct frame *frame, const struct frame_place *place)
{
    size_t len = frame->head_len;
    size_t at = min_size(len, place->head_len);

    assert(frame->slice_count == 0);
    frame->head_len = at;
    frame->offload.csum_back -= (uint16_t)(len - at);
    frame->is_placed = true;
    for (unsigned i = 0; i < place->count; i++) {
        size_t part = min_size(place->pieces[i].iov_len, len - at);

        frame_add_slice(frame, bytes_of(place->pieces[i].iov_base, part));
        at += part;
    }
    frame_add_slice(frame, bytes_of(frame->head + at, len - at));
}

void frame_unplace(struct frame *frame)
{
    assert(frame->is_placed);
    for (unsigned i = 0; i < frame->slice_count; i++) {
        struct bytes slice = frame->slices[i];
        uint8_t *to = frame->head + frame->head_len;

        if (slice.data != to)
            memcpy(to, slice.data, slice.len);
        frame->head_len += slice.len;
        frame->offload.csum_back += (uint16_t)slice.len;
    }
    frame->slice_count = 0;
    frame->is_placed = false;
}

/* The head's end moves, from which csum_back counts. */
static void trim_head(struct frame *frame, size_t len)
{
    size_t cut = frame->head_len - len;

    frame->head_len = len;
    frame->offload.csum_back -=
        (uint16_t)min_size(cut, frame->offload.csum_back);
}

void frame_trim(struct frame *frame, size_t len)
{
    size_t left = len; /* for what comes next */

    trim_head(frame, min_size(frame->head_len, left));
    left -= frame->head_len;
    for (unsigned i = 0; i < frame->slice_count; i++) {
        struct bytes *slice = &frame->slices[i];

        slice->len = min_size(slice->len, left);
        left -= slice->len;
        if (slice->len == 0)
            frame->slice_count = i; /* none has been empty: the rest is cut */
    }
}

void frame_add_slice(struct frame *frame, struct bytes slice)
{
    if (slice.len == 0)
        return;
    assert(frame->slice_count < FRAME_SLICES);
    frame->slices[frame->slice_count++] = slice;
}

/* What of `piece` lies behind *skip and fits into `room`; the count. */
static size_t copy_piece(struct bytes piece, size_t *skip, uint8_t *to,
                         size_t room)
{
    size_t skipped = min_size(*skip, piece.len);
    size_t len = min_size(piece.len - skipped, room);

    if (len > 0)
        memcpy(to, piece.data + skipped, len);
    *skip -= skipped;
    return len;
}

size_t frame_copy(const struct frame *frame, size_t from, uint8_t *to,
                  size_t room)
{
    size_t copied = copy_piece(frame_head(frame), &from, to, room);

    for (unsigned i = 0; i < frame->slice_count; i++)
        copied +=
            copy_piece(frame->slices[i], &from, to + copied, room - copied);
    return copied;
}

size_t pieces_take_front(struct bytes *pieces, unsigned count, uint8_t *to,
                         size_t len)
{
    size_t taken = 0;

    for (unsigned i = 0; i < count && taken < len; i++) {
        size_t part = min_size(pieces[i].len, len - taken);

        if (part > 0)
            memcpy(to + taken, pieces[i].data, part);
        pieces[i] = bytes_from(pieces[i], part);
        taken += part;
    }
    return taken;
}

void frame_leave_checksum(struct frame *frame, size_t csum_offset)
{
    assert(csum_offset + 2 <= frame->head_len);
    frame->offload.checksum = FRAME_CHECKSUM_ABSENT;
    frame->offload.csum_back = (uint16_t)frame->head_len;
    frame->offload.csum_offset = (uint16_t)csum_offset;
}

void frame_fill_checksum(struct frame *frame)
{
    struct frame_offload *offload = &frame->offload;

    if (offload->checksum != FRAME_CHECKSUM_ABSENT)
        return;
    assert(offload->csum_back <= frame->head_len &&
           offload->csum_offset + 2 <= offload->csum_back);

    size_t transport = frame->head_len - offload->csum_back;
    struct checksum sum = {0};
    uint16_t checksum;

    checksum_add_frame(&sum, frame, transport);
    checksum = checksum_finish(&sum);
    /* RFC 768: 0 would mean that the sender took none. */
    if (checksum == 0 && offload->csum_offset == UDP_CSUM_OFFSET)
        checksum = 0xffff;
    put_be16(frame->head + transport + offload->csum_offset, checksum);
    offload->checksum = FRAME_CHECKSUM_COMPLETE;
}
