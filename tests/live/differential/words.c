#include "script.h"

#include <arpa/inet.h>
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { FIRST_PORT = 2000, PORTS = 8, SCRIPTS = 3500 };

void script_wrong(const char *what, const char *word)
{
    fprintf(stderr, "differential: %s: %s\n", what, word);
    exit(2);
}

void say(struct text *text, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof(text->data) - text->len;

    va_start(arguments, format);
    int len = vsnprintf(text->data + text->len, room, format, arguments);
    va_end(arguments);
    text->len += (size_t)len < room ? (size_t)len : room - 1;
}

/* ---- Constants ----------------------------------------------------------- */

struct constant {
    const char *name;
    int value;
};

#define C(name)                                                                \
    {                                                                          \
#name, (int)(name)                                                     \
    }

static const struct constant constants[] = {
    C(AF_INET),
    C(AF_INET6),
    C(AF_UNIX),
    C(AF_UNSPEC),
    C(SOCK_STREAM),
    C(SOCK_DGRAM),
    C(SOCK_RAW),
    C(SOCK_SEQPACKET),
    C(SOCK_NONBLOCK),
    C(SOCK_CLOEXEC),
    C(IPPROTO_IP),
    C(IPPROTO_TCP),
    C(IPPROTO_UDP),
    C(IPPROTO_ICMP),
    C(IPPROTO_UDPLITE),
    C(MSG_OOB),
    C(MSG_PEEK),
    C(MSG_DONTWAIT),
    C(MSG_WAITALL),
    C(MSG_TRUNC),
    C(MSG_CTRUNC),
    C(MSG_EOR),
    C(MSG_MORE),
    C(MSG_NOSIGNAL),
    C(MSG_DONTROUTE),
    C(MSG_CONFIRM),
    C(MSG_ERRQUEUE),
    C(MSG_FASTOPEN),
    C(MSG_CMSG_CLOEXEC),
    C(SHUT_RD),
    C(SHUT_WR),
    C(SHUT_RDWR),
    C(SOL_SOCKET),
    C(SO_ERROR),
    C(SO_TYPE),
    C(SO_DOMAIN),
    C(SO_PROTOCOL),
    C(SO_ACCEPTCONN),
    C(SO_REUSEADDR),
    C(SO_REUSEPORT),
    C(SO_LINGER),
    C(SO_RCVTIMEO),
    C(SO_SNDTIMEO),
    C(SO_KEEPALIVE),
    C(SO_BROADCAST),
    C(SO_OOBINLINE),
    C(SO_RCVBUF),
    C(SO_SNDBUF),
    C(SO_RCVLOWAT),
    C(SO_SNDLOWAT),
    C(SO_PRIORITY),
    C(SO_MARK),
    C(SO_DONTROUTE),
    C(SO_TIMESTAMP),
    C(SO_BINDTODEVICE),
    C(SO_PEEK_OFF),
    C(IP_TTL),
    C(IP_TOS),
    C(IP_RECVTTL),
    C(IP_RECVTOS),
    C(IP_PKTINFO),
    C(IP_RECVERR),
    C(IP_MTU),
    C(IP_MTU_DISCOVER),
    C(IP_OPTIONS),
    C(IP_HDRINCL),
    C(IP_MULTICAST_TTL),
    C(IP_MULTICAST_LOOP),
    C(TCP_NODELAY),
    C(TCP_CORK),
    C(TCP_MAXSEG),
    C(TCP_KEEPIDLE),
    C(TCP_KEEPINTVL),
    C(TCP_KEEPCNT),
    C(TCP_SYNCNT),
    C(TCP_LINGER2),
    C(TCP_DEFER_ACCEPT),
    C(TCP_WINDOW_CLAMP),
    C(TCP_QUICKACK),
    C(TCP_USER_TIMEOUT),
    C(TCP_FASTOPEN),
    C(TCP_CONGESTION),
    C(TCP_NOTSENT_LOWAT),
    C(POLLIN),
    C(POLLOUT),
    C(POLLPRI),
    C(POLLERR),
    C(POLLHUP),
    C(POLLRDHUP),
    C(POLLNVAL),
    C(EPOLLIN),
    C(EPOLLOUT),
    C(EPOLLPRI),
    C(EPOLLRDHUP),
    C(EPOLLET),
    C(EPOLLONESHOT),
    C(EPOLL_CTL_ADD),
    C(EPOLL_CTL_MOD),
    C(EPOLL_CTL_DEL),
    C(F_GETFL),
    C(F_SETFL),
    C(F_GETFD),
    C(F_SETFD),
    C(F_DUPFD),
    C(O_NONBLOCK),
    C(O_RDWR),
    C(O_APPEND),
    C(FD_CLOEXEC),
    C(FIONREAD),
    C(FIONBIO),
    C(SIOCATMARK),
    C(SIOCOUTQ),
    C(SIOCOUTQNSD),
    C(IP_MINTTL),
    C(SO_ATTACH_FILTER),
    C(SO_DETACH_FILTER),
    C(SO_LOCK_FILTER),
    C(SO_DEBUG),
    C(SO_TIMESTAMPNS),
    C(SO_TIMESTAMPING),
    C(SO_NO_CHECK),
    C(SO_RXQ_OVFL),
    C(SO_BUSY_POLL),
    C(SO_BINDTOIFINDEX),
    C(SO_MAX_PACING_RATE),
    C(SO_TXREHASH),
    C(SO_BUF_LOCK),
    C(SO_PEERCRED),
    C(SO_ZEROCOPY),
    C(SO_TXTIME),
    C(SO_SELECT_ERR_QUEUE),
    C(SO_WIFI_STATUS),
    C(SO_NOFCS),
    C(SO_PREFER_BUSY_POLL),
    C(SO_BUSY_POLL_BUDGET),
    C(SO_PASSCRED),
    C(SO_PASSSEC),
    C(SO_CNX_ADVICE),
    {"SO_RCVMARK", 75},
    C(SO_RESERVE_MEM),
    C(SO_PEERNAME),
    C(SO_PEERSEC),
    C(SO_PEERGROUPS),
    C(SO_RCVBUFFORCE),
    C(SO_SNDBUFFORCE),
    C(IP_RECVOPTS),
    C(IP_RETOPTS),
    C(IP_PASSSEC),
    C(IP_FREEBIND),
    C(IP_TRANSPARENT),
    C(IP_RECVORIGDSTADDR),
    C(IP_CHECKSUM),
    C(IP_BIND_ADDRESS_NO_PORT),
    C(IP_RECVFRAGSIZE),
    C(IP_RECVERR_RFC4884),
    C(IP_MULTICAST_ALL),
    C(IP_MULTICAST_IF),
    C(IP_UNICAST_IF),
    C(IP_NODEFRAG),
    C(IP_ROUTER_ALERT),
    {"IP_LOCAL_PORT_RANGE", 51},
    {"IP_PROTOCOL", 52},
    C(TCP_INQ),
    C(IP_ADD_MEMBERSHIP),
    C(IP_DROP_MEMBERSHIP),
    C(IP_ADD_SOURCE_MEMBERSHIP),
    C(IP_DROP_SOURCE_MEMBERSHIP),
    C(IP_BLOCK_SOURCE),
    C(IP_UNBLOCK_SOURCE),
    C(IP_MSFILTER),
    C(IP_PKTOPTIONS),
    C(MCAST_JOIN_GROUP),
    C(MCAST_LEAVE_GROUP),
    C(MCAST_JOIN_SOURCE_GROUP),
    C(MCAST_LEAVE_SOURCE_GROUP),
    C(MCAST_BLOCK_SOURCE),
    C(MCAST_UNBLOCK_SOURCE),
    C(MCAST_MSFILTER),
    C(SO_INCOMING_CPU),
    C(SO_INCOMING_NAPI_ID),
    C(SO_COOKIE),
    C(SO_NETNS_COOKIE),
    C(SO_MEMINFO),
    C(SO_GET_FILTER),
    C(SO_ATTACH_BPF),
    C(SO_ATTACH_REUSEPORT_CBPF),
    C(SO_ATTACH_REUSEPORT_EBPF),
    C(SO_DETACH_REUSEPORT_BPF),
    C(SO_TIMESTAMP_NEW),
    C(SO_TIMESTAMPNS_NEW),
    C(SO_TIMESTAMPING_NEW),
    C(TCP_INFO),
    C(TCP_CC_INFO),
    C(TCP_SAVE_SYN),
    C(TCP_REPAIR_QUEUE),
    C(TCP_QUEUE_SEQ),
    C(TCP_REPAIR_OPTIONS),
    C(TCP_MD5SIG_EXT),
    C(FIOASYNC),
    C(FIOSETOWN),
    C(FIOGETOWN),
    C(SIOCSPGRP),
    C(SIOCGPGRP),
    C(FIOCLEX),
    C(FIONCLEX),
    C(FIOQSIZE),
    {"FIGETBSZ", 2},
    C(TCGETS),
    C(SIOCGSTAMP),
    C(SIOCGSTAMPNS),
    C(SIOCGIFNAME),
    C(SIOCGIFINDEX),
    C(SIOCGIFFLAGS),
    C(SIOCGIFADDR),
    C(SIOCGIFNETMASK),
    C(SIOCGIFBRDADDR),
    C(SIOCGIFDSTADDR),
    C(SIOCGIFMTU),
    C(SIOCGIFMETRIC),
    C(SIOCGIFHWADDR),
    C(SIOCGIFTXQLEN),
    C(SIOCGIFMAP),
    C(SIOCGIFSLAVE),
    C(SIOCGIFMEM),
    C(SIOCGIFPFLAGS),
    C(SIOCGIFCOUNT),
    C(SIOCGARP),
    C(SIOCADDRT),
    C(F_SETOWN),
    C(F_GETOWN),
    C(F_SETSIG),
    C(F_GETSIG),
    C(F_GETLEASE),
    C(F_SETPIPE_SZ),
    C(F_GETPIPE_SZ),
    C(F_GET_SEALS),
    C(O_DIRECT),
    C(O_NOATIME),
    C(O_ASYNC),
    C(EPOLL_CLOEXEC),
    {"UDP_CORK", 1},
    {"UDP_NO_CHECK6_TX", 101},
    {"UDP_SEGMENT", 103},
    {"UDP_GRO", 104},
    C(SPLICE_F_NONBLOCK),
    C(SPLICE_F_MORE),
    C(TCP_SAVED_SYN),
    C(TCP_REPAIR),
    C(TCP_THIN_LINEAR_TIMEOUTS),
    C(TCP_THIN_DUPACK),
    C(TCP_TIMESTAMP),
    C(TCP_TX_DELAY),
    C(TCP_ULP),
    C(TCP_FASTOPEN_CONNECT),
    C(TCP_FASTOPEN_NO_COOKIE),
    C(TCP_FASTOPEN_KEY),
    C(TCP_ZEROCOPY_RECEIVE),
    C(TCP_MD5SIG),
    C(TCP_REPAIR_WINDOW),
    C(MSG_WAITFORONE),
    C(F_DUPFD_CLOEXEC),
    C(O_CLOEXEC),
    C(EPOLLERR),
    C(EPOLLHUP),
    C(EPOLLEXCLUSIVE),
    C(SIOCGIFCONF),
    C(SO_BSDCOMPAT),
    C(SO_BPF_EXTENSIONS),
    C(SO_RCVTIMEO_NEW),
    C(SO_SNDTIMEO_NEW),
    {"SO_PEERPIDFD", 77},
};

static int constant_named(const char *name, size_t len)
{
    char *end;
    long value = strtol(name, &end, 0);

    if (end == name + len && len > 0)
        return (int)value;
    for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
        if (strlen(constants[i].name) == len &&
            strncmp(constants[i].name, name, len) == 0)
            return constants[i].value;
    }
    script_wrong("no such constant", name);
}

int constant_of(const char *word)
{
    int value = 0;

    for (;;) {
        size_t len = strcspn(word, "|");

        value |= constant_named(word, len);
        if (word[len] == '\0')
            return value;
        word += len + 1;
    }
}

int constant_at(const struct words *words, int at, int otherwise)
{
    return at < words->count ? constant_of(words->word[at]) : otherwise;
}

void say_errno(struct text *out, int error)
{
    const char *name = strerrorname_np(error);

    if (name != NULL)
        say(out, "%s", name);
    else
        say(out, "errno %d", error);
}

void say_poll_events(struct text *out, int events)
{
    static const struct constant names[] = {
        {"IN", POLLIN},       {"PRI", POLLPRI}, {"OUT", POLLOUT},
        {"RDHUP", POLLRDHUP}, {"ERR", POLLERR}, {"HUP", POLLHUP},
        {"NVAL", POLLNVAL},
    };
    const char *between = "";

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if ((events & names[i].value) == 0)
            continue;
        say(out, "%s%s", between, names[i].name);
        between = "|";
        events &= ~names[i].value;
    }
    if (events != 0)
        say(out, "%s%#x", between, (unsigned)events);
}

/* ---- Addresses ----------------------------------------------------------- */

static const struct {
    const char *name;
    const char *text;
} places[] = {
    {"host", "192.0.2.1"},
    {"stack", "192.0.2.2"},
    {"any", "0.0.0.0"},
    {"loop", "127.0.0.1"},
    {"nobody", "192.0.2.77"},
    {"subnet", "192.0.2.255"},
    {"broadcast", "255.255.255.255"},
    {"multicast", "224.0.0.77"},
    {"far", "198.51.100.1"},
};

static unsigned first_port(const struct script *script)
{
    return FIRST_PORT + script->number % SCRIPTS * PORTS;
}

static in_port_t port_of(const struct script *script, const char *word)
{
    const char *colon = strchr(word, ':');
    unsigned port = colon != NULL ? (unsigned)atoi(colon + 1) : 0;

    return htons((in_port_t)(port == 0 || port >= PORTS
                                 ? port
                                 : first_port(script) + port));
}

static void inet_address(struct address *address, const struct script *script,
                         const char *word)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->data;
    size_t len = strcspn(word, ":/");

    *in = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_port = port_of(script, word)};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        if (strlen(places[i].name) == len &&
            strncmp(places[i].name, word, len) == 0) {
            inet_pton(AF_INET, places[i].text, &in->sin_addr);
            return;
        }
    }
    script_wrong("no such address", word);
}

void address_of(const struct script *script, const char *word,
                struct address *out)
{
    const char *slash = strchr(word, '/');

    *out = (struct address){.len = sizeof(struct sockaddr_in)};
    out->pointer = (const struct sockaddr *)&out->data;
    if (strncmp(word, "unspec", 6) == 0) {
        out->data.ss_family = AF_UNSPEC;
    } else if (strncmp(word, "unix", 4) == 0) {
        out->data.ss_family = AF_UNIX;
    } else if (strncmp(word, "inet6", 5) == 0) {
        out->data.ss_family = AF_INET6;
        out->len = sizeof(struct sockaddr_in6);
    } else if (strncmp(word, "null", 4) == 0) {
        out->pointer = NULL;
    } else if (strncmp(word, "none", 4) == 0) {
        out->pointer = NULL;
        out->len = 0;
    } else {
        inet_address(out, script, word);
    }
    if (slash != NULL)
        out->len = (socklen_t)atoi(slash + 1);
}

static void say_port(const struct script *script, struct text *out,
                     unsigned port)
{
    unsigned from = first_port(script);

    if (port == 0 || (port > from && port < from + PORTS))
        say(out, ":%u", port == 0 ? 0 : port - from);
    else
        say(out, port >= 32768 ? ":ephemeral" : ":%u", port);
}

void say_address(const struct script *script, struct text *out,
                 const struct sockaddr_storage *addr)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
    char text[INET_ADDRSTRLEN];

    if (addr->ss_family != AF_INET) {
        say(out, "family %d", addr->ss_family);
        return;
    }
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        if (strcmp(places[i].text, text) == 0)
            snprintf(text, sizeof(text), "%s", places[i].name);
    }
    say(out, "%s", text);
    say_port(script, out, ntohs(in->sin_port));
}
