/** The segment of a network: a kernel bridge, with a MAC of its own choosing that stays as ports come and go. */
import { createHash } from 'node:crypto';
import type { Link } from '../../clients/iproute/links.js';
import type { Json, Resource } from '../../plan/resource.js';
import type { Network } from '../../topology/topology.js';
import type { KernelWork } from '../kernel-gateway/kernel-work.js';
import { formatMark } from './marks.js';
import { speaksStp } from './options.js';

export const BRIDGE_KIND = 'bridge';

interface Bridge {
  readonly device: string;
  /** Null: the one of the uplink, whatever it is. */
  readonly mac: string | null;
  readonly mtuBytes: number;
  readonly speaksStp: boolean;
  readonly isUp: boolean;
}

export function bridgeId(provider: string, network: string): string {
  return `${provider}/${BRIDGE_KIND}/${network}`;
}

export function bridgeProperties(network: Network): Record<string, Json> {
  const bridge: Bridge = {
    device: network.interfaceName,
    mac: bridgeMac(network),
    mtuBytes: network.mtuBytes,
    speaksStp: speaksStp(network),
    isUp: true,
  };
  return { ...bridge };
}

/**
 * An isolated network's gateway MAC is its server's; the bridge, which is not the gateway, differs in one bit. On a
 * network of many hosts each of them has a bridge: there it is derived from the host's address too.
 */
function bridgeMac(network: Network): string | null {
  const { mode, gatewayMac, overlay } = network;
  if (mode === 'bridge') return null;
  if (mode !== 'isolated') return gatewayMac;
  const first = (Number.parseInt(gatewayMac.slice(0, 2), 16) ^ 0x04).toString(16).padStart(2, '0');
  if (overlay === undefined) return first + gatewayMac.slice(2);
  const digest = createHash('sha256').update(`${gatewayMac} ${overlay.localAddress}`).digest('hex');
  return [first, ...Array.from({ length: 5 }, (_, byte) => digest.slice(2 * byte, 2 * byte + 2))].join(':');
}

/** @param hasUplink whether a NIC of the host is a port of it, so that it goes by that NIC's MAC. */
export function observedBridge(link: Link, hasUplink: boolean): Record<string, Json> {
  const bridge: Bridge = {
    device: link.ifname,
    mac: hasUplink ? null : (link.address ?? ''),
    mtuBytes: link.mtu,
    speaksStp: link.info['stp_state'] !== 0,
    isUp: link.flags.includes('UP'),
  };
  return { ...bridge };
}

/** Hundredths of a second that a port listens and learns before it forwards (IEEE 802.1D); 0 without STP. */
const FORWARD_DELAY_WITH_STP = 1500;

export function stageBridge(
  work: KernelWork,
  project: string,
  network: string,
  before: Resource | undefined,
  after: Resource,
): void {
  const { device, mac, mtuBytes, speaksStp } = after.properties as unknown as Bridge;
  const stp = `stp_state ${speaksStp ? 1 : 0} forward_delay ${speaksStp ? FORWARD_DELAY_WITH_STP : 0}`;
  if (before === undefined) {
    work.linkLines.push(
      `link add name ${device}${mac === null ? '' : ` address ${mac}`} mtu ${mtuBytes} type bridge ${stp}`,
      // No address of its own making: what a gateway needs is given to it.
      `link set dev ${device} addrgenmode none`,
      // The mark comes last: what carries it is whole.
      `link property add dev ${device} altname ${formatMark(project, { kind: 'bridge', network })}`,
    );
  } else {
    const standing = before.properties as unknown as Bridge;
    if (mac !== null && standing.mac !== mac) work.linkLines.push(`link set dev ${device} address ${mac}`);
    if (standing.mtuBytes !== mtuBytes) work.linkLines.push(`link set dev ${device} mtu ${mtuBytes}`);
    if (standing.speaksStp !== speaksStp) work.linkLines.push(`link set dev ${device} type bridge ${stp}`);
  }
  work.finalLinkLines.push(`link set dev ${device} up`);
}
