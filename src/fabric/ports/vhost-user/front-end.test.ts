import { fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../test/fabric/seeded-random.js';
import { type Libc, loadLibc } from '../../native/libc.js';
import { FrontEnd } from './front-end.js';
import { VhostRequest } from './message.js';

const MEMORY_BYTES = 1 << 20;
const USER_BASE = 0x7f00_0000_0000n;

let libc: Libc;
let directory: string;
let frontEnd: FrontEnd;
/** Descriptors that were handed over; the front end closes what it does not keep. */
let given: number[];

beforeEach(async () => {
  libc = await loadLibc();
  directory = mkdtempSync(join(tmpdir(), 'psl-vhost-'));
  writeFileSync(join(directory, 'memory'), Buffer.alloc(MEMORY_BYTES));
  frontEnd = new FrontEnd(libc);
  given = [];
});
afterEach(() => {
  frontEnd.close();
  expect(given.filter(isOpen)).toEqual([]);
  rmSync(directory, { recursive: true });
});

function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

function descriptor(): number {
  const fd = openSync(join(directory, 'memory'), 'r+');
  given.push(fd);
  return fd;
}

function u64(...values: bigint[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(value, index * 8);
  return bytes;
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

function say(
  request: number,
  payload: Buffer = Buffer.alloc(0),
  fds: readonly number[] = [],
): Buffer | undefined {
  return frontEnd.handle({ request, needsReply: false, payload }, fds);
}

/** All that QEMU says before a guest's rings run. */
function setUp(memoryBytes = BigInt(MEMORY_BYTES)): void {
  say(VhostRequest.setFeatures, u64(0x1_4000_8183n));
  say(VhostRequest.setMemoryTable, Buffer.concat([u32(1, 0), u64(0n, memoryBytes, USER_BASE, 0n)]), [
    descriptor(),
  ]);
  for (const index of [0, 1]) {
    const at = USER_BASE + BigInt(index * 0x8000);
    say(VhostRequest.setVringSize, u32(index, 256));
    say(VhostRequest.setVringBase, u32(index, 7));
    say(
      VhostRequest.setVringAddresses,
      Buffer.concat([u32(index, 0), u64(at, at + 0x2000n, at + 0x1000n, 0n)]),
    );
    say(VhostRequest.setVringCall, u64(BigInt(index)), [descriptor()]);
    say(VhostRequest.setVringKick, u64(BigInt(index)), [descriptor()]);
    say(VhostRequest.setVringEnable, u32(index, 1));
  }
}

describe('a front end', () => {
  it('has rings once all is told, and what the guest takes', () => {
    expect(frontEnd.ring(0)).toBeUndefined();
    setUp();
    expect(frontEnd.ring(0)?.queue.size).toBe(256);
    expect(frontEnd.ring(1)?.queue.nextAvailable).toBe(7);
    expect(frontEnd).toMatchObject({ takesOffloads: true, mergesBuffers: true, headerBytes: 12 });
  });

  it('stops a ring that is asked where it is, and goes on there', () => {
    setUp();
    expect(say(VhostRequest.getVringBase, u32(1, 0))?.subarray(12)).toEqual(u32(1, 7));
    expect(frontEnd.ring(1)).toBeUndefined();
    say(VhostRequest.setVringKick, u64(1n), [descriptor()]);
    expect(frontEnd.ring(1)?.queue.nextAvailable).toBe(7);
  });

  it('takes memory anew while rings run, and no ring that it does not hold', () => {
    setUp();
    const table = (userAddress: bigint): Buffer =>
      Buffer.concat([u32(1, 0), u64(0n, BigInt(MEMORY_BYTES), userAddress, 0n)]);
    say(VhostRequest.setMemoryTable, table(USER_BASE - 0x1000n), [descriptor()]);
    expect(frontEnd.ring(0)).toBeDefined();
    expect(() => say(VhostRequest.setMemoryTable, table(0n), [descriptor()])).toThrow(/ring/);
  });

  it('maps nothing that the file does not have', () => {
    expect(() => setUp(BigInt(MEMORY_BYTES) + 1n)).toThrow(/longer/);
    const noFile = Buffer.concat([u32(1, 0), u64(0n, 4096n, 0n, 0n)]);
    expect(() => say(VhostRequest.setMemoryTable, noFile)).toThrow();
  });

  it('survives any messages, and keeps no descriptor of a connection that is over', () => {
    let refused = 0;
    for (let seed = 0; seed < 400; seed++) {
      const random = seededRandom(seed);
      frontEnd.close();
      frontEnd = new FrontEnd(libc);
      if (random(2) === 0) setUp();
      for (let count = 0; count < 20; count++) {
        const payload = Buffer.from(
          Array.from({ length: random(12) * 8 }, () => random(random(3) === 0 ? 256 : 3)),
        );
        const fds = Array.from({ length: random(3) }, descriptor);
        try {
          say(random(24), payload, fds);
        } catch {
          refused += 1;
        }
      }
      given = given.filter(isOpen);
    }
    expect(refused).toBeGreaterThan(100);
  });
});
