/**
 * What may enter the switch from a machine's port: only its own MAC and addresses, and nothing that poses as a server
 * or a router (the checks of DHCP snooping, dynamic ARP inspection, RA guard and source guard in one place).
 *
 * Theory of operation. `check` looks at one frame and answers why it is refused, or `undefined`. It keeps no state but
 * the addresses that the network's `AddressOwners` grants. Limits: it reads headers, never payload beyond DHCP's client
 * address; what it cannot read to the end it refuses. Ways around a filter that are closed: VLAN tags, also stacked and
 * with VLAN 0, which hosts strip (the checks apply behind up to two tags, more are refused); IP or ARP in LLC/SNAP,
 * which some hosts unwrap (VU#855201); DHCP and neighbour discovery behind IPv6 extension headers or in fragments
 * (RFC 7113, RFC 6980). EtherTypes that carry no IP pass: their source MAC is checked, and that is all they have.
 */
import { parseIpv4, parseIpv6 } from '../../wire/address.js';
import { EtherType, parseMac } from '../../wire/ethernet.js';
import { IpProtocol } from '../../wire/ipv4.js';
import { linkLocalAddress, slaacAddress } from '../../wire/ipv6-interface.js';
import { type AddressHolder, type AddressKey, type AddressOwners, ipv6KeyOf } from './address-owners.js';
import { checkIpv6Upper, type Ipv6Refusal, type Ipv6Rights } from './ipv6-guard.js';

export type SpoofReason =
  | 'spoofed-mac'
  | 'spoofed-ipv4'
  | 'spoofed-ipv6'
  | 'spoofed-arp'
  | 'spoofed-dhcp'
  | 'encapsulated-ip'
  | 'stacked-vlan'
  | 'truncated-header'
  | Ipv6Refusal;

/** What a NIC may call its own. Addresses are canonical text. */
export interface GuardedIdentity {
  readonly mac: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

const ARP_BYTES = 28;
/** Hardware Ethernet, protocol IPv4, 6- and 4-byte addresses (RFC 826) as one u32 and one u16. */
const ARP_ETHERNET_IPV4 = 0x0001_0800;
const ARP_ADDRESS_LENGTHS = 0x0604;
const ARP_REQUEST = 1;
const QINQ = 0x88a8;
const LEGACY_QINQ = 0x9100;
const MAX_VLAN_TAGS = 2;
/** Below this the field is an 802.3 length, and LLC follows (IEEE 802.3, 3.2.6). */
const FIRST_ETHER_TYPE = 0x0600;
const SNAP = 0xaaaa03;
const IGMP = 2;
const DHCP_SERVER_PORT = 67;
const DHCP_CLIENT_PORT = 68;
const BOOT_REQUEST = 1;
/** From the UDP header to the end of `chaddr`'s first 6 bytes (RFC 2131, figure 1). */
const DHCP_TO_CLIENT_MAC_BYTES = 8 + 28;

/**
 * Somebody whom the configuration does not name, or a switch with many behind it: may use every MAC that nobody else was
 * given, and the addresses that are free. Each frame's source is who its sender says it is.
 */
export interface Stranger {
  /** Whether a MAC (upper 16 bits, lower 32 bits) was given to somebody else. */
  isForeign(high: number, low: number): boolean;
}

export class SpoofGuard implements AddressHolder, Ipv6Rights {
  readonly claims: AddressKey[] = [];
  readonly #owners: AddressOwners;
  readonly #stranger: Stranger | undefined;
  /** Of the NIC; of a stranger's frame while that is looked at. */
  #macHigh: number;
  #macLow: number;
  readonly #ipv4: number | undefined;
  /** The source addresses that pass without a look-up: assigned, link-local, and the last one granted. */
  readonly #ownIpv6: readonly Uint32Array[];
  readonly #lastIpv6 = new Uint32Array(4);
  /** 0 is never granted, so it also stands for none. */
  #lastIpv4 = 0;

  constructor(identity: GuardedIdentity | Stranger, owners: AddressOwners) {
    this.#owners = owners;
    if ('isForeign' in identity) {
      this.#stranger = identity;
      this.#macHigh = 0;
      this.#macLow = 0;
      this.#ownIpv6 = [];
      return;
    }
    const mac = parseMac(identity.mac) ?? 0;
    this.#macHigh = Math.floor(mac / 0x1_0000_0000);
    this.#macLow = mac % 0x1_0000_0000;
    this.#ipv4 = identity.ipv4 === undefined ? undefined : parseIpv4(identity.ipv4);
    const assigned = identity.ipv6 === undefined ? undefined : parseIpv6(identity.ipv6);
    this.#ownIpv6 = [assigned, linkLocalAddress(mac)].filter((a) => a !== undefined).map(words);
  }

  onRevoked(): void {
    this.#lastIpv4 = 0;
    this.#lastIpv6.fill(0);
  }

  /** Checks the frame [start, end) of the view, without its stream framing; it has at least 14 bytes. */
  check(view: DataView, start: number, end: number): SpoofReason | undefined {
    const stranger = this.#stranger;
    if (stranger !== undefined) {
      if (!this.#takeMac(stranger, view, start + 6)) return 'spoofed-mac';
    } else if (view.getUint32(start + 8) !== this.#macLow || view.getUint16(start + 6) !== this.#macHigh) {
      return 'spoofed-mac';
    }
    const etherType = view.getUint16(start + 12);
    if (etherType === EtherType.ipv4) return this.#checkIpv4(view, start + 14, end);
    if (etherType === EtherType.ipv6) return this.#checkIpv6(view, start + 14, end);
    return this.#checkOther(view, start + 12, end);
  }

  /** @returns whether the MAC is free for a stranger; then it is whom the frame speaks of. */
  #takeMac(stranger: Stranger, view: DataView, offset: number): boolean {
    const high = view.getUint16(offset);
    const low = view.getUint32(offset + 2);
    // A group address is no source (IEEE 802.1Q, 8.7).
    if ((high & 0x0100) !== 0 || stranger.isForeign(high, low)) return false;
    this.#macHigh = high;
    this.#macLow = low;
    return true;
  }

  /** @param offset where the EtherType stands. */
  #checkOther(view: DataView, offset: number, end: number): SpoofReason | undefined {
    for (let tags = 0; offset + 2 <= end; tags++, offset += 4) {
      const etherType = view.getUint16(offset);
      if (etherType === EtherType.ipv4) return this.#checkIpv4(view, offset + 2, end);
      if (etherType === EtherType.ipv6) return this.#checkIpv6(view, offset + 2, end);
      if (etherType === EtherType.arp) return this.#checkArp(view, offset + 2, end);
      if (etherType < FIRST_ETHER_TYPE) return checkLlc(view, offset + 2, end);
      if (etherType !== EtherType.vlan && etherType !== QINQ && etherType !== LEGACY_QINQ) return undefined;
      if (tags === MAX_VLAN_TAGS) return 'stacked-vlan';
    }
    return 'truncated-header';
  }

  #checkArp(view: DataView, offset: number, end: number): SpoofReason | undefined {
    if (offset + ARP_BYTES > end) return 'truncated-header';
    if (view.getUint32(offset) !== ARP_ETHERNET_IPV4) return 'spoofed-arp';
    if (view.getUint16(offset + 4) !== ARP_ADDRESS_LENGTHS) return 'spoofed-arp';
    if (!this.isOwnMac(view, offset + 8)) return 'spoofed-arp';
    const sender = view.getUint32(offset + 14);
    // A probe (RFC 5227, 2.1.1) asks with an all-zero sender address; an answer from no address is no answer.
    if (sender === 0) return view.getUint16(offset + 6) === ARP_REQUEST ? undefined : 'spoofed-arp';
    return this.#mayUseIpv4(sender) ? undefined : 'spoofed-arp';
  }

  #checkIpv4(view: DataView, offset: number, end: number): SpoofReason | undefined {
    if (offset + 20 > end) return 'truncated-header';
    const first = view.getUint8(offset);
    const headerBytes = (first & 0x0f) * 4;
    if (first >>> 4 !== 4 || headerBytes < 20 || offset + headerBytes > end) return 'truncated-header';
    const source = view.getUint32(offset + 12);
    const protocol = view.getUint8(offset + 9);
    if (!this.#mayUseIpv4(source)) {
      // Before it has an address a host sends DHCP (RFC 2131, 4.1) and IGMP (RFC 3376, 4.2.13) from 0.0.0.0.
      if (source !== 0 || (protocol !== IpProtocol.udp && protocol !== IGMP)) return 'spoofed-ipv4';
    }
    if (protocol !== IpProtocol.udp) return undefined;
    // Ports stand in the first fragment only; a later one cannot overwrite them, since it starts 8 bytes in or more.
    if ((view.getUint16(offset + 6) & 0x1fff) !== 0) return undefined;
    return this.#checkUdp(view, offset + headerBytes, end, source);
  }

  #checkUdp(view: DataView, offset: number, end: number, source: number): SpoofReason | undefined {
    if (offset + 8 > end) return 'truncated-header';
    const port = view.getUint16(offset + 2);
    // Clients listen on port 68 and do not ask which port an answer came from.
    if (port === DHCP_CLIENT_PORT) return 'dhcp-server';
    if (port !== DHCP_SERVER_PORT) return source === 0 ? 'spoofed-ipv4' : undefined;
    if (offset + DHCP_TO_CLIENT_MAC_BYTES + 6 > end) return 'truncated-header';
    if (view.getUint8(offset + 8) !== BOOT_REQUEST) return 'dhcp-server';
    return this.isOwnMac(view, offset + DHCP_TO_CLIENT_MAC_BYTES) ? undefined : 'spoofed-dhcp';
  }

  #checkIpv6(view: DataView, offset: number, end: number): SpoofReason | undefined {
    if (offset + 40 > end || view.getUint8(offset) >>> 4 !== 6) return 'truncated-header';
    const source = offset + 8;
    // The unspecified address stands for nobody: duplicate address detection and MLD use it.
    if (!this.mayUseIpv6(view, source) && !isUnspecified(view, source)) return 'spoofed-ipv6';
    const nextHeader = view.getUint8(offset + 6);
    // TCP, the common case, has nothing more to check.
    return nextHeader === IpProtocol.tcp ? undefined : checkIpv6Upper(this, view, offset, end);
  }

  #mayUseIpv4(address: number): boolean {
    if (this.#ipv4 !== undefined) return address === this.#ipv4;
    if (address === 0) return false;
    if (address === this.#lastIpv4) return true;
    if (!this.#owners.mayUseIpv4(address, this)) return false;
    this.#lastIpv4 = address;
    return true;
  }

  /** Whether the IPv6 address at `offset` is this NIC's, or free for it to take. */
  mayUseIpv6(view: DataView, offset: number): boolean {
    for (const own of this.#ownIpv6) {
      if (equalsWords(view, offset, own)) return true;
    }
    const last = this.#lastIpv6;
    if (last[0] !== 0 && equalsWords(view, offset, last)) return true;
    if (!this.#owners.mayUseIpv6(view, offset, this)) return false;
    for (let index = 0; index < 4; index++) last[index] = view.getUint32(offset + 4 * index);
    return true;
  }

  /** Whether the six bytes at `offset` are this NIC's MAC. */
  isOwnMac(view: DataView, offset: number): boolean {
    return view.getUint32(offset + 2) === this.#macLow && view.getUint16(offset) === this.#macHigh;
  }
}

/** Everything a NIC is assigned or forms from its MAC, so that no other port can claim it. */
export function assignAddresses(
  owners: AddressOwners,
  identity: GuardedIdentity,
  ipv6Prefix: string | undefined,
  holder: AddressHolder,
): void {
  const mac = parseMac(identity.mac) ?? 0;
  const ipv4 = identity.ipv4 === undefined ? undefined : parseIpv4(identity.ipv4);
  if (ipv4 !== undefined) owners.assign(ipv4, holder);
  const ipv6 = identity.ipv6 === undefined ? undefined : parseIpv6(identity.ipv6);
  if (ipv6 !== undefined) owners.assign(ipv6KeyOf(ipv6), holder);
  owners.assign(ipv6KeyOf(linkLocalAddress(mac)), holder);
  const prefix = ipv6Prefix === undefined ? undefined : parseIpv6(ipv6Prefix);
  if (prefix !== undefined) owners.assign(ipv6KeyOf(slaacAddress(prefix, mac)), holder);
}

/** IP and ARP have no business in LLC/SNAP on Ethernet; other protocols (spanning tree, …) pass. */
function checkLlc(view: DataView, offset: number, end: number): SpoofReason | undefined {
  if (offset + 8 > end) return undefined;
  if (view.getUint16(offset) * 256 + view.getUint8(offset + 2) !== SNAP) return undefined;
  const inner = view.getUint16(offset + 6);
  const isIp = inner === EtherType.ipv4 || inner === EtherType.ipv6 || inner === EtherType.arp;
  return isIp || inner === EtherType.vlan || inner === QINQ ? 'encapsulated-ip' : undefined;
}

function words(address: Uint8Array): Uint32Array {
  const view = new DataView(address.buffer, address.byteOffset, 16);
  return Uint32Array.from([0, 4, 8, 12], (offset) => view.getUint32(offset));
}

function equalsWords(view: DataView, offset: number, own: Uint32Array): boolean {
  return (
    view.getUint32(offset + 12) === own[3] &&
    view.getUint32(offset + 8) === own[2] &&
    view.getUint32(offset + 4) === own[1] &&
    view.getUint32(offset) === own[0]
  );
}

function isUnspecified(view: DataView, offset: number): boolean {
  return (
    view.getUint32(offset) === 0 &&
    view.getUint32(offset + 4) === 0 &&
    view.getUint32(offset + 8) === 0 &&
    view.getUint32(offset + 12) === 0
  );
}
