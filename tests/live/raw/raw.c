/*
 * Pings by a raw socket, and prints what a packet socket sees meanwhile.
 *
 *     raw ADDRESS COUNT <FILTER       FILTER: as `tcpdump -ddd` prints it
 *
 * Each frame is a line of hexadecimal digits on standard output.
 */
#include "tapir.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 2000, DATA_LEN = 40, IP_LEN = 20, PATIENCE_MS = 5000 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void attach_filter(int fd)
{
    struct sock_filter insns[256];
    unsigned count;
    struct sock_fprog program = {.filter = insns};

    if (scanf("%u", &count) != 1 || count > 256)
        die("filter");
    for (unsigned i = 0; i < count; i++)
        if (scanf("%hu %hhu %hhu %u", &insns[i].code, &insns[i].jt,
                  &insns[i].jf, &insns[i].k) != 4)
            die("filter");
    program.len = (unsigned short)count;
    if (tapir_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                         sizeof(program)) < 0)
        die("SO_ATTACH_FILTER");
}

static int open_capture(const char *name)
{
    struct sockaddr_ll link = {.sll_family = AF_PACKET,
                               .sll_protocol = htons(3 /* ETH_P_ALL */),
                               .sll_ifindex = (int)tapir_if_nametoindex(name)};
    int fd = tapir_socket(AF_PACKET, SOCK_RAW, 0);

    if (fd < 0)
        die("AF_PACKET");
    attach_filter(fd);
    if (tapir_bind(fd, (struct sockaddr *)&link, sizeof(link)) < 0)
        die("bind");
    return fd;
}

/* Prints what there is now. */
static void print_frames(int fd)
{
    uint8_t frame[FRAME_MAX];
    ssize_t len;

    while ((len = tapir_recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) >= 0) {
        for (ssize_t i = 0; i < len; i++)
            printf("%02x", frame[i]);
        printf("\n");
    }
}

static uint16_t checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i += 2)
        sum += (uint32_t)data[i] << 8 | data[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void ping(int fd, const struct sockaddr_in *to, uint8_t sequence)
{
    uint8_t message[8 + DATA_LEN] = {ICMP_ECHO, [4] = 0x12, 0x34, 0, sequence};
    uint8_t reply[FRAME_MAX];
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    uint16_t sum = checksum(message, sizeof(message));

    message[2] = (uint8_t)(sum >> 8);
    message[3] = (uint8_t)sum;
    if (tapir_sendto(fd, message, sizeof(message), 0,
                     (const struct sockaddr *)to, sizeof(*to)) < 0)
        die("sendto");
    if (tapir_poll(&poll, 1, PATIENCE_MS) != 1)
        die("no reply");
    if (tapir_recv(fd, reply, sizeof(reply), 0) != IP_LEN + sizeof(message) ||
        reply[IP_LEN] != ICMP_ECHOREPLY || reply[IP_LEN + 7] != sequence)
        die("reply");
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct icmp_filter filter = {~(1u << ICMP_ECHOREPLY)};

    tapir_open_args(&argc, argv);
    if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return 2;

    int capture = open_capture(argv[3]);
    int fd = tapir_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

    if (fd < 0 ||
        tapir_setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) < 0)
        die("SOCK_RAW");
    for (int i = 0; i < atoi(argv[2]); i++)
        ping(fd, &to, (uint8_t)i);
    print_frames(capture);
    return 0;
}
