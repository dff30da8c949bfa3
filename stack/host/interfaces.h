/*
 * The ioctls about interfaces, netdevice(7).
 */
#ifndef TAPIR_HOST_INTERFACES_H
#define TAPIR_HOST_INTERFACES_H

struct stack;

/*
 * `argument` is the request's struct ifreq or ifconf. -ENOTTY: it is none of
 * these requests; -ENODEV, -EADDRNOTAVAIL, -EPERM: it would change something.
 * With the lock held.
 */
int interfaces_ioctl(const struct stack *core, unsigned long request,
                     void *argument);

#endif
