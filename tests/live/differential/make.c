#include "script.h"

#include <stdio.h>
#include <string.h>

/*
 * Scripts by chance. Each begins with one of the setups below; then come
 * calls, each made of a template in which "$x" is one of the choices of x.
 * What is written more than once is more likely.
 */

enum { CALLS_MIN = 6, CALLS_MORE = 14 };

struct maker {
    uint64_t state;
};

/* xorshift64* */
static unsigned below(struct maker *maker, size_t limit)
{
    maker->state ^= maker->state >> 12;
    maker->state ^= maker->state << 25;
    maker->state ^= maker->state >> 27;
    return (unsigned)((maker->state * 0x2545f4914f6cdd1d >> 33) % limit);
}

struct list {
    const char *const *entries;
    size_t count;
};

#define LIST(name)                                                             \
    {                                                                          \
        name, sizeof(name) / sizeof(*name)                                     \
    }

static const char *any_of(struct maker *maker, struct list list)
{
    return list.entries[below(maker, list.count)];
}

/* ---- Setups ---------------------------------------------------------------
 */

/* clang-format off */
static const char *const connected[] = {
    /* client */
    "peer socket l AF_INET SOCK_STREAM\npeer bind l any:1\npeer listen l 8\n"
    "socket s AF_INET SOCK_STREAM\nconnect s host:1\npeer accept p l\n",
    "peer socket l AF_INET SOCK_STREAM\npeer bind l any:1\npeer listen l 8\n"
    "socket s AF_INET SOCK_STREAM|SOCK_NONBLOCK\nconnect s host:1\n"
    "connect s host:1\npeer accept p l\n",
    /* server */
    "socket l AF_INET SOCK_STREAM\nbind l any:1\nlisten l 4\n"
    "peer socket p AF_INET SOCK_STREAM\npeer connect p stack:1\naccept s l\n",
    "socket l AF_INET SOCK_STREAM|SOCK_NONBLOCK\nbind l stack:1\nlisten l 4\n"
    "accept s l\npeer socket p AF_INET SOCK_STREAM\npeer connect p stack:1\n"
    "accept s l SOCK_NONBLOCK\n",
    /* the peer writes first */
    "socket l AF_INET SOCK_STREAM\nbind l any:1\nlisten l 4\n"
    "peer socket p AF_INET SOCK_STREAM\npeer connect p stack:1\n"
    "peer send p 1000\naccept s l SOCK_NONBLOCK\n",
};

static const char *const unconnected[] = {
    "socket s AF_INET SOCK_STREAM\n",
    "socket s AF_INET SOCK_STREAM|SOCK_NONBLOCK\n",
    "socket s AF_INET SOCK_STREAM\nbind s any:2\n",
    "socket s AF_INET SOCK_STREAM\nbind s any:2\nlisten s 2\n",
    "socket s AF_INET SOCK_STREAM\nconnect s host:3\n", /* refused */
    "socket s AF_INET SOCK_STREAM|SOCK_NONBLOCK\nconnect s host:3\n",
};

static const char *const datagrams[] = {
    "peer socket p AF_INET SOCK_DGRAM\npeer bind p any:1\n"
    "socket s AF_INET SOCK_DGRAM\nbind s any:2\n",
    "peer socket p AF_INET SOCK_DGRAM\npeer bind p any:1\n"
    "socket s AF_INET SOCK_DGRAM|SOCK_NONBLOCK\nbind s stack:2\n",
    "peer socket p AF_INET SOCK_DGRAM\npeer bind p any:1\n"
    "socket s AF_INET SOCK_DGRAM\nbind s any:2\nconnect s host:1\n",
    "peer socket p AF_INET SOCK_DGRAM\npeer bind p any:1\n"
    "socket s AF_INET SOCK_DGRAM\nbind s any:2\nconnect s host:3\n",
    "peer socket p AF_INET SOCK_DGRAM\npeer bind p any:1\n"
    "socket s AF_INET SOCK_DGRAM\nsendto s 10 0 host:1\n",
};

static const char *const others[] = {
    "peer socket p AF_INET SOCK_RAW 253\n"
    "socket s AF_INET SOCK_RAW 253\n",
    "peer socket p AF_INET SOCK_RAW 253\npeer connect p stack:0\n"
    "socket s AF_INET SOCK_RAW|SOCK_NONBLOCK 253\nconnect s host:0\n",
    "peer socket p AF_INET SOCK_RAW 253\n"
    "socket s AF_INET SOCK_RAW 253\nbind s stack:2\n",
    "socket s AF_INET SOCK_DGRAM IPPROTO_ICMP\n",
    "socket s AF_INET SOCK_DGRAM|SOCK_NONBLOCK IPPROTO_ICMP\n"
    "connect s host:1\n",
};

/* ---- Calls ---------------------------------------------------------------- */

static const char *const any_calls[] = {
    "getsockname s\n", "getpeername s\n", "getsockname s $k\n",
    "getpeername s $k\n",
    "getsockopt s SOL_SOCKET SO_ERROR\n", "getsockopt s $o\n",
    "getsockopt s $o\n", "getsockopt s $o $k\n", "setsockopt s $o $v\n",
    "setsockopt s $o $v\n", "setsockopt s $o $v $k\n",
    "poll s POLLIN|POLLOUT 0\n", "poll s $e 0\n", "ppoll s $e 0\n", "select s 0\n",
    "fcntl s F_GETFL\n", "fcntl s F_SETFL O_NONBLOCK\n", "fcntl s F_SETFL 0\n",
    "ioctl s FIONREAD\n", "ioctl s FIONBIO 1\n", "ioctl s FIONBIO 0\n",
    "ioctl s SIOCATMARK\n", "fcntl s F_GETFD\n", "fcntl s F_SETFD FD_CLOEXEC\n",
    "fcntl s F_SETFL O_APPEND|O_NONBLOCK\n", "read s $n\n", "readv s $i\n",
    "write s $n\n", "recvmsg s $i $r\n", "sendmsg s $i $f $a $c\n",
    "sendmmsg s 1 $n $f none\n", "recvmmsg s 4 $n MSG_DONTWAIT\n",
    "dup d s\n", "dup2 s d\n", "dup3 s s 0\n", "dup3 s d O_CLOEXEC\n",
    "dupfd d s $k\n", "dupfd d s 9 F_DUPFD_CLOEXEC\n", "close d\n", "close s\n", "shutdown s $h\n",
    "shutdown s $h\n", "connect s $a\n", "connect s $a\n", "connect s unspec\n",
    "bind s $a\n", "bind s $b\n", "listen s 3\n", "accept x s SOCK_NONBLOCK\n",
    "send s $n $f\n", "recv s $n $r\n",
    ("epoll w\nepoll_ctl w EPOLL_CTL_ADD s EPOLLIN|EPOLLOUT|EPOLLRDHUP\n"
     "epoll_wait w 8 0\n"),
    "epoll_wait w 8 0\n", "epoll_ctl w EPOLL_CTL_MOD s $p\n",
    "epoll_pwait w 8 0\n", "pselect s 0\n", "ioctl s FIOASYNC 1\n",
    "fcntl s F_SETFL O_ASYNC\n", "fcntl s F_GETOWN\n", "sendfile s f 100\n",
    "file f 3000\nsendfile s f $n\n", "ifreq s SIOCGIFADDR\n",
    "setstruct s SOL_SOCKET SO_BINDTODEVICE text:tap0\n",
    "epoll_ctl w EPOLL_CTL_DEL s\n", "epoll_ctl w EPOLL_CTL_ADD s $p\n",
};

static const char *const stream_calls[] = {
    "send s $n $f\n", "send s $n $f\n", "send s $n $f\n", "write s $n\n",
    "sendmsg s $i $f\n", "writev s $i\n", "sendto s $n $f $a\n",
    "recv s $n $r\n", "recv s $n $r\n", "recv s $n $r\n", "recv s $n $r\n",
    "recvfrom s $n $r\n", "recvmsg s $i $r\n", "recvmsg s $i $r $k\n",
    "readv s $i\n", "read s $n\n", "recvmmsg s 3 $n MSG_DONTWAIT\n",
    "sendmmsg s 3 $n $f none\n", "shutdown s $h\n", "getpeername s\n",
    "ioctl s FIONREAD\n", "ioctl s SIOCATMARK\n", "ioctl s SIOCOUTQNSD\n",
    "setsockopt s SOL_SOCKET SO_PEEK_OFF $v\n",
    "setsockopt s SOL_SOCKET SO_RCVLOWAT $v\n",
    "setsockopt s SOL_SOCKET SO_TIMESTAMP 1\n",
    "setsockopt s IPPROTO_TCP TCP_INQ 1\n",
    "send s 1 MSG_OOB\n", "recv s 1 MSG_OOB|MSG_DONTWAIT\n",
    "getsockopt s IPPROTO_TCP $t\n", "setsockopt s IPPROTO_TCP $t $v\n",
    "setsockopt s SOL_SOCKET SO_LINGER 1,0\n",
    "setsockopt s SOL_SOCKET SO_OOBINLINE 1\n",
    "drain s\n",
    "peer send p $n\n", "peer send p $n\n", "peer send p $n\n",
    "peer send p $n\n", "peer send p 1 MSG_OOB\n",
    "peer recv p 65536 MSG_DONTWAIT\n", "peer recv p $n MSG_DONTWAIT\n",
    "peer recv p 1 MSG_OOB|MSG_DONTWAIT\n",
    "peer shutdown p SHUT_WR\n", "peer shutdown p $h\n", "peer close p\n",
    "peer setsockopt p SOL_SOCKET SO_LINGER 1,0\npeer close p\n",
    "peer socket p AF_INET SOCK_STREAM\npeer connect p stack:1\n",
    "peer socket p AF_INET SOCK_STREAM\npeer connect p stack:2\n",
    "accept s l SOCK_NONBLOCK\n", "accept s l SOCK_NONBLOCK $k\n", "close l\n",
};

static const char *const datagram_calls[] = {
    "sendto s $n $g $a\n", "sendto s $n $g host:1\n", "sendto s $n $g host:1\n",
    "sendto s $n $g host:3\n", "send s $n $g\n", "send s $n $g\n",
    "sendmsg s $i $g host:1\n", "sendmsg s $i $g\n", "write s $n\n",
    "writev s $i\n", "connect s host:1\n", "connect s host:3\n",
    "connect s unspec\n", "recvfrom s $n $r\n", "recvfrom s $n $r\n",
    "recvfrom s $n $r $k\n", "recvmsg s $i $r\n", "recv s $n $r\n",
    "recvmsg s $i $r $k\n", "recvmsg s $i $r\n", "sendmsg s $i $g $a $c\n",
    "sendmsg s $i $g host:1 $c\n", "sendmmsg s 1 $n $g host:1\n",
    "sendmmsg s 1 $n $g $a\n", "recvmmsg s 3 $n MSG_DONTWAIT\n",
    "recvmmsg s 3 $n MSG_DONTWAIT|MSG_WAITFORONE\n",
    "setsockopt s SOL_SOCKET SO_PEEK_OFF $v\n", "setsockopt s $m 1\n",
    "setsockopt s $m 1\n", "setsockopt s IPPROTO_IP IP_MTU_DISCOVER $v\n",
    "recvmsg s 100 MSG_ERRQUEUE|MSG_DONTWAIT\n",
    "ioctl s FIONREAD\n", "peer sendto p $n 0 stack:2\n",
    "peer sendto p $n 0 stack:2\n", "peer sendto p $n 0 stack:2\n",
    "peer recvfrom p 65536 MSG_DONTWAIT\n", "peer close p\n",
    "setsockopt s SOL_SOCKET SO_BROADCAST 1\n",
    "setstruct s IPPROTO_IP IP_ADD_MEMBERSHIP mreq:multicast,any\n",
    "setstruct s IPPROTO_IP IP_DROP_MEMBERSHIP mreq:multicast,any\n",
    ("setstruct s IPPROTO_IP IP_ADD_SOURCE_MEMBERSHIP "
     "source:multicast,any,host\n"),
    "setstruct s IPPROTO_IP IP_BLOCK_SOURCE source:multicast,any,host\n",
    "setstruct s IPPROTO_IP IP_MULTICAST_IF addr:stack\n",
    "peer sendto p $n 0 multicast:2\n", "sendto s $n 0 multicast:2\n",
    "setsockopt s IPPROTO_UDP UDP_SEGMENT $n\n",
    "sendmsg s $i $g host:1 seg:100\n", "getsockopt s IPPROTO_UDP UDP_GRO\n",
    "peer setsockopt p IPPROTO_UDP UDP_SEGMENT 500\n",
};

static const char *const other_calls[] = {
    "sendto s $n $g $a\n", "sendto s $n $g host:0\n", "send s $n $g\n",
    "sendmsg s $i $g host:0 $c\n", "sendmmsg s 1 $n $g host:0\n",
    "connect s host:0\n", "connect s $a\n", "connect s unspec\n",
    "bind s $a\n", "bind s $b\n", "shutdown s $h\n", "ioctl s FIONREAD\n",
    "recvfrom s $n MSG_DONTWAIT|MSG_TRUNC\n",
    "recv s $n MSG_DONTWAIT|MSG_TRUNC\n", "recv s $n $r\n",
    "recvmsg s 100 MSG_ERRQUEUE|MSG_DONTWAIT\n", "setsockopt s $m 1\n",
    "setsockopt s IPPROTO_IP IP_MTU_DISCOVER $v\n",
    "setsockopt s SOL_SOCKET SO_BROADCAST 1\n",
    "peer sendto p $n 0 stack:0\n", "peer sendto p $n 0 stack:0\n",
    "peer recvfrom p 65536 MSG_DONTWAIT|MSG_TRUNC\n",
};

/* ---- What stands for $x --------------------------------------------------- */

static const char *const lengths[] = {
    "0", "1", "10", "100", "500", "1000", "1460", "1472", "1473", "3000",
    "10000",
};
static const char *const pieces[] = {
    "-", "0", "10", "100,0,100", "1,2,3,4,5", "1000,1000", "0,0", "700",
};
/* Not MSG_MORE: when what it holds back goes is no matter of the call. */
static const char *const send_flags[] = {
    "0", "0", "0", "MSG_DONTWAIT", "MSG_NOSIGNAL", "MSG_DONTROUTE",
    "MSG_NOSIGNAL|MSG_DONTWAIT", "MSG_EOR", "MSG_CONFIRM", "MSG_PEEK",
    "MSG_TRUNC", "MSG_WAITALL", "MSG_OOB",
};
static const char *const datagram_flags[] = {
    "0", "0", "0", "MSG_DONTWAIT", "MSG_NOSIGNAL", "MSG_DONTROUTE",
    
    "MSG_NOSIGNAL|MSG_DONTWAIT", "MSG_EOR", "MSG_CONFIRM", "MSG_PEEK",
    "MSG_TRUNC", "MSG_WAITALL", "MSG_OOB",
};
static const char *const recv_flags[] = {
    "MSG_DONTWAIT", "MSG_DONTWAIT", "MSG_DONTWAIT", "MSG_DONTWAIT",
    "MSG_PEEK|MSG_DONTWAIT", "MSG_PEEK|MSG_DONTWAIT", "MSG_DONTWAIT|MSG_WAITALL",
    "MSG_DONTWAIT|MSG_TRUNC", "MSG_DONTWAIT|MSG_PEEK|MSG_TRUNC",
    "MSG_DONTWAIT|MSG_OOB", "MSG_DONTWAIT|MSG_OOB|MSG_PEEK",
    "MSG_DONTWAIT|MSG_NOSIGNAL", "0", "MSG_WAITALL", "MSG_ERRQUEUE|MSG_DONTWAIT",
};
static const char *const addresses[] = {
    "host:1", "host:1", "host:1", "host:3", "host:0", "host:1/8", "host:1/200",
    "any:1", "inet6:1", "unix", "null", "none", "unspec", "unspec/2",
    "unspec/1", "stack:2", "loop:1", "host:1/0",
};
static const char *const own_addresses[] = {
    "any:0", "any:2", "any:4", "stack:4", "loop:4", "host:4", "nobody:4",
    "far:4", "inet6:4", "unspec", "unspec/2", "any:4/15", "any:4/128", "null",
    "none", "stack:2",
    "broadcast:4", "multicast:4", "subnet:4",
};
static const char *const short_lengths[] = {
    "0", "1", "2", "3", "4", "8", "15", "16", "128", "-1",
};
static const char *const hows[] = {
    "SHUT_RD", "SHUT_WR", "SHUT_WR", "SHUT_RDWR", "3", "-1",
};
static const char *const events[] = {
    "POLLIN", "POLLOUT", "POLLPRI", "POLLRDHUP", "POLLHUP", "0", "POLLERR",
};
static const char *const edges[] = {
    "EPOLLIN", "EPOLLOUT", "EPOLLIN|EPOLLET", "EPOLLIN|EPOLLOUT|EPOLLET",
    "EPOLLIN|EPOLLONESHOT", "0", "EPOLLPRI|EPOLLRDHUP",
};
static const char *const values[] = {
    "0", "1", "1", "2", "-1", "5", "100", "255", "256", "65536", "2147483647",
    "null", "1,0", "1,5", "0,0", "time:0,20000", "time:0,0", "time:1,2000000",
    "time:-1,0",
};
static const char *const options[] = {
    "SOL_SOCKET SO_ERROR", "SOL_SOCKET SO_TYPE", "SOL_SOCKET SO_DOMAIN",
    "SOL_SOCKET SO_PROTOCOL", "SOL_SOCKET SO_ACCEPTCONN",
    "SOL_SOCKET SO_REUSEADDR", "SOL_SOCKET SO_LINGER",
    "SOL_SOCKET SO_RCVTIMEO", "SOL_SOCKET SO_SNDTIMEO",
    "SOL_SOCKET SO_KEEPALIVE", "SOL_SOCKET SO_BROADCAST",
    "SOL_SOCKET SO_OOBINLINE", "SOL_SOCKET 9999", "IPPROTO_IP IP_TTL",
    "IPPROTO_IP IP_TOS", "IPPROTO_IP 9999", "IPPROTO_TCP TCP_NODELAY",
    "IPPROTO_TCP 9999", "9999 1", "IPPROTO_UDP 1",
    "SOL_SOCKET SO_REUSEPORT", "SOL_SOCKET SO_RCVLOWAT",
    "SOL_SOCKET SO_PRIORITY", "SOL_SOCKET SO_DONTROUTE",
    "IPPROTO_IP IP_RECVTTL", "IPPROTO_IP IP_PKTINFO", "IPPROTO_IP IP_RECVERR",
    "SOL_SOCKET SO_SNDLOWAT", "SOL_SOCKET SO_MARK", "SOL_SOCKET SO_PEEK_OFF",
    "SOL_SOCKET SO_TIMESTAMP", "SOL_SOCKET SO_TIMESTAMPNS",
    "SOL_SOCKET SO_NO_CHECK", "SOL_SOCKET SO_RXQ_OVFL",
    "SOL_SOCKET SO_BUSY_POLL", "SOL_SOCKET SO_BINDTOIFINDEX",
    "SOL_SOCKET SO_BINDTODEVICE", "SOL_SOCKET SO_TXREHASH",
    "SOL_SOCKET SO_BUF_LOCK", "SOL_SOCKET SO_SELECT_ERR_QUEUE",
    "SOL_SOCKET SO_WIFI_STATUS", "SOL_SOCKET SO_NOFCS",
    "SOL_SOCKET SO_PASSCRED", "SOL_SOCKET SO_PASSSEC", "SOL_SOCKET SO_PEERCRED",
    "SOL_SOCKET SO_CNX_ADVICE", "SOL_SOCKET SO_RCVMARK",
    "SOL_SOCKET SO_LOCK_FILTER", "SOL_SOCKET SO_DETACH_FILTER",
    "SOL_SOCKET SO_PEERNAME", "IPPROTO_IP IP_MTU", "IPPROTO_IP IP_MTU_DISCOVER",
    "IPPROTO_IP IP_HDRINCL", "IPPROTO_IP IP_MINTTL", "IPPROTO_IP IP_RECVOPTS",
    "IPPROTO_IP IP_RETOPTS", "IPPROTO_IP IP_RECVTOS", "IPPROTO_IP IP_PASSSEC",
    "IPPROTO_IP IP_FREEBIND", "IPPROTO_IP IP_TRANSPARENT",
    "IPPROTO_IP IP_RECVORIGDSTADDR", "IPPROTO_IP IP_CHECKSUM",
    "IPPROTO_IP IP_BIND_ADDRESS_NO_PORT", "IPPROTO_IP IP_RECVFRAGSIZE",
    "IPPROTO_IP IP_RECVERR_RFC4884", "IPPROTO_IP IP_MULTICAST_TTL",
    "IPPROTO_IP IP_MULTICAST_LOOP", "IPPROTO_IP IP_MULTICAST_ALL",
    "IPPROTO_IP IP_MULTICAST_IF",
    "IPPROTO_IP IP_LOCAL_PORT_RANGE", "SOL_SOCKET SO_INCOMING_CPU",
    "SOL_SOCKET SO_TIMESTAMPING", "SOL_SOCKET SO_ZEROCOPY",
    "SOL_SOCKET SO_TIMESTAMP_NEW", "SOL_SOCKET SO_TIMESTAMPNS_NEW",
};
/* What is told of each datagram. */
static const char *const told_options[] = {
    "IPPROTO_IP IP_RECVTTL", "IPPROTO_IP IP_RECVTOS", "IPPROTO_IP IP_PKTINFO",
    "IPPROTO_IP IP_RECVERR", "IPPROTO_IP IP_RECVORIGDSTADDR",
    "SOL_SOCKET SO_TIMESTAMP", "SOL_SOCKET SO_TIMESTAMPNS",
    "SOL_SOCKET SO_RXQ_OVFL", "SOL_SOCKET SO_SELECT_ERR_QUEUE",
};
static const char *const controls[] = {
    "ttl:1", "ttl:9", "ttl:0", "ttl:256", "tos:8", "tos:300", "mark:5",
    "other:1", "src:stack", "src:host", "src:any", "",
};
static const char *const tcp_options[] = {
    "TCP_NODELAY", "TCP_CORK", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT",
    "TCP_SYNCNT", "TCP_LINGER2", "TCP_DEFER_ACCEPT", "TCP_USER_TIMEOUT",
    "TCP_MAXSEG", "TCP_WINDOW_CLAMP", "TCP_NOTSENT_LOWAT", "TCP_QUICKACK",
    "TCP_FASTOPEN", "TCP_INQ", "TCP_FASTOPEN_CONNECT",
    "TCP_FASTOPEN_NO_COOKIE", "TCP_THIN_LINEAR_TIMEOUTS",
    "TCP_THIN_DUPACK",
};
/* clang-format on */

static const struct {
    char letter;
    struct list list;
} choices[] = {
    {'n', LIST(lengths)},       {'i', LIST(pieces)},
    {'f', LIST(send_flags)},    {'g', LIST(datagram_flags)},
    {'r', LIST(recv_flags)},    {'a', LIST(addresses)},
    {'b', LIST(own_addresses)}, {'h', LIST(hows)},
    {'k', LIST(short_lengths)}, {'e', LIST(events)},
    {'p', LIST(edges)},         {'v', LIST(values)},
    {'o', LIST(options)},       {'t', LIST(tcp_options)},
    {'m', LIST(told_options)},  {'c', LIST(controls)},
};

static const struct {
    struct list setups, calls;
} kinds[] = {
    {LIST(connected), LIST(stream_calls)},
    {LIST(connected), LIST(stream_calls)},
    {LIST(unconnected), LIST(stream_calls)},
    {LIST(datagrams), LIST(datagram_calls)},
    {LIST(datagrams), LIST(datagram_calls)},
    {LIST(others), LIST(other_calls)},
};

static void write_choice(struct maker *maker, char letter)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        if (choices[i].letter == letter) {
            fputs(any_of(maker, choices[i].list), stdout);
            return;
        }
    }
    script_wrong("no such choice", &letter);
}

static void write_template(struct maker *maker, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '$')
            write_choice(maker, *++text);
        else
            putchar(*text);
    }
}

static void make_script(struct maker *maker)
{
    unsigned kind = below(maker, sizeof(kinds) / sizeof(*kinds));
    unsigned count = CALLS_MIN + below(maker, CALLS_MORE);
    struct list any = LIST(any_calls);

    write_template(maker, any_of(maker, kinds[kind].setups));
    for (unsigned i = 0; i < count; i++)
        write_template(
            maker,
            any_of(maker, below(maker, 3) == 0 ? any : kinds[kind].calls));
}

void make_scripts(uint64_t seed, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        struct maker maker = {(seed + i) * 0x9e3779b97f4a7c15 | 1};

        printf("script %u seed-%llu\n", i, (unsigned long long)(seed + i));
        make_script(&maker);
    }
}
