import { expect, it } from 'vitest';
import { sampleNetwork, sampleNic, sampleSubnets } from '../../../test/sample-topology.js';
import type { Machine, Network, Nic, Topology } from '../../topology/topology.js';
import { orderByNeeds } from '../../plan/order.js';
import { checkLinux } from './check.js';
import { desireLinux } from './desire.js';
import { portId } from './desire-ports.js';
import { impactOf } from './impact.js';
import { netdevArguments } from './netdev.js';

const source = { file: 'passerelle.yaml', line: 3, column: 5 };
const network = (name: string, rest: Partial<Network>): Network =>
  sampleNetwork({ name, interfaceName: `psl-${name}`, source, ...rest });
const nic = (machine: string, index: number, on: string, rest: Partial<Nic> = {}): Nic =>
  sampleNic({
    machine,
    index,
    network: on,
    mac: `52:54:00:00:01:0${index}`,
    interfaceName: `pslt-${machine}${index}`,
    source,
    ...rest,
  });
const machine = (name: string, ...nics: Nic[]): Machine => ({ name, nics, source });

const { ipv4 } = sampleSubnets;
const topology: Topology = {
  project: 'shop',
  networks: [
    network('web', { ipv4, dhcp: { rangeFirst: '10.0.0.100', rangeLast: '10.0.0.199', leaseSeconds: 60 } }),
    network('back', { mode: 'isolated' }),
    network('served', {
      mode: 'isolated',
      ipv4,
      dhcp: { rangeFirst: '10.0.0.9', rangeLast: '10.0.0.99', leaseSeconds: 60 },
    }),
    network('lan', { mode: 'bridge', uplink: 'eth0' }),
    network('other', { engine: 'user', ipv4 }),
  ],
  machines: [
    machine(
      'web1',
      nic('web1', 0, 'web', { ipv4: '10.0.0.11' }),
      nic('web1', 1, 'back'),
      nic('web1', 2, 'other'),
    ),
    machine(
      'db1',
      nic('db1', 0, 'served', { options: { attach: 'netns' } }),
      nic('db1', 1, 'lan', { antiSpoofing: false }),
    ),
  ],
  forwards: [],
};

it('wants every resource once, each after what it needs, with a reason and a line', () => {
  const resources = desireLinux('shop', topology);
  const ids = resources.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.some((id) => id.includes('other') || id.includes('web1/2'))).toBe(false);
  for (const { id, needs, reason, kind } of resources) {
    for (const need of needs) expect(ids, `${id} needs ${need}`).toContain(need);
    expect(reason, id).toBeTruthy();
    expect(id.startsWith(`linux/${kind}/`)).toBe(true);
  }
  expect(orderByNeeds(resources)).toHaveLength(resources.length);
  const tap = resources.find(({ id }) => id === 'linux/tap/web1/1');
  expect(tap).toMatchObject({ source, affects: ['web1'] });
  // A port on an isolated network comes after what keeps the host out.
  expect(tap?.needs).toContain('linux/closed/back');
});

it('wants for each network what its mode asks for', () => {
  const ids = desireLinux('shop', topology).map(({ id }) => id);
  const of = (name: string): string[] => ids.filter((id) => id.includes(name)).sort();
  expect(of('/web').filter((id) => !id.includes('web1'))).toEqual([
    'linux/admission/web',
    'linux/bridge/web',
    'linux/dhcp/web',
    'linux/gateway/web',
    'linux/policy/web',
  ]);
  expect(of('/back')).toEqual([
    'linux/admission/back',
    'linux/bridge/back',
    'linux/closed/back',
    'linux/policy/back',
  ]);
  expect(of('lan').filter((id) => !id.includes('db1'))).toEqual([
    'linux/admission/lan',
    'linux/bridge/lan',
    'linux/policy/lan',
    'linux/uplink/lan',
  ]);
  expect(of('served')).toContain('linux/namespace/passerelle:shop:server:served');
  expect(of('db1')).toEqual([
    'linux/dhcp-host/db1/0',
    'linux/guard/db1/0',
    'linux/namespace/passerelle:shop:machine:db1',
    'linux/tap/db1/1',
    'linux/veth/db1/0',
  ]);
});

it('wants nothing where no network is its own', () => {
  expect(desireLinux('shop', { ...topology, networks: topology.networks.slice(-1) })).toEqual([]);
});

it('prints flags for QEMU that need neither script nor root', () => {
  const [web] = topology.networks;
  const plain = nic('web1', 0, 'web');
  expect(netdevArguments(plain, web!, false)).toEqual([
    '-netdev',
    'tap,id=psl0,ifname=pslt-web10,script=no,downscript=no',
    '-device',
    'virtio-net-pci,netdev=psl0,mac=52:54:00:00:01:00',
  ]);
  const many = nic('web1', 0, 'web', { options: { queues: 4 } });
  expect(netdevArguments(many, { ...web!, mtuBytes: 9000 }, true)).toEqual([
    '-netdev',
    'tap,id=psl0,ifname=pslt-web10,script=no,downscript=no,vhost=on,queues=4',
    '-device',
    'virtio-net-pci,netdev=psl0,mac=52:54:00:00:01:00,host_mtu=9000,mq=on,vectors=10',
  ]);
  // The kernel's vhost speaks virtio only.
  expect(netdevArguments(nic('web1', 0, 'web', { model: 'e1000' }), web!, true)[1]).not.toContain('vhost');
  expect(portId(plain)).toBe('linux/tap/web1/0');
  expect(portId(nic('db1', 0, 'web', { options: { attach: 'netns' } }))).toBe('linux/veth/db1/0');
});

it('says what it cannot do, with the line', () => {
  const wishing = (options: Record<string, unknown>): Topology => ({
    ...topology,
    machines: [machine('web1', nic('web1', 0, 'web', { options }))],
  });
  expect(checkLinux(topology)).toEqual([]);
  expect(checkLinux(wishing({ attach: 'macvtap' }))).toMatchObject([
    { code: 'linux/macvtap-not-here', at: source },
  ]);
});

it('knows what machines feel', () => {
  const [bridge] = desireLinux('shop', topology);
  const moved = { ...bridge!, properties: { ...bridge!.properties, mac: '52:54:00:00:00:02' } };
  expect(impactOf({ action: 'create', after: bridge! })).toBe('none');
  expect(impactOf({ action: 'update', before: bridge!, after: moved, changed: ['mac'] })).toBe('brief-loss');
  expect(impactOf({ action: 'update', before: bridge!, after: moved, changed: ['mtuBytes'] })).toBe('live');
  const tap = desireLinux('shop', topology).find(({ kind }) => kind === 'tap')!;
  expect(impactOf({ action: 'delete', before: tap })).toBe('re-plug');
  expect(impactOf({ action: 'replace', before: tap, after: tap, changed: ['owner'] })).toBe('re-plug');
  const gateway = desireLinux('shop', topology).find(({ kind }) => kind === 'gateway')!;
  const more = {
    ...gateway,
    properties: { ...gateway.properties, addresses: ['10.0.0.1/24', 'fd00::1/64'] },
  };
  expect(impactOf({ action: 'update', before: gateway, after: more, changed: ['addresses'] })).toBe('live');
  expect(impactOf({ action: 'update', before: more, after: gateway, changed: ['addresses'] })).toBe(
    'brief-loss',
  );
});
