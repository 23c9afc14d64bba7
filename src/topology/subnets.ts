import type { Problem } from '../errors.js';
import { type FamilyKey, familyName, familyNumber } from '../spec/address/families.js';
import { wholeRange } from '../spec/address/ranges.js';
import { withFirstGateway } from '../spec/mode-defaults.js';
import type { FixedSubnet, NetworkSpec, Spec } from '../spec/spec.js';
import { addressBits, type Cidr, formatCidr, parseCidr } from '../wire/cidr.js';
import { AddressSpace } from './address-space.js';
import { hashBits } from './hash.js';
import type { HostFacts } from './host-facts.js';
import { sortedBy } from './order.js';
import { recalled } from './remembered.js';

/*
 * Subnets of networks that leave the choice open. Where a search begins follows from the names of project and network,
 * so that the same file gives the same subnets on hosts that have them free.
 *
 * Claims are met in this order: subnets the file fixes, remembered ones, new ones by name. A remembered subnet stands
 * until a real neighbour takes it; a new one first avoids every route of the host, and when a VPN routes all private
 * space (10/8, 172.16/12, 192.168/16 at once), only neighbours: our own route is the more specific one and wins.
 */

/** Length of a chosen subnet's prefix, bits. */
const PREFIX_BITS = { ipv4: 24, ipv6: 64 } as const satisfies Record<FamilyKey, number>;
/** A route with a prefix at least this long is taken for a subnet in use, a shorter one for an aggregate, bits. */
const NEIGHBOUR_PREFIX_BITS = { ipv4: 16, ipv6: 48 } as const satisfies Record<FamilyKey, number>;
/** Private space (RFC 1918), the part that is least used first. */
const IPV4_BLOCKS = ['10.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'];

export interface ChosenSubnets {
  readonly ipv4?: FixedSubnet;
  readonly ipv6?: FixedSubnet;
}

/** The subnets of each network, by name. */
export function chooseSubnets(
  spec: Spec,
  facts: HostFacts,
): { subnets: Map<string, ChosenSubnets>; problems: Problem[] } {
  const ipv4 = chooseFamily('ipv4', spec, facts);
  const ipv6 = chooseFamily('ipv6', spec, facts);
  const subnets = new Map<string, ChosenSubnets>();
  for (const { name } of spec.networks) {
    const chosen4 = ipv4.chosen.get(name);
    const chosen6 = ipv6.chosen.get(name);
    subnets.set(name, { ...(chosen4 && { ipv4: chosen4 }), ...(chosen6 && { ipv6: chosen6 }) });
  }
  return { subnets, problems: [...ipv4.problems, ...ipv6.problems] };
}

function chooseFamily(family: FamilyKey, spec: Spec, facts: HostFacts) {
  const chosen = new Map<string, FixedSubnet>();
  const problems: Problem[] = [];
  const open: NetworkSpec[] = [];
  const claimed: Cidr[] = [];
  const claim = (network: NetworkSpec, subnet: FixedSubnet) => {
    chosen.set(network.name, subnet);
    claimed.push(subnet.subnet);
  };
  for (const network of sortedBy(spec.networks, ({ name }) => name)) {
    const wish = network[family];
    if (wish === 'auto') open.push(network);
    else if (wish !== 'none') claim(network, wish);
  }
  const remembered = new Map(
    open.map((network) => [network, rememberedSubnet(network, family, facts)] as const),
  );
  const own = new Set([...remembered.values()].map((subnet) => subnet && formatCidr(subnet)));
  // A route to exactly a subnet that we remember is the route to our own network.
  const busy = busyOf(family, facts).filter((subnet) => !own.has(formatCidr(subnet)));
  const neighbours = busy.filter((subnet) => subnet.prefixLength >= NEIGHBOUR_PREFIX_BITS[family]);

  const kept = spaceOf([...claimed, ...neighbours]);
  for (const [network, subnet] of remembered) {
    if (subnet === undefined || kept.overlapping(wholeRange(subnet)) !== undefined) continue;
    kept.take(wholeRange(subnet));
    claim(network, withFirstGateway(subnet));
  }
  const strict = spaceOf([...claimed, ...busy]);
  const lenient = spaceOf([...claimed, ...neighbours]);
  for (const network of open.filter(({ name }) => !chosen.has(name))) {
    const subnet =
      freeSubnet(spec.project, network.name, family, strict) ??
      freeSubnet(spec.project, network.name, family, lenient);
    if (subnet === undefined) {
      problems.push(noFreeSubnet(network, family));
      continue;
    }
    strict.take(wholeRange(subnet));
    lenient.take(wholeRange(subnet));
    claim(network, withFirstGateway(subnet));
  }
  return { chosen, problems };
}

function rememberedSubnet({ name }: NetworkSpec, family: FamilyKey, facts: HostFacts): Cidr | undefined {
  const text = recalled(facts.remembered.subnets, name)?.[family];
  const subnet = text === undefined ? undefined : parseCidr(text)?.block;
  if (subnet === undefined || subnet.family !== familyNumber(family)) return undefined;
  // An address needs an EUI-64 below an IPv6 prefix; an IPv4 subnet, a gateway and a machine.
  const fits =
    family === 'ipv6' ? subnet.prefixLength === 64 : subnet.prefixLength >= 8 && subnet.prefixLength <= 30;
  return fits ? subnet : undefined;
}

function busyOf(family: FamilyKey, facts: HostFacts): Cidr[] {
  return facts.busySubnets.flatMap((text) => {
    const subnet = parseCidr(text)?.block;
    return subnet?.family === familyNumber(family) && subnet.prefixLength > 0 ? [subnet] : [];
  });
}

function spaceOf(subnets: readonly Cidr[]): AddressSpace {
  const space = new AddressSpace();
  for (const subnet of subnets) space.take(wholeRange(subnet));
  return space;
}

function blocksOf(family: FamilyKey, project: string): Cidr[] {
  if (family === 'ipv4') return IPV4_BLOCKS.flatMap((text) => parseCidr(text)?.block ?? []);
  // RFC 4193, section 3.1: fd00::/8 and 40 bits that are the site's own; here the project's.
  const first = (0xfdn << 120n) | (hashBits(`${project}/ula`, 40) << 80n);
  return [{ family: 6, first, prefixLength: 48 }];
}

function freeSubnet(
  project: string,
  network: string,
  family: FamilyKey,
  space: AddressSpace,
): Cidr | undefined {
  for (const block of blocksOf(family, project)) {
    const first = freeSlot(block, PREFIX_BITS[family], hashBits(`${project}/${network}`, 48), space);
    if (first !== undefined) return { family: block.family, first, prefixLength: PREFIX_BITS[family] };
  }
  return undefined;
}

/** The first free subnet of a block, from the one that the hash picks on, and round. Taken ranges are jumped over. */
function freeSlot(block: Cidr, prefixLength: number, hash: bigint, space: AddressSpace): bigint | undefined {
  const slots = 1n << BigInt(prefixLength - block.prefixLength);
  const size = 1n << BigInt(addressBits(block.family) - prefixLength);
  for (let slot = hash % slots, tried = 0n; tried < slots; ) {
    const first = block.first + slot * size;
    const obstacle = space.overlapping({ first, last: first + size - 1n });
    if (obstacle === undefined) return first;
    const next = (obstacle.last - block.first) / size + 1n;
    tried += next - slot;
    slot = next >= slots ? 0n : next;
  }
  return undefined;
}

function noFreeSubnet(network: NetworkSpec, family: FamilyKey): Problem {
  const name = familyName(familyNumber(family));
  return {
    code: 'topology/no-free-subnet',
    message: `no free ${name} subnet is left for network ${network.name}`,
    fix: `write ${family}: ADDRESS/PREFIX on the network, or ${family}: false`,
    at: network.source,
  };
}
