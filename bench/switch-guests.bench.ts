/** iperf3 over TCP between two guests, alone on their network and among many that are idle. */
import { join } from 'node:path';
import { benchmark } from './benchmark.js';
import { comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { transferBetween } from './stage/iperf3.js';
import { addPair, joinByFabric } from './stage/pair.js';
import { requireSandbox } from './stage/sandbox.js';

await benchmark(
  'Switch: two guests of 64',
  { limitSeconds: 180 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    let round = 0;
    const contender = (guestCount: number) => ({
      name: `${guestCount} guests`,
      measure: () =>
        scope.within(async (inner) => {
          const place = join(directory, `r${++round}`);
          const { guests } = await addPair(inner, place, joinByFabric(guestCount), 1500);
          return transferBetween(inner, guests, seconds);
        }),
    });
    const contenders = [contender(64), contender(2)];
    const samples = await measureInRounds('MTU 1500', contenders, { runs, scope });
    report.text(
      `iperf3 from one network namespace to another through the fabric, with the other guests of the network connected and idle. ${COMPARISON}`,
    );
    report.table(
      ['', ...contenders.map(({ name }) => name), 'goal'],
      [['MTU 1500', ...comparison(samples, 'bit/s'), '0.9x']],
    );
    report.notes(failureNotes('MTU 1500', samples));
  },
);
