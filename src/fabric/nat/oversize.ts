/** Packets to a guest that may exceed the MTU: whole where they fit, in fragments otherwise. */
import type { GatewayLink } from '../gateway/link.js';
import { sendOwn } from '../gateway/packet-output.js';

/** Where the flags and the fragment offset stand in an IPv4 header. */
const IPV4_FRAGMENT_OFFSET = 6;

/** @param packet whole IP packet of either family; its IPv4 header is changed where it must be fragmented. */
export function sendPacket(link: GatewayLink, mac: number, packet: Buffer): void {
  const isIpv4 = packet[0]! >>> 4 === 4;
  if (isIpv4 && packet.length > link.network.mtuBytes) packet.writeUInt16BE(0, IPV4_FRAGMENT_OFFSET);
  sendOwn(link, mac, packet);
}
