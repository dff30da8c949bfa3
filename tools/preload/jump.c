/*
 * longjmp(3). A handler that interrupts poll may leave it by a jump, which
 * with the kernel's poll is harmless. In ours the thread stands in the
 * library's lists, and is taken out of them first.
 */
#include "shim.h"

EXPORT _Noreturn void siglongjmp(struct __jmp_buf_tag env[1], int value)
{
    shim_jump_out();
    real.longjmp(env, value);
    __builtin_unreachable();
}

EXPORT _Noreturn void longjmp(struct __jmp_buf_tag env[1], int value) __THROWNL
    __attribute__((alias("siglongjmp")));
EXPORT _Noreturn void _longjmp(struct __jmp_buf_tag env[1], int value) __THROWNL
    __attribute__((alias("siglongjmp")));
EXPORT _Noreturn void __longjmp_chk(struct __jmp_buf_tag env[1],
                                    int value) __THROWNL
    __attribute__((alias("siglongjmp")));
