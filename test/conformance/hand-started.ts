/** Machines that a person starts: QEMU with the flags that `passerelle netdev` prints. */
import { buildMicroGuest, type Guest, startGuest } from '../lab/guest.js';
import type { Stage } from './stage.js';

const BUILD_LIMIT_MS = 180_000;

/**
 * Boots a machine of the stage's file as a micro guest; it ends before the stage closes.
 * @param programs of this host that the guest shall have.
 */
export async function startByHand(
  stage: Stage,
  name: string,
  programs: readonly string[] = [],
): Promise<Guest> {
  await buildMicroGuest(AbortSignal.timeout(BUILD_LIMIT_MS));
  const flags = await stage.json<string[]>('netdev', name);
  const stop = new AbortController();
  const guest = await startGuest({ name, nics: [flags], programs, within: stage.within }, stop.signal);
  stage.beforeClose(() => guest.stop());
  return guest;
}
