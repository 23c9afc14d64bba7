/**
 * The machines' ports, each of the medium that its settings say: a stream socket, a tap, or shared memory.
 *
 * `open` makes the ports that a configuration adds, and those whose medium is another now; it can fail, and then leaves
 * everything as it was. `keep` lets go of what they replace and of all that are no longer wanted.
 */
import type { FabricPort } from './control/protocol.js';
import type { NativeParts } from './native/native-parts.js';
import type { ChunkPool } from './ports/chunk-pool.js';
import type { MachinePort } from './ports/machine-port.js';
import type { FrameSink } from './ports/port.js';
import { StreamPort } from './ports/stream-port.js';
import { TapPort } from './ports/tap/tap-port.js';
import { VhostUserPort } from './ports/vhost-user/vhost-user-port.js';

/** Where a port's frames go and how long they may be, until it is plugged in. */
export interface Place {
  readonly sink: FrameSink;
  readonly mtuBytes: number;
}

interface Opened {
  readonly port: MachinePort;
  readonly medium: string;
  /** Takes what may change in place. */
  readonly update: (settings: FabricPort) => void;
}

export class PortSet {
  readonly #pool: ChunkPool;
  readonly #native: () => Promise<NativeParts>;
  readonly #ports = new Map<string, Opened>();
  #replaced: Opened[] = [];

  /** @param native what taps and shared memory need, loaded when first asked for. */
  constructor(pool: ChunkPool, native: () => Promise<NativeParts>) {
    this.#pool = pool;
    this.#native = native;
  }

  get(id: string): MachinePort | undefined {
    return this.#ports.get(id)?.port;
  }

  /**
   * Makes what is new.
   * @returns what undoes it.
   * @throws PasserelleError `fabric/tap-refused`, `fabric/koffi-missing`.
   */
  async open(wanted: Iterable<FabricPort>, placeOf: (settings: FabricPort) => Place): Promise<() => void> {
    const fresh: [id: string, before: Opened | undefined][] = [];
    const undo = (): void => {
      this.#replaced = [];
      for (const [id, before] of fresh) {
        this.#ports.get(id)?.port.close();
        if (before === undefined) this.#ports.delete(id);
        else this.#ports.set(id, before);
      }
    };
    try {
      for (const settings of wanted) {
        const standing = this.#ports.get(settings.id);
        if (standing?.medium === mediumOf(settings)) continue;
        const native = needsNative(settings) ? await this.#native() : undefined;
        this.#ports.set(settings.id, this.#make(settings, placeOf(settings), native));
        if (standing !== undefined) this.#replaced.push(standing);
        fresh.push([settings.id, standing]);
      }
    } catch (error) {
      undo();
      throw error;
    }
    return undo;
  }

  /** Tells a port its settings. @returns the port. */
  update(settings: FabricPort): MachinePort | undefined {
    const opened = this.#ports.get(settings.id);
    opened?.update(settings);
    return opened?.port;
  }

  /** Closes every port that was replaced, or is not among these. */
  keep(isWanted: (id: string) => boolean): void {
    for (const { port } of this.#replaced) port.close();
    this.#replaced = [];
    for (const [id, { port }] of this.#ports) {
      if (isWanted(id)) continue;
      port.close();
      this.#ports.delete(id);
    }
  }

  #make(settings: FabricPort, place: Place, native: NativeParts | undefined): Opened {
    const { id, tap, protocol, socketPath = '' } = settings;
    const common = { id, ...place, pool: this.#pool };
    const medium = mediumOf(settings);
    if (tap !== undefined && native !== undefined) {
      const port = new TapPort({ ...common, ...native, place: tap, mac: macBytes(settings.mac) });
      return { port, medium, update: ({ mac }) => void (port.mac = macBytes(mac)) };
    }
    if (protocol === 'vhost-user' && native !== undefined) {
      const port = new VhostUserPort({ ...common, ...native, socketPath });
      return { port, medium, update: (now) => void (port.socketPath = now.socketPath ?? '') };
    }
    const port = new StreamPort({ ...common, socketPath });
    return { port, medium, update: (now) => void (port.socketPath = now.socketPath ?? '') };
  }
}

function needsNative({ tap, protocol }: FabricPort): boolean {
  return tap !== undefined || protocol === 'vhost-user';
}

/** What cannot change without another port. */
function mediumOf({ tap, protocol }: FabricPort): string {
  return tap === undefined ? (protocol ?? 'stream') : `${tap.namespacePath ?? ''} ${tap.interfaceName}`;
}

function macBytes(mac: string): Uint8Array {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}
