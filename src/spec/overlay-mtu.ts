import type { FamilyNumber } from './address/families.js';
import type { HostSpec } from './spec.js';
import type { EngineName } from './vocabulary.js';

/**
 * UDP, the tunnel's header (8 bytes in VXLAN, RFC 7348, and in Geneve without options, RFC 8926) and the inner Ethernet
 * header: what a packet between hosts holds besides the packet of a machine and its own IP header.
 */
const HEADER_BYTES = 8 + 8 + 14;
const IP_HEADER_BYTES: Readonly<Record<FamilyNumber, number>> = { 4: 20, 6: 40 };
/** What an engine says of each packet in Geneve options: OVN's ports take 8 bytes (ovn-architecture(7)). */
const OPTION_BYTES: Readonly<Partial<Record<EngineName, number>>> = { ovn: 8 };
/** What ESP adds in transport mode at most (RFC 4303): header, IV, padding to 16 and its trailer, ICV of 16. */
const ESP_BYTES = 8 + 16 + 16 + 2 + 16;
/** The largest that a tap and QEMU both carry. */
const MAX_MTU_BYTES = 65_520;

/** The largest packet of a machine that fits one packet between hosts. @param family of the hosts' addresses. */
function overlayMtuBytes(underlayMtuBytes: number, family: FamilyNumber): number {
  return Math.min(underlayMtuBytes - HEADER_BYTES - IP_HEADER_BYTES[family], MAX_MTU_BYTES);
}

/**
 * The largest packet of a machine that every host can hand to every other; `undefined` without hosts.
 * @param network its engine and whether IPsec encrypts it: both take their own part of each packet.
 */
export function mtuBetween(
  hosts: readonly Pick<HostSpec, 'address' | 'mtuBytes'>[],
  network: { readonly engine: EngineName; readonly isEncrypted: boolean },
): number | undefined {
  const ownBytes = (network.isEncrypted ? ESP_BYTES : 0) + (OPTION_BYTES[network.engine] ?? 0);
  const sizes = hosts.map(({ mtuBytes, address }) => overlayMtuBytes(mtuBytes - ownBytes, address.family));
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}
