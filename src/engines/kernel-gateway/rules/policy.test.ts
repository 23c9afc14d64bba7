import { expect, it } from 'vitest';
import { sampleNetwork, sampleSubnets } from '../../../../test/sample-topology.js';
import type { Network } from '../../../topology/topology.js';
import { gatewayTable } from './gateway-table.js';
import { policyElements } from './policy.js';

const network = (rest: Partial<Network>): Network => sampleNetwork({ ...sampleSubnets, ...rest });

it('translates a nat network, IPv6 too unless it is said to be routed', () => {
  expect(policyElements(network({}))).toEqual({
    from_segment: ['"psl1" : jump from_nat'],
    into_segment: ['"psl1" : goto into_nat'],
    masquerade4: ['10.0.0.0/24'],
    masquerade6: ['fd00::/64'],
    same_segment: ['"psl1" . "psl1"'],
    segments: ['"psl1"'],
    subnets4: ['"psl1" . 10.0.0.0/24'],
    subnets6: ['"psl1" . fd00::/64'],
  });
  const routed6 = policyElements(network({ options: { 'ipv6-nat': false } }));
  expect(routed6).not.toHaveProperty('masquerade6');
  expect(routed6['into_segment']).toEqual(['"psl1" : goto into_nat4']);
});

it('lets a network with an uplink of its own leave by that alone', () => {
  expect(policyElements(network({ mode: 'routed', uplink: 'eth1' }))).toMatchObject({
    bound_uplinks: ['"psl1" . "eth1"'],
    from_segment: ['"psl1" : jump from_routed_bound'],
  });
  expect(policyElements(network({ uplink: 'eth1' }))['from_segment']).toEqual([
    '"psl1" : jump from_nat_bound',
  ]);
  expect(policyElements(network({ uplink: 'default' }))).not.toHaveProperty('bound_uplinks');
});

it('shuts an isolated network, and leaves a bridged one to the LAN', () => {
  expect(policyElements(network({ mode: 'isolated' }))).toEqual({
    closed: ['"psl1"'],
    from_segment: ['"psl1" : goto shut'],
    into_segment: ['"psl1" : goto shut'],
    same_segment: ['"psl1" . "psl1"'],
  });
  expect(policyElements(network({ mode: 'bridge' }))).toEqual({ same_segment: ['"psl1" . "psl1"'] });
});

it('names sets and chains that the table has', () => {
  const { sets, chains } = gatewayTable('shop', 'linux');
  for (const mode of ['nat', 'routed', 'isolated', 'bridge'] as const) {
    for (const options of [{}, { 'ipv6-nat': false }]) {
      const elements = policyElements(network({ mode, options, uplink: 'eth1' }));
      for (const [set, texts] of Object.entries(elements)) {
        expect(sets).toHaveProperty(set);
        for (const text of texts) {
          const [, chain] = / : (?:jump|goto) (\w+)$/.exec(text) ?? [];
          if (chain !== undefined) expect(chains).toHaveProperty(chain);
        }
      }
    }
  }
});
