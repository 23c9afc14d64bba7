/**
 * A table of 20,000 rows, read from a real ovsdb-server: by our client, by `ovsdb-client dump`, and by a reader that
 * looks at all it has each time a chunk comes, as one is easily written.
 */
import { execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { OvsdbDatabase } from '../src/clients/ovsdb/database.js';
import { insert } from '../src/clients/ovsdb/operations.js';
import { dial, parseRemote, type Remote } from '../src/clients/ovsdb/remote.js';
import { benchmark } from './benchmark.js';
import { milliseconds, ratio } from './report/quantity.js';
import { tell } from './report/progress.js';
import { median } from './rounds.js';
import type { Scope } from './stage/scope.js';

const execute = promisify(execFile);
const ROWS = 20_000;
const ROWS_A_TRANSACTION = 2000;
const SCHEMA = {
  name: 'Bench',
  version: '1.0.0',
  tables: {
    Port: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        tag: { type: { key: 'integer', min: 0, max: 1 } },
        external_ids: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
      },
    },
  },
};
const COLUMNS = ['name', 'tag', 'external_ids'];

async function startServer(scope: Scope, directory: string): Promise<Remote> {
  const [schema, file, socket] = ['schema', 'db', 'sock'].map((name) => join(directory, name));
  await writeFile(schema!, JSON.stringify(SCHEMA));
  await execute('ovsdb-tool', ['create', file!, schema!]);
  const server = spawn(
    'ovsdb-server',
    [file!, `--remote=punix:${socket}`, `--unixctl=${join(directory, 'ctl')}`],
    {
      stdio: 'ignore',
    },
  );
  scope.defer(() => void server.kill());
  const remote = parseRemote(`unix:${socket}`);
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      (await dial(remote, scope.signal)).destroy();
      return remote;
    } catch {
      await sleep(50);
    }
  }
  throw new Error('ovsdb-server does not listen');
}

async function fill(database: OvsdbDatabase, signal: AbortSignal): Promise<void> {
  for (let first = 0; first < ROWS; first += ROWS_A_TRANSACTION) {
    const rows = Array.from({ length: ROWS_A_TRANSACTION }, (_, index) =>
      insert('Port', {
        name: `pt-machine${first + index}`,
        tag: 1 + (index % 4000),
        external_ids: [
          'map',
          [
            ['passerelle-project', 'bench'],
            ['passerelle-resource', `port/machine${first + index}/0`],
          ],
        ],
      }),
    );
    await database.transact(rows, signal);
  }
}

async function ours(remote: Remote, signal: AbortSignal): Promise<number> {
  const database = await OvsdbDatabase.open(remote, 'Bench', { Port: COLUMNS }, signal);
  try {
    return (await database.select('Port', [], COLUMNS, signal)).length;
  } finally {
    database.close();
  }
}

async function dump(remote: Remote): Promise<number> {
  if (remote.kind !== 'unix') throw new Error('the server is here');
  const { stdout } = await execute(
    'ovsdb-client',
    ['--format=json', 'dump', `unix:${remote.path}`, 'Bench', 'Port', ...COLUMNS],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return (JSON.parse(stdout) as { data: unknown[] }).data.length;
}

/** Appends, and tries to read the whole, until it can. */
async function rescanning(remote: Remote, signal: AbortSignal): Promise<number> {
  const socket = await dial(remote, signal);
  try {
    const select = { op: 'select', table: 'Port', where: [], columns: COLUMNS };
    socket.write(JSON.stringify({ id: 1, method: 'transact', params: ['Bench', select] }));
    let text = '';
    socket.setEncoding('utf8');
    for await (const chunk of socket) {
      text += String(chunk);
      try {
        return (JSON.parse(text) as { result: [{ rows: unknown[] }] }).result[0].rows.length;
      } catch {
        // Not all of it is there yet.
      }
    }
    throw new Error('the server hung up');
  } finally {
    socket.destroy();
  }
}

await benchmark(
  `OVSDB: a table of ${ROWS} rows`,
  { limitSeconds: 120 },
  async ({ scope, runs, directory, ...report }) => {
    const remote = await startServer(scope, directory);
    const database = await OvsdbDatabase.open(remote, 'Bench', { Port: COLUMNS }, scope.signal);
    await fill(database, scope.signal);
    database.close();
    const readers = [
      ['our client', ours],
      ['ovsdb-client dump', dump],
      ['a reader that scans anew', rescanning],
    ] as const;
    const times = new Map<string, number[]>(readers.map(([name]) => [name, []]));
    for (let run = 0; run < runs; run++) {
      for (const [name, read] of readers) {
        const startedAt = performance.now();
        const count = await read(remote, scope.signal);
        if (count !== ROWS) throw new Error(`${name} read ${count} rows`);
        times.get(name)!.push(performance.now() - startedAt);
        tell(`${name}, run ${run + 1}: ${milliseconds(times.get(name)!.at(-1)!)}`);
      }
    }
    const own = median(times.get(readers[0][0])!);
    report.table(
      ['reading the table', 'time', 'against ours'],
      readers.map(([name]) => {
        const time = median(times.get(name)!);
        return [name, milliseconds(time), name === readers[0][0] ? '' : ratio(time, own)];
      }),
    );
    report.notes(['from connecting to the last row; the server’s own time is in all of them']);
  },
);
