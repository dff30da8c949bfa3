/*
 * The text form of faults: "loss=1%,delay=10ms". Strict: what is not
 * understood to the last character is refused, and named.
 */
#include "netdev/faults.h"

#include <errno.h>
#include <stdio.h>

enum {
    MILLIONTH_DIGITS = 6, /* of a fraction */
    FAULTS_CERTAIN = 1000000
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

/* One of the two is set: where the value goes. */
struct setting {
    const char *name;
    uint32_t *probability;
    usec *time;
};

enum { SETTINGS = 7 };

static void list_settings(struct faults *faults,
                          struct setting settings[static SETTINGS])
{
    const struct setting all[SETTINGS] = {
        {.name = "loss", .probability = &faults->loss},
        {.name = "dup", .probability = &faults->duplicate},
        {.name = "reorder", .probability = &faults->reorder},
        {.name = "corrupt", .probability = &faults->corrupt},
        {.name = "delay", .time = &faults->delay},
        {.name = "jitter", .time = &faults->jitter},
        {.name = "reorder-delay", .time = &faults->reorder_delay},
    };

    memcpy(settings, all, sizeof(all));
}

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
    struct setting settings[SETTINGS];
    unsigned i = 0;

    if (sign == NULL)
        return refuse(part, "not of the form name=value", why);

    struct text name = {.at = part.at, .end = sign};
    struct text value = {.at = sign + 1, .end = part.end};

    list_settings(faults, settings);
    while (i < SETTINGS && !text_is(name, settings[i].name))
        i++;
    if (i == SETTINGS)
        return refuse(part,
                      "not one of loss, dup, reorder, corrupt, delay, jitter, "
                      "reorder-delay",
                      why);
    if ((*given & 1u << i) != 0)
        return refuse(part, "given twice", why);
    *given |= 1u << i;
    if (settings[i].time != NULL)
        return parse_time(value, settings[i].time)
                   ? 0
                   : refuse(part,
                            "not a time up to 1 hour, as 10ms (us, ms, s)",
                            why);
    return parse_probability(value, settings[i].probability)
               ? 0
               : refuse(part, "not a probability, as 1% or 0.01", why);
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
    *out = faults;
    return 0;
}
