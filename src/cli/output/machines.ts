import { publicAddressesOf } from '../../spec/public-addresses.js';
import type { Forward, Nic, Topology } from '../../topology/topology.js';
import type { Screen } from './style.js';
import { renderTable } from './table.js';

/** Machines, their NICs and addresses, then the forwards that lead to them. */
export function renderMachines(screen: Screen, topology: Topology): string {
  const modes = new Map(topology.networks.map((network) => [network.name, network.mode]));
  const rows = topology.machines.flatMap((machine) =>
    machine.nics.map((nic, index) => [
      index === 0 ? machine.name : '',
      `${nic.network} (${modes.get(nic.network) ?? ''})`,
      nic.mac,
      addressesText(nic),
    ]),
  );
  const machines = renderTable(screen, ['MACHINE', 'NETWORK', 'MAC', 'ADDRESSES'], rows);
  if (topology.forwards.length === 0) return machines;
  const forwards = topology.forwards.map((forward) => [
    `${forward.protocol} ${listenText(forward)}`,
    forward.targets.map(({ machine, address }) => `${machine} ${targetText(forward, address)}`).join(', '),
  ]);
  return `${machines}\n${renderTable(screen, ['FORWARD', 'TO'], forwards)}`;
}

/** `10.10.10.11 fd00::11 (192.0.2.70 outside)`. */
export function addressesText(nic: Nic): string {
  const outside = publicAddressesOf(nic).map(({ address }) => address);
  return [
    ...[nic.ipv4, nic.ipv6].filter((address) => address !== undefined),
    ...(outside.length > 0 ? [`(${outside.join(' ')} outside)`] : []),
  ].join(' ');
}

function listenText(forward: Forward): string {
  return `${hostText(forward.listenAddress)}:${rangeText(forward.listenPortFirst, forward.listenPortLast)}`;
}

function targetText(forward: Forward, address: string): string {
  const width = forward.targetPortFixed ? 0 : forward.listenPortLast - forward.listenPortFirst;
  return `${hostText(address)}:${rangeText(forward.targetPortFirst, forward.targetPortFirst + width)}`;
}

function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function rangeText(first: number, last: number): string {
  return first === last ? `${first}` : `${first}-${last}`;
}
