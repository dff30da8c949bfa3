"""The packet in hand: a struct frame, its bytes and its headers."""
from tapirgdb import stacks, wire
from tapirgdb.memory import octets, pointers_to, read

KEEP = 256 # bytes are enough for all headers


class Packet:
    """`outermost` is the layer that its first header belongs to, where that
    is known; the headers as far as they have been parsed, or pushed, are
    `headers`, and the last one is where the frame stands."""

    def __init__(self, frame, stack, outermost=None):
        self.frame = frame
        self.stack = stack
        self.is_input = int(frame['start']) != 0
        first = int(frame['start'] if self.is_input else frame['head'])
        self.pulled = int(frame['head']) - first
        head = self.pulled + int(frame['head_len'])
        self.length = head + sum(int(frame['slices'][i]['len'])
                                 for i in range(int(frame['slice_count'])))
        self.data = read(first, min(head, KEEP))
        self.outermost = outermost or self.guess()
        self.all_headers = list(
            wire.headers(self.data, self.outermost, self.length))

    def guess(self):
        if self.is_input:
            return guess_input(self.data, self.length)
        macs = [stacks.mac_text(iface['mac'])
                for iface in self.stack.ifaces()]
        if len(self.data) >= 14 and wire.mac(self.data[6:12]) in macs and \
                wire.be16(self.data, 12) in wire.ETHERTYPES:
            return wire.ETH
        if self.data and self.data[0] >> 4 == 4 and \
                stacks.mapped(self.data[12:16]) in self.stack.addresses():
            return wire.IP
        for send in pointers_to('ip_send', 'send'):
            return wire.PROTOCOLS.get(int(send['protocol']))
        return None

    def reached(self):
        """The headers up to the one that the frame stands at."""
        at = 0
        for header in self.all_headers:
            yield header
            at += header.length
            if self.is_input and at > self.pulled:
                return

    def header(self, layer):
        for header in self.all_headers:
            if header.layer == layer:
                return header
        return None

    def ends(self):
        """(local, remote) of TCP or UDP, None where it has none."""
        transport = self.header(wire.TCP) or self.header(wire.UDP)
        addresses = self.addresses()
        if addresses is None or transport is None:
            return None
        src = addresses[0], transport.fields['src_port']
        dst = addresses[1], transport.fields['dst_port']
        return (dst, src) if self.is_input else (src, dst)

    def addresses(self):
        """Source and destination: on its way down as IP was told them, before
        it has put its header on."""
        ip = self.header(wire.IP)
        if ip is not None:
            return (stacks.mapped(ip.fields['src']),
                    stacks.mapped(ip.fields['dst']))
        if self.is_input:
            return None
        for send in pointers_to('ip_send', 'send'):
            return octets(send['src']['octet']), octets(send['dst']['octet'])
        return None

    def connection(self):
        ends = self.ends()
        if ends is None or self.header(wire.TCP) is None:
            return None
        return self.stack.connection(*ends)

    def words(self, header, connection=None):
        """A header in words; TCP's numbers relative to the connection's."""
        if header.layer != wire.TCP or connection is None:
            return header.text
        numbers = (connection.irs, connection.iss)
        if not self.is_input:
            numbers = (connection.iss, connection.irs)
        return wire.tcp_text(header.fields, *numbers)

    def title(self):
        name = stacks.name_of(self.stack)
        name = ' of ' + name if name else ''
        iface = self.frame['iface']
        if self.is_input:
            number = int(self.frame['number'])
            return '%s%s, in%s, %d bytes' % (
                'frame %d' % number if number else 'a frame', name,
                ' from ' + iface['name'].string() if int(iface) else '',
                self.length)
        return 'a packet%s, out, %d bytes so far' % (name, self.length)


def guess_input(data, length):
    """Ethernet, or IP as bare devices have it, and reassembly: a station's
    address does not begin with 0x45."""
    if len(data) >= 20 and data[0] >> 4 == 4 and data[0] & 15 >= 5 and \
            wire.be16(data, 2) <= length:
        return wire.IP
    return wire.ETH


def in_hand():
    """That of the innermost call that has one; None."""
    for frame in pointers_to('frame', 'frame'):
        stack = stacks.of_calls()
        if stack is not None:
            return Packet(frame, stack)
    for packet in pointers_to('ip_packet', 'packet'):
        stack = stacks.of_calls()
        if stack is not None and int(packet['frame']) != 0:
            return Packet(packet['frame'].dereference(), stack)
    return None


def lines(packet, everything=False):
    """`tapir packet`: a line for each layer, => where it stands."""
    connection = packet.connection()
    found = list(packet.all_headers if everything or not packet.is_input
                 else packet.reached())
    yield packet.title()
    at = 0
    for header in found:
        here = packet.is_input and at == packet.pulled or \
            not packet.is_input and at == 0
        yield '%s %-5s %s' % ('=>' if here else '  ', header.layer,
                              packet.words(header, connection))
        at += header.length
    if packet.length > at:
        yield '   %d bytes %s' % (
            packet.length - at, 'behind it' if not packet.is_input or
            packet.all_headers[-1:] == found[-1:] else 'not yet looked at')
