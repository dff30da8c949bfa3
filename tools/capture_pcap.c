/*
 * The classic format of libpcap: draft-ietf-opsawg-pcap sections 4 and 5. The
 * magic number tells the writer's byte order and the unit of the fractions.
 */
#include "capture_internal.h"

#include <errno.h>

/* After the magic number. */
enum { HEADER_MAJOR = 0, HEADER_LINK_TYPE = 16, HEADER_LEN = 20 };

enum {
    RECORD_SECONDS = 0,
    RECORD_FRACTION = 4,
    RECORD_CAPTURED = 8,
    RECORD_ORIGINAL = 12,
    RECORD_HEADER_LEN = 16
};

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS 0xa1b23c4du

/* Above it stands the length of a frame check sequence. */
#define LINK_TYPE_MASK 0xffffu

static int pcap_next(struct capture_file *file, struct capture_record *out)
{
    uint8_t header[RECORD_HEADER_LEN];

    int r = capture_read(file, header, sizeof(header));
    if (r != 1)
        return r;

    uint32_t captured = capture_u32(file, header + RECORD_CAPTURED);
    if (captured > CAPTURE_PACKET_MAX)
        return -EBADMSG;
    r = capture_read_block(file, 0, captured);
    if (r < 0)
        return r;

    uint32_t fraction = capture_u32(file, header + RECORD_FRACTION);
    *out = (struct capture_record){
        .has_time = true,
        .time = capture_u32(file, header + RECORD_SECONDS) * USEC_PER_SEC +
                fraction / file->ticks_per_usec,
        .nsec = fraction % file->ticks_per_usec,
        .link_type = file->link_type,
        .data = bytes_of(file->block, captured),
        .original_len = capture_u32(file, header + RECORD_ORIGINAL),
    };
    return 1;
}

/* Sets the byte order and the unit; false if it is no magic number of these. */
static bool understand_magic(struct capture_file *file, const uint8_t *magic)
{
    for (int big = 0; big <= 1; big++) {
        file->is_big_endian = big;
        file->ticks_per_usec = 1;
        if (capture_u32(file, magic) == MAGIC_MICROSECONDS)
            return true;
        file->ticks_per_usec = 1000;
        if (capture_u32(file, magic) == MAGIC_NANOSECONDS)
            return true;
    }
    return false;
}

int capture_pcap_begin(struct capture_file *file, const uint8_t magic[4])
{
    uint8_t header[HEADER_LEN];

    if (!understand_magic(file, magic))
        return -EBADMSG;
    int r = capture_read_rest(file, header, sizeof(header));
    if (r < 0)
        return r == -ENODATA ? -EBADMSG : r;
    if (capture_u16(file, header + HEADER_MAJOR) != 2)
        return -EBADMSG;
    file->link_type =
        capture_u32(file, header + HEADER_LINK_TYPE) & LINK_TYPE_MASK;
    file->next = pcap_next;
    return 0;
}
