#include "unit.h"

#include "host/trace_hub.h"

#include <stdbool.h>
#include <string.h>

/* A listener that writes its letter, and one that takes another one away. */
struct letter {
    struct trace_listener listener;
    struct trace_hub *hub;
    struct letter *takes_away;
    char letter;
};

static char heard[32];

static void write_letter(struct trace_listener *listener,
                         const struct trace_event *event)
{
    struct letter *letter = container_of(listener, struct letter, listener);
    char text[2] = {letter->letter, '\0'};

    ck_assert_uint_eq(event->connection, 7);
    strcat(heard, text);
    if (letter->takes_away != NULL)
        trace_hub_remove(letter->hub, &letter->takes_away->listener);
}

static void write_end(struct trace_listener *listener)
{
    (void)listener;
    strcat(heard, "|");
}

static void join(struct letter *letter, struct trace_hub *hub, char name)
{
    *letter = (struct letter){
        .listener = {.event = write_letter}, .hub = hub, .letter = name};
    trace_hub_add(hub, &letter->listener);
}

static const char *raise(struct trace_hub *hub)
{
    struct trace trace = trace_hub_trace(hub);
    struct trace_event event = {.kind = TRACE_STATE, .connection = 7};

    heard[0] = '\0';
    if (trace.emit != NULL)
        trace.emit(trace.listener, &event);
    return heard;
}

START_TEST(the_core_is_told_of_nobody_while_nobody_listens)
{
    struct trace_hub hub;
    struct letter a;

    trace_hub_init(&hub);
    ck_assert(trace_hub_trace(&hub).emit == NULL);
    join(&a, &hub, 'a');
    ck_assert(trace_hub_trace(&hub).emit != NULL);
    trace_hub_remove(&hub, &a.listener);
    ck_assert(trace_hub_trace(&hub).emit == NULL);
}
END_TEST

START_TEST(each_hears_each_event_in_the_order_of_coming)
{
    struct trace_hub hub;
    struct letter a, b, c;

    trace_hub_init(&hub);
    join(&a, &hub, 'a');
    join(&b, &hub, 'b');
    join(&c, &hub, 'c');
    ck_assert_str_eq(raise(&hub), "abc");
    trace_hub_remove(&hub, &b.listener);
    ck_assert_str_eq(raise(&hub), "ac");
}
END_TEST

START_TEST(a_listener_may_take_itself_or_the_next_one_away)
{
    struct trace_hub hub;
    struct letter a, b, c;

    trace_hub_init(&hub);
    join(&a, &hub, 'a');
    join(&b, &hub, 'b');
    join(&c, &hub, 'c');
    a.takes_away = &b;
    ck_assert_str_eq(raise(&hub), "ac");
    a.takes_away = NULL;
    c.takes_away = &c;
    ck_assert_str_eq(raise(&hub), "ac");
    ck_assert_str_eq(raise(&hub), "a");
}
END_TEST

START_TEST(the_end_of_a_pass_is_told_to_whom_it_concerns)
{
    struct trace_hub hub;
    struct letter a, b;

    trace_hub_init(&hub);
    join(&a, &hub, 'a');
    join(&b, &hub, 'b');
    b.listener.pass_over = write_end;
    heard[0] = '\0';
    trace_hub_pass_over(&hub);
    ck_assert_str_eq(heard, "|");
}
END_TEST

UNIT_MAIN("trace_hub", the_core_is_told_of_nobody_while_nobody_listens,
          each_hears_each_event_in_the_order_of_coming,
          a_listener_may_take_itself_or_the_next_one_away,
          the_end_of_a_pass_is_told_to_whom_it_concerns)
