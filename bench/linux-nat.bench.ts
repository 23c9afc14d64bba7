/** iperf3 between a machine behind the kernel's NAT and the outside: our network, and one made by hand. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { openIptables } from './peers/iptables.js';
import { comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { transferTcp } from './stage/iperf3.js';
import { openLinuxEngine, OUTSIDE_ADDRESS, setStage } from './stage/kernel-nat.js';
import { runProcess } from './stage/processes.js';
import { requireSandbox } from './stage/sandbox.js';

const CONTENDERS = [
  ['passerelle', openLinuxEngine],
  ['by hand', openIptables],
] as const;

await benchmark(
  'Linux: TCP through the NAT of the kernel',
  { limitSeconds: 240 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const rows: string[][] = [];
    for (const direction of ['to-server', 'to-client'] as const) {
      const what = direction === 'to-server' ? 'machine → outside' : 'outside → machine';
      const samples = await measureInRounds(
        what,
        CONTENDERS.map(([name, open]) => ({
          name,
          measure: () =>
            scope.within(async (inner) => {
              const { outside, machine } = await setStage(inner);
              await open(inner, await mkdtemp(join(directory, 'n')), { outside, machine }, 0);
              return transferTcp(inner, {
                runClient: (argv, timeoutMs) => runProcess(inner, machine.within(argv), { timeoutMs }),
                server: outside.within,
                listenAddress: OUTSIDE_ADDRESS,
                address: OUTSIDE_ADDRESS,
                direction,
                seconds,
              });
            }),
        })),
        { runs, scope },
      );
      rows.push([what, ...comparison(samples, 'bit/s'), 'equal']);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `iperf3 from one network namespace to another, payload at the receiver. By hand: a bridge, a veth, and one masquerade rule of iptables; no guard against spoofing, which is on in ours. ${COMPARISON}`,
    );
    report.table(['', ...CONTENDERS.map(([name]) => name), 'goal'], rows);
  },
);
