#include "group_station.h"

#include "base/checksum.h"
#include "link/eth.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static struct ip_addr parse(const char *text)
{
    struct ip_addr addr;

    ck_assert_int_eq(ip_addr_parse(text, &addr), 0);
    return addr;
}

static struct in_addr in_addr_of(const char *text)
{
    struct ip_addr addr = parse(text);

    return (struct in_addr){.s_addr = htonl(ip_addr_to_v4(&addr))};
}

socket_id group_socket(struct station *station)
{
    socket_id id;

    ck_assert_int_eq(
        stack_socket(station->stack, station->now, AF_INET, SOCK_DGRAM, 0, &id),
        0);
    return id;
}

socket_id group_bound(struct station *station, const char *addr, uint16_t port)
{
    socket_id id = group_socket(station);
    struct endpoint local = test_endpoint(addr, port);
    int on = 1;

    ck_assert_int_eq(stack_set_option(station->stack, station->now, id,
                                      SOL_SOCKET, SO_REUSEADDR,
                                      bytes_of((uint8_t *)&on, sizeof(on))),
                     0);
    ck_assert_int_eq(stack_bind(station->stack, station->now, id, &local), 0);
    return id;
}

int group_set(struct station *station, socket_id id, int name,
              const void *value, size_t len)
{
    int result = stack_set_option(station->stack, station->now, id, IPPROTO_IP,
                                  name, bytes_of(value, len));

    stack_flush(station->stack, station->now);
    return result;
}

int group_set_int(struct station *station, socket_id id, int name, int value)
{
    return group_set(station, id, name, &value, sizeof(value));
}

int group_change(struct station *station, socket_id id, int name,
                 const char *group)
{
    struct ip_mreq request = {.imr_multiaddr = in_addr_of(group),
                              .imr_interface = in_addr_of("192.0.2.2")};

    return group_set(station, id, name, &request, sizeof(request));
}

int group_change_source(struct station *station, socket_id id, int name,
                        const char *group, const char *source)
{
    struct ip_mreq_source request = {
        .imr_multiaddr = in_addr_of(group),
        .imr_interface = in_addr_of("192.0.2.2"),
        .imr_sourceaddr = in_addr_of(source),
    };

    return group_set(station, id, name, &request, sizeof(request));
}

ssize_t group_send(struct station *station, socket_id id, const char *to,
                   uint16_t port)
{
    struct endpoint name = test_endpoint(to, port);
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .name = &name};
    ssize_t sent = stack_send(station->stack, station->now, id, &message);

    stack_flush(station->stack, station->now);
    return sent;
}

unsigned group_received(struct station *station, socket_id id)
{
    char byte[2];
    struct iovec iov = {.iov_base = byte, .iov_len = sizeof(byte)};
    unsigned count = 0;

    for (;; count++) {
        struct socket_message message = {.iov = &iov, .iov_count = 1};

        if (stack_receive(station->stack, station->now, id, &message) < 0)
            return count;
    }
}

void group_packet(struct station *station, const char *src, const char *dst,
                  uint8_t protocol, const void *payload, size_t len)
{
    uint8_t frame[1600];
    uint8_t *ip = frame + ETH_HEADER_LEN;
    size_t frame_len = peer_ip(frame, protocol, payload, len);
    struct ip_addr from = parse(src);
    struct ip_addr to = parse(dst);

    memcpy(frame + ETH_DST, "\x01\x00\x5e", 3);
    frame[ETH_DST + 3] = to.octet[13] & 0x7f;
    frame[ETH_DST + 4] = to.octet[14];
    frame[ETH_DST + 5] = to.octet[15];
    put_be32(ip + IPH_SRC, ip_addr_to_v4(&from));
    put_be32(ip + IPH_DST, ip_addr_to_v4(&to));
    put_be16(ip + IPH_CHECKSUM, 0);
    put_be16(ip + IPH_CHECKSUM, checksum_of(bytes_of(ip, IP_HEADER_LEN)));
    station_input(station, frame, frame_len);
}

void group_datagram(struct station *station, const char *src, const char *dst,
                    uint16_t port)
{
    uint8_t datagram[UDP_HEADER_LEN + 1] = {0};

    put_be16(datagram + UDP_SRC_PORT, 4000);
    put_be16(datagram + UDP_DST_PORT, port);
    put_be16(datagram + UDP_LENGTH, sizeof(datagram));
    group_packet(station, src, dst, IP_PROTO_UDP, datagram, sizeof(datagram));
}

void group_igmp(struct station *station, const char *src, const char *dst,
                const uint8_t *message, size_t len)
{
    uint8_t copy[512];

    memcpy(copy, message, len);
    put_be16(copy + 2, 0);
    put_be16(copy + 2, checksum_of(bytes_of(copy, len)));
    group_packet(station, src, dst, IP_PROTO_IGMP, copy, len);
}

static size_t put_addr(char *text, size_t at, const uint8_t *octets)
{
    return (size_t)snprintf(text + at, REPORT_TEXT_MAX - at, " %u.%u.%u.%u",
                            octets[0], octets[1], octets[2], octets[3]);
}

/* RFC 3376 4.2 */
static void put_records(char *text, const uint8_t *message)
{
    static const char *const names[] = {"?",     "IS_IN", "IS_EX", "TO_IN",
                                        "TO_EX", "ALLOW", "BLOCK"};
    const uint8_t *record = message + 8;
    size_t at = (size_t)sprintf(text, "v3");

    for (unsigned i = 0; i < get_be16(message + 6); i++) {
        unsigned count = get_be16(record + 2);

        ck_assert_uint_lt(record[0], ARRAY_LENGTH(names));
        at += (size_t)sprintf(text + at, " %s", names[record[0]]);
        at += put_addr(text, at, record + 4);
        at += (size_t)sprintf(text + at, " {");
        for (unsigned s = 0; s < count; s++)
            at += put_addr(text, at, record + 8 + 4 * s);
        at += (size_t)sprintf(text + at, "}");
        record += 8 + 4 * count;
    }
}

static const char *name_of(uint8_t type)
{
    return type == 0x12 ? "v1 report" : type == 0x16 ? "v2 report" : "v2 leave";
}

/* RFC 3376 4: TTL 1, the Router Alert option, Internetwork Control. */
static const uint8_t *check_header(const struct sent *sent)
{
    const uint8_t *ip = sent->data + ETH_HEADER_LEN;
    size_t len = get_be16(ip + IPH_TOTAL_LENGTH);

    ck_assert_uint_eq(get_be16(sent->data + ETH_TYPE), ETH_TYPE_IPV4);
    ck_assert_int_eq(memcmp(sent->data, "\x01\x00\x5e", 3), 0);
    ck_assert_int_eq(memcmp(sent->data + 4, ip + IPH_DST + 2, 2), 0);
    ck_assert_uint_eq(ip[IPH_VERSION_IHL], 0x46);
    ck_assert_uint_eq(ip[IPH_TOS], 0xc0);
    ck_assert_uint_eq(ip[IPH_TTL], 1);
    ck_assert_uint_eq(ip[IPH_PROTOCOL], 2);
    ck_assert_uint_eq(get_be32(ip + 20), 0x94040000);
    ck_assert_uint_eq(checksum_of(bytes_of(ip, 24)), 0);
    ck_assert_uint_eq(checksum_of(bytes_of(ip + 24, len - 24)), 0);
    return ip;
}

const char *group_report(struct station *station,
                         char text[static REPORT_TEXT_MAX])
{
    text[0] = '\0';
    if (station->sent_count == 0)
        return text;

    struct sent sent = station_next(station);
    const uint8_t *ip = check_header(&sent);
    const uint8_t *message = ip + 24;
    size_t at;

    if (message[0] == 0x22) {
        ck_assert_uint_eq(get_be32(ip + IPH_DST), 0xe0000016);
        put_records(text, message);
        return text;
    }
    at = (size_t)sprintf(text, "%s", name_of(message[0]));
    at += put_addr(text, at, message + 4);
    ck_assert_uint_eq(get_be32(ip + IPH_DST),
                      message[0] == 0x17 ? 0xe0000002 : get_be32(message + 4));
    return text;
}
