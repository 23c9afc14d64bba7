import type { OffloadTable } from '../offload/offload-table.js';
import type { ChunkPool } from './chunk-pool.js';
import type { FrameBatch } from './port.js';

/** A batch in a pooled chunk, which goes back once its writer and all ports that retained it have released it. */
export class PooledBatch implements FrameBatch {
  readonly bytes: Buffer;
  offloads?: OffloadTable;
  readonly #pool: ChunkPool;
  /** The writer itself, until the switch is done, and each port that retains the chunk. */
  #holders = 1;

  constructor(pool: ChunkPool, bytes = pool.take()) {
    this.bytes = bytes;
    this.#pool = pool;
  }

  get retained(): boolean {
    return this.#holders > 1;
  }

  /** Each port that sets it is one holder more. */
  set retained(value: boolean) {
    if (value) this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#pool.give(this.bytes);
  }
}
