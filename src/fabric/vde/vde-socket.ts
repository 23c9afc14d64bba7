/**
 * What makes a network of the fabric look like a vde_switch: the directory that `vde_plug`, QEMU (`-netdev vde,sock=`),
 * UML and the others of VDE plug into. Each client is a port of the network's switch. The directory is its owner's alone.
 *
 * Limits: 32 clients. Clients are strangers to the configuration: they may use no MAC and no address that a machine or
 * the gateway was given, and the switch learns 64 MACs of each.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { FrameSink, Port } from '../ports/port.js';
import { VdePlug, type VdeServer } from './vde-plug.js';
import { VdePort } from './vde-port.js';

export const MAX_PLUGS = 32;

/** The network that is plugged into. */
export interface VdeNetwork {
  readonly name: string;
  readonly sink: FrameSink;
  readonly mtuBytes: () => number;
  /** @returns what unplugs it. */
  plugIn(port: Port): () => void;
}

export class VdeSocket {
  readonly #directory: string;
  readonly #network: VdeNetwork;
  readonly #log: (line: string) => void;
  readonly #server: Server;
  readonly #plugs = new Set<VdePlug>();
  #lastNumber = 0;

  private constructor(directory: string, network: VdeNetwork, log: (line: string) => void) {
    this.#directory = directory;
    this.#network = network;
    this.#log = log;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** Makes the directory and listens. @throws the system's error. */
  static async open(directory: string, network: VdeNetwork, log: (line: string) => void): Promise<VdeSocket> {
    const socket = new VdeSocket(directory, network, log);
    for (const made of [dirname(directory), directory]) {
      if (!existsSync(made)) mkdirSync(made, { mode: 0o700 });
    }
    chmodSync(directory, 0o700);
    socket.#clear();
    await new Promise<void>((resolve, reject) => {
      socket.#server.once('error', reject);
      socket.#server.listen(join(directory, 'ctl'), resolve);
    });
    chmodSync(join(directory, 'ctl'), 0o600);
    return socket;
  }

  get clientCount(): number {
    return this.#plugs.size;
  }

  close(): void {
    this.#server.close();
    for (const plug of this.#plugs) plug.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #accept(client: Socket): void {
    if (this.#plugs.size >= MAX_PLUGS) {
      this.#log(`${this.#network.name}: a VDE client is refused: ${MAX_PLUGS} are plugged in`);
      client.destroy();
      return;
    }
    const number = (this.#lastNumber += 1);
    const what = `VDE client ${number} of ${this.#network.name}`;
    let unplug: (() => void) | undefined;
    const plug = new VdePlug(client, join(this.#directory, String(number)), {
      onOpen: (server, description) => {
        this.#log(`${what} plugs in: ${description}`);
        unplug = this.#plugIn(number, server, plug);
      },
      onClose: (reason) => {
        this.#log(`${what} is gone${reason === undefined ? '' : `: ${reason}`}`);
        this.#plugs.delete(plug);
        unplug?.();
      },
    });
    this.#plugs.add(plug);
  }

  #plugIn(number: number, server: VdeServer, plug: VdePlug): () => void {
    const { name, sink, mtuBytes, plugIn } = this.#network;
    const port = new VdePort({
      id: `${name}/vde${number}`,
      fromClient: server.stdout,
      toClient: server.stdin,
      sink,
      mtuBytes,
      onBroken: () => plug.close('vde_plug is out of step'),
    });
    return plugIn(port);
  }

  /** What a fabric that was killed has left. */
  #clear(): void {
    for (const name of readdirSync(this.#directory)) {
      rmSync(join(this.#directory, name), { recursive: true, force: true });
    }
  }
}
