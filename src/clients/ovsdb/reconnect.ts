/**
 * Keeps something connected: opens, serves, and when the connection is lost waits and opens again.
 *
 * The waits double from `firstDelayMs` to `longestDelayMs` and are spread at random over their upper half, so that many
 * clients of a server that comes back do not arrive together. A connection that held for `longestDelayMs` starts the
 * waits anew. Nothing is sent again here: a request that was under way may have been carried out, so `serve` begins by
 * looking at what is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PasserelleError } from '../../errors.js';

export interface BackOff {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const DEFAULT_BACK_OFF: BackOff = { firstDelayMs: 100, longestDelayMs: 8000 };

/** @param attempt 0 is the first that failed. @param chance in [0, 1). */
export function delayMs(attempt: number, backOff: BackOff, chance: number): number {
  const whole = Math.min(backOff.longestDelayMs, backOff.firstDelayMs * 2 ** Math.min(attempt, 30));
  return whole / 2 + (whole / 2) * chance;
}

export interface Endeavour<Connection, Outcome> {
  open(signal: AbortSignal): Promise<Connection>;
  /** What the connection is for. Its outcome ends the endeavour; losing the connection does not. */
  serve(connection: Connection, signal: AbortSignal): Promise<Outcome>;
  /** Told of each loss, before the wait. */
  onLoss?(error: unknown, waitMs: number): void;
}

/** Whether the error says that the server was not there, or went. */
export function isConnectionLoss(error: unknown): boolean {
  return error instanceof PasserelleError && error.problems.some((problem) => LOSSES.has(problem.code));
}

const LOSSES = new Set(['ovsdb/unreachable', 'ovsdb/connection-lost', 'ovsdb/silent-server']);

/**
 * @returns what `serve` gave.
 * @throws what `open` and `serve` throw, unless it is a loss of the connection; the last loss when the signal aborts.
 */
export async function keepConnected<Connection, Outcome>(
  endeavour: Endeavour<Connection, Outcome>,
  signal: AbortSignal,
  backOff: BackOff = DEFAULT_BACK_OFF,
): Promise<Outcome> {
  signal.throwIfAborted();
  for (let attempt = 0; ; attempt++) {
    let openedAtMs = Number.POSITIVE_INFINITY;
    let loss: unknown;
    try {
      const connection = await endeavour.open(signal);
      openedAtMs = performance.now();
      return await endeavour.serve(connection, signal);
    } catch (error) {
      if (signal.aborted || !isConnectionLoss(error)) throw error;
      loss = error;
    }
    if (performance.now() - openedAtMs >= backOff.longestDelayMs) attempt = 0;
    const waitMs = delayMs(attempt, backOff, Math.random());
    endeavour.onLoss?.(loss, waitMs);
    try {
      await sleep(waitMs, undefined, { signal });
    } catch {
      throw loss;
    }
  }
}
