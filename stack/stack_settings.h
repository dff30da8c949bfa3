/*
 * The core's settings by name, as text: "tcp.delayed_ack" is 40ms. A recording
 * keeps them so; a replay, and --set, changes them so.
 */
#ifndef TAPIR_STACK_SETTINGS_H
#define TAPIR_STACK_SETTINGS_H

#include "stack.h"

enum {
    SETTING_NAME_MAX = 64, /* these two with their NUL */
    SETTING_VALUE_MAX = 32,
    SETTING_WHY_MAX = 160
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

/*
 * As a person asks for it: "NAME=VALUE", or several with commas between them,
 * each within the limits of what the stack can live with. -ENOENT, -EINVAL,
 * with one line in `why`; what stands before the mistake is set by then.
 */
MUST_CHECK int stack_settings_take(struct stack_config *config,
                                   const char *list,
                                   char why[static SETTING_WHY_MAX]);

#endif
