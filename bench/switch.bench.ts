/** Frames per second through the switch, from one C blaster to C sinks, beside vde_switch. */
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { startVdeSwitch } from './peers/vde.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { putNetwork, putPort, startFabric } from './stage/fabric.js';
import { nativeProgram } from './stage/native.js';
import { runProcess, startProcess, waitForOutput } from './stage/processes.js';
import type { Scope } from './stage/scope.js';

const FRAME_BYTES = 1514;

await benchmark(
  'Switch: frames per second',
  { limitSeconds: 180 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    const blast = await nativeProgram(scope, 'blast');

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
      const contenders = [throughFabric(batch, sinks), throughVde(batch, sinks)];
      const samples = await measureInRounds(what, contenders, { runs, scope });
      rows.push([what, ...comparison(samples), goal]);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `Frames of ${FRAME_BYTES} bytes that arrive in a second, from one C process to another; a batch is what one system call sends. Anti-spoofing is on in the fabric; vde_switch has none. ${COMPARISON}`,
    );
    report.table(['frames/s', 'passerelle', 'vde_switch', 'goal'], rows);
  },
);
