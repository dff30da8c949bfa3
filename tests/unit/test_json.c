/*
 * Lines of JSON as a control socket writes them, and as the command reads them.
 */
#include "unit.h"

#include "host/json.h"
#include "tools/json_line.h"

#include <string.h>

START_TEST(a_line_is_an_object_with_its_fields_in_order)
{
    char text[256];
    struct ip_addr addr = ip_addr_v4(0xc0000201);
    struct ip_prefix prefix = {.addr = addr, .len = IPV4_PREFIX_OFFSET + 24};
    struct json json;

    json_begin(&json, text, sizeof(text));
    json_text(&json, "name", "tap0");
    json_number(&json, "most", UINT64_MAX);
    json_signed(&json, "least", INT64_MIN);
    json_bool(&json, "on", false);
    json_addr(&json, "addr", &addr);
    json_prefix(&json, "net", &prefix);
    json_count(&json, "none", 0);
    json_flag(&json, "off", false);
    text[json_end(&json)] = '\0';
    ck_assert_str_eq(text,
                     "{\"name\":\"tap0\",\"most\":18446744073709551615,"
                     "\"least\":-9223372036854775808,\"on\":false,"
                     "\"addr\":\"192.0.2.1\",\"net\":\"192.0.2.1/24\"}\n");
}
END_TEST

START_TEST(a_line_that_does_not_fit_is_none)
{
    char text[16];
    struct json json;

    json_begin(&json, text, sizeof(text));
    json_text(&json, "a", "12345");
    ck_assert_uint_eq(json_end(&json), 14);
    json_begin(&json, text, sizeof(text));
    json_text(&json, "a", "12345678");
    ck_assert_uint_eq(json_end(&json), 0);
}
END_TEST

/* RFC 8259 7 */
START_TEST(any_text_comes_through)
{
    char text[256];
    struct json_line line;
    struct json json;
    static const char odd[] = "a \"b\" \\ \n\t\x01 {},: \xc3\xa4";

    json_begin(&json, text, sizeof(text));
    json_text(&json, "odd", odd);
    json_number(&json, "behind", 7);
    text[json_end(&json)] = '\0';
    ck_assert_ptr_nonnull(strstr(text, "\\\"b\\\""));
    ck_assert_ptr_null(strchr(text, '\t'));
    ck_assert(json_line_parse(text, &line));
    ck_assert_str_eq(json_line_text(&line, "odd"), odd);
    ck_assert_uint_eq(json_line_number(&line, "behind"), 7);
}
END_TEST

START_TEST(a_line_is_read_whatever_space_is_in_it)
{
    char text[] = " { \"a\" : 1 , \"b\":\"x\" ,\"c\": true,\"d\":false } \n";
    char empty[] = "{}";
    struct json_line line;

    ck_assert(json_line_parse(text, &line));
    ck_assert_uint_eq(line.count, 4);
    ck_assert_uint_eq(json_line_number(&line, "a"), 1);
    ck_assert_str_eq(json_line_text(&line, "b"), "x");
    ck_assert(json_line_flag(&line, "c"));
    ck_assert(!json_line_flag(&line, "d"));
    ck_assert(!json_line_flag(&line, "e"));
    ck_assert_ptr_null(json_line_text(&line, "e"));
    ck_assert_uint_eq(json_line_number(&line, "e"), 0);
    ck_assert(json_line_parse(empty, &line));
    ck_assert_uint_eq(line.count, 0);
}
END_TEST

START_TEST(what_is_no_flat_object_is_refused)
{
    static const char *const wrong[] = {"",
                                        "[1]",
                                        "{",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1",
                                        "{\"a\":1,",
                                        "{\"a\":1,}",
                                        "{\"a\":\"x",
                                        "{\"a\":{}}",
                                        "{\"a\":[1]}",
                                        "{a:1}",
                                        "{\"a\":\"\\u00g0\"}",
                                        "{\"a\":\"\\",
                                        "{\"a\" 1}"};

    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct json_line line;
        char text[64];

        strcpy(text, wrong[i]);
        ck_assert_msg(!json_line_parse(text, &line), "%s", wrong[i]);
    }
}
END_TEST

UNIT_MAIN("json", a_line_is_an_object_with_its_fields_in_order,
          a_line_that_does_not_fit_is_none, any_text_comes_through,
          a_line_is_read_whatever_space_is_in_it,
          what_is_no_flat_object_is_refused)
