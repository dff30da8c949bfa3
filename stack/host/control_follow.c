/*
 * The requests that go on until the client ends them, by another line or by
 * going away: it is told what happens, as it happens.
 *
 *     trace [WHAT]                              lines, as --trace writes them
 *     capture [dev NAME] [host A] [port P] [PROTOCOL]
 *                                               pcapng, behind {"begin":...}
 *
 * A client that does not read fast enough misses some: how many lines, or
 * packets, is told when there is room again.
 */
#include "host/control_client.h"

#include "host/frame_ends.h"
#include "host/trace_json.h"
#include "link/eth.h"
#include "netdev/pcapng_block.h"

#include <errno.h>
#include <time.h>

enum {
    SNAPLEN = 32 * 1024, /* a larger super-segment is cut */
    REST_OF_OUT = 4096   /* kept free for what ends the answer */
};

static struct control_client *client_of(struct trace_listener *listener)
{
    return container_of(listener, struct control_client, listener);
}

static size_t room_of(const struct control_client *client)
{
    size_t room = CONTROL_OUT - client->out_to;

    return room > REST_OF_OUT ? room - REST_OF_OUT : 0;
}

/* In one piece or not at all. */
static void put(struct control_client *client, const void *data, size_t len)
{
    if (len > room_of(client)) {
        client->missed++;
        return;
    }
    memcpy(client->out + client->out_to, data, len);
    client->out_to += len;
}

static void follow(struct control_client *client)
{
    client->is_following = true;
    the_host.control.followed++;
    stack_attach_listener(client->stack, &client->listener);
}

static void stop(struct control_client *client)
{
    if (!client->is_following)
        return;
    client->is_following = false;
    the_host.control.followed--;
    stack_detach_listener(client->stack, &client->listener);
}

/* What this pass has written goes at once, as far as it is taken. */
static void pass_over(struct trace_listener *listener)
{
    control_client_push(client_of(listener));
}

/* ---- trace --------------------------------------------------------------- */

/* Once there is room again. */
static void tell_missed(struct control_client *client)
{
    char text[64];
    int len;

    if (client->missed == 0 || room_of(client) < CONTROL_OUT / 2)
        return;
    len = snprintf(text, sizeof(text), "{\"missed\":%llu}\n",
                   (unsigned long long)client->missed);
    client->missed = 0;
    put(client, text, (size_t)len);
}

static void trace_event(struct trace_listener *listener,
                        const struct trace_event *event)
{
    struct control_client *client = client_of(listener);
    struct line line;

    if (!trace_filter_wants(&client->filter, event))
        return;
    tell_missed(client);
    line_clear(&line);
    if (client->filter.is_json)
        trace_json_line(event, &line);
    else
        trace_text_line(event, &line);
    put(client, line.text, line.len);
}

static int begin_trace(struct control_client *client,
                       const struct control_words *words)
{
    char mistake[TRACE_WORD_MAX];
    const char *what = words->count > 1 ? words->word[1] : "";

    if (words->count > 2 ||
        trace_filter_parse(what, &client->filter, mistake) < 0) {
        client->why = "no such filter";
        return -EINVAL;
    }
    client->listener = (struct trace_listener){
        .event = trace_event,
        .pass_over = pass_over,
    };
    follow(client);
    return 0;
}

const struct control_request control_trace_request = {
    .name = "trace",
    .begin = begin_trace,
    .stop = stop,
};

/* ---- capture ------------------------------------------------------------- */

static bool has_host(const struct frame_ends *ends,
                     const struct ip_prefix *host)
{
    return ends->has_addrs && (ip_prefix_contains(host, &ends->src.addr) ||
                               ip_prefix_contains(host, &ends->dst.addr));
}

static bool has_protocol(const struct frame_ends *ends,
                         const struct control_capture *wanted)
{
    if (wanted->ethertype != 0)
        return ends->type == wanted->ethertype;
    return wanted->protocol == 0 ||
           (ends->type == ETH_TYPE_IPV4 && ends->protocol == wanted->protocol);
}

static bool is_wanted(const struct control_capture *wanted,
                      const struct frame *frame)
{
    struct frame_ends ends = frame_ends_of(frame->iface->dev->type, frame);

    if (wanted->has_host && !has_host(&ends, &wanted->host))
        return false;
    if (wanted->port != 0 && ends.src.port != wanted->port &&
        ends.dst.port != wanted->port)
        return false;
    return has_protocol(&ends, wanted);
}

static void put_packet(struct control_client *client,
                       const struct trace_event *event)
{
    static uint8_t bytes[SNAPLEN]; /* the lock is held; and the stack of a
                                      thread may be small */
    uint8_t *to = (uint8_t *)client->out + client->out_to;
    size_t whole = frame_len(event->frame);
    size_t len = frame_copy(event->frame, 0, bytes, min_size(whole, SNAPLEN));
    struct pcapng_packet packet = {
        .at = client->capture.epoch + event->now,
        .direction =
            event->kind == TRACE_FRAME_IN ? PCAPNG_INBOUND : PCAPNG_OUTBOUND,
        .data = bytes_of(bytes, len),
        .original_len = (uint32_t)whole,
    };
    size_t written = pcapng_put_packet(to, room_of(client), &packet);

    client->out_to += written;
    client->missed += written == 0;
}

static void capture_event(struct trace_listener *listener,
                          const struct trace_event *event)
{
    struct control_client *client = client_of(listener);
    bool is_frame =
        event->kind == TRACE_FRAME_IN || event->kind == TRACE_FRAME_OUT;

    if (is_frame && event->frame->iface->index == client->capture.iface &&
        is_wanted(&client->capture, event->frame))
        put_packet(client, event);
}

static int parse_protocol(const char *word, struct control_capture *out)
{
    static const struct {
        const char *name;
        uint8_t protocol;
        uint16_t ethertype;
    } names[] = {{"tcp", IP_PROTO_TCP, 0},   {"udp", IP_PROTO_UDP, 0},
                 {"icmp", IP_PROTO_ICMP, 0}, {"igmp", IP_PROTO_IGMP, 0},
                 {"ip", 0, ETH_TYPE_IPV4},   {"arp", 0, ETH_TYPE_ARP}};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(names[i].name, word) == 0) {
            out->protocol = names[i].protocol;
            out->ethertype = names[i].ethertype;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_capture(const struct control_words *words,
                         struct control_capture *out, const char **device)
{
    uint64_t port;

    for (unsigned i = 1; i < words->count; i++) {
        const char *word = words->word[i];
        const char *next = i + 1 < words->count ? words->word[i + 1] : "";

        if (strcmp(word, "and") == 0)
            continue;
        if (strcmp(word, "host") == 0 || strcmp(word, "net") == 0) {
            if (ip_prefix_parse(next, &out->host) < 0)
                return -EINVAL;
            out->has_host = true;
            i++;
        } else if (strcmp(word, "dev") == 0) {
            *device = next;
            i++;
        } else if (strcmp(word, "port") == 0) {
            if (number_parse(next, UINT16_MAX, &port) < 0 || port == 0)
                return -EINVAL;
            out->port = (uint16_t)port;
            i++;
        } else if (parse_protocol(word, out) < 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static usec epoch(void)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * USEC_PER_SEC + wall.tv_nsec / 1000 - host_now();
}

/* The line that tells that it begins, then the blocks before the packets. */
static void put_beginning(struct control_client *client)
{
    static const char line[] = "{\"begin\":\"capture\"}\n";
    uint8_t *out = (uint8_t *)client->out;
    struct iface_info info;

    put(client, line, sizeof(line) - 1);
    client->out_to += pcapng_put_section(out + client->out_to, room_of(client),
                                         "tapir capture");
    if (stack_iface_info(client->stack->core, client->capture.iface, &info) < 0)
        return;

    struct pcapng_interface interface = {
        .linktype = info.hardware == IFACE_HARDWARE_ETHERNET
                        ? PCAPNG_LINKTYPE_ETHERNET
                        : PCAPNG_LINKTYPE_RAW,
        .snaplen = SNAPLEN,
        .name = info.name,
    };

    client->out_to +=
        pcapng_put_interface(out + client->out_to, room_of(client), &interface);
}

/* By its name; without one, the first that leads out. 0: there is none. */
static unsigned choose_iface(const struct control_client *client,
                             const char *name)
{
    struct iface_info info;

    for (unsigned i = 1; stack_iface_info(client->stack->core, i, &info) == 0;
         i++)
        if (name == NULL ? !info.is_loopback : strcmp(name, info.name) == 0)
            return i;
    return 0;
}

static int begin_capture(struct control_client *client,
                         const struct control_words *words)
{
    const char *device = NULL;

    client->capture = (struct control_capture){.epoch = epoch()};
    if (parse_capture(words, &client->capture, &device) < 0) {
        client->why = "no such filter: host ADDR, port N, tcp, udp, icmp, arp";
        return -EINVAL;
    }
    client->capture.iface = choose_iface(client, device);
    if (client->capture.iface == 0) {
        client->why = "there is no such interface";
        return -EINVAL;
    }
    client->listener = (struct trace_listener){
        .event = capture_event,
        .pass_over = pass_over,
    };
    put_beginning(client);
    follow(client);
    return 0;
}

const struct control_request control_capture_request = {
    .name = "capture",
    .begin = begin_capture,
    .stop = stop,
};
