import { setTimeout as delay } from 'node:timers/promises';

export interface Memory {
  /** Live objects, and memory outside of the heap that they hold. */
  readonly heldBytes: number;
  readonly residentBytes: number;
}

/** Memory once what nobody needs is collected. */
export async function settledMemory(): Promise<Memory> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    // Finalizers of sockets and buffers run between turns.
    await delay(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heldBytes: heapUsed + external, residentBytes: rss };
}

export interface Growth {
  readonly before: Memory;
  readonly after: Memory;
  /** What was held above `before` while it went on. */
  readonly fullBytes: number;
}

/** Prints a result for the test that started this process, and ends. */
export function tell(result: unknown): void {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}
