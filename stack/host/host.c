/*
 * The process: its one global variable, the lock, the time, and errno.
 */
#include "host/host.h"
#include "host/lend.h"
#include "host/numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct host the_host = {.lock = PTHREAD_MUTEX_INITIALIZER};

usec host_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

/* proc(5): TracerPid is 0 if nobody traces us. */
static bool is_traced(void)
{
    static const char field[] = "\nTracerPid:\t";
    char text[1024];
    const char *at = NULL;
    int error = errno;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        ssize_t len = read(fd, text, sizeof(text) - 1);

        close(fd);
        text[len > 0 ? len : 0] = '\0';
        at = strstr(text, field);
    }
    errno = error;
    return at != NULL && at[sizeof(field) - 1] != '0';
}

/* 0, 1 and 2 stand for the process's own. */
static void add_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        struct file *file = file_create(FILE_KERNEL);

        if (file == NULL)
            return;
        file->kernel_fd = fd;
        if (number_add_first(file, false) < 0)
            file_release(file);
    }
}

static void prepare(void)
{
    memory_init(&the_host.memory, SIZE_MAX / 2);
    descriptors_init(&the_host.descriptors, DESCRIPTORS_MAX);
    list_init(&the_host.stacks);
    list_init(&the_host.work);
    list_init(&the_host.loans_over);
    list_init(&the_host.driver.sleepers);
    control_init();
    the_host.driver.spin.trust = SPIN_TRUST;
    stack_clock_init(&the_host.clock, host_clock(), is_traced);
    the_host.process = getpid();
    fork_mark_set(&the_host.mark);
    the_host.is_ready = true;
    fork_prepare();
    if (the_host.numbers == NULL)
        add_standard_streams();
}

/* Whoever holds the lock is not cancelled (pthread_cancel(3)): the library's
 * own writes and reads would be the places for it. */
void host_lock_child(void)
{
    int cancel_state;

    if (fork_is_here()) {
        the_host.nested++;
        return;
    }
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    pthread_mutex_lock(&the_host.lock);
    the_host.cancel_state = cancel_state;
    if (!the_host.is_ready)
        prepare();
}

void host_lock(void)
{
    if (fork_mark_is_wiped(&the_host.mark))
        fork_notice();
    host_lock_child();
}

bool host_try_lock(void)
{
    int cancel_state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    if (pthread_mutex_trylock(&the_host.lock) == 0) {
        the_host.cancel_state = cancel_state;
        return true;
    }
    pthread_setcancelstate(cancel_state, NULL);
    return false;
}

void host_unlock(void)
{
    struct list over;
    int cancel_state = the_host.cancel_state;

    if (the_host.nested > 0) {
        the_host.nested--;
        return;
    }
    list_init(&over);
    list_splice(&over, &the_host.loans_over);
    pthread_mutex_unlock(&the_host.lock);
    pthread_setcancelstate(cancel_state, NULL);
    lend_tell(&over);
}

usec host_now(void)
{
    return stack_clock_look(&the_host.clock, host_clock());
}

usec host_epoch(void)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * USEC_PER_SEC + wall.tv_nsec / 1000 - host_now();
}

ssize_t errno_result(ssize_t result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}
