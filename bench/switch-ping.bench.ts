/** Round trips of a ping between two guests on one network, which are namespaces with a tap. */
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { joinByVde } from './peers/vde.js';
import { comparison, COMPARISON, failureNotes, measureInRounds, median } from './rounds.js';
import { addressOf } from './stage/fabric.js';
import { addPair, type Join, joinByFabric, joinByHub, joinByRelay } from './stage/pair.js';
import { requireSandbox } from './stage/sandbox.js';
import { runProcess } from './stage/processes.js';

const JOINS: readonly (readonly [name: string, join: Join])[] = [
  ['passerelle', joinByFabric()],
  ['C relay', joinByRelay],
  ['QEMU hub', joinByHub],
  ['vde_switch', joinByVde],
];
const INTERVAL_SECONDS = 0.002;
/** Left out: the first one waits for ARP, and until then nothing is compiled or cached. */
const WARM_UP_PINGS = 500;

await benchmark(
  'Switch: ping',
  { limitSeconds: 180 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    let round = 0;
    const count = WARM_UP_PINGS + Math.ceil(seconds / INTERVAL_SECONDS);
    const contenders = JOINS.map(([name, joined]) => ({
      name,
      measure: () =>
        scope.within(async (inner) => {
          const { guests } = await addPair(inner, join(directory, `r${++round}`), joined, 1500);
          const ping = ['ping', '-c', String(count), '-i', String(INTERVAL_SECONDS), addressOf(2)];
          const timeoutMs = (seconds + 20) * 1000;
          const output = await runProcess(inner, guests[0].within(ping), { timeoutMs });
          const roundTripsMs = Array.from(output.matchAll(/ time=([\d.]+) ms/g), ([, text]) => Number(text));
          return median(roundTripsMs.slice(WARM_UP_PINGS)) * 1000;
        }),
    }));
    const samples = await measureInRounds('round trip', contenders, { runs, scope });
    report.text(
      `Median of the round trips, a ping every ${INTERVAL_SECONDS * 1000} ms from one network namespace to another. The fabric, the hub and a relay in C (native/relay.c), which learns nothing and checks nothing, reach the taps through the same helper (native/tap-stream.c); vde_switch through its own. Less is better. ${COMPARISON}`,
    );
    report.table(
      ['', ...contenders.map(({ name }) => name), 'goal'],
      [['round trip', ...comparison(samples, 'µs'), 'at most 1.2x of the relay']],
    );
    report.notes(failureNotes('round trip', samples));
  },
);
