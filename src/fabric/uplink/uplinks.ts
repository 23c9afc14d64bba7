/**
 * The ways to the LAN of all bridge networks.
 *
 * Theory of operation. A network's switch has one more port, without a guard, whose far end is the LAN: a tap that is a
 * port of the host's own bridge, so that host, machines and LAN see one another; or a packet socket on a NIC. Both end with
 * the fabric, and the host is as it was. `open` can fail and is undone, `configure` cannot.
 */
import { parseMac } from '../../wire/ethernet.js';
import type { FabricNetwork, FabricUplink, FabricUplinkStatus } from '../control/protocol.js';
import type { NativeParts } from '../native/native-parts.js';
import type { ChunkPool } from '../ports/chunk-pool.js';
import type { MachinePort } from '../ports/machine-port.js';
import { PacketPort } from '../ports/packet/packet-port.js';
import { TapPort } from '../ports/tap/tap-port.js';
import type { Switch } from '../switch/switch.js';
import { interfaceIndexOf, isBridge, joinBridge, resolveDevice } from './host-devices.js';

interface Open {
  readonly network: FabricNetwork;
  readonly uplink: FabricUplink;
  readonly segment: Switch;
  readonly port: MachinePort;
}

export class Uplinks {
  readonly #pool: ChunkPool;
  readonly #native: () => Promise<NativeParts>;
  /** By network. */
  readonly #open = new Map<string, Open>();

  constructor(pool: ChunkPool, native: () => Promise<NativeParts>) {
    this.#pool = pool;
    this.#native = native;
  }

  /**
   * Opens what is new, and what leads elsewhere now.
   * @returns what undoes it.
   * @throws PasserelleError `fabric/uplink-refused`, `fabric/tap-refused`, `fabric/koffi-missing`.
   */
  async open(networks: Iterable<FabricNetwork>, switchOf: (network: string) => Switch): Promise<() => void> {
    const undo: (() => void)[] = [];
    const undoAll = (): void => undo.reverse().forEach((step) => step());
    try {
      for (const network of networks) {
        const { name, uplink } = network;
        const standing = this.#open.get(name);
        if (uplink === undefined || isSame(standing?.uplink, uplink)) continue;
        const native = await this.#native();
        if (standing !== undefined) {
          // A tap of that name may be in the way.
          this.#close(name);
          undo.push(() => this.#plugIn(standing.network, standing.uplink, standing.segment, native));
        }
        this.#plugIn(network, uplink, switchOf(name), native);
        undo.push(() => this.#close(name));
      }
    } catch (error) {
      undoAll();
      throw error;
    }
    return undoAll;
  }

  /** Closes those that no network has any more, and tells the others how long a packet may be. */
  configure(networks: ReadonlyMap<string, FabricNetwork>): void {
    for (const [name, { port }] of this.#open) {
      const network = networks.get(name);
      if (network?.uplink === undefined) this.#close(name);
      else port.mtuBytes = network.mtuBytes;
    }
  }

  /** For the fabric's `status`. */
  statusOf(network: string): { readonly uplink?: FabricUplinkStatus } {
    const port = this.#open.get(network)?.port;
    if (port === undefined) return {};
    const { rxFrames, txFrames, drops } = port.counters;
    return { uplink: { connected: port.isConnected, rxFrames, txFrames, drops: Object.fromEntries(drops) } };
  }

  close(): void {
    for (const name of this.#open.keys()) this.#close(name);
  }

  #plugIn(network: FabricNetwork, uplink: FabricUplink, segment: Switch, native: NativeParts): void {
    const { libc } = native;
    const device = resolveDevice(uplink.device);
    const interfaceIndex = interfaceIndexOf(libc, device);
    const common = {
      ...native,
      id: `uplink ${device}`,
      mtuBytes: network.mtuBytes,
      sink: segment,
      pool: this.#pool,
    };
    let port: MachinePort;
    if (isBridge(libc, device)) {
      const place = { interfaceName: uplink.interfaceName };
      port = new TapPort({ ...common, place, mac: highMac(network.gatewayMac) });
      try {
        joinBridge(libc, device, uplink.interfaceName);
      } catch (error) {
        port.close();
        throw error;
      }
    } else port = new PacketPort({ ...common, device, interfaceIndex });
    segment.attach(port);
    this.#open.set(network.name, { network, uplink, segment, port });
  }

  #close(name: string): void {
    const open = this.#open.get(name);
    if (open === undefined) return;
    open.segment.detach(open.port);
    open.port.close();
    this.#open.delete(name);
  }
}

/** A bridge takes the lowest address of its ports for its own, unless it was given one: ours must not be that. */
function highMac(mac: string): Uint8Array {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(parseMac(mac) ?? 0, 0, 6);
  bytes[0] = 0xfe;
  return bytes;
}

function isSame(a: FabricUplink | undefined, b: FabricUplink): boolean {
  return a?.device === b.device && a.interfaceName === b.interfaceName;
}
