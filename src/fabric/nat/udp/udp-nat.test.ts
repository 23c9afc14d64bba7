import { describe, expect, it } from 'vitest';
import { datagramFrom, readDatagram } from '../../../../test/fabric/nat/datagrams.js';
import { Random } from '../../../../test/fabric/nat/random.js';
import { GUEST_MAC } from '../../../../test/fabric/nat/recorded-link.js';
import { setUp } from '../../../../test/fabric/nat/udp-lab.js';
import { readQuotedPacket } from '../../../wire/icmp.js';

describe('mapping (RFC 4787)', () => {
  it('is one host socket for a guest address and port, whatever the destination (REQ-1)', () => {
    const { sockets, send, flows } = setUp();
    send('a');
    send('b', { remote: '198.51.100.9', remotePort: 9 });
    send('c', { guestPort: 6000 });
    send('d', { guest: '10.0.0.3' });
    expect(sockets.map((socket) => socket.sent)).toEqual([
      [
        { payload: 'a', address: '203.0.113.5', port: 53 },
        { payload: 'b', address: '198.51.100.9', port: 9 },
      ],
      [{ payload: 'c', address: '203.0.113.5', port: 53 }],
      [{ payload: 'd', address: '203.0.113.5', port: 53 }],
    ]);
    expect(flows()).toBe(3);
  });

  it('lets those answer who were spoken to, from any port, and nobody else (REQ-8)', () => {
    const { sockets, packets, send, drops } = setUp();
    send('a');
    sockets[0]!.events.received(Buffer.from('same port'), '203.0.113.5', 53);
    sockets[0]!.events.received(Buffer.from('other port'), '203.0.113.5', 4444);
    sockets[0]!.events.received(Buffer.from('stranger'), '198.51.100.9', 53);
    expect(packets.map((packet) => readDatagram(packet, {}))).toEqual([
      { sourcePort: 53, destinationPort: 5353, payload: 'same port' },
      { sourcePort: 4444, destinationPort: 5353, payload: 'other port' },
    ]);
    expect(drops()).toEqual({ 'udp-unsolicited': 1 });
  });

  it('lives 5 min after its last datagram in either direction, less for DNS alone (REQ-5, REQ-6)', () => {
    const { clock, sockets, send, flows } = setUp();
    send('dns');
    send('game', { guestPort: 7000, remotePort: 7000 });
    clock.advance(25_000);
    expect(flows()).toBe(2);
    clock.advance(20_000);
    expect(flows()).toBe(1);
    expect(sockets.map((socket) => socket.closed)).toEqual([true, false]);
    clock.advance(200_000);
    sockets[1]!.events.received(Buffer.from('x'), '203.0.113.5', 7000);
    clock.advance(290_000);
    expect(flows()).toBe(1);
    clock.advance(30_000);
    expect(flows()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('is bounded for a guest and for the network; the one idle longest makes room', () => {
    const { sockets, send, flows, drops } = setUp({}, { maxMappingsPerGuest: 3, maxMappingsPerNetwork: 4 });
    for (let guestPort = 1; guestPort <= 5; guestPort++) send('x', { guestPort });
    expect(sockets.map((socket) => socket.closed)).toEqual([true, true, false, false, false]);
    send('y', { guest: '10.0.0.3', guestPort: 1 }, 7);
    send('y', { guest: '10.0.0.3', guestPort: 2 }, 7);
    expect(flows()).toBe(4);
    expect(sockets.map((socket) => socket.closed)).toEqual([true, true, true, false, false, false, false]);
    expect(drops()).toEqual({ 'udp-mapping-displaced': 3 });
  });

  it('remembers a bounded number of addresses', () => {
    const { sockets, packets, send } = setUp({}, { maxRemotes: 2 });
    for (const remote of ['198.51.100.1', '198.51.100.2', '198.51.100.1', '198.51.100.3'])
      send('x', { remote });
    for (const address of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) {
      sockets[0]!.events.received(Buffer.from(address), address, 1);
    }
    expect(packets.map((packet) => packet.subarray(12, 16).join('.'))).toEqual([
      '198.51.100.1',
      '198.51.100.3',
    ]);
  });

  it('follows a guest to another card', () => {
    const { sockets, link, send } = setUp();
    const macs: number[] = [];
    const begin = link.begin.bind(link);
    link.begin = (mac, etherType, bytes) => {
      macs.push(mac);
      return begin(mac, etherType, bytes);
    };
    send('x', {}, 0x111);
    send('x', {}, 0x222);
    sockets[0]!.events.received(Buffer.from('y'), '203.0.113.5', 53);
    expect(macs).toEqual([0x222]);
  });
});

describe('errors', () => {
  it.each([
    ['ECONNREFUSED', 3],
    ['EHOSTUNREACH', 1],
    ['ENETUNREACH', 0],
    ['EACCES', 13],
  ])('tells the guest of %s by ICMP 3/%i with its datagram (RFC 1122 section 3.2.2.1)', (errorCode, code) => {
    const { sockets, packets, send } = setUp();
    send('hello');
    sockets[0]!.events.failed(errorCode, '203.0.113.5', 53);
    const [packet] = packets;
    expect(packet?.subarray(20, 22)).toEqual(Buffer.from([3, code]));
    expect(readQuotedPacket(packet!, 28, packet!.length)).toMatchObject({
      protocol: 17,
      sourcePort: 5353,
      destinationPort: 53,
    });
    expect(packet?.readUInt16BE(48 + 4)).toBe(13);
  });

  it('tells it in ICMPv6 (RFC 4443 section 3.1)', () => {
    const { sockets, packets, send } = setUp();
    send('hello', { guest: 'fd00::2', remote: '2001:db8::5' });
    expect(sockets[0]!.sent).toEqual([{ payload: 'hello', address: '2001:db8::5', port: 53 }]);
    sockets[0]!.events.failed('ECONNREFUSED', '2001:db8::5', 53);
    expect(packets[0]?.subarray(40, 42)).toEqual(Buffer.from([1, 4]));
    expect(readQuotedPacket(packets[0]!, 48, packets[0]!.length)).toMatchObject({
      protocol: 17,
      sourcePort: 5353,
    });
  });

  it('is silent about what it cannot attribute, and about shortages of the host', () => {
    const { sockets, packets, send, drops } = setUp();
    send('hello');
    sockets[0]!.events.failed('ECONNREFUSED', '203.0.113.5', 99);
    sockets[0]!.events.failed('ECONNREFUSED', '198.51.100.9', 53);
    sockets[0]!.events.failed('ENOBUFS', '203.0.113.5', 53);
    expect(packets).toEqual([]);
    expect(drops()).toEqual({ 'host-ENOBUFS': 1 });
  });

  it('keeps to a rate (RFC 1812 section 4.3.2.8)', () => {
    const { clock, packets, send } = setUp();
    for (let count = 0; count < 150; count++) send('x', { remote: '127.0.0.1' });
    expect(packets).toHaveLength(100);
    clock.advance(1000);
    send('x', { remote: '127.0.0.1' });
    expect(packets).toHaveLength(101);
  });
});

describe('destinations', () => {
  it.each(['127.0.0.1', '169.254.169.254', '0.0.0.0'])('refuses %s', (remote) => {
    const { sockets, packets, send } = setUp();
    send('x', { remote });
    expect(sockets).toHaveLength(0);
    expect(packets[0]?.subarray(20, 22)).toEqual(Buffer.from([3, 13]));
  });

  it('is silent about groups', () => {
    const { sockets, packets, send } = setUp();
    send('x', { remote: '239.255.255.250' });
    send('x', { guest: 'fd00::2', remote: 'ff02::fb' });
    expect(sockets).toHaveLength(0);
    expect(packets).toHaveLength(0);
  });

  it('leads the gateway to the host with hostLoopback, and answers come in its name', () => {
    const { sockets, packets, send } = setUp({ hostLoopback: true });
    send('x', { remote: '10.0.0.1' });
    expect(sockets[0]!.sent).toEqual([{ payload: 'x', address: '127.0.0.1', port: 53 }]);
    sockets[0]!.events.received(Buffer.from('y'), '127.0.0.1', 53);
    expect(readDatagram(packets[0]!, { remote: '10.0.0.1' }).payload).toBe('y');
  });

  it('says whose the gateway is without it: nobody', () => {
    const { sockets, link, nat } = setUp();
    const packet = datagramFrom({ remote: '10.0.0.1' }, Buffer.from('x'));
    expect(nat.receiveLocal(link, packet, 0, packet.length, GUEST_MAC)).toBe(false);
    expect(sockets).toHaveLength(0);
  });
});

describe('what a guest may send', () => {
  it('drops damaged datagrams; without checksum only over IPv4 (RFC 8200 section 8.1)', () => {
    const { sockets, link, nat, drops } = setUp();
    const inject = (packet: Buffer) => nat.receive(link, packet, 0, packet.length, GUEST_MAC);
    const damaged = datagramFrom({}, Buffer.from('x'));
    damaged[28]! ^= 1;
    inject(damaged);
    const unsummed = datagramFrom({}, Buffer.from('x'));
    unsummed.writeUInt16BE(0, 26);
    inject(unsummed);
    const unsummed6 = datagramFrom({ guest: 'fd00::2', remote: '2001:db8::5' }, Buffer.from('x'));
    unsummed6.writeUInt16BE(0, 46);
    inject(unsummed6);
    expect(sockets.flatMap((socket) => socket.sent)).toHaveLength(1);
    expect(drops()).toEqual({ 'bad-checksum': 2 });
  });

  it('never throws, whatever the bytes', () => {
    const random = new Random(11);
    const { link, nat, flows } = setUp({}, { maxMappingsPerGuest: 20, maxMappingsPerNetwork: 20 });
    for (let round = 0; round < 3000; round++) {
      const ends = random.chance(0.5) ? {} : { guest: 'fd00::2', remote: '2001:db8::5' };
      const packet = datagramFrom(
        { ...ends, guestPort: random.integer(0, 65_535) },
        random.bytes(random.integer(0, 50)),
      );
      const first = ends.guest === undefined ? 20 : 40;
      for (let count = random.integer(0, 3); count > 0; count--) {
        packet[random.integer(first, packet.length - 1)] = random.integer(0, 255);
      }
      nat.receive(
        link,
        packet,
        0,
        random.chance(0.2) ? random.integer(first, packet.length) : packet.length,
        GUEST_MAC,
      );
    }
    expect(flows()).toBeLessThanOrEqual(20);
  });
});
