/*
 * The table of all settings of the core, and their values as text.
 */
#include "stack_settings.h"

#include <errno.h>
#include <stdio.h>

enum kind { NUMBER, TRUTH, TIME, TEXT };

struct setting {
    const char *name;
    enum kind kind;
    uint16_t offset; /* in struct stack_config */
    uint16_t size;
};

#define MEMBER(field) (((struct stack_config *)NULL)->field)

#define SETTING(field)                                                         \
    {                                                                          \
#field, _Generic(MEMBER(field), bool : TRUTH, usec : TIME,             \
                         char * : TEXT, default : NUMBER),                     \
            offsetof(struct stack_config, field), sizeof(MEMBER(field))       \
    }

/* In the order of their structs: tests/unit/test_settings.c sees whether one
 * is missing. */
static const struct setting settings[] = {
    SETTING(arp.max_neighbours),
    SETTING(arp.max_queued),
    SETTING(arp.max_queued_bytes),
    SETTING(arp.reachable_time),
    SETTING(arp.stale_time),
    SETTING(arp.request_interval),
    SETTING(arp.request_attempts),
    SETTING(ip.ttl),
    SETTING(ip.reass.max_bytes),
    SETTING(ip.reass.max_datagrams),
    SETTING(ip.reass.max_fragments),
    SETTING(ip.reass.timeout),
    SETTING(ip.pmtu.max_entries),
    SETTING(ip.pmtu.age),
    SETTING(ip.igmp.is_on),
    SETTING(ip.igmp.version),
    SETTING(ip.igmp.robustness),
    SETTING(icmp.errors_per_second),
    SETTING(icmp.errors_burst),
    SETTING(tcp.rto_initial),
    SETTING(tcp.rto_min),
    SETTING(tcp.rto_max),
    SETTING(tcp.delayed_ack),
    SETTING(tcp.msl2),
    SETTING(tcp.fin_wait_2),
    SETTING(tcp.buffer_idle),
    SETTING(tcp.syn_retries),
    SETTING(tcp.synack_retries),
    SETTING(tcp.retries),
    SETTING(tcp.doubt_retries),
    SETTING(tcp.orphan_retries),
    SETTING(tcp.keepalive_idle),
    SETTING(tcp.keepalive_interval),
    SETTING(tcp.keepalive_probes),
    SETTING(tcp.initial_window),
    SETTING(tcp.min_send_mss),
    SETTING(tcp.quick_acks),
    SETTING(tcp.send_buffer),
    SETTING(tcp.receive_buffer),
    SETTING(tcp.buffer_tuning),
    SETTING(tcp.send_buffer_max),
    SETTING(tcp.receive_buffer_max),
    SETTING(tcp.place_text),
    SETTING(tcp.memory_limit),
    SETTING(tcp.max_connections),
    SETTING(tcp.max_half_open),
    SETTING(tcp.max_time_wait),
    SETTING(tcp.challenge_acks),
    SETTING(tcp.challenge_acks_all),
    SETTING(tcp.challenge_interval),
    SETTING(tcp.resets_per_second),
    SETTING(tcp.timestamps),
    SETTING(tcp.sack),
    SETTING(tcp.dsack),
    SETTING(tcp.rest),
    SETTING(tcp.rack),
    SETTING(tcp.tlp),
    SETTING(tcp.prr),
    SETTING(tcp.reduce_twice),
    SETTING(tcp.frto),
    SETTING(tcp.cwv),
    SETTING(tcp.slow_start_after_idle),
    SETTING(tcp.limited_transmit),
    SETTING(tcp.rto_restart),
    SETTING(tcp.undo),
    SETTING(tcp.window_scale),
    SETTING(tcp.pmtu_discovery),
    SETTING(tcp.black_hole_detection),
    SETTING(tcp.rfc1337),
    SETTING(tcp.syn_cookies),
    SETTING(tcp.ecn),
    SETTING(tcp.ecn_fallback),
    SETTING(tcp.abe),
    SETTING(tcp.port_first),
    SETTING(tcp.port_last),
    SETTING(tcp.congestion),
    SETTING(tcp.pacing),
    SETTING(tcp.unpaced_segments),
    SETTING(tcp.bbr_strict),
    SETTING(tcp.hystart),
    SETTING(tcp.hystart_train),
    SETTING(tcp.slow_start_limit),
    SETTING(tcp.cubic_fast_convergence),
    SETTING(tcp.cubic_search),
    SETTING(tcp.fast_open),
    SETTING(tcp.fast_open_cache),
    SETTING(tcp.fast_open_pause),
    SETTING(tcp.fast_open_key_life),
    SETTING(tcp.user_timeout_option),
    SETTING(tcp.user_timeout_least),
    SETTING(tcp.user_timeout_most),
    SETTING(socket.max_sockets),
    SETTING(socket.udp_receive_buffer),
    SETTING(socket.max_buffer),
};

const char *stack_setting_name(unsigned index)
{
    return index < ARRAY_LENGTH(settings) ? settings[index].name : NULL;
}

/* ---- To text ------------------------------------------------------------ */

/* Little-endian or not: a number of `size` bytes as it lies in memory. */
static uint64_t number_at(const void *at, size_t size)
{
    uint8_t byte;
    uint16_t half;
    uint32_t word;
    uint64_t number;

    switch (size) {
    case sizeof(byte):
        memcpy(&byte, at, sizeof(byte));
        return byte;
    case sizeof(half):
        memcpy(&half, at, sizeof(half));
        return half;
    case sizeof(word):
        memcpy(&word, at, sizeof(word));
        return word;
    default:
        assert(size == sizeof(number));
        memcpy(&number, at, sizeof(number));
        return number;
    }
}

/* In the largest unit in which it is a whole number. */
static void time_text(usec time, char value[static SETTING_VALUE_MAX])
{
    const char *unit = "us";

    if (time % USEC_PER_SEC == 0) {
        time /= USEC_PER_SEC;
        unit = "s";
    } else if (time % USEC_PER_MSEC == 0) {
        time /= USEC_PER_MSEC;
        unit = "ms";
    }
    snprintf(value, SETTING_VALUE_MAX, "%lld%s", (long long)time, unit);
}

void stack_setting_text(const struct stack_config *config, unsigned index,
                        char value[static SETTING_VALUE_MAX])
{
    const struct setting *setting = &settings[index];
    const void *at = (const uint8_t *)config + setting->offset;
    uint64_t number;

    switch (setting->kind) {
    case TEXT:
        snprintf(value, SETTING_VALUE_MAX, "%.*s", (int)setting->size - 1,
                 (const char *)at);
        return;
    case TIME:
        time_text((usec)number_at(at, setting->size), value);
        return;
    case TRUTH:
        snprintf(value, SETTING_VALUE_MAX, "%s",
                 *(const bool *)at ? "on" : "off");
        return;
    case NUMBER:
        number = number_at(at, setting->size);
        snprintf(value, SETTING_VALUE_MAX, "%llu", (unsigned long long)number);
        return;
    }
}

/* ---- From text ---------------------------------------------------------- */

/* The digits at the front; where they end, or NULL: none, or too many. */
static const char *parse_digits(const char *text, uint64_t *out)
{
    uint64_t number = 0;

    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        unsigned digit = (unsigned)(*text - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return NULL;
        number = number * 10 + digit;
    }
    *out = number;
    return text;
}

static int put_number(void *at, size_t size, const char *value)
{
    uint64_t number;
    const char *end = parse_digits(value, &number);

    if (end == NULL || *end != '\0' ||
        (size < sizeof(number) && number >> (size * 8) != 0))
        return -EINVAL;

    uint8_t byte = (uint8_t)number;
    uint16_t half = (uint16_t)number;
    uint32_t word = (uint32_t)number;
    const void *from[] = {[sizeof(byte)] = &byte,
                          [sizeof(half)] = &half,
                          [sizeof(word)] = &word,
                          [sizeof(number)] = &number};

    memcpy(at, from[size], size);
    return 0;
}

static int put_time(void *at, const char *value)
{
    static const struct {
        const char *name;
        usec length;
    } units[] = {{"us", 1}, {"ms", USEC_PER_MSEC}, {"s", USEC_PER_SEC}};
    uint64_t number;
    const char *unit = parse_digits(value, &number);

    if (unit == NULL)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        usec time;

        if (strcmp(unit, units[i].name) != 0)
            continue;
        if (number > (uint64_t)(INT64_MAX / units[i].length))
            return -EINVAL;
        time = (usec)number * units[i].length;
        memcpy(at, &time, sizeof(time));
        return 0;
    }
    return -EINVAL;
}

static int put_truth(void *at, const char *value)
{
    bool is_on = strcmp(value, "on") == 0 || strcmp(value, "1") == 0;

    if (!is_on && strcmp(value, "off") != 0 && strcmp(value, "0") != 0)
        return -EINVAL;
    memcpy(at, &is_on, sizeof(is_on));
    return 0;
}

static int put_text(void *at, size_t size, const char *value)
{
    size_t len = strlen(value);

    if (len >= size)
        return -EINVAL;
    memset(at, 0, size);
    memcpy(at, value, len);
    return 0;
}

/* "tcp.delayed_ack" is called so, and "delayed_ack". */
static bool is_called(const struct setting *setting, const char *name)
{
    const char *dot = strrchr(setting->name, '.');

    return strcmp(setting->name, name) == 0 || strcmp(dot + 1, name) == 0;
}

static const struct setting *find(const char *name)
{
    const struct setting *found = NULL;

    for (size_t i = 0; i < ARRAY_LENGTH(settings); i++) {
        if (!is_called(&settings[i], name))
            continue;
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
        if (found != NULL)
            return NULL; /* two layers have one */
        found = &settings[i];
    }
    return found;
}

int stack_setting_set(struct stack_config *config, const char *name,
                      const char *value)
{
    const struct setting *setting = find(name);
    void *at;

    if (setting == NULL)
        return -ENOENT;
    at = (uint8_t *)config + setting->offset;
    switch (setting->kind) {
    case TEXT:
        return put_text(at, setting->size, value);
    case TIME:
        return put_time(at, value);
    case TRUTH:
        return put_truth(at, value);
    case NUMBER:
        return put_number(at, setting->size, value);
    }
    return -EINVAL;
}
