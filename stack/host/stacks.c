/*
 * Stacks of one's own: making and ending them.
 */
#include "host/host.h"
#include "host/settings.h"
#include "stack_settings.h"
#include "tcp/tcp_cc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/random.h>

enum { EXIT_WAIT_DEFAULT = 10 /* seconds */ };

/* ---- Making ------------------------------------------------------------ */

struct hash_key seed_key(uint64_t seed, uint64_t purpose)
{
    struct hash_key key = {.k0 = seed, .k1 = purpose};

    if (seed != 0)
        return key;
    /* Cannot fail or be cut short for so few bytes: getrandom(2). */
    ssize_t got = getrandom(&key, sizeof(key), 0);

    assert(got == sizeof(key));
    (void)got;
    return key;
}

void tapir_stack_config_init(struct tapir_stack_config *config)
{
    *config = (struct tapir_stack_config){
        .exit_wait = EXIT_WAIT_DEFAULT,
        .ecn = TCP_ECN_ANSWER,
        .fast_open = TCP_FAST_OPEN_CLIENT,
        .buffer_max = TCP_BUFFER_MAX,
    };
}

/* A quarter of the machine's memory for each stack; 0: it cannot be told. */
static size_t memory_for_tcp(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);

    return pages > 0 && page > 0 ? (size_t)pages / 4 * (size_t)page : 0;
}

/* Before the core is there, too: then it begins with those. */
static void tell_core(struct tapir_stack *stack)
{
    if (stack->core != NULL)
        stack_set_trace(stack->core, trace_hub_trace(&stack->trace));
}

void stack_attach_listener(struct tapir_stack *stack,
                           struct trace_listener *listener)
{
    trace_hub_add(&stack->trace, listener);
    tell_core(stack);
}

void stack_detach_listener(struct tapir_stack *stack,
                           struct trace_listener *listener)
{
    trace_hub_remove(&stack->trace, listener);
    tell_core(stack);
}

void stack_trace_change(struct tapir_stack *stack,
                        const struct trace_filter *trace)
{
    if (stack->is_traced)
        stack_detach_listener(stack, &stack->trace_text.listener);
    if (trace != NULL && stack->trace_fd < 0)
        stack->trace_fd = host_own_dup(STDERR_FILENO);
    stack->is_traced = trace != NULL && stack->trace_fd >= 0;
    if (!stack->is_traced)
        return;
    trace_text_init(&stack->trace_text, trace, stack->trace_fd);
    stack_attach_listener(stack, &stack->trace_text.listener);
}

/* By a number of its own, whatever the program does to its standard error. */
void stack_trace_begin(struct tapir_stack *stack,
                       const struct trace_filter *trace,
                       const struct explain_list *explain)
{
    trace_hub_init(&stack->trace);
    stack->trace_fd = -1;
    if (trace != NULL || explain != NULL)
        stack->trace_fd = host_own_dup(STDERR_FILENO);
    if (stack->trace_fd < 0)
        return;
    if (trace != NULL)
        stack_trace_change(stack, trace);
    if (explain != NULL) {
        explain_init(&stack->explain, explain, stack->trace_fd);
        stack_attach_listener(stack, &stack->explain.listener);
    }
}

void stack_trace_end(struct tapir_stack *stack)
{
    host_close_own(stack->trace_fd);
}

/* The settings by name have the last word, so what the control socket tells of
 * is what came of them. -EINVAL. */
static int configure_core(struct tapir_stack *stack,
                          struct stack_config *config)
{
    char why[SETTING_WHY_MAX];

    if (*stack->congestion != '\0')
        memcpy(config->tcp.congestion, stack->congestion,
               sizeof(config->tcp.congestion));
    config->tcp.ecn = stack->ecn;
    config->tcp.fast_open = stack->fast_open;
    tcp_config_limit_buffers(&config->tcp, stack->buffer_max);
    config->tcp.memory_limit = memory_for_tcp();
    if (stack_settings_take(config, stack->set, why) < 0)
        return -EINVAL;
    memcpy(stack->congestion, config->tcp.congestion,
           sizeof(stack->congestion));
    stack->ecn = config->tcp.ecn;
    return 0;
}

static int create_core(struct tapir_stack *stack, uint64_t seed)
{
    struct stack_config config = stack_config_default();

    config.memory = &stack->memory;
    config.seed = seed_key(seed, SEED_STACK);
    if (configure_core(stack, &config) < 0)
        return -EINVAL;
    if (stack->record != NULL)
        config.recorder = record_file_recorder(stack->record);
    config.trace = trace_hub_trace(&stack->trace);
    return stack_create(&config, stack_now(stack), &stack->core);
}

int stack_begin(uint64_t seed, struct tapir_stack *stack)
{
    int r;

    memory_init(&stack->memory, SIZE_MAX / 2);
    random_init(&stack->names_random, seed_key(seed, SEED_NAMES));
    list_init(&stack->work_node);
    list_init(&stack->ports);
    list_init(&stack->timeouts);
    list_init(&stack->enders);
    r = hash_table_init(&stack->files, &the_host.memory);
    if (r < 0)
        return r;
    r = create_core(stack, seed);
    if (r < 0) {
        hash_table_fini(&stack->files, &the_host.memory);
        return r;
    }
    list_append(&the_host.stacks, &stack->node);
    stack->number = the_host.control.stacks++;
    if (stack->clock == TAPIR_CLOCK_REAL) {
        exit_prepare();
        helper_start();
        control_open(stack);
        drive_devices_changed();
    }
    return 0;
}

bool stack_is_there(const struct tapir_stack *stack)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        if (container_of(node, struct tapir_stack, node) == stack)
            return true;
    }
    return false;
}

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

/* Empty, for the default, or the name of an algorithm. */
static bool is_congestion(const char *name, size_t size)
{
    return is_text(name, size) && (*name == '\0' || tcp_cc_find(name) != NULL);
}

/* 0; -EINVAL. */
static int configure(struct tapir_stack *stack,
                     const struct tapir_stack_config *config)
{
    char why[TAPIR_TEXT_MAX];
    struct trace_filter trace;
    char mistake[TRACE_WORD_MAX];

    if (config->clock != TAPIR_CLOCK_REAL &&
        config->clock != TAPIR_CLOCK_MANUAL)
        return -EINVAL;
    if (config->now > INT64_MAX / 2)
        return -EINVAL;
    if (config->trace &&
        trace_filter_parse(config->trace_what, &trace, mistake) < 0)
        return -EINVAL;
    if (!is_congestion(config->congestion, sizeof(config->congestion)))
        return -EINVAL;
    if (config->ecn > TCP_ECN_MAX || config->spin > SPIN_MAX)
        return -EINVAL;
    if (memchr(config->record, '\0', sizeof(config->record)) == NULL)
        return -EINVAL;
    if ((config->fast_open & ~(unsigned)TCP_FAST_OPEN_BITS) != 0)
        return -EINVAL;
    if (config->buffer_max < TCP_BUFFER_MAX_LEAST ||
        config->buffer_max > TCP_BUFFER_MAX_MOST)
        return -EINVAL;
    if (!is_text(config->set, sizeof(config->set)) ||
        core_settings_parse(config->set, config->buffer_max, why) < 0)
        return -EINVAL;
    if (!is_text(config->dns, sizeof(config->dns)) ||
        dns_setting_parse(config->dns, &stack->dns) < 0)
        return -EINVAL;
    if (!is_text(config->control, sizeof(config->control)) ||
        !is_text(config->control_group, sizeof(config->control_group)) ||
        control_setting_parse(config->control, config->control_group,
                              &stack->control_setting, why) < 0)
        return -EINVAL;
    memcpy(stack->congestion, config->congestion, sizeof(stack->congestion));
    stack->fast_open = config->fast_open;
    stack->buffer_max = config->buffer_max;
    memcpy(stack->set, config->set, sizeof(stack->set));
    stack->clock = config->clock;
    stack->now = (usec)config->now;
    stack->exit_wait = config->exit_wait;
    stack->spin = config->spin;
    stack->ecn = (enum tcp_ecn)config->ecn;
    memcpy(stack->trace_what, config->trace_what, sizeof(stack->trace_what));
    stack_trace_begin(stack, config->trace ? &trace : NULL, NULL);
    return 0;
}

/* On a clock of its own its time is no wall clock's. */
static int record(const struct tapir_stack_config *config,
                  struct tapir_stack *stack)
{
    bool is_real = config->clock == TAPIR_CLOCK_REAL;

    if (*config->record == '\0')
        return 0;
    return record_file_create(config->record, is_real ? host_epoch() : 0,
                              &stack->record);
}

struct tapir_stack *tapir_stack_create(const struct tapir_stack_config *config)
{
    struct tapir_stack *stack = calloc(1, sizeof(*stack));
    int r = stack == NULL ? -ENOMEM : configure(stack, config);

    if (r == 0) {
        host_lock();
        if (config->debug)
            stack_clock_stop_with_process(&the_host.clock);
        r = the_host.is_child ? -ENETDOWN : record(config, stack);
        if (r == 0)
            r = stack_begin(config->seed, stack);
        if (r < 0) {
            record_file_close(stack->record);
            stack_trace_end(stack);
        }
        host_unlock();
    }
    if (r < 0) {
        free(stack);
        errno = -r;
        return NULL;
    }
    return stack;
}

struct tapir_stack *tapir_default_stack(void)
{
    struct tapir_stack *stack;

    host_lock();
    stack = the_host.default_stack;
    host_unlock();
    return stack;
}

/* ---- Ending ------------------------------------------------------------ */

static void close_sockets(struct tapir_stack *stack)
{
    struct hash_node *node;
    uint32_t cursor = 0;

    while ((node = hash_table_any(&stack->files, &cursor)) != NULL) {
        struct file *file = container_of(node, struct file, by_id);

        core_close(stack, file->id);
        file_lose_stack(file); /* takes it out */
    }
}

static bool ender_notify(struct watch *watch)
{
    waiter_notify(watch->waiter);
    return true;
}

void stack_wait_for_end(struct tapir_stack *stack)
{
    struct waiter waiter;
    struct watch watch = {.notify = ender_notify, .waiter = &waiter};
    int r = 0;

    waiter_init(&waiter, NULL, host_now() + stack->exit_wait * USEC_PER_SEC);
    list_append(&stack->enders, &watch.node);
    pass_run(stack);
    while (stack_unfinished(stack->core) > 0 && r != -ETIMEDOUT &&
           r != -ENOMEM && r != -EMFILE)
        r = waiter_wait(&waiter); /* a signal does not end it */
    list_remove(&watch.node);
    waiter_end(&waiter);
    host_unlock();
    waiter_let_signals(&waiter);
    host_lock();
}

/* Those that wait for this stack's time wait no longer for any. */
static void forget_timeouts(struct tapir_stack *stack)
{
    struct list *node;

    while ((node = list_pop(&stack->timeouts)) != NULL) {
        struct waiter *waiter = container_of(node, struct waiter, timeout_node);

        waiter->clock = NULL;
        waiter->deadline = 0;
        waiter_call(waiter);
    }
}

static void close_ports(struct tapir_stack *stack)
{
    struct list *node;

    while ((node = list_pop(&stack->ports)) != NULL) {
        struct port *port = container_of(node, struct port, node);

        if (port->peer != NULL)
            port->peer->peer = NULL;
        host_disown_device(port->dev);
        capture_close(
            &(struct capture_dev){.dev = port->dev, .story = port->story},
            &the_host.memory);
        free(port->callback);
        free(port);
    }
}

void stack_end(struct tapir_stack *stack)
{
    stack->is_ending = true;
    if (the_host.default_stack == stack)
        the_host.default_stack = NULL;
    close_sockets(stack);
    if (stack->clock == TAPIR_CLOCK_REAL && stack->exit_wait > 0)
        stack_wait_for_end(stack);
    stack_abort_all(stack->core, stack_now(stack));
    pass_run(stack);

    control_close(stack);
    list_remove(&stack->node);
    list_remove(&stack->work_node);
    forget_timeouts(stack);
    stack_destroy(stack->core);
    record_file_close(stack->record);
    stack_trace_end(stack);
    close_ports(stack);
    hash_table_fini(&stack->files, &the_host.memory);
    drive_devices_changed();
    free(stack);
}

void tapir_stack_destroy(struct tapir_stack *stack)
{
    if (stack == NULL)
        return;
    host_lock();
    if (!the_host.is_child)
        stack_end(stack);
    host_unlock();
}
