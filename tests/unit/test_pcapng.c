#include "unit.h"

#include "netdev/loopback.h"
#include "netdev/pcapng.h"
#include "netdev/wire.h"
#include "packets.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    FILE_MAX = 1000000,
    BLOCKS_MAX = 400,
    INTERFACE = 1,
    STATISTICS = 5,
    PACKET = 6
};

static const usec epoch = 1000000000 * USEC_PER_SEC;

static uint8_t data[65535];
static uint8_t content[FILE_MAX];

struct block {
    uint32_t type;
    char comment[PCAPNG_TEXT_MAX + 1];
    uint32_t direction;
    uint32_t captured;
    const uint8_t *bytes;
    usec at;
};

struct fixture {
    struct memory memory;
    struct netdev *dev; /* the recorder around one end of a wire */
    struct netdev *peer;
    char path[64];
    unsigned count;
    struct block blocks[BLOCKS_MAX];
};

/* As a stack would: what it knows of its drops. */
static void count_drops(void *context, struct pcapng_statistics *statistics)
{
    statistics->dropped = *(const uint64_t *)context;
    statistics->comment = "dropped: some";
}

static uint64_t drops = 5;

static void record_wire(struct fixture *f)
{
    struct wire_config wire = {
        .type = NETDEV_ETHERNET, .mtu = 1500, .queue_bytes = 1000000};
    struct pcapng_config config = {.interface = "tap0",
                                   .application = "Tapir",
                                   .epoch = epoch,
                                   .count = count_drops,
                                   .context = &drops};
    struct netdev *ends[2];
    int fd;

    memset(f, 0, sizeof(*f));
    memory_init(&f->memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&f->memory, &wire, ends), 0);
    f->peer = ends[1];
    strcpy(f->path, "/tmp/tapir-test-XXXXXX");
    fd = mkstemp(f->path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(
        pcapng_create(&f->memory, ends[0], f->path, &config, &f->dev), 0);
}

static struct bytes option(const uint8_t *at, const uint8_t *end, unsigned code)
{
    while (at + 4 <= end && get_be16(at) != 0) {
        size_t len = get_be16(at + 2);

        if (get_be16(at) == code)
            return bytes_of(at + 4, len);
        at += 4 + (len + 3) / 4 * 4;
    }
    return bytes_of(NULL, 0);
}

static void read_packet(struct block *block, const uint8_t *at, size_t len)
{
    size_t options;
    struct bytes text;
    struct bytes flags;

    block->at = (usec)((uint64_t)get_be32(at + 12) << 32 | get_be32(at + 16));
    block->captured = get_be32(at + 20);
    block->bytes = at + 28;
    options = 28 + (block->captured + 3) / 4 * 4;
    text = option(at + options, at + len - 4, 1);
    flags = option(at + options, at + len - 4, 2);
    if (text.len > 0)
        memcpy(block->comment, text.data, text.len);
    block->direction = flags.len == 4 ? get_be32(flags.data) : 0;
}

/* All blocks of the file, which must end with the last one. */
static void read_file(struct fixture *f)
{
    FILE *file = fopen(f->path, "r");
    size_t len = fread(content, 1, FILE_MAX, file);
    size_t at = 0;

    fclose(file);
    memset(f->blocks, 0, sizeof(f->blocks));
    for (f->count = 0; at < len; f->count++) {
        struct block *block = &f->blocks[f->count];
        uint32_t block_len = get_be32(content + at + 4);

        ck_assert_uint_lt(f->count, BLOCKS_MAX);
        ck_assert_uint_le(at + block_len, len);
        ck_assert_uint_eq(get_be32(content + at + block_len - 4), block_len);
        block->type = get_be32(content + at);
        if (block->type == PACKET)
            read_packet(block, content + at, block_len);
        at += block_len;
    }
}

static void end_recording(struct fixture *f)
{
    netdev_close(f->dev);
    netdev_close(f->peer);
    ck_assert_uint_eq(f->memory.used, 0);
    unlink(f->path);
}

static void send_text(struct netdev *dev, usec now, const char *text)
{
    struct frame frame = packet_frame(text, strlen(text));

    ck_assert_int_eq(netdev_transmit(dev, now, &frame), 0);
}

static void receive(struct fixture *f, usec now)
{
    struct frame frame;

    ck_assert_int_eq(netdev_receive(f->dev, now, &frame), 1);
}

/* The packet blocks: which way, and what is said of each. */
static void expect_packet(const struct fixture *f, unsigned block,
                          uint32_t direction, const char *text,
                          const char *comment)
{
    const struct block *is = &f->blocks[block];

    ck_assert_uint_eq(is->type, PACKET);
    ck_assert_uint_eq(is->direction, direction);
    ck_assert_uint_eq(is->captured, strlen(text));
    ck_assert_mem_eq(is->bytes, text, strlen(text));
    ck_assert_str_eq(is->comment, comment);
}

START_TEST(an_empty_recording_is_a_capture_at_once)
{
    struct fixture f;

    record_wire(&f);
    read_file(&f);
    ck_assert_uint_eq(f.count, 2);
    ck_assert_uint_eq(f.blocks[0].type, 0x0a0d0d0a);
    ck_assert_uint_eq(f.blocks[1].type, INTERFACE);
    end_recording(&f);
}
END_TEST

START_TEST(what_is_said_of_a_frame_while_it_is_in_hand_is_its_comment)
{
    struct fixture f;

    record_wire(&f);
    send_text(f.peer, 1, "question");
    send_text(f.peer, 1, "again");
    receive(&f, 2);
    pcapng_say_of_received(f.dev, "frame in 1");
    pcapng_say_of_received(f.dev, "DROPPED");
    pcapng_say_of_next(f.dev, "frame out 1");
    send_text(f.dev, 3, "answer");
    receive(&f, 4);
    send_text(f.dev, 5, "silent");
    pcapng_say_of_received(f.dev, "frame in 2");
    netdev_flush(f.dev, 5);

    read_file(&f);
    ck_assert_uint_eq(f.count, 6);
    expect_packet(&f, 2, PCAPNG_INBOUND, "question", "frame in 1; DROPPED");
    expect_packet(&f, 3, PCAPNG_OUTBOUND, "answer", "frame out 1");
    expect_packet(&f, 4, PCAPNG_INBOUND, "again", "frame in 2");
    expect_packet(&f, 5, PCAPNG_OUTBOUND, "silent", "");
    ck_assert_int_eq(f.blocks[2].at, epoch + 2);
    ck_assert_int_eq(f.blocks[3].at, epoch + 3);
    end_recording(&f);
}
END_TEST

START_TEST(a_frame_in_hand_waits_for_the_flush_and_no_longer)
{
    struct fixture f;

    record_wire(&f);
    send_text(f.peer, 1, "question");
    receive(&f, 2);
    read_file(&f);
    ck_assert_uint_eq(f.count, 2);
    netdev_flush(f.dev, 2);
    read_file(&f);
    ck_assert_uint_eq(f.count, 3);
    end_recording(&f);
}
END_TEST

/* Its memory is bounded: the order stays, and what is known by then. */
START_TEST(too_much_behind_a_frame_in_hand_releases_it)
{
    struct fixture f;
    struct frame frame;

    record_wire(&f);
    send_text(f.peer, 1, "question");
    receive(&f, 1);
    pcapng_say_of_received(f.dev, "known");
    for (unsigned i = 0; i < 5; i++) {
        PACKET_BUILD(&frame, data, .payload = 60000, .gso_size = 1460);
        ck_assert_int_eq(netdev_transmit(f.dev, 1, &frame), 0);
    }
    pcapng_say_of_received(f.dev, "too late");
    netdev_flush(f.dev, 1);
    read_file(&f);
    ck_assert_uint_eq(f.count, 3 + 5 * 42);
    expect_packet(&f, 2, PCAPNG_INBOUND, "question", "known");
    for (unsigned i = 3; i < f.count; i++)
        ck_assert_uint_eq(f.blocks[i].direction, PCAPNG_OUTBOUND);
    end_recording(&f);
}
END_TEST

START_TEST(each_packet_of_a_super_segment_has_the_comment)
{
    struct fixture f;
    struct frame frame;

    record_wire(&f);
    PACKET_BUILD(&frame, data, .payload = 3000, .gso_size = 1460);
    pcapng_say_of_next(f.dev, "frame out 1");
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    netdev_flush(f.dev, 0);
    read_file(&f);
    ck_assert_uint_eq(f.count, 5);
    for (unsigned i = 2; i < 5; i++) {
        ck_assert_str_eq(f.blocks[i].comment, "frame out 1");
        ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, f.blocks[i].bytes,
                                             f.blocks[i].captured));
    }
    end_recording(&f);
}
END_TEST

/* The last block of the file. */
static void expect_statistics(struct fixture *f, uint64_t received)
{
    const uint8_t *at = content;

    read_file(f);
    ck_assert_uint_eq(f->blocks[f->count - 1].type, STATISTICS);
    for (unsigned i = 0; i + 1 < f->count; i++)
        at += get_be32(at + 4);

    const uint8_t *end = at + get_be32(at + 4) - 4;

    ck_assert_uint_eq(get_be32(option(at + 20, end, 4).data + 4), received);
    ck_assert_uint_eq(get_be32(option(at + 20, end, 7).data + 4), drops);
    ck_assert_mem_eq(option(at + 20, end, 1).data, "dropped: some", 13);
}

START_TEST(statistics_come_now_and_then_and_at_the_end)
{
    struct fixture f;

    record_wire(&f);
    netdev_flush(f.dev, 0);
    send_text(f.peer, 1, "question");
    receive(&f, 1);
    netdev_flush(f.dev, 9 * USEC_PER_SEC);
    read_file(&f);
    ck_assert_uint_eq(f.count, 3);
    netdev_flush(f.dev, 10 * USEC_PER_SEC);
    expect_statistics(&f, 1);
    ck_assert_uint_eq(f.count, 4);
    netdev_flush(f.dev, 11 * USEC_PER_SEC);
    read_file(&f);
    ck_assert_uint_eq(f.count, 4);
    netdev_close(f.dev);
    expect_statistics(&f, 1);
    ck_assert_uint_eq(f.count, 5);
    netdev_close(f.peer);
    unlink(f.path);
}
END_TEST

/* For who must spare it, or close it: its name tells which it is. */
START_TEST(its_descriptor_is_told)
{
    char link[64];
    char name[64] = "";
    struct fixture f;

    record_wire(&f);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", netdev_held_fd(f.dev, 0));
    ck_assert_int_gt(readlink(link, name, sizeof(name) - 1), 0);
    ck_assert_str_eq(name, f.path);
    ck_assert_int_eq(netdev_held_fd(f.dev, 1), -1);
    end_recording(&f);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_leaves_the_device_alone)
{
    struct pcapng_config config = {.interface = "lo"};
    struct memory memory;
    struct netdev *dev = NULL;
    struct netdev *inner;
    size_t before;

    memory_init(&memory, SIZE_MAX);
    inner = loopback_create(&memory, 1000);
    before = memory.used;
    ck_assert_int_eq(
        pcapng_create(&memory, inner, "/nowhere/x.pcapng", &config, &dev),
        -ENOENT);
    ck_assert_ptr_null(dev);
    ck_assert_uint_eq(memory.used, before);
    netdev_close(inner);
}
END_TEST

START_TEST(a_full_disk_ends_the_recording_and_not_the_traffic)
{
    struct pcapng_config config = {.interface = "lo"};
    struct packets got = {0};
    struct memory memory;
    struct netdev *inner;
    struct netdev *dev;

    memory_init(&memory, SIZE_MAX);
    inner = loopback_create(&memory, 1000);
    ck_assert_int_eq(pcapng_create(&memory, inner, "/dev/full", &config, &dev),
                     0);
    send_text(dev, 0, "x");
    netdev_flush(dev, 0);
    ck_assert(!pcapng_is_complete(dev));
    packets_receive(&got, dev, 0);
    ck_assert_uint_eq(got.count, 1);
    netdev_close(dev);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

UNIT_MAIN("pcapng", an_empty_recording_is_a_capture_at_once,
          what_is_said_of_a_frame_while_it_is_in_hand_is_its_comment,
          a_frame_in_hand_waits_for_the_flush_and_no_longer,
          too_much_behind_a_frame_in_hand_releases_it,
          each_packet_of_a_super_segment_has_the_comment,
          statistics_come_now_and_then_and_at_the_end, its_descriptor_is_told,
          a_file_that_cannot_be_opened_leaves_the_device_alone,
          a_full_disk_ends_the_recording_and_not_the_traffic)
