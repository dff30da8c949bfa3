/*
 * The requests of a control socket by name, and what tells which stack it is.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "host/control_client.h"

#include "host/control_place.h"

#include <errno.h>
#include <unistd.h>

enum { PROTOCOL = 1 /* a number that changes when old clients would err */ };

/* ---- stack: who is it? --------------------------------------------------- */

static void tell_interface(const struct tapir_stack *stack, struct json *json)
{
    struct iface_info info;

    for (unsigned i = 1; stack_iface_info(stack->core, i, &info) == 0; i++) {
        if (info.is_loopback)
            continue;
        json_text(json, "name", info.name);
        if (info.addr_count > 0)
            json_prefix(json, "addr", &info.addrs[0]);
        return;
    }
}

static int tell_stack(struct control_client *client, struct json *json)
{
    const struct tapir_stack *stack = client->stack;

    if (client->cursor.at++ > 0)
        return -ENOENT;
    json_number(json, "protocol", PROTOCOL);
    json_text(json, "program", program_invocation_short_name);
    json_number(json, "pid", (uint64_t)getpid());
    json_number(json, "uid", geteuid());
    json_number(json, "stack", stack->number);
    json_number(json, "netns", control_place_network());
    tell_interface(stack, json);
    json_flag(json, "is_default", stack == the_host.default_stack);
    json_flag(json, "is_ending", stack->is_ending);
    return 1;
}

static const struct control_request stack_request = {
    .name = "stack",
    .next = tell_stack,
};

/* ---- All of them --------------------------------------------------------- */

const struct control_request *control_request_find(const char *name)
{
    static const struct control_request *const requests[] = {
        &stack_request,
        &control_sockets_request,
        &control_descriptors_request,
        &control_stats_request,
        &control_drops_request,
        &control_neighbours_request,
        &control_neighbour_request,
        &control_routes_request,
        &control_route_request,
        &control_addresses_request,
        &control_settings_request,
        &control_set_request,
        &control_trace_request,
        &control_capture_request,
    };

    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++)
        if (strcmp(requests[i]->name, name) == 0)
            return requests[i];
    return NULL;
}
