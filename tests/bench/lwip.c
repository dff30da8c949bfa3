/*
 * The server of apps/perf on lwIP, for bytes and round trips: so the benchmark
 * has another stack on a TAP device to compare with. By lwIP's callbacks, which
 * are its quickest interface; all run in its own threads.
 *
 *   lwip DEVICE ADDR NETMASK
 *
 * The driver is our own: that of Debian's 2.1.3 writes a frame of 1514 bytes to
 * what PBUF_POOL has given it, which has room for 592 (address sanitizer).
 *
 * No part of the product; compiled where Debian's liblwip-dev is.
 */
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <netif/ethernet.h>

#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, FRAME_MAX = MTU + 14 };
/* As apps/perf.c has them. */
enum { PORT = 7500, REQUEST_LEN = 8, BACKLOG = 255, CHUNK = 65536 };
enum mode { NONE = 0, SEND = 1, RECEIVE = 2, RR = 3, QUESTION = 7 };
enum { BYTES = 0, TIME_US = 3, USER_US = 4, SYSTEM_US = 5, COUNTERS = 6 };

static struct netif device;
static sem_t is_ready;
static int tap;
static uint64_t received_bytes;
static uint8_t chunk[CHUNK];

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static err_t answer_question(struct tcp_pcb *pcb)
{
    uint64_t numbers[COUNTERS] = {0};
    struct rusage usage;
    struct timespec now;

    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &now);
    numbers[BYTES] = htobe64(received_bytes);
    numbers[TIME_US] =
        htobe64((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    numbers[USER_US] = htobe64(microseconds(usage.ru_utime));
    numbers[SYSTEM_US] = htobe64(microseconds(usage.ru_stime));
    return tcp_write(pcb, numbers, sizeof(numbers), TCP_WRITE_FLAG_COPY);
}

/* As much as it takes now. */
static void send_bytes(struct tcp_pcb *pcb)
{
    u16_t room = tcp_sndbuf(pcb); /* under 64 KB */

    while (room > 0 &&
           tcp_write(pcb, chunk, room, TCP_WRITE_FLAG_COPY) == ERR_MEM)
        room /= 2;
    tcp_output(pcb);
}

/* Read by the program, as a call of recv would have done. */
static u16_t take(const struct pbuf *packet, u16_t from)
{
    return pbuf_copy_partial(packet, chunk, packet->tot_len, from);
}

static void serve_bytes(struct tcp_pcb *pcb, enum mode mode, u16_t len)
{
    switch (mode) {
    case SEND:
        received_bytes += len;
        break;
    case RECEIVE:
        send_bytes(pcb);
        break;
    case RR:
        tcp_write(pcb, chunk, len, TCP_WRITE_FLAG_COPY);
        break;
    case QUESTION:
        if (len > 0)
            answer_question(pcb);
        break;
    case NONE:
        break;
    }
    tcp_output(pcb);
}

/* The mode of a connection is what its argument points to. */
static err_t on_bytes(void *arg, struct tcp_pcb *pcb, struct pbuf *packet,
                      err_t error)
{
    enum mode *mode = arg;
    u16_t from = 0;

    (void)error;
    if (packet == NULL) {
        tcp_arg(pcb, NULL);
        free(mode);
        return tcp_close(pcb);
    }
    if (*mode == NONE && packet->tot_len >= REQUEST_LEN) {
        *mode = (enum mode)pbuf_get_at(packet, 0);
        from = REQUEST_LEN;
    }
    serve_bytes(pcb, *mode, take(packet, from));
    tcp_recved(pcb, packet->tot_len);
    pbuf_free(packet);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    const enum mode *mode = arg;

    (void)len;
    if (mode != NULL && *mode == RECEIVE)
        send_bytes(pcb);
    return ERR_OK;
}

static void on_error(void *arg, err_t error)
{
    (void)error;
    free(arg);
}

static err_t on_connection(void *arg, struct tcp_pcb *pcb, err_t error)
{
    enum mode *mode = calloc(1, sizeof(*mode));

    (void)arg;
    if (error != ERR_OK || mode == NULL)
        return ERR_MEM;
    tcp_arg(pcb, mode);
    tcp_recv(pcb, on_bytes);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_nagle_disable(pcb);
    return ERR_OK;
}

static err_t send_frame(struct netif *to, struct pbuf *packet)
{
    char frame[FRAME_MAX];
    u16_t len = pbuf_copy_partial(packet, frame, sizeof(frame), 0);

    (void)to;
    return write(tap, frame, len) == (ssize_t)len ? ERR_OK : ERR_IF;
}

/* A thread of its own, as lwIP's driver has. */
static void receive_frames(void *arg)
{
    char frame[FRAME_MAX];

    (void)arg;
    for (;;) {
        ssize_t len = read(tap, frame, sizeof(frame));
        struct pbuf *packet =
            len > 0 ? pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM) : NULL;

        if (packet == NULL)
            continue;
        pbuf_take(packet, frame, (u16_t)len);
        if (device.input(packet, &device) != ERR_OK)
            pbuf_free(packet);
    }
}

static err_t open_device(struct netif *opened)
{
    static const uint8_t mac[ETH_HWADDR_LEN] = {2, 0, 0, 0, 0, 7};
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s",
             (const char *)opened->state);
    tap = open("/dev/net/tun", O_RDWR);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0)
        err(1, "%s", request.ifr_name);
    opened->name[0] = 't';
    opened->name[1] = 'p';
    opened->mtu = MTU;
    opened->output = etharp_output;
    opened->linkoutput = send_frame;
    opened->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
                    NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    opened->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(opened->hwaddr, mac, sizeof(mac));
    return ERR_OK;
}

/* In lwIP's thread. */
static void start(void *arg)
{
    char **argv = arg;
    ip4_addr_t addr;
    ip4_addr_t mask;
    struct tcp_pcb *listener = tcp_new();

    if (!ip4addr_aton(argv[2], &addr) || !ip4addr_aton(argv[3], &mask) ||
        netif_add(&device, &addr, &mask, IP4_ADDR_ANY4, argv[1], open_device,
                  tcpip_input) == NULL)
        errx(1, "the device");
    netif_set_default(&device);
    netif_set_link_up(&device);
    netif_set_up(&device);
    if (listener == NULL || tcp_bind(listener, IP_ADDR_ANY, PORT) != ERR_OK)
        errx(1, "port %d", PORT);
    listener = tcp_listen_with_backlog(listener, BACKLOG);
    if (listener == NULL)
        errx(1, "listen");
    tcp_accept(listener, on_connection);
    sys_thread_new("receiver", receive_frames, NULL, 0, 0);
    sem_post(&is_ready);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "usage: lwip DEVICE ADDR NETMASK");
    memset(chunk, 'a', sizeof(chunk));
    sem_init(&is_ready, 0, 0);
    tcpip_init(start, argv);
    sem_wait(&is_ready);
    fprintf(stderr, "lwip: serving port %d\n", PORT);
    for (;;)
        pause();
}
