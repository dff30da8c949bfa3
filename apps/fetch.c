/*
 * fetch: an HTTP/1.1 client (RFC 9110, RFC 9112): a URL to standard output or
 * to a file.
 *
 *   fetch [-F] [-I] [-o FILE] URL
 *
 * Bodies by Content-Length, chunked, or up to the end of the connection; one
 * that is cut short is an error. Up to five redirections. The exit status is
 * curl's where it has one: 22 when the answer's status is 400 or more.
 *
 * Left out: https, IPv6 addresses, several requests on a connection.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include <tapir.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    REDIRECTIONS_MAX = 5,
    LINE_MAX_LEN = 8192,
    FIELDS_MAX = 200,
    TIMEOUT_SECONDS = 60,
    EXIT_HTTP_ERROR = 22
};

/* ---- URLs -------------------------------------------------------------- */

struct url {
    char host[256];
    char port[32];
    char path[4096]; /* with the query */
};

/* Copies text up to `end` into a field; false when it is too long. */
static bool copy_part(char *to, size_t size, const char *from, const char *end)
{
    size_t len = (size_t)(end - from);

    if (len >= size)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

/* http://HOST[:PORT][/PATH][?QUERY][#FRAGMENT] (RFC 9110 4.2.1) */
static bool parse_url(const char *text, struct url *url)
{
    if (strncasecmp(text, "http://", 7) != 0)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (!isgraph((unsigned char)*c)) /* it would break the request line */
            return false;

    const char *host = text + 7;
    const char *host_end = host + strcspn(host, ":/?#");
    const char *path = host + strcspn(host, "/?#");
    const char *path_end = path + strcspn(path, "#");
    if (host == host_end || memchr(host, '@', (size_t)(path - host)) != NULL)
        return false;

    strcpy(url->port, "80");
    if (*host_end == ':' && host_end + 1 < path &&
        !copy_part(url->port, sizeof(url->port), host_end + 1, path))
        return false;
    strcpy(url->path, "/");
    size_t slash = *path != '/'; /* "http://host?query" has none */
    return copy_part(url->host, sizeof(url->host), host, host_end) &&
           copy_part(url->path + slash, sizeof(url->path) - slash, path,
                     path_end) &&
           (url->path[0] = '/');
}

/*
 * Where a Location leads from `base` (RFC 3986 5.2, without the removal of dot
 * segments, which servers do).
 */
static bool resolve_url(const char *location, const struct url *base,
                        struct url *url)
{
    char text[sizeof(struct url) + LINE_MAX_LEN];
    size_t directory_len = 0; /* of the base's path, if it is wanted */

    if (strstr(location, "://") != NULL)
        return parse_url(location, url);
    if (strncmp(location, "//", 2) == 0) {
        snprintf(text, sizeof(text), "http:%s", location);
        return parse_url(text, url);
    }
    for (size_t i = 0, len = strcspn(base->path, "?"); i < len; i++)
        if (base->path[i] == '/' && location[0] != '/')
            directory_len = i + 1;
    snprintf(text, sizeof(text), "http://%s:%s%.*s%s", base->host, base->port,
             (int)directory_len, base->path, location);
    return parse_url(text, url);
}

/* ---- The connection ---------------------------------------------------- */

/* A connection that is read through a buffer. */
struct stream {
    int fd;
    char buffer[65536];
    size_t start, end; /* what has been read and not been used */
};

/* False at the end of the connection. */
static bool fill(struct stream *stream)
{
    ssize_t len =
        tapir_recv(stream->fd, stream->buffer, sizeof(stream->buffer), 0);

    if (len < 0)
        err(1, "receive");
    stream->start = 0;
    stream->end = (size_t)len;
    return len > 0;
}

/* A line without its CRLF (RFC 9112 2.2: or LF). False at the end. */
static bool read_line(struct stream *stream, char line[LINE_MAX_LEN])
{
    size_t len = 0;

    for (;;) {
        if (stream->start == stream->end && !fill(stream))
            return false;
        char c = stream->buffer[stream->start++];
        if (c == '\n')
            break;
        if (len == LINE_MAX_LEN - 1)
            errx(1, "the answer has a line of more than %d bytes",
                 LINE_MAX_LEN);
        line[len++] = c;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    return true;
}

/* The first address that answers. By Fast Open the request goes with the SYN,
 * if an earlier connection has brought a cookie; as it changes nothing there,
 * it may also come twice (RFC 7413 6.3.1). */
static int connect_to(const struct url *url, bool is_fast)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
    int on = 1;

    int error = tapir_getaddrinfo(url->host, url->port, &hints, &found);
    if (error != 0)
        errx(2, "%s:%s: %s", url->host, url->port, gai_strerror(error));
    for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
        int fd = tapir_socket(one->ai_family, SOCK_STREAM, 0);
        if (fd < 0)
            continue;
        if (is_fast && tapir_setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT,
                                        &on, sizeof(on)) < 0)
            err(1, "-F");
        if (tapir_connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
            tapir_freeaddrinfo(found);
            (void)tapir_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
                                   sizeof(timeout));
            return fd;
        }
        int reason = errno;
        tapir_close(fd);
        errno = reason;
    }
    err(1, "%s:%s", url->host, url->port);
}

static void send_request(int fd, const char *method, const struct url *url)
{
    char request[sizeof(struct url) + 256];
    bool is_default_port = strcmp(url->port, "80") == 0;

    int len = snprintf(request, sizeof(request),
                       "%s %s HTTP/1.1\r\n"
                       "Host: %s%s%s\r\n"
                       "User-Agent: tapir-fetch\r\n"
                       "Accept: */*\r\n"
                       "Connection: close\r\n"
                       "\r\n",
                       method, url->path, url->host, is_default_port ? "" : ":",
                       is_default_port ? "" : url->port);
    /* A blocking send takes all of it. */
    if (tapir_send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        err(1, "send");
}

/* ---- The head of the answer -------------------------------------------- */

struct response {
    int status;
    char status_line[LINE_MAX_LEN];
    char location[LINE_MAX_LEN];
    bool is_chunked;
    bool has_length;
    unsigned long long length;
};

/* Digits only, in the base; anything else, or too many, is a broken answer. */
static unsigned long long length_of(const char *text, int base)
{
    char *end;

    errno = 0;
    unsigned long long length = strtoull(text, &end, base);
    if (errno != 0 || !isxdigit((unsigned char)*text) ||
        end[strspn(end, " \t")] != '\0')
        errx(1, "the answer has a length that is none: %s", text);
    return length;
}

static void take_field(struct response *response, const char *line)
{
    const char *colon = strchr(line, ':');

    if (colon == NULL)
        errx(1, "the answer has a field without a colon: %s", line);
    size_t name_len = (size_t)(colon - line);
    const char *value = colon + 1 + strspn(colon + 1, " \t");

    if (name_len == 14 && strncasecmp(line, "Content-Length", 14) == 0) {
        unsigned long long length = length_of(value, 10);
        if (response->has_length && response->length != length)
            errx(1, "the answer has two lengths");
        response->has_length = true;
        response->length = length;
    } else if (name_len == 17 &&
               strncasecmp(line, "Transfer-Encoding", 17) == 0) {
        if (strcasecmp(value, "chunked") != 0)
            errx(1, "cannot decode: %s", line);
        response->is_chunked = true;
    } else if (name_len == 8 && strncasecmp(line, "Location", 8) == 0) {
        strcpy(response->location, value);
    }
}

/* Up to the empty line. `echo`, if not NULL, gets each line. */
static void read_head(struct stream *stream, struct response *response,
                      FILE *echo)
{
    char line[LINE_MAX_LEN];

    *response = (struct response){0};
    if (!read_line(stream, response->status_line))
        errx(1, "the server gave no answer");
    if (sscanf(response->status_line, "HTTP/1.%*1[0-9] %3d",
               &response->status) != 1)
        errx(1, "not an answer of HTTP: %.80s", response->status_line);
    if (echo != NULL)
        fprintf(echo, "%s\r\n", response->status_line);

    for (int fields = 0; fields <= FIELDS_MAX; fields++) {
        if (!read_line(stream, line))
            errx(1, "the answer ends in its head");
        if (echo != NULL)
            fprintf(echo, "%s\r\n", line);
        if (line[0] == '\0')
            return;
        take_field(response, line);
    }
    errx(1, "the answer has more than %d fields", FIELDS_MAX);
}

/* ---- The body (RFC 9112 6.3) ------------------------------------------- */

/* Up to `wanted` bytes to the file; how many came before the end. */
static unsigned long long copy_bytes(struct stream *stream,
                                     unsigned long long wanted, FILE *out)
{
    unsigned long long copied = 0;

    while (copied < wanted) {
        if (stream->start == stream->end && !fill(stream))
            break;
        size_t len = stream->end - stream->start;
        if (len > wanted - copied)
            len = (size_t)(wanted - copied);
        if (fwrite(stream->buffer + stream->start, 1, len, out) != len)
            err(1, "write");
        stream->start += len;
        copied += len;
    }
    return copied;
}

static void copy_exactly(struct stream *stream, unsigned long long wanted,
                         FILE *out)
{
    unsigned long long copied = copy_bytes(stream, wanted, out);

    if (copied < wanted)
        errx(1, "the body ends after %llu of %llu bytes", copied, wanted);
}

/* RFC 9112 7.1; extensions of a chunk and trailers are not looked at. */
static void copy_chunks(struct stream *stream, FILE *out)
{
    char line[LINE_MAX_LEN];

    for (;;) {
        if (!read_line(stream, line))
            errx(1, "the body ends before its last chunk");
        line[strcspn(line, ";")] = '\0';
        unsigned long long len = length_of(line, 16);
        if (len == 0)
            break;
        copy_exactly(stream, len, out);
        if (!read_line(stream, line) || line[0] != '\0')
            errx(1, "a chunk does not end where it says");
    }
    do {
        if (!read_line(stream, line))
            errx(1, "the body ends in its trailers");
    } while (line[0] != '\0');
}

static void copy_body(struct stream *stream, const struct response *response,
                      FILE *out)
{
    if (response->status == 204 || response->status == 304)
        return;
    if (response->is_chunked)
        copy_chunks(stream, out);
    else if (response->has_length)
        copy_exactly(stream, response->length, out);
    else
        copy_bytes(stream, ~0ULL, out);
}

/* ---- A request and its answer ------------------------------------------ */

struct options {
    const char *url;
    const char *file; /* NULL: standard output */
    bool head_only;
    bool is_fast; /* TCP Fast Open */
};

static FILE *open_output(const struct options *options)
{
    if (options->file == NULL || strcmp(options->file, "-") == 0)
        return stdout;
    FILE *out = fopen(options->file, "wb");
    if (out == NULL)
        err(1, "%s", options->file);
    return out;
}

static bool is_redirection(const struct response *response)
{
    switch (response->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return response->location[0] != '\0';
    default:
        return false;
    }
}

/* One request. A redirection changes the URL and has no output. */
static bool is_fetched(const struct options *options, struct url *url)
{
    static struct stream stream;
    static struct response response;
    FILE *heads = options->head_only ? stdout : NULL;

    stream = (struct stream){.fd = connect_to(url, options->is_fast)};
    send_request(stream.fd, options->head_only ? "HEAD" : "GET", url);
    do /* 1xx: an interim answer, another one follows (RFC 9110 15.2) */
        read_head(&stream, &response, heads);
    while (response.status / 100 == 1);

    if (is_redirection(&response)) {
        struct url from = *url;
        tapir_close(stream.fd);
        if (!resolve_url(response.location, &from, url))
            errx(1, "cannot follow to %s", response.location);
        return false;
    }
    if (response.status >= 400)
        errx(EXIT_HTTP_ERROR, "http://%s:%s%s: %s", url->host, url->port,
             url->path, response.status_line);
    FILE *out = open_output(options);
    if (!options->head_only)
        copy_body(&stream, &response, out);
    tapir_close(stream.fd);
    if (fclose(out) != 0)
        err(1, "write");
    return true;
}

/* ---- Setting up -------------------------------------------------------- */

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {{"help", no_argument, 0, 'h'},
                                                 {0}};
    struct options options = {0};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "FIo:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'F':
            options.is_fast = true;
            break;
        case 'I':
            options.head_only = true;
            break;
        case 'o':
            options.file = optarg;
            break;
        case 'h':
            printf("usage: fetch [-F] [-I] [-o FILE] URL\n"
                   "  -F       by TCP Fast Open\n"
                   "  -I       only the head of the answer\n"
                   "  -o FILE  instead of standard output\n%s",
                   tapir_config_help());
            exit(0);
        default:
            exit(2); /* getopt has said what is wrong */
        }
    }
    if (argc != optind + 1)
        errx(2, "one URL is wanted; see fetch --help");
    options.url = argv[optind];
    return options;
}

int main(int argc, char **argv)
{
    struct tapir_config config;
    char why[TAPIR_TEXT_MAX];
    struct url url;

    tapir_config_init(&config);
    if (tapir_config_env(&config, why) < 0 ||
        tapir_config_args(&config, &argc, argv, why) < 0)
        errx(2, "%s", why);
    struct options options = parse_options(argc, argv);
    if (!parse_url(options.url, &url))
        errx(2, "%s: not a URL as http://HOST[:PORT]/PATH", options.url);
    if (tapir_open(&config, why) < 0)
        errx(1, "%s", why);

    for (int i = 0; i <= REDIRECTIONS_MAX; i++)
        if (is_fetched(&options, &url))
            return 0;
    errx(1, "%s: more than %d redirections", options.url, REDIRECTIONS_MAX);
}
