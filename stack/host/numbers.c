/*
 * The numbers that stand for open files: see numbers.h.
 *
 * Where the preload shim has made the numbers the kernel's own (shim.h), a new
 * number is that of a placeholder, a descriptor of the kernel that the shim
 * makes for it.
 */
#include "host/numbers.h"

#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/resource.h>

enum { USUAL_LIMIT = 1024 };

/* Release: whoever reads that a number is ours finds it in the table. */
static void set_kind(int number, enum shim_kind kind)
{
    if (number >= 0 && number < DESCRIPTORS_MAX)
        atomic_store_explicit(&the_host.kinds[number], (uint8_t)kind,
                              memory_order_release);
}

static enum shim_kind kind_of(const struct file *file)
{
    switch (file->kind) {
    case FILE_KERNEL:
        return SHIM_KERNEL;
    case FILE_SOCKET:
        return SHIM_SOCKET;
    case FILE_EPOLL:
        return SHIM_EPOLL;
    case FILE_KINDS:
        break;
    }
    return SHIM_NONE;
}

enum shim_kind shim_kind(int number)
{
    if (number < 0 || number >= DESCRIPTORS_MAX)
        return SHIM_NONE;
    return (enum shim_kind)atomic_load_explicit(&the_host.kinds[number],
                                                memory_order_acquire);
}

void host_own_fd(int kernel_fd)
{
    if (the_host.numbers != NULL)
        set_kind(kernel_fd, SHIM_OWN);
}

void host_disown_fd(int kernel_fd)
{
    if (the_host.numbers != NULL)
        set_kind(kernel_fd, SHIM_NONE);
}

void host_own_device(const struct netdev *dev)
{
    int fd;

    for (unsigned i = 0; (fd = netdev_held_fd(dev, i)) >= 0; i++)
        host_own_fd(fd);
}

void host_disown_device(const struct netdev *dev)
{
    int fd;

    for (unsigned i = 0; (fd = netdev_held_fd(dev, i)) >= 0; i++)
        host_disown_fd(fd);
}

/* In the last quarter of what a program usually may have: it counts on the
 * lowest free number, and may dup2 what it likes to a low one. */
int host_own_dup(int kernel_fd)
{
    struct rlimit limit = {.rlim_cur = USUAL_LIMIT};
    int fd;

    getrlimit(RLIMIT_NOFILE, &limit);
    fd = fcntl(
        kernel_fd, F_DUPFD_CLOEXEC,
        (int)(limit.rlim_cur < USUAL_LIMIT ? limit.rlim_cur : USUAL_LIMIT) / 4 *
            3);
    if (fd >= 0)
        host_own_fd(fd);
    return fd;
}

void host_close_own(int kernel_fd)
{
    if (kernel_fd < 0)
        return;
    host_disown_fd(kernel_fd);
    close(kernel_fd);
}

struct file *number_file(int number)
{
    return descriptors_get(&the_host.descriptors, number);
}

/* The kernel's descriptor of this number is an open file, too: but not ours to
 * close. */
static struct file *borrow_kernel_file(int number)
{
    struct file *file;
    struct file *before;

    if (fcntl(number, F_GETFD) < 0 || shim_kind(number) == SHIM_OWN)
        return NULL;
    file = file_create(FILE_KERNEL);
    if (file == NULL)
        return NULL;
    file->kernel_fd = number;
    file->is_borrowed = true;
    if (number_put(file, number, false, &before) < 0) {
        file_release(file);
        return NULL;
    }
    file_release(file); /* the number holds it */
    return file;
}

struct file *number_file_or_kernel(int number)
{
    struct file *file = number_file(number);

    if (file != NULL || the_host.numbers == NULL)
        return file;
    return borrow_kernel_file(number);
}

bool numbers_have_room(void)
{
    return the_host.numbers != NULL ||
           descriptors_have_room(&the_host.descriptors);
}

static void hold_by_number(struct file *file, int number, bool is_cloexec)
{
    file_hold(file);
    file->numbers++;
    if (is_cloexec)
        descriptors_set_cloexec(&the_host.descriptors, number);
    set_kind(number, kind_of(file));
}

int number_put(struct file *file, int number, bool is_cloexec,
               struct file **before)
{
    int r = descriptors_put(&the_host.descriptors, number, file, before);

    if (r < 0)
        return r;
    hold_by_number(file, number, is_cloexec);
    if (*before != NULL)
        (*before)->numbers--;
    return 0;
}

/* At a number that the shim takes from the kernel. */
static int add_placeholder(struct file *file, int least, bool is_cloexec)
{
    const struct shim_numbers *numbers = the_host.numbers;
    int number =
        numbers->take(kind_of(file), file->socket_type, least, is_cloexec);
    struct file *before;
    int r;

    if (number < 0)
        return number;
    r = number_put(file, number, is_cloexec, &before);
    if (r < 0) {
        numbers->give_back(number);
        return r == -EBADF ? -EMFILE : r;
    }
    if (before != NULL) /* it was closed behind our back */
        file_release(before);
    return number;
}

int number_add(struct file *file, int least, bool is_cloexec)
{
    int number;

    if (the_host.numbers != NULL)
        return add_placeholder(file, least, is_cloexec);
    number = descriptors_add_from(&the_host.descriptors, least, file);
    if (number >= 0)
        hold_by_number(file, number, is_cloexec);
    return number;
}

int number_add_first(struct file *file, bool is_cloexec)
{
    int number = number_add(file, 0, is_cloexec);

    if (number >= 0)
        file_release(file); /* there is the number's reference now */
    return number;
}

struct file *number_remove(int number)
{
    struct file *file = number_file(number);

    set_kind(number, SHIM_NONE);
    descriptors_remove(&the_host.descriptors, number);
    file->numbers--;
    return file;
}
