/** Counters of every port, and what a person should know of the switches. */
import type { SwitchPort } from '../../clients/vde/tables.js';
import type { Places } from '../../places.js';
import type { EngineStatus, PortStatus } from '../contract.js';
import type { NetworkFiles } from './network-files.js';
import { knownNetworks } from './observe.js';
import { readRecord } from './record.js';
import { nameOf, PORT_KIND } from './resources.js';
import { lookAtSwitch } from './switch-process.js';

export async function readStatus(places: Places, signal: AbortSignal): Promise<EngineStatus> {
  const networks = await Promise.all(
    (await knownNetworks(places)).map((files) => networkStatus(files, signal)),
  );
  const notes = networks.flatMap((network) => network.notes);
  return {
    running: networks.some(({ isRunning }) => isRunning),
    ports: networks.flatMap((network) => network.ports),
    notes:
      networks.length === 0 ? [] : [...notes, 'vde_switch looks at no addresses: there is no anti-spoofing'],
  };
}

async function networkStatus(
  files: NetworkFiles,
  signal: AbortSignal,
): Promise<{ isRunning: boolean; ports: PortStatus[]; notes: string[] }> {
  const { network } = files;
  const found = await lookAtSwitch(files, signal, async (control) => ({
    identity: await control.identity(),
    ports: await control.ports(),
  }));
  if (found === undefined) {
    return {
      isRunning: false,
      ports: [],
      notes: [`${network}: its switch does not work; run \`passerelle up\``],
    };
  }
  const { entries } = await readRecord(files);
  const byNumber = new Map(found.ports.map((port) => [port.number, port]));
  const ports = [...entries].flatMap(([id, { kind, properties }]): PortStatus[] => {
    const port = byNumber.get(Number(properties['number']));
    return kind === PORT_KIND && port !== undefined ? [portStatus(nameOf({ id }), network, port)] : [];
  });
  const { pid = 0, version = '' } = found.identity ?? {};
  const recorded = new Set([...entries.values()].map(({ properties }) => Number(properties['number'])));
  const guests = found.ports.filter(({ number, isActive }) => isActive && !recorded.has(number)).length;
  const others = guests === 0 ? '' : `, ${guests} plugged in by themselves`;
  return { isRunning: true, ports, notes: [`${network}: vde_switch ${version}, pid ${pid}${others}`] };
}

function portStatus(nic: string, network: string, port: SwitchPort): PortStatus {
  return {
    nic,
    network,
    connected: port.isActive,
    rxFrames: port.framesIn,
    rxBytes: port.bytesIn,
    txFrames: port.framesOut,
    txBytes: port.bytesOut,
    // The switch counts none.
    drops: {},
  };
}
