import { expect, it } from 'vitest';
import { hexOf, linkLocalOf, slaacAddressOf } from './link-local.js';

it('forms the addresses that a machine forms from its MAC', () => {
  // RFC 4291 appendix A: the universal/local bit is inverted, ff:fe stands in the middle.
  expect(linkLocalOf('34:56:78:9a:bc:de')).toBe('fe80::3656:78ff:fe9a:bcde');
  expect(slaacAddressOf('2001:db8:1:2::', '52:54:00:00:00:01')).toBe('2001:db8:1:2:5054:ff:fe00:1');
  expect(() => linkLocalOf('nonsense')).toThrow('no /64 and MAC');
});

it('writes an address as nftables writes 128 raw bits', () => {
  expect(hexOf('fe80::1')).toBe('0xfe800000000000000000000000000001');
  expect(hexOf('::1')).toBe('0x1');
});
