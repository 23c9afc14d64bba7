import { anySignal } from '../../abort-signals.js';
import type { OvsdbConnection } from './connection.js';
import type { Json } from './notation.js';

/** A lock of the database server (RFC 7047, section 4.1.8), held by this connection while `stolen` has not aborted. */
export interface OvsdbLock {
  readonly name: string;
  /** Aborts when another client steals the lock or the connection ends. `assertLock` then fails a transaction too. */
  readonly stolen: AbortSignal;
  release(signal: AbortSignal): Promise<void>;
}

/**
 * Waits for the lock, in turn behind those who asked before; `steal` takes it at once.
 * @param name an identifier: letters, digits, `_`.
 */
export async function takeLock(
  connection: OvsdbConnection,
  name: string,
  signal: AbortSignal,
  how: 'lock' | 'steal' = 'lock',
): Promise<OvsdbLock> {
  const lost = new AbortController();
  let grant: () => void = () => undefined;
  const granted = new Promise<void>((resolve) => {
    grant = resolve;
  });
  const unsubscribe = [
    connection.onNotification('locked', ([locked]) => {
      if (locked === name) grant();
    }),
    connection.onNotification('stolen', ([stolen]) => {
      if (stolen === name) lost.abort(new Error(`the lock ${name} was stolen`));
    }),
  ];
  void connection.ended.then(() => lost.abort(new Error(`the connection that held the lock ${name} ended`)));
  const release = async (releaseSignal: AbortSignal) => {
    for (const each of unsubscribe) each();
    await connection.request('unlock', [name], releaseSignal);
  };
  try {
    if (!isLocked(await connection.request(how, [name], signal))) {
      await either(granted, anySignal([signal, lost.signal]));
    }
  } catch (error) {
    await release(AbortSignal.timeout(1000)).catch(() => undefined);
    throw error;
  }
  return { name, stolen: lost.signal, release };
}

function isLocked(reply: Json): boolean {
  return (
    typeof reply === 'object' &&
    reply !== null &&
    !Array.isArray(reply) &&
    'locked' in reply &&
    reply.locked === true
  );
}

async function either(event: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([event, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
