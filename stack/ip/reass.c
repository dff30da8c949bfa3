/*
 * Reassembly: RFC 791 3.2 by the holes of RFC 815, with the caution of
 * RFC 5722 and RFC 8200 4.5 about fragments that overlap.
 *
 * RFC 815 keeps each hole's descriptor in the hole itself. Here they stand in
 * an array beside the buffer: a hole may be smaller than its descriptor, and
 * the buffer grows, so that a sender pays with bytes for the bytes it claims.
 *
 * A fragment that brings again what is there already, byte for byte, is a
 * duplicate and is ignored (RFC 8200 4.5 allows it: networks duplicate). One
 * that overlaps otherwise poisons its datagram: it and all that still comes of
 * it is dropped until its time has run out.
 *
 * ECN (RFC 3168 5.3): a mark on any fragment is kept for the whole. Fragments
 * of which some are ECN-capable and some are not, which no sender makes, are
 * dropped: so no mark is lost, and none is given to who cannot understand it.
 */
#include "ip/reass.h"

#include "base/checksum.h"
#include "ip/reass_datagram.h"

enum { FRAGMENT_UNIT = 8 };

/* A fragment in hand: payload bytes [begin, end) of its datagram. */
struct fragment {
    const struct frame *frame;
    const struct ip_header *header;
    struct bytes header_bytes;
    uint32_t begin;
    uint32_t end;
};

/* ---- One fragment ------------------------------------------------------ */

/* What is impossible whatever else has come. */
static enum drop_reason check_fragment(const struct fragment *fragment)
{
    size_t len = fragment->end - fragment->begin;

    if (len == 0 || (fragment->header->mf && len % FRAGMENT_UNIT != 0))
        return DROP_FRAG_BAD_LENGTH;
    if (fragment->header->header_len + fragment->end > IP_PACKET_MAX)
        return DROP_FRAG_TOO_LARGE;
    return DROP_NONE;
}

/* The hole that all of the fragment lies in; NULL if there is none. */
static struct hole *find_hole(struct datagram *datagram,
                              const struct fragment *fragment)
{
    for (unsigned i = 0; i < datagram->hole_count; i++) {
        struct hole *hole = &datagram->holes[i];

        if (hole->begin <= fragment->begin && fragment->end <= hole->end)
            return hole;
    }
    return NULL;
}

static bool touches_a_hole(const struct datagram *datagram,
                           const struct fragment *fragment)
{
    for (unsigned i = 0; i < datagram->hole_count; i++)
        if (fragment->begin < datagram->holes[i].end &&
            datagram->holes[i].begin < fragment->end)
            return true;
    return false;
}

static bool same_bytes(const struct frame *frame, const uint8_t *at)
{
    if (memcmp(frame->head, at, frame->head_len) != 0)
        return false;
    at += frame->head_len;
    for (unsigned i = 0; i < frame->slice_count; i++) {
        if (memcmp(frame->slices[i].data, at, frame->slices[i].len) != 0)
            return false;
        at += frame->slices[i].len;
    }
    return true;
}

/* Says nothing new and contradicts nothing: also not about the end. */
static bool is_duplicate(const struct datagram *datagram,
                         const struct fragment *fragment)
{
    bool says_it_is_last = !fragment->header->mf;
    bool is_last = datagram->len != 0 && fragment->end == datagram->len;

    return !touches_a_hole(datagram, fragment) &&
           (datagram->len == 0 || fragment->end <= datagram->len) &&
           says_it_is_last == is_last &&
           same_bytes(fragment->frame,
                      datagram->buffer + IP_HEADER_MAX + fragment->begin);
}

/* The last fragment ends the datagram: nothing may have come from beyond. */
static bool end_is_possible(const struct fragment *fragment,
                            const struct hole *hole)
{
    return fragment->header->mf || hole->end == REASS_NO_END;
}

/* RFC 5722 4: all of it, and all that comes of it, is dropped. */
static void poison(struct datagram *datagram)
{
    datagram->reass->fails++;
    datagram->is_poisoned = true;
    reass_free_buffer(datagram);
}

/*
 * RFC 815 3, steps 4 to 6. The fragment lies wholly in the hole, so what is
 * left of it is a hole before and a hole behind. Behind the last there is none.
 */
static void fill_hole(struct datagram *datagram, struct hole *hole,
                      const struct fragment *fragment)
{
    struct hole before = {.begin = hole->begin, .end = fragment->begin};
    struct hole behind = {.begin = fragment->end, .end = hole->end};

    *hole = datagram->holes[--datagram->hole_count];
    if (before.begin < before.end)
        datagram->holes[datagram->hole_count++] = before;
    if (behind.begin < behind.end && fragment->header->mf)
        datagram->holes[datagram->hole_count++] = behind;
}

/* RFC 791 3.2: the header of the whole is the first fragment's. */
static void keep_header(struct datagram *datagram,
                        const struct fragment *fragment)
{
    size_t len = fragment->header_bytes.len;

    memcpy(datagram->buffer + IP_HEADER_MAX - len, fragment->header_bytes.data,
           len);
    datagram->header_len = len;
    datagram->first_len = len + fragment->end;
}

static void keep_fragment(struct datagram *datagram, struct hole *hole,
                          const struct fragment *fragment)
{
    fill_hole(datagram, hole, fragment);
    frame_copy(fragment->frame, 0,
               datagram->buffer + IP_HEADER_MAX + fragment->begin,
               fragment->end - fragment->begin);
    datagram->fragments++;
    datagram->codepoints |=
        (uint8_t)(1u << (fragment->header->tos & IP_ECN_MASK));
    if (fragment->begin == 0)
        keep_header(datagram, fragment);
    if (!fragment->header->mf)
        datagram->len = fragment->end;
}

/* Keeps the fragment, or says why not. */
static enum drop_reason take_fragment(struct datagram *datagram,
                                      const struct fragment *fragment)
{
    if (datagram->is_poisoned)
        return DROP_FRAG_OVERLAP;
    if (is_duplicate(datagram, fragment))
        return DROP_NONE;

    struct hole *hole = find_hole(datagram, fragment);

    if (!hole) {
        poison(datagram);
        return DROP_FRAG_OVERLAP;
    }
    if (!end_is_possible(fragment, hole)) {
        poison(datagram);
        return DROP_FRAG_BAD_LENGTH;
    }
    if (datagram->fragments >= datagram->reass->config.max_fragments ||
        !reass_grow_buffer(datagram, fragment->end))
        return DROP_FRAG_LIMIT;
    keep_fragment(datagram, hole, fragment);
    return DROP_NONE;
}

/* ---- The whole --------------------------------------------------------- */

static bool is_whole(const struct datagram *datagram)
{
    return !datagram->is_poisoned && datagram->hole_count == 0;
}

/* RFC 3168 5.3 asks for that where one has the mark, Linux does it always. */
static bool is_partly_ecn_capable(const struct datagram *datagram)
{
    unsigned incapable = 1u << IP_ECN_NOT_ECT;

    return (datagram->codepoints & incapable) != 0 &&
           (datagram->codepoints & ~incapable) != 0;
}

/* RFC 3168 5.3 */
static uint8_t whole_tos(const struct datagram *datagram, uint8_t tos)
{
    bool is_marked = (datagram->codepoints & 1u << IP_ECN_CE) != 0;

    return is_marked ? (uint8_t)(tos | IP_ECN_CE) : tos;
}

static struct bytes assemble(struct datagram *datagram)
{
    uint8_t *at = datagram->buffer + IP_HEADER_MAX - datagram->header_len;
    size_t total = datagram->header_len + datagram->len;

    at[IPH_TOS] = whole_tos(datagram, at[IPH_TOS]);
    put_be16(at + IPH_TOTAL_LENGTH, (uint16_t)total);
    put_be16(at + IPH_FRAGMENT, 0);
    put_be16(at + IPH_CHECKSUM, 0);
    put_be16(at + IPH_CHECKSUM,
             checksum_of(bytes_of(at, datagram->header_len)));
    return bytes_of(at, total);
}

/*
 * A later fragment may have had a shorter header than the first (RFC 791 3.1:
 * not all options are copied), so only now is it certain.
 */
static bool is_too_large(const struct datagram *datagram)
{
    return datagram->header_len + datagram->len > IP_PACKET_MAX;
}

/* What only the whole can be judged by. */
static enum drop_reason check_whole(const struct datagram *datagram)
{
    if (is_too_large(datagram))
        return DROP_FRAG_TOO_LARGE;
    return is_partly_ecn_capable(datagram) ? DROP_FRAG_ECN : DROP_NONE;
}

static int drop(struct ip_reass *reass, enum drop_reason why,
                const struct frame *frame)
{
    env_drop(reass->env, why, frame);
    return 0;
}

int ip_reass_input(struct ip_reass *reass, const struct frame *frame,
                   const struct ip_header *header, struct bytes header_bytes,
                   struct bytes *out)
{
    struct fragment fragment = {
        .frame = frame,
        .header = header,
        .header_bytes = header_bytes,
        .begin = header->fragment_offset,
        .end = header->fragment_offset + (uint32_t)frame_len(frame),
    };
    enum drop_reason why = check_fragment(&fragment);

    if (why != DROP_NONE)
        return drop(reass, why, frame);

    struct datagram *datagram = reass_find(reass, header);

    if (!datagram)
        datagram = reass_create(reass, frame->iface, header);
    if (!datagram)
        return drop(reass, DROP_FRAG_LIMIT, frame);
    why = take_fragment(datagram, &fragment);
    if (why != DROP_NONE)
        return drop(reass, why, frame);
    if (!is_whole(datagram))
        return 0;
    why = check_whole(datagram);
    if (why != DROP_NONE) {
        poison(datagram);
        return drop(reass, why, frame);
    }
    reass_lend(datagram);
    *out = assemble(datagram);
    return 1;
}
