/*
 * A stub resolver, on the stack's own sockets: each question goes to the name
 * servers one after the other, by UDP, and by TCP if the answer does not fit
 * (RFC 7766 5); again, with more time, until somebody has answered.
 *
 * Against answers that are forged (RFC 5452): each question has an id of its
 * own and comes from a port of its own, and what does not repeat it, or comes
 * from elsewhere, is passed over. Left out on purpose: a cache, which is the
 * server's work, and several questions at a time.
 */
#define _GNU_SOURCE /* secure_getenv */
#include "host/resolver.h"

#include "host/host.h"
#include "host/resolv_conf.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TCP_LENGTH_LEN = 2 /* before a message, RFC 1035 4.2.2 */
};

/* One call, with all it asks. */
struct resolver {
    struct tapir_stack *stack;
    struct resolv_conf conf;
    unsigned first; /* server to begin with */
    bool no_edns[RESOLV_SERVERS_MAX];
    struct dns_answer *answer;
    uint8_t buffer[UINT16_MAX];
};

/* A question on its way to one server. */
struct exchange {
    struct resolver *resolver;
    const struct dns_question *question;
    unsigned server;
    usec deadline; /* in the stack's time */
    uint16_t id;
    uint8_t query[TCP_LENGTH_LEN + DNS_QUERY_MAX];
    size_t query_len; /* without the length of TCP before it */
    size_t got;       /* bytes of the response, in the resolver's buffer */
};

/* ---- What to ask ------------------------------------------------------- */

/* 127.0.0.53 and the like, a cache on the machine, is the kernel's to reach. */
static bool is_reached(uint32_t server)
{
    return server >> 24 != 127 && server != INADDR_ANY;
}

/* Once in a process. */
static void say_unreached(uint32_t server)
{
    struct ip_addr addr = ip_addr_v4(server);
    char text[IP_ADDR_TEXT_MAX];
    bool is_said;

    host_lock();
    is_said = the_host.has_said_unreached;
    the_host.has_said_unreached = true;
    host_unlock();
    if (!is_said)
        fprintf(stderr,
                "tapir: the stack cannot reach the name server %s of "
                "/etc/resolv.conf; --dns (TAPIR_DNS) names another\n",
                ip_addr_text(&addr, text));
}

static void leave_out_unreached(struct resolv_conf *conf)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < conf->server_count; i++) {
        if (is_reached(conf->server[i]))
            conf->server[kept++] = conf->server[i];
        else
            say_unreached(conf->server[i]);
    }
    conf->server_count = kept;
}

/* The machine's name from its first dot on is the list to search. */
static void search_own_domain(struct resolv_conf *conf)
{
    char name[256] = "";
    const char *dot;

    if (gethostname(name, sizeof(name) - 1) < 0)
        return;
    dot = strchr(name, '.');
    if (dot != NULL)
        resolv_conf_set_search(conf, dot + 1);
}

static void read_conf(struct resolver *resolver)
{
    FILE *file = fopen("/etc/resolv.conf", "re");
    char *text = (char *)resolver->buffer; /* not in use yet */
    size_t len;

    if (file != NULL) {
        len = fread(text, 1, sizeof(resolver->buffer) - 1, file);
        fclose(file);
        text[len] = '\0';
        resolv_conf_parse(&resolver->conf, text);
    }
    leave_out_unreached(&resolver->conf);
    if (!resolver->conf.has_search)
        search_own_domain(&resolver->conf);
}

static void hear_environment(struct resolv_conf *conf)
{
    const char *search = secure_getenv("LOCALDOMAIN");
    const char *options = secure_getenv("RES_OPTIONS");

    if (search != NULL)
        resolv_conf_set_search(conf, search);
    if (options != NULL)
        resolv_conf_set_options(conf, options);
}

/* What the stack was told; false: it has ended. */
static bool look_at_stack(struct resolver *resolver, struct dns_setting *dns)
{
    bool is_there;

    host_lock();
    is_there = stack_is_there(resolver->stack);
    if (is_there) {
        *dns = resolver->stack->dns;
        resolver->first = resolver->stack->dns_turn++;
    }
    host_unlock();
    return is_there;
}

/* The servers that the stack was given, or those of the machine. 0, -ENETDOWN;
 * -ENOENT: it is to ask nobody. */
static int configure(struct resolver *resolver)
{
    struct resolv_conf *conf = &resolver->conf;
    struct dns_setting dns;

    resolv_conf_init(conf);
    if (!look_at_stack(resolver, &dns))
        return -ENETDOWN;
    if (dns.is_off)
        return -ENOENT;
    for (unsigned i = 0; i < dns.count; i++)
        conf->server[conf->server_count++] = dns.addr[i];
    if (dns.count == 0)
        read_conf(resolver);
    hear_environment(conf);
    if (!conf->rotate)
        resolver->first = 0;
    return 0;
}

/* ---- To one server and back -------------------------------------------- */

/* In the stack's time; -ENETDOWN: it has ended. */
static int look_at_clock(const struct resolver *resolver, usec *now)
{
    int r = -ENETDOWN;

    host_lock();
    if (stack_is_there(resolver->stack)) {
        *now = stack_now(resolver->stack);
        r = 0;
    }
    host_unlock();
    return r;
}

static int draw_id(const struct resolver *resolver, uint16_t *id)
{
    int r = -ENETDOWN;

    host_lock();
    if (stack_is_there(resolver->stack)) {
        *id = (uint16_t)random_u32(&resolver->stack->names_random);
        r = 0;
    }
    host_unlock();
    return r;
}

/* 0; -ETIMEDOUT; what poll says otherwise. A signal does not end it. */
static int wait_for(const struct exchange *exchange, int fd, short events)
{
    struct pollfd polled = {.fd = fd, .events = events};
    usec now;

    for (;;) {
        int r = look_at_clock(exchange->resolver, &now);
        usec left;

        if (r < 0)
            return r;
        left = exchange->deadline - now;
        if (left <= 0)
            return -ETIMEDOUT;
        r = tapir_poll(&polled, 1,
                       (int)((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
        if (r > 0)
            return 0;
        if (r < 0 && errno != EINTR)
            return -errno;
    }
}

/* A socket that talks to the server and hears nobody else. */
static int open_to_server(struct exchange *exchange, int type)
{
    struct resolver *resolver = exchange->resolver;
    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_port = htons(DNS_PORT),
        .sin_addr.s_addr = htonl(resolver->conf.server[exchange->server]),
    };
    int fd =
        socket_on_living(resolver->stack, type | SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return fd;
    if (tapir_connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0 &&
        errno != EINPROGRESS) {
        int r = errno == ENOBUFS ? -ENOBUFS : -EHOSTUNREACH;

        tapir_close(fd);
        return r;
    }
    return fd;
}

static bool is_ours(const struct exchange *exchange)
{
    return dns_is_response(bytes_of(exchange->resolver->buffer, exchange->got),
                           exchange->id, exchange->question);
}

/* Until the response comes; whatever else comes is passed over. */
static int receive_datagram(struct exchange *exchange, int fd)
{
    struct resolver *resolver = exchange->resolver;

    for (;;) {
        int r = wait_for(exchange, fd, POLLIN);
        ssize_t got;

        if (r < 0)
            return r;
        got = tapir_recv(fd, resolver->buffer, sizeof(resolver->buffer),
                         MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN)
            return -EHOSTUNREACH; /* an ICMP error: nobody is there */
        exchange->got = got < 0 ? 0 : (size_t)got;
        if (got >= 0 && is_ours(exchange))
            return 0;
    }
}

static int ask_by_udp(struct exchange *exchange)
{
    int fd = open_to_server(exchange, SOCK_DGRAM);
    int r = -EHOSTUNREACH;

    if (fd < 0)
        return fd;
    if (tapir_send(fd, exchange->query + TCP_LENGTH_LEN, exchange->query_len,
                   MSG_NOSIGNAL) >= 0)
        r = receive_datagram(exchange, fd);
    tapir_close(fd);
    return r;
}

/* All of it: the message and its length, in one write (RFC 7766 8). */
static int send_stream(struct exchange *exchange, int fd)
{
    size_t len = TCP_LENGTH_LEN + exchange->query_len;
    size_t sent = 0;

    put_be16(exchange->query, (uint16_t)exchange->query_len);
    while (sent < len) {
        int r = wait_for(exchange, fd, POLLOUT);
        ssize_t count;

        if (r < 0)
            return r;
        count =
            tapir_send(fd, exchange->query + sent, len - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN)
            return -EHOSTUNREACH;
        sent += count < 0 ? 0 : (size_t)count;
    }
    return 0;
}

/* `len` bytes, no less. */
static int receive_stream(struct exchange *exchange, int fd, uint8_t *data,
                          size_t len)
{
    size_t got = 0;

    while (got < len) {
        int r = wait_for(exchange, fd, POLLIN);
        ssize_t count;

        if (r < 0)
            return r;
        count = tapir_recv(fd, data + got, len - got, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN))
            return -EHOSTUNREACH;
        got += count < 0 ? 0 : (size_t)count;
    }
    return 0;
}

static int ask_by_tcp(struct exchange *exchange)
{
    int fd = open_to_server(exchange, SOCK_STREAM);
    uint8_t length[TCP_LENGTH_LEN];
    int r;

    if (fd < 0)
        return fd;
    r = send_stream(exchange, fd);
    if (r == 0)
        r = receive_stream(exchange, fd, length, sizeof(length));
    if (r == 0) {
        exchange->got = get_be16(length);
        r = receive_stream(exchange, fd, exchange->resolver->buffer,
                           exchange->got);
    }
    if (r == 0 && !is_ours(exchange))
        r = -EBADMSG;
    tapir_close(fd);
    return r;
}

/* ---- One server's answer ----------------------------------------------- */

static int parse(struct exchange *exchange)
{
    return dns_parse_response(
        bytes_of(exchange->resolver->buffer, exchange->got), exchange->question,
        exchange->resolver->answer);
}

/* With or without EDNS, by UDP and, if it does not fit, by TCP. */
static int ask_once(struct exchange *exchange)
{
    struct resolver *resolver = exchange->resolver;
    bool with_edns =
        !resolver->conf.no_edns && !resolver->no_edns[exchange->server];
    int r = draw_id(resolver, &exchange->id);

    if (r < 0)
        return r;
    exchange->query_len =
        dns_build_query(exchange->query + TCP_LENGTH_LEN, exchange->id,
                        exchange->question, with_edns);
    r = resolver->conf.use_tcp ? ask_by_tcp(exchange) : ask_by_udp(exchange);
    if (r == 0)
        r = parse(exchange);
    if (r < 0 || !resolver->answer->is_truncated || resolver->conf.use_tcp)
        return r;
    r = ask_by_tcp(exchange);
    return r == 0 ? parse(exchange) : r;
}

/* RFC 6891 7: what a server may say that has never heard of EDNS. */
static bool dislikes_edns(const struct exchange *exchange)
{
    const struct resolver *resolver = exchange->resolver;
    unsigned rcode = resolver->answer->rcode;

    return !resolver->conf.no_edns && !resolver->no_edns[exchange->server] &&
           (rcode == DNS_FORMERR || rcode == DNS_NOTIMP ||
            rcode == DNS_BADVERS);
}

/*
 * 0: it has answered, with NOERROR, NXDOMAIN or FORMERR. -EPROTO: it says that
 * it cannot; other errors: it has not, or there is no socket.
 */
static int ask_server(struct exchange *exchange)
{
    const struct dns_answer *answer = exchange->resolver->answer;
    int r = ask_once(exchange);

    if (r == 0 && dislikes_edns(exchange)) {
        exchange->resolver->no_edns[exchange->server] = true;
        r = ask_once(exchange);
    }
    if (r < 0)
        return r;
    if (answer->is_truncated || answer->is_referral)
        return -EPROTO;
    return answer->rcode == DNS_NOERROR || answer->rcode == DNS_NXDOMAIN ||
                   answer->rcode == DNS_FORMERR
               ? 0
               : -EPROTO;
}

/* ---- All servers ------------------------------------------------------- */

/* The first round gives each server its time; from then on they share one that
 * doubles, as in Linux. */
static usec patience(const struct resolver *resolver, unsigned round)
{
    usec seconds = (usec)resolver->conf.timeout << round;

    if (round > 0)
        seconds /= resolver->conf.server_count;
    return usec_max(seconds, 1) * USEC_PER_SEC;
}

/* Not a matter of servers: the next one would fare no better. */
static bool is_local(int error)
{
    return error == -ENETDOWN || error == -EMFILE || error == -ENOBUFS ||
           error == -ENOMEM || error == -EBADF;
}

/* As ask_server; -ETIMEDOUT: nobody has answered. */
static int ask_servers(struct resolver *resolver,
                       const struct dns_question *question)
{
    unsigned count = resolver->conf.server_count;
    int result = -ETIMEDOUT;

    for (unsigned i = 0; i < count * resolver->conf.attempts; i++) {
        struct exchange exchange = {
            .resolver = resolver,
            .question = question,
            .server = (resolver->first + i) % count,
        };
        usec now;
        int r = look_at_clock(resolver, &now);

        if (r == 0) {
            exchange.deadline = now + patience(resolver, i / count);
            r = ask_server(&exchange);
        }
        if (r == 0 || r == -ELOOP || is_local(r))
            return r;
        if (r == -EPROTO || r == -EBADMSG)
            result = -EPROTO;
    }
    return result;
}

/* Whether it has what was asked for. */
static bool has_records(const struct dns_answer *answer)
{
    return answer->addr_count > 0 || answer->has_target;
}

/*
 * One name, to the end of its aliases. A server that does not ask others may
 * know only the beginning of the chain: the rest is asked for. 0, -ENOENT: no
 * such name, -ENODATA: it has no such record, -EBADMSG; or as ask_servers.
 */
static int ask(struct resolver *resolver, const struct dns_name *name,
               enum dns_type type)
{
    struct dns_answer *answer = resolver->answer;
    struct dns_question question = {.name = *name, .type = type};

    for (unsigned links = 0; links <= DNS_ALIASES_MAX; links++) {
        int r = ask_servers(resolver, &question);

        if (r < 0)
            return r;
        if (answer->rcode == DNS_FORMERR)
            return -EBADMSG;
        if (answer->rcode == DNS_NXDOMAIN)
            return -ENOENT;
        if (has_records(answer))
            return 0;
        if (answer->alias_count == 0 || answer->is_recursive)
            return -ENODATA;
        question.name = answer->owner;
    }
    return -ELOOP;
}

/* ---- The search list --------------------------------------------------- */

/* The name with a domain after it, if any. */
static int ask_in(struct resolver *resolver, const char *name,
                  const char *domain)
{
    char text[2 * DNS_TEXT_MAX];
    struct dns_name full;
    int len = snprintf(text, sizeof(text), "%s%s%s", name,
                       *domain != '\0' && strcmp(domain, ".") != 0 ? "." : "",
                       strcmp(domain, ".") != 0 ? domain : "");

    if (len < 0 || (size_t)len >= sizeof(text) ||
        dns_name_parse(text, &full) < 0 || !dns_name_is_host(&full))
        return -ENOENT;
    return ask(resolver, &full, DNS_TYPE_A);
}

/* Whether a result leaves hope for the same name in another domain. */
static bool may_be_elsewhere(int result)
{
    return result == -ENOENT || result == -ENODATA || result == -EPROTO;
}

/* What is said at the end: that the name is there without an address is more
 * than that a server has failed, and that is more than no such name. */
static int more_of(int a, int b)
{
    if (a == -ENODATA || b == -ENODATA)
        return -ENODATA;
    return a == -EPROTO || b == -EPROTO ? -EPROTO : b;
}

static int search(struct resolver *resolver, const char *name)
{
    const struct resolv_conf *conf = &resolver->conf;
    int result = -ENOENT;

    for (unsigned i = 0; i < conf->search_count; i++) {
        int r = ask_in(resolver, name, conf->search[i]);

        if (!may_be_elsewhere(r))
            return r;
        result = more_of(result, r);
    }
    return result;
}

static unsigned count_dots(const char *name)
{
    unsigned dots = 0;

    for (; *name != '\0'; name++)
        dots += *name == '.';
    return dots;
}

/* resolv.conf(5): as it is first if it has ndots dots, otherwise at last; with
 * a dot at its end only as it is. */
static int ask_name(struct resolver *resolver, const char *name)
{
    size_t len = strlen(name);
    bool is_absolute = len > 0 && name[len - 1] == '.';
    bool is_first = count_dots(name) >= resolver->conf.ndots;
    int as_is = -ENOENT;
    int r;

    if (is_absolute || is_first)
        as_is = ask_in(resolver, name, "");
    if (is_absolute || !may_be_elsewhere(as_is))
        return as_is;
    r = search(resolver, name);
    if (!may_be_elsewhere(r))
        return r;
    if (is_first)
        return as_is;
    as_is = ask_in(resolver, name, "");
    return may_be_elsewhere(as_is) ? more_of(r, as_is) : as_is;
}

/* ---- The calls --------------------------------------------------------- */

static int eai_of(int result)
{
    switch (result) {
    case 0:
        return 0;
    case -ENOENT:
        return EAI_NONAME;
    case -ENODATA:
        return EAI_NODATA;
    case -EPROTO:
    case -ETIMEDOUT:
        return EAI_AGAIN;
    case -EBADMSG:
    case -ELOOP:
        return EAI_FAIL;
    default:
        errno = -result;
        return EAI_SYSTEM;
    }
}

static struct resolver *create(struct tapir_stack *stack,
                               struct dns_answer *answer)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));

    if (resolver != NULL) {
        resolver->stack = stack;
        resolver->answer = answer;
    }
    return resolver;
}

int resolver_find(struct tapir_stack *stack, const char *name,
                  struct dns_answer *out)
{
    struct resolver *resolver = create(stack, out);
    int r;

    if (resolver == NULL)
        return EAI_MEMORY;
    r = configure(resolver);
    if (r == 0)
        r = ask_name(resolver, name);
    if (r == 0 && !dns_name_is_host(&out->owner))
        r = -EBADMSG;
    free(resolver);
    return eai_of(r);
}

int resolver_find_addr(struct tapir_stack *stack, uint32_t addr,
                       struct dns_answer *out)
{
    struct resolver *resolver = create(stack, out);
    struct dns_name name = dns_name_of_addr(addr);
    int r;

    if (resolver == NULL)
        return EAI_MEMORY;
    r = configure(resolver);
    if (r == 0)
        r = ask(resolver, &name, DNS_TYPE_PTR);
    if (r == 0 && !dns_name_is_host(&out->target))
        r = -ENOENT;
    free(resolver);
    return eai_of(r);
}
