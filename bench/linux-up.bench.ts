/**
 * The Linux engine against a script: 100 networks with 1000 taps by `passerelle up`, and by `ip -batch` and `nft -f`.
 * Then what each verb takes as a project grows.
 */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark, type Benchmark } from './benchmark.js';
import { everything, linksAndMasquerade, writeScript } from './peers/ip-batch.js';
import { kibibytes, milliseconds, ratio } from './report/quantity.js';
import { failureNotes, median, type Sample } from './rounds.js';
import { type ProjectSize, projectText } from './stage/project-text.js';
import { type Effort, ProjectUnderTest } from './stage/project.js';
import { requireSandbox } from './stage/sandbox.js';
import type { Scope } from './stage/scope.js';
import { type Maker, measureUpAndDown } from './up-and-down.js';

/** dnsmasq is the same program for all of them: what is compared is the kernel's part. */
const SIZE: ProjectSize = {
  engine: 'linux',
  networks: 100,
  nics: 1000,
  networkKeys: 'ipv6: false, dhcp: false, dns: false',
};
const GROWTH = [10, 100, 300, 1000] as const;
const VERBS = ['up', 'plan', 'down'] as const;

type Bench = Pick<Benchmark, 'scope' | 'directory' | 'runs' | 'table' | 'notes'>;

await benchmark('Linux: 100 networks, 1000 taps', { limitSeconds: 300 }, async (bench) => {
  requireSandbox();
  await againstScripts(bench);
  await growth(bench);
  bench.text(
    'Wall-clock time of the whole command, which looks before and after, guards every port against spoofing, and marks what is its own. The full script does the same to the kernel: the commands of `plan --commands`, sorted into one file a program. The least script makes bridges, addresses, taps and one masquerade rule.',
  );
});

async function againstScripts({ scope, directory, runs, ...report }: Bench): Promise<void> {
  const project = await projectOf(scope, directory, SIZE);
  const commands = await project.commands();
  const place = async (name: string): Promise<string> => {
    const path = join(directory, name);
    await mkdir(path);
    return path;
  };
  const makers: readonly Maker[] = [
    { name: 'passerelle', up: () => project.run('up'), down: () => project.run('down') },
    { name: 'full script', ...(await writeScript(scope, await place('full'), everything(commands))) },
    {
      name: 'least script',
      ...(await writeScript(scope, await place('least'), linksAndMasquerade(SIZE.networks, SIZE.nics))),
    },
  ];
  const { up, down } = await measureUpAndDown(makers, { runs, scope });
  const row = (what: string, samples: readonly Sample[], goal: string): string[] => {
    const [ours = NaN, ...theirs] = samples.map(({ values }) => (values.length > 0 ? median(values) : NaN));
    const peers = theirs.map((time) => `${milliseconds(time)} (${ratio(ours, time)})`);
    return [what, `**${milliseconds(ours)}**`, ...peers, goal];
  };
  report.table(
    ['', ...makers.map(({ name }) => name), 'goal'],
    [row('up', up, '1.5x or less of the full script'), row('down', down, '')],
  );
  report.notes(failureNotes('up', up));
}

async function growth({ scope, directory, runs, ...report }: Bench): Promise<void> {
  const rows: string[][] = [];
  let first: { nics: number; efforts: Record<(typeof VERBS)[number], Effort> } | undefined;
  for (const nics of GROWTH) {
    const project = await projectOf(scope, directory, { engine: 'linux', networks: 1, nics });
    const measured = { up: [] as Effort[], plan: [] as Effort[], down: [] as Effort[] };
    for (let run = 0; run < runs; run++) {
      for (const verb of VERBS) measured[verb].push(await project.measure(verb));
    }
    const efforts = { up: middle(measured.up), plan: middle(measured.plan), down: middle(measured.down) };
    first ??= { nics, efforts };
    const { nics: firstNics, efforts: before } = first;
    rows.push([
      String(nics),
      ...VERBS.map((verb) => milliseconds(efforts[verb].timeMs)),
      kibibytes(efforts.up.peakBytes),
      nics === firstNics ? '' : perNic(efforts.plan.timeMs - before.plan.timeMs, nics - firstNics, 'ms'),
      nics === firstNics ? '' : perNic(efforts.up.timeMs - before.up.timeMs, nics - firstNics, 'ms'),
      nics === firstNics
        ? ''
        : perNic((efforts.up.peakBytes - before.up.peakBytes) / 1024, nics - firstNics, 'KiB'),
    ]);
  }
  report.table(
    [
      'NICs',
      ...VERBS,
      'memory of up',
      'plan, each further NIC',
      'up, each further NIC',
      'memory, each further NIC',
    ],
    rows,
  );
}

function perNic(difference: number, nics: number, unit: string): string {
  return `${(difference / nics).toFixed(2)} ${unit}`;
}

function middle(efforts: readonly Effort[]): Effort {
  return {
    timeMs: median(efforts.map(({ timeMs }) => timeMs)),
    peakBytes: median(efforts.map(({ peakBytes }) => peakBytes)),
  };
}

/** A project that is down when the scope closes, whatever became of it. */
async function projectOf(scope: Scope, directory: string, size: ProjectSize): Promise<ProjectUnderTest> {
  const place = await mkdtemp(join(directory, 'p'));
  const file = join(place, 'passerelle.yaml');
  await writeFile(file, projectText(size));
  const project = new ProjectUnderTest(scope, 'scale', file, place);
  scope.defer(() => project.run('down'));
  return project;
}
