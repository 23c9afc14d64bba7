import { describe, expect, it } from 'vitest';
import type { Resource } from '../../plan/resource.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { checkOvn } from './check.js';
import { desireSegments } from './desire.js';
import { chassisIn, chassisKey, groupName, nicPortName } from './identity.js';
import { fixedLeases } from './leases.js';
import { updatesInPlace } from './impact.js';

const P = 'shop';
const source = { file: 'f.yaml', line: 1, column: 1 };
const FACTS = { datapath: 'netdev' } as const;

function network(name: string, mode: Network['mode'], more: Partial<Network> = {}): Network {
  return {
    name,
    mode,
    engine: 'ovn',
    mtuBytes: 1500,
    gatewayMac: '52:54:00:00:00:01',
    hostLoopback: false,
    interfaceName: `psl${name}`,
    options: {},
    source,
    ...more,
  };
}

function nic(id: string, on: Network, more: Partial<Nic> = {}): Nic {
  const [machine = '', index = '0'] = id.split('/');
  return {
    id,
    machine,
    index: Number(index),
    network: on.name,
    mac: '52:54:00:12:34:56',
    model: 'virtio-net-pci',
    antiSpoofing: true,
    interfaceName: `psl${machine}${index}`,
    options: {},
    source,
    ...more,
  };
}

function topology(networks: Network[], nics: Nic[], more: Partial<Topology> = {}): Topology {
  return {
    project: P,
    networks,
    machines: nics.map((each) => ({ name: each.machine, nics: [each], source })),
    forwards: [],
    ...more,
  };
}

const subnet4 = { address: '10.1.0.0', prefixLength: 24, gateway: '10.1.0.1' };
const subnet6 = { address: 'fd00:1::', prefixLength: 64, gateway: 'fd00:1::1' };
const dhcp = { rangeFirst: '10.1.0.100', rangeLast: '10.1.0.199', leaseSeconds: 3600 };

function byId(resources: readonly Resource[]): Record<string, Resource['properties']> {
  return Object.fromEntries(resources.map(({ id, properties }) => [id, properties]));
}

describe('what the ovn engine wants', () => {
  const web = network('web', 'nat', { ipv4: subnet4, ipv6: subnet6, dhcp });
  const a = nic('a/0', web, { ipv4: '10.1.0.11', ipv6: 'fd00:1::11' });

  it('of a NIC: a tap, a logical port that may say its own addresses, and a port that is it', () => {
    const wanted = byId(desireSegments(P, topology([web], [a]), FACTS));
    expect(wanted['ovn/logical-port/a/0']).toEqual({
      switch: 'passerelle.shop.web',
      name: 'passerelle.shop.a.0',
      type: '',
      addresses: ['52:54:00:12:34:56 10.1.0.11 fd00:1::11'],
      portSecurity: ['52:54:00:12:34:56 10.1.0.11 fd00:1::11 fe80::5054:ff:fe12:3456'],
      isGuarded: true,
      isPinned: true,
    });
    expect(wanted['ovn/port/a/0']).toMatchObject({ device: 'psla0', logicalPort: 'passerelle.shop.a.0' });
    expect(wanted['ovn/tap/a/0']).toMatchObject({ isShielded: true });
  });

  it('of a nat network: the gateway’s port, on the host that is the gateway and on no other', () => {
    const here = byId(desireSegments(P, topology([web], [a]), FACTS));
    expect(here['ovn/host-port/web']).toMatchObject({ device: 'pslweb', mac: '52:54:00:00:00:01' });
    const elsewhere = byId(desireSegments(P, topology([{ ...web, gatewayElsewhere: 'kvm1' }], [a]), FACTS));
    expect(Object.keys(elsewhere).filter((id) => !id.endsWith('a/0'))).toEqual([
      'ovn/switch/web',
      'ovn/guard/web',
    ]);
  });

  it('of an isolated network: DHCP by OVN, and a server on every host for the names alone', () => {
    const back = network('back', 'isolated', {
      ipv4: subnet4,
      dhcp,
      dns: { domain: 'shop.internal', upstream: [] },
      gatewayElsewhere: 'kvm1',
    });
    const wanted = byId(
      desireSegments(P, topology([back], [nic('a/0', back, { ipv4: '10.1.0.11' })]), FACTS),
    );
    expect(wanted['ovn/dhcp-options/back']).toEqual({
      cidr: '10.1.0.0/24',
      options: {
        server_id: '10.1.0.1',
        server_mac: '52:54:00:00:00:01',
        lease_time: '3600',
        mtu: '1500',
        dns_server: '10.1.0.1',
        domain_name: '"shop.internal"',
      },
    });
    expect(wanted['ovn/logical-port/a/0']).toMatchObject({ dhcp: 'back', hostname: 'a' });
    expect(wanted['ovn/logical-port/back.server']).toMatchObject({ type: 'localport', isPinned: false });
    expect(wanted['ovn/inside/back']).toMatchObject({ namespace: 'passerelle:shop:ovn-server:back' });
  });

  it('of a bridge network: a localnet port with the VLAN, and no guess at addresses', () => {
    const lan = network('lan', 'bridge', { uplink: 'office', options: { vlan: 42 } });
    const wanted = byId(desireSegments(P, topology([lan], [nic('a/0', lan)]), FACTS));
    expect(wanted['ovn/logical-port/lan.uplink']).toMatchObject({
      type: 'localnet',
      physicalNetwork: 'office',
      tag: 42,
      addresses: ['unknown'],
    });
    expect(wanted['ovn/logical-port/a/0']).toMatchObject({ portSecurity: ['52:54:00:12:34:56'] });
  });

  it('of a machine that may say what it likes: frames for nobody else too', () => {
    const free = nic('f/0', web, { ipv4: '10.1.0.12', antiSpoofing: false });
    const wanted = byId(desireSegments(P, topology([web], [free]), FACTS));
    expect(wanted['ovn/logical-port/f/0']).toMatchObject({
      addresses: ['52:54:00:12:34:56 10.1.0.12', 'unknown'],
      portSecurity: [],
      isGuarded: false,
    });
    expect(wanted['ovn/guard/web']).toBeUndefined();
    // Its guard is the network's, wherever the machine is.
    const spread = topology([web], [free], { elsewhere: [{ name: 'a', nics: [a], source }] });
    expect(byId(desireSegments(P, spread, FACTS))['ovn/guard/web']).toBeDefined();
  });

  it('every need is among what is wanted', () => {
    const all = desireSegments(P, topology([web], [a]), FACTS);
    const ids = new Set(all.map(({ id }) => id));
    expect(all.flatMap(({ needs }) => needs).filter((need) => !ids.has(need))).toEqual([]);
  });

  it('addresses that OVN gives are leases without an end', () => {
    const back = network('back', 'isolated', { ipv4: subnet4, dhcp });
    const wanted = desireSegments(P, topology([back], [nic('a/0', back, { ipv4: '10.1.0.11' })]), FACTS);
    expect(fixedLeases(wanted)).toEqual([
      { network: 'back', machine: 'a', mac: '52:54:00:12:34:56', address: '10.1.0.11', hostname: 'a' },
    ]);
  });
});

describe('what the ovn engine refuses', () => {
  const codes = (networks: Network[], nics: Nic[] = []) =>
    checkOvn(topology(networks, nics)).map(({ code }) => code);

  it('a bridge network that names no network of the hosts', () => {
    expect(codes([network('lan', 'bridge', { uplink: 'default' })])).toEqual(['ovn/physical-network']);
    expect(codes([network('lan', 'bridge', { uplink: 'office' })])).toEqual([]);
  });

  it('a VLAN where nothing would see it, macvtap, VXLAN that was asked for', () => {
    const web = network('web', 'nat', { options: { vlan: 7 } });
    expect(codes([web])).toEqual(['ovn/vlan-inside']);
    const lab = network('lab', 'nat');
    expect(codes([lab], [nic('a/0', lab, { options: { attach: 'macvtap' } })])).toEqual([
      'ovn/no-attachment',
    ]);
    const overlay = { type: 'vxlan', identifier: 1, localAddress: '192.0.2.1', peers: [] } as const;
    expect(codes([{ ...lab, overlay }])).toEqual([]);
    expect(codes([{ ...lab, overlay, keyLocations: { tunnel: source } }])).toEqual(['ovn/tunnel-type']);
  });

  it('an option of a type that it cannot read', () => {
    expect(codes([network('web', 'nat', { options: { vlan: 'x' } })])).toEqual(['ovn/bad-option']);
  });
});

describe('names in OVN', () => {
  it('are letters, digits, dots and underscores where OVN wants that, and lead back', () => {
    expect(groupName('my-shop', 'web-1')).toMatch(/^[a-zA-Z_.][a-zA-Z_.0-9]*$/);
    expect(groupName('a-b', 'c')).not.toBe(groupName('a', 'b-c'));
    expect(nicPortName('shop', 'web1/0')).toBe('passerelle.shop.web1.0');
    expect(chassisIn([chassisKey('kvm1'), 'passerelle-ovn-project', chassisKey('a:b')])).toEqual([
      'kvm1',
      'a:b',
    ]);
  });

  it('a port that goes to another switch is made anew, one whose addresses change is not', () => {
    const resource = { id: 'ovn/logical-port/a/0', kind: 'logical-port' } as Resource;
    expect(updatesInPlace(resource, resource, ['switch'])).toBe(false);
    expect(updatesInPlace(resource, resource, ['addresses', 'portSecurity'])).toBe(true);
  });
});
