/*
 * Captures that no network has seen are replayed: packets of two hosts with
 * fields drawn at random, near to what would make sense, in no good order; then
 * octets of the file are changed. A replay must come to its end, whatever the
 * capture says, and give all memory back.
 *
 *     test_rerun                   as `make test` does
 *     test_rerun 17                round 17 alone
 *     test_rerun 1 100000          a range
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/rounds.h"
#include "tools/rerun_report.h"
#include "tools/rerun_run.h"

#include "base/checksum.h"
#include "base/random.h"
#include "ip/icmp.h"
#include "link/eth.h"
#include "udp/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 400, FILE_MAX = 65536, PACKETS = 60, FRAME_MAX = 2000 };

static unsigned long current_round;

__attribute__((noreturn)) static void fail(const char *what)
{
    fprintf(stderr, "round %lu: %s\n", current_round, what);
    abort();
}

/* ---- Drawing ------------------------------------------------------------- */

struct content {
    struct random random;
    size_t len;
    uint8_t data[FILE_MAX];
    uint32_t seconds, usecs; /* of the next packet */
    uint32_t next[2];        /* what each side's sequence numbers are about */
};

static uint32_t draw(struct content *c, uint32_t bound)
{
    return random_below(&c->random, bound);
}

static bool chance(struct content *c, uint32_t percent)
{
    return draw(c, 100) < percent;
}

/* Near to `value`: often itself. */
static uint32_t near(struct content *c, uint32_t value)
{
    switch (draw(c, 8)) {
    case 0:
        return value + draw(c, 3000);
    case 1:
        return value - draw(c, 3000);
    case 2:
        return chance(c, 10) ? random_u32(&c->random) : value;
    default:
        return value;
    }
}

static size_t put_tcp(struct content *c, uint8_t *at, unsigned from)
{
    static const uint8_t flags[] = {0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x18,
                                    0x11, 0x19, 0x04, 0x14, 0x29, 0xc2};
    size_t text = chance(c, 50) ? draw(c, 1460) : 0;
    uint8_t flag = flags[draw(c, ARRAY_LENGTH(flags))];
    size_t options = 0;

    put_be16(at + TCP_SRC_PORT, (uint16_t)(80 + draw(c, 2)));
    put_be16(at + TCP_DST_PORT, (uint16_t)(80 + draw(c, 2)));
    put_be32(at + TCP_SEQ, near(c, c->next[from]));
    put_be32(at + TCP_ACK, near(c, c->next[!from]));
    at[TCP_FLAGS] = flag;
    put_be16(at + TCP_WINDOW, (uint16_t)draw(c, 65536));
    put_be16(at + TCP_URGENT, (uint16_t)draw(c, 10));
    if (chance(c, 50)) {
        struct tcp_options all = {.has_mss = (flag & 2) != 0,
                                  .mss = (uint16_t)near(c, 1460),
                                  .has_timestamps = true,
                                  .ts_val = near(c, 1000),
                                  .ts_ecr = near(c, 1000)};

        options = tcp_options_len(&all);
        tcp_options_emit(&all, at + TCP_HEADER_LEN);
    }
    at[TCP_DATA_OFFSET] = (uint8_t)((TCP_HEADER_LEN + options) / 4 << 4);
    if (chance(c, 80))
        c->next[from] += (uint32_t)text + (flag & 3 ? 1 : 0);
    return TCP_HEADER_LEN + options + text;
}

static size_t put_udp(struct content *c, uint8_t *at)
{
    size_t len = UDP_HEADER_LEN + draw(c, 600);

    put_be16(at + UDP_SRC_PORT, (uint16_t)draw(c, 3));
    put_be16(at + UDP_DST_PORT, (uint16_t)draw(c, 3));
    put_be16(at + UDP_LENGTH, (uint16_t)len);
    return len;
}

static size_t put_icmp(struct content *c, uint8_t *at)
{
    static const uint8_t types[] = {0, 3, 3, 8, 11};
    size_t len = ICMP_HEADER_LEN + draw(c, 100);

    at[ICMP_TYPE] = types[draw(c, ARRAY_LENGTH(types))];
    at[ICMP_CODE] = (uint8_t)draw(c, 5);
    at[ICMP_HEADER_LEN] = 0x45; /* a quoted packet, perhaps */
    at[ICMP_HEADER_LEN + IPH_PROTOCOL] = IP_PROTO_UDP;
    put_be16(at + ICMP_HEADER_LEN + IPH_TOTAL_LENGTH, 100);
    put_be16(at + ICMP_CHECKSUM, 0);
    put_be16(at + ICMP_CHECKSUM, checksum_of(bytes_of(at, len)));
    return len;
}

static size_t put_ip(struct content *c, uint8_t *at, unsigned from)
{
    static const uint8_t protocols[] = {6, 6, 6, 6, 17, 1, 2};
    uint8_t protocol = protocols[draw(c, ARRAY_LENGTH(protocols))];
    uint8_t *payload = at + IP_HEADER_LEN;
    size_t len = IP_HEADER_LEN;

    at[IPH_VERSION_IHL] = 0x45;
    at[IPH_TTL] = 64;
    at[IPH_PROTOCOL] = protocol;
    put_be32(at + IPH_SRC, 0xc0000201 + from);
    put_be32(at + IPH_DST, 0xc0000201 + (chance(c, 97) ? !from : draw(c, 5)));
    if (chance(c, 5))
        put_be16(at + IPH_FRAGMENT, (uint16_t)(0x2000 | draw(c, 3)));
    if (protocol == 6)
        len += put_tcp(c, payload, from);
    else if (protocol == 17)
        len += put_udp(c, payload);
    else
        len += put_icmp(c, payload);
    put_be16(at + IPH_TOTAL_LENGTH, (uint16_t)(chance(c, 97) ? len : 0));
    put_be16(at + IPH_CHECKSUM, checksum_of(bytes_of(at, IP_HEADER_LEN)));
    return len;
}

static size_t put_arp(struct content *c, uint8_t *at, unsigned from)
{
    struct arp_packet arp = {.operation =
                                 chance(c, 50) ? ARP_REQUEST : ARP_REPLY,
                             .sender_mac = {{2, 0, 0, 0, 0, (uint8_t)from}},
                             .sender_ip = ip_addr_v4(0xc0000201 + from),
                             .target_ip = ip_addr_v4(0xc0000201 + draw(c, 4))};

    arp_emit(at, &arp);
    return ARP_PACKET_LEN;
}

static size_t put_frame(struct content *c, uint8_t *frame)
{
    unsigned from = draw(c, 2);
    bool is_arp = chance(c, 10);
    uint8_t *payload = frame + ETH_HEADER_LEN;

    memset(frame, 0, FRAME_MAX);
    memset(frame, chance(c, 10) ? 0xff : 0, 6);
    frame[ETH_DST + 5] = (uint8_t)(from ? 0 : 1);
    frame[ETH_SRC] = 2;
    frame[ETH_SRC + 5] = (uint8_t)from;
    put_be16(frame + ETH_TYPE, is_arp ? ETH_TYPE_ARP : ETH_TYPE_IPV4);
    return ETH_HEADER_LEN +
           (is_arp ? put_arp(c, payload, from) : put_ip(c, payload, from));
}

static void put_bytes(struct content *c, const void *data, size_t len)
{
    len = min_size(len, FILE_MAX - c->len);
    memcpy(c->data + c->len, data, len);
    c->len += len;
}

static void put_u32(struct content *c, uint32_t value)
{
    uint8_t bytes[4];

    put_be32(bytes, value);
    put_bytes(c, bytes, sizeof(bytes));
}

static void put_record(struct content *c)
{
    uint8_t frame[FRAME_MAX];
    size_t len = put_frame(c, frame);
    size_t kept = chance(c, 5) ? draw(c, (uint32_t)len) : len;

    c->usecs += draw(c, 5) == 0 ? draw(c, 3000000) : draw(c, 1000);
    if (chance(c, 1))
        c->seconds += draw(c, 1000000);
    put_u32(c, c->seconds + c->usecs / 1000000);
    put_u32(c, c->usecs % 1000000);
    put_u32(c, (uint32_t)kept);
    put_u32(c, (uint32_t)len);
    put_bytes(c, frame, kept);
}

static void make_capture(struct content *c, unsigned long round)
{
    static const uint8_t header[] = {0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4,
                                     0,    0,    0,    0,    0, 0, 0, 0,
                                     0,    4,    0,    0,    0, 0, 0, 1};

    memset(c, 0, sizeof(*c));
    random_init(&c->random, (struct hash_key){.k0 = round});
    c->seconds = 1000;
    put_bytes(c, header, sizeof(header));
    for (unsigned i = draw(c, PACKETS) + 1; i > 0; i--)
        put_record(c);
    if (chance(c, 50))
        return;
    for (unsigned i = draw(c, 10); i > 0; i--)
        c->data[24 + draw(c, (uint32_t)c->len - 24)] = (uint8_t)draw(c, 256);
}

/* ---- The replay ---------------------------------------------------------- */

static void report(const struct rerun_script *script, FILE *to, bool is_json)
{
    struct rerun_report report = {.path = "fuzz",
                                  .script = script,
                                  .judge = {.ended = script->capture->ended},
                                  .is_json = is_json,
                                  .to = to};

    (void)rerun_report(&report);
}

static void rerun_loaded(struct rerun_script *script,
                         struct rerun_capture *capture, struct memory *memory,
                         FILE *nowhere)
{
    struct rerun_options options = {.prefix_len = IPV4_PREFIX_OFFSET + 24,
                                    .no_checksums = current_round % 4 != 0};
    char why[RERUN_WHY_MAX];

    if (rerun_script_init(script, memory, capture) < 0)
        fail("no memory for so little");
    if (capture->count > 0) {
        if (rerun_script_run(script, &options, why) < 0)
            fail(why);
        report(script, nowhere, false);
        report(script, nowhere, true);
    }
    rerun_script_fini(script);
    if (memory->used != 0)
        fail("memory is left");
}

static void rerun(const struct content *c, int fd, FILE *nowhere)
{
    static struct rerun_script script;
    struct ip_addr host = ip_addr_v4(0xc0000202);
    struct rerun_capture capture;
    struct memory memory;
    char path[64];
    int error;

    if (ftruncate(fd, 0) < 0 ||
        pwrite(fd, c->data, c->len, 0) != (ssize_t)c->len)
        fail("no file can be made");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    memory_init(&memory, SIZE_MAX);
    error = rerun_load(&capture, path, &host);
    if (error < 0) {
        if (error != -EBADMSG)
            fail("an error that is none");
        return;
    }
    rerun_loaded(&script, &capture, &memory, nowhere);
    rerun_unload(&capture);
}

int main(int argc, char **argv)
{
    struct rounds rounds = rounds_of(argc, argv, ROUNDS);
    int fd = memfd_create("capture", MFD_CLOEXEC);
    FILE *nowhere = fopen("/dev/null", "we");
    static struct content content;

    if (fd < 0 || nowhere == NULL)
        fail("no file can be made");
    for (current_round = rounds.first; current_round <= rounds.last;
         current_round++) {
        make_capture(&content, current_round);
        rerun(&content, fd, nowhere);
    }
    fclose(nowhere);
    close(fd);
    return rounds_passed(rounds);
}
