/*
 * Captures that one stack has made are replayed by another one: it must send
 * the same, at the same time, to the last flag and window; and where it is made
 * to differ, the report must say where.
 */
#include "tests/sim/captured.h"
#include "tests/unit/unit.h"

#include "tools/rerun_report.h"
#include "tools/rerun_run.h"

#include <netinet/in.h>

/* ---- A replay ------------------------------------------------------------ */

struct replayed {
    struct rerun_options options;
    bool is_lax;
    usec tolerance; /* 0: the very microsecond */
    /* What came of it. */
    uint64_t counts[RERUN_VERDICTS];
    uint64_t held, midstream, cut, without_checksum;
    bool differs;
    char *text;
    size_t text_len;
};

static void sum_up(struct replayed *replayed, const struct rerun_script *script,
                   const struct rerun_judge *judge)
{
    for (const struct rerun_flow *flow = script->first; flow != NULL;
         flow = flow->next)
        rerun_compare(flow, judge, replayed->counts, NULL, NULL);
    replayed->held = script->held;
    replayed->midstream = script->midstream;
    replayed->cut = script->capture->cut;
    replayed->without_checksum = script->capture->without_checksum;
}

static void report(struct replayed *replayed, const struct rerun_script *script,
                   const char *path)
{
    const struct rerun_capture *capture = script->capture;
    struct rerun_report report = {
        .path = path,
        .script = script,
        .judge = {.tolerance = replayed->tolerance,
                  .ended = capture->ended,
                  .is_strict = !replayed->is_lax,
                  .is_open = !capture->records[capture->count - 1].is_ours},
        .limit = 20};

    report.to = open_memstream(&replayed->text, &replayed->text_len);
    ck_assert_ptr_nonnull(report.to);
    replayed->differs = rerun_report(&report);
    fclose(report.to);
    sum_up(replayed, script, &report.judge);
}

/* The host is 192.0.2.2. */
static void replay(struct replayed *replayed, const char *path)
{
    struct ip_addr host = ip_addr_v4(0xc0000202);
    struct rerun_script *script = malloc(sizeof(*script));
    struct rerun_capture capture;
    struct memory memory;
    char why[RERUN_WHY_MAX];

    ck_assert_ptr_nonnull(script);
    replayed->options.prefix_len = IPV4_PREFIX_OFFSET + 24;
    memory_init(&memory, SIZE_MAX);
    ck_assert_int_eq(rerun_load(&capture, path, &host), 0);
    ck_assert_uint_gt(capture.count, 0);
    ck_assert_int_eq(rerun_script_init(script, &memory, &capture), 0);
    ck_assert_msg(rerun_script_run(script, &replayed->options, why) == 0, "%s",
                  why);
    report(replayed, script, path);
    rerun_script_fini(script);
    free(script);
    rerun_unload(&capture);
    ck_assert_uint_eq(memory.used, 0);
}

static void forget(struct replayed *replayed)
{
    free(replayed->text);
    replayed->text = NULL;
}

/* The same to the last bit, and more than nothing. */
static void expect_same(const struct captured *captured)
{
    struct replayed replayed = {0};

    replay(&replayed, captured->path);
    ck_assert_msg(!replayed.differs, "%s", replayed.text);
    ck_assert_uint_gt(replayed.counts[RERUN_SAME], 2);
    ck_assert_uint_eq(replayed.held, 0);
    ck_assert_uint_eq(replayed.midstream, 0);
    forget(&replayed);
}

/* ---- The same ------------------------------------------------------------ */

static void ask_and_answer(struct captured *captured, uint64_t answer)
{
    captured_listen(captured, CAPTURED_HOST, 80);

    unsigned client = captured_connect(captured, CAPTURED_PEER, 80);

    captured_write(captured, CAPTURED_PEER, client, 300);
    while (captured->ends[CAPTURED_HOST].sockets[1].read < 300)
        captured_run(captured, 100 * USEC_PER_MSEC);
    captured_write(captured, CAPTURED_HOST, 1, answer);
    captured_shut(captured, CAPTURED_HOST, 1);
    captured_run(captured, 60 * USEC_PER_SEC);
    ck_assert_uint_eq(captured->ends[CAPTURED_PEER].sockets[client].read,
                      answer);
    captured_shut(captured, CAPTURED_PEER, client);
    captured_run(captured, 2 * USEC_PER_SEC);
}

START_TEST(a_question_and_its_answer_are_replayed)
{
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, NULL);
    ask_and_answer(&captured, 20000);
    captured_close(&captured);
    expect_same(&captured);
    captured_forget(&captured);
}
END_TEST

START_TEST(a_megabyte_with_losses_is_replayed)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct captured captured;

        captured_open(&captured, "delay=10ms,loss=1%,reorder=0.5%/3", seed,
                      NULL);
        ask_and_answer(&captured, 1000000);
        captured_close(&captured);
        expect_same(&captured);
        captured_forget(&captured);
    }
}
END_TEST

START_TEST(a_connection_that_the_host_opens_is_replayed)
{
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, NULL);
    captured_listen(&captured, CAPTURED_PEER, 80);

    unsigned client = captured_connect(&captured, CAPTURED_HOST, 80);

    captured_write(&captured, CAPTURED_HOST, client, 300);
    captured_run(&captured, USEC_PER_SEC);
    captured_write(&captured, CAPTURED_PEER, 1, 100000);
    captured_shut(&captured, CAPTURED_PEER, 1);
    captured_run(&captured, USEC_PER_SEC);
    captured_shut(&captured, CAPTURED_HOST, client);
    captured_run(&captured, USEC_PER_SEC);
    captured_close(&captured);
    expect_same(&captured);
    captured_forget(&captured);
}
END_TEST

START_TEST(a_port_without_a_listener_is_replayed)
{
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, NULL);
    captured_connect(&captured, CAPTURED_PEER, 80);
    captured_connect(&captured, CAPTURED_PEER, 81);
    captured_run(&captured, USEC_PER_SEC);
    captured_close(&captured);
    expect_same(&captured);
    captured_forget(&captured);
}
END_TEST

/* The host's program has closed: what still comes is answered by RST. */
START_TEST(a_close_before_the_peer_has_ended_is_replayed)
{
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, NULL);
    captured_listen(&captured, CAPTURED_HOST, 80);

    unsigned client = captured_connect(&captured, CAPTURED_PEER, 80);

    captured_run(&captured, USEC_PER_SEC);
    captured_close_socket(&captured, CAPTURED_HOST, 1);
    captured_run(&captured, USEC_PER_SEC);
    captured_write(&captured, CAPTURED_PEER, client, 1000);
    captured_run(&captured, USEC_PER_SEC);
    captured_close(&captured);
    expect_same(&captured);
    captured_forget(&captured);
}
END_TEST

/* Two connections one after the other between the same ends' ports are two,
 * and several at once do not disturb each other. */
START_TEST(several_connections_are_replayed)
{
    struct captured captured;

    captured_open(&captured, "delay=5ms,loss=2%", 3, NULL);
    captured_listen(&captured, CAPTURED_HOST, 80);
    for (unsigned i = 0; i < 5; i++) {
        unsigned client = captured_connect(&captured, CAPTURED_PEER, 80);

        captured_write(&captured, CAPTURED_PEER, client, 1000 * (i + 1));
        captured_run(&captured, 7 * USEC_PER_MSEC);
    }
    captured_run(&captured, 5 * USEC_PER_SEC);
    for (unsigned i = 1; i < captured.ends[CAPTURED_HOST].count; i++) {
        captured_write(&captured, CAPTURED_HOST, i, 50000 * i);
        captured_run(&captured, 3 * USEC_PER_MSEC);
    }
    captured_run(&captured, 30 * USEC_PER_SEC);
    captured_close(&captured);
    expect_same(&captured);
    captured_forget(&captured);
}
END_TEST

START_TEST(datagrams_and_echoes_are_replayed)
{
    static const uint8_t echo[] = {8, 0, 0, 0, 0, 0, 0, 1, 'p', 'i', 'n', 'g'};
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, NULL);

    unsigned host = captured_datagram(&captured, CAPTURED_HOST, 0, 53);
    unsigned host_echo =
        captured_datagram(&captured, CAPTURED_HOST, IPPROTO_ICMP, 77);
    unsigned peer = captured_datagram(&captured, CAPTURED_PEER, 0, 5000);
    unsigned peer_echo =
        captured_datagram(&captured, CAPTURED_PEER, IPPROTO_ICMP, 78);

    captured_send(&captured, CAPTURED_PEER, peer, 53, "question", 8);
    captured_send(&captured, CAPTURED_PEER, peer, 54, "nobody", 6);
    captured_send(&captured, CAPTURED_PEER, peer_echo, 0, echo, sizeof(echo));
    captured_run(&captured, USEC_PER_SEC);
    captured_send(&captured, CAPTURED_HOST, host, 5000, "answer", 6);
    captured_send(&captured, CAPTURED_HOST, host_echo, 0, echo, sizeof(echo));
    captured_run(&captured, USEC_PER_SEC);
    captured_close(&captured);
    expect_same(&captured);
    captured_forget(&captured);
}
END_TEST

/* ---- Different ----------------------------------------------------------- */

static void delay_acks_longer(struct stack_config *config)
{
    config->tcp.delayed_ack = 150 * USEC_PER_MSEC;
    config->tcp.quick_acks = 0;
}

/* The host waited 150 ms with its ACK, the stack does not. */
START_TEST(an_ack_at_another_time_is_reported)
{
    struct replayed replayed = {.tolerance = 10 * USEC_PER_MSEC,
                                .is_lax = true};
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, delay_acks_longer);
    captured_listen(&captured, CAPTURED_HOST, 80);

    unsigned client = captured_connect(&captured, CAPTURED_PEER, 80);

    captured_run(&captured, USEC_PER_SEC);
    captured_write(&captured, CAPTURED_PEER, client, 300);
    captured_run(&captured, USEC_PER_SEC);
    captured_close(&captured);
    replay(&replayed, captured.path);
    ck_assert(replayed.differs);
    ck_assert_msg(replayed.counts[RERUN_MOVED] == 1, "%s", replayed.text);
    ck_assert_uint_eq(replayed.counts[RERUN_MISSING], 0);
    ck_assert_uint_eq(replayed.counts[RERUN_EXTRA], 0);
    ck_assert_uint_eq(replayed.counts[RERUN_OTHER], 0);
    ck_assert_msg(strstr(replayed.text, "moved, by -150.000 ms") != NULL, "%s",
                  replayed.text);
    forget(&replayed);

    replayed =
        (struct replayed){.tolerance = 200 * USEC_PER_MSEC, .is_lax = true};
    replay(&replayed, captured.path);
    ck_assert(!replayed.differs);
    forget(&replayed);
    captured_forget(&captured);
}
END_TEST

static void begin_slowly(struct stack_config *config)
{
    config->tcp.initial_window = 2;
}

/* What the stack sends sooner than the host did it does not send again, and the
 * peer's ACKs lead both to the end. */
START_TEST(another_initial_window_is_reported)
{
    struct replayed replayed = {.tolerance = USEC_PER_MSEC};
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, begin_slowly);
    ask_and_answer(&captured, 20000);
    captured_close(&captured);
    replay(&replayed, captured.path);
    ck_assert(replayed.differs);
    ck_assert_uint_gt(replayed.counts[RERUN_MOVED], 5);
    ck_assert_uint_eq(replayed.counts[RERUN_MISSING], 0);
    ck_assert_uint_eq(replayed.counts[RERUN_EXTRA], 0);
    forget(&replayed);
    captured_forget(&captured);
}
END_TEST

static void begin_fast(struct stack_config *config)
{
    config->tcp.initial_window = 40;
}

/* The peer acknowledges more than the stack has sent: the stack hears of it as
 * soon as it has. */
START_TEST(a_stack_that_sends_later_than_the_host_still_sends_it_all)
{
    struct replayed replayed = {.tolerance = 10 * USEC_PER_SEC, .is_lax = true};
    struct captured captured;

    captured_open(&captured, "delay=10ms", 1, begin_fast);
    ask_and_answer(&captured, 200000);
    captured_close(&captured);
    replay(&replayed, captured.path);
    ck_assert_uint_gt(replayed.held, 0);
    ck_assert_msg(!replayed.differs, "%s", replayed.text);
    forget(&replayed);
    captured_forget(&captured);
}
END_TEST

UNIT_MAIN("replay of captures", a_question_and_its_answer_are_replayed,
          a_megabyte_with_losses_is_replayed,
          a_connection_that_the_host_opens_is_replayed,
          a_port_without_a_listener_is_replayed,
          a_close_before_the_peer_has_ended_is_replayed,
          several_connections_are_replayed, datagrams_and_echoes_are_replayed,
          an_ack_at_another_time_is_reported,
          another_initial_window_is_reported,
          a_stack_that_sends_later_than_the_host_still_sends_it_all)
