/** iperf3 over TCP between two guests on one network, which are namespaces with a tap. */
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { joinByOvs } from './peers/ovs.js';
import { joinByVde } from './peers/vde.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { transferBetween } from './stage/iperf3.js';
import { addPair, type Join, joinByFabric, joinByHub } from './stage/pair.js';
import { requireSandbox } from './stage/sandbox.js';
import { lastLine } from './stage/processes.js';

/** A switch, and the longest packet that it carries. */
interface Peer {
  readonly name: string;
  readonly join: Join;
  readonly maxMtuBytes: number;
}

const JOINS: readonly Peer[] = [
  { name: 'passerelle', join: joinByFabric(), maxMtuBytes: 65_520 },
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
    let round = 0;
    const contender = (peer: Peer, mtuBytes: number): Contender => ({
      name: peer.name,
      measure:
        peer.maxMtuBytes < mtuBytes
          ? undefined
          : () =>
              scope.within(async (inner) => {
                const place = join(directory, `r${++round}`);
                const { guests, joint } = await addPair(inner, place, peer.join, mtuBytes);
                const transfer = transferBetween(inner, guests, seconds);
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
