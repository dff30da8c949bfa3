/*
 * A recording's entries one after the other: each enters a stack that is
 * recorded while it does, and the pieces that come of it are compared with
 * those of the recording, byte for byte. What the world has answered then, a
 * device that takes a frame or does not, memory that there is or is not, it
 * answers again.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "host/replay_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PIECES_AT_FIRST = 1 << 20 };

void replay_fail(struct replay *replay, const char *why)
{
    replay->report->outcome = REPLAY_BROKEN;
    if (why != NULL)
        snprintf(replay->report->now, REPLAY_LINE_MAX, "%s", why);
}

/* ---- Memory ------------------------------------------------------------- */

static struct replay *replay_of_memory(struct memory *memory)
{
    return container_of(memory, struct replay, memory);
}

/* Of the pieces that an entry has still before it, the next of this kind among
 * `over`, which are passed over. */
static bool look_ahead(const struct replay *replay, enum record_kind kind,
                       enum record_kind over, struct piece *out, size_t *next)
{
    *next = replay->ahead;
    while (piece_read(replay->recording, *next, out, next)) {
        if (out->kind == kind)
            return true;
        if (out->kind != over)
            return false;
    }
    return false;
}

/* The source had none then; what the limit refuses it refuses by itself. */
static bool was_refused(struct replay *replay)
{
    struct piece piece;
    size_t next = replay->ahead;

    while (piece_read(replay->recording, next, &piece, &next) &&
           piece.kind == RECORD_REFUSED) {
        struct reader reader = reader_of(piece.body);
        uint64_t asked = read_count(&reader);

        if (asked > replay->memory.asked)
            return false;
        replay->ahead = next;
        if (asked == replay->memory.asked)
            return true;
    }
    return false;
}

static void *replay_resize(struct memory *memory, void *block, size_t new_size)
{
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return was_refused(replay_of_memory(memory)) ? NULL
                                                 : realloc(block, new_size);
}

uint8_t *replay_alloc(struct replay *replay, size_t len)
{
    struct replay_block *block = malloc(sizeof(*block) + len);

    if (block == NULL)
        return NULL;
    block->next = replay->blocks;
    replay->blocks = block;
    return block->bytes;
}

static void free_blocks(struct replay *replay)
{
    while (replay->blocks != NULL) {
        struct replay_block *block = replay->blocks;

        replay->blocks = block->next;
        free(block);
    }
}

/* The pieces of an entry grow as long as it lasts. */
static bool more_room(struct record_sink *sink, size_t need)
{
    struct replay *replay = container_of(sink, struct replay, sink);
    size_t used = (size_t)(sink->at - replay->pieces);
    size_t size = 2 * (size_t)(sink->end - replay->pieces) + need;
    uint8_t *pieces = realloc(replay->pieces, size);

    if (pieces == NULL)
        return false;
    replay->pieces = pieces;
    sink->at = pieces + used;
    sink->end = pieces + size;
    return true;
}

/* ---- Devices ------------------------------------------------------------ */

static struct replay_dev *dev_of(const struct netdev *dev)
{
    return container_of(dev, struct replay_dev, dev);
}

/* The answer of then; a frame that was not sent then is taken. */
static int dev_transmit(struct netdev *dev, usec now, const struct frame *frame)
{
    struct replay *replay = dev_of(dev)->replay;
    struct piece piece;
    size_t next;

    (void)now;
    (void)frame;
    replay->report->frames_sent++;
    if (!look_ahead(replay, RECORD_SENT, RECORD_REFUSED, &piece, &next))
        return 0;
    replay->ahead = next;

    struct reader reader = reader_of(piece.body);
    int64_t result = read_number(&reader);

    return result == -ENOBUFS || result == -ENETDOWN ? (int)result : 0;
}

static void dev_flush(struct netdev *dev, usec now)
{
    (void)dev;
    (void)now;
}

/* A capture around it sees it so. */
static int dev_receive(struct netdev *dev, usec now, struct frame *frame)
{
    (void)now;
    if (dev_of(dev)->incoming != frame)
        *frame = *dev_of(dev)->incoming;
    return 1;
}

static usec dev_deadline(const struct netdev *dev)
{
    (void)dev;
    return USEC_NEVER;
}

static int dev_poll_fd(const struct netdev *dev)
{
    (void)dev;
    return -1;
}

static void dev_close(struct netdev *dev)
{
    (void)dev;
}

static const struct netdev_ops dev_ops = {
    .name = "replay",
    .transmit = dev_transmit,
    .flush = dev_flush,
    .receive = dev_receive,
    .deadline = dev_deadline,
    .poll_fd = dev_poll_fd,
    .close = dev_close,
};

static int wrap_in_pcap(struct replay *replay, unsigned iface,
                        struct replay_dev *dev)
{
    const char *path = replay->options->pcap;
    struct capture_dev captured = {.dev = &dev->dev};
    int r;

    if (path == NULL || replay->captured.dev != NULL)
        return 0;
    r = capture_around(&captured, &replay->own, path, "replay",
                       replay->recorder.epoch);
    if (r < 0) {
        snprintf(replay->report->now, REPLAY_LINE_MAX, "%.100s: %s", path,
                 strerror(-r));
        replay_fail(replay, NULL);
        return r;
    }
    replay->captured = captured;
    dev->outer = captured.dev;
    if (captured.story == NULL)
        return 0;
    captured.story->iface = iface;
    trace_hub_add(&replay->trace_hub, &captured.story->listener);
    stack_set_trace(replay->stack, trace_hub_trace(&replay->trace_hub));
    return 0;
}

struct netdev *replay_add_device(struct replay *replay, unsigned iface,
                                 const struct netdev *like)
{
    struct replay_dev *dev = &replay->devs[iface % RECORD_IFACES_MAX];

    dev->dev = *like;
    dev->dev.ops = &dev_ops;
    dev->replay = replay;
    if (iface >= RECORD_IFACES_MAX)
        return &dev->dev; /* the stack will not have it, as then */
    dev->outer = &dev->dev;
    return wrap_in_pcap(replay, iface, dev) < 0 ? NULL : dev->outer;
}

static void close_devices(struct replay *replay)
{
    if (replay->captured.dev != NULL)
        capture_close(&replay->captured, &replay->own);
}

/* ---- What a stream has taken -------------------------------------------- */

size_t replay_taken(struct replay *replay, uint8_t *to, size_t len)
{
    struct piece piece;
    size_t at = replay->ahead;
    size_t taken = 0;

    while (piece_read(replay->recording, at, &piece, &at)) {
        if (piece.kind == RECORD_DATA) {
            size_t part = min_size(piece.body.len, len - taken);

            if (to != NULL && part > 0)
                memcpy(to + taken, piece.body.data, part);
            taken += part;
        } else if (piece.kind < RECORD_SENT || piece.kind == RECORD_MEMORY) {
            break; /* the next entry */
        }
    }
    return taken;
}

/* ---- Comparing ---------------------------------------------------------- */

/* What of a frame was written, as write_sent of stack_record.c does. */
static void tell_sent(const struct replay *replay, struct bytes body,
                      char line[static REPLAY_LINE_MAX])
{
    struct reader reader = reader_of(body);
    int64_t result = read_number(&reader);
    unsigned iface = (unsigned)read_count(&reader);
    unsigned kinds = (unsigned)read_count(&reader);
    struct line text;

    if ((kinds & 3) == FRAME_CHECKSUM_ABSENT) {
        (void)read_count(&reader);
        (void)read_count(&reader);
    }
    if (kinds >> 2 != FRAME_GSO_NONE)
        (void)read_count(&reader);

    size_t len = read_count(&reader);
    struct bytes head = read_bytes(&reader);
    bool is_ethernet =
        replay->devs[iface % RECORD_IFACES_MAX].dev.type == NETDEV_ETHERNET;

    replay_frame_text(head, len, is_ethernet, &text);
    snprintf(line, REPLAY_LINE_MAX, "sends %.200s%s", text.text,
             result == 0 ? "" : " (the device has no room)");
}

static void tell_result(struct bytes body, char line[static REPLAY_LINE_MAX])
{
    struct reader reader = reader_of(body);
    long long result = read_number(&reader);

    if (result < 0 && result > -4096)
        snprintf(line, REPLAY_LINE_MAX, "returns %lld, %s", result,
                 strerror((int)-result));
    else
        snprintf(line, REPLAY_LINE_MAX, "returns %lld", result);
}

static void tell(const struct replay *replay, const struct piece *piece,
                 char line[static REPLAY_LINE_MAX])
{
    switch ((unsigned)piece->kind) {
    case RECORD_SENT:
        tell_sent(replay, piece->body, line);
        break;
    case RECORD_RESULT:
        tell_result(piece->body, line);
        break;
    case RECORD_REFUSED:
        snprintf(line, REPLAY_LINE_MAX, "is refused memory");
        break;
    default:
        snprintf(line, REPLAY_LINE_MAX, "takes in something else");
    }
}

static void differ(struct replay *replay, const struct piece *recorded,
                   const struct piece *now)
{
    struct replay_report *report = replay->report;

    report->outcome = REPLAY_DIFFERS;
    tell(replay, recorded, report->recorded);
    tell(replay, now, report->now);
    if (strcmp(report->recorded, report->now) == 0)
        strncat(report->now, ", but in some field not so",
                REPLAY_LINE_MAX - strlen(report->now) - 1);
}

/* Of what is left out only the recording has a hash. */
static bool next_recorded(const struct replay *replay, size_t *at,
                          struct piece *out)
{
    while (piece_read(replay->recording, *at, out, at))
        if (out->kind != RECORD_HASH)
            return true;
    return false;
}

static bool is_same(const struct piece *a, const struct piece *b)
{
    return a->whole.len == b->whole.len &&
           memcmp(a->whole.data, b->whole.data, a->whole.len) == 0;
}

static void skip_hashes(struct replay *replay)
{
    struct piece piece;
    size_t next;

    while (piece_read(replay->recording, replay->next, &piece, &next) &&
           piece.kind == RECORD_HASH)
        replay->next = next;
}

/* All pieces of the entry, from what came before it to its result. */
static void compare(struct replay *replay)
{
    struct bytes now =
        bytes_of(replay->pieces, (size_t)(replay->sink.at - replay->pieces));
    struct piece came;
    struct piece recorded;
    size_t at = 0;

    replay->next = replay->at;
    while (piece_read(now, at, &came, &at)) {
        if (!next_recorded(replay, &replay->next, &recorded)) {
            replay->report->outcome = REPLAY_CUT;
            return;
        }
        if (!is_same(&recorded, &came)) {
            differ(replay, &recorded, &came);
            return;
        }
    }
    skip_hashes(replay);
}

/* ---- One after the other ------------------------------------------------ */

static bool is_entry(const struct piece *piece)
{
    return piece->kind > RECORD_CREATE && piece->kind < RECORD_ENTRY_KINDS;
}

/* Its use is the stack's and that of others, who take and give back. */
static bool set_memory(struct replay *replay, struct reader *in)
{
    size_t own = replay->memory.used - replay->others;
    size_t limit = read_count(in);
    size_t used = read_count(in);

    if (!reader_is_done(in) || used < own) {
        replay_fail(replay, "here it is broken");
        return false;
    }
    replay->memory.limit = limit;
    replay->memory.used = used;
    replay->others = used - own;
    return true;
}

/* What has happened to the memory before it comes first. False: the end. */
static bool read_entry(struct replay *replay, struct piece *entry)
{
    replay->ahead = replay->at;
    while (
        piece_read(replay->recording, replay->ahead, entry, &replay->ahead)) {
        struct reader reader = reader_of(entry->body);

        if (entry->kind != RECORD_MEMORY)
            return true;
        if (!set_memory(replay, &reader))
            return false;
    }
    return false;
}

/* False: it is over, and report->outcome says how. */
static bool step(struct replay *replay)
{
    struct replay_report *report = replay->report;
    struct piece entry;

    if (!read_entry(replay, &entry)) {
        if (report->outcome != REPLAY_BROKEN)
            report->outcome = REPLAY_CUT;
        return false;
    }
    replay->sink.at = replay->pieces;
    report->entries++;
    if (is_entry(&entry))
        report->entry = replay_entry_name(entry.kind);
    if (!is_entry(&entry) || replay->stack == NULL ||
        !replay_enter(replay, &entry)) {
        if (report->outcome != REPLAY_BROKEN)
            replay_fail(replay, "here it is broken");
        return false;
    }
    report->ended = replay->now;
    if (report->outcome == REPLAY_STOPPED)
        return false;
    compare(replay);
    replay->at = replay->next;
    if (entry.kind == RECORD_FLUSH)
        free_blocks(replay);
    return report->outcome == REPLAY_SAME && replay->stack != NULL;
}

/* Of its body the last eight bytes are a hash. */
static bool is_sound(struct bytes body)
{
    struct reader hash;

    if (body.len < sizeof(uint64_t))
        return false;
    hash = reader_of(bytes_from(body, body.len - sizeof(uint64_t)));
    body.len -= sizeof(uint64_t);
    return read_u64(&hash) == record_hash(body);
}

static bool begin(struct replay *replay)
{
    struct piece create;
    size_t next;

    if (replay->recording.len < RECORD_MAGIC_LEN ||
        memcmp(replay->recording.data, RECORD_MAGIC, RECORD_MAGIC_LEN) != 0) {
        replay_fail(replay, "it is not a recording");
        return false;
    }
    replay->at = RECORD_MAGIC_LEN;
    if (!piece_read(replay->recording, replay->at, &create, &next) ||
        create.kind != RECORD_CREATE || !is_sound(create.body)) {
        replay_fail(replay, "its beginning is broken");
        return false;
    }
    create.body.len -= sizeof(uint64_t);

    struct reader in = reader_of(create.body);

    replay->ahead = next;
    replay->report->entries = 1;
    replay->report->entry = replay_entry_name(RECORD_CREATE);
    if (!replay_create(replay, &in))
        return false;
    replay->report->began = replay->now;
    replay->report->ended = replay->now;
    return true;
}

/* The settings of then may have been changed: they are not compared. */
static void compare_create(struct replay *replay)
{
    struct piece piece;

    while (piece_read(replay->recording, replay->at, &piece, &replay->at) &&
           piece.kind != RECORD_RESULT)
        ;
}

static bool map_scratch(struct replay *replay)
{
    void *scratch = mmap(NULL, REPLAY_SCRATCH, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *zeros = mmap(NULL, REPLAY_SCRATCH, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    replay->scratch = scratch == MAP_FAILED ? NULL : scratch;
    replay->zeros = zeros == MAP_FAILED ? NULL : zeros;
    replay->pieces = malloc(PIECES_AT_FIRST);
    return replay->scratch != NULL && replay->zeros != NULL &&
           replay->pieces != NULL;
}

static void end(struct replay *replay)
{
    replay->recorder.is_on = false;
    replay->memory.refused = NULL;
    if (replay->stack != NULL)
        stack_destroy(replay->stack);
    close_devices(replay);
    free_blocks(replay);
    free(replay->pieces);
    if (replay->scratch != NULL)
        munmap(replay->scratch, REPLAY_SCRATCH);
    if (replay->zeros != NULL)
        munmap((void *)(uintptr_t)replay->zeros, REPLAY_SCRATCH);
    free(replay);
}

static void run(struct replay *replay)
{
    if (!begin(replay))
        return;
    compare_create(replay);
    while (step(replay))
        ;
}

void replay_run(struct bytes recording, const struct replay_options *options,
                struct replay_report *report)
{
    static const struct replay_options none;
    struct replay *replay = calloc(1, sizeof(*replay));

    *report = (struct replay_report){.outcome = REPLAY_SAME};
    if (replay == NULL) {
        report->outcome = REPLAY_BROKEN;
        snprintf(report->now, sizeof(report->now), "no memory");
        return;
    }
    replay->recording = recording;
    replay->options = options == NULL ? &none : options;
    replay->report = report;
    memory_init(&replay->memory, SIZE_MAX);
    memory_init(&replay->own, SIZE_MAX);
    trace_hub_init(&replay->trace_hub);
    replay->memory.resize = replay_resize;
    replay->recorder.sink = &replay->sink;
    replay->recorder.is_replay = true;
    replay->sink.more = more_room;
    if (map_scratch(replay)) {
        replay->sink.at = replay->pieces;
        replay->sink.end = replay->pieces + PIECES_AT_FIRST;
        run(replay);
    } else {
        replay_fail(replay, "no memory");
    }
    end(replay);
}
