/** The VDE sockets of all networks that offer one. */
import { PasserelleError } from '../../errors.js';
import type { FabricNetwork } from '../control/protocol.js';
import { type VdeNetwork, VdeSocket } from './vde-socket.js';

export class VdeSockets {
  readonly #log: (line: string) => void;
  readonly #byDirectory = new Map<string, { readonly network: string; readonly socket: VdeSocket }>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /**
   * Opens those that are not open yet; all of them or none.
   * @returns what closes them again.
   * @throws PasserelleError `fabric/vde-socket-failed`.
   */
  async open(
    networks: Iterable<FabricNetwork>,
    plugInto: (network: string) => VdeNetwork,
  ): Promise<() => void> {
    const opened: string[] = [];
    const closeAgain = (): void => opened.forEach((directory) => this.#close(directory));
    for (const { name, vdeDirectory } of networks) {
      if (vdeDirectory === undefined || this.#byDirectory.has(vdeDirectory)) continue;
      try {
        const socket = await VdeSocket.open(vdeDirectory, plugInto(name), this.#log);
        this.#byDirectory.set(vdeDirectory, { network: name, socket });
        opened.push(vdeDirectory);
      } catch (error) {
        closeAgain();
        throw new PasserelleError(
          {
            code: 'fabric/vde-socket-failed',
            message: `network ${name} cannot offer VDE at ${vdeDirectory}: ${(error as Error).message}`,
          },
          1,
          { cause: error },
        );
      }
    }
    return closeAgain;
  }

  /** Closes those that none of the networks offers any more. */
  keepOnly(networks: Iterable<FabricNetwork>): void {
    const wanted = new Set([...networks].map(({ vdeDirectory }) => vdeDirectory));
    for (const directory of this.#byDirectory.keys()) {
      if (!wanted.has(directory)) this.#close(directory);
    }
  }

  /** How many are plugged into a network. */
  clientCount(network: string): number {
    const own = [...this.#byDirectory.values()].filter((one) => one.network === network);
    return own.reduce((count, { socket }) => count + socket.clientCount, 0);
  }

  close(): void {
    this.keepOnly([]);
  }

  #close(directory: string): void {
    this.#byDirectory.get(directory)?.socket.close();
    this.#byDirectory.delete(directory);
  }
}
