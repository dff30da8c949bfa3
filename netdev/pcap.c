/*
 * A recorder around a device: the classic file format of libpcap, described in
 * draft-ietf-opsawg-pcap (sections 4 and 5). A file has the byte order of its
 * writer, told by the magic number; here it is network order on every machine,
 * so that the same run gives the same file.
 *
 * Both directions are recorded, in the order in which the stack saw them; the
 * format has no place for the direction. pcapng.c is the recorder that
 * says more.
 */
#include "netdev/pcap.h"

#include "netdev/pcap_file.h"
#include "netdev/whole.h"

#include <errno.h>

enum {
    PCAP_MAGIC = 0, /* of the file header */
    PCAP_MAJOR = 4,
    PCAP_MINOR = 6,
    PCAP_SNAP = 16, /* 8 and 12: zone and accuracy, always 0 */
    PCAP_LINKTYPE = 20,
    PCAP_HEADER_LEN = 24
};

enum {
    RECORD_SECONDS = 0,
    RECORD_MICROSECONDS = 4,
    RECORD_CAPTURED = 8,
    RECORD_ORIGINAL = 12,
    RECORD_HEADER_LEN = 16
};

enum { LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101 };

#define PCAP_MAGIC_MICROSECONDS 0xa1b2c3d4u

struct pcap {
    struct netdev dev;
    struct netdev *inner;
    struct memory *memory;
    struct pcap_file file;
    usec epoch;
};

static struct pcap *pcap_of(const struct netdev *dev)
{
    return container_of(dev, struct pcap, dev);
}

static void write_file_header(struct pcap *pcap)
{
    uint8_t header[PCAP_HEADER_LEN] = {0};

    put_be32(header + PCAP_MAGIC, PCAP_MAGIC_MICROSECONDS);
    put_be16(header + PCAP_MAJOR, 2);
    put_be16(header + PCAP_MINOR, 4);
    put_be32(header + PCAP_SNAP, PCAP_SNAPLEN);
    put_be32(header + PCAP_LINKTYPE, pcap->dev.type == NETDEV_ETHERNET
                                         ? LINKTYPE_ETHERNET
                                         : LINKTYPE_RAW);
    pcap_file_write(&pcap->file, header, sizeof(header));
}

struct recording {
    struct pcap *pcap;
    usec at; /* wall-clock time */
};

/* No packet is longer than PCAP_SNAPLEN. */
static void record_packet(void *context, const uint8_t *packet, size_t len)
{
    const struct recording *recording = context;
    uint8_t header[RECORD_HEADER_LEN];

    put_be32(header + RECORD_SECONDS, (uint32_t)(recording->at / USEC_PER_SEC));
    put_be32(header + RECORD_MICROSECONDS,
             (uint32_t)(recording->at % USEC_PER_SEC));
    put_be32(header + RECORD_CAPTURED, (uint32_t)len);
    put_be32(header + RECORD_ORIGINAL, (uint32_t)len);
    pcap_file_write(&recording->pcap->file, header, sizeof(header));
    pcap_file_write(&recording->pcap->file, packet, len);
}

static void record(struct pcap *pcap, usec now, const struct frame *frame)
{
    struct recording recording = {.pcap = pcap, .at = pcap->epoch + now};

    if (!pcap->file.has_failed)
        frame_make_whole(pcap->dev.type, frame, record_packet, &recording);
}

static int pcap_transmit(struct netdev *dev, usec now,
                         const struct frame *frame)
{
    struct pcap *pcap = pcap_of(dev);

    record(pcap, now, frame);
    return netdev_transmit(pcap->inner, now, frame);
}

static void pcap_flush(struct netdev *dev, usec now)
{
    struct pcap *pcap = pcap_of(dev);

    pcap_file_flush(&pcap->file);
    netdev_flush(pcap->inner, now);
}

static int pcap_receive(struct netdev *dev, usec now, struct frame *frame)
{
    struct pcap *pcap = pcap_of(dev);
    int status = netdev_receive(pcap->inner, now, frame);

    if (status == 1)
        record(pcap, now, frame);
    return status;
}

static usec pcap_deadline(const struct netdev *dev)
{
    return netdev_deadline(pcap_of(dev)->inner);
}

static int pcap_poll_fd(const struct netdev *dev)
{
    return netdev_poll_fd(pcap_of(dev)->inner);
}

static int pcap_held_fd(const struct netdev *dev, unsigned i)
{
    const struct pcap *pcap = pcap_of(dev);

    return i == 0 ? pcap_file_fd(&pcap->file)
                  : netdev_held_fd(pcap->inner, i - 1);
}

static void pcap_close(struct netdev *dev)
{
    struct pcap *pcap = pcap_of(dev);

    pcap_file_close(&pcap->file);
    netdev_close(pcap->inner);
    memory_free(pcap->memory, pcap, sizeof(*pcap));
}

static const struct netdev_ops pcap_ops = {
    .name = "pcap",
    .transmit = pcap_transmit,
    .flush = pcap_flush,
    .receive = pcap_receive,
    .deadline = pcap_deadline,
    .poll_fd = pcap_poll_fd,
    .held_fd = pcap_held_fd,
    .close = pcap_close,
};

int pcap_create(struct memory *memory, struct netdev *inner, const char *path,
                usec epoch, struct netdev **out)
{
    struct pcap *pcap = memory_alloc(memory, sizeof(*pcap));
    int r;

    if (pcap == NULL)
        return -ENOBUFS;
    r = pcap_file_open(&pcap->file, path);
    if (r < 0) {
        memory_free(memory, pcap, sizeof(*pcap));
        return r;
    }
    pcap->dev = *inner; /* the same abilities: frames pass unchanged */
    pcap->dev.ops = &pcap_ops;
    pcap->inner = inner;
    pcap->memory = memory;
    pcap->epoch = epoch;
    write_file_header(pcap);
    pcap_file_flush(
        &pcap->file); /* a file that is being written is a capture at once */
    *out = &pcap->dev;
    return 0;
}

bool pcap_is_complete(const struct netdev *dev)
{
    return !pcap_of(dev)->file.has_failed;
}
