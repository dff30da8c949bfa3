/*
 * httpd: serves the files under a directory by HTTP/1.1 and 1.0 (RFC 9110, RFC
 * 9112).
 *
 *   httpd [--root DIR] [--port N] [--connections N]
 *
 * One thread serves all connections with epoll; a connection is either reading
 * a request, writing the answer, or draining, which means that its last answer
 * is sent and what the client still sends is thrown away (closing at once would
 * reset the connection and might destroy the answer, RFC 9112 9.6). Each turn
 * of a connection takes one read or one write, so that a fast client does not
 * keep the others waiting. A connection that is idle costs its struct only: the
 * memory for a request, or an answer, is there as long as that. Signals come as
 * a descriptor of the kernel's in the same epoll set.
 *
 * Large files are mapped and lent to the stack: no copy is made on their way,
 * and thousands of clients of a file share its pages.
 *
 * GET and HEAD, keep-alive and pipelining, conditional requests (RFC 9110 13),
 * ranges (14), index.html and listings of directories. The body of a request is
 * skipped; one in chunks is not read: the connection closes after the answer.
 */
#define _GNU_SOURCE /* O_PATH, program_invocation_short_name */
#include <tapir.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/openat2.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    REQUEST_MAX = 8192, /* bytes of a request's head */
    FIELDS_MAX = 100,
    TARGET_MAX = 4096,
    BODY_MAX = 65536, /* that is skipped */
    RANGES_MAX = 16,
    LISTED_MAX = 10000, /* names of a directory */
    CHUNK_LEN = 65536,
    LENT_LEN = 4 * CHUNK_LEN, /* in one turn */
    EVENTS_MAX = 64,
    ACCEPTED_MAX = 64,   /* in one turn */
    FAST_OPEN_MAX = 256, /* connections whose handshake is not over */
    CONNECTIONS = 10000, /* unless --connections says otherwise */
    DATE_LEN = sizeof("Sun, 06 Nov 1994 08:49:37 GMT"),
    TAG_LEN = 64,
    /* Seconds: for a whole request, between two, without progress of an
     * answer, to drain. */
    REQUEST_TIME = 20,
    IDLE_TIME = 60,
    ANSWER_TIME = 30,
    DRAIN_TIME = 3,
    ACKED_TIME = 60 /* for the peer to acknowledge something */
};

/* Consecutive bytes of an answer. */
struct piece {
    const char *text; /* NULL: of the file */
    off_t from, len;
};

/* A file in memory, for the answer and for what was lent of it. */
struct mapping {
    char *data;
    size_t len;
    atomic_uint uses;
};

/* The head, and what follows: a text, a file, or parts of one. */
struct answer {
    char text[TARGET_MAX + 4096];
    size_t text_len;
    size_t text_cut; /* so much of it is in pieces */
    struct piece pieces[2 * RANGES_MAX + 2];
    unsigned count, at;      /* of the pieces; the one that is being sent */
    off_t sent;              /* of that one */
    int file;                /* a descriptor of the kernel's, -1: none */
    struct mapping *mapping; /* NULL: there was no need of it */
    char *page;              /* text that is not in `text`, NULL: none */
};

enum state { READING, ANSWERING, DRAINING };

struct connection {
    struct connection *next, **previous;
    int fd;
    enum state state;
    time_t deadline;

    char *request;      /* REQUEST_MAX and a NUL; NULL: nothing has been read */
    size_t request_len; /* what has been read; maybe several requests */
    off_t body_left;    /* of the last request, to be skipped */

    struct answer *answer; /* while ANSWERING */
    bool closes;           /* after this answer */
};

struct server {
    int root; /* the directory, a descriptor of the kernel's */
    int epoll;
    int listener;
    int signals;
    bool is_listening; /* not while there are too many */
    unsigned max, count;
    struct connection *connections;
};

struct field {
    const char *name, *value;
};

/* One that was parsed. The path is relative to the root, without a NUL. */
struct request {
    bool is_head;
    bool closes;
    const char *target; /* as it came, without the query */
    size_t target_len;
    off_t body_len;
    struct field fields[FIELDS_MAX];
    unsigned field_count;
    char path[TARGET_MAX + sizeof("index.html")];
};

/* What is told of a file (RFC 9110 8.8). */
struct validators {
    time_t modified;
    char tag[TAG_LEN];
};

/* Both ends belong to it, as in the fields (RFC 9110 14.1.2). */
struct range {
    off_t first, last;
};

struct ranges {
    unsigned count;
    struct range list[RANGES_MAX];
};

static time_t seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* ---- Requests ---------------------------------------------------------- */

/* The length of the head with its empty line; 0 if that is not there yet. */
static size_t head_length(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        bool is_empty_line =
            text[i - 1] == '\n' ||
            (i >= 2 && text[i - 1] == '\r' && text[i - 2] == '\n');
        if (text[i] == '\n' && is_empty_line)
            return i + 1;
    }
    return 0;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, c | ('A' <= c && c <= 'F' ? 0x20 : 0));

    return c != '\0' && found != NULL ? (int)(found - digits) : -1;
}

/* RFC 3986 2.1. 0, or the status of the answer. A NUL would end the path. */
static int decode_path(const struct request *request, char *path)
{
    const char *c = request->target;
    const char *end = c + request->target_len;

    while (c < end && *c == '/')
        c++;
    while (c < end) {
        if (*c != '%') {
            *path++ = *c++;
            continue;
        }
        int high = end - c > 2 ? hex_digit(c[1]) : -1;
        int low = end - c > 2 ? hex_digit(c[2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return 400;
        *path++ = (char)(high * 16 + low);
        c += 3;
    }
    *path = '\0';
    return 0;
}

/* One of the path's segments is "..". Browsers and curl have removed them. */
static bool has_dot_dot(const char *path)
{
    for (; *path != '\0'; path += strspn(path, "/")) {
        size_t len = strcspn(path, "/");
        if (len == 2 && memcmp(path, "..", 2) == 0)
            return true;
        path += len;
    }
    return false;
}

/* The target in origin form, "/path?query", or absolute, "http://..." */
static int parse_target(char *target, struct request *request)
{
    if (strncasecmp(target, "http://", 7) == 0)
        target = target + 7 + strcspn(target + 7, "/");
    if (strlen(target) > TARGET_MAX)
        return 414;
    if (*target != '/')
        return 400;
    for (const char *c = target; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return 400;

    request->target = target;
    request->target_len = strcspn(target, "?#");
    int status = decode_path(request, request->path);
    if (status == 0 && has_dot_dot(request->path))
        return 403;
    return status;
}

/* "close" in "keep-alive, close": case does not matter. */
static bool list_has(const char *list, const char *word)
{
    size_t word_len = strlen(word);

    for (;;) {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len == 0)
            return false;
        if (len == word_len && strncasecmp(list, word, len) == 0)
            return true;
        list += len;
    }
}

/* The next field of that name, after one that was found, or NULL: the first. */
static const struct field *find_field(const struct request *request,
                                      const char *name,
                                      const struct field *after)
{
    const struct field *end = request->fields + request->field_count;

    for (const struct field *f = after != NULL ? after + 1 : request->fields;
         f < end; f++)
        if (strcasecmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* Of a field that may be there once, the value; NULL: it is not there. */
static const char *field_value(const struct request *request, const char *name)
{
    const struct field *field = find_field(request, name, NULL);

    return field != NULL ? field->value : NULL;
}

static bool field_has(const struct request *request, const char *name,
                      const char *word)
{
    for (const struct field *f = find_field(request, name, NULL); f != NULL;
         f = find_field(request, name, f))
        if (list_has(f->value, word))
            return true;
    return false;
}

/* RFC 9112 5. The lines are taken apart in place. 0 or the status. */
static int parse_fields(char *text, struct request *request)
{
    char *save;

    for (char *line = strtok_r(text, "\r\n", &save); line != NULL;
         line = strtok_r(NULL, "\r\n", &save)) {
        size_t name_len = strcspn(line, ": \t");
        if (name_len == 0 || line[name_len] != ':')
            return 400; /* RFC 9112 5.1 and 5.2 */
        if (request->field_count == FIELDS_MAX)
            return 431;
        line[name_len] = '\0';
        char *value = line + name_len + 1;
        value += strspn(value, " \t");
        size_t len = strlen(value);
        while (len > 0 && strchr(" \t", value[len - 1]) != NULL)
            value[--len] = '\0';
        request->fields[request->field_count++] =
            (struct field){.name = line, .value = value};
    }
    return 0;
}

/* Digits only; too many are as the largest number. -1: something else. */
static off_t parse_length(const char *text, const char **end)
{
    off_t length = 0;
    const char *c = text;

    for (; '0' <= *c && *c <= '9'; c++)
        length = length > (INT64_MAX - 9) / 10 ? INT64_MAX
                                               : length * 10 + (*c - '0');
    *end = c;
    return c == text ? -1 : length;
}

/* RFC 9112 6: where the request ends. 0 or the status. */
static int parse_body(struct request *request)
{
    const struct field *coding = find_field(request, "Transfer-Encoding", NULL);
    const struct field *length = find_field(request, "Content-Length", NULL);
    const char *expect = field_value(request, "Expect");
    const char *end;

    if (coding != NULL && length != NULL)
        return 400; /* RFC 9112 6.3: a request within a request, perhaps */
    if (coding != NULL && strcasecmp(coding->value, "chunked") != 0)
        return 501;
    if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
        return 417;
    if (length != NULL) {
        request->body_len = parse_length(length->value, &end);
        if (request->body_len < 0 || *end != '\0' ||
            find_field(request, "Content-Length", length) != NULL)
            return 400;
        if (request->body_len > BODY_MAX)
            return 413;
    }
    /* Chunks are not read; and whether a body comes that was to wait for a 100
     * is not to be known (RFC 9110 10.1.1). */
    if (coding != NULL || (expect != NULL && request->body_len > 0))
        request->closes = true;
    return 0;
}

/* RFC 9110 9: 0, 405 for the methods that it has besides, or 501. */
static int parse_method(const char *method, struct request *request)
{
    static const char *const others[] = {
        "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

    request->is_head = strcmp(method, "HEAD") == 0;
    if (request->is_head || strcmp(method, "GET") == 0)
        return 0;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (strcmp(method, others[i]) == 0)
            return 405;
    return 501;
}

/* RFC 9112 3. The text is taken apart in place. 0 or the status. */
static int parse_request(char *text, struct request *request)
{
    char *fields = text + strcspn(text, "\n");
    *fields++ = '\0';
    text[strcspn(text, "\r")] = '\0';

    char *target = strchr(text, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;
    if (version == NULL)
        return 400;
    *target++ = '\0';
    *version++ = '\0';
    if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 ||
        version[6] != '.')
        return 400;
    if (version[5] != '1')
        return 505;

    bool is_http_1_0 = version[7] == '0';
    int method_status = parse_method(text, request);
    int status = parse_fields(fields, request);
    if (status != 0)
        return status;
    const struct field *host = find_field(request, "Host", NULL);
    if (host != NULL ? find_field(request, "Host", host) != NULL : !is_http_1_0)
        return 400; /* RFC 9112 3.2 */
    request->closes =
        field_has(request, "Connection", "close") ||
        (is_http_1_0 && !field_has(request, "Connection", "keep-alive"));
    status = parse_body(request);
    if (status != 0)
        return status;
    return method_status != 0 ? method_status : parse_target(target, request);
}

/* ---- Conditions -------------------------------------------------------- */

/* RFC 9110 5.6.7: the one form to write. */
static void print_date(char text[DATE_LEN], time_t time)
{
    struct tm parts;

    gmtime_r(&time, &parts);
    strftime(text, DATE_LEN, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

/* And the three to read. -1: it is none, and the field is to be ignored. */
static time_t parse_date(const char *text)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
                                        "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y"};

    for (size_t i = 0; text != NULL && i < sizeof(forms) / sizeof(*forms);
         i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);
        if (end != NULL && *end == '\0')
            return timegm(&parts);
    }
    return -1;
}

/* The file's time changes with its content: the tag is a strong one. */
static struct validators validators_of(const struct stat *facts)
{
    struct validators validators = {.modified = facts->st_mtime};

    snprintf(validators.tag, TAG_LEN, "\"%llx-%llx-%llx\"",
             (unsigned long long)facts->st_ino,
             (unsigned long long)facts->st_size,
             (unsigned long long)facts->st_mtim.tv_sec * 1000000000 +
                 (unsigned long long)facts->st_mtim.tv_nsec);
    return validators;
}

enum comparison { STRONG, WEAK }; /* RFC 9110 8.8.3.2 */

/* Whether the tag is in a list like `"a", W/"b"`. */
static bool lists_tag(const char *list, const char *tag,
                      enum comparison comparison)
{
    for (;;) {
        list += strspn(list, ", \t");
        bool is_weak = strncmp(list, "W/", 2) == 0;
        list += is_weak ? 2 : 0;
        const char *end = *list == '"' ? strchr(list + 1, '"') : NULL;
        if (end == NULL)
            return false;
        size_t len = (size_t)(end + 1 - list);
        if (len == strlen(tag) && memcmp(list, tag, len) == 0 &&
            (!is_weak || comparison == WEAK))
            return true;
        list = end + 1;
    }
}

/* If-Match or If-None-Match; in several lines, perhaps. */
static bool matches(const struct request *request, const char *name,
                    const char *tag, enum comparison comparison)
{
    for (const struct field *f = find_field(request, name, NULL); f != NULL;
         f = find_field(request, name, f))
        if (strcmp(f->value, "*") == 0 || lists_tag(f->value, tag, comparison))
            return true;
    return false;
}

/* RFC 9110 13.2.2, but for If-Range. 200, or the status of the answer. */
static int check_conditions(const struct request *request,
                            const struct validators *validators)
{
    if (field_value(request, "If-Match") != NULL) {
        if (!matches(request, "If-Match", validators->tag, STRONG))
            return 412;
    } else {
        time_t time = parse_date(field_value(request, "If-Unmodified-Since"));
        if (time >= 0 && validators->modified > time)
            return 412;
    }
    if (field_value(request, "If-None-Match") != NULL)
        return matches(request, "If-None-Match", validators->tag, WEAK) ? 304
                                                                        : 200;
    time_t time = parse_date(field_value(request, "If-Modified-Since"));
    return time >= 0 && validators->modified <= time ? 304 : 200;
}

/* RFC 9110 13.1.5: a tag, or exactly the date that was told. */
static bool if_range_holds(const struct request *request,
                           const struct validators *validators)
{
    const char *value = field_value(request, "If-Range");

    if (value == NULL)
        return true;
    if (*value == '"')
        return strcmp(value, validators->tag) == 0;
    return parse_date(value) == validators->modified;
}

/* ---- Ranges ------------------------------------------------------------ */

/* One of RFC 9110 14.1.2: "0-499", "500-", "-500". False: it is wrong. One that
 * is outside of the file has its first after its last. */
static bool parse_range(const char **text, off_t file_len, struct range *range)
{
    const char *c = *text;

    if (*c == '-') {
        off_t suffix = parse_length(c + 1, text);
        range->last = file_len - 1;
        range->first = suffix < file_len ? file_len - suffix : 0;
        return suffix >= 0;
    }
    range->first = parse_length(c, &c);
    if (range->first < 0 || *c != '-')
        return false;
    off_t last = parse_length(c + 1, text);
    range->last = last < 0 || last >= file_len ? file_len - 1 : last;
    return last < 0 || last >= range->first;
}

/*
 * 206 and the ranges; 200 where Range is to be ignored, because it is wrong, or
 * asks for more than all of it (RFC 9110 17.15); 416 where nothing is left.
 */
static int parse_ranges(const char *text, off_t file_len, struct ranges *ranges)
{
    off_t sum = 0;
    struct range range;
    bool is_any = false;

    ranges->count = 0;
    if (text == NULL || file_len == 0 || strncasecmp(text, "bytes=", 6) != 0)
        return 200;
    for (text += 6; *(text += strspn(text, ", \t")) != '\0';) {
        if (!parse_range(&text, file_len, &range) ||
            (*text != '\0' && strchr(", \t", *text) == NULL))
            return 200;
        is_any = true;
        if (range.first > range.last)
            continue;
        sum += range.last - range.first + 1;
        if (ranges->count == RANGES_MAX || sum > file_len)
            return 200;
        ranges->list[ranges->count++] = range;
    }
    if (!is_any)
        return 200;
    return ranges->count > 0 ? 206 : 416;
}

/* ---- Files ------------------------------------------------------------- */

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

/* For a kernel without openat2: step by step, and no symbolic links at all. */
static int open_by_steps(int root, const char *path)
{
    int directory = root;

    for (;;) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(path, "/");
        size_t slashes = strspn(path + len, "/");
        bool is_last = path[len + slashes] == '\0';
        int fd = -1;

        snprintf(name, sizeof(name), "%.*s", (int)len, path);
        if (len > NAME_MAX)
            errno = ENAMETOOLONG;
        else
            fd = openat(directory, name,
                        (is_last ? OPEN_FLAGS : O_PATH | O_CLOEXEC) |
                            O_NOFOLLOW | (slashes > 0 ? O_DIRECTORY : 0));
        if (directory != root)
            close(directory);
        if (fd < 0 || is_last)
            return fd;
        directory = fd;
        path += len + slashes;
    }
}

/*
 * Opens for reading what lies under the root, wherever symbolic links point:
 * the kernel refuses to leave it. Nothing is waited for, if it is a FIFO.
 */
static int open_beneath(int root, const char *path)
{
    struct open_how how = {.flags = OPEN_FLAGS,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

    if (*path == '\0')
        path = ".";
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    return fd < 0 && errno == ENOSYS ? open_by_steps(root, path) : fd;
}

static int status_of_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return 404;
    case EACCES:
    case EPERM:
    case ELOOP: /* a link that was not followed */
    case EXDEV: /* out of the root */
        return 403;
    case EMFILE:
    case ENFILE:
        return 503;
    default:
        return 500;
    }
}

/* 200 and the descriptor of a regular file or a directory, or another status.
 */
static int open_path(int root, const char *path, int *file, struct stat *facts)
{
    int fd = open_beneath(root, path);

    if (fd < 0)
        return status_of_errno(errno);
    if (fstat(fd, facts) == 0 &&
        (S_ISREG(facts->st_mode) || S_ISDIR(facts->st_mode))) {
        *file = fd;
        return 200;
    }
    close(fd);
    return 403;
}

/*
 * What the request is for: 200 and its descriptor, or another status. For a
 * directory it is its index.html, or the directory if there is none.
 */
static int open_file(int root, struct request *request, int *file,
                     struct stat *facts)
{
    size_t len = strlen(request->path);
    int status = open_path(root, request->path, file, facts);
    if (status != 200 || S_ISREG(facts->st_mode))
        return status;

    int index;
    struct stat index_facts;
    if (len > 0 && request->path[len - 1] != '/') {
        close(*file);
        return 301;
    }
    strcpy(request->path + len, "index.html");
    status = open_path(root, request->path, &index, &index_facts);
    if (status == 404) {
        request->path[len] = '\0';
        return 200;
    }
    close(*file);
    *file = index;
    *facts = index_facts;
    if (status == 200 && S_ISDIR(index_facts.st_mode)) {
        close(index);
        return 403;
    }
    return status;
}

static const char *content_type(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {{".avif", "image/avif"},
                 {".css", "text/css; charset=utf-8"},
                 {".csv", "text/csv; charset=utf-8"},
                 {".gif", "image/gif"},
                 {".gz", "application/gzip"},
                 {".htm", "text/html; charset=utf-8"},
                 {".html", "text/html; charset=utf-8"},
                 {".ico", "image/vnd.microsoft.icon"},
                 {".jpeg", "image/jpeg"},
                 {".jpg", "image/jpeg"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".json", "application/json"},
                 {".md", "text/markdown; charset=utf-8"},
                 {".mjs", "text/javascript; charset=utf-8"},
                 {".mp3", "audio/mpeg"},
                 {".mp4", "video/mp4"},
                 {".ogg", "audio/ogg"},
                 {".pdf", "application/pdf"},
                 {".png", "image/png"},
                 {".svg", "image/svg+xml"},
                 {".tar", "application/x-tar"},
                 {".txt", "text/plain; charset=utf-8"},
                 {".wasm", "application/wasm"},
                 {".webm", "video/webm"},
                 {".webp", "image/webp"},
                 {".woff2", "font/woff2"},
                 {".xml", "application/xml"},
                 {".zip", "application/zip"}};
    const char *suffix = strrchr(path, '.');

    for (size_t i = 0; suffix != NULL && i < sizeof(types) / sizeof(*types);
         i++)
        if (strcasecmp(suffix, types[i].suffix) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* ---- Listings ---------------------------------------------------------- */

/* As text of HTML. A name may have any bytes. */
static void print_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("&<>\"'", c) != NULL)
            fprintf(out, "&#%d;", c);
        else
            fputc(c < ' ' || c == 0x7f ? '?' : c, out);
    }
}

/* As a segment of a path, RFC 3986 2.3. */
static void print_url(FILE *out, const char *name)
{
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL))
            fputc(c, out);
        else
            fprintf(out, "%%%02X", c);
    }
}

/* A link is told of as what it is; to follow it may be refused. */
static void print_entry(FILE *out, int directory, const char *name)
{
    struct stat facts;
    const char *slash = "";

    if (fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
        return; /* gone meanwhile */
    if (S_ISDIR(facts.st_mode))
        slash = "/";
    fprintf(out, "<li><a href=\"./");
    print_url(out, name);
    fprintf(out, "%s\">", slash);
    print_html(out, name);
    fprintf(out, "%s</a>", slash);
    if (S_ISREG(facts.st_mode))
        fprintf(out, " %lld", (long long)facts.st_size);
    fputc('\n', out);
}

static int is_listed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A page of the names in it, to be freed; NULL: errno. */
static char *list_directory(int directory, const char *path, size_t *len)
{
    struct dirent **entries;
    char *page = NULL;
    int count = scandirat(directory, ".", &entries, is_listed, alphasort);
    FILE *out = count >= 0 ? open_memstream(&page, len) : NULL;

    if (out != NULL) {
        fprintf(out, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>/");
        print_html(out, path);
        fprintf(out, "</title>\n<h1>/");
        print_html(out, path);
        fprintf(out, "</h1>\n<ul>\n%s",
                *path != '\0' ? "<li><a href=\"../\">../</a>\n" : "");
        for (int i = 0; i < count && i < LISTED_MAX; i++)
            print_entry(out, directory, entries[i]->d_name);
        fprintf(out, "</ul>\n");
        if (count > LISTED_MAX)
            fprintf(out, "<p>and %d more\n", count - LISTED_MAX);
        if (fclose(out) != 0) {
            free(page);
            page = NULL;
        }
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    if (count >= 0)
        free(entries);
    return page;
}

/* ---- Lending ----------------------------------------------------------- */

/* NULL: it cannot be had, and the file is to be read. */
static struct mapping *map_file(int file)
{
    struct stat facts;
    struct mapping *mapping = malloc(sizeof(*mapping));

    if (mapping == NULL || fstat(file, &facts) < 0) {
        free(mapping);
        return NULL;
    }
    mapping->len = (size_t)facts.st_size;
    mapping->data = mmap(NULL, mapping->len, PROT_READ, MAP_SHARED, file, 0);
    if (mapping->data == MAP_FAILED) {
        free(mapping);
        return NULL;
    }
    atomic_init(&mapping->uses, 1);
    return mapping;
}

/* By the answer, and by the library, in any thread, for what it was lent. */
static void unmap(void *arg)
{
    struct mapping *mapping = arg;

    if (atomic_fetch_sub(&mapping->uses, 1) > 1)
        return;
    munmap(mapping->data, mapping->len);
    free(mapping);
}

/* Part of what was lent, perhaps, cannot be sent any more. */
static bool has_shrunk(const struct answer *answer)
{
    struct stat facts;

    return answer->mapping != NULL &&
           (fstat(answer->file, &facts) < 0 ||
            facts.st_size < (off_t)answer->mapping->len);
}

/*
 * Memory of a file that has become shorter is no memory: the stack, when it
 * reads what was lent, reads zeros instead, and the server goes on. (The
 * connection is reset, see has_shrunk.) Of the kernel's own reads there is no
 * signal; such a segment is not sent.
 */
static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t page = (uintptr_t)info->si_addr & ~(page_size - 1);

    (void)context;
    if (info->si_code != BUS_ADRERR ||
        mmap((void *)page, page_size, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        signal(signal_number, SIG_DFL); /* it comes again */
}

static void survive_bus_errors(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error,
                               .sa_flags = SA_SIGINFO};

    if (sigaction(SIGBUS, &action, NULL) < 0)
        err(1, "SIGBUS");
}

static ssize_t lend_file_part(int fd, struct mapping *mapping, off_t from,
                              size_t len)
{
    atomic_fetch_add(&mapping->uses, 1);
    ssize_t lent = tapir_send_lend(fd, mapping->data + from, len, MSG_NOSIGNAL,
                                   unmap, mapping);
    if (lent <= 0)
        unmap(mapping);
    return lent;
}

/* ---- Answers ----------------------------------------------------------- */

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {206, "Partial Content"},
                   {301, "Moved Permanently"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {412, "Precondition Failed"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {416, "Range Not Satisfiable"},
                   {417, "Expectation Failed"},
                   {431, "Request Header Fields Too Large"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Internal Server Error";
}

__attribute__((format(printf, 2, 3))) static void
append(struct answer *answer, const char *format, ...)
{
    size_t room = sizeof(answer->text) - answer->text_len;
    va_list arguments;

    va_start(arguments, format);
    int len =
        vsnprintf(answer->text + answer->text_len, room, format, arguments);
    va_end(arguments);
    answer->text_len += (size_t)len < room ? (size_t)len : room - 1;
}

static void append_date(struct answer *answer, const char *name, time_t time)
{
    char text[DATE_LEN];

    print_date(text, time);
    append(answer, "%s: %s\r\n", name, text);
}

static void add_piece(struct answer *answer, const char *text, off_t from,
                      off_t len)
{
    if (len > 0)
        answer->pieces[answer->count++] =
            (struct piece){.text = text, .from = from, .len = len};
}

/* What was appended since the last time is the next piece. */
static void add_text(struct answer *answer)
{
    add_piece(answer, answer->text + answer->text_cut, 0,
              (off_t)(answer->text_len - answer->text_cut));
    answer->text_cut = answer->text_len;
}

static struct answer *begin_answer(struct connection *connection, int status)
{
    struct answer *answer = connection->answer;

    connection->state = ANSWERING;
    connection->deadline = seconds() + ANSWER_TIME;
    append(answer, "HTTP/1.1 %d %s\r\n", status, reason(status));
    append_date(answer, "Date", time(NULL));
    append(answer, "Connection: %s\r\n",
           connection->closes ? "close" : "keep-alive");
    return answer;
}

/* RFC 9110 15.4.5 and 15.3.7 want these in a 304 and a 206, too. */
static void append_validators(struct answer *answer,
                              const struct validators *validators)
{
    append_date(answer, "Last-Modified", validators->modified);
    append(answer, "ETag: %s\r\nAccept-Ranges: bytes\r\n", validators->tag);
}

/* What stands before a part of several, RFC 9110 14.6. Its length. */
static int print_part(char *to, size_t room, const char *boundary,
                      const char *type, const struct range *range,
                      off_t file_len)
{
    return snprintf(to, room,
                    "\r\n--%s\r\nContent-Type: %s\r\n"
                    "Content-Range: bytes %lld-%lld/%lld\r\n\r\n",
                    boundary, type, (long long)range->first,
                    (long long)range->last, (long long)file_len);
}

/* Several ranges: the head's end, and each part after its own head. */
static void add_parts(struct answer *answer, const struct ranges *ranges,
                      const char *type, off_t file_len)
{
    enum { PART_HEAD_MAX = 256 };
    char head[PART_HEAD_MAX];
    char boundary[32];
    uint64_t random = 0;

    /* It must not be in the file: who writes that must not know it before. */
    (void)getrandom(&random, sizeof(random), 0);
    snprintf(boundary, sizeof(boundary), "part-%016llx",
             (unsigned long long)random);
    off_t len = (off_t)(strlen("\r\n----\r\n") + strlen(boundary));
    for (unsigned i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->list[i];
        len += range->last - range->first + 1;
        len += print_part(head, sizeof(head), boundary, type, range, file_len);
    }
    append(answer,
           "Content-Type: multipart/byteranges; boundary=%s\r\n"
           "Content-Length: %lld\r\n\r\n",
           boundary, (long long)len);
    for (unsigned i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->list[i];
        print_part(head, sizeof(head), boundary, type, range, file_len);
        append(answer, "%s", head);
        add_text(answer);
        add_piece(answer, NULL, range->first, range->last - range->first + 1);
    }
    append(answer, "\r\n--%s--\r\n", boundary);
    add_text(answer);
}

static void answer_parts(struct connection *connection,
                         const struct request *request,
                         const struct validators *validators,
                         const struct ranges *ranges, off_t file_len)
{
    struct answer *answer = begin_answer(connection, 206);
    const struct range *only = &ranges->list[0];
    const char *type = content_type(request->path);

    append_validators(answer, validators);
    if (ranges->count > 1) {
        add_parts(answer, ranges, type, file_len);
        return;
    }
    append(answer,
           "Content-Type: %s\r\nContent-Range: bytes %lld-%lld/%lld\r\n"
           "Content-Length: %lld\r\n\r\n",
           type, (long long)only->first, (long long)only->last,
           (long long)file_len, (long long)(only->last - only->first + 1));
    add_text(answer);
    add_piece(answer, NULL, only->first, only->last - only->first + 1);
}

static void answer_whole(struct connection *connection,
                         const struct request *request,
                         const struct validators *validators, off_t file_len)
{
    struct answer *answer = begin_answer(connection, 200);

    append_validators(answer, validators);
    append(answer, "Content-Type: %s\r\nContent-Length: %lld\r\n\r\n",
           content_type(request->path), (long long)file_len);
    add_text(answer);
    if (!request->is_head)
        add_piece(answer, NULL, 0, file_len);
}

/* Anything but a file. `file_len` is told with 416 only. */
static void answer_status(struct connection *connection,
                          const struct request *request, int status,
                          off_t file_len)
{
    struct answer *answer = begin_answer(connection, status);

    if (status == 301) {
        /* Not "//dir/", which would be a host's name (RFC 3986 4.2). */
        const char *path = request->target;
        const char *end = path + request->target_len;
        while (end - path > 1 && path[1] == '/')
            path++;
        append(answer, "Location: %.*s/%s\r\n", (int)(end - path), path, end);
    }
    if (status == 405)
        append(answer, "Allow: GET, HEAD\r\n");
    if (status == 416)
        append(answer, "Content-Range: bytes */%lld\r\n", (long long)file_len);
    append(answer, "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
           strlen("000 \n") + strlen(reason(status)));
    if (!request->is_head)
        append(answer, "%d %s\n", status, reason(status));
    add_text(answer);
}

static void answer_listing(struct connection *connection,
                           const struct request *request, int directory)
{
    size_t len;
    char *page = list_directory(directory, request->path, &len);
    if (page == NULL) {
        answer_status(connection, request, 500, 0);
        return;
    }
    struct answer *answer = begin_answer(connection, 200);
    append(answer,
           "Content-Type: text/html; charset=utf-8\r\n"
           "Content-Length: %zu\r\n\r\n",
           len);
    add_text(answer);
    answer->page = page;
    if (!request->is_head)
        add_piece(answer, page, 0, (off_t)len);
}

/* RFC 9110 13.2.2: the conditions first, then the ranges, which only GET has
 * (14.2). The file is closed with the answer. */
static void answer_file(struct connection *connection,
                        const struct request *request, int file,
                        const struct stat *facts)
{
    struct validators validators = validators_of(facts);
    struct ranges ranges;

    connection->answer->file = file;
    int status = check_conditions(request, &validators);
    if (status == 200 && !request->is_head &&
        if_range_holds(request, &validators))
        status = parse_ranges(field_value(request, "Range"), facts->st_size,
                              &ranges);
    switch (status) {
    case 200:
        answer_whole(connection, request, &validators, facts->st_size);
        break;
    case 206:
        answer_parts(connection, request, &validators, &ranges, facts->st_size);
        break;
    case 304: /* without content, RFC 9110 15.4.5 */
        append_validators(begin_answer(connection, 304), &validators);
        append(connection->answer, "\r\n");
        add_text(connection->answer);
        break;
    default:
        answer_status(connection, request, status, facts->st_size);
    }
}

static void end_answer(struct connection *connection)
{
    struct answer *answer = connection->answer;

    if (answer == NULL)
        return;
    if (answer->file >= 0)
        close(answer->file);
    if (answer->mapping != NULL)
        unmap(answer->mapping);
    free(answer->page);
    free(answer);
    connection->answer = NULL;
}

/* False: there is no memory. */
static bool make_answer(struct connection *connection)
{
    struct answer *answer = malloc(sizeof(*answer));

    if (answer == NULL)
        return false;
    answer->text_len = answer->text_cut = 0;
    answer->count = answer->at = 0;
    answer->sent = 0;
    answer->file = -1;
    answer->mapping = NULL;
    answer->page = NULL;
    connection->answer = answer;
    return true;
}

/* A mistake after which nobody knows where the next request begins. */
static bool answer_and_close(struct connection *connection,
                             const struct request *request, int status)
{
    static const struct request none;

    if (!make_answer(connection))
        return false;
    connection->closes = true;
    answer_status(connection, request != NULL ? request : &none, status, 0);
    return true;
}

/* A NUL, or a CR alone (RFC 9112 2.2), by which others might see other fields
 * in the head than we do. */
static bool has_bad_octet(const char *head, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (head[i] == '\0' || (head[i] == '\r' && head[i + 1] != '\n'))
            return true;
    return false;
}

static bool answer_request(struct server *server, struct connection *connection,
                           char *text, size_t len)
{
    struct request request = {0};
    struct stat facts;
    int file;

    int status = has_bad_octet(text, len) ? 400 : 0;
    text[len - 1] = '\0'; /* of the empty line */
    if (status == 0)
        status = parse_request(text, &request);
    if (status != 0 && status != 403 && status != 405)
        return answer_and_close(connection, &request, status);
    if (!make_answer(connection))
        return false;
    connection->closes = request.closes;
    connection->body_left = request.body_len;
    if (status == 0)
        status = open_file(server->root, &request, &file, &facts);
    if (status != 200) {
        answer_status(connection, &request, status, 0);
    } else if (S_ISREG(facts.st_mode)) {
        answer_file(connection, &request, file, &facts);
    } else {
        answer_listing(connection, &request, file);
        close(file);
    }
    return true;
}

static void consume(struct connection *connection, size_t len)
{
    connection->request_len -= len;
    memmove(connection->request, connection->request + len,
            connection->request_len);
}

/* What of a body, or of empty lines (RFC 9112 2.2), is before a request. */
static void skip_to_request(struct connection *connection)
{
    size_t skipped = connection->request_len;

    if ((off_t)skipped > connection->body_left)
        skipped = (size_t)connection->body_left;
    connection->body_left -= (off_t)skipped;
    while (skipped < connection->request_len &&
           (connection->request[skipped] == '\r' ||
            connection->request[skipped] == '\n'))
        skipped++;
    consume(connection, skipped);
}

/* Begins the answer to the next request if all of it is there. False: it is
 * over. */
static bool next_request(struct server *server, struct connection *connection)
{
    bool goes_on = true;

    if (connection->request == NULL)
        return true;
    skip_to_request(connection);
    char *text = connection->request;
    size_t len = head_length(text, connection->request_len);
    if (len > 0)
        goes_on = answer_request(server, connection, text, len);
    else if (connection->request_len == REQUEST_MAX)
        goes_on = answer_and_close(
            connection, NULL,
            memchr(text, '\n', REQUEST_MAX) != NULL ? 431 : 414);
    consume(connection, len);
    if (connection->request_len == 0) {
        free(connection->request);
        connection->request = NULL;
    }
    return goes_on;
}

/* ---- Connections ------------------------------------------------------- */

static void watch(struct server *server, int how, int fd, uint32_t events,
                  void *owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};

    if (tapir_epoll_ctl(server->epoll, how, fd, &event) < 0)
        err(1, "epoll_ctl");
}

static void listen_again(struct server *server, bool is_listening)
{
    if (server->is_listening == is_listening)
        return;
    server->is_listening = is_listening;
    watch(server, EPOLL_CTL_MOD, server->listener, is_listening ? EPOLLIN : 0,
          &server->listener);
}

/* False: there is no other now. */
static bool accept_connection(struct server *server)
{
    int yes = 1;
    int patience = ACKED_TIME * 1000;
    int fd = tapir_accept4(server->listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) {
        /* Out of something: look again in a second. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            listen_again(server, false);
        return false;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        tapir_close(fd);
        return false;
    }
    /* An answer's last piece is not to wait for an acknowledgement. */
    (void)tapir_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)tapir_setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience,
                           sizeof(patience));
    connection->fd = fd;
    connection->deadline = seconds() + REQUEST_TIME;
    connection->next = server->connections;
    connection->previous = &server->connections;
    if (connection->next != NULL)
        connection->next->previous = &connection->next;
    server->connections = connection;
    watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
    if (++server->count < server->max)
        return true;
    listen_again(server, false);
    return false;
}

/* To be ended: what is in its buffer is not to be sent. */
static void reset_at_end(const struct connection *connection)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)tapir_setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof(at_once));
}

static void end_connection(struct server *server, struct connection *connection)
{
    *connection->previous = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (server->count-- == server->max)
        listen_again(server, true);
    tapir_close(connection->fd); /* and so out of the epoll set */
    end_answer(connection);
    free(connection->request);
    free(connection);
}

/* ---- Sending ----------------------------------------------------------- */

/*
 * Long parts of a file are not copied: they go from the page cache to the
 * device as they lie there. As send(2); 0: the file has become shorter than was
 * promised.
 */
static ssize_t send_file_part(int fd, struct answer *answer, off_t from,
                              off_t left)
{
    static char chunk[CHUNK_LEN];
    size_t len = left < LENT_LEN ? (size_t)left : LENT_LEN;

    if (answer->mapping == NULL)
        answer->mapping = map_file(answer->file);
    if (has_shrunk(answer))
        return 0;
    if (answer->mapping != NULL &&
        from + (off_t)len <= (off_t)answer->mapping->len)
        return lend_file_part(fd, answer->mapping, from, len);
    ssize_t got = pread(answer->file, chunk, CHUNK_LEN, from);
    return got <= 0 ? 0 : tapir_send(fd, chunk, (size_t)got, MSG_NOSIGNAL);
}

/* What is left of pieces that are short, as far as there is room: a small
 * answer is one write. */
static size_t gather(const struct answer *answer, char chunk[CHUNK_LEN])
{
    off_t skipped = answer->sent;
    size_t len = 0;

    for (unsigned i = answer->at; i < answer->count && len < CHUNK_LEN; i++) {
        const struct piece *piece = &answer->pieces[i];
        off_t left = piece->len - skipped;
        size_t room = CHUNK_LEN - len;
        size_t wanted = left < (off_t)room ? (size_t)left : room;

        if (piece->text != NULL) {
            memcpy(chunk + len, piece->text + skipped, wanted);
        } else {
            ssize_t got =
                pread(answer->file, chunk + len, wanted, piece->from + skipped);
            if (got < (ssize_t)wanted)
                return len + (got > 0 ? (size_t)got : 0);
        }
        len += wanted;
        skipped = 0;
    }
    return len;
}

static ssize_t send_some(struct connection *connection)
{
    static char chunk[CHUNK_LEN];
    struct answer *answer = connection->answer;
    const struct piece *piece = &answer->pieces[answer->at];
    off_t left = piece->len - answer->sent;

    if (piece->text == NULL && left >= CHUNK_LEN)
        return send_file_part(connection->fd, answer,
                              piece->from + answer->sent, left);
    size_t len = gather(answer, chunk);
    return len == 0 ? 0 : tapir_send(connection->fd, chunk, len, MSG_NOSIGNAL);
}

/* False: there is more of it. */
static bool advance(struct answer *answer, off_t sent)
{
    answer->sent += sent;
    while (answer->at < answer->count &&
           answer->sent >= answer->pieces[answer->at].len)
        answer->sent -= answer->pieces[answer->at++].len;
    return answer->at == answer->count;
}

/* False when the connection is over. */
static bool write_answer(struct connection *connection)
{
    ssize_t sent = send_some(connection);

    if (sent == 0) {
        reset_at_end(connection);
        return false;
    }
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->deadline = seconds() + ANSWER_TIME;
    if (!advance(connection->answer, sent))
        return true;

    end_answer(connection);
    connection->state = connection->closes ? DRAINING : READING;
    connection->deadline =
        seconds() + (connection->closes ? DRAIN_TIME : IDLE_TIME);
    return !connection->closes || tapir_shutdown(connection->fd, SHUT_WR) == 0;
}

/* The time for a request begins with its first byte. */
static bool read_request(struct connection *connection)
{
    if (connection->request == NULL) {
        connection->request = malloc(REQUEST_MAX + 1);
        if (connection->request == NULL)
            return false;
        connection->deadline = seconds() + REQUEST_TIME;
    }
    ssize_t len = tapir_recv(connection->fd,
                             connection->request + connection->request_len,
                             REQUEST_MAX - connection->request_len, 0);
    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->request_len += (size_t)len;
    return len > 0;
}

static bool drain(struct connection *connection)
{
    char ignored[4096];
    ssize_t len = tapir_recv(connection->fd, ignored, sizeof(ignored), 0);

    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

/* One read or write, as epoll said that it can be done. False: it is over. */
static bool take_turn(struct server *server, struct connection *connection)
{
    switch (connection->state) {
    case READING:
        if (!read_request(connection))
            return false;
        break;
    case ANSWERING:
        if (!write_answer(connection))
            return false;
        break;
    case DRAINING:
        return drain(connection);
    }
    return connection->state != READING || next_request(server, connection);
}

/* The answer's first piece does not wait for epoll: mostly it is all. */
static void serve_connection(struct server *server,
                             struct connection *connection)
{
    bool was_answering = connection->state == ANSWERING;

    if (!take_turn(server, connection) ||
        (!was_answering && connection->state == ANSWERING &&
         !take_turn(server, connection))) {
        end_connection(server, connection);
        return;
    }
    bool is_answering = connection->state == ANSWERING;
    if (is_answering != was_answering)
        watch(server, EPOLL_CTL_MOD, connection->fd,
              is_answering ? EPOLLOUT : EPOLLIN, connection);
}

/* Looked at once a second. False: it is over. */
static bool is_in_time(struct server *server, struct connection *connection,
                       time_t now)
{
    bool is_late = now >= connection->deadline;

    switch (connection->state) {
    case READING:
        if (!is_late)
            return true;
        if (connection->request_len == 0 ||
            !answer_and_close(connection, NULL, 408))
            return false;
        watch(server, EPOLL_CTL_MOD, connection->fd, EPOLLOUT, connection);
        return true;
    case ANSWERING:
        if (!is_late && !has_shrunk(connection->answer))
            return true;
        reset_at_end(connection);
        return false;
    case DRAINING:
        break;
    }
    return !is_late;
}

static void end_slow_connections(struct server *server)
{
    time_t now = seconds();
    struct connection *next;

    for (struct connection *one = server->connections; one != NULL;
         one = next) {
        next = one->next;
        if (!is_in_time(server, one, now))
            end_connection(server, one);
    }
    listen_again(server, server->count < server->max);
}

/* ---- The server -------------------------------------------------------- */

static void serve(struct server *server)
{
    time_t last_look = seconds();

    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = tapir_epoll_wait(server->epoll, events, EVENTS_MAX, 1000);
        if (count < 0 && errno != EINTR)
            err(1, "epoll_wait");
        for (int i = 0; i < count; i++) {
            void *owner = events[i].data.ptr;
            if (owner == &server->signals)
                return;
            if (owner != &server->listener)
                serve_connection(server, owner);
            else
                for (int n = 0; n < ACCEPTED_MAX; n++)
                    if (!accept_connection(server))
                        break;
        }
        if (seconds() != last_look)
            end_slow_connections(server);
        last_look = seconds();
    }
}

static int open_root(const char *root)
{
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        err(2, "--root %s", root);
    return fd;
}

static void open_server(struct server *server, uint16_t port,
                        const sigset_t *signals)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};
    int yes = 1;
    int fast_open = FAST_OPEN_MAX;

    server->epoll = tapir_epoll_create1(0);
    server->listener = tapir_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    server->signals = tapir_import(signalfd(-1, signals, SFD_CLOEXEC));
    if (server->epoll < 0 || server->listener < 0 || server->signals < 0)
        err(1, "socket");
    (void)tapir_setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes,
                           sizeof(yes));
    /* A request may come twice by Fast Open, and does no harm: GET and HEAD are
     * safe (RFC 7413 6.3.1). It takes --fast-open 3, too. */
    (void)tapir_setsockopt(server->listener, IPPROTO_TCP, TCP_FASTOPEN,
                           &fast_open, sizeof(fast_open));
    if (tapir_bind(server->listener, (struct sockaddr *)&address,
                   sizeof(address)) < 0 ||
        tapir_listen(server->listener, SOMAXCONN) < 0)
        err(1, "port %u", port);
    server->is_listening = true;
    watch(server, EPOLL_CTL_ADD, server->listener, EPOLLIN, &server->listener);
    watch(server, EPOLL_CTL_ADD, server->signals, EPOLLIN, &server->signals);
}

/* To be called before the stack starts, whose thread inherits the mask. */
static sigset_t block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

/*
 * The stack's address, which may have been chosen among several: the source
 * that it takes towards its gateway. Connecting a datagram socket sends
 * nothing.
 */
static const char *own_address(const char *gateway, char text[INET_ADDRSTRLEN])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    socklen_t len = sizeof(address);
    int fd = tapir_socket(AF_INET, SOCK_DGRAM, 0);

    if (inet_pton(AF_INET, gateway, &address.sin_addr) != 1 ||
        tapir_connect(fd, (struct sockaddr *)&address, len) < 0 ||
        tapir_getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        address.sin_addr.s_addr = INADDR_ANY;
    tapir_close(fd);
    return inet_ntop(AF_INET, &address.sin_addr, text, INET_ADDRSTRLEN);
}

struct options {
    const char *root;
    uint16_t port;
    unsigned connections;
};

static unsigned number(const char *option, const char *text, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max)
        errx(2, "--%s %s: not a number from 1 to %u", option, text, max);
    return (unsigned)value;
}

/* An answer has its file open: one descriptor of the kernel's for each. */
static void allow_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"root", required_argument, 0, 'r'},
        {"port", required_argument, 0, 'p'},
        {"connections", required_argument, 0, 'c'},
        {"help", no_argument, 0, 'h'},
        {0}};
    struct options options = {
        .root = ".", .port = 80, .connections = CONNECTIONS};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "r:p:c:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'r':
            options.root = optarg;
            break;
        case 'p':
            options.port = (uint16_t)number("port", optarg, 65535);
            break;
        case 'c':
            options.connections = number("connections", optarg, 1000000);
            break;
        case 'h':
            printf("usage: httpd [--root DIR] [--port N] [--connections N]\n"
                   "  --root DIR       what is served (.)\n"
                   "  --port N         where (80)\n"
                   "  --connections N  at a time, at most; others wait (%d)\n"
                   "%s",
                   CONNECTIONS, tapir_config_help());
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (optind != argc)
        errx(2, "%s: no argument is wanted; see httpd --help", argv[optind]);
    return options;
}

int main(int argc, char **argv)
{
    struct server server = {0};
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    char address[INET_ADDRSTRLEN];

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    struct options options = parse_options(argc, argv);
    server.root = open_root(options.root);
    server.max = options.connections;
    allow_files();
    survive_bus_errors();
    sigset_t signals = block_signals();
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);

    open_server(&server, options.port, &signals);
    fprintf(stderr, "httpd: serving %s on http://%s:%u/\n", options.root,
            own_address(config.gateway, address), options.port);
    serve(&server);
    while (server.connections != NULL)
        end_connection(&server, server.connections);
    return 0; /* the library finishes what was written */
}
