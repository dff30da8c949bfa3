"""`tapir step`: from door to door, and what changes in between."""
import gdb

from tapirgdb import look, stacks, wire
from tapirgdb.memory import argument
from tapirgdb.packet import Packet
from tapirgdb.stacks import ip_text, mac_text

INDENT = {'eth': 0, 'arp': 1, 'ip': 1, 'icmp': 2, 'igmp': 2, 'udp': 2,
          'tcp': 2}


def pointed(name):
    return argument(name).dereference()


# ---- What has changed -------------------------------------------------------

class Picture:
    """What a stack was like at a door: its counters, its neighbours, and the
    connection that the packet belongs to."""

    def __init__(self, stack, connection):
        self.counters = stack.counters()
        self.neighbours = {
            ip_text(one['addr']): look.neighbour_state(one)
            for one in stack.neighbours()}
        self.connection = facts_of(connection)


def facts_of(connection):
    """{what: how much} of a connection, in the RFCs' names."""
    if connection is None or connection.state == 'LISTEN':
        return {}
    facts = {'state': connection.state, 'number': connection.number}
    if connection.kind != 'tcb':
        return facts
    value = connection.value
    for name in ('snd_una', 'snd_nxt'):
        facts[name.upper().replace('_', '.')] = \
            stacks.difference(value[name], connection.iss)
    facts['RCV.NXT'] = stacks.difference(value['rcv_nxt'], connection.irs) \
        if connection.irs else 0
    facts['SND.WND'] = int(value['snd_wnd'])
    facts['cwnd'] = int(value['cwnd'])
    facts['ssthresh'] = threshold_text(value['ssthresh'])
    facts['retries'] = int(value['retries'])
    facts['unread'], facts['unacknowledged'] = connection.queues()
    timers = stacks.timers_of_tcb(value)
    facts['timers'] = ', '.join(sorted(timers)) or 'none'
    return facts


def threshold_text(ssthresh):
    return 'none' if int(ssthresh) >= 2**31 - 1 else str(int(ssthresh))


def connection_changes(old, new):
    if new and not old:
        old = {'state': 'nothing'}
    if old and not new:
        new = {'state': 'nothing', 'number': old['number']}
    changed = ['%s%s -> %s' % ('' if name == 'state' else name + ' ',
                               old[name], new[name])
               for name in new if name in old and name != 'number' and
               old[name] != new[name]]
    return ['[%d] %s' % (new['number'], ', '.join(changed))] if changed else []


def changes(old, new):
    lines = connection_changes(old.connection, new.connection)
    for addr, state in sorted(new.neighbours.items()):
        before = old.neighbours.get(addr, 'unknown')
        if before != state:
            lines.append('neighbour %s %s -> %s' % (addr, before, state))
    counted = ['%s +%d' % (name, number - old.counters.get(name, 0))
               for name, number in new.counters.items()
               if number > old.counters.get(name, 0)]
    if counted:
        lines.append('counted: ' + ', '.join(counted))
    return lines


# ---- The doors --------------------------------------------------------------

class Arrival:
    """Where the program stands: which door, which stack, which packet."""

    def __init__(self, door, layer, stack, words, packet=None,
                 connection=None, ends=False):
        self.door = door
        self.layer = layer
        self.stack = stack
        self.words = words
        self.packet = packet
        self.connection = connection
        self.ends = ends


def going_up(door, layer, frame, outermost=None):
    stack = stacks.of_env(frame['iface']['env'])
    packet = Packet(frame, stack, outermost)
    connection = packet.connection()
    header = packet.header(layer)
    words = packet.words(header, connection) if header is not None \
        else '%d bytes' % packet.length
    return Arrival(door, layer, stack, words, packet, connection)


def at_eth_input():
    return going_up('eth_input', wire.ETH, pointed('frame'), wire.ETH)


def at_arp_input():
    return going_up('arp_input', wire.ARP, pointed('frame'), wire.ETH)


def at_ip_input():
    return going_up('ip_input', wire.IP, pointed('frame'))


def at_transport(door, layer):
    packet = pointed('packet')
    frame = packet['frame'].dereference()
    arrival = going_up(door, layer, frame)
    if layer == wire.TCP:
        arrival.words += ', ' + whose(arrival)
    return arrival


def whose(arrival):
    """Which connection a segment is for."""
    connection = arrival.connection
    if connection is not None:
        return 'for %s %s' % (connection.tag(), connection.state)
    listener = arrival.stack.listener(arrival.packet.ends()[0])
    if listener is not None:
        return 'for the listener %s' % listener.tag()
    return 'for no connection'


def at_tcp_output():
    tcb = pointed('tcb')
    connection = stacks.of_tcb(tcb)
    stack = stacks.of_env(tcb['tcp']['env'])
    words = '%s %s, in flight %d, not acknowledged %d, SND.WND %d, cwnd %d' % (
        connection.tag(), connection.state,
        stacks.difference(tcb['snd_nxt'], tcb['snd_una']),
        connection.queues()[1], tcb['snd_wnd'], tcb['cwnd'])
    return Arrival('tcp_output', wire.TCP, stack, words,
                   connection=connection)


def at_ip_output():
    """The head begins with the transport's header; the addresses are still
    to be put before it."""
    send = pointed('send')
    stack = stacks.of_env(pointed('ip')['env'])
    layer = wire.PROTOCOLS.get(int(send['protocol']))
    packet = Packet(pointed('frame'), stack, layer)
    connection = packet.connection()
    header = packet.header(layer) if layer else None
    words = packet.words(header, connection) if header is not None \
        else '%d bytes' % packet.length
    return Arrival('ip_output', wire.IP, stack, 'to %s: %s %s' % (
        ip_text(send['dst']), layer or 'protocol %d' % send['protocol'],
        words), packet, connection)


def at_eth_output():
    iface = pointed('iface')
    stack = stacks.of_env(iface['env'])
    layer = wire.ETHERTYPES.get(int(argument('type')))
    packet = Packet(pointed('frame'), stack, layer)
    header = packet.header(layer) if layer else None
    return Arrival('eth_output', wire.ETH, stack, 'to %s: %s %s' % (
        mac_text(pointed('dst')), layer,
        header.text if header is not None else ''), packet,
        packet.connection())


def at_iface_transmit():
    iface = pointed('iface')
    stack = stacks.of_env(iface['env'])
    packet = Packet(pointed('frame'), stack,
                    wire.ETH if int(iface['dev']['type']) == 0 else wire.IP)
    return Arrival('sent', wire.ETH, stack, '%d bytes by %s: %s' % (
        packet.length, iface['name'].string(), packet.all_headers[0].text
        if packet.all_headers else ''), packet, packet.connection(),
        ends=not is_in_hand(stack))


def at_neighbour_keep_packet():
    neighbour = pointed('neighbour')
    stack = stacks.of_env(neighbour['arp']['env'])
    packet = Packet(pointed('frame'), stack, wire.IP)
    return Arrival('waits', wire.ARP, stack,
                   'until the address of %s is known' %
                   ip_text(neighbour['addr']), packet, packet.connection(),
                   ends=not is_in_hand(stack))


def at_env_drop():
    stack = stacks.of_env(argument('env'))
    reason = int(argument('reason'))
    layer = stacks.drop_words(reason)[1]
    return Arrival('dropped', layer, stack, stacks.drop_text(reason),
                   ends=not is_in_hand(stack))


def at_stack_frame_done():
    stack = stacks.Stack(pointed('stack'))
    frame = pointed('frame')
    packet = Packet(frame, stack)
    return Arrival('done', wire.ETH, stack, 'frame %d' % frame['number'],
                   packet, packet.connection(), ends=True)


def is_in_hand(stack):
    """A frame is on its way up, so there is more to come."""
    return int(stack.value['env']['frame_number']) != 0


DOORS = {
    'eth_input': at_eth_input,
    'arp_input': at_arp_input,
    'ip_input': at_ip_input,
    'icmp_input': lambda: at_transport('icmp_input', wire.ICMP),
    'igmp_input': lambda: at_transport('igmp_input', wire.IGMP),
    'udp_input': lambda: at_transport('udp_input', wire.UDP),
    'tcp_input': lambda: at_transport('tcp_input', wire.TCP),
    'tcp_output': at_tcp_output,
    'ip_output': at_ip_output,
    'eth_output': at_eth_output,
    'iface_transmit': at_iface_transmit,
    'neighbour_keep_packet': at_neighbour_keep_packet,
    'env_drop': at_env_drop,
    'stack_frame_done': at_stack_frame_done,
}


class Door(gdb.Breakpoint):
    """Says where the program stopped; nobody sees it in `info breakpoints`."""

    def __init__(self, name, stepper):
        super().__init__(name, internal=True)
        self.silent = True
        self.enabled = False
        self.name = name
        self.stepper = stepper

    def stop(self):
        self.stepper.door = self.name
        return True


# ---- The step ---------------------------------------------------------------

class Stepper:
    def __init__(self):
        self.doors = []
        self.door = None
        self.fresh = True    # the next arrival begins a packet's way
        self.pictures = {}   # of each stack, at its last door
        self.told = {}       # delivered, dropped ... of the frame in hand

    def run(self):
        if not self.doors or not all(door.is_valid() for door in self.doors):
            self.doors = [Door(name, self) for name in DOORS]
        self.door = None
        said = self.let_run()
        if self.door is None:
            if not gdb.selected_inferior().pid:
                self.fresh = True
            if said.strip():
                print(said.strip())
            return
        self.arrive(DOORS[self.door]())

    def let_run(self):
        """To the next door, or whatever else stops the program."""
        command = 'continue' if gdb.selected_inferior().pid else 'run'
        for door in self.doors:
            door.enabled = True
        try:
            return gdb.execute(command, to_string=True)
        finally:
            for door in self.doors:
                if door.is_valid():
                    door.enabled = False

    def arrive(self, arrival):
        if self.fresh:
            print(title(arrival))
            self.told = {}
        indent = '  ' * INDENT.get(arrival.layer, 0)
        self.remember(arrival)
        if arrival.door == 'done':
            arrival.words += ' ' + self.outcome(arrival)
        print('%s%-10s %s' % (indent, arrival.door, arrival.words))
        for line in self.what_changed(arrival):
            print('%s  %s' % (indent, line))
        self.fresh = arrival.ends

    def what_changed(self, arrival):
        key = ends_of(arrival.connection) or self.key_of(arrival)
        connection = arrival.connection
        if connection is None and key is not None:
            connection = arrival.stack.connection(*key)
        new = Picture(arrival.stack, connection)
        old = self.pictures.get(arrival.stack, {})
        lines = []
        if old:
            before = old['picture']
            before.connection = old['connections'].get(key, {})
            lines = changes(before, new)
        connections = old.get('connections', {})
        connections[key] = new.connection
        self.pictures[arrival.stack] = {'picture': new,
                                        'connections': connections}
        return lines

    def key_of(self, arrival):
        """The ends of the connection that a packet belongs to, or may."""
        packet = arrival.packet
        if packet is None or packet.header(wire.TCP) is None:
            return self.told.get('key')
        return packet.ends() or self.told.get('key')

    def remember(self, arrival):
        """What is said of a frame when it is done."""
        if arrival.packet is not None and arrival.packet.is_input:
            key = arrival.packet.ends()
            if arrival.packet.header(wire.TCP) is not None:
                self.told['key'] = key
            if arrival.door == 'tcp_input':
                self.told['unread'] = unread_of(arrival.connection)
        elif arrival.door == 'sent':
            self.told['sent'] = True
        if arrival.door == 'udp_input':
            self.told['udp'] = arrival.stack.counters()['udp.in_datagrams']

    def outcome(self, arrival):
        """In a word, what became of the frame."""
        last = arrival.stack.last_drop()
        if last is not None and int(last['frame_number']) == \
                int(arrival.packet.frame['number']):
            return 'is dropped: ' + stacks.drop_text(last['reason'])
        found = []
        unread = unread_of(arrival.connection)
        if unread > self.told.get('unread', unread):
            found.append('delivered: %d bytes to %s' % (
                unread - self.told['unread'], arrival.connection.tag()))
        if 'udp' in self.told and self.told['udp'] < \
                arrival.stack.counters()['udp.in_datagrams']:
            found.append('delivered to a socket of UDP')
        if 'sent' in self.told:
            found.append('answered')
        return 'is ' + (', '.join(found) or 'taken in')


def ends_of(connection):
    if connection is None or connection.state == 'LISTEN':
        return None
    return connection.local, connection.remote


def unread_of(connection):
    if connection is None or connection.kind != 'tcb':
        return 0
    return connection.queues()[0]


def title(arrival):
    """The line with which a packet's way begins."""
    name = stacks.name_of(arrival.stack)
    where = ', ' + name if name else ''
    when = 'at %s s' % stacks.seconds(arrival.stack.now())
    packet = arrival.packet
    if packet is not None and packet.is_input:
        return '-- frame %d from %s, %d bytes, %s%s' % (
            packet.frame['number'], packet.frame['iface']['name'].string(),
            packet.length, when, where)
    return '-- going out, %s%s' % (when, where)


class Step(look.Command):
    """tapir step [COUNT]: to the next door that a packet passes.

Prints the header that the layer behind it looks at, or has put on, and what has
changed since the last door: the connection, neighbours, counters. A packet's
way ends where it is delivered, sent, kept or dropped; the step after that is to
the first door of the next one. A program that is not running is started."""
    name = 'step'

    def __init__(self):
        super().__init__()
        self.stepper = Stepper()

    def run(self, arguments):
        for _ in range(int(arguments[0]) if arguments else 1):
            self.stepper.run()
            if self.stepper.door is None:
                return


def load():
    Step()


