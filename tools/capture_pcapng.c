/*
 * pcapng: draft-ietf-opsawg-pcapng section 4. A file is a list of blocks, each
 * with its length before and after it. Read are Section Header, Interface
 * Description, Enhanced, Simple and the obsolete Packet Blocks, and of their
 * options those that say when, which way, and what somebody wrote about it;
 * every other block and option is passed over by its length, as section 4.1
 * asks.
 */
#include "capture_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of each block, with its body and the length once more after it. */
enum { BLOCK_TYPE = 0, BLOCK_LENGTH = 4, BLOCK_BODY = 8, BLOCK_OVERHEAD = 12 };

#define BLOCK_SECTION_HEADER 0x0a0d0d0au
enum {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete */
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_ENHANCED_PACKET = 6
};

/* 4.1: it tells the byte order of the section. */
enum { SECTION_MAGIC = 0, SECTION_MAJOR = 4, SECTION_LEN = 16 };
#define SECTION_BYTE_ORDER 0x1a2b3c4du

/* 4.2 */
enum { INTERFACE_LINK_TYPE = 0, INTERFACE_SNAP_LEN = 4, INTERFACE_LEN = 8 };

/* 4.3, and appendix A for the obsolete one: they differ in the first word. */
enum {
    PACKET_INTERFACE = 0,
    PACKET_TIME_HIGH = 4,
    PACKET_TIME_LOW = 8,
    PACKET_CAPTURED = 12,
    PACKET_ORIGINAL = 16,
    PACKET_LEN = 20
};

/* 4.4 */
enum { SIMPLE_ORIGINAL = 0, SIMPLE_LEN = 4 };

/* 3.5 */
enum { OPTION_CODE = 0, OPTION_LENGTH = 2, OPTION_VALUE = 4 };
enum {
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_PACKET_FLAGS = 2, /* of a packet: bits 0 and 1 are the direction */
    OPTION_TIME_RESOLUTION = 9,
    OPTION_TIME_OFFSET = 14
};

#define NSEC_PER_SEC 1000000000u

struct option {
    unsigned code;
    uint8_t *value;
    size_t len;
};

static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

/*
 * The option at *at of `len` bytes of them, and moves *at past it. 1, 0 if that
 * was the last, -EBADMSG if it is longer than what is there.
 */
static int next_option(const struct capture_file *file, uint8_t *options,
                       size_t len, size_t *at, struct option *out)
{
    if (*at == len)
        return 0;
    if (len - *at < OPTION_VALUE)
        return -EBADMSG;
    out->code = capture_u16(file, options + *at + OPTION_CODE);
    out->len = capture_u16(file, options + *at + OPTION_LENGTH);
    out->value = options + *at + OPTION_VALUE;
    if (out->code == OPTION_END)
        return 0;
    if (padded(out->len) > len - *at - OPTION_VALUE)
        return -EBADMSG;
    *at += OPTION_VALUE + padded(out->len);
    return 1;
}

/* ---- Sections and interfaces ------------------------------------------- */

/* The rest of a Section Header Block, whose type has been read. 0, or an
 * error. */
static int read_section_header(struct capture_file *file)
{
    uint8_t header[4 + SECTION_LEN]; /* with the length before it */
    const uint8_t *body = header + 4;

    int r = capture_read_rest(file, header, sizeof(header));
    if (r < 0)
        return r;
    file->is_big_endian = get_be32(body + SECTION_MAGIC) == SECTION_BYTE_ORDER;
    if (capture_u32(file, body + SECTION_MAGIC) != SECTION_BYTE_ORDER ||
        capture_u16(file, body + SECTION_MAJOR) != 1)
        return -EBADMSG;

    uint32_t len = capture_u32(file, header);
    if (len < BLOCK_OVERHEAD + SECTION_LEN || len % 4 != 0 ||
        len > CAPTURE_BLOCK_MAX)
        return -EBADMSG;
    size_t options = len - BLOCK_OVERHEAD - SECTION_LEN;
    r = capture_read_block(file, 0, options + 4);
    if (r < 0)
        return r;
    if (capture_u32(file, file->block + options) != len)
        return -EBADMSG;
    file->interface_count = 0;
    return 0;
}

/* 4.2: a power of ten, or of two if the first bit is set. 0 if too fine. */
static uint64_t units_in_second(uint8_t resolution)
{
    unsigned power = resolution & 0x7f;
    uint64_t units = 1;

    if (resolution & 0x80)
        return power < 64 ? (uint64_t)1 << power : 0;
    if (power > 19)
        return 0;
    while (power-- > 0)
        units *= 10;
    return units;
}

static int take_interface_option(const struct capture_file *file,
                                 struct capture_interface *interface,
                                 const struct option *option)
{
    if (option->code == OPTION_TIME_RESOLUTION && option->len == 1) {
        interface->units = units_in_second(option->value[0]);
        return interface->units != 0 ? 0 : -EBADMSG;
    }
    if (option->code == OPTION_TIME_OFFSET && option->len == 8) {
        uint32_t first = capture_u32(file, option->value);
        uint32_t second = capture_u32(file, option->value + 4);
        uint64_t high = file->is_big_endian ? first : second;
        uint64_t low = file->is_big_endian ? second : first;

        interface->offset = (int64_t)(high << 32 | low);
    }
    return 0;
}

static int add_interface(struct capture_file *file,
                         const struct capture_interface *interface)
{
    if (file->interface_count == CAPTURE_INTERFACES_MAX)
        return -EBADMSG;
    if (file->interface_count == file->interface_room) {
        size_t room = file->interface_room == 0 ? 4 : file->interface_room * 2;
        struct capture_interface *larger =
            realloc(file->interfaces, room * sizeof(*larger));

        if (larger == NULL)
            return -ENOMEM;
        file->interfaces = larger;
        file->interface_room = room;
    }
    file->interfaces[file->interface_count++] = *interface;
    return 0;
}

static int take_interface(struct capture_file *file, uint8_t *body, size_t len)
{
    struct option option;
    size_t at = INTERFACE_LEN;
    int r;

    if (len < INTERFACE_LEN)
        return -EBADMSG;

    struct capture_interface interface = {
        .link_type = capture_u16(file, body + INTERFACE_LINK_TYPE),
        .snap_len = capture_u32(file, body + INTERFACE_SNAP_LEN),
        .units = 1000000, /* 4.2: if no option says otherwise */
    };
    while ((r = next_option(file, body, len, &at, &option)) == 1) {
        r = take_interface_option(file, &interface, &option);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : add_interface(file, &interface);
}

/* ---- Packets ----------------------------------------------------------- */

/* The part of a second, `units` to the second, in nanoseconds. */
static uint64_t nanoseconds(uint64_t part, uint64_t units)
{
    if (units % NSEC_PER_SEC == 0)
        return part / (units / NSEC_PER_SEC);
    /* Bits that are less than a nanosecond would not leave room to multiply. */
    while (units > (uint64_t)1 << 34) {
        part /= 2;
        units /= 2;
    }
    return part * NSEC_PER_SEC / units;
}

static int take_time(const struct capture_interface *interface, uint64_t ticks,
                     struct capture_record *out)
{
    const int64_t far = (int64_t)1 << 40; /* in usec too it fits */
    uint64_t seconds = ticks / interface->units;
    uint64_t ns = nanoseconds(ticks % interface->units, interface->units);

    if (seconds > (uint64_t)far || interface->offset > far ||
        interface->offset < -far)
        return -EBADMSG;
    out->has_time = true;
    out->time = ((int64_t)seconds + interface->offset) * USEC_PER_SEC +
                (usec)(ns / 1000);
    out->nsec = (unsigned)(ns % 1000);
    return 0;
}

/*
 * Comments are joined where they stand: the header of each, four bytes, leaves
 * room for the newline before it, or the NUL after the last.
 */
struct comments {
    char *text;
    size_t len;
};

static void add_comment(struct comments *comments, const struct option *option)
{
    if (comments->len > 0)
        comments->text[comments->len++] = '\n';
    memmove(comments->text + comments->len, option->value, option->len);
    comments->len += option->len;
}

static int take_packet_options(const struct capture_file *file,
                               uint8_t *options, size_t len,
                               struct capture_record *out)
{
    static const enum capture_direction direction[] = {
        CAPTURE_UNTOLD, CAPTURE_IN, CAPTURE_OUT, CAPTURE_UNTOLD};
    struct comments comments = {.text = (char *)options};
    struct option option;
    size_t at = 0;
    int r;

    while ((r = next_option(file, options, len, &at, &option)) == 1) {
        if (option.code == OPTION_COMMENT)
            add_comment(&comments, &option);
        else if (option.code == OPTION_PACKET_FLAGS && option.len == 4)
            out->direction = direction[capture_u32(file, option.value) & 3];
    }
    if (r == 0 && comments.len > 0) {
        comments.text[comments.len] = '\0';
        out->comment = comments.text;
    }
    return r;
}

/* An Enhanced Packet Block, or one of its obsolete kind. */
static int take_packet(const struct capture_file *file, uint32_t type,
                       uint8_t *body, size_t len, struct capture_record *out)
{
    if (len < PACKET_LEN)
        return -EBADMSG;

    uint32_t captured = capture_u32(file, body + PACKET_CAPTURED);
    uint32_t index = type == BLOCK_PACKET
                         ? capture_u16(file, body + PACKET_INTERFACE)
                         : capture_u32(file, body + PACKET_INTERFACE);
    if (captured > CAPTURE_PACKET_MAX || padded(captured) > len - PACKET_LEN ||
        index >= file->interface_count)
        return -EBADMSG;

    const struct capture_interface *interface = &file->interfaces[index];
    uint64_t ticks = (uint64_t)capture_u32(file, body + PACKET_TIME_HIGH)
                         << 32 |
                     capture_u32(file, body + PACKET_TIME_LOW);
    size_t options = PACKET_LEN + padded(captured);
    *out = (struct capture_record){
        .interface = index,
        .link_type = interface->link_type,
        .data = bytes_of(body + PACKET_LEN, captured),
        .original_len = capture_u32(file, body + PACKET_ORIGINAL),
    };
    int r = take_time(interface, ticks, out);
    return r < 0
               ? r
               : take_packet_options(file, body + options, len - options, out);
}

/* 4.4: of interface 0; how much was captured follows from its limit. */
static int take_simple_packet(const struct capture_file *file,
                              const uint8_t *body, size_t len,
                              struct capture_record *out)
{
    if (len < SIMPLE_LEN || file->interface_count == 0)
        return -EBADMSG;

    const struct capture_interface *interface = &file->interfaces[0];
    uint32_t original = capture_u32(file, body + SIMPLE_ORIGINAL);
    uint32_t captured = interface->snap_len == 0
                            ? original
                            : min_u32(original, interface->snap_len);
    if (captured > CAPTURE_PACKET_MAX || captured > len - SIMPLE_LEN)
        return -EBADMSG;
    *out = (struct capture_record){
        .link_type = interface->link_type,
        .data = bytes_of(body + SIMPLE_LEN, captured),
        .original_len = original,
    };
    return 0;
}

/* ---- Blocks ------------------------------------------------------------ */

static int pass_over(struct capture_file *file, size_t len)
{
    uint8_t part[4096];

    while (len > 0) {
        size_t now = min_size(len, sizeof(part));
        int r = capture_read_rest(file, part, now);

        if (r < 0)
            return r;
        len -= now;
    }
    return 0;
}

static bool is_read(uint32_t type)
{
    return type == BLOCK_INTERFACE || type == BLOCK_PACKET ||
           type == BLOCK_SIMPLE_PACKET || type == BLOCK_ENHANCED_PACKET;
}

/* 1 if the block was a packet, 0 if it was another one. */
static int take_block(struct capture_file *file, uint32_t type, uint32_t len,
                      struct capture_record *out)
{
    size_t body = len - BLOCK_OVERHEAD;
    bool is_packet = type != BLOCK_INTERFACE;

    if (len > CAPTURE_BLOCK_MAX)
        return -EBADMSG;
    int r = capture_read_block(file, 0, body + 4);
    if (r < 0)
        return r;
    if (capture_u32(file, file->block + body) != len)
        return -EBADMSG;
    if (type == BLOCK_INTERFACE)
        r = take_interface(file, file->block, body);
    else if (type == BLOCK_SIMPLE_PACKET)
        r = take_simple_packet(file, file->block, body, out);
    else
        r = take_packet(file, type, file->block, body, out);
    return r < 0 ? r : is_packet;
}

/* One block: 1 a packet, 0 another one; -ENOENT if there is none. */
static int read_block(struct capture_file *file, struct capture_record *out)
{
    uint8_t header[BLOCK_BODY];

    int r = capture_read(file, header, 4);
    if (r != 1)
        return r == 0 ? -ENOENT : r;
    if (get_be32(header) == BLOCK_SECTION_HEADER)
        return read_section_header(file);
    r = capture_read_rest(file, header + BLOCK_LENGTH, 4);
    if (r < 0)
        return r;

    uint32_t type = capture_u32(file, header + BLOCK_TYPE);
    uint32_t len = capture_u32(file, header + BLOCK_LENGTH);
    if (len < BLOCK_OVERHEAD || len % 4 != 0)
        return -EBADMSG;
    return is_read(type) ? take_block(file, type, len, out)
                         : pass_over(file, len - BLOCK_BODY);
}

static int pcapng_next(struct capture_file *file, struct capture_record *out)
{
    int r;

    do
        r = read_block(file, out);
    while (r == 0);
    return r == -ENOENT ? 0 : r;
}

int capture_pcapng_begin(struct capture_file *file)
{
    int r = read_section_header(file);

    file->next = pcapng_next;
    return r == -ENODATA ? -EBADMSG : r;
}
