import { familyKey } from '../spec/address/families.js';
import { forwardNic } from '../spec/forward-target.js';
import { type ForwardSpec, nicId, type Spec } from '../spec/spec.js';
import { formatAddress } from '../wire/address.js';
import type { ChosenAddresses } from './addresses.js';
import type { Forward, ForwardTarget } from './topology.js';

/** Each forward with the NICs and the addresses that it leads to. The checks of the file have seen that there are. */
export function resolveForwards(spec: Spec, addresses: ReadonlyMap<string, ChosenAddresses>): Forward[] {
  const networks = new Map(spec.networks.map((network) => [network.name, network]));
  const machines = new Map(spec.machines.map((machine) => [machine.name, machine]));
  return spec.forwards.flatMap((forward): Forward[] => {
    const { family } = forward.listenAddress;
    const nics = forward.targets.flatMap((target) => {
      const machine = machines.get(target.machine);
      const found = machine && forwardNic(target, family, machine, (name) => networks.get(name));
      return found !== undefined && 'nic' in found ? [found.nic] : [];
    });
    const targets = nics.flatMap((nic): ForwardTarget[] => {
      const address = addresses.get(nicId(nic))?.[familyKey(family)];
      return address === undefined ? [] : [{ machine: nic.machine, nic: nicId(nic), address }];
    });
    const network = nics[0]?.network;
    if (network === undefined || targets.length === 0) return [];
    return [
      {
        id: forwardId(forward),
        protocol: forward.protocol,
        listenAddress: formatAddress(forward.listenAddress),
        listenPortFirst: forward.listenPorts.first,
        listenPortLast: forward.listenPorts.last,
        network,
        targets,
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
