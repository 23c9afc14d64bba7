/**
 * Other firewalls on the same host. A packet must pass every base chain of a hook, so no rule of ours can save it from a
 * foreign chain that drops. Where one would (Docker's FORWARD policy, the closing rule of firewalld or ufw), accepts for
 * our devices are put at its head: tagged, no wider than the network's mode, and taken away when the network goes. What
 * the network may reach is still decided by our own table, which every packet passes too.
 */
import type { Run } from '../../../clients/command/run.js';
import type { NftChain, NftRule, NftTable } from '../../../clients/nft/listing.js';
import { quoted, runTransaction } from '../../../clients/nft/transaction.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Network } from '../../../topology/topology.js';
import type { HostPart } from '../host-parts.js';
import { isServed } from '../dhcp/dhcp-resources.js';
import { asUnfulfilled, type WishFile } from '../wish-file.js';

export const ADMISSION_KIND = 'admission';

/** Rule name -> hook and rule; DEVICE stands for the segment's device. */
const ACCEPTS = {
  within: { hook: 'forward', rule: 'iifname DEVICE oifname DEVICE' },
  out: { hook: 'forward', rule: 'iifname DEVICE' },
  in: { hook: 'forward', rule: 'oifname DEVICE' },
  answers: { hook: 'forward', rule: 'oifname DEVICE ct state established,related' },
  forwards: { hook: 'forward', rule: 'oifname DEVICE ct status dnat' },
  'names-udp': { hook: 'input', rule: 'iifname DEVICE udp dport { 53, 67, 547 }' },
  'names-tcp': { hook: 'input', rule: 'iifname DEVICE tcp dport 53' },
  control: { hook: 'input', rule: 'iifname DEVICE meta l4proto { icmp, ipv6-icmp }' },
} as const;
type AcceptName = keyof typeof ACCEPTS;

interface Accept {
  readonly name: string;
  readonly hook: string;
  /** Family of the addresses it is about; absent: of none. */
  readonly family?: 'ip' | 'ip6';
  readonly rule: string;
}

const ACCEPTS_BY_MODE: Readonly<Record<Network['mode'], readonly AcceptName[]>> = {
  bridge: ['within'],
  isolated: ['within'],
  nat: ['out', 'answers', 'forwards'],
  routed: ['out', 'in'],
};

/** @param tunnelPort UDP port by which the host takes what comes from the network's other hosts. */
export function desireAdmission(provider: string, network: Network, tunnelPort?: number): Resource {
  const isGateway = network.mode === 'nat' || network.mode === 'routed';
  const accepts: AcceptName[] = [
    ...ACCEPTS_BY_MODE[network.mode],
    ...(isGateway ? (['control'] as const) : []),
    ...(isGateway && isServed(network) ? (['names-udp', 'names-tcp'] as const) : []),
  ];
  const peers = network.overlay?.peers.map(({ address }) => address).sort();
  const hasTunnels = tunnelPort !== undefined && peers !== undefined;
  return {
    id: `${provider}/${ADMISSION_KIND}/${network.name}`,
    provider,
    kind: ADMISSION_KIND,
    properties: {
      device: network.interfaceName,
      accepts: accepts.sort(),
      ...(hasTunnels && { tunnels: { port: tunnelPort, peers } }),
    },
    needs: [],
    reason: `packets of ${network.name} pass the firewalls of others on this host`,
    source: network.source,
    affects: [],
  };
}

export class Admission implements HostPart {
  readonly #provider: string;
  readonly #tag: string;
  readonly #wishes: WishFile;
  readonly #run: Run;

  constructor(project: string, provider: string, wishes: WishFile, run: Run) {
    this.#provider = provider;
    this.#tag = `passerelle ${project}.${provider}`;
    this.#wishes = wishes;
    this.#run = run;
  }

  /** A wish whose accepts are missing somewhere is seen without its properties; accepts nobody asked for are seen too. */
  async observe(_signal: AbortSignal, foreignTables: readonly NftTable[]): Promise<Resource[]> {
    const wishes = await this.#wishes.read();
    const lines = this.#lines(foreignTables, [...wishes.values()]);
    const unsettled = new Set(lines.map(({ network }) => network));
    const known = new Set([...wishes.values()].map(networkOf));
    return [
      ...[...wishes.values()].map((wish) => (unsettled.has(networkOf(wish)) ? asUnfulfilled(wish) : wish)),
      ...[...unsettled].filter((network) => !known.has(network)).map((network) => this.#leftover(network)),
    ];
  }

  async apply(
    changes: readonly Change[],
    signal: AbortSignal,
    foreignTables: readonly NftTable[],
  ): Promise<void> {
    const concerned = changes.filter((change) => subjectOf(change).kind === ADMISSION_KIND);
    if (concerned.length === 0) return;
    await this.#wishes.change(concerned, async (wanted) => {
      const lines = this.#lines(foreignTables, [...wanted.values()]);
      await runTransaction(
        this.#run,
        lines.map(({ line }) => line),
        signal,
      );
    });
  }

  /** The names of foreign chains that would drop our packets, for `status` and `doctor`. */
  obstacles(foreignTables: readonly NftTable[]): string[] {
    return obstructingChains(foreignTables).map(
      ({ table, chain }) => `${table.family} ${table.name} ${chain.name}`,
    );
  }

  /** Commands that make the accepts of the foreign tables exactly those that are wished for. */
  #lines(
    foreignTables: readonly NftTable[],
    wishes: readonly Resource[],
  ): { network: string; line: string }[] {
    const obstructing = obstructingChains(foreignTables);
    const wanted = obstructing.flatMap(({ table, chain }) =>
      wishes.flatMap((wish) =>
        acceptsOf(wish)
          .filter(({ hook }) => hook === chain.hook)
          .filter(({ family }) => family === undefined || [family, 'inet'].includes(table.family))
          .map(({ name, rule }) => ({
            table,
            chain,
            network: networkOf(wish),
            comment: this.#comment(wish, name),
            rule,
          })),
      ),
    );
    const standing = foreignTables.flatMap((table) =>
      table.rules
        .filter(({ comment }) => comment?.startsWith(`${this.#tag} `))
        .map((rule) => ({ table, rule })),
    );
    const placeOf = (table: NftTable, chain: string, comment: string): string =>
      `${table.family} ${table.name} ${chain} ${comment}`;
    const wantedPlaces = new Set(
      wanted.map(({ table, chain, comment }) => placeOf(table, chain.name, comment)),
    );
    const standingPlaces = new Set(
      standing.map(({ table, rule }) => placeOf(table, rule.chain, rule.comment ?? '')),
    );
    return [
      ...standing
        .filter(({ table, rule }) => !wantedPlaces.has(placeOf(table, rule.chain, rule.comment ?? '')))
        .map(({ table, rule }) => ({
          network: this.#networkOfRule(rule),
          line: `delete rule ${table.family} ${table.name} ${rule.chain} handle ${rule.handle}`,
        })),
      ...wanted
        .filter(({ table, chain, comment }) => !standingPlaces.has(placeOf(table, chain.name, comment)))
        .map(({ table, chain, network, comment, rule }) => ({
          network,
          line: `insert rule ${table.family} ${table.name} ${chain.name} ${rule} counter accept comment ${quoted(comment)}`,
        })),
    ];
  }

  /** `passerelle shop.linux web out psl1`. */
  #comment(wish: Resource, name: string): string {
    return `${this.#tag} ${networkOf(wish)} ${name} ${String(wish.properties['device'])}`;
  }

  #networkOfRule(rule: NftRule): string {
    return (rule.comment ?? '').slice(this.#tag.length + 1).split(' ')[0] ?? '';
  }

  #leftover(network: string): Resource {
    return {
      id: `${this.#provider}/${ADMISSION_KIND}/${network}`,
      provider: this.#provider,
      kind: ADMISSION_KIND,
      properties: {},
      needs: [],
      affects: [],
    };
  }
}

function networkOf(wish: Resource): string {
  return wish.id.split('/')[2] ?? '';
}

function acceptsOf({ properties }: Resource): Accept[] {
  const names = (properties['accepts'] ?? []) as readonly string[];
  const device = `"${String(properties['device'])}"`;
  const { port, peers = [] } = (properties['tunnels'] ?? {}) as { port?: number; peers?: readonly string[] };
  return [
    ...names
      .filter((name): name is AcceptName => name in ACCEPTS)
      .map((name) => ({
        name,
        hook: ACCEPTS[name].hook,
        rule: ACCEPTS[name].rule.replaceAll('DEVICE', device),
      })),
    ...peers.map((peer): Accept => {
      const family = peer.includes(':') ? 'ip6' : 'ip';
      return { name: peer, hook: 'input', family, rule: `${family} saddr ${peer} udp dport ${port}` };
    }),
  ];
}

/** The matches that are let through, as typed. */
export function acceptRules(wish: Resource): string[] {
  return acceptsOf(wish).map(({ rule }) => rule);
}

/** Base chains of others that filter routed or incoming packets and let nothing through that no rule of theirs names. */
function obstructingChains(foreignTables: readonly NftTable[]): { table: NftTable; chain: NftChain }[] {
  return foreignTables
    .filter(({ family }) => family === 'ip' || family === 'ip6' || family === 'inet')
    .flatMap((table) =>
      table.chains
        .filter(({ type, hook }) => type === 'filter' && (hook === 'forward' || hook === 'input'))
        .filter((chain) => chain.policy === 'drop' || endsInDrop(table, chain))
        .map((chain) => ({ table, chain })),
    );
}

/** The last rule drops or rejects whatever reaches it. */
function endsInDrop(table: NftTable, chain: NftChain): boolean {
  const last = table.rules.filter((rule) => rule.chain === chain.name).at(-1);
  const statements = (last?.expressions ?? []).filter(
    (statement) => !('counter' in statement) && !('log' in statement),
  );
  const [only] = statements;
  return statements.length === 1 && only !== undefined && ('drop' in only || 'reject' in only);
}
