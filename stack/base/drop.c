/*
 * The words for each reason to drop a packet.
 */
#include "base/drop.h"

#include <assert.h>

struct description {
    const char *name;
    const char *layer;
    const char *text;
    const char *section;
};

static const struct description descriptions[DROP_REASON_COUNT] = {
    [DROP_NONE] = {"NONE", "", "not dropped", ""},
#define DESCRIBE(name, layer, text, section)                                   \
    [DROP_##name] = {#name, layer, text, section},
    DROP_REASONS(DESCRIBE)
#undef DESCRIBE
};

static const struct description *describe(enum drop_reason reason)
{
    assert(reason < DROP_REASON_COUNT);
    return &descriptions[reason];
}

const char *drop_layer(enum drop_reason reason)
{
    return describe(reason)->layer;
}

const char *drop_text(enum drop_reason reason)
{
    return describe(reason)->text;
}

const char *drop_section(enum drop_reason reason)
{
    return describe(reason)->section;
}

const char *drop_name(enum drop_reason reason)
{
    return describe(reason)->name;
}
