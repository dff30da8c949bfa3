/*
 * TCP as a whole: its settings, its tables, its output pass.
 */
#include "tcp/tcp.h"

#include "tcp/tcb.h"
#include "tcp/tcp_output.h"
#include "tcp/tcp_port.h"

#include <errno.h>

struct tcp_config tcp_config_default(void)
{
    return (struct tcp_config){
        .rto_initial = 1 * USEC_PER_SEC,
        .rto_min = 200 * USEC_PER_MSEC,
        .rto_max = 120 * USEC_PER_SEC,
        .delayed_ack = 40 * USEC_PER_MSEC,
        .msl2 = 60 * USEC_PER_SEC,
        .fin_wait_2 = 60 * USEC_PER_SEC,
        .buffer_idle = 1 * USEC_PER_SEC,
        .syn_retries = 6,
        .synack_retries = 5,
        .retries = 15,
        .orphan_retries = 8,
        .keepalive_idle = 7200 * USEC_PER_SEC,
        .keepalive_interval = 75 * USEC_PER_SEC,
        .keepalive_probes = 9,
        .initial_window = 10,
        .send_buffer = 1024 * 1024,
        .receive_buffer = 1024 * 1024,
        .max_connections = 2 * 1024 * 1024,
        .max_time_wait = 65536,
        .challenge_acks_per_second = 10,
        .resets_per_second = 10000,
        .timestamps = true,
        .window_scale = true,
        .port_first = 32768,
        .port_last = 60999,
    };
}

int tcp_init(struct tcp *tcp, struct env *env, struct ip *ip,
             const struct tcp_config *config)
{
    *tcp = (struct tcp){.env = env, .ip = ip, .config = *config};
    tcp->key = random_key(&env->random);
    tcp->isn_key = random_key(&env->random);
    tcp->port_key = random_key(&env->random);
    tcp->ts_key = random_key(&env->random);
    tcp->port_counter = random_u32(&env->random);
    list_init(&tcp->output);
    list_init(&tcp->all);
    list_init(&tcp->time_wait);
    list_init(&tcp->reaped);
    if (hash_table_init(&tcp->connections, env->memory) < 0)
        return -ENOBUFS;
    if (hash_table_init(&tcp->ports, env->memory) < 0) {
        hash_table_fini(&tcp->connections, env->memory);
        return -ENOBUFS;
    }
    return 0;
}

void tcp_fini(struct tcp *tcp)
{
    while (!list_is_empty(&tcp->all)) {
        struct tcb *tcb = container_of(tcp->all.next, struct tcb, all_node);

        tcb->owner = NULL;
        tcb->listener = NULL;
        tcb_close(tcb);
        tcb_reap(tcp);
    }
    hash_table_fini(&tcp->connections, tcp->env->memory);
    hash_table_fini(&tcp->ports, tcp->env->memory);
}

/* Each is called once: whoever is marked while this goes on waits for the next
 * pass. */
void tcp_flush(struct tcp *tcp)
{
    struct list marked;
    struct list *node;

    list_init(&marked);
    list_splice(&marked, &tcp->output);
    while ((node = list_pop(&marked)) != NULL) {
        struct tcb *tcb = container_of(node, struct tcb, output_node);

        tcp_output(tcb);
        tcb_check(tcb);
    }
    tcb_reap(tcp);
}

void tcp_abort_all(struct tcp *tcp)
{
    for (struct list *node = tcp->all.next; node != &tcp->all;
         node = node->next) {
        struct tcb *tcb = container_of(node, struct tcb, all_node);

        if (tcb->state != TCPS_CLOSED && tcb->owner == NULL)
            tcp_abort(tcb);
    }
}
