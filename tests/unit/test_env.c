/*
 * Drops are counted and traced, each reason with its words.
 */
#include "unit.h"

#include "base/env.h"

struct fixture {
    struct memory memory;
    struct env env;
    struct trace_event last;
    unsigned events;
};

static void listen_to(void *listener, const struct trace_event *event)
{
    struct fixture *f = listener;

    f->last = *event;
    f->events++;
}

static void begin(struct fixture *f)
{
    struct trace trace = {.emit = listen_to, .listener = f};

    *f = (struct fixture){0};
    memory_init(&f->memory, 1000);
    env_init(&f->env, 777, &f->memory, (struct hash_key){1, 2}, trace);
}

START_TEST(a_drop_is_counted_and_traced_with_its_frame)
{
    struct fixture f;
    struct frame frame;

    begin(&f);
    frame_init_output(&frame);
    f.env.frame_number = 42;
    env_drop(&f.env, DROP_IP_BAD_CHECKSUM, &frame);
    ck_assert_uint_eq(f.env.drops[DROP_IP_BAD_CHECKSUM], 1);
    ck_assert_uint_eq(f.events, 1);
    ck_assert_int_eq(f.last.kind, TRACE_DROP);
    ck_assert_int_eq(f.last.layer, TRACE_IP);
    ck_assert_int_eq(f.last.drop, DROP_IP_BAD_CHECKSUM);
    ck_assert_ptr_eq(f.last.frame, &frame);
    ck_assert_str_eq(f.last.text, "header checksum is wrong");
    ck_assert_int_eq(f.last.now, 777);
    ck_assert_uint_eq(f.last.frame_number, 42);
}
END_TEST

START_TEST(without_a_listener_a_drop_is_still_counted)
{
    struct fixture f;

    begin(&f);
    f.env.trace.emit = NULL;
    env_drop(&f.env, DROP_TCP_PAWS, NULL);
    env_drop(&f.env, DROP_TCP_PAWS, NULL);
    ck_assert_uint_eq(f.env.drops[DROP_TCP_PAWS], 2);
    ck_assert_uint_eq(f.events, 0);
}
END_TEST

START_TEST(every_reason_has_its_words_and_a_layer_of_the_trace)
{
    struct fixture f;

    begin(&f);
    for (int i = DROP_NONE + 1; i < DROP_REASON_COUNT; i++) {
        enum drop_reason reason = (enum drop_reason)i;

        env_drop(&f.env, reason, NULL);
        ck_assert_int_eq(f.last.drop, reason);
        ck_assert_str_ne(drop_name(reason), "");
        ck_assert_str_ne(drop_layer(reason), "");
        ck_assert_str_ne(drop_text(reason), "");
        ck_assert_str_ne(drop_section(reason), "");
    }
    ck_assert_uint_eq(f.events, DROP_REASON_COUNT - 1);
}
END_TEST

START_TEST(the_words_are_those_of_their_reason)
{
    ck_assert_str_eq(drop_name(DROP_UDP_NO_PORT), "UDP_NO_PORT");
    ck_assert_str_eq(drop_layer(DROP_UDP_NO_PORT), "udp");
    ck_assert_str_eq(drop_text(DROP_UDP_NO_PORT),
                     "nobody listens on this port");
    ck_assert_str_eq(drop_section(DROP_UDP_NO_PORT), "RFC 1122 4.1.3.1");
}
END_TEST

START_TEST(a_new_env_begins_at_the_time_it_is_given)
{
    struct fixture f;

    begin(&f);
    ck_assert_int_eq(f.env.now, 777);
    ck_assert_int_eq(f.env.timers.now, 777);
    ck_assert_int_eq(timers_next(&f.env.timers), USEC_NEVER);
    ck_assert_ptr_eq(f.env.memory, &f.memory);
    ck_assert(env_is_traced(&f.env));
}
END_TEST

START_TEST(the_last_drops_are_remembered_with_their_first_bytes)
{
    struct fixture f;
    struct frame frame;
    uint8_t data[100];

    begin(&f);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    frame_init_input(&frame, NULL, data, sizeof(data));
    frame_pull(&frame, 14);
    f.env.frame_number = 9;
    env_drop(&f.env, DROP_IP_NOT_FOR_US, &frame);

    const struct env_dropped *last = &f.env.last_drops[0];
    ck_assert_uint_eq(f.env.dropped, 1);
    ck_assert_int_eq(last->reason, DROP_IP_NOT_FOR_US);
    ck_assert_int_eq(last->at, 777);
    ck_assert_uint_eq(last->frame_number, 9);
    ck_assert_uint_eq(last->len, sizeof(data));
    ck_assert_uint_eq(last->kept, ENV_DROP_BYTES);
    ck_assert_mem_eq(last->bytes, data, ENV_DROP_BYTES); /* the pulled, too */
}
END_TEST

START_TEST(only_so_many_drops_are_remembered)
{
    struct fixture f;

    begin(&f);
    for (int i = 0; i < ENV_DROPS_KEPT; i++)
        env_drop(&f.env, DROP_TCP_PAWS, NULL);
    env_drop(&f.env, DROP_UDP_NO_PORT, NULL);
    ck_assert_uint_eq(f.env.dropped, ENV_DROPS_KEPT + 1);
    ck_assert_int_eq(f.env.last_drops[0].reason, DROP_UDP_NO_PORT);
    ck_assert_int_eq(f.env.last_drops[1].reason, DROP_TCP_PAWS);
    ck_assert_uint_eq(f.env.last_drops[0].len, 0);
}
END_TEST

UNIT_MAIN("env", a_drop_is_counted_and_traced_with_its_frame,
          without_a_listener_a_drop_is_still_counted,
          every_reason_has_its_words_and_a_layer_of_the_trace,
          the_words_are_those_of_their_reason,
          a_new_env_begins_at_the_time_it_is_given,
          the_last_drops_are_remembered_with_their_first_bytes,
          only_so_many_drops_are_remembered)
