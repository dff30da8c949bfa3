"""The breakpoints that wait for what happens to packets: `tapir break ...`."""
import gdb

from tapirgdb import look, packet, stacks, wire
from tapirgdb.memory import argument


class Break(gdb.Breakpoint):
    """One that says why it has stopped, in `words`, and shows the packet."""

    def __init__(self, place, what):
        super().__init__(place)
        self.what = what
        self.words = ''
        self.commands = 'silent\ntapir stopped %d' % self.number

    def stop(self):
        try:
            self.words = self.reason()
        except (gdb.error, gdb.GdbError):
            self.words = None
        return self.words is not None


class DropBreak(Break):
    def __init__(self, wanted):
        self.wanted = wanted
        super().__init__('env_drop', 'a packet is dropped' +
                         (': ' + wanted if wanted else ''))

    def reason(self):
        reason = int(argument('reason'))
        if self.wanted and stacks.drop_words(reason)[0] != self.wanted:
            return None
        return 'dropped: ' + stacks.drop_text(reason)


class StateBreak(Break):
    def __init__(self, state, port):
        self.state = state
        self.port = port
        super().__init__('env_trace', 'a connection enters %s%s' % (
            state, ' on port %d' % port if port else ''))

    def reason(self):
        event = argument('event').dereference()
        if str(event['kind']) != 'TRACE_STATE' or \
                event['text'].string() != self.state:
            return None
        local = stacks.endpoint(event['local'])
        remote = stacks.endpoint(event['remote'])
        if self.port and self.port not in (local[1], remote[1]):
            return None
        return '[%d] %s > %s: %s -> %s' % (
            event['connection'], stacks.end_text(local),
            stacks.end_text(remote), event['from'].string(), self.state)


class FrameBreak(Break):
    def __init__(self, number):
        self.wanted = number
        super().__init__('stack_take_frame', 'frame %d comes in' % number)

    def reason(self):
        stack = argument('stack').dereference()
        if int(stack['frames_taken']) + 1 != self.wanted:
            return None
        iface = argument('iface').dereference()
        name = stacks.name_of(stacks.Stack(stack))
        return 'frame %d%s comes in from %s' % (
            self.wanted, ' of ' + name if name else '',
            iface['name'].string())


class RetransmitBreak(Break):
    """A segment that TCP has counted as sent again is about to go."""

    def __init__(self):
        self.counted = {} # of each stack, at its last segment
        super().__init__('ip_output', 'a segment is sent again')
        for stack in stacks.all_stacks():
            self.counted[stack] = int(stack.tcp['stats']['retrans_segs'])

    def reason(self):
        send = argument('send').dereference()
        if int(send['protocol']) != 6:
            return None
        stack = stacks.of_env(argument('ip')['env'])
        count = int(stack.tcp['stats']['retrans_segs'])
        if count <= self.counted.setdefault(stack, 0):
            return None
        return self.words_of(stack, count)

    def words_of(self, stack, count):
        seen = packet.Packet(argument('frame').dereference(), stack,
                             wire.TCP)
        header = seen.header(wire.TCP)
        connection = seen.connection()
        if connection is None or not is_old(connection, header.fields):
            return None
        self.counted[stack] = count
        return 'sent again: %s %s' % (connection.tag(),
                                      seen.words(header, connection))


def is_old(connection, fields):
    """Below SND.NXT, and it takes numbers."""
    if not fields['text_len'] and not fields['flags'] & (wire.SYN | wire.FIN):
        return False
    if connection.kind != 'tcb':
        return True
    behind = stacks.difference(fields['seq'], connection.value['snd_nxt'])
    return stacks.signed(behind) < 0


making = []


def make(kind, *arguments):
    """Without gdb's own line about it, which has an address."""
    making.append(lambda: kind(*arguments))
    try:
        gdb.execute('python tapirgdb.breaks.make_now()', to_string=True)
    finally:
        made = making.pop()
    print('Breakpoint %d: %s' % (made.number, made.what))


def make_now():
    making[-1] = making[-1]()


# ---- The commands -----------------------------------------------------------

class BreakPrefix(gdb.Command):
    """tapir break drop|state|frame|retransmit ...: stop when that happens."""

    def __init__(self):
        super().__init__('tapir break', gdb.COMMAND_BREAKPOINTS,
                         gdb.COMPLETE_NONE, True)


class BreakDrop(look.Command):
    """tapir break drop [REASON]: when a packet is dropped, for that reason.

The reasons are in stack/base/drop.h: IP_BAD_CHECKSUM, TCP_NO_CONNECTION, ..."""
    name = 'break drop'

    def run(self, arguments):
        wanted = arguments[0].upper() if arguments else ''
        if wanted.startswith('DROP_'):
            wanted = wanted[5:]
        if wanted and wanted not in stacks.drop_names():
            raise gdb.GdbError('There is no reason %s; see '
                               'stack/base/drop.h.' % wanted)
        make(DropBreak, wanted)

    def complete(self, _text, word):
        return [name for name in stacks.drop_names()
                if name.startswith(word.upper())]


class BreakState(look.Command):
    """tapir break state STATE [on PORT]: when a connection enters it.

The states are RFC 9293's: SYN-RECEIVED, ESTABLISHED, TIME-WAIT, ..."""
    name = 'break state'

    def run(self, arguments):
        words = [word for word in arguments if word != 'on']
        if len(words) not in (1, 2):
            raise gdb.GdbError('tapir break state STATE [on PORT]')
        state = words[0].upper().replace('_', '-')
        if state not in stacks.STATES:
            raise gdb.GdbError('The states are %s.' %
                               ', '.join(stacks.STATES))
        make(StateBreak, state, int(words[1]) if len(words) == 2 else 0)

    def complete(self, _text, word):
        return [state for state in stacks.STATES
                if state.startswith(word.upper())]


class BreakFrame(look.Command):
    """tapir break frame N: when the Nth frame comes in, as --trace counts."""
    name = 'break frame'

    def run(self, arguments):
        if len(arguments) != 1:
            raise gdb.GdbError('tapir break frame N')
        make(FrameBreak, int(arguments[0]))


class BreakRetransmit(look.Command):
    """tapir break retransmit: when TCP is about to send a segment again."""
    name = 'break retransmit'

    def run(self, _arguments):
        make(RetransmitBreak)


class Stopped(look.Command):
    """tapir stopped N: why breakpoint N has stopped; its own commands."""
    name = 'stopped'

    def run(self, arguments):
        for one in gdb.breakpoints():
            if isinstance(one, Break) and one.number == int(arguments[0]):
                print(one.words)
        hand = packet.in_hand()
        if hand is not None:
            for line in packet.lines(hand):
                print(line)


def load():
    BreakPrefix()
    for command in (BreakDrop, BreakState, BreakFrame, BreakRetransmit,
                    Stopped):
        command()
