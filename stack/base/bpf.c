/*
 * The classic BPF machine: a check, and an interpreter of some sixty lines.
 *
 * The opcodes are those of the paper and of Linux's <linux/filter.h>, XOR and
 * MOD among them. Of Linux's loads of things outside the packet (SKF_AD_OFF)
 * there are those that libpcap's compiler uses; others are refused when the
 * program is attached.
 */
#include "base/bpf.h"

#include <errno.h>
#include <string.h>

enum { /* the low three bits of a code: its class */
       CLASS_LD = 0,
       CLASS_LDX = 1,
       CLASS_ST = 2,
       CLASS_STX = 3,
       CLASS_ALU = 4,
       CLASS_JMP = 5,
       CLASS_RET = 6,
       CLASS_MISC = 7,
       CLASS_MASK = 7
};

enum { /* of a load: size and mode */
       SIZE_W = 0x00,
       SIZE_H = 0x08,
       SIZE_B = 0x10,
       SIZE_MASK = 0x18,
       MODE_IMM = 0x00,
       MODE_ABS = 0x20,
       MODE_IND = 0x40,
       MODE_MEM = 0x60,
       MODE_LEN = 0x80,
       MODE_MSH = 0xa0
};

enum { /* of ALU and JMP: the operation, and where its operand is */
       SRC_X = 0x08,
       OP_MASK = 0xf0,
       ALU_ADD = 0x00,
       ALU_SUB = 0x10,
       ALU_MUL = 0x20,
       ALU_DIV = 0x30,
       ALU_OR = 0x40,
       ALU_AND = 0x50,
       ALU_LSH = 0x60,
       ALU_RSH = 0x70,
       ALU_NEG = 0x80,
       ALU_MOD = 0x90,
       ALU_XOR = 0xa0,
       JMP_JA = 0x00,
       JMP_JEQ = 0x10,
       JMP_JGT = 0x20,
       JMP_JGE = 0x30,
       JMP_JSET = 0x40,
       RET_K = 0x00,
       RET_A = 0x10,
       MISC_TAX = 0x00,
       MISC_TXA = 0x80
};

/* Offsets from here on do not lie in the packet: <linux/filter.h>. */
#define OUTSIDE_ABOUT 0xfffff000u   /* SKF_AD_OFF */
#define OUTSIDE_NETWORK 0xfff00000u /* SKF_NET_OFF: from the IP header */
#define OUTSIDE_LINK 0xffe00000u    /* SKF_LL_OFF: from the beginning */

enum {
    ABOUT_PROTOCOL = 0,
    ABOUT_KIND = 4,
    ABOUT_IFACE = 8,
    ABOUT_HARDWARE = 28,
    ABOUT_VLAN_TAG = 44, /* tags stay in the packet: there never is one */
    ABOUT_VLAN_TAG_PRESENT = 48
};

/* ---- The check --------------------------------------------------------- */

static bool is_known_about(uint32_t k)
{
    switch (k - OUTSIDE_ABOUT) {
    case ABOUT_PROTOCOL:
    case ABOUT_KIND:
    case ABOUT_IFACE:
    case ABOUT_HARDWARE:
    case ABOUT_VLAN_TAG:
    case ABOUT_VLAN_TAG_PRESENT:
        return true;
    default:
        return false;
    }
}

static bool is_good_load(const struct bpf_insn *insn)
{
    switch (insn->code & ~CLASS_MASK) {
    case MODE_ABS | SIZE_W:
    case MODE_ABS | SIZE_H:
    case MODE_ABS | SIZE_B:
        return insn->k < OUTSIDE_ABOUT || is_known_about(insn->k);
    case MODE_IND | SIZE_W:
    case MODE_IND | SIZE_H:
    case MODE_IND | SIZE_B:
    case MODE_IMM:
    case MODE_LEN:
        return true;
    case MODE_MEM:
        return insn->k < BPF_MEMORY_WORDS;
    default:
        return false;
    }
}

static bool is_good_load_of_x(const struct bpf_insn *insn)
{
    switch (insn->code & ~CLASS_MASK) {
    case MODE_IMM:
    case MODE_LEN:
    case MODE_MSH | SIZE_B:
        return true;
    case MODE_MEM:
        return insn->k < BPF_MEMORY_WORDS;
    default:
        return false;
    }
}

/* A constant by which nothing can be divided, or shifted, is a mistake. */
static bool is_good_alu(const struct bpf_insn *insn)
{
    bool has_constant = (insn->code & SRC_X) == 0;

    switch (insn->code & OP_MASK) {
    case ALU_ADD:
    case ALU_SUB:
    case ALU_MUL:
    case ALU_OR:
    case ALU_AND:
    case ALU_XOR:
        return true;
    case ALU_NEG:
        return has_constant;
    case ALU_DIV:
    case ALU_MOD:
        return !has_constant || insn->k != 0;
    case ALU_LSH:
    case ALU_RSH:
        return !has_constant || insn->k < 32;
    default:
        return false;
    }
}

/* `left`: how many instructions follow; a jump ends on one of them. */
static bool is_good_jump(const struct bpf_insn *insn, unsigned left)
{
    switch (insn->code & OP_MASK) {
    case JMP_JA:
        return (insn->code & SRC_X) == 0 && insn->k < left;
    case JMP_JEQ:
    case JMP_JGT:
    case JMP_JGE:
    case JMP_JSET:
        return insn->jump_true < left && insn->jump_false < left;
    default:
        return false;
    }
}

static bool is_good(const struct bpf_insn *insn, unsigned left)
{
    if (insn->code > 0xff)
        return false;
    switch (insn->code & CLASS_MASK) {
    case CLASS_LD:
        return is_good_load(insn);
    case CLASS_LDX:
        return is_good_load_of_x(insn);
    case CLASS_ST:
    case CLASS_STX:
        return insn->code <= CLASS_MASK && insn->k < BPF_MEMORY_WORDS;
    case CLASS_ALU:
        return is_good_alu(insn);
    case CLASS_JMP:
        return is_good_jump(insn, left);
    case CLASS_RET:
        return insn->code == (CLASS_RET | RET_K) ||
               insn->code == (CLASS_RET | RET_A);
    default:
        return insn->code == (CLASS_MISC | MISC_TAX) ||
               insn->code == (CLASS_MISC | MISC_TXA);
    }
}

static bool is_good_program(const struct bpf_program *program)
{
    unsigned last = program->count - 1;

    for (unsigned i = 0; i <= last; i++)
        if (!is_good(&program->insns[i], last - i))
            return false;
    return (program->insns[last].code & CLASS_MASK) == CLASS_RET;
}

/* ---- The machine ------------------------------------------------------- */

struct machine {
    uint32_t a;
    uint32_t x;
    uint32_t memory[BPF_MEMORY_WORDS]; /* zero at first */
    const struct frame *frame;
    const struct bpf_about *about;
};

static uint32_t load_about(const struct bpf_about *about, uint32_t what)
{
    switch (what) {
    case ABOUT_PROTOCOL:
        return about->protocol;
    case ABOUT_KIND:
        return about->kind;
    case ABOUT_IFACE:
        return about->iface;
    case ABOUT_HARDWARE:
        return about->hardware;
    default:
        return 0;
    }
}

static uint32_t packet_len(const struct machine *m)
{
    return (uint32_t)(frame_len(m->frame) - m->about->data_begin);
}

/* `size` bytes, in network byte order; false: they are not all there. */
static bool load_bytes(const struct machine *m, uint32_t offset, size_t size,
                       uint32_t *out)
{
    uint8_t bytes[4] = {0};
    size_t from = m->about->data_begin + offset;

    if (offset >= OUTSIDE_NETWORK)
        from = m->about->network_begin + (offset - OUTSIDE_NETWORK);
    else if (offset >= OUTSIDE_LINK)
        from = offset - OUTSIDE_LINK;
    if (frame_copy(m->frame, from, bytes + 4 - size, size) < size)
        return false;
    *out = get_be32(bytes);
    return true;
}

static size_t size_of(const struct bpf_insn *insn)
{
    return (insn->code & SIZE_MASK) == SIZE_W   ? 4
           : (insn->code & SIZE_MASK) == SIZE_H ? 2
                                                : 1;
}

static bool load(struct machine *m, const struct bpf_insn *insn)
{
    switch (insn->code & ~(CLASS_MASK | SIZE_MASK)) {
    case MODE_ABS:
        if (insn->k < OUTSIDE_ABOUT)
            return load_bytes(m, insn->k, size_of(insn), &m->a);
        m->a = load_about(m->about, insn->k - OUTSIDE_ABOUT);
        return true;
    case MODE_IND:
        return load_bytes(m, m->x + insn->k, size_of(insn), &m->a);
    case MODE_LEN:
        m->a = packet_len(m);
        return true;
    case MODE_MEM:
        m->a = m->memory[insn->k];
        return true;
    default: /* MODE_IMM: the check knows no other */
        m->a = insn->k;
        return true;
    }
}

/* MODE_MSH: the length of the IP header whose first octet is at k. */
static bool load_x(struct machine *m, const struct bpf_insn *insn)
{
    switch (insn->code & ~(CLASS_MASK | SIZE_MASK)) {
    case MODE_MSH:
        if (!load_bytes(m, insn->k, 1, &m->x))
            return false;
        m->x = 4 * (m->x & 0x0f);
        return true;
    case MODE_LEN:
        m->x = packet_len(m);
        return true;
    case MODE_MEM:
        m->x = m->memory[insn->k];
        return true;
    default:
        m->x = insn->k;
        return true;
    }
}

static uint32_t operand(const struct machine *m, const struct bpf_insn *insn)
{
    return insn->code & SRC_X ? m->x : insn->k;
}

/* A shift by more than there are bits leaves none. */
static uint32_t shifted(uint16_t op, uint32_t a, uint32_t by)
{
    if (by > 31)
        return 0;
    return op == ALU_LSH ? a << by : a >> by;
}

/* False: a division by zero. */
static bool calculate(struct machine *m, const struct bpf_insn *insn)
{
    uint16_t op = insn->code & OP_MASK;
    uint32_t by = operand(m, insn);

    if ((op == ALU_DIV || op == ALU_MOD) && by == 0)
        return false;
    switch (op) {
    case ALU_ADD:
        m->a += by;
        return true;
    case ALU_SUB:
        m->a -= by;
        return true;
    case ALU_MUL:
        m->a *= by;
        return true;
    case ALU_DIV:
        m->a /= by;
        return true;
    case ALU_MOD:
        m->a %= by;
        return true;
    case ALU_OR:
        m->a |= by;
        return true;
    case ALU_AND:
        m->a &= by;
        return true;
    case ALU_XOR:
        m->a ^= by;
        return true;
    case ALU_NEG:
        m->a = -m->a;
        return true;
    default:
        m->a = shifted(op, m->a, by);
        return true;
    }
}

/* How many instructions to skip. */
static uint32_t jump(const struct machine *m, const struct bpf_insn *insn)
{
    uint32_t with = operand(m, insn);
    bool holds;

    switch (insn->code & OP_MASK) {
    case JMP_JEQ:
        holds = m->a == with;
        break;
    case JMP_JGT:
        holds = m->a > with;
        break;
    case JMP_JGE:
        holds = m->a >= with;
        break;
    case JMP_JSET:
        holds = (m->a & with) != 0;
        break;
    default: /* JMP_JA */
        return insn->k;
    }
    return holds ? insn->jump_true : insn->jump_false;
}

/* Everything but jumps and returns. False: the packet is rejected. */
static bool step(struct machine *m, const struct bpf_insn *insn)
{
    switch (insn->code & CLASS_MASK) {
    case CLASS_LD:
        return load(m, insn);
    case CLASS_LDX:
        return load_x(m, insn);
    case CLASS_ST:
        m->memory[insn->k] = m->a;
        return true;
    case CLASS_STX:
        m->memory[insn->k] = m->x;
        return true;
    case CLASS_ALU:
        return calculate(m, insn);
    default: /* CLASS_MISC */
        if ((insn->code & OP_MASK) == MISC_TAX)
            m->x = m->a;
        else
            m->a = m->x;
        return true;
    }
}

uint32_t bpf_run(const struct bpf_program *program, const struct frame *frame,
                 const struct bpf_about *about)
{
    struct machine m = {.frame = frame, .about = about};

    if (program == NULL)
        return UINT32_MAX;
    for (const struct bpf_insn *insn = program->insns;; insn++) {
        int class = insn->code & CLASS_MASK;

        assert(insn < program->insns + program->count);
        if (class == CLASS_RET)
            return (insn->code & OP_MASK) == RET_A ? m.a : insn->k;
        if (class == CLASS_JMP)
            insn += jump(&m, insn);
        else if (!step(&m, insn))
            return BPF_WANT_NOTHING;
    }
}

/* ---- Making ------------------------------------------------------------ */

static size_t program_size(unsigned count)
{
    return sizeof(struct bpf_program) + count * sizeof(struct bpf_insn);
}

int bpf_create(struct memory *memory, struct bytes code,
               struct bpf_program **out)
{
    unsigned count = (unsigned)(code.len / BPF_INSN_LEN);

    _Static_assert(sizeof(struct bpf_insn) == BPF_INSN_LEN,
                   "as struct sock_filter");
    if (code.len == 0 || code.len % BPF_INSN_LEN != 0 ||
        code.len / BPF_INSN_LEN > BPF_PROGRAM_MAX)
        return -EINVAL;

    struct bpf_program *program = memory_alloc(memory, program_size(count));

    if (program == NULL)
        return -ENOMEM;
    program->count = count;
    memcpy(program->insns, code.data, code.len);
    if (!is_good_program(program)) {
        bpf_destroy(memory, program);
        return -EINVAL;
    }
    *out = program;
    return 0;
}

struct bpf_program *bpf_copy(struct memory *memory,
                             const struct bpf_program *program)
{
    size_t size = program_size(program->count);
    struct bpf_program *copy = memory_alloc(memory, size);

    if (copy != NULL)
        memcpy(copy, program, size);
    return copy;
}

void bpf_destroy(struct memory *memory, struct bpf_program *program)
{
    if (program != NULL)
        memory_free(memory, program, program_size(program->count));
}
