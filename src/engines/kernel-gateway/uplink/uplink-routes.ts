/**
 * The way out of a network that is bound to an uplink of its own. Theory of operation: what comes in by the network's
 * device is looked up in a table of routes of its own (ip-rule(8)), before the host's main table: the gateway networks
 * of the engine by their devices, what the uplink is connected to by the uplink, everything else by the uplink's gateway,
 * and what has none is unreachable. So the answers to connections that came in by the uplink leave by it too. Rules and
 * routes of ours have a protocol number of their own, and the table's number is made of project, engine and network: by
 * both they are known again. Which gateway the uplink has is up to the host as it is now, so a resource says what for,
 * and this says which routes. Pure.
 */
import type { DeviceRoute } from '../../../clients/iproute/routes.js';
import type { DeviceRule } from '../../../clients/iproute/rules.js';
import type { Resource } from '../../../plan/resource.js';
import { hashBits } from '../../../topology/hash.js';
import type { Network } from '../../../topology/topology.js';
import { blockOf } from '../rules/policy.js';

export const UPLINK_ROUTES_KIND = 'uplink-routes';

/** Of the rules: after the host's own addresses (0), before its main table (32766). */
export const RULE_PRIORITY = 20_500;
/** `protocol` of rules and routes that are ours: nobody's in /etc/iproute2/rt_protos. */
export const OUR_PROTOCOL = 80;
/** Of the last resort: after whatever else the table has. */
const LAST_METRIC = 4_294_967_295;
export const FAMILIES = [4, 6] as const;

interface UplinkRoutes {
  /** The network's device on the host. */
  readonly device: string;
  readonly uplink: string;
  readonly families: readonly (4 | 6)[];
  /** The uplink's gateways by the file; null: as the host has learnt them. */
  readonly gateways: readonly string[] | null;
  /** `10.10.10.0/24 dev psl1`, sorted: the networks of this engine. */
  readonly neighbours: readonly string[];
}

/** A route of a table of ours: as typed, and what stands in its place. */
export interface OwnRoute {
  readonly family: 4 | 6;
  readonly table: string;
  /** `default`, a block; with `unreachable ` before it the last resort. */
  readonly destination: string;
  /** `via 192.0.2.1 dev eth1 onlink`. */
  readonly way: string;
}

/** A nat or routed network with a NIC of the host named as its uplink. */
export function isBound({ mode, uplink }: Network): boolean {
  return (mode === 'nat' || mode === 'routed') && uplink !== undefined && uplink !== 'default';
}

/** Gateways of the uplink that the file gives; undefined: none are given. */
export function givenGateways({ options }: Network): string[] | undefined {
  const gateways = options['uplink-gateway'];
  return Array.isArray(gateways) ? gateways.filter((each) => typeof each === 'string') : undefined;
}

/** @param gateways the networks with a gateway on this host. */
export function desireUplinkRoutes(
  provider: string,
  gateways: readonly Network[],
  deviceId: (network: string) => string,
): Resource[] {
  const neighbours = gateways
    .flatMap((network) =>
      [network.ipv4, network.ipv6].flatMap((subnet) =>
        subnet === undefined ? [] : [`${blockOf(subnet)} dev ${network.interfaceName}`],
      ),
    )
    .sort();
  return gateways.filter(isBound).map((network): Resource => {
    const { name, uplink = '', ipv4, ipv6 } = network;
    const properties: UplinkRoutes = {
      device: network.interfaceName,
      uplink,
      families: [...(ipv4 ? [4 as const] : []), ...(ipv6 ? [6 as const] : [])],
      gateways: givenGateways(network) ?? null,
      neighbours,
    };
    return {
      id: `${provider}/${UPLINK_ROUTES_KIND}/${name}`,
      provider,
      kind: UPLINK_ROUTES_KIND,
      properties: { ...properties },
      needs: gateways.map((other) => deviceId(other.name)),
      reason: `what leaves ${name} leaves by ${uplink}`,
      source: network.source,
      affects: [],
    };
  });
}

/** Undefined for one that was seen without its properties: nothing is wanted of it. */
export function uplinkRoutesOf(resource: Resource): UplinkRoutes | undefined {
  return 'device' in resource.properties ? (resource.properties as unknown as UplinkRoutes) : undefined;
}

/** Number of the table, far above those that anyone gives by hand. */
export function tableOf(project: string, resource: Pick<Resource, 'id'>): string {
  return String(0x5000_0000 + Number(hashBits(`${project}/${resource.id}`, 28)));
}

/** The gateway of the uplink in one family: as given, else of its preferred default route, whatever table that is in. */
export function gatewayOf(
  given: readonly string[] | null,
  routes: readonly DeviceRoute[],
  family: 4 | 6,
): string | undefined {
  if (given !== null) return given.find((address) => address.includes(':') === (family === 6));
  const isMain = ({ table }: DeviceRoute): number => (table === undefined ? 0 : 1);
  return routes
    .filter((route) => route.family === family && route.destination === 'default' && !isOurs(route))
    .sort((a, b) => isMain(a) - isMain(b) || (a.metric ?? 0) - (b.metric ?? 0))
    .find(({ gateway }) => gateway !== undefined)?.gateway;
}

function isOurs({ protocol }: DeviceRoute): boolean {
  return protocol === String(OUR_PROTOCOL);
}

export function wantedRules(table: string, { device, families }: UplinkRoutes): DeviceRule[] {
  return families.map((family) => ({ family, priority: RULE_PRIORITY, device, table }));
}

/** @param routes by the uplink, of every table. */
export function wantedRoutes(
  table: string,
  { uplink, families, gateways, neighbours }: UplinkRoutes,
  routes: readonly DeviceRoute[],
): OwnRoute[] {
  return families.flatMap((family) => {
    const own = neighbours.flatMap((text) => {
      const [destination, way] = splitAt(text, ' ');
      return destination.includes(':') === (family === 6) ? [{ destination, way }] : [];
    });
    const connected = routes
      .filter((route) => route.family === family && route.table === undefined && !isOurs(route))
      .filter(({ destination }) => destination !== 'default' && !/^(?:fe80|ff)/.test(destination))
      .map(({ destination, gateway }) => ({ destination, way: wayBy(uplink, gateway) }));
    const gateway = gatewayOf(gateways, routes, family);
    return [
      ...own,
      ...connected.filter(({ destination }) => own.every((each) => each.destination !== destination)),
      ...(gateway === undefined ? [] : [{ destination: 'default', way: wayBy(uplink, gateway) }]),
      { destination: 'unreachable default', way: '' },
    ].map(({ destination, way }) => ({ family, table, destination, way }));
  });
}

/** `onlink`: the gateway need not be in a subnet of the uplink, as with single addresses of a provider. */
function wayBy(device: string, gateway: string | undefined): string {
  return gateway === undefined ? `dev ${device}` : `via ${gateway} dev ${device} onlink`;
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

/** Lines of `ip -batch` for one family: routes before the rule that leads to them, and the other way round on the way back. */
export function changeLines(
  family: 4 | 6,
  rules: { readonly standing: readonly DeviceRule[]; readonly wanted: readonly DeviceRule[] },
  routes: { readonly standing: readonly OwnRoute[]; readonly wanted: readonly OwnRoute[] },
): string[] {
  const ruleText = (rule: DeviceRule): string =>
    `iif ${rule.device} lookup ${rule.table} priority ${rule.priority} protocol ${OUR_PROTOCOL}`;
  const place = ({ table, destination }: OwnRoute): string => `${table} ${destination}`;
  const text = (route: OwnRoute): string => `${place(route)} ${route.way}`;
  const without = <T>(all: readonly T[], taken: readonly T[], key: (item: T) => string): T[] => {
    const keys = new Set(taken.map(key));
    return all.filter((item) => !keys.has(key(item)));
  };
  const of = <T extends { family: 4 | 6 }>(list: readonly T[]): T[] =>
    list.filter((item) => item.family === family);
  const [rulesNow, rulesThen, routesNow, routesThen] = [
    of(rules.standing),
    of(rules.wanted),
    of(routes.standing),
    of(routes.wanted),
  ];
  return [
    ...without(rulesNow, rulesThen, ruleText).map((rule) => `rule del ${ruleText(rule)}`),
    ...without(routesThen, routesNow, text).map((route) => `route replace ${routeText(route)}`),
    ...without(routesNow, routesThen, place).map((route) => `route del ${routeText(route)}`),
    ...without(rulesThen, rulesNow, ruleText).map((rule) => `rule add ${ruleText(rule)}`),
  ];
}

export function routeText({ destination, way, table }: OwnRoute): string {
  const metric = destination.startsWith('unreachable') ? `metric ${LAST_METRIC}` : '';
  return [destination, way, metric, `table ${table} proto ${OUR_PROTOCOL}`]
    .filter((part) => part !== '')
    .join(' ');
}
