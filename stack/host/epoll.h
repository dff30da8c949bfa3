/*
 * What the other files need of an epoll set.
 *
 * All functions here are called with the lock held.
 */
#ifndef TAPIR_HOST_EPOLL_H
#define TAPIR_HOST_EPOLL_H

#include "host/file.h"

/* Whether epoll_wait would give an event. */
bool epoll_is_ready(struct epoll *epoll);
/* To be polled for what lies in the kernel; -1: nothing. */
int epoll_kernel_fd(const struct epoll *epoll);
void epoll_destroy(struct epoll *epoll);
/* In all sets that have the file by this number, the kernel's descriptor of the
 * same number takes its place. */
void epoll_replace_file(struct file *file, int number);
/* Ends the watch if it is an item of an epoll set. */
void epoll_forget(struct watch *watch);

#endif
