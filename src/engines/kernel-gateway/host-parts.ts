import type { NftTable } from '../../clients/nft/listing.js';
import type { Change, Resource } from '../../plan/resource.js';

/** A part of the gateway whose meaning depends on the host as it is now: it knows what was asked, and looks each time. */
export interface HostPart {
  /** What was asked; what the host does not fulfil is seen without its properties. */
  observe(signal: AbortSignal, foreignTables: readonly NftTable[]): Promise<Resource[]>;
  /** Carries out the changes of its own kinds, after links and rules stand. */
  apply(changes: readonly Change[], signal: AbortSignal, foreignTables: readonly NftTable[]): Promise<void>;
}
