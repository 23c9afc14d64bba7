import { describe, expect, it } from 'vitest';
import { ethernet, extensionHeader as options, ipv6, udp } from '../../../test/fabric/frames.js';
import { check, other, own } from '../../../test/fabric/guarded.js';
import { parseIpv6 } from '../../wire/address.js';
import { EtherType } from '../../wire/ethernet.js';
import { IpProtocol } from '../../wire/ipv4.js';
import { writeIpv6FragmentHeader } from '../../wire/ipv6.js';
import {
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
} from '../../wire/ndp.js';

const { udp: UDP, tcp: TCP, icmpv6: ICMPV6 } = IpProtocol;
const tcp = Buffer.alloc(20);

describe('SpoofGuard on IPv6', () => {
  const target = (text: string) => parseIpv6(text)!;
  const advertisement = (text: string, targetMac = own) =>
    encodeNeighbourAdvertisement({
      target: target(text),
      router: false,
      solicited: true,
      override: true,
      targetMac,
    });
  const solicitation = (text: string, sourceMac?: number) =>
    encodeNeighbourSolicitation({ target: target(text), ...(sourceMac !== undefined && { sourceMac }) });
  const routerAdvertisement = encodeRouterAdvertisement({
    hopLimit: 64,
    managed: false,
    otherConfiguration: false,
    routerLifetimeSeconds: 1800,
    reachableTimeMs: 0,
    retransmitTimerMs: 0,
    prefixes: [],
  });
  const fragmentHeader = (nextHeader: number, offsetBytes: number): Buffer => {
    const header = Buffer.alloc(8);
    writeIpv6FragmentHeader(header, 0, nextHeader, offsetBytes, true, 1);
    return header;
  };

  it.each<[string, string | undefined, Buffer]>([
    ['its own address', undefined, ipv6('fd00:1::a', TCP, tcp)],
    ['its link-local address', undefined, ipv6('fe80::5054:ff:fe00:1', TCP, tcp)],
    ['its address by SLAAC', undefined, ipv6('fd00:1::5054:ff:fe00:1', TCP, tcp)],
    ['a privacy address', undefined, ipv6('fd00:1::1234:5678:9abc:def0', TCP, tcp)],
    ["another's address", 'spoofed-ipv6', ipv6('fd00:1::b', TCP, tcp)],
    ["another's link-local address", 'spoofed-ipv6', ipv6('fe80::5054:ff:fe00:2', TCP, tcp)],
    ["another's address by SLAAC", 'spoofed-ipv6', ipv6('fd00:1::5054:ff:fe00:2', TCP, tcp)],
    ['a foreign prefix', 'spoofed-ipv6', ipv6('2001:db8::1', TCP, tcp)],
    ['a multicast source', 'spoofed-ipv6', ipv6('ff02::5', TCP, tcp)],
    ['a DHCPv6 request', undefined, ipv6('fe80::5054:ff:fe00:1', UDP, udp(546, 547))],
    ['a DHCPv6 reply', 'dhcp-server', ipv6('fe80::5054:ff:fe00:1', UDP, udp(547, 546))],
    [
      'a router advertisement',
      'router-advertisement',
      ipv6('fe80::5054:ff:fe00:1', ICMPV6, routerAdvertisement),
    ],
    [
      'a redirect',
      'router-advertisement',
      ipv6('fe80::5054:ff:fe00:1', ICMPV6, Buffer.alloc(40).fill(137, 0, 1)),
    ],
    ['a router solicitation', undefined, ipv6('::', ICMPV6, encodeRouterSolicitation({}))],
    [
      "a router solicitation with another's MAC",
      'spoofed-neighbour',
      ipv6('fd00:1::a', ICMPV6, encodeRouterSolicitation({ sourceMac: other })),
    ],
    ['an advertisement of its own', undefined, ipv6('fd00:1::a', ICMPV6, advertisement('fd00:1::a'))],
    [
      "an advertisement of another's address",
      'spoofed-neighbour',
      ipv6('fd00:1::a', ICMPV6, advertisement('fd00:1::b')),
    ],
    [
      "an advertisement of another's MAC",
      'spoofed-neighbour',
      ipv6('fd00:1::a', ICMPV6, advertisement('fd00:1::a', other)),
    ],
    ['a solicitation', undefined, ipv6('fd00:1::a', ICMPV6, solicitation('fd00:1::b', own))],
    [
      "a solicitation with another's MAC",
      'spoofed-neighbour',
      ipv6('fd00:1::a', ICMPV6, solicitation('fd00:1::b', other)),
    ],
    ['detection of a duplicate of its own', undefined, ipv6('::', ICMPV6, solicitation('fd00:1::a'))],
    ["detection on another's address", 'spoofed-neighbour', ipv6('::', ICMPV6, solicitation('fd00:1::b'))],
    [
      'an advertisement behind extension headers',
      'router-advertisement',
      ipv6('fe80::5054:ff:fe00:1', 0, Buffer.concat([options(60), options(ICMPV6), routerAdvertisement])),
    ],
    [
      'an advertisement in a fragment',
      'fragmented-neighbour',
      ipv6('fe80::5054:ff:fe00:1', 44, Buffer.concat([fragmentHeader(ICMPV6, 0), routerAdvertisement])),
    ],
    [
      'a first fragment without its upper-layer header',
      'hidden-header',
      ipv6('fd00:1::a', 44, Buffer.concat([fragmentHeader(60, 0), options(ICMPV6)])),
    ],
    [
      'a later fragment',
      undefined,
      ipv6('fd00:1::a', 44, Buffer.concat([fragmentHeader(ICMPV6, 8), options(0)])),
    ],
    [
      'nine extension headers',
      'hidden-header',
      ipv6('fd00:1::a', 60, Buffer.concat(Array(9).fill(options(60)))),
    ],
    [
      'MLD from the unspecified address',
      undefined,
      ipv6('::', 0, Buffer.concat([options(ICMPV6), Buffer.alloc(8, 143)])),
    ],
    ['a header cut short', 'truncated-header', ipv6('fd00:1::a', TCP, tcp).subarray(0, 39)],
  ])('%s: %s', (_, expected, packet) => {
    expect(check(ethernet(EtherType.ipv6, packet, own))).toBe(expected);
  });
});
