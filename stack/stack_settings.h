/*
 * The core's settings by name, as text: "tcp.delayed_ack" is 40ms. A recording
 * keeps them so, and a replay changes them so.
 */
#ifndef TAPIR_STACK_SETTINGS_H
#define TAPIR_STACK_SETTINGS_H

#include "stack.h"

enum {
    SETTING_NAME_MAX = 64, /* these two with their NUL */
    SETTING_VALUE_MAX = 32
};

/* They are counted from 0. NULL: there are no more. */
const char *stack_setting_name(unsigned index);

/* Its value in `config`: "40ms", "on", "4096", "cubic". */
void stack_setting_text(const struct stack_config *config, unsigned index,
                        char value[static SETTING_VALUE_MAX]);

/*
 * The name may lack its layer where no other layer has such a one:
 * "delayed_ack". -ENOENT: there is none; -EINVAL: it cannot be that.
 */
MUST_CHECK int stack_setting_set(struct stack_config *config, const char *name,
                                 const char *value);

#endif
