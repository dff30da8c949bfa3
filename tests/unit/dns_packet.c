#include "dns_packet.h"

#include <check.h>
#include <string.h>

void packet_u8(struct dns_packet *packet, unsigned value)
{
    ck_assert_uint_lt(packet->len, sizeof(packet->data));
    packet->data[packet->len++] = (uint8_t)value;
}

void packet_u16(struct dns_packet *packet, unsigned value)
{
    packet_u8(packet, value >> 8);
    packet_u8(packet, value & 0xff);
}

void packet_u32(struct dns_packet *packet, uint32_t value)
{
    packet_u16(packet, value >> 16);
    packet_u16(packet, value & 0xffff);
}

void packet_name(struct dns_packet *packet, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");

        packet_u8(packet, (unsigned)len);
        for (size_t i = 0; i < len; i++)
            packet_u8(packet, (uint8_t)name[i]);
        name += len;
        name += *name == '.';
    }
    packet_u8(packet, 0);
}

void packet_begin(struct dns_packet *packet, unsigned id, unsigned flags,
                  const char *name, unsigned type)
{
    packet->len = 0;
    packet_u16(packet, id);
    packet_u16(packet, flags);
    packet_u16(packet, name != NULL);
    for (unsigned i = 0; i < 3; i++)
        packet_u16(packet, 0);
    if (name != NULL) {
        packet_name(packet, name);
        packet_u16(packet, type);
        packet_u16(packet, 1);
    }
}

static void count_record(struct dns_packet *packet, size_t at)
{
    put_be16(packet->data + at, (uint16_t)(get_be16(packet->data + at) + 1));
}

static void begin_record(struct dns_packet *packet, const char *owner,
                         unsigned type)
{
    count_record(packet, 6);
    packet_name(packet, owner);
    packet_u16(packet, type);
    packet_u16(packet, 1);
    packet_u32(packet, 300);
}

void packet_a(struct dns_packet *packet, const char *owner, uint32_t addr)
{
    begin_record(packet, owner, 1);
    packet_u16(packet, 4);
    packet_u32(packet, addr);
}

static void add_name_record(struct dns_packet *packet, const char *owner,
                            unsigned type, const char *target)
{
    size_t length;

    begin_record(packet, owner, type);
    length = packet->len;
    packet_u16(packet, 0);
    packet_name(packet, target);
    put_be16(packet->data + length, (uint16_t)(packet->len - length - 2));
}

void packet_cname(struct dns_packet *packet, const char *owner,
                  const char *target)
{
    add_name_record(packet, owner, 5, target);
}

void packet_ptr(struct dns_packet *packet, const char *owner,
                const char *target)
{
    add_name_record(packet, owner, 12, target);
}

void packet_opt(struct dns_packet *packet, unsigned upper_rcode)
{
    count_record(packet, 10);
    packet_u8(packet, 0);
    packet_u16(packet, 41);
    packet_u16(packet, 4096);
    packet_u8(packet, upper_rcode);
    packet_u8(packet, 0);
    packet_u16(packet, 0);
    packet_u16(packet, 0);
}
