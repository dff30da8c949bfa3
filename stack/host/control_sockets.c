/*
 * The requests "sockets [tcp] [udp] [icmp] [raw] [packet] [info]" and
 * "descriptors": a line for each socket and connection, and one for each number
 * that stands for a socket. Field names are those of ss(8), where it has one.
 */
#include "host/control_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Bits of cursor.wanted. */
enum kind {
    KIND_TCP = 1,
    KIND_UDP = 2,
    KIND_ICMP = 4,
    KIND_RAW = 8,
    KIND_PACKET = 16,
    KIND_ALL = 31
};

enum phase { PHASE_SOCKETS, PHASE_CONNECTIONS };

static const struct {
    const char *name;
    enum kind kind;
} kind_names[] = {
    {"tcp", KIND_TCP}, {"udp", KIND_UDP},       {"icmp", KIND_ICMP},
    {"raw", KIND_RAW}, {"packet", KIND_PACKET},
};

static const char *kind_name(enum kind kind)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kind_names); i++)
        if (kind_names[i].kind == kind)
            return kind_names[i].name;
    return "";
}

/* 0: there is no such kind. */
static unsigned kind_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kind_names); i++)
        if (strcmp(kind_names[i].name, name) == 0)
            return kind_names[i].kind;
    return 0;
}

static int begin_sockets(struct control_client *client,
                         const struct control_words *words)
{
    for (unsigned i = 1; i < words->count; i++) {
        unsigned kind = kind_by_name(words->word[i]);

        if (strcmp(words->word[i], "info") == 0)
            client->cursor.depth = TCP_SHOW_ALL;
        else if (kind == 0)
            return -EINVAL;
        client->cursor.wanted |= kind;
    }
    if (client->cursor.wanted == 0)
        client->cursor.wanted = KIND_ALL;

    return 0;
}

/* ---- TCP ----------------------------------------------------------------- */

static void put_ends(struct json *json, const struct endpoint *local,
                     const struct endpoint *remote)
{
    struct ip_addr any = IP_ADDR_ANY_V4;

    json_addr(json, "local",
              ip_addr_is_any(&local->addr) ? &any : &local->addr);
    json_number(json, "lport", local->port);
    json_addr(json, "remote",
              ip_addr_is_any(&remote->addr) ? &any : &remote->addr);
    json_number(json, "rport", remote->port);
}

static void put_device(struct json *json, const struct tapir_stack *stack,
                       unsigned iface)
{
    struct iface_info info;

    if (iface != 0 && stack_iface_info(stack->core, iface, &info) == 0)
        json_text(json, "dev", info.name);
}

static const char *timer_name(enum tcp_shown_timer timer)
{
    switch (timer) {
    case TCP_SHOWN_NO_TIMER:
        break;
    case TCP_SHOWN_RETRANSMIT:
        return "on";
    case TCP_SHOWN_KEEPALIVE:
        return "keepalive";
    case TCP_SHOWN_TIME_WAIT:
        return "timewait";
    case TCP_SHOWN_PERSIST:
        return "persist";
    }
    return "off";
}

static void put_timer(struct json *json, const struct tcp_shown *tcp)
{
    if (tcp->timer == TCP_SHOWN_NO_TIMER)
        return;
    json_text(json, "timer", timer_name(tcp->timer));
    json_number(json, "timer_us", (uint64_t)tcp->timer_left);
    json_number(json, "timer_count", tcp->timer_count);
}

static void put_options(struct json *json, const struct tcp_status_info *info)
{
    json_flag(json, "ts", info->has_timestamps);
    json_flag(json, "sack", info->has_sack);
    json_flag(json, "ecn", info->has_ecn);
    json_flag(json, "ecnseen", info->has_ecn_seen);
    json_flag(json, "fastopen", info->was_fast_opened || info->has_syn_text);
    if (!info->has_window_scale)
        return;
    json_number(json, "snd_wscale", info->snd_wscale);
    json_number(json, "rcv_wscale", info->rcv_wscale);
}

static void put_times(struct json *json, const struct tcp_status_info *info)
{
    json_number(json, "rto_us", (uint64_t)info->rto);
    json_count(json, "backoff", info->backoff);
    json_count(json, "rtt_us", (uint64_t)info->srtt);
    json_count(json, "rttvar_us", (uint64_t)info->rttvar);
    json_count(json, "minrtt_us", (uint64_t)info->min_rtt);
    json_count(json, "rcv_rtt_us", (uint64_t)info->rcv_rtt);
    json_number(json, "ato_us", (uint64_t)info->delayed_ack);
    json_count(json, "lastsnd_us", (uint64_t)info->since_sent);
    json_count(json, "lastrcv_us", (uint64_t)info->since_received);
    json_count(json, "lastack_us", (uint64_t)info->since_ack);
}

static void put_sizes(struct json *json, const struct tcp_status_info *info)
{
    json_number(json, "mss", info->snd_mss);
    json_count(json, "pmtu", info->path_mtu);
    json_number(json, "rcvmss", info->rcv_mss);
    json_number(json, "advmss", info->advertised);
    json_number(json, "rcv_space", info->rcv_space);
    json_number(json, "rcv_ssthresh", info->rcv_ssthresh);
    json_number(json, "snd_wnd", info->snd_wnd);
    json_count(json, "notsent", info->unsent);
}

static const char *recovery_name(enum tcp_recovery_state state)
{
    switch (state) {
    case TCP_RECOVERY_OPEN:
        return "open";
    case TCP_RECOVERY_DISORDER:
        return "disorder";
    case TCP_RECOVERY_REDUCED:
        return "cwr";
    case TCP_RECOVERY_FAST:
        return "recovery";
    case TCP_RECOVERY_TIMED_OUT:
        return "loss";
    }
    return "";
}

static void put_congestion(struct json *json, const struct tcp_shown *tcp)
{
    const struct tcp_status_info *info = &tcp->info;

    json_text(json, "congestion", tcp->congestion);
    json_text(json, "recovery", recovery_name(info->recovery));
    json_number(json, "cwnd", info->cwnd);
    if (info->has_ssthresh)
        json_number(json, "ssthresh", info->ssthresh);
    json_count(json, "unacked", info->unacked);
    json_count(json, "sacked", info->sacked);
    json_count(json, "lost", info->lost);
    if (info->pacing_rate != UINT64_MAX)
        json_number(json, "pacing_rate", info->pacing_rate);
    if (info->max_pacing_rate != UINT64_MAX)
        json_number(json, "max_pacing_rate", info->max_pacing_rate);
    json_count(json, "delivery_rate", info->delivery_rate);
    json_flag(json, "app_limited", info->is_app_limited);
}

/* Busy: there was something to deliver, whatever held it back. */
static void put_limits(struct json *json, const struct tcp_counts *counts)
{
    uint64_t busy = 0;

    for (int i = TCP_LIMIT_PATH; i < TCP_LIMIT_COUNT; i++)
        busy += counts->limited_ms[i];
    json_count(json, "busy_ms", busy);
    json_count(json, "rwnd_limited_ms",
               counts->limited_ms[TCP_LIMIT_RECEIVE_WINDOW]);
    json_count(json, "sndbuf_limited_ms",
               counts->limited_ms[TCP_LIMIT_SEND_BUFFER]);
}

static void put_counts(struct json *json, const struct tcp_counts *counts)
{
    json_count(json, "bytes_sent", counts->bytes_sent);
    json_count(json, "bytes_retrans", counts->bytes_resent);
    json_count(json, "bytes_acked", counts->bytes_acked);
    json_count(json, "bytes_received", counts->bytes_received);
    json_count(json, "segs_out", counts->segments_out);
    json_count(json, "segs_in", counts->segments_in);
    json_count(json, "data_segs_out", counts->text_segments_out);
    json_count(json, "data_segs_in", counts->text_segments_in);
    json_count(json, "retrans", counts->segments_resent);
    json_count(json, "delivered", counts->segments_delivered);
    json_count(json, "delivered_ce", counts->segments_marked);
    json_count(json, "rcv_ooopack", counts->out_of_order);
    put_limits(json, counts);
}

static void put_tcp(struct json *json, const struct tcp_shown *tcp,
                    socket_id socket)
{
    json_text(json, "netid", "tcp");
    json_text(json, "state", tcp_state_name(tcp->state));
    json_number(json, "recv_q", tcp->receive_queue);
    json_number(json, "send_q", tcp->send_queue);
    put_ends(json, &tcp->local, &tcp->remote);
    json_count(json, "socket", socket);
    put_timer(json, tcp);
    json_flag(json, "at_rest", tcp->is_resting);
    json_count(json, "rcvbuf", tcp->receive_buffer);
    json_count(json, "sndbuf", tcp->send_buffer);
    if (!tcp->has_info)
        return;
    put_congestion(json, tcp);
    put_options(json, &tcp->info);
    put_times(json, &tcp->info);
    put_sizes(json, &tcp->info);
    put_counts(json, &tcp->info.counts);
}

static int next_connection(struct control_client *client, struct json *json)
{
    struct tcp_shown tcp;
    int r = stack_next_connection(client->stack->core, &client->cursor.at,
                                  client->cursor.depth, &tcp);

    if (r > 0) {
        put_tcp(json, &tcp, socket_id_of_owner(tcp.owner));
        put_device(json, client->stack, tcp.local.scope);
    }
    return r;
}

/* ---- The others ---------------------------------------------------------- */

static enum kind kind_of(const struct socket_shown *socket)
{
    if (socket->domain == AF_PACKET)
        return KIND_PACKET;
    if (socket->type == SOCK_STREAM)
        return KIND_TCP;
    if (socket->type == SOCK_RAW)
        return KIND_RAW;
    return socket->protocol == IPPROTO_ICMP ? KIND_ICMP : KIND_UDP;
}

static void put_socket(struct json *json, const struct socket_shown *socket)
{
    bool is_connected = !ip_addr_is_any(&socket->remote.addr);
    enum kind kind = kind_of(socket);

    json_text(json, "netid", kind_name(kind));
    json_text(json, "state", is_connected ? "ESTABLISHED" : "UNCONNECTED");
    json_number(json, "recv_q", socket->receive_queue);
    json_number(json, "send_q", socket->send_queue);
    if (kind != KIND_PACKET)
        put_ends(json, &socket->local, &socket->remote);
    if (kind == KIND_RAW || kind == KIND_PACKET)
        json_number(json, "protocol", (unsigned)socket->protocol);
    json_number(json, "socket", socket->id);
    json_number(json, "rcvbuf", socket->receive_buffer);
    json_number(json, "sndbuf", socket->send_buffer);
    json_count(json, "drops", socket->lost);
}

static int next_without_connection(struct control_client *client,
                                   struct json *json)
{
    struct socket_shown socket;
    uint32_t at = (uint32_t)client->cursor.at;
    int r = stack_next_socket(client->stack->core, &at, client->cursor.depth,
                              &socket);

    client->cursor.at = at;
    if (r <= 0)
        return r;
    if ((kind_of(&socket) & client->cursor.wanted) == 0)
        return 0;
    if (kind_of(&socket) == KIND_TCP)
        put_tcp(json, &socket.tcp, socket.id);
    else
        put_socket(json, &socket);
    put_device(json, client->stack,
               kind_of(&socket) == KIND_TCP ? socket.tcp.local.scope
                                            : socket.local.scope);
    return 1;
}

static int next_socket(struct control_client *client, struct json *json)
{
    int r;

    if (client->cursor.phase == PHASE_CONNECTIONS)
        return next_connection(client, json);
    r = next_without_connection(client, json);
    if (r != -ENOENT || (client->cursor.wanted & KIND_TCP) == 0)
        return r;
    client->cursor.phase = PHASE_CONNECTIONS;
    client->cursor.at = 0;
    return 0;
}

const struct control_request control_sockets_request = {
    .name = "sockets",
    .begin = begin_sockets,
    .next = next_socket,
};

/* ---- Descriptors --------------------------------------------------------- */

enum { NUMBERS_OF_A_CALL = 256 };

static int next_descriptor(struct control_client *client, struct json *json)
{
    const struct descriptors *table = &the_host.descriptors;

    for (int i = 0; i < NUMBERS_OF_A_CALL; i++) {
        int number = descriptors_next(table, (int)client->cursor.at);
        const struct file *file;

        if (number < 0)
            return -ENOENT;
        client->cursor.at = (uint64_t)number + 1;
        file = descriptors_get(table, number);
        if (file->kind != FILE_SOCKET || file->stack != client->stack)
            continue;
        json_number(json, "fd", (unsigned)number);
        json_number(json, "socket", file->id);
        return 1;
    }
    return 0;
}

const struct control_request control_descriptors_request = {
    .name = "descriptors",
    .next = next_descriptor,
};
