/** A machine that is a network namespace of somebody else's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge, planFor } from './converge.js';
import { NamespaceLab, PROJECT, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('a NIC in a namespace that the file names', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  let namespace: string;
  beforeAll(() => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    namespace = lab.extraNamespace('named');
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  const topologyWith = (net6: { net6?: string }) =>
    topologyOf(PROJECT, [{ name: 'web', mode: 'nat', net: '10.77.1', ...net6 }], {
      box: [{ network: 'web', host: 11, options: { attach: 'netns', netns: namespace } }],
    });
  const disabled = (device: string): string =>
    lab.must(namespace, `sysctl -n net.ipv6.conf.${device}.disable_ipv6`).trim();

  it.each([
    ['with IPv6', { net6: 'fd00:77:1::' }],
    ['without', {}],
  ])('works where IPv6 is switched off, on a network %s', async (_, net6) => {
    const topology = topologyWith(net6);
    lab.must(namespace, 'ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1');
    const before = lab.dump(namespace);
    await converge(engine, topology);
    expect((await planFor(engine, topology)).steps).toEqual([]);
    expect(lab.pings(namespace, '203.0.113.9')).toBe(true);
    expect(lab.pings(namespace, '2001:db8:9::9')).toBe('net6' in net6);
    // Only the NIC that is of the file.
    expect(disabled('eth0')).toBe('0');
    expect(disabled('all')).toBe('1');
    await converge(engine, undefined);
    expect(lab.dump(namespace)).toBe(before);
  });
});
