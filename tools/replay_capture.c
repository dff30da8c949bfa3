/*
 * `tapir replay` of a capture: what a real host received comes to a stack of
 * ours in its place, and what the stack sends is compared with what the host
 * sent.
 */
#include "tapir_replay.h"

#include "host/trace_text.h"
#include "rerun_frame.h"
#include "rerun_report.h"
#include "rerun_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_SAME = 0,
    EXIT_DIFFERS = 1,
    EXIT_CANNOT = 2,
    TOLERANCE_MS = 10,
    TOLERANCE_MS_MAX = 3600 * 1000,
    LIMIT = 20,
    FILE_MAX = 512 * 1024 * 1024
};

/* What a capture may take beside its frames. */
#define MEMORY_MAX ((size_t)4 << 30)

static const char help[] =
    "usage: tapir replay FILE.pcap[ng] --addr ADDR[/LEN] [OPTION...]\n"
    "\n"
    "FILE is a capture of what a host at ADDR received and sent. A stack "
    "takes\n"
    "its place: it receives the same frames at the same times, its programs\n"
    "write what the host's wrote when they did, and what it sends is compared\n"
    "with what the host sent. Time is the capture's, and takes none.\n"
    "\n"
    "  --serve PORT=FILE   who connects to PORT and asks for something gets\n"
    "                      FILE, in place of what the host sent\n"
    "  --connect ADDR:PORT[=FILE]\n"
    "                      of the connections that the host opened only "
    "those;\n"
    "                      FILE is sent in place of what the host sent\n"
    "  --pcap OUT          what the stack sends, as a capture\n"
    "  --trace[=WHAT]      a line for each event, to standard error, as of "
    "any\n"
    "                      Tapir program\n"
    "  --realtime          as slowly as it happened\n"
    "  --stop-before N     stops the debugger before frame N (gdb --args "
    "...);\n"
    "                      or: break replay_frame if number == N\n"
    "  --no-checksums      verifies none; those that were captured before "
    "they\n"
    "                      were filled in are found without it\n"
    "  --mtu N             of the host's interface (default: by its MSS)\n"
    "  --set NAME=VALUE    a setting of the stack: congestion=reno,\n"
    "                      delayed_ack=41ms, tcp.sack=off\n"
    "  --tolerance MS      what is sent so much sooner or later is the same\n"
    "                      (default: 10)\n"
    "  --strict            compares PSH and the windows, too\n"
    "  --all               tells all differences, not 20 of each flow\n"
    "  --json              for machines\n"
    "\n"
    "The exit status is 0 if both sent the same, 1 if they did not, 2 if the\n"
    "capture cannot be replayed.\n";

struct settings {
    struct rerun_options replay;
    struct rerun_report report;
    struct trace_text trace;
    struct trace_hub trace_hub;
    struct ip_addr addr;
    bool has_addr;
};

/* ---- Command line -------------------------------------------------------- */

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "tapir replay: %s: %s\n", what, why);
    return -EINVAL;
}

static int parse_number(const char *what, const char *text, uint64_t most,
                        uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || *out > most)
        return complain(what, "wants a number");
    return 0;
}

static int set_addr(struct settings *settings, const char *text)
{
    struct ip_prefix prefix;

    if (ip_prefix_parse(text, &prefix) < 0 || !ip_addr_is_v4(&prefix.addr))
        return complain("--addr", "wants an IPv4 address, of the host");
    settings->addr = prefix.addr;
    settings->replay.prefix_len = prefix.len;
    settings->has_addr = true;
    return 0;
}

/* The whole file, until forget_files. */
static int read_file(struct rerun_file *file)
{
    FILE *stream = fopen(file->path, "re");
    uint8_t *text = NULL;
    size_t room = 0;
    size_t count;

    if (stream == NULL)
        return complain(file->path, strerror(errno));
    do {
        uint8_t *grown;

        room = room > 0 ? 2 * room : 65536;
        grown = realloc(text, room);
        if (grown == NULL || room > FILE_MAX) {
            fclose(stream);
            return complain(file->path, "is too large");
        }
        text = grown;
        count = fread(text + file->text.len, 1, room - file->text.len, stream);
        file->text = bytes_of(text, file->text.len + count);
    } while (file->text.len == room);
    fclose(stream);
    return 0;
}

/* "ADDR:PORT", or "PORT"; the part before `end`. */
static int parse_end(const char *what, const char *text, size_t len,
                     struct rerun_file *file)
{
    char copy[ENDPOINT_TEXT_MAX];
    char *port = copy;
    uint64_t number;

    snprintf(copy, sizeof(copy), "%.*s", (int)min_size(len, sizeof(copy)),
             text);
    if (file->is_connect) {
        port = strrchr(copy, ':');
        if (port == NULL)
            return complain(what, "wants ADDR:PORT, or ADDR:PORT=FILE");
        *port++ = '\0';
        if (ip_addr_parse(copy, &file->at.addr) < 0)
            return complain(what, "wants an address before the port");
    }
    if (parse_number(what, port, UINT16_MAX, &number) < 0)
        return -EINVAL;
    file->at.port = (uint16_t)number;
    return number > 0 ? 0 : complain(what, "port 0 is none");
}

static int add_file(struct settings *settings, const char *what,
                    const char *text)
{
    struct rerun_options *replay = &settings->replay;
    struct rerun_file *file = &replay->files[replay->file_count];
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);

    if (replay->file_count == RERUN_FILES_MAX)
        return complain(what, "is there too often");
    file->is_connect = strcmp(what, "--connect") == 0;
    if (!file->is_connect && equals == NULL)
        return complain(what, "wants PORT=FILE");
    if (parse_end(what, text, len, file) < 0)
        return -EINVAL;
    replay->file_count++;
    if (equals == NULL)
        return 0;
    file->path = equals + 1;
    return read_file(file);
}

static int set_trace(struct settings *settings, const char *what)
{
    struct trace_filter filter;
    char mistake[TRACE_WORD_MAX];

    if (trace_filter_parse(what, &filter, mistake) < 0)
        return complain("--trace: it does not know", mistake);
    trace_text_init(&settings->trace, &filter, STDERR_FILENO);
    trace_hub_init(&settings->trace_hub);
    trace_hub_add(&settings->trace_hub, &settings->trace.listener);
    settings->replay.listeners = &settings->trace_hub;
    return 0;
}

static int add_setting(struct rerun_options *options, const char *text)
{
    if (options->setting_count == RERUN_SETTINGS_MAX)
        return complain("--set", "too many settings");
    options->settings[options->setting_count++] = text;
    return 0;
}

static int set_value(struct settings *settings, const char *name,
                     const char *value)
{
    uint64_t number = 0;

    if (strcmp(name, "--addr") == 0)
        return set_addr(settings, value);
    if (strcmp(name, "--serve") == 0 || strcmp(name, "--connect") == 0)
        return add_file(settings, name, value);
    if (strcmp(name, "--pcap") == 0) {
        settings->replay.pcap = value;
        return 0;
    }
    if (strcmp(name, "--set") == 0)
        return add_setting(&settings->replay, value);
    if (strcmp(name, "--stop-before") == 0)
        return parse_number(name, value, UINT64_MAX,
                            &settings->replay.stop_before);
    if (strcmp(name, "--mtu") == 0) {
        if (parse_number(name, value, UINT16_MAX, &number) < 0)
            return -EINVAL;
        settings->replay.mtu = (unsigned)number;
        return 0;
    }
    if (parse_number(name, value, TOLERANCE_MS_MAX, &number) < 0)
        return -EINVAL;
    settings->report.judge.tolerance = (usec)number * USEC_PER_MSEC;
    return 0;
}

static bool set_flag(struct settings *settings, const char *name)
{
    if (strcmp(name, "--realtime") == 0)
        settings->replay.is_realtime = true;
    else if (strcmp(name, "--no-checksums") == 0)
        settings->replay.no_checksums = true;
    else if (strcmp(name, "--strict") == 0)
        settings->report.judge.is_strict = true;
    else if (strcmp(name, "--all") == 0)
        settings->report.limit = 0;
    else if (strcmp(name, "--json") == 0)
        settings->report.is_json = true;
    else
        return false;
    return true;
}

static bool takes_value(const char *name, size_t len)
{
    static const char *const names[] = {
        "--addr", "--serve", "--connect",     "--pcap",
        "--mtu",  "--set",   "--stop-before", "--tolerance"};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (strlen(names[i]) == len && strncmp(names[i], name, len) == 0)
            return true;
    return false;
}

/* One option, at *at, and its value. */
static int take_option(struct settings *settings, int argc, char **argv,
                       int *at)
{
    char *name = argv[*at];
    size_t len = strcspn(name, "=");
    char copy[32];

    if (set_flag(settings, name))
        return 0;
    if (strcmp(name, "--trace") == 0)
        return set_trace(settings, "");
    if (strncmp(name, "--trace=", 8) == 0)
        return set_trace(settings, name + 8);
    if (!takes_value(name, len))
        return complain(name, "no such option (see --help)");
    if (name[len] == '=') {
        snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
        return set_value(settings, copy, name + len + 1);
    }
    if (*at + 1 == argc)
        return complain(name, "wants a value");
    return set_value(settings, name, argv[++*at]);
}

static int take_options(struct settings *settings, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (take_option(settings, argc, argv, &i) < 0)
            return -EINVAL;
    if (!settings->has_addr)
        return complain("--addr", "whose capture is it? (see --help)");
    if (settings->replay.stop_before != 0 && !rerun_is_debugged())
        return complain("--stop-before",
                        "there is no debugger: gdb --args tapir replay ...");
    return 0;
}

/* ---- The replay ---------------------------------------------------------- */

static int cannot(const char *what, const char *why)
{
    (void)complain(what, why);
    return EXIT_CANNOT;
}

static bool has_sent(const struct rerun_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++)
        if (capture->records[i].is_ours)
            return true;
    return false;
}

static int rerun_script(struct settings *settings, struct rerun_script *script)
{
    struct rerun_report *report = &settings->report;
    const struct rerun_capture *capture = script->capture;
    char why[RERUN_WHY_MAX];

    if (rerun_script_run(script, &settings->replay, why) < 0)
        return cannot(report->path, why);
    report->script = script;
    report->judge.ended = capture->ended;
    report->judge.is_open = !capture->records[capture->count - 1].is_ours;
    return rerun_report(report) ? EXIT_DIFFERS : EXIT_SAME;
}

static int rerun_loaded(struct settings *settings,
                        struct rerun_capture *capture)
{
    const char *path = settings->report.path;
    struct rerun_script *script;
    struct memory memory;
    int status;

    if (!has_sent(capture))
        return cannot(path, capture->to_itself > 0
                                ? "both ends are at that address"
                                : "nothing in it was sent by that address");
    memory_init(&memory, MEMORY_MAX);
    script = malloc(sizeof(*script));
    if (script == NULL)
        return cannot(path, strerror(ENOMEM));
    if (rerun_script_init(script, &memory, capture) < 0)
        status = cannot(path, strerror(ENOMEM));
    else
        status = rerun_script(settings, script);
    rerun_script_fini(script);
    free(script);
    return status;
}

static void forget_files(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->replay.file_count; i++)
        free((void *)(uintptr_t)settings->replay.files[i].text.data);
}

int replay_capture(int argc, char **argv)
{
    struct settings settings = {
        .report = {.path = argv[0],
                   .judge = {.tolerance = TOLERANCE_MS * USEC_PER_MSEC},
                   .limit = LIMIT,
                   .to = stdout}};
    struct rerun_capture capture;
    int error;

    if (argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return EXIT_SAME;
    }
    if (take_options(&settings, argc, argv) < 0)
        return EXIT_CANNOT;
    error = rerun_load(&capture, argv[0], &settings.addr);
    if (error < 0)
        return cannot(argv[0],
                      error == -EBADMSG ? "is no capture" : strerror(-error));
    error = rerun_loaded(&settings, &capture);
    rerun_unload(&capture);
    forget_files(&settings);
    return error;
}
