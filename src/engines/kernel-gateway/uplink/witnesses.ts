/** Who has to answer before and after a change to the uplink, so that nobody is cut off by it. */
import type { Run } from '../../../clients/command/run.js';
import type { Route } from '../../../clients/iproute/routes.js';

/** The gateways of default routes. A link-local one would need its device named, and that is what changes. */
export function gatewaysOf(routes: readonly Route[]): string[] {
  const gateways = routes
    .filter(({ destination }) => destination === 'default')
    .flatMap(({ gateway }) => (gateway === undefined || gateway.startsWith('fe80:') ? [] : [gateway]));
  return [...new Set(gateways)];
}

/** Those of the witnesses that answer one of so many pings. */
export async function whoAnswers(
  run: Run,
  witnesses: readonly string[],
  attempts: number,
  signal: AbortSignal,
): Promise<string[]> {
  const answers = await Promise.all(
    witnesses.map(async (witness) => {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const { exitCode } = await run(['ping', '-n', '-c', '1', '-W', '1', witness], { signal });
        if (exitCode === 0) return [witness];
      }
      return [];
    }),
  );
  return answers.flat();
}
