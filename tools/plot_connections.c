/*
 * Which segment belongs to which connection. Two endpoints make a connection,
 * until it is over and a SYN begins another one (RFC 9293 3.3.1: a connection's
 * numbers begin with its ISNs).
 */
#include "plot.h"

#include "base/hash.h"
#include "plot_array.h"

struct plot_entry {
    struct hash_node node; /* the newest connection of these two ends */
    struct plot_connection *connection;
};

struct plot_index {
    struct memory memory;
    struct hash_table table;
};

/* ---- Finding ----------------------------------------------------------- */

static uint32_t hash_of(const struct capture_tcp *tcp)
{
    static const struct hash_key key = {0};
    struct {
        struct ip_addr addr;
        uint8_t port[2];
    } end[2] = {{.addr = tcp->src.addr}, {.addr = tcp->dst.addr}};

    put_be16(end[0].port, tcp->src.port);
    put_be16(end[1].port, tcp->dst.port);
    /* The same both ways. */
    return (uint32_t)(hash_bytes(&key, bytes_of(&end[0], sizeof(end[0]))) ^
                      hash_bytes(&key, bytes_of(&end[1], sizeof(end[1]))));
}

/* Which end of the connection sent it: 0 or 1, -1 if it is of another. */
static int sender_of(const struct plot_connection *connection,
                     const struct capture_tcp *tcp)
{
    for (int from = 0; from <= 1; from++)
        if (endpoint_equal(&connection->end[from].endpoint, &tcp->src) &&
            endpoint_equal(&connection->end[!from].endpoint, &tcp->dst))
            return from;
    return -1;
}

static struct plot_entry *find(const struct plot_capture *capture,
                               const struct capture_tcp *tcp, uint32_t hash)
{
    struct hash_node *node = hash_table_first(&capture->index->table, hash);

    for (; node != NULL; node = hash_table_next(node)) {
        struct plot_entry *entry = container_of(node, struct plot_entry, node);

        if (sender_of(entry->connection, tcp) >= 0)
            return entry;
    }
    return NULL;
}

/* A SYN that is not the one, or the two, that this connection began with. */
static bool is_another(const struct plot_connection *connection,
                       const struct capture_tcp *tcp)
{
    const struct plot_end *end = &connection->end[sender_of(connection, tcp)];

    if ((tcp->flags & (CAPTURE_SYN | CAPTURE_ACK)) != CAPTURE_SYN)
        return false;
    if (end->syn.is_seen && !connection->is_over)
        return end->base != tcp->seq;
    return connection->is_over || end->segments > 0;
}

/* ---- Making ------------------------------------------------------------ */

static struct plot_connection *create(struct plot_capture *capture,
                                      const struct capture_tcp *tcp)
{
    struct plot_connection **larger =
        plot_array_grow(capture->connection, capture->connection_count,
                        &capture->connection_room, sizeof(*larger));
    struct plot_connection *connection = calloc(1, sizeof(*connection));
    /* Whoever accepts is not the first to speak. */
    bool is_answer = (tcp->flags & CAPTURE_SYN) && (tcp->flags & CAPTURE_ACK);

    if (larger != NULL)
        capture->connection = larger;
    if (larger == NULL || connection == NULL) {
        free(connection);
        return NULL;
    }
    connection->end[is_answer].endpoint = tcp->src;
    connection->end[!is_answer].endpoint = tcp->dst;
    capture->connection[capture->connection_count++] = connection;
    connection->number = (unsigned)capture->connection_count;
    return connection;
}

struct plot_connection *plot_capture_find(const struct plot_capture *capture,
                                          const struct capture_tcp *tcp)
{
    struct plot_entry *entry = find(capture, tcp, hash_of(tcp));

    return entry == NULL || is_another(entry->connection, tcp)
               ? NULL
               : entry->connection;
}

/* The connection that it belongs to, a new one if need be. */
static struct plot_connection *connection_of(struct plot_capture *capture,
                                             const struct capture_tcp *tcp)
{
    uint32_t hash = hash_of(tcp);
    struct plot_entry *entry = find(capture, tcp, hash);

    if (entry != NULL && !is_another(entry->connection, tcp))
        return entry->connection;

    struct plot_connection *connection = create(capture, tcp);
    if (connection == NULL)
        return NULL;
    if (entry == NULL) {
        entry = calloc(1, sizeof(*entry));
        if (entry == NULL)
            return NULL; /* the connection is the list's */
        hash_table_insert(&capture->index->table, &capture->index->memory,
                          &entry->node, hash);
    }
    entry->connection = connection;
    return connection;
}

/* ---- Numbers ----------------------------------------------------------- */

/* What lies within 2^31 of the highest so far; so they do not wrap. */
static int64_t relative(struct plot_end *end, uint32_t number)
{
    if (!end->has_base) {
        end->has_base = true;
        end->base = number;
    }
    return end->last + (int32_t)(number - (end->base + (uint32_t)end->last));
}

static void take_syn(struct plot_end *end, const struct capture_tcp *tcp)
{
    end->syn = (struct plot_syn){
        .is_seen = true,
        .mss = tcp->mss,
        .wscale = tcp->wscale,
        .sack_permitted = tcp->sack_permitted,
        .has_timestamp = tcp->has_timestamp,
    };
}

/* RFC 9293 3.4: an acknowledgment of a SYN that was not captured. */
static void take_first_ack(struct plot_end *end, const struct capture_tcp *tcp)
{
    if (!end->has_base && (tcp->flags & CAPTURE_SYN)) {
        end->has_base = true;
        end->base = tcp->ack - 1;
    }
}

static int add_blocks(struct plot_connection *connection,
                      struct plot_segment *segment,
                      const struct capture_tcp *tcp)
{
    struct plot_end *receiver = &connection->end[!segment->from];

    segment->sack = (uint32_t)connection->block_count;
    for (unsigned i = 0; i < tcp->sack_count; i++) {
        struct plot_block *larger =
            plot_array_grow(connection->block, connection->block_count,
                            &connection->block_room, sizeof(*larger));
        if (larger == NULL)
            return -ENOMEM;
        connection->block = larger;
        larger[connection->block_count++] =
            (struct plot_block){relative(receiver, tcp->sack[i][0]),
                                relative(receiver, tcp->sack[i][1])};
    }
    segment->sack_count = (uint8_t)tcp->sack_count;
    return 0;
}

static struct plot_segment segment_of(struct plot_connection *connection,
                                      const struct capture_tcp *tcp)
{
    unsigned from = (unsigned)sender_of(connection, tcp);
    struct plot_end *end = &connection->end[from];
    struct plot_segment segment = {
        .seq = relative(end, tcp->seq),
        .ack = -1,
        .window = tcp->wnd,
        .len = tcp->len,
        .from = (uint8_t)from,
        .flags = tcp->flags,
    };

    /* 3.4: SYN and FIN take a number each. */
    segment.end = segment.seq + tcp->len + !!(tcp->flags & CAPTURE_SYN) +
                  !!(tcp->flags & CAPTURE_FIN);
    if (tcp->flags & CAPTURE_ACK) {
        take_first_ack(&connection->end[!from], tcp);
        segment.ack = relative(&connection->end[!from], tcp->ack);
    }
    return segment;
}

static int append(struct plot_connection *connection,
                  const struct plot_segment *segment)
{
    struct plot_end *end = &connection->end[segment->from];
    struct plot_segment *larger =
        plot_array_grow(connection->segment, connection->segment_count,
                        &connection->segment_room, sizeof(*larger));

    if (larger == NULL)
        return -ENOMEM;
    connection->segment = larger;
    larger[connection->segment_count++] = *segment;
    end->text += segment->len;
    end->segments++;
    if (segment->end > end->last && !(segment->flags & CAPTURE_RST))
        end->last = segment->end;
    if (segment->flags & (CAPTURE_RST | CAPTURE_FIN))
        connection->is_over = true;
    return 0;
}

int plot_capture_add(struct plot_capture *capture, usec time, uint64_t number,
                     const struct capture_tcp *tcp,
                     struct plot_connection **out)
{
    struct plot_connection *connection;

    *out = NULL;
    if (capture->segment_count == PLOT_SEGMENTS_MAX ||
        capture->connection_count == PLOT_CONNECTIONS_MAX) {
        capture->is_cut = true;
        return 0;
    }
    connection = connection_of(capture, tcp);
    if (connection == NULL)
        return -ENOMEM;

    struct plot_segment segment = segment_of(connection, tcp);
    segment.time = time;
    segment.number = number;
    if (tcp->flags & CAPTURE_SYN)
        take_syn(&connection->end[segment.from], tcp);
    int r = add_blocks(connection, &segment, tcp);
    if (r == 0)
        r = append(connection, &segment);
    capture->segment_count++;
    *out = connection;
    return r;
}

/* Whether the last one of this end told the same. */
static bool is_told(const struct plot_connection *connection,
                    const struct plot_sample *sample)
{
    size_t last = connection->last_sample[sample->from];

    if (last == 0)
        return false;

    const struct plot_sample *told = &connection->sample[last - 1];
    return told->cwnd == sample->cwnd && told->ssthresh == sample->ssthresh &&
           told->srtt == sample->srtt;
}

int plot_connection_add_sample(struct plot_connection *connection,
                               const struct plot_sample *sample)
{
    if (is_told(connection, sample) ||
        connection->sample_count == PLOT_SEGMENTS_MAX)
        return 0;

    struct plot_sample *larger =
        plot_array_grow(connection->sample, connection->sample_count,
                        &connection->sample_room, sizeof(*larger));
    if (larger == NULL)
        return -ENOMEM;
    connection->sample = larger;
    larger[connection->sample_count++] = *sample;
    connection->last_sample[sample->from] = connection->sample_count;
    return 0;
}

unsigned plot_connection_sender(const struct plot_connection *connection)
{
    return connection->end[1].text > connection->end[0].text;
}

/* ---- The whole --------------------------------------------------------- */

int plot_capture_init(struct plot_capture *capture)
{
    struct plot_index *index = calloc(1, sizeof(*index));

    *capture = (struct plot_capture){.index = index};
    if (index == NULL)
        return -ENOMEM;
    memory_init(&index->memory, SIZE_MAX);
    if (hash_table_init(&index->table, &index->memory) == 0)
        return 0;
    free(index);
    return -ENOMEM;
}

void plot_capture_fini(struct plot_capture *capture)
{
    struct plot_index *index = capture->index;
    uint32_t cursor = 0;
    struct hash_node *node;

    while ((node = hash_table_any(&index->table, &cursor)) != NULL) {
        hash_table_remove(&index->table, node);
        free(container_of(node, struct plot_entry, node));
    }
    hash_table_fini(&index->table, &index->memory);
    free(index);
    for (size_t i = 0; i < capture->connection_count; i++) {
        struct plot_connection *connection = capture->connection[i];

        free(connection->segment);
        free(connection->block);
        free(connection->sample);
        free(connection);
    }
    free(capture->connection);
}
