import type { Problem } from '../../errors.js';
import { type FamilyNumber, familyName } from '../address/families.js';
import type { Draft } from '../draft.js';
import { forwardNic, type Unreachable } from '../forward-target.js';
import { nearest } from '../problems/nearest.js';
import { type Address, formatAddress } from '../../wire/address.js';
import { type Path, quoted } from '../problems/wording.js';
import type { ForwardTarget } from '../schema/forward.js';
import type { SourceLocation } from '../source-location.js';
import { type ForwardSpec, type MachineSpec, nicId, type NicSpec } from '../spec.js';

/** Forwards that lead nowhere. */
export function checkForwards(draft: Draft): Problem[] {
  return draft.spec.forwards.flatMap((forward) => {
    const ends = forward.targets.map((_, place) => endOf(forward, place, draft));
    const problems = ends.flatMap((end) => ('problems' in end ? end.problems : []));
    if (problems.length > 0) return problems;
    const nics = ends.flatMap((end) => ('nic' in end ? [end.nic] : []));
    return [...sharedOut(forward, nics, draft), ...unansweredClients(forward, draft)];
  });
}

/** The NIC that a target is; neither NIC nor problems where the file did not make enough sense to tell. */
function endOf(
  forward: ForwardSpec,
  place: number,
  draft: Draft,
): { readonly nic: NicSpec } | { readonly problems: readonly Problem[] } {
  const target = forward.targets[place]!;
  const at = targetAt(forward, place, draft);
  const machine = draft.machines.get(target.machine);
  if (machine === undefined) return { problems: unknownMachine(target, at, draft) };
  if (!isKnown(machine, draft)) return { problems: [] };
  const { family } = forward.listenAddress;
  const found = forwardNic(target, family, machine, (name) => draft.networks.get(name));
  if ('nic' in found) return found;
  return { problems: [unreachable(target, family, machine, found.unreachable, at)] };
}

/** Machines that share connections are of one network, whose gateway shares them out. */
function sharedOut(forward: ForwardSpec, nics: readonly NicSpec[], draft: Draft): Problem[] {
  return nics.flatMap((nic, place): Problem[] => {
    const at = targetAt(forward, place, draft);
    const first = nics[0]!;
    if (nics.findIndex((one) => nicId(one) === nicId(nic)) < place) {
      const message = `the forward leads to ${nicId(nic)} twice`;
      return [{ code: 'spec/forward-twice', message, fix: 'name each machine once', at }];
    }
    if (nic.network === first.network) return [];
    return [
      {
        code: 'spec/forward-apart',
        message: `the forward leads to ${nicId(first)} on ${first.network} and to ${nicId(nic)} on ${nic.network}`,
        fix: 'name NICs of one network, each as MACHINE/NUMBER',
        at,
      },
    ];
  });
}

/** In the long form the target, in the short form of a NIC the forward itself. */
function targetAt(forward: ForwardSpec, place: number, draft: Draft): SourceLocation {
  const path: Path = [...draft.pathOf(forward), 'target'];
  return draft.at(draft.has([...path, place]) ? [...path, place] : path);
}

/** Whether everything the machine is plugged into made sense; otherwise what is missing may be there. */
function isKnown(machine: MachineSpec, draft: Draft): boolean {
  return (
    draft.isWhole(['machines', machine.name]) &&
    machine.nics.every(({ network }) => draft.networks.has(network) && draft.isWhole(['networks', network]))
  );
}

function unknownMachine({ machine }: ForwardTarget, at: SourceLocation, draft: Draft): Problem[] {
  if (draft.declares('machines', machine)) return [];
  const meant = nearest(machine, draft.machines.keys());
  return [
    {
      code: 'spec/unknown-machine',
      message: `the forward leads to ${quoted(machine)}, and there is no such machine`,
      fix: meant === undefined ? 'declare it under machines:' : `did you mean "${meant}"?`,
      at,
    },
  ];
}

/** To a listen address of the loopback come clients of the loopback, which no machine can answer. */
function unansweredClients(forward: ForwardSpec, draft: Draft): Problem[] {
  const { shownSource, listenAddress } = forward;
  if (shownSource !== 'client' || !isLoopback(listenAddress)) return [];
  const address = formatAddress(listenAddress);
  return [
    {
      code: 'spec/forward-source',
      message: `the forward listens on ${address}, whose clients are on the loopback of the host, and no machine can answer those by their own address`,
      fix: 'leave `source` out, or listen on another address',
      at: draft.at([...draft.pathOf(forward), 'source']),
    },
  ];
}

function isLoopback({ family, value }: Address): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

function unreachable(
  target: ForwardTarget,
  family: FamilyNumber,
  machine: MachineSpec,
  reason: Unreachable,
  at: SourceLocation,
): Problem {
  const { name } = machine;
  switch (reason) {
    case 'no-such-nic': {
      const message = `the forward leads to NIC ${target.nic} of ${name}, which has ${machine.nics.length}`;
      return { code: 'spec/unknown-nic', message, fix: 'NICs count from 0', at };
    }
    case 'isolated':
      return {
        code: 'spec/forward-isolated',
        message: `the forward leads to ${name} on an isolated network, which nothing outside reaches`,
        fix: `plug ${name} into a nat or routed network as well, or remove the forward`,
        at,
      };
    case 'no-address':
      return {
        code: 'spec/forward-no-address',
        message: `the forward leads to ${name}, which has no ${familyName(family)} address on a nat or routed network`,
        fix: `plug ${name} into a nat or routed network with ${familyName(family)}, or remove the forward`,
        at,
      };
  }
}
