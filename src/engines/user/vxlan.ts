/**
 * The tunnels of a network as the fabric takes them: those that its `vxlan` key names, or those to the other `hosts` that it
 * is on. Pure.
 */
import type { Problem } from '../../errors.js';
import type { FabricVxlan } from '../../fabric/control/protocol.js';
import { locationOfKey } from '../../spec/source-location.js';
import type { Network, Topology, WrittenVxlan } from '../../topology/topology.js';
import { VXLAN_PORT } from '../../wire/vxlan.js';

const ANY_ADDRESS = { ipv4: '0.0.0.0', ipv6: '::' } as const;

export function vxlanOf(network: Network): FabricVxlan | undefined {
  const { overlay } = network;
  if (overlay !== undefined) {
    const { identifier: id, localAddress, peers } = overlay;
    return { id, port: VXLAN_PORT, localAddress, peers: peers.map(({ address }) => address) };
  }
  const written = network.options['vxlan'] as WrittenVxlan;
  if (written === undefined) return undefined;
  const { id, peers, port = VXLAN_PORT } = written;
  const localAddress = written['local-address'] ?? ANY_ADDRESS[familyOf(peers[0] ?? '')];
  return { id, port, localAddress, peers: [...new Set(peers)] };
}

/** What one socket cannot do for all the tunnels that share it. */
export function checkVxlan(topology: Topology): Problem[] {
  const seen = new Map<string, string>();
  return topology.networks.flatMap((network): Problem[] => {
    const vxlan = network.engine === 'user' ? vxlanOf(network) : undefined;
    if (vxlan === undefined) return [];
    const { id, port, localAddress, peers } = vxlan;
    const at = locationOfKey(network, 'vxlan');
    const stranger = peers.find((peer) => familyOf(peer) !== familyOf(localAddress));
    if (stranger !== undefined) {
      const message = `network ${network.name} has a tunnel from ${localAddress} to ${stranger}, which is of the other IP family`;
      return [
        { code: 'user/vxlan-families', message, fix: 'write peers and local-address of one family', at },
      ];
    }
    const key = `${localAddress} ${port} ${id}`;
    const other = seen.get(key);
    seen.set(key, network.name);
    if (other === undefined) return [];
    const message = `networks ${other} and ${network.name} have the same VXLAN id ${id}`;
    return [{ code: 'user/vxlan-duplicate-id', message, fix: 'give each network an id of its own', at }];
  });
}

/** What the fabric has no tunnels for. */
export function checkOverlays(topology: Topology): Problem[] {
  return topology.networks.flatMap((network): Problem[] => {
    const { name, engine, overlay, options } = network;
    if (engine !== 'user' || overlay === undefined) return [];
    if (overlay.type !== 'vxlan') {
      const message = `network ${name} goes on at other hosts by ${overlay.type}, and the fabric speaks VXLAN only`;
      const at = locationOfKey(network, 'tunnel');
      return [{ code: 'user/no-such-tunnel', message, fix: 'write `tunnel: vxlan`, or leave it out', at }];
    }
    if (options['vxlan'] === undefined) return [];
    const message = `network ${name} is joined with the project's hosts by tunnels, and has the key "vxlan" for others`;
    const fix = 'leave `vxlan` out, and name every peer under `hosts`';
    return [{ code: 'user/vxlan-and-hosts', message, fix, at: locationOfKey(network, 'vxlan') }];
  });
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}
