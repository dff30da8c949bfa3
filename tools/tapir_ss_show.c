/*
 * The sockets in the columns of iproute2's ss(8), 6.1.
 */
#include "tapir_ss.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_MAX = 80 };

enum cell {
    CELL_NETID,
    CELL_STATE,
    CELL_RECV_Q,
    CELL_SEND_Q,
    CELL_LOCAL,
    CELL_LOCAL_PORT,
    CELL_PEER,
    CELL_PEER_PORT,
    CELLS
};

struct row {
    char cell[CELLS][CELL_MAX];
};

/* ---- What there is ------------------------------------------------------- */

bool ss_table_add(struct ss_table *table, char *line)
{
    if (table->count == table->room) {
        size_t room = table->room == 0 ? 256 : 2 * table->room;
        char **lines = realloc(table->lines, room * sizeof(*lines));

        if (lines == NULL)
            return false;
        table->lines = lines;
        table->room = room;
    }
    table->lines[table->count++] = line;
    return true;
}

void ss_table_add_descriptor(struct ss_table *table, uint64_t socket, int fd)
{
    if (table->descriptor_count == table->descriptor_room) {
        size_t room =
            table->descriptor_room == 0 ? 256 : 2 * table->descriptor_room;
        struct ss_descriptor *list =
            realloc(table->descriptors, room * sizeof(*list));

        if (list == NULL)
            return;
        table->descriptors = list;
        table->descriptor_room = room;
    }
    table->descriptors[table->descriptor_count++] =
        (struct ss_descriptor){.socket = socket, .fd = fd};
}

void ss_table_free(struct ss_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->lines[i]);
    free(table->lines);
    free(table->descriptors);
}

static bool shows(const struct ss_table *table, unsigned bit)
{
    return (table->options->bits & bit) != 0;
}

/* ---- Cells --------------------------------------------------------------- */

static const char *text_of(const struct json_line *line, const char *key)
{
    const char *text = json_line_text(line, key);

    return text == NULL ? "" : text;
}

static unsigned long long number_of(const struct json_line *line,
                                    const char *key)
{
    return json_line_number(line, key);
}

static void put_port(const struct ss_table *table, const char *netid,
                     unsigned port, char cell[CELL_MAX])
{
    const struct servent *service = NULL;

    if (port == 0) {
        strcpy(cell, "*");
        return;
    }
    if (!shows(table, SS_NUMERIC))
        service = getservbyport(htons((uint16_t)port), netid);
    if (service != NULL)
        snprintf(cell, CELL_MAX, "%.70s", service->s_name);
    else
        snprintf(cell, CELL_MAX, "%u", port);
}

/* RFC 1700's numbers, of those that are likely. */
static void put_protocol(const struct ss_table *table, unsigned number,
                         char cell[CELL_MAX])
{
    const struct protoent *protocol = NULL;

    if (!shows(table, SS_NUMERIC))
        protocol = getprotobynumber((int)number);
    if (protocol != NULL)
        snprintf(cell, CELL_MAX, "%.70s", protocol->p_name);
    else
        snprintf(cell, CELL_MAX, "%u", number);
}

static void put_ends(const struct ss_table *table, const struct json_line *line,
                     struct row *row)
{
    const char *netid = text_of(line, "netid");
    const char *device = text_of(line, "dev");

    snprintf(row->cell[CELL_LOCAL], CELL_MAX, "%.45s%s%.16s",
             text_of(line, "local"), *device == '\0' ? "" : "%", device);
    snprintf(row->cell[CELL_PEER], CELL_MAX, "%.45s", text_of(line, "remote"));
    put_port(table, netid, (unsigned)number_of(line, "lport"),
             row->cell[CELL_LOCAL_PORT]);
    put_port(table, netid, (unsigned)number_of(line, "rport"),
             row->cell[CELL_PEER_PORT]);
    if (strcmp(netid, "raw") == 0)
        put_protocol(table, (unsigned)number_of(line, "protocol"),
                     row->cell[CELL_LOCAL_PORT]);
}

/* A packet socket: EtherType and interface, as ss has them. */
static void put_packet_ends(const struct json_line *line, struct row *row)
{
    unsigned protocol = ntohs((uint16_t)number_of(line, "protocol"));
    const char *device = text_of(line, "dev");

    if (protocol == 3) /* ETH_P_ALL */
        strcpy(row->cell[CELL_LOCAL], "*");
    else
        snprintf(row->cell[CELL_LOCAL], CELL_MAX, "[%u]", protocol);
    snprintf(row->cell[CELL_LOCAL_PORT], CELL_MAX, "%.16s",
             *device == '\0' ? "*" : device);
    strcpy(row->cell[CELL_PEER], "*");
}

static void fill_row(const struct ss_table *table, const struct json_line *line,
                     struct row *row)
{
    const char *netid = text_of(line, "netid");
    enum filter_state state = filter_state_of(text_of(line, "state"));
    bool is_packet = strcmp(netid, "packet") == 0;

    *row = (struct row){0};
    snprintf(row->cell[CELL_NETID], CELL_MAX, "%.10s",
             is_packet ? "p_raw" : netid);
    strcpy(row->cell[CELL_STATE], filter_state_text(state));
    snprintf(row->cell[CELL_RECV_Q], CELL_MAX, "%llu",
             number_of(line, "recv_q"));
    snprintf(row->cell[CELL_SEND_Q], CELL_MAX, "%llu",
             number_of(line, "send_q"));
    if (is_packet)
        put_packet_ends(line, row);
    else
        put_ends(table, line, row);
}

/* ---- Behind them --------------------------------------------------------- */

static void print_processes(const struct ss_table *table,
                            const struct json_line *line)
{
    uint64_t socket = json_line_number(line, "socket");
    bool has_one = false;

    for (size_t i = 0; socket != 0 && i < table->descriptor_count; i++) {
        if (table->descriptors[i].socket != socket)
            continue;
        printf("%s(\"%s\",pid=%ld,fd=%d)", has_one ? "," : " users:(",
               table->stack->program, table->stack->pid,
               table->descriptors[i].fd);
        has_one = true;
    }
    if (has_one)
        printf(")");
}

/* "1min2sec", "44sec", "204ms" */
static void print_time(unsigned long long ms)
{
    unsigned long long minutes = ms / 60000;

    if (minutes > 0)
        printf("%llumin", minutes);
    ms %= 60000;
    if (ms >= 1000 && minutes == 0 && ms < 10000)
        printf("%llu.%03llus", ms / 1000, ms % 1000);
    else if (ms >= 1000)
        printf("%llusec", ms / 1000);
    else if (minutes == 0)
        printf("%llums", ms);
}

static void print_timer(const struct json_line *line)
{
    const char *timer = json_line_text(line, "timer");

    if (timer == NULL)
        return;
    printf(" timer:(%s,", timer);
    print_time(number_of(line, "timer_us") / 1000);
    printf(",%llu)", number_of(line, "timer_count"));
}

static void print_memory(const struct json_line *line)
{
    printf(" skmem:(r%llu,rb%llu,t%llu,tb%llu,f0,w0,o0,bl0,d%llu)",
           number_of(line, "recv_q"), number_of(line, "rcvbuf"),
           number_of(line, "send_q"), number_of(line, "sndbuf"),
           number_of(line, "drops"));
}

/* ---- Of TCP -------------------------------------------------------------- */

static void print_if(const struct json_line *line, const char *key,
                     const char *name)
{
    unsigned long long value = number_of(line, key);

    if (value != 0)
        printf(" %s:%llu", name, value);
}

/* Microseconds, as milliseconds with what is behind the point. */
static void print_ms(const struct json_line *line, const char *key,
                     const char *name)
{
    unsigned long long us = number_of(line, key);

    if (us != 0)
        printf(" %s:%g", name, (double)us / 1000);
}

static void print_rate(const struct ss_table *table, const char *name,
                       double bits)
{
    static const char units[] = "TGMK";
    double unit = 1e12;

    if (shows(table, SS_NUMERIC)) {
        printf(" %s %.0fbps", name, bits);
        return;
    }
    for (const char *at = units; *at != '\0'; at++, unit /= 1000) {
        if (bits >= unit) {
            printf(" %s %.3g%cbps", name, bits / unit, *at);
            return;
        }
    }
    printf(" %s %.0fbps", name, bits);
}

static void print_flags(const struct json_line *line)
{
    static const char *const flags[] = {"ts", "sack", "ecn", "ecnseen",
                                        "fastopen"};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (json_line_flag(line, flags[i]))
            printf(" %s", flags[i]);
    printf(" %s", text_of(line, "congestion"));
    if (json_line_text(line, "snd_wscale") != NULL)
        printf(" wscale:%llu,%llu", number_of(line, "snd_wscale"),
               number_of(line, "rcv_wscale"));
}

static void print_sizes(const struct json_line *line)
{
    print_ms(line, "rto_us", "rto");
    print_if(line, "backoff", "backoff");
    if (number_of(line, "rtt_us") != 0)
        printf(" rtt:%g/%g", (double)number_of(line, "rtt_us") / 1000,
               (double)number_of(line, "rttvar_us") / 1000);
    print_ms(line, "ato_us", "ato");
    print_if(line, "mss", "mss");
    print_if(line, "pmtu", "pmtu");
    print_if(line, "rcvmss", "rcvmss");
    print_if(line, "advmss", "advmss");
    print_if(line, "cwnd", "cwnd");
    print_if(line, "ssthresh", "ssthresh");
}

static void print_counts(const struct json_line *line)
{
    static const char *const counts[] = {
        "bytes_sent", "bytes_retrans", "bytes_acked",   "bytes_received",
        "segs_out",   "segs_in",       "data_segs_out", "data_segs_in"};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        print_if(line, counts[i], counts[i]);
}

static void print_rates(const struct ss_table *table,
                        const struct json_line *line)
{
    double rtt = (double)number_of(line, "rtt_us") / 1e6;
    double flight =
        (double)number_of(line, "cwnd") * (double)number_of(line, "mss") * 8;

    if (rtt > 0)
        print_rate(table, "send", flight / rtt);
    printf(" lastsnd:%llu lastrcv:%llu lastack:%llu",
           number_of(line, "lastsnd_us") / 1000,
           number_of(line, "lastrcv_us") / 1000,
           number_of(line, "lastack_us") / 1000);
    if (number_of(line, "pacing_rate") != 0)
        print_rate(table, "pacing_rate",
                   8 * (double)number_of(line, "pacing_rate"));
    if (number_of(line, "delivery_rate") != 0)
        print_rate(table, "delivery_rate",
                   8 * (double)number_of(line, "delivery_rate"));
}

/* ss: how long, and which part of the time that it was busy. */
static void print_limit(const struct json_line *line, const char *key,
                        const char *name)
{
    unsigned long long ms = number_of(line, key);
    unsigned long long busy = number_of(line, "busy_ms");

    if (ms != 0 && busy != 0)
        printf(" %s:%llums(%.1f%%)", name, ms,
               100.0 * (double)ms / (double)busy);
}

static void print_rest(const struct json_line *line)
{
    print_if(line, "delivered", "delivered");
    print_if(line, "delivered_ce", "delivered_ce");
    if (json_line_flag(line, "app_limited"))
        printf(" app_limited");
    if (number_of(line, "busy_ms") != 0)
        printf(" busy:%llums", number_of(line, "busy_ms"));
    print_limit(line, "rwnd_limited_ms", "rwnd_limited");
    print_limit(line, "sndbuf_limited_ms", "sndbuf_limited");
    print_if(line, "unacked", "unacked");
    if (number_of(line, "retrans") != 0)
        printf(" retrans:0/%llu", number_of(line, "retrans"));
    print_if(line, "lost", "lost");
    print_if(line, "sacked", "sacked");
    print_ms(line, "rcv_rtt_us", "rcv_rtt");
    print_if(line, "rcv_space", "rcv_space");
    print_if(line, "rcv_ssthresh", "rcv_ssthresh");
    print_if(line, "notsent", "notsent");
    print_ms(line, "minrtt_us", "minrtt");
    print_if(line, "rcv_ooopack", "rcv_ooopack");
    print_if(line, "snd_wnd", "snd_wnd");
}

static void print_info(const struct ss_table *table,
                       const struct json_line *line)
{
    if (json_line_text(line, "congestion") == NULL)
        return;
    print_flags(line);
    print_sizes(line);
    print_counts(line);
    print_rates(table, line);
    print_rest(line);
}

/* ---- All of it ----------------------------------------------------------- */

struct widths {
    int of[CELLS];
};

static const struct row header = {.cell = {"Netid", "State", "Recv-Q", "Send-Q",
                                           "Local Address", "Port",
                                           "Peer Address", "Port"}};

static void widen(struct widths *widths, const struct row *row)
{
    for (int i = 0; i < CELLS; i++) {
        int len = (int)strlen(row->cell[i]);

        if (len > widths->of[i])
            widths->of[i] = len;
    }
}

static bool shows_netid(const struct ss_table *table)
{
    unsigned kinds = table->options->bits & SS_KINDS;

    return (kinds & (kinds - 1)) != 0 || kinds == SS_RAW;
}

/* Not where all have the same. */
static bool shows_state(const struct ss_table *table)
{
    unsigned states = table->options->filter.states;

    return states == 0 || (states & (states - 1)) != 0;
}

static void print_row(const struct ss_table *table, const struct widths *widths,
                      const struct row *row)
{
    const int *of = widths->of;

    if (shows_netid(table))
        printf("%-*s ", of[CELL_NETID], row->cell[CELL_NETID]);
    if (shows_state(table))
        printf("%-*s ", of[CELL_STATE], row->cell[CELL_STATE]);
    printf("%-*s %-*s %*s:%-*s %*s%s%-*s", of[CELL_RECV_Q],
           row->cell[CELL_RECV_Q], of[CELL_SEND_Q], row->cell[CELL_SEND_Q],
           of[CELL_LOCAL], row->cell[CELL_LOCAL], of[CELL_LOCAL_PORT],
           row->cell[CELL_LOCAL_PORT], of[CELL_PEER], row->cell[CELL_PEER],
           *row->cell[CELL_PEER_PORT] == '\0' ? " " : ":", of[CELL_PEER_PORT],
           row->cell[CELL_PEER_PORT]);
}

static void print_line(const struct ss_table *table,
                       const struct json_line *line)
{
    if (shows(table, SS_PROCESSES))
        print_processes(table, line);
    if (shows(table, SS_TIMERS))
        print_timer(line);
    if (shows(table, SS_EXTENDED))
        printf(" sk:%llu", number_of(line, "socket"));
    if (shows(table, SS_MEMORY | SS_INFO))
        printf(shows(table, SS_ONE_LINE) ? " " : "\n\t");
    if (shows(table, SS_MEMORY))
        print_memory(line);
    if (shows(table, SS_INFO))
        print_info(table, line);
    putchar('\n');
}

/* A line is taken apart twice: first for the widths of the columns. */
static bool parse_copy(const char *text, char **copy, struct json_line *out)
{
    *copy = strdup(text);
    if (*copy != NULL && json_line_parse(*copy, out))
        return true;
    free(*copy);
    *copy = NULL;
    return false;
}

static struct widths measure(const struct ss_table *table)
{
    struct widths widths = {0};

    if (!shows(table, SS_NO_HEADER))
        widen(&widths, &header);
    for (size_t i = 0; i < table->count; i++) {
        struct json_line line;
        struct row row;
        char *copy;

        if (!parse_copy(table->lines[i], &copy, &line))
            continue;
        fill_row(table, &line, &row);
        widen(&widths, &row);
        free(copy);
    }
    return widths;
}

static void print_table(const struct ss_table *table)
{
    struct widths widths = measure(table);

    if (!shows(table, SS_NO_HEADER)) {
        print_row(table, &widths, &header);
        puts(" Process");
    }
    for (size_t i = 0; i < table->count; i++) {
        struct json_line line;
        struct row row;

        if (!json_line_parse(table->lines[i], &line))
            continue;
        fill_row(table, &line, &row);
        print_row(table, &widths, &row);
        print_line(table, &line);
    }
}

static void print_json(const struct ss_table *table)
{
    if (table->count == 0) {
        puts("[]");
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        fputs(i == 0 ? "[\n" : ",\n", stdout);
        fputs(table->lines[i], stdout);
    }
    puts("\n]");
}

void ss_table_print(struct ss_table *table)
{
    if (table->options->ask.json)
        print_json(table);
    else
        print_table(table);
}
