import { familyKey } from '../spec/address/families.js';
import { forwardNic } from '../spec/forward-target.js';
import { type ForwardSpec, nicId, type Spec } from '../spec/spec.js';
import { formatAddress } from '../wire/address.js';
import type { ChosenAddresses } from './addresses.js';
import type { Forward } from './topology.js';

/** Each forward with the NIC and the address that it leads to. The checks of the file have seen that there is one. */
export function resolveForwards(spec: Spec, addresses: ReadonlyMap<string, ChosenAddresses>): Forward[] {
  const networks = new Map(spec.networks.map((network) => [network.name, network]));
  const machines = new Map(spec.machines.map((machine) => [machine.name, machine]));
  return spec.forwards.flatMap((forward): Forward[] => {
    const machine = machines.get(forward.target.machine);
    const found = machine && forwardNic(forward, machine, (name) => networks.get(name));
    if (found === undefined || !('nic' in found)) return [];
    const { nic } = found;
    const targetAddress = addresses.get(nicId(nic))?.[familyKey(forward.listenAddress.family)];
    if (targetAddress === undefined) return [];
    return [
      {
        id: forwardId(forward),
        protocol: forward.protocol,
        listenAddress: formatAddress(forward.listenAddress),
        listenPortFirst: forward.listenPorts.first,
        listenPortLast: forward.listenPorts.last,
        machine: nic.machine,
        nic: nicId(nic),
        network: nic.network,
        targetAddress,
        targetPortFirst: forward.targetPortFirst,
        targetPortFixed: forward.targetPortFixed,
        ...(forward.shownSource !== undefined && { shownSource: forward.shownSource }),
        source: forward.source,
      },
    ];
  });
}

/** `tcp/0.0.0.0:9011`, `tcp/[::1]:9011`. */
function forwardId({ protocol, listenAddress, listenPorts }: ForwardSpec): string {
  const address = formatAddress(listenAddress);
  return `${protocol}/${listenAddress.family === 6 ? `[${address}]` : address}:${listenPorts.first}`;
}
