/*
 * Two stacks of this process joined by a wire: see joined.h.
 */
#define _GNU_SOURCE /* pthread_tryjoin_np */
#include "host/host.h"

#include "joined.h"

#include <check.h>
#include <sched.h>
#include <signal.h>

static struct joined open_both(enum tapir_clock clock, const char *faults,
                               const char *dns)
{
    struct tapir_stack_config config;
    struct tapir_wire wire = {.faults = faults, .seed = 1};
    struct joined joined;
    int iface[2];

    tapir_stack_config_init(&config);
    config.clock = clock;
    config.exit_wait = 0;
    config.fast_open = 3; /* servers, too, if they ask for it */
    config.seed = 1;
    strcpy(config.dns, dns);
    joined.a = tapir_stack_create(&config);
    config.seed = 2;
    joined.b = tapir_stack_create(&config);
    ck_assert_ptr_nonnull(joined.a);
    ck_assert_ptr_nonnull(joined.b);
    ck_assert_int_eq(tapir_join(joined.a, joined.b, &wire, iface), 0);
    ck_assert_int_eq(tapir_add_address(joined.a, iface[0], "192.0.2.1/24"), 0);
    ck_assert_int_eq(tapir_add_address(joined.b, iface[1], "192.0.2.2/24"), 0);
    ck_assert_int_eq(tapir_add_address(joined.b, iface[1], "192.0.2.3/24"), 0);
    return joined;
}

struct joined joined_open_faulty(enum tapir_clock clock, const char *faults)
{
    return open_both(clock, faults, "");
}

struct joined joined_open_asking(enum tapir_clock clock, const char *dns)
{
    return open_both(clock, NULL, dns);
}

struct joined joined_open(enum tapir_clock clock)
{
    return joined_open_faulty(clock, NULL);
}

void joined_close(struct joined *joined)
{
    tapir_stack_destroy(joined->a);
    tapir_stack_destroy(joined->b);
}

struct sockaddr_in address_of(unsigned host, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(0xc0000200 + host),
    };
}

int open_socket(struct tapir_stack *stack, int type)
{
    int fd = tapir_socket_on(stack, AF_INET, type, 0);

    ck_assert_int_ge(fd, 0);
    return fd;
}

int bound_socket(struct tapir_stack *stack, unsigned host, uint16_t port)
{
    int fd = open_socket(stack, SOCK_DGRAM);
    struct sockaddr_in local = address_of(host, port);

    ck_assert_int_eq(tapir_bind(fd, (struct sockaddr *)&local, sizeof(local)),
                     0);
    return fd;
}

int open_listener(struct tapir_stack *stack, uint16_t port, int backlog)
{
    int fd = open_socket(stack, SOCK_STREAM);
    struct sockaddr_in local = address_of(2, port);

    ck_assert_int_eq(tapir_bind(fd, (struct sockaddr *)&local, sizeof(local)),
                     0);
    ck_assert_int_eq(tapir_listen(fd, backlog), 0);
    return fd;
}

int open_connection(struct tapir_stack *stack, uint16_t port)
{
    int fd = open_socket(stack, SOCK_STREAM);
    struct sockaddr_in remote = address_of(2, port);

    ck_assert_int_eq(
        tapir_connect(fd, (struct sockaddr *)&remote, sizeof(remote)), 0);
    return fd;
}

unsigned count_sleepers(void)
{
    struct driver *driver = &the_host.driver;
    unsigned count = 0;

    host_lock();
    if (driver->who != NULL && driver->who != &driver->helper &&
        driver->who->sleep != WAITER_AWAKE)
        count++;
    for (struct list *node = driver->sleepers.next; node != &driver->sleepers;
         node = node->next) {
        if (container_of(node, struct waiter, node)->sleep != WAITER_AWAKE)
            count++;
    }
    host_unlock();
    return count;
}

void await_sleepers(unsigned count)
{
    while (count_sleepers() < count)
        sched_yield();
}

/* A thread that goes to sleep in futex(2) does not hear of a handler that runs
 * in the moment before: the next one will find it there. */
void interrupt_until_end(pthread_t thread, int number)
{
    enum { PATIENCE = 1000 };

    for (unsigned turn = 0; pthread_tryjoin_np(thread, NULL) != 0; turn++) {
        if (turn % PATIENCE == 0)
            pthread_kill(thread, number);
        sched_yield();
    }
}
