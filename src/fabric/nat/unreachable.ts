/**
 * ICMP Destination Unreachable to a guest (RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1). It quotes
 * the packet it is about, rebuilt from the flow: the IP header from guest to remote and the first 8 bytes
 * behind it, which name ports and sequence number.
 */
import { parseIpv4, parseIpv6 } from '../../wire/address.js';
import {
  ICMP_HEADER_BYTES,
  IcmpType,
  Icmpv6Type,
  setIcmpChecksum,
  setIcmpv6Checksum,
  Unreachable6Code,
  UnreachableCode,
  writeIcmpHeader,
} from '../../wire/icmp.js';
import { IpProtocol } from '../../wire/ipv4.js';
import type { GatewayLink } from '../gateway/link.js';
import type { Clock } from './clock.js';
import type { Refusal } from './host-errors.js';
import { type IpPath, Ipv4Path, Ipv6Path } from './ip-path.js';

/** The quoted bytes behind the IP header (RFC 792: 64 bits). */
export const QUOTED_TRANSPORT_BYTES = 8;

const CODES = {
  4: {
    port: UnreachableCode.port,
    host: UnreachableCode.host,
    network: UnreachableCode.network,
    prohibited: UnreachableCode.adminProhibited,
  },
  6: {
    port: Unreachable6Code.port,
    host: Unreachable6Code.address,
    network: Unreachable6Code.noRoute,
    prohibited: Unreachable6Code.adminProhibited,
  },
} as const;

/** Errors a second and network (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 f). */
const ERRORS_PER_SECOND = 100;

export class UnreachableSender {
  readonly #link: GatewayLink;
  readonly #clock: Clock;
  #secondStartedMs = Number.NEGATIVE_INFINITY;
  #sentThisSecond = 0;

  constructor(link: GatewayLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  /**
   * @param path of the flow that failed.
   * @param transport the first 8 bytes that the guest sent behind its IP header.
   * @param transportBytes length of all it sent there.
   * @returns false when the rate was exceeded and nothing was sent.
   */
  send(
    mac: number,
    path: IpPath,
    reason: Exclude<Refusal, 'silent'>,
    protocol: number,
    transport: Uint8Array,
    transportBytes: number,
  ): boolean {
    if (!this.#withinRate()) return false;
    const link = this.#link;
    const outer = reason === 'port' ? path : this.#fromGateway(path);
    const messageBytes = ICMP_HEADER_BYTES + path.headerBytes + QUOTED_TRANSPORT_BYTES;
    const packet = link.begin(mac, path.etherType, path.headerBytes + messageBytes);
    const { bytes } = link;
    const isIpv4 = path.family === 4;
    const icmp = outer.writeHeader(bytes, packet, messageBytes, isIpv4 ? IpProtocol.icmp : IpProtocol.icmpv6);
    const type = isIpv4 ? IcmpType.destinationUnreachable : Icmpv6Type.destinationUnreachable;
    const quote = writeIcmpHeader(bytes, icmp, type, CODES[path.family][reason], 0);
    bytes.set(transport, path.reversed().writeHeader(bytes, quote, transportBytes, protocol));
    if (isIpv4) setIcmpChecksum(bytes, icmp, icmp + messageBytes);
    else setIcmpv6Checksum(bytes, packet, icmp, icmp + messageBytes);
    return true;
  }

  /** Only a refused port is told in the name of the remote host; everything else is this gateway's word. */
  #fromGateway(path: IpPath): IpPath {
    const { ipv4, ipv6 } = this.#link.network;
    if (path instanceof Ipv4Path) {
      const gateway = ipv4 === undefined ? undefined : parseIpv4(ipv4.gateway);
      return gateway === undefined ? path : new Ipv4Path(path.guest, gateway);
    }
    const gateway = ipv6 === undefined ? undefined : parseIpv6(ipv6.gateway);
    return gateway === undefined || !(path instanceof Ipv6Path) ? path : new Ipv6Path(path.guest, gateway);
  }

  #withinRate(): boolean {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#secondStartedMs >= 1000) {
      this.#secondStartedMs = nowMs;
      this.#sentThisSecond = 0;
    }
    return this.#sentThisSecond++ < ERRORS_PER_SECOND;
  }
}
