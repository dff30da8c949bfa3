/*
 * Events as JSON: see trace_json.h for what each member means.
 */
#include "host/trace_json.h"

#include "host/json.h"
#include "host/trace_filter.h"
#include "ip/icmp.h"
#include "tcp/tcb.h"
#include "tcp/tcp_rtt.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Members ----------------------------------------------------------- */

static void add_number(struct line *line, const char *name, uint64_t number)
{
    line_add(line, ",\"%s\":%" PRIu64, name, number);
}

static void add_string(struct line *line, const char *name, const char *text)
{
    char octets[JSON_ESCAPE_MAX];

    line_add(line, ",\"%s\":\"", name);
    for (; *text != '\0'; text++)
        line_add(line, "%.*s", (int)json_escape((unsigned char)*text, octets),
                 octets);
    line_add(line, "\"");
}

static void add_time(struct line *line, const char *name, usec time)
{
    line_add(line, "\"%s\":%lld.%06lld", name, (long long)(time / USEC_PER_SEC),
             (long long)(time % USEC_PER_SEC));
}

static void add_mac(struct line *line, const char *name,
                    const struct mac_addr *mac)
{
    static const struct mac_addr none;
    char text[MAC_TEXT_MAX];

    if (!mac_addr_equal(mac, &none))
        add_string(line, name, mac_addr_text(mac, text));
}

static void add_addr(struct line *line, const char *name,
                     const struct ip_addr *addr)
{
    static const struct ip_addr none;
    char text[IP_ADDR_TEXT_MAX];

    if (!ip_addr_equal(addr, &none))
        add_string(line, name, ip_addr_text(addr, text));
}

static void add_ends(struct line *line, const struct trace_event *event)
{
    add_addr(line, "local", &event->local.addr);
    if (event->local.port != 0)
        add_number(line, "local_port", event->local.port);
    add_addr(line, "remote", &event->remote.addr);
    if (event->remote.port != 0)
        add_number(line, "remote_port", event->remote.port);
}

static void add_connection(struct line *line, const struct trace_event *event)
{
    const struct tcb *tcb = event->tcb;

    if (event->connection != 0)
        add_number(line, "connection", event->connection);
    if (event->state != NULL)
        add_string(line, "state", event->state);
    if (tcb == NULL)
        return;
    add_number(line, "cwnd", tcb->cwnd);
    add_number(line, "ssthresh", tcb->ssthresh);
    add_number(line, "flight", tcb_flight_size(tcb));
    add_number(line, "snd_wnd", tcb->snd_wnd);
    add_number(line, "rcv_wnd", tcb_receive_window(tcb));
    add_number(line, "srtt", (uint64_t)tcb->srtt);
    add_number(line, "rttvar", (uint64_t)tcb->rttvar);
    add_number(line, "rto", (uint64_t)rtt_rto(tcb));
}

/* ---- Segments ---------------------------------------------------------- */

static void add_flags(struct line *line, uint8_t flags)
{
    line_add(line, ",\"flags\":\"");
    line_add_flags(line, flags);
    line_add(line, "\"");
}

static void add_sacks(struct line *line, const struct tcp_options *options,
                      tcp_seq from)
{
    line_add(line, ",\"sack\":[");
    for (unsigned i = 0; i < options->sack_count; i++)
        line_add(line, "%s[%u,%u]", i == 0 ? "" : ",",
                 options->sacks[i].start - from, options->sacks[i].end - from);
    line_add(line, "]");
}

static void add_fast_open(struct line *line,
                          const struct fast_open_cookie *cookie)
{
    char text[2 * FAST_OPEN_COOKIE_MAX + 1] = "";

    for (unsigned i = 0; i < cookie->len; i++)
        snprintf(text + 2 * i, 3, "%02x", cookie->octet[i]);
    add_string(line, "fast_open", text);
}

static void add_options(struct line *line, const struct tcp_options *options,
                        tcp_seq acked_from)
{
    line_add(line, ",\"options\":{");

    size_t first = line->len;

    if (options->has_mss)
        add_number(line, "mss", options->mss);
    if (options->sack_permitted)
        line_add(line, ",\"sack_ok\":true");
    if (options->has_window_scale)
        add_number(line, "wscale", options->window_scale);
    if (options->has_timestamps) {
        add_number(line, "ts_val", options->ts_val);
        add_number(line, "ts_ecr", options->ts_ecr);
    }
    if (options->sack_count > 0)
        add_sacks(line, options, acked_from);
    if (options->has_fast_open)
        add_fast_open(line, &options->fast_open);
    if (options->has_user_timeout)
        add_number(line, "uto", options->user_timeout);
    if (line->text[first] == ',')
        line->text[first] = ' '; /* none before the first member */
    line_add(line, "}");
}

static void add_segment(struct line *line, const struct trace_event *event)
{
    const struct tcp_segment *seg = event->segment;
    bool in = event->kind == TRACE_SEGMENT_IN;
    tcp_seq seq_from = in ? event->irs : event->iss;
    tcp_seq ack_from = in ? event->iss : event->irs;

    add_flags(line, seg->flags);
    add_number(line, "seq", seg->flags & SEG_SYN ? 0 : seg->seq - seq_from);
    if (seg->flags & SEG_ACK)
        add_number(line, "ack", seg->ack - ack_from);
    add_number(line, "win", seg->wnd);
    if (seg->flags & SEG_URG)
        add_number(line, "urg", seg->urgent);
    if (seg->ecn != 0)
        add_number(line, "ecn", seg->ecn);
    add_number(line, "iss", event->iss);
    add_number(line, "irs", event->irs);
    add_number(line, "bytes", event->len);
    add_options(line, &seg->options, ack_from);
}

/* ---- Other events ------------------------------------------------------ */

static void add_frame(struct line *line, const struct trace_event *event)
{
    const struct frame *frame = event->frame;
    struct mac_addr mac[2];

    if (event->frame_out != 0)
        add_number(line, "frame_out", event->frame_out);
    if (frame->iface->dev->type == NETDEV_ETHERNET &&
        frame->head_len >= sizeof(mac)) {
        memcpy(mac, frame->head, sizeof(mac)); /* destination, source */
        add_mac(line, "src", &mac[1]);
        add_mac(line, "dst", &mac[0]);
    }
    add_number(line, "bytes", event->len);
    if (frame->offload.gso != FRAME_GSO_NONE)
        add_number(line, "gso", frame->offload.gso_size);
}

static void add_packet(struct line *line, const struct trace_event *event)
{
    add_string(line, "what", event->text);
    if (event->echo != NULL) {
        add_number(line, "id", event->echo->id);
        add_number(line, "echo", event->echo->sequence);
    }
    add_number(line, "bytes", event->len);
}

static void add_drop(struct line *line, const struct trace_event *event)
{
    add_string(line, "reason", drop_name(event->drop));
    add_string(line, "text", drop_text(event->drop));
    add_string(line, "section", drop_section(event->drop));
}

static void add_what(struct line *line, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_FRAME_IN:
    case TRACE_FRAME_OUT:
        add_frame(line, event);
        break;
    case TRACE_PACKET_IN:
    case TRACE_PACKET_OUT:
        add_packet(line, event);
        break;
    case TRACE_DROP:
        add_drop(line, event);
        break;
    case TRACE_SEGMENT_IN:
    case TRACE_SEGMENT_OUT:
        add_segment(line, event);
        break;
    case TRACE_STATE:
        add_string(line, "from", event->from);
        break;
    case TRACE_TIMER:
    case TRACE_CONGESTION:
        add_string(line, "what", event->text);
        break;
    case TRACE_NEIGHBOUR:
        add_mac(line, "mac", &event->mac);
        add_string(line, "state", event->text);
        break;
    case TRACE_ACKED:
    case TRACE_WINDOW:
        add_number(line, "bytes", event->len);
        break;
    case TRACE_TEXT:
        add_string(line, "what", event->text);
        add_number(line, "bytes", event->len);
        break;
    case TRACE_ACK:
        add_string(line, "what", event->text);
        line_add(line, ",");
        add_time(line, "due", event->due);
        break;
    case TRACE_READY:
        add_number(line, "socket", event->socket);
        break;
    }
}

static const char *direction(const struct trace_event *event)
{
    return event->kind == TRACE_DROP ? "" : trace_direction_word(event->kind);
}

void trace_json_line(const struct trace_event *event, struct line *line)
{
    line_clear(line);
    line_add(line, "{");
    add_time(line, "time", event->now);
    add_string(line, "event", trace_event_word(event->kind));
    add_string(line, "layer", trace_layer_word(event->layer));
    if (*direction(event) != '\0')
        add_string(line, "direction", direction(event));
    if (event->frame_number != 0)
        add_number(line, "frame", event->frame_number);
    add_ends(line, event);
    add_connection(line, event);
    add_what(line, event);
    line_add(line, "}");
    line_end(line);
}
