import type { Problem } from '../../errors.js';
import type { Bond } from '../bond.js';
import { type Draft, networkPath } from '../draft.js';
import type { NetworkSpec } from '../spec.js';

/** What contradicts itself in bonds of uplinks. */
export function checkBonds(draft: Draft): Problem[] {
  return draft.spec.networks.flatMap((network) => {
    const bond = network.options['bond'] as Bond | undefined;
    if (bond === undefined || !draft.isWhole(networkPath(network))) return [];
    return bondProblems(network, bond, draft);
  });
}

function bondProblems(network: NetworkSpec, bond: Bond, draft: Draft): Problem[] {
  const { name, mode } = network;
  const uplinkAt = draft.at(networkPath(network, 'uplink'));
  const bondAt = draft.at(networkPath(network, 'bond'));
  if (mode !== 'bridge') {
    // The key itself is told of among those that are not for the mode.
    if (mode === 'isolated' || draft.has(networkPath(network, 'bond'))) return [];
    return [
      {
        code: 'spec/bond-not-for-mode',
        message: `network ${name} is ${mode} and has a list of uplinks: only a bridge network takes them in, as a bond`,
        fix: 'name one uplink, such as a bond that the host itself has: `uplink: bond0`',
        at: uplinkAt,
      },
    ];
  }
  if (new Set(bond.members).size < 2 || bond.members.includes('default')) {
    return [
      {
        code: 'spec/bond-members',
        message: `the bond of network ${name} needs two NICs or more, each by its own name`,
        fix: 'write `uplink: [eth1, eth2]`, with names as `ip link` shows them',
        at: uplinkAt,
      },
    ];
  }
  if (bond.members.length > new Set(bond.members).size) {
    return [
      {
        code: 'spec/bond-members',
        message: `the bond of network ${name} names a NIC twice`,
        fix: `write \`uplink: [${[...new Set(bond.members)].join(', ')}]\``,
        at: uplinkAt,
      },
    ];
  }
  if (bond.mode === 'balance-tcp' && bond.lacp === 'off') {
    return [
      {
        code: 'spec/bond-without-lacp',
        message: `the bond of network ${name} is balance-tcp without LACP: the switch at the other end would see one MAC on several ports`,
        fix: 'write `lacp: active`, or `mode: balance-slb`',
        at: bondAt,
      },
    ];
  }
  return [];
}
