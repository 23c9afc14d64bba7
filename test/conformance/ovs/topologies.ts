import { createHash } from 'node:crypto';
import type { Forward, Machine, Mode, Network, Nic, Topology } from '../../../src/topology/topology.js';

const source = { file: 'passerelle.yaml', line: 1, column: 1 };

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Unique on the host by project, so that tests do not meet. */
function interfaceName(project: string, what: string): string {
  return `psl${hash(`${project} ${what}`).slice(0, 10)}`;
}

export function network(project: string, name: string, mode: Mode, more: Partial<Network> = {}): Network {
  return {
    name,
    mode,
    engine: 'ovs',
    mtuBytes: 1500,
    gatewayMac: `52:54:00:${hash(name).slice(0, 6).match(/../g)!.join(':')}`,
    hostLoopback: false,
    interfaceName: interfaceName(project, name),
    options: {},
    source,
    ...more,
  };
}

/** 10.OCTET.0.0/24 and fd00:OCTET::/64 with DHCP. */
export function subnets(octet: number): Pick<Network, 'ipv4' | 'ipv6' | 'dhcp'> {
  return {
    ipv4: { address: `10.${octet}.0.0`, prefixLength: 24, gateway: `10.${octet}.0.1` },
    ipv6: { address: `fd00:${octet}::`, prefixLength: 64, gateway: `fd00:${octet}::1` },
    dhcp: { rangeFirst: `10.${octet}.0.100`, rangeLast: `10.${octet}.0.199`, leaseSeconds: 3600 },
  };
}

export function nic(
  project: string,
  machine: string,
  index: number,
  on: Network,
  more: Partial<Nic> = {},
): Nic {
  const digest = hash(`${machine}/${index}`);
  return {
    id: `${machine}/${index}`,
    machine,
    index,
    network: on.name,
    mac: `52:54:00:${digest.slice(0, 6).match(/../g)!.join(':')}`,
    model: 'virtio-net-pci',
    antiSpoofing: true,
    interfaceName: interfaceName(project, `${machine}/${index}`),
    options: {},
    source,
    ...more,
  };
}

export function topology(
  project: string,
  networks: readonly Network[],
  nics: readonly Nic[],
  more: Partial<Topology> = {},
): Topology {
  const names = [...new Set(nics.map((each) => each.machine))].sort();
  const machines = names.map(
    (name): Machine => ({ name, nics: nics.filter((each) => each.machine === name), source }),
  );
  return { project, networks, machines, forwards: [], ...more };
}

export function forward(on: Network, target: Nic, listenPort: number, targetPort: number): Forward {
  return {
    id: `tcp/0.0.0.0:${listenPort}`,
    protocol: 'tcp',
    listenAddress: '0.0.0.0',
    listenPortFirst: listenPort,
    listenPortLast: listenPort,
    network: on.name,
    targets: [{ machine: target.machine, nic: target.id, address: target.ipv4 ?? '' }],
    targetPortFirst: targetPort,
    targetPortFixed: false,
    source,
  };
}
