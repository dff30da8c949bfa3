/*
 * A connection at rest: its TCB, packed, comes back as it was.
 */
#include "tcp_alone.h"
#include "unit.h"

#include "tcp/tcp_port.h"
#include "tcp/tcp_rest.h"
#include "tcp/tcp_timer.h"

#include <string.h>

enum { ROUNDS = 200 };

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;       /* NULL: it rests */
    struct tcp_rest *rest; /* or NULL */
};

static void moved(void *context, void *owner, struct tcb *tcb,
                  struct tcp_rest *rest)
{
    struct tcp_alone *alone = context;
    struct fixture *f = container_of(alone, struct fixture, alone);

    ck_assert_ptr_eq(owner, alone);
    f->tcb = tcb;
    f->rest = rest;
}

static void begin(struct fixture *f)
{
    struct endpoint local = {.addr = ip_addr_v4(0xc0000202), .port = 80};
    struct endpoint remote = {.addr = ip_addr_v4(0xc6336401), .port = 40000};
    struct tcb *listener;

    *f = (struct fixture){0};
    tcp_alone_open(&f->alone);
    f->alone.tcp.moved = moved;
    listener = tcp_alone_tcb(&f->alone);
    ck_assert_int_eq(tcp_port_bind(listener, &local), 0);
    f->tcb = tcp_alone_tcb(&f->alone);
    ck_assert_int_eq(tcb_connect_ends(f->tcb, &local, &remote), 0);
    tcp_port_share(f->tcb, listener->port);
    tcb_set_state(f->tcb, TCPS_ESTABLISHED);
    f->tcb->last_heard = f->alone.env.now;
}

static void run_at(struct fixture *f, usec now)
{
    f->alone.env.now = now;
    timers_run(&f->alone.env.timers, now);
    rest_all_that_may(&f->alone.tcp);
}

/* Which says nothing of memory that it has. */
static void fill(struct fixture *f, size_t from, size_t to, uint32_t density)
{
    struct random *random = &f->alone.env.random;

    for (size_t at = from; at < to; at++)
        if (random_below(random, density) == 0)
            ((uint8_t *)f->tcb)[at] = (uint8_t)random_u32(random);
}

/* Everything of which rest does not ask, or only whether it is there. */
static void invent(struct fixture *f, uint32_t density)
{
    struct tcb *tcb = f->tcb;

    fill(f, offsetof(struct tcb, snd_wnd), offsetof(struct tcb, sndbuf),
         density);
    fill(f, offsetof(struct tcb, snd_mss), offsetof(struct tcb, rcvbuf),
         density);
    fill(f, offsetof(struct tcb, sack_sender), offsetof(struct tcb, timer),
         density);
    fill(f, offsetof(struct tcb, srtt), offsetof(struct tcb, cc), density);
    fill(f, offsetof(struct tcb, cc_state), offsetof(struct tcb, board),
         density);
    fill(f, offsetof(struct tcb, rate), offsetof(struct tcb, extra), density);
    fill(f, offsetof(struct tcb, challenges), offsetof(struct tcb, quick_acks),
         density);
    tcb->iss = random_u32(&f->alone.env.random);
    tcb->snd_una = tcb->snd_nxt = tcb->iss + 1000;
    tcb->sndbuf.limit = 12345;
    tcb->rcvbuf.limit = 54321;
    tcb->last_heard = tcb->last_sent = tcb->last_text = f->alone.env.now;
    tcb->ack_now = true; /* some of the flags */
    tcb->nodelay = true;
    tcb->was_fast_opened = true;
    tcb->fast_open_fail = TCP_FAST_OPEN_NO_COOKIE;
}

/* Its places in memory, in tables and in lists are others; the ends have a byte
 * of padding each. */
static void forget_places(struct tcb *tcb)
{
    memset(&tcb->local, 0, sizeof(tcb->local));
    memset(&tcb->remote, 0, sizeof(tcb->remote));
    memset(&tcb->node, 0, sizeof(tcb->node));
    tcb_init_links(tcb);
    memset(&tcb->all_node, 0, sizeof(tcb->all_node));
    memset(&tcb->output_node, 0, sizeof(tcb->output_node));
    memset(&tcb->end_node, 0, sizeof(tcb->end_node));
    memset(&tcb->port_node, 0, sizeof(tcb->port_node));
    memset(&tcb->holder_node, 0, sizeof(tcb->holder_node));
    memset(&tcb->half_open, 0, sizeof(tcb->half_open));
    memset(&tcb->accept_queue, 0, sizeof(tcb->accept_queue));
    memset(&tcb->child_node, 0, sizeof(tcb->child_node));
    memset(&tcb->timer, 0, sizeof(tcb->timer));
    tcb->due[TCP_TIMER_IDLE] = USEC_NEVER;
}

static void expect_same_after_rest(struct fixture *f)
{
    struct tcb before, after;
    usec now = f->alone.env.now;

    rest_consider(f->tcb);
    memcpy(&before, f->tcb, sizeof(before));
    run_at(f, now + USEC_PER_SEC);
    ck_assert_ptr_null(f->tcb);
    ck_assert_ptr_nonnull(f->rest);

    f->alone.env.now += 3600 * USEC_PER_SEC;
    ck_assert_ptr_nonnull(tcp_wake(&f->alone.tcp, f->rest));
    ck_assert_ptr_null(f->rest);
    memcpy(&after, f->tcb, sizeof(after));
    ck_assert(endpoint_equal(&before.local, &after.local));
    ck_assert(endpoint_equal(&before.remote, &after.remote));
    forget_places(&before);
    forget_places(&after);
    ck_assert_mem_eq(&before, &after, sizeof(before));
}

START_TEST(a_tcb_comes_back_as_it_was)
{
    struct fixture f;

    begin(&f);
    expect_same_after_rest(&f);
    tcp_alone_close(&f.alone);
}
END_TEST

START_TEST(whatever_is_in_it_comes_back)
{
    struct fixture f;

    for (uint32_t round = 1; round <= ROUNDS; round++) {
        begin(&f);
        random_init(&f.alone.env.random, (struct hash_key){round, 2});
        invent(&f, round % 40 + 1);
        f.tcb->error = 0;
        f.tcb->due[TCP_TIMER_KEEPALIVE] = USEC_NEVER;
        expect_same_after_rest(&f);
        tcp_alone_close(&f.alone);
    }
}
END_TEST

START_TEST(it_is_found_by_its_ends_meanwhile)
{
    struct fixture f;

    begin(&f);

    struct endpoint local = f.tcb->local;
    struct endpoint remote = f.tcb->remote;
    struct tcp_ends ends = tcp_ends_of(&local, &remote);
    rest_consider(f.tcb);
    run_at(&f, 2 * USEC_PER_SEC);
    ck_assert_ptr_nonnull(f.rest);
    ck_assert_ptr_eq(rest_find(&f.alone.tcp, &ends), f.rest);
    ck_assert(!tcb_ends_are_free(&f.alone.tcp, &local, &remote));
    ends.remote_port++;
    ck_assert_ptr_null(rest_find(&f.alone.tcp, &ends));
    ck_assert_int_eq(tcp_rest_status(f.rest), TCPS_ESTABLISHED);
    tcp_alone_close(&f.alone);
}
END_TEST

/* What a connection costs in its states: whoever makes it more, says so here
 * and in stack/tcp/README.md. */
START_TEST(the_structs_have_the_size_that_the_readme_tells)
{
    ck_assert_uint_le(sizeof(struct tcb), 1696);
    ck_assert_uint_eq(offsetof(struct tcp_rest, ends.addrs) + 8, 48);
}
END_TEST

UNIT_MAIN("tcp_rest", a_tcb_comes_back_as_it_was, whatever_is_in_it_comes_back,
          it_is_found_by_its_ends_meanwhile,
          the_structs_have_the_size_that_the_readme_tells)
