/*
 * What is written and not acknowledged, also against a plain array of bytes.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_sndbuf.h"

#include <errno.h>
#include <string.h>

enum { RING_FIRST_SIZE = 4096 }; /* what the first byte takes */

static struct iovec iov_of(const void *data, size_t len)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = len};
}

/* Byte `i` of every stream. */
static uint8_t pattern(uint32_t i)
{
    return (uint8_t)(i * 7 + i / 256);
}

static void fill(uint8_t *to, uint32_t from, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        to[i] = pattern(from + i);
}

struct sender {
    struct memory memory;
    struct sndbuf buf;
};

static void begin_sending(struct sender *s, tcp_seq start, uint32_t limit)
{
    memory_init(&s->memory, 1 << 20);
    sndbuf_init(&s->buf, start, limit);
}

static void end_sending(struct sender *s)
{
    sndbuf_fini(&s->buf, &s->memory);
    ck_assert_uint_eq(s->memory.used, 0);
}

static ssize_t write_text(struct sender *s, const char *text)
{
    struct iovec iov = iov_of(text, strlen(text));

    return sndbuf_write(&s->buf, &s->memory, &iov, 1);
}

/* As many of the bytes [from, from + len) as a frame takes are these; how many
 * that is. */
static uint32_t expect_frame(const struct sender *s, tcp_seq from,
                             const uint8_t *data, uint32_t len)
{
    struct bytes pieces[FRAME_SLICES];
    unsigned count = sndbuf_slices(&s->buf, from, len, pieces);
    uint32_t at = 0;

    ck_assert_uint_le(count, FRAME_SLICES);
    for (unsigned i = 0; i < count; i++) {
        ck_assert_uint_gt(pieces[i].len, 0);
        ck_assert_uint_le(at + pieces[i].len, len);
        ck_assert_mem_eq(pieces[i].data, data + at, pieces[i].len);
        at += (uint32_t)pieces[i].len;
    }
    ck_assert_uint_eq(sndbuf_reach(&s->buf, from, len), at);
    return at;
}

/* The bytes [from, from + len) are these; those of a segment in one frame. */
static void expect_sendable(const struct sender *s, tcp_seq from,
                            const void *data, uint32_t len)
{
    uint32_t at = 0;

    while (at < len) {
        uint32_t took =
            expect_frame(s, from + at, (const uint8_t *)data + at, len - at);

        ck_assert_uint_ge(took, min_u32(len - at, SNDBUF_LOAN_MIN));
        at += took;
    }
}

/* ---- What is lent ------------------------------------------------------- */

/* A loan of the test, which watches when it ends. */
struct watched {
    struct lent lent;
    bool is_over;
};

static void note_end(struct lent *lent)
{
    container_of(lent, struct watched, lent)->is_over = true;
}

static void begin_loan(struct watched *watched)
{
    *watched = (struct watched){.lent = {.parts = 1, .is_over = note_end}};
}

static ssize_t lend(struct sender *s, struct watched *watched, const void *data,
                    size_t len)
{
    return sndbuf_lend_up_to(&s->buf, &s->memory, bytes_of(data, len),
                             &watched->lent, s->buf.limit);
}

START_TEST(a_send_buffer_that_was_never_written_has_no_memory)
{
    struct sender s;
    struct bytes pieces[FRAME_SLICES];

    begin_sending(&s, 1000, 100);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 1000);
    ck_assert_uint_eq(sndbuf_space(&s.buf), 100);
    ck_assert_uint_eq(sndbuf_slices(&s.buf, 1000, 0, pieces), 0);
    ck_assert_int_eq(write_text(&s, ""), 0);
    ck_assert_int_eq(sndbuf_write(&s.buf, &s.memory, NULL, 0), 0);
    sndbuf_acknowledge(&s.buf, 1000);
    sndbuf_release_if_empty(&s.buf, &s.memory);
    ck_assert_uint_eq(s.memory.used, 0);
    end_sending(&s);
}
END_TEST

START_TEST(what_is_written_is_found_by_sequence_number)
{
    struct sender s;

    begin_sending(&s, 0xfffffffd, 100);
    ck_assert_int_eq(write_text(&s, "hello "), 6);
    ck_assert_int_eq(write_text(&s, "world"), 5);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 8); /* over the wrap */
    ck_assert_uint_eq(sndbuf_space(&s.buf), 89);
    expect_sendable(&s, 0xfffffffd, "hello world", 11);
    expect_sendable(&s, 3, "world", 5);
    expect_sendable(&s, 0xffffffff, "l", 1);
    expect_sendable(&s, 8, "", 0);
    end_sending(&s);
}
END_TEST

START_TEST(a_write_gathers_its_pieces)
{
    struct iovec iov[] = {iov_of("ab", 2), iov_of(NULL, 0), iov_of("cde", 3),
                          iov_of("f", 1)};
    struct sender s;

    begin_sending(&s, 1, 100);
    ck_assert_int_eq(sndbuf_write(&s.buf, &s.memory, iov, 4), 6);
    expect_sendable(&s, 1, "abcdef", 6);
    end_sending(&s);
}
END_TEST

START_TEST(a_write_takes_what_there_is_space_for)
{
    struct iovec iov[] = {iov_of("abc", 3), iov_of("def", 3), iov_of("gh", 2)};
    struct sender s;

    begin_sending(&s, 1, 5);
    ck_assert_int_eq(sndbuf_write(&s.buf, &s.memory, iov, 3), 5);
    expect_sendable(&s, 1, "abcde", 5);
    ck_assert_uint_eq(sndbuf_space(&s.buf), 0);
    ck_assert_int_eq(write_text(&s, "x"), 0);
    sndbuf_acknowledge(&s.buf, 3);
    ck_assert_uint_eq(sndbuf_space(&s.buf), 2);
    ck_assert_int_eq(write_text(&s, "xyz"), 2);
    expect_sendable(&s, 3, "cdexy", 5);
    end_sending(&s);
}
END_TEST

START_TEST(what_is_acknowledged_is_dropped_and_the_rest_keeps_its_numbers)
{
    struct sender s;

    begin_sending(&s, 0xfffffffe, 100);
    ck_assert_int_eq(write_text(&s, "abcdef"), 6);
    sndbuf_acknowledge(&s.buf, 0xfffffffe);
    expect_sendable(&s, 0xfffffffe, "abcdef", 6);
    sndbuf_acknowledge(&s.buf, 1);
    expect_sendable(&s, 1, "def", 3);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 4);
    ck_assert_uint_eq(sndbuf_space(&s.buf), 97);
    sndbuf_acknowledge(&s.buf, 4);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 4);
    ck_assert_uint_eq(sndbuf_space(&s.buf), 100);
    end_sending(&s);
}
END_TEST

START_TEST(a_send_buffer_gives_its_memory_back_when_it_is_empty)
{
    struct sender s;

    begin_sending(&s, 1, 100);
    ck_assert_int_eq(write_text(&s, "abc"), 3);
    sndbuf_release_if_empty(&s.buf, &s.memory);
    expect_sendable(&s, 1, "abc", 3);
    sndbuf_acknowledge(&s.buf, 4);
    ck_assert_uint_gt(s.memory.used, 0);
    sndbuf_release_if_empty(&s.buf, &s.memory);
    ck_assert_uint_eq(s.memory.used, 0);
    ck_assert_int_eq(write_text(&s, "def"), 3);
    expect_sendable(&s, 4, "def", 3);
    end_sending(&s);
}
END_TEST

START_TEST(a_limit_lowered_below_what_is_there_leaves_no_space)
{
    struct sender s;

    begin_sending(&s, 1, 100);
    ck_assert_int_eq(write_text(&s, "abcdef"), 6);
    s.buf.limit = 4;
    ck_assert_uint_eq(sndbuf_space(&s.buf), 0);
    ck_assert_int_eq(write_text(&s, "x"), 0);
    expect_sendable(&s, 1, "abcdef", 6);
    end_sending(&s);
}
END_TEST

START_TEST(a_write_without_memory_changes_nothing)
{
    static uint8_t data[RING_FIRST_SIZE];
    struct iovec much = iov_of(data, sizeof(data));
    struct sender s;

    begin_sending(&s, 1, 1 << 20);
    s.memory.limit = 0;
    ck_assert_int_eq(write_text(&s, "abc"), -ENOBUFS);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 1);
    s.memory.limit = RING_FIRST_SIZE;
    ck_assert_int_eq(write_text(&s, "abc"), 3);
    ck_assert_int_eq(sndbuf_write(&s.buf, &s.memory, &much, 1), -ENOBUFS);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 4);
    expect_sendable(&s, 1, "abc", 3);
    end_sending(&s);
}
END_TEST

START_TEST(what_is_lent_is_sent_from_where_it_lies)
{
    static uint8_t data[SNDBUF_LOAN_MIN];
    struct bytes pieces[FRAME_SLICES];
    struct watched watched;
    struct sender s;

    begin_sending(&s, 100, 1 << 20);
    begin_loan(&watched);
    fill(data, 0, sizeof(data));
    ck_assert_int_eq(lend(&s, &watched, data, sizeof(data)), sizeof(data));
    lent_give_back(&watched.lent);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 100 + sizeof(data));
    ck_assert_uint_eq(sndbuf_slices(&s.buf, 101, 7, pieces), 1);
    ck_assert_ptr_eq(pieces[0].data, data + 1);
    sndbuf_acknowledge(&s.buf, 100 + sizeof(data) - 1);
    ck_assert(!watched.is_over);
    expect_sendable(&s, 100 + sizeof(data) - 1, &data[sizeof(data) - 1], 1);
    sndbuf_acknowledge(&s.buf, 100 + sizeof(data));
    ck_assert(watched.is_over);
    sndbuf_release_if_empty(&s.buf, &s.memory);
    ck_assert_uint_eq(s.memory.used, 0);
    end_sending(&s);
}
END_TEST

START_TEST(what_is_too_small_to_lend_is_copied)
{
    uint8_t data[] = "abc";
    struct watched watched;
    struct sender s;

    begin_sending(&s, 100, 1 << 20);
    begin_loan(&watched);
    ck_assert_int_eq(lend(&s, &watched, data, 3), 3);
    lent_give_back(&watched.lent);
    ck_assert(watched.is_over);
    data[0] = 'x';
    expect_sendable(&s, 100, "abc", 3);
    end_sending(&s);
}
END_TEST

START_TEST(a_loan_is_taken_in_parts_as_there_is_space)
{
    static uint8_t data[3 * SNDBUF_LOAN_MIN];
    struct watched watched;
    struct sender s;
    uint32_t half = sizeof(data) / 2;

    begin_sending(&s, 0, half);
    begin_loan(&watched);
    fill(data, 0, sizeof(data));
    ck_assert_int_eq(lend(&s, &watched, data, sizeof(data)), half);
    ck_assert_int_eq(lend(&s, &watched, data + half, half), 0);
    sndbuf_acknowledge(&s.buf, 10);
    ck_assert_int_eq(lend(&s, &watched, data + half, half), 10);
    ck_assert_uint_eq(watched.lent.parts, 2); /* it is one part, grown */
    expect_sendable(&s, 10, data + 10, half);
    lent_give_back(&watched.lent);
    sndbuf_acknowledge(&s.buf, half);
    ck_assert(!watched.is_over);
    sndbuf_acknowledge(&s.buf, half + 10);
    ck_assert(watched.is_over);
    end_sending(&s);
}
END_TEST

START_TEST(loans_end_with_the_buffer)
{
    static uint8_t data[SNDBUF_LOAN_MIN];
    struct watched watched[20];
    struct sender s;

    begin_sending(&s, 0, 1 << 20);
    for (unsigned i = 0; i < ARRAY_LENGTH(watched); i++) {
        begin_loan(&watched[i]);
        ck_assert_int_eq(lend(&s, &watched[i], data, sizeof(data)),
                         sizeof(data));
        lent_give_back(&watched[i].lent);
    }
    end_sending(&s);
    for (unsigned i = 0; i < ARRAY_LENGTH(watched); i++)
        ck_assert(watched[i].is_over);
}
END_TEST

START_TEST(without_memory_for_a_loan_its_bytes_are_copied_if_they_can_be)
{
    static uint8_t data[SNDBUF_LOAN_MIN];
    struct watched watched;
    struct sender s;

    begin_sending(&s, 0, 1 << 20);
    ck_assert_int_eq(write_text(&s, "abc"), 3);
    s.memory.limit = s.memory.used;
    begin_loan(&watched);
    ck_assert_int_eq(lend(&s, &watched, data, sizeof(data)), -ENOBUFS);
    ck_assert_uint_eq(watched.lent.parts, 1);
    ck_assert_uint_eq(sndbuf_end(&s.buf), 3);
    end_sending(&s);
}
END_TEST

/* The stream from its first byte on: which part of it is in the buffer. */
struct send_model {
    struct sender s;
    struct random random;
    tcp_seq iss;    /* the number of byte 0 */
    uint32_t acked; /* bytes */
    uint32_t written;
    struct watched loans[64]; /* no more than are in the buffer at once */
    unsigned lent;
};

static void model_write(struct send_model *m)
{
    static uint8_t data[12000];
    uint32_t first = random_below(&m->random, 4000);
    uint32_t second = random_below(&m->random, 8000);
    struct iovec iov[] = {iov_of(data, first), iov_of(data + first, second)};
    uint32_t space = m->s.buf.limit - (m->written - m->acked);
    uint32_t taken = min_u32(space, first + second);

    fill(data, m->written, first + second);
    ck_assert_uint_eq(sndbuf_space(&m->s.buf), space);
    ck_assert_int_eq(sndbuf_write(&m->s.buf, &m->s.memory, iov, 2), taken);
    m->written += taken;
}

/* The pattern repeats after 65,536 bytes. */
static void model_lend(struct send_model *m)
{
    static uint8_t stream[65536 + 20000];
    struct watched *watched = &m->loans[m->lent++ % ARRAY_LENGTH(m->loans)];
    uint32_t len = random_below(&m->random, 20000);
    uint32_t space = m->s.buf.limit - (m->written - m->acked);

    if (stream[1] == 0)
        fill(stream, 0, sizeof(stream));
    ck_assert(m->lent <= ARRAY_LENGTH(m->loans) || watched->is_over);
    begin_loan(watched);
    ck_assert_int_eq(lend(&m->s, watched, stream + m->written % 65536, len),
                     min_u32(len, space));
    lent_give_back(&watched->lent);
    m->written += min_u32(len, space);
}

static void model_acknowledge(struct send_model *m)
{
    m->acked += random_below(&m->random, m->written - m->acked + 1);
    sndbuf_acknowledge(&m->s.buf, m->iss + m->acked);
    if (random_below(&m->random, 10) == 0)
        sndbuf_release_if_empty(&m->s.buf, &m->s.memory);
}

static void model_compare_sendable(struct send_model *m)
{
    static uint8_t expected[1 << 17];
    uint32_t from =
        m->acked + random_below(&m->random, m->written - m->acked + 1);
    uint32_t len = random_below(&m->random, m->written - from + 1);

    fill(expected, from, len);
    expect_sendable(&m->s, m->iss + from, expected, len);
    ck_assert_uint_eq(sndbuf_end(&m->s.buf), m->iss + m->written);
}

START_TEST(any_writes_and_acknowledgments_give_the_bytes_of_the_stream)
{
    static void (*const operations[])(struct send_model *) = {
        model_write, model_lend, model_acknowledge};
    static struct send_model m;

    random_init(&m.random, (struct hash_key){13, 14});
    m.iss = 0u - 100000;
    begin_sending(&m.s, m.iss, 100000);
    for (int i = 0; i < 20000; i++) {
        operations[random_below(&m.random, ARRAY_LENGTH(operations))](&m);
        model_compare_sendable(&m);
    }
    ck_assert_uint_gt(m.written, 1000000);
    ck_assert_uint_gt(m.lent, 1000);
    end_sending(&m.s);
}
END_TEST

UNIT_MAIN("tcp_sndbuf", a_send_buffer_that_was_never_written_has_no_memory,
          what_is_written_is_found_by_sequence_number,
          a_write_gathers_its_pieces, a_write_takes_what_there_is_space_for,
          what_is_acknowledged_is_dropped_and_the_rest_keeps_its_numbers,
          a_send_buffer_gives_its_memory_back_when_it_is_empty,
          a_limit_lowered_below_what_is_there_leaves_no_space,
          a_write_without_memory_changes_nothing,
          what_is_lent_is_sent_from_where_it_lies,
          what_is_too_small_to_lend_is_copied,
          a_loan_is_taken_in_parts_as_there_is_space, loans_end_with_the_buffer,
          without_memory_for_a_loan_its_bytes_are_copied_if_they_can_be,
          any_writes_and_acknowledgments_give_the_bytes_of_the_stream)
