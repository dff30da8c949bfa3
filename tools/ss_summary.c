/*
 * The kernel's words, of a stack's own sockets: see ss_summary.h.
 */
#include "ss_summary.h"

#include "ss_filter.h"

#include <inttypes.h>
#include <string.h>

/* One that a program has not taken yet has no number either. */
static bool is_left_alone(enum filter_state state)
{
    return state == FILTER_FIN_WAIT_1 || state == FILTER_FIN_WAIT_2 ||
           state == FILTER_CLOSING || state == FILTER_LAST_ACK;
}

/* A half-open connection is no socket yet. */
static void add_tcp(struct ss_summary *summary, const struct json_line *socket)
{
    const char *name = json_line_text(socket, "state");
    enum filter_state state = filter_state_of(name == NULL ? "" : name);

    if (state == FILTER_SYN_RECEIVED)
        return;
    summary->tcp++;
    summary->established += state == FILTER_ESTABLISHED;
    summary->closed += state == FILTER_CLOSED || state == FILTER_TIME_WAIT;
    summary->orphaned +=
        is_left_alone(state) && json_line_number(socket, "socket") == 0;
    summary->time_wait += state == FILTER_TIME_WAIT;
}

void ss_summary_add(struct ss_summary *summary, const struct json_line *socket)
{
    const char *kind = json_line_text(socket, "netid");

    if (kind == NULL)
        return;
    summary->total++;
    if (strcmp(kind, "tcp") == 0)
        add_tcp(summary, socket);
    else if (strcmp(kind, "udp") == 0)
        summary->udp++;
    else if (strcmp(kind, "packet") == 0)
        summary->packet++;
    else if (strcmp(kind, "raw") == 0)
        summary->raw++;
}

void ss_summary_add_count(struct ss_summary *summary,
                          const struct json_line *counter)
{
    const char *name = json_line_text(counter, "name");

    if (name != NULL && strcmp(name, "tapirIpReassembling") == 0)
        summary->fragments = json_line_number(counter, "value");
}

static void print_row(FILE *to, const char *name, uint64_t count)
{
    fprintf(to, "%s\t  %-9" PRIu64 " %-9" PRIu64 " %-9d\n", name, count, count,
            0);
}

void ss_summary_print(const struct ss_summary *summary, FILE *to)
{
    uint64_t tcp = summary->tcp - summary->closed;

    fprintf(to,
            "Total: %" PRIu64 "\nTCP:   %" PRIu64 " (estab %" PRIu64
            ", closed %" PRIu64 ", orphaned %" PRIu64 ", timewait %" PRIu64
            ")\n\nTransport Total     IP        IPv6\n",
            summary->total, summary->tcp, summary->established, summary->closed,
            summary->orphaned, summary->time_wait);
    print_row(to, "RAW", summary->raw);
    print_row(to, "UDP", summary->udp);
    print_row(to, "TCP", tcp);
    print_row(to, "INET", summary->raw + summary->udp + tcp);
    print_row(to, "FRAG", summary->fragments);
    putc('\n', to);
}

void ss_summary_print_json(const struct ss_summary *summary, FILE *to)
{
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"total", summary->total},       {"tcp", summary->tcp},
        {"estab", summary->established}, {"closed", summary->closed},
        {"orphaned", summary->orphaned}, {"timewait", summary->time_wait},
        {"udp", summary->udp},           {"raw", summary->raw},
        {"packet", summary->packet},     {"frag", summary->fragments},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        fprintf(to, "%s\"%s\":%" PRIu64, i == 0 ? "[\n{" : ",", counts[i].name,
                counts[i].count);
    fputs("}\n]\n", to);
}
