/*
 * ICMP: RFC 792, RFC 1122 3.2.2. Echo is answered; errors that arrive are
 * checked and handed to the transport (what they mean is in icmp_error.c);
 * errors that we send obey RFC 1122 3.2.2 and RFC 1812 4.3.2.
 *
 * Discarded on purpose: source quench (RFC 6633), timestamp, information and
 * address mask requests (RFC 6918), and redirects. A redirect is obeyed by
 * whoever believes it (RFC 1122 3.2.2.2 would have us), and forged it takes
 * the traffic elsewhere; a host with one gateway gains nothing from it.
 */
#include "ip/icmp.h"

#include "base/checksum.h"

#include <errno.h>

enum {
    ERROR_PACKET_MAX = 576, /* RFC 1812 4.3.2.3 */
    QUOTE_MAX = ERROR_PACKET_MAX - IP_HEADER_LEN - ICMP_HEADER_LEN
};

/* ---- The header -------------------------------------------------------- */

int icmp_parse(struct bytes bytes, struct icmp_header *out,
               enum drop_reason *why)
{
    if (bytes.len < ICMP_HEADER_LEN) {
        *why = DROP_ICMP_SHORT;
        return -EBADMSG;
    }
    *out = (struct icmp_header){
        .type = bytes.data[ICMP_TYPE],
        .code = bytes.data[ICMP_CODE],
        .rest = get_be32(bytes.data + ICMP_REST),
    };
    return 0;
}

/* Before the payload that is in the frame already, over which the sum goes. */
static void push_header(struct frame *frame, const struct icmp_header *header)
{
    uint8_t *at = frame_push(frame, ICMP_HEADER_LEN);
    struct checksum checksum = {0};

    at[ICMP_TYPE] = header->type;
    at[ICMP_CODE] = header->code;
    put_be16(at + ICMP_CHECKSUM, 0);
    put_be32(at + ICMP_REST, header->rest);
    checksum_add_frame(&checksum, frame, 0);
    put_be16(at + ICMP_CHECKSUM, checksum_finish(&checksum));
}

static uint32_t echo_rest(const struct icmp_echo *echo)
{
    return (uint32_t)echo->id << 16 | echo->sequence;
}

static struct icmp_echo echo_of(const struct icmp_header *header)
{
    return (struct icmp_echo){.id = (uint16_t)(header->rest >> 16),
                              .sequence = (uint16_t)header->rest};
}

/* ---- What the trace shows ---------------------------------------------- */

const char *icmp_type_text(uint8_t type)
{
    switch (type) {
    case ICMP_ECHO_REPLY:
        return "echo reply";
    case ICMP_UNREACHABLE:
        return "unreachable";
    case ICMP_SOURCE_QUENCH:
        return "source quench";
    case ICMP_REDIRECT:
        return "redirect";
    case ICMP_ECHO_REQUEST:
        return "echo request";
    case ICMP_TIME_EXCEEDED:
        return "time exceeded";
    case ICMP_PARAMETER_PROBLEM:
        return "parameter problem";
    default: /* a number from the wire, not an enum */
        return "other";
    }
}

static bool is_echo(const struct icmp_header *header)
{
    return header->type == ICMP_ECHO_REQUEST || header->type == ICMP_ECHO_REPLY;
}

static void trace_message(struct env *env, enum trace_kind kind,
                          const struct icmp_header *header,
                          const struct ip_addr *local,
                          const struct ip_addr *remote, size_t len)
{
    struct icmp_echo echo = echo_of(header);
    struct trace_event event = {
        .kind = kind,
        .layer = TRACE_ICMP,
        .text = icmp_type_text(header->type),
        .echo = is_echo(header) ? &echo : NULL,
        .local.addr = *local,
        .remote.addr = *remote,
        .len = len,
    };

    if (env_is_traced(env))
        env_trace(env, &event);
}

/* ---- Errors that arrive ------------------------------------------------ */

/* 127/8 has never left the host: RFC 1122 3.2.1.3 (g). */
static bool can_have_sent(const struct icmp *icmp, const struct iface *iface,
                          const struct ip_header *quoted)
{
    return ip_local_iface(icmp->ip, &quoted->src) &&
           (iface->loopback || !ip_addr_is_loopback(&quoted->src));
}

/*
 * RFC 5927 4: an error counts only if it speaks of a packet that we can have
 * sent. Whether we did is for the transport to say, which knows its ports and
 * sequence numbers. Not RFC 1122 3.2.2.4, but as Linux: that the receiver has
 * missed a fragment is not told to it.
 */
static enum icmp_result take_error(struct icmp *icmp,
                                   const struct ip_packet *packet,
                                   const struct icmp_header *header,
                                   struct icmp_message *out)
{
    struct bytes quote = bytes_from(frame_head(packet->frame), ICMP_HEADER_LEN);
    struct icmp_error error;

    if (header->type == ICMP_TIME_EXCEEDED &&
        header->code == ICMP_REASSEMBLY_TIME_EXCEEDED) {
        env_drop(icmp->env, DROP_ICMP_LOST_FRAGMENT, packet->frame);
        return ICMP_DONE;
    }
    if (icmp_error_from_quote(quote, header->type, header->code, &error) < 0 ||
        !can_have_sent(icmp, packet->iface, &error.quoted)) {
        icmp->stats.in_errors++;
        env_drop(icmp->env, DROP_ICMP_BAD_QUOTE, packet->frame);
        return ICMP_DONE;
    }
    if (header->type == ICMP_UNREACHABLE &&
        header->code == ICMP_FRAGMENTATION_NEEDED)
        error.mtu = (uint16_t)header->rest;
    if (header->type == ICMP_PARAMETER_PROBLEM)
        error.pointer = (uint8_t)(header->rest >> 24);
    error.reporter = packet->header.src;
    error.told = packet->header.dst;
    error.iface = packet->iface->index;
    error.ttl = packet->header.ttl;
    error.tos = packet->header.tos;
    out->error = error;
    return ICMP_ERROR;
}

/* ---- Echo -------------------------------------------------------------- */

/* Everything behind the ICMP header, borrowed until the devices' flush. */
static void borrow_payload(struct frame *frame, const struct frame *received)
{
    frame_add_slice(frame, bytes_from(frame_head(received), ICMP_HEADER_LEN));
    for (unsigned i = 0; i < received->slice_count; i++)
        frame_add_slice(frame, received->slices[i]);
}

static int send_message(struct icmp *icmp, struct frame *frame,
                        const struct icmp_header *header,
                        const struct ip_send *send)
{
    push_header(frame, header);
    icmp->stats.out_msgs++;
    trace_message(icmp->env, TRACE_PACKET_OUT, header, &send->src, &send->dst,
                  frame_len(frame));
    return ip_output(icmp->ip, frame, send);
}

/*
 * RFC 1122 3.2.2.6: from the address that was asked, with the same data and
 * type of service. Nothing is told of the reply that cannot be sent.
 */
static void send_echo_reply(struct icmp *icmp, const struct ip_packet *request,
                            const struct icmp_header *header)
{
    struct icmp_header reply = {.type = ICMP_ECHO_REPLY, .rest = header->rest};
    struct ip_send send = {
        .src = request->header.dst,
        .dst = request->header.src,
        .protocol = IP_PROTO_ICMP,
        .tos = request->header.tos,
    };
    struct frame frame;

    frame_init_output(&frame);
    borrow_payload(&frame, request->frame);
    icmp->stats.out_echo_reps++;
    (void)send_message(icmp, &frame, &reply, &send);
}

static void take_echo_request(struct icmp *icmp, const struct ip_packet *packet,
                              const struct icmp_header *header)
{
    icmp->stats.in_echos++;
    if (packet->broadcast) /* RFC 1122 3.2.2.6 MAY: not to be an amplifier */
        env_drop(icmp->env, DROP_ICMP_BROADCAST, packet->frame);
    else
        send_echo_reply(icmp, packet, header);
}

int icmp_send_echo(struct icmp *icmp, const struct ip_send *send,
                   const struct icmp_echo *echo, const struct bytes *payload,
                   unsigned pieces)
{
    struct icmp_header request = {.type = ICMP_ECHO_REQUEST,
                                  .rest = echo_rest(echo)};
    struct ip_send as_icmp = *send;
    struct frame frame;

    as_icmp.protocol = IP_PROTO_ICMP;
    frame_init_output(&frame);
    for (unsigned i = 0; i < pieces; i++)
        frame_add_slice(&frame, payload[i]);
    return send_message(icmp, &frame, &request, &as_icmp);
}

/* ---- Input ------------------------------------------------------------- */

/*
 * The sum goes over the whole message and is always taken: the facts that come
 * with a frame speak of TCP's and UDP's checksums, and nobody leaves out or
 * vouches for ICMP's.
 */
static bool checksum_is_right(const struct frame *frame)
{
    struct checksum checksum = {0};

    checksum_add_frame(&checksum, frame, 0);
    return checksum_finish(&checksum) == 0;
}

static enum drop_reason check_message(const struct frame *frame,
                                      struct icmp_header *header)
{
    enum drop_reason why;

    if (icmp_parse(frame_head(frame), header, &why) < 0)
        return why;
    return checksum_is_right(frame) ? DROP_NONE : DROP_ICMP_BAD_CHECKSUM;
}

static enum icmp_result take_message(struct icmp *icmp,
                                     const struct ip_packet *packet,
                                     const struct icmp_header *header,
                                     struct icmp_message *out)
{
    switch (header->type) {
    case ICMP_ECHO_REQUEST:
        take_echo_request(icmp, packet, header);
        return ICMP_DONE;
    case ICMP_ECHO_REPLY:
        out->echo = echo_of(header);
        return ICMP_REPLY;
    case ICMP_UNREACHABLE:
        icmp->stats.in_dest_unreachs++;
        return take_error(icmp, packet, header, out);
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
        return take_error(icmp, packet, header, out);
    default: /* RFC 1122 3.2.2: silently discarded; see the file's head */
        env_drop(icmp->env, DROP_ICMP_UNKNOWN_TYPE, packet->frame);
        return ICMP_DONE;
    }
}

DOOR enum icmp_result icmp_input(struct icmp *icmp,
                                 const struct ip_packet *packet,
                                 struct icmp_message *out)
{
    struct icmp_header header;

    icmp->stats.in_msgs++;

    enum drop_reason why = check_message(packet->frame, &header);

    if (why != DROP_NONE) {
        icmp->stats.in_errors++;
        env_drop(icmp->env, why, packet->frame);
        return ICMP_DONE;
    }
    trace_message(icmp->env, TRACE_PACKET_IN, &header, &packet->header.dst,
                  &packet->header.src, frame_len(packet->frame));
    return take_message(icmp, packet, &header, out);
}

/* ---- Errors that we send ----------------------------------------------- */

/* ICMP about ICMP only for questions, never for errors or what is unknown. */
static bool is_icmp_but_no_query(const struct ip_packet *packet)
{
    struct bytes message = bytes_from(packet->quote, packet->header.header_len);

    if (packet->header.protocol != IP_PROTO_ICMP)
        return false;
    return message.len == 0 || (message.data[ICMP_TYPE] != ICMP_ECHO_REQUEST &&
                                message.data[ICMP_TYPE] != ICMP_ECHO_REPLY);
}

/* Zero, loopback from outside, broadcast, multicast, class E. */
static bool names_no_single_host(const struct ip *ip,
                                 const struct ip_packet *packet)
{
    const struct ip_addr *src = &packet->header.src;
    uint32_t top = ip_addr_to_v4(src) >> 24;

    if (ip_addr_is_loopback(src))
        return !packet->iface->loopback;
    return top == 0 || top >= 224 || ip_is_broadcast(ip, src);
}

/* RFC 1122 3.2.2: "An ICMP error message MUST NOT be sent as the result of" */
static bool must_not_be_answered(const struct ip *ip,
                                 const struct ip_packet *packet)
{
    return is_icmp_but_no_query(packet) || packet->broadcast ||
           packet->link_broadcast || packet->header.fragment_offset != 0 ||
           names_no_single_host(ip, packet);
}

static void earn_tokens(struct icmp *icmp)
{
    unsigned rate = icmp->config.errors_per_second;
    usec per_token = rate == 0 ? USEC_NEVER : usec_max(USEC_PER_SEC / rate, 1);
    usec earned = (icmp->env->now - icmp->bucket_time) / per_token;
    usec missing = icmp->config.errors_burst - icmp->bucket;

    icmp->bucket += (unsigned)usec_min(earned, missing);
    icmp->bucket_time += earned * per_token;
}

/* RFC 1812 4.3.2.8: a token bucket. */
static bool take_token(struct icmp *icmp)
{
    earn_tokens(icmp);
    if (icmp->bucket == 0)
        return false;
    icmp->bucket--;
    return true;
}

/* From the address that was asked for: it is one of ours. */
static void send_error(struct icmp *icmp, const struct ip_packet *packet,
                       const struct icmp_header *header)
{
    struct ip_send send = {
        .src = packet->header.dst,
        .dst = packet->header.src,
        .protocol = IP_PROTO_ICMP,
    };
    struct frame frame;

    frame_init_output(&frame);
    frame_add_slice(
        &frame,
        bytes_slice(packet->quote, 0, min_size(packet->quote.len, QUOTE_MAX)));
    if (header->type == ICMP_UNREACHABLE)
        icmp->stats.out_dest_unreachs++;
    (void)send_message(icmp, &frame, header, &send);
}

void icmp_send_error(struct icmp *icmp, const struct ip_packet *packet,
                     uint8_t type, uint8_t code)
{
    struct icmp_header header = {.type = type, .code = code};

    if (must_not_be_answered(icmp->ip, packet))
        return;
    if (!take_token(icmp)) {
        icmp->stats.out_rate_limited++;
        env_drop(icmp->env, DROP_ICMP_RATE_LIMIT, packet->frame);
        return;
    }
    send_error(icmp, packet, &header);
}

/* ---- The context ------------------------------------------------------- */

struct icmp_config icmp_config_default(void)
{
    return (struct icmp_config){.errors_per_second = 100, .errors_burst = 50};
}

void icmp_init(struct icmp *icmp, struct env *env, struct ip *ip,
               const struct icmp_config *config)
{
    *icmp = (struct icmp){
        .env = env,
        .ip = ip,
        .config = *config,
        .bucket_time = env->now,
        .bucket = config->errors_burst,
    };
}
