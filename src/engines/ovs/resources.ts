/**
 * What this engine keeps, as resources. The properties are what is read back from OVSDB, the switch and the kernel, in
 * the same words, so that what is wanted and what stands are compared without translation. Pure.
 */
import type { BondMode, LacpRole } from '../../spec/vocabulary.js';
import type { Datapath } from '../open-vswitch/datapath.js';
import type { InsideProperties, NamespaceProperties } from '../open-vswitch/inside.js';
import type { TapProperties } from '../open-vswitch/taps.js';
import { typedResources } from '../open-vswitch/typed-resources.js';
import { PROVIDER } from './identity.js';

export type FailMode = 'secure' | 'standalone';

/** The switch of one network. */
export interface BridgeProperties {
  /** Kernel name of the bridge and of the host's own port on it. */
  readonly device: string;
  readonly datapath: Datapath;
  readonly failMode: FailMode;
  /** MAC of the host's own port; null: that of the uplink it takes in. */
  readonly mac: string | null;
  readonly mtuBytes: number;
  /** The host takes part by its own port: as the gateway, or as a host of the LAN. */
  readonly isUp: boolean;
  /** The device says whose it is, to engines that know nothing of OVSDB. */
  readonly isMarked: boolean;
  readonly stp: boolean;
  readonly rstp: boolean;
  readonly multicastSnooping: boolean;
  /** OpenFlow controllers, sorted. */
  readonly controllers: readonly string[];
}

/** A port of a bridge: a tap, an uplink or a tunnel. */
export interface PortProperties {
  readonly bridge: string;
  readonly device: string;
  /** The namespace that the device lives in; then the switch makes it. null: it takes one in that is there. */
  readonly namespace: string | null;
  /** VLAN (IEEE 802.1Q) of untagged frames. */
  readonly tag?: number;
  /** VLANs that pass tagged, sorted; absent: none on an access port, all on a trunk. */
  readonly trunks?: readonly number[];
  readonly vlanMode?: 'access' | 'trunk' | 'native-untagged' | 'dot1q-tunnel';
  /** Apart from other isolated ports. */
  readonly isIsolated: boolean;
  /** Most that leaves by the port, bits a second. */
  readonly maxRateBps?: number;
  /** The switch holds the device as it is now: no error, and not one that was deleted and made again since. */
  readonly isAttached: boolean;
}

/** OpenFlow flows, and the meter that some of them send through. */
export interface RulesProperties {
  readonly bridge: string;
  /** In normal form, sorted. */
  readonly flows: readonly string[];
  readonly meter?: MeterProperties;
}

export interface MeterProperties {
  readonly number: number;
  readonly rateKbps: number;
  readonly burstKbits: number;
}

/** The host NIC that a bridge has taken in, with the host's addresses now on the bridge. */
export interface UplinkProperties {
  readonly bridge: string;
  /** As the file says it: the name of a NIC, or `default` for the one with the default route; of a bond, its port. */
  readonly uplink: string;
  /** NICs of a bond, sorted; absent: it is none. */
  readonly members?: readonly string[];
  readonly bondMode?: BondMode;
  readonly lacp?: LacpRole;
  readonly isShielded: boolean;
  readonly isAttached: boolean;
  /** The NIC bears none of the host's addresses any more. */
  readonly isHandedOver: boolean;
  /** No watchdog waits for a word on the change that made it so. */
  readonly isConfirmed: boolean;
}

export interface TunnelProperties {
  readonly bridge: string;
  readonly device: string;
  readonly type: 'vxlan' | 'geneve';
  readonly remoteAddress: string;
  readonly localAddress?: string;
  /** Identifier of the network, the same on all hosts (VNI, 24 bits). */
  readonly key: number;
  /** UDP port. */
  readonly port: number;
  /** File with the key that encrypts it; absent: in clear. */
  readonly pskFile?: string;
  /** The key that stands is the one in the file; where there is no file, that there is none. */
  readonly isKeyCurrent: boolean;
  /** Passes nothing on that came by another tunnel: the mesh is full, and that would be a loop. */
  readonly isIsolated: boolean;
  readonly isAttached: boolean;
}

/** Flow records of a network for a collector. */
export interface ExportProperties {
  readonly bridge: string;
  readonly protocol: 'sflow' | 'netflow' | 'ipfix';
  /** `192.0.2.9:6343` */
  readonly target: string;
  /** One packet of so many is looked at; null: all. */
  readonly sampling: number | null;
}

/** A copy of what ports carry, for another port. */
export interface MirrorProperties {
  readonly bridge: string;
  /** Devices of the ports, sorted; empty: the whole bridge. */
  readonly sources: readonly string[];
  /** Device of the port that is sent the copy, and nothing else. */
  readonly output: string;
}

/** What a capture left that was killed. */
export interface CaptureProperties {
  readonly bridge: string;
  readonly device: string;
}

interface PropertiesByKind {
  readonly namespace: NamespaceProperties;
  readonly inside: InsideProperties;
  readonly bridge: BridgeProperties;
  readonly tap: TapProperties;
  readonly port: PortProperties;
  readonly rules: RulesProperties;
  readonly uplink: UplinkProperties;
  readonly tunnel: TunnelProperties;
  readonly export: ExportProperties;
  readonly mirror: MirrorProperties;
  readonly capture: CaptureProperties;
}

export const { makeResource, propertiesOf } = typedResources<PropertiesByKind>(PROVIDER);
