#include "unit.h"

#include "netdev/faults.h"
#include "netdev/loopback.h"
#include "netdev/pcap.h"
#include "netdev/seqpacket.h"
#include "netdev/wire.h"
#include "packets.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_HEADER_LEN = 24, RECORD_HEADER_LEN = 16, FILE_MAX = 200000 };

static const usec epoch = 1000000000 * USEC_PER_SEC + 999999;

static uint8_t data[65535];

struct fixture {
    struct memory memory;
    struct netdev *dev; /* the recorder around one end of a wire */
    struct netdev *peer;
    char path[64];
    uint8_t content[FILE_MAX];
    size_t len;
};

static void make_path(struct fixture *f)
{
    strcpy(f->path, "/tmp/tapir-test-XXXXXX");

    int fd = mkstemp(f->path);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void record(struct fixture *f, struct netdev *inner)
{
    ck_assert_ptr_nonnull(inner);
    make_path(f);
    ck_assert_int_eq(pcap_create(&f->memory, inner, f->path, epoch, &f->dev),
                     0);
}

static void record_wire(struct fixture *f)
{
    struct wire_config config = {
        .type = NETDEV_ETHERNET, .mtu = 1500, .queue_bytes = 100000};
    struct netdev *ends[2];

    memory_init(&f->memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&f->memory, &config, ends), 0);
    f->peer = ends[1];
    record(f, ends[0]);
}

static void record_loopback(struct fixture *f)
{
    memory_init(&f->memory, SIZE_MAX);
    f->peer = NULL;
    record(f, loopback_create(&f->memory, 100000));
}

static void end_recording(struct fixture *f)
{
    netdev_close(f->dev);
    if (f->peer != NULL)
        netdev_close(f->peer);
    ck_assert_uint_eq(f->memory.used, 0);
    unlink(f->path);
}

static void read_file(struct fixture *f)
{
    FILE *file = fopen(f->path, "r");

    ck_assert_ptr_nonnull(file);
    f->len = fread(f->content, 1, FILE_MAX, file);
    fclose(file);
}

/* The packets of the file; when each of them is dated. */
static void read_records(struct fixture *f, struct packets *packets,
                         usec times[PACKETS_MAX])
{
    size_t at = FILE_HEADER_LEN;

    read_file(f);
    while (at < f->len) {
        const uint8_t *header = f->content + at;
        uint32_t len = get_be32(header + 8);

        ck_assert_uint_le(at + RECORD_HEADER_LEN + len, f->len);
        ck_assert_uint_eq(get_be32(header + 12), len);
        times[packets->count] =
            get_be32(header) * USEC_PER_SEC + get_be32(header + 4);
        packets_add(packets, header + RECORD_HEADER_LEN, len);
        at += RECORD_HEADER_LEN + len;
    }
}

static void send_text(struct netdev *dev, usec now, const char *text)
{
    struct frame frame = packet_frame(text, strlen(text));

    ck_assert_int_eq(netdev_transmit(dev, now, &frame), 0);
}

static void expect_file_header(struct fixture *f, uint32_t linktype)
{
    read_file(f);
    ck_assert_uint_eq(f->len, FILE_HEADER_LEN);
    ck_assert_uint_eq(get_be32(f->content), 0xa1b2c3d4);
    ck_assert_uint_eq(get_be16(f->content + 4), 2);
    ck_assert_uint_eq(get_be16(f->content + 6), 4);
    ck_assert_uint_eq(get_be32(f->content + 16), 262144);
    ck_assert_uint_eq(get_be32(f->content + 20), linktype);
}

START_TEST(the_header_names_ethernet)
{
    struct fixture f;

    record_wire(&f);
    expect_file_header(&f, 1);
    end_recording(&f);
}
END_TEST

START_TEST(the_header_names_bare_ip)
{
    struct fixture f;

    record_loopback(&f);
    expect_file_header(&f, 101);
    end_recording(&f);
}
END_TEST

START_TEST(both_directions_are_recorded_with_their_time)
{
    struct packets there = {0};
    struct packets here = {0};
    struct packets file = {0};
    usec times[PACKETS_MAX];
    struct fixture f;

    record_wire(&f);
    send_text(f.dev, 1, "question");
    packets_receive(&there, f.peer, 1);
    send_text(f.peer, 5, "answer");
    packets_receive(&here, f.dev, 2 * USEC_PER_SEC);
    netdev_flush(f.dev, 2 * USEC_PER_SEC);

    ck_assert_uint_eq(there.count, 1);
    ck_assert_uint_eq(here.count, 1);
    read_records(&f, &file, times);
    ck_assert_uint_eq(file.count, 2);
    ck_assert_mem_eq(file.data[0], "question", 8);
    ck_assert_mem_eq(file.data[1], "answer", 6);
    ck_assert_int_eq(times[0], epoch + 1);
    ck_assert_int_eq(times[1], epoch + 2 * USEC_PER_SEC);
    end_recording(&f);
}
END_TEST

START_TEST(what_the_device_would_fill_in_is_in_the_file_both_ways)
{
    struct packets file = {0};
    usec times[PACKETS_MAX];
    struct frame frame;
    struct fixture f;

    record_loopback(&f);
    PACKET_BUILD(&frame, data, .type = NETDEV_IP, .payload = 1001);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 1);
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_ABSENT);
    netdev_flush(f.dev, 0);

    read_records(&f, &file, times);
    ck_assert_uint_eq(file.count, 2);
    for (unsigned i = 0; i < 2; i++)
        ck_assert(
            packet_checksums_are_right(NETDEV_IP, file.data[i], file.len[i]));
    end_recording(&f);
}
END_TEST

START_TEST(a_super_segment_is_recorded_as_packets)
{
    struct packets file = {0};
    usec times[PACKETS_MAX];
    struct frame frame;
    struct fixture f;

    record_wire(&f);
    PACKET_BUILD(&frame, data, .payload = 3000, .gso_size = 1460);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    netdev_flush(f.dev, 0);
    read_records(&f, &file, times);
    ck_assert_uint_eq(file.count, 3);
    end_recording(&f);
}
END_TEST

START_TEST(the_recorder_is_as_its_device)
{
    struct fixture f;

    record_loopback(&f);
    ck_assert_int_eq(f.dev->type, NETDEV_IP);
    ck_assert_uint_eq(f.dev->mtu, 65535);
    ck_assert(f.dev->fills_checksum);
    ck_assert_int_eq(netdev_poll_fd(f.dev), -1);
    ck_assert_int_eq(netdev_deadline(f.dev), USEC_NEVER);
    send_text(f.dev, 0, "x");
    ck_assert_int_eq(netdev_deadline(f.dev), 0);
    end_recording(&f);
}
END_TEST

static void expect_same_file(int fd, const char *path)
{
    struct stat of_fd;
    struct stat of_path;

    ck_assert_int_eq(fstat(fd, &of_fd), 0);
    ck_assert_int_eq(stat(path, &of_path), 0);
    ck_assert(of_fd.st_ino == of_path.st_ino);
}

START_TEST(its_file_and_what_the_device_inside_holds_are_told)
{
    static const struct faults none;
    static const struct hash_key seed;
    char why[NETDEV_WHY_MAX];
    struct netdev *inner;
    struct fixture f = {.peer = NULL};
    int ends[2];

    memory_init(&f.memory, SIZE_MAX);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    ck_assert_int_eq(seqpacket_take(ends[0], 0, &inner, why), 0);
    record(&f, faults_create(&f.memory, inner, &none, seed));
    expect_same_file(netdev_held_fd(f.dev, 0), f.path);
    ck_assert_int_eq(netdev_held_fd(f.dev, 1), ends[0]);
    ck_assert_int_eq(netdev_held_fd(f.dev, 2), -1);
    end_recording(&f);
    close(ends[1]);
}
END_TEST

START_TEST(the_devices_complaints_are_passed_on)
{
    struct frame frame = packet_frame("x", 1);
    struct fixture f;

    record_wire(&f);
    netdev_close(f.peer);
    f.peer = NULL;
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), -ENETDOWN);
    end_recording(&f);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_leaves_the_device_alone)
{
    struct memory memory;
    struct netdev *dev = NULL;
    struct netdev *inner;
    size_t before;

    memory_init(&memory, SIZE_MAX);
    inner = loopback_create(&memory, 1000);
    before = memory.used;
    ck_assert_int_eq(pcap_create(&memory, inner, "/nowhere/x.pcap", 0, &dev),
                     -ENOENT);
    ck_assert_ptr_null(dev);
    ck_assert_uint_eq(memory.used, before);
    netdev_close(inner);
}
END_TEST

START_TEST(a_full_disk_ends_the_recording_and_not_the_traffic)
{
    struct packets got = {0};
    struct memory memory;
    struct netdev *inner;
    struct netdev *dev;

    memory_init(&memory, SIZE_MAX);
    inner = loopback_create(&memory, 1000);
    ck_assert_int_eq(pcap_create(&memory, inner, "/dev/full", 0, &dev), 0);
    send_text(dev, 0, "x");
    netdev_flush(dev, 0);
    ck_assert(!pcap_is_complete(dev));
    packets_receive(&got, dev, 0);
    ck_assert_uint_eq(got.count, 1);
    netdev_close(dev);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(a_recording_that_was_written_is_complete)
{
    struct fixture f;

    record_loopback(&f);
    send_text(f.dev, 0, "x");
    netdev_flush(f.dev, 0);
    ck_assert(pcap_is_complete(f.dev));
    end_recording(&f);
}
END_TEST

UNIT_MAIN("pcap", the_header_names_ethernet, the_header_names_bare_ip,
          both_directions_are_recorded_with_their_time,
          what_the_device_would_fill_in_is_in_the_file_both_ways,
          a_super_segment_is_recorded_as_packets, the_recorder_is_as_its_device,
          its_file_and_what_the_device_inside_holds_are_told,
          the_devices_complaints_are_passed_on,
          a_file_that_cannot_be_opened_leaves_the_device_alone,
          a_full_disk_ends_the_recording_and_not_the_traffic,
          a_recording_that_was_written_is_complete)
