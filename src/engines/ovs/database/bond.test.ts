import { describe, expect, it } from 'vitest';
import { network, nic, topology } from '../../../../test/conformance/ovs/topologies.js';
import { diff } from '../../../plan/diff.js';
import type { Change, Resource } from '../../../plan/resource.js';
import { commandsForOvs } from '../commands.js';
import { desireSwitches } from '../desire.js';
import { impactOf, updatesInPlace } from '../impact.js';
import { rowTransactions } from './row-changes.js';

const P = 'shop';
const STANDING = {
  bridgeUuid: () => undefined,
  portUuid: (port: string) => `port-${port}`,
  memberUuids: () => new Map(['eth1', 'eth2', 'eth3'].map((name) => [name, `row-${name}`])),
  qosUuid: () => undefined,
  mirrorUuid: () => undefined,
  mirrors: [],
};

/** The uplink of a network whose bond has these members. */
function bond(members: readonly string[], mode = 'balance-tcp', lacp = 'active'): Resource {
  const lan = network(P, 'lan', 'bridge', {
    uplink: members[0]!,
    options: { bond: { members, mode, lacp } },
  });
  const all = desireSwitches(P, topology(P, [lan], [nic(P, 'a', 0, lan)]), { datapath: 'netdev' });
  return all.find(({ kind }) => kind === 'uplink')!;
}

function observed(resource: Resource, members: readonly string[]): Resource {
  return { ...resource, properties: { ...resource.properties, members } };
}

function transactions(changes: readonly Change[]) {
  return rowTransactions(P, changes, STANDING, (_, uplink) => uplink, new Map());
}

describe('a bond', () => {
  const two = bond(['eth2', 'eth1']);

  it('is one port with a name of its own and an interface a member, with LACP that is quick to notice', () => {
    const [change] = diff([two], [], updatesInPlace);
    const text = JSON.stringify(transactions([change!]).main.operations());
    expect(two.properties['members']).toEqual(['eth1', 'eth2']);
    expect(text.match(/"table":"Interface"/gu)).toHaveLength(2);
    expect(text).toContain('"bond_mode":"balance-tcp","lacp":"active"');
    expect(text).toContain('["lacp-time","fast"]');
    expect(transactions([change!]).expected.interfaces).toEqual(['eth1', 'eth2']);
  });

  it('takes a member in and lets one go while the port stays', () => {
    const [change] = diff([bond(['eth1', 'eth4'])], [observed(two, ['eth1', 'eth2'])], updatesInPlace);
    expect(change).toMatchObject({ action: 'update', changed: ['members'] });
    expect(impactOf(change!)).toBe('live');
    const { first, main } = transactions([change!]);
    // The dead row of eth3, which nobody asks for any more, goes with it.
    expect(JSON.stringify(first.operations())).toContain('["uuid","row-eth2"],["uuid","row-eth3"]');
    expect(JSON.stringify(main.operations())).toContain('"name":"eth4"');
    expect(JSON.stringify(main.operations())).not.toContain('"name":"eth1"');
  });

  it('takes a member that died out in an earlier transaction than it comes again', () => {
    const wanted = bond(['eth1', 'eth2', 'eth3']);
    const [change] = diff([wanted], [observed(wanted, ['eth1', 'eth2'])], updatesInPlace);
    const { first, main } = transactions([change!]);
    expect(JSON.stringify(first.operations())).toContain('row-eth3');
    expect(JSON.stringify(main.operations())).toContain('"name":"eth3"');
  });

  it('is made anew when no member stays, or when it becomes one NIC', () => {
    const lan = network(P, 'lan', 'bridge', { uplink: 'eth1' });
    const alone = desireSwitches(P, topology(P, [lan], []), { datapath: 'netdev' });
    for (const after of [bond(['eth5', 'eth6']), alone.find(({ kind }) => kind === 'uplink')!]) {
      const [change] = diff([after], [two], updatesInPlace);
      expect(change?.action).toBe('replace');
      expect(impactOf(change!)).toBe('brief-loss');
    }
  });

  it('another way of working together is felt', () => {
    const [change] = diff([bond(['eth1', 'eth2'], 'balance-slb', 'off')], [two], updatesInPlace);
    expect(change).toMatchObject({ action: 'update', changed: ['bondMode', 'lacp'] });
    expect(impactOf(change!)).toBe('brief-loss');
  });

  it('is made by what a person types', () => {
    const [change] = diff([two], [], updatesInPlace);
    const lines = commandsForOvs(P, change!);
    expect(lines.join('\n')).toMatch(
      /create Port name=pslb\w+ interfaces=\[@nic0,@nic1\] bond_mode=balance-tcp/u,
    );
    const [edit] = diff([bond(['eth1', 'eth4'])], [two], updatesInPlace);
    expect(commandsForOvs(P, edit!).join('\n')).toMatch(
      /add-bond-iface pslb\w+ eth4.*\n.*del-bond-iface pslb\w+ eth2/u,
    );
  });
});
