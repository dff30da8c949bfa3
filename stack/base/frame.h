/*
 * The frame: what a packet is inside Tapir, in both directions.
 *
 * `head` is contiguous and holds all headers. On input it points into the
 * device's receive buffer, and each layer pulls its header off the front as
 * it parses it; what was pulled is still there, before `head`. On output it
 * lies in the frame's own store, and each layer pushes its header before what
 * is there. `slices` are borrowed payload that follows the head: on input the
 * part that the device did not put behind the headers, on output the sender's
 * data as it lies in its ring.
 *
 * A frame lives on its creator's stack and nobody frees it. Slices stay valid
 * until the device's flush, which ends the pass; the head only until transmit
 * returns. A device that batches copies the head: some hundred bytes, cheaper
 * than an arena whose entries would have to be kept apart.
 */
#ifndef TAPIR_BASE_FRAME_H
#define TAPIR_BASE_FRAME_H

#include "base/bytes.h"

#include <stdbool.h>
#include <sys/uio.h>

struct iface;

enum {
    FRAME_HEADROOM = 128, /* for headers, and those of a tunnel around them */
    FRAME_STORE = 256,    /* headroom and a head's own bytes */
    FRAME_SLICES = 4
};

/*
 * What is known of the transport checksum, as the virtio header tells it.
 *
 * On input ABSENT means: from this same machine, never on a network, counts as
 * verified. The bytes must be completed before they are corrupted, captured or
 * forwarded: see netdev/whole.h.
 */
enum frame_checksum {
    FRAME_CHECKSUM_COMPLETE = 0, /* in the packet; on input: not yet verified */
    FRAME_CHECKSUM_VERIFIED,     /* input: somebody we trust has checked it */
    FRAME_CHECKSUM_ABSENT        /* only the pseudo header's sum is there yet */
};

enum frame_gso {
    FRAME_GSO_NONE = 0,
    FRAME_GSO_TCPV4,
    FRAME_GSO_TCPV6,
    FRAME_GSO_UDP_L4
};

/*
 * Work that is left to the device's edge. Offsets count from the end of the
 * head: its front moves with each header that is pushed, its end does not.
 */
struct frame_offload {
    enum frame_checksum checksum;
    uint16_t csum_back;   /* the transport header begins so far before the
                             end of the head */
    uint16_t csum_offset; /* the checksum field, from the transport header */
    enum frame_gso gso;
    uint16_t gso_size; /* payload bytes of each segment when cut */
};

/* Where a device may put what follows the first `head_len` bytes of a frame. */
struct frame_place {
    size_t head_len;
    struct iovec pieces[2];
    unsigned count;
};

struct frame {
    struct iface *iface;
    struct frame_offload offload;
    uint8_t *head;
    size_t head_len;
    struct bytes slices[FRAME_SLICES];
    unsigned slice_count;
    bool is_placed;  /* input: the slices lie where a struct frame_place said,
                        and there is room for them behind the head */
    uint64_t number; /* input: the how-manieth frame of its stack */
    const uint8_t *start; /* input: where the head began, before any header was
                             pulled; output: NULL */
    uint8_t store[FRAME_STORE]; /* last: nobody clears it */
};

/* An empty frame to be built from the innermost header outwards. */
void frame_init_output(struct frame *frame);

/*
 * A received frame: `data` becomes the head. It must stay valid and unchanged
 * until the device's flush.
 */
void frame_init_input(struct frame *frame, struct iface *iface, uint8_t *data,
                      size_t len);

/*
 * A received frame, all of it its head, was read to a place: the first bytes
 * lie where they would anyway, the next ones in the place's pieces, and what
 * these do not hold again where it would lie anyway.
 */
void frame_place(struct frame *frame, const struct frame_place *place);

/* As if there had been no place: the bytes are copied back. */
void frame_unplace(struct frame *frame);

/*
 * Makes room for a header of `len` bytes before the head and returns where it
 * begins. The headroom must suffice: headers have fixed largest sizes.
 */
static inline uint8_t *frame_push(struct frame *frame, size_t len)
{
    assert(len <= (size_t)(frame->head - frame->store));
    frame->head -= len;
    frame->head_len += len;
    return frame->head;
}

/* Strips `len` bytes, which the head must hold, off its front. */
static inline void frame_pull(struct frame *frame, size_t len)
{
    assert(len <= frame->head_len);
    frame->head += len;
    frame->head_len -= len;
}

/* Cuts the frame (head and slices together) down to its first `len` bytes. */
void frame_trim(struct frame *frame, size_t len);

/* Appends borrowed payload. Nothing happens for a slice without bytes. */
void frame_add_slice(struct frame *frame, struct bytes slice);

/*
 * Moves up to `len` bytes off the front of `count` pieces to `to`, however they
 * are cut; the count.
 */
size_t pieces_take_front(struct bytes *pieces, unsigned count, uint8_t *to,
                         size_t len);

/* Bytes of head and slices together. */
static inline size_t frame_len(const struct frame *frame)
{
    size_t len = frame->head_len;

    for (unsigned i = 0; i < frame->slice_count; i++)
        len += frame->slices[i].len;
    return len;
}

/* The head as it is now. */
static inline struct bytes frame_head(const struct frame *frame)
{
    return bytes_of(frame->head, frame->head_len);
}

/* Copies up to `room` bytes from `from` bytes into the frame; the count. */
size_t frame_copy(const struct frame *frame, size_t from, uint8_t *to,
                  size_t room);

/*
 * The transport checksum of an output frame, whose head begins with the
 * transport header now and whose checksum field, at `csum_offset`, holds the
 * pseudo header's sum (not complemented), is left to the device's edge.
 */
void frame_leave_checksum(struct frame *frame, size_t csum_offset);

/*
 * Does now what frame_leave_checksum put off: for a device that cannot. The
 * frame must not need cutting.
 */
void frame_fill_checksum(struct frame *frame);

#endif
