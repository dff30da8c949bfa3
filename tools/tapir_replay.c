/*
 * `tapir replay`: finds out what kind of file it is, and hands it to whoever
 * can replay it.
 */
#include "tapir_command.h"
#include "tapir_replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_CANNOT = 2 };

static const char help[] =
    "usage: tapir replay FILE [OPTION...]\n"
    "\n"
    "Runs the stack again, in virtual time, with what FILE says has entered\n"
    "it. FILE is a recording (--record of any Tapir program), or a capture of\n"
    "another host's packets. `tapir replay FILE --help` tells the options of\n"
    "its kind.\n"
    "\n"
    "The exit status is 0 if all is as it was, 1 if something differs, 2 if\n"
    "FILE cannot be replayed.\n";

static const struct kind {
    const char *magic;
    size_t magic_len;
    int (*replay)(int argc, char **argv);
} kinds[] = {
    {"TAPIRREC", 8, replay_recording},
    {"\x0a\x0d\x0d\x0a", 4, replay_capture}, /* pcapng */
    {"\xa1\xb2\xc3\xd4", 4, replay_capture}, /* pcap, both byte orders */
    {"\xd4\xc3\xb2\xa1", 4, replay_capture},
    {"\xa1\xb2\x3c\x4d", 4, replay_capture}, /* the same with nanoseconds */
    {"\x4d\x3c\xb2\xa1", 4, replay_capture},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

static const struct kind *find_kind(const char *begin, size_t len)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (len >= kinds[i].magic_len &&
            memcmp(begin, kinds[i].magic, kinds[i].magic_len) == 0)
            return &kinds[i];
    return NULL;
}

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "tapir replay: %s: %s\n", path, why);
    return EXIT_CANNOT;
}

int replay_main(int argc, char **argv)
{
    char begin[REPLAY_MAGIC_MAX];
    const struct kind *kind;
    FILE *file;
    size_t len;

    if (argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc < 2 || *argv[1] == '-') {
        fputs(help, stderr);
        return EXIT_CANNOT;
    }
    file = fopen(argv[1], "re");
    if (file == NULL)
        return complain(argv[1], strerror(errno));
    len = fread(begin, 1, sizeof(begin), file);
    fclose(file);
    kind = find_kind(begin, len);
    if (kind == NULL)
        return complain(argv[1], "is neither a recording nor a capture");
    return kind->replay(argc - 1, argv + 1);
}
