/*
 *   calls make SEED COUNT            writes scripts
 *   calls peer PATH                  executes at the other side
 *   calls run PATH SETTLE-MS         executes the scripts of standard input
 *
 * A script begins with "script NUMBER NAME"; "peer" before a line has the
 * other side execute it.
 */
#include "script.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PEER_FD = 3,
    ANSWER_MS = 10000,
    HIGH_FD = 200,
    LINE = 512,
    PEER_WRITES_FROM = 1 << 20
};

static struct sockaddr_un peer_address(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(addr.sun_path))
        errx(2, "%s is too long", path);
    strcpy(addr.sun_path, path);
    return addr;
}

/* ---- The peer's side ----------------------------------------------------- */

/* "ready", "script N ..." and lines; each is answered. */
static void peer_answer(struct script *script, char *line, struct text *out)
{
    if (strcmp(line, "ready") == 0) {
        script_ready(script, out);
    } else if (strncmp(line, "script ", 7) == 0) {
        script_end(script, true);
        script->number = (unsigned)atoi(line + 7);
        script->written = PEER_WRITES_FROM;
    } else {
        script_call(script, line, out);
    }
}

static void serve(const char *path)
{
    struct sockaddr_un addr = peer_address(path);
    static struct script script;
    char line[LINE];
    int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    unlink(path);
    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(listener, 1) < 0)
        err(1, "%s", path);
    int runner = fcntl(accept(listener, NULL, NULL), F_DUPFD, HIGH_FD);
    if (runner < 0)
        err(1, "accept");
    for (;;) {
        struct text out = {.len = 0};
        ssize_t len = recv(runner, line, sizeof(line) - 1, 0);

        if (len <= 0)
            return;
        line[len] = '\0';
        peer_answer(&script, line, &out);
        send(runner, out.data, out.len + 1, 0); /* with its end: never empty */
    }
}

/* ---- Our side ------------------------------------------------------------ */

/* The peer's number is 3 in both tables, so what a script makes begins at 4. */
static void call_peer(const char *path)
{
    struct sockaddr_un addr = peer_address(path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        err(1, "%s", path);
#ifdef KERNEL
    fd = dup2(fd, PEER_FD);
    (void)close_range(PEER_FD + 1, ~0U, 0); /* what was inherited, too */
#else
    fd = tapir_import(fd);
#endif
    if (fd != PEER_FD)
        errx(1, "the peer's number is %d", fd);
}

/* While it waits, the stack is driven. */
static void ask_peer(const char *line, struct text *out)
{
    char answer[TEXT_MAX];
    struct pollfd polled = {.fd = PEER_FD, .events = POLLIN};

    if (CALL(write)(PEER_FD, line, strlen(line)) < 0)
        err(1, "the peer has gone");
    if (CALL(poll)(&polled, 1, ANSWER_MS) != 1 ||
        CALL(read)(PEER_FD, answer, sizeof(answer)) <= 0)
        errx(1, "the peer does not answer: %s", line);
    say(out, "%s", answer);
}

/* All that is on its way arrives. */
static void settle(int ms)
{
    (void)CALL(poll)(NULL, 0, ms);
}

static void step(struct script *script, char *line, int ms)
{
    struct text out = {.len = 0};

    say(&out, "%s", line);
    if (strncmp(line, "peer ", 5) == 0)
        ask_peer(line + 5, &out);
    else
        script_call(script, line, &out);
    settle(ms);
    say(&out, " |");
    script_ready(script, &out);
    say(&out, " |");
    ask_peer("ready", &out);
    puts(out.data);
}

static void begin_script(struct script *script, const char *line, int ms)
{
    struct text out = {.len = 0};

    script_end(script, false);
    settle(ms);
    ask_peer(line, &out);
    settle(ms);
    script->number = (unsigned)atoi(line + 7);
    puts(line);
}

static void run(const char *path, int ms)
{
    static struct script script;
    char line[LINE];

    call_peer(path);
    calls_begin();
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "script ", 7) == 0)
            begin_script(&script, line, ms);
        else if (*line != '\0' && *line != '#')
            step(&script, line, ms);
    }
    script_end(&script, false);
}

int main(int argc, char **argv)
{
#ifndef KERNEL
    tapir_open_args(&argc, argv);
#endif
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        make_scripts(strtoull(argv[2], NULL, 0), (unsigned)atoi(argv[3]));
    } else if (argc == 3 && strcmp(argv[1], "peer") == 0) {
        calls_begin();
        serve(argv[2]);
    } else if (argc == 4 && strcmp(argv[1], "run") == 0) {
        run(argv[2], atoi(argv[3]));
    } else {
        errx(2, "usage: calls make SEED COUNT | peer PATH | run PATH MS");
    }
    return 0;
}
