/**
 * One network over many hosts: a VXLAN device (RFC 7348) is one more port of the network's bridge.
 *
 * Goal: the bridges of all hosts are one segment, and each host computes its own part from the file alone. What the
 * device knows no place for it sends to every peer (head-end replication, no multicast in the underlay), and from what
 * comes it learns behind which peer a MAC is. All peers are behind one port, and a bridge sends nothing back by the port
 * it came by: what a tunnel brings, no tunnel takes on (split horizon), so a full mesh makes no loop.
 *
 * Events: a host joins or leaves: an entry of the forwarding table comes or goes, and the device stays. A machine moves:
 * its first frame from there teaches every host; of one that is a namespace the kernel itself sends an MLD report as soon
 * as its port has a carrier (RFC 3810 section 6.1), a guest says something as it boots. Another identifier or address of
 * this host: the device is made anew. Who may send to it is said by `peer-table.ts`.
 */
import { FLOOD_MAC } from '../../../clients/iproute/flood-targets.js';
import type { Link } from '../../../clients/iproute/links.js';
import type { Json, Resource } from '../../../plan/resource.js';
import type { Network, Overlay } from '../../../topology/topology.js';
import { VXLAN_PORT } from '../../../wire/vxlan.js';
import type { KernelWork } from '../../kernel-gateway/kernel-work.js';
import { formatMark } from '../marks.js';
import { tunnelPortName } from '../port-names.js';

export const TUNNEL_KIND = 'tunnel';

/** Far more than machines of a network: a bound for what one without a guard sends from made-up MACs. */
const MOST_LEARNED = 16_384;

interface Tunnel {
  readonly device: string;
  readonly bridge: string;
  /** VNI. */
  readonly identifier: number;
  readonly localAddress: string;
  /** UDP, of both ends. */
  readonly port: number;
  /** Addresses of the other hosts, sorted. */
  readonly peers: readonly string[];
  readonly isLearning: boolean;
  /** MACs that it learns at most; frames to others go to every peer. */
  readonly mostLearned: number;
  readonly mtuBytes: number;
  readonly isUp: boolean;
}

export function tunnelId(provider: string, network: string): string {
  return `${provider}/${TUNNEL_KIND}/${network}`;
}

export function tunnelProperties(network: Network, overlay: Overlay): Record<string, Json> {
  const tunnel: Tunnel = {
    device: tunnelPortName(network),
    bridge: network.interfaceName,
    identifier: overlay.identifier,
    localAddress: overlay.localAddress,
    port: VXLAN_PORT,
    peers: overlay.peers.map(({ address }) => address).sort(),
    isLearning: true,
    mostLearned: MOST_LEARNED,
    mtuBytes: network.mtuBytes,
    isUp: true,
  };
  return { ...tunnel };
}

/** @param peers where the device floods to. */
export function observedTunnel(link: Link, peers: readonly string[]): Record<string, Json> {
  const { id, local, local6, port, learning, limit } = link.info;
  const tunnel: Tunnel = {
    device: link.ifname,
    bridge: link.master ?? '',
    identifier: Number(id ?? 0),
    localAddress: String(local ?? local6 ?? ''),
    port: Number(port ?? 0),
    peers,
    isLearning: learning === true,
    mostLearned: Number(limit ?? 0),
    mtuBytes: link.mtu,
    isUp: link.flags.includes('UP'),
  };
  return { ...tunnel };
}

/** What cannot be changed on a device that stands. */
export const FIXED_TUNNEL_PROPERTIES: ReadonlySet<string> = new Set([
  'device',
  'identifier',
  'localAddress',
  'port',
  'isLearning',
  'mostLearned',
]);

export function stageTunnel(
  work: KernelWork,
  project: string,
  network: string,
  before: Resource | undefined,
  after: Resource,
): void {
  const { device, bridge, identifier, localAddress, port, peers, mostLearned, mtuBytes } =
    after.properties as unknown as Tunnel;
  const standing = before?.properties as unknown as Tunnel | undefined;
  if (standing === undefined) {
    work.linkLines.push(
      `link add name ${device} mtu ${mtuBytes} type vxlan id ${identifier} local ${localAddress} dstport ${port} maxaddress ${mostLearned}`,
      `link set dev ${device} addrgenmode none`,
      // The mark comes last: what carries it is whole.
      `link property add dev ${device} altname ${formatMark(project, { kind: 'tunnel', network })}`,
    );
  } else if (standing.mtuBytes !== mtuBytes) work.linkLines.push(`link set dev ${device} mtu ${mtuBytes}`);
  const known = standing?.peers ?? [];
  work.forwardingLines.push(
    // Those that come first: the kernel counts all of them as one address, which finds room as long as one is there.
    ...peers.filter((peer) => !known.includes(peer)).map((peer) => `fdb append ${floodEntry(device, peer)}`),
    ...known.filter((peer) => !peers.includes(peer)).map((peer) => `fdb del ${floodEntry(device, peer)}`),
  );
  if (standing?.bridge !== bridge || !standing.isUp)
    work.finalLinkLines.push(`link set dev ${device} master ${bridge} up`);
}

function floodEntry(device: string, peer: string): string {
  return `${FLOOD_MAC} dev ${device} dst ${peer}`;
}
