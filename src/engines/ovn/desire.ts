/**
 * This engine's networks as resources. Pure. The gateway's come from elsewhere. Whatever is of a network as a whole is
 * wanted by every host that the network is on, in the same words; ports are wanted by the host that has what is behind them.
 */
import { hasGatewayHere } from '../kernel-gateway/desire.js';
import type { Resource } from '../../plan/resource.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { desireMachineNamespaces, namespaceOf } from '../open-vswitch/inside.js';
import type { Datapath } from '../open-vswitch/datapath.js';
import { TAP_KIND, type TapProperties } from '../open-vswitch/taps.js';
import { dhcpOptionsOf, answersDhcp } from './dhcp.js';
import { guardOf, portSecurityOf } from './guard.js';
import { hostPort } from './host-port.js';
import {
  networkPortName,
  networkPortResource,
  nicPortName,
  ownerOf,
  PROVIDER,
  resourceId,
  switchName,
} from './identity.js';
import { limitsOf } from './limits.js';
import { networkOptions, nicOptions } from './options.js';
import { makeResource } from './resources.js';
import { desireServer, hasServer } from './server.js';

/** What the engine has seen of the host before it can say what it wants. */
export interface HostFacts {
  /** The datapath that `auto` means here. */
  readonly datapath: Datapath;
}

export function networksOf(topology: Topology): Network[] {
  return topology.networks.filter(({ engine }) => engine === PROVIDER);
}

/** Which datapath the file expects of the integration bridge. */
export function datapathOf(network: Pick<Network, 'options'>, facts: HostFacts): Datapath {
  const asked = networkOptions(network).datapath ?? 'auto';
  return asked === 'auto' ? facts.datapath : asked;
}

export function desireSegments(project: string, topology: Topology, facts: HostFacts): Resource[] {
  const networks = networksOf(topology);
  const names = new Set(networks.map(({ name }) => name));
  const here = topology.machines.flatMap(({ nics }) => [...nics]).filter(({ network }) => names.has(network));
  const elsewhere = (topology.elsewhere ?? []).flatMap(({ nics }) => [...nics]);
  const placed = here.map((nic) => ({ nic, options: nicOptions(nic) }));
  return [
    ...networks.flatMap((network) => {
      const on = (nics: readonly Nic[]) => nics.filter((nic) => nic.network === network.name);
      return desireSegment(project, network, on(here), on(elsewhere), facts);
    }),
    ...desireMachineNamespaces(ownerOf(project), placed, networks),
  ];
}

function desireSegment(
  project: string,
  network: Network,
  nics: readonly Nic[],
  elsewhere: readonly Nic[],
  facts: HostFacts,
): Resource[] {
  const { name, source } = network;
  const affects = [...new Set(nics.map(({ machine }) => machine))];
  return [
    makeResource(
      'switch',
      name,
      { name: switchName(project, name) },
      { affects, reason: `logical switch of the ${network.mode} network ${name}`, source },
    ),
    ...(answersDhcp(network)
      ? [
          makeResource('dhcp-options', name, dhcpOptionsOf(network), {
            affects,
            reason: `what machines of ${name} are told by DHCP`,
            source,
          }),
        ]
      : []),
    ...([...nics, ...elsewhere].some(({ antiSpoofing }) => antiSpoofing)
      ? [
          makeResource('guard', name, guardOf(project, network), {
            affects,
            reason: `machines of ${name} speak with their own addresses only`,
            source,
          }),
        ]
      : []),
    ...(network.mode === 'bridge' ? [uplinkOf(project, network, affects)] : []),
    ...(hasGatewayHere(network) ? hostPort(project, network, affects) : []),
    ...(hasServer(network) ? desireServer(project, network) : []),
    ...nics.flatMap((nic) => [
      ...(nicOptions(nic).attach === 'netns' ? [] : [tapOf(nic, network, facts)]),
      logicalPortOf(project, nic, network),
      ...limitsOf(project, nic, network),
      portOf(project, nic, network),
    ]),
  ];
}

function uplinkOf(project: string, network: Network, affects: readonly string[]): Resource {
  const { name, uplink, source } = network;
  const { vlan } = networkOptions(network);
  return makeResource(
    'logical-port',
    networkPortResource(name, 'uplink'),
    {
      switch: switchName(project, name),
      name: networkPortName(project, name, 'uplink'),
      type: 'localnet',
      addresses: ['unknown'],
      portSecurity: [],
      physicalNetwork: uplink ?? '',
      ...(vlan !== undefined && { tag: vlan }),
      isGuarded: false,
      isPinned: false,
    },
    { needs: [resourceId('switch', name)], affects, reason: `${name} reaches the LAN by it`, source },
  );
}

function tapOf(nic: Nic, network: Network, facts: HostFacts): Resource {
  const properties: TapProperties = {
    device: nic.interfaceName,
    mtuBytes: network.mtuBytes,
    owner: nicOptions(nic).owner ?? null,
    isUp: true,
    isShielded: datapathOf(network, facts) === 'netdev',
  };
  return {
    id: resourceId(TAP_KIND, nic.id),
    provider: PROVIDER,
    kind: TAP_KIND,
    properties: { ...properties },
    needs: [],
    affects: [nic.machine],
    reason: `the host's end of ${nic.id}`,
    source: nic.source,
  };
}

function logicalPortOf(project: string, nic: Nic, network: Network): Resource {
  const { id, mac, ipv4, ipv6, machine, antiSpoofing, source } = nic;
  const own = [mac, ipv4, ipv6].filter((each) => each !== undefined).join(' ');
  const isAnswered = answersDhcp(network) && ipv4 !== undefined;
  return makeResource(
    'logical-port',
    id,
    {
      switch: switchName(project, network.name),
      name: nicPortName(project, id),
      type: '',
      // A machine that may say what it likes is sent what is for nobody else.
      addresses: antiSpoofing ? [own] : [own, 'unknown'],
      portSecurity: antiSpoofing ? portSecurityOf(nic) : [],
      ...(isAnswered && { dhcp: network.name, hostname: machine }),
      isGuarded: antiSpoofing,
      isPinned: true,
    },
    {
      needs: [
        resourceId('switch', network.name),
        ...(isAnswered ? [resourceId('dhcp-options', network.name)] : []),
        ...(antiSpoofing ? [resourceId('guard', network.name)] : []),
      ],
      affects: [machine],
      reason: `${id} on the logical switch of ${network.name}`,
      source,
    },
  );
}

function portOf(project: string, nic: Nic, network: Network): Resource {
  const options = nicOptions(nic);
  const isInside = options.attach === 'netns';
  return makeResource(
    'port',
    nic.id,
    {
      device: nic.interfaceName,
      logicalPort: nicPortName(project, nic.id),
      namespace: namespaceOf(ownerOf(project), { nic, options }),
      isAttached: true,
      isInstalled: true,
    },
    {
      needs: [resourceId('logical-port', nic.id), ...(isInside ? [] : [resourceId(TAP_KIND, nic.id)])],
      affects: [nic.machine],
      reason: `port ${nic.index} of ${nic.machine} on network ${network.name}`,
      source: nic.source,
    },
  );
}
