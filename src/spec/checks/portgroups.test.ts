import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { parseSpec } from '../parse.js';
import type { NicSpec } from '../spec.js';

function nicOf(groups: string, keys: string): NicSpec {
  const result = parseSpec(file(groups, keys), 'f.yaml');
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.spec.machines[0]!.nics[0]!;
}

function file(groups: string, keys: string): string {
  return [
    'project: shop',
    'engine: ovs',
    'networks:',
    '  web:',
    '    mode: isolated',
    `    portgroups: ${groups}`,
    `machines: { a: { nics: [{ network: web, ${keys} }] } }`,
    '',
  ].join('\n');
}

describe('portgroups', () => {
  const groups = '{ desks: { vlan: 10, rate-limit: 100mbit, anti-spoofing: false } }';

  test('a NIC has what its group says, and its own keys are over that', () => {
    const nic = nicOf(groups, 'portgroup: desks, vlan: 20, rate-limit-in: 1gbit');
    expect(nic.options).toEqual({ vlan: 20, 'rate-limit': '100mbit', 'rate-limit-in': '1gbit' });
    expect(nic.antiSpoofing).toBe(false);
    expect(nicOf(groups, 'portgroup: desks, anti-spoofing: true').antiSpoofing).toBe(true);
    expect(nicOf(groups, 'vlan: 20').options).toEqual({ vlan: 20 });
  });

  test('each setting has the place where it was written', () => {
    const nic = nicOf(groups, 'portgroup: desks, vlan: 20');
    expect(nic.keyLocations?.['rate-limit']).toMatchObject({ line: 6 });
    expect(nic.keyLocations?.['vlan']).toMatchObject({ line: 7 });
  });

  test('a NIC with a group is the NIC with the keys written out', () => {
    const setting = fc.record(
      {
        vlan: fc.integer({ min: 1, max: 4094 }),
        isolated: fc.boolean(),
        'rate-limit': fc.constantFrom('10mbit', '1gbit'),
        'anti-spoofing': fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(setting, setting, (group, own) => {
        const words = (keys: object) => Object.entries(keys).map(([key, value]) => `${key}: ${value}`);
        const written = nicOf(
          `{ g: { ${words(group).join(', ')} } }`,
          ['portgroup: g', ...words(own)].join(', '),
        );
        const plain = nicOf('{}', ['model: e1000', ...words({ ...group, ...own })].join(', '));
        expect(written.options).toEqual(plain.options);
        expect(written.antiSpoofing).toBe(plain.antiSpoofing);
      }),
    );
  });

  test.each([
    ['{ desks: { vlan: 10 } }', 'portgroup: desk', 'spec/unknown-portgroup did you mean "desks"?'],
    ['{ desks: { vlan: 10 } }', 'portgroup: printers', 'spec/unknown-portgroup write desks'],
    [
      '{}',
      'portgroup: desks',
      'spec/unknown-portgroup add `portgroups: { desks: { vlan: 42 } }` to the network',
    ],
    ['{ desks: { vlna: 10 } }', 'portgroup: desks', 'spec/unknown-key did you mean "vlan"?'],
    ['{ desks: { mac: "52:54:00:00:00:01" } }', 'portgroup: desks', /^spec\/unknown-key the keys here are/],
    [
      '{ desks: { vlan: 5000 } }',
      'portgroup: desks',
      'spec/out-of-range write a whole number from 1 to 4094',
    ],
  ])('%s with %s', (groupText, keys, told) => {
    const result = parseSpec(file(groupText, keys), 'f.yaml');
    const problems = 'problems' in result ? result.problems.map(({ code, fix }) => `${code} ${fix}`) : [];
    expect(problems).toHaveLength(1);
    if (typeof told === 'string') expect(problems).toEqual([told]);
    else expect(problems[0]).toMatch(told);
  });
});
