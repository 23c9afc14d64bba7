/**
 * New connections per second from outside to a machine, through 1, 100 and 10,000 forwards: by first packets, of UDP and
 * of TCP, where what the host does with a new connection is nearly all, and by whole TCP connections, where the two ends
 * take most of the time.
 */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { openIptables } from './peers/iptables.js';
import { percentage } from './report/quantity.js';
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
const FLOWS = 50_000;
/** More than this must arrive, or the figure says how fast datagrams are lost. */
const ARRIVING_SHARE = 0.99;
const KINDS = [
  {
    name: 'UDP',
    protocol: 'udp',
    rate: (scope: Scope, stage: KernelNatStage, port: string) =>
      firstPackets('udp-flows', scope, stage, port),
  },
  {
    name: 'SYN',
    protocol: 'tcp',
    rate: (scope: Scope, stage: KernelNatStage, port: string) =>
      firstPackets('tcp-flows', scope, stage, port),
  },
  { name: 'TCP', protocol: 'tcp', rate: tcpConnections },
] as const;
const SERVER = [MACHINE_ADDRESS, String(MACHINE_PORT)];

await benchmark(
  'Linux: connections through forwards',
  { limitSeconds: 300 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const rows: string[][] = [];
    for (const { name: kind, protocol, rate } of KINDS) {
      let withOne = NaN;
      for (const forwards of FORWARDS) {
        const what = `${kind}, ${forwards} ${forwards === 1 ? 'forward' : 'forwards'}`;
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
          percentage(ours, withOne),
          forwards === 1 ? '' : forwards === 100 ? '95 %' : '95 %, 10x',
        ]);
        report.notes(failureNotes(what, samples));
      }
    }
    const version = (await runProcess(scope, ['iptables', '--version'])).trim().replace(/^iptables /, '');
    report.text(
      `From an outside namespace through the host to a machine's. UDP and SYN: one datagram, one first packet of TCP, from each of ${FLOWS} addresses: of a connection only this one meets the rules for new ones. TCP: whole connections, 256 at a time, opened, a byte each way, reset: the two ends, on the same processors, take most of the time, and bound what the rules can make of it. iptables (${version}) has one \`-A PREROUTING … --dport … -j DNAT\` a forward; what is measured goes to the one in the middle. ${COMPARISON}`,
    );
    report.table(
      ['connections/s', ...CONTENDERS.map(([name]) => name), 'of our rate with one', 'goal'],
      rows,
    );
  },
);

async function firstPackets(
  program: 'udp-flows' | 'tcp-flows',
  scope: Scope,
  { outside, machine }: KernelNatStage,
  port: string,
): Promise<number> {
  const path = await nativeProgram(scope, program);
  // Nobody listens for the SYNs, and the refusals would have no way: what is measured is the way in.
  if (program === 'tcp-flows') await machine.ip(scope, 'route add blackhole 198.18.0.0/15');
  const receiver = startProcess(scope, machine.within([path, 'count', ...SERVER]));
  await waitForOutput(scope, receiver, 'counting');
  const send = [path, 'send', HOST_ADDRESS, port, String(FLOWS)];
  const tookSeconds = Number(await runProcess(scope, outside.within(send), { timeoutMs: 60_000 }));
  await waitForOutput(scope, receiver, /^\d+$/m, 60_000);
  const arrived = Number(/^\d+$/m.exec(receiver.output())?.[0]);
  if (arrived < FLOWS * ARRIVING_SHARE) throw new Error(`${arrived} of ${FLOWS} arrived`);
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
  const connect = [program, 'parallel', HOST_ADDRESS, port, String(seconds)];
  return Number(await runProcess(scope, outside.within(connect), { timeoutMs: (seconds + 10) * 1000 }));
}
