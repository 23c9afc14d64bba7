/**
 * Addresses that are nobody's on this host and that it answers for all the same. Theory of operation: a route leads the
 * address into the network's segment, and on each device that the network leaves by an entry of the proxies has the
 * kernel answer ARP and neighbour discovery for it (ip-neighbour(8); arp_process of Linux's net/ipv4/arp.c wants a route
 * by another device). An address that is routed to this host needs no answer, and has one that nobody asks for. It is
 * never an address of the host: what no rule translates is led to a segment where nobody has it, not to a server of the
 * host's own. Routes and entries are known by our protocol number.
 *
 * Events: an address comes, moves to another machine, goes. After each the kernel forgets the connections of the address,
 * which else would lead to the machine of before for as long as packets come. One that is under way is written down
 * without its properties, so that after a kill it is seen as not done, and done again.
 */
import { endConnections } from '../../../clients/conntrack/connections.js';
import type { Run } from '../../../clients/command/run.js';
import { runBatch } from '../../../clients/iproute/batch.js';
import { type NeighbourProxyEntry, readNeighbourProxies } from '../../../clients/iproute/neighbours.js';
import {
  type MarkedRoute,
  readMarkedRoutes,
  readRoutes,
  type Route,
} from '../../../clients/iproute/routes.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { HostPart } from '../host-parts.js';
import { uplinkDevices } from '../uplink/uplink-forwarding.js';
import { FAMILIES, OUR_PROTOCOL } from '../uplink/uplink-routes.js';
import { asUnfulfilled, type WishFile } from '../wish-file.js';
import {
  type AnsweredAddress,
  ANSWERED_ADDRESS_KIND,
  addressOf,
  answeredAddressOf,
} from './answered-address.js';

interface Standing {
  readonly routes: readonly MarkedRoute[];
  readonly proxies: readonly NeighbourProxyEntry[];
  /** Of the host itself. */
  readonly hostRoutes: readonly Route[];
}

export class AnsweredAddresses implements HostPart {
  readonly #directory: string;
  readonly #wishes: WishFile;
  readonly #run: Run;

  /** @param directory for batch files. */
  constructor(directory: string, wishes: WishFile, run: Run) {
    this.#directory = directory;
    this.#wishes = wishes;
    this.#run = run;
  }

  /** A wish that is not fulfilled as the host is now is seen without its properties. */
  async observe(signal: AbortSignal): Promise<Resource[]> {
    const wishes = [...(await this.#wishes.read()).values()];
    if (wishes.length === 0) return [];
    const standing = await this.#standing(signal);
    const ways = new Set([...standing.routes.map(routeLine), ...standing.proxies.map(proxyLine)]);
    return wishes.map((wish) => {
      const answered = answeredAddressOf(wish);
      const isFulfilled =
        answered !== undefined && wantedLines(answered, standing).every((line) => ways.has(line));
      return isFulfilled ? wish : asUnfulfilled(wish);
    });
  }

  async apply(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const concerned = changes.filter((change) => subjectOf(change).kind === ANSWERED_ADDRESS_KIND);
    if (concerned.length === 0) return;
    const coming = concerned.flatMap((change) => (change.action === 'delete' ? [] : [change.after]));
    await this.#wishes.announce(coming.map(asUnfulfilled));
    const addresses = concerned.map((change) => addressOf(subjectOf(change)));
    await this.#lead(new Set(addresses), coming, signal);
    for (const address of addresses) await endConnections(this.#run, address, signal);
    await this.#wishes.change(concerned, async () => {});
  }

  /** Makes routes and entries of the addresses just those that are wanted. */
  async #lead(
    addresses: ReadonlySet<string>,
    wanted: readonly Resource[],
    signal: AbortSignal,
  ): Promise<void> {
    const standing = await this.#standing(signal);
    const lines = wanted.flatMap((wish) => {
      const answered = answeredAddressOf(wish);
      return answered === undefined ? [] : wantedLines(answered, standing);
    });
    const there = [
      ...standing.proxies.filter(({ address }) => addresses.has(address)).map(proxyLine),
      ...standing.routes.filter(({ destination }) => addresses.has(destination)).map(routeLine),
    ];
    const [kept, known] = [new Set(lines), new Set(there)];
    const stale = there.filter((line) => !kept.has(line)).map((line) => line.replace(' ', ' del '));
    const missing = lines.filter((line) => !known.has(line)).map((line) => line.replace(' ', ' add '));
    for (const family of FAMILIES) {
      const own = [...stale, ...missing].filter((line) => line.includes(':') === (family === 6));
      await runBatch(this.#run, own, { directory: this.#directory, signal, family });
    }
  }

  async #standing(signal: AbortSignal): Promise<Standing> {
    const [routes, ipv4, ipv6, hostRoutes] = await Promise.all([
      readMarkedRoutes(this.#run, OUR_PROTOCOL, signal),
      readNeighbourProxies(this.#run, 4, signal),
      readNeighbourProxies(this.#run, 6, signal),
      readRoutes(this.#run, signal),
    ]);
    return {
      routes: routes.filter(({ table, type }) => table === 'main' && type === 'unicast'),
      proxies: [...ipv4, ...ipv6].filter(({ protocol }) => protocol === String(OUR_PROTOCOL)),
      hostRoutes,
    };
  }
}

/** Lines of `ip -batch` without their verb, the route first: without it the kernel answers no ARP. */
function wantedLines({ address, uplink, device }: AnsweredAddress, { hostRoutes }: Standing): string[] {
  return [
    routeLine({ destination: address, device }),
    ...uplinkDevices(uplink, hostRoutes, address.includes(':') ? 6 : 4).map((by) =>
      proxyLine({ address, device: by }),
    ),
  ];
}

function routeLine({ destination, device }: Pick<MarkedRoute, 'destination' | 'device'>): string {
  return `route ${destination} dev ${device} protocol ${OUR_PROTOCOL}`;
}

function proxyLine({ address, device }: Pick<NeighbourProxyEntry, 'address' | 'device'>): string {
  return `neigh proxy ${address} dev ${device} protocol ${OUR_PROTOCOL}`;
}
