import { describe, expect, it } from 'vitest';
import type { FabricConfiguration, FabricOperation } from '../../fabric/control/protocol.js';
import { diff } from '../../plan/diff.js';
import { parseSpec } from '../../spec/parse.js';
import { NOTHING_REMEMBERED } from '../../topology/remembered.js';
import { resolveTopology } from '../../topology/resolve.js';
import type { Topology } from '../../topology/topology.js';
import { impactOf } from './impact.js';
import { desireFabric, observedFabric, operationsFor, operationsThatRestore } from './resources.js';

const FILE = `project: shop
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24 }
  back: { mode: isolated, dhcp: true }
  far: { mode: routed, engine: linux }
machines:
  web1:
    nics:
      - { network: web, ipv4: 10.10.10.11, forwards: ["127.0.0.1:9011:9090", "9000-9009:9000-9009/udp"] }
      - { network: back }
  db1: { nics: [{ network: back, anti-spoofing: false }, { network: far }] }
`;

function topologyOf(text: string): Topology {
  const parsed = parseSpec(text, 'shop.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const resolved = resolveTopology(parsed.spec, { busySubnets: [], remembered: NOTHING_REMEMBERED });
  if ('problems' in resolved) throw new Error(JSON.stringify(resolved.problems));
  return resolved.topology;
}

const desireOf = (text: string) => desireFabric(topologyOf(text), '1', (nic) => `/run/${nic.id}`);

/** A fabric that does as it is told, over JSON as the real one. */
function carryOut(
  configuration: FabricConfiguration,
  operations: readonly FabricOperation[],
): FabricConfiguration {
  const kept = {
    network: new Map(configuration.networks.map((one) => [one.name, one])),
    port: new Map(configuration.ports.map((one) => [one.id, one])),
    forward: new Map(configuration.forwards.map((one) => [one.id, one])),
  };
  for (const operation of JSON.parse(JSON.stringify(operations)) as FabricOperation[]) {
    if ('delete' in operation) kept[operation.delete].delete(operation.id);
    else if (operation.put === 'network') kept.network.set(operation.value.name, operation.value);
    else if (operation.put === 'port') kept.port.set(operation.value.id, operation.value);
    else kept.forward.set(operation.value.id, operation.value);
  }
  return {
    networks: [...kept.network.values()],
    ports: [...kept.port.values()],
    forwards: [...kept.forward.values()],
  };
}

const EMPTY: FabricConfiguration = { networks: [], ports: [], forwards: [] };
const inPlace = (): boolean => true;

describe('the user engine’s resources', () => {
  it('are those of its own networks only', () => {
    expect(desireOf(FILE).map((resource) => resource.id)).toEqual([
      'user/process/fabric',
      'user/network/back',
      'user/network/web',
      'user/port/db1/0',
      'user/port/web1/0',
      'user/port/web1/1',
      'user/forward/tcp/127.0.0.1:9011',
      'user/forward/udp/0.0.0.0:9000',
    ]);
    expect(desireOf('project: empty')).toEqual([]);
  });

  it('say why they are wanted and which line asked', () => {
    for (const resource of desireOf(FILE)) {
      expect(resource.reason).toBeTruthy();
      if (resource.kind !== 'process') expect(resource.source?.file).toBe('shop.yaml');
    }
  });

  it('are what the fabric reports once it was told of them', () => {
    const desired = desireOf(FILE);
    const told = carryOut(EMPTY, operationsFor(diff(desired, observedFabric(EMPTY, '1'), inPlace)));
    expect(diff(desired, observedFabric(told, '1'), inPlace)).toEqual([]);
  });

  it('lead from one file to another by what differs alone', () => {
    const before = carryOut(EMPTY, operationsFor(diff(desireOf(FILE), observedFabric(EMPTY, '1'), inPlace)));
    const edited = FILE.replace('9011:9090', '9012:9090').replace('  db1:', '  db2:');
    const changes = diff(desireOf(edited), observedFabric(before, '1'), inPlace);
    const operations = operationsFor(changes);
    expect(operations).toHaveLength(4);
    const after = carryOut(before, operations);
    expect(diff(desireOf(edited), observedFabric(after, '1'), inPlace)).toEqual([]);
  });

  it('restore a configuration whole', () => {
    const told = carryOut(EMPTY, operationsFor(diff(desireOf(FILE), observedFabric(EMPTY, '1'), inPlace)));
    expect(carryOut(EMPTY, operationsThatRestore(told))).toEqual(told);
  });

  it('tell what the machines feel', () => {
    const observed = observedFabric(carryOut(EMPTY, operationsFor(diff(desireOf(FILE), [], inPlace))), '1');
    const impactsOf = (edited: string) =>
      diff(desireOf(edited), observed, inPlace).map((change) => impactOf(change));
    expect(impactsOf(FILE.replace('dhcp: true', 'dhcp: { lease: 2h }'))).toEqual(['live']);
    expect(impactsOf(FILE.replace('10.10.10.11', '10.10.10.11, mac: "52:54:00:00:00:11"'))).toContain(
      're-plug',
    );
    expect(impactsOf(FILE.replace('10.10.10.0/24', '10.10.10.0/25'))).toContain('brief-loss');
    const withMtu = (mtu: string) => FILE.replace('mode: nat', `mode: nat, mtu: ${mtu}`);
    expect(impactsOf(withMtu('largest'))).toEqual(['live']);
    expect(impactsOf(withMtu('1400'))).toEqual(['re-plug']);
  });
});
