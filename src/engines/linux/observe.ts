/** What stands on the host and carries our mark, as the Linux engine's resources. */
import type { Run } from '../../clients/command/run.js';
import { runnerIn } from '../../clients/command/run.js';
import { type FloodTargets, readFloodTargets } from '../../clients/iproute/flood-targets.js';
import { type Link, readAddresses, readLinks } from '../../clients/iproute/links.js';
import { type NamedNamespace, readNamespaces } from '../../clients/iproute/namespaces.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import { listTable, type NftTable } from '../../clients/nft/listing.js';
import type { Resource } from '../../plan/resource.js';
import { TABLE_KIND } from '../kernel-gateway/desire.js';
import { elementProperties, elementsByOwner } from '../kernel-gateway/rules/elements.js';
import { observedTable, tableName } from '../kernel-gateway/rules/ruleset.js';
import { BRIDGE_KIND, bridgeId, observedBridge } from './bridge.js';
import { CLOSED_KIND, observedClosed } from './closed.js';
import { CLOSED_TABLE_ID, GUARD_TABLE_ID, PEER_TABLE_ID, PROVIDER } from './identity.js';
import { isBridgeMark, isOurNamespace, isUplinkMark, type Mark, markOf } from './marks.js';
import { MACVTAP_KIND, observeMacvtaps } from './macvtap.js';
import { peerTable } from './overlay/peer-table.js';
import { observedTunnel, TUNNEL_KIND } from './overlay/tunnel.js';
import { observedRateLimits, RATE_LIMIT_KIND } from './rate-limit.js';
import { observedTap, TAP_KIND } from './tap.js';
import { observedUplink, UPLINK_KIND, type UplinkRecord } from './uplink/uplink-resource.js';
import { NAMESPACE_KIND, type NamespaceView, observedVeth, VETH_KIND } from './veth.js';

/** Names of links that were about to be made, with the mark they would get. */
export type Intents = ReadonlyMap<string, Mark>;

/** The tables that guard ports, that close isolated networks, and that say who may send into tunnels. */
export function listSegmentTables(
  run: Run,
  project: string,
  signal: AbortSignal,
): Promise<[guard: NftTable | undefined, closed: NftTable | undefined, peers: NftTable | undefined]> {
  return Promise.all([
    listTable(run, 'bridge', tableName('bridge', project, PROVIDER).name, signal),
    listTable(run, 'netdev', tableName('netdev', project, PROVIDER).name, signal),
    listTable(run, 'inet', peerTable(project, PROVIDER).name, signal),
  ]);
}

export async function observeSegments(
  run: Run,
  project: string,
  links: readonly Link[],
  intents: Intents,
  uplinkRecord: (network: string) => Promise<UplinkRecord | undefined>,
  signal: AbortSignal,
): Promise<Resource[]> {
  const [[guard, closed, peers], namespaces] = await Promise.all([
    listSegmentTables(run, project, signal),
    readNamespaces(run, signal),
  ]);
  const marked = links.flatMap((link) => {
    const mark = markOf(project, link.altnames);
    const intent = mark ?? intents.get(link.ifname);
    return intent === undefined ? [] : [{ link, mark: intent, isWhole: mark !== undefined }];
  });
  const veths = marked.map(({ link }) => link).filter(({ kind }) => kind === 'veth');
  const macvtaps = await observeMacvtaps(
    run,
    marked.map(({ link }) => link),
    signal,
  );
  const floodTargets = await readFloodTargets(run, links, signal);
  const views = await viewNamespaces(veths, namespaces, signal);
  const networkOfBridge = new Map(
    marked.flatMap(({ link, mark }) => (isBridgeMark(mark) ? [[link.ifname, mark.network] as const] : [])),
  );
  const uplinks = new Map(
    marked.flatMap(({ link, mark }) => (isUplinkMark(mark) ? [[mark.network, link]] : [])),
  );
  const records = new Map(
    await Promise.all(
      [...uplinks.keys()].map(async (network) => [network, await uplinkRecord(network)] as const),
    ),
  );
  const deviceOf = (network: string): string | undefined =>
    [...networkOfBridge].find(([, name]) => name === network)?.[0];
  const resources = marked.map(({ link, mark, isWhole }): Resource => {
    const { kind, name, properties, affects } = isUplinkMark(mark)
      ? {
          kind: UPLINK_KIND,
          name: mark.network,
          properties: observedUplink(link, records.get(mark.network), deviceOf(mark.network)),
          affects: [],
        }
      : describe(link, mark, { views, uplinks, macvtaps, floodTargets });
    const network = networkOfBridge.get(link.master ?? '');
    return {
      id: `${PROVIDER}/${kind}/${name}`,
      provider: PROVIDER,
      kind,
      // One that was made half way has nothing of its own yet but its name.
      properties: isWhole ? properties : { device: link.ifname },
      needs: network === undefined ? [] : [bridgeId(PROVIDER, network)],
      affects,
    };
  });
  const machines = machinesByNetwork(resources);
  return [
    ...resources.map((resource) =>
      resource.kind === BRIDGE_KIND || resource.kind === TUNNEL_KIND
        ? { ...resource, affects: machines.get(bridgeId(PROVIDER, resource.id.split('/')[2] ?? '')) ?? [] }
        : resource,
    ),
    ...observeGuards(guard),
    ...observeClosures(closed),
    ...observePeers(peers),
    ...namespaces
      .filter(({ name }) => isOurNamespace(project, name))
      .map(({ name }) => plain(NAMESPACE_KIND, name, { namespace: name })),
  ];
}

interface Surroundings {
  readonly views: readonly NamespaceView[];
  readonly uplinks: ReadonlyMap<string, Link>;
  readonly macvtaps: ReadonlyMap<string, Resource['properties']>;
  readonly floodTargets: FloodTargets;
}

function describe(
  link: Link,
  mark: Exclude<Mark, { readonly kind: 'uplink' | 'host-uplink' }>,
  { views, uplinks, macvtaps, floodTargets }: Surroundings,
): { kind: string; name: string; properties: Resource['properties']; affects: string[] } {
  switch (mark.kind) {
    case 'bridge':
    case 'host-bridge':
      return {
        kind: BRIDGE_KIND,
        name: mark.network,
        properties: observedBridge(link, uplinks.get(mark.network)?.master === link.ifname),
        affects: [],
      };
    case 'server':
      return {
        kind: VETH_KIND,
        name: `${mark.network}.server`,
        properties: observedVeth(link, views),
        affects: [],
      };
    case 'tunnel':
      return {
        kind: TUNNEL_KIND,
        name: mark.network,
        properties: observedTunnel(link, floodTargets.get(link.ifname) ?? []),
        affects: [],
      };
    case 'nic': {
      const nic = { name: `${mark.machine}/${mark.index}`, affects: [mark.machine] };
      const macvtap = macvtaps.get(link.ifname);
      if (macvtap !== undefined) return { ...nic, kind: MACVTAP_KIND, properties: macvtap };
      return link.kind === 'veth'
        ? { ...nic, kind: VETH_KIND, properties: observedVeth(link, views) }
        : { ...nic, kind: TAP_KIND, properties: observedTap(link) };
    }
  }
}

/** Machines with a port on each bridge, by the bridge's resource id. */
function machinesByNetwork(resources: readonly Resource[]): Map<string, string[]> {
  const machines = new Map<string, Set<string>>();
  for (const { needs, affects } of resources) {
    for (const id of needs) {
      const known = machines.get(id) ?? new Set();
      machines.set(id, known);
      for (const machine of affects) known.add(machine);
    }
  }
  return new Map([...machines].map(([id, names]) => [id, [...names]]));
}

/** Looks into the namespaces that the veths lead to. */
async function viewNamespaces(
  veths: readonly Link[],
  namespaces: readonly NamedNamespace[],
  signal: AbortSignal,
): Promise<NamespaceView[]> {
  const ids = new Set(veths.map(({ peerNamespaceId }) => peerNamespaceId));
  const candidates = namespaces.filter(({ id }) => id !== undefined && ids.has(id));
  return Promise.all(
    candidates.map(async ({ name, id }): Promise<NamespaceView> => {
      const run = runnerIn(name);
      const [inner, addresses, routes] = await Promise.all([
        readLinks(run, signal),
        readAddresses(run, signal),
        readRoutes(run, signal),
      ]);
      const gateways = new Map<string, string[]>();
      for (const { destination, device, gateway, protocol } of routes) {
        if (destination !== 'default' || gateway === undefined || protocol === 'ra') continue;
        gateways.set(device, [...(gateways.get(device) ?? []), gateway]);
      }
      return { namespace: name, id, links: inner, addresses, gateways };
    }),
  );
}

function observeGuards(table: NftTable | undefined): Resource[] {
  if (table === undefined) return [];
  return [
    plain(TABLE_KIND, 'guard', observedTable(table)),
    ...[...observedRateLimits(table)].map(
      ([nic, properties]): Resource => ({
        ...plain(RATE_LIMIT_KIND, nic, properties),
        needs: [GUARD_TABLE_ID],
        affects: [nic.split('/')[0] ?? ''],
      }),
    ),
    ...elementsByOwner(table).map(
      ({ owner, elements }): Resource => ({
        ...plain(owner.kind, owner.name, elementProperties(elements)),
        needs: [GUARD_TABLE_ID],
        affects: [owner.name.split('/')[0] ?? ''],
      }),
    ),
  ];
}

function observePeers(table: NftTable | undefined): Resource[] {
  if (table === undefined) return [];
  return [
    plain(TABLE_KIND, 'tunnels', observedTable(table)),
    ...elementsByOwner(table).map(({ owner, elements }) => ({
      ...plain(owner.kind, owner.name, elementProperties(elements)),
      needs: [PEER_TABLE_ID],
    })),
  ];
}

function observeClosures(table: NftTable | undefined): Resource[] {
  if (table === undefined) return [];
  const { family, name } = table;
  return [
    plain(TABLE_KIND, 'closed', { family, name }),
    ...[...observedClosed(table)].map(([network, properties]) => ({
      ...plain(CLOSED_KIND, network, properties),
      needs: [CLOSED_TABLE_ID],
    })),
  ];
}

function plain(kind: string, name: string, properties: Resource['properties']): Resource {
  return { id: `${PROVIDER}/${kind}/${name}`, provider: PROVIDER, kind, properties, needs: [], affects: [] };
}
