/*
 * Answers that no honest name server would send, thrown at the parser of
 * messages. Each begins as a valid one: a question, aliases, addresses or a
 * pointer, an OPT record; names compressed at random. Then octets are changed,
 * cut off and put in. The parser must see nothing beyond the message (it lies
 * in memory that is exactly so long, for the sanitizers), must come to an end,
 * and what it gives must be well formed: names whose labels add up, no more of
 * anything than there is room for, and no address that is not in the message.
 *
 *     test_dns                 as `make test` does
 *     test_dns 17              round 17 alone
 *     test_dns 1 100000        a range
 *
 * For libFuzzer, whose bytes are the message:
 *
 *     clang -DFUZZ_LIBFUZZER -fsanitize=fuzzer,address -Istack -I. ...
 */
#include "tests/fuzz/rounds.h"
#include "host/dns_message.h"

#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 200000, MESSAGE_MAX = 4096, ID = 0x1234, QUESTION_AT = 12 };

static const char *const names[] = {
    "a.example",
    "b.example",
    "www.a.example",
    "a-rather-long-label-that-has-many-octets.in.a.domain.of.many.labels.test",
};

struct message {
    struct random random;
    size_t len;
    uint8_t data[MESSAGE_MAX];
};

static unsigned long current_round;

__attribute__((noreturn)) static void fail(const char *what)
{
    fprintf(stderr, "round %lu: %s\n", current_round, what);
    abort();
}

/* ---- What must hold ---------------------------------------------------- */

static void check_name(const struct dns_name *name)
{
    char text[DNS_TEXT_MAX];
    struct dns_name again;
    size_t at = 0;

    if (name->len == 0)
        fail("a name without its end");
    while (name->octet[at] != 0) {
        if (name->octet[at] > DNS_LABEL_MAX)
            fail("a label is too long");
        at += 1u + name->octet[at];
        if (at >= name->len)
            fail("a label leads out of the name");
    }
    if (at + 1 != name->len)
        fail("a name has another length than its labels");
    if (dns_name_parse(dns_name_text(name, text), &again) < 0 ||
        again.len != name->len ||
        memcmp(again.octet, name->octet, again.len) != 0)
        fail("a name is another one after it has been text");
}

static bool contains(struct bytes message, uint32_t addr)
{
    for (size_t at = 0; at + 4 <= message.len; at++) {
        if (get_be32(message.data + at) == addr)
            return true;
    }
    return false;
}

static void check_answer(struct bytes message, const struct dns_answer *answer)
{
    check_name(&answer->owner);
    if (answer->alias_count > DNS_ALIASES_MAX ||
        answer->addr_count > DNS_ADDRS_MAX)
        fail("more than there is room for");
    for (unsigned i = 0; i < answer->alias_count; i++)
        check_name(&answer->alias[i]);
    for (unsigned i = 0; i < answer->addr_count; i++) {
        if (!contains(message, answer->addr[i]))
            fail("an address that is not in the message");
    }
    if (answer->has_target)
        check_name(&answer->target);
}

static void parse(struct bytes message, const struct dns_question *question)
{
    static struct dns_answer answer;
    int r;

    memset(&answer, 0xa5, sizeof(answer));
    if (!dns_is_response(message, ID, question))
        return;
    r = dns_parse_response(message, question, &answer);
    if (r == 0)
        check_answer(message, &answer);
    else if (r != -EBADMSG && r != -ELOOP)
        fail("an error that is none");
}

static struct dns_question question_of(const char *name, enum dns_type type)
{
    struct dns_question question = {.type = type};

    if (dns_name_parse(name, &question.name) < 0)
        fail("a name that is none");
    return question;
}

/* ---- Drawing ----------------------------------------------------------- */

#ifndef FUZZ_LIBFUZZER

static uint32_t draw(struct message *message, uint32_t bound)
{
    return random_below(&message->random, bound);
}

static void put_u8(struct message *message, unsigned value)
{
    if (message->len < MESSAGE_MAX)
        message->data[message->len++] = (uint8_t)value;
}

static void put_u16(struct message *message, unsigned value)
{
    put_u8(message, value >> 8);
    put_u8(message, value & 0xff);
}

/* Now and then a pointer in place of what is left: to the question's name, or
 * to any place before. */
static void put_name(struct message *message, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");

        if (draw(message, 8) == 0) {
            put_u16(message,
                    0xc000 | (draw(message, 16) != 0
                                  ? QUESTION_AT
                                  : draw(message, (uint32_t)message->len)));
            return;
        }
        put_u8(message, (unsigned)len);
        for (size_t i = 0; i < len; i++)
            put_u8(message, (uint8_t)name[i]);
        name += len;
        name += *name == '.';
    }
    put_u8(message, 0);
}

static void put_record(struct message *message, const char *owner,
                       unsigned type)
{
    size_t length;

    put_name(message, owner);
    put_u16(message, type);
    put_u16(message, 1);
    put_u16(message, draw(message, 0x10000));
    put_u16(message, draw(message, 0x10000));
    length = message->len;
    put_u16(message, 0);
    if (type == DNS_TYPE_A) {
        put_u16(message, draw(message, 0x10000));
        put_u16(message, draw(message, 0x10000));
    } else if (type != DNS_TYPE_OPT) {
        put_name(message, names[draw(message, ARRAY_LENGTH(names))]);
    }
    if (message->len < MESSAGE_MAX)
        put_be16(message->data + length, (uint16_t)(message->len - length - 2));
}

static void build(struct message *message, const char *name, unsigned type)
{
    static const unsigned types[] = {DNS_TYPE_A, DNS_TYPE_CNAME, DNS_TYPE_CNAME,
                                     DNS_TYPE_PTR, DNS_TYPE_OPT};
    unsigned records = draw(message, 12);
    unsigned others = draw(message, records / 2 + 1);

    put_u16(message, ID);
    put_u16(message,
            0x8000 | (draw(message, 4) == 0 ? draw(message, 0x0800) : 0x0180));
    put_u16(message, 1);
    put_u16(message, records - others);
    put_u16(message, others / 2);
    put_u16(message, others - others / 2);
    for (const char *c = name; *c != '\0'; c += c[strcspn(c, ".")] == '.'
                                                    ? strcspn(c, ".") + 1
                                                    : strcspn(c, ".")) {
        put_u8(message, (unsigned)strcspn(c, "."));
        for (size_t i = 0; i < strcspn(c, "."); i++)
            put_u8(message, (uint8_t)c[i]);
    }
    put_u8(message, 0);
    put_u16(message, type);
    put_u16(message, 1);
    for (unsigned i = 0; i < records; i++)
        put_record(message,
                   draw(message, 2) == 0
                       ? name
                       : names[draw(message, ARRAY_LENGTH(names))],
                   types[draw(message, ARRAY_LENGTH(types))]);
}

static void mutate(struct message *message)
{
    unsigned changes = draw(message, 6);

    for (unsigned i = 0; i < changes; i++) {
        size_t at = draw(message, (uint32_t)message->len);

        switch (draw(message, 4)) {
        case 0:
            message->data[at] = (uint8_t)draw(message, 256);
            break;
        case 1:
            message->data[at] ^= (uint8_t)(1u << draw(message, 8));
            break;
        case 2:
            message->data[at] = 0xc0;
            break;
        default:
            if (draw(message, 4) == 0)
                message->len = at + 1;
        }
    }
}

static void run(unsigned long round)
{
    static struct message message;
    const char *name = names[round % ARRAY_LENGTH(names)];
    enum dns_type type = round % 3 == 0 ? DNS_TYPE_PTR : DNS_TYPE_A;
    struct dns_question question = question_of(name, type);
    uint8_t *copy;

    message.len = 0;
    random_init(&message.random, (struct hash_key){round, 0});
    build(&message, name, type);
    mutate(&message);
    copy = malloc(message.len); /* exactly so long: ASan sees what is beyond */
    if (copy == NULL)
        fail("no memory");
    memcpy(copy, message.data, message.len);
    parse(bytes_of(copy, message.len), &question);
    free(copy);
}

int main(int argc, char **argv)
{
    struct rounds rounds = rounds_of(argc, argv, ROUNDS);

    for (current_round = rounds.first; current_round <= rounds.last;
         current_round++)
        run(current_round);
    return rounds_passed(rounds);
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct dns_question question = question_of(names[0], DNS_TYPE_A);

    parse(bytes_of(bytes, len), &question);
    return 0;
}

#endif
