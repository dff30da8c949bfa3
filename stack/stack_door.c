/*
 * The door: each function of stack.h that changes something, or tells what a
 * program goes by. If a recorder stands there it writes down what was handed
 * in, before, and what came of it, after. What an entry does is behind the
 * door, in the other files stack*.c, under the name stack_do_...
 *
 * Entries that only look, and take a const struct stack, are no inputs: they
 * are where what they look at is. tools/check-doors proves that every other one
 * is here, and is written down.
 */
#include "stack_internal.h"
#include "stack_record.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* NULL: nothing is to be written down. */
static struct recorder *recorder_of(const struct stack *stack)
{
    struct recorder *recorder = stack->recorder;

    return recorder != NULL && recorder->is_on ? recorder : NULL;
}

/* An entry with nothing but a socket's number. */
static void enter(struct recorder *recorder, enum record_kind kind, usec now,
                  socket_id id)
{
    record_entry(recorder, kind, now, 0);
    record_count(recorder, id);
    record_enter(recorder);
}

/* The same of a question, which brings no time. */
static void ask(struct recorder *recorder, enum record_kind kind, socket_id id)
{
    enter(recorder, kind, recorder->now, id);
}

/* A result that is all there is to tell. */
static int leave(struct recorder *recorder, int result)
{
    record_result(recorder, result, 0);
    record_leave(recorder);
    return result;
}

/* 0: there is no such socket. */
static int protocol_of(const struct stack *stack, socket_id id)
{
    const struct socket *socket = socket_find(&stack->sockets, id);

    return socket == NULL ? 0 : socket_transport(socket);
}

/* ---- The stack ---------------------------------------------------------- */

int stack_create(const struct stack_config *config, usec now,
                 struct stack **out)
{
    struct recorder *recorder = config->recorder;
    int result;

    if (recorder == NULL)
        return stack_do_create(config, now, out);
    record_create(recorder, config, now);
    result = leave(recorder, stack_do_create(config, now, out));
    if (result == 0)
        (*out)->recorder = recorder;
    return result;
}

void stack_destroy(struct stack *stack)
{
    struct recorder *recorder = stack->recorder;

    if (recorder != NULL)
        record_destroy(recorder);
    stack_do_destroy(stack);
}

/* What the core may ask of the device comes with it. */
static void put_device(struct recorder *recorder, const struct netdev *dev)
{
    record_count(recorder, dev->type);
    record_count(recorder, dev->mtu);
    record_count(recorder, dev->max_gso);
    record_count(recorder,
                 dev->fills_checksum | (dev->cuts_udp ? RECORD_CUTS_UDP : 0u));
    record_mac(recorder, &dev->mac);
}

int stack_iface_add(struct stack *stack, usec now,
                    const struct iface_config *config)
{
    struct recorder *recorder = recorder_of(stack);
    struct iface_config recorded = *config;
    const char *name = config->name == NULL ? "" : config->name;
    size_t name_len = strnlen(name, IFACE_NAME_MAX);

    if (recorder == NULL)
        return stack_do_iface_add(stack, now, config);
    record_entry(recorder, RECORD_IFACE_ADD, now, name_len);
    record_bytes(recorder, bytes_of(name, name_len));
    put_device(recorder, config->dev);
    record_mac(recorder, &config->mac);
    record_count(recorder, config->mtu);
    record_enter(recorder);
    _Static_assert(RECORD_IFACES_MAX == STACK_IFACES_MAX + 1,
                   "the last one, and none of another's");
    recorded.dev = record_device(recorder, config->dev, stack->iface_count + 1);
    return leave(recorder, stack_do_iface_add(stack, now, &recorded));
}

static void put_prefix(struct recorder *recorder,
                       const struct ip_prefix *prefix)
{
    record_addr(recorder, &prefix->addr);
    record_count(recorder, prefix->len);
}

int stack_addr_add(struct stack *stack, usec now, unsigned iface,
                   const struct ip_prefix *addr)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_addr_add(stack, now, iface, addr);
    record_entry(recorder, RECORD_ADDR_ADD, now, 0);
    record_count(recorder, iface);
    put_prefix(recorder, addr);
    record_enter(recorder);
    return leave(recorder, stack_do_addr_add(stack, now, iface, addr));
}

int stack_route_add(struct stack *stack, usec now,
                    const struct ip_prefix *prefix,
                    const struct ip_addr *gateway, unsigned iface)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_route_add(stack, now, prefix, gateway, iface);
    record_entry(recorder, RECORD_ROUTE_ADD, now, 0);
    put_prefix(recorder, prefix);
    record_addr(recorder, gateway);
    record_count(recorder, iface);
    record_enter(recorder);
    return leave(recorder,
                 stack_do_route_add(stack, now, prefix, gateway, iface));
}

int stack_neighbour_add(struct stack *stack, usec now, unsigned iface,
                        const struct ip_addr *addr, const struct mac_addr *mac)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_neighbour_add(stack, now, iface, addr, mac);
    record_entry(recorder, RECORD_NEIGHBOUR_ADD, now, 0);
    record_count(recorder, iface);
    record_addr(recorder, addr);
    record_mac(recorder, mac);
    record_enter(recorder);
    return leave(recorder,
                 stack_do_neighbour_add(stack, now, iface, addr, mac));
}

int stack_route_delete(struct stack *stack, usec now,
                       const struct ip_prefix *prefix)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_route_delete(stack, now, prefix);
    record_entry(recorder, RECORD_ROUTE_DELETE, now, 0);
    put_prefix(recorder, prefix);
    record_enter(recorder);
    return leave(recorder, stack_do_route_delete(stack, now, prefix));
}

int stack_neighbour_delete(struct stack *stack, usec now, unsigned iface,
                           const struct ip_addr *addr)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_neighbour_delete(stack, now, iface, addr);
    record_entry(recorder, RECORD_NEIGHBOUR_DELETE, now, 0);
    record_count(recorder, iface);
    record_addr(recorder, addr);
    record_enter(recorder);
    return leave(recorder, stack_do_neighbour_delete(stack, now, iface, addr));
}

unsigned stack_neighbour_flush(struct stack *stack, usec now)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_neighbour_flush(stack, now);
    record_entry(recorder, RECORD_NEIGHBOUR_FLUSH, now, 0);
    record_enter(recorder);
    return (unsigned)leave(recorder, (int)stack_do_neighbour_flush(stack, now));
}

int stack_change(struct stack *stack, usec now, enum stack_setting setting,
                 uint64_t value)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_change(stack, now, setting, value);
    record_entry(recorder, RECORD_CHANGE, now, 0);
    record_count(recorder, setting);
    record_count(recorder, value);
    record_enter(recorder);
    return leave(recorder, stack_do_change(stack, now, setting, value));
}

/* ---- Frames and time ---------------------------------------------------- */

static enum netdev_type type_of(const struct stack *stack, unsigned index)
{
    const struct iface *iface = stack_iface(stack, index);

    return iface == NULL ? NETDEV_IP : iface->dev->type;
}

DOOR void stack_input(struct stack *stack, usec now, unsigned iface,
                      struct frame *frame)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL) {
        stack_do_input(stack, now, iface, frame);
        return;
    }
    record_input(recorder, now, iface, type_of(stack, iface), frame);
    stack_do_input(stack, now, iface, frame);
    (void)leave(recorder, 0);
}

void stack_run_timers(struct stack *stack, usec now)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL) {
        stack_do_run_timers(stack, now);
        return;
    }
    record_entry(recorder, RECORD_RUN_TIMERS, now, 0);
    record_enter(recorder);
    stack_do_run_timers(stack, now);
    (void)leave(recorder, 0);
}

void stack_flush(struct stack *stack, usec now)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL) {
        stack_do_flush(stack, now);
        return;
    }
    record_entry(recorder, RECORD_FLUSH, now, 0);
    record_enter(recorder);
    stack_do_flush(stack, now);
    (void)leave(recorder, 0);
}

int stack_tell_beginning(struct stack *stack, usec now,
                         const struct endpoint *local,
                         const struct endpoint *remote, uint32_t iss,
                         uint32_t ts_val)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_tell_beginning(stack, now, local, remote, iss, ts_val);
    record_entry(recorder, RECORD_TELL_BEGINNING, now, 0);
    record_endpoint(recorder, local);
    record_endpoint(recorder, remote);
    record_count(recorder, iss);
    record_count(recorder, ts_val);
    record_enter(recorder);
    return leave(recorder, stack_do_tell_beginning(stack, now, local, remote,
                                                   iss, ts_val));
}

void stack_forget_waiting(struct stack *stack, usec now)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL) {
        stack_do_forget_waiting(stack, now);
        return;
    }
    record_entry(recorder, RECORD_FORGET_WAITING, now, 0);
    record_enter(recorder);
    stack_do_forget_waiting(stack, now);
    (void)leave(recorder, 0);
}

void stack_forget_connections(struct stack *stack, usec now, int error)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL) {
        stack_do_forget_connections(stack, now, error);
        return;
    }
    record_entry(recorder, RECORD_FORGET_CONNECTIONS, now, 0);
    record_count(recorder, (uint64_t)error);
    record_enter(recorder);
    stack_do_forget_connections(stack, now, error);
    (void)leave(recorder, 0);
}

void stack_abort_all(struct stack *stack, usec now)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL) {
        stack_do_abort_all(stack, now);
        return;
    }
    record_entry(recorder, RECORD_ABORT_ALL, now, 0);
    record_enter(recorder);
    stack_do_abort_all(stack, now);
    (void)leave(recorder, 0);
}

bool stack_next_ready(struct stack *stack, socket_id *id)
{
    struct recorder *recorder = recorder_of(stack);
    bool result;

    if (recorder == NULL)
        return stack_do_next_ready(stack, id);
    record_entry(recorder, RECORD_NEXT_READY, recorder->now, 0);
    record_enter(recorder);
    result = stack_do_next_ready(stack, id);
    record_result(recorder, result ? (int64_t)*id : 0, 0);
    record_leave(recorder);
    return result;
}

/* ---- Sockets ------------------------------------------------------------ */

int stack_socket(struct stack *stack, usec now, int domain, int type,
                 int protocol, socket_id *out)
{
    struct recorder *recorder = recorder_of(stack);
    int result;

    if (recorder == NULL)
        return stack_do_socket(stack, now, domain, type, protocol, out);
    record_entry(recorder, RECORD_SOCKET, now, 0);
    record_number(recorder, domain);
    record_number(recorder, type);
    record_number(recorder, protocol);
    record_enter(recorder);
    result = stack_do_socket(stack, now, domain, type, protocol, out);
    record_result(recorder, result, 0);
    record_count(recorder, result == 0 ? *out : 0);
    record_leave(recorder);
    return result;
}

int stack_bind(struct stack *stack, usec now, socket_id id,
               const struct endpoint *local)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_bind(stack, now, id, local);
    record_entry(recorder, RECORD_BIND, now, 0);
    record_count(recorder, id);
    record_endpoint(recorder, local);
    record_enter(recorder);
    return leave(recorder, stack_do_bind(stack, now, id, local));
}

int stack_listen(struct stack *stack, usec now, socket_id id, int backlog)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_listen(stack, now, id, backlog);
    record_entry(recorder, RECORD_LISTEN, now, 0);
    record_count(recorder, id);
    record_number(recorder, backlog);
    record_enter(recorder);
    return leave(recorder, stack_do_listen(stack, now, id, backlog));
}

int stack_accept(struct stack *stack, usec now, socket_id id, socket_id *out,
                 struct endpoint *remote)
{
    struct recorder *recorder = recorder_of(stack);
    int result;

    if (recorder == NULL)
        return stack_do_accept(stack, now, id, out, remote);
    record_entry(recorder, RECORD_ACCEPT, now, 0);
    record_count(recorder, id);
    record_count(recorder, remote != NULL);
    record_enter(recorder);
    result = stack_do_accept(stack, now, id, out, remote);
    record_result(recorder, result, 0);
    record_count(recorder, result == 0 ? *out : 0);
    record_endpoint(recorder, result == 0 ? remote : NULL);
    record_leave(recorder);
    return result;
}

int stack_take_port(struct stack *stack, usec now, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_take_port(stack, now, id);
    enter(recorder, RECORD_TAKE_PORT, now, id);
    return leave(recorder, stack_do_take_port(stack, now, id));
}

int stack_connect(struct stack *stack, usec now, socket_id id,
                  const struct endpoint *remote)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_connect(stack, now, id, remote);
    record_entry(recorder, RECORD_CONNECT, now, 0);
    record_count(recorder, id);
    record_endpoint(recorder, remote);
    record_enter(recorder);
    return leave(recorder, stack_do_connect(stack, now, id, remote));
}

int stack_disconnect(struct stack *stack, usec now, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_disconnect(stack, now, id);
    enter(recorder, RECORD_DISCONNECT, now, id);
    return leave(recorder, stack_do_disconnect(stack, now, id));
}

ssize_t stack_send(struct stack *stack, usec now, socket_id id,
                   const struct socket_message *message)
{
    struct recorder *recorder = recorder_of(stack);
    int protocol;
    ssize_t result;

    if (recorder == NULL)
        return stack_do_send(stack, now, id, message);
    protocol = protocol_of(stack, id);
    record_send(recorder, now, id, protocol, message);
    result = stack_do_send(stack, now, id, message);
    record_sent(recorder, protocol, result, message);
    return result;
}

ssize_t stack_receive(struct stack *stack, usec now, socket_id id,
                      struct socket_message *message)
{
    struct recorder *recorder = recorder_of(stack);
    int flags = message->flags;
    ssize_t result;

    if (recorder == NULL)
        return stack_do_receive(stack, now, id, message);
    record_receive(recorder, now, id, message);
    result = stack_do_receive(stack, now, id, message);
    record_received(recorder, protocol_of(stack, id), flags, result, message);
    return result;
}

ssize_t stack_borrow(struct stack *stack, usec now, socket_id id,
                     struct iovec iov[static 2], int *count)
{
    struct recorder *recorder = recorder_of(stack);
    ssize_t result;

    if (recorder == NULL)
        return stack_do_borrow(stack, now, id, iov, count);
    enter(recorder, RECORD_BORROW, now, id);
    result = stack_do_borrow(stack, now, id, iov, count);
    record_result(recorder, result, 0);
    for (int i = 0; i < *count && result > 0; i++)
        record_count(recorder, iov[i].iov_len);
    record_leave(recorder);
    return result;
}

int stack_give_back(struct stack *stack, usec now, socket_id id, size_t len)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_give_back(stack, now, id, len);
    record_entry(recorder, RECORD_GIVE_BACK, now, 0);
    record_count(recorder, id);
    record_count(recorder, len);
    record_enter(recorder);
    return leave(recorder, stack_do_give_back(stack, now, id, len));
}

int stack_shutdown(struct stack *stack, usec now, socket_id id, int how)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_shutdown(stack, now, id, how);
    record_entry(recorder, RECORD_SHUTDOWN, now, 0);
    record_count(recorder, id);
    record_number(recorder, how);
    record_enter(recorder);
    return leave(recorder, stack_do_shutdown(stack, now, id, how));
}

int stack_linger(struct stack *stack, usec now, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_linger(stack, now, id);
    enter(recorder, RECORD_LINGER, now, id);
    return leave(recorder, stack_do_linger(stack, now, id));
}

int stack_close(struct stack *stack, usec now, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_close(stack, now, id);
    enter(recorder, RECORD_CLOSE, now, id);
    return leave(recorder, stack_do_close(stack, now, id));
}

/* ---- Options and questions ---------------------------------------------- */

int stack_set_option(struct stack *stack, usec now, socket_id id, int level,
                     int name, struct bytes value)
{
    struct recorder *recorder = recorder_of(stack);
    struct bytes kept =
        bytes_of(value.data, min_size(value.len, RECORD_OPTION_MAX));
    int result;

    if (recorder == NULL)
        return stack_do_set_option(stack, now, id, level, name, value);
    record_entry(recorder, RECORD_SET_OPTION, now, kept.len);
    record_count(recorder, id);
    record_number(recorder, level);
    record_number(recorder, name);
    record_count(recorder, value.data == NULL);
    record_bytes(recorder, value.data == NULL ? bytes_of(NULL, 0) : kept);
    record_enter(recorder);
    result = stack_do_set_option(stack, now, id, level, name, value);
    if (level == SOL_SOCKET && name == SO_ATTACH_FILTER && result == 0)
        record_filter(recorder);
    return leave(recorder, result);
}

/* Which group's filter is asked for stands where the answer will: no more is
 * looked at, and no more need be there, however much room there is to be. */
static size_t question_len(int level, int name, size_t room)
{
    if (level == IPPROTO_IP && name == IP_MSFILTER)
        return min_size(room, IP_MSFILTER_SIZE(0));
    if (level == IPPROTO_IP && name == MCAST_MSFILTER)
        return min_size(room, GROUP_FILTER_SIZE(0));
    return 0;
}

int stack_get_option(struct stack *stack, usec now, socket_id id, int level,
                     int name, void *value, size_t *len)
{
    struct recorder *recorder = recorder_of(stack);
    size_t room = min_size(*len, RECORD_OPTION_MAX);
    size_t asked = value == NULL ? 0 : question_len(level, name, room);
    int result;

    if (recorder == NULL)
        return stack_do_get_option(stack, now, id, level, name, value, len);
    record_entry(recorder, RECORD_GET_OPTION, now, asked);
    record_count(recorder, id);
    record_number(recorder, level);
    record_number(recorder, name);
    record_count(recorder, room);
    record_count(recorder, value == NULL);
    record_bytes(recorder, bytes_of(value, asked));
    record_enter(recorder);
    result = stack_do_get_option(stack, now, id, level, name, value, len);
    record_result(recorder, result, room);
    if (result == 0) /* a filter's length counts instructions */
        record_bytes(recorder, bytes_of(value, min_size(*len, room)));
    record_leave(recorder);
    return result;
}

int stack_timeouts(struct stack *stack, socket_id id, usec *receive, usec *send)
{
    struct recorder *recorder = recorder_of(stack);
    int result;

    if (recorder == NULL)
        return stack_do_timeouts(stack, id, receive, send);
    ask(recorder, RECORD_TIMEOUTS, id);
    result = stack_do_timeouts(stack, id, receive, send);
    record_result(recorder, result, 0);
    record_number(recorder, result == 0 ? *receive : 0);
    record_number(recorder, result == 0 ? *send : 0);
    record_leave(recorder);
    return result;
}

static int leave_with_end(struct recorder *recorder, int result,
                          const struct endpoint *end)
{
    record_result(recorder, result, 0);
    record_endpoint(recorder, result == 0 ? end : NULL);
    record_leave(recorder);
    return result;
}

int stack_local(struct stack *stack, socket_id id, struct endpoint *out)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_local(stack, id, out);
    ask(recorder, RECORD_LOCAL, id);
    return leave_with_end(recorder, stack_do_local(stack, id, out), out);
}

int stack_remote(struct stack *stack, socket_id id, struct endpoint *out)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_remote(stack, id, out);
    ask(recorder, RECORD_REMOTE, id);
    return leave_with_end(recorder, stack_do_remote(stack, id, out), out);
}

int stack_unread(struct stack *stack, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_unread(stack, id);
    ask(recorder, RECORD_UNREAD, id);
    return leave(recorder, stack_do_unread(stack, id));
}

int stack_unsent(struct stack *stack, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_unsent(stack, id);
    ask(recorder, RECORD_UNSENT, id);
    return leave(recorder, stack_do_unsent(stack, id));
}

int stack_never_sent(struct stack *stack, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_never_sent(stack, id);
    ask(recorder, RECORD_NEVER_SENT, id);
    return leave(recorder, stack_do_never_sent(stack, id));
}

int stack_at_mark(struct stack *stack, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_at_mark(stack, id);
    ask(recorder, RECORD_AT_MARK, id);
    return leave(recorder, stack_do_at_mark(stack, id));
}

bool stack_arrived(struct stack *stack, socket_id id, uint32_t *out)
{
    struct recorder *recorder = recorder_of(stack);
    bool result;

    if (recorder == NULL)
        return stack_do_arrived(stack, id, out);
    ask(recorder, RECORD_ARRIVED, id);
    result = stack_do_arrived(stack, id, out);
    record_result(recorder, result, 0);
    record_count(recorder, result ? *out : 0);
    record_leave(recorder);
    return result;
}

int stack_readiness(struct stack *stack, socket_id id)
{
    struct recorder *recorder = recorder_of(stack);

    if (recorder == NULL)
        return stack_do_readiness(stack, id);
    ask(recorder, RECORD_READINESS, id);
    return leave(recorder, stack_do_readiness(stack, id));
}
