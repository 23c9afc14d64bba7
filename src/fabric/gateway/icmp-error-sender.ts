/**
 * ICMP errors of a gateway (RFC 792, RFC 1812 section 4.3, RFC 4443 section 2.4).
 *
 * Errors come from the gateway's own address on the network the packet came from, so that traceroute shows the hop.
 * None is sent about another error, a later fragment, a group or broadcast destination, or a source that is not one
 * machine of the network; and none beyond the rate of `ERRORS_PER_SECOND`, with bursts for parallel traceroutes.
 */
import { IcmpType, quotedBytes } from '../../wire/icmp.js';
import { type Ipv4Header, IpProtocol } from '../../wire/ipv4.js';
import type { Ipv6Header } from '../../wire/ipv6.js';
import {
  isIpv4MulticastOrReserved,
  isIpv6LinkLocal,
  isIpv6Multicast,
  isIpv6Unspecified,
} from './address-class.js';
import type { ErrorSender, GatewayContext } from './context.js';
import { type IcmpError, icmpMessageOf, icmpv6MessageOf } from './icmp-error.js';
import { sendOwn } from './packet-output.js';
import { icmpPacket } from './packets.js';
import { isOnLink } from './settings.js';
import { TokenBucket } from './token-bucket.js';

const ERRORS_PER_SECOND = 100;
const ERROR_BURST = 200;

export class IcmpErrorSender implements ErrorSender {
  readonly #context: GatewayContext;
  readonly #nowMs: () => number;
  readonly #rate: TokenBucket;

  constructor(context: GatewayContext, nowMs: () => number) {
    this.#context = context;
    this.#nowMs = nowMs;
    this.#rate = new TokenBucket(ERRORS_PER_SECOND, ERROR_BURST, nowMs());
  }

  /** About the packet at `start`, to the machine that sent it. */
  sendIpv4(error: IcmpError, bytes: Buffer, start: number, header: Ipv4Header, mac: number): void {
    const own = this.#context.settings.ipv4;
    if (own === undefined || !isOnLink(own, header.source) || header.source === own.address) return;
    if (header.fragmentOffsetBytes !== 0 || header.destination === own.broadcast) return;
    if (isIpv4MulticastOrReserved(header.destination)) return;
    if (header.protocol === IpProtocol.icmp && isIcmpError(bytes[start + header.headerBytes])) return;
    if (!this.#mayNow()) return;
    const { type, code, rest } = icmpMessageOf(error);
    const quote = bytes.subarray(start, start + quotedBytes(4, header.totalBytes));
    const ends = { source: own.address, destination: header.source };
    sendOwn(this.#context, mac, icmpPacket(ends, type, code, rest, quote));
  }

  /** About the packet at `start`, to the machine that sent it. */
  sendIpv6(error: IcmpError, bytes: Buffer, start: number, header: Ipv6Header, mac: number): void {
    const own = this.#context.settings.ipv6;
    const { sourceOffset, destinationOffset, fragment } = header;
    if (own === undefined || isIpv6Unspecified(bytes, sourceOffset)) return;
    if (isIpv6Multicast(bytes, sourceOffset)) return;
    if (isIpv6Multicast(bytes, destinationOffset) || (fragment?.offsetBytes ?? 0) !== 0) return;
    if (header.protocol === IpProtocol.icmpv6 && (bytes[header.payloadOffset] ?? 0) < 128) return;
    if (!this.#mayNow()) return;
    const { type, code, rest } = icmpv6MessageOf(error, header.payloadOffset - start);
    const quote = bytes.subarray(start, start + quotedBytes(6, header.end - start));
    const ends = {
      source: isIpv6LinkLocal(bytes, sourceOffset) ? own.linkLocal : own.address,
      destination: bytes.subarray(sourceOffset, sourceOffset + 16),
    };
    sendOwn(this.#context, mac, icmpPacket(ends, type, code, rest, quote));
  }

  #mayNow(): boolean {
    if (this.#rate.take(this.#nowMs())) return true;
    this.#context.drop('icmp-rate-limited');
    return false;
  }
}

function isIcmpError(type: number | undefined): boolean {
  switch (type) {
    case IcmpType.destinationUnreachable:
    case IcmpType.redirect:
    case IcmpType.timeExceeded:
    case IcmpType.parameterProblem:
    case 4: // source quench, deprecated by RFC 6633
      return true;
    default:
      return false;
  }
}
