/*
 * The table's side of the preload shim: see shim.h.
 */
#include "host/host.h"
#include "host/dup.h"
#include "host/epoll.h"
#include "host/numbers.h"

#include <errno.h>
#include <unistd.h>

bool shim_is_here(void)
{
    if (!the_host.is_ready)
        return true;
    if (fork_mark_is_wiped(&the_host.mark))
        fork_notice();
    return the_host.process == getpid();
}

void shim_mirror(const struct shim_numbers *numbers)
{
    pthread_mutex_lock(&the_host.lock);
    assert(!the_host.is_ready);
    the_host.numbers = numbers;
    pthread_mutex_unlock(&the_host.lock);
}

int shim_place(int from, int to, bool is_cloexec)
{
    return dup_to(from, to, is_cloexec);
}

struct file *shim_take(int number)
{
    struct file *file;

    if (!shim_is_here())
        return NULL;
    host_lock();
    file = number_file(number);
    if (file != NULL)
        number_remove(number);
    host_unlock();
    return file;
}

int shim_put(struct file *file, int number, bool is_cloexec)
{
    struct file *before = NULL;
    int r = -ENETDOWN;

    if (!shim_is_here())
        return r;
    host_lock();
    r = number_put(file, number, is_cloexec, &before);
    if (r == 0)
        file_release(file); /* the caller's reference; the number has its own */
    host_unlock();
    if (r == 0 && before != NULL)
        file_end(before);
    return r;
}

void shim_end(struct file *file)
{
    file_end(file);
}

/* The reference of the file's last number is the caller's. */
static void hand_over_numbers(struct file *file)
{
    const struct descriptors *table = &the_host.descriptors;

    for (int n = descriptors_next(table, 0); n >= 0;
         n = descriptors_next(table, n + 1)) {
        if (descriptors_get(table, n) != file)
            continue;
        number_remove(n);
        epoll_replace_file(file, n);
        if (file->numbers == 0)
            return;
        file_release(file);
    }
}

void shim_hand_over(int number)
{
    struct file *file;

    host_lock();
    file = number_file(number);
    if (file != NULL)
        hand_over_numbers(file);
    host_unlock();
    if (file != NULL)
        file_end(file);
}

int shim_fork_giving(void)
{
    pid_t pid;

    inherit_begin_giving();
    pid = fork();
    inherit_end_giving();
    if (pid == 0 && the_host.is_ready) {
        host_lock();
        (void)inherit_claim();
        host_unlock();
    }
    return pid;
}

/* As shim_mirror: it may be that nothing has begun yet. */
void shim_hold(void)
{
    if (fork_is_here())
        the_host.nested++;
    else
        pthread_mutex_lock(&the_host.lock);
}

void shim_let_go(void)
{
    if (the_host.nested > 0)
        the_host.nested--;
    else
        pthread_mutex_unlock(&the_host.lock);
}

bool shim_fork_begin(void)
{
    if (!the_host.is_ready)
        return false;
    fork_begin();
    return true;
}

void shim_fork_in_parent(void)
{
    fork_in_parent();
}

void shim_fork_in_child(void)
{
    fork_in_child();
}

void shim_finish(void)
{
    exit_end_all();
}

void shim_jump_out(void)
{
    waiter_abandon();
}
