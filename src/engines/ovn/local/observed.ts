/** Ports of the integration bridge that are ours, as they stand. Pure. */
import type { Link } from '../../../clients/iproute/links.js';
import { mapOf, numberOf, type Row, textOf } from '../../../clients/ovsdb/datum.js';
import type { Resource } from '../../../plan/resource.js';
import type { NamespaceView } from '../../open-vswitch/inside.js';
import { machineOf, nameOf, segmentMark } from '../../open-vswitch/owner.js';
import { networkPortResource, ownerOf, PROVIDER, resourceId } from '../identity.js';
import { makeResource } from '../resources.js';
import { integrationDatapath, type LocalPort, type LocalSnapshot } from './snapshot.js';

export interface LocalState {
  readonly project: string;
  readonly snapshot: LocalSnapshot;
  readonly links: ReadonlyMap<string, Link>;
  /** Namespaces of ours. */
  readonly inside: readonly NamespaceView[];
}

export function observedLocal(state: LocalState): Resource[] {
  return [...state.snapshot.ports].map(([id, port]) =>
    id.startsWith(resourceId('host-port', '')) ? hostPort(id, port, state) : machinePort(id, port, state),
  );
}

function hostPort(id: string, port: LocalPort, { project, links }: LocalState): Resource {
  const name = nameOf(id);
  const link = links.get(port.device);
  return makeResource(
    'host-port',
    name,
    {
      device: port.device,
      logicalPort: logicalPortOf(port),
      mac: link?.address ?? '',
      mtuBytes: link?.mtu ?? 0,
      isUp: link?.flags.includes('UP') ?? false,
      isMarked: link?.altnames.includes(segmentMark(ownerOf(project), name)) ?? false,
      isInstalled: isInstalled(port),
    },
    { needs: [resourceId('logical-port', networkPortResource(name, 'gateway'))] },
  );
}

function machinePort(id: string, port: LocalPort, state: LocalState): Resource {
  const name = nameOf(id);
  const isNic = name.includes('/');
  return makeResource(
    'port',
    name,
    {
      device: port.device,
      logicalPort: logicalPortOf(port),
      namespace: port.namespace,
      isAttached:
        port.namespace === null ? isHeld(port, state) : worksAlone(port) && isSomewhere(port, state),
      // Every host has the port of a server: ovn-controller says of none that it has it.
      isInstalled: !isNic || isInstalled(port),
    },
    {
      needs: [
        resourceId('logical-port', isNic ? name : networkPortResource(name, 'server')),
        ...(port.namespace === null ? [`${PROVIDER}/tap/${name}`] : []),
      ],
      affects: isNic ? [machineOf(name)] : [],
    },
  );
}

/**
 * Devices of ports that live in namespaces, with the name of their resource. One that is on the host too was made anew
 * when ovs-vswitchd started anew: what is still in the namespace is its dead forerunner, and is not one of them.
 */
export function internalPorts({ snapshot, links }: Omit<LocalState, 'inside'>): ReadonlyMap<string, string> {
  return new Map(
    [...snapshot.ports]
      .filter(([, { namespace, device }]) => namespace !== null && !links.has(device))
      .map(([id, { device }]) => [device, nameOf(id)]),
  );
}

/** Whether ovn-controller has said that the flows of the interface stand (ovn-controller(8), ovn-installed). */
export function isInstalledRow(row: Row): boolean {
  return mapOf(row, 'external_ids').get('ovn-installed') === 'true';
}

function isInstalled({ interface: row }: LocalPort): boolean {
  return row !== undefined && isInstalledRow(row);
}

function logicalPortOf({ interface: row }: LocalPort): string {
  return row === undefined ? '' : String(mapOf(row, 'external_ids').get('iface-id') ?? '');
}

function worksAlone({ interface: row }: LocalPort): boolean {
  return row !== undefined && textOf(row, 'error') === undefined && (numberOf(row, 'ofport') ?? -1) > 0;
}

/** A device of the switch's own goes with the namespace it was put into. */
function isSomewhere({ device }: LocalPort, { links, inside }: LocalState): boolean {
  return links.has(device) || inside.some((view) => view.links.some((link) => link.ifname === device));
}

/**
 * Whether the switch holds the device as it is now. After a device was deleted and made again OVSDB still says that all is
 * well; what the switch did to the device when it opened it is then missing.
 */
function isHeld(port: LocalPort, { links, snapshot }: LocalState): boolean {
  const link = links.get(port.device);
  if (link === undefined || !worksAlone(port) || snapshot.bridgeOf(port.uuid) === undefined) return false;
  return integrationDatapath(snapshot) === 'netdev'
    ? link.flags.includes('PROMISC')
    : link.master === 'ovs-system';
}
