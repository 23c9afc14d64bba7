import { z } from 'zod';
import type { Topology } from './topology.js';

/**
 * What earlier runs chose, so that it is chosen again while it can be. Without it everything is derived from names
 * anew; with it, what comes and goes elsewhere in the file changes nothing here.
 */
export interface RememberedChoices {
  /** Subnets in CIDR text, by network. */
  readonly subnets: Readonly<Record<string, { readonly ipv4?: string; readonly ipv6?: string }>>;
  /** IPv4 addresses, by NIC id. IPv6 addresses follow from MACs. */
  readonly addresses: Readonly<Record<string, string>>;
  /** MACs, by NIC id. They are derived from names; remembered is who had one first when two derive the same. */
  readonly macs: Readonly<Record<string, string>>;
  /** Likewise the MACs of gateways, by network. */
  readonly gatewayMacs: Readonly<Record<string, string>>;
}

export const NOTHING_REMEMBERED: RememberedChoices = {
  subnets: {},
  addresses: {},
  macs: {},
  gatewayMacs: {},
};

export function rememberedChoices(topology: Topology): RememberedChoices {
  const nics = topology.machines.flatMap((machine) => machine.nics);
  const cidr = (subnet: { address: string; prefixLength: number }) =>
    `${subnet.address}/${subnet.prefixLength}`;
  return {
    subnets: Object.fromEntries(
      topology.networks.flatMap(({ name, ipv4, ipv6 }) => {
        if (ipv4 === undefined && ipv6 === undefined) return [];
        return [[name, { ...(ipv4 && { ipv4: cidr(ipv4) }), ...(ipv6 && { ipv6: cidr(ipv6) }) }] as const];
      }),
    ),
    addresses: Object.fromEntries(
      nics.flatMap(({ id, ipv4 }) => (ipv4 === undefined ? [] : [[id, ipv4] as const])),
    ),
    macs: Object.fromEntries(nics.map(({ id, mac }) => [id, mac] as const)),
    gatewayMacs: Object.fromEntries(
      topology.networks.map(({ name, gatewayMac }) => [name, gatewayMac] as const),
    ),
  };
}

const texts = z.record(z.string(), z.string()).catch({});
const choices = z
  .object({
    subnets: z
      .record(z.string(), z.object({ ipv4: z.string().exactOptional(), ipv6: z.string().exactOptional() }))
      .catch({}),
    addresses: texts,
    macs: texts,
    gatewayMacs: texts,
  })
  .catch(NOTHING_REMEMBERED);

/** Reads what `rememberedChoices` wrote; whatever is not of that form is forgotten, since every choice can be made anew. */
export function parseRememberedChoices(json: unknown): RememberedChoices {
  return choices.parse(json);
}

/** What a record holds under a name, and not what its prototype does. */
export function recalled<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
