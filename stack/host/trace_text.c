/*
 * The listener of --trace: see trace_text.h. A line is
 *
 *     0.001234 in      tcp  [3] 192.0.2.1:40000 > 192.0.2.2:80: S 0:0(0) ...
 *
 * stack time in seconds, the direction, the layer (the deeper, the further to
 * the right), a TCP connection's number, and what happened. Sequence numbers
 * count from the connection's initial ones, as in tcpdump.
 */
#include "host/trace_text.h"

#include "ip/icmp.h"
#include "link/iface.h"
#include "tcp/tcp_segment.h"

#include <errno.h>
#include <stdarg.h>

/* In this order: the layers of enum trace_layer, then drops. */
static const char *const layer_names[] = {
    [TRACE_ETH] = "eth",       [TRACE_ARP] = "arp",        [TRACE_IP] = "ip",
    [TRACE_ICMP] = "icmp",     [TRACE_UDP] = "udp",        [TRACE_TCP] = "tcp",
    [TRACE_SOCKET] = "socket", [TRACE_SOCKET + 1] = "drop"};

enum {
    LAYER_DROP = TRACE_SOCKET + 1,
    ALL_LAYERS = (1 << (LAYER_DROP + 1)) - 1
};

struct line {
    char text[TRACE_LINE_MAX];
    size_t len;
};

/* What does not fit is cut off. */
__attribute__((format(printf, 2, 3))) static void add(struct line *line,
                                                      const char *format, ...)
{
    size_t room = sizeof(line->text) - line->len;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line->text + line->len, room, format, arguments);
    va_end(arguments);
    if (len > 0)
        line->len += min_size((size_t)len, room - 1);
}

const char *trace_text_layers(void)
{
    return "eth, arp, ip, icmp, udp, tcp, socket, drop";
}

static int layer_of(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LENGTH(layer_names); i++) {
        if (strlen(layer_names[i]) == len &&
            strncmp(layer_names[i], name, len) == 0)
            return (int)i;
    }
    return -EINVAL;
}

int trace_text_parse(const char *what, unsigned *layers)
{
    unsigned set = 0;

    while (*what != '\0') {
        size_t len = strcspn(what, ",");
        int layer = layer_of(what, len);

        if (layer < 0)
            return layer;
        set |= 1u << layer;
        what += len;
        if (*what == ',' && *++what == '\0')
            return -EINVAL;
    }
    *layers = set != 0 ? set : ALL_LAYERS;
    return 0;
}

static const char *direction(enum trace_kind kind)
{
    switch (kind) {
    case TRACE_FRAME_IN:
    case TRACE_PACKET_IN:
    case TRACE_SEGMENT_IN:
        return "in";
    case TRACE_FRAME_OUT:
    case TRACE_PACKET_OUT:
    case TRACE_SEGMENT_OUT:
        return "out";
    case TRACE_DROP:
        return "drop";
    case TRACE_STATE:
    case TRACE_TIMER:
    case TRACE_CONGESTION:
    case TRACE_NEIGHBOUR:
        return "";
    }
    return "";
}

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

static void add_frame(struct line *line, const struct frame *frame, size_t len)
{
    char src[MAC_TEXT_MAX];
    char dst[MAC_TEXT_MAX];
    struct mac_addr mac[2];

    if (frame->head_len >= sizeof(mac)) {
        memcpy(mac, frame->head, sizeof(mac)); /* destination, source */
        add(line, "%s > %s, ", mac_addr_text(&mac[1], src),
            mac_addr_text(&mac[0], dst));
    }
    add(line, "%zu bytes", len);
    if (frame->offload.gso != FRAME_GSO_NONE)
        add(line, " in segments of %u", frame->offload.gso_size);
}

/* "192.0.2.2:80", without a port where there is none. */
static void add_endpoint(struct line *line, const struct endpoint *endpoint)
{
    char text[ENDPOINT_TEXT_MAX];

    if (endpoint->port == 0)
        add(line, "%s", ip_addr_text(&endpoint->addr, text));
    else
        add(line, "%s", endpoint_text(endpoint, text));
}

static void add_ends(struct line *line, const struct trace_event *event)
{
    bool in = strcmp(direction(event->kind), "in") == 0;

    add_endpoint(line, in ? &event->remote : &event->local);
    add(line, " > ");
    add_endpoint(line, in ? &event->local : &event->remote);
    add(line, ": ");
}

static void add_flags(struct line *line, uint8_t flags)
{
    static const struct {
        enum tcp_flag flag;
        const char *letter;
    } letters[] = {{SEG_FIN, "F"}, {SEG_SYN, "S"}, {SEG_RST, "R"},
                   {SEG_PSH, "P"}, {SEG_ACK, "."}, {SEG_URG, "U"},
                   {SEG_ECE, "E"}, {SEG_CWR, "W"}};

    for (size_t i = 0; i < ARRAY_LENGTH(letters); i++) {
        if ((flags & letters[i].flag) != 0)
            add(line, "%s", letters[i].letter);
    }
    if (flags == 0)
        add(line, "none");
}

/* The mark of its packet, as `tcpdump -v` has it; none is not mentioned. */
static void add_ecn(struct line *line, uint8_t codepoint)
{
    static const char *const texts[] = {"", " ECT(1)", " ECT(0)", " CE"};

    add(line, "%s", texts[codepoint & IP_ECN_MASK]);
}

/* "tfo cookie 0b19bc200a71279f", as tcpdump */
static void add_fast_open(struct line *line, const char *before,
                          const struct fast_open_cookie *cookie)
{
    add(line, "%stfo cookie%s", before, cookie->len == 0 ? "req" : " ");
    for (unsigned i = 0; i < cookie->len; i++)
        add(line, "%02x", cookie->octet[i]);
}

static void add_options(struct line *line, const struct tcp_options *options)
{
    const char *before = " <";

    if (options->has_mss) {
        add(line, "%smss %u", before, options->mss);
        before = ",";
    }
    if (options->has_window_scale) {
        add(line, "%swscale %u", before, options->window_scale);
        before = ",";
    }
    if (options->has_timestamps) {
        add(line, "%sTS val %u ecr %u", before, options->ts_val,
            options->ts_ecr);
        before = ",";
    }
    if (options->has_fast_open) {
        add_fast_open(line, before, &options->fast_open);
        before = ",";
    }
    if (options->has_user_timeout) {
        add(line, "%suto %u%s", before, options->user_timeout & INT16_MAX,
            options->user_timeout > INT16_MAX ? " min" : " s");
        before = ",";
    }
    if (*before == ',')
        add(line, ">");
}

/* A SYN's own number counts as 0, also before the connection knows it. */
static void add_segment(struct line *line, const struct trace_event *event)
{
    const struct tcp_segment *seg = event->segment;
    bool in = event->kind == TRACE_SEGMENT_IN;
    tcp_seq seq = seg->seq - (in ? event->irs : event->iss);

    if ((seg->flags & SEG_SYN) != 0)
        seq = 0;
    add_ends(line, event);
    add_flags(line, seg->flags);
    add(line, " %u:%u(%u)", seq, seq + seg->text_len, seg->text_len);
    if ((seg->flags & SEG_ACK) != 0)
        add(line, " ack %u", seg->ack - (in ? event->iss : event->irs));
    add(line, " win %u", seg->wnd);
    add_options(line, &seg->options);
    add_ecn(line, seg->ecn);
}

/* "192.0.2.1 is at 02:00:5e:00:53:01: reachable", "192.0.2.1 incomplete" */
static void add_neighbour(struct line *line, const struct trace_event *event)
{
    static const struct mac_addr none;
    char text[IP_ADDR_TEXT_MAX];

    add(line, "%s ", ip_addr_text(&event->remote.addr, text));
    if (!mac_addr_equal(&event->mac, &none))
        add(line, "is at %s: ", mac_addr_text(&event->mac, text));
    add(line, "%s", event->text);
}

/* The kind of packet; of an echo also what tells it from others. */
static void add_packet(struct line *line, const struct trace_event *event)
{
    add_ends(line, event);
    add(line, "%s, ", event->text);
    if (event->echo != NULL)
        add(line, "id %u, seq %u, ", event->echo->id, event->echo->sequence);
    add(line, "%zu bytes", event->len);
}

static void add_what(struct line *line, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_FRAME_IN:
    case TRACE_FRAME_OUT:
        add_frame(line, event->frame, event->len);
        break;
    case TRACE_PACKET_IN:
    case TRACE_PACKET_OUT:
        add_packet(line, event);
        break;
    case TRACE_DROP:
        add(line, "%s (%s, %s)", drop_text(event->drop), drop_name(event->drop),
            drop_section(event->drop));
        break;
    case TRACE_SEGMENT_IN:
    case TRACE_SEGMENT_OUT:
        add_segment(line, event);
        break;
    case TRACE_STATE:
        add(line, "%s -> %s", event->from, event->text);
        break;
    case TRACE_TIMER:
        add(line, "timer: %s", event->text);
        break;
    case TRACE_CONGESTION:
        add(line, "%s: cwnd %u ssthresh %u", event->text, event->cwnd,
            event->ssthresh);
        break;
    case TRACE_NEIGHBOUR:
        add_neighbour(line, event);
        break;
    }
}

/* On a device of bare IP packets `ip` says it all. */
static bool is_bare_ip(const struct trace_event *event)
{
    return (event->kind == TRACE_FRAME_IN || event->kind == TRACE_FRAME_OUT) &&
           event->frame->iface->dev->type != NETDEV_ETHERNET;
}

static bool is_wanted(const struct trace_text *text,
                      const struct trace_event *event)
{
    unsigned layer = (unsigned)event->layer;

    if (event->kind == TRACE_DROP && (text->layers >> LAYER_DROP & 1) != 0)
        return true;
    return (text->layers >> layer & 1) != 0 && !is_bare_ip(event);
}

static void print(struct trace_listener *listener,
                  const struct trace_event *event)
{
    const struct trace_text *text =
        container_of(listener, struct trace_text, listener);
    struct line line = {.len = 0};

    if (!is_wanted(text, event))
        return;
    add(&line, "%6lld.%06lld %-4s %*s%-4s ",
        (long long)(event->now / USEC_PER_SEC),
        (long long)(event->now % USEC_PER_SEC), direction(event->kind),
        indent(event->layer), "", layer_names[event->layer]);
    if (event->connection != 0)
        add(&line, "[%u] ", event->connection);
    add_what(&line, event);
    fprintf(text->to, "%s\n", line.text); /* stderr: written at once */
}

void trace_text_init(struct trace_text *text, unsigned layers, FILE *to)
{
    *text = (struct trace_text){
        .listener = {.event = print}, .layers = layers, .to = to};
}
