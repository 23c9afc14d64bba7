/**
 * How fast TCP towards the guest is over bad networks, in simulated time: no machine, however busy, changes a figure. The
 * table of throughput.md is what it was when last written; slower by more than a twentieth is a regression.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CALM, type Case, PLAIN, transfer, type Trouble } from '../../../../test/fabric/nat/transfer.js';

const PAGE = fileURLToPath(new URL('throughput.md', import.meta.url));
/** Of the sum over these: one seed may be lucky. */
const SEEDS = Array.from({ length: 16 }, (_, index) => index + 1);
const BYTES = 600_000;
const TOLERANCE = 0.95;

const NETWORKS: Readonly<Record<string, Trouble>> = {
  'nothing goes wrong, 1 ms': CALM,
  'nothing goes wrong, 20 ms': { ...CALM, delayMs: 20 },
  '0.1 % lost, 1 ms': { ...CALM, loss: 0.001 },
  '1 % lost, 1 ms': { ...CALM, loss: 0.01 },
  '1 % lost, 20 ms': { ...CALM, loss: 0.01, delayMs: 20 },
  '5 % lost, 1 ms': { ...CALM, loss: 0.05 },
  '10 % doubled, 1 ms': { ...CALM, duplication: 0.1 },
  '2 % late by up to 20 ms, 1 ms': { ...CALM, reordering: 0.02 },
};

const GUESTS: Readonly<Record<string, Partial<Case>>> = {
  'a window of 200 kB': { bufferBytes: 200_000 },
  'the same, read at 40 Mbit/s': { bufferBytes: 200_000, readBytesPer10Ms: 50_000 },
  'a window of 8 kB': { bufferBytes: 8_000 },
};

/** To the guest, Mbit/s of simulated time. */
function measure(trouble: Trouble, guest: Partial<Case>): number {
  let totalMs = 0;
  for (const seed of SEEDS)
    totalMs += transfer(seed, { ...PLAIN, ...guest, trouble, toHostBytes: 0, toGuestBytes: BYTES }).carriedMs;
  return (SEEDS.length * BYTES * 8) / (totalMs * 1000);
}

function recorded(text: string): Map<string, number> {
  const rows = text.split('\n').filter((line) => /^\| (?!network|---)/.test(line));
  return new Map(
    rows.flatMap((row) => {
      const [, network = '', ...figures] = row.split('|').map((cell) => cell.trim());
      return Object.keys(GUESTS).map(
        (guest, index) => [`${network}; ${guest}`, Number(figures[index])] as const,
      );
    }),
  );
}

describe('throughput towards the guest', () => {
  const measured = new Map<string, number>();
  for (const [network, trouble] of Object.entries(NETWORKS)) {
    it(`is no less than recorded: ${network}`, () => {
      const before = recorded(readFileSync(PAGE, 'utf8'));
      for (const [name, guest] of Object.entries(GUESTS)) {
        const key = `${network}; ${name}`;
        measured.set(key, measure(trouble, guest));
        if (process.env['UPDATE_GENERATED'] === '1') continue;
        const figure = before.get(key);
        expect(figure, `${key} stands in throughput.md`).toBeGreaterThan(0);
        expect(measured.get(key), key).toBeGreaterThan((figure ?? 0) * TOLERANCE);
      }
    }, 60_000);
  }

  it('is the same again for the same seeds', () => {
    const [trouble, guest] = [NETWORKS['1 % lost, 1 ms']!, GUESTS['a window of 200 kB']!];
    expect(measure(trouble, guest)).toBe(measured.get('1 % lost, 1 ms; a window of 200 kB'));
  });

  it('writes the table when asked to', () => {
    if (process.env['UPDATE_GENERATED'] !== '1') return;
    const rows = Object.keys(NETWORKS).map(
      (network) =>
        `| ${network} | ${Object.keys(GUESTS)
          .map((guest) => measured.get(`${network}; ${guest}`)?.toFixed(2))
          .join(' | ')} |`,
    );
    const heads = Object.keys(GUESTS);
    const table = [`| network | ${heads.join(' | ')} |`, `|---|${heads.map(() => '---|').join('')}`, ...rows];
    writeFileSync(PAGE, readFileSync(PAGE, 'utf8').replace(/^\| network[\s\S]*$/m, `${table.join('\n')}\n`));
  });
});
