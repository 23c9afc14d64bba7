import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PasserelleError } from '../../errors.js';
import type { ControlHandlers } from './connection.js';
import type { FabricOperation } from './protocol.js';
import { type ControlServer, serveControl } from './server.js';
import { fuzz } from '../../../test/fuzz/fuzz.js';

let directory: string;
let path: string;
let applied: (readonly FabricOperation[])[];
let defects: unknown[];
let shutdowns: number;
const servers: ControlServer[] = [];
const sockets: Socket[] = [];

const handlers: ControlHandlers = {
  configuration: () => ({ networks: [], ports: [], forwards: [] }),
  apply({ operations }) {
    if (operations.length === 3) throw new Error('a bug');
    if (operations.length === 2) {
      throw new PasserelleError({ code: 'fabric/duplicate-mac', message: 'two have it' });
    }
    applied.push(operations);
    return {};
  },
  status: () => Promise.reject(new Error('not here')),
  leases: () =>
    Array.from({ length: 20_000 }, (_, index) => ({ network: 'n', mac: 'm', address: String(index) })),
  shutdown: () => ({}),
  trace: () => ({ chunks: async function* () {}, close: () => undefined }),
  capture(portId) {
    if (portId !== 'a/0') throw new PasserelleError({ code: 'fabric/unknown-port', message: 'no such port' });
    let close = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    return {
      async *chunks() {
        yield Buffer.from('begin;');
        await closed;
        yield Buffer.from('end');
      },
      close,
    };
  },
  onDefect: (error) => defects.push(error),
  onShutdownAnswered: () => {
    shutdowns += 1;
  },
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'psl-control-'));
  path = join(directory, 'run', 'fabric.sock');
  applied = [];
  defects = [];
  shutdowns = 0;
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await server.close();
  await rm(directory, { recursive: true, force: true });
});

async function serve(): Promise<ControlServer> {
  const server = await serveControl(path, handlers);
  servers.push(server);
  return server;
}

/** Sends, closes its half, and returns everything that was answered. */
function ask(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ path, allowHalfOpen: true });
    sockets.push(socket);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString());
    });
    socket.on('error', reject);
    socket.end(bytes);
  });
}

async function answers(...requests: unknown[]): Promise<unknown[]> {
  const text = await ask(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('the control socket', () => {
  it('answers requests by id, whatever came before', async () => {
    await serve();
    expect(
      await answers(
        { id: 1, method: 'configuration', params: {} },
        { id: 'x', method: 'apply', params: { operations: [] } },
        { id: 2, method: 'shutdown' },
      ),
    ).toEqual([
      { id: 1, result: { networks: [], ports: [], forwards: [] } },
      { id: 'x', result: {} },
      { id: 2, result: {} },
    ]);
    expect(applied).toEqual([[]]);
    expect(shutdowns).toBe(1);
  });

  it('answers errors with their code, and keeps its own defects to the log', async () => {
    await serve();
    const remove = { delete: 'port', id: 'a/0' };
    expect(
      await answers(
        { id: 1, method: 'apply', params: { operations: [remove, remove] } },
        { id: 2, method: 'apply', params: { operations: [remove, remove, remove] } },
        { id: 3, method: 'capture', params: { port: 'b/0' } },
        { id: 4, method: 'status' },
        { id: 5, method: 'apply', params: { operations: [remove] } },
      ),
    ).toMatchObject([
      { id: 1, error: { code: 'fabric/duplicate-mac', message: 'two have it' } },
      { id: 2, error: { code: 'fabric/internal' } },
      { id: 3, error: { code: 'fabric/unknown-port' } },
      { id: 4, error: { code: 'fabric/internal' } },
      { id: 5, result: {} },
    ]);
    expect(defects.map(String)).toEqual(['Error: a bug', 'Error: not here']);
  });

  it.each<[string, unknown]>([
    ['an unknown method', { id: 7, method: 'reboot', params: {} }],
    ['a method of every object', { id: 7, method: 'toString', params: {} }],
    ['an unknown key', { id: 7, method: 'configuration', params: { deep: true } }],
    [
      'a port without a MAC',
      { id: 7, method: 'apply', params: { operations: [{ put: 'port', value: {} }] } },
    ],
    ['operations that are none', { id: 7, method: 'apply', params: { operations: {} } }],
    [
      'a kind that is none',
      { id: 7, method: 'apply', params: { operations: [{ delete: 'universe', id: 'x' }] } },
    ],
  ])('refuses %s', async (_, request) => {
    await serve();
    expect(await answers(request)).toMatchObject([{ id: 7, error: { code: 'fabric/bad-request' } }]);
    expect(applied).toEqual([]);
    expect(defects).toEqual([]);
  });

  it('refuses what is no JSON, and a line without end', async () => {
    await serve();
    expect(await ask('}{\n')).toContain('fabric/bad-request');
    expect(await ask('null\n[]\n"x"\n')).toMatch(
      /^(\{"id":null,"error":\{"code":"fabric\/bad-request".*\n){3}$/,
    );
    expect(await ask(Buffer.alloc(17 * 1024 * 1024, 0x20))).toContain('fabric/request-too-large');
  });

  fuzz('survives any bytes, and serves on', [11], async (seed) => {
    if (servers.length === 0) await serve();
    const near = fc.record(
      {
        id: fc.oneof(fc.nat(), fc.string(), fc.constant(null)),
        method: fc.oneof(fc.constantFrom('apply', 'configuration', 'capture', 'leases'), fc.string()),
        params: fc.oneof(
          fc.object(),
          fc.record({ operations: fc.array(fc.oneof(fc.object(), fc.anything())) }),
        ),
      },
      { requiredKeys: [] },
    );
    const line = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      near.map(
        (request) =>
          JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? 1 : value)) ?? '',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
        const text = await ask(`${lines.join('\n')}\n`);
        for (const answer of text.trim().split('\n').filter(Boolean)) {
          expect(() => JSON.parse(answer) as unknown).not.toThrow();
        }
      }),
      { numRuns: 150, seed },
    );
    expect(
      defects.filter((defect) => !String(defect).includes('not here') && !String(defect).includes('a bug')),
    ).toEqual([]);
    expect(await answers({ id: 1, method: 'configuration', params: {} })).toHaveLength(1);
  });

  it('streams a capture until the client hangs up', async () => {
    await serve();
    const text = await ask('{"id":1,"method":"capture","params":{"port":"a/0"}}\n');
    expect(text).toBe('{"id":1,"result":{"streaming":true}}\nbegin;end');
  });

  it('holds back answers that the client does not read', async () => {
    await serve();
    const socket = connect({ path });
    sockets.push(socket);
    socket.pause();
    const request = '{"id":1,"method":"leases","params":{}}\n';
    socket.write(request.repeat(1000));
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    // One answer is more than a megabyte: had all been written, this process would hold a gigabyte.
    expect(process.memoryUsage.rss()).toBeLessThan(600e6);
  });
});

describe('the place of the control socket', () => {
  it('is its owner’s alone', async () => {
    await serve();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'run'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(directory, 'run'))).toEqual(['fabric.sock']);
  });

  it('is never taken from a living fabric, and taken from a dead one', async () => {
    const first = await serve();
    await expect(serveControl(path, handlers)).rejects.toMatchObject({
      problems: [{ code: 'fabric/already-running' }],
    });
    expect(await answers({ id: 1, method: 'configuration', params: {} })).toHaveLength(1);
    servers.length = 0;
    await first.close();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });

    // What a killed process leaves: a socket that nobody listens on.
    await leaveDeadSocket(path);
    await serve();
    expect(await answers({ id: 1, method: 'configuration', params: {} })).toHaveLength(1);
    expect(await readdir(join(directory, 'run'))).toEqual(['fabric.sock']);
  });

  it('goes to exactly one of many that start at once, over a dead one', async () => {
    await serve().then((server) => server.close());
    servers.length = 0;
    await leaveDeadSocket(path);
    const started = await Promise.allSettled(Array.from({ length: 20 }, () => serveControl(path, handlers)));
    const winners = started.filter((result) => result.status === 'fulfilled');
    servers.push(...winners.map(({ value }) => value));
    expect(winners).toHaveLength(1);
    expect(await answers({ id: 1, method: 'configuration', params: {} })).toHaveLength(1);
  });

  it('is given back only by whom it belongs to', async () => {
    const server = await serve();
    servers.length = 0;
    await rm(path);
    await writeFile(path, 'somebody else’s');
    await server.close();
    expect((await stat(path)).isFile()).toBe(true);
  });

  it('says so when the path is too long', async () => {
    await expect(
      serveControl(join(directory, 'x'.repeat(100), 'fabric.sock'), handlers),
    ).rejects.toMatchObject({
      problems: [{ code: 'fabric/socket-path-too-long' }],
    });
  });
});

async function leaveDeadSocket(at: string): Promise<void> {
  const { rename } = await import('node:fs/promises');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${at}.dead`, resolve));
  // Closing removes the name it was bound to, and not the one it has now.
  await rename(`${at}.dead`, at);
  await new Promise((resolve) => server.close(resolve));
}
