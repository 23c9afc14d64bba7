/**
 * A fuzz test is a test for every seed. `make test` tries the few seeds that stand in the test; `make fuzz` those that
 * follow FUZZ_SEED, until FUZZ_SECONDS are over for this test. The seed decides everything, so a failure names the
 * command that shows it again.
 */
import { it } from 'vitest';

/** In the title of each, so that `make fuzz` finds them and nothing else. */
const MARK = '(fuzz)';
const SHORT_RUN_TIMEOUT_MS = 60_000;

export interface Campaign {
  readonly firstSeed: number;
  readonly durationMs: number;
}

/** @throws RangeError when a variable is no whole number. */
export function readCampaign(environment: NodeJS.ProcessEnv): Campaign | undefined {
  const { FUZZ_SEED: seed, FUZZ_SECONDS: seconds } = environment;
  if (seed === undefined || seconds === undefined) return undefined;
  return { firstSeed: whole('FUZZ_SEED', seed), durationMs: whole('FUZZ_SECONDS', seconds) * 1000 };
}

/** The fixed seeds, or those of a campaign: the first one always, the others while there is time. */
export function* seedsToTry(
  fixed: readonly number[],
  campaign: Campaign | undefined,
  // Not `performance`: some tests stop that clock.
  nowMs: () => number = Date.now,
): Generator<number> {
  if (campaign === undefined) {
    yield* fixed;
    return;
  }
  const endMs = nowMs() + campaign.durationMs;
  let seed = campaign.firstSeed;
  do {
    yield seed >>> 0;
    seed += 1;
  } while (nowMs() < endMs);
}

/** @param seeds of the short run. */
export function fuzz(
  title: string,
  seeds: readonly number[],
  body: (seed: number) => void | Promise<void>,
): void {
  const campaign = readCampaign(process.env);
  it(
    `${title} ${MARK}`,
    async () => {
      for (const seed of seedsToTry(seeds, campaign)) {
        try {
          await body(seed);
        } catch (cause) {
          throw new Error(`seed ${seed} (make fuzz FUZZ_SEED=${seed} FUZZ_SECONDS=0): ${String(cause)}`, {
            cause,
          });
        }
        // The test runner is heard in between.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    SHORT_RUN_TIMEOUT_MS + (campaign?.durationMs ?? 0),
  );
}

function whole(name: string, text: string): number {
  if (!/^[0-9]{1,10}$/.test(text)) throw new RangeError(`${name}=${text} is no whole number`);
  return Number(text);
}
