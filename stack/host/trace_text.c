/*
 * Events as text: see trace_text.h. A line is
 *
 *     0.001234 in      tcp  [3] 192.0.2.1:40000 > 192.0.2.2:80: S 0:0(0) ...
 *
 * stack time in seconds, the direction, the layer (the deeper, the further to
 * the right), a TCP connection's number, and what happened. Sequence numbers
 * count from the connection's initial ones, as in tcpdump. A segment with text
 * that leaves says in braces how its connection stands.
 */
#include "host/trace_text.h"

#include "host/trace_json.h"
#include "ip/icmp.h"
#include "link/iface.h"
#include "tcp/tcb.h"
#include "tcp/tcp_rtt.h"

#include <unistd.h>

static int indent(enum trace_layer layer)
{
    switch (layer) {
    case TRACE_ETH:
        return 0;
    case TRACE_ARP:
    case TRACE_IP:
        return 2;
    case TRACE_ICMP:
    case TRACE_UDP:
    case TRACE_TCP:
        return 4;
    case TRACE_SOCKET:
        return 6;
    }
    return 0;
}

static void add_frame(struct line *line, const struct trace_event *event)
{
    const struct frame *frame = event->frame;
    char src[MAC_TEXT_MAX];
    char dst[MAC_TEXT_MAX];
    struct mac_addr mac[2];

    if (frame->head_len >= sizeof(mac)) {
        memcpy(mac, frame->head, sizeof(mac)); /* destination, source */
        line_add(line, "%s > %s, ", mac_addr_text(&mac[1], src),
                 mac_addr_text(&mac[0], dst));
    }
    line_add(line, "%zu bytes", event->len);
    if (frame->offload.gso != FRAME_GSO_NONE)
        line_add(line, " in segments of %u", frame->offload.gso_size);
}

static bool is_in(const struct trace_event *event)
{
    return strcmp(trace_direction_word(event->kind), "in") == 0;
}

static void add_ends(struct line *line, const struct trace_event *event)
{
    bool in = is_in(event);

    line_add_endpoint(line, in ? &event->remote : &event->local);
    line_add(line, " > ");
    line_add_endpoint(line, in ? &event->local : &event->remote);
    line_add(line, ": ");
}

/* ---- Segments ---------------------------------------------------------- */

static void add_flags(struct line *line, uint8_t flags)
{
    static const struct {
        enum tcp_flag flag;
        char letter;
    } letters[] = {{SEG_FIN, 'F'}, {SEG_SYN, 'S'}, {SEG_RST, 'R'},
                   {SEG_PSH, 'P'}, {SEG_ACK, '.'}, {SEG_URG, 'U'},
                   {SEG_ECE, 'E'}, {SEG_CWR, 'W'}};

    for (size_t i = 0; i < ARRAY_LENGTH(letters); i++) {
        if ((flags & letters[i].flag) != 0)
            line_add(line, "%c", letters[i].letter);
    }
    if (flags == 0)
        line_add(line, "none");
}

/* The mark of its packet, as `tcpdump -v` has it; none is not mentioned. */
static void add_ecn(struct line *line, uint8_t codepoint)
{
    static const char *const texts[] = {"", " ECT(1)", " ECT(0)", " CE"};

    line_add(line, "%s", texts[codepoint & IP_ECN_MASK]);
}

/* "tfo cookie 0b19bc200a71279f", as tcpdump */
static void add_fast_open(struct line *line,
                          const struct fast_open_cookie *cookie)
{
    line_add(line, "tfo cookie%s", cookie->len == 0 ? "req" : " ");
    for (unsigned i = 0; i < cookie->len; i++)
        line_add(line, "%02x", cookie->octet[i]);
}

/* "sack 1 {1001:2001}", of what the other end has sent: from its SYN on */
static void add_sacks(struct line *line, const struct tcp_options *options,
                      tcp_seq from)
{
    line_add(line, "sack %u ", options->sack_count);
    for (unsigned i = 0; i < options->sack_count; i++)
        line_add(line, "{%u:%u}", options->sacks[i].start - from,
                 options->sacks[i].end - from);
}

/* "<" before the first, "," before the others */
static void next_option(struct line *line, const char **before)
{
    line_add(line, "%s", *before);
    *before = ",";
}

static void add_options(struct line *line, const struct tcp_options *options,
                        tcp_seq acked_from)
{
    const char *before = " <";

    if (options->has_mss) {
        next_option(line, &before);
        line_add(line, "mss %u", options->mss);
    }
    if (options->sack_permitted) {
        next_option(line, &before);
        line_add(line, "sackOK");
    }
    if (options->has_window_scale) {
        next_option(line, &before);
        line_add(line, "wscale %u", options->window_scale);
    }
    if (options->has_timestamps) {
        next_option(line, &before);
        line_add(line, "TS val %u ecr %u", options->ts_val, options->ts_ecr);
    }
    if (options->sack_count > 0) {
        next_option(line, &before);
        add_sacks(line, options, acked_from);
    }
    if (options->has_fast_open) {
        next_option(line, &before);
        add_fast_open(line, &options->fast_open);
    }
    if (options->has_user_timeout) {
        next_option(line, &before);
        line_add(line, "uto %u%s", options->user_timeout & INT16_MAX,
                 options->user_timeout > INT16_MAX ? " min" : " s");
    }
    if (*before == ',')
        line_add(line, ">");
}

/* A SYN's own number counts as 0, also before the connection knows it. */
void trace_text_add_segment(struct line *line, const struct trace_event *event)
{
    const struct tcp_segment *seg = event->segment;
    bool in = is_in(event);
    tcp_seq acked_from = in ? event->iss : event->irs;
    tcp_seq seq = seg->seq - (in ? event->irs : event->iss);

    if ((seg->flags & SEG_SYN) != 0)
        seq = 0;
    add_flags(line, seg->flags);
    line_add(line, " %u:%u(%u)", seq, seq + seg->text_len, seg->text_len);
    if ((seg->flags & SEG_ACK) != 0)
        line_add(line, " ack %u", seg->ack - acked_from);
    line_add(line, " win %u", seg->wnd);
    if ((seg->flags & SEG_URG) != 0)
        line_add(line, " urg %u", seg->urgent);
    add_options(line, &seg->options, acked_from);
    add_ecn(line, seg->ecn);
}

static void add_msec(struct line *line, usec time)
{
    line_add(line, "%lld.%03lld ms", (long long)(time / USEC_PER_MSEC),
             (long long)(time % USEC_PER_MSEC));
}

void trace_text_add_connection(struct line *line, const struct tcb *tcb)
{
    line_add(line, "cwnd %u, ", tcb->cwnd);
    if (tcb->ssthresh < INT32_MAX) /* as it is until a first loss */
        line_add(line, "ssthresh %u, ", tcb->ssthresh);
    line_add(line, "flight %u", tcb_flight_size(tcb));
    if (tcb->srtt > 0) {
        line_add(line, ", rtt ");
        add_msec(line, tcb->srtt);
    }
    line_add(line, ", rto ");
    add_msec(line, rtt_rto(tcb));
}

static void add_segment_line(struct line *line, const struct trace_event *event)
{
    add_ends(line, event);
    trace_text_add_segment(line, event);
    if (is_in(event) || event->tcb == NULL || event->len == 0)
        return;
    line_add(line, " {");
    trace_text_add_connection(line, event->tcb);
    line_add(line, "}");
}

/* ---- Other events ------------------------------------------------------ */

/* "192.0.2.1 is at 02:00:5e:00:53:01: reachable", "192.0.2.1 incomplete" */
static void add_neighbour(struct line *line, const struct trace_event *event)
{
    static const struct mac_addr none;
    char text[IP_ADDR_TEXT_MAX];

    line_add(line, "%s ", ip_addr_text(&event->remote.addr, text));
    if (!mac_addr_equal(&event->mac, &none))
        line_add(line, "is at %s: ", mac_addr_text(&event->mac, text));
    line_add(line, "%s", event->text);
}

/* The kind of packet; of an echo also what tells it from others. */
static void add_packet(struct line *line, const struct trace_event *event)
{
    add_ends(line, event);
    line_add(line, "%s, ", event->text);
    if (event->echo != NULL)
        line_add(line, "id %u, seq %u, ", event->echo->id,
                 event->echo->sequence);
    line_add(line, "%zu bytes", event->len);
}

static void add_acked(struct line *line, const struct trace_event *event)
{
    line_add(line, "%zu acknowledged", event->len);
    if (event->tcb == NULL)
        return;
    line_add(line, ": ");
    trace_text_add_connection(line, event->tcb);
}

static void add_ack(struct line *line, const struct trace_event *event)
{
    line_add(line, "ACK %s", event->text);
    if (event->due > event->now) {
        line_add(line, ", in ");
        add_msec(line, event->due - event->now);
    }
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
        line_add(line, "%s (%s, %s)", drop_text(event->drop),
                 drop_name(event->drop), drop_section(event->drop));
        break;
    case TRACE_SEGMENT_IN:
    case TRACE_SEGMENT_OUT:
        add_segment_line(line, event);
        break;
    case TRACE_STATE:
        line_add(line, "%s -> %s", event->from, event->text);
        break;
    case TRACE_TIMER:
        line_add(line, "timer: %s", event->text);
        break;
    case TRACE_CONGESTION:
        line_add(line, "%s: cwnd %u ssthresh %u", event->text, event->cwnd,
                 event->ssthresh);
        break;
    case TRACE_NEIGHBOUR:
        add_neighbour(line, event);
        break;
    case TRACE_ACKED:
        add_acked(line, event);
        break;
    case TRACE_WINDOW:
        line_add(line, "send window %zu", event->len);
        break;
    case TRACE_TEXT:
        line_add(line, "%zu bytes %s", event->len, event->text);
        break;
    case TRACE_ACK:
        add_ack(line, event);
        break;
    case TRACE_READY:
        line_add(line, "socket %u: its program is told", event->socket);
        break;
    }
}

void trace_text_add_event(struct line *line, const struct trace_event *event)
{
    if (event->connection != 0)
        line_add(line, "[%u] ", event->connection);
    add_what(line, event);
}

/* On a device of bare IP packets `ip` says it all. */
static bool is_bare_ip(const struct trace_event *event)
{
    return (event->kind == TRACE_FRAME_IN || event->kind == TRACE_FRAME_OUT) &&
           event->frame->iface->dev->type != NETDEV_ETHERNET;
}

void trace_text_line(const struct trace_event *event, struct line *line)
{
    line_clear(line);
    if (is_bare_ip(event))
        return;
    line_add(line, "%6lld.%06lld %-4s %*s%-4s ",
             (long long)(event->now / USEC_PER_SEC),
             (long long)(event->now % USEC_PER_SEC),
             trace_direction_word(event->kind), indent(event->layer), "",
             trace_layer_word(event->layer));
    trace_text_add_event(line, event);
    line_end(line);
}

/* ---- The listener ------------------------------------------------------ */

static void print(struct trace_listener *listener,
                  const struct trace_event *event)
{
    struct trace_text *text =
        container_of(listener, struct trace_text, listener);
    struct line line;
    ssize_t written;

    if (!trace_filter_wants(&text->filter, event))
        return;
    if (text->filter.is_json)
        trace_json_line(event, &line);
    else
        trace_text_line(event, &line);
    written = line.len == 0 ? 0 : write(text->fd, line.text, line.len);
    (void)written; /* nobody could be told */
}

void trace_text_init(struct trace_text *text, const struct trace_filter *filter,
                     int fd)
{
    *text = (struct trace_text){
        .listener = {.event = print}, .filter = *filter, .fd = fd};
}
