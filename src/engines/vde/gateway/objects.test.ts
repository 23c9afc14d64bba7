import { describe, expect, it } from 'vitest';
import { topologyOf } from '../../../../test/conformance/vde/topologies.js';
import { applyOperations, EMPTY, toConfiguration } from '../../../fabric/control/configuration.js';
import type { FabricConfiguration } from '../../../fabric/control/protocol.js';
import { diff } from '../../../plan/diff.js';
import type { Change } from '../../../plan/resource.js';
import {
  desireGateways,
  hasGateway,
  observedGateways,
  operationsFor,
  operationsThatRestore,
} from './objects.js';

const topology = topologyOf(
  [
    { name: 'web', mode: 'nat', net: '10.1.1', net6: 'fd00:1::' },
    { name: 'back', net: '10.1.2', dhcp: true },
    { name: 'plain' },
  ],
  {
    a: [
      { network: 'web', host: 11 },
      { network: 'back', host: 11 },
    ],
    b: [{ network: 'plain' }],
  },
  [{ listen: '127.0.0.1', ports: [8080, 8080], to: 'a', targetPort: 80 }],
);
const served = topology.networks.filter(hasGateway);
const desired = desireGateways(topology, served, '1', (network) => `/run/${network}.sock`);
const creations = desired.map((after): Change => ({ action: 'create', after }));
const told = (changes: readonly Change[], from: FabricConfiguration): FabricConfiguration =>
  toConfiguration(
    applyOperations(applyOperations(EMPTY, operationsThatRestore(from)), operationsFor(changes)),
  );
const nothing: FabricConfiguration = { networks: [], ports: [], forwards: [] };

describe('gateways of VDE networks', () => {
  it('are there for networks that have something to be served', () => {
    expect(topology.networks.filter(hasGateway).map(({ name }) => name)).toEqual(['web', 'back']);
    expect(desireGateways(topology, [], '1', () => '')).toEqual([]);
  });

  it('are found in the fabric as they were put there', () => {
    const observed = observedGateways(told(creations, nothing), '1');
    expect(diff(desired, observed, () => true)).toEqual([]);
    expect(observed.map(({ id, affects }) => [id, affects])).toEqual(
      desired.map(({ id, affects }) => [id, affects]),
    );
  });

  it('know the machines behind the switch, and look for none of them anywhere else', () => {
    const { networks, ports } = told(creations, nothing);
    expect(networks[0]?.stations).toEqual([expect.objectContaining({ machine: 'a', ipv4: '10.1.1.11' })]);
    expect(ports.map(({ id, socketPath, antiSpoofing }) => [id, socketPath, antiSpoofing])).toEqual([
      ['web/switch', '/run/web.sock', false],
      ['back/switch', '/run/back.sock', false],
    ]);
  });

  it('leave nothing when they go', () => {
    const deletions = [...desired].reverse().map((before): Change => ({ action: 'delete', before }));
    expect(told(deletions, told(creations, nothing))).toEqual(nothing);
  });
});
