import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../../clients/iproute/links.js';
import { orderByNeeds } from '../../../plan/order.js';
import type { Resource } from '../../../plan/resource.js';
import { parseSpec } from '../../../spec/parse.js';
import { NOTHING_REMEMBERED } from '../../../topology/remembered.js';
import { resolveTopology } from '../../../topology/resolve.js';
import type { Topology } from '../../../topology/topology.js';
import { commandsOf, emptyWork } from '../../kernel-gateway/kernel-work.js';
import { checkLinux } from '../check.js';
import { desireLinux } from '../desire.js';
import { impactOf } from '../impact.js';
import { stageSegment } from '../stage.js';
import { tunnelObstacles } from './obstacles.js';
import { observedTunnel } from './tunnel.js';

const shop = (web = '', first = '192.0.2.1'): string => `project: shop
engine: linux
hosts: { kvm1: ${first}, kvm2: 192.0.2.2, kvm3: 192.0.2.3 }
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, gateway-host: kvm2${web} }
  own: { mode: isolated, gateway-host: kvm3 }
machines:
  web1: { host: kvm1, nics: [{ network: web, ipv4: 10.10.10.11, attach: netns }] }
  web3: { host: kvm3, nics: [{ network: web, ipv4: 10.10.10.13 }, { network: own }] }
`;

function shareOf(self: string, text = shop()): Topology {
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const resolved = resolveTopology(parsed.spec, { busySubnets: [], remembered: NOTHING_REMEMBERED, self });
  if ('problems' in resolved) throw new Error(JSON.stringify(resolved.problems));
  return resolved.topology;
}

const resourcesAt = (self: string): Resource[] => desireLinux('shop', shareOf(self));

function resourceAt(self: string, id: string): Resource {
  const found = resourcesAt(self).find((resource) => resource.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
}

describe('a network of many hosts', () => {
  it('has one port to all the others, and says who may send into it', () => {
    const { properties, affects, reason } = resourceAt('kvm1', 'linux/tunnel/web');
    expect(properties).toMatchObject({
      localAddress: '192.0.2.1',
      port: 4789,
      peers: ['192.0.2.2', '192.0.2.3'],
      mtuBytes: 1450,
    });
    expect(String(properties['device'])).toMatch(/^[a-z0-9]{1,15}$/);
    expect([affects, reason]).toEqual([['web1'], 'web goes on at hosts kvm2, kvm3']);
    const identifier = Number(properties['identifier']);
    expect(resourceAt('kvm3', 'linux/tunnel/web').properties['identifier']).toBe(identifier);
    expect(resourceAt('kvm1', 'linux/tunnel-peers/web').properties).toEqual({
      elements: {
        identifiers: [`${identifier}`],
        peers4: [`192.0.2.2 . ${identifier}`, `192.0.2.3 . ${identifier}`],
      },
    });
    expect(resourceAt('kvm1', 'linux/admission/web').properties['tunnels']).toEqual({
      port: 4789,
      peers: ['192.0.2.2', '192.0.2.3'],
    });
    expect(resourceAt('kvm1', 'linux/veth/web1/0').needs).toContain('linux/tunnel/web');
  });

  it('is closed to a host that does not bear its gateway, and its bridge is no other bridge there', () => {
    const ids = (self: string): string[] => resourcesAt(self).map(({ id }) => id);
    expect(ids('kvm1')).toContain('linux/closed/web');
    for (const id of ['linux/closed/web', 'linux/nft-table/closed']) expect(ids('kvm2')).not.toContain(id);
    for (const id of ['linux/gateway/web', 'linux/dhcp/web']) {
      expect(ids('kvm1')).not.toContain(id);
      expect(ids('kvm2')).toContain(id);
    }
    const macs = ['kvm1', 'kvm2', 'kvm3'].map(
      (self) => resourceAt(self, 'linux/bridge/web').properties['mac'],
    );
    expect(new Set(macs).size).toBe(3);
    // Locally administered, for one station (IEEE 802).
    for (const mac of macs) expect(Number.parseInt(String(mac).slice(0, 2), 16) & 3).toBe(2);
    // Its machines leave by the gateway all the same.
    expect(resourceAt('kvm1', 'linux/veth/web1/0').properties['gateways']).toEqual([
      '10.10.10.1',
      expect.stringMatching(/^fd/),
    ]);
  });

  it('that is on one host after all has none of it', () => {
    const ids = resourcesAt('kvm3').map(({ id }) => id);
    expect(ids).not.toContain('linux/tunnel/own');
    expect(resourceAt('kvm3', 'linux/admission/own').properties).not.toHaveProperty('tunnels');
  });

  it('wants each thing after what it needs', () => {
    for (const self of ['kvm1', 'kvm2', 'kvm3']) {
      const resources = resourcesAt(self);
      const ids = resources.map(({ id }) => id);
      for (const { id, needs } of resources)
        for (const need of needs) expect(ids, `${id} needs ${need}`).toContain(need);
      expect(orderByNeeds(resources)).toHaveLength(ids.length);
    }
  });
});

describe('the port to other hosts', () => {
  const tunnel = resourceAt('kvm1', 'linux/tunnel/web');
  const device = String(tunnel.properties['device']);

  function commands(change: Parameters<typeof stageSegment>[1]): string[] {
    const work = emptyWork();
    stageSegment('shop', change, work);
    return commandsOf(work);
  }

  it('is made down, told its peers, and goes up as a port of the bridge', () => {
    const { identifier, bridge } = tunnel.properties;
    expect(commands({ action: 'create', after: tunnel })).toEqual([
      `ip link add name ${device} mtu 1450 type vxlan id ${String(identifier)} local 192.0.2.1 dstport 4789 maxaddress 16384`,
      `ip link set dev ${device} addrgenmode none`,
      `ip link property add dev ${device} altname passerelle:shop:tunnel:web`,
      `bridge fdb append 00:00:00:00:00:00 dev ${device} dst 192.0.2.2`,
      `bridge fdb append 00:00:00:00:00:00 dev ${device} dst 192.0.2.3`,
      `ip link set dev ${device} master ${String(bridge)} up`,
    ]);
    // Nothing passes from the moment on that it goes, whatever becomes of the rules.
    expect(commands({ action: 'delete', before: tunnel })).toEqual([
      `ip link set dev ${device} down`,
      `ip link delete dev ${device}`,
    ]);
  });

  it('comes from any peers to any others by entries alone, and nobody feels it', () => {
    const peers = fc.uniqueArray(fc.ipV4(), { maxLength: 6 });
    fc.assert(
      fc.property(peers, peers, (was, is) => {
        const before = { ...tunnel, properties: { ...tunnel.properties, peers: was } };
        const after = { ...tunnel, properties: { ...tunnel.properties, peers: is } };
        const change = { action: 'update', before, after, changed: ['peers'] } as const;
        const standing = new Set(was);
        for (const line of commands(change)) {
          const [, verb, mac, on, address = ''] =
            /^bridge fdb (append|del) (\S+) dev (\S+) dst (\S+)$/.exec(line) ?? [];
          expect([mac, on]).toEqual(['00:00:00:00:00:00', device]);
          // The kernel refuses an entry that is there, and to take one that is not.
          expect(standing.has(address)).toBe(verb === 'del');
          if (verb === 'del') standing.delete(address);
          else standing.add(address);
        }
        expect([...standing].sort()).toEqual([...is].sort());
        expect(impactOf(change)).toBe('live');
      }),
    );
  });

  it('is felt as a moment without the others when it is made anew', () => {
    const changed = ['localAddress'];
    expect(impactOf({ action: 'replace', before: tunnel, after: tunnel, changed })).toBe('brief-loss');
    expect(impactOf({ action: 'create', after: tunnel })).toBe('none');
  });

  it('is seen as the kernel tells of it', () => {
    const link: Link = {
      ifindex: 7,
      ifname: device,
      flags: ['UP'],
      mtu: 1450,
      operstate: 'UNKNOWN',
      master: String(tunnel.properties['bridge']),
      group: 'default',
      altnames: [],
      kind: 'vxlan',
      info: {
        id: tunnel.properties['identifier'],
        local: '192.0.2.1',
        port: 4789,
        learning: true,
        limit: 16384,
      },
    };
    expect(observedTunnel(link, ['192.0.2.2', '192.0.2.3'])).toEqual(tunnel.properties);
    const { local: _, ...info } = link.info;
    const sixth = observedTunnel({ ...link, info: { ...info, local6: '2001:db8::1' } }, []);
    expect(sixth).toMatchObject({ localAddress: '2001:db8::1', peers: [] });
  });
});

describe('what is in the way', () => {
  it('is a tunnel that this engine has none of', () => {
    const codes = (web: string): string[] => checkLinux(shareOf('kvm1', shop(web))).map(({ code }) => code);
    expect(codes('')).toEqual([]);
    expect(codes(', tunnel: geneve')).toEqual(['linux/no-such-tunnel']);
  });

  it('is an address of the underlay that is not here, or an identifier that another has', () => {
    const { networks } = shareOf('kvm1');
    const identifier = networks.find(({ name }) => name === 'web')?.overlay?.identifier;
    const device = (port: number, ...altnames: string[]): Link => ({
      ifindex: 7,
      ifname: 'vx7',
      flags: [],
      mtu: 1450,
      operstate: 'DOWN',
      group: 'default',
      altnames,
      kind: 'vxlan',
      info: { id: identifier, port },
    });
    const codes = (links: readonly Link[], addresses: readonly string[]): string[] =>
      tunnelObstacles('shop', networks, links, new Set(addresses)).map(({ code }) => code);
    expect(codes([], ['192.0.2.1'])).toEqual([]);
    expect(codes([], ['192.0.2.9'])).toEqual(['linux/underlay-not-here']);
    expect(codes([device(4789)], ['192.0.2.1'])).toEqual(['linux/tunnel-identifier-taken']);
    expect(codes([device(8472)], ['192.0.2.1'])).toEqual([]);
    expect(codes([device(4789, 'passerelle:shop:tunnel:web')], ['192.0.2.1'])).toEqual([]);
  });
});
