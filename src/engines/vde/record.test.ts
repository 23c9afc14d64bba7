import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { networkFiles, type NetworkFiles } from './network-files.js';
import { EMPTY_RECORD, readRecord, readRecordNow, withEntry, withoutEntry, writeRecord } from './record.js';
import { portResource } from './resources.js';
import { fuzz } from '../../../test/fuzz/fuzz.js';

let directory: string;
let files: NetworkFiles;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'psl-vde-'));
  files = {
    ...networkFiles({ runDir: directory, stateDir: directory }, 'back'),
    record: join(directory, 'record'),
  };
});
afterEach(() => rmSync(directory, { recursive: true }));

it('comes back as it was written', async () => {
  const port = portResource('back', 'a/0', { number: 64, untaggedVlan: 5, taggedVlans: [7] });
  const record = withEntry({ ...EMPTY_RECORD, incarnation: 4 }, port);
  await writeRecord(files, record);
  expect(await readRecord(files)).toEqual(record);
  expect(readRecordNow(files)).toEqual(record);
  expect(withoutEntry(record, port.id).entries.size).toBe(0);
});

it('is empty when it is not there', () => {
  expect(readRecordNow(files)).toEqual(EMPTY_RECORD);
});

fuzz('is empty when it is damaged', [4], async (seed) => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
      writeFileSync(files.record, text);
      const record = await readRecord(files);
      expect(record.incarnation).toBeGreaterThanOrEqual(Number.MIN_SAFE_INTEGER);
      for (const { kind } of record.entries.values()) expect(typeof kind).toBe('string');
    }),
    { seed, numRuns: 150 },
  );
});
