/** Machines that a person starts: QEMU with the flags that `passerelle netdev` prints. */
import { buildMicroGuest, type Guest, startGuest } from '../lab/guest.js';
import type { Stage } from './stage.js';

const BOOT_LIMIT_MS = 180_000;

/**
 * Boots a machine of the stage's file as a micro guest; it ends before the stage closes.
 * @param programs of this host that the guest shall have.
 */
export async function startByHand(
  stage: Stage,
  name: string,
  programs: readonly string[] = [],
): Promise<Guest> {
  const signal = AbortSignal.timeout(BOOT_LIMIT_MS);
  await buildMicroGuest(signal);
  const flags = await stage.json<string[]>('netdev', name);
  const guest = await startGuest({ name, nics: [flags], programs, within: stage.within }, signal);
  stage.beforeClose(() => guest.stop());
  return guest;
}
