/** How long a person waits: a guest's boot, `passerelle up` of a project, a plan with nothing to do. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildMicroGuest, startGuest, stopAllGuests, virtioNic } from '../test/lab/guest.js';
import { benchmark } from './benchmark.js';
import { milliseconds } from './report/quantity.js';
import { type Contender, failureNotes, measureInRounds, median } from './rounds.js';
import { macOf, putNetwork, putPort, startFabric } from './stage/fabric.js';
import { requireSandbox } from './stage/sandbox.js';
import { waitUntil } from './stage/processes.js';
import { projectText } from './stage/project-text.js';
import { ProjectUnderTest } from './stage/project.js';
import type { Scope } from './stage/scope.js';
import { timed } from './up-and-down.js';

const SHOP = fileURLToPath(new URL('../examples/shop/passerelle.yaml', import.meta.url));
const SHOP_LEASES = 5;
const LEASE_TIMEOUT_MS = 60_000;

await benchmark('Startup', { limitSeconds: 400 }, async ({ scope, directory, runs, ...report }) => {
  requireSandbox();
  scope.defer(stopAllGuests);
  await buildMicroGuest(scope.signal);
  const rows: string[][] = [];
  const row = async (what: string, measure: () => Promise<number>, goal = ''): Promise<void> => {
    const contender: Contender = { name: 'passerelle (ms)', measure };
    const [sample] = await measureInRounds(what, [contender], { runs, scope });
    if (sample === undefined) return;
    rows.push([what, sample.values.length > 0 ? milliseconds(median(sample.values)) : 'failed', goal]);
    report.notes(failureNotes(what, [sample]));
  };

  await row('micro guest, start of QEMU to its lease', () =>
    scope.within((inner) => bootToLease(inner, directory)),
  );

  const shop = new ProjectUnderTest(scope, 'shop', SHOP, join(directory, 's'));
  // Of a run that failed half-way, nothing stays.
  scope.defer(() => shop.run('down'));
  const toLeasesMs: number[] = [];
  await row('`passerelle up` of examples/shop, three machines, to its end', async () => {
    const startedAtMs = performance.now();
    await shop.run('up');
    const upMs = performance.now() - startedAtMs;
    await shop.leased(SHOP_LEASES, LEASE_TIMEOUT_MS);
    toLeasesMs.push(performance.now() - startedAtMs);
    await shop.run('down');
    return upMs;
  });
  if (toLeasesMs.length > 0)
    rows.push(['… to the last of its five leases', milliseconds(median(toLeasesMs)), '']);

  await row(
    '`passerelle validate` of examples/shop',
    () => timed(() => shop.run('validate')),
    'well below 300 ms',
  );
  for (const engine of ['user', 'linux']) {
    for (const nics of [10, 100, 1000]) {
      const file = join(directory, `${engine}-${nics}.yaml`);
      await writeFile(file, projectText({ engine, networks: 1, nics }));
      await scope.within(async (inner) => {
        const project = new ProjectUnderTest(inner, 'scale', file, join(directory, `${engine[0]}${nics}`));
        inner.defer(() => project.run('down'));
        await project.run('up');
        await row(
          `\`passerelle plan\` with nothing to do, engine ${engine}, ${nics} NICs`,
          () => timed(() => project.run('plan')),
          nics === 1000 ? 'below 1 s' : '',
        );
      });
    }
  }
  report.text(
    'Wall-clock time; guests under emulation (-accel tcg), the command from a checkout that is built.',
  );
  report.table(['', 'median', 'goal'], rows);
});

async function bootToLease(scope: Scope, directory: string): Promise<number> {
  // A directory of its own each time: the next fabric must not find this one's leases.
  const fabric = await startFabric(scope, await mkdtemp(join(directory, 'b')));
  const path = fabric.socketPath(1);
  await fabric.apply(putNetwork({ mode: 'nat', mtuBytes: 1500, dhcp: true }), putPort(1, path));
  const nic = virtioNic('n0', `stream,server=on,addr.type=unix,addr.path=${path}`, macOf(1));
  const startedAtMs = performance.now();
  const booting = startGuest({ name: 'guest', nics: [nic] }, scope.signal);
  const leased = waitUntil(
    scope,
    'lease',
    async () => (await fabric.client.call('leases', {})).length > 0,
    LEASE_TIMEOUT_MS,
  );
  await leased;
  const elapsedMs = performance.now() - startedAtMs;
  await (await booting).stop();
  return elapsedMs;
}
