/**
 * The tunnels of all networks.
 *
 * `open` gets the sockets that a configuration needs, and may fail; `configure` then plugs a network's tunnels into its
 * switch, changing only what differs; `closeIdle` lets go of sockets that nothing uses.
 */
import type { FabricNetwork, FabricVxlan } from '../control/protocol.js';
import type { PortCounters } from '../ports/port.js';
import type { Switch } from '../switch/switch.js';
import { Tunnel } from './tunnel.js';
import { VxlanSocket } from './vxlan-socket.js';

/** Of all tunnels of a network: its only split-horizon group. */
const TUNNEL_GROUP = 1;

interface Plugged {
  readonly tunnel: Tunnel;
  readonly vxlan: FabricVxlan;
  readonly switch: Switch;
}

export class Overlay {
  /** By local address and port. */
  readonly #sockets = new Map<string, VxlanSocket>();
  /** By network. */
  readonly #plugged = new Map<string, Plugged[]>();

  /** @throws PasserelleError `fabric/vxlan-refused`; what was open before stays. */
  async open(networks: Iterable<FabricNetwork>): Promise<void> {
    for (const { vxlan } of networks) {
      if (vxlan === undefined || this.#sockets.has(socketKey(vxlan))) continue;
      this.#sockets.set(socketKey(vxlan), await VxlanSocket.open(vxlan.localAddress, vxlan.port));
    }
  }

  /** @param network its sockets are open. */
  configure({ name, vxlan, mtuBytes }: FabricNetwork, segment: Switch): void {
    const before = this.#plugged.get(name) ?? [];
    const isWanted = (plugged: Plugged): boolean =>
      vxlan !== undefined &&
      plugged.switch === segment &&
      plugged.vxlan.id === vxlan.id &&
      socketKey(plugged.vxlan) === socketKey(vxlan) &&
      vxlan.peers.includes(plugged.tunnel.peer);
    for (const plugged of before) if (!isWanted(plugged)) this.#unplug(plugged);
    const kept = before.filter(isWanted);
    for (const { tunnel } of kept) tunnel.mtuBytes = mtuBytes;
    const socket = vxlan && this.#sockets.get(socketKey(vxlan));
    if (vxlan === undefined || socket === undefined) {
      this.#plugged.delete(name);
      return;
    }
    const missing = vxlan.peers.filter((peer) => kept.every(({ tunnel }) => tunnel.peer !== peer));
    const made = missing.map((peer): Plugged => {
      const tunnel = new Tunnel({ vni: vxlan.id, peer, mtuBytes }, socket, segment);
      socket.add(vxlan.id, tunnel);
      segment.attach(tunnel, { splitHorizonGroup: TUNNEL_GROUP });
      return { tunnel, vxlan, switch: segment };
    });
    this.#plugged.set(name, [...kept, ...made]);
  }

  /** The network goes. */
  remove(name: string): void {
    for (const plugged of this.#plugged.get(name) ?? []) this.#unplug(plugged);
    this.#plugged.delete(name);
  }

  closeIdle(): void {
    for (const [key, socket] of this.#sockets) {
      if (!socket.isIdle) continue;
      socket.close();
      this.#sockets.delete(key);
    }
  }

  /** What passed the tunnels of a network, by peer. */
  countersOf(name: string): { readonly peer: string; readonly counters: PortCounters }[] {
    return (this.#plugged.get(name) ?? []).map(({ tunnel: { peer, counters } }) => ({ peer, counters }));
  }

  close(): void {
    for (const name of this.#plugged.keys()) this.remove(name);
    this.closeIdle();
  }

  #unplug({ tunnel, vxlan, switch: segment }: Plugged): void {
    segment.detach(tunnel);
    this.#sockets.get(socketKey(vxlan))?.remove(vxlan.id, tunnel);
  }
}

function socketKey({ localAddress, port }: FabricVxlan): string {
  return `${localAddress} ${port}`;
}
