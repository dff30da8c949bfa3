/*
 * The settings of tapir_config as values, checked: what is wrong is said in
 * one line that names it.
 */
#include "host/settings.h"

#include "host/device.h"
#include "stack_settings.h"
#include "tcp/tcp_cc.h"

#include <errno.h>
#include <stdlib.h>

static const char default_addr[] = "192.0.2.2/24";
static const uint32_t default_gateway = 0xc0000201; /* 192.0.2.1 */

enum {
    MTU_MIN = 68, /* RFC 791 3.2: every link carries so much */
    MTU_MAX = 65535,
    EXIT_WAIT_MAX = 86400 /* seconds */
};

int number_parse(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long value;

    if (*text < '0' || *text > '9') /* no sign, no space */
        return -EINVAL;
    errno = 0;
    value = strtoull(text, &end, text[1] == 'x' ? 16 : 10);
    if (errno != 0 || *end != '\0' || value > max)
        return -EINVAL;
    *out = value;
    return 0;
}

static bool can_be_ours(const struct ip_prefix *prefix)
{
    struct ip_addr network = ip_prefix_network(prefix);
    struct ip_addr broadcast;

    if (!ip_addr_is_v4(&prefix->addr) || ip_addr_is_any(&prefix->addr) ||
        ip_addr_is_multicast(&prefix->addr) ||
        ip_addr_is_limited_broadcast(&prefix->addr))
        return false;
    if (!ip_prefix_broadcast(prefix, &broadcast))
        return true;
    return !ip_addr_equal(&prefix->addr, &network) &&
           !ip_addr_equal(&prefix->addr, &broadcast);
}

static int parse_addr(const char *text, struct ip_prefix *out,
                      char why[TAPIR_TEXT_MAX])
{
    struct ip_prefix prefix;

    if (strchr(text, '/') == NULL || ip_prefix_parse(text, &prefix) < 0 ||
        !ip_addr_is_v4(&prefix.addr)) {
        snprintf(why, TAPIR_TEXT_MAX,
                 "--addr: '%s' is not an IPv4 address with prefix length",
                 text);
        return -EINVAL;
    }
    if (!can_be_ours(&prefix)) {
        snprintf(why, TAPIR_TEXT_MAX,
                 "--addr: '%s' cannot be the address of a host", text);
        return -EINVAL;
    }
    *out = prefix;
    return 0;
}

static int parse_gateway(const char *text, struct ip_addr *out,
                         char why[TAPIR_TEXT_MAX])
{
    *out = IP_ADDR_ANY_V4;
    if (*text == '\0' || (ip_addr_parse(text, out) == 0 && ip_addr_is_v4(out)))
        return 0;
    snprintf(why, TAPIR_TEXT_MAX, "--gateway: '%s' is not an IPv4 address",
             text);
    return -EINVAL;
}

/* From the address: a stack that is started again keeps its MAC. */
static struct mac_addr mac_of(const struct ip_addr *addr)
{
    struct mac_addr mac = {.octet = {0x02, 0x00}};

    put_be32(mac.octet + 2, ip_addr_to_v4(addr));
    return mac;
}

static int parse_mac(const char *text, const struct ip_addr *addr,
                     struct mac_addr *out, char why[TAPIR_TEXT_MAX])
{
    if (*text == '\0') {
        *out = mac_of(addr);
        return 0;
    }
    if (mac_addr_parse(text, out) == 0 && !mac_addr_is_multicast(out))
        return 0;
    snprintf(why, TAPIR_TEXT_MAX,
             "--mac: '%s' is not the MAC address of a station", text);
    return -EINVAL;
}

static int parse_faults(const char *text, struct settings *out,
                        char why[TAPIR_TEXT_MAX])
{
    char what[FAULTS_WHY_MAX];

    out->has_faults = *text != '\0';
    if (!out->has_faults || faults_parse(text, &out->faults, what) == 0)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX, "--faults: %s", what);
    return -EINVAL;
}

static int parse_trace(const struct tapir_config *config, struct settings *out,
                       char why[TAPIR_TEXT_MAX])
{
    char mistake[TRACE_WORD_MAX];

    out->is_traced = config->trace != 0;
    if (!config->trace ||
        trace_filter_parse(config->trace_what, &out->trace, mistake) == 0)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX, "--trace: '%s' is none of %s", mistake,
             trace_filter_words());
    return -EINVAL;
}

static int parse_explain(const char *text, struct settings *out,
                         char why[TAPIR_TEXT_MAX])
{
    out->is_explained = *text != '\0';
    if (*text == '\0' || explain_parse(text, &out->explain) == 0)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX,
             "--explain: '%.100s' is not a list of frames as 7,9-12,out3",
             text);
    return -EINVAL;
}

int dns_setting_parse(const char *text, struct dns_setting *out)
{
    struct dns_setting dns = {.is_off = strcmp(text, "none") == 0};
    const char *next = dns.is_off ? "" : text;

    while (*next != '\0') {
        size_t len = strcspn(next, ",");
        char word[IP_ADDR_TEXT_MAX];
        struct ip_addr addr;

        if (len >= sizeof(word) || dns.count == DNS_SERVERS_MAX)
            return -EINVAL;
        memcpy(word, next, len);
        word[len] = '\0';
        if (ip_addr_parse(word, &addr) < 0 || !ip_addr_is_v4(&addr))
            return -EINVAL;
        dns.addr[dns.count++] = ip_addr_to_v4(&addr);
        next += len;
        if (*next == ',' && *++next == '\0')
            return -EINVAL;
    }
    *out = dns;
    return 0;
}

static int parse_dns(const char *text, struct dns_setting *out,
                     char why[TAPIR_TEXT_MAX])
{
    if (dns_setting_parse(text, out) == 0)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX,
             "--dns: '%.100s' is not one to %d IPv4 addresses, or none", text,
             DNS_SERVERS_MAX);
    return -EINVAL;
}

/* "cubic, reno" */
static const char *congestion_names(char text[TAPIR_TEXT_MAX])
{
    size_t len = 0;

    for (size_t i = 0; tcp_cc_at(i) != NULL && len < TAPIR_TEXT_MAX; i++)
        len += (size_t)snprintf(text + len, TAPIR_TEXT_MAX - len, "%s%s",
                                i == 0 ? "" : ", ", tcp_cc_at(i)->name);
    return text;
}

static int check_congestion(const char *name, char why[TAPIR_TEXT_MAX])
{
    char names[TAPIR_TEXT_MAX];

    if (*name == '\0' || tcp_cc_find(name) != NULL)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX, "--congestion: '%s' is not one of %.100s",
             name, congestion_names(names));
    return -EINVAL;
}

static int check_numbers(const struct tapir_config *config,
                         char why[TAPIR_TEXT_MAX])
{
    if (config->mtu != 0 && (config->mtu < MTU_MIN || config->mtu > MTU_MAX)) {
        snprintf(why, TAPIR_TEXT_MAX, "--mtu: %u is not between %d and %d",
                 config->mtu, MTU_MIN, MTU_MAX);
        return -EINVAL;
    }
    if (config->exit_wait > EXIT_WAIT_MAX) {
        snprintf(why, TAPIR_TEXT_MAX, "--exit-wait: %u is more than %d seconds",
                 config->exit_wait, EXIT_WAIT_MAX);
        return -EINVAL;
    }
    if (config->spin > SPIN_MAX) {
        snprintf(why, TAPIR_TEXT_MAX, "--spin: %u is more than %d microseconds",
                 config->spin, SPIN_MAX);
        return -EINVAL;
    }
    if (config->ecn > TCP_ECN_MAX) {
        snprintf(why, TAPIR_TEXT_MAX, "--ecn: '%u' is not 0, 1 or 2",
                 config->ecn);
        return -EINVAL;
    }
    if ((config->fast_open & ~(unsigned)TCP_FAST_OPEN_BITS) != 0) {
        snprintf(why, TAPIR_TEXT_MAX,
                 "--fast-open: %u is not a sum of 1, 2, 4, 0x200, 0x400",
                 config->fast_open);
        return -EINVAL;
    }
    if (config->buffer_max < TCP_BUFFER_MAX_LEAST ||
        config->buffer_max > TCP_BUFFER_MAX_MOST) {
        snprintf(why, TAPIR_TEXT_MAX, "--buffer-max: %u is not %d to %d",
                 config->buffer_max, TCP_BUFFER_MAX_LEAST, TCP_BUFFER_MAX_MOST);
        return -EINVAL;
    }
    return 0;
}

int core_settings_parse(const char *set, unsigned buffer_max,
                        char why[TAPIR_TEXT_MAX])
{
    struct stack_config core = stack_config_default();
    char mistake[SETTING_WHY_MAX];

    tcp_config_limit_buffers(&core.tcp, buffer_max);
    if (stack_settings_take(&core, set, mistake) == 0)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX, "--set: %s", mistake);
    return -EINVAL;
}

int settings_parse(const struct tapir_config *config, struct settings *out,
                   char why[TAPIR_TEXT_MAX])
{
    const char *addr = *config->addr == '\0' ? default_addr : config->addr;

    if (device_check(config->dev, why) < 0 ||
        parse_addr(addr, &out->addr, why) < 0 ||
        parse_gateway(config->gateway, &out->gateway, why) < 0 ||
        parse_mac(config->mac, &out->addr.addr, &out->mac, why) < 0 ||
        parse_faults(config->faults, out, why) < 0 ||
        parse_trace(config, out, why) < 0 ||
        parse_explain(config->explain, out, why) < 0 ||
        parse_dns(config->dns, &out->dns, why) < 0 ||
        control_setting_parse(config->control, config->control_group,
                              &out->control, why) < 0 ||
        check_congestion(config->congestion, why) < 0 ||
        check_numbers(config, why) < 0 ||
        core_settings_parse(config->set, config->buffer_max, why) < 0)
        return -EINVAL;
    return 0;
}

int settings_reconcile(struct settings *settings, char why[TAPIR_TEXT_MAX])
{
    char gateway[IP_ADDR_TEXT_MAX];

    if (ip_addr_equal(&settings->addr.addr, &settings->gateway)) {
        snprintf(why, TAPIR_TEXT_MAX, "--addr: %s is the gateway's address",
                 ip_addr_text(&settings->gateway, gateway));
        return -EINVAL;
    }
    if (ip_addr_is_any(&settings->gateway) ||
        ip_prefix_contains(&settings->addr, &settings->gateway))
        return 0;
    if (ip_addr_to_v4(&settings->gateway) == default_gateway) {
        settings->gateway = IP_ADDR_ANY_V4;
        return 0;
    }
    snprintf(why, TAPIR_TEXT_MAX,
             "--gateway: %s is not on the subnet of --addr",
             ip_addr_text(&settings->gateway, gateway));
    return -EINVAL;
}
