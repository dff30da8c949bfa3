/*
 * Reads what stack_record.c writes.
 */
#include "host/replay_reader.h"

bool piece_read(struct bytes recording, size_t at, struct piece *out,
                size_t *next)
{
    const uint8_t *header = recording.data + at;
    size_t len;

    if (at > recording.len || recording.len - at < RECORD_HEADER_LEN ||
        header[0] == RECORD_END)
        return false;
    len = header[1] | (size_t)header[2] << 8 | (size_t)header[3] << 16;
    if (len > recording.len - at - RECORD_HEADER_LEN)
        return false;
    out->kind = (enum record_kind)header[0];
    out->body = bytes_slice(recording, at + RECORD_HEADER_LEN, len);
    out->whole = bytes_slice(recording, at, RECORD_HEADER_LEN + len);
    *next = at + RECORD_HEADER_LEN + len;
    return true;
}

struct reader reader_of(struct bytes body)
{
    return (struct reader){.at = body.data, .end = body.data + body.len};
}

bool reader_is_done(const struct reader *reader)
{
    return !reader->is_bad && reader->at == reader->end;
}

struct bytes read_raw(struct reader *reader, size_t len)
{
    struct bytes raw = bytes_of(reader->at, len);

    if (reader->is_bad || (size_t)(reader->end - reader->at) < len) {
        reader->is_bad = true;
        return bytes_of(NULL, 0);
    }
    reader->at += len;
    return raw;
}

uint64_t read_count(struct reader *reader)
{
    uint64_t count = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        struct bytes byte = read_raw(reader, 1);

        if (byte.len == 0)
            return 0;
        count |= (uint64_t)(*byte.data & 0x7f) << shift;
        if ((*byte.data & 0x80) == 0)
            return count;
    }
    reader->is_bad = true;
    return 0;
}

uint64_t read_most(struct reader *reader, uint64_t most)
{
    uint64_t count = read_count(reader);

    if (count <= most)
        return count;
    reader->is_bad = true;
    return 0;
}

int64_t read_number(struct reader *reader)
{
    uint64_t twice = read_count(reader);

    return (int64_t)((twice & 1) != 0 ? ~(twice >> 1) : twice >> 1);
}

int read_int(struct reader *reader)
{
    int64_t number = read_number(reader);

    if (number < INT32_MIN || number > INT32_MAX) {
        reader->is_bad = true;
        return 0;
    }
    return (int)number;
}

bool read_truth(struct reader *reader)
{
    return read_most(reader, 1) != 0;
}

uint64_t read_u64(struct reader *reader)
{
    struct bytes raw = read_raw(reader, 8);

    return raw.len == 0
               ? 0
               : (uint64_t)get_be32(raw.data) << 32 | get_be32(raw.data + 4);
}

struct bytes read_bytes(struct reader *reader)
{
    return read_raw(reader, (size_t)read_count(reader));
}

struct ip_addr read_addr(struct reader *reader)
{
    struct ip_addr addr = {0};
    struct bytes raw = read_raw(reader, sizeof(addr.octet));

    if (raw.len > 0)
        memcpy(addr.octet, raw.data, raw.len);
    return addr;
}

struct mac_addr read_mac(struct reader *reader)
{
    struct mac_addr mac = {0};
    struct bytes raw = read_raw(reader, sizeof(mac.octet));

    if (raw.len > 0)
        memcpy(mac.octet, raw.data, raw.len);
    return mac;
}

struct ip_prefix read_prefix(struct reader *reader)
{
    struct ip_addr addr = read_addr(reader);

    return (struct ip_prefix){.addr = addr,
                              .len = (unsigned)read_most(reader, UINT32_MAX)};
}

bool read_endpoint(struct reader *reader, struct endpoint *out)
{
    uint64_t is_there = read_most(reader, 2);

    *out = (struct endpoint){.is_link = is_there == 2};
    if (is_there == 0)
        return false;
    out->addr = read_addr(reader);
    out->scope = (uint32_t)read_most(reader, UINT32_MAX);
    out->port = (uint16_t)read_most(reader, UINT16_MAX);
    return true;
}

static void read_error(struct reader *reader, struct socket_control *out)
{
    out->error.error = read_int(reader);
    out->error.origin = (uint8_t)read_most(reader, UINT8_MAX);
    out->error.type = (uint8_t)read_most(reader, UINT8_MAX);
    out->error.code = (uint8_t)read_most(reader, UINT8_MAX);
    out->error.info = (uint32_t)read_most(reader, UINT32_MAX);
    out->error.offender = read_addr(reader);
}

void read_control(struct reader *reader, struct socket_control *out)
{
    *out = (struct socket_control){
        .present = (unsigned)read_most(reader, CONTROL_SEGMENT * 2 - 1)};
    if (out->present & CONTROL_TIMESTAMP) {
        out->timestamp = (uint8_t)read_most(reader, UINT8_MAX);
        out->arrived = read_number(reader);
    }
    if (out->present & CONTROL_LOST)
        out->lost = (uint32_t)read_most(reader, UINT32_MAX);
    if (out->present & CONTROL_PACKET_INFO)
        out->source = read_addr(reader);
    if (out->present & CONTROL_TTL)
        out->ttl = (uint8_t)read_most(reader, UINT8_MAX);
    if (out->present & CONTROL_TOS)
        out->tos = (uint8_t)read_most(reader, UINT8_MAX);
    if (out->present & (CONTROL_PACKET_INFO | CONTROL_DESTINATION))
        (void)read_endpoint(reader, &out->destination);
    if (out->present & CONTROL_UNREAD)
        out->unread = read_int(reader);
    if (out->present & CONTROL_SEGMENT)
        out->segment = (uint16_t)read_most(reader, UINT16_MAX);
    if (out->present & CONTROL_ERROR)
        read_error(reader, out);
}
