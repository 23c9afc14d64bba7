import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OvsdbDatabase } from '../../../src/clients/ovsdb/database.js';
import { mapOf, numberOf, setOf, textOf } from '../../../src/clients/ovsdb/datum.js';
import { takeLock } from '../../../src/clients/ovsdb/lock.js';
import { map, namedUuid, set } from '../../../src/clients/ovsdb/notation.js';
import {
  assertLock,
  byUuid,
  insert,
  mutate,
  putIntoMap,
  remove,
  update,
  wait,
} from '../../../src/clients/ovsdb/operations.js';
import { keepConnected } from '../../../src/clients/ovsdb/reconnect.js';
import { parseRemote } from '../../../src/clients/ovsdb/remote.js';
import { lackingForOvs, OvsHost } from './ovs-host.js';

const NEEDS = {
  Open_vSwitch: ['manager_options'],
  Queue: ['dscp', 'other_config', 'external_ids'],
  Manager: ['target', 'inactivity_probe'],
};
const lacking = lackingForOvs();

describe.skipIf(lacking !== undefined)(
  `OVSDB client against ovsdb-server${lacking ? ` (${lacking})` : ''}`,
  () => {
    const signal = AbortSignal.timeout(100_000);
    let host: OvsHost;
    let database: OvsdbDatabase;

    beforeAll(async () => {
      host = await OvsHost.start({ switching: false });
      database = await OvsdbDatabase.open(host.remote, 'Open_vSwitch', NEEDS, signal);
    });

    afterAll(async () => {
      database?.close();
      await host?.[Symbol.asyncDispose]();
    });

    it('sees its own change before the reply, and follows sets, maps and optionals', async () => {
      const monitor = await database.monitor({ Queue: ['dscp', 'other_config', 'external_ids'] }, signal);
      const [made] = await database.transact(
        [insert('Queue', { dscp: 10, external_ids: map({ a: '1', b: '2' }) })],
        signal,
      );
      const uuid = made!.uuid!;
      const row = () => monitor.replica.rows('Queue').get(uuid)!;
      expect([numberOf(row(), 'dscp'), Object.fromEntries(mapOf(row(), 'external_ids'))]).toEqual([
        10,
        { a: '1', b: '2' },
      ]);

      await database.transact(
        [mutate('Queue', byUuid(uuid), [['external_ids', 'insert', map({ a: '9' })]])],
        signal,
      );
      expect(mapOf(row(), 'external_ids').get('a')).toBe('1');
      await database.transact(
        [
          mutate('Queue', byUuid(uuid), putIntoMap('external_ids', map({ a: '9', c: '3' }))),
          update('Queue', byUuid(uuid), { dscp: set([]) }),
        ],
        signal,
      );
      expect(Object.fromEntries(mapOf(row(), 'external_ids'))).toEqual({ a: '9', b: '2', c: '3' });
      expect(setOf(row(), 'dscp')).toEqual([]);
      const [read] = await database.select('Queue', byUuid(uuid), ['_uuid', 'external_ids', 'dscp'], signal);
      expect(textOf(read!, '_uuid')).toBe(uuid);
      expect(new Map(mapOf(read!, 'external_ids'))).toEqual(new Map(mapOf(row(), 'external_ids')));

      await database.transact([remove('Queue', byUuid(uuid))], signal);
      expect(monitor.replica.rows('Queue').size).toBe(0);
      await monitor.stop(signal);
    });

    it('refuses as one, and says which operation', async () => {
      const bad = database.transact([insert('Queue', {}), insert('Queue', { dscp: 9999 })], signal);
      await expect(bad).rejects.toThrow(/operation 2 \(insert Queue\): constraint violation/);
      const stale = wait('Open_vSwitch', [], {
        until: '==',
        columns: ['next_cfg'],
        rows: [{ next_cfg: 4711 }],
      });
      await expect(database.transact([insert('Queue', {}), stale], signal)).rejects.toThrow(/timed out/);
      expect(await database.select('Queue', [], ['_uuid'], signal)).toEqual([]);
    });

    it('holds locks: in turn, asserted in transactions, stolen', async () => {
      const other = await OvsdbDatabase.open(host.remote, 'Open_vSwitch', {}, signal);
      const first = await takeLock(database.connection, 'passerelle', signal);
      await expect(other.transact([assertLock('passerelle'), insert('Queue', {})], signal)).rejects.toThrow(
        /not owner/,
      );
      const queued = takeLock(other.connection, 'passerelle', signal);
      await first.release(signal);
      const second = await queued;
      await other.transact([assertLock('passerelle')], signal);
      const thief = await takeLock(database.connection, 'passerelle', signal, 'steal');
      if (!second.stolen.aborted)
        await new Promise((resolve) => second.stolen.addEventListener('abort', resolve));
      await thief.release(signal);
      other.close();
    });

    it('stays connected over TCP through the probes of the server', async () => {
      // The server probes each second and closes after two.
      const port = 17_640;
      await database.transact(
        [
          insert(
            'Manager',
            { target: `ptcp:${port}:127.0.0.1`, inactivity_probe: 1000 },
            { uuidName: 'manager' },
          ),
          mutate('Open_vSwitch', [], [['manager_options', 'insert', namedUuid('manager')]]),
        ],
        signal,
      );
      // The server listens in the namespace; a relay on the loopback leads there, since this process stays outside.
      const relay = await relayInto(host, port);
      const overTcp = await keepConnected(
        {
          open: async (each) =>
            OvsdbDatabase.open(parseRemote(relay.target), 'Open_vSwitch', NEEDS, each, {
              probeIntervalMs: 0,
            }),
          serve: async (opened) => Promise.resolve(opened),
        },
        signal,
      );
      const fate = await Promise.race([overTcp.connection.ended.then(() => 'ended'), sleep(4500, 'alive')]);
      expect(fate).toBe('alive');
      expect(await overTcp.select('Queue', [], ['_uuid'], signal)).toEqual([]);
      overTcp.close();
      relay.close();
    });

    it('reads 20,000 rows in time that grows with their bytes', async () => {
      const batch = 2000;
      for (let at = 0; at < 20_000; at += batch) {
        const rows = Array.from({ length: batch }, (_, i) =>
          insert('Queue', {
            external_ids: map({ name: `queue-${at + i}`, owner: 'passerelle' }),
            dscp: (at + i) % 64,
          }),
        );
        await database.transact(rows, signal);
      }
      const columns = ['_uuid', 'dscp', 'other_config', 'external_ids'];
      const startedAt = performance.now();
      const rows = await database.select('Queue', [], columns, signal);
      const selectMs = performance.now() - startedAt;
      const monitorAt = performance.now();
      const monitor = await database.monitor({ Queue: ['dscp', 'other_config', 'external_ids'] }, signal);
      const monitorMs = performance.now() - monitorAt;
      console.log(`20,000 rows: select ${selectMs.toFixed(0)} ms, monitor_cond ${monitorMs.toFixed(0)} ms`);
      expect(rows.length).toBe(20_000);
      expect(monitor.replica.rows('Queue').size).toBe(20_000);
      expect(new Set(rows.map((row) => mapOf(row, 'external_ids').get('name'))).size).toBe(20_000);
      await monitor.stop(signal);
      await database.transact([remove('Queue', [])], signal);
    });

    it('is connected again after the server was killed and started', async () => {
      let served = 0;
      const names = await keepConnected(
        {
          open: async (each) => OvsdbDatabase.open(host.remote, 'Open_vSwitch', NEEDS, each),
          serve: async (each) => {
            served += 1;
            if (served === 1) {
              await host.stop('ovsdb-server', 'SIGKILL');
              const restarted = host.startDatabase();
              const reason = await each.connection.ended;
              await restarted;
              throw reason ?? new Error('closed on our side');
            }
            const rows = await each.select('Manager', [], ['target'], signal);
            each.close();
            return rows.map((row) => textOf(row, 'target'));
          },
        },
        signal,
      );
      expect([served, names]).toEqual([2, ['ptcp:17640:127.0.0.1']]);
    });
  },
);

/** A TCP listener outside that hands each connection to a program inside the namespace which dials the port. */
async function relayInto(host: OvsHost, port: number): Promise<{ target: string; close(): void }> {
  const dialler = `const s=require('node:net').connect(${port},'127.0.0.1');process.stdin.pipe(s);s.pipe(process.stdout);s.on('error',()=>process.exit(1));s.on('close',()=>process.exit())`;
  const server = createServer((socket) => {
    const child = spawn('ip', ['netns', 'exec', host.namespace, process.execPath, '-e', dialler]);
    socket.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
    socket.on('close', () => child.kill());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: relayPort } = server.address() as AddressInfo;
  return { target: `tcp:127.0.0.1:${relayPort}`, close: () => server.close() };
}
