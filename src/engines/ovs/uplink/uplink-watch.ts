/**
 * Commit-confirm for uplinks. Theory of operation: before a NIC goes into a bridge, or a bond changes, every witness (the
 * gateways by it, the operator's own SSH peer) is asked, the way back is written down and a watchdog of its own process is started.
 * When the bridge stands and has its flows, those who answered are asked again. When they all answer, the change stays;
 * when not, it stays open until `passerelle commit` or the time limit, at which the watchdog takes the NIC out again,
 * or makes the port as it was.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type InterfaceAddress, readAddresses } from '../../../clients/iproute/links.js';
import { readRoutes, type Route } from '../../../clients/iproute/routes.js';
import { formatRemote } from '../../../clients/ovsdb/remote.js';
import { shellWord } from '../../../clients/command/run.js';
import { PasserelleError } from '../../../errors.js';
import type { Change } from '../../../plan/resource.js';
import { tablePhrase } from '../../kernel-gateway/rules/ruleset.js';
import {
  commitWatchdog,
  exists,
  isWaiting,
  removeWatchdogFiles,
  startWatchdog,
} from '../../kernel-gateway/uplink/watchdog.js';
import { gatewaysOf, whoAnswers } from '../../kernel-gateway/uplink/witnesses.js';
import { nicsOf } from '../database/bond.js';
import type { OvsHost } from '../host/host.js';
import { propertiesOf, type UplinkProperties } from '../resources.js';
import { handOverLines, type UplinkFinder } from './uplink.js';
import { portCommand } from './uplink-commands.js';
import { readWitnesses, type UplinkFiles, uplinkFiles, waitingUplinks } from './uplink-files.js';
import { ownerOf } from '../identity.js';
import { nameOf } from '../../open-vswitch/owner.js';
import { shieldChain, shieldLines, shieldTable } from '../../open-vswitch/shield.js';

const COMMIT_LIMIT_MS = 60_000;
const POLL_MS = 100;
/** A watchdog looks at its files five times a second. */
const WATCHDOG_END_MS = 500;
const PROBE_ATTEMPTS = 5;
/** LACP takes a few seconds to agree, and as many to notice. */
const BOND_PROBE_ATTEMPTS = 10;

/** An uplink that is being changed. */
interface Watched {
  readonly network: string;
  readonly files: UplinkFiles;
  /** Who answered before the change. */
  readonly witnesses: readonly string[];
  /** How often they are asked, a second each, before they count as silent. */
  readonly attempts: number;
}

export interface WatchContext {
  readonly host: OvsHost;
  readonly project: string;
  /** Where the way back is written down. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** Starts a watchdog for each uplink that comes or changes and bears something of the host's life. */
export async function watchUplinks(
  context: WatchContext,
  changes: readonly Change[],
  find: UplinkFinder,
): Promise<Watched[]> {
  const { host, directory, signal } = context;
  const left = await leftUplinks(directory, changes);
  const risky = changes.filter(isRisky);
  if (risky.length === 0) return left;
  const [addresses, routes] = await Promise.all([
    readAddresses(host.run, signal),
    readRoutes(host.run, signal),
  ]);
  const peers = host.peers ?? [process.env['SSH_CONNECTION']?.split(' ')[0] ?? []].flat();
  const watched = [...left];
  for (const change of risky) {
    const { id } = change.after;
    const after = propertiesOf(change.after, 'uplink');
    const port = find(id, after.uplink);
    // A bridge that has an uplink bears the host's addresses already.
    const bearers = change.action === 'create' ? nicsOf(after, port) : [after.bridge];
    const its = addresses.filter(({ ifname, scope }) => bearers.includes(ifname) && scope !== 'link');
    if (its.length === 0) continue;
    const itsRoutes = routes.filter(({ device }) => bearers.includes(device));
    const witnesses = await whoAnswers(host.run, [...gatewaysOf(itsRoutes), ...peers], 1, signal);
    const files = uplinkFiles(directory, nameOf(id));
    // One of a command that was killed ends before another begins: both go by the same files.
    if (await commitWatchdog(files)) await sleep(WATCHDOG_END_MS);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { before, lines } =
      change.action === 'create'
        ? wayOut(context, after, port, its, itsRoutes)
        : wayBack(context, change, port, find);
    await writeFile(files.witnesses, JSON.stringify(witnesses), { mode: 0o600 });
    await startWatchdog(host.namespace, files, lines, host.commitLimitMs ?? COMMIT_LIMIT_MS, { before });
    const attempts = after.members === undefined ? PROBE_ATTEMPTS : BOND_PROBE_ATTEMPTS;
    watched.push({ network: nameOf(id), files, witnesses, attempts });
  }
  return watched;
}

/** Changes that a command made which was killed before their witnesses were asked again. */
async function leftUplinks(directory: string, changes: readonly Change[]): Promise<Watched[]> {
  const names = changes.flatMap((change) =>
    change.action === 'update' && change.changed.includes('isConfirmed') && !changesWays(change)
      ? [nameOf(change.after.id)]
      : [],
  );
  const left = await Promise.all(
    names.map(async (network): Promise<Watched[]> => {
      const files = uplinkFiles(directory, network);
      if (!(await isWaiting(files))) return [];
      const witnesses = await readWitnesses(files);
      return [{ network, files, witnesses, attempts: BOND_PROBE_ATTEMPTS }];
    }),
  );
  return left.flat();
}

type ComingOrChanging = Exclude<Change, { action: 'delete' }>;

/** An uplink that comes, or whose NICs or ways of working together change. */
function isRisky(change: Change): change is ComingOrChanging {
  if (change.action === 'delete' || change.after.kind !== 'uplink') return false;
  return change.action === 'create' || changesWays(change);
}

function changesWays({ changed }: { readonly changed: readonly string[] }): boolean {
  return changed.some((name) => WAYS.has(name));
}

const WAYS: ReadonlySet<string> = new Set(['uplink', 'members', 'bondMode', 'lacp']);

/** Asks the witnesses again. @throws PasserelleError `ovs/uplink-reverted`. */
export async function settleUplinks(context: WatchContext, watched: readonly Watched[]): Promise<void> {
  const { host, signal } = context;
  for (const { network, files, witnesses, attempts } of watched) {
    const answering = await whoAnswers(host.run, witnesses, attempts, signal);
    const silent = witnesses.filter((witness) => !answering.includes(witness));
    if (silent.length === 0) await commitWatchdog(files);
    else await waitForVerdict(files, signal);
    const isReverted = await exists(files.reverted);
    await removeWatchdogFiles(files);
    if (!isReverted) continue;
    throw new PasserelleError({
      code: 'ovs/uplink-reverted',
      message: `with the uplink of ${network} as the file has it, ${silent.length === 0 ? 'nobody was heard within the time limit' : `${silent.join(' and ')} did not answer any more`}, so it was put back as it was`,
      fix: 'does the LAN accept more than one MAC on this port (port security, a virtual machine without promiscuous mode)? `passerelle commit` within the time limit keeps the change whatever the probes say',
    });
  }
}

/** The person says that the change stays. @returns the networks concerned. */
export async function commitUplinks(directory: string): Promise<string[]> {
  const waiting = await waitingUplinks(directory);
  for (const network of waiting) await commitWatchdog(uplinkFiles(directory, network));
  return waiting;
}

/** An uplink that goes needs no watchdog any more. */
export async function forgetUplinks(directory: string, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    if (change.action !== 'delete' || change.before.kind !== 'uplink') continue;
    await removeWatchdogFiles(uplinkFiles(directory, nameOf(change.before.id)));
  }
}

async function waitForVerdict(files: UplinkFiles, signal: AbortSignal): Promise<void> {
  while (!(await exists(files.reverted)) && !(await exists(files.committed))) {
    await sleep(POLL_MS, undefined, { signal });
  }
}

interface WayBack {
  /** What a shell does first. */
  readonly before: string;
  /** Lines of `ip -batch`. */
  readonly lines: readonly string[];
}

/** The NICs out of the bridge again, with what they had. */
function wayOut(
  { host, project }: WatchContext,
  after: UplinkProperties,
  port: string,
  its: readonly InterfaceAddress[],
  itsRoutes: readonly Route[],
): WayBack {
  const { bridge } = after;
  const nics = nicsOf(after, port);
  return {
    before: [letGo(host, bridge, port), ...nics.map((nic) => unshield(project, nic))].join('; '),
    lines: nics.flatMap((nic) => [
      `link set dev ${nic} up`,
      ...handOverLines(
        bridge,
        nic,
        its.filter(({ ifname }) => ifname === nic).map((address) => ({ ...address, ifname: bridge })),
        itsRoutes.filter(({ device }) => device === nic).map((route) => ({ ...route, device: bridge })),
      ),
    ]),
  };
}

/** The port as it was; the host's addresses stay on the bridge. */
function wayBack(
  { host, project }: WatchContext,
  change: Exclude<ComingOrChanging, { action: 'create' }>,
  port: string,
  find: UplinkFinder,
): WayBack {
  const before = propertiesOf(change.before, 'uplink');
  const after = propertiesOf(change.after, 'uplink');
  const portBefore = find(change.before.id, before.uplink);
  const nicsBefore = nicsOf(before, portBefore);
  const shielded = before.isShielded ? shieldLines(ownerOf(project), nicsBefore) : [];
  const coming = nicsOf(after, port).filter((nic) => !nicsBefore.includes(nic));
  return {
    before: [
      letGo(host, after.bridge, port),
      portCommand(project, change.before.id, before, portBefore).replace(
        'ovs-vsctl',
        () => `ovs-vsctl ${databaseWord(host)} --timeout=10`,
      ),
      ...shielded.map((line) => `nft ${shellWord(line)}`),
      ...coming.map((nic) => unshield(project, nic)),
    ].join('; '),
    lines: nicsBefore.map((nic) => `link set dev ${nic} up`),
  };
}

function letGo(host: OvsHost, bridge: string, port: string): string {
  return `ovs-vsctl ${databaseWord(host)} --timeout=10 --if-exists del-port ${shellWord(bridge)} ${shellWord(port)}`;
}

function databaseWord(host: OvsHost): string {
  return shellWord(`--db=${formatRemote(host.remote)}`);
}

function unshield(project: string, nic: string): string {
  return `nft delete chain ${shellWord(`${tablePhrase(shieldTable(ownerOf(project)))} ${shieldChain(nic)}`)}`;
}
