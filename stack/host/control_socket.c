/*
 * The control socket: who may come, what waits, whose turn it is. What is asked
 * and answered is in control_request.c and beside it.
 */
#define _GNU_SOURCE /* accept4, struct ucred */
#include "host/control_socket.h"

#include "host/control_client.h"
#include "host/control_place.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 32, /* of one stack */
    BACKLOG = 32,
    GROUPS_MAX = 256 /* of a client, that are looked at */
};

/* Asked for so long at most in one go, then the others have their turn. */
static const usec turn_time = 150;
/* With no descriptor left for another client, none is let in for so long: who
 * waits at the door would make each ppoll return at once. */
static const usec closed_time = USEC_PER_SEC;
/* A reader that has read nothing for so long gives way to others. */
static const usec patience = USEC_PER_SEC;

struct control_server {
    struct control_end end;
    struct tapir_stack *stack;
    struct list clients;
    unsigned client_count;
    uid_t owner;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static struct control_hub *hub(void)
{
    return &the_host.control;
}

/* ---- Ends --------------------------------------------------------------- */

static void end_add(struct control_end *end, int fd, short events,
                    void (*serve)(struct control_end *end))
{
    *end = (struct control_end){.fd = fd, .events = events, .serve = serve};
    host_own_fd(fd);
    list_init(&end->node);
    list_append(&hub()->ends, &end->node);
    hub()->count++;
}

static void end_remove(struct control_end *end)
{
    list_remove(&end->node);
    hub()->count--;
    host_disown_fd(end->fd);
    close(end->fd);
}

static struct control_end *end_of(struct list *node)
{
    return container_of(node, struct control_end, node);
}

static void make_ready(struct control_end *end)
{
    end->is_ready = true;
    hub()->has_ready = true;
}

/* ---- A client ----------------------------------------------------------- */

static struct control_client *client_of(struct control_end *end)
{
    return container_of(end, struct control_client, end);
}

static void stop_request(struct control_client *client)
{
    if (client->request != NULL && client->request->stop != NULL)
        client->request->stop(client);
}

/* It is told the last of what it follows. */
static void finish_request(struct control_client *client)
{
    if (client->is_following && client->request->finish != NULL)
        client->request->finish(client);
}

static void client_close(struct control_client *client)
{
    stop_request(client);
    client->stack->control->client_count--;
    hub()->clients--;
    list_remove(&client->node);
    end_remove(&client->end);
    free(client);
}

static void make_room_behind(struct control_client *client)
{
    if (client->out_from < CONTROL_OUT / 2)
        return;
    client->out_to -= client->out_from;
    memmove(client->out, client->out + client->out_from, client->out_to);
    client->out_from = 0;
}

/* 0: all is sent, or nothing more can be now; negative: it is gone. */
static int client_send(struct control_client *client)
{
    while (client->out_from < client->out_to) {
        ssize_t sent = send(client->end.fd, client->out + client->out_from,
                            client->out_to - client->out_from,
                            MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno == EAGAIN) {
            client->is_stuck = true;
            make_room_behind(client);
            return 0;
        }
        if (sent < 0)
            return -errno;
        client->is_stuck = false;
        client->active_at = host_clock();
        client->out_from += (size_t)sent;
    }
    client->out_from = client->out_to = 0;
    return 0;
}

static void begin_line(struct control_client *client, struct json *json)
{
    json_begin(json, client->out + client->out_to,
               CONTROL_OUT - client->out_to);
}

static void end_answer(struct control_client *client, const char *key,
                       const char *text)
{
    struct json json;

    client->request = NULL; /* `text` may be its name, which is static */
    begin_line(client, &json);
    json_text(&json, key, text);
    client->out_to += json_end(&json);
}

static bool has_room(const struct control_client *client)
{
    return CONTROL_OUT - client->out_to >= 2 * CONTROL_ANSWER_MAX;
}

/* The next part of the answer. */
static void go_on(struct control_client *client)
{
    const char *name = client->request->name;
    int r = client->request->next == NULL ? -ENOENT : 1;

    for (int i = 0; i < CONTROL_LINES_OF_A_TURN && r >= 0 && has_room(client);
         i++) {
        struct json json;

        begin_line(client, &json);
        r = client->request->next(client, &json);
        if (r > 0)
            client->out_to += json_end(&json);
    }
    if (r == -ENOENT)
        end_answer(client, "end", name);
    else if (r < 0)
        end_answer(client, "error", strerror(-r));
}

static struct control_words split(char *line)
{
    struct control_words words = {0};
    char *rest;

    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (words.count == CONTROL_WORDS_MAX)
            return (struct control_words){0};
        words.word[words.count++] = word;
    }
    return words;
}

static void begin_request(struct control_client *client, char *line)
{
    struct control_words words = split(line);
    const struct control_request *request =
        words.count == 0 ? NULL : control_request_find(words.word[0]);
    int r = 0;

    hub()->requests++;
    client->cursor = (struct control_cursor){0};
    client->why = NULL;
    client->request = request;
    if (request == NULL)
        end_answer(client, "error", "no such request");
    else if (request->begin != NULL)
        r = request->begin(client, &words);
    if (r < 0)
        end_answer(client, "error",
                   client->why != NULL ? client->why : strerror(-r));
}

/* Whether a whole line was there. */
static bool take_line(struct control_client *client)
{
    char *newline = memchr(client->line, '\n', client->line_len);
    char line[CONTROL_LINE_MAX];
    size_t len;

    if (newline == NULL)
        return false;
    len = (size_t)(newline - client->line);
    memcpy(line, client->line, len);
    line[len] = '\0';
    client->line_len -= len + 1;
    memmove(client->line, newline + 1, client->line_len);
    begin_request(client, line);
    return true;
}

/* 1: there may be a line now; 0: not yet; negative: it is gone. */
static int client_read(struct control_client *client)
{
    size_t room = CONTROL_LINE_MAX - client->line_len;
    ssize_t got = recv(client->end.fd, client->line + client->line_len, room,
                       MSG_DONTWAIT);

    if (got < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (got == 0)
        return -EPIPE;
    client->active_at = host_clock();
    client->line_len += (size_t)got;
    if (client->line_len == CONTROL_LINE_MAX &&
        memchr(client->line, '\n', CONTROL_LINE_MAX) == NULL)
        return -E2BIG;
    return 1;
}

/* Whatever it says ends what it follows. */
static int following_turn(struct control_client *client)
{
    int r = client_send(client);

    if (r == 0)
        r = client_read(client);
    if (r <= 0 || memchr(client->line, '\n', client->line_len) == NULL)
        return r;
    finish_request(client);
    stop_request(client);
    client->line_len = 0;
    end_answer(client, "end", client->request->name);
    return client_send(client);
}

/* One turn: a negative result ends the client. */
static int client_turn(struct control_client *client)
{
    int r = client_send(client);

    if (r < 0 || client->out_to > 0)
        return r;
    if (client->request == NULL && !take_line(client)) {
        r = client_read(client);
        if (r <= 0 || !take_line(client))
            return r;
    }
    if (client->request != NULL && !client->is_following)
        go_on(client);
    return client_send(client);
}

static bool has_more_to_do(const struct control_client *client)
{
    return client->out_to > 0 || client->request != NULL ||
           memchr(client->line, '\n', client->line_len) != NULL;
}

static void choose_events(struct control_client *client)
{
    short out = client->out_to > 0 ? POLLOUT : 0;

    if (client->is_following)
        client->end.events = (short)(POLLIN | out);
    else
        client->end.events = has_more_to_do(client) ? POLLOUT : POLLIN;
}

static void client_serve(struct control_end *end)
{
    struct control_client *client = client_of(end);

    int r = client->is_following ? following_turn(client) : client_turn(client);

    if (r < 0)
        client_close(client);
    else
        choose_events(client);
}

void control_client_push(struct control_client *client)
{
    if (client->out_to == 0)
        return;
    if (client_send(client) < 0)
        make_ready(&client->end); /* its turn will end it */
    choose_events(client);
}

/* ---- Who may come ------------------------------------------------------- */

static bool is_in_group(int fd, gid_t primary, gid_t group)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof(groups);

    if (primary == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
        return false;
    for (size_t i = 0; i < len / sizeof(*groups); i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* The file's mode has said it already; this does not depend on the directory.
 */
static bool may_ask(const struct control_server *control, int fd)
{
    const struct control_setting *setting = &control->stack->control_setting;
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return false;
    return peer.uid == 0 || peer.uid == control->owner ||
           (setting->has_group && is_in_group(fd, peer.gid, setting->group));
}

/* First whoever does not read, then who does not ask. */
static bool goes_before(const struct control_client *client,
                        const struct control_client *other)
{
    if (other == NULL || client->is_stuck != other->is_stuck)
        return other == NULL || client->is_stuck;
    return client->active_at < other->active_at;
}

/* Who has neither read nor asked for longest gives way, if it is a while. */
static void make_room(struct control_server *control)
{
    struct control_client *slowest = NULL;

    for (struct list *node = control->clients.next; node != &control->clients;
         node = node->next) {
        struct control_client *client =
            container_of(node, struct control_client, node);
        bool may_go = client->is_stuck || client->request == NULL;

        if (may_go && host_clock() - client->active_at > patience &&
            goes_before(client, slowest))
            slowest = client;
    }
    if (slowest != NULL)
        client_close(slowest);
}

static void add_client(struct control_server *control, int fd)
{
    struct control_client *client = malloc(sizeof(*client));

    if (client == NULL) {
        close(fd);
        return;
    }
    memset(client, 0, offsetof(struct control_client, line));
    client->stack = control->stack;
    client->active_at = host_clock();
    list_init(&client->node);
    list_append(&control->clients, &client->node);
    control->client_count++;
    hub()->clients++;
    end_add(&client->end, fd, POLLIN, client_serve);
}

/* One, if there is one; the next time the next. */
static void listener_serve(struct control_end *end)
{
    struct control_server *control =
        container_of(end, struct control_server, end);
    int fd = accept4(end->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
            errno == ENOMEM)
            hub()->closed_until = host_now() + closed_time;
        return;
    }
    if (control->client_count >= CLIENTS_MAX)
        make_room(control);
    if (control->client_count < CLIENTS_MAX && may_ask(control, fd))
        add_client(control, fd);
    else
        close(fd);
}

/* ---- Opening and closing ------------------------------------------------ */

static int set_owner(const struct control_server *control, const char *path)
{
    const struct control_setting *setting = &control->stack->control_setting;

    if (!setting->has_group)
        return chmod(path, 0600);
    if (chown(path, (uid_t)-1, setting->group) < 0)
        return -1;
    return chmod(path, 0660);
}

/* Nobody gets in before it listens, and then its mode is right. Until then it
 * has another name: whoever finds a socket that does not listen takes it for a
 * dead one's, and away. The name may be of a process that had our number. */
static int listen_at(const struct control_server *control)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int len =
        snprintf(name.sun_path, sizeof(name.sun_path), "%s-", control->path);

    if (fd < 0)
        return -errno;
    if (len < (int)sizeof(name.sun_path)) {
        unlink(name.sun_path);
        if (bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0) {
            if (set_owner(control, name.sun_path) == 0 &&
                listen(fd, BACKLOG) == 0 &&
                rename(name.sun_path, control->path) == 0)
                return fd;
            unlink(name.sun_path);
        }
    }
    close(fd);
    return -ENOENT;
}

/* In the first directory that will have it. */
static int listen_anywhere(struct control_server *control)
{
    bool is_shared = control->stack->control_setting.has_group;
    char place[TAPIR_TEXT_MAX];
    int fd = -ENOENT;
    int r = 0;

    for (unsigned i = 0; fd < 0 && r != -ENOENT; i++) {
        r = control_place_make(i, is_shared, place);
        if (r < 0)
            continue;
        r = snprintf(control->path, sizeof(control->path), "%s/%llu.%d.%u",
                     place, (unsigned long long)control_place_network(),
                     (int)getpid(), control->stack->number);
        if (r < (int)sizeof(control->path))
            fd = listen_at(control);
    }
    return fd;
}

void control_open(struct tapir_stack *stack)
{
    struct control_server *control;
    int fd;

    if (stack->control_setting.is_off || stack->control != NULL)
        return;
    control = calloc(1, sizeof(*control));
    if (control == NULL)
        return;
    control->stack = stack;
    control->owner = geteuid();
    list_init(&control->clients);
    fd = listen_anywhere(control);
    if (fd < 0) {
        free(control);
        return;
    }
    end_add(&control->end, fd, POLLIN, listener_serve);
    stack->control = control;
}

static void control_end(struct tapir_stack *stack)
{
    struct control_server *control = stack->control;

    while (!list_is_empty(&control->clients))
        client_close(
            container_of(control->clients.next, struct control_client, node));
    end_remove(&control->end);
    stack->control = NULL;
    free(control);
}

static void finish_requests(struct control_server *control)
{
    for (struct list *node = control->clients.next; node != &control->clients;
         node = node->next) {
        struct control_client *client =
            container_of(node, struct control_client, node);

        finish_request(client);
        control_client_push(client);
    }
}

void control_close(struct tapir_stack *stack)
{
    if (stack->control == NULL)
        return;
    finish_requests(stack->control);
    unlink(stack->control->path);
    control_end(stack);
}

void control_leave_to_parent(void)
{
    for (struct list *node = the_host.stacks.next; node != &the_host.stacks;
         node = node->next) {
        struct tapir_stack *stack =
            container_of(node, struct tapir_stack, node);

        if (stack->control != NULL)
            control_end(stack);
    }
}

void control_init(void)
{
    list_init(&hub()->ends);
}

/* ---- The setting -------------------------------------------------------- */

static int find_group(const char *name, gid_t *out)
{
    char room[4096];
    struct group entry;
    struct group *found;
    uint64_t number;

    if (number_parse(name, UINT32_MAX - 1, &number) == 0) {
        *out = (gid_t)number;
        return 0;
    }
    if (getgrnam_r(name, &entry, room, sizeof(room), &found) != 0 ||
        found == NULL)
        return -EINVAL;
    *out = found->gr_gid;
    return 0;
}

int control_setting_parse(const char *control, const char *group,
                          struct control_setting *out, char why[TAPIR_TEXT_MAX])
{
    *out = (struct control_setting){
        .is_off = strcmp(control, "off") == 0,
        .has_group = *group != '\0',
    };
    if (*control != '\0' && strcmp(control, "on") != 0 && !out->is_off) {
        snprintf(why, TAPIR_TEXT_MAX, "--control: '%.50s' is not on or off",
                 control);
        return -EINVAL;
    }
    if (!out->has_group || find_group(group, &out->group) == 0)
        return 0;
    snprintf(why, TAPIR_TEXT_MAX, "--control-group: there is no group '%.50s'",
             group);
    return -EINVAL;
}

/* ---- Turns -------------------------------------------------------------- */

static short events_of(const struct control_end *end)
{
    bool is_closed = hub()->closed_until != 0 && end->serve == listener_serve;

    return is_closed ? 0 : end->events;
}

void control_fill(struct pollfd *fds)
{
    for (struct list *node = hub()->ends.next; node != &hub()->ends;
         node = node->next)
        *fds++ = (struct pollfd){.fd = end_of(node)->fd,
                                 .events = events_of(end_of(node))};
}

/* Ends may have come and gone meanwhile: they are known by their fd. */
void control_mark(const struct pollfd *fds, nfds_t count, usec now)
{
    hub()->looked_at = now;
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents == 0)
            continue;
        for (struct list *node = hub()->ends.next; node != &hub()->ends;
             node = node->next)
            if (end_of(node)->fd == fds[i].fd)
                make_ready(end_of(node));
    }
}

enum { LOOK_AT_MOST = 64 };

static void look(usec now)
{
    struct pollfd fds[LOOK_AT_MOST];
    nfds_t count = hub()->count < LOOK_AT_MOST ? hub()->count : 0;

    hub()->looked_at = now;
    if (count == 0)
        return; /* so many are polled for by ppoll alone */
    control_fill(fds);
    if (poll(fds, count, 0) > 0)
        control_mark(fds, count, now);
}

/* Each that is ready has one turn, unless time is up; then it begins with the
 * next. */
/* Of the thread itself: without what it waits for a processor. */
static usec processor_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

static void serve_ready(void)
{
    usec began = host_clock();
    usec work_began = processor_time();
    usec held = 0;

    hub()->has_ready = false;
    for (nfds_t n = hub()->count; n > 0 && hub()->count > 0; n--) {
        struct control_end *end = end_of(hub()->ends.next);

        list_remove(&end->node);
        list_append(&hub()->ends, &end->node);
        if (!end->is_ready)
            continue;
        end->is_ready = false;
        end->serve(end);
        held = host_clock() - began;
        if (held > turn_time)
            break; /* the others are found ready again */
    }
    hub()->longest_hold = usec_max(hub()->longest_hold, held);
    hub()->longest_work =
        usec_max(hub()->longest_work, processor_time() - work_began);
}

void control_run(usec now)
{
    if (hub()->count == 0)
        return;
    if (hub()->closed_until <= now)
        hub()->closed_until = 0;
    if (!hub()->has_ready && now - hub()->looked_at >= CONTROL_LOOK_INTERVAL)
        look(now);
    if (hub()->has_ready)
        serve_ready();
}
