/** The errors a gateway tells, and their messages in ICMP (RFC 792, RFC 1812) and ICMPv6 (RFC 4443). */
import { IcmpType, Icmpv6Type, Unreachable6Code, UnreachableCode } from '../../wire/icmp.js';

/** What went wrong; each has a message in both families. */
export type IcmpError =
  | 'time-exceeded'
  | 'no-route'
  | 'host-unreachable'
  | 'port-unreachable'
  | 'protocol-unreachable'
  | { readonly mtuBytes: number };

/** Type, code and the 32 bits behind the checksum. */
export interface IcmpErrorMessage {
  readonly type: number;
  readonly code: number;
  readonly rest: number;
}

export function icmpMessageOf(error: IcmpError): IcmpErrorMessage {
  const unreachable = IcmpType.destinationUnreachable;
  if (typeof error === 'object') {
    return { type: unreachable, code: UnreachableCode.fragmentationNeeded, rest: error.mtuBytes };
  }
  switch (error) {
    case 'time-exceeded':
      return { type: IcmpType.timeExceeded, code: 0, rest: 0 };
    case 'no-route':
      return { type: unreachable, code: UnreachableCode.network, rest: 0 };
    case 'host-unreachable':
      return { type: unreachable, code: UnreachableCode.host, rest: 0 };
    case 'port-unreachable':
      return { type: unreachable, code: UnreachableCode.port, rest: 0 };
    case 'protocol-unreachable':
      return { type: unreachable, code: UnreachableCode.protocol, rest: 0 };
  }
}

/** @param protocolOffset where the header that is not understood is named, from the start of the packet. */
export function icmpv6MessageOf(error: IcmpError, protocolOffset: number): IcmpErrorMessage {
  const unreachable = Icmpv6Type.destinationUnreachable;
  if (typeof error === 'object') return { type: Icmpv6Type.packetTooBig, code: 0, rest: error.mtuBytes };
  switch (error) {
    case 'time-exceeded':
      return { type: Icmpv6Type.timeExceeded, code: 0, rest: 0 };
    case 'no-route':
      return { type: unreachable, code: Unreachable6Code.noRoute, rest: 0 };
    case 'host-unreachable':
      return { type: unreachable, code: Unreachable6Code.address, rest: 0 };
    case 'port-unreachable':
      return { type: unreachable, code: Unreachable6Code.port, rest: 0 };
    case 'protocol-unreachable':
      // Code 1: unrecognised next header (RFC 4443 section 3.4).
      return { type: Icmpv6Type.parameterProblem, code: 1, rest: protocolOffset };
  }
}
