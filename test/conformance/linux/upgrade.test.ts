import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engines/contract.js';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import { impactByMachine } from '../../../src/plan/plan.js';
import { converge, planFor } from './converge.js';
import { machine, NamespaceLab, PROJECT, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const web1 = machine('web1');
const TABLE = `inet passerelle.${PROJECT}.linux`;

/** Rules are written anew by each version: what an older one has left is found by its marks, and brought up to date. */
describe.skipIf(reason !== undefined)('the rules of an older version', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  const topology = topologyOf(PROJECT, [{ name: 'web', mode: 'nat', net: '10.77.1' }], {
    web1: [{ network: 'web', host: 11 }],
  });

  beforeAll(async () => {
    lab = new NamespaceLab();
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    await converge(engine, topology);
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await lab.close();
    }
  });

  /** A chain, a set with an element, and a rule that this version does not have; and one missing that it has. */
  function makeOlder(): string {
    const device = topology.networks[0]?.interfaceName ?? '';
    const lines = [
      `add chain ${TABLE} from_elder`,
      `add rule ${TABLE} from_elder counter comment "elder 00000000"`,
      `add set ${TABLE} elders { type ifname ; }`,
      `add element ${TABLE} elders { "${device}" comment "policy web web" }`,
      `add rule ${TABLE} from_nat iifname @elders jump from_elder comment "elder 11111111"`,
      `flush chain ${TABLE} sources_into`,
    ];
    return lab.must(lab.host, `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} | nft -f -`);
  }

  it('are brought up to date, live', async () => {
    const fresh = lab.must(lab.host, `nft -s list table ${TABLE}`);
    makeOlder();
    const plan = await planFor(engine, topology);
    expect(plan.steps.map(({ change }) => change.action)).toEqual(['update', 'update']);
    expect([...impactByMachine(plan)].map(([, impact]) => impact)).toEqual(['live']);
    await converge(engine, topology);
    expect(lab.must(lab.host, `nft -s list table ${TABLE}`)).toBe(fresh);
    expect(lab.pings(web1, '203.0.113.9')).toBe(true);
  });

  it('go with `down`', async () => {
    makeOlder();
    await converge(engine, undefined);
    expect(lab.must(lab.host, 'nft list tables')).toBe('');
    await converge(engine, topology);
  });
});
