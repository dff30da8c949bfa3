/*
 * `tapir run`: starts a program that was never written for Tapir with the shim
 * before its libc (LD_PRELOAD), so that its sockets are a stack's. The settings
 * go to the shim in the environment, and so on to what the program starts.
 */
#define _GNU_SOURCE
#include "tapir.h"
#include "tapir_command.h"
#include "tapir_program.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static const char help[] =
    "usage: tapir run [OPTION...] -- PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM, any dynamically linked one, on a stack of its own: its\n"
    "IPv4 sockets are Tapir's, everything else stays the kernel's. Sockets\n"
    "that are bound or connected to 127.0.0.0/8 stay the kernel's, too.\n"
    "\n"
    "  --loopback-stack   127.0.0.0/8 is the stack's own\n";

/* Beside the command, or where `make install` has put it. */
static int find_shim(char path[PROGRAM_PATH_MAX])
{
    static const char *const places[] = {"", "/../lib", "/../lib/tapir"};
    char self[PROGRAM_PATH_MAX / 2];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len < 0)
        return -errno;
    self[len] = '\0';
    dirname(self);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, PROGRAM_PATH_MAX, "%s%s/libtapir-preload.so", self,
                 places[i]);
        if (access(path, R_OK) == 0)
            return 0;
    }
    return -ENOENT;
}

static int complain(const char *what, const char *why, int status)
{
    fprintf(stderr, "tapir run: %s%s%s\n", what, *why != '\0' ? ": " : "", why);
    return status;
}

/* Before what the user puts there. */
static int set_preload(const char *shim)
{
    const char *others = getenv("LD_PRELOAD");
    char *value;
    int r;

    if (others == NULL || *others == '\0')
        return setenv("LD_PRELOAD", shim, 1);
    if (asprintf(&value, "%s:%s", shim, others) < 0)
        return -1;
    r = setenv("LD_PRELOAD", value, 1);
    free(value);
    return r;
}

/* The environment of the program; 0, or the exit status. */
static int prepare(const struct tapir_config *config)
{
    char shim[PROGRAM_PATH_MAX];

    if (find_shim(shim) < 0)
        return complain("libtapir-preload.so is not beside this command", "",
                        EXIT_CANNOT_RUN);
    if (strpbrk(shim, ": ") != NULL)
        return complain(shim, "LD_PRELOAD cannot name a path with ':' or ' '",
                        EXIT_CANNOT_RUN);
    if (tapir_config_export(config) < 0 || set_preload(shim) < 0)
        return complain("environment", strerror(errno), EXIT_CANNOT_RUN);
    return 0;
}

static int run(const struct tapir_config *config, char **command)
{
    char path[PROGRAM_PATH_MAX];
    char why[PROGRAM_WHY_MAX];
    int error = program_find(command[0], path);

    if (error < 0)
        return complain(command[0], strerror(-error),
                        error == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
    if (program_check_preload(path, why) < 0)
        return complain(why, "", EXIT_USAGE);
    error = prepare(config);
    if (error != 0)
        return error;
    execv(path, command);
    return complain(path, strerror(errno), EXIT_CANNOT_RUN);
}

/* What is left of the options: --loopback-stack, and "--". Where the command
   begins; -1: there is none, or another option. */
static int find_command(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--loopback-stack") != 0) {
            complain("no such option (PROGRAM stands after --)", argv[i], 0);
            return -1;
        }
        setenv("TAPIR_LOOPBACK", "1", 1);
    }
    if (i + 1 < argc)
        return i + 1;
    fputs(help, stderr);
    return -1;
}

int run_main(int argc, char **argv)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    int at;

    if (argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("%s%s", help, tapir_config_help());
        return 0;
    }
    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        return complain(why, "", EXIT_USAGE);
    at = find_command(argc, argv);
    return at < 0 ? EXIT_USAGE : run(&config, argv + at);
}
