import type { Problem } from '../../errors.js';
import type { Draft } from '../draft.js';
import { checkAddresses } from './addresses.js';
import { checkForwards } from './forwards.js';
import { checkHosts } from './hosts.js';
import { checkListeners } from './listeners.js';
import { checkMacs } from './macs.js';
import { checkNetworks } from './networks.js';
import { checkOverlaps } from './overlaps.js';

/** Everything that only shows when parts of the file are held against each other. */
export function checkDraft(draft: Draft): Problem[] {
  return [
    ...checkHosts(draft),
    ...checkNetworks(draft),
    ...checkOverlaps(draft),
    ...checkAddresses(draft),
    ...checkMacs(draft),
    ...checkForwards(draft),
    ...checkListeners(draft),
  ];
}
