import { setMaxListeners } from 'node:events';

/**
 * Signals made of signals. `AbortSignal.any` would do, but on Node 20 what it returns is held weakly: once a garbage
 * collection has run, a time-out inside it never fires although somebody listens, and whoever waits waits for ever.
 * These keep strong references until they have fired.
 */

/** Aborts with the first of them. */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  const follow = (event: Event): void => {
    for (const signal of signals) signal.removeEventListener('abort', follow);
    controller.abort((event.target as AbortSignal).reason);
  };
  for (const signal of signals) {
    if (signal.aborted) {
      controller.abort(signal.reason);
      return controller.signal;
    }
  }
  // Any number may follow one signal: that is no leak.
  setMaxListeners(0, ...signals);
  for (const signal of signals) signal.addEventListener('abort', follow);
  return controller.signal;
}

/** Aborts with the signal, or with a TimeoutError after `timeoutMs`. The timer keeps no process alive. */
export function timeLimited(signal: AbortSignal, timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  if (signal.aborted) {
    controller.abort(signal.reason);
    return controller.signal;
  }
  const end = (reason: unknown): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    controller.abort(reason);
  };
  const onAbort = (): void => end(signal.reason);
  const timer = setTimeout(() => {
    end(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs).unref();
  setMaxListeners(0, signal);
  signal.addEventListener('abort', onAbort);
  return controller.signal;
}

const looks = new WeakSet<AbortSignal>();

/**
 * A signal that stands for one look at the host: what is read under it is of one moment, so that nothing need be read
 * twice, whoever asks. The look ends when nobody holds the signal any more.
 */
export function lookUnder(signal: AbortSignal): AbortSignal {
  if (looks.has(signal)) return signal;
  const look = anySignal([signal]);
  looks.add(look);
  return look;
}

export function isLook(signal: AbortSignal): boolean {
  return looks.has(signal);
}
