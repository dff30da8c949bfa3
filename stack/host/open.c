/*
 * The default stack on its device, from the settings.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "host/host.h"

#include "host/device.h"
#include "host/settings.h"
#include "netdev/faults.h"

#include <errno.h>
#include <stdlib.h>

enum {
    LAB_STACKS_MAX = 250,
    FIRST_HOST = 2,     /* of 192.0.2.0/24: 1 is the lab's host */
    FORESEEN_IFACES = 2 /* loopback and the device */
};

/* What the devices of a lab are called, before their number. */
static const char *lab_devices(void)
{
    const char *text = getenv("TAPIR_LAB_DEVICES");

    return text == NULL ? "tap" : text;
}

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
static int wrap_in_faults(struct tapir_stack *stack,
                          const struct tapir_config *config,
                          const struct settings *settings, struct netdev **dev)
{
    struct netdev *faulty;

    if (!settings->has_faults)
        return 0;
    faulty = faults_create(&the_host.memory, *dev, &settings->faults,
                           seed_key(config->seed, SEED_FAULTS));
    if (faulty == NULL)
        return -ENOMEM;
    snprintf(stack->faults, sizeof(stack->faults), "%s", config->faults);
    stack->faulty = faulty;
    *dev = faulty;
    return 0;
}

static int open_device(struct tapir_stack *stack,
                       const struct tapir_config *config,
                       const struct settings *settings, const char *name,
                       struct capture_dev *out, char why[TAPIR_TEXT_MAX])
{
    int r;

    *out = (struct capture_dev){0};
    r = device_open(name, config->mtu, &out->dev, why);
    if (r < 0)
        return r;
    r = wrap_in_faults(stack, config, settings, &out->dev);
    if (r < 0)
        say(why, "--faults", r);
    if (r == 0) {
        r = capture_around(out, &the_host.memory, config->pcap,
                           device_label(name), host_epoch());
        if (r < 0)
            say(why, config->pcap, r);
    }
    if (r < 0)
        netdev_close(out->dev);
    return r;
}

/* Interface, address and default route. */
static int set_up_interface(struct tapir_stack *stack, const char *name,
                            const struct tapir_config *config,
                            const struct settings *settings,
                            const struct capture_dev *dev,
                            char why[TAPIR_TEXT_MAX])
{
    struct iface_config iface = {.name = device_label(name),
                                 .dev = dev->dev,
                                 .mac = settings->mac,
                                 .mtu = config->mtu};
    struct ip_prefix everywhere = {.addr = IP_ADDR_ANY_V4,
                                   .len = IPV4_PREFIX_OFFSET};
    struct port *port;
    usec now = stack_now(stack);
    int r = stack_port_add(stack, &iface, &port);

    if (r < 0) {
        capture_close(dev, &the_host.memory);
        say(why, name, r);
        return r;
    }
    port_take_story(port, dev->story);
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

/* 0, or an error that `why` tells; no stack comes of it then. */
static int begin_stack(const struct tapir_config *config, const char *name,
                       struct tapir_stack *stack, char why[TAPIR_TEXT_MAX])
{
    const char *path = record_path(config->record);
    int r = 0;

    if (*config->record != '\0')
        r = record_file_create(config->record, host_epoch(), &stack->record);
    if (r < 0) {
        say(why, path, r);
        return r;
    }
    r = stack_begin(config->seed, stack);
    if (r < 0) {
        record_file_close(stack->record);
        say(why, name, r);
    }
    return r;
}

static int start(const struct tapir_config *config,
                 const struct settings *settings, const char *name,
                 char why[TAPIR_TEXT_MAX])
{
    struct tapir_stack *stack = calloc(1, sizeof(*stack));
    struct capture_dev dev;
    int r;

    if (stack == NULL) {
        say(why, name, -ENOMEM);
        return -ENOMEM;
    }
    stack->clock = TAPIR_CLOCK_REAL;
    stack->exit_wait = config->exit_wait;
    stack->spin = config->spin;
    stack->ecn = (enum tcp_ecn)config->ecn;
    memcpy(stack->congestion, config->congestion, sizeof(stack->congestion));
    stack->fast_open = config->fast_open;
    stack->buffer_max = config->buffer_max;
    memcpy(stack->set, config->set, sizeof(stack->set));
    stack->dns = settings->dns;
    stack->control_setting = settings->control;
    memcpy(stack->trace_what, config->trace_what, sizeof(stack->trace_what));
    stack_trace_begin(stack, settings->is_traced ? &settings->trace : NULL,
                      settings->is_explained ? &settings->explain : NULL);
    r = open_device(stack, config, settings, name, &dev, why);
    if (r < 0) {
        stack_trace_end(stack);
        free(stack);
        return r;
    }
    r = begin_stack(config, name, stack, why);
    if (r < 0) {
        stack_trace_end(stack);
        capture_close(&dev, &the_host.memory);
        free(stack);
        return r;
    }
    r = set_up_interface(stack, name, config, settings, &dev, why);
    if (r < 0) {
        stack_end(stack);
        return r;
    }
    the_host.default_stack = stack;
    pass_run(stack); /* the address is announced */
    drive_devices_changed();
    return 0;
}

/* What a default stack is to be made of. */
struct plan {
    char name[sizeof(((struct tapir_config *)NULL)->dev)]; /* the device's */
    struct settings settings;
};

/* With an address that goes with the device's number, unless one is given. */
static int plan_in_lab(const struct tapir_config *config, unsigned number,
                       struct plan *plan, char why[TAPIR_TEXT_MAX])
{
    struct tapir_config here = *config;
    int r;

    snprintf(plan->name, sizeof(plan->name), "%s%u", lab_devices(), number);
    if (*here.addr == '\0')
        snprintf(here.addr, sizeof(here.addr), "192.0.2.%u/24",
                 FIRST_HOST + number);
    r = settings_parse(&here, &plan->settings, why);
    return r < 0 ? r : settings_reconcile(&plan->settings, why);
}

/* The number of "tap3", or -1. */
static int lab_number(const char *name)
{
    size_t len = strlen(lab_devices());
    uint64_t number;

    if (strncmp(name, lab_devices(), len) != 0 ||
        number_parse(name + len, LAB_STACKS_MAX - 1, &number) < 0)
        return -1;
    return (int)number;
}

/* Where the settings say which device it is, or there is only one. */
static int plan_make(const struct tapir_config *config, unsigned devices,
                     struct plan *plan, char why[TAPIR_TEXT_MAX])
{
    int number = *config->dev == '\0' ? 0 : lab_number(config->dev);
    int r;

    if (number >= 0 && (unsigned)number < devices)
        return plan_in_lab(config, (unsigned)number, plan, why);
    if (*config->dev == '\0')
        snprintf(plan->name, sizeof(plan->name), "%s0", lab_devices());
    else
        snprintf(plan->name, sizeof(plan->name), "%s", config->dev);
    r = settings_parse(config, &plan->settings, why);
    return r < 0 ? r : settings_reconcile(&plan->settings, why);
}

static bool is_on_any_device(const struct tapir_config *config,
                             unsigned devices)
{
    return *config->dev == '\0' && devices > 1;
}

/* The first device that nobody has. */
static int start_on_free_device(const struct tapir_config *config,
                                unsigned devices, char why[TAPIR_TEXT_MAX])
{
    int r = -EBUSY;

    for (unsigned i = 0; i < devices && r == -EBUSY; i++) {
        struct plan plan;

        r = plan_in_lab(config, i, &plan, why);
        if (r == 0)
            r = start(config, &plan.settings, plan.name, why);
    }
    return r;
}

static int open_default(const struct tapir_config *config,
                        char why[TAPIR_TEXT_MAX])
{
    unsigned devices = lab_stacks();
    struct plan plan;
    int r;

    if (is_on_any_device(config, devices))
        return start_on_free_device(config, devices, why);
    r = plan_make(config, devices, &plan, why);
    return r < 0 ? r : start(config, &plan.settings, plan.name, why);
}

/* As stack_iface_add and its loopback would have it. */
static void foresee(const struct plan *plan, unsigned index,
                    struct iface_info *out)
{
    *out = (struct iface_info){.index = index, .addr_count = 1};
    if (index == 1) {
        memcpy(out->name, "lo", sizeof("lo"));
        out->is_loopback = true;
        out->hardware = IFACE_HARDWARE_LOOPBACK;
        out->addrs[0] = (struct ip_prefix){.addr = ip_addr_v4(INADDR_LOOPBACK),
                                           .len = IPV4_PREFIX_OFFSET + 8};
        return;
    }
    snprintf(out->name, sizeof(out->name), "%.15s", device_label(plan->name));
    out->hardware = IFACE_HARDWARE_ETHERNET;
    out->mac = plan->settings.mac;
    out->addrs[0] = plan->settings.addr;
}

int default_stack_foresee(unsigned index, struct iface_info *out)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    struct plan plan;

    if (index == 0 || index > FORESEEN_IFACES)
        return -ENODEV;
    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        is_on_any_device(&config, lab_stacks()) ||
        plan_make(&config, lab_stacks(), &plan, why) < 0)
        return -EAGAIN;
    foresee(&plan, index, out);
    return 0;
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
