import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaseStore, parseLeases, type StoredLease } from './lease-store.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

let directory: string;
let path: string;
let lines: string[];
const log = (line: string) => void lines.push(line);
const lease: StoredLease = {
  network: 'web',
  mac: '52:54:00:aa:bb:01',
  address: '10.10.10.100',
  hostname: 'web1',
  expiresAtMs: 1_800_000_000_000,
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'passerelle-leases-'));
  path = join(directory, 'state', 'leases.json');
  lines = [];
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('LeaseStore', () => {
  it('reads back what it wrote, and leaves no other file', async () => {
    const store = new LeaseStore(path, log);
    expect(store.load()).toEqual([]);
    store.save(() => [lease]);
    await store.close();
    expect(new LeaseStore(path, log).load()).toEqual([lease]);
    expect(readdirSync(join(directory, 'state'))).toEqual(['leases.json']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(lines).toEqual([]);
  });

  it('makes one write of many changes, and takes the state at the time of the write', async () => {
    const store = new LeaseStore(path, log);
    let snapshots = 0;
    const leases: StoredLease[] = [];
    for (let count = 0; count < 1000; count++) {
      leases.push({ ...lease, address: `10.10.${count >> 8}.${count & 255}` });
      store.save(() => {
        snapshots++;
        return leases;
      });
    }
    await store.close();
    expect(snapshots).toBe(1);
    expect(new LeaseStore(path, log).load().length).toBe(1000);
  });

  it('writes by itself after its delay', async () => {
    const store = new LeaseStore(path, log);
    await new Promise<void>((resolve) => {
      store.save(() => {
        resolve();
        return [lease];
      });
    });
    await store.close();
    expect(new LeaseStore(path, log).load()).toEqual([lease]);
  });

  it('starts empty from a damaged file, says so and keeps it', async () => {
    const store = new LeaseStore(path, log);
    store.save(() => [lease]);
    await store.close();
    const half = readFileSync(path, 'utf8').slice(0, 40);
    writeFileSync(path, half);
    expect(store.load()).toEqual([]);
    expect(lines.join()).toContain('damaged');
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe(half);
    store.save(() => [lease]);
    await store.close();
    expect(new LeaseStore(path, log).load()).toEqual([lease]);
  });

  it('says once that it cannot write, and goes on', async () => {
    writeFileSync(join(directory, 'state'), 'a file where the directory should be');
    const store = new LeaseStore(path, log);
    for (let count = 0; count < 3; count++) {
      store.save(() => [lease]);
      await store.close();
    }
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain('cannot write');
  });
});

describe('parseLeases', () => {
  it('keeps the good entries of a file', () => {
    const entries = [lease, { ...lease, mac: 'nonsense' }, { ...lease, expiresAtMs: null }, 7, null];
    const { leases, damage } = parseLeases(JSON.stringify({ version: 1, leases: entries }));
    expect(leases).toEqual([lease]);
    expect(damage).toBe('4 entries are no leases');
  });

  fuzz('never throws', [1], (seed) => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const { leases, damage } = parseLeases(text);
        expect(leases).toEqual([]);
        expect(damage).toBeDefined();
      }),
      { numRuns: 500, seed },
    );
  });
});
