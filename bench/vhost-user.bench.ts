/** vhost-user ports: frames per second between synthetic guests, and TCP between real ones beside the kernel's bridge. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { buildMicroGuest, type Guest, startGuest, stopAllGuests, virtioNic } from '../test/lab/guest.js';
import { benchmark } from './benchmark.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { addressOf, macOf, PREFIX_LENGTH, putNetwork, putVhostUser, startFabric } from './stage/fabric.js';
import { nativeProgram } from './stage/native.js';
import { runProcess, startProcess, waitForOutput } from './stage/processes.js';
import { requireSandbox } from './stage/sandbox.js';
import type { Scope } from './stage/scope.js';

/** Memory of a guest, which `-m` and the shared file agree on. */
const MEMORY_MIB = 128;

await benchmark(
  'vhost-user: frames between synthetic and real guests',
  { limitSeconds: 400 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    const [blast, vhostBlast, relay] = [
      await nativeProgram(scope, 'blast'),
      await nativeProgram(scope, 'vhost-blast'),
      await nativeProgram(scope, 'stream-relay'),
    ];
    const throughFabric = (frameBytes: number): Contender => ({
      name: 'passerelle',
      measure: () =>
        scope.within(async (inner) => {
          const fabric = await startFabric(inner, await mkdtemp(join(directory, 'f')));
          const sockets = [fabric.socketPath(1), fabric.socketPath(2)];
          const words = [String(seconds), String(frameBytes), ...sockets];
          const blaster = startProcess(inner, [vhostBlast, ...words]);
          await fabric.apply(
            putNetwork({ mode: 'isolated', mtuBytes: 1500 }),
            ...sockets.map((path, index) => putVhostUser(index + 1, path)),
          );
          await waitForOutput(inner, blaster, '\n', (seconds + 10) * 1000);
          return Number(blaster.output());
        }),
    });
    const throughRelay = (frameBytes: number): Contender => ({
      name: 'C stream relay',
      measure:
        // There is no segmentation offload on a stream.
        frameBytes > 1514
          ? undefined
          : () =>
              scope.within(async (inner) => {
                const place = await mkdtemp(join(directory, 'r'));
                const sockets = [join(place, 'a'), join(place, 'b')];
                const words = ['stream', String(seconds), '64', String(frameBytes), ...sockets];
                const blaster = startProcess(inner, [blast, ...words]);
                startProcess(inner, [relay, ...sockets]);
                await waitForOutput(inner, blaster, '\n', (seconds + 10) * 1000);
                return Number(blaster.output());
              }),
    });
    const rows: string[][] = [];
    for (const [frameBytes, goal] of [
      [60, ''],
      [1514, '2x'],
      [65_000, ''],
    ] as const) {
      const what = `${frameBytes} bytes`;
      const contenders = [throughFabric(frameBytes), throughRelay(frameBytes)];
      const samples = await measureInRounds(what, contenders, { runs, scope });
      rows.push([what, ...comparison(samples), goal]);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `Frames that arrive in a second, from one C process to another. Ours reach the fabric by rings in shared memory, with anti-spoofing on; those of 65,000 bytes are TCP left to be cut by the receiver. The relay passes on what it reads without a look, in batches of 64. ${COMPARISON}`,
    );
    report.table(['frames/s', 'passerelle', 'C stream relay', 'goal'], rows);

    await buildMicroGuest(scope.signal);
    const address = (index: number): string => `nic0=${addressOf(index)}/${PREFIX_LENGTH}`;
    const between = async (inner: Scope, nicOf: (index: number) => string[]): Promise<number> => {
      inner.defer(stopAllGuests);
      const [a, b] = (await Promise.all(
        [1, 2].map((index) =>
          startGuest(
            {
              name: `g${index}`,
              nics: [nicOf(index)],
              setup: [address(index)],
              programs: ['iperf3'],
              memoryMiB: MEMORY_MIB,
            },
            scope.signal,
          ),
        ),
      )) as [Guest, Guest];
      await Promise.all([a.ready(), b.ready()]);
      await b.must('iperf3 -s -D');
      const line = `iperf3 -J -t ${Math.max(3, seconds)} -O 1 -c ${addressOf(2)}`;
      const output = await a.must(line, { timeoutMs: 30_000 });
      const outcome = JSON.parse(output) as { end: { sum_received: { bits_per_second: number } } };
      return outcome.end.sum_received.bits_per_second;
    };
    const guestsOnFabric: Contender = {
      name: 'passerelle',
      measure: () =>
        scope.within(async (inner) => {
          const fabric = await startFabric(inner, await mkdtemp(join(directory, 'g')));
          await fabric.apply(
            putNetwork({ mode: 'isolated', mtuBytes: 1500 }),
            ...[1, 2].map((index) => putVhostUser(index, fabric.socketPath(index))),
          );
          return between(inner, (index) => vhostUserNic(index, fabric.socketPath(index)));
        }),
    };
    const guestsOnBridge: Contender = {
      name: 'kernel taps',
      measure: () =>
        scope.within(async (inner) => {
          const ip = (...argv: readonly string[]): Promise<string> => runProcess(inner, ['ip', ...argv]);
          await ip('link', 'add', 'br0', 'type', 'bridge');
          inner.defer(async () => void (await ip('link', 'del', 'br0')));
          await ip('link', 'set', 'br0', 'up');
          for (const name of ['gtap1', 'gtap2']) {
            await ip('tuntap', 'add', name, 'mode', 'tap', 'vnet_hdr');
            inner.defer(async () => void (await ip('link', 'del', name)));
            await ip('link', 'set', name, 'master', 'br0', 'up');
          }
          return between(inner, (index) =>
            virtioNic('n0', `tap,ifname=gtap${index},script=no,downscript=no`, macOf(index)),
          );
        }),
    };
    const what = 'TCP between two guests, MTU 1500';
    const samples = await measureInRounds(what, [guestsOnFabric, guestsOnBridge], { runs, scope });
    report.notes(failureNotes(what, samples));
    report.text(
      'iperf3 between two QEMU guests (TCG), vhost-user beside taps of the kernel on a bridge, offloads on both.',
    );
    report.table(['', 'passerelle', 'kernel taps', 'goal'], [[what, ...comparison(samples, 'bit/s'), '1x']]);
  },
);

function vhostUserNic(index: number, socketPath: string): string[] {
  return [
    '-object',
    `memory-backend-memfd,id=mem,size=${MEMORY_MIB}M,share=on`,
    '-machine',
    'memory-backend=mem',
    '-chardev',
    `socket,id=c0,path=${socketPath},server=on,wait=off`,
    '-netdev',
    'vhost-user,id=n0,chardev=c0',
    '-device',
    `virtio-net-pci,netdev=n0,mac=${macOf(index)},vectors=0`,
  ];
}
