#include "unit.h"

#include "netdev/callback.h"
#include "packets.h"

static uint8_t data[65535];

static struct netdev *open_callback(struct memory *memory,
                                    struct packets *packets)
{
    struct callback_config config = {.type = NETDEV_IP,
                                     .mtu = 1280,
                                     .transmit = packets_add,
                                     .context = packets};
    struct netdev *dev;

    memory_init(memory, SIZE_MAX);
    dev = callback_create(memory, &config);
    ck_assert_ptr_nonnull(dev);
    return dev;
}

START_TEST(the_function_is_called_with_whole_packets)
{
    struct packets got = {0};
    struct memory memory;
    struct netdev *dev = open_callback(&memory, &got);
    struct frame frame;

    PACKET_BUILD(&frame, data, .type = NETDEV_IP, .payload = 2000,
                 .gso_size = 1240);
    ck_assert_int_eq(netdev_transmit(dev, 0, &frame), 0);
    ck_assert_uint_eq(got.count, 2);
    ck_assert(packet_checksums_are_right(NETDEV_IP, got.data[0], got.len[0]));
    ck_assert(packet_checksums_are_right(NETDEV_IP, got.data[1], got.len[1]));
    netdev_close(dev);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(nothing_is_received_and_nothing_is_to_be_waited_for)
{
    struct packets got = {0};
    struct memory memory;
    struct netdev *dev = open_callback(&memory, &got);
    struct frame frame = packet_frame("x", 1);

    ck_assert_int_eq(netdev_transmit(dev, 0, &frame), 0);
    ck_assert_int_eq(netdev_receive(dev, 0, &frame), 0);
    ck_assert_int_eq(netdev_deadline(dev), USEC_NEVER);
    ck_assert_int_eq(netdev_poll_fd(dev), -1);
    netdev_flush(dev, 0);
    netdev_close(dev);
}
END_TEST

START_TEST(the_device_is_as_configured)
{
    struct packets got = {0};
    struct memory memory;
    struct netdev *dev = open_callback(&memory, &got);

    ck_assert_int_eq(dev->type, NETDEV_IP);
    ck_assert_uint_eq(dev->mtu, 1280);
    ck_assert_uint_eq(dev->max_gso, 0);
    ck_assert(!dev->fills_checksum);
    netdev_close(dev);
}
END_TEST

START_TEST(without_memory_there_is_no_device)
{
    struct callback_config config = {.transmit = packets_add};
    struct memory memory;

    memory_init(&memory, 10);
    ck_assert_ptr_null(callback_create(&memory, &config));
}
END_TEST

UNIT_MAIN("callback", the_function_is_called_with_whole_packets,
          nothing_is_received_and_nothing_is_to_be_waited_for,
          the_device_is_as_configured, without_memory_there_is_no_device)
