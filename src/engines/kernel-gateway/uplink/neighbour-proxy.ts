/**
 * Proxy neighbour discovery: the host answers on the uplink for the IPv6 addresses of a routed network's machines, so
 * that the LAN needs no route (RFC 4389 is the idea; the kernel answers address by address, ip-neighbour(8)). Theory of
 * operation: an entry for each address that a machine has by the file or forms from its MAC, on each device that the
 * network leaves by, marked by our protocol number. Entries of addresses that go, go before what is wished for is written
 * anew: after a kill none is forgotten.
 */
import type { Run } from '../../../clients/command/run.js';
import { runBatch } from '../../../clients/iproute/batch.js';
import { type NeighbourProxyEntry, readNeighbourProxies } from '../../../clients/iproute/neighbours.js';
import { readRoutes, type Route } from '../../../clients/iproute/routes.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Network, Nic } from '../../../topology/topology.js';
import type { HostPart } from '../host-parts.js';
import { slaacAddressOf } from '../link-local.js';
import { asksForNeighbourProxy, typedUplinkDevices, uplinkDevices } from './uplink-forwarding.js';
import { OUR_PROTOCOL } from './uplink-routes.js';
import { asUnfulfilled, type WishFile } from '../wish-file.js';

export const NEIGHBOUR_PROXY_KIND = 'neighbour-proxy';

interface NeighbourProxy {
  /** `default`: the devices with an IPv6 default route, as they are now. */
  readonly uplink: string;
  /** Sorted. */
  readonly addresses: readonly string[];
}

export function desireNeighbourProxies(
  provider: string,
  networks: readonly Network[],
  nics: readonly Nic[],
  deviceId: (network: string) => string,
): Resource[] {
  return networks.filter(asksForNeighbourProxy).map((network): Resource => {
    const { ipv6, uplink = 'default' } = network;
    const own = nics.filter((nic) => nic.network === network.name);
    const addresses = own.flatMap((nic) => [
      ...(nic.ipv6 === undefined ? [] : [nic.ipv6]),
      ...(ipv6?.prefixLength === 64 ? [slaacAddressOf(ipv6.address, nic.mac)] : []),
    ]);
    const properties: NeighbourProxy = { uplink, addresses: [...new Set(addresses)].sort() };
    return {
      id: `${provider}/${NEIGHBOUR_PROXY_KIND}/${network.name}`,
      provider,
      kind: NEIGHBOUR_PROXY_KIND,
      properties: { ...properties },
      needs: [deviceId(network.name)],
      reason: `the host answers on the LAN for the IPv6 addresses of ${network.name}`,
      source: network.source,
      affects: [],
    };
  });
}

/** Of one that was seen without its properties nothing is wanted. */
function proxyOf({ properties }: Resource): NeighbourProxy {
  return 'uplink' in properties ? (properties as unknown as NeighbourProxy) : { uplink: '', addresses: [] };
}

export class NeighbourProxies implements HostPart {
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
    const wishes = await this.#wishes.read();
    if (wishes.size === 0) return [];
    const [standing, routes] = await this.#host(signal);
    const places = new Set(standing.map(placeOf));
    return [...wishes.values()].map((wish) =>
      wanted([wish], routes).every((entry) => places.has(placeOf(entry))) ? wish : asUnfulfilled(wish),
    );
  }

  async apply(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const concerned = changes.filter((change) => subjectOf(change).kind === NEIGHBOUR_PROXY_KIND);
    if (concerned.length === 0) return;
    const [standing, routes] = await this.#host(signal);
    const before = await this.#wishes.read();
    const once = new Set([...before.values()].flatMap((wish) => proxyOf(wish).addresses));
    await this.#wishes.change(concerned, async (wishes) => {
      const entries = wanted([...wishes.values()], routes);
      const kept = new Set(entries.map(placeOf));
      const stale = standing.filter((entry) => once.has(entry.address) && !kept.has(placeOf(entry)));
      await this.#batch(
        stale.map((entry) => `neigh del proxy ${placeOf(entry)}`),
        signal,
      );
      await this.#batch(
        entries.map((entry) => `neigh add proxy ${placeOf(entry)} protocol ${OUR_PROTOCOL}`),
        signal,
      );
    });
  }

  async #host(signal: AbortSignal): Promise<[NeighbourProxyEntry[], Route[]]> {
    const [proxies, routes] = await Promise.all([
      readNeighbourProxies(this.#run, 6, signal),
      readRoutes(this.#run, signal),
    ]);
    return [proxies.filter(({ protocol }) => protocol === String(OUR_PROTOCOL)), routes];
  }

  #batch(lines: readonly string[], signal: AbortSignal): Promise<void> {
    return runBatch(this.#run, lines, { directory: this.#directory, signal, family: 6 });
  }
}

function wanted(
  wishes: readonly Resource[],
  routes: readonly Route[],
): Pick<NeighbourProxyEntry, 'address' | 'device'>[] {
  return wishes.flatMap((wish) => {
    const { uplink, addresses } = proxyOf(wish);
    if (addresses.length === 0) return [];
    return uplinkDevices(uplink, routes, 6).flatMap((device) =>
      addresses.map((address) => ({ address, device })),
    );
  });
}

function placeOf({ address, device }: Pick<NeighbourProxyEntry, 'address' | 'device'>): string {
  return `${address} dev ${device}`;
}

/** What a person types. */
export function neighbourProxyCommands(change: Change): string[] {
  const { uplink, addresses } = proxyOf(subjectOf(change));
  const verb = change.action === 'delete' ? 'del' : 'add';
  const devices = typedUplinkDevices(uplink, 6);
  return addresses.map(
    (address) =>
      `for device in ${devices}; do ip -6 neigh ${verb} proxy ${address} dev "$device"${verb === 'add' ? ` protocol ${OUR_PROTOCOL}` : ''}; done`,
  );
}
