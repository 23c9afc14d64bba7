/**
 * New connections per second from outside to a machine, through 1, 100 and 10,000 forwards: by UDP, where a connection is
 * one datagram and what the host does with it is nearly all, and by TCP, where the two ends take most of the time.
 */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { openIptables } from './peers/iptables.js';
import { comparison, COMPARISON, failureNotes, measureInRounds, median } from './rounds.js';
import {
  FIRST_FORWARD_PORT,
  HOST_ADDRESS,
  type KernelNatStage,
  MACHINE_ADDRESS,
  MACHINE_PORT,
  openLinuxEngine,
  setStage,
} from './stage/kernel-nat.js';
import { nativeProgram } from './stage/native.js';
import { runProcess, startProcess, waitForOutput } from './stage/processes.js';
import { requireSandbox } from './stage/sandbox.js';
import type { Scope } from './stage/scope.js';

const CONTENDERS = [
  ['passerelle', openLinuxEngine],
  ['iptables', openIptables],
] as const;
const FORWARDS = [1, 100, 10_000] as const;
const UDP_FLOWS = 50_000;
/** More than this must arrive, or the figure says how fast datagrams are lost. */
const ARRIVING_SHARE = 0.99;
const SERVER = [MACHINE_ADDRESS, String(MACHINE_PORT)];

await benchmark(
  'Linux: connections through forwards',
  { limitSeconds: 300 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const rows: string[][] = [];
    for (const protocol of ['udp', 'tcp'] as const) {
      const rate = protocol === 'udp' ? udpFlows : tcpConnections;
      let withOne = NaN;
      for (const forwards of FORWARDS) {
        const what = `${protocol.toUpperCase()}, ${forwards} ${forwards === 1 ? 'forward' : 'forwards'}`;
        // The one in the middle: on the average, a list is read through to there.
        const port = String(FIRST_FORWARD_PORT + Math.floor(forwards / 2));
        const samples = await measureInRounds(
          what,
          CONTENDERS.map(([name, open]) => ({
            name,
            measure: () =>
              scope.within(async (inner) => {
                const stage = await setStage(inner);
                await open(inner, await mkdtemp(join(directory, 'f')), stage, forwards, protocol);
                return rate(inner, stage, port, seconds);
              }),
          })),
          { runs, scope },
        );
        const values = samples[0]?.values ?? [];
        const ours = values.length > 0 ? median(values) : NaN;
        if (forwards === 1) withOne = ours;
        rows.push([
          what,
          ...comparison(samples),
          `${((ours / withOne) * 100).toFixed(0)} %`,
          forwards === 1 ? '' : forwards === 100 ? '95 %' : '95 %, 10x',
        ]);
        report.notes(failureNotes(what, samples));
      }
    }
    const version = (await runProcess(scope, ['iptables', '--version'])).trim().replace(/^iptables /, '');
    report.text(
      `From an outside namespace through the host to a machine's. UDP: one datagram from each of ${UDP_FLOWS} addresses. TCP: one after the other, opened, a byte each way, reset. iptables (${version}) has one \`-A PREROUTING … --dport … -j DNAT\` a forward; what is measured goes to the one in the middle. ${COMPARISON}`,
    );
    report.table(
      ['connections/s', ...CONTENDERS.map(([name]) => name), 'of our rate with one', 'goal'],
      rows,
    );
  },
);

async function udpFlows(scope: Scope, { outside, machine }: KernelNatStage, port: string): Promise<number> {
  const program = await nativeProgram(scope, 'udp-flows');
  const receiver = startProcess(scope, machine.within([program, 'count', ...SERVER]));
  await waitForOutput(scope, receiver, 'counting');
  const send = [program, 'send', HOST_ADDRESS, port, String(UDP_FLOWS)];
  const tookSeconds = Number(await runProcess(scope, outside.within(send), { timeoutMs: 60_000 }));
  await waitForOutput(scope, receiver, /^\d+$/m, 60_000);
  const arrived = Number(/^\d+$/m.exec(receiver.output())?.[0]);
  if (arrived < UDP_FLOWS * ARRIVING_SHARE) throw new Error(`${arrived} of ${UDP_FLOWS} datagrams arrived`);
  return arrived / tookSeconds;
}

async function tcpConnections(
  scope: Scope,
  { outside, machine }: KernelNatStage,
  port: string,
  seconds: number,
): Promise<number> {
  const program = await nativeProgram(scope, 'tcp-load');
  const server = startProcess(scope, machine.within([program, 'serve', ...SERVER]));
  await waitForOutput(scope, server, 'serving');
  const connect = [program, 'connections', HOST_ADDRESS, port, String(seconds)];
  return Number(await runProcess(scope, outside.within(connect), { timeoutMs: (seconds + 10) * 1000 }));
}
