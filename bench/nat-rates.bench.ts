/** Requests and connections per second from a guest, a namespace with a tap, to the host, through user-mode NATs. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { openLibslirp, type OpenOutlet, openPasst, openSlirp4netns } from './peers/nat.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { addNamespace } from './stage/namespaces.js';
import { requireSandbox } from './stage/sandbox.js';
import { openFabricNat } from './stage/nat.js';
import { nativeProgram } from './stage/native.js';
import { runProcess, startProcess, waitForOutput } from './stage/processes.js';

const OUTLETS: readonly (readonly [name: string, open: OpenOutlet])[] = [
  ['passerelle', openFabricNat],
  ['libslirp (QEMU)', openLibslirp],
  ['slirp4netns', openSlirp4netns],
  ['passt', openPasst],
];
const PORT = '7007';

await benchmark(
  'NAT: requests and connections',
  { limitSeconds: 240 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const load = await nativeProgram(scope, 'tcp-load');
    const contender = (name: string, open: OpenOutlet, what: string): Contender => ({
      name,
      measure: () =>
        scope.within(async (inner) => {
          const namespace = await addNamespace(inner, 'guest');
          const { hostAddress } = await open(inner, await mkdtemp(join(directory, 'r')), namespace, 1500);
          const server = startProcess(inner, [load, 'serve', '127.0.0.1', PORT]);
          await waitForOutput(inner, server, 'serving');
          const client = namespace.within([load, what, hostAddress, PORT, String(seconds)]);
          return Number(await runProcess(inner, client, { timeoutMs: (seconds + 12) * 1000 }));
        }),
    });
    const rows: string[][] = [];
    for (const what of ['requests', 'connections']) {
      const samples = await measureInRounds(
        what,
        OUTLETS.map(([name, open]) => contender(name, open, what)),
        { runs, scope },
      );
      rows.push([`${what}/s`, ...comparison(samples), 'ahead']);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `One after the other: a request is a byte each way on one connection; a connection is opened, carries a byte each way and is reset. The first four seconds are left out. ${COMPARISON}`,
    );
    report.table(['', ...OUTLETS.map(([name]) => name), 'goal'], rows);
  },
);
