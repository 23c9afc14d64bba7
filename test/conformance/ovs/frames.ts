/** Frames by hand, with right checksums where a switch looks at them. Addresses as text. */
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

export function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

export function ip4(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number));
}

/** Of an address with one `::`. */
export function ip6(text: string): Buffer {
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const front = groups(head);
  const back = groups(tail);
  const all = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}

export interface Ends {
  readonly from: string;
  readonly to?: string;
  /** VLAN tags, outermost first. */
  readonly tags?: readonly number[];
}

export function ethernet(
  { from, to = BROADCAST, tags = [] }: Ends,
  etherType: number,
  payload: Buffer,
): Buffer {
  const type = Buffer.alloc(2);
  type.writeUInt16BE(etherType);
  const tagBytes = tags.map((tag) => {
    const bytes = Buffer.from([0x81, 0x00, 0, 0]);
    bytes.writeUInt16BE(tag, 2);
    return bytes;
  });
  const frame = Buffer.concat([mac(to), mac(from), ...tagBytes, type, payload]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))]);
}

/** An EtherType that nobody guards: for markers. */
export function note(ends: Ends, text: string): Buffer {
  // Long enough that no tag more or less changes the padding.
  return ethernet(ends, 0x88b5, Buffer.from(text.padEnd(50, '.')));
}

export function arp(
  ends: Ends,
  operation: 1 | 2,
  sender: { mac: string; ip: string },
  target: string,
): Buffer {
  return ethernet(
    ends,
    0x0806,
    Buffer.concat([
      Buffer.from([0, 1, 8, 0, 6, 4, 0, operation]),
      mac(sender.mac),
      ip4(sender.ip),
      Buffer.alloc(6),
      ip4(target),
    ]),
  );
}

export function ipv4Packet(source: string, destination: string, protocol: number, payload: Buffer): Buffer {
  const header = Buffer.from([
    0x45,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    64,
    protocol,
    0,
    0,
    ...ip4(source),
    ...ip4(destination),
  ]);
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

export function ipv4(
  ends: Ends,
  source: string,
  destination: string,
  protocol: number,
  payload: Buffer,
): Buffer {
  return ethernet(ends, 0x0800, ipv4Packet(source, destination, protocol, payload));
}

/** A UDP datagram without checksum, as IPv4 allows. */
export function udp(sourcePort: number, destinationPort: number, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt16BE(8 + data.length, 4);
  return Buffer.concat([header, data]);
}

export function ipv6(
  ends: Ends,
  source: string,
  destination: string,
  nextHeader: number,
  payload: Buffer,
): Buffer {
  const header = Buffer.concat([
    Buffer.from([0x60, 0, 0, 0, 0, 0, nextHeader, 255]),
    ip6(source),
    ip6(destination),
  ]);
  header.writeUInt16BE(payload.length, 4);
  return ethernet(ends, 0x86dd, Buffer.concat([header, payload]));
}

/** An ICMPv6 message with its checksum (RFC 4443, 2.3). */
export function icmpv6(ends: Ends, source: string, destination: string, body: Buffer): Buffer {
  const message = Buffer.from(body);
  message.writeUInt16BE(0, 2);
  const pseudo = Buffer.concat([
    ip6(source),
    ip6(destination),
    Buffer.from([0, 0, 0, message.length, 0, 0, 0, 58]),
  ]);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2);
  return ipv6(ends, source, destination, 58, message);
}

/** Neighbour solicitation (135) or advertisement (136) with its link-layer option. */
export function neighbour(type: 135 | 136, target: string, linkLayer?: string): Buffer {
  const option =
    linkLayer === undefined
      ? Buffer.alloc(0)
      : Buffer.concat([Buffer.from([type === 135 ? 1 : 2, 1]), mac(linkLayer)]);
  return Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), ip6(target), option]);
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2)
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes[at]! * 256;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}
