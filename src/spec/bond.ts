import type { WrittenNetwork } from './schema/network.js';
import type { BondMode, LacpRole } from './vocabulary.js';

/** Several NICs of the host that are one uplink. */
export interface Bond {
  /** Names of the NICs, as the file lists them. */
  readonly members: readonly string[];
  readonly mode: BondMode;
  readonly lacp: LacpRole;
}

/** One NIC works and the others stand by: the one mode that wants nothing of the switch at the other end. */
const DEFAULT_MODE: BondMode = 'active-backup';

/** The bond that a network asks for, by a list of uplinks or by the key `bond`. */
export function bondWish({ uplink, bond }: WrittenNetwork): Bond | undefined {
  if (!Array.isArray(uplink) && bond === undefined) return undefined;
  const mode = bond?.mode ?? DEFAULT_MODE;
  return {
    members: uplink === undefined ? [] : [uplink].flat(),
    mode,
    // Flows of one pair of machines go by several links only where both ends agreed on it (IEEE 802.1AX).
    lacp: bond?.lacp ?? (mode === 'balance-tcp' ? 'active' : 'off'),
  };
}
