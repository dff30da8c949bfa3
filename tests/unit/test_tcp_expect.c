/*
 * When the next segment is expected at all; where its text goes then, and what
 * comes of wrong guesses, is tests/tcp/test_place.c.
 */
#include "unit.h"

#include "tcp_alone.h"

enum { WINDOW = 4096 };

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
    struct iface *iface;
    struct frame frame;
    struct tcp_segment seg;
};

static void begin(struct fixture *f)
{
    static char iface; /* only its address is looked at */

    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->state = TCPS_ESTABLISHED;
    f->tcb->rcv_adv = f->tcb->rcv_nxt + WINDOW;
    ck_assert_int_eq(
        ring_reserve(&f->tcb->rcvbuf.ring, &f->alone.memory, WINDOW), 0);
    f->iface = (struct iface *)(void *)&iface;
    frame_init_input(&f->frame, f->iface, NULL, 0);
    f->seg = (struct tcp_segment){.frame = &f->frame};
}

static void end(struct fixture *f)
{
    tcb_release(f->tcb);
    tcb_close(f->tcb);
    tcb_reap(&f->alone.tcp);
    tcp_alone_close(&f->alone);
}

static bool is_expected(const struct fixture *f)
{
    struct frame_place place;

    return tcp_expect(&f->alone.tcp, f->iface, &place);
}

START_TEST(one_segment_is_no_stream)
{
    struct fixture f;

    begin(&f);
    expect_more(f.tcb, &f.seg);
    ck_assert(!is_expected(&f));
    expect_more(f.tcb, &f.seg);
    ck_assert(is_expected(&f));
    end(&f);
}
END_TEST

START_TEST(a_frame_of_many_segments_is_one)
{
    struct fixture f;

    begin(&f);
    f.frame.offload.gso = FRAME_GSO_TCPV4;
    expect_more(f.tcb, &f.seg);
    ck_assert(is_expected(&f));
    expect_no_more(f.tcb);
    ck_assert(!is_expected(&f));
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_expect", one_segment_is_no_stream,
          a_frame_of_many_segments_is_one)
