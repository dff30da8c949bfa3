/*
 * TCP_INFO in the layout of the kernel whose tools read it. The one file that
 * includes <linux/tcp.h>: the struct there grows from year to year, and a
 * caller's may be shorter or longer than ours; so it is cut to what he has
 * room for, and fields that this stack does not know are 0.
 */
#include "socket/socket_tcp_options.h"

#include "socket/socket_kind.h"

#include "tcp/tcp_info.h"

#include <linux/tcp.h>

enum { OPT_TFO_CHILD = 128 }; /* TCPI_OPT_TFO_CHILD of a newer header */

/* The kernel's numbers of the states, and of TCP_CA_... . */
static uint8_t kernel_state(enum tcp_state state)
{
    static const uint8_t numbers[] = {
        [TCPS_ESTABLISHED] = 1, [TCPS_SYN_SENT] = 2,   [TCPS_SYN_RECEIVED] = 3,
        [TCPS_FIN_WAIT_1] = 4,  [TCPS_FIN_WAIT_2] = 5, [TCPS_TIME_WAIT] = 6,
        [TCPS_CLOSED] = 7,      [TCPS_CLOSE_WAIT] = 8, [TCPS_LAST_ACK] = 9,
        [TCPS_LISTEN] = 10,     [TCPS_CLOSING] = 11,
    };

    return numbers[state];
}

static uint8_t kernel_ca_state(enum tcp_recovery_state state)
{
    static const uint8_t numbers[] = {
        [TCP_RECOVERY_OPEN] = TCP_CA_Open,
        [TCP_RECOVERY_DISORDER] = TCP_CA_Disorder,
        [TCP_RECOVERY_REDUCED] = TCP_CA_CWR,
        [TCP_RECOVERY_FAST] = TCP_CA_Recovery,
        [TCP_RECOVERY_TIMED_OUT] = TCP_CA_Loss,
    };

    return numbers[state];
}

static uint32_t usecs(usec time)
{
    return (uint32_t)usec_min(time, UINT32_MAX);
}

static uint32_t msecs(usec time)
{
    return usecs(time / USEC_PER_MSEC);
}

static uint8_t octet(unsigned number)
{
    return (uint8_t)min_u32(number, UINT8_MAX);
}

static void put_state(const struct tcp_status_info *from, struct tcp_info *to)
{
    to->tcpi_state = kernel_state(from->state);
    to->tcpi_ca_state = kernel_ca_state(from->recovery);
    to->tcpi_retransmits = octet(from->timeouts);
    to->tcpi_probes = octet(from->probes);
    to->tcpi_backoff = octet(from->backoff);
    to->tcpi_options =
        (uint8_t)((from->has_syn_text ? TCPI_OPT_SYN_DATA : 0) |
                  (from->was_fast_opened ? OPT_TFO_CHILD : 0) |
                  (from->has_timestamps ? TCPI_OPT_TIMESTAMPS : 0) |
                  (from->has_sack ? TCPI_OPT_SACK : 0) |
                  (from->has_window_scale ? TCPI_OPT_WSCALE : 0) |
                  (from->has_ecn ? TCPI_OPT_ECN : 0) |
                  (from->has_ecn_seen ? TCPI_OPT_ECN_SEEN : 0));
    to->tcpi_snd_wscale = from->snd_wscale & 0xf;
    to->tcpi_rcv_wscale = from->rcv_wscale & 0xf;
    to->tcpi_delivery_rate_app_limited = from->is_app_limited;
    to->tcpi_fastopen_client_fail = from->fast_open_fail & 3;
}

static void put_times(const struct tcp_status_info *from, struct tcp_info *to)
{
    to->tcpi_rto = usecs(from->rto);
    to->tcpi_ato = usecs(from->delayed_ack);
    to->tcpi_rtt = usecs(from->srtt);
    to->tcpi_rttvar = usecs(from->rttvar);
    to->tcpi_min_rtt = from->min_rtt != 0 ? usecs(from->min_rtt) : UINT32_MAX;
    to->tcpi_rcv_rtt = usecs(from->rcv_rtt);
    to->tcpi_last_data_sent = msecs(from->since_sent);
    to->tcpi_last_data_recv = msecs(from->since_received);
    to->tcpi_last_ack_recv = msecs(from->since_ack);
}

static void put_sizes(const struct tcp_status_info *from, struct tcp_info *to)
{
    to->tcpi_snd_mss = from->snd_mss;
    to->tcpi_rcv_mss = from->rcv_mss;
    to->tcpi_advmss = from->advertised;
    to->tcpi_pmtu = from->path_mtu;
    to->tcpi_rcv_ssthresh = from->rcv_ssthresh;
    to->tcpi_rcv_space = from->rcv_space;
    to->tcpi_notsent_bytes = from->unsent;
    to->tcpi_snd_wnd = from->snd_wnd;
}

/* Of a listener the kernel tells its queue in two of these fields. */
static void put_flight(const struct tcp_status_info *from, struct tcp_info *to)
{
    bool listens = from->state == TCPS_LISTEN;

    to->tcpi_unacked = listens ? from->accept_count : from->unacked;
    to->tcpi_sacked = listens ? from->backlog : from->sacked;
    to->tcpi_lost = from->lost;
    to->tcpi_retrans = from->resent;
    to->tcpi_reordering = from->reordering;
    to->tcpi_snd_cwnd = from->cwnd;
    to->tcpi_snd_ssthresh = from->has_ssthresh ? from->ssthresh : INT32_MAX;
    to->tcpi_pacing_rate = from->pacing_rate;
    to->tcpi_max_pacing_rate = from->max_pacing_rate;
    to->tcpi_delivery_rate = from->delivery_rate;
}

static void put_counts(const struct tcp_counts *from, struct tcp_info *to)
{
    to->tcpi_total_retrans = from->segments_resent;
    to->tcpi_bytes_acked = from->bytes_acked;
    to->tcpi_bytes_received = from->bytes_received;
    to->tcpi_segs_out = from->segments_out;
    to->tcpi_segs_in = from->segments_in;
    to->tcpi_data_segs_in = from->text_segments_in;
    to->tcpi_data_segs_out = from->text_segments_out;
    to->tcpi_delivered = from->segments_delivered;
    to->tcpi_delivered_ce = from->segments_marked;
    to->tcpi_bytes_sent = from->bytes_sent;
    to->tcpi_bytes_retrans = from->bytes_resent;
    to->tcpi_dsack_dups = from->dsacks;
    to->tcpi_reord_seen = from->reorderings;
    to->tcpi_rcv_ooopack = from->out_of_order;
}

/* Busy is the sum: the kernel has it so. */
static void put_limits(const uint32_t ms[static TCP_LIMIT_COUNT],
                       struct tcp_info *to)
{
    uint64_t receive_window = ms[TCP_LIMIT_RECEIVE_WINDOW];
    uint64_t send_buffer = ms[TCP_LIMIT_SEND_BUFFER];

    to->tcpi_rwnd_limited = receive_window * 1000;
    to->tcpi_sndbuf_limited = send_buffer * 1000;
    to->tcpi_busy_time =
        (ms[TCP_LIMIT_PATH] + receive_window + send_buffer) * 1000;
}

int socket_tcp_get_info(const struct tcb *tcb, void *value, size_t *len)
{
    struct tcp_status_info from;
    struct tcp_info to = {0};

    tcp_status_info(tcb, &from);
    put_state(&from, &to);
    put_times(&from, &to);
    put_sizes(&from, &to);
    put_flight(&from, &to);
    put_counts(&from.counts, &to);
    put_limits(from.counts.limited_ms, &to);
    return socket_give(&to, sizeof(to), value, len);
}
