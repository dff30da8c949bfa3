/*
 * From a process to its forked child: see inherit.h.
 */
#define _GNU_SOURCE /* dup3 */
#include "host/inherit.h"

#include "host/host.h"
#include "host/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* From a fork to the parent's exit, and between its words, at most. */
    PATIENCE_MS = 1000,
    /* From the parent's offer to the heir's next call, at most. */
    OFFER_MS = 2000
};

/* What is said over the pair, one byte each. */
enum word {
    WORD_OFFER = 'o',  /* parent: I end, do you need the stack? */
    WORD_CLAIM = 'c',  /* heir: I wait for it, in a call */
    WORD_DEVICE = 'd', /* parent: here it is, with descriptors */
    WORD_REST = 'r',   /* the same, but all connections have ended with me */
    WORD_ESTATE =
        'e' /* parent, itself a child: here is where mine comes from */
};

/* The next fork of this thread, daemon(3)'s, gives all. */
static _Thread_local bool gives_next;

static void close_end(int *fd)
{
    if (*fd == 0)
        return;
    host_disown_fd(*fd);
    close(*fd);
    *fd = 0;
}

/* ---- The device -------------------------------------------------------- */

/* What it may hold: a recording, a socket, a claim; and some more. */
enum { DEVICE_FDS = 8 };

/* Of the default stack, which has one. How many; 0: it is gone. */
static int device_fds(int fds[static DEVICE_FDS])
{
    struct list *ports = &the_host.default_stack->ports;
    const struct netdev *dev;
    int count = 0;

    if (list_is_empty(ports))
        return 0;
    dev = container_of(ports->next, struct port, node)->dev;
    if (netdev_poll_fd(dev) < 0)
        return 0;
    while (count < DEVICE_FDS &&
           (fds[count] = netdev_held_fd(dev, (unsigned)count)) >= 0)
        count++;
    return count;
}

/* Their numbers stay taken. */
static bool let_go_of_device(void)
{
    int fds[DEVICE_FDS];
    int count = device_fds(fds);
    int null = count == 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
    bool done = null >= 0;

    for (int i = 0; i < count && done; i++)
        done = dup3(null, fds[i], O_CLOEXEC) >= 0;
    if (null >= 0)
        close(null);
    return done;
}

/* ---- Words ------------------------------------------------------------- */

/* Room for descriptors, SCM_RIGHTS. */
union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(DEVICE_FDS * sizeof(int))];
};

struct message {
    enum word word;
    int fds[DEVICE_FDS];
    int count;
};

static bool say(int to, const struct message *message)
{
    size_t size = (size_t)message->count * sizeof(int);
    union control control = {0};
    struct iovec iov = {.iov_base = &(char){(char)message->word}, .iov_len = 1};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (size > 0) {
        header.msg_control = control.room;
        header.msg_controllen = CMSG_SPACE(size);
        control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS,
                                          .cmsg_len = CMSG_LEN(size)};
        memcpy(CMSG_DATA(&control.header), message->fds, size);
    }
    return sendmsg(to, &header, MSG_NOSIGNAL) == 1;
}

static bool say_word(int to, enum word word)
{
    return say(to, &(struct message){.word = word});
}

/* Waits for a word: that there is one, or that there will be none. */
static bool await_word(int from, int wait_ms)
{
    usec until = host_clock() + wait_ms * USEC_PER_MSEC;
    struct pollfd one = {.fd = from, .events = POLLIN};
    int r;

    do {
        usec left = usec_max(until - host_clock(), 0);

        r = poll(&one, 1, (int)(left / USEC_PER_MSEC));
    } while (r < 0 && errno == EINTR);
    return r > 0;
}

/* The same, and the stack goes on meanwhile; it may be gone then. */
static bool await_word_at_exit(int from, int wait_ms)
{
    struct pollfd one = {.fd = from, .events = POLLIN};
    struct waiter waiter;
    int r;

    waiter_init(&waiter, NULL, host_now() + wait_ms * USEC_PER_MSEC);
    waiter.kernel = &one;
    waiter.kernel_count = 1;
    do
        r = waiter_wait(&waiter);
    while (r == -EINTR);
    waiter_end(&waiter);
    host_unlock();
    waiter_let_signals(&waiter);
    host_lock();
    return r == 0;
}

/* False: there is none, and will be none. */
static bool hear(int from, struct message *message)
{
    union control control;
    char byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.room,
                            .msg_controllen = sizeof(control.room)};

    message->count = 0;
    if (recvmsg(from, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
        return false;
    message->word = (enum word)byte;
    if (header.msg_controllen >= CMSG_LEN(sizeof(int))) {
        size_t size = control.header.cmsg_len - CMSG_LEN(0);

        memcpy(message->fds, CMSG_DATA(&control.header), size);
        message->count = (int)(size / sizeof(int));
    }
    return true;
}

/* ---- Fork -------------------------------------------------------------- */

/* A thread that waits is none in the child, but its waiter is in the lists. */
static bool nobody_waits(void)
{
    const struct driver *driver = &the_host.driver;

    return list_is_empty(&driver->sleepers) &&
           (driver->who == NULL || driver->who == &driver->helper);
}

/* A child may have one only as long as it may still become the stack's. */
static bool may_have_heir(void)
{
    const struct inheritance *in = &the_host.inheritance;

    if (the_host.numbers == NULL || the_host.default_stack == NULL)
        return false;
    return the_host.is_child ? in->estate_fd != 0 : nobody_waits();
}

void inherit_prepare(void)
{
    struct inheritance *in = &the_host.inheritance;
    int pair[2];

    in->gives_at_fork = gives_next;
    if (!may_have_heir())
        return;
    close_end(&in->heir_fd);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    in->heir_fd = pair[0];
    in->heirs_estate_fd = pair[1];
    host_own_fd(in->heir_fd);
    host_own_fd(in->heirs_estate_fd);
}

void inherit_in_parent(void)
{
    struct inheritance *in = &the_host.inheritance;

    close_end(&in->heirs_estate_fd);
    if (in->gives_at_fork)
        inherit_give();
}

/* What waits for an answer of ARP its parent sends, or the two of them would:
 * but not if the parent gives all at once. */
static void become_copy(void)
{
    if (!the_host.inheritance.gives_at_fork && the_host.default_stack != NULL)
        stack_forget_waiting(the_host.default_stack->core,
                             stack_now(the_host.default_stack));
    the_host.inheritance.gives_at_fork = false;
}

bool inherit_in_child(void)
{
    struct inheritance *in = &the_host.inheritance;

    close_end(&in->heir_fd);
    close_end(&in->estate_fd); /* that is its parent's */
    in->estate_fd = in->heirs_estate_fd;
    in->heirs_estate_fd = 0;
    in->has_waited = false;
    in->has_claimed = false;
    if (the_host.is_child) /* so was its parent, and has let go of it */
        return in->estate_fd != 0;
    become_copy();
    if (in->estate_fd != 0 && !let_go_of_device())
        close_end(&in->estate_fd);
    return in->estate_fd != 0;
}

/* ---- Giving and taking ------------------------------------------------- */

static bool has_sockets(struct tapir_stack *stack)
{
    uint32_t cursor = 0;

    return hash_table_any(&stack->files, &cursor) != NULL;
}

static int option_of(const struct file *file, int name)
{
    int value = 0;
    size_t len = sizeof(value);
    int r = stack_get_option(file->stack->core, stack_now(file->stack),
                             file->id, SOL_SOCKET, name, &value, &len);

    return r < 0 ? r : value;
}

static bool is_connection(const struct file *file,
                          const struct tapir_stack *stack)
{
    return file->kind == FILE_SOCKET && file->stack == stack &&
           option_of(file, SO_TYPE) == SOCK_STREAM &&
           option_of(file, SO_ACCEPTCONN) == 0;
}

/* As exit closes them: what was written is sent. */
static void close_connections(struct tapir_stack *stack)
{
    const struct descriptors *table = &the_host.descriptors;

    for (int n = descriptors_next(table, 0); n >= 0;
         n = descriptors_next(table, n + 1)) {
        struct file *file = descriptors_get(table, n);

        if (!is_connection(file, stack))
            continue;
        core_close(stack, file->id);
        file_lose_stack(file);
    }
}

/*
 * It is given to one who waits for it in a call: in the hands of an heir that
 * never asks, the device would be nobody's, and free for nobody.
 */
static bool hear_claim(void)
{
    struct message answer;

    return hear(the_host.inheritance.heir_fd, &answer) &&
           answer.word == WORD_CLAIM;
}

/* daemon(3)'s claims at once, and nothing changes meanwhile: it has the copy
 * of what is here. */
static bool heir_claims_all(void)
{
    int heir = the_host.inheritance.heir_fd;

    return say_word(heir, WORD_OFFER) && await_word(heir, OFFER_MS) &&
           hear_claim();
}

/* The connections end, and what waits for an answer of ARP is sent. */
static bool heir_claims_rest(struct tapir_stack *stack)
{
    int heir = the_host.inheritance.heir_fd;

    if (!has_sockets(stack) || !say_word(heir, WORD_OFFER))
        return false;
    close_connections(stack);
    if (!await_word_at_exit(heir, OFFER_MS) || !stack_is_there(stack) ||
        !hear_claim())
        return false;
    stack_wait_for_end(stack);
    return stack_is_there(stack);
}

static bool give_device(struct tapir_stack *stack)
{
    struct inheritance *in = &the_host.inheritance;
    struct message message = {.word =
                                  in->gives_at_fork ? WORD_DEVICE : WORD_REST};

    if (stack == NULL)
        return false;
    if (in->gives_at_fork ? !heir_claims_all() : !heir_claims_rest(stack))
        return false;
    message.count = device_fds(message.fds);
    if (message.count == 0 || !say(in->heir_fd, &message))
        return false;
    the_host.is_child = true; /* the stack is another process's */
    control_close(stack);
    record_file_fork(
        stack->record); /* its file, too: it writes there no more */
    (void)let_go_of_device();
    return true;
}

/* It has not asked for the stack itself: its heir may. */
static void pass_on_estate(void)
{
    const struct inheritance *in = &the_host.inheritance;

    if (in->estate_fd != 0)
        (void)say(in->heir_fd, &(struct message){.word = WORD_ESTATE,
                                                 .fds = {in->estate_fd},
                                                 .count = 1});
}

bool inherit_give(void)
{
    struct inheritance *in = &the_host.inheritance;
    bool given = false;

    if (in->heir_fd == 0)
        return false;
    if (the_host.is_child)
        pass_on_estate();
    else
        given = give_device(the_host.default_stack);
    close_end(&in->heir_fd);
    return given;
}

/* In the places of those that were let go of, in the same order. */
static bool put_device(const struct message *given)
{
    int fds[DEVICE_FDS];
    bool done = device_fds(fds) == given->count;

    for (int i = 0; i < given->count; i++)
        done = done && dup3(given->fds[i], fds[i], O_CLOEXEC) >= 0;
    return done;
}

static void take_over(const struct message *given)
{
    bool done = put_device(given);

    for (int i = 0; i < given->count; i++)
        close(given->fds[i]);
    close_end(&the_host.inheritance.estate_fd);
    if (!done)
        return;
    record_file_take_over(the_host.default_stack->record);
    the_host.is_child = false;
    control_open(the_host.default_stack);
    helper_start();
    drive_devices_changed();
}

/* What its connections were at the fork is not what they are. */
static void take_rest(const struct message *given)
{
    struct tapir_stack *stack = the_host.default_stack;

    stack_forget_connections(stack->core, stack_now(stack), ENETDOWN);
    take_over(given);
    if (!the_host.is_child)
        pass_run(stack);
}

static void claim(void)
{
    struct inheritance *in = &the_host.inheritance;

    in->has_claimed = say_word(in->estate_fd, WORD_CLAIM);
}

static void replace_estate(const struct message *message)
{
    struct inheritance *in = &the_host.inheritance;

    close_end(&in->estate_fd);
    in->has_claimed = false;
    if (message->count != 1)
        return;
    in->estate_fd = message->fds[0];
    host_own_fd(in->estate_fd);
}

/* One word of the parent's. */
static void obey(void)
{
    struct inheritance *in = &the_host.inheritance;
    struct message message;

    if (!hear(in->estate_fd, &message)) {
        close_end(&in->estate_fd); /* it has ended with the stack */
        return;
    }
    switch (message.word) {
    case WORD_OFFER:
        claim();
        break;
    case WORD_DEVICE:
        take_over(&message);
        break;
    case WORD_REST:
        take_rest(&message);
        break;
    case WORD_ESTATE:
        replace_estate(&message);
        break;
    case WORD_CLAIM:
        break; /* a child's word */
    }
}

static void complain(void)
{
    if (the_host.numbers == NULL || the_host.inheritance.has_complained)
        return;
    the_host.inheritance.has_complained = true;
    fprintf(stderr,
            "tapir: process %d was forked off, and has no sockets of the "
            "stack: that stays with its parent\n",
            (int)getpid());
}

/* How long it waits for its parent's next word. */
static int patience(void)
{
    const struct inheritance *in = &the_host.inheritance;

    if (in->has_waited)
        return 0;
    if (!in->has_claimed)
        return PATIENCE_MS;
    return PATIENCE_MS + (int)the_host.default_stack->exit_wait * 1000;
}

/* It waits once for its parent's decision, and then from word to word. */
bool inherit_claim(void)
{
    struct inheritance *in = &the_host.inheritance;

    while (the_host.is_child && in->estate_fd != 0) {
        in->has_waited = !await_word(in->estate_fd, patience());
        if (in->has_waited)
            break;
        obey();
    }
    if (the_host.is_child)
        complain();
    return !the_host.is_child;
}

bool inherit_is_open(void)
{
    return the_host.inheritance.estate_fd != 0;
}

void inherit_begin_giving(void)
{
    gives_next = true;
}

void inherit_end_giving(void)
{
    gives_next = false;
}
