/*
 * Tapir: a TCP/IP stack in a library. This is its public interface, and the
 * only header of it that a program includes.
 *
 * The socket calls are those of POSIX with the prefix tapir_, with the
 * system's own types and constants. They return what POSIX says: -1 and errno
 * on failure. Descriptors are numbers of the library's own table, not of the
 * kernel's: 0, 1 and 2 stand for the process's own standard streams, new ones
 * are the lowest free, and tapir_import gives any other descriptor of the
 * kernel a number, so that poll, select, epoll, read, write and close mix both
 * kinds. Every tapir_ call takes numbers of this table only.
 *
 * A program that only wants sockets calls tapir_open_args (or tapir_open_env)
 * once and then uses tapir_socket as it would socket(2). A program that wants
 * stacks of its own finds them in the last part.
 *
 * All calls may be made from any thread, but not from a signal's handler. A
 * blocking call sleeps in the kernel; while it waits it drives the stack (see
 * stack/README.md). A signal's handler that runs meanwhile ends it with EINTR,
 * or it goes on where Linux restarts the call (signal(7)): the handler was
 * installed with SA_RESTART, and it is a call on a socket that has no time-out.
 *
 * A process that forks keeps its stacks; in the child all calls on their
 * sockets answer ENETDOWN, and so do calls that would make or close a number
 * in a child of vfork.
 */
#ifndef TAPIR_H
#define TAPIR_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TAPIR_API __attribute__((visibility("default")))

struct addrinfo;
struct tapir_stack;

/* ---- Settings ---------------------------------------------------------- */

enum { TAPIR_TEXT_MAX = 256, TAPIR_FAULTS_MAX = 256, TAPIR_DNS_MAX = 64 };
enum { TAPIR_GROUP_MAX = 64, TAPIR_SET_MAX = 512 };

/*
 * The settings of a stack on a TAP device. Fill in with tapir_config_init,
 * then change what is to differ; texts are NUL-terminated.
 */
struct tapir_config {
    char dev[128];             /* TAP device; empty: tap0, or in a lab of
                                  veth pairs packet:veth0, and under
                                  `tapir lab --stacks` the first free one.
                                  packet:NAME: an interface, by a packet
                                  socket; the stack's address must not be
                                  the machine's too.
                                  unix:PATH or fd:N: a SEQPACKET socket of
                                  frames, each after its virtio header */
    char addr[64];             /* empty: 192.0.2.2/24, and under `tapir lab
                                  --stacks` the one that goes with dev */
    char gateway[64];          /* default: 192.0.2.1, if it is on the subnet
                                  of addr; empty: none */
    char mac[32];              /* empty: made from the address */
    unsigned mtu;              /* 0: the device's */
    char pcap[TAPIR_TEXT_MAX]; /* file to record to; empty: off. One whose name
                                  ends in .pcapng says of each packet what
                                  became of it */
    int trace;                 /* not 0: a line for each event to stderr */
    /* What to trace, comma-separated; empty: all. Layers: eth, arp, ip, icmp,
     * udp, tcp, socket; drop: drops of any layer; event=KIND|KIND...: frame,
     * packet, segment, state, timer, congestion, neighbour, acked, window,
     * text, ack, ready; port=N, host=ADDR[/LEN]: at either end; json: each line
     * is a JSON object */
    char trace_what[TAPIR_TEXT_MAX];
    /* Frames whose story is told on stderr, field by field and check by check,
     * as "7,9-12,out3": out for those that leave; empty: none */
    char explain[64];
    char faults[TAPIR_FAULTS_MAX]; /* as "loss=1%,delay=10ms"; empty: none */
    uint64_t seed;                 /* 0: random; otherwise a repeatable run */
    int debug;                     /* not 0: no helper thread; stack time stops
                                      with the process */
    unsigned exit_wait;            /* seconds: see tapir_open */
    /* Congestion control: cubic, reno or bbr; empty: cubic. */
    char congestion[16];
    unsigned ecn; /* ECN (RFC 3168), as Linux's tcp_ecn: 0: off; 1: we ask for
                     it and answer; 2, the default: we answer who asks */
    /* TCP Fast Open, as Linux's net.ipv4.tcp_fastopen, a sum: 1 clients, 2
     * servers, 4 clients without a cookie, 0x200 servers without one, 0x400
     * listeners that have not set TCP_FASTOPEN; default: 1 */
    unsigned fast_open;
    /* Bytes that a buffer of TCP may grow to by itself, each way, 4096 to 2^30;
     * default: 32 MiB. A path whose bandwidth times its round trip is more
     * than half of it is not filled. SO_SNDBUF and SO_RCVBUF have a limit of
     * their own, see tapir_setsockopt. */
    unsigned buffer_max;
    /* Settings of the core by name, "NAME=VALUE", with commas between them, as
     * "sack=off,rto_min=1s"; they come after all others here, and the last of
     * a name counts. stack/tcp/README.md has the table. */
    char set[TAPIR_SET_MAX];
    /* Microseconds that a call which waits asks the devices again before it
     * sleeps, at most 10000, as long as that pays; default: 0. It shortens
     * round trips and costs a processor's time */
    unsigned spin;
    /* Name servers for tapir_getaddrinfo, IPv4 addresses, comma-separated, at
     * most 3; none: names are those of /etc/hosts; empty: the servers that
     * /etc/resolv.conf names */
    char dns[TAPIR_DNS_MAX];
    /* File for a recording of all that enters the stack: `tapir replay` runs it
     * once more. Text of TCP and UDP is left out, but for its length and a
     * hash, unless "full:" stands before the name; empty: off */
    char record[TAPIR_TEXT_MAX];
    /* The control socket, by which the command tapir asks what a stack has: on
     * (empty, too) or off; and a group, by name or number, whose members may
     * ask as well as this user and root; empty: none */
    char control[8];
    char control_group[TAPIR_GROUP_MAX];
};

TAPIR_API void tapir_config_init(struct tapir_config *config);

/*
 * Changes the settings that the environment names (TAPIR_DEV, TAPIR_ADDR,
 * TAPIR_GATEWAY, TAPIR_MAC, TAPIR_MTU, TAPIR_PCAP, TAPIR_TRACE, TAPIR_EXPLAIN,
 * TAPIR_FAULTS,
 * TAPIR_SEED, TAPIR_DEBUG, TAPIR_EXIT_WAIT, TAPIR_CONGESTION, TAPIR_ECN,
 * TAPIR_FAST_OPEN, TAPIR_BUFFER_MAX, TAPIR_SET, TAPIR_DNS, TAPIR_CONTROL,
 * TAPIR_CONTROL_GROUP). 0; -1 and EINVAL with one line
 * in `why` that names the variable and what is wrong with it. A program with
 * more rights than who started it, set-uid or by setcap(8), has none of them:
 * secure_getenv(3).
 */
TAPIR_API int tapir_config_env(struct tapir_config *config,
                               char why[TAPIR_TEXT_MAX]);

/*
 * Takes the settings' options (--dev NAME or --dev=NAME, --addr, --gateway,
 * --mac, --mtu, --pcap, --trace[=WHAT], --explain, --faults, --seed, --debug,
 * --exit-wait, --congestion, --ecn[=N], --fast-open, --buffer-max, --dns,
 * --set NAME=VALUE, which may come more than once, --control, --control-group)
 * out of a command line and leaves the rest, *argc adjusted. Ends at "--",
 * which stays. 0; -1 and EINVAL with one line in `why`.
 */
TAPIR_API int tapir_config_args(struct tapir_config *config, int *argc,
                                char **argv, char why[TAPIR_TEXT_MAX]);

/*
 * Makes the environment's variables say what `config` says, for a program that
 * this one starts; what is as tapir_config_init has it is taken out of it.
 * 0; -1 and ENOMEM.
 */
TAPIR_API int tapir_config_export(const struct tapir_config *config);

/* The lines that describe these options, for a program's --help. */
TAPIR_API const char *tapir_config_help(void);

/* ---- Starting ---------------------------------------------------------- */

/*
 * Starts the process's default stack, on which tapir_socket makes sockets:
 * attaches to the device and configures the interface. 0; -1 and errno with
 * one line in `why`: the reason and its repair (EBUSY: somebody else uses the
 * device, EPERM, EINVAL, ENODEV; EALREADY: there is a default stack).
 *
 * When the process exits (exit, or return from main), the stack drives on
 * until the data and FIN of closed sockets are acknowledged and the last
 * datagrams know their way (ARP), at most exit_wait seconds, and then resets
 * the rest: what a kernel would have finished is not lost with the library.
 * Sockets still open are closed first.
 */
TAPIR_API int tapir_open(const struct tapir_config *config,
                         char why[TAPIR_TEXT_MAX]);

/*
 * The same with the settings of the environment. Also done by the first
 * tapir_socket if there is no default stack; why it failed is then written to
 * standard error.
 */
TAPIR_API int tapir_open_env(char why[TAPIR_TEXT_MAX]);

/*
 * For main(): settings from the environment, then from the command line, from
 * which they are removed; starts the default stack. On a mistake it prints one
 * line and ends the process, with status 2 for a wrong setting and 1 for a
 * device that cannot be opened.
 */
TAPIR_API void tapir_open_args(int *argc, char **argv);

/*
 * Ends the default stack as at exit, waiting as there. 0; -1 and EBADF if
 * there is none.
 */
TAPIR_API int tapir_shut(void);

/* ---- Sockets (POSIX.1-2017, and Linux where it says more) -------------- */

/*
 * AF_INET with SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM and IPPROTO_ICMP (echo, as
 * Linux's ping sockets), or SOCK_RAW and a protocol, 1 to 255 (raw(7); no
 * privilege is needed); AF_PACKET with SOCK_RAW or SOCK_DGRAM and an EtherType
 * in network order (packet(7)): frames as they come and go at the stack's
 * interfaces, whole, and frames to be sent. SOCK_NONBLOCK and SOCK_CLOEXEC may
 * be or'ed in. EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EMFILE, ENOBUFS.
 */
TAPIR_API int tapir_socket(int domain, int type, int protocol);
TAPIR_API int tapir_bind(int fd, const struct sockaddr *addr, socklen_t len);
TAPIR_API int tapir_listen(int fd, int backlog);
TAPIR_API int tapir_accept(int fd, struct sockaddr *addr, socklen_t *len);
TAPIR_API int tapir_accept4(int fd, struct sockaddr *addr, socklen_t *len,
                            int flags);
TAPIR_API int tapir_connect(int fd, const struct sockaddr *addr, socklen_t len);

TAPIR_API ssize_t tapir_send(int fd, const void *data, size_t len, int flags);
TAPIR_API ssize_t tapir_sendto(int fd, const void *data, size_t len, int flags,
                               const struct sockaddr *to, socklen_t to_len);
TAPIR_API ssize_t tapir_sendmsg(int fd, const struct msghdr *message,
                                int flags);
/*
 * Ancillary data are Linux's (cmsg(3), ip(7)). Sent, of datagrams: IP_PKTINFO
 * (interface, source address), IP_TTL, IP_TOS; EINVAL for what Linux does not
 * know. Received, each where its option is set: SO_TIMESTAMP, SO_TIMESTAMPNS
 * (when it came, in wall time), SO_RXQ_OVFL, IP_PKTINFO, IP_TTL, IP_TOS,
 * IP_ORIGDSTADDR, TCP_CM_INQ. What there is no room for is cut: MSG_CTRUNC.
 * With MSG_ERRQUEUE and IP_RECVERR (datagrams and echo): the bytes of what was
 * sent, where to, and in IP_RECVERR a struct sock_extended_err with the address
 * of who says so behind it; never waits. POLLERR tells that there is one.
 */
TAPIR_API ssize_t tapir_recv(int fd, void *data, size_t len, int flags);
TAPIR_API ssize_t tapir_recvfrom(int fd, void *data, size_t len, int flags,
                                 struct sockaddr *from, socklen_t *from_len);
TAPIR_API ssize_t tapir_recvmsg(int fd, struct msghdr *message, int flags);

/*
 * Beyond POSIX: receiving a stream without a copy. tapir_recv_borrow waits as
 * tapir_recv does (MSG_DONTWAIT is the one flag) and gives all that is unread
 * where it lies in the socket's buffer, in *count pieces, one or two: how many
 * bytes; 0 with no piece: the peer has closed. It is to be read only, and
 * stays as it is until tapir_recv_release, which says how many bytes of it are
 * done with; the others are unread again. Meanwhile more may arrive; to read,
 * shut, connect or close the socket otherwise ends the loan's promise.
 * EBUSY: it is lent already. EINVAL: wrong flags; nothing is lent, or less
 * than `len`. EOPNOTSUPP: no stream. Errors of tapir_recv.
 */
TAPIR_API ssize_t tapir_recv_borrow(int fd, struct iovec iov[2], int *count,
                                    int flags);
TAPIR_API int tapir_recv_release(int fd, size_t len);

/*
 * Beyond POSIX: sending a stream without a copy. As tapir_send, but what is
 * taken is sent from where it lies: the memory must stay there, unchanged,
 * until the library calls `done` with `arg`, once: the peer has acknowledged
 * all that was taken, or the connection is over. Closing the socket changes
 * nothing of that. It is not called if nothing was taken (0, -1), at exit, and
 * in a forked child. It may come before this call returns, in any thread that
 * is in a call of the library; it may call the library, but should not wait.
 * Less than 4,096 bytes are copied, and then free at once.
 * EFAULT: no memory, no `done`. EOPNOTSUPP: no stream. Errors of tapir_send.
 */
typedef void tapir_lent_fn(void *arg);
TAPIR_API ssize_t tapir_send_lend(int fd, const void *data, size_t len,
                                  int flags, tapir_lent_fn *done, void *arg);

/*
 * Linux's: one call for several messages, each as tapir_sendmsg and
 * tapir_recvmsg have it, its length in msg_len. How many were carried; an
 * error only if none was. MSG_WAITFORONE: only the first is waited for. The
 * time-out (NULL: none; what is left is stored) is looked at after each
 * message. At most 1,024 at a time.
 */
struct mmsghdr;
TAPIR_API int tapir_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                             int flags);
TAPIR_API int tapir_recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                             int flags, struct timespec *timeout);

/*
 * sendfile(2) from an imported file (EINVAL: it is none that can be read at an
 * offset) to a socket, or from a socket to a pipe; splice(2) between a pipe and
 * a socket. SPLICE_F_NONBLOCK, SPLICE_F_MORE. With two descriptors of the
 * kernel they are its own calls. Bytes are copied: they save calls, not that.
 */
TAPIR_API ssize_t tapir_sendfile(int out, int in, off_t *offset, size_t count);
TAPIR_API ssize_t tapir_splice(int in, off_t *in_offset, int out,
                               off_t *out_offset, size_t count, unsigned flags);

/* These four work on imported descriptors as well. */
TAPIR_API ssize_t tapir_read(int fd, void *data, size_t len);
TAPIR_API ssize_t tapir_write(int fd, const void *data, size_t len);
TAPIR_API ssize_t tapir_readv(int fd, const struct iovec *iov, int count);
TAPIR_API ssize_t tapir_writev(int fd, const struct iovec *iov, int count);

/*
 * SHUT_RD is Linux's: a receive no longer waits, but gives what is there, and
 * what still comes; text that comes with both directions shut is answered with
 * a reset. ENOTCONN without a connection, and it is done all the same. EINVAL.
 */
TAPIR_API int tapir_shutdown(int fd, int how);
/*
 * The number is free again. An open file that has no other number (tapir_dup)
 * is closed with it: calls that wait on it end with EBADF.
 */
TAPIR_API int tapir_close(int fd);

/*
 * Another number for the same open file, as POSIX has it (dup): the least free
 * one; `to`, in place of what it stood for, which is closed (with `to` equal
 * to `from` nothing is done). tapir_dup3 is Linux's: with O_CLOEXEC in flags
 * or 0, and EINVAL where both numbers are equal. Both numbers share all but
 * FD_CLOEXEC; a socket's connection ends with the last of them. EBADF, EMFILE,
 * ENOMEM. An imported descriptor keeps its one descriptor of the kernel.
 */
TAPIR_API int tapir_dup(int fd);
TAPIR_API int tapir_dup2(int from, int to);
TAPIR_API int tapir_dup3(int from, int to, int flags);

/*
 * SOL_SOCKET: SO_ERROR, SO_TYPE, SO_REUSEADDR, SO_LINGER, SO_RCVTIMEO,
 * SO_SNDTIMEO, SO_KEEPALIVE, SO_RCVBUF, SO_SNDBUF, SO_BROADCAST,
 * SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_OOBINLINE, SO_MAX_PACING_RATE
 * (bytes a second; all bits set: none), SO_REUSEPORT (connections and
 * datagrams are spread over the sockets by a hash of their ends),
 * SO_BINDTODEVICE, SO_BINDTOIFINDEX. IPPROTO_IP: IP_TTL, IP_TOS (of streams
 * without its two ECN bits, which are TCP's). Linux's others of these two
 * levels answer as Linux's do; stack/socket/README.md has a table of what they
 * do here.
 * IPPROTO_TCP: see below. Others: ENOPROTOOPT.
 *
 * Multicast (of streams IP_ADD_MEMBERSHIP and IP_DROP_MEMBERSHIP are EPROTO,
 * IP_MULTICAST_IF and IP_MULTICAST_TTL EINVAL, as in Linux):
 * IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP (struct ip_mreq or ip_mreqn),
 * IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE,
 * IP_UNBLOCK_SOURCE, IP_MSFILTER, MCAST_JOIN_GROUP and its like (RFC 3678; 20
 * groups a socket, 10 sources a group, else ENOBUFS); IP_MULTICAST_IF in its
 * three forms, IP_MULTICAST_TTL (0: not beyond this stack), IP_MULTICAST_LOOP,
 * IP_MULTICAST_ALL. Routers are told by IGMP (RFC 3376, or 2236 and 1112).
 *
 * Of all sockets SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_GET_FILTER,
 * SO_LOCK_FILTER (socket(7); a classic BPF program, struct sock_fprog: which
 * packets, and how much of them, from the transport's header on. EINVAL: it
 * might not end, or read what is not there; EPERM: locked).
 *
 * Of raw sockets: IPPROTO_IP IP_HDRINCL (what is sent has its own IP header);
 * SOL_RAW ICMP_FILTER (a bit for each ICMP type that is not wanted). Of packet
 * sockets: SOL_PACKET PACKET_ADD_MEMBERSHIP and PACKET_DROP_MEMBERSHIP (every
 * frame is seen without them), PACKET_STATISTICS, PACKET_IGNORE_OUTGOING. There
 * are no rings mapped into the program: PACKET_RX_RING is ENOPROTOOPT.
 *
 * The options of TCP have Linux's ranges, defaults and errors (tcp(7)); EINVAL
 * where no other treatment is named. All but TCP_QUICKACK, TCP_DEFER_ACCEPT and
 * TCP_FASTOPEN are inherited by accepted sockets.
 *
 *   TCP_NODELAY        0, 1. Small segments do not wait for an ACK (RFC 9293
 *                      3.7.4); setting it sends what is held back.
 *   TCP_MAXSEG         bytes, 88 to 32767; 0: what the path takes. The largest
 *                      segment to send and to announce (RFC 6691).
 *   TCP_CORK           0, 1. Only full segments, until it is taken away, the
 *                      stream is shut, or one RTO (200 ms) has passed.
 *   TCP_KEEPIDLE       seconds, 1 to 32767 (7200): silence before the first
 *                      probe of SO_KEEPALIVE (RFC 9293 3.8.4).
 *   TCP_KEEPINTVL      seconds, 1 to 32767 (75): between probes.
 *   TCP_KEEPCNT        1 to 127 (9) probes without an answer end it.
 *   TCP_USER_TIMEOUT   ms, 0 or more; 0: by the number of retransmissions.
 *                      How long data may stay unacknowledged, or unsent before
 *                      a shut window (RFC 9293 3.9.1.8), but at least two
 *                      RTOs; ETIMEDOUT then. With SO_KEEPALIVE it takes the
 *                      place of TCP_KEEPCNT. The peer is not told (RFC 5482),
 *                      unless the core's user_timeout_option is on.
 *   TCP_SYNCNT         1 to 127 (6): how often a SYN is sent again.
 *   TCP_LINGER2        seconds, to 120 (60), more is 120; 0: the default: time
 *                      in FIN-WAIT-2 after close. Negative (reads -1): none,
 *                      the peer is reset.
 *   TCP_QUICKACK       0, 1. 1: ACKs are not kept for an answer, and one that
 *                      is goes now. Not for ever: the traffic decides anew.
 *   TCP_DEFER_ACCEPT   seconds, rounded up to 1, 3, 7, ...; 0: off. A listener
 *                      accepts a connection with its first data, or after
 *                      this time.
 *   TCP_NOTSENT_LOWAT  bytes; 0: off. Writable only while less than half of so
 *                      many bytes was never sent; a write takes no more while
 *                      so many were not.
 *   TCP_WINDOW_CLAMP   bytes, less than 1152 is 1152; 0: none, without a
 *                      connection only. The largest window to offer. What was
 *                      offered is not taken back.
 *   TCP_INQ            0, 1. tapir_recvmsg tells what is left (TCP_CM_INQ).
 *   TCP_FASTOPEN       0 to 4096, more is 4096; 0: off. A listener takes text
 *                      with a SYN (RFC 7413), from so many at once; needs
 *                      --fast-open 2. What it reads may have come twice.
 *   TCP_FASTOPEN_KEY   16 bytes, or 32: with the previous key, of a listener's
 *                      cookies; without it the stack's own, which change.
 *   TCP_FASTOPEN_CONNECT  0, 1; EOPNOTSUPP without --fast-open 1. With a cookie
 *                      connect returns 0 at once, and the SYN goes with the
 *                      first write; without one it asks for a cookie.
 *   TCP_FASTOPEN_NO_COOKIE  0, 1. The same without a cookie, at both ends.
 *   TCP_CONGESTION     a name (cubic, reno, bbr); ENOENT: there is no such
 *                      algorithm.
 *   TCP_INFO           struct tcp_info of <linux/tcp.h>, to be read; cut to
 *                      the room there is. What this stack does not know is 0.
 *
 * Urgent data (RFC 6093 advises against it): MSG_OOB sends and reads the
 * urgent octet, POLLPRI tells that it is there, SIOCATMARK whether all before
 * it was read. It is not in the stream unless SO_OOBINLINE is set. There is no
 * SIGURG. MSG_MORE is TCP_CORK for one write, MSG_TRUNC throws a stream's
 * bytes away without copying them. MSG_FASTOPEN connects, and what fits goes
 * with the SYN if there is a cookie: the count of it, or EINPROGRESS; a
 * blocking call waits for the connection and sends all. EOPNOTSUPP without
 * --fast-open 1, EALREADY, EISCONN.
 */
TAPIR_API int tapir_getsockopt(int fd, int level, int name, void *value,
                               socklen_t *len);
TAPIR_API int tapir_setsockopt(int fd, int level, int name, const void *value,
                               socklen_t len);
TAPIR_API int tapir_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
TAPIR_API int tapir_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
/*
 * F_DUPFD and F_DUPFD_CLOEXEC (as tapir_dup, from the argument on; EINVAL if it
 * is out of range); F_GETFD, F_SETFD (FD_CLOEXEC, of this number, and of no
 * effect but on imported descriptors: nothing outlives exec); F_GETFL
 * (O_RDWR), F_SETFL (O_NONBLOCK, of the open file). Of an imported descriptor
 * all else is the kernel's.
 */
TAPIR_API int tapir_fcntl(int fd, int command, ...);
/*
 * FIONBIO; FIONREAD, which is SIOCINQ: bytes to be read; SIOCOUTQ: bytes not
 * acknowledged; of streams SIOCOUTQNSD: bytes never sent, and SIOCATMARK.
 * About the stack's interfaces (netdevice(7), struct ifreq): SIOCGIFCONF,
 * SIOCGIFNAME, SIOCGIFINDEX, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFNETMASK,
 * SIOCGIFBRDADDR, SIOCGIFDSTADDR, SIOCGIFMTU, SIOCGIFHWADDR, SIOCGIFTXQLEN,
 * SIOCGIFMETRIC, SIOCGIFMAP; ENODEV, EADDRNOTAVAIL. Those that would change
 * one: EPERM. ENOTTY: any other.
 */
TAPIR_API int tapir_ioctl(int fd, unsigned long request, ...);

/* ---- Waiting for several ----------------------------------------------- */

/*
 * As poll(2), select(2) and epoll(7) have them in Linux, over sockets of the
 * stacks, epoll sets and imported descriptors in any mixture. A time-out runs
 * in the time of the set's first socket. A handler of a signal always ends
 * them with EINTR. tapir_ppoll, tapir_pselect and tapir_epoll_pwait let the
 * signals of `mask` (NULL: the thread's) wait meanwhile and no others;
 * tapir_select stores what is left of its time, as in Linux.
 */
TAPIR_API int tapir_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
TAPIR_API int tapir_ppoll(struct pollfd *fds, nfds_t count,
                          const struct timespec *timeout, const sigset_t *mask);
TAPIR_API int tapir_select(int count, fd_set *readable, fd_set *writable,
                           fd_set *exceptional, struct timeval *timeout);
TAPIR_API int tapir_pselect(int count, fd_set *readable, fd_set *writable,
                            fd_set *exceptional, const struct timespec *timeout,
                            const sigset_t *mask);
/*
 * Level-triggered, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE; EPOLLWAKEUP is
 * ignored. An edge is: more has arrived, the socket is writable again after a
 * write found it full, an end or an error has come. A set may lie in another
 * one, five deep (ELOOP), and be polled. EPERM: regular files, as in Linux.
 */
TAPIR_API int tapir_epoll_create(int size);
TAPIR_API int tapir_epoll_create1(int flags);
TAPIR_API int tapir_epoll_ctl(int epfd, int op, int fd,
                              struct epoll_event *event);
TAPIR_API int tapir_epoll_wait(int epfd, struct epoll_event *events, int max,
                               int timeout_ms);
TAPIR_API int tapir_epoll_pwait(int epfd, struct epoll_event *events, int max,
                                int timeout_ms, const sigset_t *mask);
TAPIR_API int tapir_epoll_pwait2(int epfd, struct epoll_event *events, int max,
                                 const struct timespec *timeout,
                                 const sigset_t *mask);

/*
 * A descriptor of the kernel gets a number of the table, which from now on
 * owns it: tapir_close of the number closes it. -1: EBADF, EMFILE.
 */
TAPIR_API int tapir_import(int kernel_fd);

/* ---- Names ------------------------------------------------------------- */

/*
 * getaddrinfo of POSIX and RFC 3493 6.1, as glibc has it: an address (also in
 * the short forms of inet_aton), a name of /etc/hosts, or one that the name
 * servers know, which are asked over the stack's own UDP and TCP (RFC 1035,
 * RFC 6891, RFC 7766) in the manner of resolv.conf(5): nameserver, search,
 * domain and the options ndots, timeout, attempts, rotate, use-vc, and no-edns0
 * of our own; $LOCALDOMAIN and $RES_OPTIONS come on top. With --dns that file
 * is not read. Servers on the machine's loopback (127.0.0.53) are left out:
 * they are the kernel's. "localhost" and what ends so is 127.0.0.1, "invalid"
 * no name (RFC 6761), unless /etc/hosts says otherwise.
 *
 * Only IPv4: AF_UNSPEC means AF_INET. AI_PASSIVE, AI_CANONNAME, AI_NUMERICHOST,
 * AI_NUMERICSERV; AI_ADDRCONFIG is always true, AI_V4MAPPED and AI_ALL have
 * nothing to do. Addresses stand in the order in which they were told.
 *
 * The call blocks, and drives the stack meanwhile; no signal ends it. 0 and a
 * list to be freed by tapir_freeaddrinfo; EAI_NONAME (no such name, or neither
 * node nor service), EAI_NODATA (it has no IPv4 address), EAI_AGAIN (no server
 * has answered, or all have failed), EAI_FAIL (an answer that is none),
 * EAI_SERVICE, EAI_SOCKTYPE, EAI_FAMILY, EAI_ADDRFAMILY (an address of IPv6),
 * EAI_BADFLAGS, EAI_MEMORY, EAI_SYSTEM with errno (no socket can be had).
 * gai_strerror(3) has the texts.
 */
TAPIR_API int tapir_getaddrinfo(const char *node, const char *service,
                                const struct addrinfo *hints,
                                struct addrinfo **result);
TAPIR_API void tapir_freeaddrinfo(struct addrinfo *list);

/*
 * getnameinfo of POSIX and RFC 3493 6.2: the name of an IPv4 address and of a
 * port, by the same files and servers (PTR, RFC 1035 3.5). NI_NUMERICHOST,
 * NI_NUMERICSERV, NI_NAMEREQD, NI_DGRAM, NI_NOFQDN. 0; EAI_NONAME, EAI_AGAIN,
 * EAI_FAMILY, EAI_OVERFLOW, EAI_BADFLAGS, EAI_MEMORY, EAI_SYSTEM.
 */
TAPIR_API int tapir_getnameinfo(const struct sockaddr *addr, socklen_t len,
                                char *host, socklen_t host_size, char *service,
                                socklen_t service_size, int flags);

/*
 * gethostbyname(3) and gethostbyaddr(3), for programs that still call them.
 * NULL and h_errno: HOST_NOT_FOUND, NO_DATA, TRY_AGAIN, NO_RECOVERY,
 * NETDB_INTERNAL with errno. The answer is the thread's, until its next
 * question. The _r calls, GNU's, put it in the caller's room: 0 and *result;
 * *result NULL, and why in *error: with ERANGE the room is too small, with
 * EAGAIN a server has failed, with 0 there is no such host.
 */
struct hostent;
TAPIR_API struct hostent *tapir_gethostbyname(const char *name);
TAPIR_API struct hostent *tapir_gethostbyaddr(const void *addr, socklen_t len,
                                              int family);
TAPIR_API int tapir_gethostbyname_r(const char *name, struct hostent *host,
                                    char *room, size_t size,
                                    struct hostent **result, int *error);
TAPIR_API int tapir_gethostbyaddr_r(const void *addr, socklen_t len, int family,
                                    struct hostent *host, char *room,
                                    size_t size, struct hostent **result,
                                    int *error);

/* ---- Interfaces -------------------------------------------------------- */

/*
 * The interfaces of the default stack, which is opened by the environment if
 * need be, as getifaddrs(3) and if_nametoindex(3) have them: for each an entry
 * of AF_PACKET, with its counters (struct rtnl_link_stats) in ifa_data, then
 * one of AF_INET for each address. -1, 0 or NULL, and errno: ENODEV or ENXIO
 * where there is no such interface, ENOMEM, ENOBUFS, ENETDOWN, or why there is
 * no stack. Lists are the caller's, and given back by tapir_freeifaddrs and
 * tapir_if_freenameindex.
 */
struct ifaddrs;
struct if_nameindex;
TAPIR_API int tapir_getifaddrs(struct ifaddrs **list);
TAPIR_API void tapir_freeifaddrs(struct ifaddrs *list);
TAPIR_API unsigned tapir_if_nametoindex(const char *name);
/* `name` has room for IF_NAMESIZE, 16, bytes, and is returned. */
TAPIR_API char *tapir_if_indextoname(unsigned index, char *name);
TAPIR_API struct if_nameindex *tapir_if_nameindex(void);
TAPIR_API void tapir_if_freenameindex(struct if_nameindex *list);

/* ---- Stacks of one's own ----------------------------------------------- */

/*
 * Any number of stacks may live in one process, on devices of callbacks, on
 * wires between them, or on TAPs. A stack runs on the real clock, driven by
 * the calls that wait and by the library's helper thread; or on a clock of the
 * program's own.
 *
 * On its own clock a stack knows only the time it was last told. The program
 * hands in frames and time, and is told the next deadline. Each hand-in is
 * complete when it returns: its answers have been transmitted, and whoever
 * waits on a socket for what it brought has been woken. A call that blocks on
 * such a stack's socket sleeps until another thread's hand-in wakes it; its
 * time-outs are in stack time.
 */
enum tapir_clock { TAPIR_CLOCK_REAL = 0, TAPIR_CLOCK_MANUAL = 1 };

struct tapir_stack_config {
    enum tapir_clock clock;
    uint64_t seed; /* 0: random */
    uint64_t now;  /* TAPIR_CLOCK_MANUAL: microseconds to begin with */
    int trace;     /* as in tapir_config */
    char trace_what[TAPIR_TEXT_MAX];
    int debug; /* as in tapir_config; real clock only, and then it holds for
                  all stacks of the process */
    unsigned exit_wait;  /* seconds that tapir_stack_destroy and the process's
                            exit may wait (real clock only); default: 10 */
    char congestion[16]; /* as in tapir_config */
    unsigned ecn;        /* as in tapir_config */
    unsigned fast_open;  /* as in tapir_config */
    unsigned buffer_max; /* as in tapir_config */
    char set[TAPIR_SET_MAX];     /* as in tapir_config */
    unsigned spin;               /* as in tapir_config; real clock only */
    char dns[TAPIR_DNS_MAX];     /* as in tapir_config */
    char record[TAPIR_TEXT_MAX]; /* as in tapir_config */
    char control[8];             /* these two as well; real clock only */
    char control_group[TAPIR_GROUP_MAX];
};

TAPIR_API void tapir_stack_config_init(struct tapir_stack_config *config);

/* A stack with a loopback interface only. NULL: ENOMEM; EINVAL; why the file of
 * `record` cannot be made. */
TAPIR_API struct tapir_stack *
tapir_stack_create(const struct tapir_stack_config *config);

/*
 * Ends it: sockets that are open on it answer ENETDOWN from now on and are
 * still to be closed. A wire to another stack goes dead.
 */
TAPIR_API void tapir_stack_destroy(struct tapir_stack *stack);

/*
 * Where the control sockets of stacks lie: the directories, from 0 on, in the
 * order in which a stack tries them. TAPIR_RUNTIME alone if it is set; else
 * $XDG_RUNTIME_DIR/tapir, /run/tapir, /tmp/tapir-UID. 0; -1 and ENOENT: there
 * are not so many. A socket is named NETNS.PID.NUMBER: the inode of the network
 * namespace, the process, and which of its stacks.
 */
TAPIR_API int tapir_control_directory(unsigned which,
                                      char path[TAPIR_TEXT_MAX]);

/* The process's default stack; NULL if there is none. */
TAPIR_API struct tapir_stack *tapir_default_stack(void);

enum tapir_link {
    TAPIR_LINK_ETHERNET = 0, /* frames with an Ethernet header; ARP */
    TAPIR_LINK_IP = 1        /* bare IP packets, no ARP */
};

/*
 * How the stack's frames leave by a device of callbacks. It is called with the
 * library's lock held: it must not call the library; it copies or queues the
 * frame, which is whole (checksums filled in, at most the MTU).
 */
typedef void tapir_transmit_fn(void *context, const void *frame, size_t len);

struct tapir_device {
    enum tapir_link link;
    unsigned mtu;   /* 0: 1500 */
    uint8_t mac[6]; /* zero: made from the seed */
    tapir_transmit_fn *transmit;
    void *context;
};

/*
 * Each adds an interface and returns its number, or -1 and errno. Interfaces
 * are counted as they are added; 1 is the loopback, which every stack has, so
 * a program's first is 2. They come up without addresses.
 */
TAPIR_API int tapir_add_device(struct tapir_stack *stack,
                               const struct tapir_device *device);
TAPIR_API int tapir_add_tap(struct tapir_stack *stack, const char *name,
                            char why[TAPIR_TEXT_MAX]);

/*
 * Joins two stacks by a wire; both run on the real clock, or both on their
 * own. `faults` as in tapir_config (NULL: none) acts on both directions, drawn
 * from `seed`. The interfaces' numbers are stored in iface. Stacks on their
 * own clock get what is on the wire with tapir_advance, and their deadlines
 * tell when there is something. `pcap` (NULL: none; as in tapir_config) is a
 * file to record to what `a` sends, before the faults, and what reaches it; on
 * a clock of their own its times are that clock's.
 */
struct tapir_wire {
    enum tapir_link link;
    unsigned mtu; /* 0: 1500 */
    const char *faults;
    uint64_t seed;
    const char *pcap;
};
TAPIR_API int tapir_join(struct tapir_stack *a, struct tapir_stack *b,
                         const struct tapir_wire *wire, int iface[2]);

/* "192.0.2.2/24" on an interface; the route to its subnet comes with it. */
TAPIR_API int tapir_add_address(struct tapir_stack *stack, int iface,
                                const char *addr);
/* "0.0.0.0/0" or "default" by a gateway (NULL: on the link of iface). */
TAPIR_API int tapir_add_route(struct tapir_stack *stack, const char *prefix,
                              const char *gateway, int iface);
/* A neighbour that is not asked for by ARP. */
TAPIR_API int tapir_add_neighbour(struct tapir_stack *stack, int iface,
                                  const char *addr, const uint8_t mac[6]);

/* A socket on this stack; otherwise as tapir_socket. */
TAPIR_API int tapir_socket_on(struct tapir_stack *stack, int domain, int type,
                              int protocol);

/* Names by the name servers of this stack; otherwise as without _on. */
TAPIR_API int tapir_getaddrinfo_on(struct tapir_stack *stack, const char *node,
                                   const char *service,
                                   const struct addrinfo *hints,
                                   struct addrinfo **result);
TAPIR_API int tapir_getnameinfo_on(struct tapir_stack *stack,
                                   const struct sockaddr *addr, socklen_t len,
                                   char *host, socklen_t host_size,
                                   char *service, socklen_t service_size,
                                   int flags);

/*
 * Hands a frame in that has arrived at a device of callbacks (at stack time
 * `now` on the stack's own clock; on the real clock `now` is not looked at).
 * The frame is the caller's again when the call returns. 0; -1: ENODEV,
 * EMSGSIZE, EINVAL when `now` goes back.
 */
TAPIR_API int tapir_input(struct tapir_stack *stack, int iface, uint64_t now,
                          const void *frame, size_t len);

/* Time is now `now` (own clock only): timers run, wires are emptied. */
TAPIR_API int tapir_advance(struct tapir_stack *stack, uint64_t now);

/*
 * When tapir_advance is wanted next, in stack time, time-outs of calls that
 * wait included; never less than the stack's time. UINT64_MAX: never.
 */
TAPIR_API uint64_t tapir_next_deadline(struct tapir_stack *stack);

#ifdef __cplusplus
}
#endif

#endif
