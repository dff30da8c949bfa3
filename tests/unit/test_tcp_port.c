/*
 * Local ports: what may be bound beside what, the choice of ephemeral ports,
 * and which listener a SYN is for. Rules of binding were compared with what
 * Linux answers.
 */
#include "unit.h"

#include "tcp/tcp_port.h"
#include "tcp_alone.h"

#include <errno.h>

enum { ANY, HERE, THERE, ADDRESSES }; /* 0.0.0.0 and two of our own */

struct fixture {
    struct tcp_alone alone;
};

static void begin_with_ports(struct fixture *f, uint16_t first, uint16_t last)
{
    struct tcp_config config = tcp_config_default();

    config.port_first = first;
    config.port_last = last;
    tcp_alone_open_with(&f->alone, &config, 1);
}

static void begin(struct fixture *f)
{
    tcp_alone_open(&f->alone);
}

static void end(struct fixture *f)
{
    ck_assert_uint_eq(f->alone.tcp.ports.entry_count, 0);
    tcp_alone_close(&f->alone);
}

static struct ip_addr address(unsigned which)
{
    return which == ANY ? IP_ADDR_ANY_V4 : ip_addr_v4(0xc0000200 + which);
}

static struct endpoint at(unsigned which, uint16_t port)
{
    return (struct endpoint){.addr = address(which), .port = port};
}

static struct tcb *make(struct fixture *f)
{
    return tcp_alone_tcb(&f->alone);
}

static struct tcb *make_reusing(struct fixture *f)
{
    struct tcb *tcb = make(f);

    tcp_set_reuse_addr(tcb, true);
    return tcb;
}

static int try_bind(struct tcb *tcb, unsigned which, uint16_t port)
{
    struct endpoint local = at(which, port);

    return tcp_port_bind(tcb, &local);
}

static void expect_bound(struct tcb *tcb, unsigned which, uint16_t port)
{
    struct ip_addr addr = address(which);

    ck_assert_int_eq(try_bind(tcb, which, port), 0);
    ck_assert_ptr_nonnull(tcb->port);
    ck_assert_uint_eq(tcb->port->number, port);
    ck_assert_uint_eq(tcb->local.port, port);
    ck_assert(ip_addr_equal(&tcb->local.addr, &addr));
}

static void expect_in_use(struct tcb *tcb, unsigned which, uint16_t port)
{
    ck_assert_int_eq(try_bind(tcb, which, port), -EADDRINUSE);
    ck_assert_ptr_null(tcb->port);
}

static struct tcb *bound(struct fixture *f, unsigned which, uint16_t port)
{
    struct tcb *tcb = make(f);

    expect_bound(tcb, which, port);
    return tcb;
}

static struct tcb *bound_reusing(struct fixture *f, unsigned which,
                                 uint16_t port)
{
    struct tcb *tcb = make_reusing(f);

    expect_bound(tcb, which, port);
    return tcb;
}

static void listen_now(struct tcb *tcb)
{
    ck_assert(tcp_port_can_listen(tcb));
    tcb_set_state(tcb, TCPS_LISTEN);
}

/* As tcp_close ends a TCB that has sent nothing. */
static void close_all(struct fixture *f)
{
    struct list *all = &f->alone.tcp.all;

    for (struct list *node = all->next; node != all; node = node->next)
        tcb_close(container_of(node, struct tcb, all_node));
}

/* A child of the listener's, connected to a peer at this address of ours. */
static struct tcb *child_of(struct fixture *f, struct tcb *listener,
                            unsigned which)
{
    struct tcb *child = make(f);
    struct endpoint local = at(which, listener->port->number);
    struct endpoint remote = at(77, 40000);

    child->reuse_addr = listener->reuse_addr;
    child->reuse_port = listener->reuse_port;
    ck_assert_int_eq(tcb_connect_ends(child, &local, &remote), 0);
    tcp_port_share(child, listener->port);
    tcb_set_state(child, TCPS_ESTABLISHED);
    return child;
}

/* ---- Binding ------------------------------------------------------------ */

START_TEST(an_address_and_port_belong_to_whom_they_are_bound_to)
{
    struct fixture f;

    begin(&f);
    bound(&f, HERE, 80);
    expect_in_use(make(&f), HERE, 80);
    bound(&f, HERE, 81);
    bound(&f, THERE, 80);
    close_all(&f);
    end(&f);
}
END_TEST

static struct tcb *make_sharing(struct fixture *f, unsigned sharing)
{
    struct tcb *tcb = make(f);

    tcp_set_reuse_addr(tcb, sharing & TCP_SHARE_ADDR);
    tcp_set_reuse_port(tcb, sharing & TCP_SHARE_PORT);
    return tcb;
}

/* One is bound, perhaps listens, and another comes. Linux's whole table. */
START_TEST(two_share_a_port_as_linux_has_it)
{
    for (unsigned row = 0; row < ADDRESSES * ADDRESSES * 32; row++) {
        unsigned first = row / 32 % ADDRESSES;
        unsigned second = row / 32 / ADDRESSES;
        unsigned one_shares = row & 3, other_shares = row >> 2 & 3;
        bool listens = row & 16;
        bool overlap = first == ANY || second == ANY || first == second;
        bool both_port = one_shares & other_shares & TCP_SHARE_PORT;
        bool both_addr = one_shares & other_shares & TCP_SHARE_ADDR;
        struct fixture f;

        begin(&f);

        struct tcb *one = make_sharing(&f, one_shares);
        struct tcb *other = make_sharing(&f, other_shares);
        expect_bound(one, first, 80);
        if (listens)
            listen_now(one);
        if (!overlap || both_port || (both_addr && !listens))
            expect_bound(other, second, 80);
        else
            expect_in_use(other, second, 80);
        close_all(&f);
        end(&f);
    }
}
END_TEST

/* A server that starts again beside connections of its last life: they need
 * one kind of sharing in common, unless the address is another one. */
START_TEST(connections_share_their_port_as_linux_has_it)
{
    for (unsigned row = 0; row < 16; row++) {
        unsigned theirs = row & 3, ours = row >> 2;
        struct fixture f;

        begin(&f);

        struct tcb *listener = make_sharing(&f, theirs);
        expect_bound(listener, ANY, 80);
        listen_now(listener);
        struct tcb *child = child_of(&f, listener, HERE);
        tcb_close(listener);
        expect_bound(make_sharing(&f, ours), THERE, 80);
        if (ours & theirs) {
            listener = make_sharing(&f, ours);
            expect_bound(listener, HERE, 80);
            listen_now(listener);
        } else {
            expect_in_use(make_sharing(&f, ours), HERE, 80);
            tcb_close(child);
            expect_bound(make_sharing(&f, ours), HERE, 80);
        }
        close_all(&f);
        end(&f);
    }
}
END_TEST

START_TEST(who_gives_up_sharing_cannot_listen_beside_others)
{
    struct fixture f;

    begin(&f);

    struct tcb *one = bound_reusing(&f, ANY, 80);
    bound_reusing(&f, ANY, 80);
    tcp_set_reuse_addr(one, false);
    ck_assert(!tcp_port_can_listen(one));
    tcp_set_reuse_addr(one, true);
    ck_assert(tcp_port_can_listen(one));
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(each_of_several_that_are_bound_may_refuse)
{
    struct fixture f;

    begin(&f);
    bound_reusing(&f, HERE, 80);

    struct tcb *strict = bound(&f, THERE, 80);
    bound_reusing(&f, HERE, 80);
    expect_in_use(make_reusing(&f), THERE, 80);
    expect_in_use(make_reusing(&f), ANY, 80);
    expect_in_use(make(&f), HERE, 80);
    tcb_close(strict); /* then all that are left reuse */
    bound_reusing(&f, ANY, 80);
    bound_reusing(&f, THERE, 80);
    expect_in_use(make(&f), THERE, 80);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_socket_may_begin_to_reuse_while_it_is_bound)
{
    struct fixture f;

    begin(&f);

    struct tcb *one = bound(&f, HERE, 80);
    expect_in_use(make_reusing(&f), HERE, 80);
    tcp_set_reuse_addr(one, true);
    tcp_set_reuse_addr(one, true);
    bound_reusing(&f, HERE, 80);
    tcp_set_reuse_addr(one, false);
    expect_in_use(make_reusing(&f), HERE, 80);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(of_those_that_share_an_address_one_may_listen)
{
    struct fixture f;

    begin(&f);

    struct tcb *one = bound_reusing(&f, HERE, 80);
    struct tcb *same = bound_reusing(&f, HERE, 80);
    struct tcb *wildcard = bound_reusing(&f, ANY, 80);
    struct tcb *elsewhere = bound_reusing(&f, THERE, 80);
    listen_now(one);
    ck_assert(!tcp_port_can_listen(same));
    ck_assert(!tcp_port_can_listen(wildcard));
    listen_now(elsewhere);
    tcb_close(one);
    listen_now(same);
    ck_assert(!tcp_port_can_listen(wildcard)); /* for elsewhere */
    close_all(&f);
    end(&f);
}
END_TEST

/* A server that starts again while connections of its last life are there. */
START_TEST(connections_outlive_their_listener_and_keep_its_port)
{
    struct fixture f;

    begin(&f);

    struct tcb *listener = bound_reusing(&f, ANY, 80);
    listen_now(listener);
    child_of(&f, listener, HERE);
    tcb_close(listener);
    expect_in_use(make(&f), ANY, 80);
    expect_in_use(make(&f), HERE, 80);
    bound_reusing(&f, HERE, 80);
    listen_now(bound_reusing(&f, ANY, 80));
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(connections_of_a_listener_that_did_not_reuse_refuse_all)
{
    struct fixture f;

    begin(&f);

    struct tcb *listener = bound(&f, ANY, 80);
    listen_now(listener);
    struct tcb *child = child_of(&f, listener, HERE);
    tcb_close(listener);
    expect_in_use(make(&f), ANY, 80);
    expect_in_use(make_reusing(&f), ANY, 80);
    expect_in_use(make_reusing(&f), HERE, 80);
    tcb_close(child);
    bound(&f, ANY, 80);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_port_that_is_released_is_free_and_its_memory_too)
{
    struct fixture f;

    begin(&f);

    struct tcb *one = make_reusing(&f);
    struct tcb *other = make_reusing(&f);
    size_t used = f.alone.memory.used;
    for (int i = 0; i < 100; i++) {
        expect_bound(one, HERE, 80);
        expect_bound(other, HERE, 80);
        tcp_port_release(one);
        ck_assert_ptr_null(one->port);
        ck_assert_ptr_nonnull(other->port);
        tcp_port_release(other);
        tcp_port_release(other); /* nothing to release any more */
        ck_assert_uint_eq(f.alone.memory.used, used);
    }
    bound(&f, ANY, 80);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(without_memory_nothing_is_bound)
{
    struct fixture f;
    struct endpoint remote = at(77, 80);
    struct ip_addr local = address(HERE);

    begin(&f);

    struct tcb *tcb = make(&f);
    f.alone.memory.limit = f.alone.memory.used;
    ck_assert_int_eq(try_bind(tcb, HERE, 80), -ENOBUFS);
    ck_assert_int_eq(try_bind(tcb, HERE, 0), -ENOBUFS);
    ck_assert_int_eq(tcp_port_connect(tcb, &local, &remote), -ENOBUFS);
    ck_assert_ptr_null(tcb->port);
    f.alone.memory.limit = SIZE_MAX;
    expect_bound(tcb, HERE, 80);
    close_all(&f);
    end(&f);
}
END_TEST

/* ---- Ephemeral ports for bind ------------------------------------------- */

/* Binds to port 0. The port. */
static uint16_t bind_ephemeral(struct tcb *tcb, unsigned which)
{
    const struct tcp_config *config = &tcb->tcp->config;

    ck_assert_int_eq(try_bind(tcb, which, 0), 0);
    ck_assert_ptr_nonnull(tcb->port);
    ck_assert_uint_eq(tcb->local.port, tcb->port->number);
    ck_assert_uint_ge(tcb->port->number, config->port_first);
    ck_assert_uint_le(tcb->port->number, config->port_last);
    return tcb->port->number;
}

START_TEST(ephemeral_ports_are_in_the_range_and_differ)
{
    static bool taken[UINT16_MAX + 1];
    struct fixture f;

    begin(&f);
    for (unsigned i = 0; i < 2000; i++) {
        uint16_t port = bind_ephemeral(make_reusing(&f), i % ADDRESSES);

        ck_assert(!taken[port]);
        taken[port] = true;
    }
    close_all(&f);
    end(&f);
}
END_TEST

/* RFC 6056 3.3.1: nobody foretells them. */
START_TEST(ephemeral_ports_follow_from_the_seed_and_in_no_order)
{
    uint16_t ports[3][8];
    const uint64_t seeds[] = {1, 1, 2};
    struct tcp_config config = tcp_config_default();
    unsigned neighbours = 0;

    for (unsigned run = 0; run < 3; run++) {
        struct fixture f;

        tcp_alone_open_with(&f.alone, &config, seeds[run]);
        for (int i = 0; i < 8; i++)
            ports[run][i] = bind_ephemeral(make(&f), ANY);
        close_all(&f);
        end(&f);
    }
    ck_assert_mem_eq(ports[0], ports[1], sizeof(ports[0]));
    ck_assert_mem_ne(ports[0], ports[2], sizeof(ports[0]));
    for (int i = 1; i < 8; i++)
        neighbours += ports[0][i] == ports[0][i - 1] + 1;
    ck_assert_uint_lt(neighbours, 7);
}
END_TEST

START_TEST(all_of_the_range_is_used_and_then_no_port_is_left)
{
    struct fixture f;
    struct tcb *tcbs[6];
    unsigned seen = 0;

    begin_with_ports(&f, 65530, 65535);
    for (unsigned i = 0; i < 6; i++) {
        tcbs[i] = make(&f);
        seen |= 1u << (bind_ephemeral(tcbs[i], ANY) - 65530);
    }
    ck_assert_uint_eq(seen, 0x3f);
    expect_in_use(make(&f), HERE, 0);
    expect_in_use(make_reusing(&f), HERE, 0);

    uint16_t freed = tcbs[3]->port->number;
    tcp_port_release(tcbs[3]);
    ck_assert_uint_eq(bind_ephemeral(make(&f), ANY), freed);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_range_may_be_a_single_port)
{
    struct fixture f;

    begin_with_ports(&f, 5000, 5000);
    ck_assert_uint_eq(bind_ephemeral(make(&f), HERE), 5000);
    expect_in_use(make(&f), THERE, 0);
    close_all(&f);
    end(&f);
}
END_TEST

/* ---- Ports for connections ---------------------------------------------- */

static int try_connect(struct tcb *tcb, const struct endpoint *remote)
{
    struct endpoint local = at(HERE, 0);
    int result = tcp_port_connect(tcb, &local.addr, remote);

    if (result < 0)
        return result;
    local.port = tcb->port->number;
    ck_assert_uint_ge(local.port, tcb->tcp->config.port_first);
    ck_assert_uint_le(local.port, tcb->tcp->config.port_last);
    return tcb_connect_ends(tcb, &local, remote);
}

static struct tcb *connected(struct fixture *f, const struct endpoint *remote)
{
    struct tcb *tcb = make(f);

    ck_assert_int_eq(try_connect(tcb, remote), 0);
    return tcb;
}

static void expect_no_port(struct fixture *f, const struct endpoint *remote)
{
    struct tcb *tcb = make(f);

    ck_assert_int_eq(try_connect(tcb, remote), -EADDRNOTAVAIL);
    ck_assert_ptr_null(tcb->port);
}

static void set_counters(struct fixture *f, uint32_t to)
{
    for (unsigned i = 0; i < TCP_PORT_COUNTERS; i++)
        f->alone.tcp.port_counters[i] = to;
}

/* RFC 6056 3.3.4: a port is used again as late as can be. */
START_TEST(ports_go_up_one_by_one_towards_one_remote_end)
{
    struct fixture f;
    struct endpoint remote = at(77, 80);

    begin_with_ports(&f, 40000, 40099);

    uint16_t port = connected(&f, &remote)->port->number;
    for (int i = 1; i < 100; i++) {
        port = port == 40099 ? 40000 : (uint16_t)(port + 1);
        ck_assert_uint_eq(connected(&f, &remote)->port->number, port);
    }
    close_all(&f);
    end(&f);
}
END_TEST

/* RFC 6056 3.3.4: who sees the port of one cannot tell that of another. */
START_TEST(where_ports_begin_depends_on_the_remote_end_and_on_the_key)
{
    struct tcp_config config = tcp_config_default();
    uint16_t ports[2][20];

    for (unsigned run = 0; run < 2; run++) {
        struct fixture f;

        tcp_alone_open_with(&f.alone, &config, 1 + run);
        for (uint16_t i = 0; i < 20; i++) {
            struct endpoint remote = at(77 + i % 2, 80 + i / 2);

            set_counters(&f, 0);
            ports[run][i] = connected(&f, &remote)->port->number;
            for (int before = 0; before < i; before++)
                ck_assert_int_gt(abs(ports[run][i] - ports[run][before]), 0);
        }
        close_all(&f);
        end(&f);
    }
    ck_assert_mem_ne(ports[0], ports[1], sizeof(ports[0]));
}
END_TEST

/* RFC 6056 3.3.4: with one counter four that take turns would each see every
 * fourth port. */
START_TEST(who_takes_turns_sees_each_port_once)
{
    enum { TURNS = 4, PORTS = 100 };
    struct fixture f;
    uint16_t last[TURNS] = {0};

    begin_with_ports(&f, 40000, 40000 + PORTS - 1);
    for (uint16_t i = 0; i < TURNS * PORTS; i++) {
        struct endpoint remote = at(77, 80 + i % TURNS);
        uint16_t port = connected(&f, &remote)->port->number;

        if (last[i % TURNS] != 0)
            ck_assert_uint_eq(port, last[i % TURNS] == 40000 + PORTS - 1
                                        ? 40000
                                        : last[i % TURNS] + 1);
        last[i % TURNS] = port;
    }
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(towards_another_remote_end_the_same_ports_serve_again)
{
    struct fixture f;
    struct endpoint remotes[] = {at(77, 80), at(77, 81), at(78, 80)};

    begin_with_ports(&f, 40000, 40009);
    for (unsigned i = 0; i < ARRAY_LENGTH(remotes); i++) {
        for (int port = 0; port < 10; port++)
            connected(&f, &remotes[i]);
        expect_no_port(&f, &remotes[i]);
    }
    ck_assert_uint_eq(f.alone.tcp.ports.entry_count, 10);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_port_is_free_again_when_its_last_connection_ends)
{
    struct fixture f;
    struct endpoint remote = at(77, 80), other = at(78, 80);

    begin_with_ports(&f, 40000, 40000);

    struct tcb *one = connected(&f, &remote);
    struct tcb *two = connected(&f, &other);
    tcb_close(one);
    expect_in_use(make(&f), HERE, 40000);
    connected(&f, &remote);
    expect_no_port(&f, &remote);
    tcb_close(two);
    connected(&f, &other);
    close_all(&f);
    bound(&f, HERE, 40000);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_port_that_somebody_has_bound_is_not_chosen)
{
    struct fixture f;
    struct endpoint remote = at(77, 80);

    begin_with_ports(&f, 40000, 40003);
    bound_reusing(&f, ANY, 40001);
    listen_now(bound(&f, THERE, 40002));
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(connected(&f, &remote)->port->number % 3, 40000 % 3);
    expect_no_port(&f, &remote);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_connections_port_is_not_chosen_for_bind)
{
    struct fixture f;
    struct endpoint remote = at(77, 80);

    begin_with_ports(&f, 40000, 40001);

    struct tcb *one = connected(&f, &remote);
    ck_assert_uint_ne(bind_ephemeral(make(&f), HERE), one->port->number);
    expect_in_use(make(&f), HERE, 0);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(the_last_free_port_of_a_large_range_is_found)
{
    static struct tcb *tcbs[6000];
    struct fixture f;
    struct endpoint remote = at(77, 80);

    begin_with_ports(&f, 40000, 45999);
    for (unsigned i = 0; i < 6000; i++)
        tcbs[i] = connected(&f, &remote);

    uint16_t freed = tcbs[5500]->port->number;
    tcb_close(tcbs[5500]);
    ck_assert_uint_eq(connected(&f, &remote)->port->number, freed);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(each_port_is_tried_also_where_the_counter_wraps)
{
    for (unsigned which = 0; which < 10; which++) {
        struct fixture f;
        struct endpoint remote = at(77, 80);
        struct tcb *tcbs[10];

        begin_with_ports(&f, 40000, 40009);
        for (unsigned i = 0; i < 10; i++)
            tcbs[i] = connected(&f, &remote);

        uint16_t freed = tcbs[which]->port->number;
        tcb_close(tcbs[which]);
        set_counters(&f, 0u - 5);
        ck_assert_uint_eq(connected(&f, &remote)->port->number, freed);
        close_all(&f);
        end(&f);
    }
}
END_TEST

/* ---- Listeners ---------------------------------------------------------- */

static void expect_listener(struct fixture *f, unsigned which, uint16_t port,
                            const struct tcb *expected)
{
    struct endpoint local = at(which, port);
    struct endpoint remote = at(77, 40000);
    struct tcp_ends ends = tcp_ends_of(&local, &remote);

    ck_assert_ptr_eq(tcp_port_listener(&f->alone.tcp, &ends), expected);
}

/* The same for a SYN from another port, by an interface. */
static struct tcb *listener_for(struct fixture *f, uint16_t remote_port,
                                unsigned iface)
{
    struct endpoint local = at(HERE, 80);
    struct endpoint remote = at(77, remote_port);
    struct tcp_ends ends = tcp_ends_of(&local, &remote);

    ends.scope = (uint16_t)iface;
    return tcp_port_listener(&f->alone.tcp, &ends);
}

START_TEST(listeners_with_reuseport_share_the_peers_evenly)
{
    enum { LISTENERS = 4, PEERS = 4000 };
    struct tcb *listeners[LISTENERS];
    unsigned count[LISTENERS] = {0};
    struct fixture f;

    begin(&f);
    for (unsigned i = 0; i < LISTENERS; i++) {
        listeners[i] = make(&f);
        tcp_set_reuse_port(listeners[i], true);
        expect_bound(listeners[i], ANY, 80);
        listen_now(listeners[i]);
    }
    for (unsigned peer = 0; peer < PEERS; peer++) {
        struct tcb *one = listener_for(&f, (uint16_t)(1000 + peer), 1);

        ck_assert_ptr_eq(listener_for(&f, (uint16_t)(1000 + peer), 1), one);
        for (unsigned i = 0; i < LISTENERS; i++)
            count[i] += listeners[i] == one;
    }
    for (unsigned i = 0; i < LISTENERS; i++) {
        ck_assert_uint_gt(count[i], PEERS / LISTENERS * 8 / 10);
        ck_assert_uint_lt(count[i], PEERS / LISTENERS * 12 / 10);
    }
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_listener_of_an_interface_is_before_one_of_any)
{
    struct fixture f;

    begin(&f);

    struct tcb *of_two = make_sharing(&f, TCP_SHARE_PORT);
    struct tcb *of_three = make(&f);
    struct tcb *exact = make_sharing(&f, TCP_SHARE_PORT);
    tcp_set_device(of_two, 2);
    tcp_set_device(of_three, 3);
    expect_bound(of_two, ANY, 80);
    expect_bound(of_three, ANY, 80);
    expect_in_use(make(&f), ANY, 80); /* any interface is those too */
    listen_now(of_two);
    listen_now(of_three);
    ck_assert_ptr_eq(listener_for(&f, 1000, 2), of_two);
    ck_assert_ptr_eq(listener_for(&f, 1000, 3), of_three);
    ck_assert_ptr_null(listener_for(&f, 1000, 4));

    tcb_close(of_three);
    expect_bound(exact, HERE, 80);
    listen_now(exact);
    ck_assert_ptr_eq(listener_for(&f, 1000, 2), exact);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(a_syn_is_for_the_listener_of_its_address_and_port)
{
    struct fixture f;

    begin(&f);

    struct tcb *here = bound(&f, HERE, 80);
    struct tcb *there = bound(&f, THERE, 80);
    expect_listener(&f, HERE, 80, NULL); /* bound, but not listening */
    listen_now(here);
    listen_now(there);
    expect_listener(&f, HERE, 80, here);
    expect_listener(&f, THERE, 80, there);
    expect_listener(&f, HERE, 81, NULL);
    expect_listener(&f, 77, 80, NULL);
    tcb_close(here);
    expect_listener(&f, HERE, 80, NULL);
    expect_listener(&f, THERE, 80, there);
    close_all(&f);
    end(&f);
}
END_TEST

START_TEST(the_wildcard_listens_on_every_address)
{
    struct fixture f;

    begin(&f);

    struct tcb *wildcard = bound(&f, ANY, 80);
    listen_now(wildcard);
    expect_listener(&f, HERE, 80, wildcard);
    expect_listener(&f, THERE, 80, wildcard);
    expect_listener(&f, HERE, 81, NULL);
    close_all(&f);
    end(&f);
}
END_TEST

/* The states are set by force: tcp_listen would not let both listen. */
START_TEST(the_exact_address_wins_over_the_wildcard_whichever_came_first)
{
    for (unsigned first = ANY; first <= HERE; first++) {
        struct fixture f;
        struct tcb *tcbs[2];

        begin(&f);
        tcbs[first] = bound_reusing(&f, first, 80);
        tcbs[!first] = bound_reusing(&f, !first, 80);
        tcb_set_state(tcbs[ANY], TCPS_LISTEN);
        tcb_set_state(tcbs[HERE], TCPS_LISTEN);
        expect_listener(&f, HERE, 80, tcbs[HERE]);
        expect_listener(&f, THERE, 80, tcbs[ANY]);
        tcb_close(tcbs[HERE]);
        expect_listener(&f, HERE, 80, tcbs[ANY]);
        close_all(&f);
        end(&f);
    }
}
END_TEST

UNIT_MAIN("tcp_port", an_address_and_port_belong_to_whom_they_are_bound_to,
          two_share_a_port_as_linux_has_it,
          connections_share_their_port_as_linux_has_it,
          who_gives_up_sharing_cannot_listen_beside_others,
          listeners_with_reuseport_share_the_peers_evenly,
          a_listener_of_an_interface_is_before_one_of_any,
          each_of_several_that_are_bound_may_refuse,
          a_socket_may_begin_to_reuse_while_it_is_bound,
          of_those_that_share_an_address_one_may_listen,
          connections_outlive_their_listener_and_keep_its_port,
          connections_of_a_listener_that_did_not_reuse_refuse_all,
          a_port_that_is_released_is_free_and_its_memory_too,
          without_memory_nothing_is_bound,
          ephemeral_ports_are_in_the_range_and_differ,
          ephemeral_ports_follow_from_the_seed_and_in_no_order,
          all_of_the_range_is_used_and_then_no_port_is_left,
          a_range_may_be_a_single_port,
          ports_go_up_one_by_one_towards_one_remote_end,
          who_takes_turns_sees_each_port_once,
          where_ports_begin_depends_on_the_remote_end_and_on_the_key,
          towards_another_remote_end_the_same_ports_serve_again,
          a_port_is_free_again_when_its_last_connection_ends,
          a_port_that_somebody_has_bound_is_not_chosen,
          a_connections_port_is_not_chosen_for_bind,
          the_last_free_port_of_a_large_range_is_found,
          each_port_is_tried_also_where_the_counter_wraps,
          a_syn_is_for_the_listener_of_its_address_and_port,
          the_wildcard_listens_on_every_address,
          the_exact_address_wins_over_the_wildcard_whichever_came_first)
