/*
 * What the script expects of the stack.
 */
#include "tests/tcp/conversation_internal.h"

#include <stdlib.h>
#include <string.h>

struct cookie conversation_last_cookie(struct conversation *c)
{
    struct cookie cookie = {.len = 0};

    if (c->last.options.cookie_len <= 0)
        conversation_fail(c, "no cookie came");
    cookie.len = (unsigned)c->last.options.cookie_len;
    memcpy(cookie.octet, c->last.options.cookie, cookie.len);
    return cookie;
}

unsigned conversation_waiting(const struct conversation *c)
{
    return c->sent_count;
}

const struct segment *conversation_peek(const struct conversation *c)
{
    return c->sent_count == 0 ? NULL : &c->sent[c->sent_first];
}

void conversation_forget(struct conversation *c)
{
    struct segment *first = &c->sent[c->sent_first];

    c->last = *first;
    c->last.payload = NULL;
    free((void *)(uintptr_t)first->payload);
    c->sent_first = (c->sent_first + 1) % SENT_MAX;
    c->sent_count--;
}

void conversation_ignore_sent(struct conversation *c)
{
    while (c->sent_count > 0)
        conversation_forget(c);
}

static void print_named(FILE *to, const char *name, int64_t value)
{
    if (value != UNNAMED)
        fprintf(to, " %s %lld", name, (long long)value);
}

/* Fails with what was expected in the same form as what came. */
static void fail_expected(struct conversation *c,
                          const struct expected_segment *expected,
                          const char *which)
{
    FILE *to = c->log;

    fputs("\nexpected: ", to);
    print_flags(to, expected->flags);
    print_ecn(to, expected->ecn);
    if (expected->seq != UNNAMED)
        fprintf(to, " %lld:%lld(%lld)", (long long)expected->seq,
                (long long)(expected->seq + expected->len),
                (long long)expected->len);
    else
        fprintf(to, " (%lld)", (long long)expected->len);
    print_named(to, "ack", expected->ack);
    print_named(to, "win (bytes)", expected->win);
    print_named(to, "mss", expected->mss);
    print_named(to, "wscale", expected->wscale);
    print_named(to, "TS ecr", expected->ts_ecr);
    for (unsigned i = 0; i < count_sacks(expected->sack, SEGMENT_SACKS_MAX);
         i++)
        fprintf(to, " sack {%lld:%lld}", (long long)expected->sack[i].from,
                (long long)expected->sack[i].to);
    if (expected->options != NULL)
        fprintf(to, " <%s>", expected->options);
    print_named(to, "after msec", expected->after_ms);
    print_named(to, "within msec", expected->within_ms);

    if (c->sent_count > 0) {
        const struct segment *sent = &c->sent[c->sent_first];
        fputs("\n    came: ", to);
        print_segment(to, sent, c->peer->stack_iss, c->peer->iss);
        fprintf(to, " <%s> at %.3f msec", sent->options.order,
                (double)(sent->sent - start_of_time) / 1000);
    }
    fputc('\n', to);
    conversation_fail(c, "%s", which);
}

static void compare(struct conversation *c,
                    const struct expected_segment *expected, const char *field,
                    int64_t wanted, int64_t came)
{
    if (wanted != UNNAMED && wanted != came)
        fail_expected(c, expected, field);
}

static void compare_sacks(struct conversation *c,
                          const struct expected_segment *expected,
                          const struct segment *sent)
{
    unsigned count = count_sacks(expected->sack, SEGMENT_SACKS_MAX);

    if (expected->any_sack)
        return;
    if (count != sent->options.sack_count)
        fail_expected(c, expected, "the number of SACK blocks differs");
    for (unsigned i = 0; i < count; i++) {
        struct sack came = sack_of(c->peer, sent, i);

        if (came.from != expected->sack[i].from ||
            came.to != expected->sack[i].to)
            fail_expected(c, expected, "SACK blocks differ");
    }
}

static void compare_cookie(struct conversation *c,
                           const struct expected_segment *expected,
                           const struct segment *sent)
{
    const struct cookie *cookie = expected->cookie;
    int len = sent->options.cookie_len;

    if (expected->gives_cookie) {
        if (len < 4)
            fail_expected(c, expected, "there is no cookie");
        return;
    }
    if (len != (cookie != NULL ? (int)cookie->len : expected->asks_cookie - 1))
        fail_expected(c, expected, "the Fast Open option differs");
    if (cookie != NULL &&
        memcmp(cookie->octet, sent->options.cookie, cookie->len) != 0)
        fail_expected(c, expected, "the cookie differs");
}

static void compare_segment(struct conversation *c,
                            const struct expected_segment *expected,
                            const struct segment *sent)
{
    const struct peer *peer = c->peer;
    int scale = (sent->flags & SYN) != 0 ? 0 : scale_of(peer, true);

    if (sent->dst_port != peer->port)
        fail_expected(c, expected, "another connection's segment came");
    compare(c, expected, "flags differ", expected->flags | expected->optional,
            sent->flags | expected->optional);
    compare(c, expected, "the ECN field differs", expected->ecn,
            segment_ecn(sent));
    compare(c, expected, "seq differs", expected->seq,
            relative(sent->seq, peer->stack_iss, peer->received));
    if (!expected->any_len)
        compare(c, expected, "len differs", expected->len, (int64_t)sent->len);
    compare(c, expected, "ack differs", expected->ack,
            relative(sent->ack, peer->iss, peer->next));
    compare(c, expected, "urgent pointer differs", expected->urgent,
            sent->urgent);
    compare(c, expected, "win differs", expected->win,
            (int64_t)sent->window << scale);
    compare(c, expected, "mss differs", expected->mss, sent->options.mss);
    compare(c, expected, "wscale differs", expected->wscale,
            sent->options.wscale);
    compare(c, expected, "TS ecr differs", expected->ts_ecr,
            sent->options.ts_ecr);
    compare_sacks(c, expected, sent);
    compare_cookie(c, expected, sent);
    compare(c, expected, "user timeout differs",
            expected->user_timeout == UNNAMED ? -1 : expected->user_timeout,
            sent->options.user_timeout);
    if (expected->options != NULL &&
        strcmp(expected->options, sent->options.order) != 0)
        fail_expected(c, expected, "options differ");
}

/* When the segment may be sent, in usec from `start`, both ends included. */
struct slot {
    usec from;
    usec to;
};

static struct slot slot_of(const struct expected_segment *expected)
{
    bool has_after = expected->after_ms != UNNAMED;
    bool has_within = expected->within_ms != UNNAMED;
    usec after = has_after ? expected->after_ms * USEC_PER_MSEC : 0;
    usec within = has_within ? expected->within_ms * USEC_PER_MSEC : after;
    struct slot slot = {INT64_MIN, within};

    if (has_after)
        slot = (struct slot){after - USEC_PER_MSEC, within + USEC_PER_MSEC};
    return slot; /* no name at all: it has been sent already */
}

void conversation_expect(struct conversation *c,
                         const struct expected_segment *expected)
{
    usec start = c->now;
    struct slot slot = slot_of(expected);

    if (c->sent_count == 0 && slot.to > 0)
        run_until(c, start + slot.to, true);
    if (c->sent_count == 0)
        fail_expected(c, expected, "nothing came");

    const struct segment *sent = &c->sent[c->sent_first];
    compare_segment(c, expected, sent);
    if (slot.from != INT64_MIN && sent->sent - start < slot.from)
        fail_expected(c, expected, "it came too early");
    if (sent->sent - start > slot.to)
        fail_expected(c, expected, "it came too late");
    conversation_forget(c);
}

unsigned conversation_dropped(const struct conversation *c)
{
    unsigned count = 0;

    for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
        count += c->drops[i];
    return count;
}

void conversation_expect_drops(struct conversation *c, enum drop_reason reason,
                               unsigned count)
{
    for (unsigned i = DROP_NONE + 1; i < DROP_REASON_COUNT; i++)
        if (c->drops[i] != (i == reason ? count : 0))
            conversation_fail(c, "%u packets were dropped for %s, not %u",
                              c->drops[i], drop_name((enum drop_reason)i),
                              i == reason ? count : 0);
    memset(c->drops, 0, sizeof(c->drops));
}

void conversation_expect_silence(struct conversation *c, int64_t msec)
{
    if (c->sent_count == 0 && msec > 0)
        run_until(c, c->now + msec * USEC_PER_MSEC, true);
    if (c->sent_count == 0)
        return;

    const struct segment *sent = &c->sent[c->sent_first];
    fputs("\n    came: ", c->log);
    print_segment(c->log, sent, c->peer->stack_iss, c->peer->iss);
    fputc('\n', c->log);
    conversation_fail(c, "nothing was expected");
}
