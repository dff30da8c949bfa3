/*
 * The members that are read are those of stack/host/trace_json.h. Sequence
 * numbers are relative there already. Where two stacks wrote one trace, the
 * segments are those of the one that spoke first: the other sees each of them
 * once more.
 */
#include "plot_trace.h"

#include "json_scan.h"

#include <errno.h>
#include <stdlib.h>

struct event {
    struct capture_tcp tcp; /* src is the end that traced */
    bool is_tcp;
    bool is_segment;
    bool is_in;
    struct plot_sample sample;
};

/* ---- Members ----------------------------------------------------------- */

/* Seconds with six decimals: "1.234567". */
static usec time_of(const struct json_scan_text *text)
{
    usec time = 0;

    for (size_t i = 0; i < text->len && i < 18; i++)
        if (text->at[i] >= '0' && text->at[i] <= '9')
            time = time * 10 + (text->at[i] - '0');
    return time;
}

static int take_address(const struct json_scan_text *text, struct ip_addr *out)
{
    char address[IP_ADDR_TEXT_MAX];

    if (text->len >= sizeof(address))
        return -EBADMSG;
    memcpy(address, text->at, text->len);
    address[text->len] = '\0';
    return ip_addr_parse(address, out);
}

static uint8_t flags_of(const struct json_scan_text *text)
{
    uint8_t flags = 0;

    for (unsigned bit = 0; bit < 8; bit++)
        if (memchr(text->at, capture_flag_letter(bit), text->len) != NULL)
            flags |= (uint8_t)(1 << bit);
    return flags;
}

/* [[from,to],...] */
static void take_sack(const struct json_scan_text *text,
                      struct capture_tcp *tcp)
{
    struct json_scan list;
    struct json_scan block;
    struct json_scan_text name;
    struct json_scan_text value;
    uint64_t edge[2];

    if (json_scan_begin(text->at, text->len, &list) < 0)
        return;
    while (tcp->sack_count < CAPTURE_SACK_MAX &&
           json_scan_next(&list, &name, &value) == 1) {
        if (json_scan_begin(value.at, value.len, &block) < 0)
            return;
        for (unsigned i = 0; i < 2; i++)
            if (json_scan_next(&block, &name, &value) != 1 ||
                json_scan_number(&value, &edge[i]) < 0)
                return;
        tcp->sack[tcp->sack_count][0] = (uint32_t)edge[0];
        tcp->sack[tcp->sack_count][1] = (uint32_t)edge[1];
        tcp->sack_count++;
    }
}

static void take_options(const struct json_scan_text *text,
                         struct capture_tcp *tcp)
{
    struct json_scan options;
    struct json_scan_text name;
    struct json_scan_text value;
    uint64_t number;

    if (json_scan_begin(text->at, text->len, &options) < 0)
        return;
    while (json_scan_next(&options, &name, &value) == 1) {
        if (json_scan_is(&name, "sack"))
            take_sack(&value, tcp);
        else if (json_scan_is(&name, "sack_ok"))
            tcp->sack_permitted = true;
        else if (json_scan_is(&name, "ts_val"))
            tcp->has_timestamp = true;
        else if (json_scan_number(&value, &number) < 0)
            continue;
        else if (json_scan_is(&name, "mss"))
            tcp->mss = (uint16_t)number;
        else if (json_scan_is(&name, "wscale"))
            tcp->wscale = number <= 14 ? (int)number : 14;
    }
}

/* Those whose values are numbers. */
static void take_number(const struct json_scan_text *name, uint64_t number,
                        struct event *event)
{
    struct capture_tcp *tcp = &event->tcp;
    struct plot_sample *sample = &event->sample;

    if (json_scan_is(name, "local_port"))
        tcp->src.port = (uint16_t)number;
    else if (json_scan_is(name, "remote_port"))
        tcp->dst.port = (uint16_t)number;
    else if (json_scan_is(name, "seq"))
        tcp->seq = (uint32_t)number;
    else if (json_scan_is(name, "ack"))
        tcp->ack = (uint32_t)number;
    else if (json_scan_is(name, "win"))
        tcp->wnd = (uint16_t)number;
    else if (json_scan_is(name, "bytes"))
        tcp->len = (uint32_t)number;
    else if (json_scan_is(name, "cwnd"))
        sample->cwnd = (int64_t)number;
    else if (json_scan_is(name, "ssthresh") && number > 0 && number < INT32_MAX)
        sample->ssthresh = (int64_t)number; /* else there was no loss yet */
    else if (json_scan_is(name, "srtt") && number > 0)
        sample->srtt = (int64_t)number;
}

/* -EBADMSG if it is none that is asked for here. */
static int take_member(const struct json_scan_text *name,
                       const struct json_scan_text *value, struct event *event)
{
    uint64_t number;
    int r = 0;

    if (json_scan_is(name, "layer"))
        event->is_tcp = json_scan_is(value, "tcp");
    else if (json_scan_is(name, "event"))
        event->is_segment = json_scan_is(value, "segment");
    else if (json_scan_is(name, "direction"))
        event->is_in = json_scan_is(value, "in");
    else if (json_scan_is(name, "time"))
        event->sample.time = time_of(value);
    else if (json_scan_is(name, "local"))
        r = take_address(value, &event->tcp.src.addr);
    else if (json_scan_is(name, "remote"))
        r = take_address(value, &event->tcp.dst.addr);
    else if (json_scan_is(name, "flags"))
        event->tcp.flags = flags_of(value);
    else if (json_scan_is(name, "options"))
        take_options(value, &event->tcp);
    else if (json_scan_number(value, &number) == 0)
        take_number(name, number, event);
    return r < 0 ? -EBADMSG : 0;
}

static int parse(const char *line, size_t len, struct event *event)
{
    struct json_scan_text name;
    struct json_scan_text value;
    struct json_scan json;
    int r;

    *event = (struct event){.tcp.wscale = -1,
                            .sample = {.cwnd = -1, .ssthresh = -1, .srtt = -1}};
    if (len == 0 || *line != '{' || json_scan_begin(line, len, &json) < 0)
        return -EBADMSG;
    while ((r = json_scan_next(&json, &name, &value)) == 1)
        if (take_member(&name, &value, event) < 0)
            return -EBADMSG;
    return event->is_tcp ? r : -EBADMSG;
}

/* ---- Events ------------------------------------------------------------ */

static void turn(struct capture_tcp *tcp)
{
    struct endpoint src = tcp->src;

    tcp->src = tcp->dst;
    tcp->dst = src;
}

/* Whether this end's view of the connection is the one that is drawn. */
static bool is_observer(struct plot_connection *connection,
                        const struct endpoint *local)
{
    if (connection == NULL)
        return true;
    return endpoint_equal(&connection->observer, local);
}

static int take_segment(struct plot_capture *capture, uint64_t number,
                        struct event *event)
{
    struct endpoint local = event->tcp.src;
    struct plot_connection *connection;

    if (event->is_in)
        turn(&event->tcp);
    connection = plot_capture_find(capture, &event->tcp);
    if (!is_observer(connection, &local))
        return 0;
    int r = plot_capture_add(capture, event->sample.time, number, &event->tcp,
                             &connection);
    if (r == 0 && connection != NULL)
        connection->observer = local;
    return r;
}

static bool is_end(const struct plot_connection *connection, unsigned end,
                   const struct endpoint *local)
{
    return endpoint_equal(&connection->end[end].endpoint, local);
}

int plot_trace_line(struct plot_capture *capture, uint64_t number,
                    const char *line, size_t len)
{
    struct plot_connection *connection;
    struct event event;
    int r = 0;

    if (parse(line, len, &event) < 0)
        return 0;

    struct endpoint local = event.tcp.src;
    struct capture_tcp tcp = event.tcp;
    if (event.is_segment)
        r = take_segment(capture, number, &event);
    tcp.flags = 0; /* it begins no connection */
    connection = plot_capture_find(capture, &tcp);
    if (r == 0 && connection != NULL && event.sample.cwnd >= 0) {
        event.sample.from = !is_end(connection, 0, &local);
        r = plot_connection_add_sample(connection, &event.sample);
    }
    return r < 0 ? r : 1;
}

/* ---- Comments ---------------------------------------------------------- */

/* The number after a word; -1 if it is not there. `decimals` more digits are
 * taken in, past a point. */
static int64_t number_after(const char *text, const char *word,
                            unsigned decimals)
{
    const char *at = strstr(text, word);
    char *end;

    if (at == NULL)
        return -1;
    int64_t number = strtol(at + strlen(word), &end, 10);
    if (number < 0 || number > UINT32_MAX)
        return -1;
    if (*end == '.')
        end++;
    for (unsigned i = 0; i < decimals; i++)
        number = number * 10 + (*end >= '0' && *end <= '9' ? *end++ - '0' : 0);
    return number;
}

int plot_trace_comment(struct plot_connection *connection, unsigned end,
                       usec time, const char *comment)
{
    const char *last = comment;
    const char *next;

    /* The later lines are about what followed. */
    while ((next = strstr(last + 1, "cwnd ")) != NULL)
        last = next;

    struct plot_sample sample = {
        .time = time,
        .from = (uint8_t)end,
        .cwnd = number_after(last, "cwnd ", 0),
        .ssthresh = number_after(last, "ssthresh ", 0),
        .srtt = number_after(last, "rtt ", 3),
    };
    if (sample.ssthresh == 0) /* a connection that is half open has none */
        sample.ssthresh = -1;
    return sample.cwnd >= 0 ? plot_connection_add_sample(connection, &sample)
                            : 0;
}
