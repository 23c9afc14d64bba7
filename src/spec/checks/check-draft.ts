import type { Problem } from '../../errors.js';
import type { Draft } from '../draft.js';
import { checkAddresses } from './addresses.js';
import { checkBonds } from './bonds.js';
import { checkForwards } from './forwards.js';
import { checkHosts } from './hosts.js';
import { checkListeners } from './listeners.js';
import { checkMacs } from './macs.js';
import { checkNetworks } from './networks.js';
import { checkOverlaps } from './overlaps.js';
import { checkPortgroups } from './portgroups.js';
import { checkPublicAddresses } from './public-addresses.js';

/** Everything that only shows when parts of the file are held against each other. */
export function checkDraft(draft: Draft): Problem[] {
  return [
    ...checkHosts(draft),
    ...checkNetworks(draft),
    ...checkBonds(draft),
    ...checkOverlaps(draft),
    ...checkAddresses(draft),
    ...checkMacs(draft),
    ...checkPortgroups(draft),
    ...checkForwards(draft),
    ...checkListeners(draft),
    ...checkPublicAddresses(draft),
  ];
}
