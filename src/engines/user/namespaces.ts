/**
 * Machines that are network namespaces: the fabric puts a tap into each, and what is inside is told its addresses and
 * routes, so that it works at once. A namespace that the file names is its owner's; the others are ours, and known by
 * their name (ip-netns(8)).
 */
import { readdir } from 'node:fs/promises';
import { runnerIn } from '../../clients/command/run.js';
import { runBatch } from '../../clients/iproute/batch.js';
import type { FabricConfiguration, FabricNetwork, FabricPort } from '../../fabric/control/protocol.js';
import type { Change, Resource } from '../../plan/resource.js';
import type { Nic } from '../../topology/topology.js';
import { nicOptions } from './options.js';

const NAMESPACES = '/run/netns';
export const NAMESPACE_KIND = 'namespace';

export function namespacePath(name: string): string {
  return `${NAMESPACES}/${name}`;
}

/** The namespace that a NIC goes into; absent for one that stays on the host. */
export function namespaceOf(project: string, nic: Nic): string | undefined {
  const { attach, namespace } = nicOptions(nic);
  if (attach !== 'netns') return undefined;
  return namespace ?? `${ownPrefix(project)}${nic.machine}`;
}

/** Namespaces of ours that these NICs need, each as a resource. Pure. */
export function desireNamespaces(provider: string, project: string, nics: readonly Nic[]): Resource[] {
  const own = nics.filter(({ options }) => options['netns'] === undefined);
  const byName = new Map(own.map((nic) => [namespaceOf(project, nic), nic]));
  return [...byName].flatMap(([name, nic]) =>
    name === undefined
      ? []
      : [
          {
            ...namespaceResource(provider, name, nic.machine),
            reason: `${nic.machine} is a network namespace`,
            source: nic.source,
          },
        ],
  );
}

/** Namespaces of ours that are there. */
export async function observeNamespaces(provider: string, project: string): Promise<Resource[]> {
  const prefix = ownPrefix(project);
  const names = await readdir(NAMESPACES).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => namespaceResource(provider, name, name.slice(prefix.length)));
}

/** Makes the namespaces of these changes, or takes them away. */
export async function changeNamespaces(
  changes: readonly Change[],
  action: 'create' | 'delete',
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const lines = changes.flatMap((change): string[] => {
    const resource = change.action === 'delete' ? change.before : change.after;
    if (change.action !== action || resource.kind !== NAMESPACE_KIND) return [];
    return [`netns ${action === 'create' ? 'add' : 'del'} ${String(resource.properties['namespace'])}`];
  });
  await runBatch(runnerIn(), lines, { directory, signal });
}

/** Tells what stands behind these ports its addresses and routes. */
export async function configureNamespaces(
  portIds: ReadonlySet<string>,
  { ports, networks }: FabricConfiguration,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  for (const port of ports) {
    const path = port.tap?.namespacePath;
    const network = networks.find(({ name }) => name === port.network);
    if (!portIds.has(port.id) || path === undefined || network === undefined) continue;
    const run = runnerIn(path.slice(NAMESPACES.length + 1));
    await runBatch(run, insideLines(port, network), { directory, signal });
  }
}

/** Lines for `ip -batch` inside the namespace. Pure. */
export function insideLines(port: FabricPort, network: FabricNetwork): string[] {
  const device = port.tap?.interfaceName ?? '';
  const isRouted = network.mode !== 'isolated';
  const { ipv4, ipv6 } = network;
  const families = [
    ...(ipv4 && port.ipv4 !== undefined ? [{ subnet: ipv4, address: port.ipv4, words: '' }] : []),
    // Nobody else has the address: its check would only take a second in which nothing can be sent from it.
    ...(ipv6 && port.ipv6 !== undefined ? [{ subnet: ipv6, address: port.ipv6, words: ' nodad' }] : []),
  ];
  return [
    'link set dev lo up',
    `link set dev ${device} up`,
    ...families.map(
      ({ subnet, address, words }) =>
        `address replace ${address}/${subnet.prefixLength} dev ${device}${words}`,
    ),
    ...(isRouted
      ? families.map(({ subnet }) => `route replace default via ${subnet.gateway} dev ${device}`)
      : []),
  ];
}

/** Project names have no colon. The linux engine's namespaces begin otherwise: neither takes the other's for its own. */
function ownPrefix(project: string): string {
  return `passerelle-user:${project}:`;
}

function namespaceResource(provider: string, namespace: string, machine: string): Resource {
  return {
    id: `${provider}/${NAMESPACE_KIND}/${namespace}`,
    provider,
    kind: NAMESPACE_KIND,
    properties: { namespace },
    needs: [],
    affects: [machine],
  };
}
