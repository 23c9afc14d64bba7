import { describe, expect, it } from 'vitest';
import { ip4, ip6 } from '../../../test/fabric/gateway-stage.js';
import {
  isIpv4Martian,
  isIpv4Multicast,
  isIpv6LinkLocal,
  isIpv6Martian,
  isIpv6Unspecified,
} from './address-class.js';

describe('address classes', () => {
  it.each([
    ['0.0.0.0', true],
    ['0.255.255.255', true],
    ['1.0.0.0', false],
    ['126.255.255.255', false],
    ['127.0.0.1', true],
    ['128.0.0.0', false],
    ['169.253.255.255', false],
    ['169.254.169.254', true],
    ['169.255.0.0', false],
    ['10.0.0.1', false],
    ['223.255.255.255', false],
    ['224.0.0.1', true],
    ['240.0.0.1', true],
    ['255.255.255.255', true],
  ])('%s is martian: %s', (text, expected) => {
    expect(isIpv4Martian(ip4(text))).toBe(expected);
  });

  it.each([
    ['::', true],
    ['::1', true],
    ['::ffff:10.0.0.1', true],
    ['64:ff9b::a00:1', false],
    ['2001:db8::1', false],
    ['fd00::1', false],
    ['fe7f::1', false],
    ['fe80::1', true],
    ['febf::1', true],
    ['fec0::1', false],
    ['ff02::1', true],
  ])('%s is martian: %s', (text, expected) => {
    expect(isIpv6Martian(ip6(text), 0)).toBe(expected);
  });

  it('tells groups, link-local and unspecified apart', () => {
    expect([isIpv4Multicast(ip4('239.1.1.1')), isIpv4Multicast(ip4('240.0.0.1'))]).toEqual([true, false]);
    expect([isIpv6LinkLocal(ip6('fe80::'), 0), isIpv6LinkLocal(ip6('fe00::'), 0)]).toEqual([true, false]);
    expect([isIpv6Unspecified(ip6('::'), 0), isIpv6Unspecified(ip6('::1'), 0)]).toEqual([true, false]);
  });
});
