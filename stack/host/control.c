#include "host/control.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>

/* ---- Writing ----------------------------------------------------------- */

enum { /* newer than the C library's headers */
       OPTION_RCVPRIORITY = 82,
       OPTION_UDP_SEGMENT = 103,
       OPTION_UDP_GRO = 104
};

/* What is left of a program's buffer. */
struct writer {
    struct msghdr *message;
    char *at;
    size_t room;
};

/* As Linux: the last one is cut to the room there is, and counted so. */
static void put(struct writer *writer, int level, int type, const void *data,
                size_t len)
{
    struct cmsghdr header = {.cmsg_level = level, .cmsg_type = type};
    size_t part = min_size(CMSG_LEN(len), writer->room);
    size_t space = min_size(CMSG_SPACE(len), writer->room);

    if (part < CMSG_LEN(len))
        writer->message->msg_flags |= MSG_CTRUNC;
    if (writer->at == NULL || writer->room < sizeof(header))
        return;
    header.cmsg_len = part;
    memcpy(writer->at, &header, sizeof(header));
    memcpy(writer->at + CMSG_LEN(0), data, part - CMSG_LEN(0));
    writer->at += space;
    writer->room -= space;
}

static void put_int(struct writer *writer, int level, int type, int value)
{
    put(writer, level, type, &value, sizeof(value));
}

/* Wall time so long before now as the datagram has waited. */
static struct timespec wall_time(usec age)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec -= age / USEC_PER_SEC;
    time.tv_nsec -= age % USEC_PER_SEC * 1000;
    if (time.tv_nsec < 0) {
        time.tv_nsec += 1000 * USEC_PER_SEC;
        time.tv_sec--;
    }
    return time;
}

/* The message has the number of the option that asked for it. */
static void put_timestamp(struct writer *writer, int option, usec age)
{
    struct timespec time = wall_time(age);

    if (option == SO_TIMESTAMP_OLD || option == SO_TIMESTAMP_NEW)
        time.tv_nsec /= 1000; /* then it is a struct timeval */
    put(writer, SOL_SOCKET, option, &time, sizeof(time));
}

static struct in_addr in_addr_of(const struct ip_addr *addr)
{
    struct in_addr in;

    put_be32((uint8_t *)&in, ip_addr_to_v4(addr));
    return in;
}

static void put_packet_info(struct writer *writer,
                            const struct socket_control *control)
{
    struct in_pktinfo info = {
        .ipi_ifindex = (int)control->destination.scope,
        .ipi_spec_dst = in_addr_of(&control->source),
        .ipi_addr = in_addr_of(&control->destination.addr),
    };

    put(writer, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void put_destination(struct writer *writer,
                            const struct endpoint *destination)
{
    struct sockaddr_in name = {.sin_family = AF_INET};

    put_be16((uint8_t *)&name.sin_port, destination->port);
    name.sin_addr = in_addr_of(&destination->addr);
    put(writer, IPPROTO_IP, IP_ORIGDSTADDR, &name, sizeof(name));
}

/* With SO_EE_OFFENDER behind it. */
static void put_error(struct writer *writer,
                      const struct socket_control *control)
{
    struct {
        struct sock_extended_err error;
        struct sockaddr_in offender;
    } told = {
        .error = {.ee_errno = (uint32_t)control->error.error,
                  .ee_origin = control->error.origin,
                  .ee_type = control->error.type,
                  .ee_code = control->error.code,
                  .ee_info = control->error.info},
    };

    if (!ip_addr_is_any(&control->error.offender)) {
        told.offender.sin_family = AF_INET;
        told.offender.sin_addr = in_addr_of(&control->error.offender);
    }
    put(writer, IPPROTO_IP, IP_RECVERR, &told, sizeof(told));
}

/* In the order of Linux: first those of sockets, then UDP's and those of IP.
 */
static void put_all(struct writer *writer, const struct socket_control *control,
                    usec now)
{
    if (control->present & CONTROL_TIMESTAMP)
        put_timestamp(writer, control->timestamp, now - control->arrived);
    if (control->present & CONTROL_LOST)
        put_int(writer, SOL_SOCKET, SO_RXQ_OVFL, (int)control->lost);
    if (control->present & CONTROL_MARK) /* nobody marks a packet here */
        put_int(writer, SOL_SOCKET, SO_MARK, 0);
    if (control->present & CONTROL_PRIORITY)
        put_int(writer, SOL_SOCKET, OPTION_RCVPRIORITY, 0);
    if (control->present & CONTROL_SEGMENT)
        put_int(writer, IPPROTO_UDP, OPTION_UDP_GRO, control->segment);
    if (control->present & CONTROL_PACKET_INFO)
        put_packet_info(writer, control);
    if (control->present & CONTROL_TTL)
        put_int(writer, IPPROTO_IP, IP_TTL, control->ttl);
    if (control->present & CONTROL_TOS)
        put(writer, IPPROTO_IP, IP_TOS, &control->tos, sizeof(control->tos));
    if (control->present & CONTROL_DESTINATION)
        put_destination(writer, &control->destination);
    if (control->present & CONTROL_ERROR)
        put_error(writer, control);
    if (control->present & CONTROL_UNREAD)
        put_int(writer, IPPROTO_TCP, TCP_CM_INQ, control->unread);
}

void control_write(struct msghdr *message, const struct socket_control *control,
                   usec now)
{
    struct writer writer = {
        .message = message,
        .at = message->msg_control,
        .room = message->msg_control == NULL ? 0 : message->msg_controllen,
    };
    size_t room = writer.room;

    put_all(&writer, control, now);
    message->msg_controllen = room - writer.room;
}

/* ---- Reading ----------------------------------------------------------- */

static size_t data_len(const struct cmsghdr *header)
{
    return header->cmsg_len - CMSG_LEN(0);
}

static int read_int(const struct cmsghdr *header, int least, int most, int *out)
{
    if (data_len(header) != sizeof(*out))
        return -EINVAL;
    memcpy(out, CMSG_DATA(header), sizeof(*out));
    return *out < least || *out > most ? -EINVAL : 0;
}

static struct ip_addr ip_addr_of(const struct in_addr *addr)
{
    return addr->s_addr == 0 ? (struct ip_addr){{0}}
                             : ip_addr_v4(get_be32((const uint8_t *)addr));
}

/* Linux: ipi_addr is not looked at. */
static int read_packet_info(const struct cmsghdr *header,
                            struct socket_control *out)
{
    struct in_pktinfo info;

    if (data_len(header) != sizeof(info))
        return -EINVAL;
    memcpy(&info, CMSG_DATA(header), sizeof(info));
    out->present |= CONTROL_PACKET_INFO;
    out->source = ip_addr_of(&info.ipi_spec_dst);
    out->destination.scope = (unsigned)info.ipi_ifindex;
    return 0;
}

static int read_ttl(const struct cmsghdr *header, struct socket_control *out)
{
    int value;
    int error = read_int(header, 1, UINT8_MAX, &value);

    if (error < 0)
        return error;
    out->present |= CONTROL_TTL;
    out->ttl = (uint8_t)value;
    return 0;
}

/* An octet will do. */
static int read_tos(const struct cmsghdr *header, struct socket_control *out)
{
    int value;
    int error = 0;

    if (data_len(header) == sizeof(out->tos))
        value = *CMSG_DATA(header);
    else
        error = read_int(header, 0, UINT8_MAX, &value);
    if (error < 0)
        return error;
    out->present |= CONTROL_TOS;
    out->tos = (uint8_t)value;
    return 0;
}

static int read_ip(const struct cmsghdr *header, struct socket_control *out)
{
    enum { OPTION_IP_PROTOCOL = 52 };
    int ignored;

    switch (header->cmsg_type) {
    case IP_PKTINFO:
        return read_packet_info(header, out);
    case IP_TTL:
        return read_ttl(header, out);
    case IP_TOS:
        return read_tos(header, out);
    case OPTION_IP_PROTOCOL: /* of raw sockets */
        return read_int(header, 1, UINT8_MAX, &ignored);
    default:
        return -EINVAL;
    }
}

/* UDP_SEGMENT, udp(7); of a raw socket the level means nothing. */
static int read_udp(const struct cmsghdr *header, int socket_type,
                    struct socket_control *out)
{
    if (socket_type != SOCK_DGRAM)
        return 0;
    if (header->cmsg_type != OPTION_UDP_SEGMENT ||
        data_len(header) != sizeof(out->segment))
        return -EINVAL;
    memcpy(&out->segment, CMSG_DATA(header), sizeof(out->segment));
    out->present |= CONTROL_SEGMENT;
    return 0;
}

/* Remembered by nobody; those of AF_UNIX are let pass, as Linux does. */
static int read_socket(const struct cmsghdr *header)
{
    enum { SCM_CREDENTIALS_TYPE = 2 };
    int ignored;

    switch (header->cmsg_type) {
    case SO_MARK:
    case SO_PRIORITY:
        return read_int(header, INT32_MIN, INT32_MAX, &ignored);
    case SCM_RIGHTS:
    case SCM_CREDENTIALS_TYPE:
        return 0;
    default:
        return -EINVAL;
    }
}

static int read_one(const struct cmsghdr *header, int socket_type,
                    struct socket_control *out)
{
    if (header->cmsg_level == SOL_SOCKET)
        return read_socket(header);
    if (socket_type == SOCK_STREAM)
        return 0;
    if (header->cmsg_level == IPPROTO_UDP)
        return read_udp(header, socket_type, out);
    return header->cmsg_level == IPPROTO_IP ? read_ip(header, out) : 0;
}

int control_read(const struct msghdr *message, int socket_type,
                 struct socket_control *out)
{
    size_t left = message->msg_controllen;
    const char *at = message->msg_control;
    int error = 0;

    if (at == NULL)
        return 0;
    while (left >= sizeof(struct cmsghdr) && error == 0) {
        const struct cmsghdr *header = (const struct cmsghdr *)at;

        if (header->cmsg_len < sizeof(*header) || header->cmsg_len > left)
            return -EINVAL;
        error = read_one(header, socket_type, out);

        size_t space = min_size(CMSG_ALIGN(header->cmsg_len), left);

        at += space;
        left -= space;
    }
    return error;
}
