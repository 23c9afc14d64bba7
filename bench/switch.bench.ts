/** Frames per second through the switch, from one C blaster to C sinks, beside vde_switch. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { startVdeSwitch } from './peers/vde.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { putNetwork, putPort, startFabric } from './stage/fabric.js';
import { nativeProgram } from './stage/native.js';
import { runProcess, startProcess, waitForOutput, waitUntil } from './stage/processes.js';
import type { Scope } from './stage/scope.js';

const FRAME_BYTES = 1514;

await benchmark(
  'Switch: frames per second',
  { limitSeconds: 180 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    const [blast, relay] = [await nativeProgram(scope, 'blast'), await nativeProgram(scope, 'relay')];

    const throughFabric = (batch: number, sinks: number): Contender => ({
      name: 'passerelle',
      measure: () =>
        scope.within(async (inner) => {
          const fabric = await startFabric(inner, join(directory, 'f'));
          const machines = Array.from({ length: 1 + sinks }, (_, index) => index + 1);
          const sockets = machines.map((index) => fabric.socketPath(index));
          const blaster = startProcess(inner, [blast, 'stream', ...amounts(batch), ...sockets]);
          await fabric.apply(
            putNetwork({ mode: 'isolated', mtuBytes: 1500 }),
            ...machines.map((index) => putPort(index, fabric.socketPath(index))),
          );
          await waitForOutput(inner, blaster, '\n', (seconds + 10) * 1000);
          return Number(blaster.output());
        }),
    });
    const throughRelay = (batch: number, sinks: number): Contender => ({
      name: 'C relay',
      measure: () =>
        scope.within(async (inner) => {
          const sockets = Array.from({ length: 1 + sinks }, (_, index) => join(directory, `s${index}.sock`));
          const blaster = startProcess(inner, [blast, 'stream', ...amounts(batch), ...sockets]);
          await waitUntil(inner, 'sockets', () => sockets.every((path) => existsSync(path)));
          startProcess(inner, [relay, ...sockets]);
          await waitForOutput(inner, blaster, '\n', (seconds + 10) * 1000);
          await blaster.stop();
          for (const path of sockets) await rm(path, { force: true });
          return Number(blaster.output());
        }),
    });
    const throughVde = (batch: number, sinks: number): Contender => ({
      name: 'vde_switch',
      measure: () =>
        scope.within(async (inner) => {
          const vde = await startVdeSwitch(inner, join(directory, 'vde'));
          return rateOf(inner, [blast, 'vde', ...amounts(batch), vde, String(sinks)]);
        }),
    });
    const amounts = (batch: number): string[] => [String(seconds), String(batch), String(FRAME_BYTES)];
    const rateOf = async (inner: Scope, argv: readonly string[]): Promise<number> =>
      Number(await runProcess(inner, argv, { timeoutMs: (seconds + 10) * 1000 }));

    const rows: string[][] = [];
    for (const [batch, sinks, goal] of [
      [64, 1, '10x'],
      [64, 4, '10x'],
      [1, 1, ''],
      [1, 4, ''],
    ] as const) {
      const what = `batches of ${batch}, ${sinks} ${sinks === 1 ? 'destination' : 'destinations interleaved'}`;
      const contenders = [throughFabric(batch, sinks), throughVde(batch, sinks), throughRelay(batch, sinks)];
      const samples = await measureInRounds(what, contenders, { runs, scope });
      rows.push([what, ...comparison(samples), goal]);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `Frames of ${FRAME_BYTES} bytes that arrive in a second, from one C process to another; a batch is what one system call sends. Anti-spoofing is on in the fabric; vde_switch has none. The relay in C (native/relay.c) reads and writes the same sockets as the fabric and does nothing else: a bound of what they give. ${COMPARISON}`,
    );
    report.table(['frames/s', 'passerelle', 'vde_switch', 'C relay', 'goal'], rows);
  },
);
