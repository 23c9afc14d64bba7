import { describe, expect, it } from 'vitest';
import {
  echoRest,
  IcmpType,
  Icmpv6Type,
  readIcmp,
  readIcmpv6,
  setIcmpChecksum,
  setIcmpv6Checksum,
  writeIcmpHeader,
} from '../../../wire/icmp.js';
import { IpProtocol } from '../../../wire/ipv4.js';
import { pathBetween } from '../ip-path.js';
import { FakeClock } from '../../../../test/fabric/nat/fake-clock.js';
import { Random } from '../../../../test/fabric/nat/random.js';
import { GUEST_MAC, NETWORK, RecordedLink } from '../../../../test/fabric/nat/recorded-link.js';
import { UserNat } from '../user-nat.js';
import { type OpenPingSocket, type PingEvents, pingSockets } from './ping-socket.js';

interface FakeSocket {
  readonly events: PingEvents;
  readonly sent: { address: string; sequence: number; payload: string }[];
  closed: boolean;
}

function setUp(withSockets = true) {
  const clock = new FakeClock();
  const packets: Buffer[] = [];
  const link = new RecordedLink(({ packet }) => packets.push(Buffer.from(packet)));
  const nat = new UserNat({ clock, echoLimits: { maxFlowsPerNetwork: 3 } });
  const sockets: FakeSocket[] = [];
  const open: OpenPingSocket = (_family, events) => {
    const socket: FakeSocket = { events, sent: [], closed: false };
    sockets.push(socket);
    return {
      send: (address, sequence, payload) =>
        void socket.sent.push({ address, sequence, payload: payload.toString() }),
      close: () => {
        socket.closed = true;
      },
    };
  };
  if (withSockets) nat.usePingSockets(open);
  const ping = (identifier: number, sequence: number, remote = '203.0.113.5', guest = '10.0.0.2') => {
    const packet = request(guest, remote, identifier, sequence, Buffer.from(`data ${sequence}`));
    nat.receive(link, packet, 0, packet.length, GUEST_MAC);
    nat.endOfBatch(link);
    link.flush();
  };
  const flows = () => nat.flowCounts(NETWORK.name).icmp;
  const drops = () => Object.fromEntries(nat.drops(NETWORK.name));
  return { clock, packets, link, nat, sockets, ping, flows, drops };
}

function request(guest: string, remote: string, identifier: number, sequence: number, data: Buffer): Buffer {
  const path = pathBetween(remote, guest)!;
  const packet = Buffer.alloc(path.headerBytes + 8 + data.length);
  const isIpv4 = path.family === 4;
  const at = path.writeHeader(packet, 0, 8 + data.length, isIpv4 ? IpProtocol.icmp : IpProtocol.icmpv6);
  const type = isIpv4 ? IcmpType.echoRequest : Icmpv6Type.echoRequest;
  packet.set(data, writeIcmpHeader(packet, at, type, 0, echoRest(identifier, sequence)));
  if (isIpv4) setIcmpChecksum(packet, at, packet.length);
  else setIcmpv6Checksum(packet, 0, at, packet.length);
  return packet;
}

describe('echo (RFC 5508)', () => {
  it('is never answered without a ping socket, only counted', () => {
    const { clock, packets, ping, drops, flows } = setUp(false);
    ping(1, 1);
    clock.advance(60_000);
    expect(packets).toEqual([]);
    expect(drops()).toEqual({ 'echo-unavailable': 1 });
    expect(flows()).toBe(0);
  });

  it('is not answered where the kernel refuses the socket', () => {
    const { nat, packets, ping, drops } = setUp(false);
    nat.usePingSockets(pingSockets(() => -1));
    ping(1, 1);
    expect(packets).toEqual([]);
    expect(drops()).toEqual({ 'echo-unavailable': 1 });
  });

  it('passes requests on and answers with the identifier of the guest', () => {
    const { packets, sockets, ping } = setUp();
    ping(0xbeef, 7);
    expect(packets).toEqual([]);
    expect(sockets[0]!.sent).toEqual([{ address: '203.0.113.5', sequence: 7, payload: 'data 7' }]);
    sockets[0]!.events.replied('203.0.113.5', 7, Buffer.from('data 7'));
    const [packet] = packets;
    expect(readIcmp(packet!, 20, packet!.length)).toEqual({ type: 0, code: 0, rest: echoRest(0xbeef, 7) });
    expect(packet?.subarray(12, 20)).toEqual(Buffer.from([203, 0, 113, 5, 10, 0, 0, 2]));
    expect(packet?.subarray(28).toString()).toBe('data 7');
  });

  it('does so over IPv6', () => {
    const { packets, sockets, ping } = setUp();
    ping(5, 1, '2001:db8::5', 'fd00::2');
    sockets[0]!.events.replied('2001:db8::5', 1, Buffer.from('six'));
    const [packet] = packets;
    expect(readIcmpv6(packet!, 0, 40, packet!.length)).toEqual({ type: 129, code: 0, rest: echoRest(5, 1) });
  });

  it('gives large answers in fragments', () => {
    const { packets, sockets, ping } = setUp();
    ping(5, 1);
    sockets[0]!.events.replied('203.0.113.5', 1, Buffer.alloc(4000));
    expect(packets.map((packet) => packet.length)).toEqual([1500, 1500, 1068]);
  });

  it('takes no answer from who was not asked', () => {
    const { packets, sockets, ping } = setUp();
    ping(5, 1);
    sockets[0]!.events.replied('198.51.100.1', 1, Buffer.from('x'));
    expect(packets).toEqual([]);
  });

  it('keeps one socket for each identifier, 60 s at least, and few of them', () => {
    const { clock, sockets, ping, flows } = setUp();
    ping(1, 1);
    ping(1, 2);
    ping(2, 1);
    expect(sockets).toHaveLength(2);
    clock.advance(59_000);
    expect(flows()).toBe(2);
    clock.advance(15_000);
    expect(flows()).toBe(0);
    for (let identifier = 10; identifier < 15; identifier++) ping(identifier, 1);
    expect(flows()).toBe(3);
    expect(sockets.filter((socket) => !socket.closed)).toHaveLength(3);
  });

  it('lets nobody ask the loopback or the links of the host', () => {
    const { sockets, ping, drops } = setUp();
    for (const remote of ['127.0.0.1', '169.254.169.254', '224.0.0.1']) ping(1, 1, remote);
    expect(sockets).toHaveLength(0);
    expect(drops()).toEqual({ 'destination-refused': 3 });
  });

  it('never throws, whatever the bytes', () => {
    const random = new Random(3);
    const { link, nat, flows } = setUp();
    for (let round = 0; round < 2000; round++) {
      const isIpv4 = random.chance(0.5);
      const data = random.bytes(random.integer(0, 40));
      const packet = request(
        isIpv4 ? '10.0.0.2' : 'fd00::2',
        isIpv4 ? '203.0.113.5' : '2001:db8::5',
        round,
        1,
        data,
      );
      const first = isIpv4 ? 20 : 40;
      packet[random.integer(first, packet.length - 1)] = random.integer(0, 255);
      nat.receive(link, packet, 0, random.integer(first, packet.length), GUEST_MAC);
    }
    expect(flows()).toBeLessThanOrEqual(3);
  });
});
