/** Keeps the rules and routes of networks that are bound to an uplink of their own; which ones is said in uplink-routes. */
import type { Run } from '../../../clients/command/run.js';
import { leasedRouters } from '../../../clients/dhcp-leases/leased-routers.js';
import { runBatch } from '../../../clients/iproute/batch.js';
import { type Link, readLinks } from '../../../clients/iproute/links.js';
import {
  type DeviceRoute,
  type MarkedRoute,
  readDeviceRoutes,
  readMarkedRoutes,
} from '../../../clients/iproute/routes.js';
import { type DeviceRule, readDeviceRules } from '../../../clients/iproute/rules.js';
import type { Problem } from '../../../errors.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Network } from '../../../topology/topology.js';
import type { HostPart } from '../host-parts.js';
import {
  changeLines,
  FAMILIES,
  gatewayOf,
  givenGateways,
  isBound,
  OUR_PROTOCOL,
  type OwnRoute,
  tableOf,
  UPLINK_ROUTES_KIND,
  uplinkRoutesOf,
  wantedRoutes,
  wantedRules,
} from './uplink-routes.js';
import { asUnfulfilled, type WishFile } from '../wish-file.js';

interface Ways {
  readonly rules: readonly DeviceRule[];
  readonly routes: readonly OwnRoute[];
}

export class UplinkRouting implements HostPart {
  readonly #project: string;
  readonly #directory: string;
  readonly #wishes: WishFile;
  readonly #run: Run;

  /** @param directory for batch files. */
  constructor(project: string, directory: string, wishes: WishFile, run: Run) {
    this.#project = project;
    this.#directory = directory;
    this.#wishes = wishes;
    this.#run = run;
  }

  /** A wish that is not fulfilled as the host is now is seen without its properties. */
  async observe(signal: AbortSignal): Promise<Resource[]> {
    const wishes = [...(await this.#wishes.read()).values()];
    if (wishes.length === 0) return [];
    const [standing, wanted] = await Promise.all([
      this.#standing(wishes, signal),
      this.#wanted(wishes, signal),
    ]);
    return wishes.map((wish) => {
      const table = tableOf(this.#project, wish);
      const isFulfilled = differences(ofTable(standing, table), ofTable(wanted, table)).length === 0;
      return isFulfilled ? wish : asUnfulfilled(wish);
    });
  }

  /** After the devices stand, and after those that go are gone. */
  async apply(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const concerned = changes.filter((change) => subjectOf(change).kind === UPLINK_ROUTES_KIND);
    if (concerned.length === 0) return;
    await this.#wishes.change(concerned, async (wishes) => {
      const all = [...wishes.values(), ...concerned.map(subjectOf)];
      const standing = await this.#standing(all, signal);
      const wanted = await this.#wanted([...wishes.values()], signal);
      for (const family of FAMILIES) {
        const lines = linesBetween(family, standing, wanted);
        await runBatch(this.#run, lines, { directory: this.#directory, signal, family });
      }
    });
  }

  /** Uplinks without a gateway, for whom the file gives none. */
  async problems(networks: readonly Network[], signal: AbortSignal): Promise<Problem[]> {
    const asking = networks.filter((network) => isBound(network) && givenGateways(network) === undefined);
    const links = asking.length === 0 ? [] : await readLinks(this.#run, signal);
    const problems = await Promise.all(
      asking.map(async ({ name, uplink = '', ipv4, ipv6, source }): Promise<Problem[]> => {
        // One that is not there is another problem.
        if (!links.some(({ ifname }) => ifname === uplink)) return [];
        const routes = await this.#uplinkRoutes(uplink, links, signal);
        const families = FAMILIES.filter((family) => (family === 4 ? ipv4 : ipv6) !== undefined);
        if (families.some((family) => gatewayOf(null, routes, family) !== undefined)) return [];
        return [
          {
            code: 'gateway/no-uplink-gateway',
            message: `network ${name} leaves by ${uplink}, and neither a route nor a DHCP lease of this host tells of a gateway there`,
            fix: `write \`uplink-gateway: [ADDRESS]\` on the network, or \`uplink-gateway: []\` when only what ${uplink} is connected to is to be reached`,
            at: source,
          },
        ];
      }),
    );
    return problems.flat();
  }

  async #wanted(wishes: readonly Resource[], signal: AbortSignal): Promise<Ways> {
    const links = await readLinks(this.#run, signal);
    const ways = await Promise.all(
      wishes.map(async (wish): Promise<Ways> => {
        const asked = uplinkRoutesOf(wish);
        if (asked === undefined) return { rules: [], routes: [] };
        const table = tableOf(this.#project, wish);
        const routes = await this.#uplinkRoutes(asked.uplink, links, signal);
        return { rules: wantedRules(table, asked), routes: wantedRoutes(table, asked, routes) };
      }),
    );
    return { rules: ways.flatMap(({ rules }) => rules), routes: ways.flatMap(({ routes }) => routes) };
  }

  /** What stands in the tables of these. */
  async #standing(resources: readonly Resource[], signal: AbortSignal): Promise<Ways> {
    const tables = new Set(resources.map((resource) => tableOf(this.#project, resource)));
    const [rules, routes] = await Promise.all([
      readDeviceRules(this.#run, signal),
      readMarkedRoutes(this.#run, OUR_PROTOCOL, signal),
    ]);
    return {
      rules: rules.filter(({ table }) => tables.has(table)),
      routes: routes.filter(({ table }) => tables.has(table)).map(ownRoute),
    };
  }

  /** Routes by the uplink; where none has a gateway, one as its DHCP lease tells. */
  async #uplinkRoutes(uplink: string, links: readonly Link[], signal: AbortSignal): Promise<DeviceRoute[]> {
    const link = links.find(({ ifname }) => ifname === uplink);
    if (link === undefined) return [];
    const routes = await readDeviceRoutes(this.#run, uplink, signal);
    if (gatewayOf(null, routes, 4) !== undefined) return routes;
    const [router] = await leasedRouters({ name: uplink, index: link.ifindex });
    if (router === undefined) return routes;
    const leased = { family: 4, destination: 'default', device: uplink, gateway: router } as const;
    return [...routes, { ...leased, isOnLink: true }];
  }
}

function ownRoute({ family, type, destination, device, gateway, table, isOnLink }: MarkedRoute): OwnRoute {
  if (type !== 'unicast' || device === undefined)
    return { family, table, destination: `${type} ${destination}`, way: '' };
  const via = gateway === undefined ? '' : `via ${gateway} `;
  return { family, table, destination, way: `${via}dev ${device}${isOnLink ? ' onlink' : ''}` };
}

function ofTable({ rules, routes }: Ways, table: string): Ways {
  return {
    rules: rules.filter((rule) => rule.table === table),
    routes: routes.filter((route) => route.table === table),
  };
}

function linesBetween(family: 4 | 6, standing: Ways, wanted: Ways): string[] {
  return changeLines(
    family,
    { standing: standing.rules, wanted: wanted.rules },
    { standing: standing.routes, wanted: wanted.routes },
  );
}

function differences(standing: Ways, wanted: Ways): string[] {
  return FAMILIES.flatMap((family) => linesBetween(family, standing, wanted));
}
