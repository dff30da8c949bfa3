/*
 * `tapir list`: which stacks run, as far as they let this user ask.
 */
#include "tapir_ask.h"
#include "tapir_command.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: tapir list [--json]\n"
    "\n"
    "The stacks that run on this machine and may be asked: the process, which\n"
    "of its stacks, its program, device and address. Those of this network\n"
    "namespace stand first; others have its number.\n";

static void print_text(const char *key, const char *value)
{
    printf(",\"%s\":", key);
    json_print_text(stdout, value);
}

static void print_json(const struct ask_stack *stack, const char *before)
{
    bool answers = !stack->is_silent && !stack->is_refused;

    printf("%s{\"pid\":%ld,\"stack\":%u", before, stack->pid, stack->number);
    print_text("program", stack->program);
    print_text("name", stack->name);
    print_text("addr", stack->addr);
    print_text("path", stack->path);
    printf(",\"netns\":%llu,\"is_here\":%s,\"answers\":%s}",
           (unsigned long long)stack->netns, stack->is_here ? "true" : "false",
           answers ? "true" : "false");
}

static void print(const struct ask_stack *stack)
{
    char netns[32] = "this";

    if (!stack->is_here)
        snprintf(netns, sizeof(netns), "%llu",
                 (unsigned long long)stack->netns);
    printf("%-8ld %-6u %-16s %-10s %-20s %s%s\n", stack->pid, stack->number,
           stack->program, stack->name, stack->addr, netns,
           stack->is_refused  ? "  (does not let us ask)"
           : stack->is_silent ? "  (does not answer)"
                              : "");
}

static void print_all(const struct ask_stack *list, int count, bool json)
{
    if (!json)
        printf("%-8s %-6s %-16s %-10s %-20s %s\n", "PID", "STACK", "PROGRAM",
               "DEVICE", "ADDRESS", "NETNS");
    for (int i = 0; i < count; i++) {
        if (json)
            print_json(&list[i], i == 0 ? "[\n" : ",\n");
        else
            print(&list[i]);
    }
    if (json)
        puts(count == 0 ? "[]" : "\n]");
}

int list_main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct ask_stack *list = NULL;
    int count;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 1 && !json) {
        fputs(help, stderr);
        return 2;
    }
    count = ask_find_stacks(&list);
    if (count < 0) {
        fprintf(stderr, "tapir list: %s\n", strerror(-count));
        return EXIT_FAILURE;
    }
    print_all(list, count, json);
    free(list);
    return 0;
}
