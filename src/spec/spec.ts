import type { Address } from '../wire/address.js';
import type { Cidr } from '../wire/cidr.js';
import type { AddressRange } from './address/ranges.js';
import type { ForwardTarget } from './schema/forward.js';
import type { KeyLocations, SourceLocation } from './source-location.js';
import type { ForwardPorts } from './text/forward-text.js';
import type { EngineName, ForwardSource, Mode, TunnelType } from './vocabulary.js';

/**
 * What the file says, checked, with every default filled that follows from the file alone. What depends on the host or
 * on earlier runs (free subnets, addresses, MACs) is still open; `topology/` decides it.
 */
export interface Spec {
  readonly project: string;
  /** Empty: the host that runs the command carries everything. */
  readonly hosts: readonly HostSpec[];
  /** In the order of the file, as are the others. */
  readonly networks: readonly NetworkSpec[];
  readonly machines: readonly MachineSpec[];
  /** Of the long form and of the NICs alike. */
  readonly forwards: readonly ForwardSpec[];
}

export interface HostSpec {
  readonly name: string;
  /** Where the other hosts reach it. */
  readonly address: Address;
  /** Largest packet between it and the others, bytes. */
  readonly mtuBytes: number;
  readonly source: SourceLocation;
}

export interface NetworkSpec {
  readonly name: string;
  readonly mode: Mode;
  readonly engine: EngineName;
  readonly mtuBytes: number;
  /** The file leaves it to us how large that is. */
  readonly asksForLargestMtu?: true;
  readonly ipv4: SubnetWish;
  readonly ipv6: SubnetWish;
  readonly dhcp?: DhcpWish;
  readonly dns?: DnsWish;
  readonly hostLoopback: boolean;
  readonly uplink?: string;
  readonly tunnel: TunnelType;
  /** Where gateway, DHCP, names and forwards live; absent without `hosts`. */
  readonly gatewayHost?: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Where each key stands that the file has of it; absent where it was not read from a file. */
  readonly keyLocations?: KeyLocations;
  readonly source: SourceLocation;
}

/** A subnet of the file's own choice, one that is still to be chosen, or none. */
export type SubnetWish = FixedSubnet | 'auto' | 'none';

export interface FixedSubnet {
  readonly subnet: Cidr;
  readonly gateway: Address;
}

export interface DhcpWish {
  /** Absent: every address of the subnet on the larger side of the gateway. */
  readonly range?: AddressRange;
  readonly leaseSeconds: number;
}

export interface DnsWish {
  readonly domain: string;
  /** Empty: the host's own resolvers. */
  readonly upstream: readonly Address[];
}

export interface MachineSpec {
  readonly name: string;
  readonly nics: readonly NicSpec[];
  /** Absent without `hosts`. */
  readonly host?: string;
  readonly command?: readonly string[];
  readonly source: SourceLocation;
}

export interface NicSpec {
  readonly machine: string;
  readonly index: number;
  readonly network: string;
  readonly mac?: string;
  readonly model: string;
  readonly ipv4?: Address;
  readonly ipv6?: Address;
  readonly antiSpoofing: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  /** Where each key stands that the file has of it; absent where it was not read from a file. */
  readonly keyLocations?: KeyLocations;
  readonly source: SourceLocation;
}

export interface ForwardSpec extends ForwardPorts {
  /** At least one; several share the connections. */
  readonly targets: readonly ForwardTarget[];
  /** Whose address the machine sees; absent where the file does not say. */
  readonly shownSource?: ForwardSource;
  readonly source: SourceLocation;
}

/** `web1/0`. */
export function nicId(nic: Pick<NicSpec, 'machine' | 'index'>): string {
  return `${nic.machine}/${nic.index}`;
}
