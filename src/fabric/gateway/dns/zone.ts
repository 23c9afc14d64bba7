/**
 * The names of the project, and which of them a network may know.
 *
 * - `MACHINE`, `MACHINE.DOMAIN` and `MACHINE.NETWORK.DOMAIN` lead to the addresses of the machine's NICs: any NIC, those
 *   on networks of that domain, those on that network.
 * - A machine with several addresses answers with those on the asker's own network, when it has any of the type.
 * - A NIC on an isolated network is known on that network only, and an isolated network knows nothing else: what is
 *   neither below its domain nor in its subnets is refused, nothing goes upstream.
 * - Names below a domain of the project, and reverse names inside a subnet of it, never go upstream.
 */
import { parseAddress } from '../../../wire/address.js';
import { type Cidr, cidrContains, cidrOf } from '../../../wire/cidr.js';
import type { FabricConfiguration, FabricNetwork, FabricSubnet } from '../../control/protocol.js';
import { RecordTypeCode } from './message.js';
import { reverseBlockOf, reverseNameOf, reverseZoneOf } from './reverse-name.js';

export type LocalRecord =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'PTR'; readonly target: string };

/** What the project itself says to a question. */
export interface LocalAnswer {
  readonly exists: boolean;
  /** Empty for a name that exists but has nothing of the type (NOERROR), and for one that does not (NXDOMAIN). */
  readonly records: readonly LocalRecord[];
  /** The name that its SOA record stands at; `undefined` for a name without domain. */
  readonly zone: string | undefined;
}

/** `upstream`: not ours. `refused`: not for this network. */
export type Verdict = LocalAnswer | 'upstream' | 'refused';

/** One NIC behind a name. */
interface NamedNic {
  readonly network: string;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  /** What its reverse names lead to. */
  readonly fullName: string;
}

interface ZoneNetwork {
  readonly isolated: boolean;
  readonly domain: string | undefined;
  readonly subnets: readonly Cidr[];
}

export class Zone {
  readonly #networks = new Map<string, ZoneNetwork>();
  /** Forward and reverse names to NICs; names that only stand above others have none. */
  readonly #names = new Map<string, NamedNic[]>();
  readonly #domains = new Set<string>();

  constructor({ networks, ports }: Pick<FabricConfiguration, 'networks' | 'ports'>) {
    for (const network of networks) this.#addNetwork(network);
    for (const { network, machine, ipv4, ipv6 } of ports) {
      const domain = this.#networks.get(network)?.domain;
      const host = machine.toLowerCase();
      const fullName = domain === undefined ? host : `${host}.${domain}`;
      const nic: NamedNic = { network, ipv4, ipv6, fullName };
      const names = new Set([host, fullName]);
      if (domain !== undefined) names.add(`${host}.${network.toLowerCase()}.${domain}`);
      for (const address of [ipv4, ipv6]) if (address !== undefined) names.add(reverseNameOf(address));
      for (const name of names) this.#addName(name, nic);
    }
  }

  /**
   * @param name lower case, without final dot.
   * @param type of the records asked for, as a number.
   * @param networkName the asker's network.
   */
  lookup(name: string, type: number, networkName: string): Verdict {
    const asker = this.#networks.get(networkName);
    if (asker === undefined) return 'refused';
    const block = reverseBlockOf(name);
    if (block !== undefined) return this.#reverse(name, block, type, networkName, asker);
    const nics = this.#visible(name, networkName, asker);
    const domain = this.#domainOf(name);
    if (nics.length > 0)
      return { exists: true, records: addressRecords(nics, type, networkName), zone: domain };
    if (domain === undefined) {
      // A machine's name that this network may not know is no reason to ask the world for it.
      if (this.#names.has(name)) return { exists: false, records: [], zone: undefined };
      return asker.isolated ? 'refused' : 'upstream';
    }
    if (asker.isolated && domain !== asker.domain) return 'refused';
    return {
      exists: name === domain || this.#isAboveVisible(name, networkName, asker),
      records: [],
      zone: domain,
    };
  }

  #addNetwork(network: FabricNetwork): void {
    const domain = network.dns?.domain.toLowerCase();
    const subnets = [network.ipv4, network.ipv6].flatMap((subnet) =>
      subnet === undefined ? [] : blockOf(subnet),
    );
    this.#networks.set(network.name, { isolated: network.mode === 'isolated', domain, subnets });
    if (domain !== undefined) this.#domains.add(domain);
  }

  #addName(name: string, nic: NamedNic): void {
    const nics = this.#names.get(name);
    if (nics === undefined) this.#names.set(name, [nic]);
    else nics.push(nic);
  }

  #visible(name: string, networkName: string, asker: ZoneNetwork): readonly NamedNic[] {
    const nics = this.#names.get(name) ?? [];
    return nics.filter(({ network }) => {
      if (network === networkName) return true;
      return !asker.isolated && this.#networks.get(network)?.isolated === false;
    });
  }

  /** `NETWORK.DOMAIN`: it has no records, but names below it (RFC 8020). */
  #isAboveVisible(name: string, networkName: string, asker: ZoneNetwork): boolean {
    for (const [other, { isolated, domain }] of this.#networks) {
      const visible = other === networkName || (!asker.isolated && !isolated);
      if (visible && domain !== undefined && name === `${other.toLowerCase()}.${domain}`) return true;
    }
    return false;
  }

  /** The longest domain of the project that a name is or lies below. */
  #domainOf(name: string): string | undefined {
    for (let rest = name; rest !== ''; ) {
      if (this.#domains.has(rest)) return rest;
      const dot = rest.indexOf('.');
      if (dot === -1) return undefined;
      rest = rest.slice(dot + 1);
    }
    return undefined;
  }

  #reverse(name: string, block: Cidr, type: number, networkName: string, asker: ZoneNetwork): Verdict {
    const subnet = this.#subnetAround(block);
    if (subnet === undefined) return asker.isolated ? 'refused' : 'upstream';
    if (asker.isolated && !asker.subnets.includes(subnet)) return 'refused';
    const nics = this.#visible(name, networkName, asker);
    const isWholeAddress = block.prefixLength === (block.family === 4 ? 32 : 128);
    const asked = type === RecordTypeCode.ptr || type === RecordTypeCode.any;
    return {
      exists: nics.length > 0 || !isWholeAddress,
      records: asked ? nics.map(({ fullName }) => ({ type: 'PTR', target: fullName })) : [],
      zone: reverseZoneOf(name, subnet),
    };
  }

  #subnetAround(block: Cidr): Cidr | undefined {
    for (const { subnets } of this.#networks.values()) {
      for (const subnet of subnets) {
        const first = { family: block.family, value: block.first };
        if (block.prefixLength >= subnet.prefixLength && cidrContains(subnet, first)) return subnet;
      }
    }
    return undefined;
  }
}

/** Addresses of the type asked for; only those on the asker's network, when there are any. */
function addressRecords(nics: readonly NamedNic[], type: number, networkName: string): LocalRecord[] {
  const records: LocalRecord[] = [];
  for (const family of ['A', 'AAAA'] as const) {
    const code = family === 'A' ? RecordTypeCode.a : RecordTypeCode.aaaa;
    if (type !== code && type !== RecordTypeCode.any) continue;
    const addressOf = (nic: NamedNic) => (family === 'A' ? nic.ipv4 : nic.ipv6);
    const having = nics.filter((nic) => addressOf(nic) !== undefined);
    const near = having.filter(({ network }) => network === networkName);
    for (const nic of near.length > 0 ? near : having) {
      const address = addressOf(nic);
      if (address !== undefined) records.push({ type: family, address });
    }
  }
  return records;
}

function blockOf(subnet: FabricSubnet): Cidr[] {
  const address = parseAddress(subnet.address);
  return address === undefined ? [] : [cidrOf(address, subnet.prefixLength)];
}
