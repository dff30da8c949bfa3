#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    BUFFER = 1 << 17,
    QUIET_MS = 20,
    FILL_MAX = 64 << 20,
    BLOCKS_MS = 60, /* a call that takes so long is interrupted */
    IOV_MAX_OURS = 8
};

/* One byte at a time is all that a handler may say. */
static volatile sig_atomic_t pipe_broke;

static void on_signal(int signal)
{
    if (signal == SIGPIPE)
        pipe_broke = 1;
}

void calls_begin(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */

    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
}

/* From now on what blocks ends with EINTR; again and again, for a signal may
 * come before the call sleeps. */
static void interrupt_after(int ms)
{
    struct itimerval timer = {.it_value.tv_usec = ms * 1000,
                              .it_interval.tv_usec = ms > 0 ? 20000 : 0};

    setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- Names --------------------------------------------------------------- */

static struct name *name_find(struct script *script, const char *text)
{
    for (int i = 0; i < script->count; i++) {
        if (strcmp(script->names[i].text, text) == 0)
            return &script->names[i];
    }
    return NULL;
}

/* What had the name before stays open, without one. */
static void name_lose(struct name *name)
{
    if (name != NULL && name->open)
        *name->text = '\0';
}

void name_set(struct script *script, const char *text, int fd)
{
    struct name *name;

    if (fd < 0)
        return;
    name_lose(name_find(script, text));
    name = name_find(script, text);
    if (name == NULL) {
        if (script->count == NAMES_MAX || strlen(text) > NAME_MAX_LEN)
            script_wrong("too many names, or too long", text);
        name = &script->names[script->count++];
        snprintf(name->text, sizeof(name->text), "%s", text);
    }
    name->fd = fd;
    name->open = true;
}

int fd_at(struct script *script, const struct words *words, int at)
{
    const char *word = at < words->count ? words->word[at] : "";
    struct name *name = name_find(script, word);

    if (name != NULL)
        return name->fd;
    return (*word >= '0' && *word <= '9') ? atoi(word) : -1;
}

static const char *word_at(const struct words *words, int at,
                           const char *otherwise)
{
    return at < words->count ? words->word[at] : otherwise;
}

/* ---- Results ------------------------------------------------------------- */

void say_result(struct text *out, ssize_t result)
{
    int error = errno;

    say(out, " = %zd", result);
    if (result < 0) {
        say(out, " ");
        say_errno(out, error);
    }
}

static void say_bytes(struct text *out, const uint8_t *data, ssize_t len)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (ssize_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * 16777619u;
    if (len > 0)
        say(out, " #%08x", hash);
}

uint8_t *bytes_to_write(struct script *script, size_t len)
{
    static uint8_t data[BUFFER];

    for (size_t i = 0; i < len && i < sizeof(data); i++)
        data[i] = (uint8_t)(script->written++ * 31 >> 3);
    return data;
}

static uint8_t *room_to_read(void)
{
    static uint8_t data[BUFFER];

    return data;
}

/* "null": no memory at all. */
static uint8_t *unless_null(const struct words *words, int at, uint8_t *data)
{
    return strcmp(word_at(words, at, ""), "null") == 0 ? NULL : data;
}

size_t length_at(const struct words *words, int at)
{
    int len = constant_at(words, at, 0);

    if (len > BUFFER)
        script_wrong("too long", words->word[at]);
    return (size_t)len;
}

/* ---- Beginning and end --------------------------------------------------- */

static void call_socket(struct script *script, struct words *w,
                        struct text *out)
{
    int fd = CALL(socket)(constant_at(w, 2, AF_INET),
                          constant_at(w, 3, SOCK_STREAM), constant_at(w, 4, 0));

    say_result(out, fd);
    name_set(script, w->word[1], fd);
}

static void call_bind(struct script *script, struct words *w, struct text *out)
{
    struct address to;

    address_of(script, word_at(w, 2, "any:0"), &to);
    say_result(out, CALL(bind)(fd_at(script, w, 1), to.pointer, to.len));
}

static void call_connect(struct script *script, struct words *w,
                         struct text *out)
{
    struct address to;

    address_of(script, word_at(w, 2, "none"), &to);
    say_result(out, CALL(connect)(fd_at(script, w, 1), to.pointer, to.len));
}

static void call_listen(struct script *script, struct words *w,
                        struct text *out)
{
    say_result(out, CALL(listen)(fd_at(script, w, 1), constant_at(w, 2, 8)));
}

/* accept NAME LISTENER FLAGS [LENGTH | null] */
static void call_accept(struct script *script, struct words *w,
                        struct text *out)
{
    struct sockaddr_storage from = {0};
    socklen_t len = (socklen_t)(strcmp(word_at(w, 4, ""), "null") == 0
                                    ? 0
                                    : constant_at(w, 4, sizeof(from)));
    int listener = fd_at(script, w, 2);
    int flags = constant_at(w, 3, 0);
    bool wants = w->count < 5 || strcmp(w->word[4], "null") != 0;
    int fd =
        flags == 0
            ? CALL(accept)(listener, wants ? (struct sockaddr *)&from : NULL,
                           wants ? &len : NULL)
            : CALL(accept4)(listener, wants ? (struct sockaddr *)&from : NULL,
                            wants ? &len : NULL, flags);

    say_result(out, fd);
    name_set(script, w->word[1], fd);
    if (fd < 0 || !wants)
        return;
    say(out, " from %u ", len);
    say_address(script, out, &from);
}

static void call_shutdown(struct script *script, struct words *w,
                          struct text *out)
{
    say_result(
        out, CALL(shutdown)(fd_at(script, w, 1), constant_at(w, 2, SHUT_RDWR)));
}

static void call_close(struct script *script, struct words *w, struct text *out)
{
    struct name *name = name_find(script, word_at(w, 1, ""));

    say_result(out, CALL(close)(fd_at(script, w, 1)));
    if (name != NULL)
        name->open = false;
}

static void call_dup(struct script *script, struct words *w, struct text *out)
{
    int fd = CALL(dup)(fd_at(script, w, 2));

    say_result(out, fd);
    name_set(script, w->word[1], fd);
}

static void call_dup2(struct script *script, struct words *w, struct text *out)
{
    int fd = CALL(dup2)(fd_at(script, w, 1), fd_at(script, w, 2));

    say_result(out, fd);
}

/* dup3 FD FD FLAGS */
static void call_dup3(struct script *script, struct words *w, struct text *out)
{
    int fd = CALL(dup3)(fd_at(script, w, 1), fd_at(script, w, 2),
                        constant_at(w, 3, 0));

    say_result(out, fd);
}

/* dupfd NAME FD LEAST [COMMAND] */
static void call_dupfd(struct script *script, struct words *w, struct text *out)
{
    int fd = CALL(fcntl)(fd_at(script, w, 2), constant_at(w, 4, F_DUPFD),
                         constant_at(w, 3, 0));

    say_result(out, fd);
    name_set(script, w->word[1], fd);
}

/* ---- Sending ------------------------------------------------------------- */

static void call_send(struct script *script, struct words *w, struct text *out)
{
    size_t len = length_at(w, 2);
    uint8_t *data = unless_null(w, 4, bytes_to_write(script, len));

    say_result(
        out, CALL(send)(fd_at(script, w, 1), data, len, constant_at(w, 3, 0)));
}

static void call_write(struct script *script, struct words *w, struct text *out)
{
    size_t len = length_at(w, 2);
    uint8_t *data = unless_null(w, 3, bytes_to_write(script, len));

    say_result(out, CALL(write)(fd_at(script, w, 1), data, len));
}

static void call_sendto(struct script *script, struct words *w,
                        struct text *out)
{
    size_t len = length_at(w, 2);
    struct address to;

    address_of(script, word_at(w, 4, "none"), &to);
    say_result(out,
               CALL(sendto)(fd_at(script, w, 1), bytes_to_write(script, len),
                            len, constant_at(w, 3, 0), to.pointer, to.len));
}

/* "10,0,20": pieces of a buffer; how many. */
static int pieces_of(const char *word, uint8_t *data, struct iovec *iov)
{
    int count = 0;

    while (*word != '\0' && *word != '-' && count < IOV_MAX_OURS) {
        char *end;
        size_t len = strtoul(word, &end, 10);

        iov[count++] = (struct iovec){.iov_base = data, .iov_len = len};
        data += len;
        word = *end == ',' ? end + 1 : end;
    }
    return count;
}

static void add_control(struct msghdr *message, int level, int type,
                        const void *data, size_t len)
{
    struct cmsghdr *header = (struct cmsghdr *)message->msg_control;

    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
    memcpy(CMSG_DATA(header), data, len);
    message->msg_controllen = CMSG_SPACE(len);
}

/* One message: ttl:N, tos:N, mark:N, other:N (of no level), udp:N (of no type
 * that there is), seg:N (UDP_SEGMENT), src:ADDRESS. */
static void control_of(const struct script *script, const char *word,
                       struct msghdr *message)
{
    static const struct {
        const char *name;
        int level;
        int type;
    } kinds[] = {
        {"ttl:", IPPROTO_IP, IP_TTL},   {"tos:", IPPROTO_IP, IP_TOS},
        {"mark:", SOL_SOCKET, SO_MARK}, {"other:", 9999, 1},
        {"udp:", IPPROTO_UDP, 9999},    {"longseg:", IPPROTO_UDP, 103},
    };
    uint16_t segment;
    struct in_pktinfo info = {0};
    struct address from;

    if (strncmp(word, "src:", 4) == 0) {
        address_of(script, word + 4, &from);
        info.ipi_spec_dst = ((struct sockaddr_in *)&from.data)->sin_addr;
        add_control(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    }
    if (strncmp(word, "seg:", 4) == 0) {
        segment = (uint16_t)atoi(word + 4);
        add_control(message, IPPROTO_UDP, 103, &segment, sizeof(segment));
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        size_t len = strlen(kinds[i].name);

        if (strncmp(word, kinds[i].name, len) == 0) {
            int value = atoi(word + len);

            add_control(message, kinds[i].level, kinds[i].type, &value,
                        sizeof(value));
        }
    }
}

/* sendmsg FD PIECES FLAGS ADDRESS [CONTROL] */
static void call_sendmsg(struct script *script, struct words *w,
                         struct text *out)
{
    _Alignas(struct cmsghdr) uint8_t control[64];
    struct iovec iov[IOV_MAX_OURS];
    struct address to;
    struct msghdr message = {.msg_iov = iov, .msg_control = control};

    message.msg_iovlen = (size_t)pieces_of(word_at(w, 2, "0"),
                                           bytes_to_write(script, 4096), iov);
    address_of(script, word_at(w, 4, "none"), &to);
    message.msg_name = to.pointer == NULL ? NULL : &to.data;
    message.msg_namelen = to.len;
    control_of(script, word_at(w, 5, ""), &message);
    say_result(out, CALL(sendmsg)(fd_at(script, w, 1), &message,
                                  constant_at(w, 3, 0)));
}

/* sendmmsg FD COUNT LENGTH FLAGS ADDRESS */
static void call_sendmmsg(struct script *script, struct words *w,
                          struct text *out)
{
    struct mmsghdr messages[IOV_MAX_OURS] = {0};
    struct iovec iov[IOV_MAX_OURS];
    unsigned count = (unsigned)constant_at(w, 2, 2);
    struct address to;

    address_of(script, word_at(w, 5, "none"), &to);
    for (unsigned i = 0; i < count && i < IOV_MAX_OURS; i++) {
        iov[i] = (struct iovec){bytes_to_write(script, length_at(w, 3)),
                                length_at(w, 3)};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = to.pointer == NULL ? NULL : &to.data,
            .msg_namelen = to.len,
            .msg_iov = &iov[i],
            .msg_iovlen = 1,
        };
    }
    say_result(out, CALL(sendmmsg)(fd_at(script, w, 1), messages, count,
                                   constant_at(w, 4, 0)));
    for (unsigned i = 0; i < count && i < IOV_MAX_OURS; i++)
        say(out, " %u", messages[i].msg_len);
}

static void call_writev(struct script *script, struct words *w,
                        struct text *out)
{
    struct iovec iov[IOV_MAX_OURS];
    int count =
        pieces_of(word_at(w, 2, "0"), bytes_to_write(script, 4096), iov);

    say_result(
        out, CALL(writev)(fd_at(script, w, 1), iov, constant_at(w, 3, count)));
}

/* Writes until it would block or fails; how much that was is each one's own. */
static void call_fill(struct script *script, struct words *w, struct text *out)
{
    int fd = fd_at(script, w, 1);
    ssize_t result = 0;

    for (long total = 0; total < FILL_MAX && result >= 0; total += result)
        result =
            CALL(send)(fd, bytes_to_write(script, 65536), 65536, MSG_DONTWAIT);
    say_result(out, result);
}

/* ---- Receiving ----------------------------------------------------------- */

static void call_recv(struct script *script, struct words *w, struct text *out)
{
    uint8_t *data = unless_null(w, 4, room_to_read());
    ssize_t len = CALL(recv)(fd_at(script, w, 1), data, length_at(w, 2),
                             constant_at(w, 3, 0));

    say_result(out, len);
    if (data != NULL && (constant_at(w, 3, 0) & MSG_TRUNC) == 0)
        say_bytes(out, data, len);
}

static void call_read(struct script *script, struct words *w, struct text *out)
{
    uint8_t *data = unless_null(w, 3, room_to_read());
    ssize_t len = CALL(read)(fd_at(script, w, 1), data, length_at(w, 2));

    say_result(out, len);
    if (data != NULL)
        say_bytes(out, data, len);
}

/* recvfrom FD LENGTH FLAGS [LENGTH-OF-ADDRESS] */
static void call_recvfrom(struct script *script, struct words *w,
                          struct text *out)
{
    struct sockaddr_storage from = {0};
    socklen_t from_len = (socklen_t)constant_at(w, 4, sizeof(from));
    ssize_t len = CALL(recvfrom)(fd_at(script, w, 1), room_to_read(),
                                 length_at(w, 2), constant_at(w, 3, 0),
                                 (struct sockaddr *)&from, &from_len);

    say_result(out, len);
    if (len < 0)
        return;
    if ((constant_at(w, 3, 0) & MSG_TRUNC) == 0)
        say_bytes(out, room_to_read(), len);
    say(out, " from %u ", from_len);
    say_address(script, out, &from);
}

/* Which there are, and of those that are an int the value. */
static void say_control(struct text *out, struct msghdr *message)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        size_t len = header->cmsg_len - CMSG_LEN(0);
        int value;

        say(out, " %d/%d(%zu)", header->cmsg_level, header->cmsg_type, len);
        if (len != sizeof(value))
            continue;
        memcpy(&value, CMSG_DATA(header), sizeof(value));
        say(out, "=%d", value);
    }
}

/* recvmmsg FD COUNT LENGTH FLAGS */
static void call_recvmmsg(struct script *script, struct words *w,
                          struct text *out)
{
    struct mmsghdr messages[IOV_MAX_OURS] = {0};
    struct iovec iov = {room_to_read(), length_at(w, 3)};
    unsigned count = (unsigned)constant_at(w, 2, 2);
    int got;

    for (unsigned i = 0; i < count && i < IOV_MAX_OURS; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
    got = CALL(recvmmsg)(fd_at(script, w, 1), messages, count,
                         constant_at(w, 4, 0), NULL);
    say_result(out, got);
    for (int i = 0; i < got; i++)
        say(out, " %u:%#x", messages[i].msg_len,
            (unsigned)messages[i].msg_hdr.msg_flags);
}

static void call_recvmsg(struct script *script, struct words *w,
                         struct text *out)
{
    struct sockaddr_storage from = {0};
    struct iovec iov[IOV_MAX_OURS];
    _Alignas(struct cmsghdr) uint8_t control[256];
    struct msghdr message = {
        .msg_name = &from,
        .msg_namelen = sizeof(from),
        .msg_iov = iov,
        .msg_iovlen =
            (size_t)pieces_of(word_at(w, 2, "0"), room_to_read(), iov),
        .msg_control = control,
        .msg_controllen = (size_t)constant_at(w, 4, sizeof(control)),
    };
    ssize_t len =
        CALL(recvmsg)(fd_at(script, w, 1), &message, constant_at(w, 3, 0));

    say_result(out, len);
    if (len < 0)
        return;
    say_bytes(out, room_to_read(), len > BUFFER ? BUFFER : len);
    say(out, " from %u ", message.msg_namelen);
    say_address(script, out, &from);
    say(out, " flags %#x control %zu", (unsigned)message.msg_flags,
        message.msg_controllen);
    say_control(out, &message);
}

static void call_readv(struct script *script, struct words *w, struct text *out)
{
    struct iovec iov[IOV_MAX_OURS];
    int count = pieces_of(word_at(w, 2, "0"), room_to_read(), iov);
    ssize_t len =
        CALL(readv)(fd_at(script, w, 1), iov, constant_at(w, 3, count));

    say_result(out, len);
    say_bytes(out, room_to_read(), len);
}

/* Reads until the end, an error, or nothing more has come for a while. */
static void call_drain(struct script *script, struct words *w, struct text *out)
{
    int fd = fd_at(script, w, 1);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    ssize_t len;

    do {
        len = CALL(recv)(fd, room_to_read(), BUFFER, MSG_DONTWAIT);
    } while (len > 0 || (len < 0 && errno == EAGAIN &&
                         CALL(poll)(&polled, 1, QUIET_MS) > 0));
    say_result(out, len);
}

/* ---- Names of sockets, options ------------------------------------------- */

static void say_named(struct script *script, struct text *out, int result,
                      const struct sockaddr_storage *addr, socklen_t len)
{
    say_result(out, result);
    if (result < 0)
        return;
    say(out, " %u ", len);
    say_address(script, out, addr);
}

static void call_getsockname(struct script *script, struct words *w,
                             struct text *out)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = (socklen_t)constant_at(w, 2, sizeof(addr));
    int result =
        CALL(getsockname)(fd_at(script, w, 1), (struct sockaddr *)&addr, &len);

    say_named(script, out, result, &addr, len);
}

static void call_getpeername(struct script *script, struct words *w,
                             struct text *out)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = (socklen_t)constant_at(w, 2, sizeof(addr));
    int result =
        CALL(getpeername)(fd_at(script, w, 1), (struct sockaddr *)&addr, &len);

    say_named(script, out, result, &addr, len);
}

/* getsockopt FD LEVEL NAME [LENGTH] */
static void call_getsockopt(struct script *script, struct words *w,
                            struct text *out)
{
    uint8_t value[256] = {0};
    socklen_t len = (socklen_t)constant_at(w, 4, sizeof(int));
    int result = CALL(getsockopt)(fd_at(script, w, 1), constant_at(w, 2, 0),
                                  constant_at(w, 3, 0), value, &len);

    say_result(out, result);
    if (result < 0)
        return;
    say(out, " %u:", len);
    if (len == sizeof(int)) {
        int number;
        memcpy(&number, value, sizeof(number));
        say(out, " %d", number);
    } else {
        for (socklen_t i = 0; i < len && i < 16; i++)
            say(out, " %02x", value[i]);
    }
}

/*
 * setsockopt FD LEVEL NAME VALUE [LENGTH]; a value is a number, two of them
 * (1,0: a linger), time:SECONDS,MICROSECONDS, or null.
 */
static void call_setsockopt(struct script *script, struct words *w,
                            struct text *out)
{
    union {
        int number[2];
        struct timeval time;
        uint8_t bytes[64];
    } value = {.bytes = {0}};
    const char *word = word_at(w, 4, "0");
    const char *comma = strchr(word, ',');
    socklen_t len = sizeof(int);

    if (strncmp(word, "time:", 5) == 0) {
        value.time.tv_sec = atoi(word + 5);
        value.time.tv_usec = comma == NULL ? 0 : atoi(comma + 1);
        len = sizeof(value.time);
    } else if (comma != NULL) {
        value.number[0] = atoi(word);
        value.number[1] = atoi(comma + 1);
        len = sizeof(value.number);
    } else if (strcmp(word, "null") != 0) {
        value.number[0] = constant_of(word);
    }
    say_result(out, CALL(setsockopt)(fd_at(script, w, 1), constant_at(w, 2, 0),
                                     constant_at(w, 3, 0),
                                     strcmp(word, "null") == 0 ? NULL : &value,
                                     (socklen_t)constant_at(w, 5, (int)len)));
}

static void call_fcntl(struct script *script, struct words *w, struct text *out)
{
    say_result(out, CALL(fcntl)(fd_at(script, w, 1), constant_at(w, 2, 0),
                                constant_at(w, 3, 0)));
}

static void call_ioctl(struct script *script, struct words *w, struct text *out)
{
    int value = constant_at(w, 3, 0);
    unsigned request = (unsigned)constant_at(w, 2, 0);
    int result = CALL(ioctl)(fd_at(script, w, 1), request, &value);

    say_result(out, result);
    if (result >= 0 && request != SIOCOUTQ)
        say(out, " value %d", value);
    else if (result >= 0) /* after a fill it is as much as buffers hold */
        say(out, value == 0 ? " nothing" : " something");
}

/* ---- Readiness ----------------------------------------------------------- */

/* poll FD EVENTS MS */
static void call_poll(struct script *script, struct words *w, struct text *out)
{
    struct pollfd polled = {.fd = fd_at(script, w, 1),
                            .events = (short)constant_at(w, 2, POLLIN)};

    say_result(out, CALL(poll)(&polled, 1, constant_at(w, 3, 0)));
    say(out, " ");
    say_poll_events(out, polled.revents);
}

static void call_ppoll(struct script *script, struct words *w, struct text *out)
{
    struct pollfd polled = {.fd = fd_at(script, w, 1),
                            .events = (short)constant_at(w, 2, POLLIN)};
    struct timespec timeout = {.tv_nsec = constant_at(w, 3, 0) * 1000000L};

    say_result(out, CALL(ppoll)(&polled, 1, &timeout, NULL));
    say(out, " ");
    say_poll_events(out, polled.revents);
}

/* select FD MS: of all three kinds. */
static void call_select(struct script *script, struct words *w,
                        struct text *out)
{
    int fd = fd_at(script, w, 1);
    struct timeval timeout = {.tv_usec = constant_at(w, 2, 0) * 1000};
    fd_set sets[3];

    for (int i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
        if (fd >= 0)
            FD_SET(fd, &sets[i]);
    }
    int result = CALL(select)(fd + 1, &sets[0], &sets[1], &sets[2], &timeout);
    say_result(out, result);
    for (int i = 0; i < 3; i++) {
        if (result > 0 && FD_ISSET(fd, &sets[i]))
            say(out, " %c", "rwx"[i]);
    }
}

static void call_epoll(struct script *script, struct words *w, struct text *out)
{
    int fd = CALL(epoll_create1)(constant_at(w, 2, 0));

    say_result(out, fd);
    name_set(script, w->word[1], fd);
}

/* epoll_ctl SET OPERATION FD EVENTS */
static void call_epoll_ctl(struct script *script, struct words *w,
                           struct text *out)
{
    int fd = fd_at(script, w, 3);
    struct epoll_event event = {.events = (uint32_t)constant_at(w, 4, EPOLLIN),
                                .data.fd = fd};

    say_result(out,
               CALL(epoll_ctl)(fd_at(script, w, 1),
                               constant_at(w, 2, EPOLL_CTL_ADD), fd, &event));
}

/* epoll_wait SET MAX MS */
static void call_epoll_wait(struct script *script, struct words *w,
                            struct text *out)
{
    struct epoll_event events[8];
    int max = constant_at(w, 2, 8);
    int count = CALL(epoll_wait)(fd_at(script, w, 1), events, max > 8 ? 8 : max,
                                 constant_at(w, 3, 0));

    say_result(out, count);
    for (int i = 0; i < count; i++) {
        say(out, " %d:", events[i].data.fd);
        say_poll_events(out, (int)events[i].events);
    }
}

static void call_wait(struct script *script, struct words *w, struct text *out)
{
    (void)script;
    (void)out;
    (void)CALL(poll)(NULL, 0, constant_at(w, 1, 1));
}

/* ---- A line -------------------------------------------------------------- */

static const struct call_entry calls[] = {
    {"socket", call_socket},
    {"bind", call_bind},
    {"listen", call_listen},
    {"connect", call_connect},
    {"accept", call_accept},
    {"shutdown", call_shutdown},
    {"close", call_close},
    {"dup", call_dup},
    {"dup2", call_dup2},
    {"dup3", call_dup3},
    {"dupfd", call_dupfd},
    {"send", call_send},
    {"sendto", call_sendto},
    {"sendmsg", call_sendmsg},
    {"sendmmsg", call_sendmmsg},
    {"write", call_write},
    {"writev", call_writev},
    {"fill", call_fill},
    {"recv", call_recv},
    {"recvfrom", call_recvfrom},
    {"recvmsg", call_recvmsg},
    {"recvmmsg", call_recvmmsg},
    {"read", call_read},
    {"readv", call_readv},
    {"drain", call_drain},
    {"getsockname", call_getsockname},
    {"getpeername", call_getpeername},
    {"getsockopt", call_getsockopt},
    {"setsockopt", call_setsockopt},
    {"fcntl", call_fcntl},
    {"ioctl", call_ioctl},
    {"poll", call_poll},
    {"ppoll", call_ppoll},
    {"select", call_select},
    {"epoll", call_epoll},
    {"epoll_ctl", call_epoll_ctl},
    {"epoll_wait", call_epoll_wait},
    {"wait", call_wait},
};

static struct words split(char *line)
{
    struct words words = {.count = 0};
    char *rest;

    for (char *word = strtok_r(line, " ", &rest);
         word != NULL && words.count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words.word[words.count++] = word;
    return words;
}

static const struct call_entry *find_call(const char *name)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (strcmp(calls[i].name, name) == 0)
            return &calls[i];
    for (size_t i = 0; i < struct_call_count; i++)
        if (strcmp(struct_calls[i].name, name) == 0)
            return &struct_calls[i];
    script_wrong("no such call", name);
}

void script_call(struct script *script, char *line, struct text *out)
{
    struct words words = split(line);

    if (words.count < 2)
        script_wrong("a call of nothing", line);

    const struct call_entry *call = find_call(words.word[0]);

    pipe_broke = 0;
    interrupt_after(BLOCKS_MS);
    call->function(script, &words, out);
    interrupt_after(0);
    if (pipe_broke)
        say(out, " SIGPIPE");
}

void script_ready(const struct script *script, struct text *out)
{
    for (int i = 0; i < script->count; i++) {
        const struct name *name = &script->names[i];
        struct pollfd polled = {
            .fd = name->fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};

        if (!name->open || *name->text == '\0')
            continue;
        say(out, " %s:", name->text);
        if (CALL(poll)(&polled, 1, 0) > 0)
            say_poll_events(out, polled.revents);
    }
}

void script_end(struct script *script, bool reset)
{
    struct linger at_once = {.l_onoff = reset};

    for (int i = 0; i < script->count; i++) {
        if (!script->names[i].open)
            continue;
        (void)CALL(setsockopt)(script->names[i].fd, SOL_SOCKET, SO_LINGER,
                               &at_once, sizeof(at_once));
        CALL(close)(script->names[i].fd);
    }
    *script = (struct script){.number = script->number};
}
