import type { Problem } from '../../errors.js';
import { formatAddress } from '../../wire/address.js';
import type { Draft } from '../draft.js';
import type { ForwardSpec } from '../spec.js';
import { formatPorts } from '../text/ports.js';

/**
 * Forwards that listen on one address, port and protocol. The wildcard of a family (0.0.0.0, ::) takes in every address
 * of that family, and of that family only (sockets on :: are IPv6 only, RFC 3493 section 5.3).
 *
 * One sweep over the ports in ascending order. Forwards that do not conflict are disjoint at each address, so it is
 * enough to remember the last one of each address, and the one of them all that reaches furthest.
 */
export function checkListeners(draft: Draft): Problem[] {
  const orders = new Map(draft.spec.forwards.map((forward, order) => [forward, order] as const));
  const kinds = new Map<string, ForwardSpec[]>();
  for (const forward of draft.spec.forwards) {
    const kind = `${forward.protocol} ${forward.listenAddress.family}`;
    const members = kinds.get(kind);
    if (members === undefined) kinds.set(kind, [forward]);
    else members.push(forward);
  }
  const order = (forward: ForwardSpec) => orders.get(forward) ?? 0;
  return [...kinds.values()].flatMap((forwards) => sweep(forwards, order, draft));
}

function sweep(forwards: ForwardSpec[], order: (forward: ForwardSpec) => number, draft: Draft): Problem[] {
  const problems: Problem[] = [];
  const lastAt = new Map<bigint, ForwardSpec>();
  let furthest: ForwardSpec | undefined;
  forwards.sort((a, b) => a.listenPorts.first - b.listenPorts.first || order(a) - order(b));
  for (const forward of forwards) {
    const address = forward.listenAddress.value;
    const rivals = address === 0n ? [furthest] : [lastAt.get(address), lastAt.get(0n)];
    const rival = rivals.find(
      (other) => other !== undefined && other.listenPorts.last >= forward.listenPorts.first,
    );
    if (rival !== undefined) {
      const [earlier, later] = order(rival) < order(forward) ? [rival, forward] : [forward, rival];
      problems.push(conflict(earlier, later, draft));
      continue;
    }
    lastAt.set(address, forward);
    if (furthest === undefined || forward.listenPorts.last > furthest.listenPorts.last) furthest = forward;
  }
  return problems;
}

function conflict(earlier: ForwardSpec, later: ForwardSpec, draft: Draft): Problem {
  return {
    code: 'spec/listen-conflict',
    message: `${listenText(later)} is taken by the forward of ${listenText(earlier)} to ${earlier.targets.map(({ machine }) => machine).join(', ')} (line ${earlier.source.line})`,
    fix: 'choose another listen port, or another listen address for both',
    at: draft.at([...draft.pathOf(later), 'listen-port']),
  };
}

/** `tcp 127.0.0.1:9001-9099`. */
function listenText({ protocol, listenAddress, listenPorts }: ForwardSpec): string {
  const address = formatAddress(listenAddress);
  return `${protocol} ${listenAddress.family === 6 ? `[${address}]` : address}:${formatPorts(listenPorts)}`;
}
