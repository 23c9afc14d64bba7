/**
 * Commit-confirm for uplinks. Theory of operation: before the NIC goes into a bridge, every witness (the gateways by that
 * NIC, the operator's own SSH peer) is asked, the way back is written down and a watchdog of its own process is started.
 * When the bridge stands and has its flows, those who answered are asked again. When they all answer, the change stays;
 * when not, it stays open until `passerelle commit` or the time limit, at which the watchdog takes the NIC out again.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAddresses } from '../../clients/iproute/links.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import { formatRemote } from '../../clients/ovsdb/remote.js';
import { shellWord } from '../../clients/command/run.js';
import { PasserelleError } from '../../errors.js';
import type { Change } from '../../plan/resource.js';
import { tablePhrase } from '../kernel-gateway/ruleset.js';
import {
  commitWatchdog,
  exists,
  isWaiting,
  removeWatchdogFiles,
  startWatchdog,
  type WatchdogFiles,
} from '../kernel-gateway/watchdog.js';
import { gatewaysOf, whoAnswers } from '../kernel-gateway/witnesses.js';
import type { OvsHost } from './host.js';
import { nameOf } from './identity.js';
import { propertiesOf } from './resources.js';
import { shieldChain, shieldTable } from './shield.js';
import { handOverLines, type UplinkFinder } from './uplink.js';

const COMMIT_LIMIT_MS = 60_000;
const POLL_MS = 100;
const PROBE_ATTEMPTS = 5;

/** A NIC that is being taken in. */
interface Watched {
  readonly network: string;
  readonly files: WatchdogFiles;
  /** Who answered before the change. */
  readonly witnesses: readonly string[];
}

export interface WatchContext {
  readonly host: OvsHost;
  readonly project: string;
  /** Where the way back is written down. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** Starts a watchdog for each NIC that goes into a bridge and bears something of the host's life. */
export async function watchUplinks(
  context: WatchContext,
  changes: readonly Change[],
  find: UplinkFinder,
): Promise<Watched[]> {
  const { host, project, directory, signal } = context;
  const joining = changes.flatMap((change) =>
    change.action !== 'delete' && change.action !== 'update' && change.after.kind === 'uplink'
      ? [change.after]
      : [],
  );
  if (joining.length === 0) return [];
  const [addresses, routes] = await Promise.all([
    readAddresses(host.run, signal),
    readRoutes(host.run, signal),
  ]);
  const peers = host.peers ?? [process.env['SSH_CONNECTION']?.split(' ')[0] ?? []].flat();
  const watched: Watched[] = [];
  for (const resource of joining) {
    const { bridge, uplink } = propertiesOf(resource, 'uplink');
    const device = find(resource.id, uplink);
    const its = addresses.filter(({ ifname, scope }) => ifname === device && scope !== 'link');
    if (its.length === 0) continue;
    const itsRoutes = routes.filter((route) => route.device === device);
    const witnesses = await whoAnswers(host.run, [...gatewaysOf(itsRoutes), ...peers], 1, signal);
    const files = filesOf(directory, nameOf(resource.id));
    const wayBack = [
      `link set dev ${device} up`,
      ...handOverLines(
        bridge,
        device,
        its.map((address) => ({ ...address, ifname: bridge })),
        itsRoutes.map((route) => ({ ...route, device: bridge })),
      ),
    ];
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await startWatchdog(host.namespace, files, wayBack, host.commitLimitMs ?? COMMIT_LIMIT_MS, {
      before: releaseOf(host, project, bridge, device),
    });
    watched.push({ network: nameOf(resource.id), files, witnesses });
  }
  return watched;
}

/** Asks the witnesses again. @throws PasserelleError `ovs/uplink-reverted`. */
export async function settleUplinks(context: WatchContext, watched: readonly Watched[]): Promise<void> {
  const { host, signal } = context;
  for (const { network, files, witnesses } of watched) {
    const answering = await whoAnswers(host.run, witnesses, PROBE_ATTEMPTS, signal);
    const silent = witnesses.filter((witness) => !answering.includes(witness));
    if (silent.length === 0) await commitWatchdog(files);
    else await waitForVerdict(files, signal);
    const isReverted = await exists(files.reverted);
    await removeWatchdogFiles(files);
    if (!isReverted) continue;
    throw new PasserelleError({
      code: 'ovs/uplink-reverted',
      message: `with the uplink in the bridge of ${network}, ${silent.join(' and ')} did not answer any more, so the uplink was taken out again`,
      fix: 'does the LAN accept more than one MAC on this port (port security, a virtual machine without promiscuous mode)? `passerelle commit` within the time limit keeps the change whatever the probes say',
    });
  }
}

/** Networks whose uplink waits for a word. */
export async function waitingUplinks(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const networks = names.flatMap((name) => /^uplink-(.+)\.way-back$/u.exec(name)?.[1] ?? []);
  const waiting = await Promise.all(
    networks.map(async (network) => ((await isWaiting(filesOf(directory, network))) ? [network] : [])),
  );
  return waiting.flat();
}

/** The person says that the change stays. @returns the networks concerned. */
export async function commitUplinks(directory: string): Promise<string[]> {
  const waiting = await waitingUplinks(directory);
  for (const network of waiting) await commitWatchdog(filesOf(directory, network));
  return waiting;
}

/** An uplink that goes needs no watchdog any more. */
export async function forgetUplinks(directory: string, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    if (change.action !== 'delete' || change.before.kind !== 'uplink') continue;
    const files = filesOf(directory, nameOf(change.before.id));
    await commitWatchdog(files);
  }
}

async function waitForVerdict(files: WatchdogFiles, signal: AbortSignal): Promise<void> {
  while (!(await exists(files.reverted)) && !(await exists(files.committed))) {
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** What a shell does to have the NIC back from the switch. */
function releaseOf(host: OvsHost, project: string, bridge: string, device: string): string {
  const database = shellWord(`--db=${formatRemote(host.remote)}`);
  const chain = `${tablePhrase(shieldTable(project))} ${shieldChain(device)}`;
  return [
    `ovs-vsctl ${database} --timeout=10 --if-exists del-port ${shellWord(bridge)} ${shellWord(device)}`,
    `nft delete chain ${shellWord(chain)}`,
  ].join('; ');
}

function filesOf(directory: string, network: string): WatchdogFiles {
  const base = join(directory, `uplink-${network}`);
  return { wayBack: `${base}.way-back`, committed: `${base}.committed`, reverted: `${base}.reverted` };
}
