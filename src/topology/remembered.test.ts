import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NOTHING_REMEMBERED, parseRememberedChoices, recalled } from './remembered.js';

test('what was written reads back', () => {
  const choices = {
    subnets: { web: { ipv4: '10.70.7.0/24', ipv6: 'fd00::/64' }, back: {} },
    addresses: { 'web1/0': '10.70.7.2' },
    macs: { 'web1/0': '52:54:00:00:00:01' },
    gatewayMacs: { web: '52:54:00:00:00:02' },
  };
  expect(parseRememberedChoices(JSON.parse(JSON.stringify(choices)))).toEqual(choices);
});

test('anything else is forgotten, part by part', () => {
  for (const junk of [undefined, null, 7, 'text', [], {}])
    expect(parseRememberedChoices(junk)).toEqual(NOTHING_REMEMBERED);
  expect(parseRememberedChoices({ addresses: { a: '10.0.0.1' }, macs: 7, subnets: { web: 'x' } })).toEqual({
    ...NOTHING_REMEMBERED,
    addresses: { a: '10.0.0.1' },
  });
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const { subnets, addresses } = parseRememberedChoices({ subnets: json, addresses: json });
      expect(typeof subnets).toBe('object');
      for (const address of Object.values(addresses)) expect(typeof address).toBe('string');
    }),
  );
});

test('a name that every object knows is not remembered', () => {
  expect(recalled({}, 'constructor')).toBeUndefined();
  expect(recalled({ constructor: 'x' }, 'constructor')).toBe('x');
});
