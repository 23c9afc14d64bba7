import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, FakeGuest } from '../../../test/fabric/fake-guest.js';
import { BROADCAST, ethernet, framed, macNumber } from '../../../test/fabric/frames.js';
import { Switch } from '../switch/switch.js';
import { ChunkPool } from './chunk-pool.js';
import { StreamPort } from './stream-port.js';
import { MAX_QUEUED_BYTES } from './transmitter.js';

let directory: string;
let network: Switch;
const pool = new ChunkPool();
const ports: StreamPort[] = [];
const guests: FakeGuest[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-port-'));
  network = new Switch();
});

afterEach(async () => {
  for (const port of ports.splice(0)) port.close();
  await Promise.all(guests.splice(0).map((guest) => guest.close()));
  await rm(directory, { recursive: true, force: true });
});

function plug(index: number): StreamPort {
  const socketPath = join(directory, `${index}.sock`);
  const port = new StreamPort({ id: `g${index}`, socketPath, mtuBytes: 1500, sink: network, pool });
  network.attach(port, { mac: macNumber(index) });
  ports.push(port);
  return port;
}

async function boot(index: number, keepsFrames = true): Promise<FakeGuest> {
  const guest = await FakeGuest.listen(join(directory, `${index}.sock`), keepsFrames);
  guests.push(guest);
  return guest;
}

async function pluggedGuest(index: number, keepsFrames = true): Promise<[StreamPort, FakeGuest]> {
  const guest = await boot(index, keepsFrames);
  const port = plug(index);
  await guest.connected();
  await eventually(() => port.isConnected, 'open port');
  return [port, guest];
}

const frame = (from: number, to: number, payload: Uint8Array = Buffer.alloc(46)): Buffer =>
  ethernet(0x88b5, Buffer.from(payload), macNumber(from), to === 0 ? BROADCAST : macNumber(to));

describe('StreamPort', () => {
  it('carries frames between two guests, both ways, and counts them', async () => {
    const [portA, a] = await pluggedGuest(1);
    const [portB, b] = await pluggedGuest(2);
    a.send(frame(1, 2), frame(1, 2, Buffer.alloc(1500, 9)));
    await b.until(({ frames }) => frames.length === 2, 'two frames');
    expect(b.frames).toEqual([frame(1, 2), frame(1, 2, Buffer.alloc(1500, 9))]);
    b.send(frame(2, 1));
    await a.until(({ frames }) => frames.length === 1, 'answer');
    expect(portA.counters).toMatchObject({ rxFrames: 2, rxBytes: 1574, txFrames: 1, txBytes: 60 });
    expect(portB.counters).toMatchObject({ rxFrames: 1, rxBytes: 60, txFrames: 2, txBytes: 1574 });
  });

  it('floods a broadcast to all but its sender', async () => {
    const all = await Promise.all([1, 2, 3, 4].map((index) => pluggedGuest(index)));
    all[0]![1].send(frame(1, 0));
    for (const [, guest] of all.slice(1)) await guest.until(({ frames }) => frames.length === 1, 'broadcast');
    expect(all[0]![1].frames).toEqual([]);
  });

  it('dials until its guest is there, and again when it was restarted', async () => {
    const [, a] = await pluggedGuest(1);
    const portB = plug(2);
    a.send(frame(1, 2));
    await eventually(() => portB.counters.drops.get('not-connected') === 1, 'drop');
    const first = await boot(2);
    await eventually(() => portB.isConnected, 'open port');
    // A frame cut off by the restart is not continued by the next connection.
    first.sendRaw(framed(frame(2, 1)).subarray(0, 30));
    await first.close();
    await eventually(() => !portB.isConnected, 'closed port');
    const second = await boot(2);
    await second.connected();
    await eventually(() => portB.isConnected, 'open port');
    second.send(frame(2, 1, Buffer.alloc(46, 5)));
    await a.until(({ frames }) => frames.length === 1, 'frame');
    expect(a.frames).toEqual([frame(2, 1, Buffer.alloc(46, 5))]);
    a.send(frame(1, 2));
    await second.until(({ frames }) => frames.length === 1, 'frame');
  });

  it('drops a connection that lies about lengths, delivers what stood before, and dials anew', async () => {
    const [portA, a] = await pluggedGuest(1);
    const [, b] = await pluggedGuest(2);
    for (const lie of [0, 13, 69_633, 0xffff_ffff]) {
      const before = a.connections;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(lie);
      a.sendRaw(Buffer.concat([framed(frame(1, 2)), length, Buffer.alloc(100)]));
      await a.until(({ connections, isConnected }) => connections > before && isConnected, 'new connection');
      await eventually(() => portA.isConnected, 'open port');
    }
    await b.until(({ frames }) => frames.length === 4, 'frames before the lies');
    expect(portA.counters.drops.get('bad-framing')).toBe(4);
  });

  it('drops frames beyond the MTU and keeps the connection', async () => {
    const [portA, a] = await pluggedGuest(1);
    const [, b] = await pluggedGuest(2);
    a.send(frame(1, 2, Buffer.alloc(1501)), frame(1, 2));
    await b.until(({ frames }) => frames.length === 1, 'frame');
    expect(portA.counters.drops.get('oversized')).toBe(1);
    portA.mtuBytes = 9000;
    a.send(frame(1, 2, Buffer.alloc(9000)));
    await b.until(({ frames }) => frames.length === 2, 'long frame');
    expect(a.connections).toBe(1);
  });

  it('bounds the queue of a guest that does not read, while others go on', async () => {
    const [portA, a] = await pluggedGuest(1, false);
    const [portB, slow] = await pluggedGuest(2);
    const [portC, quick] = await pluggedGuest(3, false);
    slow.pause();
    // Each slow frame carries its number all through, so that a mangled one shows.
    const count = 6000;
    let number = 0;
    while (number < count) {
      const frames: Buffer[] = [];
      for (let index = 0; index < 50; index++, number++) {
        const payload = Buffer.alloc(1000);
        for (let offset = 0; offset < 1000; offset += 4) payload.writeUInt32BE(number, offset);
        frames.push(frame(1, 2, payload), frame(1, 3, payload));
      }
      await a.sendAll(framed(...frames));
      expect(portB.queuedBytes).toBeLessThanOrEqual(MAX_QUEUED_BYTES);
    }
    await eventually(() => portA.counters.rxFrames === 2 * count, 'all frames read');
    const delivered = portC.counters.txFrames;
    expect(delivered + (portC.counters.drops.get('queue-full') ?? 0)).toBe(count);
    await quick.until(({ receivedBytes }) => receivedBytes === delivered * 1018, 'frames of the quick guest');
    expect(portB.counters.drops.get('queue-full')).toBeGreaterThan(1000);
    expect(portB.counters.txFrames + portB.counters.drops.get('queue-full')!).toBe(count);

    slow.resume();
    const accepted = portB.counters.txFrames;
    await slow.until(({ receivedBytes }) => receivedBytes === accepted * 1018, 'queued frames');
    let last = -1;
    for (const received of slow.frames) {
      const value = received.readUInt32BE(14);
      expect(value).toBeGreaterThan(last);
      last = value;
      expect(received.subarray(14).every((byte, offset) => byte === received[14 + (offset % 4)])).toBe(true);
    }
    expect(slow.frames).toHaveLength(accepted);
    await eventually(() => portB.queuedBytes === 0, 'empty queue');
  });

  it('tells senders once that a guest which does not read is congested, and when it has drained', async () => {
    const [, a] = await pluggedGuest(1);
    const [portB, b] = await pluggedGuest(2, false);
    b.pause();
    a.send(...Array.from({ length: 600 }, () => frame(1, 2, Buffer.alloc(1500, 5))));
    await eventually(() => portB.queuedBytes > 600_000, 'long queue');
    let drainedAt: number | undefined;
    portB.whenDrained(() => {
      drainedAt = portB.queuedBytes;
    });
    expect(portB.isCongested).toBe(false);
    b.resume();
    await b.until(({ receivedBytes }) => receivedBytes === 600 * 1518, 'all of the burst');
    await eventually(() => drainedAt !== undefined, 'word of it');
    expect(drainedAt).toBeLessThan(300_000);
    expect(portB.counters.drops.size).toBe(0);
  });

  it('lets go of a guest whose socket path changes, and of everything when closed', async () => {
    const [portA, a] = await pluggedGuest(1);
    const moved = await FakeGuest.listen(join(directory, 'moved.sock'));
    guests.push(moved);
    portA.socketPath = join(directory, 'moved.sock');
    await moved.connected();
    await a.until(({ isConnected }) => !isConnected, 'end');
    await eventually(() => portA.isConnected, 'open port');
    portA.close();
    await moved.until(({ isConnected }) => !isConnected, 'end');
    expect(portA.isConnected).toBe(false);
  });
});
