import { describe, expect, it } from 'vitest';
import { applyOperations, EMPTY, toConfiguration } from './configuration.js';
import type { FabricForward, FabricNetwork, FabricOperation, FabricPort } from './protocol.js';

const network: FabricNetwork = {
  name: 'web',
  mode: 'nat',
  mtuBytes: 1500,
  gatewayMac: '52:54:00:00:00:fe',
  hostLoopback: false,
  ipv4: { address: '10.0.0.0', prefixLength: 24, gateway: '10.0.0.254' },
  ipv6: { address: 'fd00::', prefixLength: 64, gateway: 'fd00::1' },
};
const port: FabricPort = {
  id: 'a/0',
  network: 'web',
  machine: 'a',
  mac: '52:54:00:00:00:01',
  ipv4: '10.0.0.1',
  ipv6: 'fd00::a',
  antiSpoofing: true,
  socketPath: '/run/a.sock',
};
const forward: FabricForward = {
  id: 'tcp/0.0.0.0:80',
  protocol: 'tcp',
  listenAddress: '0.0.0.0',
  listenPortFirst: 80,
  listenPortLast: 80,
  network: 'web',
  targetAddresses: ['10.0.0.1'],
  targetPortFirst: 80,
  targetPortFixed: false,
};
const putNetwork = (value: Partial<FabricNetwork>): FabricOperation => ({
  put: 'network',
  value: { ...network, ...value },
});
const putPort = (value: Partial<FabricPort>): FabricOperation => ({
  put: 'port',
  value: { ...port, ...value },
});
const second = {
  id: 'b/0',
  machine: 'b',
  mac: '52:54:00:00:00:02',
  ipv4: '10.0.0.2',
  ipv6: 'fd00::b',
  socketPath: '/run/b.sock',
};
const put: FabricOperation[] = [
  { put: 'network', value: network },
  { put: 'port', value: port },
  { put: 'forward', value: forward },
];

describe('applyOperations', () => {
  it('puts, changes and deletes', () => {
    const full = applyOperations(EMPTY, put);
    expect(toConfiguration(full)).toEqual({ networks: [network], ports: [port], forwards: [forward] });
    const changed = applyOperations(full, [
      putNetwork({ mtuBytes: 9000 }),
      { delete: 'forward', id: forward.id },
    ]);
    expect(toConfiguration(changed)).toEqual({
      networks: [{ ...network, mtuBytes: 9000 }],
      ports: [port],
      forwards: [],
    });
    // The value it began with is as it was.
    expect(toConfiguration(full).forwards).toEqual([forward]);
    expect(toConfiguration(EMPTY).networks).toEqual([]);
  });

  it('looks at the outcome, not at the way there', () => {
    const full = applyOperations(EMPTY, put);
    const gone = applyOperations(full, [
      { delete: 'network', id: 'web' },
      { delete: 'port', id: 'a/0' },
      { delete: 'forward', id: forward.id },
      { delete: 'forward', id: 'never there' },
    ]);
    expect(toConfiguration(gone)).toEqual({ networks: [], ports: [], forwards: [] });
    const swapped = applyOperations(applyOperations(full, [putPort(second)]), [
      putPort({ ipv4: '10.0.0.2' }),
      putPort({ ...second, ipv4: '10.0.0.1' }),
    ]);
    expect([...swapped.ports.values()].map(({ ipv4 }) => ipv4)).toEqual(['10.0.0.2', '10.0.0.1']);
  });

  it.each<[string, FabricOperation]>([
    ['fabric/unknown-network', { delete: 'network', id: 'web' }],
    ['fabric/unknown-network', putPort({ ...second, network: 'other' })],
    ['fabric/unknown-network', { put: 'forward', value: { ...forward, id: 'x', network: 'other' } }],
    [
      'fabric/address-outside-subnet',
      { put: 'forward', value: { ...forward, id: 'x', targetAddresses: ['10.0.0.1', '10.9.0.1'] } },
    ],
    ['fabric/duplicate-mac', putPort({ ...second, mac: port.mac })],
    ['fabric/duplicate-mac', putPort({ ...second, mac: network.gatewayMac })],
    ['fabric/duplicate-address', putPort({ ...second, ipv4: '10.0.0.1' })],
    ['fabric/duplicate-address', putPort({ ...second, ipv4: '10.0.0.254' })],
    ['fabric/duplicate-address', putPort({ ...second, ipv6: 'fd00:0:0::000a' })],
    ['fabric/duplicate-socket', putPort({ ...second, socketPath: '/run/a.sock' })],
    ['fabric/address-outside-subnet', putPort({ ...second, ipv4: '10.0.1.2' })],
    ['fabric/address-outside-subnet', putPort({ ...second, ipv6: 'fd01::2' })],
    [
      'fabric/address-outside-subnet',
      putNetwork({ ipv4: { address: '10.0.0.0', prefixLength: 24, gateway: '10.1.0.1' } }),
    ],
    [
      'fabric/address-outside-subnet',
      putNetwork({ dhcp: { rangeFirst: '10.0.0.9', rangeLast: '10.0.1.9', leaseSeconds: 60 } }),
    ],
  ])('refuses with %s', (code, operation) => {
    const full = applyOperations(EMPTY, put);
    expect(() => applyOperations(full, [operation])).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ code })] }),
    );
  });

  it('lets the same MAC and address stand on two networks', () => {
    const other = { name: 'other' };
    const both = applyOperations(EMPTY, [
      ...put,
      putNetwork(other),
      putPort({ id: 'a/1', network: 'other', socketPath: '/x' }),
    ]);
    expect(both.ports.size).toBe(2);
  });
});
