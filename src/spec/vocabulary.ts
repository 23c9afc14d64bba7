/** What a network reaches (docs/modes). */
export const MODES = ['bridge', 'isolated', 'nat', 'routed'] as const;
export type Mode = (typeof MODES)[number];

/** Who moves the frames (docs/engines). */
export const ENGINE_NAMES = ['user', 'linux', 'vde', 'ovs', 'ovn'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export const TRANSPORT_PROTOCOLS = ['tcp', 'udp'] as const;
export type TransportProtocol = (typeof TRANSPORT_PROTOCOLS)[number];

/** Which data plane an Open vSwitch bridge has (ovs-vswitchd.conf.db(5), datapath_type). */
export const DATAPATHS = ['auto', 'system', 'netdev'] as const;

/** What an Open vSwitch bridge does while it has no flows (ovs-vswitchd.conf.db(5), fail_mode). */
export const FAIL_MODES = ['secure', 'standalone'] as const;

/** How a NIC meets the host when its engine is a kernel's. */
export const ATTACHMENTS = ['tap', 'netns', 'macvtap'] as const;
