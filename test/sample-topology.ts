/** A network and a NIC as the resolver makes them, for tests of what comes after it: each says only what it is about. */
import type { Network, Nic } from '../src/topology/topology.js';

const source = { file: 'passerelle.yaml', line: 1, column: 1 };

/** Subnets of both families, for a network that has them. */
export const sampleSubnets = {
  ipv4: { address: '10.0.0.0', prefixLength: 24, gateway: '10.0.0.1' },
  ipv6: { address: 'fd00::', prefixLength: 64, gateway: 'fd00::1' },
} as const;

/** `web`, a nat network of the engine linux without subnets. */
export function sampleNetwork(rest: Partial<Network> = {}): Network {
  return {
    name: 'web',
    mode: 'nat',
    engine: 'linux',
    mtuBytes: 1500,
    gatewayMac: '52:54:00:00:00:01',
    hostLoopback: false,
    interfaceName: 'psl1',
    options: {},
    source,
    ...rest,
  };
}

/** The first NIC of `web1`, on `web`, without addresses. */
export function sampleNic(rest: Partial<Nic> = {}): Nic {
  const { machine = 'web1', index = 0 } = rest;
  return {
    id: `${machine}/${index}`,
    machine,
    index,
    network: 'web',
    mac: '52:54:00:00:00:0a',
    model: 'virtio-net-pci',
    antiSpoofing: true,
    interfaceName: 'tap0',
    options: {},
    source,
    ...rest,
  };
}
