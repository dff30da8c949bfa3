/*
 * A recorder around a device: see pcapng.h, and pcapng_block.c for the format.
 *
 * Memory is bounded: one frame that came in is held, by its bytes in the
 * device's buffer, which stay until the flush; what is transmitted meanwhile
 * waits behind it as finished blocks, and when these are too many the held one
 * is written with what is known of it by then.
 */
#include "netdev/pcapng.h"

#include "netdev/pcap_file.h"
#include "netdev/pcap.h"
#include "netdev/whole.h"

#include <errno.h>
#include <string.h>

enum {
    BEHIND_MAX = 256 * 1024,
    BLOCK_MAX = WHOLE_FRAME_MAX + 4 + PCAPNG_BLOCK_MAX,
    STATISTICS_SECONDS = 10 /* between two blocks of them, at least */
};

struct pcapng {
    struct netdev dev;
    struct netdev *inner;
    struct memory *memory;
    struct pcap_file file;
    struct pcapng_config config;
    uint64_t received;
    usec started;
    usec counted; /* when statistics were written last */
    usec last;    /* the flush before this */
    bool has_started;
    bool is_held;
    struct frame held;
    usec held_at;
    char said[PCAPNG_TEXT_MAX];      /* of the held frame */
    char said_next[PCAPNG_TEXT_MAX]; /* of the next that is transmitted */
    size_t behind_len;
    uint8_t behind[BEHIND_MAX];
    uint8_t block[BLOCK_MAX];
};

static struct pcapng *pcapng_of(const struct netdev *dev)
{
    return container_of(dev, struct pcapng, dev);
}

/* ---- Packets ----------------------------------------------------------- */

static void write_now(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
    size_t len = pcapng_put_packet(pcapng->block, BLOCK_MAX, packet);

    assert(len > 0); /* no packet is longer than WHOLE_FRAME_MAX */
    pcap_file_write(&pcapng->file, pcapng->block, len);
}

/* One packet, or each of those that a frame is cut into: `context` is the
 * recorder, and tells the rest. */
static void write_held(void *context, const uint8_t *data, size_t len)
{
    struct pcapng *pcapng = context;
    struct pcapng_packet packet = {
        .at = pcapng->held_at,
        .direction = PCAPNG_INBOUND,
        .data = bytes_of(data, len),
        .original_len = (uint32_t)len,
        .comment = pcapng->said,
    };

    write_now(pcapng, &packet);
}

/* The held frame, and what waits behind it. */
static void release(struct pcapng *pcapng)
{
    if (!pcapng->is_held)
        return;
    frame_make_whole(pcapng->dev.type, &pcapng->held, write_held, pcapng);
    pcap_file_write(&pcapng->file, pcapng->behind, pcapng->behind_len);
    pcapng->behind_len = 0;
    pcapng->is_held = false;
}

struct sending {
    struct pcapng *pcapng;
    usec at; /* wall-clock time */
};

/* Behind the frame that is held, if there is room. */
static void write_sent(void *context, const uint8_t *data, size_t len)
{
    const struct sending *sending = context;
    struct pcapng *pcapng = sending->pcapng;
    struct pcapng_packet packet = {
        .at = sending->at,
        .direction = PCAPNG_OUTBOUND,
        .data = bytes_of(data, len),
        .original_len = (uint32_t)len,
        .comment = pcapng->said_next,
    };
    size_t behind = 0;

    if (pcapng->is_held)
        behind = pcapng_put_packet(pcapng->behind + pcapng->behind_len,
                                   BEHIND_MAX - pcapng->behind_len, &packet);
    pcapng->behind_len += behind;
    if (behind > 0)
        return;
    release(pcapng);
    write_now(pcapng, &packet);
}

static void hold(struct pcapng *pcapng, usec now, const struct frame *frame)
{
    pcapng->received++;
    pcapng->is_held = true;
    pcapng->held = *frame;
    pcapng->held_at = pcapng->config.epoch + now;
    pcapng->said[0] = '\0';
}

static void add_text(char said[PCAPNG_TEXT_MAX], const char *text)
{
    size_t len = strlen(said);

    snprintf(said + len, PCAPNG_TEXT_MAX - len, "%s%s", len > 0 ? "; " : "",
             text);
}

void pcapng_say_of_received(struct netdev *dev, const char *text)
{
    add_text(pcapng_of(dev)->said, text);
}

void pcapng_say_of_next(struct netdev *dev, const char *text)
{
    add_text(pcapng_of(dev)->said_next, text);
}

/* ---- Statistics -------------------------------------------------------- */

static void write_statistics(struct pcapng *pcapng, usec now)
{
    struct pcapng_statistics statistics = {
        .at = pcapng->config.epoch + now,
        .start = pcapng->config.epoch + pcapng->started,
        .received = pcapng->received,
        .missed = pcapng->dev.missed == NULL ? 0 : *pcapng->dev.missed,
    };
    size_t len;

    if (pcapng->config.count != NULL)
        pcapng->config.count(pcapng->config.context, &statistics);
    len = pcapng_put_statistics(pcapng->block, BLOCK_MAX, &statistics);
    assert(len > 0);
    pcap_file_write(&pcapng->file, pcapng->block, len);
    pcapng->counted = now;
}

/* Now and then, for a process that is killed ends without a word. */
static void write_statistics_if_due(struct pcapng *pcapng, usec now)
{
    if (!pcapng->has_started) {
        pcapng->has_started = true;
        pcapng->started = now;
        pcapng->counted = now;
    }
    if (now - pcapng->counted >= STATISTICS_SECONDS * USEC_PER_SEC)
        write_statistics(pcapng, now);
}

/* ---- The device -------------------------------------------------------- */

static int pcapng_transmit(struct netdev *dev, usec now,
                           const struct frame *frame)
{
    struct pcapng *pcapng = pcapng_of(dev);
    struct sending sending = {.pcapng = pcapng,
                              .at = pcapng->config.epoch + now};

    frame_make_whole(dev->type, frame, write_sent, &sending);
    pcapng->said_next[0] = '\0';
    return netdev_transmit(pcapng->inner, now, frame);
}

static void pcapng_flush(struct netdev *dev, usec now)
{
    struct pcapng *pcapng = pcapng_of(dev);

    release(pcapng);
    write_statistics_if_due(pcapng, now);
    pcapng->last = now;
    pcap_file_flush(&pcapng->file);
    netdev_flush(pcapng->inner, now);
}

static int pcapng_receive(struct netdev *dev, usec now, struct frame *frame)
{
    struct pcapng *pcapng = pcapng_of(dev);
    int status;

    release(pcapng);
    status = netdev_receive(pcapng->inner, now, frame);
    if (status == 1)
        hold(pcapng, now, frame);
    return status;
}

static usec pcapng_deadline(const struct netdev *dev)
{
    return netdev_deadline(pcapng_of(dev)->inner);
}

static int pcapng_poll_fd(const struct netdev *dev)
{
    return netdev_poll_fd(pcapng_of(dev)->inner);
}

static int pcapng_held_fd(const struct netdev *dev, unsigned i)
{
    const struct pcapng *pcapng = pcapng_of(dev);

    return i == 0 ? pcap_file_fd(&pcapng->file)
                  : netdev_held_fd(pcapng->inner, i - 1);
}

static void pcapng_close(struct netdev *dev)
{
    struct pcapng *pcapng = pcapng_of(dev);

    release(pcapng);
    write_statistics(pcapng, pcapng->last);
    pcap_file_close(&pcapng->file);
    netdev_close(pcapng->inner);
    memory_free(pcapng->memory, pcapng, sizeof(*pcapng));
}

static const struct netdev_ops pcapng_ops = {
    .name = "pcapng",
    .transmit = pcapng_transmit,
    .flush = pcapng_flush,
    .receive = pcapng_receive,
    .deadline = pcapng_deadline,
    .poll_fd = pcapng_poll_fd,
    .held_fd = pcapng_held_fd,
    .close = pcapng_close,
};

/* A file that is being written is a capture at once. */
static void write_header(struct pcapng *pcapng)
{
    struct pcapng_interface interface = {
        .linktype = pcapng->dev.type == NETDEV_ETHERNET
                        ? PCAPNG_LINKTYPE_ETHERNET
                        : PCAPNG_LINKTYPE_RAW,
        .snaplen = PCAP_SNAPLEN,
        .name = pcapng->config.interface,
    };
    size_t len = pcapng_put_section(pcapng->block, BLOCK_MAX,
                                    pcapng->config.application);

    pcap_file_write(&pcapng->file, pcapng->block, len);
    len = pcapng_put_interface(pcapng->block, BLOCK_MAX, &interface);
    pcap_file_write(&pcapng->file, pcapng->block, len);
    pcap_file_flush(&pcapng->file);
}

int pcapng_create(struct memory *memory, struct netdev *inner, const char *path,
                  const struct pcapng_config *config, struct netdev **out)
{
    struct pcapng *pcapng = memory_alloc(memory, sizeof(*pcapng));
    int r;

    if (pcapng == NULL)
        return -ENOBUFS;
    r = pcap_file_open(&pcapng->file, path);
    if (r < 0) {
        memory_free(memory, pcapng, sizeof(*pcapng));
        return r;
    }
    pcapng->dev = *inner; /* the same abilities: frames pass unchanged */
    pcapng->dev.ops = &pcapng_ops;
    pcapng->inner = inner;
    pcapng->memory = memory;
    pcapng->config = *config;
    write_header(pcapng);
    *out = &pcapng->dev;
    return 0;
}

bool pcapng_is_complete(const struct netdev *dev)
{
    return !pcapng_of(dev)->file.has_failed;
}
