/*
 * Read and write on the kernel's descriptors.
 */
#ifndef TAPIR_HOST_KERNEL_H
#define TAPIR_HOST_KERNEL_H

#include "host/file.h"

#include <sys/uio.h>

/* The lock is not held; the file is, and is released. As readv(2). */
ssize_t kernel_readv(struct file *file, const struct iovec *iov, int count);
ssize_t kernel_writev(struct file *file, const struct iovec *iov, int count);

/*
 * Waits until the kernel's descriptor is ready for `events`, driving
 * meanwhile; at once if there is nothing to drive. 0, -EINTR, ... No lock
 * held.
 */
MUST_CHECK int kernel_wait(int fd, short events);

#endif
