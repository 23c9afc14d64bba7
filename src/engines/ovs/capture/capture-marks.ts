import { mapOf } from '../../../clients/ovsdb/datum.js';
import { processStartTicks } from '../../../plan/process-identity.js';
import { PROCESS_KEY, resourceId } from '../identity.js';
import type { Snapshot } from '../database/snapshot.js';

/** Ids of captures whose process does not live any more. */
export async function deadCaptures({ ports }: Snapshot): Promise<string[]> {
  const captures = [...ports].filter(([id]) => id.startsWith(resourceId('capture', '')));
  const dead = await Promise.all(
    captures.map(async ([id, { port }]) => {
      const [pid, ticks] = String(mapOf(port, 'external_ids').get(PROCESS_KEY) ?? '').split(':');
      return (await processStartTicks(Number(pid))) === ticks ? [] : [id];
    }),
  );
  return dead.flat();
}
