/**
 * The IPv6 part of the spoof guard: what follows the fixed header.
 *
 * It walks the extension headers (RFC 8200, section 4) and refuses router advertisements and redirects (RFC 6105),
 * DHCPv6 towards clients (RFC 7610), neighbour discovery that speaks of addresses or MACs that are not the sender's
 * (RFC 4861, 4862), neighbour discovery in fragments (RFC 6980), and first fragments that hide their upper-layer header
 * (RFC 7112). Limit: 8 extension headers.
 */
import { Icmpv6Type } from '../../wire/icmp.js';
import { IpProtocol } from '../../wire/ipv4.js';
import { ExtensionHeader } from '../../wire/ipv6.js';
import { OptionType } from '../../wire/ndp-options.js';

export type Ipv6Refusal =
  | 'router-advertisement'
  | 'dhcp-server'
  | 'spoofed-neighbour'
  | 'fragmented-neighbour'
  | 'hidden-header'
  | 'truncated-header';

/** What the sender may call its own. */
export interface Ipv6Rights {
  mayUseIpv6(view: DataView, offset: number): boolean;
  isOwnMac(view: DataView, offset: number): boolean;
}

const MAX_EXTENSION_HEADERS = 8;
const REDIRECT = 137;
const AUTHENTICATION = 51;
const MOBILITY = 135;
const HOST_IDENTITY = 139;
const SHIM6 = 140;
const DHCPV6_CLIENT_PORT = 546;
/** Offset of the options in each neighbour discovery message (RFC 4861, section 4). */
const SOLICITATION_OPTIONS = 8;
const NEIGHBOUR_OPTIONS = 24;
const TARGET_OFFSET = 8;

/**
 * @param offset where the IPv6 header stands; its 40 bytes are in the frame.
 * @param end of the frame.
 */
export function checkIpv6Upper(
  rights: Ipv6Rights,
  view: DataView,
  offset: number,
  end: number,
): Ipv6Refusal | undefined {
  let protocol = view.getUint8(offset + 6);
  let position = offset + 40;
  let isFragment = false;
  for (let headers = 0; isExtension(protocol); headers++) {
    if (headers === MAX_EXTENSION_HEADERS || position + 8 > end) return 'hidden-header';
    const nextHeader = view.getUint8(position);
    if (protocol === ExtensionHeader.fragment) {
      // What a later fragment carries means nothing without the first, and the first was checked.
      if (view.getUint16(position + 2) >>> 3 !== 0) return undefined;
      isFragment = true;
      position += 8;
    } else {
      const unitBytes = protocol === AUTHENTICATION ? 4 : 8;
      const fixedUnits = protocol === AUTHENTICATION ? 2 : 1;
      position += (view.getUint8(position + 1) + fixedUnits) * unitBytes;
    }
    protocol = nextHeader;
  }
  if (protocol === IpProtocol.udp) {
    if (position + 8 > end) return isFragment ? 'hidden-header' : 'truncated-header';
    return view.getUint16(position + 2) === DHCPV6_CLIENT_PORT ? 'dhcp-server' : undefined;
  }
  if (protocol !== IpProtocol.icmpv6) return undefined;
  if (position + 4 > end) return isFragment ? 'hidden-header' : 'truncated-header';
  const type = view.getUint8(position);
  if (type < Icmpv6Type.routerSolicitation || type > REDIRECT) return undefined;
  if (isFragment) return 'fragmented-neighbour';
  return checkNeighbourDiscovery(rights, view, type, offset + 8, position, end);
}

function isExtension(protocol: number): boolean {
  switch (protocol) {
    case ExtensionHeader.hopByHop:
    case ExtensionHeader.routing:
    case ExtensionHeader.fragment:
    case ExtensionHeader.destinationOptions:
    case AUTHENTICATION:
    case MOBILITY:
    case HOST_IDENTITY:
    case SHIM6:
      return true;
    default:
      return false;
  }
}

function checkNeighbourDiscovery(
  rights: Ipv6Rights,
  view: DataView,
  type: number,
  source: number,
  message: number,
  end: number,
): Ipv6Refusal | undefined {
  if (type === Icmpv6Type.routerAdvertisement || type === REDIRECT) return 'router-advertisement';
  if (type === Icmpv6Type.routerSolicitation) {
    return checkLinkLayerOptions(rights, view, message + SOLICITATION_OPTIONS, end);
  }
  if (message + NEIGHBOUR_OPTIONS > end) return 'truncated-header';
  // An advertisement, and a solicitation from the unspecified address (RFC 4862, 5.4.2), lay claim to their target.
  const isClaim = type === Icmpv6Type.neighbourAdvertisement || view.getUint32(source) === 0;
  if (isClaim && !rights.mayUseIpv6(view, message + TARGET_OFFSET)) return 'spoofed-neighbour';
  return checkLinkLayerOptions(rights, view, message + NEIGHBOUR_OPTIONS, end);
}

/** Source and target link-layer addresses in the options of [start, end) are the sender's own. */
function checkLinkLayerOptions(
  rights: Ipv6Rights,
  view: DataView,
  start: number,
  end: number,
): Ipv6Refusal | undefined {
  for (let option = start; option + 8 <= end; ) {
    const optionBytes = view.getUint8(option + 1) * 8;
    // Receivers discard a message with an empty option (RFC 4861, 4.6); behind it stands only Ethernet padding.
    if (optionBytes === 0) return undefined;
    const type = view.getUint8(option);
    const isLinkLayer =
      type === OptionType.sourceLinkLayerAddress || type === OptionType.targetLinkLayerAddress;
    if (isLinkLayer && !rights.isOwnMac(view, option + 2)) return 'spoofed-neighbour';
    option += optionBytes;
  }
  return undefined;
}
