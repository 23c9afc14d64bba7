import type { Problem } from '../../errors.js';
import { familyName } from '../address/families.js';
import type { Draft } from '../draft.js';
import { forwardNic, type Unreachable } from '../forward-target.js';
import { nearest } from '../problems/nearest.js';
import { type Address, formatAddress } from '../../wire/address.js';
import { quoted } from '../problems/wording.js';
import type { ForwardSpec, MachineSpec } from '../spec.js';

/** Forwards that lead nowhere. */
export function checkForwards(draft: Draft): Problem[] {
  return draft.spec.forwards.flatMap((forward) => {
    const machine = draft.machines.get(forward.target.machine);
    if (machine === undefined) return unknownMachine(forward, draft);
    if (!isKnown(machine, draft)) return [];
    const found = forwardNic(forward, machine, (name) => draft.networks.get(name));
    return 'nic' in found
      ? unansweredClients(forward, draft)
      : [unreachable(forward, machine, found.unreachable, draft)];
  });
}

/** Whether everything the machine is plugged into made sense; otherwise what is missing may be there. */
function isKnown(machine: MachineSpec, draft: Draft): boolean {
  return (
    draft.isWhole(['machines', machine.name]) &&
    machine.nics.every(({ network }) => draft.networks.has(network) && draft.isWhole(['networks', network]))
  );
}

function unknownMachine(forward: ForwardSpec, draft: Draft): Problem[] {
  const { machine } = forward.target;
  if (draft.declares('machines', machine)) return [];
  const meant = nearest(machine, draft.machines.keys());
  return [
    {
      code: 'spec/unknown-machine',
      message: `the forward leads to ${quoted(machine)}, and there is no such machine`,
      fix: meant === undefined ? 'declare it under machines:' : `did you mean "${meant}"?`,
      at: targetAt(forward, draft),
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

/** In the long form the target, in the short form of a NIC the forward itself. */
function targetAt(forward: ForwardSpec, draft: Draft) {
  return draft.at([...draft.pathOf(forward), 'target']);
}

function unreachable(forward: ForwardSpec, machine: MachineSpec, reason: Unreachable, draft: Draft): Problem {
  const { name } = machine;
  const at = targetAt(forward, draft);
  const { nic, machine: target } = forward.target;
  switch (reason) {
    case 'no-such-nic': {
      const message = `the forward leads to NIC ${nic} of ${target}, which has ${machine.nics.length}`;
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
        message: `the forward leads to ${name}, which has no ${familyName(forward.listenAddress.family)} address on a nat or routed network`,
        fix: `plug ${name} into a nat or routed network with ${familyName(forward.listenAddress.family)}, or remove the forward`,
        at,
      };
  }
}
