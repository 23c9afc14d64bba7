import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Exchange, FakeOvsdbServer } from '../../../test/conformance/ovs/fake-ovsdb-server.js';
import { PasserelleError } from '../../errors.js';
import { OvsdbConnection, RpcError, type ConnectionOptions } from './connection.js';
import { dial } from './remote.js';

const signal = AbortSignal.timeout(10_000);

async function connected(
  handle: (exchange: Exchange) => void,
  options: ConnectionOptions = {},
): Promise<{ server: FakeOvsdbServer; connection: OvsdbConnection } & AsyncDisposable> {
  const server = await FakeOvsdbServer.start(handle);
  const connection = new OvsdbConnection(await dial(server.remote, signal), options);
  return {
    server,
    connection,
    [Symbol.asyncDispose]: async () => {
      connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof PasserelleError ? error.problems[0]?.code : String(error);
}

describe('OvsdbConnection', () => {
  it('settles each request with its own reply, in whatever order they come', async () => {
    const held: Exchange[] = [];
    await using it = await connected((exchange) => {
      held.push(exchange);
      if (held.length < 3) return;
      for (const each of held.reverse()) each.reply([each.message['method'] ?? null]);
    });
    const methods = ['a', 'b', 'c'];
    const replies = await Promise.all(
      methods.map(async (method) => it.connection.request(method, [], signal)),
    );
    expect(replies).toEqual([['a'], ['b'], ['c']]);
    expect(it.server.received.every((message) => Array.isArray(message['params']))).toBe(true);
  });

  it('hands notifications on before the reply that follows them', async () => {
    await using it = await connected(({ send, reply }) => {
      send({ method: 'update2', params: ['x', {}], id: null });
      reply(null);
    });
    const seen: unknown[] = [];
    it.connection.onNotification('update2', (params) => seen.push(params));
    await it.connection.request('transact', [], signal);
    expect(seen).toEqual([['x', {}]]);
  });

  it('answers the echo of the server and refuses other requests of it', async () => {
    await using it = await connected(({ message, send, reply }) => {
      if (message['method'] !== 'begin') return;
      send({ method: 'echo', params: ['there?'], id: 'echo-7' });
      send({ method: 'dance', params: [], id: 8 });
      reply(null);
    });
    await it.connection.request('begin', [], signal);
    await it.connection.request('begin', [], signal);
    expect(it.server.received).toContainEqual({ result: ['there?'], error: null, id: 'echo-7' });
    expect(it.server.received).toContainEqual({ result: null, error: 'unknown method', id: 8 });
  });

  it('probes a silent server, lives while it answers, and gives up when it does not', async () => {
    let answers = true;
    await using it = await connected(
      ({ message, reply }) => {
        if (message['method'] === 'echo' && answers) reply([]);
      },
      { probeIntervalMs: 40 },
    );
    const pending = codeOf(it.connection.request('transact', [], signal));
    const early = await Promise.race([it.connection.ended.then(() => 'ended'), sleep(300, 'alive')]);
    expect(early).toBe('alive');
    answers = false;
    expect(await pending).toBe('ovsdb/silent-server');
    expect(await codeOf(it.connection.request('late', [], signal))).toBe('ovsdb/silent-server');
  });

  it('rejects what is under way when the server goes', async () => {
    await using it = await connected(({ socket }) => socket.destroy());
    expect(await codeOf(it.connection.request('transact', [], signal))).toBe('ovsdb/connection-lost');
    expect(await it.connection.ended).toBeInstanceOf(PasserelleError);
  });

  it('cancels a request whose signal aborts, and lives on', async () => {
    await using it = await connected(({ message, reply }) => {
      if (message['method'] === 'quick') reply('done');
    });
    const abort = new AbortController();
    const slow = it.connection.request('slow', [], abort.signal);
    abort.abort(new Error('enough'));
    await expect(slow).rejects.toThrow('enough');
    expect(await it.connection.request('quick', [], signal)).toBe('done');
    expect(it.server.received).toContainEqual({ method: 'cancel', params: [0], id: null });
  });

  it('tells an error of the server apart from the end of the connection', async () => {
    await using it = await connected(({ reply }) => reply(null, { error: 'unknown database' }));
    await expect(it.connection.request('get_schema', ['x'], signal)).rejects.toThrow(RpcError);
    expect(
      await it.connection.request('list', [], signal).catch((error: unknown) => String(error)),
    ).toContain('unknown database');
  });

  it.each([
    ['{"method":"update2","params":null,"id":null}'],
    ['{"result":1}'],
    ['{"a":]}'],
    ['[]'],
    ['nonsense'],
  ])('ends on %s with a sentence', async (bytes) => {
    await using it = await connected(({ socket }) => socket.write(bytes));
    expect(await codeOf(it.connection.request('x', [], signal))).toBe('ovsdb/garbled-stream');
  });

  it('survives any bytes from the server: it goes on, or ends with a PasserelleError', async () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '"id":0',
      '"id":null',
      ',',
      '"method":"echo"',
      '"params":[]',
      '"result":{}',
      '"error":1',
      ' ',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(token, fc.string({ maxLength: 4 })), { maxLength: 30 }),
        async (parts) => {
          const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
          const connection = new OvsdbConnection(stream, { probeIntervalMs: 0 });
          const outcome = connection.request('x', [], signal).catch((error: unknown) => error);
          for (const part of parts) stream.push(Buffer.from(part));
          await new Promise((resolve) => setImmediate(resolve));
          connection.close();
          const result = await outcome;
          if (result instanceof Error) {
            expect(result instanceof PasserelleError || result instanceof RpcError).toBe(true);
          }
        },
      ),
      { numRuns: 400, seed: 7047 },
    );
  });
});
