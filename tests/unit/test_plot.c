/*
 * What `tapir plot` concludes from segments: whose they are, what was sent
 * again or lost, and the states of both ends. Each test is a packet trace.
 */
#include "tools/plot.h"

#include "tools/plot_outstanding.h"
#include "tools/plot_ranges.h"
#include "unit.h"

/* The ISSs wrap soon. */
enum { ISS_A = -1000, ISS_B = -5 };
enum {
    SYN = CAPTURE_SYN,
    ACK = CAPTURE_ACK,
    FIN = CAPTURE_FIN,
    RST = CAPTURE_RST
};

struct fixture {
    struct plot_capture capture;
    struct plot_connection *last; /* the last segment's */
    usec time;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.last = NULL};
    ck_assert_int_eq(plot_capture_init(&f->capture), 0);
}

static void end(struct fixture *f)
{
    plot_capture_fini(&f->capture);
}

struct sent {
    uint8_t flags;
    uint32_t seq; /* relative */
    uint32_t ack;
    uint32_t len;
    uint16_t wnd;
    int wscale;
    uint32_t sack[2];
    uint16_t port; /* of A; 0: 1000 */
    uint32_t iss;  /* of A, in place of ISS_A */
};

static void add(struct fixture *f, bool from_b, const struct sent *sent)
{
    uint32_t iss_a = sent->iss != 0 ? sent->iss : (uint32_t)ISS_A;
    uint32_t own = from_b ? (uint32_t)ISS_B : iss_a;
    uint32_t peer = from_b ? iss_a : (uint32_t)ISS_B;
    struct endpoint a = {.addr = ip_addr_v4(0xc0000201),
                         .port = sent->port != 0 ? sent->port : 1000};
    struct endpoint b = {.addr = ip_addr_v4(0xc0000202), .port = 80};
    struct capture_tcp tcp = {
        .src = from_b ? b : a,
        .dst = from_b ? a : b,
        .seq = own + sent->seq,
        .ack = sent->flags & ACK ? peer + sent->ack : 0,
        .flags = sent->flags,
        .wnd = sent->wnd != 0 ? sent->wnd : 1000,
        .len = sent->len,
        .wscale = sent->wscale != 0 ? sent->wscale : -1,
        .sack_count = sent->sack[1] != 0,
        .sack = {{peer + sent->sack[0], peer + sent->sack[1]}},
    };

    f->time += 1000;
    ck_assert_int_eq(plot_capture_add(&f->capture, f->time, 1, &tcp, &f->last),
                     0);
}

#define A_SENDS(f, ...) add(f, false, &(struct sent){__VA_ARGS__})
#define B_SENDS(f, ...) add(f, true, &(struct sent){__VA_ARGS__})

static void shake_hands(struct fixture *f)
{
    A_SENDS(f, .flags = SYN);
    B_SENDS(f, .flags = SYN | ACK, .ack = 1);
    A_SENDS(f, .flags = ACK, .seq = 1, .ack = 1);
}

static void analyse(struct fixture *f)
{
    ck_assert_int_eq(plot_connection_analyse(f->last), 0);
}

static void expect_marks(const struct fixture *f, size_t i, unsigned marks)
{
    ck_assert_uint_lt(i, f->last->segment_count);
    ck_assert_uint_eq(f->last->segment[i].marks, marks);
}

static void expect_states(const struct fixture *f, size_t i, const char *a,
                          const char *b)
{
    const struct plot_segment *segment = &f->last->segment[i];

    ck_assert_uint_lt(i, f->last->segment_count);
    ck_assert_str_eq(plot_state_name(segment->state[0]), a);
    ck_assert_str_eq(plot_state_name(segment->state[1]), b);
}

/* ---- Connections -------------------------------------------------------- */

START_TEST(numbers_are_relative_and_do_not_wrap)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 1500);
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1501, .len = 100);
    ck_assert_uint_eq(f.capture.connection_count, 1);
    ck_assert_int_eq(f.last->segment[0].seq, 0);
    ck_assert_int_eq(f.last->segment[0].end, 1);
    ck_assert_int_eq(f.last->segment[0].ack, -1);
    ck_assert_int_eq(f.last->segment[3].end, 1501);
    ck_assert_int_eq(f.last->segment[4].ack, 1501);
    ck_assert_int_eq(f.last->segment[4].end, 101);
    ck_assert_uint_eq(f.last->segment[4].from, 1);
    end(&f);
}
END_TEST

START_TEST(ports_and_new_isss_make_other_connections)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = SYN, .port = 2000);
    A_SENDS(&f, .flags = SYN, .port = 2000); /* again: the same */
    ck_assert_uint_eq(f.capture.connection_count, 2);
    B_SENDS(&f, .flags = RST | ACK, .ack = 1);
    A_SENDS(&f, .flags = SYN, .iss = 77);
    ck_assert_uint_eq(f.capture.connection_count, 3);
    B_SENDS(&f, .flags = SYN | ACK, .ack = 1, .iss = 77);
    ck_assert_uint_eq(f.last->number, 3);
    ck_assert_uint_eq(f.last->segment_count, 2);
    end(&f);
}
END_TEST

START_TEST(whoever_accepts_is_the_second_end)
{
    struct fixture f;

    begin(&f);
    B_SENDS(&f, .flags = SYN | ACK, .ack = 1); /* the SYN was not captured */
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1);
    ck_assert_uint_eq(f.last->segment[0].from, 1);
    ck_assert_int_eq(f.last->segment[0].ack, 1);
    ck_assert_int_eq(f.last->segment[1].seq, 1);
    analyse(&f);
    expect_states(&f, 0, "ESTABLISHED", "SYN-RECEIVED");
    expect_states(&f, 1, "ESTABLISHED", "ESTABLISHED");
    end(&f);
}
END_TEST

/* RFC 7323 2.2: not that of a SYN, and only if both offered it. */
START_TEST(windows_are_scaled)
{
    struct fixture f;

    begin(&f);
    A_SENDS(&f, .flags = SYN, .wscale = 3);
    B_SENDS(&f, .flags = SYN | ACK, .ack = 1, .wscale = 7);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1);
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1);
    analyse(&f);
    ck_assert_int_eq(f.last->segment[0].window, 1000);
    ck_assert_int_eq(f.last->segment[1].window, 1000);
    ck_assert_int_eq(f.last->segment[2].window, 8000);
    ck_assert_int_eq(f.last->segment[3].window, 128000);
    end(&f);

    begin(&f);
    A_SENDS(&f, .flags = SYN, .wscale = 3);
    B_SENDS(&f, .flags = SYN | ACK, .ack = 1);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1);
    analyse(&f);
    ck_assert_int_eq(f.last->segment[2].window, 1000);
    end(&f);

    begin(&f); /* amid a connection nobody knows */
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 10);
    analyse(&f);
    ck_assert_int_eq(f.last->segment[0].window, -1);
    end(&f);
}
END_TEST

/* ---- Marks -------------------------------------------------------------- */

START_TEST(what_was_sent_again_was_lost_before)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 100);   /* 3 */
    A_SENDS(&f, .flags = ACK, .seq = 101, .ack = 1, .len = 100); /* 4 */
    A_SENDS(&f, .flags = ACK, .seq = 201, .ack = 1, .len = 100); /* 5 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 101);
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 101, .sack = {201, 301}); /* 7 */
    A_SENDS(&f, .flags = ACK, .seq = 101, .ack = 1, .len = 100);         /* 8 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 301);
    analyse(&f);
    expect_marks(&f, 3, 0);
    expect_marks(&f, 4, PLOT_LOST);
    expect_marks(&f, 5, 0);
    expect_marks(&f, 6, 0);
    expect_marks(&f, 7, PLOT_DUPLICATE_ACK);
    expect_marks(&f, 8, PLOT_AGAIN);
    expect_marks(&f, 9, 0);
    ck_assert_uint_eq(f.last->end[0].again, 1);
    end(&f);
}
END_TEST

/* Acknowledged, or in SACK, before it came again: in vain, but not lost. */
START_TEST(what_had_arrived_was_not_lost)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 100); /* 3 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 101);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 100);   /* 5 */
    A_SENDS(&f, .flags = ACK, .seq = 101, .ack = 1, .len = 100); /* 6 */
    A_SENDS(&f, .flags = ACK, .seq = 201, .ack = 1, .len = 100); /* 7 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 101, .sack = {201, 301});
    A_SENDS(&f, .flags = ACK, .seq = 201, .ack = 1, .len = 100); /* 9 */
    analyse(&f);
    expect_marks(&f, 3, 0);
    expect_marks(&f, 5, PLOT_AGAIN);
    expect_marks(&f, 7, 0);
    expect_marks(&f, 9, PLOT_AGAIN);
    end(&f);
}
END_TEST

START_TEST(a_hole_that_is_filled_is_out_of_order)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = ACK, .seq = 101, .ack = 1, .len = 100);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 100);
    analyse(&f);
    expect_marks(&f, 3, 0);
    expect_marks(&f, 4, PLOT_OUT_OF_ORDER);
    end(&f);
}
END_TEST

/* RFC 5681 2: not with text, nor if the window has changed. */
START_TEST(not_every_ack_that_repeats_is_a_duplicate)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1); /* nothing is in flight */
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 100);
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1);             /* 5 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .wnd = 999); /* 6 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .wnd = 999, .len = 1);
    analyse(&f);
    expect_marks(&f, 3, 0);
    expect_marks(&f, 5, PLOT_DUPLICATE_ACK);
    expect_marks(&f, 6, 0);
    expect_marks(&f, 7, 0);
    end(&f);
}
END_TEST

/* ---- States ------------------------------------------------------------- */

/* RFC 9293 3.5, figure 6, and 3.6, figure 12. */
START_TEST(a_connection_opens_and_closes)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = FIN | ACK, .seq = 1, .ack = 1);
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 2);
    B_SENDS(&f, .flags = FIN | ACK, .seq = 1, .ack = 2);
    A_SENDS(&f, .flags = ACK, .seq = 2, .ack = 2);
    analyse(&f);
    ck_assert_uint_eq(f.last->first_state[0], PLOT_CLOSED);
    ck_assert_uint_eq(f.last->first_state[1], PLOT_LISTEN);
    expect_states(&f, 0, "SYN-SENT", "SYN-RECEIVED");
    expect_states(&f, 1, "ESTABLISHED", "SYN-RECEIVED");
    expect_states(&f, 2, "ESTABLISHED", "ESTABLISHED");
    expect_states(&f, 3, "FIN-WAIT-1", "CLOSE-WAIT");
    expect_states(&f, 4, "FIN-WAIT-2", "CLOSE-WAIT");
    expect_states(&f, 5, "TIME-WAIT", "LAST-ACK");
    expect_states(&f, 6, "TIME-WAIT", "CLOSED");
    end(&f);
}
END_TEST

/* 3.6, figure 13; here the segments cross before the capture. */
START_TEST(both_ends_close_at_once)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = FIN | ACK, .seq = 1, .ack = 1);
    B_SENDS(&f, .flags = FIN | ACK, .seq = 1, .ack = 1);
    A_SENDS(&f, .flags = ACK, .seq = 2, .ack = 2);
    B_SENDS(&f, .flags = ACK, .seq = 2, .ack = 2);
    analyse(&f);
    expect_states(&f, 4, "CLOSING", "LAST-ACK");
    expect_states(&f, 5, "CLOSING", "CLOSED");
    expect_states(&f, 6, "TIME-WAIT", "CLOSED");
    end(&f);
}
END_TEST

/* 3.5, figure 7; the SYNs cross before the capture. */
START_TEST(both_ends_open_at_once)
{
    struct fixture f;

    begin(&f);
    A_SENDS(&f, .flags = SYN);
    B_SENDS(&f, .flags = SYN);
    A_SENDS(&f, .flags = SYN | ACK, .ack = 1);
    B_SENDS(&f, .flags = SYN | ACK, .ack = 1);
    analyse(&f);
    ck_assert_uint_eq(f.capture.connection_count, 1);
    expect_states(&f, 1, "SYN-RECEIVED", "SYN-SENT");
    expect_states(&f, 3, "ESTABLISHED", "ESTABLISHED");
    end(&f);
}
END_TEST

START_TEST(a_refused_connection_is_closed)
{
    struct fixture f;

    begin(&f);
    A_SENDS(&f, .flags = SYN);
    B_SENDS(&f, .flags = RST | ACK, .ack = 1);
    analyse(&f);
    expect_states(&f, 0, "SYN-SENT", "CLOSED");
    expect_states(&f, 1, "CLOSED", "CLOSED");
    end(&f);
}
END_TEST

/* What was lost changes nothing at the other end. */
START_TEST(a_lost_fin_is_not_received)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = FIN | ACK, .seq = 1, .ack = 1, .len = 10); /* 3 */
    A_SENDS(&f, .flags = FIN | ACK, .seq = 1, .ack = 1, .len = 10); /* 4 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 12);
    analyse(&f);
    expect_marks(&f, 3, PLOT_LOST);
    expect_states(&f, 3, "FIN-WAIT-1", "ESTABLISHED");
    expect_states(&f, 4, "FIN-WAIT-1", "CLOSE-WAIT");
    expect_states(&f, 5, "FIN-WAIT-2", "CLOSE-WAIT");
    end(&f);
}
END_TEST

/* 3.10.7.4, eighth: a FIN waits for the text before it. */
START_TEST(a_fin_waits_for_its_text)
{
    struct fixture f;

    begin(&f);
    shake_hands(&f);
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 100); /* 3: lost */
    A_SENDS(&f, .flags = FIN | ACK, .seq = 101, .ack = 1);     /* 4 */
    B_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1);             /* 5 */
    A_SENDS(&f, .flags = ACK, .seq = 1, .ack = 1, .len = 100); /* 6 */
    analyse(&f);
    expect_states(&f, 4, "FIN-WAIT-1", "ESTABLISHED");
    expect_states(&f, 6, "FIN-WAIT-1", "CLOSE-WAIT");
    end(&f);
}
END_TEST

/* ---- Ranges ------------------------------------------------------------- */

/* A window of 4,000 segments, all of it sent again and again: each time some
 * fifteen of them are looked at, and not all. */
START_TEST(what_is_outstanding_is_found_without_a_search)
{
    enum { COUNT = 4000, ROUNDS = 4 };
    struct plot_outstanding outstanding = {0};
    size_t to;

    for (size_t i = 0; i < COUNT * ROUNDS; i++) {
        int64_t seq = (int64_t)(i % COUNT) * 10;
        struct plot_waiting sent = {seq, seq + 10, i};
        size_t at = plot_outstanding_find(&outstanding, seq, seq + 10, &to);

        ck_assert_uint_eq(at, i % COUNT);
        ck_assert_uint_eq(to - at, i >= COUNT); /* the one before */
        if (to > at)
            ck_assert_uint_eq(outstanding.waiting[at].segment, i - COUNT);
        ck_assert_int_eq(plot_outstanding_sent(&outstanding, at, to, &sent), 0);
    }
    ck_assert_uint_lt(outstanding.looks, (uint64_t)15 * COUNT * ROUNDS);
    plot_outstanding_acked(&outstanding, (COUNT - 1) * 10);
    ck_assert_uint_eq(outstanding.count - outstanding.from, 1);
    plot_outstanding_find(&outstanding, 0, 1000, &to);
    ck_assert_uint_eq(to, outstanding.from); /* that is acknowledged */
    plot_outstanding_fini(&outstanding);
}
END_TEST

/* One that covers parts of others takes the place of all of them. */
START_TEST(a_segment_of_another_size_replaces_what_it_overlaps)
{
    struct plot_outstanding outstanding = {0};
    struct plot_waiting first = {0, 10, 0};
    struct plot_waiting second = {10, 20, 1};
    struct plot_waiting third = {20, 30, 2};
    struct plot_waiting over = {5, 15, 3};
    size_t to;

    ck_assert_int_eq(plot_outstanding_sent(&outstanding, 0, 0, &first), 0);
    ck_assert_int_eq(plot_outstanding_sent(&outstanding, 1, 1, &third), 0);
    ck_assert_uint_eq(plot_outstanding_find(&outstanding, 10, 20, &to), 1);
    ck_assert_uint_eq(to, 1); /* between the two */
    ck_assert_int_eq(plot_outstanding_sent(&outstanding, 1, 1, &second), 0);
    ck_assert_uint_eq(plot_outstanding_find(&outstanding, 5, 15, &to), 0);
    ck_assert_uint_eq(to, 2);
    ck_assert_int_eq(plot_outstanding_sent(&outstanding, 0, 2, &over), 0);
    ck_assert_uint_eq(outstanding.count, 2);
    ck_assert_uint_eq(outstanding.waiting[0].segment, 3);
    ck_assert_uint_eq(outstanding.waiting[1].segment, 2);
    plot_outstanding_fini(&outstanding);
}
END_TEST

START_TEST(ranges_join_and_are_trimmed)
{
    struct plot_ranges ranges = {0};

    ck_assert_int_eq(plot_ranges_add(&ranges, 10, 20), 0);
    ck_assert_int_eq(plot_ranges_add(&ranges, 30, 40), 0);
    ck_assert_uint_eq(ranges.count, 2);
    ck_assert(!plot_ranges_overlap(&ranges, 20, 30));
    ck_assert(plot_ranges_overlap(&ranges, 19, 20));
    ck_assert(plot_ranges_overlap(&ranges, 0, 100));
    ck_assert_int_eq(plot_ranges_end(&ranges, 15), 20);
    ck_assert_int_eq(plot_ranges_end(&ranges, 20), 20);
    ck_assert_int_eq(plot_ranges_add(&ranges, 20, 30), 0);
    ck_assert_uint_eq(ranges.count, 1);
    ck_assert_int_eq(plot_ranges_end(&ranges, 10), 40);
    plot_ranges_trim(&ranges, 25);
    ck_assert_int_eq(plot_ranges_total(&ranges), 15);
    plot_ranges_trim(&ranges, 40);
    ck_assert_uint_eq(ranges.count, 0);

    for (int64_t i = 0; i < 10000; i++) /* bounded, whatever comes */
        ck_assert_int_eq(plot_ranges_add(&ranges, 2 * i, 2 * i + 1), 0);
    ck_assert_uint_le(ranges.count, 4096);
    plot_ranges_fini(&ranges);
}
END_TEST

UNIT_MAIN("plot", numbers_are_relative_and_do_not_wrap,
          ports_and_new_isss_make_other_connections,
          whoever_accepts_is_the_second_end, windows_are_scaled,
          what_was_sent_again_was_lost_before, what_had_arrived_was_not_lost,
          a_hole_that_is_filled_is_out_of_order,
          not_every_ack_that_repeats_is_a_duplicate,
          a_connection_opens_and_closes, both_ends_close_at_once,
          both_ends_open_at_once, a_refused_connection_is_closed,
          a_lost_fin_is_not_received, a_fin_waits_for_its_text,
          what_is_outstanding_is_found_without_a_search,
          a_segment_of_another_size_replaces_what_it_overlaps,
          ranges_join_and_are_trimmed)
