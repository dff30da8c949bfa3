/*
 * Times are the capture's, from its first frame on.
 */
#include "rerun_report.h"

#include "base/addr.h"
#include "json_line.h"

#include <inttypes.h>

static const char *kind_text(enum rerun_kind kind)
{
    switch (kind) {
    case RERUN_TCP:
        return "tcp";
    case RERUN_UDP:
        return "udp";
    case RERUN_ICMP:
        return "icmp";
    case RERUN_ARP:
        return "arp";
    case RERUN_NOTHING:
        break;
    }
    return "";
}

static double seconds(usec time)
{
    return (double)time / (double)USEC_PER_SEC;
}

static const char *end_text(const struct endpoint *end,
                            char text[static ENDPOINT_TEXT_MAX])
{
    if (end->port != 0)
        return endpoint_text(end, text);
    return ip_addr_text(&end->addr, text);
}

static bool is_difference(enum rerun_verdict verdict)
{
    return verdict != RERUN_SAME && verdict != RERUN_LATER;
}

static uint64_t differences_in(const uint64_t counts[static RERUN_VERDICTS])
{
    uint64_t sum = 0;

    for (int i = 0; i < RERUN_VERDICTS; i++)
        if (is_difference((enum rerun_verdict)i))
            sum += counts[i];
    return sum;
}

/* What is written while the findings of one flow are told. */
struct telling {
    const struct rerun_report *report;
    uint64_t told;
};

static bool is_told(struct telling *telling,
                    const struct rerun_finding *finding)
{
    uint64_t limit = telling->report->limit;

    return is_difference(finding->verdict) &&
           (telling->told++ < limit || limit == 0);
}

/* ---- Text ---------------------------------------------------------------- */

static void print_sender(const struct telling *telling, const char *who,
                         const struct rerun_packet *packet)
{
    const struct rerun_report *report = telling->report;
    usec began = report->script->capture->began;
    char text[RERUN_PACKET_TEXT_MAX];

    fprintf(report->to, "    %-6s %.6f  %s", who, seconds(packet->time - began),
            rerun_packet_text(packet, text));
    if (packet->number != 0)
        fprintf(report->to, "  (frame %" PRIu64 ")", packet->number);
    fprintf(report->to, "\n");
}

static void print_finding(void *context, const struct rerun_finding *finding)
{
    struct telling *telling = context;
    char text[RERUN_DIFFERENCES_TEXT_MAX];
    FILE *to = telling->report->to;

    if (!is_told(telling, finding))
        return;
    fprintf(to, "  %s", rerun_verdict_text(finding->verdict));
    if (finding->differences & (unsigned)~DIFFERS_TIME)
        fprintf(to, ": %s", rerun_differences_text(finding->differences, text));
    if (finding->differences & DIFFERS_TIME)
        fprintf(to, ", by %+.3f ms",
                (double)(finding->stack->time - finding->host->time) / 1000);
    fprintf(to, "\n");
    if (finding->host != NULL)
        print_sender(telling, "host", finding->host);
    if (finding->stack != NULL)
        print_sender(telling, "stack", finding->stack);
}

static void print_counts(FILE *to, const uint64_t counts[static RERUN_VERDICTS])
{
    static const struct {
        enum rerun_verdict verdict;
        const char *text;
    } names[] = {{RERUN_MISSING, "missing"},
                 {RERUN_EXTRA, "extra"},
                 {RERUN_OTHER, "other"},
                 {RERUN_MOVED, "at another time"},
                 {RERUN_LATER, "after the end of the capture"}};

    fprintf(to, "%" PRIu64 " the same", counts[RERUN_SAME]);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (counts[names[i].verdict] > 0)
            fprintf(to, ", %" PRIu64 " %s", counts[names[i].verdict],
                    names[i].text);
    fprintf(to, "\n");
}

static void print_flow(const struct rerun_report *report,
                       const struct rerun_flow *flow,
                       const uint64_t counts[static RERUN_VERDICTS])
{
    struct telling telling = {.report = report};
    uint64_t again[RERUN_VERDICTS] = {0};
    char local[ENDPOINT_TEXT_MAX];
    char remote[ENDPOINT_TEXT_MAX];

    fprintf(report->to, "%-4s %s > %s: ", kind_text(flow->kind),
            end_text(&flow->local, local), end_text(&flow->remote, remote));
    print_counts(report->to, counts);
    if (flow->has_hole)
        fprintf(report->to, "  note: the capture lacks some of what the host "
                            "sent; the stack sends zeroes there\n");
    rerun_compare(flow, &report->judge, again, print_finding, &telling);
    if (report->limit > 0 && telling.told > report->limit)
        fprintf(report->to, "  and %" PRIu64 " more: --all\n",
                telling.told - report->limit);
}

static void print_note(FILE *to, uint64_t count, const char *text)
{
    if (count > 0)
        fprintf(to, "note: %" PRIu64 " %s\n", count, text);
}

static void print_notes(const struct rerun_report *report)
{
    const struct rerun_script *script = report->script;
    const struct rerun_capture *capture = script->capture;
    FILE *to = report->to;

    if (capture->is_damaged)
        fprintf(to, "note: the file is damaged, or ends amid a record\n");
    print_note(to, capture->without_time, "frames without a time: left out");
    print_note(to, capture->of_other_links,
               "frames of a link, or of a kind, that is not known: left out");
    print_note(to, capture->to_itself,
               "frames from the host to itself: left out");
    print_note(to, capture->cut,
               "frames cut by the capture: what lacks is zeroes, and not "
               "compared");
    print_note(to, capture->without_checksum,
               "frames taken before their checksum was filled in: not "
               "verified");
    print_note(to, script->midstream,
               "segments of connections that began before: left out");
    print_note(to, script->fragments,
               "fragments sent by the host: not compared");
    print_note(to, script->others,
               "packets sent by the host of other protocols: not compared");
    print_note(to, script->questions,
               "ARP requests for what the stack was given: not compared");
    print_note(to, script->held,
               "ACKs came for what the stack had not sent yet: cut back to "
               "what it had");
}

static uint64_t count_ours(const struct rerun_capture *capture)
{
    uint64_t count = 0;

    for (size_t i = 0; i < capture->count; i++)
        count += capture->records[i].is_ours;
    return count;
}

static void print_head(const struct rerun_report *report)
{
    const struct rerun_capture *capture = report->script->capture;
    uint64_t ours = count_ours(capture);
    char addr[IP_ADDR_TEXT_MAX];

    fprintf(report->to,
            "%s: %zu frames in %.6f s, %" PRIu64 " of them sent by %s\n",
            report->path, capture->count,
            seconds(capture->ended - capture->began), ours,
            ip_addr_text(&capture->addr, addr));
    print_notes(report);
}

static void print_sum(const struct rerun_report *report,
                      const uint64_t counts[static RERUN_VERDICTS])
{
    fprintf(report->to,
            "%s: ", differences_in(counts) > 0 ? "it differs" : "the same");
    print_counts(report->to, counts);
}

/* ---- JSON ---------------------------------------------------------------- */

static void print_json_sender(const struct telling *telling, const char *who,
                              const struct rerun_packet *packet)
{
    usec began = telling->report->script->capture->began;
    char text[RERUN_PACKET_TEXT_MAX];
    FILE *to = telling->report->to;

    fprintf(to, ",\"%s\":{\"time\":%.6f,\"packet\":", who,
            seconds(packet->time - began));
    json_print_text(to, rerun_packet_text(packet, text));
    if (packet->number != 0)
        fprintf(to, ",\"frame\":%" PRIu64, packet->number);
    fputc('}', to);
}

static void print_json_finding(void *context,
                               const struct rerun_finding *finding)
{
    struct telling *telling = context;
    FILE *to = telling->report->to;
    char text[RERUN_DIFFERENCES_TEXT_MAX];
    bool is_first = telling->told == 0;

    if (!is_told(telling, finding))
        return;
    fprintf(to, "%s\n    {\"verdict\":\"%s\",\"differs\":\"%s\"",
            is_first ? "" : ",", rerun_verdict_text(finding->verdict),
            rerun_differences_text(finding->differences, text));
    if (finding->host != NULL)
        print_json_sender(telling, "host", finding->host);
    if (finding->stack != NULL)
        print_json_sender(telling, "stack", finding->stack);
    fputc('}', to);
}

static void print_json_counts(FILE *to,
                              const uint64_t counts[static RERUN_VERDICTS])
{
    for (int i = 0; i < RERUN_VERDICTS; i++)
        fprintf(to, "\"%s\":%" PRIu64 ",",
                rerun_verdict_text((enum rerun_verdict)i), counts[i]);
}

static void print_json_flow(const struct rerun_report *report,
                            const struct rerun_flow *flow,
                            const uint64_t counts[static RERUN_VERDICTS])
{
    struct telling telling = {.report = report};
    uint64_t again[RERUN_VERDICTS] = {0};
    char text[ENDPOINT_TEXT_MAX];
    FILE *to = report->to;

    fprintf(to, "\n  {\"kind\":\"%s\",\"local\":\"%s\",", kind_text(flow->kind),
            end_text(&flow->local, text));
    fprintf(to, "\"remote\":\"%s\",", end_text(&flow->remote, text));
    print_json_counts(to, counts);
    fprintf(to, "\"differences\":[");
    rerun_compare(flow, &report->judge, again, print_json_finding, &telling);
    fprintf(to, "]}");
}

static void print_json_head(const struct rerun_report *report)
{
    const struct rerun_script *script = report->script;
    const struct rerun_capture *capture = script->capture;
    char addr[IP_ADDR_TEXT_MAX];
    FILE *to = report->to;

    fprintf(to, "{\"file\":");
    json_print_text(to, report->path);
    fprintf(
        to,
        ",\"addr\":\"%s\",\"frames\":%zu,\"sent_by_host\":%" PRIu64
        ",\"seconds\":%.6f,\n\"damaged\":%s,\"left_out\":%" PRIu64
        ",\"midstream\":%" PRIu64 ",\"cut\":%" PRIu64
        ",\"without_checksum\":%" PRIu64 ",\"held_acks\":%" PRIu64
        ",\"not_compared\":%" PRIu64 ",\n\"flows\":[",
        ip_addr_text(&capture->addr, addr), capture->count, count_ours(capture),
        seconds(capture->ended - capture->began),
        capture->is_damaged ? "true" : "false",
        capture->without_time + capture->of_other_links + capture->to_itself,
        script->midstream, capture->cut, capture->without_checksum,
        script->held, script->fragments + script->others + script->questions);
}

static void print_json_sum(const struct rerun_report *report,
                           const uint64_t counts[static RERUN_VERDICTS])
{
    fprintf(report->to, "],\n");
    print_json_counts(report->to, counts);
    fprintf(report->to, "\"result\":\"%s\"}\n",
            differences_in(counts) > 0 ? "differs" : "same");
}

/* ---- Both ---------------------------------------------------------------- */

bool rerun_report(const struct rerun_report *report)
{
    uint64_t sum[RERUN_VERDICTS] = {0};
    bool is_first = true;

    if (report->is_json)
        print_json_head(report);
    else
        print_head(report);
    for (const struct rerun_flow *flow = report->script->first; flow != NULL;
         flow = flow->next) {
        uint64_t counts[RERUN_VERDICTS] = {0};

        if (flow->sent[RERUN_HOST].count + flow->sent[RERUN_STACK].count == 0)
            continue;
        rerun_compare(flow, &report->judge, counts, NULL, NULL);
        for (int i = 0; i < RERUN_VERDICTS; i++)
            sum[i] += counts[i];
        if (report->is_json && !is_first)
            fputc(',', report->to);
        is_first = false;
        if (report->is_json)
            print_json_flow(report, flow, counts);
        else
            print_flow(report, flow, counts);
    }
    if (report->is_json)
        print_json_sum(report, sum);
    else
        print_sum(report, sum);
    return differences_in(sum) > 0;
}
