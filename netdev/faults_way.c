/*
 * What befalls a packet on its way, in the order of a real path: it waits for
 * the slow link, or is dropped because the queue before it is full, or marked
 * because the queue is long; beyond the link it is lost, alone or in a burst;
 * otherwise it takes its time, perhaps twice, perhaps with a wrong bit, perhaps
 * overtaken by others.
 *
 * Bursts are those of Gilbert's model ("Capacity of a Burst-Noise Channel",
 * 1960), in its simple form: in the good state nothing is lost, in the bad one
 * everything. A burst of mean length L ends with probability r = 1 / L at each
 * packet, and one begins with p = r * rate / (1 - rate), so that the share of
 * packets that meet the bad state, p / (p + r), is the rate.
 *
 * Frames are made whole first: a bit can be found to be wrong only if the
 * checksum in the packet is right before, and what comes out is handed on as
 * not yet verified.
 */
#include "netdev/faults_way.h"

#include "netdev/ecn_mark.h"
#include "netdev/whole.h"

#include <string.h>

enum {
    MILLION = 1000000,
    QUEUE_BYTES = 64 << 20,          /* of packets that are on their way */
    LATE_DEFAULT = 1000,             /* us */
    REORDER_DELAY_DEFAULT = 1000,    /* us */
    REORDER_HOLD_DEFAULT = 50 * 1000 /* us; nobody may ever come to overtake */
};

#define CERTAIN ((chance)1 << 32)

static bool happens(struct faults_way *way, uint32_t millionths)
{
    return millionths > 0 && random_below(&way->random, MILLION) < millionths;
}

static bool falls(struct faults_way *way, chance likely)
{
    return random_u32(&way->random) < likely;
}

/* ---- Loss ---------------------------------------------------------------- */

static void init_bursts(struct faults_way *way)
{
    uint64_t rate = way->faults.burst_loss;

    if (rate == 0)
        return;
    way->burst_ends = CERTAIN * MILLION / way->faults.burst_length;
    way->burst_begins = way->burst_ends * rate / (MILLION - rate);
}

static bool is_lost_in_burst(struct faults_way *way)
{
    if (way->faults.burst_loss == 0)
        return false;
    if (falls(way, way->in_burst ? way->burst_ends : way->burst_begins))
        way->in_burst = !way->in_burst;
    return way->in_burst;
}

static bool is_lost(struct faults_way *way)
{
    bool alone = happens(way, way->faults.loss);

    return is_lost_in_burst(way) || alone; /* the burst goes on in any case */
}

/* ---- Delay and order ----------------------------------------------------- */

static usec draw_jitter(struct faults_way *way)
{
    usec jitter = way->faults.jitter;

    return jitter > 0 ? random_below(&way->random, (uint32_t)jitter) : 0;
}

/* Jitter does not reorder: a packet that drew less than the one before it
 * waits for that one. */
static usec keep_order(struct faults_way *way, usec due)
{
    way->last_due = usec_max(way->last_due, due);
    return way->last_due;
}

static void hold_back(struct faults_way *way, struct packet *packet)
{
    way->counts.reordered++;
    if (way->faults.reorder_by == 0)
        return; /* its delay alone does it */
    packet->overtakers = way->faults.reorder_by;
    list_append(&way->held, &packet->held);
}

/* A packet that keeps the order will go at `due`: who has waited for enough of
 * these goes right behind it. */
static void overtake_held(struct faults_way *way, usec due)
{
    struct list *next;

    for (struct list *node = way->held.next; node != &way->held; node = next) {
        struct packet *packet = container_of(node, struct packet, held);

        next = node->next;
        if (--packet->overtakers > 0)
            continue;
        list_remove(&packet->held);
        packet_queue_hasten(&way->queue, packet, due);
    }
}

/* ---- A packet ------------------------------------------------------------ */

/* One that comes: when the link has sent it, and whether that found the queue
 * too long. */
struct arrival {
    struct faults_way *way;
    enum netdev_type type;
    usec now;
    const uint8_t *data;
    size_t len;
    usec sent;
    bool is_to_be_marked;
};

static bool is_to_be_marked(struct faults_way *way, usec now)
{
    bool by_chance = happens(way, way->faults.mark_chance);

    return by_chance ||
           (way->faults.mark > 0 &&
            bottleneck_holds_more(&way->link, now, way->faults.mark));
}

static void mark(const struct arrival *arrival, struct packet *packet)
{
    if (ecn_mark(arrival->type, packet->data, packet->len))
        arrival->way->counts.marked++;
}

static void corrupt(struct faults_way *way, struct packet *packet)
{
    uint32_t bit = random_below(&way->random, (uint32_t)packet->len * 8);

    packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    way->counts.corrupted++;
}

static void enqueue(const struct arrival *arrival)
{
    struct faults_way *way = arrival->way;
    size_t len = arrival->len;
    usec due = arrival->sent + way->faults.delay + draw_jitter(way);
    bool held = happens(way, way->faults.reorder);

    due = held ? due + way->faults.reorder_delay : keep_order(way, due);

    struct packet *packet = packet_queue_add(&way->queue, len, due);

    if (packet == NULL) {
        way->counts.overflowed++;
        return;
    }
    memcpy(packet->data, arrival->data, len);
    if (arrival->is_to_be_marked)
        mark(arrival, packet);
    if (held)
        hold_back(way, packet);
    else
        overtake_held(way, due);
    if (happens(way, way->faults.corrupt) && len > 0)
        corrupt(way, packet);
}

static void packet_comes(void *context, const uint8_t *data, size_t len)
{
    struct arrival *arrival = context;
    struct faults_way *way = arrival->way;

    arrival->data = data;
    arrival->len = len;
    if (!bottleneck_take(&way->link, arrival->now, len, &arrival->sent)) {
        way->counts.queue_full++;
        return;
    }
    arrival->is_to_be_marked = is_to_be_marked(way, arrival->now);
    if (is_lost(way)) {
        way->counts.lost++;
        return;
    }
    way->counts.passed++;
    enqueue(arrival);
    if (happens(way, way->faults.duplicate)) {
        way->counts.duplicated++;
        enqueue(arrival);
    }
}

/* ---- The way ------------------------------------------------------------- */

/* What the link's queue and the path itself hold, with a record of each
 * packet's, which for a small one is more than its bytes. */
static size_t queue_limit(const struct faults *faults)
{
    uint64_t time = (uint64_t)(faults->delay + faults->jitter);
    uint64_t on_path = faults->rate / 8000 * (time / 1000);
    uint64_t most = 3 * BOTTLENECK_QUEUE_MAX;

    if (on_path > most) /* rate and time may both be huge */
        on_path = most;
    return (size_t)(QUEUE_BYTES + 3 * (on_path + faults->queue));
}

static void set_faults(struct faults_way *way, const struct faults *faults)
{
    assert(faults->jitter >= 0 && faults->jitter <= UINT32_MAX);
    way->faults = *faults;
    if (faults->reorder_delay == 0)
        way->faults.reorder_delay = faults->reorder_by > 0
                                        ? REORDER_HOLD_DEFAULT
                                        : REORDER_DELAY_DEFAULT;
    init_bursts(way);
}

void faults_way_init(struct faults_way *way, struct memory *memory,
                     const struct faults *faults, struct hash_key seed)
{
    *way = (struct faults_way){.late_after = LATE_DEFAULT};
    set_faults(way, faults);
    bottleneck_init(&way->link, faults->rate, faults->queue);
    random_init(&way->random, seed);
    packet_queue_init(&way->queue, memory, queue_limit(faults));
    list_init(&way->held);
}

void faults_way_change(struct faults_way *way, usec now,
                       const struct faults *faults)
{
    set_faults(way, faults);
    bottleneck_change(&way->link, now, faults->rate, faults->queue);
    way->in_burst = false;
    if (queue_limit(faults) > way->queue.limit) /* what it holds stays */
        way->queue.limit = queue_limit(faults);
}

void faults_way_fini(struct faults_way *way)
{
    packet_queue_fini(&way->queue);
}

void faults_way_put(struct faults_way *way, enum netdev_type type, usec now,
                    const struct frame *frame)
{
    struct arrival arrival = {.way = way, .type = type, .now = now};

    frame_make_whole(type, frame, packet_comes, &arrival);
}

bool faults_way_take(struct faults_way *way, usec now, struct frame *frame)
{
    usec lateness = now - packet_queue_due(&way->queue);

    if (!packet_queue_lend(&way->queue, now, frame))
        return false;
    if (lateness > way->late_after)
        way->counts.late++;
    way->counts.latest = usec_max(way->counts.latest, lateness);
    return true;
}

void faults_way_release(struct faults_way *way)
{
    packet_queue_release(&way->queue);
}

usec faults_way_due(const struct faults_way *way)
{
    return packet_queue_due(&way->queue);
}
