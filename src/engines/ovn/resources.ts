/**
 * What this engine keeps, as resources. The properties are what is read back from the northbound database, the host's Open
 * vSwitch and the kernel, in the same words, so that what is wanted and what stands are compared without translation. Pure.
 */
import { typedResources } from '../open-vswitch/typed-resources.js';
import { PROVIDER } from './identity.js';

/** A network's logical switch (ovn-nb(5), Logical_Switch). */
export interface SwitchProperties {
  readonly name: string;
}

/** What the switch itself answers to DHCP (ovn-nb(5), DHCP_Options). */
export interface DhcpOptionsProperties {
  /** `10.10.20.0/24` */
  readonly cidr: string;
  /** Values as OVN reads them: text stands in quotes of its own. */
  readonly options: Readonly<Record<string, string>>;
}

/** What machines must not say, whoever they are: a port group with its ACLs (ovn-nb(5), Port_Group). */
export interface GuardProperties {
  readonly name: string;
  /** `PRIORITY ACTION MATCH` of each ACL on what comes from machines, sorted. */
  readonly rules: readonly string[];
}

/** A port of a logical switch (ovn-nb(5), Logical_Switch_Port). */
export interface LogicalPortProperties {
  /** Name of its switch. */
  readonly switch: string;
  readonly name: string;
  /** `''`: of a machine or a gateway; `localport`: on every host; `localnet`: to a network of the hosts. */
  readonly type: '' | 'localport' | 'localnet';
  /** `MAC IP…`, or `unknown`. Sorted. */
  readonly addresses: readonly string[];
  /** What alone may leave a machine, in the same words; empty: anything. */
  readonly portSecurity: readonly string[];
  /** Network whose DHCP options it is answered with. */
  readonly dhcp?: string;
  readonly hostname?: string;
  /** Name of the hosts' network that a `localnet` port leads to (`ovn-bridge-mappings`). */
  readonly physicalNetwork?: string;
  /** VLAN in that network. */
  readonly tag?: number;
  /** It is a member of its network's guard. */
  readonly isGuarded: boolean;
  /** No other chassis may take it. */
  readonly isPinned: boolean;
}

/** Most that a machine sends or is sent (ovn-nb(5), QoS). */
export interface LimitProperties {
  /** Name of the switch of its port. */
  readonly switch: string;
  /** `from-lport`: what comes from the machine; `to-lport`: what goes to it. */
  readonly direction: 'from-lport' | 'to-lport';
  readonly match: string;
  readonly rateKbps: number;
  readonly burstKbits: number;
}

/** A port of the integration bridge on this host: a tap, or a device in a namespace. */
export interface PortProperties {
  readonly device: string;
  /** The logical port that it is (`iface-id`). */
  readonly logicalPort: string;
  /** The namespace that the device lives in; then the switch makes it. null: it takes one in that is there. */
  readonly namespace: string | null;
  /** The switch holds the device as it is now. */
  readonly isAttached: boolean;
  /** ovn-controller has said that its flows stand; of a `localport` it says nothing. */
  readonly isInstalled: boolean;
}

/** The host's own port on a network that it is the gateway of. */
export interface HostPortProperties {
  readonly device: string;
  readonly logicalPort: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly isUp: boolean;
  /** The device says whose it is, to engines that know nothing of OVSDB. */
  readonly isMarked: boolean;
  readonly isInstalled: boolean;
}

interface PropertiesByKind {
  readonly switch: SwitchProperties;
  readonly 'dhcp-options': DhcpOptionsProperties;
  readonly guard: GuardProperties;
  readonly 'logical-port': LogicalPortProperties;
  readonly limit: LimitProperties;
  readonly port: PortProperties;
  readonly 'host-port': HostPortProperties;
}

export const { makeResource, propertiesOf } = typedResources<PropertiesByKind>(PROVIDER);
