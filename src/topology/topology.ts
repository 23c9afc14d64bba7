import type { KeyLocations, SourceLocation } from '../spec/source-location.js';
import type { EngineName, ForwardSource, Mode, TransportProtocol, TunnelType } from '../spec/vocabulary.js';

export type { NetworkOption, NicOption, WrittenVxlan } from '../spec/schema/engine-options.js';
export type { EngineName, ForwardSource, Mode, TransportProtocol, TunnelType } from '../spec/vocabulary.js';
export { ENGINE_NAMES } from '../spec/vocabulary.js';

/**
 * The spec after resolution: every default filled, every address, MAC and interface name decided. Sorted by name. Where
 * the project has many hosts, the share of one of them (share.ts).
 */
export interface Topology {
  readonly project: string;
  readonly networks: readonly Network[];
  readonly machines: readonly Machine[];
  /** Machines of the other hosts: a gateway here gives them their addresses and names. */
  readonly elsewhere?: readonly Machine[];
  readonly forwards: readonly Forward[];
}

/** One address family of a network. Addresses are canonical text: dotted quad, or RFC 5952. */
export interface Subnet {
  /** First address of the subnet. */
  readonly address: string;
  readonly prefixLength: number;
  /** The address of the network's gateway; on an `isolated` network, of its DHCP server. */
  readonly gateway: string;
}

export interface DhcpSettings {
  /** First and last address handed to clients that the file does not name. */
  readonly rangeFirst: string;
  readonly rangeLast: string;
  readonly leaseSeconds: number;
}

export interface DnsSettings {
  /** Names are `MACHINE.DOMAIN`; lower case, no dot at the end. */
  readonly domain: string;
  /** Addresses asked for everything else; empty: the host's own resolvers. */
  readonly upstream: readonly string[];
}

export interface Network {
  readonly name: string;
  readonly mode: Mode;
  readonly engine: EngineName;
  readonly mtuBytes: number;
  /** MAC of the gateway, derived from project and network. */
  readonly gatewayMac: string;
  readonly ipv4?: Subnet;
  readonly ipv6?: Subnet;
  readonly dhcp?: DhcpSettings;
  readonly dns?: DnsSettings;
  /** The gateway's addresses lead to the host's own loopback (user engine); off unless the file asks. */
  readonly hostLoopback: boolean;
  /** Host NIC name, or `default` for the one with the default route. */
  readonly uplink?: string;
  /** The network goes on at other hosts; absent when all of it is here. */
  readonly overlay?: Overlay;
  /** The host where gateway, DHCP and names of the network live; absent: here, if it has any. */
  readonly gatewayElsewhere?: string;
  /** Kernel name of the segment's device, at most 15 characters, unique on the host by hash. */
  readonly interfaceName: string;
  /** What an engine reads beyond the common keys (VLAN, tunnels, …), as the file says it. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Where each key stands that the file has of it; absent where it was not read from a file. */
  readonly keyLocations?: KeyLocations;
  readonly source: SourceLocation;
}

/** One segment over many hosts: a full mesh of tunnels, of which these are the ends of one host. */
export interface Overlay {
  readonly type: TunnelType;
  /** Identifier of the network on the wire (VNI), 24 bits, the same on every host and engine. */
  readonly identifier: number;
  /** Address of this host, canonical text. */
  readonly localAddress: string;
  /** The other hosts that the network is on, sorted by name. */
  readonly peers: readonly OverlayPeer[];
}

export interface OverlayPeer {
  readonly host: string;
  readonly address: string;
}

export interface Machine {
  readonly name: string;
  readonly nics: readonly Nic[];
  /** Name of the host it lives on; absent in a project of one host. */
  readonly host?: string;
  /** Argument list that starts the machine; its NICs are appended. */
  readonly command?: readonly string[];
  readonly source: SourceLocation;
}

export interface Nic {
  /** `MACHINE/INDEX`, for example `web1/0`. */
  readonly id: string;
  readonly machine: string;
  readonly index: number;
  readonly network: string;
  /** Lower case, colon-separated. */
  readonly mac: string;
  /** QEMU device model, for example `virtio-net-pci`. */
  readonly model: string;
  readonly ipv4?: string;
  /** The address the machine forms or is given: fixed by the file, else derived from its MAC (EUI-64). */
  readonly ipv6?: string;
  /** Only the NIC's own MAC and addresses may leave it. */
  readonly antiSpoofing: boolean;
  /** Kernel name of the NIC's tap on the host, at most 15 characters. */
  readonly interfaceName: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Where each key stands that the file has of it; absent where it was not read from a file. */
  readonly keyLocations?: KeyLocations;
  readonly source: SourceLocation;
}

/** A NIC that a forward leads to. */
export interface ForwardTarget {
  readonly machine: string;
  readonly nic: string;
  readonly address: string;
}

/** A range of host ports handed to machines of one network; a single port is a range of one. */
export interface Forward {
  /** `tcp/0.0.0.0:9011`: protocol, listen address and first listen port. */
  readonly id: string;
  readonly protocol: TransportProtocol;
  readonly listenAddress: string;
  readonly listenPortFirst: number;
  readonly listenPortLast: number;
  readonly network: string;
  /** At least one; connections are shared out among several. */
  readonly targets: readonly ForwardTarget[];
  /** Port that `listenPortFirst` leads to; the rest of a range follows in step unless `targetPortFixed`. */
  readonly targetPortFirst: number;
  /** True when every listen port of the range leads to `targetPortFirst`. */
  readonly targetPortFixed: boolean;
  /**
   * Whose address the machine sees at the other end; absent: the client's wherever the machine can answer it, else the
   * gateway's.
   */
  readonly shownSource?: ForwardSource;
  readonly source: SourceLocation;
}
