/*
 * Blocks of pcapng: section 3.1 of the draft has the general shape (type,
 * length, body, length again), 3.5 the options, 4.1 to 4.6 the blocks.
 */
#include "netdev/pcapng_block.h"

#include <stdbool.h>
#include <string.h>

enum block_type {
    SECTION_HEADER = 0x0a0d0d0a,
    INTERFACE_DESCRIPTION = 1,
    INTERFACE_STATISTICS = 5,
    ENHANCED_PACKET = 6
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum option_code {
    END_OF_OPTIONS = 0,
    COMMENT = 1,
    SECTION_APPLICATION = 4,
    INTERFACE_NAME = 2,
    INTERFACE_TSRESOL = 9,
    PACKET_FLAGS = 2,
    STATISTICS_START = 2,
    STATISTICS_END = 3,
    STATISTICS_RECEIVED = 4,
    STATISTICS_MISSED = 5,
    STATISTICS_DROPPED = 7
};

enum { TSRESOL_MICROSECONDS = 6 /* 10^-6 */ };

/* A block that is being written. Once something did not fit, nothing does. */
struct block {
    uint8_t *data;
    size_t room;
    size_t len;
    bool is_cut;
};

/* Room for `len` bytes and zeros up to a multiple of 4; NULL: there is none. */
static uint8_t *put(struct block *block, size_t len)
{
    size_t padded = (len + 3) & ~(size_t)3;
    uint8_t *at = block->data + block->len;

    if (block->is_cut || padded > block->room - block->len) {
        block->is_cut = true;
        return NULL;
    }
    memset(at + len, 0, padded - len);
    block->len += padded;
    return at;
}

static void put_bytes(struct block *block, const void *data, size_t len)
{
    uint8_t *at = put(block, len);

    if (at != NULL && len > 0)
        memcpy(at, data, len);
}

static void put_u32(struct block *block, uint32_t value)
{
    uint8_t *at = put(block, 4);

    if (at != NULL)
        put_be32(at, value);
}

static void put_two_u16(struct block *block, uint32_t first, uint32_t second)
{
    put_u32(block, first << 16 | second);
}

/* A time as well: its high half comes first, in any byte order. */
static void put_u64(struct block *block, uint64_t value)
{
    put_u32(block, (uint32_t)(value >> 32));
    put_u32(block, (uint32_t)value);
}

static struct block begin(uint8_t *to, size_t room, enum block_type type)
{
    struct block block = {.data = to, .room = room};

    put_u32(&block, type);
    put_u32(&block, 0); /* the length: at the end it is known */
    return block;
}

static size_t end(struct block *block)
{
    uint32_t len = (uint32_t)block->len + 4;

    put_u32(block, len);
    if (block->is_cut)
        return 0;
    put_be32(block->data + 4, len);
    return len;
}

/* ---- Options, section 3.5 ---------------------------------------------- */

static void put_text(struct block *block, enum option_code code,
                     const char *text)
{
    size_t len = text == NULL ? 0 : strnlen(text, PCAPNG_TEXT_MAX);

    if (len == 0)
        return;
    put_two_u16(block, code, (uint32_t)len);
    put_bytes(block, text, len);
}

static void put_u64_option(struct block *block, enum option_code code,
                           uint64_t value)
{
    put_two_u16(block, code, 8);
    put_u64(block, value);
}

static void end_options(struct block *block)
{
    put_two_u16(block, END_OF_OPTIONS, 0);
}

/* ---- Blocks, section 4 ------------------------------------------------- */

size_t pcapng_put_section(uint8_t *to, size_t room, const char *application)
{
    struct block block = begin(to, room, SECTION_HEADER);

    put_u32(&block, BYTE_ORDER_MAGIC);
    put_two_u16(&block, 1, 0); /* version 1.0 */
    put_u32(&block, UINT32_MAX);
    put_u32(&block, UINT32_MAX); /* of a length that is not known yet */
    put_text(&block, SECTION_APPLICATION, application);
    end_options(&block);
    return end(&block);
}

size_t pcapng_put_interface(uint8_t *to, size_t room,
                            const struct pcapng_interface *from)
{
    struct block block = begin(to, room, INTERFACE_DESCRIPTION);
    uint8_t resolution = TSRESOL_MICROSECONDS;

    put_two_u16(&block, from->linktype, 0);
    put_u32(&block, from->snaplen);
    put_text(&block, INTERFACE_NAME, from->name);
    put_two_u16(&block, INTERFACE_TSRESOL, sizeof(resolution));
    put_bytes(&block, &resolution, sizeof(resolution));
    end_options(&block);
    return end(&block);
}

size_t pcapng_put_packet(uint8_t *to, size_t room,
                         const struct pcapng_packet *from)
{
    struct block block = begin(to, room, ENHANCED_PACKET);

    put_u32(&block, from->interface);
    put_u64(&block, (uint64_t)from->at);
    put_u32(&block, (uint32_t)from->data.len);
    put_u32(&block, from->original_len);
    put_bytes(&block, from->data.data, from->data.len);
    put_text(&block, COMMENT, from->comment);
    put_two_u16(&block, PACKET_FLAGS, 4);
    put_u32(&block, from->direction);
    end_options(&block);
    return end(&block);
}

size_t pcapng_put_statistics(uint8_t *to, size_t room,
                             const struct pcapng_statistics *from)
{
    struct block block = begin(to, room, INTERFACE_STATISTICS);

    put_u32(&block, from->interface);
    put_u64(&block, (uint64_t)from->at);
    put_text(&block, COMMENT, from->comment);
    put_u64_option(&block, STATISTICS_START, (uint64_t)from->start);
    put_u64_option(&block, STATISTICS_END, (uint64_t)from->at);
    put_u64_option(&block, STATISTICS_RECEIVED, from->received);
    put_u64_option(&block, STATISTICS_MISSED, from->missed);
    put_u64_option(&block, STATISTICS_DROPPED, from->dropped);
    end_options(&block);
    return end(&block);
}
