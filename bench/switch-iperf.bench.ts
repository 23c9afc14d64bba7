/** iperf3 over TCP between two guests on one network, which are namespaces with a tap. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { joinByOvs } from './peers/ovs.js';
import { startHub } from './peers/qemu.js';
import { joinByVde } from './peers/vde.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { addressOf, macOf, PREFIX_LENGTH, putNetwork, putPort, startFabric } from './stage/fabric.js';
import { transferTcp } from './stage/iperf3.js';
import { addNamespace, configureTap, type Namespace, plugTap } from './stage/namespaces.js';
import { requireSandbox } from './stage/sandbox.js';
import { lastLine, type Running, runProcess } from './stage/processes.js';
import type { Scope } from './stage/scope.js';

/** Joins tap0 of each namespace, machine 1 and machine 2, in a segment. @returns a process that may not live through it. */
type Join = (
  scope: Scope,
  directory: string,
  namespaces: readonly Namespace[],
  mtuBytes: number,
) => Promise<Running | void>;

const joinByFabric: Join = async (scope, directory, namespaces, mtuBytes) => {
  const fabric = await startFabric(scope, directory);
  for (const [index, namespace] of namespaces.entries())
    await plugTap(scope, namespace, { socketPath: fabric.socketPath(index + 1), dials: false });
  await fabric.apply(
    putNetwork({ mode: 'isolated', mtuBytes }),
    ...namespaces.map((_, index) => putPort(index + 1, fabric.socketPath(index + 1))),
  );
  await fabric.connected();
};

const joinByHub: Join = async (scope, directory, namespaces) => {
  const sockets = namespaces.map((_, index) => join(directory, `hub${index}.sock`));
  for (const [index, namespace] of namespaces.entries())
    await plugTap(scope, namespace, { socketPath: sockets[index]!, dials: false });
  return startHub(scope, sockets);
};

/** A switch, and the longest packet that it carries. */
interface Peer {
  readonly name: string;
  readonly join: Join;
  readonly maxMtuBytes: number;
}

const JOINS: readonly Peer[] = [
  { name: 'passerelle', join: joinByFabric, maxMtuBytes: 65_520 },
  // The buffer for a packet has 1504 bytes behind the addresses, and frames that are longer are lost.
  { name: 'vde_switch', join: joinByVde, maxMtuBytes: 1500 },
  { name: 'QEMU hub', join: joinByHub, maxMtuBytes: 65_520 },
  { name: 'OVS userspace', join: joinByOvs, maxMtuBytes: 65_520 },
];

await benchmark(
  'Switch: TCP between two guests',
  { limitSeconds: 300 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const contender = (peer: Peer, mtuBytes: number): Contender => ({
      name: peer.name,
      measure:
        peer.maxMtuBytes < mtuBytes
          ? undefined
          : () =>
              scope.within(async (inner) => {
                const place = await mkdtemp(join(directory, 'r'));
                const [a, b] = [await addNamespace(inner, 'a'), await addNamespace(inner, 'b')];
                const joint = await peer.join(inner, place, [a, b], mtuBytes);
                for (const [index, namespace] of [a, b].entries()) {
                  const address = `${addressOf(index + 1)}/${PREFIX_LENGTH}`;
                  await configureTap(inner, namespace, { mac: macOf(index + 1), mtuBytes, address });
                }
                const transfer = transferTcp(inner, {
                  runClient: (argv, timeoutMs) => runProcess(inner, a.within(argv), { timeoutMs }),
                  server: b.within,
                  listenAddress: addressOf(2),
                  address: addressOf(2),
                  direction: 'to-server',
                  seconds,
                });
                return transfer.catch((error: unknown) => {
                  throw joint?.ended() === undefined ? error : new Error(`crashed: ${lastLine(joint)}`);
                });
              }),
    });

    const rows: string[][] = [];
    for (const [mtuBytes, goal] of [
      [1500, '1.4x; 1.1x; 1.2x'],
      [9000, 'ahead of the hub'],
      [65520, 'ahead of the hub'],
    ] as const) {
      const what = `MTU ${mtuBytes}`;
      const samples = await measureInRounds(
        what,
        JOINS.map((peer) => contender(peer, mtuBytes)),
        { runs, scope },
      );
      rows.push([what, ...comparison(samples, 'bit/s'), goal]);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `iperf3 from one network namespace to another, payload at the receiver. The fabric and the hub reach the taps through the same helper (native/tap-stream.c), vde_switch through its own vde_plug2tap; Open vSwitch has the taps themselves. No offloads anywhere. ${COMPARISON}`,
    );
    report.table(['', ...JOINS.map(({ name }) => name), 'goal'], rows);
  },
);
