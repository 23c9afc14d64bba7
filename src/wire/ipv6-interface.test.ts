import { describe, expect, it } from 'vitest';
import { formatIpv6, parseIpv4, parseIpv6 } from './address.js';
import { formatMac, parseMac } from './ethernet.js';
import {
  ipv4MulticastMac,
  ipv6MulticastMac,
  linkLocalAddress,
  slaacAddress,
  solicitedNodeMulticast,
} from './ipv6-interface.js';

describe('addresses of an IPv6 interface', () => {
  const mac = parseMac('52:54:00:aa:bb:01')!;

  it('are formed from the MAC', () => {
    expect(formatIpv6(linkLocalAddress(mac))).toBe('fe80::5054:ff:feaa:bb01');
    expect(formatIpv6(slaacAddress(parseIpv6('fd12:3456:789a:1::')!, mac))).toBe(
      'fd12:3456:789a:1:5054:ff:feaa:bb01',
    );
  });

  it('have groups and the groups have MACs', () => {
    const group = solicitedNodeMulticast(parseIpv6('fd00::5054:ff:feaa:bb01')!);
    expect(formatIpv6(group)).toBe('ff02::1:ffaa:bb01');
    expect(formatMac(ipv6MulticastMac(group))).toBe('33:33:ff:aa:bb:01');
    expect(formatMac(ipv4MulticastMac(parseIpv4('239.129.2.3')!))).toBe('01:00:5e:01:02:03');
  });
});
