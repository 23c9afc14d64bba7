/** Mixed load with machines that join and leave: nothing is lost, memory stays. Ten seconds here, five minutes by `make soak`. */
import { expect, it } from 'vitest';
import { runChild } from './children.js';
import type { SoakReport } from './soak-report.js';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 10);
const MIB = 1024 * 1024;
/** Between the middle of the run and its end. A heap breathes by this much; a leak does not stop. */
const BREATH_BYTES = 48 * MIB;

it(
  'loses nothing and holds its memory',
  async () => {
    const report = await runChild<SoakReport>('soak.ts', SECONDS, (SECONDS + 60) * 1000);
    const { residentBytes, framesSent, framesLost, failures, visits } = report;
    const [first = 0, middle = 0, last = 0] = [0.1, 0.5, 1].map((part) => mostUntil(residentBytes, part));
    console.log(
      `soak: ${SECONDS} s, ${visits} visits, ${report.tcpBytes} bytes over TCP, ${report.datagrams} datagrams, ${framesSent} frames between machines, ${report.hostileFrames} hostile; resident ${[first, middle, last].map((bytes) => Math.round(bytes / MIB)).join(', ')} MiB`,
    );
    expect(failures).toEqual([]);
    expect(framesLost).toBe(0);
    expect(framesSent).toBeGreaterThan(SECONDS * 100);
    expect(visits).toBeGreaterThan(SECONDS);
    expect(last - middle, 'memory').toBeLessThan(BREATH_BYTES);
  },
  (SECONDS + 70) * 1000,
);

/** The most that was resident in this part of the run. */
function mostUntil(samples: readonly number[], part: number): number {
  return Math.max(0, ...samples.slice(0, Math.ceil(samples.length * part)));
}
