/*
 * Frames are brought into the form that a device would give: VLAN tags and the
 * headers of Linux's cooked captures are taken off, what the snap length cut
 * away is zeroes, lengths and checksums that offload had not filled in yet are
 * known to be missing.
 */
#include "rerun_load.h"

#include "base/checksum.h"
#include "capture_file.h"
#include "capture_link.h"
#include "ip/ip.h"
#include "link/eth.h"
#include "udp/udp.h"

#include <errno.h>
#include <stdlib.h>

/* ---- One frame ----------------------------------------------------------- */

/* Filled up with zeroes to the length that it had on the wire. NULL: no
 * memory. */
static uint8_t *make_frame(enum netdev_type type,
                           const struct capture_record *record,
                           const struct capture_packet *packet, size_t *len)
{
    size_t link = type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;
    size_t cut = record->original_len > record->data.len
                     ? record->original_len - record->data.len
                     : 0;
    uint8_t *frame;

    *len = min_size(link + packet->data.len + cut, CAPTURE_PACKET_MAX);
    frame = calloc(1, *len > 0 ? *len : 1);
    if (frame == NULL)
        return NULL;
    if (link > 0) {
        memcpy(frame, record->data.data, ETH_TYPE); /* both addresses */
        put_be16(frame + ETH_TYPE, packet->ether_type);
    }
    memcpy(frame + link, packet->data.data,
           min_size(packet->data.len, *len - link));
    return frame;
}

static struct bytes ip_packet_of(enum netdev_type type,
                                 const struct rerun_record *record)
{
    size_t link = type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;

    return bytes_of(record->frame + link, record->len - link);
}

/* Segmentation offload leaves the length of a large packet to the card, some
 * stacks the sum of any. */
static void complete_ip_header(uint8_t *ip, size_t len)
{
    size_t header_len = (ip[IPH_VERSION_IHL] & 0xf) * (size_t)4;

    if (header_len < IP_HEADER_LEN || header_len > len || len > IP_PACKET_MAX)
        return;
    if (get_be16(ip + IPH_TOTAL_LENGTH) == 0)
        put_be16(ip + IPH_TOTAL_LENGTH, (uint16_t)len);
    else if (get_be16(ip + IPH_CHECKSUM) != 0)
        return;
    put_be16(ip + IPH_CHECKSUM, 0);
    put_be16(ip + IPH_CHECKSUM, checksum_of(bytes_of(ip, header_len)));
}

/* Where it is left to the card there is the sum of the pseudo header alone. */
static bool has_pseudo_sum(struct bytes packet)
{
    struct ip_header ip;
    enum drop_reason why;
    struct checksum sum = {0};
    size_t at;

    if (ip_parse(packet, &ip, &why) < 0 || ip.total_len > packet.len || ip.mf ||
        ip.fragment_offset > 0)
        return false;
    if (ip.protocol == IP_PROTO_TCP)
        at = ip.header_len + TCP_CHECKSUM;
    else if (ip.protocol == IP_PROTO_UDP)
        at = ip.header_len + UDP_CHECKSUM;
    else
        return false;
    if (at + 2 > ip.total_len)
        return false;
    checksum_add_pseudo(&sum, &ip.src, &ip.dst, ip.protocol,
                        ip.total_len - ip.header_len);
    return get_be16(packet.data + at) == checksum_fold(&sum);
}

static void look_into(struct rerun_capture *capture,
                      struct rerun_record *record)
{
    struct bytes ip = ip_packet_of(capture->type, record);
    bool is_ip = capture->type == NETDEV_IP ||
                 get_be16(record->frame + ETH_TYPE) == ETH_TYPE_IPV4;

    if (is_ip && ip.len >= IP_HEADER_LEN &&
        ip.data[IPH_VERSION_IHL] >> 4 == 4) {
        complete_ip_header(record->frame + (record->len - ip.len), ip.len);
        record->has_no_checksum = has_pseudo_sum(ip);
    }
    record->is_parsed = rerun_packet_parse(capture->type, record->frame,
                                           record->len, &record->packet);
    record->is_ours = record->is_parsed &&
                      ip_addr_equal(&record->packet.src.addr, &capture->addr);
}

/* ---- All of them --------------------------------------------------------- */

static bool is_of_the_link(struct rerun_capture *capture,
                           const struct capture_record *record)
{
    enum netdev_type type = record->link_type == CAPTURE_LINK_ETHERNET
                                ? NETDEV_ETHERNET
                                : NETDEV_IP;

    if (capture->count == 0)
        capture->type = type;
    return capture->type == type;
}

static int make_room(struct rerun_capture *capture)
{
    size_t room = capture->room > 0 ? 2 * capture->room : 64;
    struct rerun_record *records;

    if (capture->count < capture->room)
        return 0;
    records = realloc(capture->records, room * sizeof(*records));
    if (records == NULL)
        return -ENOMEM;
    capture->records = records;
    capture->room = room;
    return 0;
}

/* Some clocks step back; a stack's does not. */
static void note_time(struct rerun_capture *capture,
                      struct rerun_record *record)
{
    if (capture->count == 0)
        capture->began = record->packet.time;
    else
        record->packet.time = usec_max(record->packet.time, capture->ended);
    capture->ended = record->packet.time;
}

static int take_packet(struct rerun_capture *capture,
                       const struct capture_record *from,
                       const struct capture_packet *packet)
{
    struct rerun_record record = {
        .packet = {.time = from->time,
                   .number = from->number,
                   .is_cut = from->original_len > from->data.len}};
    int error = make_room(capture);

    if (error < 0)
        return error;
    record.frame = make_frame(capture->type, from, packet, &record.len);
    if (record.frame == NULL)
        return -ENOMEM;
    look_into(capture, &record);
    if (record.is_ours &&
        ip_addr_equal(&record.packet.dst.addr, &capture->addr) &&
        record.packet.kind != RERUN_ARP) {
        capture->to_itself++;
        free(record.frame);
        return 0;
    }
    note_time(capture, &record);
    capture->cut += record.packet.is_cut;
    capture->without_checksum += record.has_no_checksum;
    capture->bytes += record.len;
    capture->records[capture->count++] = record;
    return capture->bytes > RERUN_LOAD_MAX ? -EFBIG : 0;
}

static int take_record(struct rerun_capture *capture,
                       const struct capture_record *record)
{
    struct capture_packet packet;

    if (!record->has_time || record->time < 0 ||
        record->time > RERUN_TIME_MAX) {
        capture->without_time++;
        return 0;
    }
    if (capture_link_parse(record, &packet) < 0 ||
        !is_of_the_link(capture, record)) {
        capture->of_other_links++;
        return 0;
    }
    return take_packet(capture, record, &packet);
}

/* The station that speaks for the host, else the one that is spoken to. */
static void find_mac(struct rerun_capture *capture)
{
    if (capture->type != NETDEV_ETHERNET)
        return;
    for (size_t i = 0; i < capture->count; i++) {
        const struct rerun_record *record = &capture->records[i];
        struct mac_addr dst = mac_addr_read(record->frame + ETH_DST);

        struct mac_addr src = mac_addr_read(record->frame + ETH_SRC);

        if (record->is_ours && !mac_addr_is_multicast(&src)) {
            capture->mac = src;
            return;
        }
        if (record->is_parsed && !mac_addr_is_multicast(&dst) &&
            ip_addr_equal(&record->packet.dst.addr, &capture->addr))
            capture->mac = dst;
    }
}

int rerun_load(struct rerun_capture *capture, const char *path,
               const struct ip_addr *addr)
{
    struct capture_record record;
    struct capture_file *file;
    int status;

    *capture = (struct rerun_capture){.addr = *addr};
    if ((status = capture_file_open(path, &file)) < 0)
        return status;
    while ((status = capture_file_next(file, &record)) == 1)
        if ((status = take_record(capture, &record)) < 0)
            break;
    capture_file_close(file);
    if (status == -ENODATA || status == -EBADMSG) {
        capture->is_damaged = true;
        status = 0;
    }
    if (status < 0)
        rerun_unload(capture);
    else
        find_mac(capture);
    return status;
}

void rerun_unload(struct rerun_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++)
        free(capture->records[i].frame);
    free(capture->records);
    capture->records = NULL;
    capture->count = capture->room = 0;
}
