/** iperf3 over TCP with the fabric's own taps: between two namespaces, and through the NAT to the host and back. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { type OpenOutlet, openPasta, openSlirp4netns } from './peers/nat.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { addressOf, macOf, PREFIX_LENGTH, putNetwork, putTap, startFabric } from './stage/fabric.js';
import { type Direction, transferTcp } from './stage/iperf3.js';
import { addNamespace, configureTap, type Namespace } from './stage/namespaces.js';
import { openFabricTapNat } from './stage/nat.js';
import { runProcess } from './stage/processes.js';
import { requireSandbox } from './stage/sandbox.js';
import type { Scope } from './stage/scope.js';

const HOST_LOOPBACK = '127.0.0.1';

/** Joins tap0 of each namespace in a segment. */
type Join = (
  scope: Scope,
  directory: string,
  namespaces: readonly Namespace[],
  mtuBytes: number,
) => Promise<void>;

const joinByFabric: Join = async (scope, directory, namespaces, mtuBytes) => {
  const fabric = await startFabric(scope, directory);
  await fabric.apply(
    putNetwork({ mode: 'isolated', mtuBytes }),
    ...namespaces.map(({ name }, index) => putTap(index + 1, name)),
  );
};

/** A bridge of the kernel with a veth to each namespace: offloads all the way, and no process at all. */
const joinByKernel: Join = async (scope, _directory, namespaces, mtuBytes) => {
  const ip = (...argv: readonly string[]): Promise<string> => runProcess(scope, ['ip', ...argv]);
  await ip('link', 'add', 'br0', 'mtu', String(mtuBytes), 'type', 'bridge');
  scope.defer(async () => void (await ip('link', 'del', 'br0')));
  await ip('link', 'set', 'br0', 'up');
  for (const [index, { name }] of namespaces.entries()) {
    const mtu = ['mtu', String(mtuBytes)];
    await ip(
      'link',
      'add',
      `v${index}`,
      ...mtu,
      'type',
      'veth',
      'peer',
      'name',
      'tap0',
      ...mtu,
      'netns',
      name,
    );
    await ip('link', 'set', `v${index}`, 'master', 'br0', 'up');
  }
};

const JOINS: readonly { readonly name: string; readonly join: Join }[] = [
  { name: 'passerelle', join: joinByFabric },
  { name: 'kernel bridge', join: joinByKernel },
];

const OUTLETS: readonly { readonly name: string; readonly open: OpenOutlet }[] = [
  { name: 'passerelle', open: openFabricTapNat },
  { name: 'slirp4netns', open: openSlirp4netns },
  { name: 'pasta', open: openPasta },
];

await benchmark(
  'Taps of the fabric: TCP between namespaces, and to the host',
  { limitSeconds: 420 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const between = (name: string, joinThem: Join, mtuBytes: number): Contender => ({
      name,
      measure: () =>
        scope.within(async (inner) => {
          const place = await mkdtemp(join(directory, 'r'));
          const [a, b] = [await addNamespace(inner, 'a'), await addNamespace(inner, 'b')];
          await joinThem(inner, place, [a, b], mtuBytes);
          for (const [index, namespace] of [a, b].entries()) {
            const address = `${addressOf(index + 1)}/${PREFIX_LENGTH}`;
            await configureTap(inner, namespace, { mac: macOf(index + 1), mtuBytes, address });
          }
          return transferTcp(inner, {
            runClient: (argv, timeoutMs) => runProcess(inner, a.within(argv), { timeoutMs }),
            server: b.within,
            listenAddress: addressOf(2),
            address: addressOf(2),
            direction: 'to-server',
            seconds,
          });
        }),
    });
    const outward = (name: string, open: OpenOutlet, mtuBytes: number, direction: Direction): Contender => ({
      name,
      measure: () =>
        scope.within(async (inner) => {
          const namespace = await addNamespace(inner, 'guest');
          const place = await mkdtemp(join(directory, 'r'));
          const { hostAddress } = await open(inner, place, namespace, mtuBytes);
          return transferTcp(inner, {
            runClient: (argv, timeoutMs) => runProcess(inner, namespace.within(argv), { timeoutMs }),
            server: (argv) => [...argv],
            listenAddress: HOST_LOOPBACK,
            address: hostAddress,
            direction,
            seconds,
          });
        }),
    });

    const switched: string[][] = [];
    for (const mtuBytes of [1500, 9000, 65_520]) {
      const what = `MTU ${mtuBytes}`;
      const contenders = JOINS.map(({ name, join: joinThem }) => between(name, joinThem, mtuBytes));
      const samples = await measureInRounds(what, contenders, { runs, scope });
      switched.push([what, ...comparison(samples, 'bit/s'), '0.6x']);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `iperf3 from one namespace to another, payload at the receiver. The fabric puts a tap into each and passes 64 KB frames whole; the kernel's bridge has a veth to each. ${COMPARISON}`,
    );
    report.table(['', ...JOINS.map(({ name }) => name), 'goal'], switched);

    const translated: string[][] = [];
    for (const [mtuBytes, direction, goal] of [
      [1500, 'to-server', '6x; ahead'],
      [1500, 'to-client', '2x; ahead'],
      [65_520, 'to-server', '6x; ahead'],
      [65_520, 'to-client', '2x; ahead'],
    ] as const) {
      const what = `${direction === 'to-server' ? 'guest → host' : 'host → guest'}, MTU ${mtuBytes}`;
      const contenders = OUTLETS.map(({ name, open }) => outward(name, open, mtuBytes, direction));
      const samples = await measureInRounds(what, contenders, { runs, scope });
      translated.push([what, ...comparison(samples, 'bit/s'), goal]);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      'iperf3 between a namespace and 127.0.0.1 of the host. Each has a tap of its own in the namespace; pasta is passt.',
    );
    report.table(['', ...OUTLETS.map(({ name }) => name), 'goal'], translated);
  },
);
