import { type Address, formatAddress, parseAddress } from '../../wire/address.js';
import type { Fault, Parsed } from '../problems/fault.js';
import { didYouMean } from '../problems/nearest.js';
import { oneOf, quoted } from '../problems/wording.js';
import { TRANSPORT_PROTOCOLS, type TransportProtocol } from '../vocabulary.js';
import { formatPorts, parsePorts, type PortRange, portCount } from './ports.js';

/*
 * The short form of a forward, as docker and podman users know it:
 *
 *     [LISTEN-ADDRESS:]LISTEN-PORTS:TARGET-PORTS[/PROTOCOL]
 *
 * An IPv6 address stands in brackets (RFC 3986, section 3.2.2). Ports are one port or a range. Without an address it
 * listens on every IPv4 address of the host, without a protocol it is TCP.
 */

/** What a forward listens on and which ports it leads to, whichever form it was written in. */
export interface ForwardPorts {
  readonly protocol: TransportProtocol;
  readonly listenAddress: Address;
  readonly listenPorts: PortRange;
  readonly targetPortFirst: number;
  /** Every listen port leads to `targetPortFirst`, instead of in step. */
  readonly targetPortFixed: boolean;
}

export const ANY_IPV4: Address = { family: 4, value: 0n };
const FORM = '[ADDRESS:]LISTEN:TARGET[/PROTOCOL]';

function badForward(message: string, fix: string): { fault: Fault } {
  return { fault: { code: 'spec/bad-forward', message, fix } };
}

/** Two ports, two ranges of one size, or a range that leads to one port. */
export function pairPorts(
  listen: PortRange,
  target: PortRange,
): Parsed<Pick<ForwardPorts, 'targetPortFirst' | 'targetPortFixed'>> {
  if (portCount(listen) === portCount(target)) {
    return { value: { targetPortFirst: target.first, targetPortFixed: false } };
  }
  if (portCount(target) === 1) return { value: { targetPortFirst: target.first, targetPortFixed: true } };
  const last = target.first + portCount(listen) - 1;
  const sized = last <= 65_535 ? `"${formatPorts({ first: target.first, last })}" to match, or ` : '';
  return {
    fault: {
      code: 'spec/forward-range-size',
      message: `${portCount(listen)} listen ports (${formatPorts(listen)}) cannot lead to ${portCount(target)} target ports (${formatPorts(target)})`,
      fix: `write ${sized}a single target port`,
    },
  };
}

function parseListenAddress(text: string, rest: string): Parsed<Address> {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  const address = parseAddress(bracketed ?? text);
  if (address === undefined) {
    return badForward(
      `${quoted(text)} is not an address to listen on`,
      'write an IPv4 address such as 127.0.0.1, or an IPv6 address in brackets such as [::1]',
    );
  }
  if ((bracketed !== undefined) === (address.family === 6)) return { value: address };
  const plain = formatAddress(address);
  return bracketed === undefined
    ? badForward(`the IPv6 address ${plain} runs into the ports`, `write "[${plain}]:${rest}"`)
    : badForward(`brackets are for IPv6, ${plain} is IPv4`, `write "${plain}:${rest}"`);
}

function parseProtocol(text: string): Parsed<TransportProtocol> {
  const protocol = TRANSPORT_PROTOCOLS.find((known) => known === text);
  if (protocol !== undefined) return { value: protocol };
  return {
    fault: {
      code: 'spec/unknown-protocol',
      message: `unknown protocol ${quoted(text)}`,
      fix: didYouMean(text, TRANSPORT_PROTOCOLS) ?? `write ${oneOf(TRANSPORT_PROTOCOLS)}`,
    },
  };
}

/** Reads the short form of a forward. */
export function parseForward(text: string): Parsed<ForwardPorts> {
  const [ports = '', protocolText, ...more] = text.split('/');
  const match = /^(?:(.*):)?([^:[\]]*):([^:[\]]*)$/s.exec(ports);
  if (match === null || more.length > 0) {
    const same = /^\d{1,5}(-\d{1,5})?$/.test(ports) ? `${ports}:${ports}` : '9011:9090';
    return badForward(`${quoted(text)} is not a forward`, `write ${FORM}, for example "${same}"`);
  }
  const [, addressText, listenText = '', targetText = ''] = match;
  const protocol = parseProtocol(protocolText ?? 'tcp');
  if ('fault' in protocol) return protocol;
  const address =
    addressText === undefined
      ? { value: ANY_IPV4 }
      : parseListenAddress(addressText, `${listenText}:${targetText}`);
  if ('fault' in address) return address;
  const listenPorts = parsePorts(listenText);
  if ('fault' in listenPorts) return listenPorts;
  const targetPorts = parsePorts(targetText);
  if ('fault' in targetPorts) return targetPorts;
  const pair = pairPorts(listenPorts.value, targetPorts.value);
  if ('fault' in pair) return pair;
  return {
    value: {
      protocol: protocol.value,
      listenAddress: address.value,
      listenPorts: listenPorts.value,
      ...pair.value,
    },
  };
}
