/*
 * The one door to the core. Whatever enters the stack enters here: frames,
 * each socket operation, the step of time; with `now`, with numbers rather
 * than pointers for sockets and interfaces, and without a callback into the
 * program. So an entry can be written down and replayed, sent by another
 * process, or invented by a fuzzer, and the same entries give the same frames.
 *
 * No function here waits: what cannot be done now answers -EAGAIN (or
 * -EINPROGRESS), and stack_next_ready tells when to ask again. Errors are
 * negative errno values, those that POSIX gives for the call.
 *
 * A pass is: any number of entries, then stack_flush. Answers leave with the
 * flush.
 */
#ifndef TAPIR_STACK_H
#define TAPIR_STACK_H

#include "socket/socket.h"
#include "stack_status.h"

struct stack;
struct recorder; /* stack_record.h */

struct stack_config {
    struct memory *memory; /* outlives the stack */
    struct hash_key seed;  /* all randomness follows from it */
    struct trace trace;
    struct recorder *recorder; /* writes down what enters; NULL: nobody does */
    struct arp_config arp;
    struct ip_config ip;
    struct icmp_config icmp;
    struct tcp_config tcp;
    struct socket_config socket;
};

/* The defaults; memory, seed, trace and recorder are still to be set. */
struct stack_config stack_config_default(void);

/* With a loopback interface ("lo", 127.0.0.1/8) from the start. */
MUST_CHECK int stack_create(const struct stack_config *config, usec now,
                            struct stack **out);
/* Who hears of events from now on; without `emit`, nobody. */
void stack_set_trace(struct stack *stack, struct trace trace);
/* All connections end without a word. Devices are the caller's to close. */
void stack_destroy(struct stack *stack);

/* What an interface begins with. */
struct iface_config {
    const char *name;
    struct netdev *dev;  /* outlives the stack */
    struct mac_addr mac; /* zero: the device's, or made from the seed */
    unsigned mtu;        /* 0: the device's */
};

/* The interface's index (from 1); -EINVAL, -ENOBUFS. */
MUST_CHECK int stack_iface_add(struct stack *stack, usec now,
                               const struct iface_config *config);

/* What can be asked of an interface. */
struct iface_info {
    unsigned index;
    char name[IFACE_NAME_MAX];
    bool is_loopback;
    uint16_t hardware; /* enum iface_hardware */
    unsigned mtu;
    struct mac_addr mac;
    unsigned addr_count;
    struct ip_prefix addrs[IFACE_ADDRS_MAX];
    struct iface_stats stats;
};

/* Numbers go from 1 without a gap. -ENODEV. */
MUST_CHECK int stack_iface_info(const struct stack *stack, unsigned iface,
                                struct iface_info *out);

/*
 * An address of ours with its subnet, to which a route is made; announced on
 * the link. -ENODEV, -EEXIST, -ENOBUFS, -EINVAL.
 */
MUST_CHECK int stack_addr_add(struct stack *stack, usec now, unsigned iface,
                              const struct ip_prefix *addr);
/* `gateway` all zero: on the link of `iface`; iface 0: by the gateway. */
MUST_CHECK int stack_route_add(struct stack *stack, usec now,
                               const struct ip_prefix *prefix,
                               const struct ip_addr *gateway, unsigned iface);
/* -ESRCH; the prefix's host bits play no part. */
MUST_CHECK int stack_route_delete(struct stack *stack, usec now,
                                  const struct ip_prefix *prefix);
MUST_CHECK int stack_neighbour_add(struct stack *stack, usec now,
                                   unsigned iface, const struct ip_addr *addr,
                                   const struct mac_addr *mac);
/* -ENODEV, -ESRCH. What waits for it is dropped. */
MUST_CHECK int stack_neighbour_delete(struct stack *stack, usec now,
                                      unsigned iface,
                                      const struct ip_addr *addr);
/* All that were not given by call; how many. */
unsigned stack_neighbour_flush(struct stack *stack, usec now);

/*
 * Settings that may be changed while the stack runs. Congestion control (by its
 * number, tcp_cc_at) and ECN are those of connections from now on.
 */
enum stack_setting {
    STACK_CONGESTION,
    STACK_ECN,
    STACK_BUFFER_MAX,
    STACK_SETTINGS
};
/* -ENOENT: there is no such; -EINVAL. */
MUST_CHECK int stack_change(struct stack *stack, usec now,
                            enum stack_setting setting, uint64_t value);

/*
 * Where the device of interface `iface` should put what follows the headers of
 * its next frame, if that goes on with a stream; false: it may be anything. It
 * holds until the next entry, which takes that frame or any other one in.
 */
bool stack_expect(const struct stack *stack, unsigned iface,
                  struct frame_place *out);

/*
 * A frame from the device of interface `iface`. What it points to must stay
 * until the device's flush.
 */
void stack_input(struct stack *stack, usec now, unsigned iface,
                 struct frame *frame);

/* Timers that are due fire. */
void stack_run_timers(struct stack *stack, usec now);

/*
 * The pass ends: each marked connection sends, the loopback is emptied (up to
 * a bound), the devices are flushed.
 */
void stack_flush(struct stack *stack, usec now);

/*
 * When stack_run_timers and stack_flush are wanted next: the time that the
 * stack was last told if it is at once, USEC_NEVER if never.
 */
usec stack_next_deadline(const struct stack *stack);

/*
 * For a replay of what another stack did: connections between these ends begin
 * at this ISS, and their timestamps go on from `ts_val` at `now`, in place of
 * those that RFC 6528 and RFC 7323 5.4 would choose. -ENOBUFS; -EISCONN: such a
 * connection is at rest.
 */
MUST_CHECK int stack_tell_beginning(struct stack *stack, usec now,
                                    const struct endpoint *local,
                                    const struct endpoint *remote, uint32_t iss,
                                    uint32_t ts_val);

/* TCP's counters; they are the stack's and go on changing. */
const struct tcp_stats *stack_tcp_stats(const struct stack *stack);

/* Closed connections whose last bytes are not yet acknowledged, and one more if
 * packets wait for an answer of ARP. */
unsigned stack_unfinished(const struct stack *stack);
/* This stack is the copy of another process's, which sends what waits for an
 * answer of ARP. */
void stack_forget_waiting(struct stack *stack, usec now);
/* One end or the other may still have something to say. */
bool stack_has_connections(const struct stack *stack);
/* This stack is such a copy: its connections were the other process's to end,
 * and calls on their sockets say this error. */
void stack_forget_connections(struct stack *stack, usec now, int error);
/*
 * Resets every connection: the program ends and waits no longer. Sockets are
 * closed with it: their numbers answer -EBADF.
 */
void stack_abort_all(struct stack *stack, usec now);

/*
 * The next socket whose readiness may have changed since it was last told;
 * false when there is none. The truth is asked with stack_readiness.
 */
bool stack_next_ready(struct stack *stack, socket_id *id);

/*
 * Socket operations: see socket/socket.h for what each does, and its errors.
 * -EBADF where there is no such socket, or it is closed.
 */
MUST_CHECK int stack_socket(struct stack *stack, usec now, int domain, int type,
                            int protocol, socket_id *out);
MUST_CHECK int stack_bind(struct stack *stack, usec now, socket_id id,
                          const struct endpoint *local);
MUST_CHECK int stack_listen(struct stack *stack, usec now, socket_id id,
                            int backlog);
/* `remote` may be NULL. */
MUST_CHECK int stack_accept(struct stack *stack, usec now, socket_id id,
                            socket_id *out, struct endpoint *remote);
MUST_CHECK int stack_take_port(struct stack *stack, usec now, socket_id id);
/* `remote` may be NULL: socket_connect. */
MUST_CHECK int stack_connect(struct stack *stack, usec now, socket_id id,
                             const struct endpoint *remote);
MUST_CHECK int stack_disconnect(struct stack *stack, usec now, socket_id id);
MUST_CHECK ssize_t stack_send(struct stack *stack, usec now, socket_id id,
                              const struct socket_message *message);
MUST_CHECK ssize_t stack_receive(struct stack *stack, usec now, socket_id id,
                                 struct socket_message *message);
MUST_CHECK ssize_t stack_borrow(struct stack *stack, usec now, socket_id id,
                                struct iovec iov[static 2], int *count);
MUST_CHECK int stack_give_back(struct stack *stack, usec now, socket_id id,
                               size_t len);
MUST_CHECK int stack_shutdown(struct stack *stack, usec now, socket_id id,
                              int how);
/*
 * For SO_LINGER: stack_linger until it answers 0 or the time is over, then
 * stack_close. With time 0, and without SO_LINGER, stack_close alone.
 */
MUST_CHECK int stack_linger(struct stack *stack, usec now, socket_id id);
MUST_CHECK int stack_close(struct stack *stack, usec now, socket_id id);
MUST_CHECK int stack_set_option(struct stack *stack, usec now, socket_id id,
                                int level, int name, struct bytes value);
MUST_CHECK int stack_get_option(struct stack *stack, usec now, socket_id id,
                                int level, int name, void *value, size_t *len);
/* SO_RCVTIMEO and SO_SNDTIMEO; USEC_NEVER where none is set. */
MUST_CHECK int stack_timeouts(struct stack *stack, socket_id id, usec *receive,
                              usec *send);
MUST_CHECK int stack_local(struct stack *stack, socket_id id,
                           struct endpoint *out);
MUST_CHECK int stack_remote(struct stack *stack, socket_id id,
                            struct endpoint *out);
/* Bytes that a receive would give now (FIONREAD), or unsent (SIOCOUTQ). */
MUST_CHECK int stack_unread(struct stack *stack, socket_id id);
MUST_CHECK int stack_unsent(struct stack *stack, socket_id id);
/* Bytes never sent (SIOCOUTQNSD); 1 at the urgent octet (SIOCATMARK). */
MUST_CHECK int stack_never_sent(struct stack *stack, socket_id id);
MUST_CHECK int stack_at_mark(struct stack *stack, socket_id id);
/*
 * A number that changes whenever more bytes, or the end, have arrived; false
 * where every change of readiness tells of an arrival (listeners, datagrams).
 */
bool stack_arrived(struct stack *stack, socket_id id, uint32_t *out);
/*
 * POLLIN, POLLOUT, ...: what poll(2) would say, not masked. POLLNVAL where
 * there is no such socket.
 */
int stack_readiness(struct stack *stack, socket_id id);

#endif
