/*
 * The default stack on its device, from the settings.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "host/host.h"

#include "host/device.h"
#include "host/settings.h"
#include "netdev/faults.h"
#include "netdev/pcap.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum {
    LAB_STACKS_MAX = 250,
    FIRST_HOST = 2 /* of 192.0.2.0/24: 1 is the lab's host */
};

/* `tapir lab --stacks N`: so many devices, tap0 ... tapN-1; 0: no such lab. */
static unsigned lab_stacks(void)
{
    const char *text = getenv("TAPIR_LAB_STACKS");
    uint64_t count;

    if (text == NULL || number_parse(text, LAB_STACKS_MAX, &count) < 0)
        return 0;
    return (unsigned)count;
}

static void say(char why[TAPIR_TEXT_MAX], const char *what, int error)
{
    snprintf(why, TAPIR_TEXT_MAX, "%.150s: %s", what, strerror(-error));
}

/*
 * From the device upwards: faults are the network's, so the recording, nearest
 * to the stack, shows what the stack has sent and what reached it.
 */
static int wrap_in_faults(const struct tapir_config *config,
                          const struct settings *settings, struct netdev **dev)
{
    struct netdev *faulty;

    if (!settings->has_faults)
        return 0;
    faulty = faults_create(&the_host.memory, *dev, &settings->faults,
                           seed_key(config->seed, SEED_FAULTS));
    if (faulty == NULL)
        return -ENOMEM;
    *dev = faulty;
    return 0;
}

/* The wall-clock time of stack time 0. */
static usec epoch(void)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * USEC_PER_SEC + wall.tv_nsec / 1000 - host_now();
}

static int wrap_in_pcap(const struct tapir_config *config, struct netdev **dev,
                        char why[TAPIR_TEXT_MAX])
{
    int r;

    if (*config->pcap == '\0')
        return 0;
    r = pcap_create(&the_host.memory, *dev, config->pcap, epoch(), dev);
    if (r < 0)
        say(why, config->pcap, r);
    return r;
}

static int open_device(const struct tapir_config *config,
                       const struct settings *settings, const char *name,
                       struct netdev **out, char why[TAPIR_TEXT_MAX])
{
    int r = device_open(name, config->mtu, out, why);

    if (r < 0)
        return r;
    r = wrap_in_faults(config, settings, out);
    if (r < 0)
        say(why, "--faults", r);
    if (r == 0)
        r = wrap_in_pcap(config, out, why);
    if (r < 0)
        netdev_close(*out);
    return r;
}

/* Interface, address and default route. */
static int set_up_interface(struct tapir_stack *stack, const char *name,
                            const struct tapir_config *config,
                            const struct settings *settings, struct netdev *dev,
                            char why[TAPIR_TEXT_MAX])
{
    struct iface_config iface = {.name = device_label(name),
                                 .dev = dev,
                                 .mac = settings->mac,
                                 .mtu = config->mtu};
    struct ip_prefix everywhere = {.addr = IP_ADDR_ANY_V4,
                                   .len = IPV4_PREFIX_OFFSET};
    struct port *port;
    usec now = stack_now(stack);
    int r = stack_port_add(stack, &iface, &port);

    if (r < 0) {
        netdev_close(dev);
        say(why, name, r);
        return r;
    }
    r = stack_addr_add(stack->core, now, port->iface, &settings->addr);
    if (r < 0)
        say(why, "--addr", r);
    if (r == 0 && !ip_addr_is_any(&settings->gateway)) {
        r = stack_route_add(stack->core, now, &everywhere, &settings->gateway,
                            port->iface);
        if (r < 0)
            say(why, "--gateway", r);
    }
    return r;
}

static int start(const struct tapir_config *config,
                 const struct settings *settings, const char *name,
                 char why[TAPIR_TEXT_MAX])
{
    struct tapir_stack *stack = calloc(1, sizeof(*stack));
    struct netdev *dev;
    int r;

    if (stack == NULL) {
        say(why, name, -ENOMEM);
        return -ENOMEM;
    }
    stack->clock = TAPIR_CLOCK_REAL;
    stack->exit_wait = config->exit_wait;
    stack->ecn = (enum tcp_ecn)config->ecn;
    memcpy(stack->congestion, config->congestion, sizeof(stack->congestion));
    stack->fast_open = config->fast_open;
    stack->dns = settings->dns;
    trace_text_init(&stack->trace_text, settings->trace_layers, stderr);
    r = open_device(config, settings, name, &dev, why);
    if (r < 0) {
        free(stack);
        return r;
    }
    r = stack_begin(config->seed, stack);
    if (r < 0) {
        netdev_close(dev);
        free(stack);
        say(why, name, r);
        return r;
    }
    r = set_up_interface(stack, name, config, settings, dev, why);
    if (r < 0) {
        stack_end(stack);
        return r;
    }
    the_host.default_stack = stack;
    pass_run(stack); /* the address is announced */
    drive_devices_changed();
    return 0;
}

/* With an address that goes with the device's number, unless one is given. */
static int start_in_lab(struct tapir_config config, unsigned number,
                        char why[TAPIR_TEXT_MAX])
{
    struct settings settings;
    char name[16];
    int r;

    snprintf(name, sizeof(name), "tap%u", number);
    if (*config.addr == '\0')
        snprintf(config.addr, sizeof(config.addr), "192.0.2.%u/24",
                 FIRST_HOST + number);
    r = settings_parse(&config, &settings, why);
    if (r == 0)
        r = settings_reconcile(&settings, why);
    return r < 0 ? r : start(&config, &settings, name, why);
}

/* The first device that nobody has. */
static int start_on_free_device(const struct tapir_config *config,
                                unsigned devices, char why[TAPIR_TEXT_MAX])
{
    int r = -EBUSY;

    for (unsigned i = 0; i < devices && r == -EBUSY; i++)
        r = start_in_lab(*config, i, why);
    return r;
}

/* The number of "tap3", or -1. */
static int tap_number(const char *name)
{
    uint64_t number;

    if (strncmp(name, "tap", 3) != 0 ||
        number_parse(name + 3, LAB_STACKS_MAX - 1, &number) < 0)
        return -1;
    return (int)number;
}

static int open_default(const struct tapir_config *config,
                        char why[TAPIR_TEXT_MAX])
{
    unsigned devices = lab_stacks();
    int number = tap_number(config->dev);
    struct settings settings;
    int r;

    if (*config->dev == '\0' && devices > 0)
        return start_on_free_device(config, devices, why);
    if (number >= 0 && (unsigned)number < devices)
        return start_in_lab(*config, (unsigned)number, why);
    r = settings_parse(config, &settings, why);
    if (r == 0)
        r = settings_reconcile(&settings, why);
    if (r < 0)
        return r;
    return start(config, &settings, *config->dev == '\0' ? "tap0" : config->dev,
                 why);
}

int tapir_open(const struct tapir_config *config, char why[TAPIR_TEXT_MAX])
{
    int r;

    host_lock();
    if (the_host.default_stack != NULL) {
        r = -EALREADY;
        snprintf(why, TAPIR_TEXT_MAX, "the default stack runs already");
    } else if (the_host.is_child) {
        r = -ENETDOWN;
        snprintf(why, TAPIR_TEXT_MAX, "the stack is the parent process's");
    } else {
        if (config->debug)
            stack_clock_stop_with_process(&the_host.clock);
        r = open_default(config, why);
    }
    host_unlock();
    return (int)errno_result(r);
}

int tapir_open_env(char why[TAPIR_TEXT_MAX])
{
    struct tapir_config config;

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0)
        return -1;
    return tapir_open(&config, why);
}

__attribute__((noreturn)) static void give_up(const char *why, int status)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, why);
    exit(status);
}

void tapir_open_args(int *argc, char **argv)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, argc, argv, why) < 0)
        give_up(why, 2);
    if (tapir_open(&config, why) < 0)
        give_up(why, 1);
}

int tapir_shut(void)
{
    int r = -EBADF;

    host_lock();
    if (the_host.default_stack != NULL && !the_host.is_child) {
        stack_end(the_host.default_stack);
        r = 0;
    }
    host_unlock();
    return (int)errno_result(r);
}
