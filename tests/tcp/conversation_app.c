/*
 * The program that uses the stack's sockets.
 */
#include "tests/tcp/conversation_internal.h"

#include "tests/tcp/payload.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* What a call answered, when it should have been something else. */
static void check_result(struct conversation *c, const char *call, long wanted,
                         long result)
{
    if (result == wanted)
        return;
    conversation_fail(c, "%s: %ld (%s) instead of %ld (%s)", call, result,
                      result < 0 ? strerror((int)-result) : "a count", wanted,
                      wanted < 0 ? strerror((int)-wanted) : "a count");
}

static struct endpoint endpoint_of(uint32_t addr, uint16_t port)
{
    return (struct endpoint){.addr = ip_addr_v4(addr), .port = port};
}

void conversation_app_listens(struct conversation *c)
{
    struct endpoint local = endpoint_of(STACK_ADDR, STACK_PORT);

    check_result(
        c, "socket", 0,
        stack_socket(c->stack, c->now, AF_INET, SOCK_STREAM, 0, &c->listener));
    conversation_app_sets(c, SOL_SOCKET, SO_REUSEADDR, 1);
    check_result(c, "bind", 0,
                 stack_bind(c->stack, c->now, c->listener, &local));
    check_result(
        c, "listen", 0,
        stack_listen(c->stack, c->now, c->listener, (int)c->options.backlog));
    log_event(c, "listen");
    end_pass(c);
}

void conversation_app_opens_socket(struct conversation *c)
{
    c->peer->stack_port = 0;
    check_result(c, "socket", 0,
                 stack_socket(c->stack, c->now, AF_INET, SOCK_STREAM, 0,
                              &c->peer->socket));
}

int conversation_app_tries_to_connect(struct conversation *c)
{
    struct endpoint remote = endpoint_of(PEER_ADDR, c->peer->port);
    int result = stack_connect(c->stack, c->now, c->peer->socket, &remote);

    log_event(c, "connect: %d", result);
    end_pass(c);
    return result;
}

void conversation_app_connects(struct conversation *c)
{
    conversation_app_opens_socket(c);
    check_result(c, "connect", -EINPROGRESS,
                 conversation_app_tries_to_connect(c));
}

void conversation_app_accepts(struct conversation *c)
{
    struct endpoint remote;

    log_event(c, "accept");
    check_result(
        c, "accept", 0,
        stack_accept(c->stack, c->now, c->listener, &c->peer->socket, &remote));
    if (remote.port != c->peer->port ||
        ip_addr_to_v4(&remote.addr) != PEER_ADDR)
        conversation_fail(c, "accept gave the connection from port %u",
                          remote.port);
    end_pass(c);
}

void conversation_app_cannot_accept(struct conversation *c)
{
    struct endpoint remote;
    socket_id id;

    check_result(c, "accept", -EAGAIN,
                 stack_accept(c->stack, c->now, c->listener, &id, &remote));
}

/* One send of the next `len` bytes of the pattern; its answer. */
static ssize_t send_pattern(struct conversation *c, size_t len, int flags)
{
    uint8_t *bytes = malloc(len + 1);
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct endpoint peer = endpoint_of(PEER_ADDR, c->peer->port);
    struct socket_message message = {.iov = &iov,
                                     .iov_count = 1,
                                     .flags = flags,
                                     .name =
                                         flags & MSG_FASTOPEN ? &peer : NULL};

    ck_assert_ptr_nonnull(bytes);
    payload_fill(false, c->peer->written, bytes, len);
    ssize_t result = stack_send(c->stack, c->now, c->peer->socket, &message);
    log_event(c, "write %zu: %zd", len, result);
    free(bytes);
    end_pass(c);
    return result;
}

size_t conversation_app_tries_to_write(struct conversation *c, size_t len)
{
    ssize_t result = send_pattern(c, len, 0);

    if (result < 0 && result != -EAGAIN)
        check_result(c, "write", (long)len, result);
    if (result < 0)
        return 0;
    c->peer->written += (size_t)result;
    return (size_t)result;
}

void conversation_app_writes(struct conversation *c, size_t len)
{
    conversation_app_writes_with(c, len, 0);
}

void conversation_app_writes_with(struct conversation *c, size_t len, int flags)
{
    ssize_t result = send_pattern(c, len, flags);

    check_result(c, "write", (long)len, result);
    c->peer->written += len;
}

ssize_t conversation_app_sends_fast(struct conversation *c, size_t len)
{
    ssize_t result = send_pattern(c, len, MSG_FASTOPEN);

    if (result > 0)
        c->peer->written += (size_t)result;
    return result;
}

void conversation_app_fails_to_write(struct conversation *c, int error)
{
    check_result(c, "write", -error, send_pattern(c, 1, 0));
}

/* One receive of at most `len` bytes; they must be the peer's pattern. */
static ssize_t receive_pattern(struct conversation *c, size_t len)
{
    uint8_t *bytes = malloc(len);
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {.iov = &iov, .iov_count = 1};

    ck_assert_ptr_nonnull(bytes);
    ssize_t result = stack_receive(c->stack, c->now, c->peer->socket, &message);
    log_event(c, "read %zu: %zd", len, result);
    if (result > 0 && payload_check(true, c->peer->read, bytes,
                                    (size_t)result) != (size_t)result)
        conversation_fail(c, "the program read what the peer did not send");
    free(bytes);
    end_pass(c);
    return result;
}

ssize_t conversation_app_reads_with(struct conversation *c, size_t len,
                                    int flags)
{
    uint8_t *bytes = calloc(1, len + 1);
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = flags};

    ck_assert_ptr_nonnull(bytes);
    ssize_t result = stack_receive(c->stack, c->now, c->peer->socket, &message);
    log_event(c, "read %zu with flags 0x%x: %zd", len, (unsigned)flags, result);
    if (result > 0 && !(flags & MSG_TRUNC) &&
        payload_check(true, c->peer->read, bytes, (size_t)result) !=
            (size_t)result)
        conversation_fail(c, "the program read what the peer did not send");
    if (result > 0 && !(flags & MSG_PEEK))
        c->peer->read += (size_t)result;
    free(bytes);
    end_pass(c);
    return result;
}

/* One receive of the urgent octet. */
static ssize_t receive_urgent(struct conversation *c, uint8_t *octet)
{
    struct iovec iov = {.iov_base = octet, .iov_len = 1};
    struct socket_message message = {
        .iov = &iov, .iov_count = 1, .flags = MSG_OOB};
    ssize_t result = stack_receive(c->stack, c->now, c->peer->socket, &message);

    log_event(c, "read urgent: %zd", result);
    if (result > 0 && message.flags != MSG_OOB)
        conversation_fail(c, "an urgent octet without MSG_OOB");
    end_pass(c);
    return result;
}

void conversation_app_reads_urgent(struct conversation *c, int64_t at)
{
    uint8_t octet;

    check_result(c, "read urgent", 1, receive_urgent(c, &octet));
    if (payload_check(true, (uint64_t)(at - 1), &octet, 1) != 1)
        conversation_fail(c, "the urgent octet is another one");
}

void conversation_app_fails_to_read_urgent(struct conversation *c, int error)
{
    uint8_t octet;

    check_result(c, "read urgent", -error, receive_urgent(c, &octet));
}

bool conversation_app_is_at_mark(struct conversation *c)
{
    int result = stack_at_mark(c->stack, c->peer->socket);

    if (result < 0)
        check_result(c, "SIOCATMARK", 0, result);
    return result != 0;
}

void conversation_app_reads(struct conversation *c, size_t len)
{
    ssize_t result = receive_pattern(c, len == 0 ? 1 : len);

    check_result(c, "read", (long)len, result);
    c->peer->read += len;
}

void conversation_app_fails_to_read(struct conversation *c, int error)
{
    check_result(c, "read", -error, receive_pattern(c, 1));
}

void conversation_app_shuts_down(struct conversation *c, int how)
{
    log_event(c, "shutdown %d", how);
    check_result(c, "shutdown", 0,
                 stack_shutdown(c->stack, c->now, c->peer->socket, how));
    end_pass(c);
}

void conversation_app_closes(struct conversation *c)
{
    log_event(c, "close");
    check_result(c, "close", 0, stack_close(c->stack, c->now, c->peer->socket));
    end_pass(c);
}

void conversation_app_closes_listener(struct conversation *c)
{
    log_event(c, "close of the listener");
    check_result(c, "close", 0, stack_close(c->stack, c->now, c->listener));
    end_pass(c);
}

/* The connection's socket, or the listener while there is none. */
static socket_id socket_at_hand(const struct conversation *c)
{
    return c->peer->socket != 0 ? c->peer->socket : c->listener;
}

void conversation_app_sets(struct conversation *c, int level, int name,
                           int value)
{
    check_result(c, "setsockopt", 0,
                 stack_set_option(c->stack, c->now, socket_at_hand(c), level,
                                  name, bytes_of(&value, sizeof(value))));
    end_pass(c);
}

void conversation_app_fails_to_set(struct conversation *c, int level, int name,
                                   int value, int error)
{
    check_result(c, "setsockopt", -error,
                 stack_set_option(c->stack, c->now, socket_at_hand(c), level,
                                  name, bytes_of(&value, sizeof(value))));
}

int conversation_app_gets(struct conversation *c, int level, int name)
{
    int value = 0;
    size_t len = sizeof(value);

    check_result(c, "getsockopt", 0,
                 stack_get_option(c->stack, c->now, socket_at_hand(c), level,
                                  name, &value, &len));
    return value;
}

struct fast_open_info conversation_fast_open_info(struct conversation *c)
{
    struct tcp_info info;
    size_t len = sizeof(info);

    check_result(c, "getsockopt", 0,
                 stack_get_option(c->stack, c->now, c->peer->socket,
                                  IPPROTO_TCP, TCP_INFO, &info, &len));
    return (struct fast_open_info){
        .has_syn_data = (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0,
        .client_fail = info.tcpi_fastopen_client_fail,
        .sent = info.tcpi_bytes_sent,
        .acked = info.tcpi_bytes_acked,
    };
}

void conversation_app_lingers(struct conversation *c, int seconds)
{
    struct linger linger = {.l_onoff = 1, .l_linger = seconds};

    check_result(c, "setsockopt", 0,
                 stack_set_option(c->stack, c->now, socket_at_hand(c),
                                  SOL_SOCKET, SO_LINGER,
                                  bytes_of(&linger, sizeof(linger))));
}

void conversation_app_finds_error(struct conversation *c, int error)
{
    int value = -1;
    size_t len = sizeof(value);

    check_result(c, "getsockopt", 0,
                 stack_get_option(c->stack, c->now, c->peer->socket, SOL_SOCKET,
                                  SO_ERROR, &value, &len));
    check_result(c, "SO_ERROR", -error, -value);
}

void conversation_app_polls(struct conversation *c, int events)
{
    int readiness = stack_readiness(c->stack, c->peer->socket) &
                    (POLLIN | POLLPRI | POLLOUT | POLLHUP | POLLERR);

    if (readiness != events)
        conversation_fail(c, "poll says 0x%x instead of 0x%x", readiness,
                          events);
}
