/*
 * A TCP without a stack around it: an env, a struct tcp without IP below it,
 * and TCBs that are never asked to send. For modules that need no more.
 */
#ifndef TAPIR_TESTS_TCP_ALONE_H
#define TAPIR_TESTS_TCP_ALONE_H

#include "tcp/tcb.h"

#include <check.h>

struct tcp_alone {
    struct memory memory;
    struct env env;
    struct tcp tcp;
    unsigned notified; /* how often an owner was told of a change */
};

static inline void tcp_alone_notified(void *context, void *owner)
{
    struct tcp_alone *alone = context;

    ck_assert_ptr_nonnull(owner);
    alone->notified++;
}

static inline void tcp_alone_open_with(struct tcp_alone *alone,
                                       const struct tcp_config *config,
                                       uint64_t seed)
{
    struct trace nobody = {0};

    alone->notified = 0;
    memory_init(&alone->memory, SIZE_MAX);
    env_init(&alone->env, USEC_PER_SEC, &alone->memory,
             (struct hash_key){seed, 1}, nobody);
    ck_assert_int_eq(tcp_init(&alone->tcp, &alone->env, NULL, config), 0);
    alone->tcp.notify = tcp_alone_notified;
    alone->tcp.notify_context = alone;
}

/* With the default settings. The time is 1 s. */
static inline void tcp_alone_open(struct tcp_alone *alone)
{
    struct tcp_config config = tcp_config_default();

    tcp_alone_open_with(alone, &config, 1);
}

static inline void tcp_alone_close(struct tcp_alone *alone)
{
    tcp_fini(&alone->tcp);
    ck_assert_uint_eq(alone->memory.used, 0);
}

static inline struct tcb *tcp_alone_tcb(struct tcp_alone *alone)
{
    struct tcb *tcb = tcb_create(&alone->tcp, alone);

    ck_assert_ptr_nonnull(tcb);
    return tcb;
}

#endif
