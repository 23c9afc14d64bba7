/** What stands, as resources: what the switches themselves say, told apart by the record of each network. */
import { readdir } from 'node:fs/promises';
import type { SwitchControl } from '../../clients/vde/switch-control.js';
import type { Places } from '../../places.js';
import type { Resource } from '../../plan/resource.js';
import { isPlugged } from './cable-process.js';
import { findDaemon } from './daemon.js';
import { networkFiles, type NetworkFiles, switchesDirectory } from './network-files.js';
import { cableMark } from './marks.js';
import { type NetworkRecord, readRecord } from './record.js';
import {
  CABLE_KIND,
  cableName,
  hasCable,
  nameOf,
  observedPort,
  PORT_KIND,
  PROVIDER,
  resourceId,
  runningSwitch,
  SWITCH_KIND,
  switchResource,
} from './resources.js';
import { lookAtSwitch } from './switch-process.js';

export async function observeVde(project: string, places: Places, signal: AbortSignal): Promise<Resource[]> {
  const networks = await knownNetworks(places);
  return (await Promise.all(networks.map((files) => observeNetwork(project, files, signal)))).flat();
}

/** Networks that have files here, whether their switches live or not. */
export async function knownNetworks(places: Places): Promise<NetworkFiles[]> {
  const entries = await readdir(switchesDirectory(places), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => networkFiles(places, entry.name));
}

async function observeNetwork(
  project: string,
  files: NetworkFiles,
  signal: AbortSignal,
): Promise<Resource[]> {
  const record = await readRecord(files);
  const found = await lookAtSwitch(files, signal, async (control) => ({
    settings: await control.settings(),
    ports: await observePorts(project, files.network, record, control),
  }));
  if (found === undefined) {
    const state = (await findDaemon(files.switchPidFile)) === undefined ? 'dead' : 'silent';
    const unknown = { portCount: 0, isHub: false, speaksFstp: false };
    return [switchResource(files.network, { ...runningSwitch(record.incarnation, unknown), state })];
  }
  const machines = found.ports.flatMap(({ affects }) => affects);
  return [
    {
      ...switchResource(files.network, runningSwitch(record.incarnation, found.settings)),
      affects: [...new Set(machines)],
    },
    ...found.ports.map((resource) =>
      resource.kind === CABLE_KIND ? { ...resource, affects: [...new Set(machines)] } : resource,
    ),
  ];
}

/** The ports and cables of the record that the switch has. */
async function observePorts(
  project: string,
  network: string,
  record: NetworkRecord,
  control: SwitchControl,
): Promise<Resource[]> {
  const ports = new Map((await control.ports()).map((port) => [port.number, port]));
  const vlans = await control.vlans();
  return [...record.entries].flatMap(([id, { kind, properties }]): Resource[] => {
    const port = ports.get(Number(properties['number']));
    if (port === undefined) return [];
    const needs = [resourceId(SWITCH_KIND, network)];
    const seen = { id, provider: PROVIDER, kind, properties: observedPort(properties, port, vlans), needs };
    if (hasCable({ properties }) && !isPlugged(port, cableMark(project, network, cableName({ id }))))
      return [];
    return [{ ...seen, affects: kind === PORT_KIND ? [nameOf({ id }).split('/')[0] ?? ''] : [] }];
  });
}
