/*
 * What a stack is made of: one member for each layer, and nothing anywhere
 * else. For the files stack*.c, and for tests that look at counters; whoever
 * uses a stack includes stack.h.
 */
#ifndef TAPIR_STACK_INTERNAL_H
#define TAPIR_STACK_INTERNAL_H

#include "socket/socket_table.h"
#include "stack.h"

enum { STACK_IFACES_MAX = 64 };

struct stack {
    struct env env;
    struct list ifaces; /* in the order of their numbers */
    unsigned iface_count;
    struct iface *loopback;
    struct packets packets;
    struct arp arp;
    struct ip ip;
    struct icmp icmp;
    struct echo echo;
    struct raw raw;
    struct udp udp;
    struct tcp tcp;
    struct sockets sockets;
    uint64_t frames_taken; /* the number of the last one */
    struct recorder *recorder;
};

/* Time is now `now`; it never goes back. Each entry begins so. */
static inline void stack_enter(struct stack *stack, usec now)
{
    stack->env.now = usec_max(stack->env.now, now);
}

/* NULL: there is no such interface. */
struct iface *stack_iface(const struct stack *stack, unsigned index);

/* Behind the door: what each entry of stack.h does once it is written down,
 * see stack_door.c. */
MUST_CHECK int stack_do_iface_add(struct stack *stack, usec now,
                                  const struct iface_config *config);
MUST_CHECK int stack_do_addr_add(struct stack *stack, usec now, unsigned iface,
                                 const struct ip_prefix *addr);
MUST_CHECK int stack_do_route_add(struct stack *stack, usec now,
                                  const struct ip_prefix *prefix,
                                  const struct ip_addr *gateway,
                                  unsigned iface);
MUST_CHECK int stack_do_neighbour_add(struct stack *stack, usec now,
                                      unsigned iface,
                                      const struct ip_addr *addr,
                                      const struct mac_addr *mac);
MUST_CHECK int stack_do_route_delete(struct stack *stack, usec now,
                                     const struct ip_prefix *prefix);
MUST_CHECK int stack_do_neighbour_delete(struct stack *stack, usec now,
                                         unsigned iface,
                                         const struct ip_addr *addr);
unsigned stack_do_neighbour_flush(struct stack *stack, usec now);
MUST_CHECK int stack_do_change(struct stack *stack, usec now,
                               enum stack_setting setting, uint64_t value);
void stack_do_input(struct stack *stack, usec now, unsigned iface,
                    struct frame *frame);
void stack_do_run_timers(struct stack *stack, usec now);
void stack_do_flush(struct stack *stack, usec now);
MUST_CHECK int stack_do_tell_beginning(struct stack *stack, usec now,
                                       const struct endpoint *local,
                                       const struct endpoint *remote,
                                       uint32_t iss, uint32_t ts_val);
void stack_do_forget_waiting(struct stack *stack, usec now);
void stack_do_forget_connections(struct stack *stack, usec now, int error);
void stack_do_abort_all(struct stack *stack, usec now);
bool stack_do_next_ready(struct stack *stack, socket_id *id);
MUST_CHECK int stack_do_socket(struct stack *stack, usec now, int domain,
                               int type, int protocol, socket_id *out);
MUST_CHECK int stack_do_bind(struct stack *stack, usec now, socket_id id,
                             const struct endpoint *local);
MUST_CHECK int stack_do_listen(struct stack *stack, usec now, socket_id id,
                               int backlog);
MUST_CHECK int stack_do_accept(struct stack *stack, usec now, socket_id id,
                               socket_id *out, struct endpoint *remote);
MUST_CHECK int stack_do_take_port(struct stack *stack, usec now, socket_id id);
MUST_CHECK int stack_do_connect(struct stack *stack, usec now, socket_id id,
                                const struct endpoint *remote);
MUST_CHECK int stack_do_disconnect(struct stack *stack, usec now, socket_id id);
MUST_CHECK ssize_t stack_do_send(struct stack *stack, usec now, socket_id id,
                                 const struct socket_message *message);
MUST_CHECK ssize_t stack_do_receive(struct stack *stack, usec now, socket_id id,
                                    struct socket_message *message);
MUST_CHECK ssize_t stack_do_borrow(struct stack *stack, usec now, socket_id id,
                                   struct iovec iov[static 2], int *count);
MUST_CHECK int stack_do_give_back(struct stack *stack, usec now, socket_id id,
                                  size_t len);
MUST_CHECK int stack_do_shutdown(struct stack *stack, usec now, socket_id id,
                                 int how);
MUST_CHECK int stack_do_linger(struct stack *stack, usec now, socket_id id);
MUST_CHECK int stack_do_close(struct stack *stack, usec now, socket_id id);
MUST_CHECK int stack_do_set_option(struct stack *stack, usec now, socket_id id,
                                   int level, int name, struct bytes value);
MUST_CHECK int stack_do_get_option(struct stack *stack, usec now, socket_id id,
                                   int level, int name, void *value,
                                   size_t *len);
MUST_CHECK int stack_do_timeouts(struct stack *stack, socket_id id,
                                 usec *receive, usec *send);
MUST_CHECK int stack_do_local(struct stack *stack, socket_id id,
                              struct endpoint *out);
MUST_CHECK int stack_do_remote(struct stack *stack, socket_id id,
                               struct endpoint *out);
MUST_CHECK int stack_do_unread(struct stack *stack, socket_id id);
MUST_CHECK int stack_do_unsent(struct stack *stack, socket_id id);
MUST_CHECK int stack_do_never_sent(struct stack *stack, socket_id id);
MUST_CHECK int stack_do_at_mark(struct stack *stack, socket_id id);
bool stack_do_arrived(struct stack *stack, socket_id id, uint32_t *out);
int stack_do_readiness(struct stack *stack, socket_id id);
MUST_CHECK int stack_do_create(const struct stack_config *config, usec now,
                               struct stack **out);
void stack_do_destroy(struct stack *stack);
/* A frame's whole way up is between these two: for stack.c, and for a debugger
 * to stop at. */
void stack_take_frame(struct stack *stack, struct iface *iface,
                      struct frame *frame);
void stack_frame_done(struct stack *stack, const struct frame *frame);

/* What lower layers report upward when no frame is in hand: see stack.c. */
arp_unreachable_fn stack_neighbour_unreachable;
reass_timeout_fn stack_reassembly_timed_out;

#endif
