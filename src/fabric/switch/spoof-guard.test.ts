import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as frames from '../../../test/fabric/frames.js';
import { arp, dhcp, ipv4, ipv6, udp, vlan } from '../../../test/fabric/frames.js';
import { check, guardOf, other, OWN, own, strangersGuard } from '../../../test/fabric/guarded.js';
import { EtherType } from '../../wire/ethernet.js';
import { IpProtocol } from '../../wire/ipv4.js';
import { fuzz } from '../../../test/fuzz/fuzz.js';

const ethernet = (etherType: number, payload: Buffer, source = own): Buffer =>
  frames.ethernet(etherType, payload, source);
const tcp = Buffer.alloc(20);
const { udp: UDP, tcp: TCP } = IpProtocol;
const SPOOFED_IPV4 = ethernet(EtherType.ipv4, ipv4('10.0.0.2', TCP, tcp));

describe('SpoofGuard on IPv4', () => {
  it.each<[string, string | undefined, Buffer]>([
    ['its own address', undefined, ethernet(EtherType.ipv4, ipv4('10.0.0.1', TCP, tcp))],
    ["another's MAC", 'spoofed-mac', ethernet(EtherType.ipv4, ipv4('10.0.0.1', TCP, tcp), other)],
    ["another's address", 'spoofed-ipv4', SPOOFED_IPV4],
    ['a free address, but one is assigned', 'spoofed-ipv4', ethernet(0x0800, ipv4('10.0.0.77', TCP, tcp))],
    ['DHCP from 0.0.0.0', undefined, ethernet(0x0800, ipv4('0.0.0.0', UDP, udp(68, 67, dhcp(1, own))))],
    ['IGMP from 0.0.0.0', undefined, ethernet(0x0800, ipv4('0.0.0.0', 2, Buffer.alloc(8)))],
    ['TCP from 0.0.0.0', 'spoofed-ipv4', ethernet(0x0800, ipv4('0.0.0.0', TCP, tcp))],
    ['DNS from 0.0.0.0', 'spoofed-ipv4', ethernet(0x0800, ipv4('0.0.0.0', UDP, udp(5353, 53)))],
    [
      'DHCP for another client',
      'spoofed-dhcp',
      ethernet(0x0800, ipv4('0.0.0.0', UDP, udp(68, 67, dhcp(1, other)))),
    ],
    ['a DHCP offer', 'dhcp-server', ethernet(0x0800, ipv4('10.0.0.1', UDP, udp(67, 68, dhcp(2, other))))],
    ['a DHCP offer from an odd port', 'dhcp-server', ethernet(0x0800, ipv4('10.0.0.1', UDP, udp(9, 68)))],
    [
      'a relayed DHCP reply',
      'dhcp-server',
      ethernet(0x0800, ipv4('10.0.0.1', UDP, udp(67, 67, dhcp(2, own)))),
    ],
    [
      'a DHCP offer in fragments',
      'dhcp-server',
      ethernet(0x0800, ipv4('10.0.0.1', UDP, udp(67, 68).subarray(0, 8), 0x2000)),
    ],
    ['a later fragment', undefined, ethernet(0x0800, ipv4('10.0.0.1', UDP, Buffer.alloc(8), 0x0001))],
    ['a header cut short', 'truncated-header', ethernet(0x0800, ipv4('10.0.0.1', TCP, tcp).subarray(0, 19))],
    [
      'UDP ports cut off',
      'truncated-header',
      ethernet(0x0800, ipv4('10.0.0.1', UDP, udp(1, 2).subarray(0, 7))),
    ],
    ['version 6 in an IPv4 frame', 'truncated-header', ethernet(0x0800, ipv6('fd00:1::a', TCP, tcp))],
  ])('%s: %s', (_, expected, frame) => {
    expect(check(frame)).toBe(expected);
  });

  it('lets a NIC without an assigned address take a free one of the subnet', () => {
    const guard = guardOf({ mac: OWN.mac });
    expect(check(ethernet(0x0800, ipv4('10.0.0.50', TCP, tcp)), guard)).toBeUndefined();
    expect(check(ethernet(0x0800, ipv4('10.0.0.50', TCP, tcp)), guard)).toBeUndefined();
    expect(check(ethernet(0x0800, ipv4('10.0.0.2', TCP, tcp)), guard)).toBe('spoofed-ipv4');
    expect(check(ethernet(0x0800, ipv4('192.168.0.1', TCP, tcp)), guard)).toBe('spoofed-ipv4');
  });
});

describe('SpoofGuard on ARP', () => {
  it.each<[string, string | undefined, Buffer]>([
    ['a request of its own', undefined, arp(1, own, '10.0.0.1')],
    ['a reply of its own', undefined, arp(2, own, '10.0.0.1')],
    ['a probe', undefined, arp(1, own, '0.0.0.0')],
    ['a reply from no address', 'spoofed-arp', arp(2, own, '0.0.0.0')],
    ["another's address", 'spoofed-arp', arp(2, own, '10.0.0.2')],
    ["another's MAC", 'spoofed-arp', arp(2, other, '10.0.0.1')],
    ['other address lengths', 'spoofed-arp', Buffer.from(arp(1, own, '10.0.0.1')).fill(8, 4, 5)],
    ['other hardware', 'spoofed-arp', Buffer.from(arp(1, own, '10.0.0.1')).fill(6, 1, 2)],
    ['cut short', 'truncated-header', arp(1, own, '10.0.0.1').subarray(0, 27)],
  ])('%s: %s', (_, expected, packet) => {
    expect(check(ethernet(EtherType.arp, packet))).toBe(expected);
  });
});

describe('SpoofGuard on detours', () => {
  it.each<[string, string | undefined, Buffer]>([
    ['a VLAN tag', 'spoofed-ipv4', vlan(SPOOFED_IPV4)],
    ['a tag of a provider', 'spoofed-ipv4', vlan(SPOOFED_IPV4, 0x88a8)],
    ['two tags', 'spoofed-ipv4', vlan(vlan(SPOOFED_IPV4))],
    ['three tags', 'stacked-vlan', vlan(vlan(vlan(SPOOFED_IPV4)))],
    ['a tag before an honest packet', undefined, vlan(ethernet(0x0800, ipv4('10.0.0.1', TCP, tcp)))],
    ['a tag and nothing behind', 'truncated-header', ethernet(EtherType.vlan, Buffer.from([0, 0]))],
    ['LLC/SNAP with IPv4', 'encapsulated-ip', ethernet(48, Buffer.from('aaaa030000000800', 'hex'))],
    [
      'LLC/SNAP with ARP behind a tag',
      'encapsulated-ip',
      vlan(ethernet(48, Buffer.from('aaaa030000000806', 'hex'))),
    ],
    ['spanning tree', undefined, ethernet(38, Buffer.from('4242030000000000', 'hex'))],
    ['another protocol', undefined, ethernet(0x88b5, Buffer.alloc(4))],
  ])('%s: %s', (_, expected, frame) => {
    expect(check(frame)).toBe(expected);
  });

  fuzz('reads nothing outside of the frame, whatever it holds', [7], (seed) => {
    const etherType = fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x0030, 0x88b5);
    // Sources that pass, so that the walk behind them is reached.
    const start = fc.oneof(
      fc.constant(Buffer.alloc(0)),
      fc.constant(ipv4('10.0.0.1', UDP, Buffer.alloc(0))),
      fc.constantFrom(0, 43, 44, 51, 58, 60).map((next) => ipv6('fd00:1::a', next, Buffer.alloc(0))),
    );
    const guard = guardOf();
    fc.assert(
      fc.property(etherType, start, fc.uint8Array({ maxLength: 120 }), (type, head, tail) => {
        const frame = ethernet(type, Buffer.concat([head, tail]));
        // The view ends with the frame, so a read past it would throw.
        const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
        const reason = guard.check(view, 0, frame.length);
        expect(reason === undefined || typeof reason === 'string').toBe(true);
      }),
      { numRuns: 3000, seed },
    );
  });
});

describe('SpoofGuard on a stranger', () => {
  const [mac1, mac2] = [frames.macNumber(7), frames.macNumber(8)];
  const from = (mac: number, address: string): Buffer =>
    frames.ethernet(0x0800, ipv4(address, TCP, tcp), mac);

  it('lets several stations through, each with what it took', () => {
    const guard = strangersGuard();
    expect(check(from(mac1, '10.0.0.70'), guard)).toBeUndefined();
    expect(check(from(mac2, '10.0.0.80'), guard)).toBeUndefined();
    expect(check(frames.ethernet(0x0806, arp(1, mac1, '10.0.0.70'), mac1), guard)).toBeUndefined();
    expect(check(frames.ethernet(0x88b5, Buffer.alloc(40), mac2), guard)).toBeUndefined();
  });

  it.each<[string, string, Buffer]>([
    ["a machine's MAC", 'spoofed-mac', from(own, '10.0.0.70')],
    ['a group address as its MAC', 'spoofed-mac', from(0x0100_5e00_0001, '10.0.0.70')],
    ["a machine's IPv4 address", 'spoofed-ipv4', from(mac1, '10.0.0.2')],
    ['an address of another subnet', 'spoofed-ipv4', from(mac1, '192.168.0.1')],
    ["a machine's IPv6 address", 'spoofed-ipv6', frames.ethernet(0x86dd, ipv6('fd00:1::b', TCP, tcp), mac1)],
    ["ARP for a machine's address", 'spoofed-arp', frames.ethernet(0x0806, arp(2, mac1, '10.0.0.1'), mac1)],
    ["ARP with another's MAC", 'spoofed-arp', frames.ethernet(0x0806, arp(2, mac2, '10.0.0.70'), mac1)],
    [
      'a DHCP offer',
      'dhcp-server',
      frames.ethernet(0x0800, ipv4('10.0.0.70', UDP, udp(67, 68, dhcp(2, mac1))), mac1),
    ],
  ])('refuses %s', (_, expected, frame) => {
    expect(check(frame, strangersGuard())).toBe(expected);
  });
});
