/** What on this host stands in the way of public addresses. Touches nothing. */
import type { Run } from '../../../clients/command/run.js';
import { readAddresses } from '../../../clients/iproute/links.js';
import { readRoutes } from '../../../clients/iproute/routes.js';
import type { Problem } from '../../../errors.js';
import { OUR_PROTOCOL } from '../uplink/uplink-routes.js';
import type { PlacedAddress } from './public-addresses.js';

export async function publicAddressProblems(
  placed: readonly PlacedAddress[],
  run: Run,
  signal: AbortSignal,
): Promise<Problem[]> {
  const [first] = placed;
  if (first === undefined) return [];
  const [addresses, routes, hasConntrack] = await Promise.all([
    readAddresses(run, signal),
    readRoutes(run, signal),
    run(['conntrack', '--version'], { signal }).then(
      ({ exitCode }) => exitCode === 0,
      () => false,
    ),
  ]);
  signal.throwIfAborted();
  const ownDevices = new Map(addresses.map(({ address, ifname }) => [address, ifname]));
  const gateways = new Map(routes.map(({ gateway, device }) => [gateway, device]));
  const foreign = new Map(
    routes
      .filter(({ protocol }) => protocol !== String(OUR_PROTOCOL))
      .map(({ destination, device }) => [destination, device]),
  );
  const whyTaken = (address: string): readonly [why: string, fix: string] | undefined => {
    const [own, behind, led] = [ownDevices.get(address), gateways.get(address), foreign.get(address)];
    if (own !== undefined) {
      return [
        `this host has it itself, on ${own}`,
        `take it off the host (\`ip address del ${address} dev ${own}\`), or leave it the host's: forwards may listen on it as it is`,
      ];
    }
    if (behind !== undefined) {
      return [`it is a gateway of this host, behind ${behind}`, 'write an address that nobody has'];
    }
    if (led === undefined) return undefined;
    return [
      `a route of this host leads it to ${led}`,
      `take the route away (\`ip route del ${address} dev ${led}\`), or write another address`,
    ];
  };
  const missing: Problem[] = hasConntrack
    ? []
    : [
        {
          code: 'gateway/conntrack-missing',
          message: `${first.meaning}, and without the program conntrack its connections would stay with a machine that it is taken from`,
          fix: 'sudo apt-get install conntrack',
          at: first.source,
        },
      ];
  const taken = placed.flatMap(({ address, meaning, source }): Problem[] => {
    const found = whyTaken(address);
    if (found === undefined) return [];
    const [why, fix] = found;
    return [{ code: 'gateway/public-address-taken', message: `${meaning}, and ${why}`, fix, at: source }];
  });
  return [...missing, ...taken];
}
