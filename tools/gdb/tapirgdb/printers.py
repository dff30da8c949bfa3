"""How gdb prints Tapir's own structs."""
import gdb
import gdb.printing

from tapirgdb import packet, stacks, wire
from tapirgdb.memory import octets, pointers_to, read

SHOWN = 32 # bytes of a ring, a slice


class Text:
    """A printer whose text is given by a function of the value."""

    def __init__(self, value, words):
        self.value = value
        self.words = words

    def to_string(self):
        return self.words(self.value)


class WithFields(Text):
    """The same, and the struct's own fields, in braces."""

    def children(self):
        for field in self.value.type.fields():
            if field.name == 'store': # of a frame: its head lies there
                continue
            yield field.name, self.value[field.name]


def bytes_text(data, length):
    shown = ''.join(chr(c) if 32 <= c < 127 and c != 34 else '\\%03o' % c
                    for c in data)
    return '"%s"%s' % (shown, '...' if length > len(data) else '')


def endpoint_text(value):
    return stacks.end_text(stacks.endpoint(value))


def prefix_text(value):
    length = int(value['len'])
    if octets(value['addr']['octet'])[:12] == stacks.mapped(b''):
        length -= 96
    return '%s/%d' % (stacks.ip_text(value['addr']), length)


def bytes_struct_text(value):
    length = int(value['len'])
    return '%d bytes %s' % (length, bytes_text(
        read(value['data'], min(length, SHOWN)), length))


def ring_text(value):
    """How full, and what is next to be read."""
    size, used, head = (int(value[name]) for name in ('size', 'used', 'head'))
    if size == 0:
        return 'empty ring, no memory'
    first = read(int(value['data']) + head, min(used, SHOWN, size - head))
    return '%d of %d bytes from %d on %s' % (used, size, head,
                                             bytes_text(first, used))


# ---- Sequence numbers -------------------------------------------------------

FROM_PEER = ('irs', 'rcv_nxt', 'rcv_adv', 'last_ack_sent', 'rcv_fin', 'rcv_up',
             'dsack', 'recent')


def plain(value):
    """Without the printer of its type, which would ask us again."""
    return int(value.cast(value.type.strip_typedefs()))


def tcb_around(value):
    """(tcb, name of the field) of a sequence number that lies in a TCB."""
    if value.address is None:
        return None, None
    address = int(value.address)
    for connection in tcbs_in_hand():
        offset = address - int(connection.address)
        if 0 <= offset < connection.type.sizeof:
            for field in connection.type.fields():
                if field.bitpos // 8 <= offset < \
                        field.bitpos // 8 + field.type.sizeof:
                    return connection, field.name
    return None, None


def tcbs_in_hand():
    yield from pointers_to('tcb', 'tcb')
    for stack in stacks.all_stacks():
        for connection in stack.tcbs():
            yield connection.value


def seq_text(value):
    """'1000000001 (ISS+1)'; only the number where no connection is known."""
    number = plain(value)
    try:
        tcb, name = tcb_around(value)
        if tcb is None:
            return str(number)
        base = 'irs' if name in FROM_PEER else 'iss'
        return '%d (%s%+d)' % (number, base.upper(), stacks.signed(
            stacks.difference(number, plain(tcb[base]))))
    except gdb.error:
        return str(number)


# ---- Packets, segments ------------------------------------------------------

def segment_fields(value):
    options = value['options']
    words = []
    if options['has_mss']:
        words.append('mss %d' % options['mss'])
    if options['has_window_scale']:
        words.append('wscale %d' % options['window_scale'])
    if options['has_timestamps']:
        words.append('TS val %d ecr %d' % (options['ts_val'],
                                           options['ts_ecr']))
    return {'src_port': int(value['src_port']),
            'dst_port': int(value['dst_port']), 'seq': plain(value['seq']),
            'ack': plain(value['ack']), 'flags': int(value['flags']),
            'wnd': int(value['wnd']), 'text_len': int(value['text_len']),
            'options': words}


def numbers_of(value):
    """ISS of the segment's sender and of its receiver, 0 if not known."""
    for tcb in pointers_to('tcb', 'tcb'):
        iss, irs = plain(tcb['iss']), plain(tcb['irs'])
        if int(tcb['local']['port']) == int(value['src_port']):
            return iss, irs
        return irs, iss
    hand = packet.in_hand()
    connection = hand.connection() if hand is not None else None
    if connection is None:
        return 0, 0
    if connection.local[1] == int(value['src_port']):
        return connection.iss, connection.irs
    return connection.irs, connection.iss


def segment_text(value):
    return wire.tcp_text(segment_fields(value), *numbers_of(value))


def frame_text(value):
    iface = value['iface']
    stack = stacks.of_env(iface['env']) if int(iface) != 0 \
        else stacks.of_calls()
    if stack is None:
        return '%d bytes in its head' % value['head_len']
    seen = packet.Packet(value, stack)
    names = [header.layer for header in seen.reached()] \
        if seen.is_input else [header.layer for header in seen.all_headers]
    return '%s: %s' % (seen.title(), ' '.join(names))


def header_text(value):
    """Of a struct ip_header."""
    protocol = int(value['protocol'])
    return '%s > %s, %s, %d bytes, ttl %d' % (
        stacks.ip_text(value['src']), stacks.ip_text(value['dst']),
        wire.PROTOCOL_NAMES.get(protocol, 'protocol %d' % protocol),
        value['total_len'], value['ttl'])


def tcb_text(value):
    connection = stacks.of_tcb(value)
    return '[%d] %s > %s %s' % (
        connection.number, stacks.end_text(connection.local),
        stacks.end_text(connection.remote), connection.state)


def state_text(value):
    return stacks.STATES[int(value)]


def drop_reason_text(value):
    number = int(value)
    if number == 0:
        return 'DROP_NONE'
    return 'DROP_%s: %s' % (stacks.drop_words(number)[0],
                            stacks.drop_text(number))


SIMPLE = {
    'mac_addr': stacks.mac_text,
    'ip_addr': stacks.ip_text,
    'endpoint': endpoint_text,
    'ip_prefix': prefix_text,
    'bytes': bytes_struct_text,
    'ring': ring_text,
}
FULL = {
    'tcp_segment': segment_text,
    'frame': frame_text,
    'ip_header': header_text,
    'tcb': tcb_text,
}
ENUMS = {
    'tcp_state': state_text,
    'drop_reason': drop_reason_text,
}


def find(value):
    kind = value.type
    if kind.code == gdb.TYPE_CODE_TYPEDEF and kind.name == 'tcp_seq':
        return Text(value, seq_text)
    kind = kind.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT:
        if kind.tag in SIMPLE:
            return Text(value, SIMPLE[kind.tag])
        if kind.tag in FULL:
            return WithFields(value, FULL[kind.tag])
    if kind.code == gdb.TYPE_CODE_ENUM and kind.tag in ENUMS:
        return Text(value, ENUMS[kind.tag])
    return None


class Printers(gdb.printing.PrettyPrinter):
    def __call__(self, value):
        return find(value)


def load():
    gdb.printing.register_pretty_printer(None, Printers('tapir'), replace=True)
