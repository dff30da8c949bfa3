#include "unit.h"

#include "dns_packet.h"
#include "host/dns_message.h"

#include <errno.h>
#include <string.h>

static struct dns_packet packet;
static struct dns_answer answer;

static struct dns_question question_of(const char *name, enum dns_type type)
{
    struct dns_question question = {.type = type};

    ck_assert_int_eq(dns_name_parse(name, &question.name), 0);
    return question;
}

/* The packet in memory that is exactly so long: ASan sees what is beyond. */
static int parse(const char *name, enum dns_type type)
{
    struct dns_question question = question_of(name, type);
    uint8_t *copy = malloc(packet.len);
    struct bytes message = bytes_of(copy, packet.len);
    int r = -ENOMSG;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, packet.data, packet.len);
    if (dns_is_response(message, 7, &question))
        r = dns_parse_response(message, &question, &answer);
    free(copy);
    return r;
}

static void expect_owner(const char *text)
{
    char owner[DNS_TEXT_MAX];

    ck_assert_str_eq(dns_name_text(&answer.owner, owner), text);
}

static void expect_round_trip(const char *text, const char *printed)
{
    struct dns_name name;
    char back[DNS_TEXT_MAX];

    ck_assert_int_eq(dns_name_parse(text, &name), 0);
    ck_assert_str_eq(dns_name_text(&name, back), printed);
}

/* ---- Names ------------------------------------------------------------- */

START_TEST(a_name_is_labels_and_dots)
{
    struct dns_name name;

    expect_round_trip("www.example.com", "www.example.com");
    expect_round_trip("www.example.com.", "www.example.com");
    expect_round_trip(".", ".");
    expect_round_trip("a\\.b.c", "a\\.b.c");
    expect_round_trip("a\\046b\\007.c", "a\\.b\\007.c");
    ck_assert_int_eq(dns_name_parse("", &name), -EINVAL);
    ck_assert_int_eq(dns_name_parse("..", &name), -EINVAL);
    ck_assert_int_eq(dns_name_parse(".a", &name), -EINVAL);
    ck_assert_int_eq(dns_name_parse("a..b", &name), -EINVAL);
    ck_assert_int_eq(dns_name_parse("a\\256", &name), -EINVAL);
    ck_assert_int_eq(dns_name_parse("a\\", &name), -EINVAL);
}
END_TEST

/* RFC 1035 2.3.4: labels of 63 octets, names of 255. */
START_TEST(labels_and_names_have_their_greatest_length)
{
    struct dns_name name;
    char text[300];

    memset(text, 'a', sizeof(text));
    text[63] = '\0';
    ck_assert_int_eq(dns_name_parse(text, &name), 0);
    text[63] = 'a';
    text[64] = '\0';
    ck_assert_int_eq(dns_name_parse(text, &name), -EINVAL);

    memset(text, 'a', sizeof(text));
    text[63] = text[127] = text[191] = '.';
    text[253] = '\0'; /* 64 + 64 + 64 + 62 and the root: 255 */
    ck_assert_int_eq(dns_name_parse(text, &name), 0);
    ck_assert_uint_eq(name.len, 255);
    text[253] = 'a';
    text[254] = '\0';
    ck_assert_int_eq(dns_name_parse(text, &name), -EINVAL);
}
END_TEST

START_TEST(names_are_equal_in_both_cases_of_ascii)
{
    struct dns_name a = question_of("WWW.Example.COM", DNS_TYPE_A).name;
    struct dns_name b = question_of("www.eXample.com.", DNS_TYPE_A).name;
    struct dns_name c = question_of("www.example.org", DNS_TYPE_A).name;

    ck_assert(dns_name_equal(&a, &b));
    ck_assert(!dns_name_equal(&a, &c));
}
END_TEST

START_TEST(a_hosts_name_has_no_odd_octets)
{
    static const struct {
        const char *name;
        bool is_host;
    } table[] = {
        {"www.example.com", true}, {"a_b.c-d.e2", true},
        {"3com.com", true},        {".", true},
        {"-x.com", false},         {"a b", false},
        {"a.b\\.c", false},        {"a\\010", false},
        {"\\195\\164", false},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        struct dns_name name = question_of(table[i].name, DNS_TYPE_A).name;

        ck_assert_msg(dns_name_is_host(&name) == table[i].is_host, "%s",
                      table[i].name);
    }
}
END_TEST

START_TEST(an_address_is_a_name_in_reverse)
{
    struct dns_name name = dns_name_of_addr(0xc0000207);
    char text[DNS_TEXT_MAX];

    ck_assert_str_eq(dns_name_text(&name, text), "7.2.0.192.in-addr.arpa");
}
END_TEST

/* ---- Questions --------------------------------------------------------- */

START_TEST(a_query_is_what_rfc_1035_has)
{
    static const uint8_t expected[] = {
        0x12, 0x34, 0x01, 0x00, 0,   1, 0, 0, 0, 0, 0, 0, /* RD */
        1,    'a',  2,    'b',  'c', 0, 0, 1, 0, 1,
    };
    struct dns_question question = question_of("a.bc", DNS_TYPE_A);
    uint8_t query[DNS_QUERY_MAX];

    ck_assert_uint_eq(dns_build_query(query, 0x1234, &question, false),
                      sizeof(expected));
    ck_assert_mem_eq(query, expected, sizeof(expected));
}
END_TEST

/* RFC 6891 6.1.2: root, OPT, size, no flags, no options. */
START_TEST(edns_adds_a_pseudo_record)
{
    static const uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
    struct dns_question question = question_of("a.bc", DNS_TYPE_PTR);
    uint8_t query[DNS_QUERY_MAX];

    ck_assert_uint_eq(dns_build_query(query, 1, &question, true), 33);
    ck_assert_uint_eq(get_be16(query + 10), 1);
    ck_assert_mem_eq(query + 22, opt, sizeof(opt));
}
END_TEST

/* ---- Whose answer ------------------------------------------------------ */

START_TEST(a_response_has_the_id_and_the_question)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "WWW.example.com", 1);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), 0);
    ck_assert_int_eq(parse("www.example.org", DNS_TYPE_A), -ENOMSG);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_PTR), -ENOMSG);
    packet_begin(&packet, 8, DNS_RESPONSE, "www.example.com", 1);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), -ENOMSG);
    packet_begin(&packet, 7, DNS_RD, "www.example.com", 1); /* a query */
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), -ENOMSG);
    packet_begin(&packet, 7, DNS_RESPONSE | 0x0800, "www.example.com", 1);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), -ENOMSG);
    packet_begin(&packet, 7, DNS_RESPONSE, NULL, 0);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), -ENOMSG);
}
END_TEST

START_TEST(a_server_that_cannot_read_need_not_repeat_the_question)
{
    packet_begin(&packet, 7, DNS_RESPONSE | DNS_FORMERR, NULL, 0);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), 0);
    ck_assert_uint_eq(answer.rcode, DNS_FORMERR);
}
END_TEST

/* ---- Answers ----------------------------------------------------------- */

START_TEST(addresses_are_those_of_the_name_that_was_asked_for)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "www.example.com", 1);
    packet_a(&packet, "WWW.EXAMPLE.com", 0xc0000207);
    packet_a(&packet, "other.example.com", 0xc0000208);
    packet_a(&packet, "www.example.com", 0xc0000209);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), 0);
    ck_assert_uint_eq(answer.addr_count, 2);
    ck_assert_uint_eq(answer.addr[0], 0xc0000207);
    ck_assert_uint_eq(answer.addr[1], 0xc0000209);
    ck_assert_uint_eq(answer.alias_count, 0);
    ck_assert(answer.is_recursive);
    ck_assert(!answer.is_referral);
}
END_TEST

START_TEST(aliases_are_followed_in_any_order)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a.example", 1);
    packet_a(&packet, "c.example", 0xc0000207);
    packet_cname(&packet, "b.example", "c.example");
    packet_cname(&packet, "a.example", "b.example");
    ck_assert_int_eq(parse("a.example", DNS_TYPE_A), 0);
    expect_owner("c.example");
    ck_assert_uint_eq(answer.alias_count, 2);
    ck_assert_uint_eq(answer.addr_count, 1);
}
END_TEST

START_TEST(aliases_in_a_circle_are_an_error)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a.example", 1);
    packet_cname(&packet, "a.example", "b.example");
    packet_cname(&packet, "b.example", "a.example");
    ck_assert_int_eq(parse("a.example", DNS_TYPE_A), -ELOOP);
}
END_TEST

START_TEST(a_chain_of_sixteen_aliases_is_the_longest)
{
    char from[] = "xa.example";
    char to[] = "xb.example";

    for (unsigned links = 16; links <= 17; links++) {
        packet_begin(&packet, 7, DNS_RESPONSE, "xa.example", 1);
        for (unsigned i = 0; i < links; i++) {
            from[1] = (char)('a' + i);
            to[1] = (char)('b' + i);
            packet_cname(&packet, from, to);
        }
        packet_a(&packet, to, 0xc0000207);
        ck_assert_int_eq(parse("xa.example", DNS_TYPE_A),
                         links == 16 ? 0 : -ELOOP);
    }
}
END_TEST

/* RFC 2317: a PTR behind a CNAME. */
START_TEST(a_pointer_names_the_host)
{
    char text[DNS_TEXT_MAX];

    packet_begin(&packet, 7, DNS_RESPONSE, "7.2.0.192.in-addr.arpa", 12);
    packet_cname(&packet, "7.2.0.192.in-addr.arpa",
                 "7.0/25.2.0.192.in-addr.arpa");
    packet_ptr(&packet, "7.0/25.2.0.192.in-addr.arpa", "www.example.com");
    ck_assert_int_eq(parse("7.2.0.192.in-addr.arpa", DNS_TYPE_PTR), 0);
    ck_assert(answer.has_target);
    ck_assert_str_eq(dns_name_text(&answer.target, text), "www.example.com");
}
END_TEST

START_TEST(of_a_truncated_answer_no_record_is_looked_at)
{
    packet_begin(&packet, 7, DNS_RESPONSE | DNS_TC, "a.example", 1);
    packet_a(&packet, "a.example", 0xc0000207);
    packet.len -= 3;
    ck_assert_int_eq(parse("a.example", DNS_TYPE_A), 0);
    ck_assert(answer.is_truncated);
    ck_assert_uint_eq(answer.addr_count, 0);
}
END_TEST

START_TEST(the_upper_bits_of_rcode_come_with_edns)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a.example", 1);
    packet_opt(&packet, 1);
    ck_assert_int_eq(parse("a.example", DNS_TYPE_A), 0);
    ck_assert_uint_eq(answer.rcode, DNS_BADVERS);
}
END_TEST

START_TEST(an_empty_answer_without_authority_or_recursion_is_a_referral)
{
    packet_begin(&packet, 7, DNS_QR, "a.example", 1);
    ck_assert_int_eq(parse("a.example", DNS_TYPE_A), 0);
    ck_assert(answer.is_referral);
    packet_begin(&packet, 7, DNS_QR | DNS_AA, "a.example", 1);
    ck_assert_int_eq(parse("a.example", DNS_TYPE_A), 0);
    ck_assert(!answer.is_referral);
}
END_TEST

START_TEST(more_addresses_than_there_is_room_for_are_left_out)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a", 1);
    for (uint32_t i = 0; i < DNS_ADDRS_MAX + 4; i++)
        packet_a(&packet, "a", i);
    ck_assert_int_eq(parse("a", DNS_TYPE_A), 0);
    ck_assert_uint_eq(answer.addr_count, DNS_ADDRS_MAX);
}
END_TEST

/* ---- Compression, RFC 1035 4.1.4 --------------------------------------- */

START_TEST(a_name_may_point_to_one_before_it)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "www.example.com", 1);
    packet.data[7] = 2;
    packet_u16(&packet, 0xc00c); /* a CNAME of the question's name ... */
    packet_u16(&packet, 5);
    packet_u16(&packet, 1);
    packet_u32(&packet, 0);
    packet_u16(&packet, 6);
    packet_u8(&packet, 3); /* ... for ftp.example.com ... */
    packet_u8(&packet, 'f');
    packet_u8(&packet, 't');
    packet_u8(&packet, 'p');
    packet_u16(&packet, 0xc010);
    packet_u16(&packet, 0xc02d); /* ... which has this address */
    packet_u16(&packet, 1);
    packet_u16(&packet, 1);
    packet_u32(&packet, 0);
    packet_u16(&packet, 4);
    packet_u32(&packet, 0xc0000207);
    ck_assert_int_eq(parse("www.example.com", DNS_TYPE_A), 0);
    expect_owner("ftp.example.com");
    ck_assert_uint_eq(answer.addr_count, 1);
}
END_TEST

/* An A record whose owner is these two octets, behind the question "a" (at 12;
   the record is at 19). */
static int parse_with_owner(unsigned pointer)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a", 1);
    packet.data[7] = 1;
    packet_u16(&packet, pointer);
    packet_u16(&packet, 1);
    packet_u16(&packet, 1);
    packet_u32(&packet, 0);
    packet_u16(&packet, 4);
    packet_u32(&packet, 0xc0000207);
    return parse("a", DNS_TYPE_A);
}

START_TEST(a_pointer_to_itself_forward_or_out_of_the_message_is_refused)
{
    ck_assert_int_eq(parse_with_owner(0xc00c), 0);
    ck_assert_uint_eq(answer.addr_count, 1);
    ck_assert_int_eq(parse_with_owner(0xc013), -EBADMSG); /* itself */
    ck_assert_int_eq(parse_with_owner(0xc015), -EBADMSG); /* forward */
    ck_assert_int_eq(parse_with_owner(0xffff), -EBADMSG); /* beyond */
}
END_TEST

START_TEST(pointers_in_a_circle_are_refused)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a", 1);
    packet.data[7] = 1;
    packet_u8(&packet, 1); /* at 19: a label, and behind it a way back to it */
    packet_u8(&packet, 'x');
    packet_u16(&packet, 0xc013);
    packet.len += 14;
    ck_assert_int_eq(parse("a", DNS_TYPE_A), -EBADMSG);
}
END_TEST

/* Each legal, but to another one: nobody writes so. */
START_TEST(a_long_way_from_pointer_to_pointer_is_refused)
{
    static const unsigned lengths[] = {100, 200};

    for (unsigned i = 0; i < ARRAY_LENGTH(lengths); i++) {
        size_t start;

        packet_begin(&packet, 7, DNS_RESPONSE, "a", 1);
        packet.data[7] = 2;
        packet_u8(&packet, 0); /* a record of the root, with pointers in it */
        packet_u16(&packet, 99);
        packet_u16(&packet, 1);
        packet_u32(&packet, 0);
        packet_u16(&packet, 2 * lengths[i]);
        start = packet.len;
        for (unsigned j = 0; j < lengths[i]; j++)
            packet_u16(&packet,
                       j == 0 ? 0xc00c : 0xc000 | (unsigned)(packet.len - 2));
        packet_u16(&packet, 0xc000 | (unsigned)(packet.len - 2));
        ck_assert_uint_eq(packet.len - start, 2 * lengths[i] + 2);
        packet_u16(&packet, 1);
        packet_u16(&packet, 1);
        packet_u32(&packet, 0);
        packet_u16(&packet, 4);
        packet_u32(&packet, 0xc0000207);
        ck_assert_int_eq(parse("a", DNS_TYPE_A), i == 0 ? 0 : -EBADMSG);
        ck_assert(i != 0 || answer.addr_count == 1);
    }
}
END_TEST

START_TEST(the_other_label_types_are_refused)
{
    ck_assert_int_eq(parse_with_owner(0x4000), -EBADMSG); /* RFC 6891 5 */
    ck_assert_int_eq(parse_with_owner(0x8000), -EBADMSG);
}
END_TEST

START_TEST(a_name_that_grows_beyond_255_octets_by_pointers_is_refused)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a", 1);
    packet.data[7] = 6;
    for (unsigned i = 0; i < 6; i++) { /* each longer than the one before */
        size_t start = packet.len;

        packet_u8(&packet, 60);
        for (unsigned j = 0; j < 60; j++)
            packet_u8(&packet, 'x');
        packet_u16(&packet, i == 0 ? 0xc00c : 0xc000 | (unsigned)(start - 73));
        packet_u16(&packet, 99);
        packet_u16(&packet, 1);
        packet_u32(&packet, 0);
        packet_u16(&packet, 0);
    }
    ck_assert_int_eq(parse("a", DNS_TYPE_A), -EBADMSG);
    packet.data[7] = 4; /* those that are not too long */
    packet.len -= 2 * (size_t)73;
    ck_assert_int_eq(parse("a", DNS_TYPE_A), 0);
}
END_TEST

/* ---- Lengths ----------------------------------------------------------- */

START_TEST(whatever_is_cut_off_is_noticed)
{
    size_t whole;

    packet_begin(&packet, 7, DNS_RESPONSE, "a.example", 1);
    packet_cname(&packet, "a.example", "b.example");
    packet_a(&packet, "b.example", 0xc0000207);
    packet_opt(&packet, 0);
    whole = packet.len;
    ck_assert_int_eq(parse("a.example", DNS_TYPE_A), 0);
    for (packet.len = 0; packet.len < whole; packet.len++)
        ck_assert_int_lt(parse("a.example", DNS_TYPE_A), 0);
}
END_TEST

START_TEST(data_of_a_wrong_length_is_refused)
{
    packet_begin(&packet, 7, DNS_RESPONSE, "a", 1);
    packet_a(&packet, "a", 0xc0000207);
    put_be16(packet.data + packet.len - 6, 3);
    packet.len--;
    ck_assert_int_eq(parse("a", DNS_TYPE_A), -EBADMSG);

    packet_begin(&packet, 7, DNS_RESPONSE, "a", 1);
    packet_cname(&packet, "a", "b"); /* 3 octets, and one too many */
    put_be16(packet.data + packet.len - 5, 4);
    packet_u8(&packet, 0);
    ck_assert_int_eq(parse("a", DNS_TYPE_A), -EBADMSG);
}
END_TEST

UNIT_MAIN("dns_message", a_name_is_labels_and_dots,
          labels_and_names_have_their_greatest_length,
          names_are_equal_in_both_cases_of_ascii,
          a_hosts_name_has_no_odd_octets, an_address_is_a_name_in_reverse,
          a_query_is_what_rfc_1035_has, edns_adds_a_pseudo_record,
          a_response_has_the_id_and_the_question,
          a_server_that_cannot_read_need_not_repeat_the_question,
          addresses_are_those_of_the_name_that_was_asked_for,
          aliases_are_followed_in_any_order, aliases_in_a_circle_are_an_error,
          a_chain_of_sixteen_aliases_is_the_longest, a_pointer_names_the_host,
          of_a_truncated_answer_no_record_is_looked_at,
          the_upper_bits_of_rcode_come_with_edns,
          an_empty_answer_without_authority_or_recursion_is_a_referral,
          more_addresses_than_there_is_room_for_are_left_out,
          a_name_may_point_to_one_before_it,
          a_pointer_to_itself_forward_or_out_of_the_message_is_refused,
          pointers_in_a_circle_are_refused,
          a_long_way_from_pointer_to_pointer_is_refused,
          the_other_label_types_are_refused,
          a_name_that_grows_beyond_255_octets_by_pointers_is_refused,
          whatever_is_cut_off_is_noticed, data_of_a_wrong_length_is_refused)
