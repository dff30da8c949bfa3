/*
 * What was said, as tcpdump prints it, for the reader of a failure.
 */
#include "tests/tcp/conversation_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_SHOWN = 3500 }; /* a message of Check has about 4,000 bytes */

void print_flags(FILE *to, unsigned flags)
{
    static const char letters[] = "FSRP.UEW";

    for (unsigned i = 0; i < 8; i++)
        if ((flags & 1u << i) != 0)
            fputc(letters[i], to);
    if (flags == 0)
        fputs("none", to);
}

/* The ECN field of the packet, as `tcpdump -v` has it. */
void print_ecn(FILE *to, unsigned ecn)
{
    static const char *const names[] = {"", " ECT(1)", " ECT(0)", " CE"};

    fputs(names[ecn], to);
}

static void print_options(FILE *to, const struct segment_options *options,
                          uint32_t ack_base)
{
    if (options->mss >= 0)
        fprintf(to, " mss %d", options->mss);
    if (options->wscale >= 0)
        fprintf(to, " wscale %d", options->wscale);
    if (options->has_timestamps)
        fprintf(to, " TS val %u ecr %u", options->ts_val, options->ts_ecr);
    if (options->sack_permitted)
        fputs(" sackOK", to);
    for (unsigned i = 0; i < options->sack_count; i++)
        fprintf(to, "%s{%d:%d}", i == 0 ? " sack " : "",
                (int32_t)(options->sacks[i].from - ack_base),
                (int32_t)(options->sacks[i].to - ack_base));
}

/* As tcpdump, with the numbers relative to `seq_base` and `ack_base`. */
void print_segment(FILE *to, const struct segment *segment, uint32_t seq_base,
                   uint32_t ack_base)
{
    int32_t seq = (int32_t)(segment->seq - seq_base);

    print_flags(to, segment->flags);
    print_ecn(to, segment_ecn(segment));
    fprintf(to, " %d:%ld(%zu)", seq, (long)seq + (long)segment->len,
            segment->len);
    if ((segment->flags & ACK) != 0)
        fprintf(to, " ack %d", (int32_t)(segment->ack - ack_base));
    fprintf(to, " win %u", segment->window);
    if (segment->urgent != 0)
        fprintf(to, " urg %u", segment->urgent);
    print_options(to, &segment->options, ack_base);
}

static void log_line(struct conversation *c, const char *who)
{
    fprintf(c->log, "%5d %10.3f %s ", c->line,
            (double)(c->now - start_of_time) / 1000, who);
}

void log_event(struct conversation *c, const char *format, ...)
{
    va_list args;

    log_line(c, "-");
    va_start(args, format);
    vfprintf(c->log, format, args);
    va_end(args);
    fputc('\n', c->log);
}

void log_segment(struct conversation *c, const struct peer *peer,
                 const char *who, const struct segment *segment, bool from_peer)
{
    log_line(c, who);
    if (peer->port != PEER_PORT)
        fprintf(c->log, "[%u] ", peer->port);
    print_segment(c->log, segment, from_peer ? peer->iss : peer->stack_iss,
                  from_peer ? peer->stack_iss : peer->iss);
    fputc('\n', c->log);
}

/* As much of its end as a message of Check holds, in whole lines. */
static const char *log_tail(const struct conversation *c)
{
    if (c->log_size <= LOG_SHOWN)
        return c->log_text;
    return strchr(c->log_text + c->log_size - LOG_SHOWN, '\n') + 1;
}

void conversation_fail(struct conversation *c, const char *format, ...)
{
    va_list args;

    fprintf(c->log, "%s:%d: ", c->file, c->line);
    va_start(args, format);
    vfprintf(c->log, format, args);
    va_end(args);
    fflush(c->log);
    ck_abort_msg("the conversation (line, msec, segment):\n%s", log_tail(c));
    abort(); /* not reached; Check does not say so */
}
