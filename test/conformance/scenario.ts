import type { Campus } from './campus.js';
import type { Capability } from './capabilities.js';

/** Something that every engine does which declares what it takes. Knows capabilities, never an engine. */
export interface Scenario {
  readonly title: string;
  /** It runs where the engine declares all of these, and when it passes they are proven. */
  readonly proves: readonly [Capability, ...Capability[]];
  readonly run: (campus: Campus) => Promise<void>;
}
