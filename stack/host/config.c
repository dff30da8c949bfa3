/*
 * tapir_config: the defaults, the environment, the command line. One table
 * says which option, which variable and which field belong together. A mistake
 * is told under the name by which it was made.
 */
#define _GNU_SOURCE /* secure_getenv */
#include "host/host.h"
#include "host/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

enum setting_kind { TEXT, LIST, NUMBER, SEED, FLAG, TRACE, ECN };

struct setting {
    const char *option; /* "--dev" */
    const char *variable;
    enum setting_kind kind;
    size_t offset; /* in struct tapir_config */
    size_t size;   /* of a TEXT, and of a LIST, which grows with each use */
};

#define FIELD(name) offsetof(struct tapir_config, name)
#define SIZE(name) sizeof(((struct tapir_config *)NULL)->name)
#define TEXT_FIELD(name) TEXT, FIELD(name), SIZE(name)

static const struct setting table[] = {
    {"--dev", "TAPIR_DEV", TEXT_FIELD(dev)},
    {"--addr", "TAPIR_ADDR", TEXT_FIELD(addr)},
    {"--gateway", "TAPIR_GATEWAY", TEXT_FIELD(gateway)},
    {"--mac", "TAPIR_MAC", TEXT_FIELD(mac)},
    {"--mtu", "TAPIR_MTU", NUMBER, FIELD(mtu), 0},
    {"--pcap", "TAPIR_PCAP", TEXT_FIELD(pcap)},
    {"--trace", "TAPIR_TRACE", TRACE, 0, 0},
    {"--explain", "TAPIR_EXPLAIN", TEXT_FIELD(explain)},
    {"--faults", "TAPIR_FAULTS", TEXT_FIELD(faults)},
    {"--seed", "TAPIR_SEED", SEED, FIELD(seed), 0},
    {"--debug", "TAPIR_DEBUG", FLAG, FIELD(debug), 0},
    {"--exit-wait", "TAPIR_EXIT_WAIT", NUMBER, FIELD(exit_wait), 0},
    {"--congestion", "TAPIR_CONGESTION", TEXT_FIELD(congestion)},
    {"--ecn", "TAPIR_ECN", ECN, FIELD(ecn), 0},
    {"--fast-open", "TAPIR_FAST_OPEN", NUMBER, FIELD(fast_open), 0},
    {"--buffer-max", "TAPIR_BUFFER_MAX", NUMBER, FIELD(buffer_max), 0},
    {"--set", "TAPIR_SET", LIST, FIELD(set), SIZE(set)},
    {"--spin", "TAPIR_SPIN", NUMBER, FIELD(spin), 0},
    {"--dns", "TAPIR_DNS", TEXT_FIELD(dns)},
    {"--record", "TAPIR_RECORD", TEXT_FIELD(record)},
    {"--control", "TAPIR_CONTROL", TEXT_FIELD(control)},
    {"--control-group", "TAPIR_CONTROL_GROUP", TEXT_FIELD(control_group)},
};

void tapir_config_init(struct tapir_config *config)
{
    *config = (struct tapir_config){
        .gateway = "192.0.2.1",
        .exit_wait = 10,
        .ecn = TCP_ECN_ANSWER,
        .fast_open = TCP_FAST_OPEN_CLIENT,
        .buffer_max = TCP_BUFFER_MAX,
    };
}

static void *field(struct tapir_config *config, const struct setting *setting)
{
    return (char *)config + setting->offset;
}

/* "0" and nothing: off; "1": all layers; otherwise the layers. */
static void set_trace(struct tapir_config *config, const char *value)
{
    config->trace = *value != '\0' && strcmp(value, "0") != 0;
    config->trace_what[0] = '\0';
    if (config->trace && strcmp(value, "1") != 0)
        strcpy(config->trace_what, value);
}

/* The last one of a name counts, so what is said later may stand behind. */
static bool append(char *list, size_t size, const char *value)
{
    size_t len = strlen(list);
    const char *comma = len == 0 ? "" : ",";

    if (len + strlen(comma) + strlen(value) >= size)
        return false;
    snprintf(list + len, size - len, "%s%s", comma, value);
    return true;
}

/* NULL: done; otherwise what the value is not. */
static const char *set(struct tapir_config *config,
                       const struct setting *setting, const char *value)
{
    uint64_t number;

    switch (setting->kind) {
    case TEXT:
        if (strlen(value) >= setting->size)
            return "short enough";
        strcpy(field(config, setting), value);
        return NULL;
    case LIST:
        return append(field(config, setting), setting->size, value)
                   ? NULL
                   : "short enough";
    case NUMBER:
        if (number_parse(value, UINT_MAX, &number) < 0)
            return "a number";
        *(unsigned *)field(config, setting) = (unsigned)number;
        return NULL;
    case SEED:
        if (number_parse(value, UINT64_MAX, &number) < 0)
            return "a number";
        *(uint64_t *)field(config, setting) = number;
        return NULL;
    case FLAG:
        if (*value != '\0' && strcmp(value, "0") != 0 &&
            strcmp(value, "1") != 0)
            return "0 or 1";
        *(int *)field(config, setting) = strcmp(value, "1") == 0;
        return NULL;
    case TRACE:
        if (strlen(value) >= sizeof(config->trace_what))
            return "short enough";
        set_trace(config, value);
        return NULL;
    case ECN:
        if (number_parse(value, TCP_ECN_MAX, &number) < 0)
            return "0, 1 or 2";
        *(unsigned *)field(config, setting) = (unsigned)number;
        return NULL;
    }
    return NULL;
}

static int set_named(struct tapir_config *config, const struct setting *setting,
                     const char *name, const char *value,
                     char why[TAPIR_TEXT_MAX])
{
    const char *mistake = set(config, setting, value);

    if (mistake == NULL)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX, "%s: '%.100s' is not %s", name, value,
             mistake);
    return -EINVAL;
}

/* Texts are understood only to see whether they can be. */
static int check(const struct tapir_config *config, char why[TAPIR_TEXT_MAX])
{
    struct settings settings;

    return settings_parse(config, &settings, why);
}

/*
 * The command line has the last word, so now the settings must agree. An
 * address that is not given may still become another one of the same subnet,
 * in a lab with several stacks.
 */
static int check_together(const struct tapir_config *config,
                          char why[TAPIR_TEXT_MAX])
{
    struct settings settings;

    if (settings_parse(config, &settings, why) < 0)
        return -EINVAL;
    if (*config->addr == '\0' &&
        ip_addr_equal(&settings.gateway, &settings.addr.addr))
        return 0;
    return settings_reconcile(&settings, why);
}

/* settings_parse speaks of options; here variables were given. */
static void name_variable(char why[TAPIR_TEXT_MAX])
{
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        size_t len = strlen(table[i].option);
        char rest[TAPIR_TEXT_MAX];

        if (strncmp(why, table[i].option, len) != 0 || why[len] != ':')
            continue;
        strcpy(rest, why + len);
        snprintf(why, TAPIR_TEXT_MAX, "%s%.*s", table[i].variable,
                 TAPIR_TEXT_MAX - 32, rest);
        return;
    }
}

int tapir_config_env(struct tapir_config *config, char why[TAPIR_TEXT_MAX])
{
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        const char *value = secure_getenv(table[i].variable);

        if (value != NULL &&
            set_named(config, &table[i], table[i].variable, value, why) < 0)
            return (int)errno_result(-EINVAL);
    }
    if (check(config, why) == 0)
        return 0;
    name_variable(why);
    return (int)errno_result(-EINVAL);
}

/* The setting that an argument names; `value` is what follows its "=". */
static const struct setting *find_option(const char *argument,
                                         const char **value)
{
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        size_t len = strlen(table[i].option);

        if (strncmp(argument, table[i].option, len) != 0 ||
            (argument[len] != '\0' && argument[len] != '='))
            continue;
        *value = argument[len] == '=' ? argument + len + 1 : NULL;
        return &table[i];
    }
    return NULL;
}

/* "--record=full FILE" is "--record full:FILE". */
static bool is_full_record(const struct setting *setting, const char *value)
{
    return value != NULL && strcmp(value, "full") == 0 &&
           strcmp(setting->option, "--record") == 0;
}

/* --trace, --debug and --ecn stand alone; the others take the next argument. */
static int take_option(struct tapir_config *config,
                       const struct setting *setting, const char *value,
                       const char *next, char why[TAPIR_TEXT_MAX])
{
    bool stands_alone =
        setting->kind == FLAG || setting->kind == TRACE || setting->kind == ECN;
    bool is_full = is_full_record(setting, value);
    bool takes_next = is_full || (value == NULL && !stands_alone);
    char full[2 * TAPIR_TEXT_MAX];

    if (takes_next)
        value = next;
    else if (value == NULL)
        value = "1";
    if (is_full && value != NULL) {
        snprintf(full, sizeof(full), "full:%s", value);
        value = full;
    }
    if (value == NULL) {
        snprintf(why, TAPIR_TEXT_MAX, "%s: a value is missing",
                 setting->option);
        return -EINVAL;
    }
    if (set_named(config, setting, setting->option, value, why) < 0)
        return -EINVAL;
    return takes_next ? 2 : 1;
}

static int take_options(struct tapir_config *config, int *argc, char **argv,
                        char why[TAPIR_TEXT_MAX])
{
    int kept = 0;
    int i = 0;
    bool is_over = false;

    while (i < *argc) {
        const char *value = NULL;
        const struct setting *setting = NULL;
        int taken;

        is_over = is_over || strcmp(argv[i], "--") == 0;
        if (i > 0 && !is_over)
            setting = find_option(argv[i], &value);
        if (setting == NULL) {
            argv[kept++] = argv[i++];
            continue;
        }
        taken = take_option(config, setting, value,
                            i + 1 < *argc ? argv[i + 1] : NULL, why);
        if (taken < 0)
            return taken;
        i += taken;
    }
    argv[kept] = NULL;
    *argc = kept;
    return 0;
}

int tapir_config_args(struct tapir_config *config, int *argc, char **argv,
                      char why[TAPIR_TEXT_MAX])
{
    int r = take_options(config, argc, argv, why);

    if (r == 0)
        r = check_together(config, why);
    return (int)errno_result(r);
}

/* The value as a text; NULL: it is as by default. */
static const char *exported(const struct tapir_config *config,
                            const struct tapir_config *defaults,
                            const struct setting *setting, char number[32])
{
    const char *at = (const char *)config + setting->offset;
    const char *usual = (const char *)defaults + setting->offset;

    switch (setting->kind) {
    case TEXT:
    case LIST:
        return strcmp(at, usual) == 0 ? NULL : at;
    case NUMBER:
    case ECN:
        snprintf(number, 32, "%u", *(const unsigned *)(const void *)at);
        return memcmp(at, usual, sizeof(unsigned)) == 0 ? NULL : number;
    case SEED:
        snprintf(number, 32, "%" PRIu64, config->seed);
        return config->seed == 0 ? NULL : number;
    case FLAG:
        return *(const int *)(const void *)at ? "1" : NULL;
    case TRACE:
        if (!config->trace)
            return NULL;
        return *config->trace_what == '\0' ? "1" : config->trace_what;
    }
    return NULL;
}

int tapir_config_export(const struct tapir_config *config)
{
    struct tapir_config defaults;

    tapir_config_init(&defaults);
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        char number[32];
        const char *value = exported(config, &defaults, &table[i], number);
        int r = value == NULL ? unsetenv(table[i].variable)
                              : setenv(table[i].variable, value, 1);

        if (r < 0)
            return (int)errno_result(-ENOMEM);
    }
    return 0;
}

const char *tapir_config_help(void)
{
    return "  --dev NAME       TAP device, packet:INTERFACE, unix:PATH or "
           "fd:N\n"
           "                   (TAPIR_DEV; tap0)\n"
           "  --addr ADDR/LEN  the stack's address (TAPIR_ADDR; "
           "192.0.2.2/24)\n"
           "  --gateway ADDR   default route (TAPIR_GATEWAY; 192.0.2.1)\n"
           "  --mac MAC        (TAPIR_MAC; made from the address)\n"
           "  --mtu BYTES      (TAPIR_MTU; the device's)\n"
           "  --pcap FILE      record every frame; FILE.pcapng: with comments\n"
           "                   (TAPIR_PCAP)\n"
           "  --record FILE    what enters the stack, for tapir replay\n"
           "                   (TAPIR_RECORD); --record=full FILE, or\n"
           "                   full:FILE: with all text\n"
           "  --trace[=WHAT]   a line for each event, to standard error\n"
           "                   (TAPIR_TRACE); WHAT: eth,arp,ip,icmp,udp,tcp,\n"
           "                   socket,drop,event=KIND,port=N,host=ADDR,json\n"
           "  --explain N      the story of frame N, as 7,9-12,out3\n"
           "                   (TAPIR_EXPLAIN)\n"
           "  --faults SPEC    as loss=1%,delay=10ms (TAPIR_FAULTS)\n"
           "  --seed N         makes a run repeatable (TAPIR_SEED)\n"
           "  --debug          no helper thread; stack time stops with the\n"
           "                   process (TAPIR_DEBUG)\n"
           "  --exit-wait S    seconds to finish connections at exit\n"
           "                   (TAPIR_EXIT_WAIT; 10)\n"
           "  --congestion NAME  congestion control: cubic, reno, bbr\n"
           "                   (TAPIR_CONGESTION; cubic)\n"
           "  --ecn[=N]        1: asks for ECN, 2: answers who asks, 0: off\n"
           "                   (TAPIR_ECN; 2)\n"
           "  --fast-open N    TCP Fast Open: 1 clients, 2 servers, 3 both\n"
           "                   (TAPIR_FAST_OPEN; 1)\n"
           "  --buffer-max BYTES  what TCP's buffers may tune themselves to\n"
           "                   (TAPIR_BUFFER_MAX; 33554432)\n"
           "  --set NAME=VALUE  a setting of the core, as sack=off or "
           "rto_min=1s;\n"
           "                   again for more (TAPIR_SET, with commas)\n"
           "  --spin USEC      asks so long for frames before it sleeps\n"
           "                   (TAPIR_SPIN; 0)\n"
           "  --dns ADDR[,ADDR]  name servers, or none (TAPIR_DNS;\n"
           "                   /etc/resolv.conf)\n"
           "  --control off    `tapir ss` and its like may not ask\n"
           "                   (TAPIR_CONTROL; on)\n"
           "  --control-group GROUP  its members may ask, too\n"
           "                   (TAPIR_CONTROL_GROUP)\n";
}
