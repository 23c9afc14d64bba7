import type { Problem } from '../errors.js';
import type { Places } from '../places.js';
import type { ResourceProvider } from '../plan/provider.js';
import type { Resource } from '../plan/resource.js';
import type {
  EngineName,
  ForwardSource,
  Mode,
  Network,
  NetworkOption,
  Nic,
  NicOption,
  Topology,
} from '../topology/topology.js';

/** `true`, or `why not; what to write instead`. */
export type Support = true | string;

/** Keys of a network that not every engine reads. */
export type EngineNetworkKey = NetworkOption | 'uplink' | 'host-loopback';

/** What an engine can do. The conformance suite proves each `true`; `validate` prints each sentence. */
export interface Capabilities {
  readonly modes: Readonly<Record<Mode, Support>>;
  /** Machines of a routed network are seen and reached by the world outside the project as themselves. */
  readonly routedOutside: Support;
  /** Addresses of the outside that are a NIC's, one to one, and those of the network that only forwards listen on. */
  readonly publicAddresses: Support;
  readonly forwards: Support;
  /** Whose address a machine sees on a forward that says whose. */
  readonly forwardSources: Readonly<Record<ForwardSource, Support>>;
  readonly ipv6: Support;
  readonly dhcp: Support;
  readonly dns: Support;
  readonly antiSpoofing: Support;
  readonly capture: Support;
  /** What becomes of packets is told one by one, with the rule that ended them. */
  readonly trace: Support;
  readonly manyHosts: Support;
  /** Whether each key is read that not every engine reads. */
  readonly networkKeys: Readonly<Record<EngineNetworkKey, Support>>;
  readonly nicKeys: Readonly<Record<NicOption, Support>>;
  /** The network itself needs root. */
  readonly needsRoot: boolean;
  /** Modes that do, on an engine that otherwise needs none. */
  readonly modesNeedingRoot: readonly Mode[];
}

/** QEMU arguments that plug one NIC in: `-netdev …` and `-device …`, flattened. */
export type QemuArguments = readonly string[];

/** An open file of a process: the descriptor's number, and the file read and written by it. */
export interface Descriptor {
  readonly fd: number;
  readonly path: string;
}

export interface LeaseRecord {
  readonly network: string;
  readonly machine?: string;
  readonly mac: string;
  readonly address: string;
  readonly hostname?: string;
  /** Milliseconds since the epoch; absent: never. */
  readonly expiresAtMs?: number;
}

/** Counters of one switch port, since it was made. `drops` is keyed by reason. */
export interface PortStatus {
  readonly nic: string;
  readonly network: string;
  readonly connected: boolean;
  /** Frames and bytes the machine sent (`rx`: received by the switch) and was sent (`tx`). */
  readonly rxFrames: number;
  readonly rxBytes: number;
  readonly txFrames: number;
  readonly txBytes: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface EngineStatus {
  readonly running: boolean;
  readonly ports: readonly PortStatus[];
  /** Lines for the person: routes the LAN needs, accepts that were added, what is degraded. */
  readonly notes: readonly string[];
}

/** What became of one packet of a machine, or for one. */
export interface PacketFate {
  /** The packet as it came. */
  readonly packet: PacketSummary;
  readonly outcome: 'passed' | 'dropped' | 'refused';
  /** What ended it, in words; of one that passed, what it was translated to. */
  readonly reason?: string;
  /** Kernel name of the device it left by; absent of one that ended, or was taken by this host itself. */
  readonly device?: string;
  /** The rule that ended it, as the program that keeps it lists it: table, chain, rule. */
  readonly rule?: string;
  /** The rule is one of this project's. */
  readonly isOurs: boolean;
}

export interface PacketSummary {
  /** Addresses: IP where it has them, else MACs. */
  readonly source: string;
  readonly target: string;
  /** `tcp`, `udp`, `icmp`, `arp`, … */
  readonly protocol: string;
  readonly sourcePort?: number;
  readonly targetPort?: number;
  /** What else tells it from others: flags of TCP, the type of an ICMP message. */
  readonly detail?: string;
}

/** One line of `doctor`. */
export interface Finding {
  readonly subject: string;
  readonly state: 'ok' | 'missing' | 'warning';
  readonly detail: string;
  /** The command that mends it. */
  readonly fix?: string;
}

/** The host's own part of a `bridge` network: its NIC is a port of the bridge, and its addresses are the bridge's. */
export interface HostBridge {
  /** Name in the file. */
  readonly network: string;
  /** Kernel names of the bridge and of the NIC that is its port. */
  readonly bridge: string;
  readonly nic: string;
  /** MAC of both. */
  readonly mac: string;
  readonly mtuBytes: number;
  readonly speaksStp: boolean;
  /** The LAN gives an IPv4 address by DHCP. */
  readonly ipv4Dhcp: boolean;
  /** Router advertisements give an IPv6 address (RFC 4862), DHCPv6 another. */
  readonly ipv6Auto: boolean;
  readonly ipv6Dhcp: boolean;
  /** `192.0.2.2/24`, those of the host's own configuration, both families. */
  readonly addresses: readonly string[];
  /** Routes of the host's own configuration. */
  readonly routes: readonly HostRoute[];
  /** Resolvers and search domains of the host's own configuration; empty where DHCP names them. */
  readonly resolvers: readonly string[];
  readonly searchDomains: readonly string[];
}

export interface HostRoute {
  readonly family: 4 | 6;
  /** `default`, a block, or an address. */
  readonly destination: string;
  readonly gateway?: string;
  readonly metric?: number;
}

/** What an engine is given of the project and the host. */
export interface EngineContext {
  readonly project: string;
  readonly places: Places;
}

/**
 * One way of making networks real. Everything outside `engines/` knows an engine by this interface alone.
 * `desire`, `check`, `netdev` and `portId` are pure.
 */
export interface Engine extends ResourceProvider {
  readonly name: EngineName;
  readonly capabilities: Capabilities;
  /** The resources that make this engine's networks of the topology real. */
  desire(topology: Topology): Resource[];
  /** What this engine cannot do with this topology, beyond what its capabilities already say. */
  check(topology: Topology): Problem[];
  /** What stands in the way on this host right now: a taken listen port, a NIC that is missing. Touches nothing. */
  preflight(topology: Topology, signal: AbortSignal): Promise<Problem[]>;
  netdev(nic: Nic, network: Network, topology: Topology): QemuArguments;
  /** Files that QEMU must be given open, under these numbers, for what `netdev` says. Absent: none. */
  descriptors?(nic: Nic): readonly Descriptor[];
  /** Id of the resource the NIC is plugged into; the machine is started after it. */
  portId(nic: Nic): string;
  status(signal: AbortSignal): Promise<EngineStatus>;
  leases(signal: AbortSignal): Promise<LeaseRecord[]>;
  /** A pcapng stream of what passes the NIC, until the signal aborts. */
  capture(nic: Nic, network: Network, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The same of all that a network carries, each frame once. Absent: this engine looks at NICs only. */
  captureNetwork?(network: Network, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * What becomes of packets from and for a NIC, until the signal aborts: a stream for each place that tells of them, the
   * switch and the gateway. Absent: `capabilities.trace` says why.
   */
  trace?(nic: Nic, network: Network, signal: AbortSignal): readonly AsyncIterable<PacketFate>[];
  doctor(signal: AbortSignal): Promise<Finding[]>;
  /** The person confirms a change that is waiting for it; the networks concerned. Absent: nothing ever waits. */
  commit?(): Promise<string[]>;
  /** What the host has on the uplinks of the `bridge` networks, for its own configuration. Absent: it takes no uplink in. */
  hostBridges?(topology: Topology, signal: AbortSignal): Promise<HostBridge[]>;
}

export type EngineFactory = (context: EngineContext) => Engine;
