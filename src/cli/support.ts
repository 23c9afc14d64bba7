import type { Engine, Support } from '../engines/contract.js';
import type { Problem } from '../errors.js';
import { locationOfKey, type SourceLocation } from '../spec/source-location.js';
import {
  ENGINE_NAMES,
  type EngineName,
  type Forward,
  type Network,
  type Nic,
  type Overlay,
  type Topology,
} from '../topology/topology.js';

/**
 * What the engines say they cannot do with this topology, by their declared capabilities; every key that a file has and
 * its engine does not read is told, so that none is silently ignored. Pure.
 */
export function supportProblems(topology: Topology, engines: ReadonlyMap<EngineName, Engine>): Problem[] {
  const nicsByNetwork = new Map<string, Nic[]>(topology.networks.map(({ name }) => [name, []]));
  for (const { nics } of topology.machines) for (const nic of nics) nicsByNetwork.get(nic.network)?.push(nic);
  return topology.networks.flatMap((network): Problem[] => {
    const engine = engines.get(network.engine);
    if (engine === undefined) {
      const available = ENGINE_NAMES.filter((name) => engines.has(name));
      return [
        {
          code: 'engine/not-available',
          message: `network ${network.name} wants the engine ${network.engine}, which this build does not have`,
          fix: `write one of: ${available.join(', ')}`,
          at: locationOfKey(network, 'engine'),
        },
      ];
    }
    return [
      ...networkProblems(network, engine),
      ...(nicsByNetwork.get(network.name) ?? []).flatMap((nic) => nicProblems(nic, engine)),
      ...topology.forwards
        .filter((forward) => forward.network === network.name)
        .flatMap((forward) => forwardProblems(forward, engine)),
    ];
  });
}

function networkProblems(network: Network, engine: Engine): Problem[] {
  const { capabilities } = engine;
  const refused = (what: string, key: string, support: Support): Problem[] =>
    refusal(engine, `network ${network.name}`, what, support, locationOfKey(network, key));
  return [
    ...refused(`mode ${network.mode}`, 'mode', capabilities.modes[network.mode]),
    ...(network.ipv6 ? refused('IPv6', 'ipv6', capabilities.ipv6) : []),
    ...(network.dhcp ? refused('DHCP', 'dhcp', capabilities.dhcp) : []),
    ...(network.dns ? refused('DNS', 'dns', capabilities.dns) : []),
    ...(network.overlay ? refused(hostsText(network.overlay), 'mode', capabilities.manyHosts) : []),
    ...Object.entries(capabilities.networkKeys)
      .filter(([key]) => hasKey(network, key))
      .flatMap(([key, support]) => refused(`the key "${key}"`, key, support)),
  ];
}

/** `going on at kvm2, kvm3`. */
function hostsText({ peers }: Overlay): string {
  return `going on at ${peers.map(({ host }) => host).join(', ')}`;
}

/** Whether the network asks for what the key stands for. A bridge network has its uplink by its mode. */
function hasKey(network: Network, key: string): boolean {
  if (key === 'uplink') return network.mode !== 'bridge' && network.uplink !== undefined;
  if (key === 'host-loopback') return network.hostLoopback;
  return asksFor(network.options[key]);
}

function nicProblems(nic: Nic, engine: Engine): Problem[] {
  const refused = (key: string, support: Support): Problem[] =>
    refusal(engine, nic.id, `the key "${key}"`, support, locationOfKey(nic, key));
  const { antiSpoofing, nicKeys } = engine.capabilities;
  // Anti-spoofing is on by default: only who asks for it in so many words counts on it.
  const asksForGuard = nic.antiSpoofing && nic.keyLocations?.['anti-spoofing'] !== undefined;
  return [
    ...(asksForGuard ? refused('anti-spoofing', antiSpoofing) : []),
    ...Object.entries(nicKeys)
      .filter(([key]) => asksFor(nic.options[key]))
      .flatMap(([key, support]) => refused(key, support)),
  ];
}

/** `false` says of every such key that its thing is not wanted. */
function asksFor(value: unknown): boolean {
  return value !== undefined && value !== false;
}

function forwardProblems({ id, shownSource, source }: Forward, engine: Engine): Problem[] {
  const { forwards, forwardSources } = engine.capabilities;
  return [
    ...refusal(engine, id, 'forwards', forwards, source),
    ...(shownSource === undefined
      ? []
      : refusal(engine, id, `source: ${shownSource}`, forwardSources[shownSource], source)),
  ];
}

/** A sentence of a capability is why not, and after the semicolon what to write instead. */
function refusal(
  engine: Engine,
  subject: string,
  what: string,
  support: Support,
  at: SourceLocation,
): Problem[] {
  if (support === true) return [];
  const [reason = '', fix] = support.split('; ', 2);
  return [
    {
      code: 'engine/not-supported',
      message: `${subject}: ${what} is not for the engine ${engine.name}: ${reason}`,
      ...(fix !== undefined && { fix }),
      at,
    },
  ];
}
