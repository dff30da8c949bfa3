"""A capture (pcap of bare IP, to standard output) of 700 segments and a SACK
block whose right edge lies left of its left edge: a peer may send anything."""
import struct
import sys

A = bytes([192, 0, 2, 1])
B = bytes([192, 0, 2, 2])


def packet(src, dst, ports, seq, ack, flags, options=b"", text=b""):
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack,
                      (20 + len(options)) // 4 << 4, flags, 65535, 0, 0)
    tcp += options + text
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
                       src, dst) + tcp


packets = [packet(A, B, (1, 2), 1000, 0, 2),
           packet(B, A, (2, 1), 5000, 1001, 0x12)]
seq = 1001
for i in range(700):
    packets.append(packet(A, B, (1, 2), seq, 5001, 0x10, text=b"x" * 100))
    seq += 100
block = struct.pack(">BBBBII", 1, 1, 5, 10, seq - 100, 1500)
packets.append(packet(B, A, (2, 1), 5001, 1001, 0x10, block))

out = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
for i, data in enumerate(packets):
    out += struct.pack("<IIII", 1, 100 * i, len(data), len(data)) + data
sys.stdout.buffer.write(out)
