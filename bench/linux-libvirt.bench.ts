/** Fifty translated networks with DHCP: `passerelle up` and `down`, and one session of virsh. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { networkCommands, startLibvirt } from './peers/libvirt.js';
import { milliseconds, ratio } from './report/quantity.js';
import { failureNotes, median, type Sample } from './rounds.js';
import { runProcess } from './stage/processes.js';
import { projectText } from './stage/project-text.js';
import { ProjectUnderTest } from './stage/project.js';
import { requireSandbox } from './stage/sandbox.js';
import { measureUpAndDown } from './up-and-down.js';

const NETWORKS = 50;

await benchmark(
  `Linux: ${NETWORKS} networks against libvirt`,
  { limitSeconds: 300 },
  async ({ scope, directory, runs, ...report }) => {
    requireSandbox();
    const file = join(directory, 'passerelle.yaml');
    await writeFile(
      file,
      projectText({ engine: 'linux', networks: NETWORKS, nics: 0, networkKeys: 'ipv6: false' }),
    );
    const project = new ProjectUnderTest(scope, 'scale', file, directory);
    scope.defer(() => project.run('down'));
    const virsh = await startLibvirt(scope);
    const { create, destroy } = await networkCommands(directory, NETWORKS);
    const check = async (): Promise<void> => {
      const bridges = await runProcess(scope, ['ip', '-brief', 'link', 'show', 'type', 'bridge']);
      const count = bridges.trim().split('\n').length;
      if (count !== NETWORKS) throw new Error(`${count} bridges`);
    };
    const { up, down } = await measureUpAndDown(
      [
        { name: 'passerelle', up: () => project.run('up'), check, down: () => project.run('down') },
        { name: 'libvirt', up: () => virsh(create), check, down: () => virsh(destroy) },
      ],
      { runs, scope },
    );
    const row = (what: string, samples: readonly Sample[], goal: string): string[] => {
      const [ours = NaN, theirs = NaN] = samples.map(({ values }) =>
        values.length > 0 ? median(values) : NaN,
      );
      return [what, `**${milliseconds(ours)}**`, milliseconds(theirs), ratio(theirs, ours), goal];
    };
    report.text(
      `Translated networks with DHCP for IPv4, none of them with a machine: one file and the whole command, and one session of virsh with \`net-create\` or \`net-destroy\` ${NETWORKS} times on a libvirtd that runs already.`,
    );
    report.table(
      ['', 'passerelle', 'libvirt', 'times faster', 'goal'],
      [row('up', up, '20x'), row('down', down, '10x')],
    );
    report.notes(failureNotes('up', up));
  },
);
