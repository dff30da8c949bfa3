/*
 * What `tapir ss -s` makes of the lines that a stack answers.
 */
#include "unit.h"

#include "tools/ss_summary.h"

#include <stdlib.h>
#include <string.h>

static void add(struct ss_summary *summary, const char *text)
{
    char *copy = strdup(text);
    struct json_line line;

    ck_assert(json_line_parse(copy, &line));
    ss_summary_add(summary, &line);
    free(copy);
}

static void expect_printed(const struct ss_summary *summary, bool json,
                           const char *text)
{
    char *printed = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&printed, &len);

    ck_assert_ptr_nonnull(to);
    if (json)
        ss_summary_print_json(summary, to);
    else
        ss_summary_print(summary, to);
    fclose(to);
    ck_assert_str_eq(printed, text);
    free(printed);
}

/* TIME-WAIT is closed, a half-open connection no socket, as the kernel has it;
 * a connection that nobody has accepted yet is no orphan. */
START_TEST(sockets_are_counted_as_the_kernel_does)
{
    struct ss_summary summary = {0};
    char stats[] = "{\"name\":\"tapirIpReassembling\",\"value\":6}";
    struct json_line line;

    add(&summary, "{\"netid\":\"tcp\",\"state\":\"LISTEN\",\"socket\":1}");
    add(&summary, "{\"netid\":\"tcp\",\"state\":\"ESTABLISHED\"}");
    add(&summary, "{\"netid\":\"tcp\",\"state\":\"SYN-RECEIVED\"}");
    add(&summary, "{\"netid\":\"tcp\",\"state\":\"TIME-WAIT\"}");
    add(&summary, "{\"netid\":\"tcp\",\"state\":\"FIN-WAIT-2\"}");
    add(&summary, "{\"netid\":\"tcp\",\"state\":\"LAST-ACK\",\"socket\":2}");
    add(&summary, "{\"netid\":\"tcp\",\"state\":\"CLOSED\",\"socket\":3}");
    add(&summary, "{\"netid\":\"udp\",\"state\":\"UNCONNECTED\"}");
    add(&summary, "{\"netid\":\"raw\",\"state\":\"UNCONNECTED\"}");
    add(&summary, "{\"netid\":\"icmp\",\"state\":\"UNCONNECTED\"}");
    add(&summary, "{\"netid\":\"packet\",\"state\":\"UNCONNECTED\"}");
    ck_assert(json_line_parse(stats, &line));
    ss_summary_add_count(&summary, &line);
    expect_printed(&summary, false,
                   "Total: 11\n"
                   "TCP:   6 (estab 1, closed 2, orphaned 1, timewait 1)\n"
                   "\n"
                   "Transport Total     IP        IPv6\n"
                   "RAW\t  1         1         0        \n"
                   "UDP\t  1         1         0        \n"
                   "TCP\t  4         4         0        \n"
                   "INET\t  6         6         0        \n"
                   "FRAG\t  6         6         0        \n"
                   "\n");
    expect_printed(&summary, true,
                   "[\n{\"total\":11,\"tcp\":6,\"estab\":1,\"closed\":2,"
                   "\"orphaned\":1,\"timewait\":1,\"udp\":1,\"raw\":1,"
                   "\"packet\":1,\"frag\":6}\n]\n");
}
END_TEST

UNIT_MAIN("ss_summary", sockets_are_counted_as_the_kernel_does)
