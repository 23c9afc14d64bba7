/** What a network reaches (docs/modes). */
export const MODES = ['bridge', 'isolated', 'nat', 'routed'] as const;
export type Mode = (typeof MODES)[number];

/** Who moves the frames (docs/engines). */
export const ENGINE_NAMES = ['user', 'linux', 'vde', 'ovs', 'ovn'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export const TRANSPORT_PROTOCOLS = ['tcp', 'udp'] as const;
export type TransportProtocol = (typeof TRANSPORT_PROTOCOLS)[number];

/** Whose address a machine sees at the other end of a forward. */
export const FORWARD_SOURCES = ['client', 'gateway'] as const;
export type ForwardSource = (typeof FORWARD_SOURCES)[number];

/** How the packets of a network travel between hosts (RFC 7348, RFC 8926). */
export const TUNNEL_TYPES = ['vxlan', 'geneve'] as const;
export type TunnelType = (typeof TUNNEL_TYPES)[number];

/** Which data plane an Open vSwitch bridge has (ovs-vswitchd.conf.db(5), datapath_type). */
export const DATAPATHS = ['auto', 'system', 'netdev'] as const;

/** What an Open vSwitch bridge does while it has no flows (ovs-vswitchd.conf.db(5), fail_mode). */
export const FAIL_MODES = ['secure', 'standalone'] as const;

/** How the uplinks of a bond share the traffic (ovs-vswitchd.conf.db(5), bond_mode). */
export const BOND_MODES = ['active-backup', 'balance-slb', 'balance-tcp'] as const;
export type BondMode = (typeof BOND_MODES)[number];

/** Who begins the talk about a bond (IEEE 802.1AX): this host, the other end, or nobody. */
export const LACP_ROLES = ['off', 'active', 'passive'] as const;
export type LacpRole = (typeof LACP_ROLES)[number];

/** How a NIC of the user engine is plugged in: by frames on a socket, or by memory shared with QEMU. */
export const PORT_KINDS = ['stream', 'vhost-user'] as const;

/** How a NIC meets the host: always on a kernel's engine, on the user engine where it says so. */
export const ATTACHMENTS = ['tap', 'netns', 'macvtap'] as const;
