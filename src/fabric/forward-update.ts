/** From one set of forwards to another: all of it, or back to where it was. */
import { PasserelleError } from '../errors.js';
import type { FabricForward } from './control/protocol.js';

/** The listening sockets of forwards. */
export interface ForwardListeners {
  /**
   * Makes a forward, or changes the one of that id.
   * @throws PasserelleError when a socket cannot be had; the forward is then as it was.
   */
  put(forward: FabricForward): Promise<void>;
  /** Nothing of that id is fine. */
  delete(id: string): void;
}

/** A change failed, and so did the way back: these forwards are gone, since somebody else took their ports. */
export class ForwardsLost extends PasserelleError {
  constructor(
    readonly ids: readonly string[],
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${reason}; on the way back these forwards were lost: ${ids.join(', ')}`;
    super({ code: 'fabric/forwards-lost', message, fix: 'run `passerelle up` again' }, 1, { cause });
  }
}

type Forwards = ReadonlyMap<string, FabricForward>;

/**
 * What goes stays until what comes is there, so that a failure disturbs nobody; only a forward whose ports another one
 * takes over lets go of them first, and gets them back on failure.
 * @throws PasserelleError of the listener that could not be had; the others are then as before, or `ForwardsLost`.
 */
export async function updateForwards(
  listeners: ForwardListeners,
  before: Forwards,
  after: Forwards,
): Promise<void> {
  const isKept = ({ id }: FabricForward): boolean =>
    JSON.stringify(before.get(id)) === JSON.stringify(after.get(id));
  const coming = [...after.values()].filter((forward) => !isKept(forward));
  const leaving = [...before.values()].filter((forward) => !isKept(forward));
  const inTheWay = leaving.filter((old) => coming.some((forward) => isTakenOver(old, forward)));
  const attempted: FabricForward[] = [];
  for (const { id } of inTheWay) listeners.delete(id);
  try {
    for (const forward of coming) {
      await listeners.put(forward);
      attempted.push(forward);
    }
  } catch (error) {
    for (const { id } of attempted) {
      const old = before.get(id);
      if (old === undefined || inTheWay.includes(old)) listeners.delete(id);
    }
    const lost: string[] = [];
    const changed = attempted.flatMap(({ id }) => before.get(id) ?? []);
    for (const old of new Set([...changed, ...inTheWay])) {
      await listeners.put(old).catch(() => lost.push(old.id));
    }
    throw lost.length === 0 ? error : new ForwardsLost(lost, error);
  }
  for (const { id } of leaving) if (!after.has(id)) listeners.delete(id);
}

/** Listen addresses are not compared: one of them may be the wildcard. */
function isTakenOver(old: FabricForward, by: FabricForward): boolean {
  return (
    old.id !== by.id &&
    old.protocol === by.protocol &&
    old.listenPortFirst <= by.listenPortLast &&
    by.listenPortFirst <= old.listenPortLast
  );
}
