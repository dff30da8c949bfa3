/*
 * How a thread waits: in futex(2) if only the library can wake it, in ppoll(2)
 * if it waits for descriptors of the kernel, or for devices because it drives.
 *
 * Signals. A handler that runs while a call waits ends the call with EINTR,
 * unless the call restarts (signal(7)) and the handler was installed with
 * SA_RESTART. futex(2) without a time-out is restarted by the kernel itself.
 * ppoll never is, and does not tell which handler has run: a call that
 * restarts sleeps there with its signals blocked, beside a signalfd, which
 * tells that one is pending; what its handler was installed with is looked up,
 * and only then is it let through. From its first ppoll on a
 * call holds signals back outside of it, so that none comes unseen while the
 * thread works on frames; those that tell of a fault, or serve a debugger, are
 * let through.
 */
#define _GNU_SOURCE /* ppoll */
#include "host/wait.h"

#include "host/host.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A year: whoever has slept so long looks around and sleeps again. */
#define LONG_TIME (366 * 86400 * USEC_PER_SEC)

enum { DOZE_TIMES = 8 };

void waiter_init(struct waiter *waiter, struct tapir_stack *clock,
                 usec deadline)
{
    list_init(&waiter->node);
    list_init(&waiter->timeout_node);
    waiter->clock = clock;
    waiter->is_notified = false;
    waiter->is_interrupted = false;
    waiter->restarts = false;
    waiter->is_abandoned = false;
    waiter->holds_signals = false;
    waiter->mask = NULL;
    waiter->sleep = WAITER_AWAKE;
    atomic_init(&waiter->word, 0);
    waiter->spin = 0;
    waiter->event_fd = -1;
    waiter->signal_fd = -1;
    waiter->owns_signal_fd = false;
    waiter->kernel = NULL;
    waiter->kernel_count = 0;
    waiter->fds = waiter->few;
    waiter->fds_room = WAITER_FDS;
    waiter_set_deadline(waiter, deadline);
}

void waiter_set_deadline(struct waiter *waiter, usec deadline)
{
    waiter->deadline = deadline;
    list_remove(&waiter->timeout_node);
    if (waiter->clock != NULL && deadline != USEC_NEVER)
        list_append(&waiter->clock->timeouts, &waiter->timeout_node);
}

void waiter_end(struct waiter *waiter)
{
    list_remove(&waiter->timeout_node);
    if (waiter->fds != waiter->few)
        free(waiter->fds);
    if (waiter->owns_signal_fd) {
        host_disown_fd(waiter->signal_fd);
        close(waiter->signal_fd);
    }
    drive_leave(waiter);
}

static sigset_t held_signals(void)
{
    static const int let_through[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                      SIGSYS,  SIGTRAP, SIGABRT};
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < ARRAY_LENGTH(let_through); i++)
        sigdelset(&set, let_through[i]);
    return set;
}

static void hold_signals(struct waiter *waiter)
{
    sigset_t set = held_signals();

    if (waiter->holds_signals)
        return;
    pthread_sigmask(SIG_BLOCK, &set, &waiter->old_mask);
    waiter->holds_signals = true;
}

void waiter_let_signals(struct waiter *waiter)
{
    if (waiter->holds_signals)
        pthread_sigmask(SIG_SETMASK, &waiter->old_mask, NULL);
    waiter->holds_signals = false;
}

/* A descriptor to be woken by; spare ones are kept for the next sleeper. */
static int borrow_event_fd(void)
{
    int fd;

    if (the_host.spare_event_count > 0)
        return the_host.spare_event_fds[--the_host.spare_event_count];
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    host_own_fd(fd);
    return fd;
}

static void return_event_fd(int fd)
{
    if (the_host.spare_event_count < SPARE_EVENT_FDS) {
        the_host.spare_event_fds[the_host.spare_event_count++] = fd;
    } else {
        host_disown_fd(fd);
        close(fd);
    }
}

void waiter_call(struct waiter *waiter)
{
    static const uint64_t one = 1;
    ssize_t written;

    switch (waiter->sleep) {
    case WAITER_AWAKE:
        return;
    case WAITER_IN_FUTEX:
        atomic_store(&waiter->word, 1);
        syscall(SYS_futex, &waiter->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        break;
    case WAITER_IN_PPOLL:
        written = write(waiter->event_fd, &one, sizeof(one));
        assert(written == sizeof(one));
        (void)written;
        break;
    }
    waiter->sleep = WAITER_AWAKE; /* it is on its way: once is enough */
}

void waiter_notify(struct waiter *waiter)
{
    waiter->is_notified = true;
    waiter_call(waiter);
}

usec waiter_now(const struct waiter *waiter)
{
    return waiter->clock != NULL ? waiter->clock->now : host_now();
}

static struct timespec timespec_of(usec wait)
{
    return (struct timespec){
        .tv_sec = wait / USEC_PER_SEC,
        .tv_nsec = wait % USEC_PER_SEC * 1000,
    };
}

/* The thread's waiter while it sleeps without the lock: that is when a handler
 * may run, and jump out of the call. */
static _Thread_local struct waiter *asleep;

/* Whoever is cancelled never leaves its frames, whose bounds the sanitizer has
 * marked in the stack: what runs there next would be taken for wrong. */
static void forget_frames(void)
{
#ifdef __SANITIZE_ADDRESS__
    extern void __asan_handle_no_return(void);

    __asan_handle_no_return();
#endif
}

/* The sleeping thread is cancelled: as a jump out of the call. */
static void leave_cancelled(void *waiter)
{
    forget_frames();
    waiter_abandon();
    waiter_let_signals(waiter);
}

/* syscall(2) is no place where a thread is cancelled, unless it may be
 * everywhere. */
static long cancellable_futex(struct waiter *waiter,
                              const struct timespec *timeout)
{
    long slept;
    int error;
    int type;

    pthread_cleanup_push(leave_cancelled, waiter);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    slept = syscall(SYS_futex, &waiter->word, FUTEX_WAIT_PRIVATE, 0, timeout,
                    NULL, 0);
    error = errno;
    pthread_setcanceltype(type, NULL);
    pthread_cleanup_pop(0);
    return slept < 0 ? -error : 0;
}

/* Without a time-out futex(2) goes on after a handler with SA_RESTART. */
int waiter_sleep_in_futex(struct waiter *waiter, usec wait)
{
    struct timespec timeout = timespec_of(usec_min(wait, LONG_TIME));
    bool is_endless = waiter->restarts && wait == USEC_NEVER;
    struct waiter *outer = asleep;
    long slept;

    atomic_store(&waiter->word, 0);
    waiter->sleep = WAITER_IN_FUTEX;
    host_unlock();
    asleep = waiter;
    slept = cancellable_futex(waiter, is_endless ? NULL : &timeout);
    asleep = outer;
    host_lock();
    waiter->sleep = WAITER_AWAKE;
    return slept == -EINTR ? -EINTR : 0;
}

static bool was_called(const struct waiter *waiter)
{
    return atomic_load(&waiter->word) != 0;
}

/* Whoever wants a lock that is held costs its holder a system call, and a
 * program on another processor its turn. */
void waiter_doze(struct waiter *waiter, usec wait)
{
    struct timespec timeout = timespec_of(wait);
    int times = DOZE_TIMES;
    bool is_locked = false;

    atomic_store(&waiter->word, 0);
    waiter->sleep = WAITER_IN_FUTEX;
    host_unlock();
    while (!is_locked && !was_called(waiter) && times-- > 0) {
        syscall(SYS_futex, &waiter->word, FUTEX_WAIT_PRIVATE, 0, &timeout, NULL,
                0);
        is_locked = host_try_lock();
    }
    if (!is_locked)
        host_lock();
    waiter->sleep = WAITER_AWAKE;
}

static int make_room(struct waiter *waiter, nfds_t count)
{
    struct pollfd *fds;

    if (count <= waiter->fds_room)
        return 0;
    fds = malloc(count * sizeof(*fds));
    if (fds == NULL)
        return -ENOMEM;
    if (waiter->fds != waiter->few)
        free(waiter->fds);
    waiter->fds = fds;
    waiter->fds_room = count;
    return 0;
}

/*
 * Readable when a signal is pending that the thread itself lets through. Poll
 * asks on behalf of whoever polls, so one descriptor does for all threads that
 * have the same mask; another mask gets one of its own, for this wait.
 */
static int open_signal_fd(struct waiter *waiter)
{
    sigset_t set = held_signals();
    int fd;

    for (int signal = 1; signal < NSIG; signal++) {
        if (sigismember(&waiter->old_mask, signal) == 1)
            sigdelset(&set, signal);
    }
    if (the_host.signal_fd > 0 &&
        memcmp(&set, &the_host.signal_set, sizeof(set)) == 0)
        return the_host.signal_fd;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    host_own_fd(fd);
    waiter->owns_signal_fd = the_host.signal_fd > 0;
    if (!waiter->owns_signal_fd) { /* the first: it stays */
        the_host.signal_fd = fd;
        the_host.signal_set = set;
    }
    return fd;
}

static int add_signal_fd(struct waiter *waiter, nfds_t *count)
{
    if (!waiter->restarts)
        return 0;
    hold_signals(waiter);
    if (waiter->signal_fd < 0)
        waiter->signal_fd = open_signal_fd(waiter);
    if (waiter->signal_fd < 0)
        return waiter->signal_fd;
    waiter->fds[(*count)++] =
        (struct pollfd){.fd = waiter->signal_fd, .events = POLLIN};
    return 0;
}

int waiter_fill_fds(struct waiter *waiter, nfds_t devices, nfds_t *count)
{
    int r = make_room(waiter, 2 + waiter->kernel_count + devices);

    if (r < 0)
        return r;
    waiter->event_fd = borrow_event_fd();
    if (waiter->event_fd < 0)
        return waiter->event_fd;
    waiter->fds[0] = (struct pollfd){.fd = waiter->event_fd, .events = POLLIN};
    for (nfds_t i = 0; i < waiter->kernel_count; i++)
        waiter->fds[1 + i] = waiter->kernel[i];
    *count = 1 + waiter->kernel_count;
    r = add_signal_fd(waiter, count);
    if (r < 0)
        return_event_fd(waiter->event_fd);
    return r;
}

/* Lets pending signals through; -EINTR if the handler of one of them was not
 * installed with SA_RESTART, 0 if the wait goes on. No lock held. */
static int let_pending_signals(const struct waiter *waiter)
{
    sigset_t pending;
    sigset_t held;
    int r = 0;

    sigpending(&pending);
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action;

        if (sigismember(&pending, signal) != 1 ||
            sigismember(&waiter->old_mask, signal) == 1 ||
            sigaction(signal, NULL, &action) < 0 ||
            action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
            continue;
        if ((action.sa_flags & SA_RESTART) == 0)
            r = -EINTR;
    }
    pthread_sigmask(SIG_SETMASK, &waiter->old_mask, &held);
    pthread_sigmask(SIG_SETMASK, &held, NULL);
    return r;
}

/* Asks for so long, without sleeping; ppoll's answer. What is there at once
 * says nothing about spinning. */
static int spin(struct waiter *waiter, nfds_t count, usec time,
                const sigset_t *mask)
{
    static const struct timespec no_time;
    usec until = host_clock() + time;
    int ready = ppoll(waiter->fds, count, &no_time, mask);

    if (ready != 0)
        return ready;
    while (ready == 0 && host_clock() < until)
        ready = ppoll(waiter->fds, count, &no_time, mask);
    waiter->spun = ready > 0 ? SPUN_WELL : SPUN_IN_VAIN;
    return ready;
}

/* How long it spins, and how long it sleeps then; NULL: for ever. */
struct patience {
    usec spin;
    const struct timespec *sleep;
};

static int spinning_ppoll(struct waiter *waiter, nfds_t count,
                          const struct patience *patience, const sigset_t *mask)
{
    int ready = 0;

    waiter->spun = SPUN_NOT;
    if (patience->spin > 0)
        ready = spin(waiter, count, patience->spin, mask);
    return ready != 0 ? ready
                      : ppoll(waiter->fds, count, patience->sleep, mask);
}

/* Sleeps with signals blocked, and then lets them through. */
static int restartable_ppoll(struct waiter *waiter, nfds_t count,
                             const struct patience *patience)
{
    const struct pollfd *signals = &waiter->fds[1 + waiter->kernel_count];
    int ready = spinning_ppoll(waiter, count, patience, NULL);

    if (ready < 0)
        return errno == EINTR ? 0 : -errno; /* a fault, or libc's own */
    return signals->revents != 0 ? let_pending_signals(waiter) : 0;
}

static int interruptible_ppoll(struct waiter *waiter, nfds_t count,
                               const struct patience *patience)
{
    const sigset_t *mask =
        waiter->mask != NULL ? waiter->mask : &waiter->old_mask;

    return spinning_ppoll(waiter, count, patience, mask) < 0 ? -errno : 0;
}

/* Gives the event descriptor back as it was: without an event. */
static void put_event_fd_back(struct waiter *waiter)
{
    uint64_t calls;

    if (waiter->sleep == WAITER_AWAKE) { /* somebody has called */
        ssize_t got = read(waiter->event_fd, &calls, sizeof(calls));

        assert(got == sizeof(calls));
        (void)got;
    }
    waiter->sleep = WAITER_AWAKE;
    return_event_fd(waiter->event_fd);
    waiter->event_fd = -1;
}

static bool kernel_is_ready(const struct waiter *waiter)
{
    for (nfds_t i = 0; i < waiter->kernel_count; i++) {
        if (waiter->fds[1 + i].revents != 0)
            return true;
    }
    return false;
}

/* What is waited for lies in this frame and in none below it: a thread may be
 * cancelled in ppoll, and what runs then would take the same memory. */
int waiter_sleep_in_ppoll(struct waiter *waiter, nfds_t count, usec wait)
{
    usec spin = usec_min(waiter->spin, wait);
    struct timespec sleep = timespec_of(wait - spin);
    struct patience patience = {spin, wait == USEC_NEVER ? NULL : &sleep};
    struct waiter *outer = asleep;
    int r;

    hold_signals(waiter);
    waiter->sleep = WAITER_IN_PPOLL;
    host_unlock();
    asleep = waiter;
    pthread_cleanup_push(leave_cancelled, waiter);
    r = waiter->restarts ? restartable_ppoll(waiter, count, &patience)
                         : interruptible_ppoll(waiter, count, &patience);
    pthread_cleanup_pop(0);
    asleep = outer;
    host_lock();
    if (waiter->is_abandoned)
        return -EINTR; /* the jump was not out of here after all */
    put_event_fd_back(waiter);
    if (r == 0 && kernel_is_ready(waiter))
        waiter->is_notified = true;
    return r;
}

static void forget_watches(const struct waiter *waiter)
{
    const struct descriptors *table = &the_host.descriptors;

    for (int n = descriptors_next(table, 0); n >= 0;
         n = descriptors_next(table, n + 1))
        file_forget_waiter(descriptors_get(table, n), waiter);
}

void waiter_abandon(void)
{
    struct waiter *waiter = asleep;

    if (waiter == NULL)
        return;
    asleep = NULL;
    host_lock();
    waiter->is_abandoned = true;
    if (waiter->event_fd >= 0)
        put_event_fd_back(waiter);
    waiter->sleep = WAITER_AWAKE;
    list_remove(&waiter->node);
    forget_watches(waiter);
    if (the_host.driver.who == waiter)
        the_host.driver.who = NULL;
    waiter_end(waiter);
    waiter->fds = waiter->few;
    host_unlock();
}

/* While somebody else drives. */
static int sleep_aside(struct waiter *waiter)
{
    usec wait = USEC_NEVER;
    nfds_t count;
    int r;

    if (waiter->clock == NULL && waiter->deadline != USEC_NEVER)
        wait = usec_max(waiter->deadline - host_now(), 0);
    if (waiter->kernel_count == 0 && waiter->mask == NULL &&
        !waiter->holds_signals)
        return waiter_sleep_in_futex(waiter, wait);
    r = waiter_fill_fds(waiter, 0, &count);
    return r < 0 ? r : waiter_sleep_in_ppoll(waiter, count, wait);
}

static int sleep_as_follower(struct waiter *waiter)
{
    int r;

    list_append(&the_host.driver.sleepers, &waiter->node);
    r = sleep_aside(waiter);
    list_remove(&waiter->node);
    if (the_host.driver.successor == waiter)
        the_host.driver.successor = NULL;
    return r;
}

static bool has_expired(const struct waiter *waiter)
{
    return waiter->deadline != USEC_NEVER &&
           waiter_now(waiter) >= waiter->deadline;
}

int waiter_wait(struct waiter *waiter)
{
    int r = 0;

    while (!waiter->is_notified && r == 0) {
        if (waiter->is_interrupted) {
            waiter->is_interrupted = false;
            r = -EINTR;
        } else if (has_expired(waiter)) {
            r = -ETIMEDOUT;
        } else if (drive_is_open()) {
            r = drive(waiter);
        } else {
            r = sleep_as_follower(waiter);
        }
    }
    if (!waiter->is_notified)
        return r;
    waiter->is_notified = false;
    waiter->is_interrupted = r == -EINTR || waiter->is_interrupted;
    return 0;
}
