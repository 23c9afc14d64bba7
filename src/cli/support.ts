import type { Engine } from '../engines/contract.js';
import type { Problem } from '../errors.js';
import { ENGINE_NAMES, type EngineName, type Network, type Topology } from '../topology/topology.js';

/** What the engines say they cannot do with this topology, by their declared capabilities. Pure. */
export function supportProblems(topology: Topology, engines: ReadonlyMap<EngineName, Engine>): Problem[] {
  const forwarded = new Set(topology.forwards.map((forward) => forward.network));
  return topology.networks.flatMap((network): Problem[] => {
    const engine = engines.get(network.engine);
    if (engine === undefined) {
      const available = ENGINE_NAMES.filter((name) => engines.has(name));
      return [
        {
          code: 'engine/not-available',
          message: `network "${network.name}" wants the engine ${network.engine}, which this build does not have`,
          fix: `write one of: ${available.join(', ')}`,
          at: network.source,
        },
      ];
    }
    return [
      ...refusal(network, engine, `mode ${network.mode}`, engine.capabilities.modes[network.mode]),
      ...(network.ipv6 ? refusal(network, engine, 'ipv6', engine.capabilities.ipv6) : []),
      ...(network.dhcp ? refusal(network, engine, 'dhcp', engine.capabilities.dhcp) : []),
      ...(network.dns ? refusal(network, engine, 'dns', engine.capabilities.dns) : []),
      ...(network.overlay
        ? refusal(network, engine, `hosts ${hostsText(network)}`, engine.capabilities.manyHosts)
        : []),
      ...(forwarded.has(network.name)
        ? refusal(network, engine, 'forwards', engine.capabilities.forwards)
        : []),
    ];
  });
}

/** `kvm2, kvm3 beside this one`. */
function hostsText({ overlay }: Network): string {
  return `${(overlay?.peers ?? []).map(({ host }) => host).join(', ')} beside this one`;
}

function refusal(network: Network, engine: Engine, what: string, support: true | string): Problem[] {
  if (support === true) return [];
  return [
    {
      code: 'engine/not-supported',
      message: `network "${network.name}": ${what} on the engine ${engine.name}: ${support}`,
      at: network.source,
    },
  ];
}
