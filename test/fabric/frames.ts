/** Frames for the tests of the data plane, built from the wire codecs. */
import { parseIpv4, parseIpv6 } from '../../src/wire/address.js';
import { writeArp } from '../../src/wire/arp.js';
import { EtherType, parseMac, writeEthernetHeader } from '../../src/wire/ethernet.js';
import { writeIpv4Header } from '../../src/wire/ipv4.js';
import { writeIpv6Header } from '../../src/wire/ipv6.js';

export const BROADCAST = 0xffff_ffff_ffff;

export function ethernet(
  etherType: number,
  payload: Buffer,
  source: number,
  destination = BROADCAST,
): Buffer {
  const header = Buffer.alloc(14);
  writeEthernetHeader(header, 0, destination, source, etherType);
  return Buffer.concat([header, payload]);
}

export function ipv4(source: string, protocol: number, payload: Buffer, flagsAndOffset = 0): Buffer {
  const header = Buffer.alloc(20);
  const destination = parseIpv4('192.0.2.1')!;
  writeIpv4Header(
    header,
    0,
    20 + payload.length,
    protocol,
    parseIpv4(source)!,
    destination,
    64,
    0,
    flagsAndOffset,
  );
  return Buffer.concat([header, payload]);
}

export function ipv6(source: string, nextHeader: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(40);
  writeIpv6Header(header, 0, payload.length, nextHeader, parseIpv6(source)!, parseIpv6('ff02::1')!, 255);
  return Buffer.concat([header, payload]);
}

export function udp(sourcePort: number, destinationPort: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

export function dhcp(operation: number, clientMac: number): Buffer {
  const message = Buffer.alloc(240);
  message[0] = operation;
  message.writeUIntBE(clientMac, 28, 6);
  return message;
}

export function arp(operation: number, senderMac: number, sender: string): Buffer {
  const packet = Buffer.alloc(28);
  const senderAddress = parseIpv4(sender)!;
  writeArp(packet, 0, { operation, senderMac, senderAddress, targetMac: 0, targetAddress: 1 });
  return packet;
}

/** An 8-byte extension header that names the next one. */
export const extensionHeader = (nextHeader: number): Buffer => Buffer.from([nextHeader, 0, 1, 4, 0, 0, 0, 0]);
export const vlan = (frame: Buffer, etherType: number = EtherType.vlan): Buffer => {
  const tag = Buffer.from([etherType >>> 8, etherType & 0xff, 0, 0]);
  return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
};

/** MAC of a test machine, by number. */
export function macOf(index: number): string {
  return `52:54:00:00:00:${index.toString(16).padStart(2, '0')}`;
}

export function macNumber(index: number): number {
  return parseMac(macOf(index)) ?? 0;
}

/** Frames in stream framing. */
export function framed(...frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(frame.length);
      return [header, frame];
    }),
  );
}

/** The frames of a byte stream; what is cut off at the end is left out. */
export function unframed(stream: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let offset = 0; offset + 4 <= stream.length; ) {
    const end = offset + 4 + stream.readUInt32BE(offset);
    if (end > stream.length) break;
    frames.push(stream.subarray(offset + 4, end));
    offset = end;
  }
  return frames;
}
