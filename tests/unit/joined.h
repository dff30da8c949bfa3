/*
 * Two stacks of this process joined by a wire, as a program makes them:
 * 192.0.2.1 and 192.0.2.2, which is 192.0.2.3 as well.
 */
#ifndef TAPIR_TESTS_JOINED_H
#define TAPIR_TESTS_JOINED_H

#include <pthread.h>
#include "tapir.h"

struct joined {
    struct tapir_stack *a; /* 192.0.2.1 */
    struct tapir_stack *b; /* 192.0.2.2 */
};

struct joined joined_open(enum tapir_clock clock);
/* With a wire that has these faults. */
struct joined joined_open_faulty(enum tapir_clock clock, const char *faults);
/* With name servers for 192.0.2.1. */
struct joined joined_open_asking(enum tapir_clock clock, const char *dns);
void joined_close(struct joined *joined);

/* 192.0.2.x:port */
struct sockaddr_in address_of(unsigned host, uint16_t port);

/* Each fails the test unless it works. */
int open_socket(struct tapir_stack *stack, int type);
int open_listener(struct tapir_stack *stack, uint16_t port, int backlog);
/* To 192.0.2.2, blocking. */
int open_connection(struct tapir_stack *stack, uint16_t port);
int bound_socket(struct tapir_stack *stack, unsigned host, uint16_t port);

/* How many threads sleep in calls of the library (the helper not counted). */
unsigned count_sleepers(void);
/*
 * Returns when `count` threads sleep in calls of the library (the helper not
 * counted).
 */
void await_sleepers(unsigned count);

/* Sends the signal, again and again, until the thread has ended; joins it. */
void interrupt_until_end(pthread_t thread, int number);

#endif
