/** Memory is flat after hostile frames and after flows that come and go, and bounded while they do. */
import { expect, it } from 'vitest';
import { FACTOR, runChild } from './children.js';
import type { Growth } from './memory.js';

const MIB = 1024 * 1024;
/** Two bytes a frame, twenty a flow: anything that is kept for each would be more. */
const FLAT_BYTES = 2 * MIB;
/** Tables and queues at their bounds (docs/limits.md). */
const FULL_BYTES = 64 * MIB;
/** The heap's own slack. */
const RESIDENT_BYTES = 96 * MIB;
const TIMEOUT_MS = 110_000 * FACTOR;

const FRAMES = 1_000_000;
const FLOWS = 100_000;

it.each([
  ['a million hostile frames', 'hostile-frames.ts', FRAMES],
  ['100,000 flows come and gone', 'flows.ts', FLOWS],
])(
  'is flat after %s',
  async (_, program, count) => {
    const { before, after, fullBytes } = await runChild<Growth>(program, count * FACTOR, TIMEOUT_MS);
    expect(fullBytes, 'held meanwhile').toBeLessThan(FULL_BYTES);
    expect(after.heldBytes - before.heldBytes, 'held afterwards').toBeLessThan(FLAT_BYTES);
    expect(after.residentBytes - before.residentBytes, 'resident afterwards').toBeLessThan(RESIDENT_BYTES);
  },
  TIMEOUT_MS + 5_000,
);
