import type { Places } from '../../places.js';
import { isDaemonWorking } from './daemon.js';
import { type NetworkFiles, networkFiles } from './network-files.js';
import { readRecordNow } from './record.js';
import { lookAtSwitch } from './switch-process.js';

/**
 * Which switch of a network will have run after `up`: the one that works now, else the next one. Machines name it on
 * their command lines, so it has to be known while the plan is made. It is found out once and stays the same until then.
 */
export class Incarnations {
  readonly #places: Places;
  readonly #known = new Map<string, number>();

  constructor(places: Places) {
    this.#places = places;
  }

  of(network: string): number {
    const known = this.#known.get(network);
    if (known !== undefined) return known;
    const files = networkFiles(this.#places, network);
    const { incarnation } = readRecordNow(files);
    return this.#settle(network, incarnation, isStarted(files));
  }

  /** The same, asking the switches: one that runs and does not answer does not work. */
  async ask(networks: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      networks.map(async (network) => {
        const files = networkFiles(this.#places, network);
        const { incarnation } = readRecordNow(files);
        const works =
          isStarted(files) &&
          (await lookAtSwitch(files, signal, (control) => control.identity())) !== undefined;
        this.#settle(network, incarnation, works);
      }),
    );
  }

  #settle(network: string, last: number, works: boolean): number {
    const incarnation = works ? last : last + 1;
    this.#known.set(network, incarnation);
    return incarnation;
  }
}

function isStarted(files: NetworkFiles): boolean {
  return readRecordNow(files).incarnation > 0 && isDaemonWorking(files.switchPidFile);
}
