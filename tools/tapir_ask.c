#define _GNU_SOURCE /* asprintf */
#include "tapir_ask.h"

#include "tapir.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, STACKS_MAX = 4096 };

/* Whoever does not say who it is within this time is stopped. */
static const struct timeval patience = {.tv_sec = 1};

const char ask_help[] =
    "  --pid PID      the stack of this process\n"
    "  --stack NAME   the one on this device, of this program, with this\n"
    "                 address, or number; without both the only one there is\n"
    "  --json         JSON, an array of objects\n";

/* ---- Options ------------------------------------------------------------- */

static int complain(const char *command, const char *what, const char *why)
{
    fprintf(stderr, "tapir %s: %s%s%s\n", command, what,
            *why != '\0' ? ": " : "", why);
    return -EINVAL;
}

/* What follows "--pid=", or stands in the next word. NULL: nothing does. */
static const char *value_of(int argc, char **argv, int *i, size_t name_len)
{
    if (argv[*i][name_len] == '=')
        return argv[*i] + name_len + 1;
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool is_option(const char *argument, const char *name)
{
    size_t len = strlen(name);

    return strncmp(argument, name, len) == 0 &&
           (argument[len] == '\0' || argument[len] == '=');
}

int ask_take_option(struct ask_options *options, int argc, char **argv, int *i)
{
    const char *value;
    char *end;

    if (strcmp(argv[*i], "--json") == 0) {
        options->json = true;
        return 1;
    }
    if (is_option(argv[*i], "--stack")) {
        options->stack = value_of(argc, argv, i, strlen("--stack"));
        return options->stack == NULL
                   ? complain(options->command, "--stack wants a name", "")
                   : 1;
    }
    if (!is_option(argv[*i], "--pid"))
        return 0;
    value = value_of(argc, argv, i, strlen("--pid"));
    options->pid = value == NULL ? 0 : strtol(value, &end, 10);
    if (options->pid <= 0 || *end != '\0')
        return complain(options->command, "--pid wants a number", "");
    return 1;
}

/* ---- A conversation ------------------------------------------------------ */

static int connect_to(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0)
        return -errno;
    if (strlen(path) >= sizeof(name.sun_path)) {
        close(fd);
        return -ENAMETOOLONG;
    }
    strcpy(name.sun_path, path);
    /* Its backlog may be full, while it is stopped. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}

static int begin(struct ask *ask, const char *path)
{
    int fd = connect_to(path);

    if (fd < 0)
        return fd;
    *ask = (struct ask){.fd = fd, .from = fdopen(fd, "r")};
    if (ask->from != NULL)
        return 0;
    close(fd);
    return -ENOMEM;
}

void ask_close(struct ask *ask)
{
    fclose(ask->from);
    free(ask->line);
}

static bool send_text(struct ask *ask, const char *text)
{
    size_t len = strlen(text);

    return send(ask->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

bool ask_send(struct ask *ask, const char *format, ...)
{
    va_list arguments;
    char *text;
    bool is_sent;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    is_sent = text != NULL && send_text(ask, text) && send_text(ask, "\n");
    free(text);
    if (!is_sent)
        complain(ask->command, "the stack does not listen any more", "");
    return is_sent;
}

static char *read_line(struct ask *ask)
{
    ssize_t len = getline(&ask->line, &ask->room, ask->from);

    if (len <= 0 || ask->line[len - 1] != '\n')
        return NULL;
    ask->line[len - 1] = '\0';
    return ask->line;
}

/* {"end":"..."} or {"error":"..."}: no other line begins so. */
static bool begins_with(const char *line, const char *key)
{
    return strncmp(line, "{\"", 2) == 0 &&
           strncmp(line + 2, key, strlen(key)) == 0 &&
           line[2 + strlen(key)] == '"';
}

char *ask_next(struct ask *ask, int *status)
{
    char *line = read_line(ask);
    struct json_line parsed;

    if (line == NULL) {
        complain(ask->command, "the stack has ended, or let us go", "");
        *status = EXIT_FAILURE;
        return NULL;
    }
    if (begins_with(line, "end"))
        return NULL;
    if (!begins_with(line, "error"))
        return line;
    *status = EXIT_FAILURE;
    if (json_line_parse(line, &parsed))
        complain(ask->command, json_line_text(&parsed, "error"), "");
    return NULL;
}

void ask_read_bytes(struct ask *ask)
{
    setvbuf(ask->from, NULL, _IONBF, 0);
}

size_t ask_read(struct ask *ask, char *to, size_t room)
{
    ssize_t got = read(ask->fd, to, room);

    return got > 0 ? (size_t)got : 0;
}

int ask_print_json(struct ask *ask)
{
    const char *before = "[\n";
    int status = EXIT_SUCCESS;
    const char *line;

    while ((line = ask_next(ask, &status)) != NULL) {
        fputs(before, stdout);
        fputs(line, stdout);
        before = ",\n";
    }
    puts(*before == '[' ? "[]" : "\n]");
    return status;
}

/* ---- Finding ------------------------------------------------------------- */

static void copy_text(char to[ASK_TEXT_MAX], const char *from)
{
    snprintf(to, ASK_TEXT_MAX, "%s", from == NULL ? "" : from);
}

static uint64_t own_network(void)
{
    struct stat is;

    return stat("/proc/self/ns/net", &is) < 0 ? 0 : is.st_ino;
}

/* "4026531840.1234.0" */
static bool parse_name(const char *name, struct ask_stack *out)
{
    unsigned long long netns;
    char rest;

    if (sscanf(name, "%llu.%ld.%u%c", &netns, &out->pid, &out->number, &rest) !=
        3)
        return false;
    out->netns = netns;
    out->is_here = netns == own_network();
    return true;
}

static bool introduce(struct ask *ask, struct ask_stack *out)
{
    struct json_line said;
    char *line;

    setsockopt(ask->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (!send_text(ask, "stack\n") || (line = read_line(ask)) == NULL ||
        !json_line_parse(line, &said))
        return false;
    copy_text(out->program, json_line_text(&said, "program"));
    copy_text(out->name, json_line_text(&said, "name"));
    copy_text(out->addr, json_line_text(&said, "addr"));
    return read_line(ask) != NULL; /* the end */
}

/* False: there is none behind it any more. */
static bool meet(struct ask_stack *stack)
{
    struct ask ask;
    int r = begin(&ask, stack->path);

    if (r == -ECONNREFUSED)
        unlink(stack->path); /* its process is dead; may fail */
    if (r == -ECONNREFUSED || r == -ENOENT)
        return false;
    stack->is_refused = r < 0 && r != -EAGAIN;
    stack->is_silent = r == -EAGAIN;
    if (r < 0)
        return true;
    stack->is_silent = !introduce(&ask, stack);
    ask_close(&ask);
    return true;
}

struct stacks {
    struct ask_stack *list;
    int count;
};

static int add(struct stacks *stacks, const struct ask_stack *stack)
{
    struct ask_stack *list;

    if (stacks->count == STACKS_MAX)
        return -ENOBUFS;
    list = realloc(stacks->list,
                   (size_t)(stacks->count + 1) * sizeof(*stacks->list));
    if (list == NULL)
        return -ENOMEM;
    stacks->list = list;
    list[stacks->count++] = *stack;
    return 0;
}

/* As a stack does: what lies where anybody may write may be anybody's, and says
 * what it likes. TAPIR_RUNTIME, which a group may share, is whose it is. */
static bool is_trusted(DIR *directory)
{
    const char *given = getenv("TAPIR_RUNTIME");
    struct stat is;

    if (fstat(dirfd(directory), &is) < 0 ||
        (is.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return false;
    return is.st_uid == geteuid() || is.st_uid == 0 ||
           (given != NULL && *given != '\0');
}

static int look_into(const char *place, struct stacks *stacks)
{
    DIR *directory = opendir(place);
    struct dirent *entry;
    int r = 0;

    if (directory == NULL)
        return 0;
    while (r == 0 && is_trusted(directory) &&
           (entry = readdir(directory)) != NULL) {
        struct ask_stack stack = {0};

        if (parse_name(entry->d_name, &stack) &&
            snprintf(stack.path, sizeof(stack.path), "%s/%s", place,
                     entry->d_name) < (int)sizeof(stack.path) &&
            meet(&stack))
            r = add(stacks, &stack);
    }
    closedir(directory);
    return r;
}

static int compare(const void *a, const void *b)
{
    const struct ask_stack *one = a;
    const struct ask_stack *other = b;

    if (one->is_here != other->is_here)
        return one->is_here ? -1 : 1;
    if (one->pid != other->pid)
        return one->pid < other->pid ? -1 : 1;
    return (one->number > other->number) - (one->number < other->number);
}

int ask_find_stacks(struct ask_stack **out)
{
    struct stacks stacks = {0};
    char place[TAPIR_TEXT_MAX];
    int r = 0;

    for (unsigned i = 0; r == 0 && tapir_control_directory(i, place) == 0; i++)
        r = look_into(place, &stacks);
    if (r < 0) {
        free(stacks.list);
        return r;
    }
    if (stacks.count > 0)
        qsort(stacks.list, (size_t)stacks.count, sizeof(*stacks.list), compare);
    *out = stacks.list;
    return stacks.count;
}

/* ---- Choosing ------------------------------------------------------------ */

static bool has_address(const struct ask_stack *stack, const char *addr)
{
    size_t len = strlen(addr);

    return strncmp(stack->addr, addr, len) == 0 &&
           (stack->addr[len] == '/' || stack->addr[len] == '\0');
}

static bool has_number(const struct ask_stack *stack, const char *number)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", stack->number);
    return strcmp(text, number) == 0;
}

static bool is_meant(const struct ask_options *options,
                     const struct ask_stack *stack)
{
    const char *name = options->stack;

    if (options->pid != 0 && stack->pid != options->pid)
        return false;
    return name == NULL || strcmp(name, stack->name) == 0 ||
           strcmp(name, stack->program) == 0 || has_address(stack, name) ||
           has_number(stack, name);
}

/* How many of the first `count` are meant; *first: the first of them. */
static int count_meant(const struct ask_options *options,
                       const struct ask_stack *list, int count, int *first)
{
    int meant = 0;

    for (int i = 0; i < count; i++) {
        if (is_meant(options, &list[i]) && meant++ == 0)
            *first = i;
    }
    return meant;
}

static int count_here(const struct ask_stack *list, int count)
{
    int here = 0;

    while (here < count && list[here].is_here)
        here++;
    return here;
}

static void tell_which(const struct ask_options *options,
                       const struct ask_stack *list, int count)
{
    complain(options->command,
             "several stacks run; choose one by --pid or --stack", "");
    for (int i = 0; i < count; i++)
        if (is_meant(options, &list[i]))
            fprintf(stderr, "  --pid %ld --stack %u   %s %s %s\n", list[i].pid,
                    list[i].number, list[i].program, list[i].name,
                    list[i].addr);
}

static int choose(const struct ask_options *options,
                  const struct ask_stack *list, int count,
                  struct ask_stack *out)
{
    int first = 0;
    int here = count_here(list, count);
    int meant = count_meant(options, list, here, &first);

    if (meant != 1) {
        int of_all = count_meant(options, list, count, &first);

        meant = meant == 0 ? of_all : meant;
    }
    if (meant == 1) {
        *out = list[first];
        return 0;
    }
    if (meant > 1)
        tell_which(options, list, count);
    else
        complain(options->command,
                 count == 0 ? "no stack runs" : "no such stack runs",
                 "`tapir list` shows those that do");
    return meant > 1 ? EXIT_USAGE : EXIT_FAILURE;
}

int ask_open(const struct ask_options *options, struct ask *ask)
{
    struct ask_stack *list = NULL;
    struct ask_stack chosen = {0};
    int count = ask_find_stacks(&list);
    int status = EXIT_FAILURE;
    int r;

    if (count < 0)
        complain(options->command, strerror(-count), "");
    else
        status = choose(options, list, count, &chosen);
    free(list);
    if (status != 0)
        return status;
    r = begin(ask, chosen.path);
    if (r < 0) {
        complain(options->command, chosen.path, strerror(-r));
        return EXIT_FAILURE;
    }
    ask->stack = chosen;
    ask->command = options->command;
    return 0;
}
