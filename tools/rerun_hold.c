#include "rerun_hold.h"

#include "base/checksum.h"
#include "ip/ip.h"
#include "link/eth.h"

/* Where the TCP header begins: the record is a whole segment. */
static size_t tcp_at(enum netdev_type type, const uint8_t *frame)
{
    size_t link = type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;

    return link + (frame[link + IPH_VERSION_IHL] & 0xf) * (size_t)4;
}

static bool is_ahead(const struct rerun_record *record)
{
    const struct rerun_flow *flow = record->flow;
    uint32_t end = flow->sent[RERUN_STACK].end;

    return (record->packet.flags & SEG_ACK) && flow->has_iss && end > 0 &&
           seq_gt(record->packet.ack - flow->iss, end);
}

bool rerun_hold_back(struct rerun_hold *hold, enum netdev_type type,
                     struct rerun_record *record)
{
    struct rerun_flow *flow = record->flow;
    uint32_t end;

    if (flow == NULL || !is_ahead(record))
        return false;
    end = flow->sent[RERUN_STACK].end;
    put_be32(record->frame + tcp_at(type, record->frame) + TCP_ACK,
             flow->iss + end);
    hold->count++;
    if (flow->held == NULL) {
        flow->next_held = hold->first;
        hold->first = flow;
    }
    flow->held = record;
    flow->given = end;
    return true;
}

/* The record's headers, with nothing behind them and FIN not said again. */
static size_t make_ack(enum netdev_type type, const struct rerun_record *record,
                       uint32_t ack, uint8_t *frame)
{
    const struct rerun_packet *packet = &record->packet;
    size_t tcp = tcp_at(type, record->frame);
    size_t link = type == NETDEV_ETHERNET ? ETH_HEADER_LEN : 0;
    size_t len = tcp + (record->frame[tcp + TCP_DATA_OFFSET] >> 4) * (size_t)4;
    uint32_t seq = packet->seq + (uint32_t)packet->text.len;

    memcpy(frame, record->frame, len);
    if (packet->flags & SEG_SYN)
        seq++;
    if (packet->flags & SEG_FIN)
        seq++;
    put_be32(frame + tcp + TCP_SEQ, seq);
    put_be32(frame + tcp + TCP_ACK, ack);
    frame[tcp + TCP_FLAGS] &= SEG_ACK | SEG_ECE;
    put_be16(frame + link + IPH_TOTAL_LENGTH, (uint16_t)(len - link));
    put_be16(frame + link + IPH_CHECKSUM, 0);
    put_be16(frame + link + IPH_CHECKSUM,
             checksum_of(bytes_of(frame + link, tcp - link)));
    return len;
}

size_t rerun_hold_next(struct rerun_hold *hold, enum netdev_type type,
                       uint8_t frame[static RERUN_ACK_MAX])
{
    struct rerun_flow **at = &hold->first;

    for (; *at != NULL; at = &(*at)->next_held) {
        struct rerun_flow *flow = *at;
        const struct rerun_record *record = flow->held;
        uint32_t whole = record->packet.ack - flow->iss;
        uint32_t end = flow->sent[RERUN_STACK].end;

        if (!seq_gt(end, flow->given))
            continue;
        flow->given = seq_gt(end, whole) ? whole : end;
        if (flow->given == whole) { /* all that was held back */
            *at = flow->next_held;
            flow->held = NULL;
        }
        return make_ack(type, record, flow->iss + flow->given, frame);
    }
    return 0;
}
