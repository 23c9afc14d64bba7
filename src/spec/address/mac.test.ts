import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMac } from './mac.js';

test('every unicast address but the null address reads back in lower case', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }), (octets) => {
      const text = octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
      const isGood = (octets[0]! & 1) === 0 && octets.some((octet) => octet !== 0);
      const result = parseMac(text.toUpperCase());
      if (isGood) expect(result).toEqual({ value: text });
      else expect(result).toMatchObject({ fault: { code: 'spec/bad-mac' } });
    }),
  );
});

test.each([
  [
    '52-54-00-00-00-01',
    '"52-54-00-00-00-01" is not a MAC address',
    'write six octets such as "52:54:00:00:00:01"',
  ],
  ['5254.0000.0001', '"5254.0000.0001" is not a MAC address', 'write six octets such as "52:54:00:00:00:01"'],
  ['52:54:00:00:00', '"52:54:00:00:00" is not a MAC address', 'write six octets such as "52:54:00:aa:bb:01"'],
  [
    '53:54:00:00:00:01',
    '53:54:00:00:00:01 is a multicast address (the first octet is odd), which no NIC may have',
    'write a unicast address such as "52:54:00:00:00:01"',
  ],
  [
    'ff:ff:ff:ff:ff:ff',
    'ff:ff:ff:ff:ff:ff is a multicast address (the first octet is odd), which no NIC may have',
    'write a unicast address such as "52:54:00:aa:bb:01"',
  ],
  ['00:00:00:00:00:00', '00:00:00:00:00:00 is the null address', 'write one such as "52:54:00:aa:bb:01"'],
])('%s is refused', (text, message, fix) => {
  expect(parseMac(text)).toEqual({ fault: { code: 'spec/bad-mac', message, fix } });
});
