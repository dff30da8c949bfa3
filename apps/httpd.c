/*
 * httpd: serves the files under a directory by HTTP/1.1 and 1.0 (RFC 9110, RFC
 * 9112).
 *
 *   httpd [--root DIR] [--port N]
 *
 * One thread serves all connections with epoll; a connection is either reading
 * a request, writing the answer, or draining, which means that its last answer
 * is sent and what the client still sends is thrown away (closing at once would
 * reset the connection and might destroy the answer, RFC 9112 9.6). Each turn
 * of a connection takes one read or one write, so that a fast client does not
 * keep the others waiting. Signals come as a descriptor of the kernel's in the
 * same epoll set.
 *
 * GET and HEAD, keep-alive and pipelining. Left out: ranges, conditional
 * requests, listings of directories, request bodies (answered, then closed).
 */
#define _GNU_SOURCE /* O_PATH, program_invocation_short_name */
#include <tapir.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/openat2.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 1000,
    REQUEST_MAX = 8192, /* bytes of a request's head */
    TARGET_MAX = 4096,
    CHUNK_LEN = 65536,
    EVENTS_MAX = 64,
    FAST_OPEN_MAX = 256, /* connections whose handshake is not over */
    /* Seconds: for a whole request, without progress of an answer, to drain. */
    REQUEST_TIME = 20,
    ANSWER_TIME = 30,
    DRAIN_TIME = 3
};

enum state { READING, ANSWERING, DRAINING };

struct connection {
    struct connection *next, **previous;
    int fd;
    enum state state;
    time_t deadline;

    char request[REQUEST_MAX + 1];
    size_t request_len; /* what has been read; maybe several requests */

    /* The answer is the bytes of `head` and then those of the file. */
    char head[TARGET_MAX + 1024];
    size_t head_len;
    int file; /* a descriptor of the kernel's, -1: none */
    off_t file_len;
    off_t sent;
    bool closes; /* after this answer */
};

struct server {
    int root; /* the directory, a descriptor of the kernel's */
    int epoll;
    int listener;
    int signals;
    bool is_listening; /* not while the table is full */
    unsigned count;
    struct connection *connections;
};

/* One that was parsed. The path is relative to the root, without a NUL. */
struct request {
    bool is_head;
    bool closes;
    const char *target; /* as it came, without the query */
    size_t target_len;
    char path[TARGET_MAX + sizeof("index.html")];
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

/* The fields that matter here. 0 or the status. */
static int parse_fields(char *text, bool is_http_1_0, struct request *request)
{
    unsigned hosts = 0;
    char *save;

    for (char *line = strtok_r(text, "\r\n", &save); line != NULL;
         line = strtok_r(NULL, "\r\n", &save)) {
        size_t name_len = strcspn(line, ": \t");
        if (name_len == 0 || line[name_len] != ':')
            return 400; /* RFC 9112 5.1 and 5.2 */
        line[name_len] = '\0';
        const char *value = line + name_len + 1;
        value += strspn(value, " \t");

        if (strcasecmp(line, "Host") == 0)
            hosts++;
        if (strcasecmp(line, "Connection") == 0) {
            if (list_has(value, "close"))
                request->closes = true;
            else if (is_http_1_0 && list_has(value, "keep-alive"))
                request->closes = false;
        }
        /* A body follows, which is not read. */
        if (strcasecmp(line, "Transfer-Encoding") == 0 ||
            (strcasecmp(line, "Content-Length") == 0 && strcmp(value, "0")))
            request->closes = true;
    }
    /* RFC 9112 3.2 */
    return hosts == 1 || (is_http_1_0 && hosts == 0) ? 0 : 400;
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
    request->closes = is_http_1_0;
    int status = parse_fields(fields, is_http_1_0, request);
    if (status != 0)
        return status;
    request->is_head = strcmp(text, "HEAD") == 0;
    if (!request->is_head && strcmp(text, "GET") != 0)
        return 405;
    return parse_target(target, request);
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

/*
 * The file for the request: 200 and its descriptor, or another status. For a
 * directory it is its index.html.
 */
static int open_file(int root, struct request *request, int *file,
                     struct stat *facts)
{
    for (bool is_index = false;; is_index = true) {
        int fd = open_beneath(root, request->path);
        if (fd < 0)
            return status_of_errno(errno);
        if (fstat(fd, facts) == 0 && S_ISREG(facts->st_mode)) {
            *file = fd;
            return 200;
        }
        close(fd);
        size_t len = strlen(request->path);
        if (!S_ISDIR(facts->st_mode) || is_index)
            return 403;
        if (len > 0 && request->path[len - 1] != '/')
            return 301;
        strcpy(request->path + len, "index.html");
    }
}

static const char *content_type(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {{".css", "text/css"},
                 {".gif", "image/gif"},
                 {".htm", "text/html; charset=utf-8"},
                 {".html", "text/html; charset=utf-8"},
                 {".ico", "image/vnd.microsoft.icon"},
                 {".jpeg", "image/jpeg"},
                 {".jpg", "image/jpeg"},
                 {".js", "text/javascript"},
                 {".json", "application/json"},
                 {".md", "text/markdown; charset=utf-8"},
                 {".pdf", "application/pdf"},
                 {".png", "image/png"},
                 {".svg", "image/svg+xml"},
                 {".txt", "text/plain; charset=utf-8"},
                 {".wasm", "application/wasm"},
                 {".webp", "image/webp"},
                 {".xml", "application/xml"}};
    const char *suffix = strrchr(path, '.');

    for (size_t i = 0; suffix != NULL && i < sizeof(types) / sizeof(*types);
         i++)
        if (strcasecmp(suffix, types[i].suffix) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* ---- Answers ----------------------------------------------------------- */

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 301:
        return "Moved Permanently";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Internal Server Error";
    }
}

__attribute__((format(printf, 2, 3))) static void
append(struct connection *connection, const char *format, ...)
{
    size_t room = sizeof(connection->head) - connection->head_len;
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(connection->head + connection->head_len, room, format,
                        arguments);
    va_end(arguments);
    connection->head_len += (size_t)len < room ? (size_t)len : room - 1;
}

/* RFC 9110 5.6.7 */
static void append_date(struct connection *connection, const char *name,
                        time_t time)
{
    char text[64];
    struct tm parts;

    gmtime_r(&time, &parts);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    append(connection, "%s: %s\r\n", name, text);
}

static void begin_answer(struct connection *connection, int status)
{
    connection->state = ANSWERING;
    connection->deadline = seconds() + ANSWER_TIME;
    connection->head_len = 0;
    connection->sent = 0;
    connection->file = -1;
    connection->file_len = 0;
    append(connection, "HTTP/1.1 %d %s\r\n", status, reason(status));
    append_date(connection, "Date", time(NULL));
    append(connection, "Connection: %s\r\n",
           connection->closes ? "close" : "keep-alive");
}

static void answer_file(struct connection *connection,
                        const struct request *request, int file,
                        const struct stat *facts)
{
    begin_answer(connection, 200);
    append_date(connection, "Last-Modified", facts->st_mtime);
    append(connection, "Content-Type: %s\r\nContent-Length: %lld\r\n\r\n",
           content_type(request->path), (long long)facts->st_size);
    if (request->is_head) {
        close(file);
        return;
    }
    connection->file = file;
    connection->file_len = facts->st_size;
}

/* Anything but a file. Without a request it could not be read. */
static void answer_status(struct connection *connection,
                          const struct request *request, int status)
{
    begin_answer(connection, status);
    if (status == 301) {
        /* Not "//dir/", which would be a host's name (RFC 3986 4.2). */
        const char *path = request->target;
        const char *end = path + request->target_len;
        while (end - path > 1 && path[1] == '/')
            path++;
        append(connection, "Location: %.*s/%s\r\n", (int)(end - path), path,
               end);
    }
    if (status == 405)
        append(connection, "Allow: GET, HEAD\r\n");
    append(connection,
           "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
           strlen("000 \n") + strlen(reason(status)));
    if (request == NULL || !request->is_head)
        append(connection, "%d %s\n", status, reason(status));
}

/* A mistake after which nobody knows where the next request begins. */
static void answer_and_close(struct connection *connection, int status)
{
    connection->closes = true;
    answer_status(connection, NULL, status);
}

static void answer_request(struct server *server, struct connection *connection,
                           char *text, size_t len)
{
    struct request request = {0};
    struct stat facts;
    int file;

    text[len - 1] = '\0'; /* of the empty line */
    int status = memchr(text, '\0', len - 1) != NULL
                     ? 400
                     : parse_request(text, &request);
    if (status != 0 && status != 403 && status != 405) {
        answer_and_close(connection, status);
        return;
    }
    connection->closes = request.closes;
    if (status == 0)
        status = open_file(server->root, &request, &file, &facts);
    if (status == 200)
        answer_file(connection, &request, file, &facts);
    else
        answer_status(connection, &request, status);
}

/* Begins the answer to the next request if all of it is there. */
static void next_request(struct server *server, struct connection *connection)
{
    char *text = connection->request;
    /* RFC 9112 2.2: empty lines before a request are no request. */
    size_t skipped = 0;
    while (skipped < connection->request_len &&
           (text[skipped] == '\r' || text[skipped] == '\n'))
        skipped++;
    size_t len = head_length(text + skipped, connection->request_len - skipped);

    if (len > 0)
        answer_request(server, connection, text + skipped, len);
    else if (connection->request_len - skipped == REQUEST_MAX)
        answer_and_close(connection,
                         memchr(text, '\n', REQUEST_MAX) != NULL ? 431 : 414);
    connection->request_len -= skipped + len;
    memmove(text, text + skipped + len, connection->request_len);
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

static void accept_connection(struct server *server)
{
    int yes = 1;
    int fd = tapir_accept4(server->listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) {
        /* Out of something: look again in a second. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            listen_again(server, false);
        return;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        tapir_close(fd);
        return;
    }
    /* An answer's last piece is not to wait for an acknowledgement. */
    (void)tapir_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    connection->fd = fd;
    connection->file = -1;
    connection->deadline = seconds() + REQUEST_TIME;
    connection->next = server->connections;
    connection->previous = &server->connections;
    if (connection->next != NULL)
        connection->next->previous = &connection->next;
    server->connections = connection;
    if (++server->count == CONNECTIONS_MAX)
        listen_again(server, false);
    watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
}

static void end_connection(struct server *server, struct connection *connection)
{
    *connection->previous = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    server->count--;
    tapir_close(connection->fd); /* and so out of the epoll set */
    if (connection->file >= 0)
        close(connection->file);
    free(connection);
}

/* The next piece of the answer: what is left of the head, and of the file. */
static size_t next_chunk(const struct connection *connection,
                         char chunk[CHUNK_LEN])
{
    off_t in_file = connection->sent - (off_t)connection->head_len;
    off_t left = connection->file_len;
    size_t len = 0;

    if (in_file < 0) {
        len = (size_t)-in_file;
        memcpy(chunk, connection->head + connection->sent, len);
        in_file = 0;
    }
    left -= in_file;
    if (left > (off_t)(CHUNK_LEN - len))
        left = (off_t)(CHUNK_LEN - len);
    if (left > 0) {
        ssize_t got =
            pread(connection->file, chunk + len, (size_t)left, in_file);
        len += got > 0 ? (size_t)got : 0;
    }
    return len;
}

/* False when the connection is over. */
static bool write_answer(struct connection *connection)
{
    static char chunk[CHUNK_LEN];
    size_t len = next_chunk(connection, chunk);

    if (len == 0) /* the file has become shorter than was promised */
        return false;
    ssize_t sent = tapir_send(connection->fd, chunk, len, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->sent += sent;
    connection->deadline = seconds() + ANSWER_TIME;
    if (connection->sent < (off_t)connection->head_len + connection->file_len)
        return true;

    if (connection->file >= 0)
        close(connection->file);
    connection->file = -1;
    connection->state = connection->closes ? DRAINING : READING;
    connection->deadline =
        seconds() + (connection->closes ? DRAIN_TIME : REQUEST_TIME);
    return !connection->closes || tapir_shutdown(connection->fd, SHUT_WR) == 0;
}

static bool read_request(struct connection *connection)
{
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
    if (connection->state == READING)
        next_request(server, connection);
    return true;
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

/* Clients that take too long, looked for once a second. */
static void end_slow_connections(struct server *server)
{
    time_t now = seconds();
    struct connection *next;

    for (struct connection *one = server->connections; one != NULL;
         one = next) {
        next = one->next;
        if (now < one->deadline)
            continue;
        if (one->state == READING && one->request_len > 0) {
            answer_and_close(one, 408);
            watch(server, EPOLL_CTL_MOD, one->fd, EPOLLOUT, one);
        } else {
            end_connection(server, one);
        }
    }
    listen_again(server, server->count < CONNECTIONS_MAX);
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
            if (owner == &server->listener)
                accept_connection(server);
            else
                serve_connection(server, owner);
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
};

static uint16_t port_number(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || port < 1 || port > 65535)
        errx(2, "--port %s: not a number from 1 to 65535", text);
    return (uint16_t)port;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"root", required_argument, 0, 'r'},
        {"port", required_argument, 0, 'p'},
        {"help", no_argument, 0, 'h'},
        {0}};
    struct options options = {.root = ".", .port = 80};
    int option;

    argv[0] = program_invocation_short_name; /* getopt's messages as err's */
    while ((option = getopt_long(argc, argv, "r:p:h", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 'r':
            options.root = optarg;
            break;
        case 'p':
            options.port = port_number(optarg);
            break;
        case 'h':
            printf("usage: httpd [--root DIR] [--port N]\n"
                   "  --root DIR  what is served (.)\n"
                   "  --port N    where (80)\n%s",
                   tapir_config_help());
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
