import { describe, expect, it } from 'vitest';
import { topologyOf } from '../../../test/conformance/vde/topologies.js';
import { diff } from '../../plan/diff.js';
import type { Resource } from '../../plan/resource.js';
import { desireVde, portNumberOf } from './desire.js';
import { portOf } from './resources.js';

const options = { incarnationOf: () => 3, gatewayCable: () => undefined, panelOf: () => undefined };
const desire = (...wishes: Parameters<typeof topologyOf>): Resource[] =>
  desireVde(topologyOf(...wishes), options);
const find = (resources: readonly Resource[], id: string): Resource => {
  const resource = resources.find((one) => one.id === id);
  if (resource === undefined) throw new Error(`no ${id} among ${resources.map((one) => one.id).join(' ')}`);
  return resource;
};

describe('the VDE engine’s part', () => {
  it('is a switch for each network, a port for each NIC, a cable for each plug', () => {
    const resources = desire([{ name: 'back', options: { plugs: ['vxvde://'] } }], {
      a: [{ network: 'back' }],
    });
    expect(resources.map(({ id }) => id.replace(/plug-[0-9a-f]{8}/, 'plug'))).toEqual([
      'vde/switch/back',
      'vde/port/a/0',
      'vde/cable/back/plug',
    ]);
    expect(find(resources, 'vde/switch/back')).toMatchObject({
      properties: { state: 'running', incarnation: 3, speaksFstp: false },
      affects: ['a'],
    });
    expect(find(resources, 'vde/port/a/0')).toMatchObject({ needs: ['vde/switch/back'], affects: ['a'] });
  });

  it('passes over networks of other engines', () => {
    const topology = topologyOf([{ name: 'back' }], { a: [{ network: 'back' }] });
    const networks = topology.networks.map((network) => ({ ...network, engine: 'user' as const }));
    expect(desireVde({ ...topology, networks }, options)).toEqual([]);
  });

  it('puts NICs into their VLANs, and takes all of them over the cables with their tags', () => {
    const resources = desire([{ name: 'back', options: { vlan: 42, plugs: ['vxvde://'] } }], {
      a: [{ network: 'back' }],
      b: [{ network: 'back', options: { vlan: 7 } }],
    });
    expect(portOf(find(resources, 'vde/port/a/0'))).toMatchObject({ untaggedVlan: 42, taggedVlans: [] });
    expect(portOf(find(resources, 'vde/port/b/0'))).toMatchObject({ untaggedVlan: 7, taggedVlans: [] });
    const cable = resources.find(({ kind }) => kind === 'cable');
    expect(cable?.properties).toMatchObject({ untaggedVlan: 4095, taggedVlans: [7, 42] });
  });

  it('leaves the untagged VLAN on the cables of a network that names none', () => {
    const resources = desire([{ name: 'back', options: { plugs: ['vxvde://'] } }], {
      b: [{ network: 'back', options: { vlan: 7 } }],
    });
    const cable = resources.find(({ kind }) => kind === 'cable');
    expect(cable?.properties).toMatchObject({ untaggedVlan: 0, taggedVlans: [7] });
  });

  it('changes one cable when one URL changes', () => {
    const before = desire([{ name: 'back', options: { plugs: ['vxvde://', 'udp://1->h:2'] } }], {});
    const after = desire([{ name: 'back', options: { plugs: ['udp://1->h:3', 'vxvde://'] } }], {});
    expect(diff(after, before, () => true).map(({ action }) => action)).toEqual(['delete', 'create']);
  });

  it('tells QEMU the number that the port has', () => {
    const topology = topologyOf([{ name: 'back' }], { a: [{ network: 'back' }], b: [{ network: 'back' }] });
    const resources = desireVde(topology, options);
    for (const nic of topology.machines.flatMap(({ nics }) => nics)) {
      expect(portNumberOf(topology, nic, undefined)).toBe(
        portOf(find(resources, `vde/port/${nic.id}`)).number,
      );
    }
  });
});
