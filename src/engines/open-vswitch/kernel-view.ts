/** What the kernel has of the devices and namespaces that engines of Open vSwitch keep. Reads only. */
import { type Run, runnerIn } from '../../clients/command/run.js';
import { type Link, readAddresses, readLinks } from '../../clients/iproute/links.js';
import { readNamespaces } from '../../clients/iproute/namespaces.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import { listTable } from '../../clients/nft/listing.js';
import { PasserelleError } from '../../errors.js';
import type { NamespaceView } from './inside.js';
import { isOurNamespace, type Owner } from './owner.js';
import { shieldedDevices, shieldTable } from './shield.js';

const NAMESPACES_AT_ONCE = 4;

export async function linksByName(run: Run, signal: AbortSignal): Promise<ReadonlyMap<string, Link>> {
  return new Map((await readLinks(run, signal)).map((link) => [link.ifname, link]));
}

/** Devices that the shield covers. */
export async function readShielded(run: Run, owner: Owner, signal: AbortSignal): Promise<Set<string>> {
  const { family, name } = shieldTable(owner);
  return shieldedDevices(await listTable(run, family, name, signal));
}

/**
 * Looks into the namespaces of ours, and into those that ports of ours live in. One that vanishes meanwhile is none.
 * @param named by ports of ours.
 */
export async function viewNamespaces(
  run: Run,
  owner: Owner,
  named: ReadonlySet<string | null>,
  signal: AbortSignal,
): Promise<NamespaceView[]> {
  const names = (await readNamespaces(run, signal))
    .map(({ name }) => name)
    .filter((name) => isOurNamespace(owner, name) || named.has(name));
  const views: NamespaceView[] = [];
  await eachOf(names, NAMESPACES_AT_ONCE, async (namespace) => {
    const view = await viewNamespace(runnerIn(namespace), signal).catch((error: unknown) => {
      if (error instanceof PasserelleError) return undefined;
      throw error;
    });
    if (view !== undefined) views.push({ namespace, isOurs: isOurNamespace(owner, namespace), ...view });
  });
  return views;
}

async function viewNamespace(
  run: Run,
  signal: AbortSignal,
): Promise<Omit<NamespaceView, 'namespace' | 'isOurs'>> {
  const [links, addresses, routes] = await Promise.all([
    readLinks(run, signal),
    readAddresses(run, signal),
    readRoutes(run, signal),
  ]);
  const gateways = new Map<string, string[]>();
  for (const { destination, device, gateway, protocol } of routes) {
    if (destination !== 'default' || gateway === undefined || protocol === 'ra') continue;
    gateways.set(device, [...(gateways.get(device) ?? []), gateway]);
  }
  return { links, addresses, gateways };
}

/** Runs the task for each item, at most `width` at a time. */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
