"""Packets as they lie on the wire, put into words. Knows nothing of gdb."""
import struct

ETH, ARP, IP, ICMP, IGMP, UDP, TCP = \
    'eth', 'arp', 'ip', 'icmp', 'igmp', 'udp', 'tcp'

ETHERTYPES = {0x0800: IP, 0x0806: ARP}
ETHERTYPE_NAMES = {0x0800: 'IPv4', 0x0806: 'ARP', 0x86dd: 'IPv6'}
PROTOCOLS = {1: ICMP, 2: IGMP, 6: TCP, 17: UDP}
PROTOCOL_NAMES = {1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP'}
ICMP_TYPES = {0: 'echo reply', 3: 'unreachable', 4: 'source quench',
              5: 'redirect', 8: 'echo request', 11: 'time exceeded',
              12: 'parameter problem'}
FLAGS = ((1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.'), (32, 'U'),
         (64, 'E'), (128, 'W'))
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def mac(octets):
    return ':'.join('%02x' % octet for octet in octets)


def ip(octets):
    """Of 4 bytes, or of 16 (RFC 4291 2.5.5.2)."""
    if len(octets) == 16 and octets[:12] == bytes(10) + b'\xff\xff':
        octets = octets[12:]
    if len(octets) == 4:
        return '.'.join(str(octet) for octet in octets)
    import ipaddress
    return str(ipaddress.IPv6Address(bytes(octets)))


def be16(octets, at):
    return struct.unpack_from('>H', octets, at)[0]


def be32(octets, at):
    return struct.unpack_from('>I', octets, at)[0]


class Header:
    """One layer's header: its length, its words, what comes behind it."""

    def __init__(self, layer, length, text, following=None, **fields):
        self.layer = layer
        self.length = length
        self.text = text
        self.following = following
        self.fields = fields


def parse_eth(data, _left):
    kind = be16(data, 12)
    return Header(ETH, 14, '%s > %s, type %s' % (
        mac(data[6:12]), mac(data[0:6]),
        ETHERTYPE_NAMES.get(kind, '0x%04x' % kind)), ETHERTYPES.get(kind))


def parse_arp(data, _left):
    sender, target = ip(data[14:18]), ip(data[24:28])
    text = 'operation %d' % be16(data, 6)
    if be16(data, 6) == 1:
        text = 'who has %s? tell %s' % (target, sender)
        if sender == target:
            text = 'announcement of %s' % sender
    elif be16(data, 6) == 2:
        text = '%s is at %s' % (sender, mac(data[8:14]))
    return Header(ARP, 28, text)


def parse_ip(data, _left):
    length = (data[0] & 15) * 4
    protocol = data[9]
    fragment = be16(data, 6)
    text = '%s > %s, %s, %d bytes, ttl %d, id %d' % (
        ip(data[12:16]), ip(data[16:20]),
        PROTOCOL_NAMES.get(protocol, 'protocol %d' % protocol),
        be16(data, 2), data[8], be16(data, 4))
    if fragment & 0x4000:
        text += ', DF'
    if fragment & 0x3fff:
        text += ', fragment at %d%s' % (
            (fragment & 0x1fff) * 8, ', more' if fragment & 0x2000 else '')
    if data[1] & 3:
        text += (', ECT(1)', ', ECT(0)', ', CE')[(data[1] & 3) - 1]
    following = PROTOCOLS.get(protocol) if not fragment & 0x1fff else None
    return Header(IP, length, text, following, src=bytes(data[12:16]),
                  dst=bytes(data[16:20]), protocol=protocol)


def parse_icmp(data, left):
    kind = data[0]
    text = ICMP_TYPES.get(kind, 'type %d' % kind)
    if kind in (0, 8):
        text += ', id %d, seq %d, %d bytes of data' % (
            be16(data, 4), be16(data, 6), left - 8)
    else:
        text += ', code %d, %d bytes' % (data[1], left)
    return Header(ICMP, 8, text)


def parse_igmp(data, left):
    return Header(IGMP, left, 'type 0x%02x, group %s' % (
        data[0], ip(data[4:8])))


def parse_udp(data, left):
    return Header(UDP, 8, '%d > %d, %d bytes of data' % (
        be16(data, 0), be16(data, 2), left - 8),
        src_port=be16(data, 0), dst_port=be16(data, 2))


def flags_text(flags):
    return ''.join(name for bit, name in FLAGS if flags & bit) or 'none'


def option_texts(options):
    """As tcpdump and --trace have them, without padding."""
    at = 0
    while at < len(options) and options[at] != 0:
        kind = options[at]
        length = options[at + 1] if kind != 1 and at + 1 < len(options) else 1
        if kind != 1 and (length < 2 or at + length > len(options)):
            yield 'malformed'
            return
        value = options[at + 2:at + length]
        if kind == 2:
            yield 'mss %d' % be16(value, 0)
        elif kind == 3:
            yield 'wscale %d' % value[0]
        elif kind == 4:
            yield 'sackOK'
        elif kind == 5:
            yield 'sack %d' % (len(value) // 8)
        elif kind == 8:
            yield 'TS val %d ecr %d' % (be32(value, 0), be32(value, 4))
        elif kind != 1:
            yield 'option %d' % kind
        at += length


def tcp_text(fields, iss=0, irs=0):
    """With the numbers of whom `iss` belongs to: `iss` of the sender."""
    seq = (fields['seq'] - iss) & 0xffffffff
    if fields['flags'] & SYN:
        seq = 0
    text = '%d > %d: %s %d:%d(%d)' % (
        fields['src_port'], fields['dst_port'], flags_text(fields['flags']),
        seq, seq + fields['text_len'], fields['text_len'])
    if fields['flags'] & ACK:
        text += ' ack %d' % ((fields['ack'] - irs) & 0xffffffff)
    text += ' win %d' % fields['wnd']
    if fields['options']:
        text += ' <%s>' % ','.join(fields['options'])
    return text


def parse_tcp(data, left):
    length = (data[12] >> 4) * 4
    fields = {'src_port': be16(data, 0), 'dst_port': be16(data, 2),
              'seq': be32(data, 4), 'ack': be32(data, 8), 'flags': data[13],
              'wnd': be16(data, 14), 'text_len': max(left - length, 0),
              'options': list(option_texts(data[20:length]))}
    return Header(TCP, length, tcp_text(fields), **fields)


PARSERS = {ETH: parse_eth, ARP: parse_arp, IP: parse_ip, ICMP: parse_icmp,
           IGMP: parse_igmp, UDP: parse_udp, TCP: parse_tcp}


def headers(data, layer, length):
    """The headers from the first byte on; `length` is the whole packet's, of
    which `data` may be only the beginning."""
    at = 0
    while layer is not None:
        try:
            header = PARSERS[layer](data[at:], length - at)
        except (struct.error, IndexError):
            return
        if layer == IP: # what Ethernet has padded is no part of it
            length = min(length, at + be16(data, at + 2))
        yield header
        if header.length <= 0:
            return
        at += header.length
        layer = header.following
