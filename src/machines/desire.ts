import type { Descriptor, QemuArguments } from '../engines/contract.js';
import type { Resource } from '../plan/resource.js';
import type { Machine, Nic, Topology } from '../topology/topology.js';
import { KIND, PROVIDER, propertiesOf, resourceId } from './description.js';
import { withDeviceId } from './nic-plug.js';

/** What a machine is given by the networks it is plugged into. */
export interface Wiring {
  /** QEMU arguments of one NIC, from the engine of its network. */
  nicArguments(nic: Nic): QemuArguments;
  /** Files that these arguments speak of by number. Absent: none. */
  nicDescriptors?(nic: Nic): readonly Descriptor[];
  /** Ids of the resources that must stand before the machine starts: its ports. */
  needs(machine: Machine): readonly string[];
  /** Absolute directory of the project's file. */
  readonly directory: string;
}

/** The machines that have a `command:`; the others are started by the person, with `passerelle netdev`. Pure. */
export function desiredMachines(topology: Topology, wiring: Wiring): Resource[] {
  return topology.machines.flatMap((machine) => {
    if (machine.command === undefined) return [];
    const description = {
      name: machine.name,
      command: machine.command,
      nics: machine.nics.map((nic) => {
        const descriptors = wiring.nicDescriptors?.(nic) ?? [];
        return {
          id: nic.id,
          arguments: withDeviceId(wiring.nicArguments(nic), nic.id),
          ...(descriptors.length > 0 && { descriptors }),
        };
      }),
      directory: wiring.directory,
    };
    return [
      {
        id: resourceId(machine.name),
        provider: PROVIDER,
        kind: KIND,
        properties: propertiesOf(description),
        needs: wiring.needs(machine),
        reason: `machine ${machine.name}, started with its ${machine.nics.length} NIC(s)`,
        source: machine.source,
        affects: [machine.name],
      },
    ];
  });
}
