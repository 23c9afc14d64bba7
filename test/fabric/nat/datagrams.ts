/** UDP packets of a guest, and what comes back. */
import { checksum } from '../../../src/wire/checksum.js';
import { IpProtocol } from '../../../src/wire/ipv4.js';
import { setUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../../../src/wire/udp.js';
import { pathBetween } from '../../../src/fabric/nat/ip-path.js';
import type {
  HostDatagramEvents,
  HostDatagrams,
  OpenDatagrams,
} from '../../../src/fabric/nat/udp/host-datagrams.js';

export interface DatagramEnds {
  readonly guest?: string;
  readonly guestPort?: number;
  readonly remote?: string;
  readonly remotePort?: number;
}

/** A packet from a guest. */
export function datagramFrom(ends: DatagramEnds, payload: Buffer): Buffer {
  const { guest = '10.0.0.2', guestPort = 5353, remote = '203.0.113.5', remotePort = 53 } = ends;
  const outward = pathBetween(remote, guest);
  if (outward === undefined) throw new Error('two addresses of one family');
  const lengthBytes = UDP_HEADER_BYTES + payload.length;
  const packet = Buffer.alloc(outward.headerBytes + lengthBytes);
  const at = outward.writeHeader(packet, 0, lengthBytes, IpProtocol.udp);
  packet.set(payload, writeUdpHeader(packet, at, guestPort, remotePort, lengthBytes));
  setUdpChecksum(packet, at, packet.length, outward.pseudoHeaderSum(IpProtocol.udp, lengthBytes));
  return packet;
}

/** What a packet to a guest says. @throws when a checksum is wrong. */
export function readDatagram(packet: Buffer, ends: DatagramEnds) {
  const { guest = '10.0.0.2', remote = '203.0.113.5' } = ends;
  const path = pathBetween(guest, remote);
  if (path === undefined) throw new Error('two addresses of one family');
  const at = path.headerBytes;
  if (path.family === 4 && checksum(packet, 0, at) !== 0) throw new Error('bad header checksum');
  const sum = path.pseudoHeaderSum(IpProtocol.udp, packet.length - at);
  if (checksum(packet, at, packet.length, sum) !== 0) throw new Error('bad UDP checksum');
  return {
    sourcePort: packet.readUInt16BE(at),
    destinationPort: packet.readUInt16BE(at + 2),
    payload: packet.subarray(at + UDP_HEADER_BYTES).toString(),
  };
}

export interface SimulatedDatagrams extends HostDatagrams {
  readonly events: HostDatagramEvents;
  readonly sent: { payload: string; address: string; port: number }[];
  closed: boolean;
}

/** Host sockets in memory. */
export function simulatedDatagrams(): { sockets: SimulatedDatagrams[]; open: OpenDatagrams } {
  const sockets: SimulatedDatagrams[] = [];
  const open: OpenDatagrams = (_family, _guestPort, events) => {
    const sent: SimulatedDatagrams['sent'] = [];
    const socket: SimulatedDatagrams = {
      events,
      sent,
      closed: false,
      send: (payload, address, port) => void sent.push({ payload: payload.toString(), address, port }),
      close() {
        this.closed = true;
      },
    };
    sockets.push(socket);
    return socket;
  };
  return { sockets, open };
}
