/** The VDE engine's part of a topology as resources. Pure. */
import { createHash } from 'node:crypto';
import type { Resource } from '../../plan/resource.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { numberPorts, PORT_COUNT } from './numbering.js';
import { networkOptions, nicVlan } from './options.js';
import { parsePlugUrl } from './plug-url.js';
import {
  CABLE_KIND,
  cableResource,
  NO_VLAN,
  PORT_KIND,
  portResource,
  PROVIDER,
  resourceId,
  switchResource,
} from './resources.js';

/** A cable that the engine puts into a network beside those of the file: to the network's gateway. */
export interface GatewayCable {
  readonly name: string;
  readonly end: readonly string[];
  /** Ids of what has to stand at its other end. */
  readonly needs: readonly string[];
  readonly reason: string;
}

export interface DesireOptions {
  /** Which switch of a network it is that will run. */
  readonly incarnationOf: (network: string) => number;
  readonly gatewayCable: (network: Network) => GatewayCable | undefined;
  /** The patch panel of a NIC whose QEMU has no VDE, as the end of a cable; undefined: QEMU plugs itself in. */
  readonly panelOf: (nic: Nic, topology: Topology) => readonly string[] | undefined;
}

export function desireVde(topology: Topology, options: DesireOptions): Resource[] {
  return topology.networks
    .filter(({ engine }) => engine === PROVIDER)
    .flatMap((network) => {
      const nics = nicsOn(topology, network);
      return desireNetwork(network, nics, options, topology);
    });
}

function desireNetwork(
  network: Network,
  nics: readonly Nic[],
  options: DesireOptions,
  topology: Topology,
): Resource[] {
  const { name, mode, source } = network;
  const { vlan, speaksFstp, plugs } = networkOptions(network);
  const gateway = options.gatewayCable(network);
  const numbers = portNumbers(network, nics, gateway);
  const numberOf = (id: string): number => numbers.get(id) ?? 0;
  const untaggedVlan = vlan ?? 0;
  const vlans = [...new Set(nics.flatMap((nic) => nicVlan(nic) ?? vlan ?? []))].sort((a, b) => a - b);
  const machines = [...new Set(nics.map(({ machine }) => machine))];
  return [
    {
      ...switchResource(name, {
        state: 'running',
        incarnation: options.incarnationOf(name),
        portCount: PORT_COUNT,
        isHub: false,
        speaksFstp,
      }),
      reason: `the switch of ${name} (${mode})`,
      source,
      affects: machines,
    },
    ...nics.map((nic) => {
      const end = options.panelOf(nic, topology);
      return {
        ...portResource(name, nic.id, {
          number: numberOf(resourceId(PORT_KIND, nic.id)),
          untaggedVlan: nicVlan(nic) ?? untaggedVlan,
          taggedVlans: [],
          ...(end !== undefined && { end }),
        }),
        reason: `port of ${nic.machine} on ${name}`,
        source: nic.source,
      };
    }),
    ...plugs.map((url) => ({
      ...cableResource(name, plugName(url), {
        number: numberOf(resourceId(CABLE_KIND, `${name}/${plugName(url)}`)),
        // A trunk: the network's own VLAN has its tag, as everything beside it.
        untaggedVlan: vlan === undefined ? 0 : NO_VLAN,
        taggedVlans: vlans,
        end: parsePlugUrl(url)?.end ?? [url],
      }),
      reason: `cable from ${name} to ${url}`,
      source,
      affects: machines,
    })),
    ...(gateway === undefined
      ? []
      : [
          withNeeds(gateway.needs, {
            ...cableResource(name, gateway.name, {
              number: numberOf(resourceId(CABLE_KIND, `${name}/${gateway.name}`)),
              untaggedVlan,
              taggedVlans: [],
              end: gateway.end,
            }),
            reason: gateway.reason,
            source,
            affects: machines,
          }),
        ]),
  ];
}

function withNeeds(needs: readonly string[], resource: Resource): Resource {
  return { ...resource, needs: [...resource.needs, ...needs] };
}

/** The numbers of all ports of a network, by resource id. */
function portNumbers(
  network: Network,
  nics: readonly Nic[],
  gateway: GatewayCable | undefined,
): ReadonlyMap<string, number> {
  const cables = [...networkOptions(network).plugs.map(plugName), ...(gateway ? [gateway.name] : [])];
  return numberPorts([
    ...nics.map((nic) => resourceId(PORT_KIND, nic.id)),
    ...cables.map((name) => resourceId(CABLE_KIND, `${network.name}/${name}`)),
  ]);
}

/** The switch port that a machine's QEMU asks for. */
export function portNumberOf(topology: Topology, nic: Nic, gateway: GatewayCable | undefined): number {
  const network = topology.networks.find(({ name }) => name === nic.network);
  if (network === undefined) return 0;
  const numbers = portNumbers(network, nicsOn(topology, network), gateway);
  return numbers.get(resourceId(PORT_KIND, nic.id)) ?? 0;
}

export function nicsOn(topology: Topology, network: Network): Nic[] {
  return topology.machines.flatMap((machine) => machine.nics).filter((nic) => nic.network === network.name);
}

/** The same URL is the same cable, wherever it stands in the list. */
export function plugName(url: string): string {
  return `plug-${createHash('sha256').update(url).digest('hex').slice(0, 8)}`;
}
