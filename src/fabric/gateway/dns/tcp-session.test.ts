import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DnsTcpSession, IDLE_TIMEOUT_MS, MAX_PENDING } from './tcp-session.js';

const framed = (...messages: readonly Buffer[]) =>
  Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length, 0);
      return [length, message];
    }),
  );

/** A session whose server answers with `answer`, and what it did. */
function session(answer: (query: Buffer) => Promise<Buffer | undefined>) {
  const sent: Buffer[] = [];
  const ends = { count: 0 };
  const dns = new DnsTcpSession({ answer, send: (bytes) => sent.push(bytes), end: () => ends.count++ });
  return { dns, sent, ends };
}
const echo = (query: Buffer) => Promise.resolve(Buffer.from(query));
const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('DnsTcpSession', () => {
  it('answers every query, however the bytes are cut', async () => {
    const message = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const cuts = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 8 }), cuts, async (messages, sizes) => {
        const { dns, sent, ends } = session(echo);
        const stream = framed(...messages);
        for (let offset = 0, turn = 0; offset < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          dns.receive(stream.subarray(offset, offset + size));
          offset += size;
        }
        await settled();
        expect(Buffer.concat(sent)).toEqual(stream);
        expect(ends.count).toBe(0);
        dns.close();
      }),
      { numRuns: 100 },
    );
  });

  it('takes the largest query byte by byte', async () => {
    const { dns, sent } = session(echo);
    const stream = framed(Buffer.alloc(0xffff, 7));
    for (let offset = 0; offset < stream.length; offset++) dns.receive(stream.subarray(offset, offset + 1));
    await settled();
    expect(sent).toEqual([stream]);
    dns.close();
  });

  it('sends answers as they come, in any order', async () => {
    const waiting = new Map<number, (answer: Buffer) => void>();
    const { dns, sent } = session(
      (query) => new Promise<Buffer>((resolve) => void waiting.set(query.readUInt8(0), resolve)),
    );
    dns.receive(framed(Buffer.from([1]), Buffer.from([2])));
    waiting.get(2)?.(Buffer.from([22]));
    await settled();
    expect(sent).toEqual([framed(Buffer.from([22]))]);
    dns.receiveEnd();
    waiting.get(1)?.(Buffer.from([11]));
    await settled();
    expect(sent).toHaveLength(2);
  });

  it('ends when the client has, after the last answer', async () => {
    const { dns, sent, ends } = session(echo);
    dns.receive(framed(Buffer.from([1])));
    dns.receiveEnd();
    expect(ends.count).toBe(0);
    await settled();
    expect(sent).toHaveLength(1);
    expect(ends.count).toBe(1);
  });

  it('ends after a pause, which an unfinished query does not put off', async () => {
    const { dns, ends } = session(echo);
    await vi.advanceTimersByTimeAsync(IDLE_TIMEOUT_MS - 1);
    dns.receive(framed(Buffer.from([1])));
    await vi.advanceTimersByTimeAsync(IDLE_TIMEOUT_MS - 1);
    expect(ends.count).toBe(0);
    dns.receive(Buffer.from([0, 5, 1]));
    await vi.advanceTimersByTimeAsync(1);
    expect(ends.count).toBe(1);
  });

  it('cuts off a client with too many queries under way, or an empty one', () => {
    const flood = session(() => new Promise(() => undefined));
    flood.dns.receive(framed(...Array.from({ length: MAX_PENDING }, () => Buffer.from([1]))));
    expect(flood.ends.count).toBe(0);
    flood.dns.receive(framed(Buffer.from([1])));
    expect(flood.ends.count).toBe(1);
    const empty = session(echo);
    empty.dns.receive(framed(Buffer.alloc(0)));
    expect(empty.ends.count).toBe(1);
  });

  it('says nothing after close, and nothing where no answer is due', async () => {
    const { dns, sent, ends } = session(echo);
    dns.receive(framed(Buffer.from([1])));
    dns.close();
    await vi.advanceTimersByTimeAsync(IDLE_TIMEOUT_MS);
    expect([sent.length, ends.count]).toEqual([0, 0]);
    const silent = session(() => Promise.resolve(undefined));
    silent.dns.receive(framed(Buffer.from([1])));
    await settled();
    expect([silent.sent.length, silent.ends.count]).toEqual([0, 0]);
    silent.dns.close();
  });
});
