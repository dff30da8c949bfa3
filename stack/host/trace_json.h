/*
 * An event as one line with one JSON object (RFC 8259), for --trace=json.
 * Members, all but the first three only where they are known:
 *
 *     time          stack time, seconds
 *     event         frame, packet, segment, drop, state, timer, congestion,
 *                   neighbour, acked, window, text, ack, ready
 *     layer         eth, arp, ip, icmp, udp, tcp, socket
 *     direction     in, out
 *     frame         the number of the frame in hand, the first one is 1
 *     frame_out     of a frame that leaves: its number among those
 *     local, remote           addresses
 *     local_port, remote_port
 *     connection    the number of a TCP connection
 *     state         its state, when this happened; of a neighbour, the new one
 *     cwnd, ssthresh, flight, snd_wnd, rcv_wnd    bytes, of a TCP connection
 *     srtt, rttvar, rto       microseconds
 *     bytes         of a frame; of the payload of a packet or segment; that
 *                   were acknowledged or delivered; of a window
 *     src, dst      MAC addresses, of a frame; mac: of a neighbour
 *     gso           bytes of each segment, of a frame that is to be cut
 *     what          of a packet: its kind; of a timer: its name; of text: what
 *                   became of it; of an ACK: at once or delayed; of a
 *                   congestion event: its cause
 *     id, echo      identifier and sequence number of an ICMP echo
 *     flags         of a segment, as in tcpdump's letters
 *     seq, ack      relative to the initial numbers iss and irs, which are
 *                   ours and the peer's; win, urg: as they are in the header
 *     options       an object: mss, wscale, sack_ok, ts_val, ts_ecr,
 *                   sack (pairs, relative), fast_open, uto
 *     ecn           the bits of its packet, if not 0
 *     reason, text, section   of a drop: its name, in words, which RFC says so
 *     from          of a state: the one before
 *     due           of an ACK: at this stack time at the latest
 *     socket        the number of a socket whose program is told
 */
#ifndef TAPIR_HOST_TRACE_JSON_H
#define TAPIR_HOST_TRACE_JSON_H

#include "base/trace.h"
#include "host/line.h"

void trace_json_line(const struct trace_event *event, struct line *line);

#endif
