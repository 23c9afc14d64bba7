import { describe, expect, test } from 'vitest';
import { parseSpec } from '../parse.js';

/** Codes and places of a network's problems. */
function told(keys: string): string[] {
  const result = parseSpec(`project: shop\nengine: ovs\nnetworks:\n  lan: { ${keys} }\n`, 'f.yaml');
  if ('spec' in result) return [];
  return result.problems.map(({ at, code }) => `${at?.line}:${at?.column} ${code}`);
}

function bondOf(keys: string): unknown {
  const result = parseSpec(`project: shop\nengine: ovs\nnetworks:\n  lan: { ${keys} }\n`, 'f.yaml');
  return 'spec' in result ? result.spec.networks[0]?.options['bond'] : result.problems;
}

describe('bonds of uplinks', () => {
  test('a list is a bond that asks nothing of the other end', () => {
    expect(bondOf('mode: bridge, uplink: [eth1, eth2]')).toEqual({
      members: ['eth1', 'eth2'],
      mode: 'active-backup',
      lacp: 'off',
    });
    expect(bondOf('mode: bridge, uplink: eth1')).toBeUndefined();
  });

  test('balance-tcp talks LACP by itself', () => {
    expect(bondOf('mode: bridge, uplink: [eth1, eth2], bond: { mode: balance-tcp }')).toMatchObject({
      lacp: 'active',
    });
    expect(
      bondOf('mode: bridge, uplink: [eth1, eth2], bond: { mode: balance-tcp, lacp: passive }'),
    ).toMatchObject({ lacp: 'passive' });
  });

  test.each([
    ['mode: bridge, uplink: eth1, bond: { mode: active-backup }', ['4:32 spec/bond-members']],
    ['mode: bridge, bond: { mode: active-backup }', ['4:3 spec/bond-members']],
    ['mode: bridge, uplink: [eth1]', ['4:32 spec/bond-members']],
    ['mode: bridge, uplink: [eth1, default]', ['4:32 spec/bond-members']],
    ['mode: bridge, uplink: [eth1, eth2, eth1]', ['4:32 spec/bond-members']],
    [
      'mode: bridge, uplink: [eth1, eth2], bond: { mode: balance-tcp, lacp: off }',
      ['4:52 spec/bond-without-lacp'],
    ],
    ['mode: nat, uplink: [eth1, eth2]', ['4:29 spec/bond-not-for-mode']],
    ['mode: nat, uplink: [eth1, eth2], bond: {}', ['4:43 spec/key-not-for-mode']],
    ['mode: bridge, uplink: [eth1, "not a name"]', ['4:39 spec/bad-interface-name']],
    ['mode: bridge, uplink: []', ['4:32 spec/bond-members']],
  ])('%s', (keys, problems) => {
    expect(told(keys)).toEqual(problems);
  });
});
