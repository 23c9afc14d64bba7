import type { Problem } from '../../errors.js';
import { type Address, formatAddress, parseAddress } from '../../wire/address.js';
import { cidrContains, formatCidr } from '../../wire/cidr.js';
import { FAMILY_KEYS, familyKey, familyName } from '../address/families.js';
import { sameAddress } from '../address/ranges.js';
import { type Draft, networkPath, nicPath } from '../draft.js';
import { forwardNic } from '../forward-target.js';
import type { Path } from '../problems/wording.js';
import { type PublicAddress, publicAddressesOf, serviceAddressesOf } from '../public-addresses.js';
import { type ForwardSpec, nicId, type NetworkSpec } from '../spec.js';
import type { Mode } from '../vocabulary.js';

/** A public address, and what the file gives it to. */
interface Given extends PublicAddress {
  /** `web1/0`, `network web`. */
  readonly holder: string;
  readonly isOfNic: boolean;
  readonly network: NetworkSpec;
  readonly line: number;
  readonly path: Path;
}

/** Why a NIC of the mode has none, and what to write. */
const NOT_HERE: Readonly<Record<Exclude<Mode, 'nat'>, readonly [why: string, fix: string]>> = {
  routed: [
    'whose machines keep their own addresses outside',
    'give the NIC that address in a subnet of the network, or write mode: nat on the network',
  ],
  bridge: [
    'on which the LAN gives the machine its address',
    'give it to the machine itself, or to a NIC on a nat network',
  ],
  isolated: ['which reaches its own machines only', 'give it to a NIC on a nat network'],
};

/** Public addresses where there can be none, those that somebody else has, and forwards that contradict them. */
export function checkPublicAddresses(draft: Draft): Problem[] {
  const all = [...ofNetworks(draft), ...ofNics(draft)];
  if (all.length === 0) return [];
  const holders = new Map<string, Given>();
  const owners = ownersIn(draft);
  const problems = all.flatMap((given): Problem[] => {
    const problem =
      misplaced(given) ??
      duplicate(given, holders) ??
      taken(given, owners.get(given.address) ?? networkAround(given.address, draft));
    return problem === undefined ? [] : [{ ...problem, at: draft.at(given.path) }];
  });
  return [...problems, ...draft.spec.forwards.flatMap((forward) => forwardOn(forward, holders, draft))];
}

/** Modes that have none say so themselves (networks.ts). */
function ofNetworks(draft: Draft): Given[] {
  return draft.spec.networks
    .filter(({ mode }) => mode === 'nat' || mode === 'routed')
    .flatMap((network) =>
      serviceAddressesOf(network).map((given, place): Given => {
        const { name, source } = network;
        const path = networkPath(network, given.key, place);
        return { ...given, holder: `network ${name}`, isOfNic: false, network, line: source.line, path };
      }),
    );
}

/** A network that is missing is another problem. */
function ofNics(draft: Draft): Given[] {
  return draft.nics().flatMap((nic) => {
    const network = draft.networks.get(nic.network);
    if (network === undefined) return [];
    return publicAddressesOf(nic).map((given): Given => {
      const path = nicPath(nic, given.key);
      return { ...given, holder: nicId(nic), isOfNic: true, network, line: nic.source.line, path };
    });
  });
}

function misplaced({ address, family, holder, isOfNic, network }: Given): Problem | undefined {
  const { name, mode, options } = network;
  const tell = (why: string, fix: string): Problem => ({
    code: 'spec/public-address-not-here',
    message: `${holder} has the public address ${address}${isOfNic ? ` on network ${name}` : ''}, ${why}`,
    fix,
  });
  if (isOfNic && mode !== 'nat') return tell(...NOT_HERE[mode]);
  if (network[familyKey(family)] === 'none') {
    const fix = `write ${familyKey(family)}: auto on the network, or remove it`;
    return tell(`which has no ${familyName(family)}`, fix);
  }
  if (isOfNic && family === 6 && options['ipv6-nat'] === false) {
    return tell(
      'whose IPv6 is not translated: its machines keep their own addresses outside',
      'remove it, or ipv6-nat: false on the network',
    );
  }
  return undefined;
}

function duplicate(given: Given, holders: Map<string, Given>): Problem | undefined {
  const first = holders.get(given.address);
  if (first === undefined) {
    holders.set(given.address, given);
    return undefined;
  }
  return {
    code: 'spec/duplicate-public-address',
    message: `${given.address} of ${given.holder} is already the public address of ${first.holder} (line ${first.line})`,
    fix: 'give one of them another; a service on several machines is a forward with a list as its target',
  };
}

/** Who has an address by the file, other than as a public one. */
interface Owner {
  readonly what: string;
  readonly line: number;
}

function taken({ address, holder }: Given, owner: Owner | undefined): Problem | undefined {
  if (owner === undefined) return undefined;
  return {
    code: 'spec/public-address-taken',
    message: `${address} is to be the public address of ${holder}, and ${owner.what} (line ${owner.line})`,
    fix: 'write an address of the outside that nobody has',
  };
}

function ownersIn(draft: Draft): Map<string, Owner> {
  const { hosts, networks } = draft.spec;
  const owned: [Address | string, Owner][] = [
    ...draft.nics().flatMap((nic) =>
      FAMILY_KEYS.flatMap((family): [Address, Owner][] => {
        const address = nic[family];
        return address === undefined
          ? []
          : [[address, { what: `${nicId(nic)} has it itself`, line: nic.source.line }]];
      }),
    ),
    ...networks.flatMap(({ name, options, source }) =>
      gatewaysOf(options).map((gateway): [string, Owner] => [
        gateway,
        { what: `it is the uplink-gateway of network ${name}`, line: source.line },
      ]),
    ),
    ...hosts.map(({ name, address, source }): [Address, Owner] => [
      address,
      { what: `the host ${name} has it`, line: source.line },
    ]),
  ];
  return new Map(
    owned.map(([address, owner]) => [typeof address === 'string' ? address : formatAddress(address), owner]),
  );
}

function gatewaysOf(options: Readonly<Record<string, unknown>>): string[] {
  const gateways = options['uplink-gateway'];
  return Array.isArray(gateways) ? gateways.filter((each) => typeof each === 'string') : [];
}

function networkAround(text: string, draft: Draft): Owner | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  for (const { name, ipv4, ipv6, source } of draft.spec.networks) {
    for (const wish of [ipv4, ipv6]) {
      if (typeof wish === 'string' || !cidrContains(wish.subnet, address)) continue;
      const what = sameAddress(wish.gateway, address)
        ? `it is the gateway of network ${name}`
        : `it lies in ${formatCidr(wish.subnet)} of network ${name}`;
      return { what, line: source.line };
    }
  }
  return undefined;
}

/**
 * All that comes to a NIC's public address goes to the NIC, so that a forward there would never be asked. And what
 * comes to an address of a network is led by the rules of that network.
 */
function forwardOn(forward: ForwardSpec, holders: ReadonlyMap<string, Given>, draft: Draft): Problem[] {
  const text = formatAddress(forward.listenAddress);
  const given = holders.get(text);
  if (given === undefined) return [];
  const path = [...draft.pathOf(forward), 'listen-address'];
  const { holder, line, network } = given;
  if (given.isOfNic) {
    return [
      {
        code: 'spec/listen-on-public-address',
        message: `the forward listens on ${text}, which is the public address of ${holder} (line ${line}): all that comes to it goes there`,
        fix: 'remove the forward, or the public address, or give one of them another',
        at: draft.at(path),
      },
    ];
  }
  const elsewhere = networksOf(forward, draft).find((name) => name !== network.name);
  if (elsewhere === undefined) return [];
  return [
    {
      code: 'spec/service-address-elsewhere',
      message: `the forward listens on ${text}, a service address of ${holder} (line ${line}), and leads to network ${elsewhere}`,
      fix: `move the address to the service-addresses of network ${elsewhere}, or lead the forward to ${network.name}`,
      at: draft.at(path),
    },
  ];
}

function networksOf(forward: ForwardSpec, draft: Draft): string[] {
  return forward.targets.flatMap((target) => {
    const machine = draft.machines.get(target.machine);
    const found =
      machine &&
      forwardNic(target, forward.listenAddress.family, machine, (name) => draft.networks.get(name));
    return found !== undefined && 'nic' in found ? [found.nic.network] : [];
  });
}
