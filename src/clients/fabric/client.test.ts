import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectFabric } from './client.js';

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

const never = new AbortController().signal;
let directory: string;
let path: string;
let server: Server;
let conversations: Socket[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-client-'));
  path = join(directory, 'fabric.sock');
  conversations = [];
});

afterEach(async () => {
  for (const socket of conversations) socket.destroy();
  server?.close();
  await rm(directory, { recursive: true, force: true });
});

/** A fabric that answers each line as it is told. */
async function answering(onRequest: (request: Request, socket: Socket) => void): Promise<void> {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    conversations.push(socket);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) onRequest(JSON.parse(line) as Request, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('the client of the fabric', () => {
  it('matches answers to calls by id, in any order and however they are cut', async () => {
    const held: string[] = [];
    await answering(({ id, method }, socket) => {
      held.push(JSON.stringify({ id, result: { method } }));
      if (held.length < 2) return;
      const text = `${held.reverse().join('\n')}\n`;
      socket.write(text.slice(0, 20));
      setImmediate(() => socket.write(text.slice(20)));
    });
    const client = await connectFabric(path, never);
    const results = await Promise.all([client.call('configuration', {}), client.call('leases', {})]);
    expect(results).toEqual([{ method: 'configuration' }, { method: 'leases' }]);
    client.close();
  });

  it('throws what the fabric refuses with its code', async () => {
    await answering(({ id }, socket) => {
      socket.write(
        `${JSON.stringify({ id, error: { code: 'fabric/duplicate-mac', message: 'two have it' } })}\n`,
      );
    });
    const client = await connectFabric(path, never);
    await expect(client.call('apply', { operations: [] })).rejects.toMatchObject({
      problems: [{ code: 'fabric/duplicate-mac', message: 'two have it' }],
    });
    client.close();
  });

  it('tells that no fabric runs by the system’s code', async () => {
    await expect(connectFabric(path, never)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('fails what waits when the fabric ends, when it is closed, and when it answers nonsense', async () => {
    const lost = { problems: [{ code: 'fabric/connection-lost' }] };
    await answering(({ method }, socket) => {
      if (method === 'status') socket.end();
      if (method === 'leases') socket.write('nonsense\n');
    });
    const first = await connectFabric(path, never);
    await expect(first.call('status', {})).rejects.toMatchObject(lost);
    await expect(first.call('status', {})).rejects.toMatchObject(lost);
    const second = await connectFabric(path, never);
    const waiting = second.call('configuration', {});
    second.close();
    await expect(waiting).rejects.toMatchObject(lost);
    const third = await connectFabric(path, never);
    await expect(third.call('leases', {})).rejects.toMatchObject(lost);
  });

  it('fails what waits with the reason of its signal', async () => {
    await answering(() => undefined);
    const controller = new AbortController();
    const client = await connectFabric(path, controller.signal);
    const waiting = client.call('status', {});
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(connectFabric(path, controller.signal)).rejects.toThrow('enough');
  });

  it('yields a capture’s bytes from the first, and ends with the fabric', async () => {
    await answering(({ id, params }, socket) => {
      expect(params).toEqual({ port: 'a/0' });
      socket.end(`${JSON.stringify({ id, result: { streaming: true } })}\n\nfirst\nlast`);
    });
    const client = await connectFabric(path, never);
    expect(await collect(client.capture('a/0', never))).toBe('\nfirst\nlast');
    client.close();
  });

  it('ends a capture at its signal, with what the fabric still had', async () => {
    await answering(({ id }, socket) => {
      socket.write(`${JSON.stringify({ id, result: { streaming: true } })}\nfirst;`);
      socket.on('end', () => socket.end('last'));
    });
    const client = await connectFabric(path, never);
    const controller = new AbortController();
    const chunks: string[] = [];
    for await (const chunk of client.capture('a/0', controller.signal)) {
      chunks.push(Buffer.from(chunk).toString());
      controller.abort();
    }
    expect(chunks.join('')).toBe('first;last');
    client.close();
  });

  it('throws when a capture is refused, or the fabric ends before it begins', async () => {
    let isRefusing = true;
    await answering(({ id }, socket) => {
      if (isRefusing)
        socket.write(`${JSON.stringify({ id, error: { code: 'fabric/unknown-port', message: 'no' } })}\n`);
      else socket.end();
    });
    const client = await connectFabric(path, never);
    await expect(collect(client.capture('b/0', never))).rejects.toMatchObject({
      problems: [{ code: 'fabric/unknown-port' }],
    });
    isRefusing = false;
    await expect(collect(client.capture('b/0', never))).rejects.toMatchObject({
      problems: [{ code: 'fabric/connection-lost' }],
    });
    client.close();
  });
});
