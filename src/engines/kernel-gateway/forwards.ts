/**
 * Forwards as elements of the gateway's maps. Pure. A single port is one element of a hash map. A range that leads to
 * the same ports is one element of an interval map, whose data is the address alone: the port stays. nftables cannot
 * shift a range in step (it would pick any port of the range), so a range that leads elsewhere is an element a port.
 */
import type { Forward } from '../../topology/topology.js';
import { canonicalElements, type Elements } from './elements.js';

export function forwardElements(forward: Forward): Elements {
  const { listenAddress, listenPortFirst, listenPortLast, protocol, targetAddress } = forward;
  const family = targetAddress.includes(':') ? '6' : '4';
  const isAny = listenAddress === '0.0.0.0' || listenAddress === '::';
  const map = `forward${family}${isAny ? '_any' : ''}`;
  const key = (ports: string): string => [...(isAny ? [] : [listenAddress]), protocol, ports].join(' . ');

  const count = listenPortLast - listenPortFirst + 1;
  const range = key(count === 1 ? String(listenPortFirst) : `${listenPortFirst}-${listenPortLast}`);
  const asGateway = {
    [`as_gateway${family}${isAny ? '_any' : ''}`]: forward.shownSource === 'gateway' ? [range] : [],
  };
  const keepsPort = !forward.targetPortFixed && forward.targetPortFirst === listenPortFirst;
  if (keepsPort && count > 1) {
    return canonicalElements({ [`${map}_range`]: [`${range} : ${targetAddress}`], ...asGateway });
  }
  return canonicalElements({
    ...asGateway,
    [map]: Array.from({ length: count }, (_, step) => {
      const targetPort = forward.targetPortFirst + (forward.targetPortFixed ? 0 : step);
      return `${key(String(listenPortFirst + step))} : ${targetAddress} . ${targetPort}`;
    }),
  });
}

/** Whether a host's own 127.0.0.1 leads there: the network's device must then accept loopback addresses. */
export function listensOnLoopback(forward: Forward): boolean {
  return forward.listenAddress === '0.0.0.0' || forward.listenAddress.startsWith('127.');
}
