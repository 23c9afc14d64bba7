import type { Run } from '../../clients/command/run.js';
import type { Problem } from '../../errors.js';
import { type Link, readAddresses, readLinks } from '../../clients/iproute/links.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import type { Network, Topology } from '../../topology/topology.js';
import { isOfProject } from '../project-marks.js';
import { PROVIDER } from './identity.js';
import { markOf } from './marks.js';
import { tunnelObstacles } from './overlay/obstacles.js';
import { hostBridgeProblems, hostUplinkOf } from './uplink/host-bridge.js';
import { noUplink, resolveUplink } from './uplink/uplink-resource.js';

/** What stands in the way on this host right now. Touches nothing. */
export async function preflight(
  run: Run,
  project: string,
  topology: Topology,
  signal: AbortSignal,
): Promise<Problem[]> {
  const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
  if (networks.length === 0) return [];
  const links = new Map((await readLinks(run, signal)).map((link) => [link.ifname, link]));
  const names = new Set(networks.map(({ name }) => name));
  const nics = topology.machines
    .flatMap((machine) => machine.nics)
    .filter(({ network }) => names.has(network));
  const hostBridged = networks.filter((network) => isHostBridged(project, network, links));
  const taken = [...networks, ...nics].flatMap((owner): Problem[] => {
    const { interfaceName, source } = owner;
    const link = links.get(interfaceName);
    if (link === undefined || hostBridged.some((network) => network === owner)) return [];
    const mark = markOf(project, link.altnames);
    const isAnotherEngines = mark === undefined && isOfProject(project, link.altnames);
    // Of another engine of the project: this `up` takes it away.
    if (isAnotherEngines || (mark !== undefined && mark.kind !== 'host-bridge')) return [];
    return [
      {
        code: 'linux/interface-name-taken',
        message: `there is an interface ${interfaceName} already, and it is not of this project`,
        fix: `find out whose it is (\`ip -d link show ${interfaceName}\`); if nobody's, \`ip link delete ${interfaceName}\``,
        at: source,
      },
    ];
  });
  const missing = networks.flatMap(({ name, uplink, source }): Problem[] => {
    if (uplink === undefined || uplink === 'default' || links.has(uplink)) return [];
    const others = [...links.keys()].filter((ifname) => ifname !== 'lo').slice(0, 8);
    return [
      {
        code: 'linux/no-such-uplink',
        message: `network ${name} leaves by ${uplink}, and this host has no such interface`,
        fix: `name one of: ${others.join(', ')}`,
        at: source,
      },
    ];
  });
  const different = hostBridged.flatMap((network) => {
    const bridge = links.get(network.interfaceName);
    return bridge === undefined ? [] : hostBridgeProblems(network, bridge);
  });
  const others = networks.filter((network) => !hostBridged.includes(network));
  return [
    ...taken,
    ...missing,
    ...different,
    ...(await uplinkProblems(run, project, others, links, signal)),
    ...(await tunnelProblems(run, project, networks, [...links.values()], signal)),
  ];
}

async function tunnelProblems(
  run: Run,
  project: string,
  networks: readonly Network[],
  links: readonly Link[],
  signal: AbortSignal,
): Promise<Problem[]> {
  if (networks.every(({ overlay }) => overlay === undefined)) return [];
  const addresses = new Set((await readAddresses(run, signal)).map(({ address }) => address));
  return tunnelObstacles(project, networks, links, addresses);
}

/** The host's own configuration has made the network's bridge, with the uplink in it. */
function isHostBridged(project: string, network: Network, links: ReadonlyMap<string, Link>): boolean {
  const bridge = links.get(network.interfaceName);
  if (network.mode !== 'bridge' || bridge === undefined) return false;
  if (markOf(project, bridge.altnames)?.kind === 'bridge') return false;
  return hostUplinkOf(bridge, network.uplink ?? 'default', links.values()) !== undefined;
}

/** NICs that cannot go into a bridge, with what works instead. */
async function uplinkProblems(
  run: Run,
  project: string,
  networks: readonly Network[],
  links: ReadonlyMap<string, Link>,
  signal: AbortSignal,
): Promise<Problem[]> {
  const bridged = networks.filter(({ mode }) => mode === 'bridge');
  if (bridged.length === 0) return [];
  const routes = await readRoutes(run, signal);
  const problems = await Promise.all(
    bridged.map(async (network): Promise<Problem[]> => {
      const device = resolveUplink(network.uplink ?? 'default', routes);
      const link = links.get(device ?? '');
      const at = network.source;
      if (device === undefined) return [noUplink(network.name, at)];
      // One of ours: the NIC is in our bridge already, and the default route is the bridge's.
      if (link === undefined || markOf(project, link.altnames) !== undefined) return [];
      const { exitCode } = await run(['test', '-e', `/sys/class/net/${device}/phy80211`], { signal });
      const reason = exitCode === 0 ? WIFI : whyNotInBridge(link);
      if (reason === undefined) return link.mtu === network.mtuBytes ? [] : [otherMtu(network, link)];
      return [
        {
          code: 'linux/uplink-not-bridgeable',
          message: `${device} cannot be the uplink of ${network.name}: ${reason.why}`,
          fix: reason.fix,
          at,
        },
      ];
    }),
  );
  return problems.flat();
}

/** A bridge has the MTU of its smallest port, and the host goes on with the bridge's. */
function otherMtu({ name, mtuBytes, source }: Network, nic: Link): Problem {
  return {
    code: 'linux/uplink-mtu',
    message: `network ${name} has an MTU of ${mtuBytes} and its uplink ${nic.ifname} one of ${nic.mtu}: on one segment all have the same`,
    fix: `write \`mtu: ${nic.mtu}\``,
    at: source,
  };
}

const WIFI = {
  why: 'it is a Wi-Fi NIC, and an access point takes frames of its own address only (IEEE 802.11)',
  fix: 'write `mode: nat` with forwards, or `mode: routed` and give the LAN a route',
};

function whyNotInBridge(link: Link): { why: string; fix: string } | undefined {
  if (link.portKind === 'bond') {
    return {
      why: `it is a member of ${link.master ?? 'a bond'}`,
      fix: `write \`uplink: ${link.master ?? 'bond0'}\``,
    };
  }
  if (link.master !== undefined) {
    return {
      why: `it is a port of ${link.master} already`,
      fix: `take it out (\`ip link set ${link.ifname} nomaster\`) or name another NIC`,
    };
  }
  if (link.kind === 'bridge') {
    return {
      why: 'it is a bridge, and a bridge is no port of another',
      fix: 'name the NIC behind it once that is free, or another one',
    };
  }
  if (link.flags.includes('LOOPBACK')) return { why: 'it is the loopback', fix: 'name a NIC of the host' };
  if (link.flags.includes('POINTOPOINT') || link.flags.includes('NOARP')) {
    return { why: 'it carries no Ethernet', fix: 'write `mode: nat` or `mode: routed`' };
  }
  return undefined;
}
