/*
 * The network of a stack of one's own: devices, wires, addresses, and the
 * frames and the time that are handed in.
 */
#include "host/host.h"

#include "netdev/callback.h"
#include "netdev/faults.h"
#include "netdev/tap.h"
#include "netdev/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { MTU_DEFAULT = 1500, WIRE_QUEUE_BYTES = 1 << 20, ETHERNET_HEADER = 14 };

/* ---- Devices ----------------------------------------------------------- */

int stack_port_add(struct tapir_stack *stack, const struct iface_config *config,
                   struct port **out)
{
    struct port *port = calloc(1, sizeof(*port));
    int index;

    if (port == NULL)
        return -ENOMEM;
    index = stack_iface_add(stack->core, stack_now(stack), config);
    if (index < 0) {
        free(port);
        return index;
    }
    port->stack = stack;
    port->dev = config->dev;
    port->iface = (unsigned)index;
    list_append(&stack->ports, &port->node);
    host_own_device(port->dev);
    *out = port;
    return index;
}

void port_take_story(struct port *port, struct pcapng_story *story)
{
    port->story = story;
    if (story == NULL)
        return;
    story->iface = port->iface;
    stack_attach_listener(port->stack, &story->listener);
}

static struct port *find_port(struct tapir_stack *stack, int iface)
{
    for (struct list *node = stack->ports.next; node != &stack->ports;
         node = node->next) {
        struct port *port = container_of(node, struct port, node);

        if ((int)port->iface == iface)
            return port;
    }
    return NULL;
}

static enum netdev_type type_of(enum tapir_link link)
{
    return link == TAPIR_LINK_IP ? NETDEV_IP : NETDEV_ETHERNET;
}

/* One kind of function for the program, another in netdev/. */
static void transmit(void *context, const uint8_t *frame, size_t len)
{
    const struct port_callback *callback = context;

    callback->transmit(callback->context, frame, len);
}

static int add_device(struct tapir_stack *stack,
                      const struct tapir_device *device, unsigned mtu)
{
    struct port_callback *callback = calloc(1, sizeof(*callback));
    struct iface_config config = {.name = "callback", .mtu = mtu};
    struct callback_config dev = {
        .type = type_of(device->link),
        .mtu = mtu,
        .transmit = transmit,
        .context = callback,
    };
    struct port *port;
    int r;

    if (callback == NULL)
        return -ENOMEM;
    callback->transmit = device->transmit;
    callback->context = device->context;
    config.dev = callback_create(&the_host.memory, &dev);
    memcpy(config.mac.octet, device->mac, sizeof(config.mac.octet));
    r = config.dev == NULL ? -ENOMEM : stack_port_add(stack, &config, &port);
    if (r < 0) {
        if (config.dev != NULL)
            netdev_close(config.dev);
        free(callback);
        return r;
    }
    port->callback = callback;
    return r;
}

int tapir_add_device(struct tapir_stack *stack,
                     const struct tapir_device *device)
{
    int r;

    if (device->transmit == NULL)
        return (int)errno_result(-EINVAL);
    host_lock();
    r = add_device(stack, device, device->mtu != 0 ? device->mtu : MTU_DEFAULT);
    host_unlock();
    return (int)errno_result(r);
}

static int add_tap(struct tapir_stack *stack, const char *name,
                   char why[TAPIR_TEXT_MAX])
{
    struct iface_config config = {.name = name};
    struct port *port;
    int r;

    if (stack->clock != TAPIR_CLOCK_REAL) {
        snprintf(why, TAPIR_TEXT_MAX,
                 "%s: a TAP device needs a stack on the real clock", name);
        return -EINVAL;
    }
    r = tap_open(name, &config.dev, why);
    if (r < 0)
        return r;
    r = stack_port_add(stack, &config, &port);
    if (r < 0) {
        snprintf(why, TAPIR_TEXT_MAX, "%s: %s", name, strerror(-r));
        netdev_close(config.dev);
        return r;
    }
    drive_devices_changed();
    return r;
}

int tapir_add_tap(struct tapir_stack *stack, const char *name,
                  char why[TAPIR_TEXT_MAX])
{
    int r;

    host_lock();
    r = add_tap(stack, name, why);
    host_unlock();
    return (int)errno_result(r);
}

/* ---- Wires ------------------------------------------------------------- */

/* Faults at one end see both directions. */
static int wrap_in_faults(struct netdev **end, const struct tapir_wire *wire)
{
    struct faults faults;
    char why[FAULTS_WHY_MAX];
    struct netdev *faulty;
    int r;

    if (wire->faults == NULL || *wire->faults == '\0')
        return 0;
    r = faults_parse(wire->faults, &faults, why);
    if (r < 0)
        return r;
    faulty = faults_create(&the_host.memory, *end, &faults,
                           seed_key(wire->seed, SEED_FAULTS));
    if (faulty == NULL)
        return -ENOMEM;
    *end = faulty;
    return 0;
}

/* The wall-clock time of stack time 0; a clock of its own has none. */
static usec epoch_of(const struct tapir_stack *stack)
{
    struct timespec wall;

    if (stack->clock == TAPIR_CLOCK_MANUAL)
        return 0;
    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * USEC_PER_SEC + wall.tv_nsec / 1000 - host_now();
}

/* Takes the ends over, also when it fails. */
static int add_ends(struct tapir_stack *a, struct tapir_stack *b,
                    const struct capture_dev ends[2], unsigned mtu,
                    int iface[2])
{
    struct iface_config config[2] = {
        {.name = "wire", .dev = ends[0].dev, .mtu = mtu},
        {.name = "wire", .dev = ends[1].dev, .mtu = mtu}};
    struct port *first;
    struct port *second;

    iface[0] = stack_port_add(a, &config[0], &first);
    if (iface[0] < 0) {
        capture_close(&ends[0], &the_host.memory);
        capture_close(&ends[1], &the_host.memory);
        return iface[0];
    }
    port_take_story(first, ends[0].story);
    iface[1] = stack_port_add(b, &config[1], &second);
    if (iface[1] < 0) { /* the first stays: a wire that leads nowhere */
        capture_close(&ends[1], &the_host.memory);
        return iface[1];
    }
    first->peer = second;
    second->peer = first;
    return 0;
}

/* For who changes them while the stack runs: both ways are a's. */
static void note_faults(struct tapir_stack *a, struct netdev *end,
                        const struct tapir_wire *wire)
{
    if (wire->faults == NULL || *wire->faults == '\0')
        return;
    a->faulty = end;
    snprintf(a->faults, sizeof(a->faults), "%s", wire->faults);
}

static int join(struct tapir_stack *a, struct tapir_stack *b,
                const struct tapir_wire *wire, int iface[2])
{
    struct wire_config config = {
        .type = type_of(wire->link),
        .mtu = wire->mtu != 0 ? wire->mtu : MTU_DEFAULT,
        .queue_bytes = WIRE_QUEUE_BYTES,
    };
    struct capture_dev ends[2] = {{0}};
    struct netdev *wires[2];
    int r;

    if (a->clock != b->clock)
        return -EINVAL;
    r = wire_create(&the_host.memory, &config, wires);
    if (r < 0)
        return r;
    r = wrap_in_faults(&wires[0], wire);
    ends[0].dev = wires[0];
    ends[1].dev = wires[1];
    if (r == 0) /* outside of the faults: as this end sees it */
        r = capture_around(&ends[0], &the_host.memory, wire->pcap, "wire",
                           epoch_of(a));
    if (r == 0) {
        r = add_ends(a, b, ends, config.mtu, iface);
        if (r == 0)
            note_faults(a, wires[0], wire);
        return r;
    }
    capture_close(&ends[0], &the_host.memory);
    capture_close(&ends[1], &the_host.memory);
    return r;
}

int tapir_join(struct tapir_stack *a, struct tapir_stack *b,
               const struct tapir_wire *wire, int iface[2])
{
    int r;

    host_lock();
    r = join(a, b, wire, iface);
    if (r == 0)
        drive_devices_changed();
    host_unlock();
    return (int)errno_result(r);
}

/* ---- Addresses --------------------------------------------------------- */

int tapir_add_address(struct tapir_stack *stack, int iface, const char *addr)
{
    struct ip_prefix prefix;
    int r = ip_prefix_parse(addr, &prefix);

    host_lock();
    if (r == 0)
        r = stack_addr_add(stack->core, stack_now(stack), (unsigned)iface,
                           &prefix);
    pass_run(stack); /* the address is announced */
    host_unlock();
    return (int)errno_result(r);
}

static int parse_route(const char *prefix, const char *gateway,
                       struct ip_prefix *to, struct ip_addr *by)
{
    *by = IP_ADDR_ANY_V4;
    if (gateway != NULL && ip_addr_parse(gateway, by) < 0)
        return -EINVAL;
    return ip_prefix_parse(
        strcmp(prefix, "default") == 0 ? "0.0.0.0/0" : prefix, to);
}

int tapir_add_route(struct tapir_stack *stack, const char *prefix,
                    const char *gateway, int iface)
{
    struct ip_prefix to;
    struct ip_addr by;
    int r = parse_route(prefix, gateway, &to, &by);

    host_lock();
    if (r == 0)
        r = stack_route_add(stack->core, stack_now(stack), &to, &by,
                            (unsigned)iface);
    host_unlock();
    return (int)errno_result(r);
}

int tapir_add_neighbour(struct tapir_stack *stack, int iface, const char *addr,
                        const uint8_t mac[6])
{
    struct ip_addr ip;
    struct mac_addr link;
    int r = ip_addr_parse(addr, &ip);

    memcpy(link.octet, mac, sizeof(link.octet));
    host_lock();
    if (r == 0)
        r = stack_neighbour_add(stack->core, stack_now(stack), (unsigned)iface,
                                &ip, &link);
    pass_run(stack); /* packets may have waited for it */
    host_unlock();
    return (int)errno_result(r);
}

/* ---- Frames and time handed in ----------------------------------------- */

/* -EINVAL: the time is a clock's that goes back, or is too far for one. */
static int check_time(const struct tapir_stack *stack, uint64_t now)
{
    if (stack->clock == TAPIR_CLOCK_MANUAL &&
        (now > INT64_MAX / 2 || (usec)now < stack->now))
        return -EINVAL;
    return 0;
}

static int check_frame(const struct port *port, size_t len)
{
    size_t header = port != NULL && port->dev->type == NETDEV_ETHERNET
                        ? ETHERNET_HEADER
                        : 0;

    if (port == NULL || port->callback == NULL)
        return -ENODEV;
    return len > port->dev->mtu + header ? -EMSGSIZE : 0;
}

/* The core only reads the frame, and has done with it at the flush. */
static void take_in(struct port *port, usec now, const void *data, size_t len)
{
    struct frame frame;

    frame_init_input(&frame, NULL, (uint8_t *)(uintptr_t)data, len);
    stack_input(port->stack->core, now, port->iface, &frame);
}

int tapir_input(struct tapir_stack *stack, int iface, uint64_t now,
                const void *frame, size_t len)
{
    struct port *port;
    int r;

    host_lock();
    port = find_port(stack, iface);
    r = check_time(stack, now);
    if (r == 0)
        r = check_frame(port, len);
    if (r == 0 && stack->clock == TAPIR_CLOCK_MANUAL) {
        take_in(port, (usec)now, frame, len);
        pass_advance(stack, (usec)now);
    } else if (r == 0) {
        take_in(port, host_now(), frame, len);
        pass_run(stack);
    }
    host_unlock();
    return (int)errno_result(r);
}

int tapir_advance(struct tapir_stack *stack, uint64_t now)
{
    int r = -EINVAL;

    host_lock();
    if (stack->clock == TAPIR_CLOCK_MANUAL)
        r = check_time(stack, now);
    if (r == 0)
        pass_advance(stack, (usec)now);
    host_unlock();
    return (int)errno_result(r);
}

/* Calls that wait have deadlines too. */
static usec next_timeout(const struct tapir_stack *stack)
{
    usec deadline = USEC_NEVER;

    for (struct list *node = stack->timeouts.next; node != &stack->timeouts;
         node = node->next)
        deadline =
            usec_min(deadline,
                     container_of(node, struct waiter, timeout_node)->deadline);
    return deadline;
}

uint64_t tapir_next_deadline(struct tapir_stack *stack)
{
    usec deadline;

    host_lock();
    deadline = usec_min(stack_deadline(stack), next_timeout(stack));
    if (deadline != USEC_NEVER)
        deadline = usec_max(deadline, stack_now(stack));
    host_unlock();
    return deadline == USEC_NEVER ? UINT64_MAX : (uint64_t)deadline;
}
