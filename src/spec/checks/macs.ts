import type { Problem } from '../../errors.js';
import { type Draft, nicPath } from '../draft.js';
import type { NicSpec } from '../spec.js';

/** MAC addresses that the file gives to two NICs. */
export function checkMacs(draft: Draft): Problem[] {
  const taken = new Map<string, NicSpec>();
  return draft.nics().flatMap((nic) => {
    if (nic.mac === undefined) return [];
    const holder = taken.get(nic.mac);
    if (holder === undefined) {
      taken.set(nic.mac, nic);
      return [];
    }
    return [
      {
        code: 'spec/duplicate-mac',
        message: `${nic.mac} of ${nic.machine} is already the MAC address of ${holder.machine} (line ${holder.source.line})`,
        fix: 'change one of them, or remove it and one is derived',
        at: draft.at(nicPath(nic, 'mac')),
      },
    ];
  });
}
