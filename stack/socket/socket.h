/*
 * Sockets: the memory of the stack that holds an endpoint's control
 * information, by a number. BSD semantics over the transports, as POSIX.1-2017
 * and Linux have them: which call is allowed when, options, errors, readiness.
 * Nothing here waits: what cannot be done now answers -EAGAIN.
 *
 * Domains are AF_INET and AF_PACKET; IPv6 is still to come.
 */
#ifndef TAPIR_SOCKET_SOCKET_H
#define TAPIR_SOCKET_SOCKET_H

#include "ip/echo.h"
#include "ip/raw.h"
#include "link/packet.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

/* Never 0; a number is not used again soon after its socket is gone. */
typedef uint32_t socket_id;

struct socket_config {
    unsigned max_sockets;      /* accepted ones included; at most 2^20 */
    size_t udp_receive_buffer; /* bytes, what SO_RCVBUF begins with */
    uint32_t max_buffer;       /* bytes, the most that SO_RCVBUF and SO_SNDBUF
                                  can make of a buffer */
};

/* What may come beside the bytes of a message: bits of `present`. */
enum socket_control_kind {
    CONTROL_TIMESTAMP = 1 << 0,
    CONTROL_LOST = 1 << 1,
    CONTROL_MARK = 1 << 2,
    CONTROL_PRIORITY = 1 << 3,
    CONTROL_PACKET_INFO = 1 << 4, /* these three, and SEGMENT, are sent too */
    CONTROL_TTL = 1 << 5,
    CONTROL_TOS = 1 << 6,
    CONTROL_DESTINATION = 1 << 7,
    CONTROL_UNREAD = 1 << 8,
    CONTROL_ERROR = 1 << 9,
    CONTROL_SEGMENT = 1 << 10
};

/*
 * Ancillary data (POSIX.1-2017 <sys/socket.h>, ip(7), socket(7)): what a
 * socket's options ask for, and what a program chooses for one datagram.
 */
struct socket_control {
    unsigned present;
    uint8_t timestamp; /* receive: the option that asked, SO_TIMESTAMP... */
    uint8_t ttl;       /* send: 1 to 255 */
    uint8_t tos;
    uint16_t segment; /* of many datagrams: bytes of each but the last; send: 0
                         cuts nothing */
    usec arrived;     /* stack time */
    uint32_t lost;    /* datagrams before this one: SO_RXQ_OVFL */
    int unread;       /* of a stream: TCP_INQ */
    struct ip_addr source; /* of ours: to send from (all zero: any), or by which
                              the datagram would be answered */
    struct {
        int error; /* errno, positive */
        uint8_t origin;
        uint8_t type;
        uint8_t code;
        uint32_t info;
        struct ip_addr offender; /* all zero: nobody */
    } error;                     /* struct sock_extended_err */
    struct endpoint destination; /* receive: to which it was sent; its scope
                                    is the interface, to send too (0: any) */
};

/* What send and receive carry: the fields of a msghdr that matter here. */
struct socket_message {
    const struct iovec *iov;
    int iov_count;
    int flags;             /* MSG_* given; on return of receive: MSG_TRUNC */
    struct endpoint *name; /* send: to, or NULL; receive: filled in if not
                              NULL (its port 0: there is none) */
    size_t least;          /* receive, of a stream: SO_RCVLOWAT, to wait for */
    struct socket_control *control; /* NULL: none; receive: filled in */
    bool is_nowhere;   /* send: a piece with no memory behind it, which is found
                          out after all else: -EFAULT */
    int wrong;         /* send, of datagrams: what is wrong with the name (then
                          NULL) or what comes beside, told in its turn */
    struct lent *lent; /* send: NULL, or what the bytes of a stream are a
                          part of while they are sent from where they lie */
};

struct socket;
struct sockets; /* see socket_table.h */

struct socket_config socket_config_default(void);

/*
 * -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EINVAL; -ENOBUFS at
 * max_sockets or without memory.
 */
MUST_CHECK int socket_create(struct sockets *sockets, int domain, int type,
                             int protocol, struct socket **out);

/* -EINVAL bound already, -EADDRINUSE, -EADDRNOTAVAIL. Port 0 is chosen. */
MUST_CHECK int socket_bind(struct socket *socket, const struct endpoint *local);

/* -EOPNOTSUPP not a stream socket, -EINVAL connected, -EADDRINUSE. */
MUST_CHECK int socket_listen(struct socket *socket, int backlog);

/*
 * `remote` may be NULL. -EAGAIN nobody yet, -EINVAL not listening,
 * -EOPNOTSUPP; -ENOBUFS: the connection goes on waiting to be accepted.
 */
MUST_CHECK int socket_accept(struct socket *socket, struct socket **out,
                             struct endpoint *remote);

/*
 * A datagram or echo socket that has no port gets one: in Linux the first thing
 * that connect and send do, whatever becomes of them. -EAGAIN: all are taken.
 */
MUST_CHECK int socket_take_port(struct socket *socket);
/*
 * A stream socket answers -EINPROGRESS the first time, -EALREADY until the
 * peer has answered, then once 0 or why it failed; later -EISCONN. After a
 * failure that was told (here or by SO_ERROR) a new attempt may begin; Linux
 * answers -ECONNABORTED once before that when SO_ERROR took the error. To
 * 0.0.0.0 is to this host. A datagram socket answers at once, any number of
 * times. With TCP_FASTOPEN_CONNECT a stream socket may answer 0 at once, and
 * then -EISCONN: the first send begins the connection. `remote` may be NULL, of
 * a stream: it only tells the outcome of the last one; -EDESTADDRREQ where it
 * would begin one.
 */
MUST_CHECK int socket_connect(struct socket *socket,
                              const struct endpoint *remote);
/*
 * connect(2) to AF_UNSPEC: a connection is reset, listening ends; the socket
 * is as new, its options and the address given by bind kept.
 */
MUST_CHECK int socket_disconnect(struct socket *socket);

/*
 * A stream socket takes what there is room for and looks at no name; a
 * datagram socket takes all or nothing. The bytes of a datagram are borrowed:
 * they stay as they are until the flush that ends the pass (the array of
 * iovecs need not). -EAGAIN; -EPIPE (the signal is the host's), as in Linux
 * also before there is a connection; -EDESTADDRREQ, -EMSGSIZE, the pending
 * error. MSG_DONTWAIT and MSG_NOSIGNAL change nothing here. MSG_MORE: a
 * datagram waits for its other pieces. Of a stream only:
 * MSG_OOB (elsewhere -EOPNOTSUPP) and MSG_FASTOPEN, which is a
 * connect first, with its answers: -EINPROGRESS, nothing has gone with the SYN;
 * how many bytes have; -EOPNOTSUPP, not allowed; -EINVAL, no name.
 */
MUST_CHECK ssize_t socket_send(struct socket *socket,
                               const struct socket_message *message);

/*
 * MSG_PEEK leaves what is read there. A datagram that is cut says MSG_TRUNC,
 * and with MSG_TRUNC given its whole length is the result; of a stream
 * MSG_TRUNC throws so many bytes away. MSG_WAITALL is the host's. 0: the peer
 * has closed, or an empty datagram. -EAGAIN, -ENOTCONN, the pending error.
 * MSG_ERRQUEUE reads the error queue and nothing else (recvmsg(2)): what was
 * sent, and in `control` what went wrong. -EAGAIN; it is not to be waited for.
 * MSG_OOB reads the urgent octet and should not be waited for: -EINVAL where
 * there is none, -EAGAIN where it is only announced.
 */
MUST_CHECK ssize_t socket_receive(struct socket *socket,
                                  struct socket_message *message);

/*
 * A stream's unread bytes where they lie, until socket_give_back, which says
 * how many of them have been read. As socket_receive; -EBUSY, -EINVAL,
 * -EOPNOTSUPP: it is no stream.
 */
MUST_CHECK ssize_t socket_borrow(struct socket *socket,
                                 struct iovec iov[static 2], int *count);
MUST_CHECK int socket_give_back(struct socket *socket, size_t len);

/*
 * SHUT_RD, SHUT_WR, SHUT_RDWR; -EINVAL, -ENOTCONN. SHUT_RD of a listener ends
 * its listening, as in Linux: who waits for a connection is told.
 */
MUST_CHECK int socket_shutdown(struct socket *socket, int how);

/*
 * For SO_LINGER with a time: starts the end of the connection while the socket
 * stays. 0: all is acknowledged or there is nothing to wait for; -EAGAIN: ask
 * again when the socket is told ready.
 */
MUST_CHECK int socket_linger(struct socket *socket);

/*
 * The end of the socket. A connection ends by itself, as tcp_close has it; or,
 * if SO_LINGER is set with time 0, by a reset.
 */
void socket_close(struct socket *socket);

/*
 * Lengths are checked as Linux checks them: too short is -EINVAL, longer than
 * needed does not matter; a get is cut to the room there is. SO_RCVBUF and
 * SO_SNDBUF double what is given and tell the doubled value, as in Linux: here
 * that value is the buffer's limit in bytes. -ENOPROTOOPT, -EDOM.
 */
MUST_CHECK int socket_set_option(struct socket *socket, int level, int name,
                                 struct bytes value);
MUST_CHECK int socket_get_option(struct socket *socket, int level, int name,
                                 void *value, size_t *len);

/* SO_RCVTIMEO and SO_SNDTIMEO; USEC_NEVER where none is set. */
void socket_timeouts(const struct socket *socket, usec *receive, usec *send);

/* 0.0.0.0 and port 0 before it is bound. */
void socket_local(const struct socket *socket, struct endpoint *out);
/* -ENOTCONN */
MUST_CHECK int socket_remote(const struct socket *socket, struct endpoint *out);
/* -EINVAL of a listener. */
MUST_CHECK int socket_unread(const struct socket *socket);
MUST_CHECK int socket_unsent(const struct socket *socket);
/* Of a stream, elsewhere -ENOTTY: bytes never sent (SIOCOUTQNSD); whether all
 * before the urgent octet was read (SIOCATMARK). */
MUST_CHECK int socket_never_sent(const struct socket *socket);
MUST_CHECK int socket_at_mark(const struct socket *socket);
/* See stack_arrived. */
bool socket_arrived(const struct socket *socket, uint32_t *out);

/* A stream has something to read, but less than SO_RCVLOWAT: beside poll's. */
enum { SOCKET_READY_LESS = 0x10000 };

/* POLLPRI: the urgent octet. POLLIN, POLLRDNORM, POLLOUT, POLLWRNORM,
 * POLLRDHUP, POLLHUP, POLLERR, SOCKET_READY_LESS. */
int socket_readiness(const struct socket *socket);

#endif
