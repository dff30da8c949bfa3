#define _GNU_SOURCE /* vfork, syscall */
#include "unit.h"

#include "host/fork_mark.h"
#include "tapir.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void set_mark(struct fork_mark *mark)
{
    fork_mark_set(mark);
    ck_assert(!fork_mark_is_wiped(mark));
}

/* fork(2) by clone(2): no handler of libc's runs. */
static pid_t fork_in_silence(void)
{
    return (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static int status_of(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool is_had_by_this_kernel(const struct fork_mark *mark)
{
    return atomic_load(&mark->byte) != NULL;
}

START_TEST(a_child_finds_it_wiped_until_it_sets_it)
{
    struct fork_mark mark = {.byte = NULL};
    pid_t pid;

    ck_assert(!fork_mark_is_wiped(&mark)); /* not set yet: nobody's */
    set_mark(&mark);
    if (!is_had_by_this_kernel(&mark))
        UNIT_SKIP("there is no MADV_WIPEONFORK");
    pid = fork_in_silence();
    if (pid == 0) {
        bool was_wiped = fork_mark_is_wiped(&mark);

        fork_mark_set(&mark);
        _exit(was_wiped && !fork_mark_is_wiped(&mark) ? 0 : 1);
    }
    ck_assert_int_eq(status_of(pid), 0);
    ck_assert(!fork_mark_is_wiped(&mark));
}
END_TEST

static void lose(void *context, const void *frame, size_t len)
{
    (void)context;
    (void)frame;
    (void)len;
}

/* A socket of a stack that goes nowhere. */
static int open_socket(struct tapir_stack **stack)
{
    struct tapir_device device = {.transmit = lose, .link = TAPIR_LINK_IP};
    struct tapir_stack_config config;
    int iface;

    tapir_stack_config_init(&config);
    *stack = tapir_stack_create(&config);
    ck_assert_ptr_nonnull(*stack);
    iface = tapir_add_device(*stack, &device);
    ck_assert_int_ge(iface, 0);
    ck_assert_int_eq(tapir_add_address(*stack, iface, "192.0.2.2/24"), 0);
    return tapir_socket_on(*stack, AF_INET, SOCK_DGRAM, 0);
}

START_TEST(a_child_that_libc_has_not_heard_of_has_no_stack)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(9),
                             .sin_addr.s_addr = htonl(0xc0000201)};
    struct tapir_stack *stack;
    int fd = open_socket(&stack);
    pid_t pid;

    ck_assert_int_ge(fd, 0);
    pid = fork_in_silence();
    if (pid == 0) {
        ssize_t sent =
            tapir_sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));

        _exit(sent < 0 && errno == ENETDOWN && tapir_close(fd) == 0 ? 0 : 1);
    }
    ck_assert_int_eq(status_of(pid), 0);
    ck_assert_int_eq(
        tapir_sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    ck_assert_int_eq(tapir_close(fd), 0);
    tapir_stack_destroy(stack);
}
END_TEST

UNIT_MAIN("fork_mark", a_child_finds_it_wiped_until_it_sets_it,
          a_child_that_libc_has_not_heard_of_has_no_stack)
