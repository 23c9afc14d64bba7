/** Topologies as the resolver would hand them over, written short. */
import { createHash } from 'node:crypto';
import { slaacAddressOf } from '../../../src/engines/kernel-gateway/link-local.js';
import type {
  ForwardSource,
  Forward,
  Machine,
  Mode,
  Network,
  Nic,
  Overlay,
  Topology,
  TransportProtocol,
} from '../../../src/topology/topology.js';

const source = { file: 'passerelle.yaml', line: 1, column: 1 };

export interface NetworkWish {
  readonly name: string;
  readonly mode: Mode;
  /** `10.77.0`: the first three octets of a /24; left out: no IPv4. */
  readonly net?: string;
  /** `fd00:77::`: a /64; left out: no IPv6. */
  readonly net6?: string;
  readonly dhcp?: boolean;
  readonly dns?: boolean;
  readonly upstream?: readonly string[];
  readonly uplink?: string;
  readonly mtuBytes?: number;
  readonly overlay?: Overlay;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface NicWish {
  readonly network: string;
  /** Last octet of the IPv4 address. */
  readonly host?: number;
  readonly antiSpoofing?: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly model?: string;
}

export interface ForwardWish {
  readonly listen: string;
  readonly ports: readonly [first: number, last: number];
  readonly to: string;
  /** Machines beside `to` that share the connections. */
  readonly andTo?: readonly string[];
  readonly targetPort: number;
  readonly fixed?: boolean;
  readonly protocol?: TransportProtocol;
  readonly family?: 6;
  readonly shownSource?: ForwardSource;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function macOf(text: string): string {
  const digits = hash(text);
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}

export function topologyOf(
  project: string,
  networkWishes: readonly NetworkWish[],
  machineWishes: Readonly<Record<string, readonly NicWish[]>>,
  forwardWishes: readonly ForwardWish[] = [],
): Topology {
  const networks = networkWishes.map((wish): Network => {
    const { name, mode, net, net6, mtuBytes = 1500 } = wish;
    const isGateway = mode === 'nat' || mode === 'routed';
    const dhcp = wish.dhcp ?? (isGateway && net !== undefined);
    const dns = wish.dns ?? isGateway;
    return {
      name,
      mode,
      engine: 'linux',
      mtuBytes,
      gatewayMac: macOf(`${project} gateway ${name}`),
      hostLoopback: false,
      interfaceName: `psl${hash(`${project} ${name}`).slice(0, 8)}`,
      options: wish.options ?? {},
      source,
      ...(net !== undefined && {
        ipv4: { address: `${net}.0`, prefixLength: 24, gateway: `${net}.1` },
      }),
      ...(net6 !== undefined && { ipv6: { address: net6, prefixLength: 64, gateway: `${net6}1` } }),
      ...(dhcp &&
        net !== undefined && {
          dhcp: { rangeFirst: `${net}.100`, rangeLast: `${net}.199`, leaseSeconds: 3600 },
        }),
      ...(dns && { dns: { domain: `${project}.internal`, upstream: wish.upstream ?? [] } }),
      ...(wish.uplink !== undefined && { uplink: wish.uplink }),
      ...(wish.overlay !== undefined && { overlay: wish.overlay }),
    };
  });
  const machines = Object.entries(machineWishes).map(
    ([name, nicWishes]): Machine => ({
      name,
      source,
      nics: nicWishes.map((wish, index): Nic => {
        const network = networks.find((candidate) => candidate.name === wish.network);
        const mac = macOf(`${project} ${name} ${index}`);
        const net = network?.ipv4?.address.replace(/\.0$/, '');
        return {
          id: `${name}/${index}`,
          machine: name,
          index,
          network: wish.network,
          mac,
          model: wish.model ?? 'virtio-net-pci',
          antiSpoofing: wish.antiSpoofing ?? true,
          interfaceName: `pslt${hash(`${project} ${name} ${index}`).slice(0, 8)}`,
          options: wish.options ?? { attach: 'netns' },
          source,
          ...(net !== undefined && wish.host !== undefined && { ipv4: `${net}.${wish.host}` }),
          ...(network?.ipv6 && { ipv6: slaacAddressOf(network.ipv6.address, mac) }),
        };
      }),
    }),
  );
  const forwards = forwardWishes.map((wish): Forward => {
    const nics = [wish.to, ...(wish.andTo ?? [])].map((name) => {
      const nic = machines.find((machine) => machine.name === name)?.nics[0];
      if (nic === undefined) throw new Error(`no machine ${name}`);
      return nic;
    });
    const protocol = wish.protocol ?? 'tcp';
    return {
      id: `${protocol}/${wish.listen}:${wish.ports[0]}`,
      protocol,
      listenAddress: wish.listen,
      listenPortFirst: wish.ports[0],
      listenPortLast: wish.ports[1],
      network: nics[0]!.network,
      targets: nics.map((nic) => ({
        machine: nic.machine,
        nic: nic.id,
        address: (wish.family === 6 ? nic.ipv6 : nic.ipv4) ?? '',
      })),
      targetPortFirst: wish.targetPort,
      targetPortFixed: wish.fixed ?? false,
      ...(wish.shownSource && { shownSource: wish.shownSource }),
      source,
    };
  });
  return { project, networks, machines, forwards };
}
