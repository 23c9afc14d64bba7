/**
 * Forwards as elements of the gateway's maps. Pure. A single port is one element of a hash map. A range that leads to
 * the same ports is one element of an interval map, whose data is the address alone: the port stays. nftables cannot
 * shift a range in step (it would pick any port of the range), so a range that leads elsewhere is an element a port.
 *
 * A forward to several machines is shared out by lot: the kernel draws a number below `SHARES` for each connection, and
 * each port has an element for each number, dealt to the machines in turn. So it is one look-up too, for any number of
 * forwards and machines. By lot and not in turn, because the count would be one for all forwards, and connections that
 * alternate between two of them would each meet one machine only.
 */
import type { Forward } from '../../../topology/topology.js';
import { canonicalElements, type Elements } from './elements.js';

/** Divided without rest among 2, 3, 4, 5, 6, 10 or 12 machines. */
export const SHARES = 60;

export function forwardElements(forward: Forward): Elements {
  const { listenAddress, listenPortFirst, listenPortLast, protocol } = forward;
  const addresses = forward.targets.map(({ address }) => address);
  const family = listenAddress.includes(':') ? '6' : '4';
  const isAny = listenAddress === '0.0.0.0' || listenAddress === '::';
  const map = `${addresses.length > 1 ? 'shared' : 'forward'}${family}${isAny ? '_any' : ''}`;
  const key = (ports: string): string => [...(isAny ? [] : [listenAddress]), protocol, ports].join(' . ');

  const count = listenPortLast - listenPortFirst + 1;
  const range = key(count === 1 ? String(listenPortFirst) : `${listenPortFirst}-${listenPortLast}`);
  const asGateway = {
    [`as_gateway${family}${isAny ? '_any' : ''}`]: forward.shownSource === 'gateway' ? [range] : [],
  };
  const keepsPort = !forward.targetPortFixed && forward.targetPortFirst === listenPortFirst;
  if (keepsPort && count > 1 && addresses.length === 1) {
    return canonicalElements({ [`${map}_range`]: [`${range} : ${addresses[0]}`], ...asGateway });
  }
  const steps = Array.from({ length: count }, (_, step) => step);
  return canonicalElements({
    ...asGateway,
    [map]: steps.flatMap((step) => {
      const port = key(String(listenPortFirst + step));
      const targetPort = forward.targetPortFirst + (forward.targetPortFixed ? 0 : step);
      return sharesOf(addresses).map((address, share) => {
        const shared = addresses.length > 1 ? ` . ${share}` : '';
        return `${port}${shared} : ${address} . ${targetPort}`;
      });
    }),
  });
}

/** Whether a host's own 127.0.0.1 leads there: the network's device must then accept loopback addresses. */
export function listensOnLoopback(forward: Forward): boolean {
  return forward.listenAddress === '0.0.0.0' || forward.listenAddress.startsWith('127.');
}

function sharesOf(addresses: readonly string[]): readonly string[] {
  if (addresses.length === 1) return addresses;
  return Array.from({ length: SHARES }, (_, share) => addresses[share % addresses.length]!);
}
