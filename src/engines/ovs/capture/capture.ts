/**
 * Captures. Where a NIC has no VLAN its own device is read: both datapaths show every frame there, and the switch does
 * nothing for it. A NIC with VLANs and a whole network are read from a mirror, which shows frames as the switch has them
 * (docs/decisions/0008). The mirror and its device are marked with the process that they are for; they go when the
 * capture ends, and those of a process that was killed with the next capture, `up` or `down`.
 */
import { createHash } from 'node:crypto';
import { capturePackets } from '../../../clients/dumpcap/capture.js';
import { runBatch } from '../../../clients/iproute/batch.js';
import { runTransaction } from '../../../clients/nft/transaction.js';
import { map, namedUuid, set, uuid, uuidName } from '../../../clients/ovsdb/notation.js';
import { insert, mutate, type Operation } from '../../../clients/ovsdb/operations.js';
import { PasserelleError } from '../../../errors.js';
import { processStartTicks } from '../../../plan/process-identity.js';
import type { Network, Nic } from '../../../topology/topology.js';
import { deadCaptures } from './capture-marks.js';
import { openDatabase, type OvsHost } from '../host/host.js';
import { externalIds, ownerOf, PROCESS_KEY, resourceId } from '../identity.js';
import { createMirror, deleteMirror } from '../database/mirror.js';
import { networkOptions, nicOptions } from '../options.js';
import { readSnapshot, type Snapshot } from '../database/snapshot.js';
import { commit } from '../../open-vswitch/commit.js';
import { namespaceOfNic } from '../host/places.js';
import { readShielded } from '../../open-vswitch/kernel-view.js';
import { shieldLines, unshieldLines } from '../../open-vswitch/shield.js';

const CLEANING_LIMIT_MS = 10_000;

export interface CaptureContext {
  readonly host: OvsHost;
  readonly project: string;
  /** For batch files. */
  readonly directory: string;
}

/** A pcapng stream of what passes the NIC. */
export function captureNic(
  context: CaptureContext,
  nic: Nic,
  network: Network,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { vlan, trunk } = nicOptions(nic);
  if (vlan !== undefined || trunk !== undefined || networkOptions(network).vlan !== undefined)
    return captureMirrored(context, network, nic.id, [nic.interfaceName], signal);
  const namespace = namespaceOfNic(context.project, nic) ?? context.host.namespace;
  return capturePackets(namespace, nic.interfaceName, signal);
}

/** A pcapng stream of what the whole network carries, each frame once. */
export function captureNetwork(
  context: CaptureContext,
  network: Network,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return captureMirrored(context, network, network.name, [], signal);
}

async function* captureMirrored(
  context: CaptureContext,
  network: Network,
  subject: string,
  sources: readonly string[],
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { host, project, directory } = context;
  const id = resourceId('capture', `${subject}/${process.pid}`);
  const device = `pslc${createHash('sha256').update(`${project} ${id}`).digest('hex').slice(0, 10)}`;
  const identity = `${process.pid}:${await processStartTicks(process.pid)}`;
  await changeRows(host, project, [device], signal, (snapshot) => {
    if (snapshot.bridgeUuid(network.interfaceName) === undefined) throw nothingToCapture(network.name);
    return captureRows(project, id, identity, device, network, sources, snapshot);
  });
  try {
    // The copy must go nowhere but to the reader: the host's own stack would take broadcasts for its own.
    await runTransaction(host.run, shieldLines(ownerOf(project), [device]), signal);
    const lines = [`link set dev ${device} addrgenmode none`, `link set dev ${device} up`];
    await runBatch(host.run, lines, { directory, signal });
    yield* capturePackets(host.namespace, device, signal);
  } finally {
    // The capture's own signal has been heard by then.
    const limited = AbortSignal.timeout(CLEANING_LIMIT_MS);
    const shielded = await readShielded(host.run, ownerOf(project), limited);
    await runTransaction(host.run, unshieldLines(ownerOf(project), [device], shielded), limited);
    await changeRows(host, project, [], limited, (snapshot) => removal(snapshot, id));
  }
}

/** Changes rows, and takes those of captures that died along. */
async function changeRows(
  host: OvsHost,
  project: string,
  interfaces: readonly string[],
  signal: AbortSignal,
  operations: (snapshot: Snapshot) => Operation[],
): Promise<void> {
  const database = await openDatabase(host, signal);
  try {
    const snapshot = await readSnapshot(database, project, signal);
    const dead = (await deadCaptures(snapshot)).flatMap((id) => removal(snapshot, id));
    await commit(database, [...dead, ...operations(snapshot)], { bridges: [], interfaces }, signal);
  } finally {
    database.close();
  }
}

function captureRows(
  project: string,
  id: string,
  identity: string,
  device: string,
  network: Network,
  sources: readonly string[],
  snapshot: Snapshot,
): Operation[] {
  const { interfaceName: bridge, mtuBytes } = network;
  const marks = map({ ...externalIds(project, id), [PROCESS_KEY]: identity });
  const [interfaceRow, portRow] = [uuidName('interface', device), uuidName('port', device)];
  return [
    insert(
      'Interface',
      { name: device, type: 'internal', mtu_request: mtuBytes, external_ids: marks },
      { uuidName: interfaceRow },
    ),
    insert(
      'Port',
      { name: device, interfaces: namedUuid(interfaceRow), external_ids: marks },
      { uuidName: portRow },
    ),
    mutate('Bridge', [['name', '==', bridge]], [['ports', 'insert', set([namedUuid(portRow)])]]),
    ...createMirror(project, id, { bridge, sources, output: device }, (port) =>
      port === device ? namedUuid(portRow) : uuid(standing(snapshot, port)),
    ),
  ];
}

function removal(snapshot: Snapshot, id: string): Operation[] {
  const rows = snapshot.ports.get(id);
  if (rows === undefined) return [];
  const mirror = snapshot.mirrorUuid(id);
  return [
    ...(mirror === undefined ? [] : deleteMirror(rows.bridge, mirror)),
    mutate('Bridge', [['name', '==', rows.bridge]], [['ports', 'delete', set([uuid(rows.uuid)])]]),
  ];
}

function standing(snapshot: Snapshot, device: string): string {
  const row = snapshot.portUuid(device);
  if (row === undefined) throw nothingToCapture(device);
  return row;
}

function nothingToCapture(what: string): PasserelleError {
  return new PasserelleError({
    code: 'capture/failed',
    message: `${what} does not stand on this host`,
    fix: 'run `passerelle up`',
  });
}
