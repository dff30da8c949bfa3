/*
 * Capture files that nobody wrote on purpose, thrown at the reader. Each begins
 * as a valid one, of either format and byte order; then octets are changed, cut
 * off and put in. The reader must come to an end, hold no more memory than it
 * says, and what it gives must be well formed: data that can be read (for the
 * sanitizers), times within reason, comments with an end.
 *
 *     test_capture                 as `make test` does
 *     test_capture 17              round 17 alone
 *     test_capture 1 100000        a range
 *
 * For libFuzzer, whose bytes are the file:
 *
 *     clang -DFUZZ_LIBFUZZER -fsanitize=fuzzer,address -Istack -I. ...
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/rounds.h"
#include "tools/capture_link.h"

#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 20000, FILE_MAX = 8192 };

static unsigned long current_round;
static unsigned sum; /* so that what is read is not optimized away */

__attribute__((noreturn)) static void fail(const char *what)
{
    fprintf(stderr, "round %lu: %s\n", current_round, what);
    abort();
}

/* ---- What must hold ---------------------------------------------------- */

static void touch(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sum += bytes.data[i];
}

static void check_record(const struct capture_record *record)
{
    struct capture_packet packet;

    if (record->data.len > CAPTURE_PACKET_MAX)
        fail("a packet is longer than all packets");
    touch(record->data);
    if (record->nsec > 999)
        fail("a microsecond of more than 999 nanoseconds");
    if (record->comment != NULL && strlen(record->comment) > CAPTURE_BLOCK_MAX)
        fail("a comment without an end");
    if (capture_link_parse(record, &packet) == 0)
        touch(packet.data);
}

static void read_all(struct capture_file *file)
{
    struct capture_record record;
    uint64_t count = 0;
    int r;

    while ((r = capture_file_next(file, &record)) == 1) {
        if (record.number != ++count || count > FILE_MAX)
            fail("the records are not counted");
        check_record(&record);
    }
    if (r != 0 && r != -ENODATA && r != -EBADMSG)
        fail("an error that is none");
}

static void read_capture(const uint8_t *data, size_t len)
{
    static int fd = -1;
    struct capture_file *file;
    char path[64];

    if (fd < 0)
        fd = memfd_create("capture", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) < 0 ||
        pwrite(fd, data, len, 0) != (ssize_t)len)
        fail("no file can be made");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int r = capture_file_open(path, &file);
    if (r == 0) {
        read_all(file);
        capture_file_close(file);
    } else if (r != -EBADMSG) {
        fail("an error of opening that is none");
    }
}

/* ---- Drawing ----------------------------------------------------------- */

#ifndef FUZZ_LIBFUZZER

struct content {
    struct random random;
    bool big;
    size_t len;
    uint8_t data[FILE_MAX];
};

static uint32_t draw(struct content *c, uint32_t bound)
{
    return random_below(&c->random, bound);
}

static void put_number(struct content *c, uint32_t value, unsigned len)
{
    for (unsigned i = 0; i < len && c->len < FILE_MAX; i++)
        c->data[c->len++] = (uint8_t)(value >> 8 * (c->big ? len - 1 - i : i));
}

/* A word that should be `value`: now and then it is not. */
static void put_word(struct content *c, uint32_t value)
{
    switch (draw(c, 60)) {
    case 0:
        value += draw(c, 9) - 4;
        break;
    case 1:
        value = draw(c, 2) == 0 ? UINT32_MAX : 0x7fffffff;
        break;
    case 2:
        value ^= 1u << draw(c, 32);
        break;
    default:
        break;
    }
    put_number(c, value, 4);
}

static void put_noise(struct content *c, size_t len)
{
    while (len-- > 0)
        put_number(c, draw(c, 256), 1);
}

static void put_pcap(struct content *c)
{
    static const uint32_t links[] = {0, 1, 101, 108, 113, 228, 276, 147};
    unsigned records = draw(c, 10);

    put_number(c, draw(c, 2) == 0 ? 0xa1b2c3d4 : 0xa1b23c4d, 4);
    put_number(c, 2, 2);
    put_number(c, 4, 2);
    put_noise(c, 12);
    put_word(c, links[draw(c, ARRAY_LENGTH(links))]);
    while (records-- > 0) {
        uint32_t len = draw(c, 100);

        put_noise(c, 8);
        put_word(c, len);
        put_word(c, len);
        put_noise(c, len);
    }
}

static void put_options(struct content *c)
{
    static const uint32_t codes[] = {1, 1, 1, 2, 9, 14, 77};

    while (draw(c, 3) != 0) {
        uint32_t code = codes[draw(c, ARRAY_LENGTH(codes))];
        uint32_t len = code == 2 ? 4 : code == 9 ? 1 : code == 14 ? 8 : 20;

        if (draw(c, 8) == 0)
            len = draw(c, 30);
        put_number(c, code, 2);
        put_number(c, len, 2);
        put_noise(c, (len + 3) / 4 * 4);
    }
}

static void put_packet(struct content *c, uint32_t type)
{
    uint32_t len = draw(c, 100);

    if (type == 2)
        put_noise(c, 4);
    else if (type == 6)
        put_word(c, draw(c, 2));
    if (type != 3) {
        put_noise(c, 8);
        put_word(c, len);
    }
    put_word(c, len);
    put_noise(c, (len + 3) / 4 * 4);
    put_options(c);
}

static void put_block(struct content *c)
{
    static const uint32_t types[] = {0x0a0d0d0a, 1, 1, 2, 3, 6, 6, 6, 6, 5};
    uint32_t type = types[draw(c, ARRAY_LENGTH(types))];
    size_t begin = c->len;

    put_number(c, type, 4);
    put_number(c, 0, 4);
    if (type == 0x0a0d0d0a) {
        put_word(c, 0x1a2b3c4d);
        put_word(c, c->big ? 0x00010000 : 1);
        put_noise(c, 8);
        put_options(c);
    } else if (type == 1) {
        put_word(c, draw(c, 2) == 0 ? 1 : c->big ? 101u << 16 : 101);
        put_word(c, draw(c, 2) == 0 ? 0 : 64);
        put_options(c);
    } else if (type == 5) {
        put_noise(c, 4 * draw(c, 10));
    } else {
        put_packet(c, type);
    }

    size_t end = c->len;
    uint32_t len = (uint32_t)(end - begin) + 4;
    if (begin + 8 > FILE_MAX)
        return;
    c->len = begin + 4;
    put_word(c, len);
    c->len = end;
    put_word(c, len);
}

static void put_pcapng(struct content *c)
{
    unsigned blocks = draw(c, 20);

    put_number(c, 0x0a0d0d0a, 4);
    put_number(c, 28, 4);
    put_number(c, 0x1a2b3c4d, 4);
    put_number(c, 1, 2);
    put_noise(c, 10);
    put_number(c, 28, 4);
    put_number(c, 1, 4);
    put_number(c, 20, 4);
    put_number(c, 1, 2);
    put_number(c, 0, 2);
    put_number(c, 0, 4);
    put_number(c, 20, 4);
    while (blocks-- > 0)
        put_block(c);
}

static void mutate(struct content *c)
{
    unsigned changes = draw(c, 4);

    for (unsigned i = 0; i < changes; i++) {
        size_t at = draw(c, (uint32_t)c->len);

        switch (draw(c, 4)) {
        case 0:
            c->data[at] = (uint8_t)draw(c, 256);
            break;
        case 1:
            c->data[at] ^= (uint8_t)(1u << draw(c, 8));
            break;
        case 2:
            memmove(c->data + at, c->data + at + 1, c->len - at - 1);
            break;
        default:
            c->len = at + 1;
        }
    }
}

static void run(unsigned long round)
{
    static struct content c;

    c.len = 0;
    c.big = round / 2 % 2;
    random_init(&c.random, (struct hash_key){round, 0});
    if (round % 4 == 0)
        put_pcap(&c);
    else
        put_pcapng(&c);
    mutate(&c);
    read_capture(c.data, c.len);
}

int main(int argc, char **argv)
{
    struct rounds rounds = rounds_of(argc, argv, ROUNDS);

    for (current_round = rounds.first; current_round <= rounds.last;
         current_round++)
        run(current_round);
    return rounds_passed(rounds);
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    read_capture(bytes, len);
    return 0;
}

#endif
