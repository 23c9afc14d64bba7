/**
 * IPv4 packets that machines send to the gateway's MAC or to everybody: checked, then delivered here, routed to another
 * network of the project, or handed to the NAT (RFC 1812 section 5.2).
 */
import { pseudoHeaderSumIpv4 } from '../../wire/checksum.js';
import {
  decrementTtl,
  IPV4_HEADER_BYTES,
  type Ipv4Header,
  IpProtocol,
  isFragment,
  readIpv4Header,
} from '../../wire/ipv4.js';
import { Ipv4Reassembler } from '../../wire/ipv4-reassembly.js';
import { isIpv4Martian, isIpv4Multicast } from './address-class.js';
import type { GatewayContext } from './context.js';
import type { DhcpDelivery } from './dhcp-delivery.js';
import type { LocalDelivery } from './local-delivery.js';
import type { GatewayServices } from './services.js';
import { type Ipv4Settings, isOnLink } from './settings.js';

const OPTION_END = 0;
const OPTION_NO_OPERATION = 1;
const OPTION_LOOSE_SOURCE_ROUTE = 131;
const OPTION_STRICT_SOURCE_ROUTE = 137;

/** The parts of a gateway that take packets to itself. */
export interface Ipv4Parts {
  readonly local: LocalDelivery;
  readonly dhcp: DhcpDelivery;
}

export class Ipv4Input {
  readonly #context: GatewayContext;
  readonly #services: GatewayServices;
  readonly #parts: Ipv4Parts;
  readonly #nowMs: () => number;
  readonly #reassembler = new Ipv4Reassembler();

  constructor(context: GatewayContext, services: GatewayServices, parts: Ipv4Parts, nowMs: () => number) {
    this.#context = context;
    this.#services = services;
    this.#parts = parts;
    this.#nowMs = nowMs;
  }

  /** Datagrams under assembly and the bytes they hold. */
  get held(): { readonly datagrams: number; readonly bytes: number } {
    return this.#reassembler.held;
  }

  /** @param toGroup the frame went to a broadcast or multicast MAC. */
  receive(bytes: Buffer, start: number, end: number, sourceMac: number, toGroup: boolean): void {
    const context = this.#context;
    const own = context.settings.ipv4;
    if (own === undefined) {
      context.drop(context.settings.leadsOut ? 'unsupported-protocol' : 'isolated');
      return;
    }
    const header = readIpv4Header(bytes, start, end);
    if (header === undefined) {
      context.drop('malformed');
      return;
    }
    const { source, destination } = header;
    if ((source !== 0 && isIpv4Martian(source)) || source === own.address || source === own.broadcast) {
      context.drop('martian-source');
      return;
    }
    // Groups that nobody here has joined: mDNS and its like, not worth a count.
    if (isIpv4Multicast(destination)) return;
    if (toGroup && !isBroadcast(own, destination)) context.drop('link-broadcast');
    else if (isOwnAddress(own, destination)) this.#deliver(own, bytes, start, header, sourceMac);
    else if (!isOnLink(own, source)) context.drop('foreign-source');
    else this.#route(own, bytes, start, header, sourceMac);
  }

  #deliver(own: Ipv4Settings, bytes: Buffer, start: number, header: Ipv4Header, sourceMac: number): void {
    if (!isFragment(header)) {
      this.#deliverWhole(own, bytes, start, header, sourceMac);
      return;
    }
    const whole = this.#reassembler.add(bytes, start, header, this.#nowMs());
    const wholeHeader = whole && readIpv4Header(whole, 0, whole.length);
    if (wholeHeader !== undefined) this.#deliverWhole(own, whole!, 0, wholeHeader, sourceMac);
  }

  #deliverWhole(
    own: Ipv4Settings,
    bytes: Buffer,
    start: number,
    header: Ipv4Header,
    sourceMac: number,
  ): void {
    const { source, destination, protocol, headerBytes, totalBytes } = header;
    const payloadOffset = start + headerBytes;
    const end = start + totalBytes;
    const pseudoHeaderSum = pseudoHeaderSumIpv4(source, destination, protocol, end - payloadOffset);
    const toSibling = !isOwnAddress(own, destination);
    if (protocol === IpProtocol.udp && !toSibling) {
      const datagram = { bytes, payloadOffset, end, pseudoHeaderSum, sourceMac };
      if (this.#parts.dhcp.receiveIpv4(datagram)) return;
    }
    // A client without an address speaks DHCP only; broadcasts are for DHCP only.
    if (isBroadcast(own, destination)) return;
    if (!isOnLink(own, source)) {
      this.#context.drop('foreign-source');
      return;
    }
    this.#parts.local.deliver({
      family: 4,
      bytes,
      start,
      end,
      protocol,
      payloadOffset,
      pseudoHeaderSum,
      sourceMac,
      replyEnds: { source: destination, destination: source },
      isOwn: !toSibling,
      refuse: (error) => this.#context.errors.sendIpv4(error, bytes, start, header, sourceMac),
    });
  }

  #route(own: Ipv4Settings, bytes: Buffer, start: number, header: Ipv4Header, sourceMac: number): void {
    const context = this.#context;
    const { router, nat } = this.#services;
    const { destination } = header;
    if (!context.settings.leadsOut) {
      context.drop('isolated');
      return;
    }
    if (isIpv4Martian(destination)) {
      context.drop('martian-destination');
      return;
    }
    if (header.headerBytes > IPV4_HEADER_BYTES && hasSourceRoute(bytes, start, header.headerBytes)) {
      context.drop('source-route');
      return;
    }
    const egress = router.networkOfIpv4(destination);
    if (egress !== undefined && !egress.settings.leadsOut) {
      context.drop('no-route');
      context.errors.sendIpv4('no-route', bytes, start, header, sourceMac);
      return;
    }
    if (egress !== context && egress?.settings.ipv4?.address === destination) {
      this.#deliver(own, bytes, start, header, sourceMac);
      return;
    }
    // Directed broadcasts are not forwarded (RFC 2644); nor is the subnet's own address, their old form.
    if (egress !== undefined && isSubnetAddress(egress.settings.ipv4, destination)) {
      context.drop('martian-destination');
      return;
    }
    if (header.ttl <= 1) {
      context.drop('ttl-exceeded');
      context.errors.sendIpv4('time-exceeded', bytes, start, header, sourceMac);
      return;
    }
    if (egress !== undefined) {
      router.forwardIpv4(context, egress, bytes, start, header, sourceMac);
      return;
    }
    decrementTtl(bytes, start);
    nat.receive(context, bytes, start, start + header.totalBytes, sourceMac);
  }
}

function isOwnAddress(own: Ipv4Settings, address: number): boolean {
  return address === own.address || isBroadcast(own, address);
}

function isBroadcast(own: Ipv4Settings, address: number): boolean {
  return address === own.broadcast || address === 0xffff_ffff;
}

/** RFC 3021: a /31 has neither, and a /32 is its own. */
function isSubnetAddress(ipv4: Ipv4Settings | undefined, address: number): boolean {
  if (ipv4 === undefined || ipv4.prefixLength >= 31) return false;
  return address === ipv4.subnet || address === ipv4.broadcast;
}

function hasSourceRoute(bytes: Buffer, start: number, headerBytes: number): boolean {
  const end = start + headerBytes;
  let offset = start + IPV4_HEADER_BYTES;
  while (offset < end) {
    const kind = bytes[offset]!;
    if (kind === OPTION_LOOSE_SOURCE_ROUTE || kind === OPTION_STRICT_SOURCE_ROUTE) return true;
    if (kind === OPTION_END) return false;
    // A malformed length ends the walk; the options mean nothing then.
    const optionBytes = kind === OPTION_NO_OPERATION ? 1 : (bytes[offset + 1] ?? 0);
    if (optionBytes === 0) return false;
    offset += optionBytes;
  }
  return false;
}
