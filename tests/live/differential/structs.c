/*
 * Calls that take a struct: options of groups, names and filters, the ioctls
 * of interfaces; and those that want a descriptor of another kind.
 */
#include "script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <unistd.h>

static const char device[] = "tap0"; /* on both sides, and at the peer's */

/* "tap" is the interface's index, which each side has its own of. */
static int index_of(const char *word)
{
    if (strcmp(word, "tap") != 0)
        return constant_of(word);
    return (int)CALL(if_nametoindex)(device);
}

static void copy_place(const struct script *script, const char *word, void *to,
                       size_t len)
{
    struct address place;

    address_of(script, word, &place);
    memcpy(to, &place.data, len);
}

static struct in_addr in_addr_of(const struct script *script, const char *word)
{
    struct sockaddr_in in;

    copy_place(script, word, &in, sizeof(in));
    return in.sin_addr;
}

/* ---- Options ------------------------------------------------------------- */

union value {
    uint8_t bytes[512];
    int number;
    uint32_t net;
    struct in_addr addr;
    struct ip_mreq group;
    struct ip_mreqn group_by_index;
    struct ip_mreq_source source;
    struct group_req request;
    struct group_source_req source_request;
    struct ifreq interface;
};

static size_t put_group(const struct script *script, const char *kind,
                        char *const part[3], union value *out)
{
    struct in_addr first = in_addr_of(script, part[0]);

    if (strcmp(kind, "addr") == 0) {
        out->addr = first;
        return sizeof(out->addr);
    }
    if (strcmp(kind, "mreq") == 0) {
        out->group =
            (struct ip_mreq){.imr_multiaddr = first,
                             .imr_interface = in_addr_of(script, part[1])};
        return sizeof(out->group);
    }
    if (strcmp(kind, "mreqn") == 0) {
        out->group_by_index =
            (struct ip_mreqn){.imr_multiaddr = first,
                              .imr_address = in_addr_of(script, part[1]),
                              .imr_ifindex = index_of(part[2])};
        return sizeof(out->group_by_index);
    }
    if (strcmp(kind, "source") == 0) {
        out->source = (struct ip_mreq_source){
            .imr_multiaddr = first,
            .imr_interface = in_addr_of(script, part[1]),
            .imr_sourceaddr = in_addr_of(script, part[2])};
        return sizeof(out->source);
    }
    script_wrong("no such kind of value", kind);
}

static size_t put_request(const struct script *script, const char *kind,
                          char *const part[3], union value *out)
{
    if (strcmp(kind, "greq") == 0) {
        out->request.gr_interface = (uint32_t)index_of(part[0]);
        copy_place(script, part[1], &out->request.gr_group,
                   sizeof(out->request.gr_group));
        return sizeof(out->request);
    }
    if (strcmp(kind, "gsreq") == 0) {
        out->source_request.gsr_interface = (uint32_t)index_of(part[0]);
        copy_place(script, part[1], &out->source_request.gsr_group,
                   sizeof(out->source_request.gsr_group));
        copy_place(script, part[2], &out->source_request.gsr_source,
                   sizeof(out->source_request.gsr_source));
        return sizeof(out->source_request);
    }
    return put_group(script, kind, part, out);
}

static size_t put_value(const struct script *script, char *word,
                        union value *out)
{
    char *part[4] = {word, NULL, NULL, NULL};
    char *rest;

    *out = (union value){.bytes = {0}};
    strtok_r(word, ":", &rest); /* the kind */
    if (strcmp(word, "text") == 0) {
        size_t len = strlen(rest);

        memcpy(out->bytes, rest, len);
        return len;
    }
    for (int i = 0; i < 3; i++)
        part[i + 1] = strtok_r(NULL, ",", &rest);
    if (part[1] == NULL)
        script_wrong("no value", word);
    if (strcmp(word, "index") == 0) {
        out->number = index_of(part[1]);
        return sizeof(int);
    }
    if (strcmp(word, "netindex") == 0) {
        out->net = htonl((uint32_t)index_of(part[1]));
        return sizeof(int);
    }
    return put_request(script, word, part + 1, out);
}

/*
 * setstruct FD LEVEL NAME VALUE [LENGTH]; text:WORD, index:I, netindex:I,
 * addr:A, mreq:GROUP,A, mreqn:GROUP,A,I, source:GROUP,A,SOURCE, greq:I,GROUP,
 * gsreq:I,GROUP,SOURCE.
 */
static void call_setstruct(struct script *script, struct words *w,
                           struct text *out)
{
    union value value;
    size_t len = put_value(script, w->word[4], &value);

    say_result(out, CALL(setsockopt)(fd_at(script, w, 1), constant_at(w, 2, 0),
                                     constant_at(w, 3, 0), &value,
                                     (socklen_t)constant_at(w, 5, (int)len)));
}

/* getlen FD LEVEL NAME [LENGTH]: how much there is, not what. */
static void call_getlen(struct script *script, struct words *w,
                        struct text *out)
{
    uint8_t value[1024] = {0};
    socklen_t len = (socklen_t)constant_at(w, 4, (int)sizeof(value));

    say_result(out, CALL(getsockopt)(fd_at(script, w, 1), constant_at(w, 2, 0),
                                     constant_at(w, 3, 0), value, &len));
    say(out, " %u", len);
}

/* ---- Interfaces ---------------------------------------------------------- */

/* What each side has its own of is not told. */
static void say_interface(struct text *out, unsigned long request,
                          const struct ifreq *interface)
{
    const struct sockaddr_in *in =
        (const struct sockaddr_in *)(const void *)&interface->ifr_addr;
    char text[INET_ADDRSTRLEN];

    switch (request) {
    case SIOCGIFADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFBRDADDR:
    case SIOCGIFDSTADDR:
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        say(out, " %d %s:%u", in->sin_family, text, ntohs(in->sin_port));
        break;
    case SIOCGIFFLAGS:
        say(out, " %#x", (unsigned)(unsigned short)interface->ifr_flags);
        break;
    case SIOCGIFMTU:
        say(out, " %d", interface->ifr_mtu);
        break;
    case SIOCGIFMETRIC:
        say(out, " %d", interface->ifr_metric);
        break;
    case SIOCGIFHWADDR:
        say(out, " %u", interface->ifr_hwaddr.sa_family);
        break;
    case SIOCGIFNAME:
        say(out, " %s", interface->ifr_name);
        break;
    default:
        break;
    }
}

/* ifreq FD REQUEST NAME; "index" for the name: that of the interface tap0. */
static void call_ifreq(struct script *script, struct words *w, struct text *out)
{
    struct ifreq interface = {0};
    unsigned long request = (unsigned)constant_at(w, 2, 0);
    const char *name = w->count > 3 ? w->word[3] : device;

    if (strcmp(name, "index") == 0)
        interface.ifr_ifindex = (int)CALL(if_nametoindex)(device);
    else
        strncpy(interface.ifr_name, name, IFNAMSIZ - 1);

    int result = CALL(ioctl)(fd_at(script, w, 1), request, &interface);

    say_result(out, result);
    if (result >= 0)
        say_interface(out, request, &interface);
}

/* ifconf FD LENGTH; -1: without a place. */
static void call_ifconf(struct script *script, struct words *w,
                        struct text *out)
{
    struct ifreq entries[8];
    int len = constant_at(w, 2, sizeof(entries));
    struct ifconf conf = {.ifc_len = len < 0 ? 0 : len};

    conf.ifc_req = len < 0 ? NULL : entries;
    say_result(out, CALL(ioctl)(fd_at(script, w, 1), SIOCGIFCONF, &conf));
    say(out, " %d", conf.ifc_len);
    for (int i = 0; len >= 0 && i < conf.ifc_len / (int)sizeof(*entries); i++) {
        say(out, " %s", entries[i].ifr_name);
        say_interface(out, SIOCGIFADDR, &entries[i]);
    }
}

/* An ioctl with a struct's worth of room, of which nothing is told. */
static void call_ioctlroom(struct script *script, struct words *w,
                           struct text *out)
{
    uint8_t room[256] = {0};

    say_result(out, CALL(ioctl)(fd_at(script, w, 1),
                                (unsigned)constant_at(w, 2, 0), room));
}

/* ---- Descriptors of the kernel ------------------------------------------- */

/* Into the table that the calls have. */
static int taken_in(int fd)
{
#ifdef KERNEL
    return fd;
#else
    return tapir_import(fd);
#endif
}

/* file NAME LENGTH: with so many bytes, to be read from the first on. */
static void call_file(struct script *script, struct words *w, struct text *out)
{
    size_t len = length_at(w, 2);
    int fd = memfd_create("file", 0);

    if (write(fd, bytes_to_write(script, len), len) != (ssize_t)len ||
        lseek(fd, 0, SEEK_SET) != 0)
        script_wrong("a file that cannot be written", w->word[2]);
    fd = taken_in(fd);
    say_result(out, fd);
    name_set(script, w->word[1], fd);
}

/* pipe READ WRITE */
static void call_pipe(struct script *script, struct words *w, struct text *out)
{
    int ends[2];

    if (pipe(ends) < 0)
        script_wrong("no pipe", w->word[1]);
    for (int i = 0; i < 2; i++) {
        int fd = taken_in(ends[i]);

        say_result(out, fd);
        name_set(script, w->word[1 + i], fd);
    }
}

/* sendfile OUT IN LENGTH [OFFSET] */
static void call_sendfile(struct script *script, struct words *w,
                          struct text *out)
{
    off_t offset = constant_at(w, 4, 0);

    say_result(out, CALL(sendfile)(fd_at(script, w, 1), fd_at(script, w, 2),
                                   w->count > 4 ? &offset : NULL,
                                   (size_t)constant_at(w, 3, 0)));
    if (w->count > 4)
        say(out, " at %ld", (long)offset);
}

/* splice IN OUT LENGTH FLAGS [OFFSET-IN] */
static void call_splice(struct script *script, struct words *w,
                        struct text *out)
{
    loff_t offset = constant_at(w, 5, 0);

    say_result(out, CALL(splice)(
                        fd_at(script, w, 1), w->count > 5 ? &offset : NULL,
                        fd_at(script, w, 2), NULL, (size_t)constant_at(w, 3, 0),
                        (unsigned)constant_at(w, 4, 0)));
}

/* ---- Readiness, by the calls that have a mask of signals ------------------
 */

/* pselect FD MS, of all three kinds. */
static void call_pselect(struct script *script, struct words *w,
                         struct text *out)
{
    struct timespec timeout = {.tv_nsec = constant_at(w, 2, 0) * 1000000L};
    int fd = fd_at(script, w, 1);
    fd_set sets[3];
    sigset_t none;

    sigemptyset(&none);
    for (int i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
        if (fd >= 0)
            FD_SET(fd, &sets[i]);
    }

    int result =
        CALL(pselect)(fd + 1, &sets[0], &sets[1], &sets[2], &timeout, &none);

    say_result(out, result);
    for (int i = 0; i < 3; i++)
        if (result > 0 && FD_ISSET(fd, &sets[i]))
            say(out, " %c", "rwx"[i]);
}

/* epoll_pwait SET MAX MS */
static void call_epoll_pwait(struct script *script, struct words *w,
                             struct text *out)
{
    struct epoll_event events[8];
    int max = constant_at(w, 2, 8);
    sigset_t none;

    sigemptyset(&none);

    int count =
        CALL(epoll_pwait)(fd_at(script, w, 1), events, max > 8 ? 8 : max,
                          constant_at(w, 3, 0), &none);

    say_result(out, count);
    for (int i = 0; i < count; i++) {
        say(out, " %d:", events[i].data.fd);
        say_poll_events(out, (int)events[i].events);
    }
}

const struct call_entry struct_calls[] = {
    {"setstruct", call_setstruct},
    {"getlen", call_getlen},
    {"ifreq", call_ifreq},
    {"ifconf", call_ifconf},
    {"ioctlroom", call_ioctlroom},
    {"file", call_file},
    {"pipe", call_pipe},
    {"sendfile", call_sendfile},
    {"splice", call_splice},
    {"pselect", call_pselect},
    {"epoll_pwait", call_epoll_pwait},
};
const size_t struct_call_count = sizeof(struct_calls) / sizeof(*struct_calls);
