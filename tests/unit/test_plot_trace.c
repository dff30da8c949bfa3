/*
 * What `tapir plot` reads from a stack's own words: --trace=json, and comments
 * in pcapng.
 */
#include "tools/plot_trace.h"

#include "tools/json_scan.h"
#include "unit.h"

#include <errno.h>

/* The ends and their numbers, as in each line of such a trace. */
#define ENDS                                                                   \
    "\"local\":\"192.0.2.2\",\"local_port\":80,"                               \
    "\"remote\":\"192.0.2.1\",\"remote_port\":40000,\"connection\":3,"
#define TOLD "\"cwnd\":14480,\"ssthresh\":7240,\"flight\":2896,\"srtt\":40100,"

static struct plot_capture capture;

static void begin(void)
{
    ck_assert_int_eq(plot_capture_init(&capture), 0);
}

static int take(const char *line)
{
    return plot_trace_line(&capture, 1, line, strlen(line));
}

START_TEST(segments_are_those_of_the_trace)
{
    const struct plot_connection *connection;

    begin();
    ck_assert_int_eq(
        take("{\"time\":0.500000,\"event\":\"segment\",\"layer\":\"tcp\","
             "\"direction\":\"in\",\"frame\":7," ENDS "\"flags\":\"S\","
             "\"seq\":0,\"win\":64240,\"iss\":0,\"irs\":0,\"bytes\":0,"
             "\"options\":{\"mss\":1460,\"sack_ok\":true,\"wscale\":7}}"),
        1);
    ck_assert_int_eq(
        take("{\"time\":0.500100,\"event\":\"segment\",\"layer\":\"tcp\","
             "\"direction\":\"out\"," ENDS "\"flags\":\"S.\",\"seq\":0,"
             "\"ack\":1,\"win\":65535,\"iss\":5,\"irs\":9,\"bytes\":0,"
             "\"options\":{ \"wscale\":5}}"),
        1);
    ck_assert_int_eq(
        take("{\"time\":1.000000,\"event\":\"segment\",\"layer\":\"tcp\","
             "\"direction\":\"in\"," ENDS TOLD "\"flags\":\".\",\"seq\":1,"
             "\"ack\":101,\"win\":502,\"iss\":5,\"irs\":9,\"bytes\":0,"
             "\"options\":{\"ts_val\":1,\"ts_ecr\":2,"
             "\"sack\":[[201,301],[401,501]]}}"),
        1);
    ck_assert_uint_eq(capture.connection_count, 1);
    connection = capture.connection[0];
    ck_assert_uint_eq(connection->segment_count, 3);
    ck_assert_uint_eq(connection->end[0].endpoint.port, 40000);
    ck_assert_uint_eq(connection->end[0].syn.mss, 1460);
    ck_assert_int_eq(connection->end[0].syn.wscale, 7);
    ck_assert(connection->end[0].syn.sack_permitted);
    ck_assert_uint_eq(connection->segment[1].from, 1);
    ck_assert_int_eq(connection->segment[1].ack, 1);
    ck_assert_uint_eq(connection->segment[1].flags, CAPTURE_SYN | CAPTURE_ACK);
    ck_assert_int_eq(connection->segment[2].time, 1000000);
    ck_assert_int_eq(connection->segment[2].ack, 101);
    ck_assert_uint_eq(connection->segment[2].sack_count, 2);
    ck_assert_int_eq(connection->block[1].from, 401);
    ck_assert_int_eq(connection->block[1].to, 501);

    ck_assert_uint_eq(connection->sample_count, 1);
    ck_assert_uint_eq(connection->sample[0].from, 1); /* our end */
    ck_assert_int_eq(connection->sample[0].cwnd, 14480);
    ck_assert_int_eq(connection->sample[0].ssthresh, 7240);
    ck_assert_int_eq(connection->sample[0].srtt, 40100);
    plot_capture_fini(&capture);
}
END_TEST

static int take_congestion(const char *told)
{
    char line[512];

    snprintf(
        line, sizeof(line),
        "{\"time\":2.000000,\"event\":\"congestion\",\"layer\":\"tcp\"," ENDS
        "%s\"what\":\"loss\"}",
        told);
    return take(line);
}

/* Any event of a known connection tells; what did not change is told once. */
START_TEST(other_events_give_samples)
{
    begin();
    ck_assert_int_eq(take_congestion(TOLD), 1);
    ck_assert_uint_eq(capture.connection_count, 0); /* of none that is known */
    ck_assert_int_eq(
        take("{\"time\":1.000000,\"event\":\"segment\",\"layer\":\"tcp\","
             "\"direction\":\"out\"," ENDS "\"flags\":\"P.\",\"seq\":1,"
             "\"ack\":1,\"win\":5,\"bytes\":10}"),
        1);
    ck_assert_int_eq(take_congestion(TOLD), 1);
    ck_assert_int_eq(take_congestion(TOLD), 1);
    ck_assert_uint_eq(capture.connection[0]->sample_count, 1);
    ck_assert_int_eq(take_congestion("\"cwnd\":1,\"ssthresh\":2147483647,"), 1);
    ck_assert_uint_eq(capture.connection[0]->sample_count, 2);
    ck_assert_int_eq(capture.connection[0]->sample[1].ssthresh, -1);
    ck_assert_uint_eq(capture.connection[0]->segment_count, 1);
    plot_capture_fini(&capture);
}
END_TEST

/* Two stacks, one trace: what one sends the other receives. */
START_TEST(a_segment_that_both_ends_saw_is_one)
{
    begin();
    ck_assert_int_eq(
        take("{\"time\":1.000000,\"event\":\"segment\",\"layer\":\"tcp\","
             "\"direction\":\"out\"," ENDS "\"flags\":\"S\",\"seq\":0,"
             "\"win\":5,\"bytes\":0}"),
        1);
    ck_assert_int_eq(
        take("{\"time\":1.200000,\"event\":\"segment\",\"layer\":\"tcp\","
             "\"direction\":\"in\",\"local\":\"192.0.2.1\","
             "\"local_port\":40000,\"remote\":\"192.0.2.2\","
             "\"remote_port\":80,\"flags\":\"S\",\"seq\":0,\"win\":5,"
             "\"bytes\":0}"),
        1);
    ck_assert_uint_eq(capture.segment_count, 1);
    plot_capture_fini(&capture);
}
END_TEST

START_TEST(lines_of_other_things_are_passed_over)
{
    static const char *const lines[] = {
        "",
        "httpd: serving . on port 80",
        "{",
        "{\"time\":1.0",
        "{\"layer\":\"udp\",\"event\":\"packet\"}",
        "{\"layer\":\"tcp\",\"local\":\"nowhere\"}",
        "{\"a\":\"\\",
        "{\"a\":[[[[}",
        "{\"layer\" \"tcp\"}",
    };

    begin();
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        ck_assert_int_eq(take(lines[i]), 0);
    ck_assert_uint_eq(capture.connection_count, 0);
    plot_capture_fini(&capture);
}
END_TEST

START_TEST(a_comment_tells_its_last_values)
{
    struct plot_connection connection = {0};

    ck_assert_int_eq(
        plot_trace_comment(&connection, 1, 7,
                           "frame in 9\n[3] ESTABLISHED, cwnd 14480, flight "
                           "2896, rto 200.000 ms\n1448 acknowledged, now cwnd "
                           "15928, ssthresh 7240, flight 1448, rtt 40.125 ms, "
                           "rto 240.000 ms"),
        0);
    ck_assert_uint_eq(connection.sample_count, 1);
    ck_assert_int_eq(connection.sample[0].cwnd, 15928);
    ck_assert_int_eq(connection.sample[0].ssthresh, 7240);
    ck_assert_int_eq(connection.sample[0].srtt, 40125);
    ck_assert_uint_eq(connection.sample[0].from, 1);
    ck_assert_int_eq(plot_trace_comment(&connection, 1, 7, "frame in 10"), 0);
    ck_assert_uint_eq(connection.sample_count, 1);
    free(connection.sample);
}
END_TEST

START_TEST(json_is_read_member_by_member)
{
    static const char text[] =
        " { \"a\" : 12 , \"b\":\"q\\\"}\" ,\"c\":[1,{\"d\":2}],\"e\":true}";
    struct json_scan_text name;
    struct json_scan_text value;
    struct json_scan json;
    uint64_t number;

    ck_assert_int_eq(json_scan_begin(text, strlen(text), &json), 0);
    ck_assert_int_eq(json_scan_next(&json, &name, &value), 1);
    ck_assert(json_scan_is(&name, "a"));
    ck_assert_int_eq(json_scan_number(&value, &number), 0);
    ck_assert_uint_eq(number, 12);
    ck_assert_int_eq(json_scan_next(&json, &name, &value), 1);
    ck_assert(json_scan_is(&value, "q\\\"}"));
    ck_assert_int_eq(json_scan_number(&value, &number), -EBADMSG);
    ck_assert_int_eq(json_scan_next(&json, &name, &value), 1);
    ck_assert(json_scan_is(&value, "[1,{\"d\":2}]"));
    ck_assert_int_eq(json_scan_next(&json, &name, &value), 1);
    ck_assert(json_scan_is(&value, "true"));
    ck_assert_int_eq(json_scan_next(&json, &name, &value), 0);
    ck_assert_int_eq(json_scan_begin("12", 2, &json), -EBADMSG);
}
END_TEST

UNIT_MAIN("plot_trace", segments_are_those_of_the_trace,
          other_events_give_samples, a_segment_that_both_ends_saw_is_one,
          lines_of_other_things_are_passed_over,
          a_comment_tells_its_last_values, json_is_read_member_by_member)
