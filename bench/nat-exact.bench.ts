/** A GiB through the NAT in each direction, and whether every byte arrived as it was. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { benchmark } from './benchmark.js';
import { median } from './rounds.js';
import { quantity } from './report/quantity.js';
import { tell } from './report/progress.js';
import { digestOf, exactStream, serveHttp } from './stage/http-host.js';
import { addNamespace } from './stage/namespaces.js';
import { requireSandbox } from './stage/sandbox.js';
import { openFabricNat } from './stage/nat.js';
import { runProcess } from './stage/processes.js';

const BYTES = 1024 ** 3;
const TIMEOUT_MS = 60_000;

await benchmark(
  'NAT: a GiB, byte-exact',
  { limitSeconds: 180, isOnce: true },
  async ({ scope, directory, ...report }) => {
    requireSandbox();
    const guest = await addNamespace(scope, 'guest');
    const { hostAddress } = await openFabricNat(scope, directory, guest, 1500);
    const url = `http://${hostAddress}:${await serveHttp(scope)}/exact`;
    const expected = await digestOf(BYTES);

    const timed = async (what: string, transfer: () => Promise<string>): Promise<string[]> => {
      const startedAtMs = performance.now();
      const digest = await transfer();
      const seconds = (performance.now() - startedAtMs) / 1000;
      tell(`${what}: ${digest}`);
      if (digest !== expected) throw new Error(`${what}: SHA-256 is ${digest}, not ${expected}`);
      return [what, 'equal', `${seconds.toFixed(1)} s`, quantity(median([(BYTES * 8) / seconds]), 'bit/s')];
    };
    const down = await timed('host → guest', async () => {
      const line = `curl -sS ${url}/${BYTES} | sha256sum`;
      const output = await runProcess(scope, guest.within(['sh', '-c', line]), { timeoutMs: TIMEOUT_MS });
      return output.slice(0, 64);
    });
    const up = await timed('guest → host', async () => {
      const [program = '', ...argv] = guest.within([
        'curl',
        '-sS',
        '-m',
        String(TIMEOUT_MS / 1000),
        '-T',
        '-',
        url,
      ]);
      const curl = spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'], signal: scope.signal });
      let output = '';
      curl.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      await Promise.all([pipeline(exactStream(BYTES), curl.stdin), once(curl, 'close')]);
      return output.trim().split(' ')[1] ?? '';
    });
    report.text(
      'curl in a network namespace (MTU 1500) and a web server on the host; a pseudo-random GiB that does not repeat, its SHA-256 made on both ends. Making and digesting the bytes takes its share of the time.',
    );
    report.table(['', 'SHA-256', 'time', 'rate'], [down, up]);
  },
);
