/*
 * RACK: how much of the scoreboard an ACK looks at. What it finds is in
 * tests/tcp/test_rack.c.
 */
#include "unit.h"

#include "tcp/tcp_rack.h"
#include "tcp_alone.h"

enum { SEGMENT = 1000, SEGMENTS = 2000 };

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

/* As many segments as `SEGMENTS`, 10 us apart; the round trip is 50 ms. */
static void begin(struct fixture *f)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->state = TCPS_ESTABLISHED;
    f->tcb->has_sack = true;
    f->tcb->snd_mss = SEGMENT;
    f->tcb->srtt = 50 * USEC_PER_MSEC;
    rack_init(f->tcb);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        scoreboard_sent(&f->tcb->board, &f->alone.memory, i * SEGMENT,
                        (i + 1) * SEGMENT, f->alone.env.now);
        f->tcb->snd_nxt += SEGMENT;
        f->alone.env.now += 10;
    }
    f->alone.env.now += 50 * USEC_PER_MSEC - 10 * SEGMENTS;
}

static void end(struct fixture *f)
{
    f->tcb->snd_una = f->tcb->snd_nxt; /* nothing is in flight any more */
    scoreboard_fini(&f->tcb->board, &f->alone.memory);
    tcb_release(f->tcb);
    tcb_close(f->tcb);
    tcb_reap(&f->alone.tcp);
    tcp_alone_close(&f->alone);
}

/* A SACK of one segment, 10 us after the last; what was newly lost. */
static uint32_t sack(struct fixture *f, unsigned segment)
{
    struct delivery delivery = {0};

    f->alone.env.now += 10;
    scoreboard_sack(&f->tcb->board, &f->alone.memory, segment * SEGMENT,
                    (segment + 1) * SEGMENT, &delivery);
    rack_delivered(f->tcb, &delivery);
    return rack_detect_losses(f->tcb);
}

/* The ranges that an ACK looks at are those which it finds lost, those which
 * are waited for, and one more. */
START_TEST(what_cannot_be_lost_is_not_looked_at)
{
    struct fixture f;
    uint32_t lost = 0;
    uint32_t most = 0;

    begin(&f);
    for (unsigned i = 1; i < SEGMENTS; i++) {
        uint32_t newly_lost, before = f.tcb->board.looked_at;

        if (i % 10 == 0) /* every tenth is lost */
            continue;
        newly_lost = sack(&f, i);
        most = max_u32(most, f.tcb->board.looked_at - before);
        ck_assert_uint_le(newly_lost, SEGMENT);
        lost += newly_lost;
    }
    ck_assert_uint_eq(lost, SEGMENTS / 10 * SEGMENT);
    ck_assert_uint_le(most, 3);
    end(&f);
}
END_TEST

/* The same with the retransmissions in flight, which come after all that. */
START_TEST(what_was_sent_again_is_not_looked_at_either)
{
    struct fixture f;
    uint32_t before;

    begin(&f);
    for (unsigned i = 1; i < SEGMENTS / 2; i += 2)
        (void)sack(&f, i);
    for (unsigned i = 0; i + 1 < SEGMENTS / 2; i += 2)
        scoreboard_resent(&f.tcb->board, &f.alone.memory, i * SEGMENT,
                          (i + 1) * SEGMENT, f.alone.env.now);
    before = f.tcb->board.looked_at;
    (void)sack(&f, SEGMENTS / 2);
    ck_assert_uint_le(f.tcb->board.looked_at - before, 3);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp rack", what_cannot_be_lost_is_not_looked_at,
          what_was_sent_again_is_not_looked_at_either)
