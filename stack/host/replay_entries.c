/*
 * Each entry of a recording, read and handed in again: the twin of
 * stack_door.c. An entry that cannot have been recorded does not enter.
 */
#include "host/replay_internal.h"

#include "stack_internal.h"
#include "stack_settings.h"

#include "base/checksum.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static socket_id read_id(struct reader *in)
{
    return (socket_id)read_most(in, UINT32_MAX);
}

/* ---- The stack ---------------------------------------------------------- */

static void put_text(char *to, size_t room, struct bytes text)
{
    size_t len = min_size(text.len, room - 1);

    if (len > 0)
        memcpy(to, text.data, len);
    to[len] = '\0';
}

static bool read_settings(struct replay *replay, struct reader *in,
                          struct stack_config *config)
{
    char name[SETTING_NAME_MAX];
    char value[SETTING_VALUE_MAX];

    while (in->at < in->end && !in->is_bad) {
        put_text(name, sizeof(name), read_bytes(in));
        put_text(value, sizeof(value), read_bytes(in));
        if (in->is_bad || stack_setting_set(config, name, value) < 0) {
            replay_fail(replay, "it has settings that this version has not");
            return false;
        }
    }
    return true;
}

static bool change_settings(struct replay *replay, struct stack_config *config)
{
    const char *const *setting = replay->options->settings;

    for (; setting != NULL && *setting != NULL; setting++) {
        char why[SETTING_WHY_MAX];

        if (stack_settings_take(config, *setting, why) < 0) {
            snprintf(replay->report->now, REPLAY_LINE_MAX, "%s", why);
            replay_fail(replay, NULL);
            return false;
        }
    }
    return true;
}

static bool set_trace(struct replay *replay, struct stack_config *config)
{
    const char *what = replay->options->trace_what;
    struct trace_filter filter;
    char mistake[TRACE_WORD_MAX];

    if (!replay->options->traces)
        return true;
    if (trace_filter_parse(what == NULL ? "" : what, &filter, mistake) < 0) {
        replay_fail(replay, "--trace: there is no such event");
        return false;
    }
    trace_text_init(&replay->trace_text, &filter, STDERR_FILENO);
    trace_hub_add(&replay->trace_hub, &replay->trace_text.listener);
    config->trace = trace_hub_trace(&replay->trace_hub);
    return true;
}

/* The hash at its end has been looked at. */
bool replay_create(struct replay *replay, struct reader *in)
{
    struct stack_config config = stack_config_default();

    if (read_count(in) != RECORD_VERSION) {
        replay_fail(replay, "it is a recording of another version");
        return false;
    }
    replay->report->keeps_text = read_truth(in);
    replay->recorder.keeps_text = replay->report->keeps_text;
    replay->recorder.epoch = read_number(in);
    replay->now = read_number(in);
    config.seed.k0 = read_u64(in);
    config.seed.k1 = read_u64(in);
    replay->memory.limit = (size_t)read_count(in);
    replay->others = (size_t)read_count(in);
    replay->memory.used = replay->others;
    config.memory = &replay->memory;
    config.recorder = &replay->recorder;
    if (!read_settings(replay, in, &config) ||
        !change_settings(replay, &config) || !set_trace(replay, &config))
        return false;
    if (stack_create(&config, replay->now, &replay->stack) == 0)
        return true;
    replay->stack = NULL;
    if (replay->options->settings == NULL || *replay->options->settings == NULL)
        return true; /* as it was recorded */
    replay_fail(replay, "with these settings there can be no stack");
    return false;
}

static bool enter_destroy(struct replay *replay, struct reader *in)
{
    if (!reader_is_done(in))
        return false;
    stack_destroy(replay->stack);
    replay->stack = NULL;
    return true;
}

static bool enter_iface_add(struct replay *replay, struct reader *in)
{
    char name[IFACE_NAME_MAX + 1];
    struct iface_config config = {.name = name};
    struct netdev like = {0};
    unsigned edge;

    put_text(name, sizeof(name), read_bytes(in));
    like.type = (enum netdev_type)read_most(in, NETDEV_IP);
    like.mtu = (unsigned)read_most(in, UINT16_MAX);
    like.max_gso = (unsigned)read_most(in, UINT16_MAX);
    edge = (unsigned)read_most(in, RECORD_CUTS_UDP | 1);
    like.fills_checksum = edge & 1;
    like.cuts_udp = edge & RECORD_CUTS_UDP;
    like.mac = read_mac(in);
    config.mac = read_mac(in);
    config.mtu = (unsigned)read_most(in, UINT32_MAX);
    if (!reader_is_done(in))
        return false;
    config.dev =
        replay_add_device(replay, replay->stack->iface_count + 1, &like);
    if (config.dev == NULL)
        return false;
    (void)!stack_iface_add(replay->stack, replay->now, &config);
    return true;
}

static bool enter_addr_add(struct replay *replay, struct reader *in)
{
    unsigned iface = (unsigned)read_most(in, UINT32_MAX);
    struct ip_prefix addr = read_prefix(in);

    if (!reader_is_done(in))
        return false;
    (void)!stack_addr_add(replay->stack, replay->now, iface, &addr);
    return true;
}

static bool enter_route_add(struct replay *replay, struct reader *in)
{
    struct ip_prefix prefix = read_prefix(in);
    struct ip_addr gateway = read_addr(in);
    unsigned iface = (unsigned)read_most(in, UINT32_MAX);

    if (!reader_is_done(in))
        return false;
    (void)!stack_route_add(replay->stack, replay->now, &prefix, &gateway,
                           iface);
    return true;
}

static bool enter_neighbour_add(struct replay *replay, struct reader *in)
{
    unsigned iface = (unsigned)read_most(in, UINT32_MAX);
    struct ip_addr addr = read_addr(in);
    struct mac_addr mac = read_mac(in);

    if (!reader_is_done(in))
        return false;
    (void)!stack_neighbour_add(replay->stack, replay->now, iface, &addr, &mac);
    return true;
}

static bool enter_route_delete(struct replay *replay, struct reader *in)
{
    struct ip_prefix prefix = read_prefix(in);

    if (!reader_is_done(in))
        return false;
    (void)!stack_route_delete(replay->stack, replay->now, &prefix);
    return true;
}

static bool enter_neighbour_delete(struct replay *replay, struct reader *in)
{
    unsigned iface = (unsigned)read_most(in, UINT32_MAX);
    struct ip_addr addr = read_addr(in);

    if (!reader_is_done(in))
        return false;
    (void)!stack_neighbour_delete(replay->stack, replay->now, iface, &addr);
    return true;
}

static bool enter_neighbour_flush(struct replay *replay, struct reader *in)
{
    if (!reader_is_done(in))
        return false;
    (void)stack_neighbour_flush(replay->stack, replay->now);
    return true;
}

static bool enter_change(struct replay *replay, struct reader *in)
{
    enum stack_setting setting =
        (enum stack_setting)read_most(in, STACK_SETTINGS);
    uint64_t value = read_most(in, UINT64_MAX);

    if (!reader_is_done(in))
        return false;
    (void)!stack_change(replay->stack, replay->now, setting, value);
    return true;
}

/* ---- Frames ------------------------------------------------------------- */

/* What is said of a frame beside its bytes. */
struct layout {
    struct frame_offload offload;
    bool is_placed;
    size_t head_len;
    unsigned slice_count;
    size_t slices[FRAME_SLICES];
};

static void read_offload(struct reader *in, struct frame_offload *out)
{
    unsigned kinds = (unsigned)read_most(in, FRAME_GSO_UDP_L4 << 2 | 3);

    *out = (struct frame_offload){
        .checksum = (enum frame_checksum)(kinds & 3),
        .gso = (enum frame_gso)(kinds >> 2),
    };
    if (out->checksum > FRAME_CHECKSUM_ABSENT)
        in->is_bad = true;
    if (out->checksum == FRAME_CHECKSUM_ABSENT) {
        out->csum_back = (uint16_t)read_most(in, UINT16_MAX);
        out->csum_offset = (uint16_t)read_most(in, UINT16_MAX);
    }
    if (out->gso != FRAME_GSO_NONE)
        out->gso_size = (uint16_t)read_most(in, UINT16_MAX);
}

static size_t read_layout(struct reader *in, struct layout *out)
{
    size_t len;

    read_offload(in, &out->offload);
    out->is_placed = read_truth(in);
    len = out->head_len = read_most(in, RECORD_PIECE_MAX);
    out->slice_count = (unsigned)read_most(in, FRAME_SLICES);
    for (unsigned i = 0; i < out->slice_count; i++) {
        out->slices[i] = read_most(in, RECORD_PIECE_MAX);
        len += out->slices[i];
        if (out->slices[i] == 0)
            in->is_bad = true;
    }
    return len;
}

/*
 * What was kept, then zeros, of which the first two are such that the sum is
 * what it was.
 */
static uint8_t *read_frame(struct replay *replay, struct reader *in, size_t len)
{
    struct bytes kept = read_bytes(in);
    uint8_t *bytes;

    if (in->is_bad || kept.len > len || len > RECORD_PIECE_MAX ||
        (bytes = replay_alloc(replay, len)) == NULL)
        return NULL;
    memset(bytes, 0, len);
    if (kept.len > 0)
        memcpy(bytes, kept.data, kept.len);
    if (in->at < in->end) {
        size_t text = read_most(in, len - kept.len);
        uint16_t sum = (uint16_t)read_most(in, UINT16_MAX);

        if (text >= sizeof(sum))
            put_be16(bytes + kept.len, sum);
    }
    return bytes;
}

/* csum_back counts from the end of the head, which a place has moved: modulo
 * 2^16, see frame_place. */
static bool offload_is_sound(const struct layout *layout, size_t len)
{
    const struct frame_offload *offload = &layout->offload;
    size_t head_len = layout->is_placed ? len : layout->head_len;
    uint16_t back = (uint16_t)(offload->csum_back +
                               (len - layout->head_len) * layout->is_placed);

    if (offload->gso != FRAME_GSO_NONE && offload->gso_size == 0)
        return false;
    return offload->checksum != FRAME_CHECKSUM_ABSENT ||
           (back <= head_len && offload->csum_offset + 2 <= back);
}

/* Where the stack expects it now, as then: see stack_expect. */
static void place(struct replay *replay, unsigned iface, struct frame *frame)
{
    struct frame_place where;
    size_t at;

    if (!stack_expect(replay->stack, iface, &where))
        return; /* that differs, and is seen */
    at = where.head_len;
    frame_place(frame, &where);
    for (unsigned i = 0; i < frame->slice_count && i < where.count; i++) {
        memcpy(where.pieces[i].iov_base, frame->head + at,
               frame->slices[i].len);
        at += frame->slices[i].len;
    }
}

static void make_frame(const struct layout *layout, uint8_t *bytes, size_t len,
                       struct frame *frame)
{
    size_t at = layout->head_len;

    frame_init_input(frame, NULL, bytes, layout->is_placed ? len : at);
    frame->offload = layout->offload;
    if (layout->is_placed) {
        frame->offload.csum_back += (uint16_t)(len - layout->head_len);
        return;
    }
    for (unsigned i = 0; i < layout->slice_count; i++) {
        frame_add_slice(frame, bytes_of(bytes + at, layout->slices[i]));
        at += layout->slices[i];
    }
}

/*
 * Here a debugger stops before a frame enters: `break replay_frame if number ==
 * 12`. With stop_before it is called for that frame alone.
 */
__attribute__((noinline, used)) static void
replay_frame(struct replay *replay, uint64_t number, const struct frame *frame)
{
    __asm__ volatile("" : : "r"(replay), "r"(number), "r"(frame) : "memory");
}

/* proc(5): whether there is a debugger. */
static bool is_traced(void)
{
    static const char field[] = "TracerPid:";
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    int pid = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, field, sizeof(field) - 1) == 0)
            pid = (int)strtol(line + sizeof(field) - 1, NULL, 10);
    if (file != NULL)
        fclose(file);
    return pid != 0;
}

/* True: nobody is there to look, so it ends here. */
static bool stop_before(struct replay *replay, uint64_t number,
                        const struct frame *frame)
{
    uint64_t wanted = replay->options->stop_before;

    if (wanted == 0 || (number >= wanted && !replay->has_stopped))
        replay_frame(replay, number, frame);
    if (wanted == 0 || number < wanted || replay->has_stopped)
        return false;
    replay->has_stopped = true;
    return !is_traced();
}

static bool enter_input(struct replay *replay, struct reader *in)
{
    unsigned iface = (unsigned)read_most(in, UINT32_MAX);
    uint64_t number = replay->stack->frames_taken + 1;
    struct layout layout;
    size_t len = read_layout(in, &layout);
    uint8_t *bytes = read_frame(replay, in, len);
    struct frame frame;

    if (bytes == NULL || !reader_is_done(in) || !offload_is_sound(&layout, len))
        return false;
    make_frame(&layout, bytes, len, &frame);
    replay->report->frames_in++;
    if (stop_before(replay, number, &frame)) {
        replay->report->outcome = REPLAY_STOPPED;
        return true;
    }
    if (iface < RECORD_IFACES_MAX && replay->devs[iface].outer != NULL) {
        struct replay_dev *dev = &replay->devs[iface];

        dev->incoming = &frame;
        if (netdev_receive(dev->outer, replay->now, &frame) <= 0)
            return false;
    }
    if (layout.is_placed)
        place(replay, iface, &frame);
    stack_input(replay->stack, replay->now, iface, &frame);
    return true;
}

static bool enter_run_timers(struct replay *replay, struct reader *in)
{
    if (!reader_is_done(in))
        return false;
    stack_run_timers(replay->stack, replay->now);
    return true;
}

static bool enter_flush(struct replay *replay, struct reader *in)
{
    if (!reader_is_done(in))
        return false;
    stack_flush(replay->stack, replay->now);
    return true;
}

static bool enter_tell_beginning(struct replay *replay, struct reader *in)
{
    struct endpoint local;
    struct endpoint remote;

    if (!read_endpoint(in, &local) || !read_endpoint(in, &remote))
        return false;
    uint32_t iss = (uint32_t)read_most(in, UINT32_MAX);
    uint32_t ts_val = (uint32_t)read_most(in, UINT32_MAX);

    if (!reader_is_done(in))
        return false;
    (void)!stack_tell_beginning(replay->stack, replay->now, &local, &remote,
                                iss, ts_val);
    return true;
}

static bool enter_forget_waiting(struct replay *replay, struct reader *in)
{
    if (!reader_is_done(in))
        return false;
    stack_forget_waiting(replay->stack, replay->now);
    return true;
}

static bool enter_forget_connections(struct replay *replay, struct reader *in)
{
    int error = (int)read_most(in, INT32_MAX);

    if (!reader_is_done(in))
        return false;
    stack_forget_connections(replay->stack, replay->now, error);
    return true;
}

static bool enter_abort_all(struct replay *replay, struct reader *in)
{
    if (!reader_is_done(in))
        return false;
    stack_abort_all(replay->stack, replay->now);
    return true;
}

static bool enter_next_ready(struct replay *replay, struct reader *in)
{
    socket_id id;

    if (!reader_is_done(in))
        return false;
    (void)stack_next_ready(replay->stack, &id);
    return true;
}

/* ---- Sockets ------------------------------------------------------------ */

static bool enter_socket(struct replay *replay, struct reader *in)
{
    int domain = read_int(in);
    int type = read_int(in);
    int protocol = read_int(in);
    socket_id id;

    if (!reader_is_done(in))
        return false;
    (void)!stack_socket(replay->stack, replay->now, domain, type, protocol,
                        &id);
    return true;
}

static bool enter_bind(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    struct endpoint local;

    if (!read_endpoint(in, &local) || !reader_is_done(in))
        return false;
    (void)!stack_bind(replay->stack, replay->now, id, &local);
    return true;
}

static bool enter_listen(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    int backlog = read_int(in);

    if (!reader_is_done(in))
        return false;
    (void)!stack_listen(replay->stack, replay->now, id, backlog);
    return true;
}

static bool enter_accept(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    bool wants_name = read_truth(in);
    struct endpoint remote = {0};
    socket_id child;

    if (!reader_is_done(in))
        return false;
    (void)!stack_accept(replay->stack, replay->now, id, &child,
                        wants_name ? &remote : NULL);
    return true;
}

static bool enter_connect(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    struct endpoint remote;
    bool has_remote = read_endpoint(in, &remote);

    if (!reader_is_done(in))
        return false;
    (void)!stack_connect(replay->stack, replay->now, id,
                         has_remote ? &remote : NULL);
    return true;
}

typedef int id_entry(struct stack *stack, usec now, socket_id id);

static bool enter_id(struct replay *replay, struct reader *in, id_entry *entry)
{
    socket_id id = read_id(in);

    if (!reader_is_done(in))
        return false;
    (void)entry(replay->stack, replay->now, id);
    return true;
}

static bool enter_take_port(struct replay *replay, struct reader *in)
{
    return enter_id(replay, in, stack_take_port);
}

static bool enter_disconnect(struct replay *replay, struct reader *in)
{
    return enter_id(replay, in, stack_disconnect);
}

static bool enter_linger(struct replay *replay, struct reader *in)
{
    return enter_id(replay, in, stack_linger);
}

static bool enter_close(struct replay *replay, struct reader *in)
{
    return enter_id(replay, in, stack_close);
}

static bool enter_shutdown(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    int how = read_int(in);

    if (!reader_is_done(in))
        return false;
    (void)!stack_shutdown(replay->stack, replay->now, id, how);
    return true;
}

/* ---- Messages ----------------------------------------------------------- */

/* What lies in a row, from `base` on; the sum of their lengths. */
static size_t read_pieces(struct reader *in, const uint8_t *base,
                          struct iovec iov[static RECORD_IOV_MAX], int *count)
{
    size_t sum = 0;

    *count = (int)read_most(in, RECORD_IOV_MAX);
    for (int i = 0; i < *count; i++) {
        size_t len = min_size(read_count(in), REPLAY_SCRATCH - sum);

        iov[i] = (struct iovec){.iov_base = (void *)(uintptr_t)(base + sum),
                                .iov_len = len};
        sum += len;
    }
    return sum;
}

struct replay_lent {
    struct lent lent;
    uint8_t *bytes; /* NULL: zeros */
};

static void lent_is_over(struct lent *lent)
{
    struct replay_lent *replayed = container_of(lent, struct replay_lent, lent);

    free(replayed->bytes);
    free(replayed);
}

static struct lent *lend(uint8_t *bytes)
{
    struct replay_lent *lent = calloc(1, sizeof(*lent));

    if (lent == NULL)
        return NULL;
    lent->lent = (struct lent){.parts = 1, .is_over = lent_is_over};
    lent->bytes = bytes;
    return &lent->lent;
}

/* Sends, from `bytes` if they are known (then they are its own), else zeros. */
static bool send_message(struct replay *replay, socket_id id,
                         struct socket_message *message, bool is_lent,
                         uint8_t *bytes)
{
    struct lent *lent = NULL;

    if (is_lent && (lent = lend(bytes)) == NULL)
        return false;
    message->lent = lent;
    (void)!stack_send(replay->stack, replay->now, id, message);
    if (lent != NULL)
        lent_give_back(lent);
    else
        free(bytes);
    return true;
}

static void move_pieces(struct iovec *iov, int count, const uint8_t *base)
{
    for (int i = 0; i < count; i++) {
        iov[i].iov_base = (void *)(uintptr_t)base;
        base += iov[i].iov_len;
    }
}

/* -1 bytes of a stream that are known; NULL: they are not. */
static uint8_t *read_taken(struct replay *replay, size_t sum)
{
    size_t len = replay_taken(replay, NULL, sum);
    uint8_t *bytes = len == 0 ? NULL : calloc(1, sum);

    if (bytes != NULL)
        (void)replay_taken(replay, bytes, len);
    return bytes;
}

enum { ERRNO_MOST = 4095 };

static bool enter_send(struct replay *replay, struct reader *in)
{
    struct iovec iov[RECORD_IOV_MAX];
    struct socket_message message = {.iov = iov};
    struct socket_control control;
    struct endpoint name;
    socket_id id = read_id(in);
    struct bytes data;
    uint8_t *taken;
    unsigned wrong;
    bool is_lent;
    size_t sum;

    message.flags = read_int(in);
    if (read_endpoint(in, &name))
        message.name = &name;
    if (read_truth(in))
        message.control = &control;
    read_control(in, &control);
    wrong = (unsigned)read_most(in, ERRNO_MOST << 1 | 1);
    message.is_nowhere = wrong & 1;
    message.wrong = -(int)(wrong >> 1);
    is_lent = read_truth(in);
    sum = read_pieces(in, replay->zeros, iov, &message.iov_count);
    data = read_bytes(in);
    if (!reader_is_done(in) ||
        ((control.present & CONTROL_TTL) != 0 && control.ttl == 0) ||
        data.len > sum)
        return false;
    if (data.len > 0) { /* of a datagram: until the pass ends */
        uint8_t *kept = replay_alloc(replay, sum);

        if (kept == NULL)
            return false;
        memset(kept, 0, sum);
        memcpy(kept, data.data, data.len);
        move_pieces(iov, message.iov_count, kept);
    }
    taken = read_taken(replay, sum);
    if (taken != NULL)
        move_pieces(iov, message.iov_count, taken);
    return send_message(replay, id, &message, is_lent, taken);
}

static bool enter_receive(struct replay *replay, struct reader *in)
{
    struct iovec iov[RECORD_IOV_MAX];
    struct socket_message message = {.iov = iov};
    struct socket_control control = {0};
    struct endpoint name = {.addr = IP_ADDR_ANY_V4};
    socket_id id = read_id(in);

    message.flags = read_int(in);
    message.name = read_truth(in) ? &name : NULL;
    message.control = read_truth(in) ? &control : NULL;
    message.least = read_count(in);
    (void)read_pieces(in, replay->scratch, iov, &message.iov_count);
    if (!reader_is_done(in))
        return false;
    (void)!stack_receive(replay->stack, replay->now, id, &message);
    return true;
}

static bool enter_borrow(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    struct iovec iov[2];
    int count = 0;

    if (!reader_is_done(in))
        return false;
    (void)!stack_borrow(replay->stack, replay->now, id, iov, &count);
    return true;
}

static bool enter_give_back(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    size_t len = read_count(in);

    if (!reader_is_done(in))
        return false;
    (void)!stack_give_back(replay->stack, replay->now, id, len);
    return true;
}

/* ---- Options and questions ---------------------------------------------- */

static bool enter_set_option(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    int level = read_int(in);
    int name = read_int(in);
    bool is_nowhere = read_truth(in);
    struct bytes value = read_bytes(in);

    if (!reader_is_done(in))
        return false;
    if (is_nowhere)
        value = bytes_of(NULL, 0);
    (void)!stack_set_option(replay->stack, replay->now, id, level, name, value);
    return true;
}

static bool enter_get_option(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    int level = read_int(in);
    int name = read_int(in);
    size_t len = read_most(in, RECORD_OPTION_MAX);
    bool is_nowhere = read_truth(in);
    struct bytes question = read_bytes(in);

    if (!reader_is_done(in) || question.len > len)
        return false;
    memset(replay->scratch, 0, len);
    if (question.len > 0)
        memcpy(replay->scratch, question.data, question.len);
    (void)!stack_get_option(replay->stack, replay->now, id, level, name,
                            is_nowhere ? NULL : replay->scratch, &len);
    return true;
}

static bool enter_timeouts(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    usec receive;
    usec send;

    if (!reader_is_done(in))
        return false;
    (void)!stack_timeouts(replay->stack, id, &receive, &send);
    return true;
}

static bool enter_local(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    struct endpoint end;

    if (!reader_is_done(in))
        return false;
    (void)!stack_local(replay->stack, id, &end);
    return true;
}

static bool enter_remote(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    struct endpoint end;

    if (!reader_is_done(in))
        return false;
    (void)!stack_remote(replay->stack, id, &end);
    return true;
}

static bool enter_arrived(struct replay *replay, struct reader *in)
{
    socket_id id = read_id(in);
    uint32_t arrived;

    if (!reader_is_done(in))
        return false;
    (void)stack_arrived(replay->stack, id, &arrived);
    return true;
}

typedef int question(struct stack *stack, socket_id id);

static bool ask(struct replay *replay, struct reader *in, question *entry)
{
    socket_id id = read_id(in);

    if (!reader_is_done(in))
        return false;
    (void)entry(replay->stack, id);
    return true;
}

static bool enter_unread(struct replay *replay, struct reader *in)
{
    return ask(replay, in, stack_unread);
}

static bool enter_unsent(struct replay *replay, struct reader *in)
{
    return ask(replay, in, stack_unsent);
}

static bool enter_never_sent(struct replay *replay, struct reader *in)
{
    return ask(replay, in, stack_never_sent);
}

static bool enter_at_mark(struct replay *replay, struct reader *in)
{
    return ask(replay, in, stack_at_mark);
}

static bool enter_readiness(struct replay *replay, struct reader *in)
{
    return ask(replay, in, stack_readiness);
}

/* ---- All of them -------------------------------------------------------- */

static const struct entry {
    const char *name;
    bool (*enter)(struct replay *replay, struct reader *in);
} entries[RECORD_ENTRY_KINDS] = {
    [RECORD_CREATE] = {"stack_create", NULL}, /* comes once, and first */
    [RECORD_DESTROY] = {"stack_destroy", enter_destroy},
    [RECORD_IFACE_ADD] = {"stack_iface_add", enter_iface_add},
    [RECORD_ADDR_ADD] = {"stack_addr_add", enter_addr_add},
    [RECORD_ROUTE_ADD] = {"stack_route_add", enter_route_add},
    [RECORD_NEIGHBOUR_ADD] = {"stack_neighbour_add", enter_neighbour_add},
    [RECORD_ROUTE_DELETE] = {"stack_route_delete", enter_route_delete},
    [RECORD_NEIGHBOUR_DELETE] = {"stack_neighbour_delete",
                                 enter_neighbour_delete},
    [RECORD_NEIGHBOUR_FLUSH] = {"stack_neighbour_flush", enter_neighbour_flush},
    [RECORD_CHANGE] = {"stack_change", enter_change},
    [RECORD_INPUT] = {"stack_input", enter_input},
    [RECORD_RUN_TIMERS] = {"stack_run_timers", enter_run_timers},
    [RECORD_FLUSH] = {"stack_flush", enter_flush},
    [RECORD_ABORT_ALL] = {"stack_abort_all", enter_abort_all},
    [RECORD_NEXT_READY] = {"stack_next_ready", enter_next_ready},
    [RECORD_SOCKET] = {"stack_socket", enter_socket},
    [RECORD_BIND] = {"stack_bind", enter_bind},
    [RECORD_LISTEN] = {"stack_listen", enter_listen},
    [RECORD_ACCEPT] = {"stack_accept", enter_accept},
    [RECORD_TAKE_PORT] = {"stack_take_port", enter_take_port},
    [RECORD_CONNECT] = {"stack_connect", enter_connect},
    [RECORD_DISCONNECT] = {"stack_disconnect", enter_disconnect},
    [RECORD_SEND] = {"stack_send", enter_send},
    [RECORD_RECEIVE] = {"stack_receive", enter_receive},
    [RECORD_BORROW] = {"stack_borrow", enter_borrow},
    [RECORD_GIVE_BACK] = {"stack_give_back", enter_give_back},
    [RECORD_SHUTDOWN] = {"stack_shutdown", enter_shutdown},
    [RECORD_LINGER] = {"stack_linger", enter_linger},
    [RECORD_CLOSE] = {"stack_close", enter_close},
    [RECORD_SET_OPTION] = {"stack_set_option", enter_set_option},
    [RECORD_GET_OPTION] = {"stack_get_option", enter_get_option},
    [RECORD_TIMEOUTS] = {"stack_timeouts", enter_timeouts},
    [RECORD_LOCAL] = {"stack_local", enter_local},
    [RECORD_REMOTE] = {"stack_remote", enter_remote},
    [RECORD_UNREAD] = {"stack_unread", enter_unread},
    [RECORD_UNSENT] = {"stack_unsent", enter_unsent},
    [RECORD_NEVER_SENT] = {"stack_never_sent", enter_never_sent},
    [RECORD_AT_MARK] = {"stack_at_mark", enter_at_mark},
    [RECORD_ARRIVED] = {"stack_arrived", enter_arrived},
    [RECORD_READINESS] = {"stack_readiness", enter_readiness},
    [RECORD_TELL_BEGINNING] = {"stack_tell_beginning", enter_tell_beginning},
    [RECORD_FORGET_WAITING] = {"stack_forget_waiting", enter_forget_waiting},
    [RECORD_FORGET_CONNECTIONS] = {"stack_forget_connections",
                                   enter_forget_connections},
};

const char *replay_entry_name(enum record_kind kind)
{
    return kind < RECORD_ENTRY_KINDS ? entries[kind].name : NULL;
}

bool replay_enter(struct replay *replay, const struct piece *entry)
{
    struct reader in = reader_of(entry->body);
    int64_t step = read_number(&in);
    usec most = USEC_NEVER / 4 - replay->now;

    if (in.is_bad || entries[entry->kind].enter == NULL ||
        step < -replay->now || step > most)
        return false;
    replay->now += step;
    if (step > 0 && replay->options->wait_until != NULL)
        replay->options->wait_until(replay->options->context, replay->now);
    return entries[entry->kind].enter(replay, &in);
}
