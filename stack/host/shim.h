/*
 * What the preload shim needs of the table of descriptors, and a program of
 * tapir.h does not: numbers that are the kernel's own.
 *
 * After shim_mirror a number of the table and a number of the kernel are the
 * same thing. Each socket and epoll set of ours is paired with a descriptor of
 * the kernel, its placeholder, which holds the number; whatever has no entry
 * in the table is the kernel's descriptor of that number, and poll, select,
 * epoll_ctl, sendfile and splice take it so.
 *
 * Who closes what: the table never closes a placeholder, and never a
 * descriptor of the kernel that it took for one. So close(n) in the shim is
 *
 *     if (shim_kind(n) != SHIM_NONE && shim_is_here())
 *         tapir_close(n);     the table's part, first
 *     real_close(n);          the number is free only now
 *
 * and dup2(old, new), with old of the stack:
 *
 *     real_dup2(old, new);    the placeholder has a second number
 *     shim_place(old, new, cloexec);
 *
 * and with old of the kernel and new not SHIM_NONE: tapir_close(new), then
 * real_dup2(old, new).
 */
#ifndef TAPIR_HOST_SHIM_H
#define TAPIR_HOST_SHIM_H

#include "base/bytes.h"

#include <stdbool.h>

struct file;

/*
 * What a number stands for. SHIM_KERNEL: the kernel's, but the table knows it
 * (it is an item of an epoll set of ours, say), so its close is to be told.
 * SHIM_OWN: the library's own, a device or an event descriptor; the program
 * knows nothing of it and is to leave it open (close_range).
 */
enum shim_kind { SHIM_NONE, SHIM_KERNEL, SHIM_SOCKET, SHIM_EPOLL, SHIM_OWN };

/*
 * Takes no lock and makes no call: for every wrapper's first line, signal
 * handlers included.
 */
enum shim_kind shim_kind(int number);

/*
 * Whether this is the process that the table belongs to. False in a child of
 * vfork(2), which has the parent's memory but descriptors of its own: what it
 * closes or duplicates must not change the table. A child of fork(2) has a
 * table of its own and gets true (its sockets answer ENETDOWN). One system
 * call, getpid; async-signal-safe.
 */
bool shim_is_here(void);

/* Where numbers come from. Called with the library's lock held. */
struct shim_numbers {
    /*
     * A new placeholder: a descriptor of the kernel for what the number will
     * stand for (SHIM_SOCKET and its type, SHIM_EPOLL and 0), the least free
     * from `least` on; or a negative errno (-EMFILE).
     */
    int (*take)(enum shim_kind kind, int socket_type, int least,
                bool is_cloexec);
    /* It was not needed after all: close it. */
    void (*give_back)(int number);
};

/*
 * From now on the numbers are the kernel's. To be called before any other call
 * of the library; once. From then on tapir_socket, tapir_accept,
 * tapir_epoll_create1, tapir_dup and tapir_fcntl(F_DUPFD) take the number of
 * what they make from `numbers`.
 */
void shim_mirror(const struct shim_numbers *numbers);

/*
 * Number `to` now stands for the open file of `from` as well (dup2, dup3);
 * what it stood for in the table is closed. Nothing is taken from
 * shim_numbers. `to`; -EBADF: `from` is none of ours, or `to` out of range;
 * -ENOMEM, -ENETDOWN in a child of vfork.
 */
MUST_CHECK int shim_place(int from, int to, bool is_cloexec);

/*
 * Takes a number away without closing what it stood for: the open file, to be
 * given to shim_put or shim_end; NULL: there is none.
 */
struct file *shim_take(int number);
/* Gives it this number, in place of what the number stood for. -EBADF out of
 * range, -ENOMEM: the file is still the caller's. */
MUST_CHECK int shim_put(struct file *file, int number, bool is_cloexec);
/* Closes it as tapir_close would. */
void shim_end(struct file *file);

/*
 * The number, and each other one of its socket (dup), is the kernel's from now
 * on: its placeholder. The socket is closed; epoll sets that it is in have the
 * placeholder in its place, with the same events.
 */
void shim_hand_over(int number);

/*
 * The thread is about to jump out of a signal's handler, which may have
 * interrupted a call here: see waiter_abandon.
 */
void shim_jump_out(void);

/*
 * fork(2) for daemon(3): the child has the stack, with all its connections, and
 * this process none, if there was one and nobody waits in a call.
 */
int shim_fork_giving(void);

/* Meanwhile the library opens and closes no descriptor of its own. */
void shim_hold(void);
void shim_let_go(void);

/*
 * Around a fork that libc's handlers do not hear of. Whether the library has to
 * do with it at all: if not, the others are not to be called.
 */
bool shim_fork_begin(void);
void shim_fork_in_parent(void);
void shim_fork_in_child(void);

/* As at exit: the stacks finish what was written, and end. */
void shim_finish(void);

#endif
