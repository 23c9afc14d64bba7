/**
 * What the fabric is told and what it tells, over its control socket.
 *
 * Theory of operation: a unix stream socket (0600 in a 0700 directory) carries one JSON object a line,
 * `{id, method, params}` answered by `{id, result}` or `{id, error: {code, message}}`, in any order.
 * `apply` is one transaction: the whole list is carried out, or none of it. `capture` answers
 * `{id, result: {streaming: true}}` and turns the connection into a raw pcapng stream until either side closes it, and
 * `trace` the same into lines of JSON, one a frame.
 * The fabric keeps no configuration on disk: after a restart it is empty, and `up` tells it everything again.
 */
export interface FabricSubnet {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
}

export interface FabricNetwork {
  readonly name: string;
  readonly mode: 'isolated' | 'nat' | 'routed' | 'bridge';
  readonly mtuBytes: number;
  readonly gatewayMac: string;
  /** The gateway's addresses lead to the host's loopback, for development; off unless the file asks. */
  readonly hostLoopback: boolean;
  readonly ipv4?: FabricSubnet;
  readonly ipv6?: FabricSubnet;
  readonly dhcp?: { readonly rangeFirst: string; readonly rangeLast: string; readonly leaseSeconds: number };
  readonly dns?: { readonly domain: string; readonly upstream: readonly string[] };
  /** The way to the LAN of a bridge network, and of no other. */
  readonly uplink?: FabricUplink;
  /** Gateway, DHCP and names are another host's: here are the machines and the tunnels only. */
  readonly gatewayElsewhere?: true;
  /** Tunnels to other hosts that have the network too. */
  readonly vxlan?: FabricVxlan;
  /** Directory that VDE programs plug into, as if the network were a vde_switch; the fabric makes it, and nobody else. */
  readonly vdeDirectory?: string;
  /** Machines that are plugged into a switch of somebody else, behind one of the network's ports. */
  readonly stations?: readonly FabricStation[];
}

export interface FabricUplink {
  /** A bridge of the host or a NIC that is nobody's; `default`: the one with the default route. */
  readonly device: string;
  /** Name of the tap that goes into a bridge, at most 15 characters. */
  readonly interfaceName: string;
}

export interface FabricVxlan {
  /** Network identifier, 24 bits. */
  readonly id: number;
  /** UDP port, the same on all hosts. */
  readonly port: number;
  /** Address of this host to send from and listen on; `0.0.0.0` or `::`: any. */
  readonly localAddress: string;
  /** Addresses of the other hosts, canonical text, of the family of `localAddress`. */
  readonly peers: readonly string[];
}

/** A machine without a port of its own: the gateway knows its addresses and name all the same. */
export interface FabricStation {
  readonly machine: string;
  readonly mac: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

export interface FabricPort {
  /** NIC id, `web1/0`. */
  readonly id: string;
  readonly network: string;
  readonly machine: string;
  readonly mac: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly antiSpoofing: boolean;
  /** Unix socket on which QEMU listens; the fabric dials it. Absent where the port has none: see `tap`. */
  readonly socketPath?: string;
  /** What is spoken on the socket; frames in stream framing where nothing is said. */
  readonly protocol?: 'vhost-user';
  /** The NIC is a device of the kernel instead. */
  readonly tap?: FabricTap;
}

export interface FabricTap {
  /** Kernel name of the device, at most 15 characters. */
  readonly interfaceName: string;
  /** Path of the network namespace that the device is made in; absent: the fabric's own. */
  readonly namespacePath?: string;
}

export interface FabricForward {
  readonly id: string;
  readonly protocol: 'tcp' | 'udp';
  readonly listenAddress: string;
  readonly listenPortFirst: number;
  readonly listenPortLast: number;
  readonly network: string;
  /** At least one; connections take turns among several. */
  readonly targetAddresses: readonly string[];
  readonly targetPortFirst: number;
  readonly targetPortFixed: boolean;
  /** Clients are shown as the gateway, also those that the machine could answer. */
  readonly shownSource?: 'gateway';
}

export interface FabricConfiguration {
  readonly networks: readonly FabricNetwork[];
  readonly ports: readonly FabricPort[];
  readonly forwards: readonly FabricForward[];
}

/** `put` makes the object or changes it in place; `delete` names what goes. */
export type FabricOperation =
  | { readonly put: 'network'; readonly value: FabricNetwork }
  | { readonly put: 'port'; readonly value: FabricPort }
  | { readonly put: 'forward'; readonly value: FabricForward }
  | { readonly delete: 'network' | 'port' | 'forward'; readonly id: string };

export interface FabricPortStatus {
  readonly id: string;
  readonly network: string;
  readonly connected: boolean;
  readonly rxFrames: number;
  readonly rxBytes: number;
  readonly txFrames: number;
  readonly txBytes: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface FabricTunnelStatus {
  readonly peer: string;
  readonly rxFrames: number;
  readonly rxBytes: number;
  readonly txFrames: number;
  readonly txBytes: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface FabricUplinkStatus {
  readonly connected: boolean;
  readonly rxFrames: number;
  readonly txFrames: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface FabricStatus {
  /** Of the package the fabric was started from. */
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly residentBytes: number;
  readonly ports: readonly FabricPortStatus[];
  readonly networks: readonly {
    readonly name: string;
    readonly learnedMacs: number;
    readonly flows: { readonly tcp: number; readonly udp: number; readonly icmp: number };
    readonly tunnels: readonly FabricTunnelStatus[];
    /** What passed the way to the LAN. */
    readonly uplink?: FabricUplinkStatus;
    /** Plugged in at `vdeDirectory`. */
    readonly vdeClients: number;
    /** Packets the gateway refused, by reason. */
    readonly drops: Readonly<Record<string, number>>;
  }[];
}

export interface FabricLease {
  readonly network: string;
  readonly mac: string;
  readonly address: string;
  readonly hostname?: string;
  readonly expiresAtMs?: number;
}

/** One line of a `trace`: a frame that the port's machine sent. */
export interface TracedFrame {
  /** Its first bytes, in base64. */
  readonly head: string;
  /** Why it was refused; absent: it was not. */
  readonly reason?: string;
  /** Frames before it that are not told, since the reader was too slow. */
  readonly lost?: number;
}

/** Method -> [params, result]. */
export interface FabricMethods {
  configuration: [Record<string, never>, FabricConfiguration];
  apply: [{ readonly operations: readonly FabricOperation[] }, Record<string, never>];
  status: [Record<string, never>, FabricStatus];
  leases: [Record<string, never>, readonly FabricLease[]];
  capture: [{ readonly port: string }, { readonly streaming: true }];
  trace: [{ readonly port: string }, { readonly streaming: true }];
  shutdown: [Record<string, never>, Record<string, never>];
}
