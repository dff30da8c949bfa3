/*
 * The requests about neighbours, routes, addresses and settings:
 *
 *     neighbours             neighbour add ADDR MAC [IFACE]
 *     routes                 neighbour delete ADDR [IFACE]
 *     addresses              neighbour flush
 *     settings               route add PREFIX GATEWAY|- [IFACE]
 *                            route delete PREFIX
 *                            set NAME VALUE
 *
 * IFACE is an interface's name; without it, it follows from the address.
 */
#include "host/control_client.h"

#include "netdev/faults.h"
#include "tcp/tcp_cc.h"

#include <errno.h>

static void put_iface(struct json *json, const struct tapir_stack *stack,
                      unsigned iface)
{
    struct iface_info info;

    if (stack_iface_info(stack->core, iface, &info) == 0)
        json_text(json, "dev", info.name);
}

static usec now_of(const struct control_client *client)
{
    return stack_now(client->stack);
}

/* What was changed takes effect. */
static int done(struct control_client *client, int r)
{
    if (r >= 0)
        pass_run(client->stack);
    return r < 0 ? r : 0;
}

static int say(struct control_client *client, const char *why)
{
    client->why = why;
    return -EINVAL;
}

/* 0: there is no such interface. */
static unsigned iface_by_name(const struct control_client *client,
                              const char *name)
{
    struct iface_info info;

    for (unsigned i = 1; stack_iface_info(client->stack->core, i, &info) == 0;
         i++)
        if (strcmp(info.name, name) == 0)
            return i;
    return 0;
}

/* The one on whose subnet the address is; 0: none. */
static unsigned iface_towards(const struct control_client *client,
                              const struct ip_addr *addr)
{
    struct iface_info info;

    for (unsigned i = 1; stack_iface_info(client->stack->core, i, &info) == 0;
         i++)
        for (unsigned j = 0; j < info.addr_count; j++)
            if (ip_prefix_contains(&info.addrs[j], addr))
                return i;
    return 0;
}

/* ---- Neighbours ---------------------------------------------------------- */

static const char *state_name(enum neighbour_state state)
{
    switch (state) {
    case NEIGHBOUR_INCOMPLETE:
        return "incomplete";
    case NEIGHBOUR_REACHABLE:
        return "reachable";
    case NEIGHBOUR_STALE:
        return "stale";
    case NEIGHBOUR_PERMANENT:
        return "permanent";
    }
    return "";
}

static int next_neighbour(struct control_client *client, struct json *json)
{
    struct stack_neighbour neighbour;
    int r = stack_next_neighbour(client->stack->core, &client->cursor.at,
                                 &neighbour);

    if (r <= 0)
        return r;
    json_addr(json, "addr", &neighbour.addr);
    put_iface(json, client->stack, neighbour.iface);
    if (neighbour.state != NEIGHBOUR_INCOMPLETE)
        json_mac(json, "mac", &neighbour.mac);
    json_text(json, "state", state_name(neighbour.state));
    if (neighbour.left != USEC_NEVER)
        json_number(json, "left_us", (uint64_t)neighbour.left);
    json_count(json, "waiting", neighbour.waiting);
    return 1;
}

const struct control_request control_neighbours_request = {
    .name = "neighbours",
    .next = next_neighbour,
};

/* ADDR, and which interface it is on, by the word behind it or by itself. */
static int find_neighbour(struct control_client *client,
                          const struct control_words *words, unsigned iface_at,
                          struct ip_addr *addr, unsigned *iface)
{
    if (words->count < 3 || ip_addr_parse(words->word[2], addr) < 0 ||
        !ip_addr_is_v4(addr))
        return say(client, "an IPv4 address is wanted");
    *iface = words->count > iface_at
                 ? iface_by_name(client, words->word[iface_at])
                 : iface_towards(client, addr);
    return *iface == 0 ? say(client, "no interface leads there") : 0;
}

static int add_neighbour(struct control_client *client,
                         const struct control_words *words)
{
    struct mac_addr mac;
    struct ip_addr addr;
    unsigned iface;

    if (find_neighbour(client, words, 4, &addr, &iface) < 0)
        return -EINVAL;
    if (words->count < 4 || mac_addr_parse(words->word[3], &mac) < 0)
        return say(client, "a MAC address is wanted");
    return stack_neighbour_add(client->stack->core, now_of(client), iface,
                               &addr, &mac);
}

static int delete_neighbour(struct control_client *client,
                            const struct control_words *words)
{
    struct ip_addr addr;
    unsigned iface;
    int r;

    if (find_neighbour(client, words, 3, &addr, &iface) < 0)
        return -EINVAL;
    r = stack_neighbour_delete(client->stack->core, now_of(client), iface,
                               &addr);
    return r == -ESRCH ? say(client, "there is no such neighbour") : r;
}

static int change_neighbour(struct control_client *client,
                            const struct control_words *words)
{
    const char *verb = words->count > 1 ? words->word[1] : "";

    if (strcmp(verb, "add") == 0)
        return done(client, add_neighbour(client, words));
    if (strcmp(verb, "delete") == 0)
        return done(client, delete_neighbour(client, words));
    if (strcmp(verb, "flush") != 0)
        return say(client, "add, delete or flush is wanted");
    (void)stack_neighbour_flush(client->stack->core, now_of(client));
    return done(client, 0);
}

const struct control_request control_neighbour_request = {
    .name = "neighbour",
    .begin = change_neighbour,
};

/* ---- Routes -------------------------------------------------------------- */

static int next_route(struct control_client *client, struct json *json)
{
    struct stack_route route;
    int r = stack_next_route(client->stack->core, &client->cursor.at, &route);

    if (r <= 0)
        return r;
    json_prefix(json, "prefix", &route.prefix);
    if (!ip_addr_is_any(&route.gateway))
        json_addr(json, "gateway", &route.gateway);
    put_iface(json, client->stack, route.iface);
    return 1;
}

const struct control_request control_routes_request = {
    .name = "routes",
    .next = next_route,
};

static int parse_route(const char *text, struct ip_prefix *out)
{
    return ip_prefix_parse(strcmp(text, "default") == 0 ? "0.0.0.0/0" : text,
                           out);
}

static int add_route(struct control_client *client,
                     const struct control_words *words,
                     const struct ip_prefix *prefix)
{
    struct ip_addr gateway = IP_ADDR_ANY_V4;
    unsigned iface = 0;
    int r;

    if (words->count > 3 && strcmp(words->word[3], "-") != 0 &&
        ip_addr_parse(words->word[3], &gateway) < 0)
        return say(client, "a gateway's address is wanted");
    if (words->count > 4) {
        iface = iface_by_name(client, words->word[4]);
        if (iface == 0)
            return say(client, "there is no such interface");
    }
    r = stack_route_add(client->stack->core, now_of(client), prefix, &gateway,
                        iface);
    return r == -EINVAL ? say(client, "a gateway, or an interface, is wanted")
                        : r;
}

static int change_route(struct control_client *client,
                        const struct control_words *words)
{
    const char *verb = words->count > 1 ? words->word[1] : "";
    struct ip_prefix prefix;
    int r;

    if (words->count < 3 || parse_route(words->word[2], &prefix) < 0)
        return say(client, "a prefix is wanted");
    if (strcmp(verb, "add") == 0)
        return done(client, add_route(client, words, &prefix));
    if (strcmp(verb, "delete") != 0)
        return say(client, "add or delete is wanted");
    r = stack_route_delete(client->stack->core, now_of(client), &prefix);
    return r == -ESRCH ? say(client, "there is no such route")
                       : done(client, r);
}

const struct control_request control_route_request = {
    .name = "route",
    .begin = change_route,
};

/* ---- Addresses ----------------------------------------------------------- */

/* A line for each, and one for an interface that has none. */
static int next_address(struct control_client *client, struct json *json)
{
    unsigned iface = 1 + (unsigned)(client->cursor.at / IFACE_ADDRS_MAX);
    unsigned which = (unsigned)(client->cursor.at % IFACE_ADDRS_MAX);
    struct iface_info info;

    if (stack_iface_info(client->stack->core, iface, &info) < 0)
        return -ENOENT;
    client->cursor.at++;
    if (which >= info.addr_count && which > 0) {
        client->cursor.at = iface * IFACE_ADDRS_MAX;
        return 0;
    }
    json_text(json, "dev", info.name);
    json_number(json, "iface", iface);
    json_flag(json, "loopback", info.is_loopback);
    json_number(json, "mtu", info.mtu);
    if (info.hardware == IFACE_HARDWARE_ETHERNET)
        json_mac(json, "mac", &info.mac);
    if (which < info.addr_count)
        json_prefix(json, "addr", &info.addrs[which]);
    return 1;
}

const struct control_request control_addresses_request = {
    .name = "addresses",
    .next = next_address,
};

/* ---- Settings ------------------------------------------------------------ */

static int parse_number(struct control_client *client, const char *text,
                        uint64_t most, uint64_t *out)
{
    return number_parse(text, most, out) < 0 ? say(client, "no such number")
                                             : 0;
}

static int change(struct control_client *client, enum stack_setting setting,
                  uint64_t value)
{
    return stack_change(client->stack->core, now_of(client), setting, value);
}

static int set_congestion(struct control_client *client, const char *value)
{
    struct tapir_stack *stack = client->stack;
    size_t number = 0;

    while (tcp_cc_at(number) != NULL &&
           strcmp(tcp_cc_at(number)->name, value) != 0)
        number++;
    if (change(client, STACK_CONGESTION, number) < 0)
        return say(client, "there is no such congestion control");
    snprintf(stack->congestion, sizeof(stack->congestion), "%s", value);
    return 0;
}

static int set_ecn(struct control_client *client, const char *value)
{
    uint64_t number;

    if (parse_number(client, value, TCP_ECN_MAX, &number) < 0)
        return -EINVAL;
    client->stack->ecn = (enum tcp_ecn)number;
    return change(client, STACK_ECN, number);
}

static int set_buffer_max(struct control_client *client, const char *value)
{
    uint64_t number;

    if (parse_number(client, value, TCP_BUFFER_MAX_MOST, &number) < 0)
        return -EINVAL;
    if (change(client, STACK_BUFFER_MAX, number) < 0)
        return say(client, "it is too small");
    client->stack->buffer_max = (uint32_t)number;
    return 0;
}

static int set_spin(struct control_client *client, const char *value)
{
    uint64_t number;

    if (parse_number(client, value, SPIN_MAX, &number) < 0)
        return -EINVAL;
    client->stack->spin = (usec)number;
    return 0;
}

static int set_exit_wait(struct control_client *client, const char *value)
{
    uint64_t number;

    if (parse_number(client, value, 86400, &number) < 0)
        return -EINVAL;
    client->stack->exit_wait = (unsigned)number;
    return 0;
}

/* A device that is not faulty has nothing to be changed. */
static int set_faults(struct control_client *client, const char *value)
{
    struct tapir_stack *stack = client->stack;
    struct faults faults = {0};
    char why[FAULTS_WHY_MAX];

    if (stack->faulty == NULL)
        return say(client, "it was not begun with --faults");
    if (strcmp(value, "none") != 0 && faults_parse(value, &faults, why) < 0)
        return say(client, "there are no such faults");
    faults_change(stack->faulty, stack_now(stack), &faults);
    snprintf(stack->faults, sizeof(stack->faults), "%s", value);
    return 0;
}

/* Where the process has its standard error. */
static int set_trace(struct control_client *client, const char *value)
{
    struct tapir_stack *stack = client->stack;
    const char *what = strcmp(value, "on") == 0 ? "" : value;
    struct trace_filter filter;
    char mistake[TRACE_WORD_MAX];
    bool is_off = strcmp(value, "off") == 0;

    if (!is_off && trace_filter_parse(what, &filter, mistake) < 0)
        return say(client, "no such filter");
    stack_trace_change(stack, is_off ? NULL : &filter);
    if (!is_off && !stack->is_traced)
        return say(client, "it has no standard error");
    snprintf(stack->trace_what, sizeof(stack->trace_what), "%s", what);
    return 0;
}

static void get_congestion(const struct tapir_stack *stack, struct json *json)
{
    json_text(json, "value",
              *stack->congestion == '\0' ? "cubic" : stack->congestion);
}

static void get_ecn(const struct tapir_stack *stack, struct json *json)
{
    json_number(json, "value", stack->ecn);
}

static void get_buffer_max(const struct tapir_stack *stack, struct json *json)
{
    json_number(json, "value", stack->buffer_max);
}

static void get_spin(const struct tapir_stack *stack, struct json *json)
{
    json_number(json, "value", (uint64_t)stack->spin);
}

static void get_exit_wait(const struct tapir_stack *stack, struct json *json)
{
    json_number(json, "value", stack->exit_wait);
}

static void get_faults(const struct tapir_stack *stack, struct json *json)
{
    json_text(json, "value", stack->faulty == NULL ? "none" : stack->faults);
}

static void get_trace(const struct tapir_stack *stack, struct json *json)
{
    bool has_words = *stack->trace_what != '\0';

    json_text(json, "value",
              !stack->is_traced ? "off"
              : has_words       ? stack->trace_what
                                : "on");
}

static const struct {
    const char *name; /* of its option, without the dashes */
    int (*set)(struct control_client *client, const char *value);
    void (*get)(const struct tapir_stack *stack, struct json *json);
    const char *holds_for;
} settings[] = {
    {"congestion", set_congestion, get_congestion, "connections from now on"},
    {"ecn", set_ecn, get_ecn, "connections from now on"},
    {"buffer-max", set_buffer_max, get_buffer_max,
     "what buffers grow to from now on"},
    {"spin", set_spin, get_spin, "all calls"},
    {"exit-wait", set_exit_wait, get_exit_wait, "the exit"},
    {"faults", set_faults, get_faults, "packets from now on"},
    {"trace", set_trace, get_trace, "events from now on"},
};

static int change_setting(struct control_client *client,
                          const struct control_words *words)
{
    if (words->count != 3)
        return say(client, "a name and a value are wanted");
    for (size_t i = 0; i < ARRAY_LENGTH(settings); i++)
        if (strcmp(settings[i].name, words->word[1]) == 0)
            return done(client, settings[i].set(client, words->word[2]));
    return say(client, "no such setting, or none that may be changed");
}

const struct control_request control_set_request = {
    .name = "set",
    .begin = change_setting,
};

static int next_setting(struct control_client *client, struct json *json)
{
    uint64_t at = client->cursor.at++;

    if (at >= ARRAY_LENGTH(settings))
        return -ENOENT;
    json_text(json, "name", settings[at].name);
    settings[at].get(client->stack, json);
    json_text(json, "holds_for", settings[at].holds_for);
    return 1;
}

const struct control_request control_settings_request = {
    .name = "settings",
    .next = next_setting,
};
