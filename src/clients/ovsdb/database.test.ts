import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Exchange, FakeOvsdbServer } from '../../../test/conformance/ovs/fake-ovsdb-server.js';
import { PasserelleError } from '../../errors.js';
import { OvsdbConnection } from './connection.js';
import { OvsdbDatabase } from './database.js';
import { textOf } from './datum.js';
import { takeLock } from './lock.js';
import { map, namedUuid, set, uuidName } from './notation.js';
import { insert, mutate, putIntoMap, select, update } from './operations.js';
import { delayMs, isConnectionLoss, keepConnected } from './reconnect.js';
import { dial, formatRemote, parseRemote } from './remote.js';
import { readResults } from './transaction.js';

const signal = AbortSignal.timeout(10_000);
const SCHEMA = {
  name: 'Test',
  version: '1.0.0',
  tables: { Port: { columns: { name: { type: 'string' } } } },
};

function refuse({ reply }: Exchange): void {
  reply(null, { error: 'not expected by this test' });
}

describe('remotes', () => {
  it.each(['unix:/run/openvswitch/db.sock', 'tcp:192.0.2.1:6640', 'tcp:[2001:db8::1]:6641', 'tcp:kvm2:6640'])(
    'reads and writes %s',
    (text) => {
      expect(formatRemote(parseRemote(text))).toBe(text);
    },
  );

  it('adds the port that IANA gave', () => {
    expect(parseRemote('tcp:kvm2')).toEqual({ kind: 'tcp', host: 'kvm2', port: 6640 });
  });

  it.each(['', 'unix:', 'ssl:host:6640', 'tcp:', 'tcp:a:0', 'tcp:a:70000', 'tcp:2001:db8::1:6640'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseRemote(text)).toThrow(PasserelleError);
    },
  );

  it('says what to start when nobody listens', async () => {
    const error = await dial(parseRemote('unix:/nonexistent/db.sock'), signal).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(PasserelleError);
    expect(isConnectionLoss(error)).toBe(true);
  });
});

describe('operations', () => {
  it('are the JSON of RFC 7047', () => {
    expect(insert('Port', { name: 'p', tag: set([]), x: namedUuid('i') }, { uuidName: 'row1' })).toEqual({
      op: 'insert',
      table: 'Port',
      row: { name: 'p', tag: ['set', []], x: ['named-uuid', 'i'] },
      'uuid-name': 'row1',
    });
    expect(select('Port', [['name', '==', 'p']], ['name'])).toEqual({
      op: 'select',
      table: 'Port',
      where: [['name', '==', 'p']],
      columns: ['name'],
    });
    expect(
      mutate('Port', [], putIntoMap('external_ids', map({ a: '1', gone: undefined })))['mutations'],
    ).toEqual([
      ['external_ids', 'delete', ['set', ['a']]],
      ['external_ids', 'insert', ['map', [['a', '1']]]],
    ]);
  });

  it('makes identifiers of names, and of two names two', () => {
    const names = ['web1/0', 'web1_0', 'web1-0', 'été', 'web1_2f_0'];
    const made = names.map((name) => uuidName('port', name));
    expect(new Set(made).size).toBe(names.length);
    for (const each of made) expect(each).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/u);
  });
});

describe('transaction results', () => {
  const operations = [insert('Port', { name: 'a' }), update('Port', [], { name: 'b' })];

  it('reads uuids, counts and rows', () => {
    expect(readResults([{ uuid: ['uuid', 'u'] }, { count: 2 }], operations)).toEqual([
      { uuid: 'u' },
      { count: 2 },
    ]);
  });

  it('names the operation that failed, or the commit', () => {
    const failed = [{ uuid: ['uuid', 'u'] }, { error: 'constraint violation', details: 'no' }] as const;
    expect(() => readResults(failed, operations)).toThrow(
      /operation 2 \(update Port\): constraint violation: no/,
    );
    const atCommit = [{}, {}, { error: 'referential integrity violation' }] as const;
    expect(() => readResults(atCommit, operations)).toThrow(/at commit: referential integrity violation/);
    expect(() => readResults([{}], operations)).toThrow(/fewer results/);
  });
});

describe('OvsdbDatabase', () => {
  it('refuses a database that lacks what will be used, before anything is sent', async () => {
    await using server = await FakeOvsdbServer.start(({ reply }) => reply(SCHEMA));
    await expect(OvsdbDatabase.open(server.remote, 'Test', { Port: ['tag'] }, signal)).rejects.toThrow(
      /Port\.tag/,
    );
    expect(server.received.map((message) => message['method'])).toEqual(['get_schema']);
  });

  it('keeps its copy right when updates come in the same packet as the first state', async () => {
    await using server = await FakeOvsdbServer.start(({ message, socket, reply }) => {
      if (message['method'] === 'get_schema') return reply(SCHEMA);
      const id = (message['params'] as string[])[1]!;
      const updates = { Port: { u: { modify: { name: 'after' } } } };
      socket.write(
        JSON.stringify({
          id: message['id'],
          result: { Port: { u: { initial: { name: 'before' } } } },
          error: null,
        }) + JSON.stringify({ method: 'update2', params: [id, updates], id: null }),
      );
    });
    const database = await OvsdbDatabase.open(server.remote, 'Test', { Port: ['name'] }, signal);
    const monitor = await database.monitor({ Port: ['name'] }, signal);
    await monitor.until((tables) => textOf(tables.get('Port')!.get('u')!, 'name') === 'after', signal);
    const forever = monitor.until(() => false, signal);
    database.close();
    await expect(forever).rejects.toThrow('the connection was closed');
  });
});

describe('locks', () => {
  it('waits its turn, learns of a theft, and gives up on an abort', async () => {
    const sends: Exchange[] = [];
    await using server = await FakeOvsdbServer.start((exchange) => {
      sends.push(exchange);
      exchange.reply(exchange.message['method'] === 'lock' ? { locked: false } : {});
    });
    const connection = new OvsdbConnection(await dial(server.remote, signal));
    const abort = new AbortController();
    const given = takeLock(connection, 'other', abort.signal);
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');

    const waiting = takeLock(connection, 'passerelle', signal);
    while (sends.length < 2) await sleep(1);
    sends[0]!.send({ method: 'locked', params: ['passerelle'], id: null });
    const lock = await waiting;
    expect(lock.stolen.aborted).toBe(false);
    sends[0]!.send({ method: 'stolen', params: ['passerelle'], id: null });
    await new Promise((resolve) => lock.stolen.addEventListener('abort', resolve));
    connection.close();
  });
});

describe('keepConnected', () => {
  it('doubles its waits up to the longest, spread over their upper half', () => {
    const backOff = { firstDelayMs: 100, longestDelayMs: 1000 };
    expect([0, 1, 2, 3, 4, 99].map((attempt) => delayMs(attempt, backOff, 0))).toEqual([
      50, 100, 200, 400, 500, 500,
    ]);
    expect(delayMs(1, backOff, 0.999)).toBeLessThanOrEqual(200);
  });

  it('serves again after a cut and gives what serve gave; other errors end it', async () => {
    await using server = await FakeOvsdbServer.start(refuse);
    let opened = 0;
    const losses: unknown[] = [];
    const outcome = await keepConnected(
      {
        open: async (each) => new OvsdbConnection(await dial(server.remote, each)),
        serve: async (connection) => {
          opened += 1;
          if (opened < 3) server.cut();
          const reason = opened < 3 ? await connection.ended : undefined;
          connection.close();
          if (reason !== undefined) throw reason;
          return 'served';
        },
        onLoss: (error) => losses.push(error),
      },
      signal,
      { firstDelayMs: 2, longestDelayMs: 4 },
    );
    expect([outcome, opened, losses.length]).toEqual(['served', 3, 2]);
    const broken = keepConnected(
      { open: async () => Promise.reject(new Error('a defect')), serve: async () => undefined },
      signal,
    );
    await expect(broken).rejects.toThrow('a defect');
  });

  it('gives the last loss when the signal aborts during a wait', async () => {
    const open = async (each: AbortSignal) => dial(parseRemote('unix:/nonexistent/db.sock'), each);
    const abort = new AbortController();
    const endeavour = { open, serve: async () => undefined, onLoss: () => setImmediate(() => abort.abort()) };
    await expect(keepConnected(endeavour, abort.signal)).rejects.toThrow(/no database server answers/);
  });
});
