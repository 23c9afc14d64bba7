/**
 * Public addresses: addresses of the outside that are none of the host's. One that is a NIC's is so one to one (basic
 * NAT, RFC 3022 section 2.1); on one of the network's own, forwards listen. Two things make it: elements of the gateway's
 * maps, which say what becomes of its packets, and the host's answering for it, which brings them here
 * (`answered-addresses.ts`). Both bear the address in their id, so that what moves to another machine is changed in
 * place. Pure.
 */
import type { Resource } from '../../../plan/resource.js';
import { publicAddressesOf, type PublicAddress, serviceAddressesOf } from '../../../spec/public-addresses.js';
import { locationOfKey, type SourceLocation } from '../../../spec/source-location.js';
import type { Network, Nic } from '../../../topology/topology.js';
import { slaacAddressOf } from '../link-local.js';
import { canonicalElements, elementProperties, type Elements } from '../rules/elements.js';
import { answeredAddressResource } from './answered-address.js';

export const PUBLIC_ADDRESS_KIND = 'public-address';

export interface PlacedAddress extends Pick<PublicAddress, 'address' | 'family'> {
  readonly network: Network;
  /** Address of the NIC that has it, or `forwards`: when that changes, connections of before end. */
  readonly leadsTo: string;
  /** Of the gateway's maps. */
  readonly elements: Elements;
  /** `web1/0 is 192.0.2.70 outside`. */
  readonly meaning: string;
  readonly source: SourceLocation;
  /** Machines that feel its going. */
  readonly affects: readonly string[];
}

/** @param gateways networks with a gateway here. @param nics of all hosts. */
export function placedAddresses(gateways: readonly Network[], nics: readonly Nic[]): PlacedAddress[] {
  const byName = new Map(gateways.map((network) => [network.name, network]));
  return [
    ...gateways.flatMap((network) =>
      serviceAddressesOf(network).map((given) => placedForForwards(given, network)),
    ),
    ...nics.flatMap((nic) => {
      const network = byName.get(nic.network);
      return network?.mode === 'nat'
        ? publicAddressesOf(nic).flatMap((given) => placedForNic(given, nic, network))
        : [];
    }),
  ];
}

function placedForForwards({ key, address, family }: PublicAddress, network: Network): PlacedAddress {
  return {
    address,
    family,
    network,
    leadsTo: 'forwards',
    elements: { [`public${family}`]: [`${address} : goto forwards${family}`] },
    meaning: `forwards to ${network.name} listen on ${address}`,
    source: locationOfKey(network, key),
    affects: [],
  };
}

function placedForNic({ key, address, family }: PublicAddress, nic: Nic, network: Network): PlacedAddress[] {
  const leadsTo = family === 4 ? nic.ipv4 : nic.ipv6;
  if (leadsTo === undefined) return [];
  const { ipv6 } = network;
  // IPv6 is sent from the address that the machine forms itself too, beside the one of the file.
  const formed = family === 6 && ipv6?.prefixLength === 64 ? [slaacAddressOf(ipv6.address, nic.mac)] : [];
  return [
    {
      address,
      family,
      network,
      leadsTo,
      elements: canonicalElements({
        [`public${family}`]: [`${address} : goto to_nic${family}`],
        [`nic_of${family}`]: [`${address} : ${leadsTo}`],
        [`public_of${family}`]: [...new Set([leadsTo, ...formed])].map((own) => `${own} : ${address}`),
      }),
      meaning: `${nic.id} is ${address} outside`,
      source: locationOfKey(nic, key),
      affects: [nic.machine],
    },
  ];
}

/** @param elementNeeds what its elements stand in. @param wayNeeds what its packets are led by. */
export function publicAddressResources(
  provider: string,
  placed: PlacedAddress,
  elementNeeds: readonly string[],
  wayNeeds: readonly string[],
): Resource[] {
  const { address, elements, meaning, source, affects } = placed;
  return [
    {
      id: `${provider}/${PUBLIC_ADDRESS_KIND}/${address}`,
      provider,
      kind: PUBLIC_ADDRESS_KIND,
      properties: elementProperties(elements),
      needs: elementNeeds,
      reason: meaning,
      source,
      affects,
    },
    answeredAddressResource(provider, placed, wayNeeds),
  ];
}
