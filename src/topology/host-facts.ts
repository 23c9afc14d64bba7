import type { RememberedChoices } from './remembered.js';

/** What resolution must know beyond the file; gathered by the caller, so that resolution stays pure. */
export interface HostFacts {
  /** The host's own routes and addresses in CIDR text, without those of this project. Other text is ignored. */
  readonly busySubnets: readonly string[];
  readonly remembered: RememberedChoices;
  /** Which of the file's hosts this is; absent when the file has none. */
  readonly self?: string;
}
