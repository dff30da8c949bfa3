/*
 * What a call answers is not looked at where the program could not do anything
 * about it: what then is not sent is found by the comparison.
 */
#include "rerun_program.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { BACKLOG = 4096, READ_MAX = 65536 };

static const struct hash_key key = {.k0 = 5, .k1 = 6};

static uint32_t hash_of(socket_id id)
{
    return (uint32_t)hash_bytes(&key, bytes_of(&id, sizeof(id)));
}

static struct rerun_program *find(const struct rerun_programs *programs,
                                  socket_id id)
{
    struct hash_node *node = hash_table_first(&programs->table, hash_of(id));

    for (; node != NULL; node = hash_table_next(node)) {
        struct rerun_program *program =
            container_of(node, struct rerun_program, node);

        if (program->socket == id)
            return program;
    }
    return NULL;
}

static void attach(struct rerun_programs *programs,
                   struct rerun_program *program, socket_id id)
{
    program->socket = id;
    hash_table_insert(&programs->table, programs->memory, &program->node,
                      hash_of(id));
}

static void set_int(struct rerun_programs *programs, usec now, socket_id id,
                    int level, int name, int value)
{
    (void)!stack_set_option(programs->stack, now, id, level, name,
                            bytes_of(&value, sizeof(value)));
}

/* ---- Files --------------------------------------------------------------- */

static const struct rerun_file *file_for(const struct rerun_options *options,
                                         const struct rerun_flow *flow)
{
    for (unsigned i = 0; i < options->file_count; i++) {
        const struct rerun_file *file = &options->files[i];

        if (file->is_connect != flow->is_active)
            continue;
        if (file->is_connect ? endpoint_equal(&file->at, &flow->remote)
                             : file->at.port == flow->local.port)
            return file;
    }
    return NULL;
}

/* With --connect only those that it names are opened. */
static bool is_wanted(const struct rerun_options *options,
                      const struct rerun_program *program)
{
    for (unsigned i = 0; i < options->file_count; i++)
        if (options->files[i].is_connect && program->file == NULL)
            return false;
    return true;
}

static bool has_own_text(const struct rerun_program *program)
{
    return program->file != NULL && program->file->path != NULL;
}

static struct bytes text_of(const struct rerun_program *program)
{
    if (has_own_text(program))
        return program->file->text;
    return bytes_of(program->flow->stream, program->flow->stream_len);
}

/* A file goes when the request is there, or at once where we connect; and then
 * it ends as the host did: first, or after the peer. */
static void play_file(struct rerun_program *program)
{
    const struct rerun_flow *flow = program->flow;

    if (!has_own_text(program))
        return;
    if (flow->is_active || program->has_read)
        program->due = program->file->text.len;
    else
        return;
    if (flow->has_fin && (!flow->closes_last || program->has_read_end))
        program->shuts = true;
}

/* ---- A connection -------------------------------------------------------- */

static void close_socket(struct rerun_programs *programs, usec now,
                         struct rerun_program *program)
{
    hash_table_remove(&programs->table, &program->node);
    (void)!stack_close(programs->stack, now, program->socket);
    program->socket = 0;
    program->is_over = true;
}

static void read_all(struct rerun_programs *programs, usec now,
                     struct rerun_program *program)
{
    uint8_t data[READ_MAX];
    struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
    ssize_t count;

    do {
        struct socket_message message = {.iov = &iov, .iov_count = 1};

        count = stack_receive(programs->stack, now, program->socket, &message);
        program->has_read = program->has_read || count > 0;
    } while (count > 0);
    if (count == 0)
        program->has_read_end = true;
}

static void write_due(struct rerun_programs *programs, usec now,
                      struct rerun_program *program)
{
    struct bytes text = text_of(program);

    while (program->written < program->due) {
        struct iovec iov = {
            .iov_base = (void *)(uintptr_t)(text.data + program->written),
            .iov_len = program->due - program->written};
        struct socket_message message = {.iov = &iov, .iov_count = 1};
        ssize_t count =
            stack_send(programs->stack, now, program->socket, &message);

        if (count <= 0)
            return;
        program->written += (size_t)count;
    }
}

static void shut(struct rerun_programs *programs, usec now,
                 struct rerun_program *program)
{
    if (!program->shuts || program->is_shut || program->written < program->due)
        return;
    if (program->flow->is_hung_up)
        close_socket(programs, now, program);
    else /* not before it is connected */
        program->is_shut =
            stack_shutdown(programs->stack, now, program->socket, SHUT_WR) == 0;
}

static void run(struct rerun_programs *programs, usec now,
                struct rerun_program *program)
{
    int ready;

    if (program->socket == 0)
        return;
    ready = stack_readiness(programs->stack, program->socket);
    if (ready & (POLLIN | POLLHUP | POLLERR))
        read_all(programs, now, program);
    play_file(program);
    if (ready & POLLOUT)
        write_due(programs, now, program);
    shut(programs, now, program);
    if (program->socket != 0 && ((ready & (POLLERR | POLLHUP)) ||
                                 (program->has_read_end && program->is_shut)))
        close_socket(programs, now, program);
}

static struct rerun_program *create(struct rerun_programs *programs,
                                    struct rerun_flow *flow)
{
    struct rerun_program *program =
        memory_alloc(programs->memory, sizeof(*program));

    if (program == NULL)
        return NULL;
    program->flow = flow;
    program->file = file_for(programs->options, flow);
    program->next = programs->first;
    programs->first = program;
    flow->program = program;
    return program;
}

/* ---- Actions ------------------------------------------------------------- */

static uint32_t timestamp_at(const struct rerun_flow *flow, usec time)
{
    return flow->ts_val +
           (uint32_t)(time / USEC_PER_MSEC - flow->ts_time / USEC_PER_MSEC);
}

static int begin(struct rerun_programs *programs, usec now,
                 const struct rerun_action *action)
{
    const struct rerun_capture *capture = programs->script->capture;
    struct rerun_flow *flow = action->flow;
    socket_id listener = programs->listeners[flow->local.port];

    rerun_flow_begin(programs->script, flow);
    if (create(programs, flow) == NULL)
        return -ENOBUFS;
    if (!flow->is_active && listener != 0 && flow->local_mss > 0)
        set_int(programs, now, listener, IPPROTO_TCP, TCP_MAXSEG,
                flow->local_mss);
    if (flow->has_iss)
        (void)!stack_tell_beginning(
            programs->stack, now, &flow->local, &flow->remote, flow->iss,
            timestamp_at(flow, capture->records[action->before].packet.time));
    return 0;
}

static void connect_flow(struct rerun_programs *programs, usec now,
                         struct rerun_flow *flow)
{
    struct rerun_program *program = flow->program;
    socket_id id;

    if (!is_wanted(programs->options, program) ||
        stack_socket(programs->stack, now, AF_INET, SOCK_STREAM, 0, &id) < 0)
        return;
    attach(programs, program, id);
    set_int(programs, now, id, SOL_SOCKET, SO_REUSEADDR, 1);
    if (flow->local_mss > 0)
        set_int(programs, now, id, IPPROTO_TCP, TCP_MAXSEG, flow->local_mss);
    if (stack_bind(programs->stack, now, id, &flow->local) < 0 ||
        stack_connect(programs->stack, now, id, &flow->remote) != -EINPROGRESS)
        close_socket(programs, now, program);
}

static void abort_flow(struct rerun_programs *programs, usec now,
                       struct rerun_program *program)
{
    struct linger linger = {.l_onoff = 1};

    if (program->socket == 0 || has_own_text(program))
        return;
    (void)!stack_set_option(programs->stack, now, program->socket, SOL_SOCKET,
                            SO_LINGER, bytes_of(&linger, sizeof(linger)));
    close_socket(programs, now, program);
}

static void act_on_flow(struct rerun_programs *programs, usec now,
                        const struct rerun_action *action)
{
    struct rerun_program *program = action->flow->program;

    if (program == NULL || program->is_over)
        return;
    if (action->kind == RERUN_ABORT) {
        abort_flow(programs, now, program);
        return;
    }
    if (has_own_text(program))
        return;
    if (action->kind == RERUN_WRITE)
        program->due = action->to;
    else
        program->shuts = true;
    run(programs, now, program);
}

static socket_id datagram_socket(struct rerun_programs *programs, usec now,
                                 socket_id *sockets, uint16_t port,
                                 int protocol)
{
    struct endpoint local = {.addr = programs->script->capture->addr,
                             .port = port};
    socket_id id;

    if (sockets[port] != 0)
        return sockets[port];
    if (stack_socket(programs->stack, now, AF_INET, SOCK_DGRAM, protocol, &id) <
        0)
        return 0;
    set_int(programs, now, id, SOL_SOCKET, SO_BROADCAST, 1);
    if (stack_bind(programs->stack, now, id, &local) < 0) {
        (void)!stack_close(programs->stack, now, id);
        return 0;
    }
    return sockets[port] = id;
}

/* The bytes are the capture's, and so stay. */
static void send_datagram(struct rerun_programs *programs, usec now,
                          const struct rerun_packet *packet)
{
    bool is_echo = packet->kind == RERUN_ICMP;
    size_t header = is_echo ? ICMP_HEADER_LEN : 0; /* it is sent with it */
    struct endpoint to = packet->dst;
    struct iovec iov = {.iov_base =
                            (void *)(uintptr_t)(packet->text.data - header),
                        .iov_len = packet->text.len + header};
    struct socket_message message = {.iov = &iov, .iov_count = 1, .name = &to};
    socket_id id = is_echo ? datagram_socket(programs, now, programs->echo,
                                             packet->id, IPPROTO_ICMP)
                           : datagram_socket(programs, now, programs->udp,
                                             packet->src.port, 0);

    if (id != 0)
        (void)!stack_send(programs->stack, now, id, &message);
}

int rerun_programs_act(struct rerun_programs *programs, usec now,
                       const struct rerun_action *action)
{
    const struct rerun_capture *capture = programs->script->capture;

    switch (action->kind) {
    case RERUN_BEGIN:
        return begin(programs, now, action);
    case RERUN_CONNECT:
        connect_flow(programs, now, action->flow);
        break;
    case RERUN_WRITE:
    case RERUN_SHUTDOWN:
    case RERUN_ABORT:
        act_on_flow(programs, now, action);
        break;
    case RERUN_DATAGRAM:
        send_datagram(programs, now, &capture->records[action->record].packet);
        break;
    }
    return 0;
}

/* ---- Whoever is ready ---------------------------------------------------- */

static void accept_all(struct rerun_programs *programs, usec now,
                       socket_id listener)
{
    struct endpoint local;
    struct endpoint remote;
    socket_id id;

    while (stack_accept(programs->stack, now, listener, &id, &remote) == 0) {
        struct rerun_flow *flow = NULL;

        local.scope = remote.scope = 0;
        if (stack_local(programs->stack, id, &local) == 0)
            flow =
                rerun_flow_find(programs->script, RERUN_TCP, &local, &remote);
        if (flow == NULL || flow->program == NULL ||
            flow->program->socket != 0) {
            (void)!stack_close(programs->stack, now, id);
            continue;
        }
        attach(programs, flow->program, id);
        run(programs, now, flow->program);
    }
}

static void discard_datagrams(struct rerun_programs *programs, usec now,
                              socket_id id)
{
    uint8_t data[READ_MAX];
    struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
    ssize_t count;

    do {
        struct socket_message message = {.iov = &iov, .iov_count = 1};

        count = stack_receive(programs->stack, now, id, &message);
    } while (count >= 0);
}

void rerun_programs_run(struct rerun_programs *programs, usec now)
{
    struct endpoint local;
    socket_id id;

    while (stack_next_ready(programs->stack, &id)) {
        struct rerun_program *program = find(programs, id);

        if (program != NULL)
            run(programs, now, program);
        else if (stack_local(programs->stack, id, &local) == 0 &&
                 programs->listeners[local.port] == id)
            accept_all(programs, now, id);
        else
            discard_datagrams(programs, now, id);
    }
}

/* ---- All of them --------------------------------------------------------- */

static int listen_at(struct rerun_programs *programs, usec now, uint16_t port)
{
    struct endpoint local = {.addr = IP_ADDR_ANY_V4, .port = port};
    struct stack *stack = programs->stack;
    socket_id id;
    int error;

    if (programs->listeners[port] != 0)
        return 0;
    error = stack_socket(stack, now, AF_INET, SOCK_STREAM, 0, &id);
    if (error < 0)
        return error;
    set_int(programs, now, id, SOL_SOCKET, SO_REUSEADDR, 1);
    if ((error = stack_bind(stack, now, id, &local)) < 0 ||
        (error = stack_listen(stack, now, id, BACKLOG)) < 0)
        return error;
    programs->listeners[port] = id;
    return 0;
}

static int open_ports(struct rerun_programs *programs, usec now)
{
    const struct rerun_script *script = programs->script;
    const struct rerun_options *options = programs->options;
    int error = 0;

    for (unsigned port = 1; port < RERUN_PORTS && error == 0; port++) {
        if (script->listens[port])
            error = listen_at(programs, now, (uint16_t)port);
        if (script->sends[port] ||
            (script->has_socket[port] && !script->is_closed[port]))
            datagram_socket(programs, now, programs->udp, (uint16_t)port, 0);
    }
    for (unsigned i = 0; i < options->file_count && error == 0; i++)
        if (!options->files[i].is_connect)
            error = listen_at(programs, now, options->files[i].at.port);
    return error;
}

int rerun_programs_init(struct rerun_programs *programs, struct memory *memory,
                        usec now, struct stack *stack,
                        struct rerun_script *script,
                        const struct rerun_options *options)
{
    enum { LEN = RERUN_PORTS * sizeof(socket_id) };

    *programs = (struct rerun_programs){
        .memory = memory, .script = script, .options = options, .stack = stack};
    programs->listeners = memory_alloc(memory, LEN);
    programs->udp = memory_alloc(memory, LEN);
    programs->echo = memory_alloc(memory, LEN);
    if (hash_table_init(&programs->table, memory) < 0 ||
        programs->listeners == NULL || programs->udp == NULL ||
        programs->echo == NULL)
        return -ENOBUFS;
    return open_ports(programs, now);
}

void rerun_programs_fini(struct rerun_programs *programs)
{
    enum { LEN = RERUN_PORTS * sizeof(socket_id) };

    while (programs->first != NULL) {
        struct rerun_program *program = programs->first;

        programs->first = program->next;
        memory_free(programs->memory, program, sizeof(*program));
    }
    memory_free(programs->memory, programs->listeners, LEN);
    memory_free(programs->memory, programs->udp, LEN);
    memory_free(programs->memory, programs->echo, LEN);
    hash_table_fini(&programs->table, programs->memory);
}
