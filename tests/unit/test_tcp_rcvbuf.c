/*
 * What has arrived and is not read, also against a plain array of bytes.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_rcvbuf.h"

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

struct receiver {
    struct memory memory;
    struct rcvbuf buf;
};

static void begin_receiving(struct receiver *r, uint32_t limit)
{
    memory_init(&r->memory, 1 << 20);
    rcvbuf_init(&r->buf, limit);
}

static void end_receiving(struct receiver *r)
{
    rcvbuf_fini(&r->buf, &r->memory);
    ck_assert_uint_eq(r->memory.used, 0);
}

/* A frame that is all head. */
static void put_text(struct receiver *r, uint32_t at, const char *text)
{
    uint8_t data[64];
    uint32_t len = (uint32_t)strlen(text);
    struct frame frame;

    memcpy(data, text, len);
    frame_init_input(&frame, NULL, data, len);
    ck_assert_int_eq(rcvbuf_put(&r->buf, &r->memory, at, &frame, 0, len), 0);
}

static void expect_read(struct receiver *r, const char *text)
{
    char got[64];
    struct iovec iov = iov_of(got, sizeof(got));

    ck_assert_int_eq(rcvbuf_read(&r->buf, &iov, 1), (int)strlen(text));
    ck_assert_mem_eq(got, text, strlen(text));
}

START_TEST(a_receive_buffer_that_was_never_filled_has_no_memory)
{
    struct receiver r;

    begin_receiving(&r, 100);
    ck_assert_uint_eq(rcvbuf_unread(&r.buf), 0);
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 100);
    expect_read(&r, "");
    rcvbuf_commit(&r.buf, 0);
    rcvbuf_discard(&r.buf);
    rcvbuf_release_if_empty(&r.buf, &r.memory);
    ck_assert_uint_eq(r.memory.used, 0);
    end_receiving(&r);
}
END_TEST

START_TEST(what_is_put_can_be_read_when_rcv_nxt_has_passed_it)
{
    struct receiver r;

    begin_receiving(&r, 100);
    put_text(&r, 0, "hello");
    ck_assert_uint_eq(rcvbuf_unread(&r.buf), 0);
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 100);
    expect_read(&r, "");
    rcvbuf_commit(&r.buf, 3);
    ck_assert_uint_eq(rcvbuf_unread(&r.buf), 3);
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 97);
    expect_read(&r, "hel");
    rcvbuf_commit(&r.buf, 2);
    expect_read(&r, "lo");
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 100);
    end_receiving(&r);
}
END_TEST

START_TEST(bytes_out_of_order_go_straight_to_their_place)
{
    struct receiver r;

    begin_receiving(&r, 100);
    put_text(&r, 0, "ab");
    rcvbuf_commit(&r.buf, 2);
    put_text(&r, 4, "gh"); /* 4 after RCV.NXT, behind "ab" */
    put_text(&r, 2, "ef");
    put_text(&r, 0, "cd");
    rcvbuf_commit(&r.buf, 6);
    expect_read(&r, "abcdefgh");
    end_receiving(&r);
}
END_TEST

START_TEST(reading_does_not_move_what_lies_out_of_order)
{
    struct receiver r;

    begin_receiving(&r, 100);
    put_text(&r, 0, "abc");
    rcvbuf_commit(&r.buf, 3);
    put_text(&r, 2, "fg");
    expect_read(&r, "abc");
    put_text(&r, 0, "de");
    rcvbuf_commit(&r.buf, 4);
    expect_read(&r, "defg");
    end_receiving(&r);
}
END_TEST

START_TEST(peeking_leaves_the_bytes_there)
{
    char first[3], second[10];
    struct iovec iov[] = {iov_of(first, 3), iov_of(NULL, 0),
                          iov_of(second, 10)};
    struct receiver r;

    begin_receiving(&r, 100);
    put_text(&r, 0, "abcdef");
    rcvbuf_commit(&r.buf, 6);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(rcvbuf_peek(&r.buf, iov, 3), 6);
        ck_assert_mem_eq(first, "abc", 3);
        ck_assert_mem_eq(second, "def", 3);
    }
    ck_assert_int_eq(rcvbuf_read(&r.buf, iov, 1), 3);
    ck_assert_uint_eq(rcvbuf_unread(&r.buf), 3);
    expect_read(&r, "def");
    end_receiving(&r);
}
END_TEST

START_TEST(what_is_discarded_is_gone_and_leaves_space)
{
    struct receiver r;

    begin_receiving(&r, 10);
    put_text(&r, 0, "abcdef");
    rcvbuf_commit(&r.buf, 6);
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 4);
    rcvbuf_discard(&r.buf);
    ck_assert_uint_eq(rcvbuf_unread(&r.buf), 0);
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 10);
    put_text(&r, 0, "gh");
    rcvbuf_commit(&r.buf, 2);
    expect_read(&r, "gh");
    end_receiving(&r);
}
END_TEST

START_TEST(the_receive_limit_may_be_lowered_below_what_is_there)
{
    struct receiver r;

    begin_receiving(&r, 10);
    put_text(&r, 0, "abcdef");
    rcvbuf_commit(&r.buf, 6);
    r.buf.limit = 5;
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 0);
    expect_read(&r, "abcdef");
    ck_assert_uint_eq(rcvbuf_space(&r.buf), 5);
    end_receiving(&r);
}
END_TEST

/* Head "01234", slices "567", "89ab" and "cd". */
static void build_scattered(struct frame *frame, uint8_t head[static 5])
{
    memcpy(head, "01234", 5);
    frame_init_input(frame, NULL, head, 5);
    frame_add_slice(frame, bytes_of("567", 3));
    frame_add_slice(frame, bytes_of("89ab", 4));
    frame_add_slice(frame, bytes_of("cd", 2));
}

START_TEST(any_part_of_a_frame_of_head_and_slices_can_be_put)
{
    for (uint32_t from = 0; from <= 14; from++)
        for (uint32_t len = 0; len <= 14 - from; len++) {
            char got[14];
            struct iovec iov = iov_of(got, sizeof(got));
            struct receiver r;
            struct frame frame;
            uint8_t head[5];

            begin_receiving(&r, 100);
            build_scattered(&frame, head);
            put_text(&r, 0, "xxxxxxxxxxxxxxxxxxxx");
            rcvbuf_commit(&r.buf, 3);
            ck_assert_int_eq(
                rcvbuf_put(&r.buf, &r.memory, 1, &frame, from, len), 0);
            rcvbuf_commit(&r.buf, len + 2);
            ck_assert_int_eq(rcvbuf_read(&r.buf, &iov, 1),
                             (int)min_u32(14, len + 5));
            ck_assert_mem_eq(got, "xxxx", 4);
            ck_assert_mem_eq(got + 4, &"0123456789abcd"[from],
                             min_u32(len, 10));
            if (len < 10)
                ck_assert_int_eq(got[4 + len], 'x');
            end_receiving(&r);
        }
}
END_TEST

START_TEST(a_receive_buffer_that_grows_keeps_what_lies_out_of_order)
{
    static uint8_t data[3000], got[9000], expected[9000];
    struct iovec iov = iov_of(got, sizeof(got));
    struct receiver r;
    struct frame frame;

    begin_receiving(&r, 100000);
    frame_init_input(&frame, NULL, data, sizeof(data));
    /* so that the ring's head is not at its beginning */
    ck_assert_int_eq(rcvbuf_put(&r.buf, &r.memory, 0, &frame, 0, 3000), 0);
    rcvbuf_commit(&r.buf, 3000);
    ck_assert_int_eq(rcvbuf_read(&r.buf, &iov, 1), 3000);

    fill(expected, 0, 9000);
    for (uint32_t at = 1000; at <= 6000; at += 2500) { /* 500 .. of holes */
        fill(data, at, 2000);
        ck_assert_int_eq(rcvbuf_put(&r.buf, &r.memory, at, &frame, 0, 2000), 0);
    }
    ck_assert_uint_gt(r.memory.used, RING_FIRST_SIZE);
    fill(data, 0, 1000);
    ck_assert_int_eq(rcvbuf_put(&r.buf, &r.memory, 0, &frame, 0, 1000), 0);
    rcvbuf_commit(&r.buf, 3000);
    ck_assert_int_eq(rcvbuf_read(&r.buf, &iov, 1), 3000);
    ck_assert_mem_eq(got, expected, 3000);
    for (uint32_t hole = 3000; hole <= 5500; hole += 2500) {
        fill(data, hole, 500);
        ck_assert_int_eq(
            rcvbuf_put(&r.buf, &r.memory, hole - 3000, &frame, 0, 500), 0);
    }
    rcvbuf_commit(&r.buf, 5000);
    ck_assert_int_eq(rcvbuf_read(&r.buf, &iov, 1), 5000);
    ck_assert_mem_eq(got, expected + 3000, 5000);
    end_receiving(&r);
}
END_TEST

START_TEST(a_put_without_memory_changes_nothing)
{
    uint8_t data[10] = "unheard of";
    struct receiver r;
    struct frame frame;

    begin_receiving(&r, 1 << 20);
    frame_init_input(&frame, NULL, data, sizeof(data));
    r.memory.limit = 0;
    ck_assert_int_eq(rcvbuf_put(&r.buf, &r.memory, 0, &frame, 0, 10), -ENOBUFS);
    r.memory.limit = RING_FIRST_SIZE;
    put_text(&r, 0, "abc");
    rcvbuf_commit(&r.buf, 3);
    put_text(&r, 2, "fg");
    ck_assert_int_eq(
        rcvbuf_put(&r.buf, &r.memory, RING_FIRST_SIZE - 5, &frame, 0, 10),
        -ENOBUFS);
    put_text(&r, 0, "de");
    rcvbuf_commit(&r.buf, 4);
    expect_read(&r, "abcdefg");
    end_receiving(&r);
}
END_TEST

START_TEST(a_receive_buffer_gives_its_memory_back_when_all_is_read)
{
    struct receiver r;

    begin_receiving(&r, 100);
    put_text(&r, 0, "abc");
    rcvbuf_commit(&r.buf, 3);
    rcvbuf_release_if_empty(&r.buf, &r.memory);
    expect_read(&r, "abc");
    ck_assert_uint_gt(r.memory.used, 0);
    rcvbuf_release_if_empty(&r.buf, &r.memory);
    ck_assert_uint_eq(r.memory.used, 0);
    put_text(&r, 0, "def");
    rcvbuf_commit(&r.buf, 3);
    expect_read(&r, "def");
    end_receiving(&r);
}
END_TEST

/* The window from the first unread byte on: which bytes have been put. */
enum { MODEL_LIMIT = 20000 };

struct receive_model {
    struct receiver r;
    struct random random;
    uint32_t read; /* bytes of the stream */
    uint32_t rcv_nxt;
    bool is_there[MODEL_LIMIT]; /* from RCV.NXT on */
};

/* A frame with the text somewhere in head and slices, garbage around it. */
static void model_put(struct receive_model *m)
{
    static uint8_t data[4000];
    uint32_t space = MODEL_LIMIT - (m->rcv_nxt - m->read);
    bool is_next = random_below(&m->random, 3) == 0;
    uint32_t at = is_next ? 0 : random_below(&m->random, space + 1);
    uint32_t len = min_u32(random_below(&m->random, 3000), space - at);
    uint32_t from = random_below(&m->random, 80);
    uint32_t in_head = random_below(&m->random, from + len + 1);
    uint32_t in_first = random_below(&m->random, from + len - in_head + 1);
    struct frame frame;

    memset(data, 0xee, sizeof(data));
    fill(data + from, m->rcv_nxt + at, len);
    frame_init_input(&frame, NULL, data, in_head);
    frame_add_slice(&frame, bytes_of(data + in_head, in_first));
    frame_add_slice(&frame, bytes_of(data + in_head + in_first,
                                     from + len + 50 - in_head - in_first));
    ck_assert_int_eq(rcvbuf_put(&m->r.buf, &m->r.memory, at, &frame, from, len),
                     0);
    memset(m->is_there + at, true, len);
}

static void model_commit(struct receive_model *m)
{
    uint32_t len = 0;
    uint32_t most = random_below(&m->random, 6000);

    while (len < most && m->is_there[len])
        len++;
    rcvbuf_commit(&m->r.buf, len);
    m->rcv_nxt += len;
    memmove(m->is_there, m->is_there + len, MODEL_LIMIT - len);
    memset(m->is_there + MODEL_LIMIT - len, false, len);
}

static void model_read(struct receive_model *m)
{
    static uint8_t got[8000], expected[8000];
    uint32_t first = random_below(&m->random, 2000);
    uint32_t second = random_below(&m->random, 6000);
    struct iovec iov[] = {iov_of(got, first), iov_of(got + first, second)};
    uint32_t len = min_u32(first + second, m->rcv_nxt - m->read);

    fill(expected, m->read, len);
    ck_assert_int_eq(rcvbuf_peek(&m->r.buf, iov, 2), len);
    ck_assert(memcmp(got, expected, len) == 0);
    memset(got, 0, sizeof(got));
    ck_assert_int_eq(rcvbuf_read(&m->r.buf, iov, 2), len);
    ck_assert(memcmp(got, expected, len) == 0);
    m->read += len;
}

START_TEST(any_arrivals_and_reads_give_the_bytes_of_the_stream)
{
    static void (*const operations[])(struct receive_model *) = {
        model_put, model_put, model_put, model_commit, model_read};
    static struct receive_model m;

    random_init(&m.random, (struct hash_key){15, 16});
    begin_receiving(&m.r, MODEL_LIMIT);
    for (int i = 0; i < 20000; i++) {
        operations[random_below(&m.random, ARRAY_LENGTH(operations))](&m);
        ck_assert_uint_eq(rcvbuf_unread(&m.r.buf), m.rcv_nxt - m.read);
        ck_assert_uint_eq(rcvbuf_space(&m.r.buf),
                          MODEL_LIMIT - (m.rcv_nxt - m.read));
    }
    ck_assert_uint_gt(m.read, 1000000);
    end_receiving(&m.r);
}
END_TEST

UNIT_MAIN("tcp_rcvbuf", a_receive_buffer_that_was_never_filled_has_no_memory,
          what_is_put_can_be_read_when_rcv_nxt_has_passed_it,
          bytes_out_of_order_go_straight_to_their_place,
          reading_does_not_move_what_lies_out_of_order,
          peeking_leaves_the_bytes_there,
          what_is_discarded_is_gone_and_leaves_space,
          the_receive_limit_may_be_lowered_below_what_is_there,
          any_part_of_a_frame_of_head_and_slices_can_be_put,
          a_receive_buffer_that_grows_keeps_what_lies_out_of_order,
          a_put_without_memory_changes_nothing,
          a_receive_buffer_gives_its_memory_back_when_all_is_read,
          any_arrivals_and_reads_give_the_bytes_of_the_stream)
