/** What somebody who knows a network's identifier would send into its tunnel, as a line for a shell. */
export interface StrangersFrame {
  /** Addresses of the underlay. */
  readonly source: string;
  readonly target: string;
  readonly identifier: number;
  /** In two pieces, of which the first ends before the identifier. */
  readonly fragmented: boolean;
}

/** Inside is a datagram to everyone's port 7777 that says `stranger`. The inner one has no checksum. */
const PROGRAM = `
import socket, struct, sys
source, target, identifier, fragmented = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == 'true'
def total(data):
    value = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while value >> 16: value = (value & 0xffff) + (value >> 16)
    return ~value & 0xffff
payload = b'stranger'
udp = struct.pack('!HHHH', 7777, 7777, 8 + len(payload), 0) + payload
def header(fields): return fields[:10] + struct.pack('!H', total(fields)) + fields[12:]
inner = header(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
    socket.inet_aton('10.90.0.99'), socket.inet_aton('255.255.255.255')))
frame = b'\\xff' * 6 + bytes.fromhex('525400abcdef') + b'\\x08\\x00' + inner + udp
vxlan = struct.pack('!II', 0x08000000, identifier << 8) + frame
if ':' in target and not fragmented:
    sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sender.bind((source, 0))
    sender.sendto(vxlan, (target, 4789))
elif not fragmented:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind((source, 0))
    sender.sendto(vxlan, (target, 4789))
elif ':' in target:
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
    length = 8 + len(vxlan)
    parts = struct.pack('!HHH', 5555, 4789, length)
    checksum = total(ends + struct.pack('!II', length, 17) + parts + b'\\0\\0' + vxlan + b'\\0' * (len(vxlan) % 2))
    outer = parts + struct.pack('!H', checksum) + vxlan
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for offset, more, piece in ((0, 1, outer[:8]), (8, 0, outer[8:])):
        raw.sendto(struct.pack('!IHBB', 6 << 28, 8 + len(piece), 44, 64) + ends
            + struct.pack('!BBHI', 17, 0, offset | more, 4321) + piece, (target, 0))
else:
    outer = struct.pack('!HHHH', 5555, 4789, 8 + len(vxlan), 0) + vxlan
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for offset, more, piece in ((0, 1, outer[:8]), (1, 0, outer[8:])):
        raw.sendto(header(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(piece), 4321, more << 13 | offset, 64, 17, 0,
            socket.inet_aton(source), socket.inet_aton(target))) + piece, (target, 0))
`;

export function strangersFrame({ source, target, identifier, fragmented }: StrangersFrame): string {
  const quoted = PROGRAM.replaceAll("'", `'"'"'`);
  return `python3 -c '${quoted}' ${source} ${target} ${identifier} ${fragmented}`;
}
