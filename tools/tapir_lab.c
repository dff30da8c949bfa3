/*
 * `tapir lab`: runs a command in a private network, in which a TAP device and
 * the host's side of it are ready for a stack to attach, and of which nothing
 * is left when the command ends. Where no TAP device can be had it is a veth
 * pair.
 *
 * Three processes: lab itself, which waits outside; the first one of the PID
 * namespace, which makes the network, starts the command and adopts what that
 * leaves behind; and the command. When the first one ends, the kernel ends all
 * others in the namespace (pid_namespaces(7)), and with the last one go the
 * network and its devices. It ends when lab does, however lab ends.
 */
#define _GNU_SOURCE
#include "tapir.h"
#include "tapir_command.h"
#include "tapir_netns.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 192.0.2.2 ... 192.0.2.254 */
enum { STACKS_MAX = 253 };

enum { EXIT_USAGE = 2, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static const char help[] =
    "usage: tapir lab [--stacks N] [--veth] [-- COMMAND...]\n"
    "\n"
    "Runs COMMAND (or a shell) in a private network. In it the TAP device "
    "tap0\n"
    "waits for a stack, which has the address 192.0.2.2 by default; the "
    "host's\n"
    "side is 192.0.2.1/24. Root is not needed. When COMMAND ends, the network\n"
    "is gone, with all that still runs in it. The exit status is COMMAND's.\n"
    "\n"
    "  --stacks N   tap0 ... for N stacks, on a bridge that is 192.0.2.1/24\n"
    "  --veth       a veth pair instead of tap0, as where no TAP device can "
    "be\n"
    "               had: the stack is on veth0, and the host's side is host0\n"
    "\n"
    "  build/tapir lab -- sh -c 'build/apps/httpd & sleep 1; curl 192.0.2.2'\n";

struct lab {
    unsigned stacks; /* 0: one, without a bridge */
    enum netns_link link;
    char **command;
    sigset_t signals;     /* what is waited for, and blocked */
    sigset_t old_signals; /* what the command begins with */
};

/* ---- Waiting ------------------------------------------------------------- */

static int exit_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/*
 * Passes signals on until `child` ends; its exit status. Other children, which
 * the first process of a namespace inherits, are reaped. What comes from the
 * terminal is not passed on: its whole process group has got it.
 */
static int wait_for(const struct lab *lab, pid_t child)
{
    for (;;) {
        siginfo_t info;
        int status;
        pid_t pid;
        int signal = sigwaitinfo(&lab->signals, &info);

        if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
            kill(child, signal);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            if (pid == child)
                return exit_status(status);
    }
}

static void block_signals(struct lab *lab)
{
    static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT,
                                    SIGTERM, SIGUSR1, SIGUSR2};

    signal(SIGCHLD, SIG_DFL); /* may have come to us ignored */
    sigemptyset(&lab->signals);
    sigaddset(&lab->signals, SIGCHLD);
    for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
        sigaddset(&lab->signals, forwarded[i]);
    sigprocmask(SIG_BLOCK, &lab->signals, &lab->old_signals);
}

/* ---- Inside -------------------------------------------------------------- */

static void print_hint(const struct lab *lab)
{
    const char *device = lab->link == NETNS_VETH ? "veth" : "tap";

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "tapir lab: %s0", device);
    if (lab->stacks > 0)
        fprintf(stderr, " ... %s%u", device, lab->stacks - 1);
    fprintf(stderr, " and the host, 192.0.2.1, are ready; try build/apps/httpd "
                    "--root . & and curl 192.0.2.2; exit ends it all\n");
}

/* Either also if it is not so, for there may be a lab around this one. */
static void set_environment(const struct lab *lab)
{
    char number[16];

    snprintf(number, sizeof(number), "%u", lab->stacks);
    if (lab->stacks > 0)
        setenv("TAPIR_LAB_STACKS", number, 1);
    else
        unsetenv("TAPIR_LAB_STACKS");
    if (lab->link == NETNS_VETH)
        setenv("TAPIR_LAB_DEVICES", "packet:veth", 1);
    else
        unsetenv("TAPIR_LAB_DEVICES");
}

static _Noreturn void run_command(const struct lab *lab)
{
    char *shell = getenv("SHELL");
    char *interactive[] = {shell && *shell ? shell : "/bin/sh", NULL};
    char **command = lab->command ? lab->command : interactive;

    if (!lab->command)
        print_hint(lab);
    set_environment(lab);
    sigprocmask(SIG_SETMASK, &lab->old_signals, NULL);
    execvp(command[0], command);
    fprintf(stderr, "tapir lab: %s: %s\n", command[0], strerror(errno));
    _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static int make_network(const struct lab *lab)
{
    char why[WHY_MAX];
    int error;

    if (netns_mount_proc(why) < 0)
        fprintf(stderr,
                "tapir lab: note: %s; process numbers in /proc are those of "
                "outside\n",
                why);
    error = lab->stacks > 0 ? netns_make_bridge(lab->link, lab->stacks, why)
                            : netns_make_link(lab->link, why);
    if (error < 0)
        fprintf(stderr, "tapir lab: %s\n", why);
    return error;
}

/* The first process of the PID namespace. */
static int run_inside(const struct lab *lab)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (make_network(lab) < 0)
        return EXIT_FAILURE;

    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "tapir lab: cannot fork: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    if (child == 0)
        run_command(lab);
    return wait_for(lab, child);
}

/* ---- Outside ------------------------------------------------------------- */

/* An interactive shell inside takes the terminal, and cannot give it back to a
 * process group that it does not see. */
static void take_terminal_back(void)
{
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(STDIN_FILENO, getpgrp());
}

static void choose_link(struct lab *lab)
{
    char why[WHY_MAX];

    if (lab->link == NETNS_VETH || netns_check_tun(why) == 0)
        return;
    fprintf(stderr, "tapir lab: note: a veth pair is used: %s\n", why);
    lab->link = NETNS_VETH;
}

/* An ordinary user is root inside, and has another name for the directory of
 * control sockets: both are to find the same one. */
static void keep_runtime_directory(void)
{
    char path[TAPIR_TEXT_MAX];

    if (geteuid() == 0 || getenv("TAPIR_RUNTIME") != NULL)
        return;
    for (unsigned i = 0; tapir_control_directory(i, path) == 0; i++) {
        if ((mkdir(path, 0700) == 0 || errno == EEXIST) &&
            access(path, W_OK) == 0) {
            setenv("TAPIR_RUNTIME", path, 1);
            return;
        }
    }
}

static int run_outside(struct lab *lab)
{
    bool has_terminal = tcgetpgrp(STDIN_FILENO) == getpgrp();
    char why[WHY_MAX];

    choose_link(lab);
    keep_runtime_directory();
    if (netns_enter(why) < 0) {
        fprintf(stderr, "tapir lab: %s\n", why);
        return EXIT_FAILURE;
    }
    block_signals(lab);
    pid_t inside = fork();
    if (inside < 0) {
        fprintf(stderr, "tapir lab: cannot fork: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    if (inside == 0)
        _exit(run_inside(lab));

    int status = wait_for(lab, inside);
    if (has_terminal)
        take_terminal_back();
    return status;
}

/* ---- Command line -------------------------------------------------------- */

/* 0, or the status to exit with. */
static int parse_stacks(struct lab *lab, const char *text)
{
    char *end;
    long value = text ? strtol(text, &end, 10) : 0;

    if (!text || *text == '\0' || *end != '\0' || value < 1 ||
        value > STACKS_MAX) {
        fprintf(stderr, "tapir lab: --stacks wants a number from 1 to %d\n",
                STACKS_MAX);
        return EXIT_USAGE;
    }
    lab->stacks = (unsigned)value;
    return 0;
}

static int parse_options(struct lab *lab, int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc && status == 0; i++) {
        if (strcmp(argv[i], "--") == 0) {
            lab->command = i + 1 < argc ? argv + i + 1 : NULL;
            return 0;
        }
        if (strcmp(argv[i], "--stacks") == 0) {
            status = parse_stacks(lab, argv[++i]);
        } else if (strncmp(argv[i], "--stacks=", 9) == 0) {
            status = parse_stacks(lab, argv[i] + 9);
        } else if (strcmp(argv[i], "--veth") == 0) {
            lab->link = NETNS_VETH;
        } else {
            fprintf(stderr, "tapir lab: %s: no such option%s\n", argv[i],
                    argv[i][0] == '-' ? "" : "; a command follows --");
            status = EXIT_USAGE;
        }
    }
    return status;
}

/*
 * Does not return: the PID namespace is dead, so no process can be started any
 * more, which the leak checker of a sanitizer build would do at a normal exit.
 */
static _Noreturn void end_with(int status)
{
    fflush(NULL);
    _exit(status);
}

int lab_main(int argc, char **argv)
{
    struct lab lab = {0};

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    int status = parse_options(&lab, argc, argv);
    if (status != 0)
        return status;
    end_with(run_outside(&lab));
}
