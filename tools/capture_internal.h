/*
 * What the readers of the two formats share: the file, its byte order, and the
 * buffer that holds one record.
 */
#ifndef TAPIR_TOOLS_CAPTURE_INTERNAL_H
#define TAPIR_TOOLS_CAPTURE_INTERNAL_H

#include "capture_file.h"

#include <stdio.h>

struct capture_interface {
    uint32_t link_type;
    uint32_t snap_len; /* 0: no limit */
    uint64_t units;    /* of its timestamps, in a second */
    int64_t offset;    /* seconds to add */
};

struct capture_file {
    FILE *stream;
    int (*next)(struct capture_file *file, struct capture_record *out);
    bool is_big_endian;
    int error; /* sticky */
    uint64_t count;
    uint8_t *block; /* as long as the longest record yet */
    size_t block_size;
    uint32_t link_type;                   /* pcap: of all records */
    unsigned ticks_per_usec;              /* pcap: 1, or 1000 */
    struct capture_interface *interfaces; /* pcapng: of this section */
    size_t interface_count;
    size_t interface_room;
};

static inline uint16_t capture_u16(const struct capture_file *file,
                                   const uint8_t *at)
{
    return file->is_big_endian ? get_be16(at)
                               : (uint16_t)(at[0] | (unsigned)at[1] << 8);
}

static inline uint32_t capture_u32(const struct capture_file *file,
                                   const uint8_t *at)
{
    return file->is_big_endian ? get_be32(at)
                               : (uint32_t)capture_u16(file, at) |
                                     (uint32_t)capture_u16(file, at + 2) << 16;
}

/*
 * 1, or 0 if the file ended before the first byte. -ENODATA if it ended after
 * that, -EIO.
 */
MUST_CHECK int capture_read(struct capture_file *file, void *out, size_t len);

/* As capture_read, but an end before the first byte is -ENODATA too. */
MUST_CHECK int capture_read_rest(struct capture_file *file, void *out,
                                 size_t len);

/* The next `len` bytes to file->block, which has room from `at` on. */
MUST_CHECK int capture_read_block(struct capture_file *file, size_t at,
                                  size_t len);

/* Each after the first four bytes of the file, `magic`. */
MUST_CHECK int capture_pcap_begin(struct capture_file *file,
                                  const uint8_t magic[4]);
MUST_CHECK int capture_pcapng_begin(struct capture_file *file);

#endif
