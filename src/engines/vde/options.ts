/** Keys of the file that this engine reads beyond the common ones. Pure. */
import type { Network, Nic } from '../../topology/topology.js';

export interface NetworkOptions {
  /** VLAN that the network is on its cables to other switches; undefined: untagged. */
  readonly vlan: number | undefined;
  /** The switch speaks the fast spanning tree protocol. */
  readonly speaksFstp: boolean;
  /** vde_plug URLs of the cables to other switches. */
  readonly plugs: readonly string[];
}

export function networkOptions({ options }: Network): NetworkOptions {
  const { vlan, stp, plugs } = options;
  return {
    vlan: vlanOf(vlan),
    speaksFstp: stp === true,
    plugs: Array.isArray(plugs) ? plugs.filter((plug) => typeof plug === 'string') : [],
  };
}

/** The NIC's own VLAN on its segment. */
export function nicVlan({ options }: Nic): number | undefined {
  return vlanOf(options['vlan']);
}

function vlanOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
