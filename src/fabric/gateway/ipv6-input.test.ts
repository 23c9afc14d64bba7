import { describe, expect, it } from 'vitest';
import {
  dropsOf,
  ends6,
  GATEWAY_MAC,
  GUEST_MAC,
  ip6,
  ipFrame,
  mac,
  network,
  packetOf,
  secondNetwork,
  Stage,
  without,
} from '../../../test/fabric/gateway-stage.js';
import { formatIpv6 } from '../../wire/address.js';
import { Icmpv6Type, readIcmpv6, Unreachable6Code } from '../../wire/icmp.js';
import { ExtensionHeader, readIpv6Header, writeIpv6FragmentHeader } from '../../wire/ipv6.js';
import { readUdpHeader, udpChecksumHolds } from '../../wire/udp.js';
import { pseudoHeaderSumIpv6 } from '../../wire/checksum.js';
import { encodeNeighbourSolicitation } from '../../wire/ndp.js';
import { icmpPacket, icmpv6MessagePacket, udpPacket } from './packets.js';

function udpTo(destination: string, source?: string, hopLimit = 64): Buffer {
  const packet = udpPacket(ends6(destination, source), 4321, 9999, Buffer.from('hello'));
  packet[7] = hopLimit;
  return packet;
}

describe('an IPv6 packet that leaves the project', () => {
  it('goes to the NAT, hop limit counted down', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpTo('2001:db8::7');
    expect(stage.send(gateway, ipFrame(Buffer.concat([packet, Buffer.alloc(7)])))).toEqual([]);
    const [received] = stage.nat.received;
    expect(received).toMatchObject({ link: gateway, sourceMac: mac(GUEST_MAC) });
    expect(received?.packet).toHaveLength(packet.length);
    expect(readIpv6Header(received!.packet, 0, packet.length)?.hopLimit).toBe(63);
  });

  it('with hop limit 1 is answered with time exceeded from the gateway, quoting it', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpTo('2001:db8::7', undefined, 1);
    const [reply] = stage.send(gateway, ipFrame(packet));
    const answer = packetOf(reply);
    expect(formatIpv6(answer, 8)).toBe('fd00:0:0:1::1');
    expect(readIcmpv6(answer, 0, 40, answer.length)).toEqual({
      type: Icmpv6Type.timeExceeded,
      code: 0,
      rest: 0,
    });
    expect(answer.subarray(48)).toEqual(packet);
    expect(stage.nat.received).toEqual([]);
  });

  it.each(['::1', '::', 'fe80::99', '::ffff:10.0.0.1'])('is refused for %s', (destination) => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, ipFrame(udpTo(destination)))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'martian-destination': 1 });
    expect(stage.nat.received).toEqual([]);
  });

  it.each([
    ['::1', 'martian-source'],
    ['::', 'martian-source'],
    ['ff02::1', 'martian-source'],
    ['fe80::5054:ff:feaa:bb01', 'martian-source'],
    ['fd00:0:0:1::1', 'martian-source'],
    ['2001:db8::1', 'foreign-source'],
    ['fd00:0:0:2::5', 'foreign-source'],
  ])('is refused from %s', (source, reason) => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, ipFrame(udpTo('2001:db8::7', source)))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ [reason]: 1 });
    expect(stage.nat.received).toEqual([]);
  });

  it('is refused in a multicast frame, and cut short', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const packet = udpTo('2001:db8::7');
    stage.send(gateway, ipFrame(packet, '33:33:00:00:00:01'), ipFrame(packet.subarray(0, packet.length - 1)));
    expect(dropsOf(gateway)).toEqual({ 'link-broadcast': 1, malformed: 1 });
    expect(stage.nat.received).toEqual([]);
  });
});

describe('an isolated network', () => {
  it('routes no IPv6, and is no destination of it', () => {
    const stage = new Stage();
    const isolated = stage.gateway(network({ mode: 'isolated' }));
    const back = stage.gateway(secondNetwork());
    for (const destination of ['2001:db8::7', 'fd00:0:0:2::20', 'fd00:0:0:2::1', 'fd00:0:0:1::9']) {
      expect(stage.send(isolated, ipFrame(udpTo(destination)))).toEqual([]);
    }
    expect(dropsOf(isolated)).toEqual({ isolated: 4 });
    const inwards = udpTo('fd00:0:0:1::9', 'fd00:0:0:2::20');
    const [reply] = stage.send(back, ipFrame(inwards, '52:54:00:00:00:02'));
    expect(readIcmpv6(packetOf(reply), 0, 40, packetOf(reply).length)).toMatchObject({
      type: Icmpv6Type.destinationUnreachable,
      code: Unreachable6Code.noRoute,
    });
    expect(stage.nat.received).toEqual([]);
  });
});

describe('IPv6 to the gateway', () => {
  it('is answered from its link-local address where that was asked', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const ends = ends6('fe80::5054:ff:fe00:1', 'fe80::5054:ff:feaa:bb01');
    const [reply] = stage.send(
      gateway,
      ipFrame(icmpPacket(ends, Icmpv6Type.echoRequest, 0, 1, Buffer.alloc(4))),
    );
    expect(formatIpv6(packetOf(reply), 8)).toBe('fe80::5054:ff:fe00:1');
  });

  it('gets no echo from groups, and no other group is counted', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const echo = icmpPacket(ends6('ff02::1'), Icmpv6Type.echoRequest, 0, 1, Buffer.alloc(4));
    const mdns = udpTo('ff02::fb');
    expect(
      stage.send(gateway, ipFrame(echo, '33:33:00:00:00:01'), ipFrame(mdns, '33:33:00:00:00:fb')),
    ).toEqual([]);
    expect(dropsOf(gateway)).toEqual({});
  });

  it('may not carry neighbour discovery in fragments (RFC 6980)', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const ends = { source: ip6('fe80::5054:ff:feaa:bb01'), destination: ip6('fd00:0:0:1::1') };
    const body = encodeNeighbourSolicitation({ target: ends.destination, sourceMac: mac(GUEST_MAC) });
    const packet = icmpv6MessagePacket(ends, body, 255);
    expect(stage.send(gateway, ipFrame(packet, GATEWAY_MAC))).toHaveLength(1);
    const fragment = Buffer.alloc(packet.length + 8);
    packet.copy(fragment, 0, 0, 40);
    fragment[6] = ExtensionHeader.fragment;
    fragment.writeUInt16BE(fragment.length - 40, 4);
    packet.copy(fragment, writeIpv6FragmentHeader(fragment, 40, 58, 0, false, 1), 40);
    expect(stage.send(gateway, ipFrame(fragment))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ malformed: 1 });
  });

  it('is nothing to a network without IPv6', () => {
    const stage = new Stage();
    const gateway = stage.gateway(without(network(), 'ipv6'));
    expect(stage.send(gateway, ipFrame(udpTo('fd00:0:0:1::1')))).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'unsupported-protocol': 1 });
  });
});

describe('DHCPv6', () => {
  const ends = ends6('ff02::1:2', 'fe80::5054:ff:feaa:bb01');
  const solicit = ipFrame(udpPacket(ends, 546, 547, Buffer.from('solicit')), '33:33:00:01:00:02');

  it('reaches the server from a link-local address, and the reply goes back to it', () => {
    const stage = new Stage();
    const gateway = stage.gateway(network({ mode: 'isolated' }));
    stage.dhcpv6Reply = Buffer.from('advertise');
    const [reply, ...rest] = stage.send(gateway, solicit);
    expect(rest).toEqual([]);
    expect(stage.dhcpv6Requests).toEqual([
      { network: 'web', payload: Buffer.from('solicit'), sourceMac: mac(GUEST_MAC) },
    ]);
    const packet = packetOf(reply);
    expect([formatIpv6(packet, 8), formatIpv6(packet, 24)]).toEqual([
      'fe80::5054:ff:fe00:1',
      'fe80::5054:ff:feaa:bb01',
    ]);
    expect(readUdpHeader(packet, 40, packet.length)).toMatchObject({ sourcePort: 547, destinationPort: 546 });
    expect(packet.toString('latin1', 48)).toBe('advertise');
    const pseudo = pseudoHeaderSumIpv6(packet, 0, 17, packet.length - 40);
    expect(udpChecksumHolds(packet, 40, packet.length, pseudo)).toBe(true);
  });

  it('may be sent to the gateway itself', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    stage.dhcpv6Reply = Buffer.from('reply');
    const renew = udpPacket(
      ends6('fe80::5054:ff:fe00:1', 'fe80::5054:ff:feaa:bb01'),
      546,
      547,
      Buffer.from('renew'),
    );
    expect(stage.send(gateway, ipFrame(renew))).toHaveLength(1);
  });

  it('is refused from other addresses, and where the server refuses; without a server it is nothing', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    expect(stage.send(gateway, solicit)).toEqual([]);
    expect(dropsOf(gateway)).toEqual({});
    stage.dhcpv6Reply = 'other-server';
    const global = ipFrame(udpPacket(ends6('ff02::1:2'), 546, 547, Buffer.alloc(4)), '33:33:00:01:00:02');
    expect(stage.send(gateway, solicit, global)).toEqual([]);
    expect(dropsOf(gateway)).toEqual({ 'dhcp-refused': 1, malformed: 1 });
    expect(stage.dhcpv6Requests).toHaveLength(1);
  });
});
