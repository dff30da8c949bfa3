#include "unit.h"

#include "host/settings.h"

#include <errno.h>

static char why[TAPIR_TEXT_MAX];

static struct tapir_config defaults(void)
{
    struct tapir_config config;

    tapir_config_init(&config);
    return config;
}

/* A command line of up to 15 words, the program's name put before. */
struct words {
    char *argv[24];
    int argc;
};

#define WORDS(...) words_of((const char *const[]){__VA_ARGS__, NULL})

static struct words words_of(const char *const *texts)
{
    struct words words = {.argv = {(char *)"program"}, .argc = 1};

    while (*texts != NULL)
        words.argv[words.argc++] = (char *)(uintptr_t)*texts++;
    return words;
}

static int take(struct tapir_config *config, struct words *words)
{
    why[0] = '\0';
    return tapir_config_args(config, &words->argc, words->argv, why);
}

static void expect_refused(struct words words, const char *line)
{
    struct tapir_config config = defaults();

    errno = 0;
    ck_assert_int_eq(take(&config, &words), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_str_eq(why, line);
}

START_TEST(the_defaults_are_those_of_the_documentation)
{
    struct tapir_config config = defaults();
    struct settings settings;
    char text[MAC_TEXT_MAX];

    ck_assert_int_eq(settings_parse(&config, &settings, why), 0);
    ck_assert_int_eq(settings_reconcile(&settings, why), 0);
    ck_assert_uint_eq(ip_addr_to_v4(&settings.addr.addr), 0xc0000202);
    ck_assert_uint_eq(settings.addr.len, IPV4_PREFIX_OFFSET + 24);
    ck_assert_uint_eq(ip_addr_to_v4(&settings.gateway), 0xc0000201);
    ck_assert_str_eq(mac_addr_text(&settings.mac, text), "02:00:c0:00:02:02");
    ck_assert(!settings.has_faults);
    ck_assert(!settings.is_traced);
    ck_assert(!settings.is_explained);
    ck_assert_uint_eq(config.exit_wait, 10);
    ck_assert_uint_eq(config.ecn, 2);
    ck_assert_uint_eq(config.fast_open, 1);
    ck_assert_uint_eq(config.buffer_max, 32 * 1024 * 1024);
}
END_TEST

START_TEST(ecn_alone_asks_and_takes_another_number_after_an_equals_sign)
{
    struct tapir_config config = defaults();
    struct words alone = WORDS("--ecn", "0");
    struct words off = WORDS("--ecn=0");
    struct words answers = WORDS("--ecn=2");

    ck_assert_int_eq(take(&config, &alone), 0);
    ck_assert_uint_eq(config.ecn, 1);
    ck_assert_int_eq(alone.argc, 2);
    ck_assert_int_eq(take(&config, &off), 0);
    ck_assert_uint_eq(config.ecn, 0);
    ck_assert_int_eq(take(&config, &answers), 0);
    ck_assert_uint_eq(config.ecn, 2);
}
END_TEST

START_TEST(options_are_taken_out_and_the_rest_stays_in_order)
{
    struct tapir_config config = defaults();
    struct words words =
        WORDS("--root", "dir", "--addr", "198.51.100.7/25", "-v",
              "--gateway=198.51.100.1", "file", "--exit-wait=3", "--debug",
              "--congestion", "reno", "--fast-open", "0x403", "--buffer-max",
              "65536", "--spin", "50");

    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_uint_eq(config.fast_open, 0x403);
    ck_assert_uint_eq(config.buffer_max, 65536);
    ck_assert_uint_eq(config.spin, 50);
    ck_assert_str_eq(config.addr, "198.51.100.7/25");
    ck_assert_str_eq(config.gateway, "198.51.100.1");
    ck_assert_uint_eq(config.exit_wait, 3);
    ck_assert_int_eq(config.debug, 1);
    ck_assert_str_eq(config.congestion, "reno");
    ck_assert_int_eq(words.argc, 5);
    ck_assert_str_eq(words.argv[1], "--root");
    ck_assert_str_eq(words.argv[2], "dir");
    ck_assert_str_eq(words.argv[3], "-v");
    ck_assert_str_eq(words.argv[4], "file");
    ck_assert_ptr_null(words.argv[5]);
}
END_TEST

START_TEST(nothing_is_taken_after_two_dashes)
{
    struct tapir_config config = defaults();
    struct words words = WORDS("--dev", "tap7", "--", "--dev", "tap8");

    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_str_eq(config.dev, "tap7");
    ck_assert_int_eq(words.argc, 4);
    ck_assert_str_eq(words.argv[1], "--");
    ck_assert_str_eq(words.argv[2], "--dev");
}
END_TEST

START_TEST(an_option_that_only_begins_alike_is_the_programs)
{
    struct tapir_config config = defaults();
    struct words words = WORDS("--device", "--addresses=3");

    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_int_eq(words.argc, 3);
}
END_TEST

START_TEST(settings_of_the_core_are_gathered_and_the_last_of_a_name_counts)
{
    struct tapir_config config = defaults();
    struct words words = WORDS("--set", "sack=off", "file", "--set=rto_min=1s",
                               "--set", "tcp.sack=on,ip.ttl=3");

    setenv("TAPIR_SET", "sack=off,prr=off", 1);
    ck_assert_int_eq(tapir_config_env(&config, why), 0);
    unsetenv("TAPIR_SET");
    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_str_eq(config.set, "sack=off,prr=off,sack=off,rto_min=1s,"
                                 "tcp.sack=on,ip.ttl=3");
    ck_assert_int_eq(words.argc, 2);
    ck_assert_int_eq(tapir_config_export(&config), 0);
    ck_assert_str_eq(getenv("TAPIR_SET"), config.set);
    unsetenv("TAPIR_SET");
}
END_TEST

START_TEST(a_setting_that_the_core_cannot_have_is_named_in_one_line)
{
    struct tapir_config config = defaults();
    char long_one[TAPIR_SET_MAX + 8] = "";
    struct words words = WORDS("--set", long_one);

    expect_refused(WORDS("--set", "sakc=off"),
                   "--set: sakc: there is no such setting");
    expect_refused(WORDS("--set", "sack"),
                   "--set: 'sack' is not NAME=VALUE, as delayed_ack=41ms");
    expect_refused(WORDS("--set", "sack=off,"),
                   "--set: '' is not NAME=VALUE, as delayed_ack=41ms");
    expect_refused(WORDS("--set", "sack=maybe"),
                   "--set: sack=maybe: it wants on or off");
    expect_refused(WORDS("--set", "sack=off,ip.ttl=0"),
                   "--set: ip.ttl is 1 to 255");
    expect_refused(WORDS("--set", "rto_max=100ms"),
                   "--set: tcp.rto_min is above tcp.rto_max");
    memset(long_one, 'x', sizeof(long_one));
    long_one[sizeof(long_one) - 1] = '\0';
    ck_assert_int_eq(take(&config, &words), -1);
    ck_assert(strstr(why, "is not short enough") != NULL);

    setenv("TAPIR_SET", "ecn=3", 1);
    ck_assert_int_eq(tapir_config_env(&config, why), -1);
    ck_assert_str_eq(why, "TAPIR_SET: tcp.ecn is 0 to 2");
    unsetenv("TAPIR_SET");
}
END_TEST

START_TEST(trace_takes_its_layers_only_after_an_equals_sign)
{
    struct tapir_config config = defaults();
    struct words alone = WORDS("--trace", "tcp");
    struct words named = WORDS("--trace=tcp,drop");
    struct settings settings;

    ck_assert_int_eq(take(&config, &alone), 0);
    ck_assert_int_eq(alone.argc, 2);
    ck_assert_int_eq(config.trace, 1);
    ck_assert_str_eq(config.trace_what, "");

    ck_assert_int_eq(take(&config, &named), 0);
    ck_assert_str_eq(config.trace_what, "tcp,drop");
    ck_assert_int_eq(settings_parse(&config, &settings, why), 0);
    ck_assert(settings.is_traced);
    ck_assert_uint_eq(settings.trace.layers, 1u << TRACE_TCP);
    ck_assert(settings.trace.wants_drops);
}
END_TEST

START_TEST(a_full_recording_is_asked_for_in_two_ways)
{
    struct tapir_config config = defaults();
    struct words words = WORDS("--record=full", "here", "rest");

    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_str_eq(config.record, "full:here");
    ck_assert_int_eq(words.argc, 2);
    ck_assert_str_eq(words.argv[1], "rest");
    words = WORDS("--record=full:there");
    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_str_eq(config.record, "full:there");
    words = WORDS("--record", "full"); /* a file of that name */
    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_str_eq(config.record, "full");
    expect_refused(WORDS("--record=full"), "--record: a value is missing");
}
END_TEST

START_TEST(a_wrong_value_is_named_in_one_line)
{
    expect_refused(WORDS("--addr", "192.0.2.300/24"),
                   "--addr: '192.0.2.300/24' is not an IPv4 address with "
                   "prefix length");
    expect_refused(WORDS("--addr=192.0.2.2"),
                   "--addr: '192.0.2.2' is not an IPv4 address with prefix "
                   "length");
    expect_refused(WORDS("--addr=192.0.2.2/33"),
                   "--addr: '192.0.2.2/33' is not an IPv4 address with prefix "
                   "length");
    expect_refused(WORDS("--addr=192.0.2.255/24"),
                   "--addr: '192.0.2.255/24' cannot be the address of a host");
    expect_refused(WORDS("--gateway=x"),
                   "--gateway: 'x' is not an IPv4 address");
    expect_refused(WORDS("--mac=01:00:5e:00:00:01"),
                   "--mac: '01:00:5e:00:00:01' is not the MAC address of a "
                   "station");
    expect_refused(WORDS("--mtu", "12"), "--mtu: 12 is not between 68 and "
                                         "65535");
    expect_refused(WORDS("--mtu", "-1"), "--mtu: '-1' is not a number");
    expect_refused(WORDS("--seed=12x"), "--seed: '12x' is not a number");
    expect_refused(WORDS("--debug=yes"), "--debug: 'yes' is not 0 or 1");
    expect_refused(WORDS("--trace=tpc"),
                   "--trace: 'tpc' is none of eth, arp, ip, icmp, udp, tcp, "
                   "socket, drop, event=frame|packet|segment|state|timer|"
                   "congestion|neighbour|acked|window|text|ack|ready, port=N, "
                   "host=ADDR[/LEN], json");
    expect_refused(WORDS("--explain=7-3"),
                   "--explain: '7-3' is not a list of frames as 7,9-12,out3");
    expect_refused(WORDS("--exit-wait", "86401"),
                   "--exit-wait: 86401 is more than 86400 seconds");
    expect_refused(WORDS("--spin", "10001"),
                   "--spin: 10001 is more than 10000 microseconds");
    expect_refused(WORDS("--fast-open=8"),
                   "--fast-open: 8 is not a sum of 1, 2, 4, 0x200, 0x400");
    expect_refused(WORDS("--buffer-max=4095"),
                   "--buffer-max: 4095 is not 4096 to 1073741824");
    expect_refused(WORDS("--fast-open=on"),
                   "--fast-open: 'on' is not a number");
    expect_refused(WORDS("--congestion=vegas"),
                   "--congestion: 'vegas' is not one of cubic, reno, bbr");
    expect_refused(
        WORDS("--congestion=more-than-fits"),
        "--congestion: 'more-than-fits' is not one of cubic, reno, bbr");
    expect_refused(WORDS("--congestion=much-more-than-fits"),
                   "--congestion: 'much-more-than-fits' is not short enough");
    expect_refused(WORDS("--ecn=3"), "--ecn: '3' is not 0, 1 or 2");
    expect_refused(WORDS("--ecn=yes"), "--ecn: 'yes' is not 0, 1 or 2");
    expect_refused(WORDS("--dev"), "--dev: a value is missing");
    expect_refused(WORDS("--dev", "thisnameismuchtoolong"),
                   "--dev: 'thisnameismuchtoolong' is not the name of a "
                   "device, which has at most 15 characters");
    expect_refused(WORDS("--dev=packet:"),
                   "--dev: 'packet:' names no interface, as packet:eth0 does");
    expect_refused(WORDS("--dev=packet:thisnameismuchtoolong"),
                   "--dev: 'thisnameismuchtoolong' is not the name of a "
                   "device, which has at most 15 characters");
    expect_refused(WORDS("--dev=unix:"),
                   "--dev: 'unix:' names no socket, as unix:/tmp/wire does");
    expect_refused(WORDS("--dev=fd:"),
                   "--dev: 'fd:' is not the number of a descriptor, as fd:3");
    expect_refused(WORDS("--dev=fd:-1"),
                   "--dev: 'fd:-1' is not the number of a descriptor, as fd:3");
    expect_refused(WORDS("--dev=fd:4294967296"),
                   "--dev: 'fd:4294967296' is not the number of a descriptor, "
                   "as fd:3");
}
END_TEST

START_TEST(settings_that_contradict_each_other_are_refused_with_the_options)
{
    expect_refused(WORDS("--addr=192.0.2.1/24"),
                   "--addr: 192.0.2.1 is the gateway's address");
    expect_refused(WORDS("--addr=198.51.100.7/24", "--gateway=198.51.100.7"),
                   "--addr: 198.51.100.7 is the gateway's address");
    expect_refused(WORDS("--gateway=203.0.113.1"),
                   "--gateway: 203.0.113.1 is not on the subnet of --addr");
}
END_TEST

START_TEST(the_gateway_may_take_the_place_of_an_address_that_is_not_given)
{
    struct tapir_config config = defaults();
    struct words words = WORDS("--dev=tap1", "--gateway=192.0.2.2");

    ck_assert_int_eq(take(&config, &words), 0);
}
END_TEST

START_TEST(a_device_may_be_a_socket)
{
    struct tapir_config config = defaults();
    struct words path = WORDS("--dev=unix:/run/user/1000/tapir/wire");
    struct words number = WORDS("--dev", "fd:3");

    ck_assert_int_eq(take(&config, &path), 0);
    ck_assert_str_eq(config.dev, "unix:/run/user/1000/tapir/wire");
    ck_assert_int_eq(take(&config, &number), 0);
    ck_assert_str_eq(config.dev, "fd:3");
}
END_TEST

START_TEST(wrong_faults_are_refused)
{
    struct tapir_config config = defaults();
    struct words words = WORDS("--faults=loss=120%");

    ck_assert_int_eq(take(&config, &words), -1);
    ck_assert_int_eq(strncmp(why, "--faults: ", 10), 0);
}
END_TEST

START_TEST(name_servers_are_one_to_three_addresses_or_none)
{
    struct tapir_config config = defaults();
    struct settings settings;

    ck_assert_str_eq(config.dns, "");
    strcpy(config.dns, "192.0.2.1,192.0.2.3");
    ck_assert_int_eq(settings_parse(&config, &settings, why), 0);
    ck_assert_uint_eq(settings.dns.count, 2);
    ck_assert_uint_eq(settings.dns.addr[0], 0xc0000201);
    ck_assert_uint_eq(settings.dns.addr[1], 0xc0000203);
    ck_assert(!settings.dns.is_off);
    strcpy(config.dns, "none");
    ck_assert_int_eq(settings_parse(&config, &settings, why), 0);
    ck_assert_uint_eq(settings.dns.count, 0);
    ck_assert(settings.dns.is_off);

    expect_refused(WORDS("--dns=somebody"),
                   "--dns: 'somebody' is not one to 3 IPv4 addresses, or none");
    expect_refused(WORDS("--dns=192.0.2.1,"),
                   "--dns: '192.0.2.1,' is not one to 3 IPv4 addresses, or "
                   "none");
    expect_refused(WORDS("--dns=,192.0.2.1"),
                   "--dns: ',192.0.2.1' is not one to 3 IPv4 addresses, or "
                   "none");
    expect_refused(WORDS("--dns", "1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4"),
                   "--dns: '1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4' is not one to 3 "
                   "IPv4 addresses, or none");
    expect_refused(WORDS("--dns=2001:db8::1"),
                   "--dns: '2001:db8::1' is not one to 3 IPv4 addresses, or "
                   "none");
}
END_TEST

START_TEST(the_environment_is_named_by_its_variable)
{
    struct tapir_config config = defaults();

    setenv("TAPIR_DEV", "tap9", 1);
    setenv("TAPIR_TRACE", "1", 1);
    setenv("TAPIR_SEED", "0x10", 1);
    setenv("TAPIR_CONGESTION", "cubic", 1);
    setenv("TAPIR_ECN", "1", 1);
    ck_assert_int_eq(tapir_config_env(&config, why), 0);
    ck_assert_str_eq(config.dev, "tap9");
    ck_assert_int_eq(config.trace, 1);
    ck_assert_uint_eq(config.seed, 16);
    ck_assert_str_eq(config.congestion, "cubic");
    ck_assert_uint_eq(config.ecn, 1);

    setenv("TAPIR_ADDR", "nowhere", 1);
    ck_assert_int_eq(tapir_config_env(&config, why), -1);
    ck_assert_str_eq(why, "TAPIR_ADDR: 'nowhere' is not an IPv4 address with "
                          "prefix length");
    unsetenv("TAPIR_ADDR");
    setenv("TAPIR_MTU", "large", 1);
    ck_assert_int_eq(tapir_config_env(&config, why), -1);
    ck_assert_str_eq(why, "TAPIR_MTU: 'large' is not a number");
    unsetenv("TAPIR_DEV");
    unsetenv("TAPIR_TRACE");
    unsetenv("TAPIR_SEED");
    unsetenv("TAPIR_CONGESTION");
    unsetenv("TAPIR_ECN");
    unsetenv("TAPIR_MTU");
}
END_TEST

START_TEST(a_gateway_off_the_subnet_is_refused_but_the_default_one_is_dropped)
{
    struct tapir_config config = defaults();
    struct settings settings;

    strcpy(config.addr, "198.51.100.7/24");
    ck_assert_int_eq(settings_parse(&config, &settings, why), 0);
    ck_assert_int_eq(settings_reconcile(&settings, why), 0);
    ck_assert(ip_addr_is_any(&settings.gateway));

    strcpy(config.gateway, "203.0.113.1");
    ck_assert_int_eq(settings_parse(&config, &settings, why), 0);
    ck_assert_int_eq(settings_reconcile(&settings, why), -EINVAL);
    ck_assert_str_eq(why, "--gateway: 203.0.113.1 is not on the subnet of "
                          "--addr");
}
END_TEST

/* For the programs that `tapir run` starts. */
START_TEST(what_is_exported_is_what_the_environment_gives_back)
{
    struct tapir_config config = defaults();
    struct tapir_config again = defaults();
    struct words words =
        WORDS("--dev", "tap3", "--addr=198.51.100.2/24", "--gateway=", "--mtu",
              "900", "--trace=tcp,drop", "--seed", "0x12345678abcdef",
              "--debug", "--exit-wait=0");

    setenv("TAPIR_MAC", "02:00:00:00:00:01", 1); /* stale */
    ck_assert_int_eq(take(&config, &words), 0);
    ck_assert_int_eq(tapir_config_export(&config), 0);
    ck_assert_ptr_null(getenv("TAPIR_MAC"));
    ck_assert_ptr_null(getenv("TAPIR_CONGESTION"));
    ck_assert_int_eq(tapir_config_env(&again, why), 0);
    ck_assert_str_eq(again.dev, "tap3");
    ck_assert_str_eq(again.addr, "198.51.100.2/24");
    ck_assert_str_eq(again.gateway, "");
    ck_assert_uint_eq(again.mtu, 900);
    ck_assert_int_eq(again.trace, 1);
    ck_assert_str_eq(again.trace_what, "tcp,drop");
    ck_assert_uint_eq(again.seed, 0x12345678abcdef);
    ck_assert_int_eq(again.debug, 1);
    ck_assert_uint_eq(again.exit_wait, 0);

    config = defaults();
    ck_assert_int_eq(tapir_config_export(&config), 0);
    ck_assert_ptr_null(getenv("TAPIR_DEV"));
    ck_assert_ptr_null(getenv("TAPIR_TRACE"));
    ck_assert_ptr_null(getenv("TAPIR_EXIT_WAIT"));
}
END_TEST

UNIT_MAIN("config", the_defaults_are_those_of_the_documentation,
          options_are_taken_out_and_the_rest_stays_in_order,
          nothing_is_taken_after_two_dashes,
          an_option_that_only_begins_alike_is_the_programs,
          settings_of_the_core_are_gathered_and_the_last_of_a_name_counts,
          a_setting_that_the_core_cannot_have_is_named_in_one_line,
          trace_takes_its_layers_only_after_an_equals_sign,
          ecn_alone_asks_and_takes_another_number_after_an_equals_sign,
          a_full_recording_is_asked_for_in_two_ways,
          a_wrong_value_is_named_in_one_line,
          settings_that_contradict_each_other_are_refused_with_the_options,
          the_gateway_may_take_the_place_of_an_address_that_is_not_given,
          a_device_may_be_a_socket, wrong_faults_are_refused,
          name_servers_are_one_to_three_addresses_or_none,
          the_environment_is_named_by_its_variable,
          what_is_exported_is_what_the_environment_gives_back,
          a_gateway_off_the_subnet_is_refused_but_the_default_one_is_dropped)
