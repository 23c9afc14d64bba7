import type { Problem } from '../errors.js';
import { type AddressRange, formatRange, hostRange, inRange } from '../spec/address/ranges.js';
import { type FixedSubnet, type NetworkSpec, nicId, type NicSpec, type Spec } from '../spec/spec.js';
import { formatAddress, formatIpv6, ipv6FromBigInt, parseAddress } from '../wire/address.js';
import { formatCidr } from '../wire/cidr.js';
import { slaacAddress } from '../wire/ipv6-interface.js';
import { hashBits } from './hash.js';
import { sortedBy } from './order.js';
import { recalled, type RememberedChoices } from './remembered.js';
import type { ChosenSubnets } from './subnets.js';

export interface ChosenAddresses {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** What addresses are chosen from. */
interface Choosing {
  readonly project: string;
  readonly macs: ReadonlyMap<string, string>;
  readonly remembered: RememberedChoices;
}

/** Addresses of every NIC, by NIC id. */
export function chooseAddresses(
  spec: Spec,
  subnets: ReadonlyMap<string, ChosenSubnets>,
  macs: ReadonlyMap<string, string>,
  remembered: RememberedChoices,
): { addresses: Map<string, ChosenAddresses>; problems: Problem[] } {
  const choosing = { project: spec.project, macs, remembered };
  const problems: Problem[] = [];
  const addresses = new Map<string, ChosenAddresses>();
  const nicsOf = new Map(spec.networks.map(({ name }) => [name, [] as NicSpec[]]));
  const all = spec.machines.flatMap((machine) => machine.nics);
  for (const nic of sortedBy(all, nicId)) nicsOf.get(nic.network)?.push(nic);
  for (const network of spec.networks) {
    const nics = nicsOf.get(network.name) ?? [];
    const { ipv4, ipv6 } = subnets.get(network.name) ?? {};
    const chosen4 = ipv4 ? chooseIpv4(network, ipv4, nics, choosing, problems) : undefined;
    const chosen6 = ipv6 ? chooseIpv6(ipv6, nics, choosing, problems) : undefined;
    for (const nic of nics) {
      const address4 = chosen4?.get(nic) ?? (nic.ipv4 && formatAddress(nic.ipv4));
      const address6 = chosen6?.get(nic) ?? (nic.ipv6 && formatAddress(nic.ipv6));
      addresses.set(nicId(nic), {
        ...(address4 !== undefined && { ipv4: address4 }),
        ...(address6 !== undefined && { ipv6: address6 }),
      });
    }
  }
  return { addresses, problems };
}

/** Fixed by the file, else remembered, else derived from the names: in the range of DHCP, or anywhere when that is full. */
function chooseIpv4(
  network: NetworkSpec,
  { subnet, gateway }: FixedSubnet,
  nics: readonly NicSpec[],
  { project, remembered }: Choosing,
  problems: Problem[],
): Map<NicSpec, string> {
  const hosts = hostRange(subnet);
  const ranges = network.dhcp?.range === undefined ? [hosts] : [network.dhcp.range, hosts];
  const chosen = new Map<NicSpec, string>();
  const taken = new Set([gateway.value]);
  const assign = (nic: NicSpec, value: bigint) => {
    taken.add(value);
    chosen.set(nic, formatAddress({ family: 4, value }));
  };
  for (const nic of nics) if (nic.ipv4 !== undefined) assign(nic, nic.ipv4.value);
  for (const nic of nics.filter((candidate) => !chosen.has(candidate))) {
    const address = parseAddress(recalled(remembered.addresses, nicId(nic)) ?? '');
    const holds = address?.family === 4 && inRange(hosts, address.value) && !taken.has(address.value);
    if (holds) assign(nic, address.value);
  }
  for (const nic of nics.filter((candidate) => !chosen.has(candidate))) {
    const hash = hashBits(`${project}/${nicId(nic)}`, 48);
    const value = freeAddress(ranges, hash, taken);
    if (value !== undefined) {
      assign(nic, value);
      continue;
    }
    problems.push({
      code: 'topology/subnet-full',
      message: `${formatCidr(subnet)} of network ${network.name} has no free address for ${nicId(nic)}: ${formatRange(hosts, 4)} are taken`,
      fix: 'give the network a larger subnet',
      at: nic.source,
    });
  }
  return chosen;
}

function freeAddress(
  ranges: readonly AddressRange[],
  hash: bigint,
  taken: ReadonlySet<bigint>,
): bigint | undefined {
  for (const { first, last } of ranges) {
    const size = last - first + 1n;
    // One more than what is taken is enough to find a free one, however large the range.
    const tries = Math.min(Number(size), taken.size + 1);
    for (let tried = 0; tried < tries; tried++) {
      const value = first + ((hash + BigInt(tried)) % size);
      if (!taken.has(value)) return value;
    }
  }
  return undefined;
}

/** Fixed by the file, else what the machine forms itself from the network's prefix and its MAC (RFC 4862, section 5.5.3). */
function chooseIpv6(
  { subnet, gateway }: FixedSubnet,
  nics: readonly NicSpec[],
  { macs }: Choosing,
  problems: Problem[],
): Map<NicSpec, string> {
  const chosen = new Map<NicSpec, string>();
  const holders = new Map<string, string>([[formatAddress(gateway), 'the gateway']]);
  const prefix = ipv6FromBigInt(subnet.first);
  for (const nic of [...nics].sort((a, b) => Number(b.ipv6 !== undefined) - Number(a.ipv6 !== undefined))) {
    const mac = Number.parseInt((macs.get(nicId(nic)) ?? '').replaceAll(':', ''), 16);
    const address = nic.ipv6 ? formatAddress(nic.ipv6) : formatIpv6(slaacAddress(prefix, mac));
    const holder = holders.get(address);
    if (holder !== undefined) {
      problems.push({
        code: 'topology/address-taken',
        message: `${nicId(nic)} forms the address ${address} from its MAC, and ${holder} has it`,
        fix: `give ${holder} another ipv6, or ${nicId(nic)} another mac`,
        at: nic.source,
      });
      continue;
    }
    holders.set(address, nicId(nic));
    chosen.set(nic, address);
  }
  return chosen;
}
