/** Changes of segments and ports as work for the kernel, in the order of the changes. */
import type { Route } from '../../clients/iproute/routes.js';
import { type Change, type Resource, subjectOf } from '../../plan/resource.js';
import { TABLE_KIND } from '../kernel-gateway/desire.js';
import { elementComment, elementLines, elementsOf } from '../kernel-gateway/rules/elements.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { type TableDefinition, tableLines, tableName, tablePhrase } from '../kernel-gateway/rules/ruleset.js';
import { BRIDGE_KIND, stageBridge } from './bridge.js';
import { CLOSED_KIND, closeLines, openLines } from './closed.js';
import { CLOSED_TABLE_ID, GUARD_TABLE_ID, PEER_TABLE_ID, PROVIDER } from './identity.js';
import { GUARD_KIND } from './guard.js';
import { guardTable } from './guard-table.js';
import { MACVTAP_KIND, stageMacvtap } from './macvtap.js';
import type { Mark } from './marks.js';
import { PEERS_KIND, peerTable } from './overlay/peer-table.js';
import { stageTunnel, TUNNEL_KIND } from './overlay/tunnel.js';
import { limitLines, RATE_LIMIT_KIND, unlimitLines } from './rate-limit.js';
import { stageTap, TAP_KIND } from './tap.js';
import { NAMESPACE_KIND, stageVeth, VETH_KIND } from './veth.js';

/** The link that a resource is, with its mark; undefined when it is none. */
export function linkOf(resource: Resource): { device: string; mark: Mark } | undefined {
  const device = String(resource.properties['device']);
  const [, kind, name = '', index] = resource.id.split('/');
  switch (kind) {
    case BRIDGE_KIND:
      return { device, mark: { kind: 'bridge', network: name } };
    case TAP_KIND:
    case MACVTAP_KIND:
      return { device, mark: { kind: 'nic', machine: name, index: Number(index) } };
    case TUNNEL_KIND:
      return { device, mark: { kind: 'tunnel', network: name } };
    case VETH_KIND:
      return index === undefined
        ? { device, mark: { kind: 'server', network: name.replace(/\.server$/, '') } }
        : { device, mark: { kind: 'nic', machine: name, index: Number(index) } };
    default:
      return undefined;
  }
}

/** @param routes of the host; absent: the work is to be typed, and the shell finds out. */
export function stageSegment(
  project: string,
  change: Change,
  work: KernelWork,
  routes?: readonly Route[],
): void {
  const subject = subjectOf(change);
  const link = linkOf(subject);
  if (link !== undefined) return stageLink(project, change, work, routes);
  switch (subject.kind) {
    case NAMESPACE_KIND: {
      const namespace = String(subject.properties['namespace']);
      if (change.action === 'delete') work.doomedNamespaces.push(namespace);
      else work.newNamespaces.push(namespace);
      return;
    }
    case TABLE_KIND:
      return stageTable(project, change, work);
    case GUARD_KIND:
      return stageElements(guardTable(project, PROVIDER), 'port', change, work);
    case PEERS_KIND:
      return stageElements(peerTable(project, PROVIDER), 'tunnel', change, work);
    case RATE_LIMIT_KIND:
      return stageRateLimit(project, change, work);
    case CLOSED_KIND:
      return stageClosed(project, change, work);
    default:
      return;
  }
}

function stageLink(
  project: string,
  change: Change,
  work: KernelWork,
  routes: readonly Route[] | undefined,
): void {
  if (change.action === 'delete') {
    const { properties, kind } = change.before;
    const device = String(properties['device']);
    // Nothing passes from here on, whatever order the rest goes in.
    if (kind === BRIDGE_KIND || kind === TUNNEL_KIND) work.linkLines.push(`link set dev ${device} down`);
    work.doomedLinks.push(device);
    return;
  }
  const { after } = change;
  // One that was seen half made, on the way back to what was seen: there is nothing to make of it.
  if (!('isUp' in after.properties)) return;
  if (change.action === 'replace') {
    work.linkLines.push(`link delete dev ${String(change.before.properties['device'])}`);
  }
  const before = change.action === 'update' ? change.before : undefined;
  const link = linkOf(after);
  if (link === undefined) return;
  const { mark } = link;
  if (after.kind === VETH_KIND) stageVeth(work, project, mark, before, after);
  else if (mark.kind === 'nic' && after.kind === MACVTAP_KIND)
    stageMacvtap(work, project, mark, before, after, routes);
  else if (mark.kind === 'nic') stageTap(work, project, mark, before, after);
  else if (mark.kind === 'tunnel') stageTunnel(work, project, mark.network, before, after);
  else stageBridge(work, project, mark.network, before, after);
}

/** Tables whose rules are the same for whatever they are asked to hold. */
const DEFINED_TABLES: Readonly<Record<string, typeof guardTable>> = {
  [GUARD_TABLE_ID]: guardTable,
  [PEER_TABLE_ID]: peerTable,
};

function stageTable(project: string, change: Change, work: KernelWork): void {
  const { id } = subjectOf(change);
  const table = DEFINED_TABLES[id]?.(project, PROVIDER);
  if (table === undefined && id !== CLOSED_TABLE_ID) return;
  const phrase = tablePhrase(table ?? tableName('netdev', project, PROVIDER));
  if (change.action === 'delete') work.rulesetLines.push(`delete table ${phrase}`);
  else if (table === undefined) work.rulesetLines.push(`add table ${phrase}`);
  else
    work.rulesetLines.push(
      ...tableLines(table, change.action === 'create' ? undefined : change.before.properties),
    );
}

function stageElements(table: TableDefinition, serves: string, change: Change, work: KernelWork): void {
  const { id, kind } = subjectOf(change);
  const name = id.split('/').slice(2).join('/');
  const comment = elementComment({ kind, name, serves });
  const before = change.action === 'create' ? {} : elementsOf(change.before);
  const after = change.action === 'delete' ? {} : elementsOf(change.after);
  work.rulesetLines.push(...elementLines(table, comment, before, after));
}

function stageRateLimit(project: string, change: Change, work: KernelWork): void {
  const table = tableName('bridge', project, PROVIDER);
  const nic = subjectOf(change).id.split('/').slice(2).join('/');
  if (change.action !== 'create') work.rulesetLines.push(...unlimitLines(table, change.before));
  if (change.action !== 'delete') work.rulesetLines.push(...limitLines(table, nic, change.after));
}

function stageClosed(project: string, change: Change, work: KernelWork): void {
  const table = tableName('netdev', project, PROVIDER);
  const [, , network = ''] = subjectOf(change).id.split('/');
  if (change.action !== 'create') {
    const { device, closedTo } = change.before.properties;
    work.rulesetLines.push(...openLines(table, String(device), closedTo as readonly string[]));
  }
  if (change.action !== 'delete') {
    work.rulesetLines.push(...closeLines(table, network, String(change.after.properties['device'])));
  }
}
