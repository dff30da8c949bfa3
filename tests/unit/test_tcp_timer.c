/*
 * The timers of a connection: several deadlines behind one timer of the
 * wheel, and what happens when one has come.
 */
#include "unit.h"

#include "tcp/tcp_timer.h"
#include "tcp_alone.h"

#include <errno.h>

#define MSEC USEC_PER_MSEC
#define SEC USEC_PER_SEC

/* The time is 1 s when a test begins. */
struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

static void begin_with(struct fixture *f, const struct tcp_config *config)
{
    tcp_alone_open_with(&f->alone, config, 1);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->snd_mss = 1000;
    f->tcb->cc->init(f->tcb);
    tcb_set_state(f->tcb, TCPS_ESTABLISHED);
}

static void begin(struct fixture *f)
{
    struct tcp_config config = tcp_config_default();

    begin_with(f, &config);
}

static void end(struct fixture *f)
{
    tcp_alone_close(&f->alone);
}

static void run_at(struct fixture *f, usec now)
{
    f->alone.env.now = now;
    timers_run(&f->alone.env.timers, now);
}

static void set(struct fixture *f, enum tcp_timer which, usec deadline)
{
    tcp_timer_set(f->tcb, which, deadline);
    ck_assert(tcp_timer_is_set(f->tcb, which));
}

static void expect_delayed_acks(const struct fixture *f, unsigned count)
{
    ck_assert_uint_eq(f->alone.tcp.stats.delayed_acks, count);
}

static void expect_timeouts(const struct fixture *f, unsigned count)
{
    ck_assert_uint_eq(f->alone.tcp.stats.timeouts, count);
}

static void expect_idle_wheel(const struct fixture *f)
{
    ck_assert_int_eq(timers_next(&f->alone.env.timers), USEC_NEVER);
}

/* Some data is on its way. */
static void send_something(struct fixture *f)
{
    f->tcb->snd_una = 1000;
    f->tcb->snd_nxt = 1500;
    scoreboard_sent(&f->tcb->board, &f->alone.memory, f->tcb->snd_una, 1500,
                    f->alone.env.now);
}

/* ---- Deadlines ---------------------------------------------------------- */

START_TEST(a_new_connection_has_no_timer)
{
    struct fixture f;

    begin(&f);
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        ck_assert(!tcp_timer_is_set(f.tcb, (enum tcp_timer)i));
    expect_idle_wheel(&f);
    end(&f);
}
END_TEST

START_TEST(a_timer_fires_once_and_not_before_its_deadline)
{
    struct fixture f;

    begin(&f);
    set(&f, TCP_TIMER_DELAYED_ACK, 1 * SEC + 40 * MSEC);
    run_at(&f, 1 * SEC + 40 * MSEC - 1);
    expect_delayed_acks(&f, 0);
    run_at(&f, 1 * SEC + 40 * MSEC);
    expect_delayed_acks(&f, 1);
    ck_assert(f.tcb->ack_now);
    ck_assert(list_is_linked(&f.tcb->output_node));
    ck_assert(!tcp_timer_is_set(f.tcb, TCP_TIMER_DELAYED_ACK));
    run_at(&f, 100 * SEC);
    expect_delayed_acks(&f, 1);
    expect_idle_wheel(&f);
    end(&f);
}
END_TEST

START_TEST(of_several_deadlines_each_fires_in_its_own_time)
{
    struct fixture f;

    begin(&f);
    send_something(&f);
    set(&f, TCP_TIMER_END, 4 * SEC);
    set(&f, TCP_TIMER_DELAYED_ACK, 3 * SEC);
    set(&f, TCP_TIMER_RETRANSMIT, 2 * SEC);
    run_at(&f, 2 * SEC);
    expect_timeouts(&f, 1);
    expect_delayed_acks(&f, 0);
    tcp_timer_clear(f.tcb, TCP_TIMER_RETRANSMIT);
    run_at(&f, 3 * SEC);
    expect_timeouts(&f, 1);
    expect_delayed_acks(&f, 1);
    ck_assert_int_eq(f.tcb->state, TCPS_ESTABLISHED);
    run_at(&f, 4 * SEC);
    ck_assert_int_eq(f.tcb->state, TCPS_CLOSED);
    end(&f);
}
END_TEST

START_TEST(deadlines_that_are_missed_fire_together)
{
    struct fixture f;

    begin(&f);
    send_something(&f);
    set(&f, TCP_TIMER_DELAYED_ACK, 3 * SEC);
    set(&f, TCP_TIMER_RETRANSMIT, 2 * SEC);
    run_at(&f, 5 * SEC);
    expect_timeouts(&f, 1);
    expect_delayed_acks(&f, 1);
    end(&f);
}
END_TEST

START_TEST(a_deadline_in_the_past_fires_at_the_next_run)
{
    struct fixture f;

    begin(&f);
    set(&f, TCP_TIMER_DELAYED_ACK, 0);
    run_at(&f, 1 * SEC);
    expect_delayed_acks(&f, 1);
    end(&f);
}
END_TEST

START_TEST(a_timer_that_was_cleared_does_not_fire_and_the_others_do)
{
    struct fixture f;

    begin(&f);
    send_something(&f);
    set(&f, TCP_TIMER_DELAYED_ACK, 2 * SEC);
    set(&f, TCP_TIMER_RETRANSMIT, 3 * SEC);
    tcp_timer_clear(f.tcb, TCP_TIMER_DELAYED_ACK);
    ck_assert(!tcp_timer_is_set(f.tcb, TCP_TIMER_DELAYED_ACK));
    run_at(&f, 2 * SEC); /* the wheel looks, in vain */
    run_at(&f, 3 * SEC - 1);
    expect_delayed_acks(&f, 0);
    expect_timeouts(&f, 0);
    run_at(&f, 3 * SEC);
    expect_delayed_acks(&f, 0);
    expect_timeouts(&f, 1);
    end(&f);
}
END_TEST

START_TEST(a_timer_put_off_fires_at_its_new_deadline_only)
{
    struct fixture f;

    begin(&f);
    set(&f, TCP_TIMER_DELAYED_ACK, 2 * SEC);
    set(&f, TCP_TIMER_DELAYED_ACK, 5 * SEC);
    run_at(&f, 2 * SEC);
    run_at(&f, 5 * SEC - 1);
    expect_delayed_acks(&f, 0);
    run_at(&f, 5 * SEC);
    expect_delayed_acks(&f, 1);
    run_at(&f, 50 * SEC);
    expect_delayed_acks(&f, 1);
    end(&f);
}
END_TEST

START_TEST(a_timer_brought_forward_fires_at_its_new_deadline_only)
{
    struct fixture f;

    begin(&f);
    set(&f, TCP_TIMER_DELAYED_ACK, 5 * SEC);
    set(&f, TCP_TIMER_DELAYED_ACK, 2 * SEC);
    run_at(&f, 2 * SEC);
    expect_delayed_acks(&f, 1);
    run_at(&f, 5 * SEC);
    expect_delayed_acks(&f, 1);
    end(&f);
}
END_TEST

START_TEST(a_timer_cleared_and_set_again_fires_once)
{
    struct fixture f;

    begin(&f);
    set(&f, TCP_TIMER_DELAYED_ACK, 2 * SEC);
    tcp_timer_clear(f.tcb, TCP_TIMER_DELAYED_ACK);
    set(&f, TCP_TIMER_DELAYED_ACK, 3 * SEC);
    run_at(&f, 3 * SEC - 1);
    expect_delayed_acks(&f, 0);
    run_at(&f, 3 * SEC);
    expect_delayed_acks(&f, 1);
    end(&f);
}
END_TEST

START_TEST(when_all_are_cleared_the_wheel_is_idle)
{
    struct fixture f;

    begin(&f);
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        set(&f, (enum tcp_timer)i, 2 * SEC);
    tcp_timer_clear_all(f.tcb);
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        ck_assert(!tcp_timer_is_set(f.tcb, (enum tcp_timer)i));
    expect_idle_wheel(&f);
    run_at(&f, 10 * SEC);
    ck_assert_int_eq(f.tcb->state, TCPS_ESTABLISHED);
    expect_delayed_acks(&f, 0);
    end(&f);
}
END_TEST

/* Coming due, these neither set nor clear a timer of a connection that has no
 * data. */
static const enum tcp_timer modelled[] = {
    TCP_TIMER_RETRANSMIT, TCP_TIMER_DELAYED_ACK, TCP_TIMER_IDLE};

/* Their deadlines in a plain array. */
struct model {
    struct fixture f;
    usec due[TCP_TIMER_COUNT];
    unsigned delayed_acks;
};

static void model_set(struct model *m, enum tcp_timer which)
{
    m->due[which] =
        m->f.alone.env.now + random_below(&m->f.alone.env.random, 10000);
    set(&m->f, which, m->due[which]);
}

static void model_clear(struct model *m, enum tcp_timer which)
{
    m->due[which] = USEC_NEVER;
    tcp_timer_clear(m->f.tcb, which);
}

static void model_run(struct model *m)
{
    usec now = m->f.alone.env.now + random_below(&m->f.alone.env.random, 4000);

    run_at(&m->f, now);
    m->delayed_acks += m->due[TCP_TIMER_DELAYED_ACK] <= now;
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        if (m->due[i] <= now)
            m->due[i] = USEC_NEVER;
}

/* Whoever sleeps until timers_next is never late, too. */
static void model_compare(const struct model *m)
{
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++) {
        ck_assert_int_eq(m->f.tcb->due[i], m->due[i]);
        ck_assert_int_le(timers_next(&m->f.alone.env.timers), m->due[i]);
    }
    expect_delayed_acks(&m->f, m->delayed_acks);
}

START_TEST(any_setting_and_clearing_fires_what_is_due_and_nothing_else)
{
    static struct model m;

    begin(&m.f);
    for (unsigned i = 0; i < TCP_TIMER_COUNT; i++)
        m.due[i] = USEC_NEVER;
    for (int step = 0; step < 50000; step++) {
        struct random *random = &m.f.alone.env.random;
        enum tcp_timer which =
            modelled[random_below(random, ARRAY_LENGTH(modelled))];

        if (random_below(random, 3) == 0)
            model_run(&m);
        else if (random_below(random, 3) == 0)
            model_clear(&m, which);
        else
            model_set(&m, which);
        model_compare(&m);
    }
    ck_assert_uint_gt(m.delayed_acks, 1000);
    end(&m.f);
}
END_TEST

/* ---- Retransmission ----------------------------------------------------- */

/* RFC 6298 5.3, 5.5 */
START_TEST(the_retransmission_timer_runs_for_the_time_out_and_doubles)
{
    struct fixture f;

    begin(&f);
    send_something(&f);
    tcp_timer_restart_retransmit(f.tcb);
    run_at(&f, 2 * SEC - 1);
    expect_timeouts(&f, 0);
    run_at(&f, 2 * SEC);
    expect_timeouts(&f, 1);
    ck_assert(list_is_linked(&f.tcb->output_node));
    run_at(&f, 4 * SEC - 1);
    expect_timeouts(&f, 1);
    run_at(&f, 4 * SEC);
    expect_timeouts(&f, 2);
    run_at(&f, 8 * SEC);
    expect_timeouts(&f, 3);
    end(&f);
}
END_TEST

START_TEST(restarting_the_retransmission_timer_puts_it_off)
{
    struct fixture f;

    begin(&f);
    send_something(&f);
    tcp_timer_restart_retransmit(f.tcb);
    run_at(&f, 2 * SEC - 1);
    tcp_timer_restart_retransmit(f.tcb);
    run_at(&f, 3 * SEC - 2);
    expect_timeouts(&f, 0);
    run_at(&f, 3 * SEC - 1);
    expect_timeouts(&f, 1);
    end(&f);
}
END_TEST

START_TEST(with_nothing_in_flight_the_retransmission_timer_does_nothing)
{
    struct fixture f;

    begin(&f);
    tcp_timer_restart_retransmit(f.tcb);
    run_at(&f, 2 * SEC);
    expect_timeouts(&f, 0);
    expect_idle_wheel(&f);
    end(&f);
}
END_TEST

/* RFC 9293 3.8.3: R2. Nothing else that was due happens after. */
START_TEST(when_the_retries_are_used_up_the_connection_has_timed_out)
{
    struct tcp_config config = tcp_config_default();
    struct fixture f;

    config.retries = 3;
    begin_with(&f, &config);
    send_something(&f);
    tcp_timer_restart_retransmit(f.tcb); /* due at 2, 4, 8 and 16 s */
    for (usec now = 2 * SEC; now <= 8 * SEC; now *= 2)
        run_at(&f, now);
    expect_timeouts(&f, 3);
    ck_assert_int_eq(f.tcb->state, TCPS_ESTABLISHED);
    run_at(&f, 16 * SEC - 1);
    ck_assert_uint_eq(f.alone.notified, 0);
    set(&f, TCP_TIMER_DELAYED_ACK, 16 * SEC);
    set(&f, TCP_TIMER_END, 16 * SEC);
    run_at(&f, 16 * SEC);
    ck_assert_int_eq(f.tcb->state, TCPS_CLOSED);
    ck_assert_int_eq(f.tcb->error, ETIMEDOUT);
    ck_assert_uint_eq(f.alone.notified, 1);
    expect_timeouts(&f, 3);
    expect_delayed_acks(&f, 0);
    expect_idle_wheel(&f);
    end(&f);
}
END_TEST

START_TEST(a_connection_that_its_program_has_closed_is_given_up_earlier)
{
    struct tcp_config config = tcp_config_default();
    struct fixture f;

    config.orphan_retries = 1;
    begin_with(&f, &config);
    send_something(&f);
    tcb_set_state(f.tcb, TCPS_FIN_WAIT_1);
    tcb_release(f.tcb);
    tcp_timer_restart_retransmit(f.tcb);
    run_at(&f, 2 * SEC);
    ck_assert_int_eq(f.tcb->state, TCPS_FIN_WAIT_1);
    run_at(&f, 4 * SEC);
    ck_assert_int_eq(f.tcb->state, TCPS_CLOSED);
    ck_assert_uint_eq(f.alone.notified, 0);
    end(&f);
}
END_TEST

START_TEST(a_syn_is_sent_again_and_given_up_after_its_own_retries)
{
    struct tcp_config config = tcp_config_default();
    struct fixture f;

    config.syn_retries = 2;
    begin_with(&f, &config);
    tcb_set_state(f.tcb, TCPS_SYN_SENT);
    tcp_timer_restart_retransmit(f.tcb);
    for (usec now = 2 * SEC; now <= 4 * SEC; now *= 2) {
        f.tcb->resend_syn = false;
        run_at(&f, now - 1);
        ck_assert(!f.tcb->resend_syn);
        run_at(&f, now);
        ck_assert(f.tcb->resend_syn);
        ck_assert(list_is_linked(&f.tcb->output_node));
    }
    ck_assert_uint_eq(f.alone.tcp.stats.attempt_fails, 0);
    run_at(&f, 8 * SEC);
    ck_assert_int_eq(f.tcb->state, TCPS_CLOSED);
    ck_assert_int_eq(f.tcb->error, ETIMEDOUT);
    ck_assert_uint_eq(f.alone.tcp.stats.attempt_fails, 1);
    end(&f);
}
END_TEST

/* RFC 9293 3.9.2.2: what ICMP has said is the better reason. */
START_TEST(a_connection_given_up_tells_what_icmp_has_said)
{
    struct tcp_config config = tcp_config_default();
    struct fixture f;

    config.syn_retries = 0;
    begin_with(&f, &config);
    tcb_set_state(f.tcb, TCPS_SYN_SENT);
    f.tcb->soft_error = EHOSTUNREACH;
    tcp_timer_restart_retransmit(f.tcb);
    run_at(&f, 2 * SEC);
    ck_assert_int_eq(f.tcb->error, EHOSTUNREACH);
    end(&f);
}
END_TEST

/* ---- The end, idle buffers, keepalive ----------------------------------- */

START_TEST(the_end_timer_closes_the_connection_and_tells_its_owner)
{
    struct fixture f;

    begin(&f);
    set(&f, TCP_TIMER_END, 61 * SEC);
    run_at(&f, 61 * SEC - 1);
    ck_assert_int_eq(f.tcb->state, TCPS_ESTABLISHED);
    run_at(&f, 61 * SEC);
    ck_assert_int_eq(f.tcb->state, TCPS_CLOSED);
    ck_assert_int_eq(f.tcb->error, 0);
    ck_assert_uint_eq(f.alone.notified, 1);
    expect_idle_wheel(&f);
    end(&f);
}
END_TEST

/* A byte is written and acknowledged; another is received and read. */
static void use_buffers(struct fixture *f)
{
    struct memory *memory = &f->alone.memory;
    uint8_t byte = 'x';
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct frame frame;

    frame_init_input(&frame, NULL, &byte, 1);
    ck_assert_int_eq(sndbuf_write(&f->tcb->sndbuf, memory, &iov, 1), 1);
    sndbuf_acknowledge(&f->tcb->sndbuf, sndbuf_end(&f->tcb->sndbuf));
    ck_assert_int_eq(rcvbuf_put(&f->tcb->rcvbuf, memory, 0, &frame, 0, 1), 0);
    rcvbuf_commit(&f->tcb->rcvbuf, 1);
    ck_assert_int_eq(rcvbuf_read(&f->tcb->rcvbuf, &iov, 1), 1);
}

START_TEST(buffers_that_stay_empty_give_their_memory_back_after_a_while)
{
    struct fixture f;

    begin(&f);

    size_t used = f.alone.memory.used;
    use_buffers(&f);
    tcp_timer_buffer_is_empty(f.tcb);
    run_at(&f, 2 * SEC - 1);
    ck_assert_uint_gt(f.alone.memory.used, used);
    run_at(&f, 2 * SEC);
    ck_assert_uint_eq(f.alone.memory.used, used);
    end(&f);
}
END_TEST

START_TEST(running_empty_again_does_not_put_the_idle_timer_off)
{
    struct fixture f;

    begin(&f);
    tcp_timer_buffer_is_empty(f.tcb);
    run_at(&f, 2 * SEC - 1);
    tcp_timer_buffer_is_empty(f.tcb);
    run_at(&f, 2 * SEC);
    ck_assert(!tcp_timer_is_set(f.tcb, TCP_TIMER_IDLE));
    end(&f);
}
END_TEST

START_TEST(a_buffer_that_holds_something_again_keeps_its_memory)
{
    struct fixture f;
    uint8_t byte = 'x';
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct bytes pieces[FRAME_SLICES];

    begin(&f);
    use_buffers(&f);
    tcp_timer_buffer_is_empty(f.tcb);
    ck_assert_int_eq(sndbuf_write(&f.tcb->sndbuf, &f.alone.memory, &iov, 1), 1);
    run_at(&f, 2 * SEC);
    ck_assert_uint_eq(
        sndbuf_slices(&f.tcb->sndbuf, f.tcb->sndbuf.start, 1, pieces), 1);
    ck_assert_uint_eq(pieces[0].data[0], 'x');
    end(&f);
}
END_TEST

/* Nothing can be read of it yet, but it is there. */
START_TEST(a_buffer_with_data_out_of_order_keeps_its_memory)
{
    struct fixture f;
    uint8_t data[] = "abcdef", got[6];
    struct iovec iov = {.iov_base = got, .iov_len = 6};
    struct frame frame;

    begin(&f);

    struct memory *memory = &f.alone.memory;
    frame_init_input(&frame, NULL, data, 6);
    ck_assert_int_eq(rcvbuf_put(&f.tcb->rcvbuf, memory, 3, &frame, 3, 3), 0);
    ck_assert_int_eq(reass_add(&f.tcb->reass, memory, 3, 6), 0);
    tcp_timer_buffer_is_empty(f.tcb);
    run_at(&f, 2 * SEC);
    ck_assert_int_eq(rcvbuf_put(&f.tcb->rcvbuf, memory, 0, &frame, 0, 3), 0);
    rcvbuf_commit(&f.tcb->rcvbuf, 6);
    ck_assert_int_eq(rcvbuf_read(&f.tcb->rcvbuf, &iov, 1), 6);
    ck_assert_mem_eq(got, "abcdef", 6);
    end(&f);
}
END_TEST

START_TEST(keepalive_runs_only_where_it_is_asked_for_and_can_serve)
{
    struct fixture f;

    begin(&f);
    tcp_timer_restart_keepalive(f.tcb);
    ck_assert(!tcp_timer_is_set(f.tcb, TCP_TIMER_KEEPALIVE));
    f.tcb->keepalive = true;
    tcp_timer_restart_keepalive(f.tcb);
    ck_assert(tcp_timer_is_set(f.tcb, TCP_TIMER_KEEPALIVE));
    f.tcb->keepalive = false;
    tcp_timer_restart_keepalive(f.tcb);
    ck_assert(!tcp_timer_is_set(f.tcb, TCP_TIMER_KEEPALIVE));

    f.tcb->keepalive = true;
    tcb_set_state(f.tcb, TCPS_SYN_SENT);
    tcp_timer_restart_keepalive(f.tcb);
    ck_assert(!tcp_timer_is_set(f.tcb, TCP_TIMER_KEEPALIVE));
    end(&f);
}
END_TEST

/* RFC 9293 3.8.4: the idle time counts from what was heard last. */
START_TEST(keepalive_waits_for_as_long_as_something_is_heard_or_in_flight)
{
    struct fixture f;
    const usec idle = tcp_config_default().keepalive_idle;

    begin(&f);
    f.tcb->keepalive = true;
    f.tcb->last_heard = 1 * SEC;
    tcp_timer_restart_keepalive(f.tcb);
    ck_assert_int_eq(f.tcb->due[TCP_TIMER_KEEPALIVE], 1 * SEC + idle);
    f.tcb->last_heard = 100 * SEC; /* the timer is left as it is */
    run_at(&f, 1 * SEC + idle);
    ck_assert_uint_eq(f.tcb->probes, 0);
    ck_assert_int_eq(f.tcb->due[TCP_TIMER_KEEPALIVE], 100 * SEC + idle);
    send_something(&f);
    run_at(&f, 100 * SEC + idle);
    ck_assert_uint_eq(f.tcb->probes, 0);
    ck_assert(tcp_timer_is_set(f.tcb, TCP_TIMER_KEEPALIVE));
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_timer", a_new_connection_has_no_timer,
          a_timer_fires_once_and_not_before_its_deadline,
          of_several_deadlines_each_fires_in_its_own_time,
          deadlines_that_are_missed_fire_together,
          a_deadline_in_the_past_fires_at_the_next_run,
          a_timer_that_was_cleared_does_not_fire_and_the_others_do,
          a_timer_put_off_fires_at_its_new_deadline_only,
          a_timer_brought_forward_fires_at_its_new_deadline_only,
          a_timer_cleared_and_set_again_fires_once,
          when_all_are_cleared_the_wheel_is_idle,
          any_setting_and_clearing_fires_what_is_due_and_nothing_else,
          the_retransmission_timer_runs_for_the_time_out_and_doubles,
          restarting_the_retransmission_timer_puts_it_off,
          with_nothing_in_flight_the_retransmission_timer_does_nothing,
          when_the_retries_are_used_up_the_connection_has_timed_out,
          a_connection_that_its_program_has_closed_is_given_up_earlier,
          a_syn_is_sent_again_and_given_up_after_its_own_retries,
          a_connection_given_up_tells_what_icmp_has_said,
          the_end_timer_closes_the_connection_and_tells_its_owner,
          buffers_that_stay_empty_give_their_memory_back_after_a_while,
          running_empty_again_does_not_put_the_idle_timer_off,
          a_buffer_that_holds_something_again_keeps_its_memory,
          a_buffer_with_data_out_of_order_keeps_its_memory,
          keepalive_runs_only_where_it_is_asked_for_and_can_serve,
          keepalive_waits_for_as_long_as_something_is_heard_or_in_flight)
