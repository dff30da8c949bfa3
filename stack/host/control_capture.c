/*
 * The request "capture [dev NAME] [host A] [port P] [PROTOCOL]": a line, then
 * the blocks of a pcapng file: packets with what became of them, as --pcap
 * FILE.pcapng has them, and the interfaces' statistics.
 *
 * A packet that came in is written at once, and its comment put into its block
 * when all is said of it: when the next one comes, or the pass is over.
 */
#include "host/control_follow.h"

#include "host/frame_ends.h"
#include "link/eth.h"
#include "netdev/pcapng_block.h"

#include <errno.h>
#include <time.h>

enum {
    SNAPLEN = 32 * 1024,     /* a larger super-segment is cut */
    STATISTICS_SECONDS = 10, /* from one block of them to the next, */
    MISSED_SECONDS = 1       /* or when packets were missed */
};

/* ---- Which packets ------------------------------------------------------- */

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

    if (wanted->iface != 0 ? frame->iface->index != wanted->iface
                           : frame->iface->loopback && !wanted->has_loopback)
        return false;
    if (wanted->has_host && !has_host(&ends, &wanted->host))
        return false;
    if (wanted->port != 0 && ends.src.port != wanted->port &&
        ends.dst.port != wanted->port)
        return false;
    return has_protocol(&ends, wanted);
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

/* ---- Blocks -------------------------------------------------------------- */

static uint8_t *end_of_out(struct control_client *client)
{
    return (uint8_t *)client->out + client->out_to;
}

static struct control_interface *interface_of(struct control_client *client,
                                              unsigned index)
{
    return &client->capture.interfaces[index % CONTROL_INTERFACES];
}

/* Before its first packet; false: there is no room. */
static bool tell_interface(struct control_client *client, unsigned index)
{
    struct control_interface *told = interface_of(client, index);
    struct iface_info info;
    size_t len;

    if (told->is_told)
        return true;
    if (stack_iface_info(client->stack->core, index, &info) < 0)
        return false;

    struct pcapng_interface interface = {
        .linktype = info.hardware == IFACE_HARDWARE_ETHERNET
                        ? PCAPNG_LINKTYPE_ETHERNET
                        : PCAPNG_LINKTYPE_RAW,
        .snaplen = SNAPLEN,
        .name = info.name,
    };

    len = pcapng_put_interface(end_of_out(client), control_follow_room(client),
                               &interface);
    client->out_to += len;
    if (len == 0)
        return false;
    *told = (struct control_interface){
        .is_told = true,
        .id = client->capture.interface_count++,
        .received = info.stats.in_frames,
        .missed = info.stats.in_missed,
    };
    return true;
}

/* How long the block is; 0: there was no room, and it is missed. */
static size_t put_packet(struct control_client *client,
                         const struct trace_event *event, const char *comment)
{
    static uint8_t bytes[SNAPLEN]; /* the lock is held; and the stack of a
                                      thread may be small */
    size_t whole = frame_len(event->frame);
    size_t len = frame_copy(event->frame, 0, bytes, min_size(whole, SNAPLEN));
    struct pcapng_packet packet = {
        .at = client->capture.epoch + event->now,
        .direction =
            event->kind == TRACE_FRAME_IN ? PCAPNG_INBOUND : PCAPNG_OUTBOUND,
        .data = bytes_of(bytes, len),
        .original_len = (uint32_t)whole,
        .comment = comment,
    };
    size_t written = 0;

    if (tell_interface(client, event->frame->iface->index)) {
        packet.interface = interface_of(client, event->frame->iface->index)->id;
        written = pcapng_put_packet(end_of_out(client),
                                    control_follow_room(client), &packet);
    }
    if (written == 0)
        client->missed++;
    client->capture.last = packet;
    client->out_to += written;
    return written;
}

/* The packet that came in last may have more said of it. */
static void hold(struct control_client *client, const struct trace_event *event)
{
    struct control_capture *capture = &client->capture;

    capture->held_len = put_packet(client, event, NULL);
    capture->held_at = client->out_to - capture->held_len;
    capture->held = capture->last;
    line_clear(&capture->said);
}

/* All has been said: that goes into its block, and what is behind moves on. */
static void release(struct control_client *client)
{
    static uint8_t block[SNAPLEN + PCAPNG_BLOCK_MAX]; /* the lock is held */
    struct control_capture *capture = &client->capture;
    uint8_t *held = (uint8_t *)client->out + capture->held_at;
    size_t behind = client->out_to - capture->held_at - capture->held_len;
    size_t len;

    if (capture->held_len == 0)
        return;
    capture->held.data.data = held + PCAPNG_PACKET_DATA;
    capture->held.comment = capture->said.text;
    len = pcapng_put_packet(block, sizeof(block), &capture->held);
    if (len - capture->held_len <= control_follow_room(client)) {
        memmove(held + len, held + capture->held_len, behind);
        memcpy(held, block, len);
        client->out_to += len - capture->held_len;
    }
    capture->held_len = 0;
}

/* ---- Statistics ---------------------------------------------------------- */

/* What the stack has dropped is told with the first interface. */
static void put_statistics(struct control_client *client, unsigned index)
{
    struct control_capture *capture = &client->capture;
    struct control_interface *told = interface_of(client, index);
    struct pcapng_statistics statistics = {
        .interface = told->id,
        .at = capture->epoch + stack_now(client->stack),
        .start = capture->epoch + capture->started,
    };
    struct iface_info info;
    struct line comment;

    if (stack_iface_info(client->stack->core, index, &info) < 0)
        return;
    statistics.received = info.stats.in_frames - told->received;
    statistics.missed = info.stats.in_missed - told->missed;
    line_clear(&comment);
    if (told->id == 0) {
        pcapng_story_count(&capture->story, &statistics);
        statistics.missed += client->missed;
        if (client->missed > 0)
            line_add(&comment, "%llu packets are not in this capture; ",
                     (unsigned long long)client->missed);
        line_add(&comment, "%s", capture->story.sums);
    }
    statistics.comment = comment.text;
    client->out_to += pcapng_put_statistics(
        end_of_out(client), control_follow_room(client), &statistics);
}

static void put_all_statistics(struct control_client *client)
{
    client->capture.counted = stack_now(client->stack);
    client->capture.told_missed = client->missed;
    for (unsigned i = 0; i < CONTROL_INTERFACES; i++)
        if (client->capture.interfaces[i].is_told)
            put_statistics(client, i);
}

/* Not while there is hardly room for packets. */
static void put_statistics_if_due(struct control_client *client)
{
    const struct control_capture *capture = &client->capture;
    usec since = stack_now(client->stack) - capture->counted;
    bool has_missed = client->missed != capture->told_missed;

    if (since >=
            (has_missed ? MISSED_SECONDS : STATISTICS_SECONDS) * USEC_PER_SEC &&
        control_follow_room(client) > CONTROL_OUT / 2)
        put_all_statistics(client);
}

/* ---- What happens -------------------------------------------------------- */

static struct control_client *client_of(void *context)
{
    return context;
}

static void say_of_received(void *context, const char *text)
{
    struct line *said = &client_of(context)->capture.said;

    line_add(said, "%s%s", said->len > 0 ? "; " : "", text);
}

static void say_of_next(void *context, const char *text)
{
    struct line *said = &client_of(context)->capture.said_of_next;

    line_add(said, "%s%s", said->len > 0 ? "; " : "", text);
}

/* The story tells of what leaves before it is written, and of what came in
 * after that. */
static void capture_event(struct trace_listener *listener,
                          const struct trace_event *event)
{
    struct control_client *client = control_follower(listener);
    struct control_capture *capture = &client->capture;

    if (event->kind == TRACE_FRAME_IN) {
        release(client);
        if (is_wanted(capture, event->frame))
            hold(client, event);
    }
    capture->story.listener.event(&capture->story.listener, event);
    if (event->kind != TRACE_FRAME_OUT)
        return;
    if (is_wanted(capture, event->frame))
        (void)put_packet(client, event, capture->said_of_next.text);
    line_clear(&capture->said_of_next);
}

/* What this pass has written goes at once, as far as it is taken. */
static void pass_over(struct trace_listener *listener)
{
    struct control_client *client = control_follower(listener);

    release(client);
    put_statistics_if_due(client);
    control_client_push(client);
}

/* ---- The request --------------------------------------------------------- */

static usec epoch(const struct tapir_stack *stack)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * USEC_PER_SEC + wall.tv_nsec / 1000 - stack_now(stack);
}

/* The line that tells that it begins, then the first block. */
static void put_beginning(struct control_client *client)
{
    static const char line[] = "{\"begin\":\"capture\"}\n";

    control_follow_put(client, line, sizeof(line) - 1);
    client->out_to += pcapng_put_section(
        end_of_out(client), control_follow_room(client), "tapir capture");
}

/* Those that it will tell of, if they are there yet. */
static void tell_interfaces(struct control_client *client)
{
    const struct control_capture *capture = &client->capture;
    struct iface_info info;

    for (unsigned i = 1; stack_iface_info(client->stack->core, i, &info) == 0;
         i++)
        if (capture->iface != 0 ? i == capture->iface
                                : !info.is_loopback || capture->has_loopback)
            (void)tell_interface(client, i);
}

/* 0; -ENODEV: there is none of this name. */
static int choose_iface(const struct control_client *client, const char *name,
                        struct control_capture *out)
{
    struct iface_info info;

    if (name == NULL)
        return 0;
    out->has_loopback = strcmp(name, "any") == 0;
    for (unsigned i = 1; !out->has_loopback; i++) {
        if (stack_iface_info(client->stack->core, i, &info) < 0)
            return -ENODEV;
        out->iface = i;
        if (strcmp(name, info.name) == 0)
            break;
    }
    return 0;
}

static int begin_capture(struct control_client *client,
                         const struct control_words *words)
{
    struct control_capture *capture = &client->capture;
    const char *device = NULL;

    *capture = (struct control_capture){.epoch = epoch(client->stack)};
    if (parse_capture(words, capture, &device) < 0) {
        client->why = "no such filter: host ADDR, port N, tcp, udp, icmp, arp";
        return -EINVAL;
    }
    if (choose_iface(client, device, capture) < 0) {
        client->why = "there is no such interface";
        return -EINVAL;
    }
    capture->started = capture->counted = stack_now(client->stack);
    pcapng_story_init(&capture->story, &(struct pcapng_teller){
                                           .of_received = say_of_received,
                                           .of_next = say_of_next,
                                           .context = client,
                                       });
    capture->story.iface = capture->iface;
    put_beginning(client);
    tell_interfaces(client);
    control_follow_begin(client, &(struct trace_listener){
                                     .event = capture_event,
                                     .pass_over = pass_over,
                                 });
    return 0;
}

const struct control_request control_capture_request = {
    .name = "capture",
    .begin = begin_capture,
    .finish = put_all_statistics,
    .stop = control_follow_stop,
};
