/** `make demo` in a fresh copy of this checkout: the first time, and again. */
import { cp, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchmark } from './benchmark.js';
import { milliseconds } from './report/quantity.js';
import { tell } from './report/progress.js';
import { requireSandbox } from './stage/sandbox.js';
import { runProcess } from './stage/processes.js';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const DEMO_TIMEOUT_MS = 240_000;

await benchmark('make demo', { limitSeconds: 420, isOnce: true }, async ({ scope, ...report }) => {
  requireSandbox();
  // On disk, where a checkout is, and not in the sandbox's memory.
  const copy = await mkdtemp(join(tmpdir(), 'psl-bench-demo-'));
  scope.defer(() => rm(copy, { recursive: true, force: true }));
  const list = ['git', '-C', CHECKOUT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for (const file of (await runProcess(scope, list)).split('\0')) {
    if (file === '' || !(await stat(join(CHECKOUT, file)).catch(() => undefined))) continue;
    await mkdir(dirname(join(copy, file)), { recursive: true });
    await cp(join(CHECKOUT, file), join(copy, file), { verbatimSymlinks: true });
  }
  const inCopy = (argv: readonly string[]): Promise<string> =>
    runProcess(scope, ['env', '-C', copy, ...argv], { timeoutMs: DEMO_TIMEOUT_MS });
  scope.defer(async () => {
    await inCopy(['bin/passerelle', 'down', '-f', 'examples/shop/passerelle.yaml', '--purge']);
  });
  const rows: string[][] = [];
  for (const when of ['first', 'later, the machines are down', 'later, the machines are up']) {
    const startedAtMs = performance.now();
    await inCopy(['make', 'demo']);
    const elapsedMs = performance.now() - startedAtMs;
    tell(`make demo, ${when}: ${milliseconds(elapsedMs)}`);
    rows.push([when, milliseconds(elapsedMs)]);
    if (when === 'first') await inCopy(['bin/passerelle', 'down', '-f', 'examples/shop/passerelle.yaml']);
  }
  report.text(
    'Once each. The first one installs the node modules, builds, downloads the guests’ kernel and makes the guest; the Debian packages are there.',
  );
  report.table(['', 'time'], rows);
});
