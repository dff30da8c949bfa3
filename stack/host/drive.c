/*
 * Who drives. Of the threads that wait, one polls the devices and runs the
 * protocol; the others sleep until it wakes them. See README.md.
 */
#include "host/drive.h"

#include "host/host.h"

#include <errno.h>

enum { DRAIN_ROUNDS_MAX = 256, BUSY_CALLS = 16 };

static const usec call_pause = 1 * USEC_PER_MSEC;
/* Between two passes: less tells that the next one is near. */
static const usec busy_interval = 1 * USEC_PER_MSEC;
/* Some segments' time: a look in vain costs little of it. */
static const usec along_interval = 30;

static bool is_driven(const struct tapir_stack *stack)
{
    return stack->clock == TAPIR_CLOCK_REAL;
}

static struct tapir_stack *stack_of_node(struct list *node)
{
    return container_of(node, struct tapir_stack, node);
}

bool drive_is_needed(void)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        if (is_driven(stack_of_node(node)))
            return !the_host.is_child;
    }
    return false;
}

/* The helper gives way at once: it holds nothing that the caller needs. */
bool drive_is_open(void)
{
    struct driver *driver = &the_host.driver;

    return (driver->who == NULL || driver->who == &driver->helper) &&
           drive_is_needed();
}

/* When a stack of the real clock wants to be driven next. */
static usec next_deadline(void)
{
    usec deadline = USEC_NEVER;

    if (!list_is_empty(&the_host.work))
        return 0;
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        if (is_driven(stack_of_node(node)))
            deadline = usec_min(deadline, stack_deadline(stack_of_node(node)));
    }
    return deadline;
}

/* Calls `each` for each device of a driven stack. */
static void for_each_device(void (*each)(struct port *port, void *context),
                            void *context)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        struct tapir_stack *stack = stack_of_node(node);

        for (struct list *p = stack->ports.next;
             is_driven(stack) && p != &stack->ports; p = p->next)
            each(container_of(p, struct port, node), context);
    }
}

static bool is_polled(const struct port *port)
{
    return !port->is_down && netdev_poll_fd(port->dev) >= 0;
}

static void count_polled(struct port *port, void *context)
{
    nfds_t *count = context;

    if (is_polled(port))
        ++*count;
}

struct poll_set {
    struct pollfd *fds;
    nfds_t count;
};

static void add_polled(struct port *port, void *context)
{
    struct poll_set *set = context;

    if (is_polled(port))
        set->fds[set->count++] =
            (struct pollfd){.fd = netdev_poll_fd(port->dev), .events = POLLIN};
}

/* Devices may have come and gone during ppoll: they are known by their fd. */
static void mark_readable(struct port *port, void *context)
{
    const struct poll_set *set = context;

    for (nfds_t i = 0; is_polled(port) && i < set->count; i++) {
        if (set->fds[i].fd == netdev_poll_fd(port->dev) &&
            set->fds[i].revents != 0)
            port->is_readable = true;
    }
}

/*
 * --spin: how long the driver asks again before it sleeps. A frame that comes
 * meanwhile needs not wake a processor that has gone to sleep. Where none does,
 * as when the peer is to run on this processor, it is soon given up.
 */
static usec time_to_spin(const struct waiter *waiter)
{
    struct driver *driver = &the_host.driver;
    usec spin = 0;

    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        if (is_driven(stack_of_node(node)))
            spin = usec_max(spin, stack_of_node(node)->spin);
    }
    if (spin == 0 || waiter == &driver->helper ||
        !guess_is_yes(&driver->spin, SPIN_REST))
        return 0;
    driver->spins++;
    return spin;
}

/*
 * Each descriptor makes ppoll dearer. So while one pass follows the other
 * control sockets are left out, but for control_run's looks; the wait is
 * bounded then, in case nothing follows.
 */
static nfds_t controls_to_poll(usec *wait)
{
    const struct control_hub *hub = &the_host.control;

    if (hub->closed_until != 0)
        *wait = usec_min(*wait, usec_max(hub->closed_until - host_now(), 0));
    if (!the_host.driver.is_busy || hub->clients > 0)
        return hub->count;
    *wait = usec_min(*wait, CONTROL_LOOK_INTERVAL);
    return 0;
}

/* Sleeps until a device, the waiter or a deadline has something. */
static int poll_devices(struct waiter *waiter, usec wait)
{
    nfds_t devices = 0;
    nfds_t controls;
    struct poll_set set;
    nfds_t count;
    usec now;
    int r;

    for_each_device(count_polled, &devices);
    controls = controls_to_poll(&wait);
    r = waiter_fill_fds(waiter, devices + controls, &count);
    if (r < 0)
        return r;
    set = (struct poll_set){.fds = waiter->fds + count};
    for_each_device(add_polled, &set);
    if (controls > 0)
        control_fill(set.fds + set.count);

    stack_clock_wait_begins(&the_host.clock, wait);
    waiter->spin = time_to_spin(waiter);
    r = waiter_sleep_in_ppoll(waiter, count + set.count + controls, wait);
    if (waiter->spin > 0 && waiter->spun != SPUN_NOT)
        guess_learn(&the_host.driver.spin, waiter->spun == SPUN_WELL,
                    SPIN_TRUST);
    now = host_now();
    the_host.driver.is_busy = now - the_host.driver.passed_at < busy_interval;
    stack_clock_wait_ends(&the_host.clock);
    if (r == 0) {
        for_each_device(mark_readable, &set);
        if (controls > 0)
            control_mark(set.fds + set.count, controls, now);
    }
    return r;
}

/* Whatever a device has is to be taken in now. */
static void look_at(struct port *port, void *context)
{
    (void)context;
    port->is_readable = is_polled(port);
    port->is_emptied = true;
}

static void guess_at(struct port *port, void *context)
{
    bool *is_worth_it = context;

    if (!is_polled(port) || !guess_is_yes(&port->look, LOOK_REST))
        return;
    port->is_readable = true;
    port->is_looked_at = true;
    *is_worth_it = true;
}

static void find_readable(struct port *port, void *context)
{
    bool *found = context;

    *found = *found || port->is_readable;
}

static void run_all(usec now)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        if (is_driven(stack_of_node(node)))
            pass_run_at(stack_of_node(node), now);
    }
}

/* With --debug, after a stop: what has arrived goes before any time-out. */
static void drain(void)
{
    bool more = true;

    for (int round = 0; more && round < DRAIN_ROUNDS_MAX; round++) {
        for_each_device(look_at, NULL);
        run_all(host_now());
        more = false;
        for_each_device(find_readable, &more);
    }
    stack_clock_release(&the_host.clock);
}

static void run_pass(void)
{
    the_host.driver.passes++;
    the_host.driver.passed_at = host_now();
    if (stack_clock_is_held(&the_host.clock))
        drain();
    else
        run_all(the_host.driver.passed_at);
    control_run(the_host.driver.passed_at);
}

void drive_look(void)
{
    if (the_host.driver.who != NULL || !drive_is_needed())
        return;
    for_each_device(look_at, NULL);
    run_pass();
}

/* How long the driver may sleep. */
static usec time_to_sleep(const struct waiter *waiter)
{
    usec until = next_deadline();

    if (waiter->clock == NULL)
        until = usec_min(until, waiter->deadline);
    the_host.driver.until = until;
    return until == USEC_NEVER ? until : usec_max(until - host_now(), 0);
}

static bool goes_on(const struct waiter *waiter)
{
    return the_host.driver.who == waiter && !waiter->is_notified &&
           (waiter->deadline == USEC_NEVER ||
            waiter_now(waiter) < waiter->deadline);
}

/*
 * Before the driver sleeps: on one processor, and under load, the next frame
 * is there already. The look then takes the place of ppoll.
 */
static void look_before_sleep(void)
{
    bool is_worth_it = false;

    for_each_device(guess_at, &is_worth_it);
    if (is_worth_it)
        run_pass();
}

int drive(struct waiter *waiter)
{
    struct driver *driver = &the_host.driver;
    struct waiter *before = driver->who;
    int r = 0;

    driver->who = waiter;
    if (before != NULL)
        waiter_call(before);
    while (r == 0 && goes_on(waiter)) {
        look_before_sleep();
        if (!goes_on(waiter))
            break;
        r = poll_devices(waiter, time_to_sleep(waiter));
        if (driver->who == waiter)
            run_pass();
    }
    if (driver->who == waiter)
        driver->who = NULL;
    return r;
}

void drive_leave(struct waiter *waiter)
{
    struct driver *driver = &the_host.driver;

    if (driver->successor == waiter)
        driver->successor = NULL;
    if (driver->who != NULL || driver->successor != NULL)
        return;
    if (list_is_empty(&driver->sleepers)) {
        helper_call();
    } else if (drive_is_needed()) {
        driver->successor =
            container_of(driver->sleepers.next, struct waiter, node);
        waiter_call(driver->successor);
    }
}

void drive_reclaim(void)
{
    struct driver *driver = &the_host.driver;

    if (driver->who != &driver->helper)
        return;
    driver->who = NULL;
    waiter_call(&driver->helper);
    if (!list_is_empty(&driver->sleepers))
        drive_leave(NULL);
}

/* Whether calls come one after the other. */
static bool calls_do_not_pause(struct driver *driver, usec now)
{
    bool goes_on = now - driver->called_at < call_pause;

    driver->calls = goes_on ? min_u32(driver->calls + 1, BUSY_CALLS) : 0;
    driver->called_at = now;
    return driver->calls == BUSY_CALLS;
}

void drive_along(usec now)
{
    struct driver *driver = &the_host.driver;

    if (!calls_do_not_pause(driver, now) || !drive_is_open())
        return;
    drive_reclaim(); /* the helper comes back if calls stop */
    if (driver->called_at - driver->passed_at >= along_interval)
        drive_look();
}

void drive_reconsider(const struct tapir_stack *stack)
{
    struct waiter *who = the_host.driver.who;

    if (who == NULL || who->sleep == WAITER_AWAKE)
        return;
    if (!list_is_empty(&the_host.work) ||
        stack_deadline(stack) < the_host.driver.until)
        waiter_call(who);
}

void drive_devices_changed(void)
{
    if (the_host.driver.who != NULL)
        waiter_call(the_host.driver.who);
    else if (!list_is_empty(&the_host.driver.sleepers))
        drive_leave(NULL);
    else
        helper_call();
}
