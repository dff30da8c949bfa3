/*
 * Programs that tcpdump's compiler makes (tcpdump -y EN10MB -ddd FILTER), run
 * over frames; and what the check must refuse.
 */
#include "unit.h"

#include "base/bpf.h"
#include "base/random.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>

enum { PACKET_MAX = 128, PROGRAM_TEXT_MAX = 200 };

enum { PING_AT, SYN_AT, GET_AT, QUERY_AT, ARP_AT, FRAGMENT_AT, PACKETS };

enum {
    NONE = 0,
    PING = 1 << PING_AT,
    SYN = 1 << SYN_AT,
    GET = 1 << GET_AT,
    QUERY = 1 << QUERY_AT,
    ARP = 1 << ARP_AT,
    FRAGMENT = 1 << FRAGMENT_AT
};

static const char *const packets[PACKETS] = {
    [PING_AT] = /* an echo request */
    "0200000000020200000000010800450000200007000040010000c0000201c0000202"
    "0800aabb0007000164617461",
    [SYN_AT] = /* a SYN to port 80, with an MSS */
    "02000000000202000000000108004500002c0007000040060000c0000201c0000202"
    "9c4000500000000100000000600203e800000000020405b4",
    [GET_AT] = /* "GET /" behind an IP option */
    "0200000000020200000000010800460000310007000040060000c0000201c0000202"
    "010101009c4000500000000100000000501803e800000000474554202f",
    [QUERY_AT] = /* a datagram to port 53 */
    "0200000000020200000000010800450000200007000040110000c0000201c0000202"
    "13880035000c00006e616d65",
    [ARP_AT] = /* a broadcast question for 192.0.2.2 */
    "ffffffffffff02000000000108060001080006040001020000000001c00002010000"
    "00000000c0000202",
    [FRAGMENT_AT] = /* the second part of a datagram */
    "020000000002020000000001080045000034000700b940110000c0000203c0000202"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
};

static const struct {
    const char *filter;
    const char *program; /* its lines; a semicolon for each end of one */
    unsigned wanted;
} filters[] = {
    {"icmp[icmptype] == icmp-echo",
     "11;40 0 0 12;21 0 8 2048;48 0 0 23;21 0 6 1;40 0 0 20;69 4 0 8191;"
     "177 0 0 14;80 0 0 14;21 0 1 8;6 0 0 262144;6 0 0 0",
     PING},
    {"tcp port 80",
     "20;40 0 0 12;21 0 6 34525;48 0 0 20;21 0 15 6;40 0 0 54;21 12 0 80"
     ";40 0 0 56;21 10 11 80;21 0 10 2048;48 0 0 23;21 0 8 6;40 0 0 20;6"
     "9 6 0 8191;177 0 0 14;72 0 0 14;21 2 0 80;72 0 0 16;21 0 1 80;6 0 "
     "0 262144;6 0 0 0",
     SYN | GET},
    {"udp and dst port 53",
     "16;40 0 0 12;21 0 7 2048;48 0 0 23;21 0 11 17;40 0 0 20;69 9 0 819"
     "1;177 0 0 14;72 0 0 16;21 5 6 53;21 0 5 34525;48 0 0 20;21 0 3 17;"
     "40 0 0 56;21 0 1 53;6 0 0 262144;6 0 0 0",
     QUERY},
    {"arp", "4;40 0 0 12;21 0 1 2054;6 0 0 262144;6 0 0 0", ARP},
    {"ether broadcast",
     "6;32 0 0 2;21 0 3 4294967295;40 0 0 0;21 0 1 65535;6 0 0 262144;6 "
     "0 0 0",
     ARP},
    {"host 192.0.2.1 and not port 80",
     "25;40 0 0 12;21 0 15 2048;32 0 0 26;21 2 0 3221225985;32 0 0 30;21"
     " 0 18 3221225985;48 0 0 23;21 2 0 132;21 1 0 6;21 0 13 17;40 0 0 2"
     "0;69 11 0 8191;177 0 0 14;72 0 0 14;21 9 0 80;72 0 0 16;21 7 6 80;"
     "21 1 0 2054;21 0 5 32821;32 0 0 28;21 2 0 3221225985;32 0 0 38;21 "
     "0 1 3221225985;6 0 0 262144;6 0 0 0",
     PING | QUERY | ARP},
    {"tcp[tcpflags] & tcp-syn != 0",
     "11;40 0 0 12;21 0 8 2048;48 0 0 23;21 0 6 6;40 0 0 20;69 4 0 8191;"
     "177 0 0 14;80 0 0 27;69 0 1 2;6 0 0 262144;6 0 0 0",
     SYN},
    {"tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
     "16;40 0 0 12;21 0 13 2048;48 0 0 23;21 0 11 6;40 0 0 20;69 9 0 819"
     "1;177 0 0 14;80 0 0 26;84 0 0 240;116 0 0 2;12 0 0 0;7 0 0 0;64 0 "
     "0 14;21 0 1 1195725856;6 0 0 262144;6 0 0 0",
     GET},
    {"portrange 60-1000 and tcp",
     "25;40 0 0 12;21 0 8 34525;48 0 0 20;21 20 0 132;21 0 19 6;40 0 0 5"
     "4;53 0 1 60;37 0 15 1000;40 0 0 56;53 12 14 60;21 0 13 2048;48 0 0"
     " 23;21 11 0 132;21 0 10 6;40 0 0 20;69 8 0 8191;177 0 0 14;72 0 0 "
     "14;53 0 1 60;37 0 3 1000;72 0 0 16;53 0 2 60;37 1 0 1000;6 0 0 262"
     "144;6 0 0 0",
     SYN | GET},
    {"ip[6:2] & 0x1fff != 0",
     "6;40 0 0 12;21 0 3 2048;40 0 0 20;69 0 1 8191;6 0 0 262144;6 0 0 0",
     FRAGMENT},
    {"greater 64", "4;128 0 0 0;53 0 1 64;6 0 0 262144;6 0 0 0", FRAGMENT},
    {"vlan 5",
     "9;40 0 0 12;21 2 0 33024;21 1 0 34984;21 0 4 37120;40 0 0 14;84 0 "
     "0 4095;21 0 1 5;6 0 0 262144;6 0 0 0",
     NONE},
};

static const struct bpf_about nothing = {.network_begin = 14};

static size_t from_hex(const char *text, uint8_t out[static PACKET_MAX])
{
    size_t len = strlen(text) / 2;

    ck_assert_uint_le(len, PACKET_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned octet;

        ck_assert_int_eq(sscanf(text + 2 * i, "%2x", &octet), 1);
        out[i] = (uint8_t)octet;
    }
    return len;
}

static unsigned next_number(const char **text)
{
    char *end;
    unsigned long number = strtoul(*text, &end, 10);

    ck_assert_ptr_ne(end, *text);
    *text = *end == ';' ? end + 1 : end;
    return (unsigned)number;
}

static unsigned program_from(const char *text,
                             struct sock_filter out[static PROGRAM_TEXT_MAX])
{
    unsigned count = next_number(&text);

    ck_assert_uint_le(count, PROGRAM_TEXT_MAX);
    for (unsigned i = 0; i < count; i++) {
        out[i].code = (uint16_t)next_number(&text);
        out[i].jt = (uint8_t)next_number(&text);
        out[i].jf = (uint8_t)next_number(&text);
        out[i].k = next_number(&text);
    }
    return count;
}

static int create(struct memory *memory, const struct sock_filter *insns,
                  size_t count, struct bpf_program **out)
{
    return bpf_create(memory, bytes_of(insns, count * sizeof(*insns)), out);
}

/* Whether the program is taken. */
static bool is_taken(const struct sock_filter *insns, size_t count)
{
    struct bpf_program *program;
    struct memory memory;

    memory_init(&memory, SIZE_MAX);

    int error = create(&memory, insns, count, &program);

    if (error == 0)
        bpf_destroy(&memory, program);
    else
        ck_assert_int_eq(error, -EINVAL);
    ck_assert_uint_eq(memory.used, 0);
    return error == 0;
}

/* What a good program says of a packet. */
static uint32_t run_with(const struct sock_filter *insns, size_t count,
                         const char *packet, const struct bpf_about *about)
{
    uint8_t data[PACKET_MAX];
    size_t len = from_hex(packet, data);
    struct bpf_program *program;
    struct memory memory;
    struct frame frame;

    memory_init(&memory, SIZE_MAX);
    ck_assert_int_eq(create(&memory, insns, count, &program), 0);
    frame_init_input(&frame, NULL, data, len);

    uint32_t wanted = bpf_run(program, &frame, about);

    bpf_destroy(&memory, program);
    return wanted;
}

#define RUN(packet, about, ...)                                                \
    run_with((const struct sock_filter[]){__VA_ARGS__},                        \
             sizeof((const struct sock_filter[]){__VA_ARGS__}) /               \
                 sizeof(struct sock_filter),                                   \
             packet, about)

#define IS_TAKEN(...)                                                          \
    is_taken((const struct sock_filter[]){__VA_ARGS__},                        \
             sizeof((const struct sock_filter[]){__VA_ARGS__}) /               \
                 sizeof(struct sock_filter))

#define RETURN_A BPF_STMT(BPF_RET | BPF_A, 0)
#define RETURN(k) BPF_STMT(BPF_RET | BPF_K, k)

START_TEST(the_filters_of_tcpdump_want_the_right_packets)
{
    for (size_t i = 0; i < ARRAY_LENGTH(filters); i++) {
        struct sock_filter insns[PROGRAM_TEXT_MAX];
        unsigned count = program_from(filters[i].program, insns);

        for (unsigned packet = 0; packet < PACKETS; packet++) {
            uint32_t wanted = run_with(insns, count, packets[packet], &nothing);
            bool is_wanted = (filters[i].wanted & 1u << packet) != 0;

            ck_assert_msg(wanted == (is_wanted ? 262144 : 0),
                          "%s: packet %u: %u", filters[i].filter, packet,
                          wanted);
        }
    }
}
END_TEST

START_TEST(a_frame_in_slices_reads_as_one)
{
    static const struct sock_filter load[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN_A};
    static const uint8_t head[] = {1, 2, 3, 4};
    struct bpf_program *program;
    struct memory memory;
    struct frame frame;

    memory_init(&memory, SIZE_MAX);
    ck_assert_int_eq(create(&memory, load, 2, &program), 0);
    frame_init_input(&frame, NULL, (uint8_t *)(uintptr_t)head, sizeof(head));
    ck_assert_uint_eq(bpf_run(program, &frame, &nothing), 0);
    frame_add_slice(&frame, bytes_of("\x05\x06", 2));
    ck_assert_uint_eq(bpf_run(program, &frame, &nothing), 0x03040506);
    bpf_destroy(&memory, program);
    ck_assert_uint_eq(bpf_run(NULL, &frame, &nothing), UINT32_MAX);
}
END_TEST

START_TEST(what_is_not_in_the_packet_can_be_asked)
{
    struct bpf_about about = {.protocol = 0x0800,
                              .kind = 4,
                              .iface = 2,
                              .hardware = 1,
                              .network_begin = 14};
    const char *ping = packets[PING_AT];

#define ASK(offset)                                                            \
    RUN(ping, &about, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset)),  \
        RETURN_A)
    ck_assert_uint_eq(ASK(SKF_AD_OFF + SKF_AD_PROTOCOL), 0x0800);
    ck_assert_uint_eq(ASK(SKF_AD_OFF + SKF_AD_PKTTYPE), 4);
    ck_assert_uint_eq(ASK(SKF_AD_OFF + SKF_AD_IFINDEX), 2);
    ck_assert_uint_eq(ASK(SKF_AD_OFF + SKF_AD_HATYPE), 1);
    ck_assert_uint_eq(ASK(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT), 0);
    ck_assert_uint_eq(ASK(SKF_NET_OFF + 12), 0xc0000201); /* the source */
    ck_assert_uint_eq(ASK(SKF_LL_OFF + 6), 0x02000000);
#undef ASK
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                 (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
                        RETURN_A));
}
END_TEST

START_TEST(the_machine_calculates)
{
    const char *ping = packets[PING_AT];

#define CALCULATE(op, a, k)                                                    \
    RUN(ping, &nothing, BPF_STMT(BPF_LD | BPF_IMM, a),                         \
        BPF_STMT(BPF_ALU | BPF_K | (op), k), RETURN_A)
#define CALCULATE_X(op, a, x)                                                  \
    RUN(ping, &nothing, BPF_STMT(BPF_LDX | BPF_IMM, x),                        \
        BPF_STMT(BPF_LD | BPF_IMM, a), BPF_STMT(BPF_ALU | BPF_X | (op), 0),    \
        RETURN_A)
    ck_assert_uint_eq(CALCULATE(BPF_ADD, 0xffffffff, 3), 2);
    ck_assert_uint_eq(CALCULATE(BPF_SUB, 7, 8), 0xffffffff);
    ck_assert_uint_eq(CALCULATE(BPF_MUL, 7, 8), 56);
    ck_assert_uint_eq(CALCULATE(BPF_DIV, 57, 8), 7);
    ck_assert_uint_eq(CALCULATE(BPF_MOD, 57, 8), 1);
    ck_assert_uint_eq(CALCULATE(BPF_OR, 6, 3), 7);
    ck_assert_uint_eq(CALCULATE(BPF_AND, 6, 3), 2);
    ck_assert_uint_eq(CALCULATE(BPF_XOR, 6, 3), 5);
    ck_assert_uint_eq(CALCULATE(BPF_LSH, 3, 31), 0x80000000);
    ck_assert_uint_eq(CALCULATE(BPF_RSH, 0x80000000, 31), 1);
    ck_assert_uint_eq(CALCULATE(BPF_NEG, 1, 0), 0xffffffff);
    ck_assert_uint_eq(CALCULATE_X(BPF_DIV, 57, 8), 7);
    ck_assert_uint_eq(CALCULATE_X(BPF_LSH, 3, 32), 0);
    ck_assert_uint_eq(CALCULATE_X(BPF_DIV, 57, 0), 0); /* rejected */
    ck_assert_uint_eq(CALCULATE_X(BPF_MOD, 57, 0), 0);
#undef CALCULATE
#undef CALCULATE_X
    ck_assert_uint_eq(RUN(ping, &nothing, BPF_STMT(BPF_LD | BPF_IMM, 9),
                          BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LD | BPF_IMM, 1),
                          BPF_STMT(BPF_LDX | BPF_MEM, 15),
                          BPF_STMT(BPF_MISC | BPF_TXA, 0), RETURN_A),
                      9);
    ck_assert_uint_eq(
        RUN(ping, &nothing, BPF_STMT(BPF_LD | BPF_MEM, 3), RETURN_A),
        0); /* memory begins as zero */
}
END_TEST

START_TEST(programs_that_might_not_end_well_are_refused)
{
    ck_assert(IS_TAKEN(RETURN(1)));
    ck_assert(!is_taken(NULL, 0));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_LD | BPF_IMM, 1))); /* no return */
    ck_assert(IS_TAKEN(BPF_STMT(BPF_JMP | BPF_JA, 0), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_JMP | BPF_JA, 1), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_JUMP(BPF_JMP | BPF_JEQ, 1, 1, 0), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_JUMP(BPF_JMP | BPF_JEQ, 1, 0, 1), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_ST, 16), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_STX, 16), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_LD | BPF_MEM, 16), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_LDX | BPF_MEM, 16), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_ALU | BPF_DIV, 0), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_ALU | BPF_MOD, 0), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_ALU | BPF_LSH, 32), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_ALU | 0xf0, 1), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(BPF_LD | BPF_MSH, 1), RETURN(1)));
    ck_assert(!IS_TAKEN(BPF_STMT(0x1000, 1), RETURN(1)));
}
END_TEST

START_TEST(a_program_has_at_most_4096_instructions)
{
    static struct sock_filter insns[BPF_MAXINSNS + 1];

    for (size_t i = 0; i < ARRAY_LENGTH(insns); i++)
        insns[i] = (struct sock_filter)RETURN(1);
    ck_assert(is_taken(insns, BPF_MAXINSNS));
    ck_assert(!is_taken(insns, BPF_MAXINSNS + 1));
}
END_TEST

START_TEST(a_program_needs_memory)
{
    static const struct sock_filter insns[] = {RETURN(1)};
    struct bpf_program *program = NULL;
    struct memory memory;

    memory_init(&memory, 1);
    ck_assert_int_eq(create(&memory, insns, 1, &program), -ENOMEM);
    ck_assert_ptr_null(program);
}
END_TEST

/* Sanitizers watch; and bpf_run asserts that it stays inside the program. */
START_TEST(whatever_is_taken_ends)
{
    struct random random;
    unsigned taken = 0;

    random_init(&random, (struct hash_key){.k0 = 1, .k1 = 2});
    for (unsigned round = 0; round < 100000; round++) {
        struct sock_filter insns[8];
        unsigned count = 1 + random_below(&random, 8);

        for (unsigned i = 0; i < count; i++)
            insns[i] = (struct sock_filter){
                .code = (uint16_t)random_below(&random, 0x100),
                .jt = (uint8_t)random_below(&random, 4),
                .jf = (uint8_t)random_below(&random, 4),
                .k = random_below(&random, 4) == 0 ? random_u32(&random)
                                                   : random_below(&random, 80),
            };
        insns[count - 1] = (struct sock_filter)RETURN_A;
        if (!is_taken(insns, count))
            continue;
        taken++;
        run_with(insns, count, packets[round % PACKETS], &nothing);
    }
    ck_assert_uint_gt(taken, 1000);
}
END_TEST

UNIT_MAIN("bpf", the_filters_of_tcpdump_want_the_right_packets,
          a_frame_in_slices_reads_as_one,
          what_is_not_in_the_packet_can_be_asked, the_machine_calculates,
          programs_that_might_not_end_well_are_refused,
          a_program_has_at_most_4096_instructions, a_program_needs_memory,
          whatever_is_taken_ends)
