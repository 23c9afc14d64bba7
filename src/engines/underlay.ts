/** What tunnels between hosts need of the host, whichever engine makes them. Pure. */
import type { Problem } from '../errors.js';
import type { Network } from '../topology/topology.js';

/** Tunnels that would leave from an address that is not here. @param hostAddresses as the host writes them. */
export function underlayProblems(
  code: string,
  networks: readonly Network[],
  hostAddresses: ReadonlySet<string>,
): Problem[] {
  return networks.flatMap(({ name, overlay, source }): Problem[] => {
    if (overlay === undefined || hostAddresses.has(overlay.localAddress)) return [];
    const message = `network ${name} goes to other hosts from ${overlay.localAddress}, which is no address of this host`;
    const fix = 'correct the address under `hosts`, or say with --host which of them this is';
    return [{ code, message, fix, at: source }];
  });
}
