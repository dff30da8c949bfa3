/*
 * The settings of tapir_config as values, checked.
 */
#ifndef TAPIR_HOST_SETTINGS_H
#define TAPIR_HOST_SETTINGS_H

#include "base/addr.h"
#include "host/control_socket.h"
#include "host/explain.h"
#include "host/trace_filter.h"
#include "netdev/faults.h"
#include "tapir.h"

enum { SPIN_MAX = 10000 };    /* microseconds: then sleeping costs nothing */
enum { DNS_SERVERS_MAX = 3 }; /* as resolv.conf(5) may have */

/* Whom the stack asks for names; nobody is named: the servers of
   /etc/resolv.conf. */
struct dns_setting {
    uint32_t addr[DNS_SERVERS_MAX]; /* IPv4, host order */
    unsigned count;
    bool is_off; /* names are only those of /etc/hosts */
};

struct settings {
    struct ip_prefix addr;
    struct ip_addr gateway; /* all zero: none */
    struct mac_addr mac;
    bool has_faults;
    struct faults faults;
    bool is_traced;
    struct trace_filter trace;
    bool is_explained;
    struct explain_list explain;
    struct dns_setting dns;
    struct control_setting control;
};

/*
 * Each by itself: 0; -EINVAL and one line in `why` that names the setting as
 * an option. Where addr is empty, 192.0.2.2/24 is meant.
 */
MUST_CHECK int settings_parse(const struct tapir_config *config,
                              struct settings *out, char why[TAPIR_TEXT_MAX]);

/*
 * Whether they agree with each other: a gateway lies on the address's subnet,
 * and is another host.
 * The default gateway is dropped where it does not. As settings_parse.
 */
MUST_CHECK int settings_reconcile(struct settings *settings,
                                  char why[TAPIR_TEXT_MAX]);

/* "192.0.2.1,192.0.2.3", "none", or nothing. -EINVAL. */
MUST_CHECK int dns_setting_parse(const char *text, struct dns_setting *out);

/* Whether the core, with buffers of at most `buffer_max`, can take these
 * settings of its own: stack_settings_take. -EINVAL and a line in `why`. */
MUST_CHECK int core_settings_parse(const char *set, unsigned buffer_max,
                                   char why[TAPIR_TEXT_MAX]);

/* A decimal or 0x number of at most `max`; -EINVAL. */
MUST_CHECK int number_parse(const char *text, uint64_t max, uint64_t *out);

#endif
