import { type Libc, loadLibc } from './libc.js';
import { Poller } from './poller.js';

/** What ports beyond Node's own sockets are made with. */
export interface NativeParts {
  readonly libc: Libc;
  readonly poller: Poller;
}

/** Loads the parts when they are first asked for: a fabric of stream ports has no second thread. */
export class NativeLoader {
  #parts: NativeParts | undefined;

  /** @throws PasserelleError `fabric/koffi-missing`. */
  readonly load = async (): Promise<NativeParts> => {
    if (this.#parts !== undefined) return this.#parts;
    const libc = await loadLibc();
    this.#parts ??= { libc, poller: new Poller(libc) };
    return this.#parts;
  };

  close(): void {
    this.#parts?.poller.close();
    this.#parts = undefined;
  }
}
