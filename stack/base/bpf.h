/*
 * Packet filters: the classic BPF machine, as McCanne and Jacobson describe it
 * ("The BSD Packet Filter", USENIX 1993) and SO_ATTACH_FILTER takes it. A
 * program looks at a packet and says how many of its bytes are wanted.
 *
 * A program is checked once, when it is attached: every jump goes forward and
 * ends inside it, and its last instruction is a return. So it ends, after no
 * more steps than it has instructions, and touches nothing but the packet, two
 * registers and sixteen words of its own. A load from beyond the packet's end,
 * and a division by zero, reject the packet.
 */
#ifndef TAPIR_BASE_BPF_H
#define TAPIR_BASE_BPF_H

#include "base/frame.h"
#include "base/memory.h"

enum {
    BPF_INSN_LEN = 8,       /* of an instruction as a program hands it in */
    BPF_PROGRAM_MAX = 4096, /* instructions: BPF_MAXINSNS */
    BPF_WANT_NOTHING = 0,   /* what bpf_run answers for an unwanted packet */
    BPF_MEMORY_WORDS = 16   /* BPF_MEMWORDS */
};

struct bpf_insn {
    uint16_t code;
    uint8_t jump_true; /* instructions to skip */
    uint8_t jump_false;
    uint32_t k;
};

struct bpf_program {
    unsigned count;
    struct bpf_insn insns[];
};

/*
 * What a program can ask that does not stand in the packet: Linux's loads from
 * SKF_AD_OFF on.
 */
struct bpf_about {
    uint32_t protocol; /* EtherType */
    uint32_t kind;     /* PACKET_HOST, ... */
    uint32_t iface;
    uint32_t hardware;    /* ARPHRD_ETHER, ... */
    size_t network_begin; /* where the IP header is: SKF_NET_OFF */
    size_t data_begin;    /* what is before it is no part of the packet, but
                             for loads from SKF_NET_OFF and SKF_LL_OFF on */
};

/*
 * `code`: instructions as struct sock_filter has them, in this machine's byte
 * order. 0; -EINVAL: it is not a program that surely ends well, -ENOMEM.
 */
MUST_CHECK int bpf_create(struct memory *memory, struct bytes code,
                          struct bpf_program **out);
/* The same program once more; NULL without memory. */
MUST_CHECK struct bpf_program *bpf_copy(struct memory *memory,
                                        const struct bpf_program *program);
/* NULL is no program. */
void bpf_destroy(struct memory *memory, struct bpf_program *program);

/* How many bytes of the frame are wanted; 0: it is not. NULL wants all. */
uint32_t bpf_run(const struct bpf_program *program, const struct frame *frame,
                 const struct bpf_about *about);

#endif
