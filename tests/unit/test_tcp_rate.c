/*
 * Delivery rate samples: against the draft's pseudocode (draft-ietf-ccwg-bbr-06
 * 4.1.2) packet by packet and in floating point, and what it says in words.
 */
#include "unit.h"

#include "base/random.h"
#include "tcp/tcp_recovery.h"
#include "tcp_alone.h"

#include <math.h>

enum { MSS = 1000, PACKETS = 400, STEPS = 3000, RUNS = 50 };

struct fixture {
    struct tcp_alone alone;
    struct tcb *tcb;
};

static void begin(struct fixture *f)
{
    tcp_alone_open(&f->alone);
    f->tcb = tcp_alone_tcb(&f->alone);
    f->tcb->snd_mss = MSS;
    f->tcb->cwnd = 100 * MSS;
    f->tcb->has_sack = true;
}

static void end(struct fixture *f)
{
    scoreboard_fini(&f->tcb->board, &f->alone.memory);
    f->tcb->snd_nxt = f->tcb->snd_una;
    tcp_alone_close(&f->alone);
}

static void time_passes(struct fixture *f, usec time)
{
    f->alone.env.now += time;
}

static void sends(struct fixture *f, uint32_t len)
{
    struct tcb *tcb = f->tcb;

    rate_sending(tcb, len);
    scoreboard_sent(&tcb->board, &f->alone.memory, tcb->snd_nxt,
                    tcb->snd_nxt + len, f->alone.env.now);
    tcb->snd_nxt += len;
}

static void sends_again(struct fixture *f, tcp_seq start, uint32_t len)
{
    rate_sending(f->tcb, len);
    scoreboard_resent(&f->tcb->board, &f->alone.memory, start, start + len,
                      f->alone.env.now);
}

static void loses(struct fixture *f, tcp_seq start, uint32_t len)
{
    scoreboard_lose(&f->tcb->board, &f->alone.memory, start, start + len);
}

static struct rate_sample finish(struct fixture *f, struct delivery *delivery)
{
    struct rate_sample sample;

    rate_delivered(f->tcb, delivery, &sample);
    rate_finish(f->tcb, delivery, 0, &sample);
    return sample;
}

static struct rate_sample acks(struct fixture *f, uint32_t len)
{
    struct delivery delivery = {.acked = len, .answerable = f->alone.env.now};

    f->tcb->snd_una += len;
    scoreboard_acknowledge(&f->tcb->board, f->tcb->snd_una, &delivery);
    return finish(f, &delivery);
}

static struct rate_sample sacks(struct fixture *f, tcp_seq start, uint32_t len)
{
    struct delivery delivery = {.answerable = f->alone.env.now};

    scoreboard_sack(&f->tcb->board, &f->alone.memory, start, start + len,
                    &delivery);
    return finish(f, &delivery);
}

/* ---- The draft's own words, packet by packet ------------------------------
 */

struct packet {
    double send_time;
    double first_send_time;
    double delivered_time;
    double delivered;
    double lost;
    double tx_in_flight;
    uint32_t start;
    uint32_t len;
    bool is_app_limited;
    bool is_delivered;
    bool is_lost;
    bool is_resent;
};

struct reference {
    struct packet packets[PACKETS];
    unsigned first; /* not yet acknowledged */
    unsigned count;
    double delivered, delivered_time, first_send_time, lost, app_limited;
    double min_rtt; /* 0: unknown */
    struct random random;
};

struct reference_sample {
    bool has_data, is_app_limited;
    double prior_delivered, prior_time, delivered, delivery_rate, rtt;
    double newly_acked, tx_in_flight, lost;
    double send_elapsed, ack_elapsed;
    const struct packet *newest;
};

static double in_flight(const struct reference *r)
{
    double sum = 0;

    for (unsigned i = r->first; i < r->count; i++)
        if (!r->packets[i].is_delivered && !r->packets[i].is_lost)
            sum += r->packets[i].len;
    return sum;
}

/* OnPacketSent(P), where P may be outstanding already */
static void on_packet_sent(struct reference *r, struct packet *p, double now)
{
    bool is_nothing_out = p == &r->packets[r->first] && !p->is_resent;

    if (is_nothing_out)
        r->first_send_time = r->delivered_time = now;
    p->send_time = now;
    p->is_lost = false;
    p->first_send_time = r->first_send_time;
    p->delivered_time = r->delivered_time;
    p->delivered = r->delivered;
    p->is_app_limited = r->app_limited != 0;
    p->lost = r->lost;
    p->tx_in_flight = in_flight(r);
}

/* UpdateRateSample(P) */
static void update_rate_sample(struct reference *r, struct reference_sample *rs,
                               struct packet *p, double now)
{
    if (p->is_delivered)
        return;
    r->delivered += p->len;
    rs->newly_acked += p->len;
    r->delivered_time = now;
    if (!rs->has_data || p->send_time > rs->newest->send_time) {
        rs->has_data = true;
        rs->newest = p;
        rs->prior_delivered = p->delivered;
        rs->prior_time = p->delivered_time;
        rs->is_app_limited = p->is_app_limited;
        rs->send_elapsed = p->send_time - p->first_send_time;
        rs->ack_elapsed = now - p->delivered_time;
        rs->tx_in_flight = p->tx_in_flight;
        rs->rtt = p->is_resent ? -1 : now - p->send_time;
        r->first_send_time = p->send_time;
    }
    p->is_delivered = true;
    p->is_lost = false;
}

/* GenerateRateSample() */
static void generate_rate_sample(struct reference *r,
                                 struct reference_sample *rs)
{
    double interval = fmax(rs->send_elapsed, rs->ack_elapsed);

    if (r->app_limited != 0 && r->delivered > r->app_limited)
        r->app_limited = 0;
    if (!rs->has_data)
        return;
    rs->delivered = r->delivered - rs->prior_delivered;
    rs->lost = r->lost - rs->newest->lost;
    if (rs->rtt > 0 && (r->min_rtt == 0 || rs->rtt < r->min_rtt))
        r->min_rtt = rs->rtt;
    if (interval > 0 && interval >= r->min_rtt)
        rs->delivery_rate = rs->delivered / interval;
}

static void expect_same(const struct rate_sample *sample,
                        const struct reference_sample *rs)
{
    ck_assert_int_eq(sample->has_data, rs->has_data);
    ck_assert_uint_eq(sample->newly_acked, (uint32_t)rs->newly_acked);
    if (!rs->has_data)
        return;
    ck_assert_int_eq(sample->is_app_limited, rs->is_app_limited);
    ck_assert_uint_eq(sample->prior_delivered, (uint64_t)rs->prior_delivered);
    ck_assert_uint_eq(sample->delivered, (uint64_t)rs->delivered);
    ck_assert_uint_eq(sample->tx_in_flight, (uint32_t)rs->tx_in_flight);
    ck_assert_uint_eq(sample->lost, (uint32_t)rs->lost);
    ck_assert(fabs((double)sample->delivery_rate - rs->delivery_rate * 1e6) <=
              1);
    if (rs->rtt < 0)
        ck_assert_int_eq(sample->rtt, USEC_NEVER);
    else
        ck_assert_int_eq(sample->rtt, (usec)rs->rtt);
}

static struct packet *any_packet(struct reference *r)
{
    uint32_t outstanding = r->count - r->first;

    return outstanding == 0
               ? NULL
               : &r->packets[r->first + random_below(&r->random, outstanding)];
}

static void send_one(struct fixture *f, struct reference *r)
{
    uint32_t len = 1 + random_below(&r->random, 3 * MSS);
    struct packet *p = &r->packets[r->count];

    if (r->count == PACKETS)
        return;
    *p = (struct packet){.start = f->tcb->snd_nxt, .len = len};
    r->count++;
    on_packet_sent(r, p, (double)f->alone.env.now);
    sends(f, len);
}

static void acknowledge_some(struct fixture *f, struct reference *r)
{
    struct packet *last = any_packet(r);
    struct reference_sample rs = {.rtt = -1};
    uint32_t len = 0;

    if (last == NULL)
        return;
    for (struct packet *p = &r->packets[r->first]; p <= last; p++) {
        update_rate_sample(r, &rs, p, (double)f->alone.env.now);
        len += p->len;
    }
    r->first = (unsigned)(last + 1 - r->packets);
    generate_rate_sample(r, &rs);
    struct rate_sample sample = acks(f, len);
    expect_same(&sample, &rs);
}

static void sack_one(struct fixture *f, struct reference *r)
{
    struct packet *p = any_packet(r);
    struct reference_sample rs = {.rtt = -1};

    if (p == NULL)
        return;
    update_rate_sample(r, &rs, p, (double)f->alone.env.now);
    generate_rate_sample(r, &rs);
    struct rate_sample sample = sacks(f, p->start, p->len);
    expect_same(&sample, &rs);
}

static void lose_one(struct fixture *f, struct reference *r)
{
    struct packet *p = any_packet(r);

    if (p == NULL || p->is_delivered || p->is_lost)
        return;
    p->is_lost = true;
    r->lost += p->len;
    loses(f, p->start, p->len);
}

static void send_one_again(struct fixture *f, struct reference *r)
{
    struct packet *p = any_packet(r);

    if (p == NULL || !p->is_lost)
        return;
    p->is_resent = true;
    on_packet_sent(r, p, (double)f->alone.env.now);
    sends_again(f, p->start, p->len);
}

static void run_out_of_data(struct fixture *f, struct reference *r)
{
    rate_mark_app_limited(f->tcb);
    r->app_limited = fmax(r->delivered + in_flight(r), 1);
}

static void step(struct fixture *f, struct reference *r)
{
    time_passes(f, 1 + random_below(&r->random, 5000));
    switch (random_below(&r->random, 16)) {
    case 0:
        run_out_of_data(f, r);
        break;
    case 1:
    case 2:
        lose_one(f, r);
        break;
    case 3:
    case 4:
        send_one_again(f, r);
        break;
    case 5:
    case 6:
        sack_one(f, r);
        break;
    case 7:
        acknowledge_some(f, r);
        break;
    default:
        send_one(f, r);
        break;
    }
}

START_TEST(samples_are_those_of_the_pseudocode)
{
    static struct reference r;

    for (uint64_t seed = 0; seed < RUNS; seed++) {
        struct fixture f;

        memset(&r, 0, sizeof(r));
        random_init(&r.random, (struct hash_key){seed, 3});
        begin(&f);
        for (unsigned i = 0; i < STEPS && r.count < PACKETS; i++)
            step(&f, &r);
        ck_assert_uint_eq(f.tcb->rate.delivered, (uint64_t)r.delivered);
        end(&f);
    }
}
END_TEST

/* ---- In words ------------------------------------------------------------ */

/* 4.1.1.2.1: ten segments sent and acknowledged at a steady rate. */
START_TEST(a_steady_flow_has_its_rate)
{
    struct rate_sample sample;
    struct fixture f;

    begin(&f);
    for (unsigned i = 0; i < 10; i++) {
        sends(&f, MSS);
        time_passes(&f, 1000);
    }
    for (unsigned i = 0; i < 50; i++) {
        sample = acks(&f, MSS);
        sends(&f, MSS);
        time_passes(&f, 1000);
    }
    ck_assert_uint_eq(sample.delivery_rate, 1000 * MSS);
    ck_assert_uint_eq(sample.delivered, 10 * MSS);
    ck_assert_int_eq(sample.rtt, 10000);
    ck_assert_uint_eq(sample.tx_in_flight, 10 * MSS);
    end(&f);
}
END_TEST

/* 4.1.1.2.2: ACKs that the path has held back and gives at once make no rate
 * that nobody has sent at. */
START_TEST(acks_together_are_no_faster_than_what_was_sent)
{
    struct rate_sample sample;
    struct fixture f;

    begin(&f);
    for (unsigned i = 0; i < 20; i++) {
        sends(&f, MSS);
        time_passes(&f, 1000);
    }
    time_passes(&f, 10000);
    acks(&f, MSS);
    for (unsigned i = 1; i < 20; i++) {
        time_passes(&f, 1);
        sample = acks(&f, MSS);
        ck_assert_uint_le(sample.delivery_rate, 1100 * MSS);
    }
    end(&f);
}
END_TEST

/* 4.1.1.3: until the last of what was in flight is delivered, and one more. */
START_TEST(samples_of_a_bubble_are_marked)
{
    struct fixture f;

    begin(&f);
    sends(&f, MSS);
    time_passes(&f, 1000);
    sends(&f, MSS);
    time_passes(&f, 9000);
    rate_mark_app_limited(f.tcb);             /* two are in flight */
    ck_assert(!acks(&f, MSS).is_app_limited); /* it was sent before */
    sends(&f, MSS);
    time_passes(&f, 1000);
    ck_assert(!acks(&f, MSS).is_app_limited);
    sends(&f, MSS); /* the bubble is still in flight */
    time_passes(&f, 9000);
    ck_assert(acks(&f, MSS).is_app_limited);
    sends(&f, MSS);
    ck_assert(acks(&f, MSS).is_app_limited);
    time_passes(&f, 9000);
    ck_assert(!acks(&f, MSS).is_app_limited);
    end(&f);
}
END_TEST

START_TEST(only_a_connection_without_data_is_app_limited)
{
    struct fixture f;

    begin(&f);
    rate_check_app_limited(f.tcb);
    ck_assert_uint_eq(f.tcb->rate.app_limited, 1); /* max(0, 1) */
    f.tcb->rate.app_limited = 0;
    for (unsigned i = 0; i < 100; i++)
        sends(&f, MSS);
    rate_check_app_limited(f.tcb); /* cwnd limits */
    ck_assert_uint_eq(f.tcb->rate.app_limited, 0);
    loses(&f, f.tcb->snd_una, MSS);
    rate_check_app_limited(f.tcb); /* there is something to send again */
    ck_assert_uint_eq(f.tcb->rate.app_limited, 0);
    sends_again(&f, f.tcb->snd_una, MSS);
    acks(&f, MSS);
    rate_check_app_limited(f.tcb);
    ck_assert_uint_eq(f.tcb->rate.app_limited, 100 * MSS);
    end(&f);
}
END_TEST

/* 4.1.3.5: what was sent again arrives, sooner than any round trip: it was the
 * first one. With SACK or without. */
START_TEST(an_ack_of_a_spurious_retransmission_gives_no_rate)
{
    struct rate_sample sample;
    struct fixture f;

    begin(&f);
    sends(&f, MSS);
    time_passes(&f, 10000);
    ck_assert_uint_eq(acks(&f, MSS).delivery_rate, 100 * MSS);
    for (unsigned i = 0; i < 20; i++)
        sends(&f, MSS);
    time_passes(&f, 300000);
    loses(&f, f.tcb->snd_una, 20 * MSS);
    sends_again(&f, f.tcb->snd_una, MSS);
    time_passes(&f, 100);
    sample = acks(&f, 20 * MSS);
    ck_assert(sample.has_data);
    ck_assert_uint_le(sample.delivery_rate, 100 * MSS);
    ck_assert_int_eq(sample.rtt, USEC_NEVER);
    end(&f);
}
END_TEST

/* All of a flight is thought lost, one of it goes again; then all of it arrives
 * after a round trip: not at the rate of one round trip. */
START_TEST(what_arrives_late_was_not_sent_just_now)
{
    struct fixture f;

    begin(&f);
    sends(&f, MSS);
    time_passes(&f, 10000);
    acks(&f, MSS);
    for (unsigned i = 0; i < 20; i++)
        sends(&f, MSS);
    time_passes(&f, 300000);
    loses(&f, f.tcb->snd_una, 20 * MSS);
    time_passes(&f, 100);
    sends_again(&f, f.tcb->snd_una, MSS);
    time_passes(&f, 10000);
    ck_assert_uint_lt(acks(&f, MSS).delivery_rate, 100 * MSS);
    time_passes(&f, 100);
    ck_assert_uint_lt(acks(&f, 19 * MSS).delivery_rate, 100 * MSS);
    end(&f);
}
END_TEST

START_TEST(an_ack_at_once_gives_no_rate)
{
    struct rate_sample sample;
    struct fixture f;

    begin(&f);
    sends(&f, MSS);
    sample = acks(&f, MSS);
    ck_assert(sample.has_data);
    ck_assert_uint_eq(sample.delivery_rate, 0);
    ck_assert_int_eq(sample.rtt, 1);
    end(&f);
}
END_TEST

START_TEST(no_rate_is_too_large_to_count_with)
{
    struct fixture f;

    begin(&f);
    for (unsigned i = 0; i < 16; i++)
        sends(&f, 1 << 26);
    time_passes(&f, 1);
    ck_assert_uint_eq(acks(&f, 1 << 30).delivery_rate, RATE_MAX);
    end(&f);
}
END_TEST

/* For TCP_INFO: the last sample, but no lower one that the program has made
 * so. */
START_TEST(what_is_told_is_no_low_sample_of_a_bubble)
{
    struct fixture f;

    begin(&f);
    sends(&f, 10 * MSS);
    time_passes(&f, 10000);
    acks(&f, 10 * MSS);
    ck_assert_uint_eq(f.tcb->rate.last_rate, 1000 * MSS);
    rate_mark_app_limited(f.tcb);
    sends(&f, MSS);
    time_passes(&f, 10000);
    acks(&f, MSS);
    ck_assert_uint_eq(f.tcb->rate.last_rate, 1000 * MSS);
    ck_assert(!f.tcb->rate.last_is_app_limited);
    rate_mark_app_limited(f.tcb);
    sends(&f, 20 * MSS);
    time_passes(&f, 10000);
    acks(&f, 20 * MSS);
    ck_assert_uint_eq(f.tcb->rate.last_rate, 2000 * MSS);
    ck_assert(f.tcb->rate.last_is_app_limited);
    end(&f);
}
END_TEST

UNIT_MAIN("tcp_rate", samples_are_those_of_the_pseudocode,
          a_steady_flow_has_its_rate,
          acks_together_are_no_faster_than_what_was_sent,
          samples_of_a_bubble_are_marked,
          only_a_connection_without_data_is_app_limited,
          an_ack_of_a_spurious_retransmission_gives_no_rate,
          what_arrives_late_was_not_sent_just_now, an_ack_at_once_gives_no_rate,
          no_rate_is_too_large_to_count_with,
          what_is_told_is_no_low_sample_of_a_bubble)
