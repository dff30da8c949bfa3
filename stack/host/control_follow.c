/*
 * The request "trace [WHAT]", lines as --trace writes them, and what it shares
 * with "capture" (control_capture.c).
 */
#include "host/control_follow.h"

#include "host/trace_json.h"

#include <errno.h>

enum { REST_OF_OUT = 4096 /* kept free for what ends the answer */ };

struct control_client *control_follower(struct trace_listener *listener)
{
    return container_of(listener, struct control_client, listener);
}

size_t control_follow_room(const struct control_client *client)
{
    size_t room = CONTROL_OUT - client->out_to;

    return room > REST_OF_OUT ? room - REST_OF_OUT : 0;
}

void control_follow_put(struct control_client *client, const void *data,
                        size_t len)
{
    if (len > control_follow_room(client)) {
        client->missed++;
        return;
    }
    memcpy(client->out + client->out_to, data, len);
    client->out_to += len;
}

void control_follow_begin(struct control_client *client,
                          const struct trace_listener *listener)
{
    client->listener = *listener;
    client->is_following = true;
    the_host.control.followed++;
    stack_attach_listener(client->stack, &client->listener);
}

void control_follow_stop(struct control_client *client)
{
    if (!client->is_following)
        return;
    client->is_following = false;
    the_host.control.followed--;
    stack_detach_listener(client->stack, &client->listener);
}

/* ---- trace --------------------------------------------------------------- */

/* What this pass has written goes at once, as far as it is taken. */
static void pass_over(struct trace_listener *listener)
{
    control_client_push(control_follower(listener));
}

/* Once there is room again. */
static void tell_missed(struct control_client *client)
{
    char text[64];
    int len;

    if (client->missed == 0 || control_follow_room(client) < CONTROL_OUT / 2)
        return;
    len = snprintf(text, sizeof(text), "{\"missed\":%llu}\n",
                   (unsigned long long)client->missed);
    client->missed = 0;
    control_follow_put(client, text, (size_t)len);
}

static void trace_event(struct trace_listener *listener,
                        const struct trace_event *event)
{
    struct control_client *client = control_follower(listener);
    struct line line;

    if (!trace_filter_wants(&client->filter, event))
        return;
    tell_missed(client);
    line_clear(&line);
    if (client->filter.is_json)
        trace_json_line(event, &line);
    else
        trace_text_line(event, &line);
    control_follow_put(client, line.text, line.len);
}

static int begin_trace(struct control_client *client,
                       const struct control_words *words)
{
    char mistake[TRACE_WORD_MAX];
    const char *what = words->count > 1 ? words->word[1] : "";

    if (words->count > 2 ||
        trace_filter_parse(what, &client->filter, mistake) < 0) {
        client->why = "no such filter";
        return -EINVAL;
    }
    control_follow_begin(client, &(struct trace_listener){
                                     .event = trace_event,
                                     .pass_over = pass_over,
                                 });
    return 0;
}

const struct control_request control_trace_request = {
    .name = "trace",
    .begin = begin_trace,
    .stop = control_follow_stop,
};
