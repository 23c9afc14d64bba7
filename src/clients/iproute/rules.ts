/** What `ip -j rule` says: which table of routes a packet is looked up in (ip-rule(8)). */
import type { Run } from '../command/run.js';
import { sharedRead } from '../command/shared-read.js';
import { type RawObject, runJson } from './links.js';

/** A rule for what comes in by one device. */
export interface DeviceRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly device: string;
  /** Number or name. */
  readonly table: string;
}

/** Rules of both families that ask for the device a packet came in by. @throws PasserelleError `iproute/refused`. */
export async function readDeviceRules(run: Run, signal: AbortSignal): Promise<DeviceRule[]> {
  return sharedRead(run, signal, 'rules', async () => {
    const listings = await Promise.all(
      ([4, 6] as const).map(async (family) =>
        parseDeviceRules(await runJson(run, ['ip', '-j', `-${family}`, 'rule', 'show'], signal), family),
      ),
    );
    return listings.flat();
  });
}

export function parseDeviceRules(listing: readonly RawObject[], family: 4 | 6): DeviceRule[] {
  return listing.flatMap(({ priority, iif, table }): DeviceRule[] =>
    typeof iif === 'string' && typeof table === 'string' && typeof priority === 'number'
      ? [{ family, priority, device: iif, table }]
      : [],
  );
}
