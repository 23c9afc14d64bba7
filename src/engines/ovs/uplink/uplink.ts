/**
 * The host's own life on an uplink that a bridge takes in: its addresses and routes move to the bridge, and back. The
 * bridge takes the NIC's MAC, so that the LAN's neighbours and its DHCP server see the host they know. Addresses go
 * over once the bridge stands, and come back before it goes; between the two the host is off that link for as long as
 * one `ip -batch` takes.
 */
import type { Run } from '../../../clients/command/run.js';
import { runBatch } from '../../../clients/iproute/batch.js';
import { type InterfaceAddress, readAddresses } from '../../../clients/iproute/links.js';
import { defaultRouteDevices, readRoutes, type Route } from '../../../clients/iproute/routes.js';
import { runTransaction } from '../../../clients/nft/transaction.js';
import { mapOf, textOf as textIn } from '../../../clients/ovsdb/datum.js';
import { PasserelleError } from '../../../errors.js';
import type { Change, Resource } from '../../../plan/resource.js';
import { nicsOf } from '../database/bond.js';
import { ownerOf, UPLINK_KEY } from '../identity.js';
import { propertiesOf } from '../resources.js';
import type { Snapshot } from '../database/snapshot.js';
import { readShielded } from '../../open-vswitch/kernel-view.js';
import { shieldLines, unshieldLines } from '../../open-vswitch/shield.js';

/** Finds the NIC behind what the file calls the uplink. */
export type UplinkFinder = (resourceId: string, uplink: string) => string;

/**
 * @throws PasserelleError `ovs/no-uplink` by the finder, when `default` is asked and there is no default route.
 */
export function uplinkFinder(snapshot: Snapshot, routes: readonly Route[]): UplinkFinder {
  return (id, uplink) => {
    const standing = snapshot.ports.get(id)?.port;
    if (standing !== undefined && mapOf(standing, 'external_ids').get(UPLINK_KEY) === uplink) {
      return textIn(standing, 'name') ?? uplink;
    }
    if (uplink !== 'default') return uplink;
    const [device] = defaultRouteDevices(routes);
    if (device !== undefined) return device;
    throw new PasserelleError({
      code: 'ovs/no-uplink',
      message: 'the uplink is the NIC with the default route, and this host has no default route',
      fix: 'write the name of the NIC, as `ip link` shows it: `uplink: eth1`',
    });
  };
}

interface NicMoves {
  readonly bridge: string;
  readonly isShielded: boolean;
  readonly joining: readonly string[];
  readonly leaving: readonly string[];
}

export interface HandOver {
  readonly run: Run;
  readonly project: string;
  readonly directory: string;
  readonly find: UplinkFinder;
  readonly signal: AbortSignal;
}

/**
 * Before the rows change: the NICs that leave their bridge have their addresses back; of a bond, the first NIC has them.
 */
export async function handBack(work: HandOver, changes: readonly Change[]): Promise<void> {
  const leaving = changes.flatMap((change) =>
    change.action === 'delete' && change.before.kind === 'uplink' ? [placedNics(change.before, work)] : [],
  );
  if (leaving.length === 0) return;
  await unshield(
    work,
    leaving.flatMap(({ nics }) => nics),
  );
  await move(
    work,
    leaving.flatMap(({ bridge, nics }) => nics.slice(0, 1).map((nic) => ({ from: bridge, to: nic }))),
  );
}

/**
 * NICs that leave a bond which lives on go down first, so that the far end sees at once what it would else learn from
 * LACP after three seconds, and sends nothing more there.
 */
export async function silenceLeaving(
  { run, directory, signal }: HandOver,
  changes: readonly Change[],
): Promise<void> {
  const nics = changes.flatMap((change) => {
    if (change.action !== 'update' || change.after.kind !== 'uplink') return [];
    const { members: stay = [] } = propertiesOf(change.after, 'uplink');
    return (propertiesOf(change.before, 'uplink').members ?? []).filter((nic) => !stay.includes(nic));
  });
  const lines = nics.map((nic) => `link set dev ${nic} down`);
  await runBatch(run, lines, { directory, signal });
}

/** After the rows changed: the bridges take over what their NICs had; NICs that a bridge let go are the host's again. */
export async function handOver(work: HandOver, changes: readonly Change[]): Promise<void> {
  const moves = changes.flatMap((change): NicMoves[] => {
    if (change.action === 'delete' || change.after.kind !== 'uplink') return [];
    const before = change.action === 'create' ? [] : placedNics(change.before, work).nics;
    const { bridge, nics, isShielded } = placedNics(change.after, work);
    return [{ bridge, isShielded, joining: nics, leaving: before.filter((nic) => !nics.includes(nic)) }];
  });
  if (moves.length === 0) return;
  await move(
    work,
    moves.flatMap(({ bridge, joining }) => joining.map((nic) => ({ from: nic, to: bridge }))),
  );
  const shielded = await readShielded(work.run, ownerOf(work.project), work.signal);
  const devices = moves.flatMap(({ isShielded, joining }) =>
    isShielded ? joining.filter((nic) => !shielded.has(nic)) : [],
  );
  await runTransaction(work.run, shieldLines(ownerOf(work.project), devices), work.signal);
  await unshield(
    work,
    moves.flatMap(({ leaving }) => leaving),
  );
}

function placedNics(
  resource: Resource,
  { find }: HandOver,
): { readonly bridge: string; readonly isShielded: boolean; readonly nics: readonly string[] } {
  const uplink = propertiesOf(resource, 'uplink');
  return { ...uplink, nics: nicsOf(uplink, find(resource.id, uplink.uplink)) };
}

/** What a killed capture had shielded: with its device the chain would go, and an empty table be left. */
export async function endCaptures(work: HandOver, changes: readonly Change[]): Promise<void> {
  const devices = changes.flatMap((change) =>
    change.action === 'delete' && change.before.kind === 'capture'
      ? [propertiesOf(change.before, 'capture').device]
      : [],
  );
  await unshield(work, devices);
}

async function unshield({ run, project, signal }: HandOver, nics: readonly string[]): Promise<void> {
  if (nics.length === 0) return;
  const shielded = await readShielded(run, ownerOf(project), signal);
  await runTransaction(run, unshieldLines(ownerOf(project), nics, shielded), signal);
}

async function move(work: HandOver, moves: readonly { from: string; to: string }[]): Promise<void> {
  const { run, directory, signal } = work;
  const [addresses, routes] = await Promise.all([readAddresses(run, signal), readRoutes(run, signal)]);
  const lines = moves.flatMap(({ from, to }) => [
    // A bond's further NICs may never have been used.
    `link set dev ${from} up`,
    `link set dev ${to} up`,
    ...handOverLines(from, to, addresses, routes),
  ]);
  await runBatch(run, lines, { directory, signal });
}

/** Lines of `ip -batch` that move what the host has on one device to another, which is up. Pure. */
export function handOverLines(
  from: string,
  to: string,
  addresses: readonly InterfaceAddress[],
  routes: readonly Route[],
): string[] {
  const moving = addresses.filter(({ ifname, scope }) => ifname === from && scope !== 'link');
  const textOf = ({ address, prefixLength }: InterfaceAddress) => `${address}/${prefixLength}`;
  return [
    // The last first: with the first address of a subnet its others would go (ip(7), promote_secondaries).
    ...moving.map((address) => `address del ${textOf(address)} dev ${from}`).reverse(),
    ...moving.map((address) => `address add ${textOf(address)} dev ${to}${traitsOf(address)}`),
    // Routes through a device go with its addresses; those to its own subnets come by themselves.
    ...routes
      .filter(({ device, protocol }) => device === from && protocol !== 'kernel')
      .map((route) => `route replace ${routeText(route, to)}`),
  ];
}

function traitsOf({ family, validLifeSeconds, flags }: InterfaceAddress): string {
  const broadcast = typeof flags['broadcast'] === 'string' ? ` broadcast ${flags['broadcast']}` : '';
  const life =
    validLifeSeconds === undefined ? '' : ` valid_lft ${validLifeSeconds} preferred_lft ${validLifeSeconds}`;
  return `${broadcast}${life}${family === 6 ? ' nodad' : ''}`;
}

function routeText(
  { family, destination, gateway, metric, preferredSource, protocol }: Route,
  device: string,
): string {
  return [
    // ip(8) in a batch takes the family from the words alone.
    destination === 'default' ? (family === 6 ? '::/0' : '0.0.0.0/0') : destination,
    ...(gateway === undefined ? [] : [`via ${gateway}`]),
    `dev ${device}`,
    ...(protocol === undefined ? [] : [`proto ${protocol}`]),
    ...(metric === undefined ? [] : [`metric ${metric}`]),
    ...(preferredSource === undefined ? [] : [`src ${preferredSource}`]),
  ].join(' ');
}
