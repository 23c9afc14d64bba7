import { describe, expect, it } from 'vitest';
import type { Change } from '../../plan/resource.js';
import { network, nic, subnets, topology } from '../../../test/conformance/ovs/topologies.js';
import { checkOvs } from './check.js';
import { desireSwitches, portProperties } from './desire.js';
import { ownerOf, cookieOf } from './identity.js';
import { impactOf, updatesInPlace } from './impact.js';
import { bitsPerSecond } from '../open-vswitch/rates.js';
import { makeResource, propertiesOf } from './resources.js';
import { markedNic, tapMark } from '../open-vswitch/owner.js';
import { netdevArguments } from '../open-vswitch/netdev.js';

const P = 'shop';
const web = network(P, 'web', 'nat', subnets(1));
const back = network(P, 'back', 'isolated', subnets(2));
const lan = network(P, 'lan', 'bridge', { uplink: 'eth1', options: { vlan: 42 } });
const a = nic(P, 'a', 0, web, { ipv4: '10.1.0.11', options: { 'rate-limit': '10mbit' } });
const b = nic(P, 'b', 0, back, { ipv4: '10.2.0.12', options: { attach: 'netns' } });
const c = nic(P, 'c', 0, lan, { antiSpoofing: false });
const whole = topology(P, [back, lan, web], [a, b, c]);
const desired = desireSwitches(P, whole, { datapath: 'netdev' });
const byId = new Map(desired.map((resource) => [resource.id, resource]));

describe('desire', () => {
  it('names every resource once, and what each needs', () => {
    expect(byId.size).toBe(desired.length);
    for (const { needs } of desired) for (const need of needs) expect(byId.has(need)).toBe(true);
    expect(desireSwitches(P, whole, { datapath: 'netdev' })).toEqual(desired);
  });

  it('shields taps from the host under the userspace datapath only', () => {
    const kernel = desireSwitches(P, whole, { datapath: 'system' });
    const shielded = (resources: typeof desired) =>
      resources
        .filter(({ kind }) => kind === 'tap')
        .map((resource) => propertiesOf(resource, 'tap').isShielded);
    expect(shielded(desired)).toEqual([true, true]);
    expect(shielded(kernel)).toEqual([false, false]);
  });

  it('keeps the host down on isolated networks, and gives bridge networks an uplink', () => {
    expect(propertiesOf(byId.get('ovs/bridge/back')!, 'bridge').isUp).toBe(false);
    expect(propertiesOf(byId.get('ovs/bridge/lan')!, 'bridge')).toMatchObject({ isUp: true, mac: null });
    expect(propertiesOf(byId.get('ovs/uplink/lan')!, 'uplink').uplink).toBe('eth1');
    expect(byId.has('ovs/uplink/web')).toBe(false);
  });

  it('leaves the flows to a controller where there is one', () => {
    const controlled = { ...web, options: { controller: 'tcp:192.0.2.1:6653' } };
    const kinds = desireSwitches(P, topology(P, [controlled], [a]), { datapath: 'netdev' }).map(
      ({ kind }) => kind,
    );
    expect(kinds).not.toContain('rules');
  });

  it.each([
    [{}, {}, {}],
    [{ vlan: 7 }, {}, { tag: 7, vlanMode: 'access' }],
    [{ trunk: [30, 20, 30] }, {}, { trunks: [20, 30], vlanMode: 'trunk' }],
    [{ trunk: [20], vlan: 7 }, {}, { tag: 7, trunks: [7, 20], vlanMode: 'native-untagged' }],
    [{ qinq: true, vlan: 100, trunk: [5] }, {}, { tag: 100, trunks: [5], vlanMode: 'dot1q-tunnel' }],
    [{}, { vlan: 42 }, { tag: 42, vlanMode: 'access' }],
    [{ vlan: 7 }, { vlan: 42 }, { tag: 7, vlanMode: 'access' }],
    [{ isolated: true, 'rate-limit-in': '2gbit' }, {}, { isIsolated: true, maxRateBps: 2e9 }],
  ])('a NIC of %j on a network of %j is a port of %j', (nicOptions, networkOptions, expected) => {
    const port = portProperties(P, { ...a, options: nicOptions }, { ...web, options: networkOptions });
    const bare = {
      bridge: web.interfaceName,
      device: a.interfaceName,
      namespace: null,
      isIsolated: false,
      isAttached: true,
    };
    expect(port).toEqual({ ...bare, ...expected });
  });
});

describe('check', () => {
  it('takes what the engine can do, and says what it cannot with where', () => {
    expect(checkOvs(whole)).toEqual([]);
    const bad = topology(
      P,
      [
        { ...web, options: { stp: true, rstp: true } },
        { ...back, options: { controller: 'somewhere' } },
      ],
      [
        { ...a, options: { qinq: true } },
        { ...b, antiSpoofing: true, options: { attach: 'macvtap', 'rate-limit-in': '1mbit' } },
      ],
    );
    expect(checkOvs(bad).map(({ code }) => code)).toEqual([
      'ovs/stp-and-rstp',
      'ovs/bad-controller',
      'ovs/qinq-without-vlan',
      'ovs/no-attachment',
      'ovs/controller-decides',
    ]);
    for (const problem of checkOvs(bad)) expect(problem.at).toBeDefined();
    expect(checkOvs(topology(P, [web], [{ ...a, options: { vlan: 'x' } }]))[0]).toMatchObject({
      code: 'ovs/bad-option',
    });
  });
});

describe('marks', () => {
  it('lead from a tap back to its NIC, of the same project only', () => {
    const mark = tapMark(ownerOf(P), 'web-1/12');
    expect(markedNic(ownerOf(P), ['other', mark])).toBe('web-1/12');
    expect(markedNic(ownerOf('shop2'), [mark])).toBeUndefined();
    expect(tapMark(ownerOf('p'.repeat(63)), `${'m'.repeat(63)}/99`).length).toBeLessThanOrEqual(127);
  });

  it('are cookies of 64 bits, and a resource that is named by its cookie keeps it', () => {
    expect(cookieOf('ovs/rules/a/0')).toMatch(/^0x7073[0-9a-f]{12}$/);
    expect(cookieOf(`ovs/rules/${cookieOf('ovs/rules/a/0')}`)).toBe(cookieOf('ovs/rules/a/0'));
  });
});

describe('impact', () => {
  const port = byId.get('ovs/port/a/0')!;
  const changedPort = { ...port, properties: { ...port.properties, tag: 9 } };
  const update = (name: string): Change => ({
    action: 'update',
    before: port,
    after: changedPort,
    changed: [name],
  });

  it('a VLAN changes live, a dead port is replaced', () => {
    expect(updatesInPlace(port, changedPort, ['tag', 'trunks'])).toBe(true);
    expect(updatesInPlace(port, changedPort, ['isAttached'])).toBe(false);
    expect(impactOf(update('tag'))).toBe('live');
    expect(impactOf({ action: 'replace', before: port, after: changedPort, changed: ['isAttached'] })).toBe(
      'brief-loss',
    );
    expect(impactOf({ action: 'delete', before: port })).toBe('re-plug');
  });

  it('another datapath is felt', () => {
    const bridge = byId.get('ovs/bridge/web')!;
    const change: Change = { action: 'update', before: bridge, after: bridge, changed: ['datapath'] };
    expect(impactOf(change)).toBe('brief-loss');
    const uplink = makeResource('uplink', 'lan', {
      bridge: 'b',
      uplink: 'eth1',
      isShielded: true,
      isAttached: true,
      isHandedOver: true,
      isConfirmed: true,
    });
    expect(impactOf({ action: 'replace', before: uplink, after: uplink, changed: ['uplink'] })).toBe(
      'brief-loss',
    );
    expect(impactOf({ action: 'delete', before: uplink })).toBe('brief-loss');
  });

  it('an uplink that comes is felt by no machine: it had no LAN before', () => {
    const uplink = byId.get('ovs/port/a/0')!;
    expect(impactOf({ action: 'create', after: { ...uplink, kind: 'uplink' } })).toBe('none');
  });
});

describe('netdev', () => {
  it('asks for the checksums of the guest itself where the switch does not know of offloads', () => {
    expect(netdevArguments(a, web, 'netdev', true, 'psl')[1]).toContain('vnet_hdr=off');
    expect(netdevArguments(a, web, 'system', true, 'psl')[1]).toContain('vhost=on');
    expect(netdevArguments({ ...a, model: 'e1000' }, web, 'system', true, 'psl')[1]).not.toContain('vhost');
    expect(netdevArguments(a, { ...web, mtuBytes: 1450 }, 'netdev', false, 'psl')[3]).toContain(
      'host_mtu=1450',
    );
  });
});

it('reads rates as tc does', () => {
  expect([bitsPerSecond('64kbit'), bitsPerSecond('100mbit'), bitsPerSecond('2gbit')]).toEqual([
    64_000, 1e8, 2e9,
  ]);
});
