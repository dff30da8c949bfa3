/*
 * Whole stacks for tests: one on a device of functions, whose frames are kept
 * to be looked at, or two on a wire; and the frames that a peer would send.
 * All of it in virtual time.
 */
#ifndef TAPIR_TESTS_STACKS_H
#define TAPIR_TESTS_STACKS_H

#include "netdev/wire.h"
#include "stack_internal.h"
#include "tests/recording.h"

enum { SENT_MAX = 64, SENT_LEN_MAX = 2048, STACK_IFACE = 2 };

struct sent {
    size_t len;
    uint8_t data[SENT_LEN_MAX];
};

/* A stack at 192.0.2.2/24, and all that it sends, on a device of functions. */
struct station {
    struct memory memory;
    struct stack *stack;
    struct netdev *dev;
    struct recording recording;
    usec now;
    unsigned sent_count; /* more than SENT_MAX are counted, and not kept */
    struct sent sent[SENT_MAX];
};

/* 192.0.2.x */
struct ip_addr test_addr(unsigned host);
struct endpoint test_endpoint(const char *addr, uint16_t port);
struct ip_prefix test_prefix(const char *text);

struct stack_config test_config(struct memory *memory);

/* On Ethernet, MAC 02:00:00:00:00:02; its announcement is not kept. */
void station_open(struct station *station);
/* Checks that no memory is left. */
void station_close(struct station *station);
/* Hands a frame in and ends the pass; `data` need not stay. */
void station_input(struct station *station, const void *data, size_t len);
/* Time goes on to `to`, from deadline to deadline. */
void station_run(struct station *station, usec to);
/* The frame that was sent first, which is then forgotten; it must be there. */
struct sent station_next(struct station *station);

/* The peer is 192.0.2.1, MAC 02:00:00:00:00:01. Each makes a whole frame. */
size_t peer_arp_request(uint8_t *frame, unsigned for_host);
size_t peer_ip(uint8_t *frame, uint8_t protocol, const void *payload,
               size_t len);
size_t peer_udp(uint8_t *frame, uint16_t src_port, uint16_t dst_port,
                const char *text);

/* Two stacks, 192.0.2.1 and 192.0.2.2, at the ends of an Ethernet wire. */
struct pair {
    struct memory memory;
    struct netdev *ends[2];
    struct stack *stacks[2];
    usec now;
};

void pair_open(struct pair *pair);
void pair_close(struct pair *pair);
/* Runs both until nothing happens any more before `to`; time is `to` then. */
void pair_run(struct pair *pair, usec to);

/* Socket calls that must succeed, with texts for bytes. */
socket_id test_socket(struct stack *stack, int type, int protocol);
void test_bind(struct stack *stack, socket_id id, const char *addr,
               uint16_t port);
ssize_t test_send(struct stack *stack, socket_id id, const char *text,
                  const struct endpoint *to);
/* The result of stack_receive, what came NUL-terminated in `text`. */
ssize_t test_receive(struct stack *stack, socket_id id, char text[static 256],
                     int flags);
/* What the text of the next message must be. */
void expect_text(struct stack *stack, socket_id id, const char *text);

#endif
