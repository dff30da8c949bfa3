/*
 * Processes by syscall(2): libc's handlers do not run for them, so the library
 * is told here. What makes a process otherwise (clone(3), _Fork(3), the
 * instruction itself) it finds out when the child first calls it: fork_mark.h.
 *
 * A child that is to have its parent's memory until it executes something gets
 * a copy: here it would return from this function, and its parent then find
 * another's words on its stack. The parent waits for it all the same.
 */
#include "shim.h"

#include <errno.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* clone(2)'s first two words on this machine. */
#ifdef __s390x__
enum { CLONE_FLAGS = 1, CLONE_STACK = 0 };
#else
enum { CLONE_FLAGS = 0, CLONE_STACK = 1 };
#endif

/* A parent that waits for its child must not hold the library's lock meanwhile:
 * such a child finds out by itself. */
static long fork_by(long number, const long *a, bool parent_waits)
{
    bool is_told = !parent_waits && shim_fork_begin();
    long pid = syscall_pass(number, a);
    int error = errno;

    if (pid == 0)
        process_take();
    if (is_told && pid == 0)
        shim_fork_in_child();
    else if (is_told)
        shim_fork_in_parent();
    errno = error;
    return pid;
}

/* A child with a stack of its own does not come back to us, nor does a thread:
 * those are the caller's to get right. */
static bool returns_here(unsigned long flags, unsigned long stack)
{
    bool is_borrowing = (flags & CLONE_VM) != 0;

    return stack == 0 && (!is_borrowing || (flags & CLONE_VFORK) != 0);
}

/* A copy of the table, but the parent's own descriptors: what the one closes
 * the other's stack would miss. */
static bool is_refused(unsigned long flags, unsigned long stack)
{
    bool has_copy = (flags & CLONE_VM) == 0 || returns_here(flags, stack);

    return has_copy && (flags & CLONE_FILES) != 0;
}

static long refuse(void)
{
    errno = EINVAL;
    return -1;
}

static long clone_by(const long *a)
{
    long own[SYSCALL_WORDS];
    unsigned long flags = (unsigned long)a[CLONE_FLAGS];

    if (is_refused(flags, (unsigned long)a[CLONE_STACK]))
        return refuse();
    if (!returns_here(flags, (unsigned long)a[CLONE_STACK]))
        return syscall_pass(SYS_clone, a);
    memcpy(own, a, sizeof(own));
    own[CLONE_FLAGS] = (long)(flags & ~(unsigned long)CLONE_VM);
    return fork_by(SYS_clone, own, (flags & CLONE_VFORK) != 0);
}

/* Its arguments grow with the kernel: as many as we have room for. */
static long clone3_by(const long *a)
{
    union {
        struct clone_args args;
        char room[256];
    } own;
    size_t size = (size_t)a[1];
    long words[SYSCALL_WORDS] = {(long)&own, a[1]};

    if (a[0] == 0 || size < CLONE_ARGS_SIZE_VER0 || size > sizeof(own))
        return syscall_pass(SYS_clone3, a);
    memcpy(&own, (const void *)a[0], size);
    if (is_refused(own.args.flags, own.args.stack))
        return refuse();
    if (!returns_here(own.args.flags, own.args.stack))
        return syscall_pass(SYS_clone3, a);
    own.args.flags &= ~(uint64_t)CLONE_VM;
    return fork_by(SYS_clone3, words, (own.args.flags & CLONE_VFORK) != 0);
}

long syscall_fork(long number, const long *a)
{
    long vfork[SYSCALL_WORDS] = {0};

    switch (number) {
    case SYS_clone:
        return clone_by(a);
    case SYS_clone3:
        return clone3_by(a);
#ifdef SYS_vfork
    case SYS_vfork:
        vfork[CLONE_FLAGS] = CLONE_VFORK | SIGCHLD;
        return fork_by(SYS_clone, vfork, true);
#endif
    default:
        return fork_by(number, a, false);
    }
}
