/*
 * See bulk.c. As the calls of these names, on a socket of ours.
 */
#ifndef TAPIR_PRELOAD_BULK_H
#define TAPIR_PRELOAD_BULK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/socket.h>
#include <sys/types.h>

int bulk_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int bulk_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t bulk_sendfile(int out, int in, off_t *offset, size_t count);
ssize_t bulk_splice(int in, int out, size_t len, unsigned flags);

#endif
