/*
 * The core's settings as text: all of them, there and back.
 */
#include "unit.h"

#include "stack_settings.h"

#include <errno.h>

static const char *value_of(const struct stack_config *config, const char *name)
{
    static char value[SETTING_VALUE_MAX];

    for (unsigned i = 0; stack_setting_name(i) != NULL; i++) {
        if (strcmp(stack_setting_name(i), name) != 0)
            continue;
        stack_setting_text(config, i, value);
        return value;
    }
    return "there is none";
}

START_TEST(values_are_told_in_the_largest_unit_that_fits)
{
    struct stack_config config = stack_config_default();

    config.tcp.delayed_ack = 1500;
    ck_assert_str_eq(value_of(&config, "tcp.delayed_ack"), "1500us");
    ck_assert_str_eq(value_of(&config, "tcp.rto_min"), "200ms");
    ck_assert_str_eq(value_of(&config, "tcp.rto_initial"), "1s");
    ck_assert_str_eq(value_of(&config, "tcp.sack"), "on");
    ck_assert_str_eq(value_of(&config, "tcp.congestion"), "cubic");
    ck_assert_str_eq(value_of(&config, "ip.ttl"), "64");
    ck_assert_str_eq(value_of(&config, "tcp.port_last"), "60999");
}
END_TEST

START_TEST(a_value_is_set_by_its_name)
{
    struct stack_config config = stack_config_default();

    ck_assert_int_eq(stack_setting_set(&config, "tcp.delayed_ack", "41ms"), 0);
    ck_assert_int_eq(config.tcp.delayed_ack, 41000);
    ck_assert_int_eq(stack_setting_set(&config, "delayed_ack", "2s"), 0);
    ck_assert_int_eq(config.tcp.delayed_ack, 2000000);
    ck_assert_int_eq(stack_setting_set(&config, "sack", "off"), 0);
    ck_assert(!config.tcp.sack);
    ck_assert_int_eq(stack_setting_set(&config, "congestion", "reno"), 0);
    ck_assert_str_eq(config.tcp.congestion, "reno");
    ck_assert_int_eq(stack_setting_set(&config, "ip.ttl", "255"), 0);
    ck_assert_uint_eq(config.ip.ttl, 255);
}
END_TEST

START_TEST(what_cannot_be_set_is_told)
{
    struct stack_config config = stack_config_default();

    ck_assert_int_eq(stack_setting_set(&config, "tcp.speed", "1"), -ENOENT);
    ck_assert_int_eq(stack_setting_set(&config, "tcp.", "1"), -ENOENT);
    ck_assert_int_eq(stack_setting_set(&config, "ip.ttl", "256"), -EINVAL);
    ck_assert_int_eq(stack_setting_set(&config, "ip.ttl", "-1"), -EINVAL);
    ck_assert_int_eq(stack_setting_set(&config, "delayed_ack", "40"), -EINVAL);
    ck_assert_int_eq(
        stack_setting_set(&config, "delayed_ack", "9999999999999s"), -EINVAL);
    ck_assert_int_eq(
        stack_setting_set(&config, "delayed_ack", "10000000000000000s"),
        -EINVAL);
    ck_assert_int_eq(stack_setting_set(&config, "sack", "maybe"), -EINVAL);
    ck_assert_int_eq(
        stack_setting_set(&config, "congestion", "a-name-of-17-chars"),
        -EINVAL);
    ck_assert_int_eq(
        stack_setting_set(&config, "memory_limit", "18446744073709551616"),
        -EINVAL);
}
END_TEST

static void expect_refusal(const char *list, const char *line)
{
    struct stack_config config = stack_config_default();
    char why[SETTING_WHY_MAX];

    ck_assert_int_lt(stack_settings_take(&config, list, why), 0);
    ck_assert_str_eq(why, line);
}

START_TEST(a_list_is_taken_from_left_to_right)
{
    struct stack_config config = stack_config_default();
    char why[SETTING_WHY_MAX];

    ck_assert_int_eq(stack_settings_take(&config, "", why), 0);
    ck_assert_int_eq(
        stack_settings_take(&config, "sack=off,delayed_ack=41ms,sack=on", why),
        0);
    ck_assert(config.tcp.sack);
    ck_assert_int_eq(config.tcp.delayed_ack, 41000);
}
END_TEST

START_TEST(every_default_is_within_its_limits)
{
    struct stack_config config = stack_config_default();
    char why[SETTING_WHY_MAX] = "";
    char value[SETTING_VALUE_MAX];
    char text[SETTING_NAME_MAX + SETTING_VALUE_MAX];

    for (unsigned i = 0; stack_setting_name(i) != NULL; i++) {
        stack_setting_text(&config, i, value);
        snprintf(text, sizeof(text), "%s=%s", stack_setting_name(i), value);
        ck_assert_msg(stack_settings_take(&config, text, why) == 0, "%s: %s",
                      text, why);
    }
}
END_TEST

START_TEST(what_no_stack_can_live_with_is_refused)
{
    expect_refusal("initial_window=0", "tcp.initial_window is 1 to 10000");
    expect_refusal("ecn=3", "tcp.ecn is 0 to 2");
    expect_refusal("delayed_ack=501ms", "tcp.delayed_ack is 0s to 500ms");
    expect_refusal("msl2=31536001s", "tcp.msl2 is 0s to 31536000s");
    expect_refusal("receive_buffer=4095",
                   "tcp.receive_buffer is 4096 to 1073741824");
    expect_refusal("congestion=vegas", "tcp.congestion: there is no 'vegas'");
    expect_refusal("congestion=a-name-of-17-chars",
                   "congestion=a-name-of-17-chars: it is too long");
    expect_refusal("port_first=61000", "tcp.port_first is above tcp.port_last");
    expect_refusal("send_buffer_max=4096",
                   "tcp.send_buffer is above tcp.send_buffer_max");
    expect_refusal("ip.ttl=256", "ip.ttl=256: it wants a number");
}
END_TEST

static void copy_by_text(const struct stack_config *from,
                         struct stack_config *to)
{
    char value[SETTING_VALUE_MAX];

    for (unsigned i = 0; stack_setting_name(i) != NULL; i++) {
        stack_setting_text(from, i, value);
        ck_assert_int_eq(stack_setting_set(to, stack_setting_name(i), value),
                         0);
    }
}

/* Each byte is 1, which every kind of field can be; what is text ends. */
static void fill_with_ones(struct stack_config *config)
{
    size_t from = offsetof(struct stack_config, arp);

    memset((uint8_t *)config + from, 1, sizeof(*config) - from);
    memset(config->tcp.congestion, 0, sizeof(config->tcp.congestion));
    config->tcp.congestion[0] = 'c';
}

#if defined(__has_builtin) && __has_builtin(__builtin_clear_padding)
enum { CAN_CLEAR_PADDING = 1 };
#define CLEAR_PADDING(pointer) __builtin_clear_padding(pointer)
#else
enum { CAN_CLEAR_PADDING = 0 };
#define CLEAR_PADDING(pointer) (void)(pointer)
#endif

/* What a copy by text does not carry over stays 0. */
START_TEST(every_field_has_its_setting)
{
    struct stack_config from;
    struct stack_config to;

    if (!CAN_CLEAR_PADDING)
        UNIT_SKIP("this compiler does not tell what is padding");
    memset(&from, 0, sizeof(from));
    memset(&to, 0, sizeof(to));
    fill_with_ones(&from);
    CLEAR_PADDING(&from);
    copy_by_text(&from, &to);
    for (size_t i = offsetof(struct stack_config, arp); i < sizeof(from); i++)
        ck_assert_msg(((uint8_t *)&from)[i] == ((uint8_t *)&to)[i],
                      "no setting has the byte at %zu of struct stack_config",
                      i);
}
END_TEST

UNIT_MAIN("settings", values_are_told_in_the_largest_unit_that_fits,
          a_value_is_set_by_its_name, what_cannot_be_set_is_told,
          a_list_is_taken_from_left_to_right,
          every_default_is_within_its_limits,
          what_no_stack_can_live_with_is_refused, every_field_has_its_setting)
