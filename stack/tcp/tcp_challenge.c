#include "tcp/tcp_challenge.h"

#include "tcp/tcb.h"

bool tcp_tally_allows(struct tcp_tally *tally, usec now, unsigned most,
                      usec time)
{
    if (now >= tally->until)
        *tally = (struct tcp_tally){.until = now + time};
    if (tally->count >= most)
        return false;
    tally->count++;
    return true;
}

static uint32_t next_power_of_two(uint32_t n)
{
    uint32_t power = 1;

    while (power < n)
        power *= 2;
    return power;
}

/* An interval, or as much more as it takes to have a part of one. */
static usec time_for_one(const struct tcp_config *config, uint32_t among)
{
    if (config->challenge_acks_all == 0)
        return config->challenge_interval;
    return usec_max(config->challenge_interval, config->challenge_interval *
                                                    among /
                                                    config->challenge_acks_all);
}

usec challenge_time(const struct tcp *tcp)
{
    return time_for_one(&tcp->config, next_power_of_two(tcp->connection_count));
}

unsigned challenge_share(const struct tcp *tcp, uint32_t among, usec time)
{
    const struct tcp_config *config = &tcp->config;
    usec part = (usec)config->challenge_acks_all * time /
                usec_max(config->challenge_interval, 1) / max_u32(among, 1);

    if (config->challenge_acks_all == 0) /* no such limit */
        return config->challenge_acks;
    return (unsigned)usec_min(usec_max(part, 1), config->challenge_acks);
}

void send_challenge_ack(struct tcb *tcb)
{
    struct tcp *tcp = tcb->tcp;
    uint32_t among = next_power_of_two(tcp->connection_count);
    usec time = challenge_time(tcp);
    unsigned most = challenge_share(tcp, among, time);

    if (!tcp_tally_allows(&tcb->challenges, tcp->env->now, most, time)) {
        tcp->stats.challenge_acks_withheld++;
        return;
    }
    tcp->stats.challenge_acks++;
    tcb_ack_now(tcb);
}

void send_limited_ack(struct tcb *tcb)
{
    const struct tcp *tcp = tcb->tcp;

    if (tcp_tally_allows(&tcb->limited_acks, tcp->env->now,
                         tcp->config.challenge_acks,
                         tcp->config.challenge_interval))
        tcb_ack_now(tcb);
}
