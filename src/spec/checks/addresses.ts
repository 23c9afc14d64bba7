import type { Problem } from '../../errors.js';
import { type Address, formatAddress } from '../../wire/address.js';
import { addressBits, cidrContains, cidrOf, formatCidr } from '../../wire/cidr.js';
import { FAMILY_KEYS, familyKey, familyName } from '../address/families.js';
import { hostRange, inRange, sameAddress } from '../address/ranges.js';
import { type Draft, nicPath, networkPath } from '../draft.js';
import { nearest } from '../problems/nearest.js';
import { oneOf, quoted } from '../problems/wording.js';
import type { FixedSubnet, NetworkSpec, NicSpec } from '../spec.js';

/** Networks that NICs are plugged into, and the addresses that the file gives NICs. */
export function checkAddresses(draft: Draft): Problem[] {
  const taken = new Map<string, NicSpec>();
  return draft.nics().flatMap((nic) => {
    const network = draft.networks.get(nic.network);
    if (network === undefined) return unknownNetwork(nic, draft);
    return FAMILY_KEYS.flatMap((family) => {
      const address = nic[family];
      if (address === undefined) return [];
      const problem = misplaced(nic, address, network, draft) ?? duplicate(nic, address, network, taken);
      return problem === undefined ? [] : [{ ...problem, at: draft.at(nicPath(nic, family)) }];
    });
  });
}

function unknownNetwork(nic: NicSpec, draft: Draft): Problem[] {
  if (draft.declares('networks', nic.network)) return [];
  const names = [...draft.networks.keys()];
  const meant = nearest(nic.network, names);
  const others = names.length > 0 && names.length <= 10 ? `write ${oneOf(names)}, or ` : '';
  return [
    {
      code: 'spec/unknown-network',
      message: `${nic.machine} is plugged into ${quoted(nic.network)}, and there is no such network`,
      fix: meant === undefined ? `${others}declare it under networks:` : `did you mean "${meant}"?`,
      at: draft.at(nicPath(nic, 'network')),
    },
  ];
}

/** An address that the network it is on cannot have. */
function misplaced(nic: NicSpec, address: Address, network: NetworkSpec, draft: Draft): Problem | undefined {
  // On a bridge network the LAN has the subnet, and only the LAN knows it.
  if (network.mode === 'bridge') return undefined;
  const wish = network[familyKey(address.family)];
  if (typeof wish === 'string') {
    return draft.isWhole(networkPath(network)) ? withoutSubnet(nic, address, network) : undefined;
  }
  const text = formatAddress(address);
  const where = `${formatCidr(wish.subnet)} of network ${network.name}`;
  if (!cidrContains(wish.subnet, address)) {
    return {
      code: 'spec/address-outside-subnet',
      message: `${text} of ${nic.machine} is outside ${where}`,
      fix: exampleIn(wish, address),
    };
  }
  if (!inRange(hostRange(wish.subnet), address.value)) {
    const kind = address.value === wish.subnet.first ? 'network' : 'broadcast';
    return {
      code: 'spec/reserved-address',
      message: `${text} of ${nic.machine} is the ${kind} address of ${where}`,
      fix: exampleIn(wish, address),
    };
  }
  if (!sameAddress(address, wish.gateway)) return undefined;
  return {
    code: 'spec/gateway-address-taken',
    message: `${text} of ${nic.machine} is the address of the gateway of network ${network.name}`,
    fix: `${exampleIn(wish, address)}, or give the gateway another with ipv4: { subnet, gateway }`,
  };
}

function withoutSubnet(nic: NicSpec, address: Address, network: NetworkSpec): Problem {
  const subnet = formatCidr(cidrOf(address, address.family === 4 ? 24 : 64));
  const reason =
    network[familyKey(address.family)] === 'auto'
      ? 'chooses its subnet itself'
      : `has no ${familyName(address.family)}`;
  return {
    code: 'spec/address-without-subnet',
    message: `${formatAddress(address)} of ${nic.machine} is fixed, and network ${network.name} ${reason}`,
    fix: `write ${familyKey(address.family)}: ${subnet} on network ${network.name}`,
  };
}

function duplicate(
  nic: NicSpec,
  address: Address,
  network: NetworkSpec,
  taken: Map<string, NicSpec>,
): Problem | undefined {
  const key = `${network.name} ${formatAddress(address)}`;
  const holder = taken.get(key);
  if (holder === undefined) {
    taken.set(key, nic);
    return undefined;
  }
  return {
    code: 'spec/duplicate-address',
    message: `${formatAddress(address)} of ${nic.machine} is already the address of ${holder.machine} (line ${holder.source.line})`,
    fix: 'give one of them another address, or remove it and one is derived',
  };
}

/** An address of the subnet with the same host part, as far as that is free to use. */
function exampleIn({ subnet, gateway }: FixedSubnet, address: Address): string {
  const hosts = hostRange(subnet);
  const hostMask = (1n << BigInt(addressBits(subnet.family) - subnet.prefixLength)) - 1n;
  let value = subnet.first + (address.value & hostMask);
  if (!inRange(hosts, value) || value === gateway.value) value = hosts.first;
  if (value === gateway.value) value += 1n;
  return `write one such as ${formatAddress({ family: subnet.family, value })}`;
}
