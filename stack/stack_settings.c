/*
 * The table of all settings of the core, and their values as text.
 */
#include "stack_settings.h"

#include "tcp/tcp_cc.h"

#include <errno.h>
#include <stdio.h>

enum kind { NUMBER, TRUTH, TIME, TEXT };

/* What a person may ask for: beyond it the stack makes no sense. */
enum {
    MOST_SEGMENTS = 10000,
    MOST_PORT = 65535,
    MOST_RETRIES = 255,
    MOST_MSS = 65495
};

struct setting {
    const char *name;
    enum kind kind;
    uint16_t offset; /* in struct stack_config */
    uint16_t size;
    uint64_t least; /* of numbers and times */
    uint64_t most;  /* 0: what its kind can be */
};

/* A sum of "now" and any time is a time. */
#define MOST_TIME (365 * 24 * 3600 * USEC_PER_SEC)

#define MEMBER(field) (((struct stack_config *)NULL)->field)

#define BETWEEN(field, from, to)                                               \
    {                                                                          \
#field, _Generic(MEMBER(field), bool : TRUTH, usec : TIME,             \
                         char * : TEXT, default : NUMBER),                     \
            offsetof(struct stack_config, field), sizeof(MEMBER(field)), from, \
            to       \
    }
#define SETTING(field) BETWEEN(field, 0, 0)

/* In the order of their structs: tests/unit/test_settings.c sees whether one
 * is missing. */
static const struct setting settings[] = {
    BETWEEN(arp.max_neighbours, 1, UINT32_MAX),
    SETTING(arp.max_queued),
    SETTING(arp.max_queued_bytes),
    BETWEEN(arp.reachable_time, USEC_PER_MSEC, MOST_TIME),
    BETWEEN(arp.stale_time, USEC_PER_MSEC, MOST_TIME),
    BETWEEN(arp.request_interval, USEC_PER_MSEC, MOST_TIME),
    BETWEEN(arp.request_attempts, 1, MOST_RETRIES),
    BETWEEN(ip.ttl, 1, UINT8_MAX),
    SETTING(ip.reass.max_bytes),
    SETTING(ip.reass.max_datagrams),
    SETTING(ip.reass.max_fragments),
    BETWEEN(ip.reass.timeout, USEC_PER_MSEC, MOST_TIME),
    SETTING(ip.pmtu.max_entries),
    BETWEEN(ip.pmtu.age, USEC_PER_MSEC, MOST_TIME),
    SETTING(ip.igmp.is_on),
    BETWEEN(ip.igmp.version, 0, 3),
    BETWEEN(ip.igmp.robustness, 1, 7),
    SETTING(icmp.errors_per_second),
    SETTING(icmp.errors_burst),
    BETWEEN(tcp.rto_initial, USEC_PER_MSEC, MOST_TIME),
    BETWEEN(tcp.rto_min, USEC_PER_MSEC, MOST_TIME),
    BETWEEN(tcp.rto_max, USEC_PER_MSEC, MOST_TIME),
    BETWEEN(tcp.delayed_ack, 0, USEC_PER_SEC / 2),
    SETTING(tcp.msl2),
    SETTING(tcp.fin_wait_2),
    SETTING(tcp.buffer_idle),
    BETWEEN(tcp.syn_retries, 0, MOST_RETRIES),
    BETWEEN(tcp.synack_retries, 0, MOST_RETRIES),
    BETWEEN(tcp.retries, 0, MOST_RETRIES),
    BETWEEN(tcp.doubt_retries, 0, MOST_RETRIES),
    BETWEEN(tcp.orphan_retries, 0, MOST_RETRIES),
    BETWEEN(tcp.keepalive_idle, USEC_PER_SEC, MOST_TIME),
    BETWEEN(tcp.keepalive_interval, USEC_PER_SEC, MOST_TIME),
    BETWEEN(tcp.keepalive_probes, 1, MOST_RETRIES),
    BETWEEN(tcp.initial_window, 1, MOST_SEGMENTS),
    BETWEEN(tcp.min_send_mss, 1, MOST_MSS),
    SETTING(tcp.quick_acks),
    BETWEEN(tcp.send_buffer, TCP_BUFFER_MAX_LEAST, TCP_BUFFER_MAX_MOST),
    BETWEEN(tcp.receive_buffer, TCP_BUFFER_MAX_LEAST, TCP_BUFFER_MAX_MOST),
    SETTING(tcp.buffer_tuning),
    BETWEEN(tcp.send_buffer_max, TCP_BUFFER_MAX_LEAST, TCP_BUFFER_MAX_MOST),
    BETWEEN(tcp.receive_buffer_max, TCP_BUFFER_MAX_LEAST, TCP_BUFFER_MAX_MOST),
    SETTING(tcp.place_text),
    SETTING(tcp.memory_limit),
    BETWEEN(tcp.max_connections, 1, UINT32_MAX),
    SETTING(tcp.max_half_open),
    SETTING(tcp.max_time_wait),
    SETTING(tcp.challenge_acks),
    SETTING(tcp.challenge_acks_all),
    BETWEEN(tcp.challenge_interval, USEC_PER_MSEC, MOST_TIME),
    SETTING(tcp.resets_per_second),
    SETTING(tcp.timestamps),
    SETTING(tcp.timestamp_offset),
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
    SETTING(tcp.eifel),
    SETTING(tcp.window_scale),
    SETTING(tcp.pmtu_discovery),
    SETTING(tcp.black_hole_detection),
    SETTING(tcp.icmp_checks),
    SETTING(tcp.rfc1337),
    SETTING(tcp.rfc5961),
    SETTING(tcp.time_wait_reuse),
    SETTING(tcp.syn_cookies),
    BETWEEN(tcp.ecn, 0, TCP_ECN_MAX),
    SETTING(tcp.ecn_fallback),
    SETTING(tcp.abe),
    BETWEEN(tcp.port_first, 1, MOST_PORT),
    BETWEEN(tcp.port_last, 1, MOST_PORT),
    SETTING(tcp.congestion),
    SETTING(tcp.byte_counting),
    SETTING(tcp.pacing),
    SETTING(tcp.unpaced_segments),
    SETTING(tcp.bbr_strict),
    SETTING(tcp.hystart),
    SETTING(tcp.hystart_train),
    SETTING(tcp.slow_start_limit),
    SETTING(tcp.cubic_fast_convergence),
    SETTING(tcp.cubic_search),
    BETWEEN(tcp.fast_open, 0, TCP_FAST_OPEN_BITS),
    SETTING(tcp.fast_open_cache),
    SETTING(tcp.fast_open_pause),
    SETTING(tcp.fast_open_key_life),
    SETTING(tcp.user_timeout_option),
    SETTING(tcp.user_timeout_least),
    SETTING(tcp.user_timeout_most),
    BETWEEN(socket.max_sockets, 1, UINT32_MAX),
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

/* ---- What a person asks for ---------------------------------------------- */

/* The first must not be above the second. */
static const char *const orders[][2] = {
    {"tcp.rto_min", "tcp.rto_max"},
    {"tcp.rto_initial", "tcp.rto_max"},
    {"tcp.send_buffer", "tcp.send_buffer_max"},
    {"tcp.receive_buffer", "tcp.receive_buffer_max"},
    {"tcp.port_first", "tcp.port_last"},
    {"tcp.user_timeout_least", "tcp.user_timeout_most"},
};

static uint64_t value_of(const struct stack_config *config,
                         const struct setting *setting)
{
    return number_at((const uint8_t *)config + setting->offset, setting->size);
}

/* What each kind wants, where it got something else. */
static const char *wanted(const struct setting *setting)
{
    switch (setting->kind) {
    case NUMBER:
        return "wants a number";
    case TRUTH:
        return "wants on or off";
    case TIME:
        return "wants a time, as 40ms";
    case TEXT:
        return "is too long";
    }
    return "";
}

static const char *limit_text(const struct setting *setting, uint64_t limit,
                              char text[static SETTING_VALUE_MAX])
{
    if (setting->kind == TIME)
        time_text((usec)limit, text);
    else
        snprintf(text, SETTING_VALUE_MAX, "%llu", (unsigned long long)limit);
    return text;
}

/* Between its limits; and an algorithm's name is one. */
static int check(const struct stack_config *config,
                 const struct setting *setting,
                 char why[static SETTING_WHY_MAX])
{
    uint64_t most = setting->most;
    char from[SETTING_VALUE_MAX];
    char to[SETTING_VALUE_MAX];
    uint64_t value;

    if (setting->kind == TEXT) {
        if (tcp_cc_find(config->tcp.congestion) != NULL)
            return 0;
        snprintf(why, SETTING_WHY_MAX, "%s: there is no '%s'", setting->name,
                 config->tcp.congestion);
        return -EINVAL;
    }
    if (setting->kind == TRUTH)
        return 0;
    value = value_of(config, setting);
    if (most == 0)
        most = setting->kind == TIME ? MOST_TIME : UINT64_MAX;
    if (value >= setting->least && value <= most)
        return 0;
    snprintf(why, SETTING_WHY_MAX, "%s is %s to %s", setting->name,
             limit_text(setting, setting->least, from),
             limit_text(setting, most, to));
    return -EINVAL;
}

static int check_orders(const struct stack_config *config,
                        char why[static SETTING_WHY_MAX])
{
    for (size_t i = 0; i < ARRAY_LENGTH(orders); i++) {
        const char *low = orders[i][0];
        const char *high = orders[i][1];

        if (value_of(config, find(low)) <= value_of(config, find(high)))
            continue;
        snprintf(why, SETTING_WHY_MAX, "%s is above %s", low, high);
        return -EINVAL;
    }
    return 0;
}

/* One NAME=VALUE, of `len` characters. */
static int take(struct stack_config *config, const char *text, size_t len,
                char why[static SETTING_WHY_MAX])
{
    const char *equals = memchr(text, '=', len);
    char name[SETTING_NAME_MAX];
    char value[SETTING_VALUE_MAX];
    size_t name_len = equals == NULL ? len : (size_t)(equals - text);
    size_t value_len = equals == NULL ? 0 : len - name_len - 1;

    if (equals == NULL || name_len >= sizeof(name)) {
        snprintf(why, SETTING_WHY_MAX,
                 "'%.*s' is not NAME=VALUE, as delayed_ack=41ms",
                 (int)min_size(len, SETTING_NAME_MAX), text);
        return -EINVAL;
    }
    snprintf(name, sizeof(name), "%.*s", (int)name_len, text);
    if (find(name) == NULL) {
        snprintf(why, SETTING_WHY_MAX, "%s: there is no such setting", name);
        return -ENOENT;
    }
    snprintf(value, sizeof(value), "%.*s", (int)value_len, equals + 1);
    if (value_len >= sizeof(value) ||
        stack_setting_set(config, name, value) < 0) {
        snprintf(why, SETTING_WHY_MAX, "%s=%s: it %s", name, value,
                 wanted(find(name)));
        return -EINVAL;
    }
    return check(config, find(name), why);
}

int stack_settings_take(struct stack_config *config, const char *list,
                        char why[static SETTING_WHY_MAX])
{
    if (*list == '\0')
        return 0;
    for (const char *next = list;; next++) {
        size_t len = strcspn(next, ",");
        int error = take(config, next, len, why);

        if (error < 0)
            return error;
        next += len;
        if (*next == '\0')
            return check_orders(config, why);
    }
}
