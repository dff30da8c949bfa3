"""The commands that only look: `tapir sockets`, `tapir tcb`, ..."""
import gdb

from tapirgdb import packet, stacks, wire
from tapirgdb.memory import container_of, enum_names, function_at, octets, \
    offset_of
from tapirgdb.stacks import end_text, ip_text, mac_text, seconds


class Command(gdb.Command):
    """The base of each: says in a line what is wrong instead of a trace of
    Python's calls."""

    def __init__(self):
        super().__init__('tapir ' + self.name, gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        try:
            self.run(gdb.string_to_argv(argument))
        except (gdb.error, ValueError) as error:  # a MemoryError is one, too
            raise gdb.GdbError('tapir: %s' % error)


def each_stack():
    """All stacks, each with a title if there are several."""
    found = stacks.all_stacks()
    if not found:
        print('There is no stack.')
    for stack in found:
        if len(found) > 1:
            print('stack %d:' % (found.index(stack) + 1))
        yield stack


def table(rows):
    """In columns as wide as they need be."""
    rows = [[str(cell) for cell in row] for row in rows]
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print('  '.join(cell.ljust(width)
                        for cell, width in zip(row, widths)).rstrip())


def after(stack, time):
    """When, from the stack's now on."""
    return '%+d.%03d s' % divmod((time - stack.now()) // 1000, 1000) \
        if time >= stack.now() else 'due'


# ---- Sockets ----------------------------------------------------------------

def tcp_row(connection):
    receive, send = connection.queues()
    return ('tcp', connection.state, receive, send,
            end_text(connection.local), end_text(connection.remote),
            connection.tag(), '' if connection.kind == 'tcb'
            else connection.kind)


def udp_row(pcb):
    return ('udp', 'CONNECTED' if int(pcb['remote']['port']) else 'OPEN',
            int(pcb['common']['received']['used']), 0,
            end_text(stacks.endpoint(pcb['local'])),
            end_text(stacks.endpoint(pcb['remote'])), '', '')


class Sockets(Command):
    """tapir sockets: the connections, and the ends of UDP, of each stack.

The queues are what the program has not read and what the peer has not
acknowledged, in bytes; of a listener the connections that wait to be accepted,
and how many may."""
    name = 'sockets'

    def run(self, _arguments):
        for stack in each_stack():
            rows = [('', 'state', 'recv-q', 'send-q', 'local', 'remote', '',
                     '')]
            rows += [tcp_row(one) for one in stack.connections()]
            rows += [udp_row(one) for one in stack.udp_ends()]
            table(rows)


# ---- One connection ---------------------------------------------------------

def chosen_tcb(arguments):
    """The one named by its number or a port; or the one in hand."""
    wanted = int(arguments[0]) if arguments else None
    if wanted is None:
        from tapirgdb.memory import pointers_to
        for tcb in pointers_to('tcb', 'tcb'):
            return stacks.of_calls(), stacks.of_tcb(tcb)
        hand = packet.in_hand()
        connection = hand.connection() if hand is not None else None
        if connection is not None:
            return hand.stack, connection
    found = [(stack, connection) for stack in stacks.all_stacks()
             for connection in stack.connections()
             if wanted in (connection.number, connection.local[1],
                           connection.remote[1])
             or wanted is None and connection.state != 'LISTEN']
    if not found:
        raise gdb.GdbError('No such connection; see `tapir sockets`.')
    return found[0]


def sequence_lines(connection):
    value, iss, irs = connection.value, connection.iss, connection.irs

    def from_iss(name):
        return stacks.difference(value[name], iss)

    def from_irs(name):
        return stacks.difference(value[name], irs)

    yield 'send', 'ISS %d; SND.UNA %d, SND.NXT %d, SND.WND %d' % (
        iss, from_iss('snd_una'), from_iss('snd_nxt'), value['snd_wnd'])
    yield 'receive', 'IRS %d; RCV.NXT %d, RCV.WND %d' % (
        irs, from_irs('rcv_nxt'),
        stacks.signed(stacks.difference(value['rcv_adv'], value['rcv_nxt'])))


def buffer_lines(connection):
    value = connection.value
    written = stacks.difference(value['sndbuf']['start'], connection.iss) + \
        int(value['sndbuf']['ring']['used'])
    sent = stacks.difference(value['snd_nxt'], connection.iss)
    yield 'buffers', '%d unread; %d not acknowledged, %d of them unsent' % (
        value['rcvbuf']['ring']['used'], value['sndbuf']['ring']['used'],
        max(written - sent, 0))
    if int(value['reass']['count']):
        yield 'gaps', ', '.join('%d to %d' % tuple(
            stacks.difference(value['reass']['ranges'][i][end],
                              connection.irs) for end in ('start', 'end'))
            for i in range(int(value['reass']['count']))) + ' has arrived'


def congestion_lines(connection):
    value = connection.value
    phases = {'RECOVERY_NONE': 'no recovery', 'RECOVERY_FAST': 'fast recovery',
              'RECOVERY_LOSS': 'recovery after a time-out'}
    yield 'cwnd', '%d, ssthresh %s, in flight %d, lost %d, sacked %d; %s' % (
        value['cwnd'], 'none' if int(value['ssthresh']) >= 2**31 - 1
        else int(value['ssthresh']),
        stacks.difference(value['snd_nxt'], value['snd_una']),
        value['board']['lost'], value['board']['sacked'],
        phases.get(str(value['phase']), str(value['phase'])))
    yield 'rtt', 'srtt %.3f ms, rttvar %.3f ms, rto %.3f ms, %d retries' % (
        value['srtt'] / 1000.0, value['rttvar'] / 1000.0,
        value['rto'] / 1000.0, value['retries'])


def tcb_lines(stack, connection):
    yield connection.tag(), '%s > %s %s' % (
        end_text(connection.local), end_text(connection.remote),
        connection.state)
    if connection.kind == 'half-open':
        yield 'record', 'half open: ISS %d, IRS %d, mss %d' % (
            connection.iss, connection.irs, connection.value['mss'])
    elif connection.kind != 'tcb':
        yield 'record', connection.kind
    elif connection.state == 'LISTEN':
        yield 'queue', '%d of %d wait to be accepted' % connection.queues()
    else:
        yield from sequence_lines(connection)
        yield from buffer_lines(connection)
        yield from congestion_lines(connection)
        set_ones = stacks.timers_of_tcb(connection.value)
        yield 'timers', ', '.join('%s %s' % (name, after(stack, time))
                                  for name, time in set_ones.items()) or 'none'


class Tcb(Command):
    """tapir tcb [NUMBER|PORT]: one connection of TCP, with the RFCs' names.

Without an argument it is the one in hand. Sequence numbers are relative to ISS
and IRS."""
    name = 'tcb'

    def run(self, arguments):
        table(tcb_lines(*chosen_tcb(arguments)))


# ---- Timers -----------------------------------------------------------------

def timer_words(timer):
    """What a timer is for, by the function that it calls."""
    function = function_at(timer['fire'])
    if function == 'wheel_fired':
        tcb = container_of(timer.address, 'tcb', 'timer')
        due = stacks.timers_of_tcb(tcb)
        return 'tcp [%d] %s' % (tcb['number'],
                                ', '.join(sorted(due, key=due.get)) or
                                'nothing any more')
    if function == 'neighbour_timer_fires':
        neighbour = container_of(timer.address, 'neighbour', 'timer')
        return 'arp %s %s' % (ip_text(neighbour['addr']),
                              neighbour_state(neighbour))
    place = int(timer.address)
    for stack in stacks.all_stacks():
        tcp = int(stack.tcp.address)
        for name in ('half_open_timer', 'time_wait_timer'):
            if place == tcp + offset_of('tcp', name):
                return 'tcp %s' % name[:-6].replace('_', '-')
    return function


class Timers(Command):
    """tapir timers: all that are armed, the next to fire first."""
    name = 'timers'

    def run(self, _arguments):
        for stack in each_stack():
            print('now %s' % seconds(stack.now()))
            armed = sorted(((int(timer['deadline']), timer_words(timer))
                            for timer in stacks.wheel(stack)))
            table((after(stack, deadline), words)
                  for deadline, words in armed)


# ---- Neighbours, routes -----------------------------------------------------

def neighbour_state(neighbour):
    names = enum_names('neighbour_state', 'NEIGHBOUR_')
    return names[int(neighbour['state'])].lower()


def neighbour_row(neighbour):
    state = neighbour_state(neighbour)
    return (ip_text(neighbour['addr']), neighbour['iface']['name'].string(),
            '' if state == 'incomplete' else mac_text(neighbour['mac']), state,
            '%d waiting' % neighbour['waiting_count']
            if int(neighbour['waiting_count']) else '')


class Arp(Command):
    """tapir arp: the neighbours that are known."""
    name = 'arp'

    def run(self, _arguments):
        for stack in each_stack():
            table(sorted(neighbour_row(one) for one in stack.neighbours()))


def route_row(route):
    length = int(route['prefix']['len'])
    prefix = octets(route['prefix']['addr']['octet'])
    v4 = prefix[:12] == stacks.mapped(b'')
    gateway = octets(route['gateway']['octet'])
    on_link = gateway in (bytes(16), stacks.mapped(bytes(4)))
    return (-length, '%s/%d' % (wire.ip(prefix), length - 96 if v4 else length),
            'on the link' if on_link else 'via ' + wire.ip(gateway),
            route['iface']['name'].string())


class Route(Command):
    """tapir route: the routes, the longest prefix first."""
    name = 'route'

    def run(self, _arguments):
        for stack in each_stack():
            table(row[1:] for row in
                  sorted(route_row(one) for one in stack.routes()))


# ---- Packets ----------------------------------------------------------------

class PacketInHand(Command):
    """tapir packet [all]: the frame in hand, layer by layer.

It is shown as far as it has been parsed, and => is where it stands: at the
header that is looked at next, or that was put on last. `all` goes on to the
end."""
    name = 'packet'

    def run(self, arguments):
        hand = packet.in_hand()
        if hand is None:
            raise gdb.GdbError('No packet is in hand here.')
        for line in packet.lines(hand, 'all' in arguments):
            print(line)


def drop_place(stack, dropped):
    iface = stack.iface_at(dropped['iface'])
    number = int(dropped['frame_number'])
    return '%s%s' % ('frame %d' % number if number else 'ours',
                     ', from ' + iface['name'].string()
                     if iface is not None else '')


def dropped_packet(stack, dropped):
    """The headers of what was dropped, in words."""
    kept, length = int(dropped['kept']), int(dropped['len'])
    data = octets(dropped['bytes'])[:kept]
    layer = None
    if stack.iface_at(dropped['iface']) is not None:
        layer = packet.guess_input(data, length)
    elif data[:1] and data[0] >> 4 == 4:
        layer = wire.IP
    for header in wire.headers(data, layer, length):
        yield '%-5s %s' % (header.layer, header.text)


class Why(Command):
    """tapir why [COUNT]: the last drops, the newest last, and their reasons."""
    name = 'why'

    def run(self, arguments):
        most = int(arguments[0]) if arguments else 8
        for stack in each_stack():
            env = stack.value['env']
            ring = env['last_drops']
            size = ring.type.range()[1] + 1
            total = int(env['dropped'])
            print('%d dropped' % total if total else 'Nothing was dropped.')
            for i in range(max(total - min(most, size), 0), total):
                show_drop(stack, ring[i % size])
            reason = being_dropped(stack)
            if reason is not None:
                print('and now, in hand: ' + stacks.drop_text(reason))


def being_dropped(stack):
    """Why, where env_drop is about to write down the packet; None. There
    `tapir break drop` stops."""
    if not gdb.selected_inferior().pid:
        return None
    frame = gdb.newest_frame()
    while frame is not None and frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    if frame is None or frame.name() != 'env_drop':
        return None
    env, reason = frame.read_var('env'), frame.read_var('reason')
    if env.is_optimized_out or reason.is_optimized_out or \
            env != stack.value['env'].address:
        return None
    if was_written_down(stack.value['env'], int(reason)):
        return None
    return int(reason)


def was_written_down(env, reason):
    total, ring = int(env['dropped']), env['last_drops']
    last = ring[(total - 1) % (ring.type.range()[1] + 1)]
    return total > 0 and int(last['reason']) == reason and \
        last['at'] == env['now'] and last['frame_number'] == env['frame_number']


def show_drop(stack, dropped):
    print('%s %s: %s' % (seconds(dropped['at']), drop_place(stack, dropped),
                         stacks.drop_text(dropped['reason'])))
    for line in dropped_packet(stack, dropped):
        print('    ' + line)


class Tapir(gdb.Command):
    """Tapir's packets, connections and tables; see tools/gdb/README.md."""

    def __init__(self):
        super().__init__('tapir', gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)


def load():
    Tapir()
    for command in (Sockets, Tcb, Timers, Arp, Route, PacketInHand, Why):
        command()
