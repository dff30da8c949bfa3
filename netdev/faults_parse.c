/*
 * The text form of faults: "loss=1%,delay=10ms". Strict: what is not
 * understood to the last character is refused, and named.
 */
#include "netdev/faults.h"

#include "netdev/bottleneck.h"

#include <errno.h>
#include <stdio.h>

enum {
    MILLIONTH_DIGITS = 6, /* of a fraction */
    FAULTS_CERTAIN = 1000000,
    FAULTS_PACKETS_MAX = 1000
};

#define FAULTS_TIME_MAX (3600 * USEC_PER_SEC)

/* Text that is being read: one part of the specification. */
struct text {
    const char *at;
    const char *end;
};

static bool text_is(struct text text, const char *word)
{
    size_t len = (size_t)(text.end - text.at);

    return strlen(word) == len && memcmp(text.at, word, len) == 0;
}

static bool is_digit(const struct text *text)
{
    return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

/* False when that is beyond all limits. */
static bool append_digit(int64_t *value, int digit)
{
    *value = *value * 10 + digit;
    return *value <= FAULTS_TIME_MAX * FAULTS_CERTAIN;
}

/* How many digits were read into *value; 0 is a mistake. */
static unsigned take_digits(struct text *text, int64_t *value)
{
    unsigned count = 0;

    for (; is_digit(text); count++)
        if (!append_digit(value, *text->at++ - '0'))
            return 0;
    return count;
}

/*
 * A decimal number, scaled by 10^6: "1.5" is 1500000. What has more digits
 * than that after the point is refused rather than rounded.
 */
static bool take_number(struct text *text, int64_t *out)
{
    unsigned decimals = 0;
    int64_t value = 0;

    if (take_digits(text, &value) == 0)
        return false;
    if (text->at < text->end && *text->at == '.') {
        text->at++;
        decimals = take_digits(text, &value);
        if (decimals == 0 || decimals > MILLIONTH_DIGITS)
            return false;
    }
    for (; decimals < MILLIONTH_DIGITS; decimals++)
        if (!append_digit(&value, 0))
            return false;
    *out = value;
    return true;
}

/* "1%" or "0.01", as millionths. */
static bool parse_probability(struct text text, uint32_t *out)
{
    int64_t value;

    if (!take_number(&text, &value))
        return false;
    if (text_is(text, "%")) {
        if (value % 100 != 0)
            return false; /* finer than a millionth */
        value /= 100;
    } else if (!text_is(text, "")) {
        return false;
    }
    if (value > FAULTS_CERTAIN)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* "10ms"; the unit must be there. */
static bool parse_time(struct text text, usec *out)
{
    usec unit;
    int64_t value;

    if (!take_number(&text, &value))
        return false;
    if (text_is(text, "us"))
        unit = 1;
    else if (text_is(text, "ms"))
        unit = USEC_PER_MSEC;
    else if (text_is(text, "s"))
        unit = USEC_PER_SEC;
    else
        return false;
    if (value / FAULTS_CERTAIN > FAULTS_TIME_MAX / unit)
        return false;
    if (value * unit % FAULTS_CERTAIN != 0)
        return false; /* finer than a microsecond */
    *out = value * unit / FAULTS_CERTAIN;
    return *out <= FAULTS_TIME_MAX;
}

/* "10Mbit", in bits a second. */
static bool parse_rate(struct text text, uint64_t *out)
{
    uint64_t unit;
    int64_t value;

    if (!take_number(&text, &value))
        return false;
    if (text_is(text, "kbit"))
        unit = 1000;
    else if (text_is(text, "Mbit"))
        unit = 1000 * 1000;
    else if (text_is(text, "Gbit"))
        unit = 1000 * 1000 * 1000;
    else
        return false;
    if ((uint64_t)value / FAULTS_CERTAIN > BOTTLENECK_RATE_MAX / unit)
        return false;
    *out = (uint64_t)value * unit / FAULTS_CERTAIN;
    return *out >= BOTTLENECK_RATE_MIN && *out <= BOTTLENECK_RATE_MAX;
}

/* "64kB", in bytes. */
static bool parse_size(struct text text, uint64_t *out)
{
    uint64_t unit;
    int64_t value;

    if (!take_number(&text, &value))
        return false;
    if (text_is(text, "B"))
        unit = 1;
    else if (text_is(text, "kB"))
        unit = 1000;
    else if (text_is(text, "MB"))
        unit = 1000 * 1000;
    else
        return false;
    if ((uint64_t)value / FAULTS_CERTAIN > BOTTLENECK_QUEUE_MAX / unit)
        return false;
    *out = (uint64_t)value * unit / FAULTS_CERTAIN;
    return *out > 0 && *out <= BOTTLENECK_QUEUE_MAX;
}

/* "1%/3" into what is before and after the stroke; false without one. */
static bool split(struct text text, struct text *before, struct text *after)
{
    const char *stroke = memchr(text.at, '/', (size_t)(text.end - text.at));

    if (stroke == NULL)
        return false;
    *before = (struct text){.at = text.at, .end = stroke};
    *after = (struct text){.at = stroke + 1, .end = text.end};
    return true;
}

/* "3" or "2.5", as millionths. */
static bool parse_packets(struct text text, int64_t *out)
{
    return take_number(&text, out) && text_is(text, "") &&
           *out >= FAULTS_CERTAIN &&
           *out <= FAULTS_PACKETS_MAX * (int64_t)FAULTS_CERTAIN;
}

/* ---- The settings -------------------------------------------------------- */

static bool set_rate(struct text value, struct faults *faults)
{
    return parse_rate(value, &faults->rate);
}

static bool set_queue(struct text value, struct faults *faults)
{
    return parse_size(value, &faults->queue);
}

/* "20kB" or "1%" */
static bool set_mark(struct text value, struct faults *faults)
{
    return parse_size(value, &faults->mark) ||
           parse_probability(value, &faults->mark_chance);
}

static bool set_loss(struct text value, struct faults *faults)
{
    return parse_probability(value, &faults->loss);
}

/*
 * Between two bursts passes at least one packet, so that of L + 1 packets at
 * most L can be lost on average.
 */
static bool set_burst_loss(struct text value, struct faults *faults)
{
    struct text share;
    struct text packets;
    int64_t length;

    if (!split(value, &share, &packets) ||
        !parse_probability(share, &faults->burst_loss) ||
        !parse_packets(packets, &length))
        return false;
    faults->burst_length = (uint32_t)length;
    return faults->burst_loss * (length + FAULTS_CERTAIN) <=
           length * FAULTS_CERTAIN;
}

static bool set_duplicate(struct text value, struct faults *faults)
{
    return parse_probability(value, &faults->duplicate);
}

static bool set_reorder(struct text value, struct faults *faults)
{
    struct text packets;
    int64_t by;

    if (!split(value, &value, &packets))
        return parse_probability(value, &faults->reorder);
    if (!parse_probability(value, &faults->reorder) ||
        !parse_packets(packets, &by))
        return false;
    faults->reorder_by = (unsigned)(by / FAULTS_CERTAIN);
    return by % FAULTS_CERTAIN == 0;
}

static bool set_corrupt(struct text value, struct faults *faults)
{
    return parse_probability(value, &faults->corrupt);
}

static bool set_delay(struct text value, struct faults *faults)
{
    return parse_time(value, &faults->delay);
}

static bool set_jitter(struct text value, struct faults *faults)
{
    return parse_time(value, &faults->jitter);
}

static bool set_reorder_delay(struct text value, struct faults *faults)
{
    return parse_time(value, &faults->reorder_delay);
}

#define A_PROBABILITY "not a probability, as 1% or 0.01"
#define A_TIME "not a time up to 1 hour, as 10ms (us, ms, s)"

static const struct setting {
    const char *name;
    bool (*set)(struct text value, struct faults *faults);
    const char *mistake;
} settings[] = {
    {"rate", set_rate, "not a rate, as 10Mbit (kbit, Mbit, Gbit)"},
    {"queue", set_queue, "not a size up to 1000MB, as 64kB (B, kB, MB)"},
    {"mark", set_mark, "not a size, as 20kB, and not a probability, as 1%"},
    {"loss", set_loss, A_PROBABILITY},
    {"burst-loss", set_burst_loss,
     "not a share and a mean length, as 1%/3, that can be"},
    {"dup", set_duplicate, A_PROBABILITY},
    {"reorder", set_reorder,
     "not a probability, as 1%, perhaps with a distance, as 1%/3"},
    {"corrupt", set_corrupt, A_PROBABILITY},
    {"delay", set_delay, A_TIME},
    {"jitter", set_jitter, A_TIME},
    {"reorder-delay", set_reorder_delay, A_TIME},
};

/* ---- The specification --------------------------------------------------- */

static int refuse(struct text part, const char *problem,
                  char why[static FAULTS_WHY_MAX])
{
    snprintf(why, FAULTS_WHY_MAX, "\"%.*s\": %s",
             (int)min_size((size_t)(part.end - part.at), 40), part.at, problem);
    return -EINVAL;
}

/* "loss=1%" */
static int parse_part(struct text part, struct faults *faults, unsigned *given,
                      char why[static FAULTS_WHY_MAX])
{
    const char *sign = memchr(part.at, '=', (size_t)(part.end - part.at));
    unsigned i = 0;

    if (sign == NULL)
        return refuse(part, "not of the form name=value", why);

    struct text name = {.at = part.at, .end = sign};
    struct text value = {.at = sign + 1, .end = part.end};

    while (i < ARRAY_LENGTH(settings) && !text_is(name, settings[i].name))
        i++;
    if (i == ARRAY_LENGTH(settings))
        return refuse(part,
                      "not one of rate, queue, mark, loss, burst-loss, dup, "
                      "reorder, corrupt, delay, jitter, reorder-delay",
                      why);
    if ((*given & 1u << i) != 0)
        return refuse(part, "given twice", why);
    *given |= 1u << i;
    return settings[i].set(value, faults)
               ? 0
               : refuse(part, settings[i].mistake, why);
}

int faults_parse(const char *spec, struct faults *out,
                 char why[static FAULTS_WHY_MAX])
{
    struct faults faults = {0};
    unsigned given = 0; /* a bit for each setting */

    for (;;) {
        struct text part = {.at = spec, .end = spec + strcspn(spec, ",")};
        int status = parse_part(part, &faults, &given, why);

        if (status < 0)
            return status;
        if (*part.end == '\0')
            break;
        spec = part.end + 1;
    }
    if ((faults.queue > 0 || faults.mark > 0) && faults.rate == 0) {
        snprintf(why, FAULTS_WHY_MAX,
                 "a queue waits for a rate: rate= is missing");
        return -EINVAL;
    }
    *out = faults;
    return 0;
}
