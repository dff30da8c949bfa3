#include "unit.h"

#include "netdev/faults.h"
#include "netdev/loopback.h"
#include "netdev/wire.h"
#include "packets.h"

#include <errno.h>

static uint8_t data[65535];

enum { NOT_ECT = 0, ECT_1 = 1, ECT_0 = 2, CE = 3 }; /* RFC 3168 5 */

static const struct hash_key seed = {.k0 = 1, .k1 = 2};

struct fixture {
    struct memory memory;
    struct netdev *dev;  /* faults around one end of a wire */
    struct netdev *peer; /* the other end */
};

static void open_faults_seeded(struct fixture *f, const struct faults *faults,
                               struct hash_key key)
{
    struct wire_config config = {
        .type = NETDEV_ETHERNET, .mtu = 1500, .queue_bytes = 16 << 20};
    struct netdev *ends[2];

    memory_init(&f->memory, SIZE_MAX);
    ck_assert_int_eq(wire_create(&f->memory, &config, ends), 0);
    f->dev = faults_create(&f->memory, ends[0], faults, key);
    ck_assert_ptr_nonnull(f->dev);
    f->peer = ends[1];
}

static void open_faults(struct fixture *f, const struct faults *faults)
{
    open_faults_seeded(f, faults, seed);
}

#define OPEN_FAULTS(f, ...) open_faults(f, &(struct faults){__VA_ARGS__})

static void close_faults(struct fixture *f)
{
    netdev_close(f->dev);
    netdev_close(f->peer);
    ck_assert_uint_eq(f->memory.used, 0);
}

static void send_number(struct netdev *dev, usec now, uint32_t number)
{
    uint8_t bytes[60] = {0};
    struct frame frame;

    put_be32(bytes, number);
    frame = packet_frame(bytes, sizeof(bytes));
    ck_assert_int_eq(netdev_transmit(dev, now, &frame), 0);
}

/* The next packet's number, or -1. */
static int64_t receive_number(struct netdev *dev, usec now)
{
    struct frame frame;

    if (netdev_receive(dev, now, &frame) != 1)
        return -1;
    ck_assert_uint_eq(frame.head_len, 60);
    ck_assert_int_eq(frame.offload.checksum, FRAME_CHECKSUM_COMPLETE);
    return get_be32(frame.head);
}

/* How many packets arrive of `count`, sent from the one to the other. */
static unsigned count_arrivals(struct netdev *from, struct netdev *to,
                               unsigned count)
{
    unsigned arrived = 0;

    for (unsigned i = 0; i < count; i++) {
        send_number(from, 0, i);
        while (receive_number(to, 0) >= 0)
            arrived++;
        netdev_flush(from, 0);
        netdev_flush(to, 0);
    }
    return arrived;
}

START_TEST(without_faults_all_passes_in_order)
{
    struct fixture f;

    OPEN_FAULTS(&f, .loss = 0);
    for (uint32_t i = 0; i < 100; i++) {
        send_number(f.dev, 0, i);
        send_number(f.peer, 0, 1000 + i);
    }
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_int_eq(receive_number(f.peer, 0), i);
        ck_assert_int_eq(receive_number(f.dev, 0), 1000 + i);
    }
    ck_assert_int_eq(receive_number(f.peer, 0), -1);
    ck_assert_int_eq(receive_number(f.dev, 0), -1);
    ck_assert_uint_eq(faults_counts(f.dev)->passed, 200);
    close_faults(&f);
}
END_TEST

START_TEST(as_many_are_lost_as_was_asked_for_both_ways)
{
    struct fixture f;

    OPEN_FAULTS(&f, .loss = 100000);
    unsigned out = count_arrivals(f.dev, f.peer, 10000);
    unsigned in = count_arrivals(f.peer, f.dev, 10000);

    /* the deviation is 30: 9000 +- 5 of them */
    ck_assert_uint_ge(out, 8850);
    ck_assert_uint_le(out, 9150);
    ck_assert_uint_ge(in, 8850);
    ck_assert_uint_le(in, 9150);
    ck_assert_uint_eq(faults_counts(f.dev)->lost, 20000 - out - in);
    ck_assert_uint_eq(faults_counts(f.dev)->passed, out + in);
    close_faults(&f);
}
END_TEST

START_TEST(certain_loss_loses_all)
{
    struct fixture f;

    OPEN_FAULTS(&f, .loss = 1000000);
    ck_assert_uint_eq(count_arrivals(f.dev, f.peer, 1000), 0);
    close_faults(&f);
}
END_TEST

/* What is on its way stays there. */
START_TEST(faults_are_changed_for_packets_from_then_on)
{
    struct fixture f;

    OPEN_FAULTS(&f, .delay = 1000);
    send_number(f.dev, 0, 1);
    faults_change(f.dev, 0, &(struct faults){.loss = 1000000});
    send_number(f.dev, 0, 2);
    faults_change(f.dev, 0, &(struct faults){.delay = 500});
    send_number(f.dev, 0, 3);
    netdev_flush(f.dev, 999);
    ck_assert_int_eq(receive_number(f.peer, 999), -1);
    netdev_flush(f.dev, 1000); /* in their order, whatever the delay is now */
    ck_assert_int_eq(receive_number(f.peer, 1000), 1);
    ck_assert_int_eq(receive_number(f.peer, 1000), 3);
    ck_assert_int_eq(receive_number(f.peer, 1000), -1);
    ck_assert_uint_eq(faults_counts(f.dev)->lost, 1);
    close_faults(&f);
}
END_TEST

START_TEST(duplicates_follow_their_packet)
{
    struct fixture f;

    OPEN_FAULTS(&f, .duplicate = 1000000);
    send_number(f.dev, 0, 1);
    send_number(f.dev, 0, 2);
    ck_assert_int_eq(receive_number(f.peer, 0), 1);
    ck_assert_int_eq(receive_number(f.peer, 0), 1);
    ck_assert_int_eq(receive_number(f.peer, 0), 2);
    ck_assert_int_eq(receive_number(f.peer, 0), 2);
    ck_assert_int_eq(receive_number(f.peer, 0), -1);
    ck_assert_uint_eq(faults_counts(f.dev)->duplicated, 2);
    close_faults(&f);
}
END_TEST

START_TEST(a_delayed_packet_leaves_when_it_is_due)
{
    struct fixture f;

    OPEN_FAULTS(&f, .delay = 10000);
    send_number(f.dev, 500, 1);
    netdev_flush(f.dev, 500);
    ck_assert_int_eq(netdev_deadline(f.dev), 10500);
    netdev_flush(f.dev, 10499);
    ck_assert_int_eq(receive_number(f.peer, 10499), -1);
    ck_assert_int_eq(receive_number(f.dev, 10500), -1); /* the step of time */
    ck_assert_int_eq(receive_number(f.peer, 10500), 1);
    ck_assert_int_eq(netdev_deadline(f.dev), USEC_NEVER);
    close_faults(&f);
}
END_TEST

START_TEST(a_delayed_packet_is_received_when_it_is_due)
{
    struct fixture f;

    OPEN_FAULTS(&f, .delay = 10000);
    send_number(f.peer, 500, 1);
    ck_assert_int_eq(netdev_deadline(f.dev), 0); /* the wire's */
    ck_assert_int_eq(receive_number(f.dev, 500), -1);
    ck_assert_int_eq(netdev_deadline(f.dev), 10500);
    netdev_flush(f.dev, 500);
    ck_assert_int_eq(receive_number(f.dev, 10499), -1);
    ck_assert_int_eq(receive_number(f.dev, 10500), 1);
    close_faults(&f);
}
END_TEST

START_TEST(jitter_keeps_the_order)
{
    struct fixture f;
    usec first = -1;
    usec last = -1;
    int64_t expected = 0;

    OPEN_FAULTS(&f, .delay = 10000, .jitter = 5000);
    for (uint32_t i = 0; i < 50; i++)
        send_number(f.dev, i * 100, i);
    for (usec now = 0; now < 30000; now += 10) {
        netdev_flush(f.dev, now);
        for (int64_t got; (got = receive_number(f.peer, now)) >= 0;) {
            ck_assert_int_eq(got, expected++);
            ck_assert_int_ge(now, got * 100 + 10000);
            last = now;
            if (first < 0)
                first = now;
        }
    }
    ck_assert_int_eq(expected, 50);
    ck_assert_int_lt(last, 4900 + 15000 + 10);
    ck_assert_int_gt(first, 10000);
    close_faults(&f);
}
END_TEST

START_TEST(a_reordered_packet_is_overtaken)
{
    struct fixture f;

    OPEN_FAULTS(&f, .reorder = 500000, .reorder_delay = 300);
    for (uint32_t i = 0; i < 8; i++)
        send_number(f.dev, 0, i);

    unsigned at_once = 0;

    while (receive_number(f.peer, 0) >= 0)
        at_once++;
    ck_assert_uint_gt(at_once, 0);
    ck_assert_uint_lt(at_once, 8);
    ck_assert_uint_eq(faults_counts(f.dev)->reordered, 8 - at_once);
    ck_assert_int_eq(netdev_deadline(f.dev), 300);
    netdev_flush(f.dev, 300);
    for (unsigned i = at_once; i < 8; i++)
        ck_assert_int_ge(receive_number(f.peer, 300), 0);
    close_faults(&f);
}
END_TEST

START_TEST(reordering_without_a_delay_takes_a_millisecond)
{
    struct fixture f;

    OPEN_FAULTS(&f, .reorder = 1000000);
    send_number(f.dev, 0, 1);
    ck_assert_int_eq(netdev_deadline(f.dev), 1000);
    close_faults(&f);
}
END_TEST

/* ---- The bottleneck ------------------------------------------------------ */

static void send_bytes(struct netdev *dev, usec now, uint8_t number, size_t len)
{
    uint8_t bytes[2000] = {number};
    struct frame frame = packet_frame(bytes, len);

    ck_assert_int_eq(netdev_transmit(dev, now, &frame), 0);
}

/* 1,500 bytes are 12,000 bits: 1.2 ms at 10 Mbit/s. */
START_TEST(a_rate_spaces_packets)
{
    struct fixture f;
    struct frame frame;

    OPEN_FAULTS(&f, .rate = 10000000, .delay = 5000);
    for (uint8_t i = 0; i < 10; i++)
        send_bytes(f.dev, 0, i, 1500);
    for (uint8_t i = 0; i < 10; i++) {
        usec due = 5000 + 1200 * (i + 1);

        ck_assert_int_eq(netdev_deadline(f.dev), due);
        netdev_flush(f.dev, due - 1);
        ck_assert_int_eq(netdev_receive(f.peer, due - 1, &frame), 0);
        netdev_flush(f.dev, due);
        ck_assert_int_eq(netdev_receive(f.peer, due, &frame), 1);
        ck_assert_uint_eq(frame.head[0], i);
    }
    close_faults(&f);
}
END_TEST

START_TEST(each_way_has_a_link_of_its_own)
{
    struct fixture f;
    struct frame frame;

    OPEN_FAULTS(&f, .rate = 10000000);
    send_bytes(f.dev, 0, 1, 1500);
    send_bytes(f.peer, 0, 2, 1500);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &frame), 0);
    ck_assert_int_eq(netdev_receive(f.dev, 1200, &frame), 1);
    netdev_flush(f.dev, 1200);
    ck_assert_int_eq(netdev_receive(f.peer, 1200, &frame), 1);
    close_faults(&f);
}
END_TEST

START_TEST(the_tail_of_a_full_queue_is_dropped)
{
    struct fixture f;
    struct frame frame;

    OPEN_FAULTS(&f, .rate = 10000000, .queue = 15000);
    for (uint8_t i = 0; i < 20; i++)
        send_bytes(f.dev, 0, i, 1500);
    ck_assert_uint_eq(faults_counts(f.dev)->passed, 10);
    ck_assert_uint_eq(faults_counts(f.dev)->queue_full, 10);

    netdev_flush(f.dev, 1200); /* one is sent: there is room for one */
    send_bytes(f.dev, 1200, 20, 1500);
    send_bytes(f.dev, 1200, 21, 1500);
    ck_assert_uint_eq(faults_counts(f.dev)->queue_full, 11);

    netdev_flush(f.dev, 20000);
    for (uint8_t i = 0; i < 10; i++) {
        ck_assert_int_eq(netdev_receive(f.peer, 20000, &frame), 1);
        ck_assert_uint_eq(frame.head[0], i);
    }
    ck_assert_int_eq(netdev_receive(f.peer, 20000, &frame), 1);
    ck_assert_uint_eq(frame.head[0], 20);
    ck_assert_int_eq(netdev_receive(f.peer, 20000, &frame), 0);
    close_faults(&f);
}
END_TEST

/* It is lost beyond the link, as on a radio. */
START_TEST(a_lost_packet_has_taken_its_time_on_the_link)
{
    struct fixture f;

    OPEN_FAULTS(&f, .rate = 10000000, .loss = 500000);
    for (uint8_t i = 0; i < 100; i++)
        send_bytes(f.dev, 0, i, 1500);
    ck_assert_uint_gt(faults_counts(f.dev)->lost, 0);

    usec last = 0;

    while (netdev_deadline(f.dev) != USEC_NEVER) {
        last = netdev_deadline(f.dev);
        ck_assert_int_eq(last % 1200, 0);
        netdev_flush(f.dev, last);
    }
    ck_assert_int_gt(last, 90 * 1200);
    close_faults(&f);
}
END_TEST

/* The super-segment is cut before the link looks at it. */
START_TEST(the_packets_of_a_super_segment_are_queued_one_by_one)
{
    struct fixture f;
    struct frame frame;

    OPEN_FAULTS(&f, .rate = 8000000, .queue = 10540);
    PACKET_BUILD(&frame, data, .payload = 20000, .gso_size = 1000);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    ck_assert_uint_eq(faults_counts(f.dev)->passed, 10);
    ck_assert_uint_eq(faults_counts(f.dev)->queue_full, 10);
    ck_assert_int_eq(netdev_deadline(f.dev), 1054);
    close_faults(&f);
}
END_TEST

/* Sends a segment of 1,000 bytes in all whose ECN field is `codepoint`. */
static void send_codepoint(struct netdev *dev, usec now, uint8_t codepoint)
{
    struct frame frame;

    PACKET_BUILD(&frame, data, .tos = codepoint,
                 .payload = 1000 - PACKET_HEADERS_LEN);
    ck_assert_int_eq(netdev_transmit(dev, now, &frame), 0);
    netdev_flush(dev, now);
}

/* The ECN field of the next that arrives, which must be undamaged; -1: none. */
static int receive_codepoint(struct netdev *dev, usec now)
{
    struct frame frame;
    int codepoint = -1;

    if (netdev_receive(dev, now, &frame) == 1) {
        ck_assert(packet_checksums_are_right(NETDEV_ETHERNET, frame.head,
                                             frame.head_len));
        codepoint = frame.head[PACKET_ETH_LEN + 1] & CE;
        netdev_flush(dev, now);
    }
    return codepoint;
}

START_TEST(who_makes_the_queue_too_long_is_marked_if_ecn_capable)
{
    static const uint8_t sent[] = {ECT_0, ECT_0, NOT_ECT, ECT_0, ECT_1, CE};
    static const uint8_t came[] = {ECT_0, ECT_0, NOT_ECT, CE, CE, CE};
    struct fixture f;

    OPEN_FAULTS(&f, .rate = 8000000, .mark = 2000); /* 1 byte/us */
    for (size_t i = 0; i < sizeof(sent); i++)
        send_codepoint(f.dev, 0, sent[i]);
    for (size_t i = 0; i < sizeof(sent); i++) {
        usec due = netdev_deadline(f.dev);

        ck_assert_int_eq(due, 1000 * (usec)(i + 1)); /* none was dropped */
        netdev_flush(f.dev, due);
        ck_assert_int_eq(receive_codepoint(f.peer, due), came[i]);
    }
    ck_assert_uint_eq(faults_counts(f.dev)->marked, 2);

    send_codepoint(f.dev, 6000, ECT_0); /* it has become short again */
    netdev_flush(f.dev, 7000);
    ck_assert_int_eq(receive_codepoint(f.peer, 7000), ECT_0);
    close_faults(&f);
}
END_TEST

START_TEST(a_full_queue_drops_also_who_is_ecn_capable)
{
    struct fixture f;

    OPEN_FAULTS(&f, .rate = 8000000, .queue = 3000, .mark = 1000);
    for (unsigned i = 0; i < 5; i++)
        send_codepoint(f.dev, 0, ECT_0);
    ck_assert_uint_eq(faults_counts(f.dev)->queue_full, 2);
    ck_assert_uint_eq(faults_counts(f.dev)->marked, 2);
    close_faults(&f);
}
END_TEST

START_TEST(as_many_are_marked_as_was_asked_for)
{
    enum { COUNT = 10000 };
    struct fixture f;
    unsigned marked = 0;

    OPEN_FAULTS(&f, .mark_chance = 100000);
    for (unsigned i = 0; i < COUNT; i++) {
        send_codepoint(f.dev, 0, ECT_0);
        if (receive_codepoint(f.peer, 0) == CE)
            marked++;
        send_codepoint(f.dev, 0, NOT_ECT);
        ck_assert_int_eq(receive_codepoint(f.peer, 0), NOT_ECT);
    }
    /* the deviation is 30: 1000 +- 5 of them */
    ck_assert_uint_ge(marked, 850);
    ck_assert_uint_le(marked, 1150);
    ck_assert_uint_eq(faults_counts(f.dev)->marked, marked);
    close_faults(&f);
}
END_TEST

START_TEST(both_copies_of_a_packet_are_marked)
{
    struct fixture f;

    OPEN_FAULTS(&f, .mark_chance = 1000000, .duplicate = 1000000);
    send_codepoint(f.dev, 0, ECT_0);
    ck_assert_int_eq(receive_codepoint(f.peer, 0), CE);
    ck_assert_int_eq(receive_codepoint(f.peer, 0), CE);
    ck_assert_uint_eq(faults_counts(f.dev)->marked, 2);
    close_faults(&f);
}
END_TEST

START_TEST(what_is_taken_too_late_is_counted)
{
    struct fixture f;

    OPEN_FAULTS(&f, .delay = 10000);
    send_number(f.dev, 0, 1);
    netdev_flush(f.dev, 11000);
    ck_assert_uint_eq(faults_counts(f.dev)->late, 0);
    send_number(f.dev, 20000, 2);
    netdev_flush(f.dev, 31001);
    ck_assert_uint_eq(faults_counts(f.dev)->late, 1);
    ck_assert_int_eq(faults_counts(f.dev)->latest, 1001);
    close_faults(&f);
}
END_TEST

/* ---- Bursts -------------------------------------------------------------- */

/* Sends `count` packets; how many of them begin a burst of losses. */
static unsigned count_bursts(struct fixture *f, unsigned count)
{
    unsigned bursts = 0;
    bool was_lost = false;

    for (unsigned i = 0; i < count; i++) {
        bool is_lost = count_arrivals(f->dev, f->peer, 1) == 0;

        bursts += is_lost && !was_lost;
        was_lost = is_lost;
    }
    return bursts;
}

/* 200,000 packets, 2 % in 1,333 bursts of 3: deviations of 3 % or so. */
START_TEST(bursts_have_the_share_and_the_length_that_were_asked_for)
{
    struct fixture f;

    OPEN_FAULTS(&f, .burst_loss = 20000, .burst_length = 3000000);

    unsigned bursts = count_bursts(&f, 200000);
    double lost = (double)faults_counts(f.dev)->lost;

    ck_assert_double_ge(lost, 3500);
    ck_assert_double_le(lost, 4500);
    ck_assert_double_ge(lost / bursts, 2.7);
    ck_assert_double_le(lost / bursts, 3.3);
    close_faults(&f);
}
END_TEST

START_TEST(bursts_of_one_are_never_neighbours)
{
    struct fixture f;

    OPEN_FAULTS(&f, .burst_loss = 200000, .burst_length = 1000000);
    ck_assert_uint_eq(count_bursts(&f, 20000), faults_counts(f.dev)->lost);
    ck_assert_uint_ge(faults_counts(f.dev)->lost, 3700);
    ck_assert_uint_le(faults_counts(f.dev)->lost, 4300);
    close_faults(&f);
}
END_TEST

/* ---- Reordering by a distance -------------------------------------------- */

/* Each packet that was held back has been overtaken by exactly three. */
START_TEST(a_packet_is_overtaken_by_as_many_as_were_asked_for)
{
    struct fixture f;
    int64_t order[400];
    unsigned count = 0;
    unsigned late = 0;

    OPEN_FAULTS(&f, .reorder = 20000, .reorder_by = 3);
    for (uint32_t i = 0; i < 400; i++) {
        send_number(f.dev, i, i);
        for (int64_t got; (got = receive_number(f.peer, i)) >= 0;)
            order[count++] = got;
        netdev_flush(f.dev, i);
        netdev_flush(f.peer, i);
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned before = 0;

        for (unsigned j = 0; j < i; j++)
            before += order[j] > order[i];
        ck_assert_msg(before == 0 || before == 3, "overtaken by %u", before);
        late += before == 3;
    }
    ck_assert_uint_gt(late, 3);
    ck_assert_uint_eq(faults_counts(f.dev)->reordered, late + 400 - count);
    close_faults(&f);
}
END_TEST

START_TEST(a_packet_that_nobody_overtakes_is_not_held_for_ever)
{
    struct fixture f;

    OPEN_FAULTS(&f, .reorder = 1000000, .reorder_by = 3, .delay = 100);
    send_number(f.dev, 0, 1);
    ck_assert_int_eq(netdev_deadline(f.dev), 50100);
    close_faults(&f);

    OPEN_FAULTS(&f, .reorder = 1000000, .reorder_by = 3, .reorder_delay = 700);
    send_number(f.dev, 0, 1);
    ck_assert_int_eq(netdev_deadline(f.dev), 700);
    netdev_flush(f.dev, 700); /* and forgotten */
    ck_assert_int_eq(receive_number(f.peer, 700), 1);
    send_number(f.dev, 800, 2);
    close_faults(&f);
}
END_TEST

/* Behind the third, not before its time: the link's spacing stays. */
START_TEST(an_overtaken_packet_goes_right_behind_the_last_that_overtook_it)
{
    struct fixture f;

    OPEN_FAULTS(&f, .reorder = 20000, .reorder_by = 3, .rate = 480000);
    for (uint32_t i = 0; i < 400; i++)
        send_number(f.dev, 0, i); /* 60 bytes: 1 ms each */
    ck_assert_uint_gt(faults_counts(f.dev)->reordered, 0);
    for (usec now = 0; now <= 500 * 1000; now += 1000) {
        int64_t last = -1;

        netdev_flush(f.dev, now);
        for (int64_t got; (got = receive_number(f.peer, now)) >= 0;) {
            if (last >= 0) /* 4: one of those between is held itself */
                ck_assert(last - got == 3 || last - got == 4);
            else
                ck_assert_int_ge(got, now / 1000 - 1);
            last = got;
        }
        netdev_flush(f.peer, now);
    }
    close_faults(&f);
}
END_TEST

static unsigned count_bits(const uint8_t *a, const uint8_t *b, size_t len)
{
    unsigned bits = 0;

    for (size_t i = 0; i < len; i++)
        bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    return bits;
}

START_TEST(corruption_turns_one_bit_anywhere)
{
    uint8_t zeroes[8] = {0};
    unsigned turned[64] = {0};
    struct fixture f;

    OPEN_FAULTS(&f, .corrupt = 1000000);
    for (unsigned i = 0; i < 2000; i++) {
        struct frame frame = packet_frame(zeroes, sizeof(zeroes));

        ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
        ck_assert_int_eq(netdev_receive(f.peer, 0, &frame), 1);
        ck_assert_uint_eq(count_bits(frame.head, zeroes, sizeof(zeroes)), 1);
        for (unsigned bit = 0; bit < 64; bit++)
            turned[bit] += frame.head[bit / 8] >> bit % 8 & 1;
    }
    for (unsigned bit = 0; bit < 64; bit++)
        ck_assert_uint_gt(turned[bit], 0);
    ck_assert_uint_eq(faults_counts(f.dev)->corrupted, 2000);
    close_faults(&f);
}
END_TEST

/* Of two copies with even chances each, all four cases must come up. */
START_TEST(the_copies_of_a_packet_are_corrupted_one_without_the_other)
{
    unsigned seen[2][2] = {{0}};
    uint8_t zeroes[8] = {0};
    struct fixture f;

    OPEN_FAULTS(&f, .corrupt = 500000, .duplicate = 1000000);
    for (unsigned i = 0; i < 100; i++) {
        struct frame frame = packet_frame(zeroes, sizeof(zeroes));
        struct frame copy;

        ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
        ck_assert_int_eq(netdev_receive(f.peer, 0, &frame), 1);
        ck_assert_int_eq(netdev_receive(f.peer, 0, &copy), 1);
        seen[count_bits(frame.head, zeroes, sizeof(zeroes))]
            [count_bits(copy.head, zeroes, sizeof(zeroes))]++;
    }
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_gt(seen[i / 2][i % 2], 5);
    close_faults(&f);
}
END_TEST

/* A wrong bit can be found only if the checksum was right before. */
START_TEST(an_absent_checksum_is_filled_in_before_the_corruption)
{
    static const uint8_t eth[PACKET_ETH_LEN] = {0x02, 0, 0, 0, 0, 1,    0x02,
                                                0,    0, 0, 0, 2, 0x08, 0x00};
    struct packets got = {0};
    struct frame frame;
    struct fixture f;

    OPEN_FAULTS(&f, .corrupt = 1000000);
    for (unsigned i = 0; i < 50; i++) {
        PACKET_BUILD(&frame, data, .payload = 1000);
        ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    }
    packets_receive(&got, f.peer, 0);
    ck_assert_uint_eq(got.count, 50);
    for (unsigned i = 0; i < 50; i++) {
        bool below_ip = count_bits(got.data[i], eth, PACKET_ETH_LEN) == 1;

        /* either a bit of the Ethernet header, or one that a sum tells */
        ck_assert(below_ip == packet_checksums_are_right(
                                  NETDEV_ETHERNET, got.data[i], got.len[i]));
    }
    close_faults(&f);
}
END_TEST

/* The loopback gives frames whose checksum is absent, as a TAP does. */
START_TEST(what_the_device_gives_unfinished_is_finished)
{
    struct faults none = {0};
    struct packets got = {0};
    struct memory memory;
    struct frame frame;

    memory_init(&memory, SIZE_MAX);

    struct netdev *inner = loopback_create(&memory, 10000);
    struct netdev *dev = faults_create(&memory, inner, &none, seed);

    PACKET_BUILD(&frame, data, .type = NETDEV_IP, .payload = 1001);
    ck_assert_int_eq(netdev_transmit(inner, 0, &frame), 0);
    packets_receive(&got, dev, 0); /* checks that they are COMPLETE */
    ck_assert_uint_eq(got.count, 1);
    ck_assert(packet_checksums_are_right(NETDEV_IP, got.data[0], got.len[0]));
    netdev_close(dev);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(the_packets_of_a_super_segment_are_lost_one_by_one)
{
    struct packets got = {0};
    struct frame frame;
    struct fixture f;

    OPEN_FAULTS(&f, .loss = 500000);
    PACKET_BUILD(&frame, data, .payload = 20000, .gso_size = 500);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
    packets_receive(&got, f.peer, 0);
    ck_assert_uint_eq(faults_counts(f.dev)->passed, got.count);
    ck_assert_uint_eq(faults_counts(f.dev)->lost, 40 - got.count);
    ck_assert_uint_gt(got.count, 5);
    ck_assert_uint_lt(got.count, 35);
    close_faults(&f);
}
END_TEST

/* The numbers of what arrives, for 200 packets each way. */
static size_t run(struct hash_key key, int64_t out[1000])
{
    static const struct faults faults = {.loss = 100000,
                                         .duplicate = 100000,
                                         .reorder = 100000,
                                         .delay = 1000,
                                         .jitter = 100};
    struct fixture f;
    size_t count = 0;

    open_faults_seeded(&f, &faults, key);
    for (uint32_t i = 0; i < 200; i++) {
        send_number(f.dev, i * 100, i);
        send_number(f.peer, i * 100, 1000 + i);
        for (int64_t got; (got = receive_number(f.dev, i * 100)) >= 0;)
            out[count++] = got;
        for (int64_t got; (got = receive_number(f.peer, i * 100)) >= 0;)
            out[count++] = got;
        netdev_flush(f.dev, i * 100);
        netdev_flush(f.peer, i * 100);
    }
    close_faults(&f);
    return count;
}

START_TEST(a_seed_repeats_a_run_and_another_does_not)
{
    struct hash_key other = {.k0 = 3, .k1 = 4};
    int64_t first[1000];
    int64_t second[1000];
    int64_t third[1000];
    size_t count = run(seed, first);

    ck_assert_uint_eq(run(seed, second), count);
    ck_assert_mem_eq(first, second, count * sizeof(first[0]));
    ck_assert(run(other, third) != count ||
              memcmp(first, third, count * sizeof(first[0])) != 0);
}
END_TEST

START_TEST(what_cannot_be_kept_is_counted)
{
    struct fixture f;

    OPEN_FAULTS(&f, .delay = 1000);
    f.memory.limit = f.memory.used;
    send_number(f.dev, 0, 1);
    ck_assert_uint_eq(faults_counts(f.dev)->overflowed, 1);
    ck_assert_int_eq(netdev_deadline(f.dev), USEC_NEVER);
    close_faults(&f);
}
END_TEST

START_TEST(the_queue_of_delayed_packets_is_bounded)
{
    struct frame frame;
    struct fixture f;

    OPEN_FAULTS(&f, .delay = USEC_PER_SEC);
    PACKET_BUILD(&frame, data, .payload = 60000);
    while (faults_counts(f.dev)->overflowed == 0) {
        ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), 0);
        ck_assert_uint_lt(faults_counts(f.dev)->passed, 10000);
    }
    ck_assert_uint_lt(f.memory.used, 65 << 20);
    ck_assert_uint_gt(f.memory.used, 63 << 20);
    close_faults(&f);
}
END_TEST

START_TEST(received_bytes_stay_until_flush)
{
    struct frame first;
    struct frame second;
    struct fixture f;

    OPEN_FAULTS(&f, .loss = 0);
    send_number(f.peer, 0, 1);
    send_number(f.peer, 0, 2);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &first), 1);
    ck_assert_int_eq(netdev_receive(f.dev, 0, &second), 1);
    ck_assert_uint_eq(get_be32(first.head), 1); /* the sanitizer looks too */
    netdev_flush(f.dev, 0);
    close_faults(&f);
}
END_TEST

START_TEST(the_device_is_as_the_one_inside)
{
    struct faults none = {0};
    struct memory memory;

    memory_init(&memory, SIZE_MAX);

    struct netdev *inner = loopback_create(&memory, 1000);
    struct netdev *dev = faults_create(&memory, inner, &none, seed);

    ck_assert_int_eq(dev->type, NETDEV_IP);
    ck_assert_uint_eq(dev->mtu, 65535);
    ck_assert(dev->fills_checksum);
    ck_assert_int_eq(netdev_poll_fd(dev), -1);
    netdev_close(dev);
    ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(a_dead_device_inside_is_dead_outside)
{
    struct frame frame = packet_frame("x", 1);
    struct fixture f;

    OPEN_FAULTS(&f, .loss = 0);
    netdev_close(f.peer);
    ck_assert_int_eq(netdev_transmit(f.dev, 0, &frame), -ENETDOWN);
    netdev_close(f.dev);
    ck_assert_uint_eq(f.memory.used, 0);
}
END_TEST

START_TEST(without_memory_the_inner_device_stays_the_callers)
{
    struct faults none = {0};
    struct memory memory;

    memory_init(&memory, SIZE_MAX);

    struct netdev *inner = loopback_create(&memory, 1000);

    memory.limit = memory.used;
    ck_assert_ptr_null(faults_create(&memory, inner, &none, seed));
    netdev_close(inner);
}
END_TEST

START_TEST(a_specification_is_parsed)
{
    char why[FAULTS_WHY_MAX];
    struct faults faults;

    ck_assert_int_eq(faults_parse("loss=1%,dup=0.5%,reorder=0.02,corrupt=0.1%,"
                                  "delay=10ms,jitter=2500us,reorder-delay=1.5s",
                                  &faults, why),
                     0);
    ck_assert_uint_eq(faults.loss, 10000);
    ck_assert_uint_eq(faults.duplicate, 5000);
    ck_assert_uint_eq(faults.reorder, 20000);
    ck_assert_uint_eq(faults.corrupt, 1000);
    ck_assert_int_eq(faults.delay, 10000);
    ck_assert_int_eq(faults.jitter, 2500);
    ck_assert_int_eq(faults.reorder_delay, 1500000);
}
END_TEST

START_TEST(rates_sizes_and_distances_are_parsed)
{
    char why[FAULTS_WHY_MAX];
    struct faults faults;

    ck_assert_int_eq(faults_parse("rate=1.5Mbit,queue=64kB,burst-loss=1%/2.5,"
                                  "reorder=0.5%/3",
                                  &faults, why),
                     0);
    ck_assert_uint_eq(faults.rate, 1500000);
    ck_assert_uint_eq(faults.queue, 64000);
    ck_assert_uint_eq(faults.mark, 0);
    ck_assert_uint_eq(faults.mark_chance, 0);
    ck_assert_uint_eq(faults.burst_loss, 10000);
    ck_assert_uint_eq(faults.burst_length, 2500000);
    ck_assert_uint_eq(faults.reorder, 5000);
    ck_assert_uint_eq(faults.reorder_by, 3);
    ck_assert_int_eq(faults_parse("rate=1000Gbit,queue=1000MB,burst-loss=75%/3",
                                  &faults, why),
                     0);
    ck_assert_uint_eq(faults.rate, UINT64_C(1000000000000));
    ck_assert_uint_eq(faults.queue, 1000000000);
    ck_assert_int_eq(faults_parse("rate=1Mbit,mark=30kB", &faults, why), 0);
    ck_assert_uint_eq(faults.mark, 30000);
    ck_assert_uint_eq(faults.mark_chance, 0);
    ck_assert_int_eq(faults_parse("mark=0.5%", &faults, why), 0);
    ck_assert_uint_eq(faults.mark, 0);
    ck_assert_uint_eq(faults.mark_chance, 5000);
    ck_assert_int_eq(faults_parse("rate=1kbit,queue=1B", &faults, why), 0);
    ck_assert_uint_eq(faults.rate, 1000);
    ck_assert_uint_eq(faults.queue, 1);
}
END_TEST

START_TEST(what_is_not_named_is_zero)
{
    char why[FAULTS_WHY_MAX];
    struct faults faults;

    ck_assert_int_eq(faults_parse("loss=100%", &faults, why), 0);
    ck_assert_uint_eq(faults.loss, 1000000);
    ck_assert_uint_eq(faults.duplicate, 0);
    ck_assert_uint_eq(faults.reorder, 0);
    ck_assert_uint_eq(faults.corrupt, 0);
    ck_assert_int_eq(faults.delay, 0);
    ck_assert_int_eq(faults.jitter, 0);
    ck_assert_int_eq(faults.reorder_delay, 0);
}
END_TEST

START_TEST(the_limits_are_taken)
{
    char why[FAULTS_WHY_MAX];
    struct faults faults;

    ck_assert_int_eq(
        faults_parse(
            "loss=0.000001,dup=0.0001%,corrupt=1,delay=3600s,jitter=0s",
            &faults, why),
        0);
    ck_assert_uint_eq(faults.loss, 1);
    ck_assert_uint_eq(faults.duplicate, 1);
    ck_assert_uint_eq(faults.corrupt, 1000000);
    ck_assert_int_eq(faults.delay, 3600 * USEC_PER_SEC);
}
END_TEST

/* A specification that is refused, and what the message must name. */
static const struct {
    const char *spec;
    const char *named;
} bad_specs[] = {
    {"", "\"\""},
    {"loss", "loss"},
    {"loss=", "loss="},
    {"=1%", "=1%"},
    {"lost=1%", "lost=1%"},
    {"los=1%", "los=1%"},
    {"LOSS=1%", "LOSS=1%"},
    {"loss=1%,", "\"\""},
    {",loss=1%", "\"\""},
    {"loss=1%,,dup=1%", "\"\""},
    {"loss=1%;dup=1%", "loss=1%;dup=1%"},
    {"dup=1%, loss=1%", " loss=1%"},
    {"loss=101%", "loss=101%"},
    {"loss=100.0001%", "loss=100.0001%"},
    {"loss=1.1", "loss=1.1"},
    {"loss=-1%", "loss=-1%"},
    {"loss=+1%", "loss=+1%"},
    {"loss=1 %", "loss=1 %"},
    {"loss=1%%", "loss=1%%"},
    {"loss=.5%", "loss=.5%"},
    {"loss=1.%", "loss=1.%"},
    {"loss=0x1", "loss=0x1"},
    {"loss=1e-3", "loss=1e-3"},
    {"loss=nan", "loss=nan"},
    {"loss=1ms", "loss=1ms"},
    {"loss=0.0000001", "loss=0.0000001"},
    {"loss=0.00001%", "loss=0.00001%"},
    {"loss=99999999999999999999999%", "loss=999"},
    {"loss=0.99999999999999999999999", "loss=0.999"},
    {"loss=1%,delay=10", "delay=10"},
    {"delay=10m", "delay=10m"},
    {"delay=10%", "delay=10%"},
    {"delay=ms", "delay=ms"},
    {"delay=0.5us", "delay=0.5us"},
    {"delay=3601s", "delay=3601s"},
    {"delay=99999999999999999999999us", "delay=999"},
    {"delay=9223372036854775807s", "delay=922"},
    {"loss=1%,loss=2%", "loss=2%"},
    {"rate=10", "rate=10"},
    {"rate=10mbit", "rate=10mbit"},
    {"rate=10M", "rate=10M"},
    {"rate=0kbit", "rate=0kbit"},
    {"rate=0.999kbit", "rate=0.999kbit"},
    {"rate=1001Gbit", "rate=1001Gbit"},
    {"rate=999999999Gbit", "rate=999999999Gbit"},
    {"rate=1Mbit,queue=0B", "queue=0B"},
    {"rate=1Mbit,queue=1000", "queue=1000"},
    {"rate=1Mbit,queue=1001MB", "queue=1001MB"},
    {"queue=1000B", "rate= is missing"},
    {"mark=1000B", "rate= is missing"},
    {"rate=1Mbit,mark=1000", "mark=1000"},
    {"rate=1Mbit,mark=0B", "mark=0B"},
    {"mark=101%", "mark=101%"},
    {"burst-loss=1%", "burst-loss=1%"},
    {"burst-loss=1%/", "burst-loss=1%/"},
    {"burst-loss=1%/0.9", "burst-loss=1%/0.9"},
    {"burst-loss=1%/1001", "burst-loss=1%/1001"},
    {"burst-loss=76%/3", "burst-loss=76%/3"},
    {"burst-loss=100%/3", "burst-loss=100%/3"},
    {"burst-loss=1%/3%", "burst-loss=1%/3%"},
    {"reorder=1%/", "reorder=1%/"},
    {"reorder=1%/0", "reorder=1%/0"},
    {"reorder=1%/2.5", "reorder=1%/2.5"},
    {"reorder=/3", "reorder=/3"},
};

START_TEST(a_bad_specification_is_refused_and_its_part_named)
{
    for (size_t i = 0; i < ARRAY_LENGTH(bad_specs); i++) {
        struct faults faults = {.loss = 77};
        char why[FAULTS_WHY_MAX] = "";
        int status = faults_parse(bad_specs[i].spec, &faults, why);

        ck_assert_msg(status == -EINVAL, "'%s' was taken", bad_specs[i].spec);
        ck_assert_msg(strstr(why, bad_specs[i].named) != NULL,
                      "'%s': '%s' does not name '%s'", bad_specs[i].spec, why,
                      bad_specs[i].named);
        ck_assert_uint_eq(faults.loss, 77);
    }
}
END_TEST

START_TEST(a_long_bad_specification_does_not_overflow_the_message)
{
    struct faults faults;
    char spec[1000];
    char why[FAULTS_WHY_MAX];

    memset(spec, 'x', sizeof(spec) - 1);
    spec[sizeof(spec) - 1] = '\0';
    spec[500] = '=';
    ck_assert_int_eq(faults_parse(spec, &faults, why), -EINVAL);
    ck_assert_uint_lt(strlen(why), FAULTS_WHY_MAX);
}
END_TEST

UNIT_MAIN("faults", faults_are_changed_for_packets_from_then_on,
          without_faults_all_passes_in_order,
          as_many_are_lost_as_was_asked_for_both_ways, certain_loss_loses_all,
          duplicates_follow_their_packet,
          a_delayed_packet_leaves_when_it_is_due,
          a_delayed_packet_is_received_when_it_is_due, jitter_keeps_the_order,
          a_reordered_packet_is_overtaken,
          reordering_without_a_delay_takes_a_millisecond, a_rate_spaces_packets,
          each_way_has_a_link_of_its_own, the_tail_of_a_full_queue_is_dropped,
          a_lost_packet_has_taken_its_time_on_the_link,
          the_packets_of_a_super_segment_are_queued_one_by_one,
          who_makes_the_queue_too_long_is_marked_if_ecn_capable,
          a_full_queue_drops_also_who_is_ecn_capable,
          as_many_are_marked_as_was_asked_for,
          both_copies_of_a_packet_are_marked, what_is_taken_too_late_is_counted,
          bursts_have_the_share_and_the_length_that_were_asked_for,
          bursts_of_one_are_never_neighbours,
          a_packet_is_overtaken_by_as_many_as_were_asked_for,
          a_packet_that_nobody_overtakes_is_not_held_for_ever,
          an_overtaken_packet_goes_right_behind_the_last_that_overtook_it,
          corruption_turns_one_bit_anywhere,
          the_copies_of_a_packet_are_corrupted_one_without_the_other,
          an_absent_checksum_is_filled_in_before_the_corruption,
          what_the_device_gives_unfinished_is_finished,
          the_packets_of_a_super_segment_are_lost_one_by_one,
          a_seed_repeats_a_run_and_another_does_not,
          what_cannot_be_kept_is_counted,
          the_queue_of_delayed_packets_is_bounded,
          received_bytes_stay_until_flush, the_device_is_as_the_one_inside,
          a_dead_device_inside_is_dead_outside,
          without_memory_the_inner_device_stays_the_callers,
          a_specification_is_parsed, rates_sizes_and_distances_are_parsed,
          what_is_not_named_is_zero, the_limits_are_taken,
          a_bad_specification_is_refused_and_its_part_named,
          a_long_bad_specification_does_not_overflow_the_message)
