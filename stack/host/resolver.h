/*
 * A stub resolver over a stack's own UDP and TCP: RFC 1034 5.3.1, RFC 1035 7.
 */
#ifndef TAPIR_HOST_RESOLVER_H
#define TAPIR_HOST_RESOLVER_H

#include "host/dns_message.h"
#include "tapir.h"

/*
 * Asks the stack's name servers for the addresses of a name, by the search list
 * if it has few dots. It waits, as resolv.conf(5) has it, and signals do not
 * end the wait. 0; EAI_NONAME, EAI_NODATA (the name has no addresses),
 * EAI_AGAIN (no server answers, or all fail), EAI_FAIL (an answer that is
 * none), EAI_MEMORY, EAI_SYSTEM and errno (no socket can be had). Lock not
 * held.
 */
MUST_CHECK int resolver_find(struct tapir_stack *stack, const char *name,
                             struct dns_answer *out);
/* The name of an address, out->target. */
MUST_CHECK int resolver_find_addr(struct tapir_stack *stack, uint32_t addr,
                                  struct dns_answer *out);

#endif
