/*
 * What is easily done wrong by a library that takes libc's place: each trap by
 * its name, `traps NAME HOST PORT`, against an echo server. It is an ordinary
 * program of the kernel's sockets, and passes as such too.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            printf("%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition,   \
                   errno);                                                     \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static struct sockaddr_in peer;

static int connect_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK(connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0);
    return fd;
}

static int converse(int fd, const char *text)
{
    char got[64] = "";
    size_t len = strlen(text);

    CHECK(write(fd, text, len) == (ssize_t)len);
    for (size_t done = 0; done < len;) {
        ssize_t more = read(fd, got + done, len - done);

        CHECK(more > 0);
        done += (size_t)more;
    }
    CHECK(memcmp(got, text, len) == 0);
    return fd;
}

static struct sockaddr_in local_at(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_ANY),
    };
}

static int listen_at(uint16_t port)
{
    struct sockaddr_in local = local_at(port);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    CHECK(bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0);
    CHECK(listen(fd, 10) == 0);
    return fd;
}

static int waited_on;

/* ---- Before the library is set up ---------------------------------------- */

#ifndef NO_ALLOCATOR
static bool is_in_malloc;
static unsigned first_mallocs;

/* An allocator that reads files when it starts, and must not be called then:
 * jemalloc is one. */
static void start_allocator(void)
{
    char text[16];
    int fd;

    if (first_mallocs++ > 0)
        return;
    is_in_malloc = true;
    fd = open("/proc/self/stat", O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof(text)) <= 0 || close(fd) != 0)
        abort();
    if (syscall(SYS_getpid) <= 0)
        abort();
    is_in_malloc = false;
}

void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    if (is_in_malloc)
        abort();
    start_allocator();
    return __libc_malloc(size);
}
#endif

static void early(void)
{
    void *volatile room = malloc(10);

    free(room);
#ifndef NO_ALLOCATOR
    CHECK(first_mallocs > 0);
#endif
    close(converse(connect_to(&peer), "early"));
}

static void *converse_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++)
        close(converse(connect_to(&peer), "from a thread"));
    return NULL;
}

/* The first sockets of all, from several threads at once. */
static void threads(void)
{
    pthread_t thread[16];

    for (int i = 0; i < 16; i++)
        CHECK(pthread_create(&thread[i], NULL, converse_often, NULL) == 0);
    for (int i = 0; i < 16; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
}

/* ---- Signals ---------------------------------------------------------------
 */

static int pipe_of_handler[2];
static volatile sig_atomic_t handled;

static void handle(int signal)
{
    int saved = errno;
    char c = 'x';
    int copy = dup(pipe_of_handler[1]);

    (void)signal;
    if (copy < 0 || write(copy, &c, 1) != 1 ||
        read(pipe_of_handler[0], &c, 1) != 1 || close(copy) != 0)
        _exit(99);
    handled++;
    errno = saved;
}

/* read, write, dup and close of the kernel's descriptors in a handler that
 * comes in the middle of calls on sockets. */
static void signals(void)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 500}, {0, 500}};
    int fd;

    CHECK(pipe(pipe_of_handler) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    fd = connect_to(&peer);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < 3000; i++) {
        char c = 'y';
        ssize_t r;

        while ((r = write(fd, &c, 1)) < 0 && errno == EINTR)
            ;
        CHECK(r == 1);
        while ((r = read(fd, &c, 1)) < 0 && errno == EINTR)
            ;
        CHECK(r == 1 && c == 'y');
    }
    CHECK(handled > 100);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static sigjmp_buf out;

static void jump(int signal)
{
    (void)signal;
    siglongjmp(out, 1);
}

/* A handler that does not come back, out of select, read and poll. */
static void jumps(void)
{
    struct itimerval soon = {{0, 0}, {0, 50000}};
    int fd = connect_to(&peer);
    volatile int round = 0;
    char c;

    signal(SIGALRM, jump);
    sigsetjmp(out, 1);
    if (round < 6) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        fd_set set;

        FD_ZERO(&set);
        FD_SET(fd, &set);
        setitimer(ITIMER_REAL, &soon, NULL);
        switch (round++ % 3) {
        case 0:
            select(fd + 1, &set, NULL, NULL, NULL);
            break;
        case 1:
            poll(&one, 1, -1);
            break;
        case 2:
            CHECK(read(fd, &c, 1) < 0);
            break;
        }
        CHECK(!"not jumped");
    }
    close(converse(fd, "after jumps"));
    close(converse(connect_to(&peer), "and another one"));
}

static void *wait_to_be_cancelled(void *how)
{
    struct pollfd one = {.fd = waited_on, .events = POLLIN};
    char c;

    if (how != NULL)
        poll(&one, 1, -1);
    else
        CHECK(read(waited_on, &c, 1) == 1);
    return NULL;
}

/* pthread_cancel of a thread that waits, in read and in poll; the stack's
 * other calls go on. */
static void cancels(void)
{
    static int by_poll;

    for (int round = 0; round < 4; round++) {
        pthread_t thread[2]; /* one drives, the other sleeps beside it */
        void *how = round % 2 == 0 ? NULL : &by_poll;
        void *result;

        waited_on = connect_to(&peer);
        for (int i = 0; i < 2; i++)
            CHECK(pthread_create(&thread[i], NULL, wait_to_be_cancelled, how) ==
                  0);
        usleep(100000);
        for (int i = 1; i >= 0; i--) {
            CHECK(pthread_cancel(thread[i]) == 0);
            CHECK(pthread_join(thread[i], &result) == 0);
            CHECK(result == PTHREAD_CANCELED);
            close(converse(connect_to(&peer), "beside it"));
        }
        close(converse(waited_on, "after it"));
    }
}

/* ---- Interfaces ------------------------------------------------------------
 */

static const struct sockaddr_in *in_of(const struct sockaddr *addr)
{
    return (const void *)addr;
}

/* Of those that are not loopback, the one that lies beside the peer. */
static struct sockaddr_in address_beside_peer(const struct ifaddrs *list)
{
    for (; list != NULL; list = list->ifa_next) {
        if (list->ifa_addr == NULL || list->ifa_addr->sa_family != AF_INET ||
            (list->ifa_flags & IFF_LOOPBACK) != 0)
            continue;

        const struct sockaddr_in *in = in_of(list->ifa_addr);
        in_addr_t mask = in_of(list->ifa_netmask)->sin_addr.s_addr;

        if (((in->sin_addr.s_addr ^ peer.sin_addr.s_addr) & mask) == 0)
            return *in;
    }
    CHECK(!"no interface is on the peer's subnet");
    exit(1);
}

static struct sockaddr_in an_interface(void)
{
    struct sockaddr_in found;
    struct ifaddrs *list;

    CHECK(getifaddrs(&list) == 0);
    found = address_beside_peer(list);
    freeifaddrs(list);
    return found;
}

static void expect_names_agree(void)
{
    struct if_nameindex *all = if_nameindex();
    char name[IF_NAMESIZE];
    int count = 0;

    CHECK(all != NULL);
    for (; all[count].if_index != 0; count++) {
        CHECK(if_nametoindex(all[count].if_name) == all[count].if_index);
        CHECK(if_indextoname(all[count].if_index, name) == name);
        CHECK(strcmp(name, all[count].if_name) == 0);
    }
    CHECK(count >= 2);
    if_freenameindex(all);
    CHECK(if_nametoindex("nope") == 0 && errno == ENODEV);
    CHECK(if_indextoname(9999, name) == NULL && errno == ENXIO);
}

/* All that is said of the interfaces, but for what they have counted. */
static void describe_interfaces(FILE *out)
{
    struct ifaddrs *list;

    CHECK(getifaddrs(&list) == 0);
    for (struct ifaddrs *one = list; one != NULL; one = one->ifa_next) {
        CHECK(one->ifa_addr != NULL);
        fprintf(out, "%s %#x %d", one->ifa_name, one->ifa_flags,
                one->ifa_addr->sa_family);
        if (one->ifa_addr->sa_family == AF_INET) {
            fprintf(out, " %s", inet_ntoa(in_of(one->ifa_addr)->sin_addr));
            fprintf(out, " %s", inet_ntoa(in_of(one->ifa_netmask)->sin_addr));
            if ((one->ifa_flags & IFF_BROADCAST) != 0)
                fprintf(out, " %s",
                        inet_ntoa(in_of(one->ifa_broadaddr)->sin_addr));
        }
        if (one->ifa_addr->sa_family == AF_PACKET) {
            const struct sockaddr_ll *link = (const void *)one->ifa_addr;

            fprintf(out, " %d %d %d", link->sll_ifindex, link->sll_hatype,
                    link->sll_halen);
            for (int i = 0; i < link->sll_halen; i++)
                fprintf(out, " %02x", link->sll_addr[i]);
        }
        fprintf(out, "\n");
    }
    freeifaddrs(list);
}

static char *description_of_interfaces(void)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    CHECK(out != NULL);
    describe_interfaces(out);
    fclose(out);
    return text;
}

/* A program asks which addresses there are, and binds to one of them. */
static void interfaces(void)
{
    struct sockaddr_in local = an_interface(), later;
    char *before = description_of_interfaces(), *after;
    socklen_t len = sizeof(later);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0);
    CHECK(connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&later, &len) == 0);
    CHECK(later.sin_addr.s_addr == local.sin_addr.s_addr);
    close(converse(fd, "from an interface"));
    after = description_of_interfaces(); /* now there is a stack */
    CHECK(strcmp(before, after) == 0);
    free(before);
    free(after);
    expect_names_agree();
}

/* To have asked is not to have a stack: the child's is its own. */
static void asks_then_forks(void)
{
    struct sockaddr_in local = an_interface();
    int status;
    pid_t pid;

    expect_names_agree();
    pid = fork();
    if (pid == 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        CHECK(an_interface().sin_addr.s_addr == local.sin_addr.s_addr);
        CHECK(bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0);
        CHECK(connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0);
        close(converse(fd, "from a child"));
        exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* ---- Processes -------------------------------------------------------------
 */

/* It closes in its parent's memory what are descriptors of its own. */
static void vforks(void)
{
    int fd = connect_to(&peer);
    int status;
    pid_t pid = vfork();

    if (pid == 0) {
        for (int n = 3; n < 100; n++)
            close(n);
        dup2(0, fd);
        close_range(3, ~0u, 0);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    converse(fd, "after vfork");
    close(fd);
    close(converse(connect_to(&peer), "and another one"));
}

/* The parent has no stack: the child has. */
static void forks_first(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        close(converse(connect_to(&peer), "from a child"));
        exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* The stack is the parent's; what the child does is nothing to it. */
static void forks_later(void)
{
    int fd = connect_to(&peer);
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        close(fd);
        closefrom(3);
        _exit(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == ENETDOWN ? 0 : 1);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (getenv("LD_PRELOAD") != NULL)
        CHECK(status == 0);
    close(converse(fd, "from the parent"));
}

/* Whoever has made it: it speaks from where a program's sockets do. */
static void expect_from_interface(int fd)
{
    struct sockaddr_in local = {0};
    socklen_t len = sizeof(local);

    CHECK(getsockname(fd, (struct sockaddr *)&local, &len) == 0);
    CHECK(local.sin_addr.s_addr == an_interface().sin_addr.s_addr);
}

/* ---- Processes that libc's handlers do not hear of -------------------------
 */

static long by_fork(void)
{
#ifdef SYS_fork
    return syscall(SYS_fork);
#else
    return syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
#endif
}

static long by_clone(void)
{
    return syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static long by_clone3(void)
{
    uint64_t args[8] = {[4] = SIGCHLD}; /* struct clone_args, exit_signal */

    return syscall(SYS_clone3, args, sizeof(args));
}

/* glibc's own is as good as fork to the library, but calls no handlers. */
static long by_silent_fork(void)
{
    return _Fork();
}

typedef long fork_fn(void);
static fork_fn *const ways[] = {by_fork, by_clone, by_clone3, by_silent_fork};

static void expect_child_well(long pid)
{
    int status;

    CHECK(pid > 0);
    CHECK(waitpid((pid_t)pid, &status, 0) == pid);
    CHECK(status == 0);
}

/* A child that has no stack, and knows it. It exits as a program does: what
 * was written is its parent's to finish, or to reset. */
static void be_without_stack(int fd)
{
    char c;
    int file;

    if (getenv("LD_PRELOAD") == NULL)
        exit(0);
    CHECK(write(fd, "not mine", 8) < 0 && errno == ENETDOWN);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == ENETDOWN);
    CHECK(close(fd) == 0);
    file = open("/dev/null", O_RDONLY);
    CHECK(file == fd && read(file, &c, 1) == 0);
    exit(0);
}

/* The number is not the table's any more, though the child has not called the
 * library before it used it otherwise. */
static void reuse_number(int fd)
{
    char c;

    CHECK(close(fd) == 0);
    CHECK(open("/dev/zero", O_RDONLY) == fd && read(fd, &c, 1) == 1);
    closefrom(3);
    exit(0);
}

/* Without the shim the child would come back to this function on its parent's
 * own stack, and spoil it. */
static void raw_vforks(int fd)
{
    long pid =
        syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0L, 0L, 0L, 0L);

    if (pid == 0)
        _exit(close(fd));
    expect_child_well(pid);
#ifdef SYS_vfork
    if ((pid = syscall(SYS_vfork)) == 0)
        _exit(close(fd));
    expect_child_well(pid);
#endif
    converse(fd, "after vfork");
    CHECK(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L) < 0 &&
          errno == EINVAL);
}

static void raw_forks(void)
{
    int fd = connect_to(&peer);
    long pid;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if ((pid = ways[i]()) == 0)
            be_without_stack(fd);
        expect_child_well(pid);
        if ((pid = ways[i]()) == 0)
            reuse_number(fd);
        expect_child_well(pid);
        converse(fd, "from the parent");
        close(converse(connect_to(&peer), "and another one"));
    }
    if (getenv("LD_PRELOAD") != NULL)
        raw_vforks(fd);
    close(fd);
}

static int run_without_stack(void *fd)
{
    be_without_stack(*(int *)fd);
    return 1;
}

/* clone(3), with a stack of memory for the child: of the program's own. */
static void clones(void)
{
    static char room[1 << 20];
    int fd = connect_to(&peer);

    expect_child_well(
        clone(run_without_stack, room + sizeof(room), SIGCHLD, &fd));
    converse(fd, "from the parent");
    close(converse(connect_to(&peer), "and another one"));
    close(fd);
}

/* The parent has no stack: each child has one. */
static void raw_forks_first(void)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        long pid = ways[i]();

        if (pid == 0) {
            int fd = connect_to(&peer);

            expect_from_interface(fd);
            close(converse(fd, "from a child"));
            exit(0);
        }
        expect_child_well(pid);
    }
}

/* ---- Heirs -----------------------------------------------------------------
 */

/* Both ends at once: whoever has the listener has the connection, too. */
static void expect_accepts(int listener)
{
    struct sockaddr_in local = an_interface();
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    struct sockaddr_in bound;
    socklen_t len = sizeof(bound);
    int client, server;
    char c;

    CHECK(getsockname(listener, (struct sockaddr *)&bound, &len) == 0);
    local.sin_port = bound.sin_port;
    client = connect_to(&local);
    CHECK(poll(&ready, 1, 5000) == 1 && ready.revents == POLLIN);
    server = accept(listener, NULL, NULL);
    CHECK(server >= 0);
    CHECK(write(client, "a", 1) == 1 && read(server, &c, 1) == 1 && c == 'a');
    close(client);
    close(server);
}

/* The trap's own process has no stack: what it forks has, and leaves it to its
 * children; all of them are well. */
static void expect_children_well(void)
{
    int status;

    while (wait(&status) > 0)
        CHECK(status == 0);
    CHECK(errno == ECHILD);
}

static void become_reaper(void)
{
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
}

/* daemon(3) takes all that was made before it along. */
static void daemons(void)
{
    become_reaper();
    if (fork() == 0) {
        int fd = converse(connect_to(&peer), "before");
        int listener = listen_at(7790);
        pid_t before = getpid();

        CHECK(write(fd, "on the way", 10) == 10);
        CHECK(daemon(1, 1) == 0);
        CHECK(getpid() != before && getsid(0) == getpid());
        char got[10];
        CHECK(recv(fd, got, 10, MSG_WAITALL) == 10);
        CHECK(memcmp(got, "on the way", 10) == 0);
        close(converse(fd, "as a daemon"));
        close(converse(connect_to(&peer), "and another one"));
        expect_accepts(listener);
        exit(0);
    }
    expect_children_well();
}

/* fork, exit, setsid, fork, exit: what was bound before is the daemon's. */
static void daemons_by_hand(void)
{
    become_reaper();
    if (fork() == 0) {
        int listener = listen_at(7790);
        int other = listen_at(7791);
        struct epoll_event event = {.events = EPOLLIN};
        int set = epoll_create1(0);

        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) == 0);
        if (fork() > 0)
            exit(0);
        CHECK(setsid() > 0);
        if (fork() > 0)
            _exit(0);
        close(other);
        CHECK(epoll_wait(set, &event, 1, 10) == 0);
        expect_accepts(listener);
        close(listen_at(7791)); /* its number is free again */
        close(converse(connect_to(&peer), "as a daemon"));
        exit(0);
    }
    expect_children_well();
}

static bool asks_in_vain(int fd)
{
    int error;
    socklen_t len = sizeof(error);
    int r = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);

    return getenv("LD_PRELOAD") == NULL || (r < 0 && errno == ENETDOWN);
}

/* A child of the daemon's that asks first is not the daemon. */
static void daemons_children(void)
{
    become_reaper();
    if (fork() == 0) {
        int listener = listen_at(7790);
        long pid;

        if (fork() > 0) {
            usleep(300000);
            exit(0);
        }
        pid = fork();
        if (pid == 0)
            _exit(asks_in_vain(listener) ? 0 : 1);
        usleep(700000);
        expect_accepts(listener);
        expect_child_well(pid);
        exit(0);
    }
    expect_children_well();
}

static int bound_to_talk(struct sockaddr_in *to)
{
    struct sockaddr_in local = an_interface();
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    *to = peer;
    to->sin_port = htons(7002);
    CHECK(bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0);
    return fd;
}

static void tell(int fd, const struct sockaddr_in *to, const char *text)
{
    CHECK(sendto(fd, text, strlen(text), 0, (const struct sockaddr *)to,
                 sizeof(*to)) == (ssize_t)strlen(text));
}

/* Nobody has spoken to the peer yet: what is sent before the fork and after it
 * waits for an answer of ARP when the parent exits. */
static void *converse_and_tell(void *write_end)
{
    close(converse(connect_to(&peer), "while a vfork child lives"));
    CHECK(write(*(int *)write_end, "", 1) == 1);
    return NULL;
}

/* A child that lives in its parent's memory waits for a thread of that: the
 * stack must not stand still meanwhile. */
static void vfork_waits(void)
{
    int fd = connect_to(&peer);
    pthread_t thread;
    int pipes[2];
    char told;
    long pid;

    CHECK(pipe(pipes) == 0);
    CHECK(pthread_create(&thread, NULL, converse_and_tell, &pipes[1]) == 0);
    pid = syscall(SYS_vfork);
    if (pid == 0)
        _exit(read(pipes[0], &told, 1) == 1 ? 0 : 1);
    pthread_join(thread, NULL);
    expect_child_well(pid);
    close(fd);
}

static void daemons_datagrams(void)
{
    become_reaper();
    if (fork() == 0) {
        struct sockaddr_in to;
        int fd = bound_to_talk(&to);

        tell(fd, &to, "before\n");
        if (fork() > 0) {
            tell(fd, &to, "after\n");
            exit(0);
        }
        tell(fd, &to, "heir\n");
        exit(0);
    }
    expect_children_well();
}

/* What a program has told pthread_atfork(3), and when: handlers of before the
 * first socket run within the library's own, in the parent and in the child. */
static int fd_of_handler = -1;
static bool is_kept;

static void close_in_handler(void)
{
    if (!is_kept)
        CHECK(close(fd_of_handler) == 0);
}

static void register_handler(int which)
{
    void (*handlers[3])(void) = {NULL, NULL, NULL};

    handlers[which] = close_in_handler;
    CHECK(pthread_atfork(handlers[0], handlers[1], handlers[2]) == 0);
}

/* The connection is its parent's to end; all else is the daemon's. */
static void be_daemon_of(int listener)
{
    char c;

    expect_accepts(listener);
    if (is_kept && getenv("LD_PRELOAD") != NULL)
        CHECK(read(fd_of_handler, &c, 1) < 0 && errno == ENETDOWN);
    if (is_kept)
        close(fd_of_handler);
    close(converse(connect_to(&peer), "as a daemon"));
    exit(0);
}

static void become_daemon_with_handler(int which, bool is_early)
{
    int listener;

    if (is_early)
        register_handler(which);
    listener = listen_at(7790);
    fd_of_handler = converse(connect_to(&peer), "before");
    if (!is_early)
        register_handler(which);
    if (fork() > 0)
        exit(0);
    be_daemon_of(listener);
}

/* A daemon with a connection, which is closed before the fork, in the parent,
 * in the child, or not at all. */
static void daemons_handlers(void)
{
    become_reaper();
    for (int round = 0; round < 7; round++) {
        is_kept = round == 6;
        if (fork() == 0)
            become_daemon_with_handler(round % 3, round < 3);
        expect_children_well();
    }
}

/* An heir that lives on and never asks, in the background. */
static void heirs_asleep(void)
{
    int listener = listen_at(7790);

    CHECK(listener >= 0);
    if (fork() == 0) {
        fclose(stdout);
        alarm(20);
        for (;;)
            pause();
    }
    printf("exits\n");
    fflush(stdout);
}

static void executes(const char *program, char **argv)
{
    int fd = connect_to(&peer);
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        argv[1] = "connects";
        execv(program, argv);
        _exit(9);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    close(converse(fd, "from the parent"));
    exit(WEXITSTATUS(status));
}

/* What was written is sent although nobody waits for it, and although there is
 * a child, which knows nothing of it. */
static void ends_at_once(void)
{
    static char data[200000];
    int fd = connect_to(&peer);

    if (fork() == 0) {
        sleep(1);
        _exit(0);
    }

    memset(data, 'e', sizeof(data));
    shutdown(fd, SHUT_RD);
    CHECK(write(fd, data, sizeof(data)) == (ssize_t)sizeof(data));
    _exit(0);
}

/* ---- Descriptors -----------------------------------------------------------
 */

static volatile bool has_woken;

static void *wait_for_it(void *unused)
{
    char c;

    (void)unused;
    CHECK(read(waited_on, &c, 1) <= 0);
    has_woken = true;
    return NULL;
}

/* dup2 of something else over a socket that a thread reads: Java closes so. */
static void dups_over(void)
{
    pthread_t thread;
    int null = open("/dev/null", O_RDWR);
    int fd = connect_to(&peer);
    char c;

    waited_on = fd;
    CHECK(pthread_create(&thread, NULL, wait_for_it, NULL) == 0);
    usleep(200000);
    CHECK(dup2(null, fd) == fd);
    for (int i = 0; i < 50 && !has_woken; i++)
        usleep(100000);
    CHECK(has_woken);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(read(fd, &c, 1) == 0); /* it is /dev/null now */
    close(fd);
}

static void dups(void)
{
    int fd = connect_to(&peer);
    int copy = dup(fd);
    int far = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    struct stat status;

    CHECK(copy > fd && far >= 100);
    CHECK(dup2(fd, 50) == 50);
    CHECK(dup2(fd, fd) == fd);
    CHECK(dup3(fd, 51, O_CLOEXEC) == 51);
    CHECK(fcntl(51, F_GETFD) == FD_CLOEXEC && fcntl(50, F_GETFD) == 0);
    CHECK(fcntl(far, F_GETFD) == FD_CLOEXEC);
    close(fd);
    converse(copy, "by a copy");
    close(copy);
    CHECK(fcntl(far, F_SETFL, O_NONBLOCK) == 0);
    CHECK((fcntl(50, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(fcntl(50, F_SETFL, 0) == 0);
    converse(50, "by another one");
    CHECK(fstat(51, &status) == 0 && S_ISSOCK(status.st_mode));
    close(51);
    close(50);
    converse(far, "by the last");
    close(far);
    CHECK(read(far, &status, 1) < 0 && errno == EBADF);
}

/* What the library opens for itself is in nobody's way. */
static void low_numbers(void)
{
    int null = open("/dev/null", O_RDWR);
    int next = dup(null);
    int fd;

    close(next);
    fd = connect_to(&peer);
    CHECK(fd == next);
    for (int n = fd + 1; n < 60; n++)
        CHECK(dup2(null, n) == n);
    close(converse(fd, "still"));
    close(converse(connect_to(&peer), "and another one"));
}

/* Nor is what it writes itself, a recording and its lines: not a byte of them
 * comes to where the program has put something of its own. */
static void observed(void)
{
    char name[] = "/tmp/traps-XXXXXX";
    int file = mkstemp(name);
    int fd = connect_to(&peer);
    struct stat status;

    CHECK(file >= 0 && unlink(name) == 0);
    for (int n = 2; n < 60; n++) {
        if (n != file && n != fd)
            CHECK(dup2(file, n) == n);
    }
    close(converse(fd, "seen"));
    CHECK(fstat(file, &status) == 0 && status.st_size == 0);
}

/* sendfile of a file, and splice from a pipe and into one. */
static void bulk(void)
{
    char data[] = "of a file", got[64];
    char name[] = "/tmp/traps-XXXXXX";
    int file = mkstemp(name);
    int fd = connect_to(&peer);
    off_t offset = 3;
    int pipes[2];

    CHECK(file >= 0 && unlink(name) == 0);
    CHECK(write(file, data, 9) == 9 && lseek(file, 0, SEEK_SET) == 0);
    CHECK(sendfile(fd, file, &offset, 100) == 6 && offset == 9);
    CHECK(recv(fd, got, 6, MSG_WAITALL) == 6 && memcmp(got, data + 3, 6) == 0);
    CHECK(sendfile(fd, file, NULL, 2) == 2);
    CHECK(lseek(file, 0, SEEK_CUR) == 2);
    CHECK(recv(fd, got, 2, MSG_WAITALL) == 2 && memcmp(got, data, 2) == 0);

    CHECK(pipe(pipes) == 0 && write(pipes[1], data, 9) == 9);
    CHECK(splice(pipes[0], NULL, fd, NULL, 9, 0) == 9);
    CHECK(recv(fd, got, 9, MSG_WAITALL | MSG_PEEK) == 9);
    CHECK(splice(fd, NULL, pipes[1], NULL, 9, 0) == 9);
    CHECK(read(pipes[0], got, 9) == 9 && memcmp(got, data, 9) == 0);
    close(fd);
}

/* ---- What the library holds ------------------------------------------------
 */

enum { OWN_MAX = 16 };

/* What the library has open, as /proc has it, but for what is alike in all
 * processes. */
struct own {
    char file[OWN_MAX][64];
    int count;
};

static bool is_worth_knowing(const char *file)
{
    return strncmp(file, "anon_inode:", 11) != 0 &&
           strcmp(file, "/dev/null") != 0;
}

/* The program has nothing open from 3 on. */
static struct own what_is_open(void)
{
    struct own own = {.count = 0};

    for (int fd = 3; fd < 1024; fd++) {
        char path[64], file[64] = "";

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, file, sizeof(file) - 1) < 0 ||
            !is_worth_knowing(file))
            continue;
        CHECK(own.count < OWN_MAX);
        memcpy(own.file[own.count++], file, sizeof(file));
    }
    return own;
}

static bool is_among(const struct own *own, const char *file)
{
    for (int i = 0; i < own->count; i++)
        if (strcmp(own->file[i], file) == 0)
            return true;
    return false;
}

static void report_held(const struct own *parents)
{
    struct own mine = what_is_open();

    for (int i = 0; i < mine.count; i++)
        if (is_among(parents, mine.file[i])) {
            printf("a child has %s\n", mine.file[i]);
            exit(1);
        }
}

/* The device, what is recorded, an interface's claim: closefrom spares them,
 * and a child has none of them. $HOLDS says how many there are. */
static void holds(void)
{
    const char *wanted = getenv("HOLDS");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct own own;
    int status;
    pid_t pid;

    CHECK(fd >= 3 && close(fd) == 0);
    closefrom(3);
    own = what_is_open();
    CHECK(wanted == NULL || own.count == atoi(wanted));
    pid = fork();
    if (pid == 0) {
        report_held(&own);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    close(converse(connect_to(&peer), "and another one"));
}

static void ranges(void)
{
    int fd = connect_to(&peer);
    int other = connect_to(&peer);

    CHECK(other > fd);
    CHECK(close_range((unsigned)other, ~0u, 0) == 0);
    CHECK(write(other, "x", 1) < 0 && errno == EBADF);
    converse(fd, "still there");
    closefrom(3);
    CHECK(write(fd, "x", 1) < 0 && errno == EBADF);
    close(converse(connect_to(&peer), "and another one"));
}

/* A connection of the kernel's own, by loopback, whose close waits two seconds
 * for a peer that does not read. */
static int connection_that_lingers(int *other_end)
{
    static char data[1 << 16];
    struct sockaddr_in local = local_at(0);
    struct linger linger = {.l_onoff = 1, .l_linger = 2};
    socklen_t len = sizeof(local);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&local, sizeof(local)) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&local, &len) == 0);
    CHECK(connect(fd, (struct sockaddr *)&local, sizeof(local)) == 0);
    *other_end = accept(listener, NULL, NULL);
    CHECK(*other_end >= 0 && close(listener) == 0);
    while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
        ;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    return fd;
}

static atomic_bool is_closed;

static void *close_waiting(void *fd)
{
    unsigned n = (unsigned)*(int *)fd;

    CHECK(close_range(n, n, 0) == 0);
    atomic_store(&is_closed, true);
    return NULL;
}

/* While the kernel waits for what one thread closes, others have their stack,
 * and it opens what it needs. */
static void ranges_wait(void)
{
    pthread_t closer, threads[4];
    int other_end;
    int fd = connection_that_lingers(&other_end);

    close(converse(connect_to(&peer), "before"));
    CHECK(pthread_create(&closer, NULL, close_waiting, &fd) == 0);
    usleep(100000);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, converse_often, NULL) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(!atomic_load(&is_closed));
    CHECK(pthread_join(closer, NULL) == 0);
    close(other_end);
}

FILE *_IO_fdopen(int fd, const char *mode);

static void streams(void)
{
    int fd = connect_to(&peer);
    FILE *stream = fdopen(fd, "r+");
    FILE *other;
    char line[64];

    CHECK(stream != NULL && fileno(stream) == fd);
    CHECK(dprintf(fd, "number %d\n", 7) == 9);
    CHECK(fgets(line, sizeof(line), stream) != NULL);
    CHECK(strcmp(line, "number 7\n") == 0);
    CHECK(fclose(stream) == 0);
    CHECK(fcntl(fd, F_GETFD) < 0 && errno == EBADF);

    fd = connect_to(&peer);
    other = _IO_fdopen(fd, "r+"); /* what old programs were linked to */
    CHECK(other != NULL && fputs("line\n", other) >= 0 && fflush(other) == 0);
    CHECK(fgets(line, sizeof(line), other) != NULL);
    CHECK(strcmp(line, "line\n") == 0);
    CHECK(ftell(other) < 0 && errno == ESPIPE && fclose(other) == 0);
}

/* A port below 1024, for who may have it. */
static void reserved(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    struct sockaddr_in got;
    socklen_t len = sizeof(got);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bindresvport(fd, &name) == 0) {
        CHECK(getsockname(fd, (struct sockaddr *)&got, &len) == 0);
        CHECK(got.sin_port == name.sin_port && ntohs(got.sin_port) >= 512);
        CHECK(ntohs(got.sin_port) < 1024);
        CHECK(bindresvport(fd, NULL) < 0 && errno == EINVAL);
        CHECK(connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0);
        close(converse(fd, "from a reserved port"));
    } else {
        CHECK(errno == EACCES);
        close(fd);
    }
    CHECK(poll(NULL, 1, 0) < 0 && errno == EFAULT);
}

/* ---- syscall(2) ------------------------------------------------------------
 */

static int connect_raw(void)
{
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK(syscall(SYS_connect, fd, &peer, sizeof(peer)) == 0);
    expect_from_interface(fd);
    return fd;
}

static void raw_calls_of_names(void)
{
    struct sockaddr_in local = an_interface(), seen;
    socklen_t len = sizeof(seen);
    int type = 0, waiting = 0, one = 1;
    int fd = connect_raw();

    CHECK(syscall(SYS_getpeername, fd, &seen, &len) == 0);
    CHECK(seen.sin_port == peer.sin_port);
    len = sizeof(type);
    CHECK(syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0);
    CHECK(type == SOCK_STREAM);
    CHECK(syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, &one,
                  sizeof(one)) == 0);
    len = sizeof(type);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &type, &len) == 0);
    CHECK(type == 1);
    converse(fd, "by its number");
    CHECK(syscall(SYS_ioctl, fd, FIONREAD, &waiting) == 0 && waiting == 0);
    close(fd);

    fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    CHECK(syscall(SYS_bind, fd, &local, sizeof(local)) == 0);
    expect_from_interface(fd);
    CHECK(syscall(SYS_listen, fd, 5) == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK(syscall(SYS_accept, fd, NULL, NULL) < 0 && errno == EAGAIN);
    CHECK(syscall(SYS_accept4, fd, NULL, NULL, 0) < 0 && errno == EAGAIN);
    close(fd);
}

/* Both ends at once: a datagram to oneself. */
static void raw_calls_of_messages(void)
{
    struct sockaddr_in local = an_interface();
    socklen_t len = sizeof(local);
    char data[16];
    struct iovec iov = {data, sizeof(data)};
    struct mmsghdr message = {
        .msg_hdr = {&local, sizeof(local), &iov, 1, NULL, 0, 0}};
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);

    CHECK(syscall(SYS_bind, fd, &local, sizeof(local)) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&local, &len) == 0);
    CHECK(syscall(SYS_sendto, fd, "one", 3, 0, &local, len) == 3);
    CHECK(syscall(SYS_recvfrom, fd, data, sizeof(data), 0, NULL, NULL) == 3);
    CHECK(memcmp(data, "one", 3) == 0);
    iov.iov_len = 2;
    CHECK(syscall(SYS_sendmsg, fd, &message.msg_hdr, 0) == 2);
    CHECK(syscall(SYS_sendmmsg, fd, &message, 1, 0) == 1);
    CHECK(syscall(SYS_recvmsg, fd, &message.msg_hdr, 0) == 2);
    CHECK(syscall(SYS_recvmmsg, fd, &message, 1, 0, NULL) == 1);
    CHECK(message.msg_len == 2);
    close(fd);
}

static void raw_calls_of_vectors(void)
{
    char data[8];
    struct iovec in = {data, sizeof(data)}, out = {"vector", 6};
    volatile int no_count = -1;
    int fd = connect_to(&peer);

    CHECK(preadv2(fd, &in, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN);
    CHECK(preadv2(fd, &in, 0, -1, RWF_NOWAIT) == 0);
    CHECK(syscall(SYS_writev, fd, &out, 1) == 6);
    in.iov_len = 6;
    while (recv(fd, data, 6, MSG_PEEK | MSG_WAITALL) != 6)
        ;
    CHECK(syscall(SYS_readv, fd, &in, 1) == 6 &&
          memcmp(data, "vector", 6) == 0);
    CHECK(syscall(SYS_pwritev2, fd, &out, 1, -1L, -1L, RWF_NOWAIT) == 6);
    CHECK(syscall(SYS_preadv2, fd, &in, 1, -1L, -1L, 0) > 0);
    CHECK(pwritev2(fd, &out, 1, -1, RWF_DSYNC | RWF_APPEND) == 6);
    CHECK(preadv2(fd, &in, 1, -1, 0) > 0);
    CHECK(preadv2(fd, &in, 1, -1, 0x40000) < 0 && errno == EOPNOTSUPP);
    CHECK(preadv2(fd, &in, no_count, -1, RWF_NOWAIT) < 0 && errno == EINVAL);
    CHECK(preadv2(fd, &in, 1, 0, 0) < 0 && errno == ESPIPE);
    CHECK(preadv2(fd, &in, 1, -2, 0) < 0 && errno == EINVAL);
    CHECK(syscall(SYS_preadv, fd, &in, 1, 0L, 0L) < 0 && errno == ESPIPE);
    CHECK(syscall(SYS_pwritev, fd, &out, 1, 0L, 0L) < 0 && errno == ESPIPE);
    close(fd);
}

static void raw_calls_of_bulk(void)
{
    char data[8], name[] = "/tmp/traps-XXXXXX";
    int file = mkstemp(name);
    int fd = connect_to(&peer);
    off_t offset = 2;
    int pipes[2];

    CHECK(file >= 0 && unlink(name) == 0 && write(file, "a file", 6) == 6);
    CHECK(syscall(SYS_sendfile, fd, file, &offset, 10) == 4 && offset == 6);
    CHECK(recv(fd, data, 4, MSG_WAITALL) == 4 && memcmp(data, "file", 4) == 0);
    CHECK(pipe(pipes) == 0 && write(pipes[1], "a pipe", 6) == 6);
    CHECK(syscall(SYS_splice, pipes[0], NULL, fd, NULL, 6, 0) == 6);
    CHECK(recv(fd, data, 6, MSG_WAITALL | MSG_PEEK) == 6);
    CHECK(syscall(SYS_splice, fd, NULL, pipes[1], NULL, 6, 0) == 6);
    CHECK(read(pipes[0], data, 6) == 6 && memcmp(data, "a pipe", 6) == 0);
    close(pipes[0]);
    close(pipes[1]);
    close(file);
    close(fd);
}

static void raw_calls_of_numbers(void)
{
    int fd = connect_to(&peer);
    int copy = (int)syscall(SYS_dup, fd);

    CHECK(copy > fd);
#ifdef SYS_dup2
    CHECK(syscall(SYS_dup2, fd, 60) == 60);
    CHECK(syscall(SYS_dup2, 60, 60) == 60);
    CHECK(syscall(SYS_dup2, 99, 99) < 0 && errno == EBADF);
    close(60);
#endif
    CHECK(syscall(SYS_dup3, fd, 61, O_CLOEXEC) == 61);
    CHECK(syscall(SYS_dup3, fd, fd, 0) < 0 && errno == EINVAL);
    CHECK(syscall(SYS_fcntl, 61, F_GETFD) == FD_CLOEXEC);
    CHECK(syscall(SYS_fcntl, fd, F_DUPFD, 70) == 70);
    CHECK(syscall(SYS_fcntl, fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK((fcntl(70, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(syscall(SYS_fcntl, 70, F_SETFL, 0L) == 0);
    CHECK(syscall(SYS_close, fd) == 0);
    converse(70, "by a copy");
    CHECK(syscall(SYS_close_range, 61U, 70U, 0) == 0);
    CHECK(write(70, "x", 1) < 0 && errno == EBADF);
    close(converse(copy, "by the last"));
}

/* Less than all of it is left, as the kernel's own calls write back. */
static void expect_some_left(const struct timespec *left)
{
    CHECK(left->tv_sec < 5 && (left->tv_sec > 0 || left->tv_nsec > 0));
}

static const struct timespec five_seconds = {5, 0};

static void raw_calls_of_poll(int fd, int pipe_end)
{
    static const struct timespec read_only = {.tv_sec = 5};
    struct pollfd both[] = {{.fd = fd, .events = POLLIN},
                            {.fd = pipe_end, .events = POLLIN}};
    struct timespec time = five_seconds;
    uint64_t no_signals = 0;

#ifdef SYS_poll
    CHECK(syscall(SYS_poll, both, 2, 5000) == 1 && both[0].revents == POLLIN);
#endif
    CHECK(syscall(SYS_ppoll, both, 2, &time, &no_signals, 8L) == 1);
    CHECK(syscall(SYS_ppoll, both, 2, &read_only, NULL, 0L) == 1);
    CHECK(both[0].revents == POLLIN && both[1].revents == 0);
    expect_some_left(&time);
    CHECK(syscall(SYS_ppoll, both, 2, &time, &no_signals, 16L) < 0 &&
          errno == EINVAL);
    CHECK(syscall(SYS_ppoll, both + 1, 1, &(struct timespec){0}, NULL, 0L) ==
          0);
}

static void raw_calls_of_select(int fd)
{
    struct {
        const uint64_t *set;
        size_t size;
    } signals = {&(uint64_t){0}, 8};
    struct timespec time = five_seconds;
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
#ifdef SYS_select
    CHECK(syscall(SYS_select, fd + 1, &set, NULL, NULL, NULL) == 1);
    CHECK(FD_ISSET(fd, &set));
#endif
    CHECK(syscall(SYS_pselect6, fd + 1, &set, NULL, NULL, &time, &signals) ==
          1);
    CHECK(FD_ISSET(fd, &set));
    expect_some_left(&time);
    CHECK(syscall(SYS_pselect6, fd + 1, &set, NULL, NULL, NULL, NULL) == 1);
    signals.size = 9;
    CHECK(syscall(SYS_pselect6, fd + 1, &set, NULL, NULL, NULL, &signals) < 0 &&
          errno == EINVAL);
}

static void raw_calls_of_epoll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 1};
    int set = (int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC);

    CHECK(set >= 0 && fcntl(set, F_GETFD) == FD_CLOEXEC);
    CHECK(syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(syscall(SYS_epoll_pwait, set, &event, 1, 5000, NULL, 8L) == 1);
    CHECK(syscall(SYS_epoll_pwait, set, &event, 1, 0, &(uint64_t){0}, 16L) <
              0 &&
          errno == EINVAL);
#ifdef SYS_epoll_pwait2
    struct timespec time = five_seconds;

    CHECK(syscall(SYS_epoll_pwait2, set, &event, 1, &time, NULL, 8L) == 1);
    CHECK(time.tv_sec == 5 && time.tv_nsec == 0);
#endif
    CHECK(event.events == EPOLLIN && event.data.u32 == 1);
#ifdef SYS_epoll_wait
    CHECK(syscall(SYS_epoll_wait, set, &event, 1, 5000) == 1);
    CHECK(syscall(SYS_epoll_create, 0) < 0 && errno == EINVAL);
#endif
    close(set);
}

static void raw_calls_that_wait(void)
{
    int fd = connect_to(&peer);
    int pipes[2];

    CHECK(pipe(pipes) == 0);
    CHECK(write(fd, "x", 1) == 1);
    raw_calls_of_poll(fd, pipes[0]);
    raw_calls_of_select(fd);
    raw_calls_of_epoll(fd);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

static void raw_calls(void)
{
    int fd = connect_to(&peer);
    char c;

    CHECK(syscall(SYS_write, fd, "r", 1) == 1);
    CHECK(syscall(SYS_read, fd, &c, 1) == 1 && c == 'r');
    CHECK(syscall(SYS_shutdown, fd, SHUT_WR) == 0);
    CHECK(syscall(SYS_close, fd) == 0);
    CHECK(write(fd, "x", 1) < 0 && errno == EBADF);
    raw_calls_of_names();
    raw_calls_of_messages();
    raw_calls_of_vectors();
    raw_calls_of_bulk();
    raw_calls_of_numbers();
    raw_calls_that_wait();
    if (getenv("LD_PRELOAD") != NULL)
        CHECK(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
}

/* An epoll set with both kinds; a socket that was put into it before it became
 * the kernel's. */
static void epolls(void)
{
    struct sockaddr_in loopback = peer;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 1};
    int set = epoll_create1(EPOLL_CLOEXEC);
    int fd = connect_to(&peer);
    int early_one = socket(AF_INET, SOCK_STREAM, 0);
    int pipes[2];

    CHECK(pipe(pipes) == 0);
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
    event.data.u32 = 2;
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event) == 0);
    CHECK(epoll_wait(set, &event, 1, 50) == 0);
    CHECK(write(pipes[1], "x", 1) == 1);
    CHECK(epoll_wait(set, &event, 1, 5000) == 1 && event.data.u32 == 2);
    close(pipes[0]);
    CHECK(write(fd, "x", 1) == 1);
    CHECK(epoll_wait(set, &event, 1, 5000) == 1 && event.data.u32 == 1);
    close(fd);

    event = (struct epoll_event){.events = EPOLLOUT, .data.u32 = 3};
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, early_one, &event) == 0);
    CHECK(epoll_wait(set, &event, 1, 0) == 1 && event.data.u32 == 3);
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(early_one, (struct sockaddr *)&loopback, sizeof(loopback)) ==
          0);
    event.events = EPOLLIN;
    CHECK(epoll_ctl(set, EPOLL_CTL_MOD, early_one, &event) == 0);
    CHECK(write(early_one, "x", 1) == 1);
    CHECK(epoll_wait(set, &event, 1, 5000) == 1);
    CHECK((event.events & EPOLLIN) != 0);
    CHECK(epoll_ctl(set, EPOLL_CTL_DEL, early_one, NULL) == 0);
    close(set);
}

static struct sockaddr_in on_loopback(void)
{
    struct sockaddr_in addr = peer;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

/* A socket goes there with all its numbers, and with the sets that have it. */
static void loopback_by_copies(void)
{
    struct sockaddr_in loopback = on_loopback();
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    int set = epoll_create1(0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int copy = dup(fd);
    int third = fcntl(fd, F_DUPFD, 100);
    char byte = 0;

    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, copy, &event) == 0);
    CHECK(connect(copy, (struct sockaddr *)&loopback, sizeof(loopback)) == 0);
    CHECK(write(third, "x", 1) == 1);
    CHECK(epoll_wait(set, &event, 1, 5000) == 1 && event.data.u32 == 7);
    close(copy);
    CHECK(read(fd, &byte, 1) == 1 && byte == 'x');
    close(fd);
    close(converse(third, "by copies"));
    close(set);
}

/* What has given it no address decides nothing; what has, for all numbers. */
static void loopback_late(void)
{
    struct sockaddr_in loopback = on_loopback();
    struct sockaddr_in other = peer;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int copy;

    other.sin_addr.s_addr = htonl(0xcb007101); /* nobody's: RFC 5737 */
    CHECK(bind(fd, (struct sockaddr *)&other, sizeof(other)) < 0);
    CHECK(connect(fd, (struct sockaddr *)&loopback, 4) < 0);
    CHECK(connect(fd, &none, sizeof(none)) == 0);
    CHECK(connect(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0);
    close(converse(fd, "late"));

    fd = socket(AF_INET, SOCK_STREAM, 0);
    copy = dup(fd);
    other.sin_addr.s_addr = htonl(INADDR_ANY);
    other.sin_port = 0;
    CHECK(bind(fd, (struct sockaddr *)&other, sizeof(other)) == 0);
    CHECK(connect(copy, (struct sockaddr *)&peer, sizeof(peer)) == 0);
    close(copy);
    close(converse(fd, "not by loopback"));
}

/* Options that are set before an address go with the socket to loopback. */
static void loopbacks(void)
{
    struct sockaddr_in loopback = on_loopback();
    int one = 1;
    int value = 0;
    socklen_t len = sizeof(value);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};

    CHECK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) == 0);
    connect(fd, (struct sockaddr *)&loopback, sizeof(loopback));
    CHECK(poll(&ready, 1, 5000) == 1 && ready.revents == POLLOUT);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len) == 0);
    CHECK(value == 1);
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    close(converse(fd, "by loopback"));
    loopback_by_copies();
    loopback_late();
}

/* Both ends at once. */
static void serves(void)
{
    int listener = listen_at(7777);
    int fd;
    char data[4096];
    ssize_t len;

    printf("ready\n");
    fflush(stdout);
    fd = accept(listener, NULL, NULL);
    CHECK(fd > listener);
    while ((len = read(fd, data, sizeof(data))) > 0)
        CHECK(write(fd, data, (size_t)len) == len);
    CHECK(len == 0);
    _exit(0);
}

static void connects(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        fd = socket(AF_INET, SOCK_STREAM, 0); /* as some programs do */
    exit(fd >= 0 && connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0
             ? 0
             : 3);
}

struct trap {
    const char *name;
    void (*run)(void);
};

static const struct trap traps[] = {
    {"early", early},
    {"threads", threads},
    {"signals", signals},
    {"jumps", jumps},
    {"cancels", cancels},
    {"vforks", vforks},
    {"forks-first", forks_first},
    {"forks-later", forks_later},
    {"raw-forks", raw_forks},
    {"raw-forks-first", raw_forks_first},
    {"clones", clones},
    {"ends-at-once", ends_at_once},
    {"daemons", daemons},
    {"daemons-by-hand", daemons_by_hand},
    {"daemons-children", daemons_children},
    {"daemons-handlers", daemons_handlers},
    {"vfork-waits", vfork_waits},
    {"daemons-datagrams", daemons_datagrams},
    {"heirs-asleep", heirs_asleep},
    {"interfaces", interfaces},
    {"asks-then-forks", asks_then_forks},
    {"dups-over", dups_over},
    {"dups", dups},
    {"low-numbers", low_numbers},
    {"observed", observed},
    {"bulk", bulk},
    {"ranges", ranges},
    {"ranges-wait", ranges_wait},
    {"holds", holds},
    {"streams", streams},
    {"reserved", reserved},
    {"raw-calls", raw_calls},
    {"epolls", epolls},
    {"loopbacks", loopbacks},
    {"serves", serves},
    {"connects", connects},
};

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    peer = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(argv[3])),
    };
    CHECK(inet_pton(AF_INET, argv[2], &peer.sin_addr) == 1);
    if (strcmp(argv[1], "executes") == 0)
        executes("/proc/self/exe", argv);
    for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
        if (strcmp(argv[1], traps[i].name) == 0) {
            traps[i].run();
            return 0;
        }
    }
    printf("no such trap: %s\n", argv[1]);
    return 2;
}
