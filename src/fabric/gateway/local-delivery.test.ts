import { describe, expect, it } from 'vitest';
import {
  dropsOf,
  ends4,
  ends6,
  ethernetOf,
  GUEST_MAC,
  ipFrame,
  mac,
  network,
  packetOf,
  secondNetwork,
  Stage,
  without,
} from '../../../test/fabric/gateway-stage.js';
import { checksum, pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../wire/checksum.js';
import {
  echoRest,
  IcmpType,
  Icmpv6Type,
  readIcmp,
  readIcmpv6,
  Unreachable6Code,
  UnreachableCode,
} from '../../wire/icmp.js';
import { readIpv4Header } from '../../wire/ipv4.js';
import { readTcpHeader, TcpFlag } from '../../wire/tcp.js';
import { readUdpHeader } from '../../wire/udp.js';
import { MAX_DNS_QUERIES } from './local-delivery.js';
import { type Ends, icmpPacket, tcpPacket, udpPacket } from './packets.js';

const TO_4 = ends4('10.0.0.1');
const TO_6 = ends6('fd00:0:0:1::1');

interface Family {
  readonly name: string;
  readonly ends: Ends;
  readonly headerBytes: number;
  readonly request: number;
  readonly reply: number;
  /** Type and code of port unreachable. */
  readonly unreachable: readonly [number, number];
}

const FAMILIES: readonly Family[] = [
  {
    name: 'IPv4',
    ends: TO_4,
    headerBytes: 20,
    request: IcmpType.echoRequest,
    reply: IcmpType.echoReply,
    unreachable: [IcmpType.destinationUnreachable, UnreachableCode.port],
  },
  {
    name: 'IPv6',
    ends: TO_6,
    headerBytes: 40,
    request: Icmpv6Type.echoRequest,
    reply: Icmpv6Type.echoReply,
    unreachable: [Icmpv6Type.destinationUnreachable, Unreachable6Code.port],
  },
];

function icmpOf(frame: Buffer | undefined): { type: number; code: number; rest: number } | undefined {
  const packet = packetOf(frame);
  return packet[0]! >>> 4 === 4
    ? readIcmp(packet, 20, packet.length)
    : readIcmpv6(packet, 0, 40, packet.length);
}

function transportHolds(packet: Buffer, protocol: number): boolean {
  const header = readIpv4Header(packet, 0, packet.length);
  const start = header === undefined ? 40 : 20;
  const pseudo =
    header === undefined
      ? pseudoHeaderSumIpv6(packet, 0, protocol, packet.length - 40)
      : pseudoHeaderSumIpv4(header.source, header.destination, protocol, packet.length - 20);
  return checksum(packet, start, packet.length, pseudo) === 0;
}

describe.each(FAMILIES)('$name to the gateway', ({ ends, headerBytes, request, reply, unreachable }) => {
  it('has its echo answered, data included', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const echo = icmpPacket(ends, request, 0, echoRest(7, 9), Buffer.from('payload'));
    const [frame, ...rest] = stage.send(gateway, ipFrame(echo));
    expect(rest).toEqual([]);
    expect(ethernetOf(frame).destination).toBe(mac(GUEST_MAC));
    expect(icmpOf(frame)).toEqual({ type: reply, code: 0, rest: echoRest(7, 9) });
    expect(packetOf(frame).toString('latin1', headerBytes + 8)).toBe('payload');
    expect(dropsOf(gateway)).toEqual({});
  });

  it('has its echo answered on an isolated network, but nothing else', () => {
    const stage = new Stage();
    const gateway = stage.gateway(network({ mode: 'isolated', hostLoopback: true }));
    expect(
      icmpOf(stage.send(gateway, ipFrame(icmpPacket(ends, request, 0, 1, Buffer.alloc(0))))[0])?.type,
    ).toBe(reply);
    const others = [
      udpPacket(ends, 1000, 123, Buffer.alloc(4)),
      tcpPacket(ends, 1000, 22, 1, 0, TcpFlag.syn),
      icmpPacket(ends, unreachable[0], 0, 0, Buffer.alloc(40)),
    ];
    expect(stage.send(gateway, ...others.map((packet) => ipFrame(packet)))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ isolated: 2 });
    expect(stage.nat.received).toEqual([]);
    expect(stage.nat.receivedLocal).toEqual([]);
  });

  it('is refused on a closed UDP port with port unreachable', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpPacket(ends, 1000, 123, Buffer.from('hello'));
    const [frame] = stage.send(gateway, ipFrame(packet));
    expect(icmpOf(frame)).toEqual({ type: unreachable[0], code: unreachable[1], rest: 0 });
    expect(packetOf(frame).subarray(headerBytes + 8)).toEqual(packet);
    expect(dropsOf(gateway)).toEqual({ 'closed-port': 1 });
  });

  it('is refused on a closed TCP port with RST, but never for an RST', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const syn = tcpPacket(ends, 1000, 22, 77, 0, TcpFlag.syn);
    const packet = packetOf(stage.send(gateway, ipFrame(syn))[0]);
    expect(readTcpHeader(packet, headerBytes, packet.length)).toMatchObject({
      sourcePort: 22,
      destinationPort: 1000,
      sequence: 0,
      acknowledgement: 78,
      flags: TcpFlag.rst | TcpFlag.ack,
    });
    expect(transportHolds(packet, 6)).toBe(true);
    const ack = packetOf(stage.send(gateway, ipFrame(tcpPacket(ends, 1000, 22, 77, 500, TcpFlag.ack)))[0]);
    expect(readTcpHeader(ack, headerBytes, ack.length)).toMatchObject({ sequence: 500, flags: TcpFlag.rst });
    expect(stage.send(gateway, ipFrame(tcpPacket(ends, 1000, 22, 77, 0, TcpFlag.rst)))).toEqual([]);
  });

  it('goes to the NAT where the host’s loopback is offered, DNS and DHCP excepted', () => {
    const stage = new Stage();
    const gateway = stage.gateway(network({ hostLoopback: true }));
    stage.send(
      gateway,
      ipFrame(udpPacket(ends, 1000, 123, Buffer.alloc(4))),
      ipFrame(tcpPacket(ends, 1000, 22, 1, 0, TcpFlag.syn)),
      ipFrame(tcpPacket(ends, 1000, 53, 1, 0, TcpFlag.syn)),
      ipFrame(udpPacket(ends, 1000, 53, Buffer.alloc(12))),
    );
    expect(stage.nat.received).toHaveLength(2);
    expect(stage.nat.receivedLocal).toHaveLength(1);
    expect(stage.dnsQueries).toHaveLength(1);
  });

  it('is the NAT’s when it belongs to a flow of the NAT', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    stage.nat.takesLocal = true;
    const packets = [
      tcpPacket(ends, 1000, 40_000, 1, 0, TcpFlag.ack),
      udpPacket(ends, 1000, 40_000, Buffer.alloc(4)),
      icmpPacket(ends, unreachable[0], unreachable[1], 0, Buffer.alloc(40)),
    ];
    expect(stage.send(gateway, ...packets.map((packet) => ipFrame(packet)))).toEqual([]);
    expect(stage.nat.receivedLocal.map(({ packet }) => packet)).toEqual(packets);
    expect(dropsOf(gateway)).toEqual({});
  });

  it('has its DNS queries answered from the address that was asked', async () => {
    const stage = new Stage();
    const gateway = stage.gateway(network({ mode: 'isolated' }));
    stage.dnsAnswer = (query) => Promise.resolve(Buffer.concat([Buffer.from('re:'), query]));
    expect(stage.send(gateway, ipFrame(udpPacket(ends, 5353, 53, Buffer.from('query'))))).toEqual([]);
    await new Promise(setImmediate);
    const [frame] = stage.takeFrames();
    const packet = packetOf(frame);
    expect(ethernetOf(frame).destination).toBe(mac(GUEST_MAC));
    expect(readUdpHeader(packet, headerBytes, packet.length)).toMatchObject({
      sourcePort: 53,
      destinationPort: 5353,
    });
    expect(transportHolds(packet, 17)).toBe(true);
    expect(packet.toString('latin1', headerBytes + 8)).toBe('re:query');
    expect(stage.dnsQueries[0]?.network).toBe('web');
  });

  it('is refused with a wrong checksum', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packets = [
      udpPacket(ends, 1000, 53, Buffer.from('query')),
      tcpPacket(ends, 1000, 22, 1, 0, TcpFlag.syn),
      icmpPacket(ends, request, 0, 1, Buffer.from('data')),
    ];
    for (const packet of packets) packet[headerBytes]! ^= 0x04;
    expect(stage.send(gateway, ...packets.map((packet) => ipFrame(packet)))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ malformed: 3 });
    expect(stage.dnsQueries).toEqual([]);
  });
});

describe('the gateway', () => {
  it('answers no DNS where the network has none', () => {
    const stage = new Stage();
    const gateway = stage.gateway(without(network(), 'dns'));
    const [frame] = stage.send(gateway, ipFrame(udpPacket(TO_4, 5353, 53, Buffer.from('query'))));
    expect(icmpOf(frame)).toMatchObject({ code: UnreachableCode.port });
    expect(stage.dnsQueries).toEqual([]);
  });

  it('bounds the DNS queries that wait, and survives a name server that fails', async () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const failures: (() => void)[] = [];
    stage.dnsAnswer = () => new Promise((_, reject) => failures.push(() => reject(new Error('defect'))));
    for (let count = 0; count < MAX_DNS_QUERIES + 5; count++) {
      stage.send(gateway, ipFrame(udpPacket(TO_4, 5353, 53, Buffer.from('query'))));
    }
    expect(stage.dnsQueries).toHaveLength(MAX_DNS_QUERIES);
    expect(dropsOf(gateway)).toEqual({ 'queue-full': 5 });
    for (const fail of failures) fail();
    await new Promise(setImmediate);
    expect(dropsOf(gateway)['service-failed']).toBe(MAX_DNS_QUERIES);
    stage.send(gateway, ipFrame(udpPacket(TO_4, 5353, 53, Buffer.from('query'))));
    expect(stage.dnsQueries).toHaveLength(MAX_DNS_QUERIES + 1);
  });

  it('answers for its address on another network, but serves nothing there', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    stage.gateway(secondNetwork());
    const ends = ends4('10.0.1.1');
    const [echo] = stage.send(
      gateway,
      ipFrame(icmpPacket(ends, IcmpType.echoRequest, 0, 1, Buffer.alloc(0))),
    );
    expect(icmpOf(echo)?.type).toBe(IcmpType.echoReply);
    expect(readIpv4Header(packetOf(echo), 0, 28)).toMatchObject(ends4('10.0.0.11', '10.0.1.1'));
    const [refusal] = stage.send(gateway, ipFrame(udpPacket(ends, 5353, 53, Buffer.from('query'))));
    expect(icmpOf(refusal)).toMatchObject({ code: UnreachableCode.port });
    expect(stage.dnsQueries).toEqual([]);
    expect(stage.nat.receivedLocal).toEqual([]);
  });

  it('refuses protocols it does not speak', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpPacket(TO_4, 1, 2, Buffer.alloc(4));
    packet[9] = 132;
    packet.writeUInt16BE(packet.readUInt16BE(10) - (132 - 17), 10);
    expect(icmpOf(stage.send(gateway, ipFrame(packet))[0])).toMatchObject({ code: UnreachableCode.protocol });
  });
});
