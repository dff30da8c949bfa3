/*
 * The recorder: see stack_record.h for the format.
 *
 * What it writes of a frame or a message is enough for the core to take the
 * same decisions again, and no more.
 */
#include "stack_record.h"

#include "stack_settings.h"

#include "base/checksum.h"
#include "link/eth.h"
#include "tcp/tcp_segment.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum {
    FIXED_ROOM = 512, /* for the numbers of a piece */
    COUNT_MAX = 10,   /* bytes of a number */
    DATA_PART = 1 << 17,
    TEXT_LEAST = 9 /* less of it is not worth a hash: it is kept */
};

/* ---- Pieces ------------------------------------------------------------- */

/* From now on nothing is recorded. */
static void stop(struct recorder *recorder)
{
    recorder->is_on = false;
    if (recorder->memory != NULL)
        recorder->memory->refused = NULL;
}

static void begin_piece(struct recorder *recorder, enum record_kind kind,
                        size_t room)
{
    struct record_sink *sink = recorder->sink;
    size_t need = RECORD_HEADER_LEN + FIXED_ROOM + room;

    assert(need <= RECORD_PIECE_MAX);
    if (recorder->is_on && (size_t)(sink->end - sink->at) < need &&
        !sink->more(sink, need))
        stop(recorder);
    recorder->kind = kind;
    recorder->piece = sink->at;
    recorder->to = sink->at + RECORD_HEADER_LEN;
}

/* Its kind comes last: whoever reads what a killed process has left sees the
 * whole piece or none. */
static void end_piece(struct recorder *recorder)
{
    size_t len;

    if (!recorder->is_on)
        return;
    len = (size_t)(recorder->to - recorder->piece) - RECORD_HEADER_LEN;
    assert(len < 1 << 24);
    recorder->piece[1] = (uint8_t)len;
    recorder->piece[2] = (uint8_t)(len >> 8);
    recorder->piece[3] = (uint8_t)(len >> 16);
    __atomic_signal_fence(__ATOMIC_RELEASE);
    *(volatile uint8_t *)recorder->piece = (uint8_t)recorder->kind;
    recorder->sink->at = recorder->to;
}

void record_count(struct recorder *recorder, uint64_t count)
{
    uint8_t *to = recorder->to;

    if (!recorder->is_on)
        return;
    for (; count >= 0x80; count >>= 7)
        *to++ = (uint8_t)(count | 0x80);
    *to++ = (uint8_t)count;
    recorder->to = to;
}

void record_number(struct recorder *recorder, int64_t number)
{
    uint64_t twice = (uint64_t)number << 1;

    record_count(recorder, number < 0 ? ~twice : twice);
}

static void put_raw(struct recorder *recorder, const void *data, size_t len)
{
    if (!recorder->is_on || len == 0)
        return;
    memcpy(recorder->to, data, len);
    recorder->to += len;
}

void record_bytes(struct recorder *recorder, struct bytes bytes)
{
    record_count(recorder, bytes.len);
    put_raw(recorder, bytes.data, bytes.len);
}

static void put_u64(struct recorder *recorder, uint64_t number)
{
    uint8_t octets[8];

    put_be32(octets, (uint32_t)(number >> 32));
    put_be32(octets + 4, (uint32_t)number);
    put_raw(recorder, octets, sizeof(octets));
}

void record_addr(struct recorder *recorder, const struct ip_addr *addr)
{
    put_raw(recorder, addr->octet, sizeof(addr->octet));
}

void record_mac(struct recorder *recorder, const struct mac_addr *mac)
{
    put_raw(recorder, mac->octet, sizeof(mac->octet));
}

void record_endpoint(struct recorder *recorder, const struct endpoint *endpoint)
{
    record_count(recorder, endpoint == NULL ? 0 : 1u + endpoint->is_link);
    if (endpoint == NULL)
        return;
    record_addr(recorder, &endpoint->addr);
    record_count(recorder, endpoint->scope);
    record_count(recorder, endpoint->port);
}

/* What is not present is nowhere set. */
void record_control(struct recorder *recorder,
                    const struct socket_control *control)
{
    unsigned present = control == NULL ? 0 : control->present;

    record_count(recorder, present);
    if (present & CONTROL_TIMESTAMP) {
        record_count(recorder, control->timestamp);
        record_number(recorder, control->arrived);
    }
    if (present & CONTROL_LOST)
        record_count(recorder, control->lost);
    if (present & CONTROL_PACKET_INFO)
        record_addr(recorder, &control->source);
    if (present & CONTROL_TTL)
        record_count(recorder, control->ttl);
    if (present & CONTROL_TOS)
        record_count(recorder, control->tos);
    if (present & (CONTROL_PACKET_INFO | CONTROL_DESTINATION))
        record_endpoint(recorder, &control->destination);
    if (present & CONTROL_UNREAD)
        record_number(recorder, control->unread);
    if (present & CONTROL_SEGMENT)
        record_count(recorder, control->segment);
    if (present & CONTROL_ERROR) {
        record_number(recorder, control->error.error);
        record_count(recorder, control->error.origin);
        record_count(recorder, control->error.type);
        record_count(recorder, control->error.code);
        record_count(recorder, control->error.info);
        record_addr(recorder, &control->error.offender);
    }
}

/* ---- Hashes ------------------------------------------------------------- */

/* The halves of the product together: each bit of both decides about it. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* sqrt(2), sqrt(3), sqrt(5), sqrt(7) less their whole parts: of no meaning. */
static const uint64_t hash_keys[] = {0x6a09e667f3bcc909, 0xbb67ae8584caa73b,
                                     0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1};

struct lanes {
    uint64_t a, b, c, d;
};

/* Four products at a time, which do not wait for each other. */
static void hash_block(struct lanes *lanes, const uint8_t *at)
{
    uint64_t words[8];

    memcpy(words, at, sizeof(words));
    lanes->a = mix(words[0] ^ hash_keys[0], words[1] ^ lanes->a);
    lanes->b = mix(words[2] ^ hash_keys[1], words[3] ^ lanes->b);
    lanes->c = mix(words[4] ^ hash_keys[2], words[5] ^ lanes->c);
    lanes->d = mix(words[6] ^ hash_keys[3], words[7] ^ lanes->d);
}

/* To tell contents apart, not to hide them. */
static uint64_t hash_on(uint64_t hash, struct bytes bytes)
{
    struct lanes lanes = {hash, hash + 1, hash + 2, hash + 3};
    uint8_t rest[64] = {0};
    size_t at = 0;

    for (; bytes.len - at >= sizeof(rest); at += sizeof(rest))
        hash_block(&lanes, bytes.data + at);
    if (bytes.len > at)
        memcpy(rest, bytes.data + at, bytes.len - at);
    hash_block(&lanes, rest);
    hash = mix(lanes.a ^ hash_keys[1], lanes.b ^ bytes.len);
    return mix(hash ^ lanes.c, lanes.d ^ hash_keys[0]);
}

static void write_hash(struct recorder *recorder, uint64_t hash)
{
    begin_piece(recorder, RECORD_HASH, 0);
    put_u64(recorder, hash);
    end_piece(recorder);
}

/* ---- Entries ------------------------------------------------------------ */

/* What enters from now on; what is in buffers may have been left out, so what
 * leaves is only known if all was kept from the beginning. */
static bool keeps_all(const struct recorder *recorder)
{
    return recorder->keeps_text || recorder->has_filter;
}

static void remember_memory(struct recorder *recorder)
{
    recorder->limit = recorder->memory->limit;
    recorder->used = recorder->memory->used;
}

/* Whoever handed the memory in may have changed its limit, or use it too. */
static void look_at_memory(struct recorder *recorder)
{
    if (recorder->memory->limit == recorder->limit &&
        recorder->memory->used == recorder->used)
        return;
    begin_piece(recorder, RECORD_MEMORY, 0);
    record_count(recorder, recorder->memory->limit);
    record_count(recorder, recorder->memory->used);
    end_piece(recorder);
}

void record_entry(struct recorder *recorder, enum record_kind kind, usec now,
                  size_t room)
{
    look_at_memory(recorder);
    begin_piece(recorder, kind, room);
    record_number(recorder, now - recorder->now);
    recorder->now = now;
}

void record_enter(struct recorder *recorder)
{
    end_piece(recorder);
    recorder->memory->asked = 0;
}

void record_result(struct recorder *recorder, int64_t result, size_t room)
{
    begin_piece(recorder, RECORD_RESULT, room);
    record_number(recorder, result);
}

void record_leave(struct recorder *recorder)
{
    end_piece(recorder);
    if (recorder->has_hash)
        write_hash(recorder, recorder->hash);
    recorder->has_hash = false;
    remember_memory(recorder);
}

static void was_refused(void *watcher)
{
    struct recorder *recorder = watcher;

    begin_piece(recorder, RECORD_REFUSED, 0);
    record_count(recorder, recorder->memory->asked);
    end_piece(recorder);
}

static void put_settings(struct recorder *recorder,
                         const struct stack_config *config)
{
    char value[SETTING_VALUE_MAX];

    for (unsigned i = 0; stack_setting_name(i) != NULL; i++) {
        const char *name = stack_setting_name(i);

        stack_setting_text(config, i, value);
        record_bytes(recorder, bytes_of(name, strlen(name)));
        record_bytes(recorder, bytes_of(value, strlen(value)));
    }
}

/* A hash at its end says whether the rest can be believed. */
void record_create(struct recorder *recorder, const struct stack_config *config,
                   usec now)
{
    enum { SETTINGS_ROOM = 1 << 16 };

    recorder->is_on = true;
    recorder->memory = config->memory;
    remember_memory(recorder);
    recorder->now = now;
    config->memory->refused = was_refused;
    config->memory->watcher = recorder;
    begin_piece(recorder, RECORD_CREATE, SETTINGS_ROOM);
    record_count(recorder, RECORD_VERSION);
    record_count(recorder, recorder->keeps_text);
    record_number(recorder, recorder->epoch);
    record_number(recorder, now);
    put_u64(recorder, config->seed.k0);
    put_u64(recorder, config->seed.k1);
    record_count(recorder, config->memory->limit);
    record_count(recorder, config->memory->used);
    put_settings(recorder, config);
    if (recorder->is_on)
        put_u64(recorder,
                hash_on(0, bytes_of(recorder->piece + RECORD_HEADER_LEN,
                                    (size_t)(recorder->to - recorder->piece) -
                                        RECORD_HEADER_LEN)));
    record_enter(recorder);
}

void record_destroy(struct recorder *recorder)
{
    record_entry(recorder, RECORD_DESTROY, recorder->now, 0);
    end_piece(recorder);
    stop(recorder);
}

uint64_t record_hash(struct bytes bytes)
{
    return hash_on(0, bytes);
}

void record_filter(struct recorder *recorder)
{
    recorder->has_filter = true;
}

/* ---- Frames ------------------------------------------------------------- */

enum {
    HEADERS_MAX = ETH_HEADER_LEN + IP_HEADER_MAX + IP_HEADER_MAX,
};

/* RFC 792, RFC 1122 3.2.2: those that quote a packet: its header and 64 bits
 * are looked at, what follows is somebody's text. */
static bool find_quote(struct bytes icmp, struct record_text *text)
{
    static const uint8_t errors[] = {3, 4, 5, 11, 12};
    size_t header;

    if (icmp.len <= ICMP_HEADER_LEN ||
        memchr(errors, icmp.data[0], sizeof(errors)) == NULL)
        return false;
    header = (icmp.data[ICMP_HEADER_LEN] & 0xf) * (size_t)4;
    text->at += ICMP_HEADER_LEN + header + 8;
    text->checksum += ICMP_CHECKSUM;
    text->is_answer = true;
    return true;
}

static bool find_tcp(struct bytes tcp, struct record_text *text)
{
    size_t header;

    if (tcp.len < TCP_HEADER_LEN)
        return false;
    header = (tcp.data[TCP_DATA_OFFSET] >> 4) * (size_t)4;
    if (header < TCP_HEADER_LEN)
        return false;
    text->at += header;
    text->checksum += TCP_CHECKSUM;
    return true;
}

/* text->at and text->checksum are where the IP packet's payload begins. */
static bool find_in_payload(struct bytes ip, struct bytes payload,
                            struct record_text *text)
{
    uint8_t protocol = ip.data[IPH_PROTOCOL];
    uint16_t fragment = get_be16(ip.data + IPH_FRAGMENT);

    /* reassembly looks at what comes twice: reass.c, is_duplicate */
    text->is_answer = (fragment & (IP_OFFSET_MASK | IP_FLAG_MF)) != 0;
    if ((fragment & IP_OFFSET_MASK) != 0) {
        text->checksum = 0;
        return protocol == IP_PROTO_TCP || protocol == IP_PROTO_UDP ||
               protocol == IP_PROTO_ICMP; /* which may quote the others */
    }
    switch (protocol) {
    case IP_PROTO_TCP:
        return find_tcp(payload, text);
    case IP_PROTO_UDP:
        text->at += UDP_HEADER_LEN;
        text->checksum += UDP_CHECKSUM;
        return payload.len >= UDP_HEADER_LEN;
    case IP_PROTO_ICMP:
        return find_quote(payload, text);
    default:
        return false;
    }
}

bool record_find_text(enum netdev_type type, const struct frame *frame,
                      struct record_text *out)
{
    uint8_t store[HEADERS_MAX];
    size_t link = type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;
    struct bytes head =
        bytes_of(store, frame_copy(frame, 0, store, sizeof(store)));
    size_t frame_end = frame_len(frame);

    if (head.len < link + IP_HEADER_LEN ||
        (link > 0 && get_be16(store + ETH_TYPE) != ETH_TYPE_IPV4))
        return false;

    struct bytes ip = bytes_from(head, link);
    size_t header = (ip.data[IPH_VERSION_IHL] & 0xf) * (size_t)4;
    size_t end = link + get_be16(ip.data + IPH_TOTAL_LENGTH);

    if (ip.data[IPH_VERSION_IHL] >> 4 != 4 || header < IP_HEADER_LEN ||
        header > ip.len || end > frame_end)
        return false;
    *out = (struct record_text){.at = link + header, .checksum = link + header};
    if (!find_in_payload(ip, bytes_from(ip, header), out) || out->at >= end)
        return false;
    out->len = end - out->at;
    return true;
}

/* Hash and sum of what of the frame's pieces lies in [from, from + len). */
static void look_at_text(struct recorder *recorder, const struct frame *frame,
                         const struct record_text *text, struct checksum *sum)
{
    size_t skip = text->at;
    size_t left = text->len;
    uint64_t hash = 0;

    for (unsigned i = 0; i <= frame->slice_count && left > 0; i++) {
        struct bytes piece = i == 0 ? frame_head(frame) : frame->slices[i - 1];
        size_t from = min_size(skip, piece.len);
        size_t len = min_size(piece.len - from, left);

        skip -= from;
        left -= len;
        if (len == 0)
            continue;
        if (!recorder->is_replay)
            hash = hash_on(hash, bytes_slice(piece, from, len));
        if (sum != NULL)
            checksum_add(sum, bytes_slice(piece, from, len));
    }
    recorder->hash = hash;
    recorder->has_hash = !recorder->is_replay;
}

/* The first `len` bytes of the frame. */
static void put_frame(struct recorder *recorder, const struct frame *frame,
                      size_t len)
{
    record_count(recorder, len);
    if (!recorder->is_on)
        return;
    recorder->to += frame_copy(frame, 0, recorder->to, len);
}

static void put_offload(struct recorder *recorder,
                        const struct frame_offload *offload)
{
    record_count(recorder,
                 (unsigned)offload->checksum | (unsigned)offload->gso << 2);
    if (offload->checksum == FRAME_CHECKSUM_ABSENT) {
        record_count(recorder, offload->csum_back);
        record_count(recorder, offload->csum_offset);
    }
    if (offload->gso != FRAME_GSO_NONE)
        record_count(recorder, offload->gso_size);
}

static void put_layout(struct recorder *recorder, const struct frame *frame)
{
    put_offload(recorder, &frame->offload);
    record_count(recorder, frame->is_placed);
    record_count(recorder, frame->head_len);
    record_count(recorder, frame->slice_count);
    for (unsigned i = 0; i < frame->slice_count; i++)
        record_count(recorder, frame->slices[i].len);
}

/* So many bytes are kept; then how many are not, and their sum, in 16 bits, if
 * the core may look at it. What lies behind them is not kept either. */
void record_input(struct recorder *recorder, usec now, unsigned iface,
                  enum netdev_type type, const struct frame *frame)
{
    size_t len = frame_len(frame);
    struct record_text text;
    struct checksum sum = {0};
    bool is_summed = frame->offload.checksum == FRAME_CHECKSUM_COMPLETE;

    record_entry(recorder, RECORD_INPUT, now, len);
    record_count(recorder, iface);
    put_layout(recorder, frame);
    if (keeps_all(recorder) || !record_find_text(type, frame, &text) ||
        text.is_answer || text.len < TEXT_LEAST) {
        put_frame(recorder, frame, len);
        record_enter(recorder);
        return;
    }
    put_frame(recorder, frame, text.at);
    look_at_text(recorder, frame, &text, is_summed ? &sum : NULL);
    record_count(recorder, text.len);
    record_count(recorder, is_summed ? checksum_fold(&sum) : 0);
    record_enter(recorder);
}

/* ---- What is sent ------------------------------------------------------- */

static uint64_t hash_frame(const struct frame *frame, size_t from)
{
    uint64_t hash = 0;

    for (unsigned i = 0; i <= frame->slice_count; i++) {
        struct bytes piece = i == 0 ? frame_head(frame) : frame->slices[i - 1];
        size_t skip = min_size(from, piece.len);

        from -= skip;
        hash = hash_on(hash, bytes_from(piece, skip));
    }
    return hash;
}

/* Text that a replay does not have: what depends on it is not written. */
static void put_answer(struct recorder *recorder, const struct frame *frame,
                       const struct record_text *text)
{
    uint8_t head[HEADERS_MAX + IP_HEADER_MAX];
    size_t len = frame_copy(frame, 0, head, text->at);

    if (text->checksum > 0 && frame->offload.checksum != FRAME_CHECKSUM_ABSENT)
        put_be16(head + text->checksum, 0);
    record_bytes(recorder, bytes_of(head, len));
}

/*
 * Its headers are written, and a hash where all of the rest is known. The
 * device's answer comes first: a replay's device must give it.
 */
static void write_sent(struct recorder *recorder, unsigned iface,
                       enum netdev_type type, const struct frame *frame,
                       int result)
{
    size_t len = frame_len(frame);
    struct record_text text;
    bool has_text = record_find_text(type, frame, &text);

    begin_piece(recorder, RECORD_SENT, HEADERS_MAX + IP_HEADER_MAX);
    record_number(recorder, result);
    record_count(recorder, iface);
    put_offload(recorder, &frame->offload);
    record_count(recorder, len);
    if (has_text && !recorder->keeps_text) {
        put_answer(recorder, frame, &text);
    } else {
        size_t head = has_text ? text.at : min_size(len, HEADERS_MAX);

        put_frame(recorder, frame, head);
        put_u64(recorder, hash_frame(frame, head));
    }
    end_piece(recorder);
}

static struct recorded_dev *recorded_of(const struct netdev *dev)
{
    return container_of(dev, struct recorded_dev, dev);
}

static int recorded_transmit(struct netdev *dev, usec now,
                             const struct frame *frame)
{
    struct recorded_dev *recorded = recorded_of(dev);
    int result = netdev_transmit(recorded->inner, now, frame);

    if (recorded->recorder->is_on)
        write_sent(recorded->recorder, recorded->iface, dev->type, frame,
                   result);
    return result;
}

static void recorded_flush(struct netdev *dev, usec now)
{
    netdev_flush(recorded_of(dev)->inner, now);
}

static int recorded_receive(struct netdev *dev, usec now, struct frame *frame)
{
    return netdev_receive(recorded_of(dev)->inner, now, frame);
}

static usec recorded_deadline(const struct netdev *dev)
{
    return netdev_deadline(recorded_of(dev)->inner);
}

static int recorded_poll_fd(const struct netdev *dev)
{
    return netdev_poll_fd(recorded_of(dev)->inner);
}

/* Whoever has the inner one closes it. */
static void recorded_close(struct netdev *dev)
{
    (void)dev;
}

static const struct netdev_ops recorded_ops = {
    .name = "recorded",
    .transmit = recorded_transmit,
    .flush = recorded_flush,
    .receive = recorded_receive,
    .deadline = recorded_deadline,
    .poll_fd = recorded_poll_fd,
    .close = recorded_close,
};

struct netdev *record_device(struct recorder *recorder, struct netdev *dev,
                             unsigned iface)
{
    struct recorded_dev *recorded = &recorder->devs[iface % RECORD_IFACES_MAX];

    *recorded = (struct recorded_dev){
        .dev = *dev, .inner = dev, .recorder = recorder, .iface = iface};
    recorded->dev.ops = &recorded_ops;
    return &recorded->dev;
}

/* ---- Messages ----------------------------------------------------------- */

static size_t message_len(const struct socket_message *message)
{
    size_t len = 0;

    for (int i = 0; i < message->iov_count; i++)
        len += message->iov[i].iov_len;
    return len;
}

/* What lies beyond the most that a message may be is not said. */
static void put_pieces(struct recorder *recorder,
                       const struct socket_message *message)
{
    int count = message->iov_count < RECORD_IOV_MAX ? message->iov_count
                                                    : RECORD_IOV_MAX;

    size_t left = RECORD_MESSAGE_MAX;

    record_count(recorder, (unsigned)count);
    for (int i = 0; i < count; i++) {
        size_t len = min_size(message->iov[i].iov_len, left);

        record_count(recorder, len);
        left -= len;
    }
}

static size_t pieces_room(const struct socket_message *message)
{
    return min_size((size_t)message->iov_count, RECORD_IOV_MAX) * COUNT_MAX;
}

/* The first `len` bytes of a message, without their count. */
static void put_message(struct recorder *recorder,
                        const struct socket_message *message, size_t len)
{
    for (int i = 0; i < message->iov_count && len > 0; i++) {
        size_t part = min_size(message->iov[i].iov_len, len);

        put_raw(recorder, message->iov[i].iov_base, part);
        len -= part;
    }
}

/* A stream takes what it has room for: that is written when it is known. */
static bool is_text(const struct recorder *recorder, int protocol)
{
    return protocol == IPPROTO_TCP ||
           (protocol == IPPROTO_UDP && !keeps_all(recorder));
}

void record_send(struct recorder *recorder, usec now, socket_id id,
                 int protocol, const struct socket_message *message)
{
    size_t data = 0;

    if (!is_text(recorder, protocol) && !message->is_nowhere)
        data = min_size(message_len(message), RECORD_OPTION_MAX);
    record_entry(recorder, RECORD_SEND, now, pieces_room(message) + data);
    record_count(recorder, id);
    record_number(recorder, message->flags);
    record_endpoint(recorder, message->name);
    record_count(recorder, message->control != NULL);
    record_control(recorder, message->control);
    record_count(recorder,
                 message->is_nowhere | (unsigned)-message->wrong << 1);
    record_count(recorder, message->lent != NULL);
    put_pieces(recorder, message);
    record_count(recorder, data);
    put_message(recorder, message, data);
    record_enter(recorder);
}

/* The first `len` bytes, or as many as there are. */
static uint64_t hash_of_message(const struct socket_message *message,
                                size_t len)
{
    uint64_t hash = 0;

    for (int i = 0; i < message->iov_count && len > 0; i++) {
        size_t part = min_size(message->iov[i].iov_len, len);

        if (part > 0)
            hash = hash_on(hash, bytes_of(message->iov[i].iov_base, part));
        len -= part;
    }
    return hash;
}

/* In parts: a piece has an end. */
static void write_data(struct recorder *recorder,
                       const struct socket_message *message, size_t len)
{
    for (int i = 0; i < message->iov_count && len > 0; i++) {
        const uint8_t *from = message->iov[i].iov_base;
        size_t left = min_size(message->iov[i].iov_len, len);

        len -= left;
        while (left > 0) {
            size_t part = min_size(left, DATA_PART);

            begin_piece(recorder, RECORD_DATA, part);
            put_raw(recorder, from, part);
            end_piece(recorder);
            from += part;
            left -= part;
        }
    }
}

void record_sent(struct recorder *recorder, int protocol, ssize_t result,
                 const struct socket_message *message)
{
    bool is_taken = result > 0 && is_text(recorder, protocol);

    record_result(recorder, result, 0);
    end_piece(recorder);
    if (is_taken && keeps_all(recorder))
        write_data(recorder, message, (size_t)result);
    else if (is_taken && !recorder->is_replay)
        write_hash(recorder, hash_of_message(message, (size_t)result));
    remember_memory(recorder);
}

void record_receive(struct recorder *recorder, usec now, socket_id id,
                    const struct socket_message *message)
{
    record_entry(recorder, RECORD_RECEIVE, now, pieces_room(message));
    record_count(recorder, id);
    record_number(recorder, message->flags);
    record_count(recorder, message->name != NULL);
    record_count(recorder, message->control != NULL);
    record_count(recorder, message->least);
    put_pieces(recorder, message);
    record_enter(recorder);
}

/* A stream leaves the name as it is, and by MSG_TRUNC the buffer. */
void record_received(struct recorder *recorder, int protocol, int flags,
                     ssize_t result, const struct socket_message *message)
{
    bool is_stream = protocol == IPPROTO_TCP;

    record_result(recorder, result, 0);
    if (result >= 0) {
        record_number(recorder, message->flags);
        record_endpoint(recorder, is_stream ? NULL : message->name);
        record_control(recorder, message->control);
        if (recorder->keeps_text && !(is_stream && (flags & MSG_TRUNC) != 0))
            put_u64(recorder, hash_of_message(message, (size_t)result));
    }
    record_leave(recorder);
}
