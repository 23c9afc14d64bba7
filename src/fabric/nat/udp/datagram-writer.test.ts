import { describe, expect, it } from 'vitest';
import { datagramFrom, readDatagram } from '../../../../test/fabric/nat/datagrams.js';
import { Random } from '../../../../test/fabric/nat/random.js';
import { GUEST_MAC, RecordedLink } from '../../../../test/fabric/nat/recorded-link.js';
import { setUp } from '../../../../test/fabric/nat/udp-lab.js';
import { readIpv4Header } from '../../../wire/ipv4.js';
import { Ipv4Reassembler } from '../../../wire/ipv4-reassembly.js';
import { readIpv6Header } from '../../../wire/ipv6.js';
import { Ipv6Reassembler } from '../../../wire/ipv6-reassembly.js';
import { sendPacket } from '../oversize.js';

describe('sizes', () => {
  it('takes datagrams of up to 65507 bytes, and gives them back in fragments (RFC 791)', () => {
    const { sockets, packets, send } = setUp();
    const payload = new Random(5).bytes(65_507);
    send(payload);
    sockets[0]!.events.received(payload, '203.0.113.5', 53);
    expect(packets.length).toBe(45);
    expect(packets.every((packet) => packet.length <= 1500)).toBe(true);
    const reassembler = new Ipv4Reassembler();
    let whole: Buffer | undefined;
    for (const packet of packets) {
      const header = readIpv4Header(packet, 0, packet.length);
      expect(header?.dontFragment).toBe(false);
      whole ??= reassembler.add(packet, 0, header!, 0);
    }
    expect(whole?.subarray(28).equals(payload)).toBe(true);
    readDatagram(whole!, {});
  });

  it('does the same over IPv6 (RFC 8200 section 4.5)', () => {
    const { sockets, packets, send } = setUp();
    const ends = { guest: 'fd00::2', remote: '2001:db8::5' };
    const payload = new Random(6).bytes(20_000);
    send('x', ends);
    sockets[0]!.events.received(payload, '2001:db8::5', 53);
    const reassembler = new Ipv6Reassembler();
    let whole: Buffer | undefined;
    for (const packet of packets) {
      expect(packet.length).toBeLessThanOrEqual(1500);
      const header = readIpv6Header(packet, 0, packet.length)!;
      whole ??= reassembler.add(packet, 0, header, header.fragment!, 0);
    }
    expect(whole?.subarray(48).equals(payload)).toBe(true);
  });

  it.each([
    ['10.0.0.2', '203.0.113.5'],
    ['fd00::2', '2001:db8::5'],
  ])('puts fragments of %s together, and takes none for a packet', (guest, remote) => {
    const { sockets, link, nat, drops } = setUp();
    const payload = new Random(7).bytes(9000);
    const fragments: Buffer[] = [];
    const cutter = new RecordedLink(({ packet }) => fragments.push(Buffer.from(packet)));
    sendPacket(cutter, GUEST_MAC, datagramFrom({ guest, remote }, payload));
    cutter.flush();
    expect(fragments.length).toBeGreaterThan(5);
    for (const fragment of fragments.toReversed()) {
      expect(sockets).toHaveLength(0);
      nat.receive(link, fragment, 0, fragment.length, GUEST_MAC);
    }
    expect(sockets[0]!.sent[0]!.payload).toBe(payload.toString());
    expect(drops()).toEqual({});
  });

  it('drops for a guest whose port is full', () => {
    const { sockets, packets, link, send, drops } = setUp();
    send('x');
    link.queued = 1 << 30;
    sockets[0]!.events.received(Buffer.from('y'), '203.0.113.5', 53);
    expect(packets).toEqual([]);
    expect(drops()).toEqual({ 'queue-full': 1 });
  });
});
