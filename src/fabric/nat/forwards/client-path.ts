/**
 * The address under which a guest sees a client of a forward: the client's own, so that its logs tell the
 * truth, unless the guest could not answer it: loopback and link-local addresses, neighbours of the guest's own
 * subnet, the other IP family, and networks that lead nowhere. Those are seen as the gateway, and so is every client
 * of a forward that says so.
 */
import { parseIpv4, parseIpv6 } from '../../../wire/address.js';
import type { FabricNetwork } from '../../control/protocol.js';
import { DestinationRules } from '../destination.js';
import { type IpPath, pathBetween } from '../ip-path.js';

const MAPPED_IPV4 = '::ffff:';

/** @returns `undefined` when the guest cannot answer the client itself. */
export function pathToClient(
  network: FabricNetwork,
  guestAddress: string,
  client: string,
): IpPath | undefined {
  if (network.mode === 'isolated') return undefined;
  const address = client.startsWith(MAPPED_IPV4) ? client.slice(MAPPED_IPV4.length) : client;
  const rules = new DestinationRules(network);
  const ipv4 = parseIpv4(address);
  const ipv6 = parseIpv6(address);
  const destination = ipv4 === undefined ? ipv6 && rules.ofIpv6(ipv6, 0) : rules.ofIpv4(ipv4);
  return destination === 'remote' ? pathBetween(guestAddress, address) : undefined;
}

/** @returns `undefined` when the network has no gateway of the guest's family. */
export function pathToGateway(network: FabricNetwork, guestAddress: string): IpPath | undefined {
  const subnet = parseIpv4(guestAddress) === undefined ? network.ipv6 : network.ipv4;
  return subnet === undefined ? undefined : pathBetween(guestAddress, subnet.gateway);
}

/** Below this the gateway's own services have their ports. */
const FIRST_UNPRIVILEGED_PORT = 1024;
/** Where ports in the gateway's name are chosen from (RFC 6335 section 6). */
const FIRST_PORT = 49_152;
const LAST_PORT = 65_535;
const ATTEMPTS = 32;

/** What of a forward's target decides how clients are shown. */
export interface Audience {
  readonly network: { readonly link: { readonly network: FabricNetwork } };
  /** The machine's. */
  readonly address: string;
  readonly showsGateway: boolean;
}

/**
 * The ends under which a client is shown, tried in turn until `take` succeeds: its own address and port, unless the
 * forward wants the gateway; the gateway with the same port, the gateway with another.
 */
export function showClient(
  { network: { link }, address: guestAddress, showsGateway }: Audience,
  client: { readonly address: string; readonly port: number },
  take: (path: IpPath, remotePort: number) => boolean,
): boolean {
  const own = showsGateway ? undefined : pathToClient(link.network, guestAddress, client.address);
  if (own !== undefined && take(own, client.port)) return true;
  const gateway = pathToGateway(link.network, guestAddress);
  if (gateway === undefined) return false;
  if (client.port >= FIRST_UNPRIVILEGED_PORT && take(gateway, client.port)) return true;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT + 1 - FIRST_PORT));
    if (take(gateway, port)) return true;
  }
  return false;
}
