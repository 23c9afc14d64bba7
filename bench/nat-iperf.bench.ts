/** iperf3 over TCP from a guest, a namespace with a tap, to the host and back, through user-mode NATs. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { openLibslirp, type OpenOutlet, openPasst, openPasta, openSlirp4netns } from './peers/nat.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { type Direction, transferTcp } from './stage/iperf3.js';
import { addNamespace } from './stage/namespaces.js';
import { requireSandbox } from './stage/sandbox.js';
import { openFabricNat } from './stage/nat.js';
import { runProcess } from './stage/processes.js';

/** A NAT, and the longest packet that it takes from its guest. */
interface Peer {
  readonly name: string;
  readonly open: OpenOutlet;
  readonly maxMtuBytes: number;
}

const OUTLETS: readonly Peer[] = [
  { name: 'passerelle', open: openFabricNat, maxMtuBytes: 65_520 },
  // QEMU gives libslirp no other MTU.
  { name: 'libslirp (QEMU)', open: openLibslirp, maxMtuBytes: 1500 },
  { name: 'slirp4netns', open: openSlirp4netns, maxMtuBytes: 65_520 },
  { name: 'passt', open: openPasst, maxMtuBytes: 65_520 },
  { name: 'pasta', open: openPasta, maxMtuBytes: 65_520 },
];
const HOST_LOOPBACK = '127.0.0.1';
const onHost = (argv: readonly string[]): string[] => [...argv];

await benchmark(
  'NAT: TCP to the host and back',
  { limitSeconds: 420 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const contender = (peer: Peer, mtuBytes: number, direction: Direction): Contender => ({
      name: peer.name,
      measure:
        peer.maxMtuBytes < mtuBytes
          ? undefined
          : () =>
              scope.within(async (inner) => {
                const namespace = await addNamespace(inner, 'guest');
                const place = await mkdtemp(join(directory, 'r'));
                const { hostAddress } = await peer.open(inner, place, namespace, mtuBytes);
                return transferTcp(inner, {
                  runClient: (argv, timeoutMs) => runProcess(inner, namespace.within(argv), { timeoutMs }),
                  server: onHost,
                  listenAddress: HOST_LOOPBACK,
                  address: hostAddress,
                  direction,
                  seconds,
                });
              }),
    });

    const rows: string[][] = [];
    for (const [mtuBytes, direction, goal] of [
      [1500, 'to-server', '4x; 4x; ahead'],
      [1500, 'to-client', '2.5x; 1.5x; ahead'],
      [65520, 'to-server', '–; 4x; ahead'],
      [65520, 'to-client', '–; 1.5x; ahead'],
    ] as const) {
      const what = `${direction === 'to-server' ? 'guest → host' : 'host → guest'}, MTU ${mtuBytes}`;
      const samples = await measureInRounds(
        what,
        OUTLETS.map((peer) => contender(peer, mtuBytes, direction)),
        { runs, scope },
      );
      rows.push([what, ...comparison(samples, 'bit/s'), goal]);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `iperf3 between a network namespace and 127.0.0.1 of the host, payload at the receiver. The fabric, libslirp and passt reach the tap through the same helper (native/tap-stream.c); slirp4netns (which is libslirp) and pasta (which is passt) read it themselves. ${COMPARISON}`,
    );
    report.table(['', ...OUTLETS.map(({ name }) => name), 'goal'], rows);
  },
);
