/*
 * A transfer over a bad link is recorded at both ends, and each recording is
 * replayed: bit for bit, or it says where not.
 */
#include "tests/recording.h"
#include "tests/sim/transfer.h"
#include "tests/unit/unit.h"

#include "stack_settings.h"

enum { SENDER, RECEIVER, ENDS };

static struct recording recordings[ENDS];

enum { MB = 1000 * 1000 };

/* Each packet is lost with a probability of 1 %. */
static void record_transfer(uint64_t bytes)
{
    struct transfer transfer = {
        .faults = "rate=100Mbit,delay=30ms,loss=1%,queue=256kB",
        .congestion = "cubic",
        .time_max = 600 * USEC_PER_SEC,
        .bytes_max = bytes,
        .seed = 7,
    };
    struct transfer_result result = {0};

    for (unsigned i = 0; i < ENDS; i++)
        transfer.recorders[i] = &recordings[i].recorder;
    transfer_run(&transfer, &result);
    ck_assert_uint_ge(result.bytes, transfer.bytes_max);
    ck_assert_uint_gt(result.resent, 0);
}

static void begin_recordings(void)
{
    for (unsigned i = 0; i < ENDS; i++)
        recording_begin(&recordings[i]);
}

static void end_recordings(void)
{
    for (unsigned i = 0; i < ENDS; i++)
        recording_end(&recordings[i]);
}

static struct replay_report replay(unsigned end,
                                   const struct replay_options *options)
{
    struct replay_report report;

    replay_run(recording_of(&recordings[end]), options, &report);
    return report;
}

static void expect_same(const struct replay_report *report)
{
    ck_assert_msg(report->outcome == REPLAY_SAME,
                  "%s, entry %llu at %lld: recorded: %s; now: %s",
                  report->entry, (unsigned long long)report->entries,
                  (long long)report->ended, report->recorded, report->now);
}

START_TEST(a_transfer_with_losses_is_replayed_bit_for_bit)
{
    begin_recordings();
    record_transfer(10 * MB);
    for (unsigned i = 0; i < ENDS; i++) {
        struct replay_report report = replay(i, NULL);

        expect_same(&report);
        ck_assert(!report.keeps_text);
        ck_assert_uint_gt(report.frames_in, 1000);
        ck_assert_uint_gt(report.frames_sent, 1000);
        /* of the text there is no more than its length and hash */
        ck_assert_uint_lt(recording_of(&recordings[i]).len, 6 * MB);
    }
    end_recordings();
}
END_TEST

START_TEST(a_transfer_recorded_in_full_is_replayed_with_its_text)
{
    begin_recordings();
    for (unsigned i = 0; i < ENDS; i++)
        recordings[i].recorder.keeps_text = true;
    record_transfer(MB);
    for (unsigned i = 0; i < ENDS; i++) {
        struct replay_report report = replay(i, NULL);

        expect_same(&report);
        ck_assert(report.keeps_text);
        ck_assert_uint_gt(recording_of(&recordings[i]).len, MB);
    }
    end_recordings();
}
END_TEST

START_TEST(with_another_delayed_ack_the_first_frame_that_differs_is_named)
{
    static const char *const settings[] = {"delayed_ack=41ms", NULL};
    struct replay_options options = {.settings = settings};
    struct replay_report report;

    begin_recordings();
    record_transfer(MB);
    report = replay(RECEIVER, &options);
    ck_assert_int_eq(report.outcome, REPLAY_DIFFERS);
    ck_assert_str_eq(report.entry, "stack_flush");
    ck_assert_ptr_nonnull(strstr(report.recorded, "sends 192.0.2.2:7 > "));
    ck_assert_str_eq(report.now, "returns 0");
    end_recordings();
}
END_TEST

/* Whatever it is set to: something may differ, but the stack goes on. */
START_TEST(no_setting_is_too_much_for_a_replay)
{
    static const char *const values[] = {"0",           "1",   "65535",
                                         "4294967295",  "0us", "1us",
                                         "9000000000s", "off", "on"};
    char text[SETTING_NAME_MAX + SETTING_VALUE_MAX];
    const char *settings[] = {text, NULL};
    struct replay_options options = {.settings = settings};
    unsigned tried = 0;

    begin_recordings();
    record_transfer(MB / 10);
    for (unsigned i = 0; stack_setting_name(i) != NULL; i++)
        for (unsigned v = 0; v < ARRAY_LENGTH(values); v++) {
            snprintf(text, sizeof(text), "%s=%s", stack_setting_name(i),
                     values[v]);
            for (unsigned end = 0; end < ENDS; end++)
                tried += replay(end, &options).outcome != REPLAY_BROKEN;
        }
    ck_assert_uint_gt(tried, 500);
    end_recordings();
}
END_TEST

START_TEST(a_recording_that_is_cut_is_replayed_to_its_end)
{
    struct recording *recording = &recordings[SENDER];
    size_t whole;

    begin_recordings();
    record_transfer(MB / 4);
    whole = recording_len(recording);
    for (size_t cut = 1; cut < 3000; cut += 7) {
        struct bytes part = bytes_of(recording->bytes, whole - cut);
        struct replay_report report;

        if (cut > 100 && cut % 5 != 0)
            continue;
        replay_run(part, NULL, &report);
        ck_assert_int_eq(report.outcome, REPLAY_CUT);
    }
    end_recordings();
}
END_TEST

UNIT_MAIN("record", no_setting_is_too_much_for_a_replay,
          a_transfer_with_losses_is_replayed_bit_for_bit,
          a_transfer_recorded_in_full_is_replayed_with_its_text,
          with_another_delayed_ack_the_first_frame_that_differs_is_named,
          a_recording_that_is_cut_is_replayed_to_its_end)
