import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { QmpClient } from './client.js';
import { QmpCommandError, QmpConnectionError } from './message.js';

const directory = mkdtempSync(join(tmpdir(), 'passerelle-qmp-'));
const servers: Server[] = [];
const sockets: Socket[] = [];
let count = 0;

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Request {
  readonly execute: string;
  readonly arguments: Record<string, unknown>;
  readonly id: number;
}

const GREETING =
  '{"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 1}}, "capabilities": []}}\r\n';
const reply = (request: Request, value: unknown): string =>
  `${JSON.stringify({ return: value, id: request.id })}\r\n`;

/** A monitor that greets, negotiates and leaves every other request to `answer`. */
async function fakeQemu(
  answer: (request: Request, socket: Socket) => void,
  greeting = GREETING,
): Promise<string> {
  const path = join(directory, `${count++}.sock`);
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(greeting);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const request = JSON.parse(line) as Request;
        if (request.execute === 'qmp_capabilities') socket.write(reply(request, {}));
        else answer(request, socket);
      }
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

describe('QmpClient', () => {
  it('negotiates, and pairs replies in any order with their commands', async ({ signal }) => {
    const held: Request[] = [];
    const path = await fakeQemu((request, socket) => {
      held.push(request);
      if (held.length < 3) return;
      for (const each of held.reverse())
        socket.write(reply(each, { was: each.execute, with: each.arguments }));
    });
    const client = await QmpClient.connect(path, signal);
    expect(client.version).toEqual({ major: 7, minor: 2, micro: 1 });
    expect(
      await Promise.all([
        client.execute('one', { n: 1 }),
        client.execute('two'),
        client.execute('three', { s: 'é' }),
      ]),
    ).toEqual([
      { was: 'one', with: { n: 1 } },
      { was: 'two', with: {} },
      { was: 'three', with: { s: 'é' } },
    ]);
    client.close();
  });

  it('tells a refusal with its class, and goes on', async ({ signal }) => {
    const path = await fakeQemu((request, socket) => {
      if (request.execute === 'fine') return socket.write(reply(request, {}));
      const error = { class: 'DeviceNotFound', desc: "Device 'n7' not found" };
      return socket.write(`${JSON.stringify({ error, id: request.id })}\n`);
    });
    const client = await QmpClient.connect(path, signal);
    const refused = client.execute('device_del', { id: 'n7' });
    await expect(refused).rejects.toThrow(QmpCommandError);
    await expect(refused).rejects.toMatchObject({ command: 'device_del', errorClass: 'DeviceNotFound' });
    expect(await client.execute('fine')).toEqual({});
    client.close();
  });

  it('hands events to who waits for them', async ({ signal }) => {
    const path = await fakeQemu((request, socket) => {
      socket.write('{"event": "DEVICE_DELETED", "data": {"device": "other"}}\n');
      socket.write('{"event": "DEVICE_DELETED", "data": {"device": "mine"}}\n');
      socket.write(reply(request, {}));
    });
    const client = await QmpClient.connect(path, signal);
    const seen: unknown[] = [];
    const stop = client.onEvent((event) => seen.push(event.data['device']));
    const deleted = client.waitForEvent((event) => event.data['device'] === 'mine', signal);
    await client.execute('device_del', { id: 'mine' });
    expect((await deleted).name).toBe('DEVICE_DELETED');
    stop();
    await client.execute('device_del', { id: 'mine' });
    expect(seen).toEqual(['other', 'mine']);
    client.close();
  });

  it('fails all that waits when QEMU goes', async ({ signal }) => {
    const path = await fakeQemu((_request, socket) => socket.destroy());
    const client = await QmpClient.connect(path, signal);
    const event = client.waitForEvent(() => true, signal);
    await expect(Promise.all([client.execute('quit'), event])).rejects.toThrow(QmpConnectionError);
    await expect(event).rejects.toThrow(QmpConnectionError);
    await expect(client.execute('late')).rejects.toThrow(QmpConnectionError);
    expect(client.closed.aborted).toBe(true);
  });

  it('stops waiting when its signal aborts, before, during and after the greeting', async ({ signal }) => {
    const mute = await fakeQemu(() => undefined, '');
    await expect(QmpClient.connect(mute, AbortSignal.timeout(30))).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await expect(QmpClient.connect(mute, AbortSignal.abort(new Error('no')))).rejects.toThrow('no');

    const silent = await fakeQemu((request, socket) => {
      if (request.execute === 'fine') socket.write(reply(request, 1));
    });
    const client = await QmpClient.connect(silent, signal);
    const reason = new Error('enough');
    const stop = new AbortController();
    const waiting = client.execute('query-never', {}, stop.signal);
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(await client.execute('fine')).toBe(1);
    client.close();
  });

  it('says when nobody listens or something else does', async ({ signal }) => {
    await expect(QmpClient.connect(join(directory, 'none.sock'), signal)).rejects.toThrow(QmpConnectionError);
    await expect(QmpClient.connect(join(directory, 'x'.repeat(200)), signal)).rejects.toThrow(
      QmpConnectionError,
    );
    const web = await fakeQemu(() => undefined, 'HTTP/1.1 400 Bad Request\r\n\r\n');
    await expect(QmpClient.connect(web, signal)).rejects.toThrow('not JSON: HTTP/1.1 400');
  });

  it('bounds the commands in flight', async ({ signal }) => {
    const client = await QmpClient.connect(await fakeQemu(() => undefined), signal);
    const flood = Array.from({ length: 64 }, () => client.execute('query-never'));
    await expect(client.execute('query-never')).rejects.toThrow('64 commands wait');
    client.close();
    const results = await Promise.allSettled(flood);
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
  });

  it('fuzz: whatever the other side sends, every command settles', async ({ signal }) => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(`${text}\n`)),
      fc
        .constantFrom(
          '{"return": {}, "id": 2}\n',
          '{"error": {}, "id": 2}\n',
          '{"error": {}}\n',
          '{"id":2,\n',
          GREETING,
        )
        .map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(noise, { maxLength: 6 }), async (chunks) => {
        const path = await fakeQemu((_request, socket) => {
          for (const chunk of chunks) socket.write(chunk);
          socket.end();
        });
        const client = await QmpClient.connect(path, signal);
        const [result] = await Promise.allSettled([client.execute('query-status')]);
        if (result.status === 'rejected') {
          expect([QmpConnectionError, QmpCommandError]).toContain((result.reason as Error).constructor);
        }
        client.close();
      }),
      { numRuns: 200, seed: 20_26 },
    );
  });
});
