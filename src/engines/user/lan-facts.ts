import { runnerIn } from '../../clients/command/run.js';
import { readAddresses, readLinks } from '../../clients/iproute/links.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import type { Problem } from '../../errors.js';
import type { Network } from '../../topology/topology.js';
import { readNativeFacts } from './native-facts.js';
import { uplinkProblems } from './uplink.js';

/** Bridge networks that this host cannot carry; hosts without iproute2 are asked only where there is such a network. */
export async function lanProblems(networks: readonly Network[], signal: AbortSignal): Promise<Problem[]> {
  if (networks.every(({ mode }) => mode !== 'bridge')) return [];
  const run = runnerIn();
  const [native, links, addresses, routes] = await Promise.all([
    readNativeFacts(),
    readLinks(run, signal),
    readAddresses(run, signal),
    readRoutes(run, signal),
  ]);
  return uplinkProblems(networks, { ...native, links, addresses, routes });
}
