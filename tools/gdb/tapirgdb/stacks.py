"""The stacks of the program, and what they hold."""
import gdb

from tapirgdb import wire
from tapirgdb.memory import (container_of, enum_names, hashed, listed, octets,
                             pointers_to, text)

USEC_NEVER = 2**63 - 1
STATES = ('CLOSED', 'LISTEN', 'SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED',
          'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'CLOSING', 'LAST-ACK',
          'TIME-WAIT')


def difference(a, b):
    """Of sequence numbers, RFC 9293 3.4."""
    return (int(a) - int(b)) & 0xffffffff


def signed(number):
    return number - 2**32 if number >= 2**31 else number


def ip_text(addr):
    return wire.ip(octets(addr['octet']))


def mac_text(mac):
    return wire.mac(octets(mac['octet']))


def end_text(end):
    """Of an end as in Connection, '192.0.2.2:80'."""
    addr, port = end
    shown = wire.ip(addr)
    if ':' in shown:
        shown = '[%s]' % shown
    if addr[-4:] == bytes(4) and addr[:10] == bytes(10):
        shown = '*'
    return '%s:%s' % (shown, port if port else '*')


def mapped(v4):
    return bytes(10) + b'\xff\xff' + v4


def seconds(usec):
    return '%d.%06d' % divmod(int(usec), 1000000)


def endpoint(value):
    return octets(value['addr']['octet']), int(value['port'])


def kept_ends(kept):
    """Of a struct tcp_ends_kept: (local, remote)."""
    addrs = kept['addrs']
    size = 4 if int(kept['is_v4']) else 16
    both = bytes(int(addrs[i]) for i in range(2 * size))
    local, remote = both[:size], both[size:]
    if size == 4:
        local, remote = mapped(local), mapped(remote)
    return ((local, int(kept['local_port'])),
            (remote, int(kept['remote_port'])))


class Connection:
    """Of TCP, in whatever form the stack has it: `kind` is tcb, half-open,
    resting or time-wait."""

    def __init__(self, kind, value, local, remote, state):
        self.kind = kind
        self.value = value
        self.local = local
        self.remote = remote
        self.state = state
        self.number = 0
        if kind != 'resting':
            self.number = int(value['number'])
        self.iss = self.irs = 0
        if kind in ('tcb', 'half-open'):
            self.iss = int(value['iss'])
            self.irs = int(value['irs'])

    def tag(self):
        return '[%d]' % self.number if self.number else '[-]'

    def queues(self):
        """What is unread, and what is not acknowledged: bytes."""
        if self.kind != 'tcb':
            return 0, 0
        if self.state == 'LISTEN':
            return int(self.value['accept_count']), int(self.value['backlog'])
        return (int(self.value['rcvbuf']['ring']['used']),
                int(self.value['sndbuf']['ring']['used']))


def of_tcb(tcb):
    return Connection('tcb', tcb, endpoint(tcb['local']),
                      endpoint(tcb['remote']), STATES[int(tcb['state'])])


def of_half_open(half):
    return Connection('half-open', half, *kept_ends(half['ends']),
                      'SYN-RECEIVED')


def of_time_wait(wait):
    return Connection('time-wait', wait, *kept_ends(wait['ends']),
                      'TIME-WAIT')


def of_resting(rest):
    return Connection('resting', rest, *kept_ends(rest['ends']),
                      STATES[int(rest['state'])])


class Stack:
    def __init__(self, value):
        self.value = value
        self.address = int(value.address)
        self.tcp = value['tcp']

    def __eq__(self, other):
        return self.address == other.address

    def __hash__(self):
        return self.address

    def now(self):
        return int(self.value['env']['now'])

    def ifaces(self):
        return listed(self.value['ifaces'], 'iface', 'node')

    def iface_at(self, address):
        for iface in self.ifaces():
            if int(iface.address) == int(address):
                return iface
        return None

    def addresses(self):
        for iface in self.ifaces():
            for i in range(int(iface['addr_count'])):
                yield octets(iface['addrs'][i]['addr']['octet'])

    def neighbours(self):
        return hashed(self.value['arp']['neighbours'], 'neighbour')

    def routes(self):
        return hashed(self.value['ip']['routes']['table'], 'route')

    def tcbs(self):
        return (of_tcb(tcb) for tcb in
                listed(self.tcp['all'], 'tcb', 'all_node'))

    def connections(self):
        yield from self.tcbs()
        for half in hashed(self.tcp['half_open'], 'half_open'):
            yield of_half_open(half)
        for rest in hashed(self.tcp['resting'], 'tcp_rest'):
            yield of_resting(rest)
        for wait in hashed(self.tcp['time_wait_table'], 'time_wait'):
            yield of_time_wait(wait)

    def connection(self, local, remote):
        """By its ends; None. A TCB that is CLOSED may have been followed by a
        record of TIME-WAIT, and only waits for its program."""
        closed = None
        for connection in self.connections():
            if (connection.local, connection.remote) != (local, remote):
                continue
            if connection.state != 'CLOSED':
                return connection
            closed = connection
        return closed

    def listener(self, local):
        for connection in self.tcbs():
            if connection.state == 'LISTEN' and \
                    connection.local[1] == local[1]:
                return connection
        return None

    def udp_ends(self):
        return hashed(self.value['udp']['by_port'], 'udp_pcb')

    def last_drop(self):
        env = self.value['env']
        ring = env['last_drops']
        total = int(env['dropped'])
        return ring[(total - 1) % (ring.type.range()[1] + 1)] if total else None

    def counters(self):
        """{name: number} of all that are counted."""
        found = {}
        for layer in ('arp', 'ip', 'icmp', 'udp', 'tcp'):
            stats = self.value[layer]['stats']
            for field in stats.type.fields():
                found[layer + '.' + field.name] = int(stats[field.name])
        for iface in self.ifaces():
            for field in iface['stats'].type.fields():
                name = '%s.%s' % (iface['name'].string(), field.name)
                found[name] = int(iface['stats'][field.name])
        return found


# ---- Which stacks there are -------------------------------------------------

def of_env(pointer):
    """The stack whose struct env it is: its first member."""
    return Stack(container_of(pointer, 'stack', 'env'))


def the_host():
    symbol = gdb.lookup_global_symbol('the_host')
    return symbol.value() if symbol is not None else None


def of_host():
    host = the_host()
    if host is None or not host['is_ready']:
        return
    for stack in listed(host['stacks'], 'tapir_stack', 'node'):
        if int(stack['core']) != 0:
            yield Stack(stack['core'].dereference())


def of_calls():
    """The stack that the calls now going on belong to: the innermost one."""
    for struct, name, member in (
            ('stack', 'stack', None), ('tcb', 'tcb', 'tcp'),
            ('tcp', 'tcp', None), ('ip', 'ip', None), ('udp', 'udp', None),
            ('icmp', 'icmp', None), ('arp', 'arp', None),
            ('iface', 'iface', None)):
        for value in pointers_to(struct, name):
            if member is not None:
                value = value[member].dereference()
            if struct == 'stack':
                return Stack(value)
            return of_env(value['env'])
    for value in pointers_to('env', 'env'):
        return of_env(value.address)
    return None


def all_stacks():
    """In the order in which they began; of a program that has none of the
    host's, such as a test of the core, the one that runs now."""
    found = list(of_host())
    running = of_calls()
    if running is not None and running not in found:
        found.append(running)
    return found


def name_of(stack):
    """'stack 1', 'stack 2'; nothing where there is only one."""
    known = all_stacks()
    if len(known) < 2 or stack not in known:
        return ''
    return 'stack %d' % (known.index(stack) + 1)


# ---- Drops ------------------------------------------------------------------

def drop_words(reason):
    """(name, layer, text, section) of an enum drop_reason."""
    words = drop_table()[int(reason)]
    return tuple(text(words[field]) for field in
                 ('name', 'layer', 'text', 'section'))


def drop_table():
    """The static table of stack/base/drop.c."""
    table = gdb.lookup_global_symbol('drop_text').symtab.static_block()
    return next(one for one in table if one.name == 'descriptions').value()


def drop_text(reason):
    name, _, said, section = drop_words(reason)
    return '%s (%s, %s)' % (said, name, section)


def drop_names():
    names = enum_names('drop_reason', 'DROP_')
    return [name for name in names.values()
            if name not in ('NONE', 'REASON_COUNT')]


# ---- Timers -----------------------------------------------------------------

def timers_of_tcb(tcb):
    """{name: time} of those that are set."""
    names = enum_names('tcp_timer', 'TCP_TIMER_')
    due = tcb['due']
    return {names[i].lower().replace('_', ' '): int(due[i])
            for i in range(due.type.range()[1] + 1)
            if int(due[i]) != USEC_NEVER}


def wheel(stack):
    """All struct timer that are armed."""
    timers = stack.value['env']['timers']
    for level in range(timers['occupied'].type.range()[1] + 1):
        occupied = int(timers['occupied'][level])
        for slot in range(64):
            if occupied >> slot & 1:
                yield from listed(timers['slots'][level][slot], 'timer',
                                  'node')


