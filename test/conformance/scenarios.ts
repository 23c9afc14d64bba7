import type { Scenario } from './scenario.js';
import { addressing } from './scenarios/addressing.js';
import { antiSpoofing } from './scenarios/anti-spoofing.js';
import { bridge } from './scenarios/bridge.js';
import { capture } from './scenarios/capture.js';
import { forwards } from './scenarios/forwards.js';
import { isolation } from './scenarios/isolation.js';
import { liveEdits } from './scenarios/live-edits.js';
import { names } from './scenarios/names.js';
import { nat } from './scenarios/nat.js';
import { publicAddresses } from './scenarios/public-addresses.js';
import { recovery } from './scenarios/recovery.js';
import { routed } from './scenarios/routed.js';
import { trace } from './scenarios/trace.js';

/** Every scenario, in the order of a run: what kills processes comes last. */
export const SCENARIOS: readonly Scenario[] = [
  ...addressing,
  ...names,
  ...nat,
  ...forwards,
  ...publicAddresses,
  ...routed,
  ...bridge,
  ...isolation,
  ...antiSpoofing,
  ...capture,
  ...trace,
  ...liveEdits,
  ...recovery,
];
