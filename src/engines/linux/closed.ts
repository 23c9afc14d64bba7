/**
 * Isolated means from the host too. A bridge without an address is not enough: the host's device on the segment would
 * still answer ARP for the host's other addresses and take packets in. So everything between the bridge and the host is
 * dropped at the device itself, both ways (hooks `ingress` and, since Linux 5.16, `egress` of family netdev).
 */
import type { NftTable } from '../../clients/nft/listing.js';
import { quoted } from '../../clients/nft/transaction.js';
import type { Json } from '../../plan/resource.js';
import { type TableName, tablePhrase } from '../kernel-gateway/rules/ruleset.js';

export const CLOSED_KIND = 'closed';

const HOOKS = ['ingress', 'egress'] as const;

export function closedProperties(device: string): Record<string, Json> {
  return { device, closedTo: [...HOOKS] };
}

export function closeLines(table: TableName, network: string, device: string): string[] {
  const phrase = tablePhrase(table);
  return HOOKS.flatMap((hook) => [
    `add chain ${phrase} ${chainName(hook, device)} { type filter hook ${hook} device "${device}" priority -500 ; policy accept ; }`,
    `flush chain ${phrase} ${chainName(hook, device)}`,
    `add rule ${phrase} ${chainName(hook, device)} counter drop comment ${quoted(`${CLOSED_KIND} ${network}`)}`,
  ]);
}

export function openLines(table: TableName, device: string, standing: readonly string[]): string[] {
  const phrase = tablePhrase(table);
  return standing.flatMap((hook) => [
    `flush chain ${phrase} ${chainName(hook, device)}`,
    `delete chain ${phrase} ${chainName(hook, device)}`,
  ]);
}

/** Network -> properties, of every chain pair of the table. */
export function observedClosed(table: NftTable): Map<string, Record<string, Json>> {
  const closed = new Map<string, { device: string; closedTo: string[] }>();
  for (const chain of table.chains) {
    const device = chain.name.slice(chain.name.indexOf('_') + 1);
    const [only, ...others] = table.rules.filter((rule) => rule.chain === chain.name);
    const [kind, network] = only?.comment?.split(' ') ?? [];
    if (kind !== CLOSED_KIND || network === undefined || chain.hook === undefined || others.length > 0)
      continue;
    const entry = closed.get(network) ?? { device, closedTo: [] };
    closed.set(network, entry);
    if (only?.expressions.some((statement) => 'drop' in statement)) entry.closedTo.push(chain.hook);
  }
  return new Map(
    [...closed].map(([network, { device, closedTo }]) => [
      network,
      { device, closedTo: HOOKS.filter((hook) => closedTo.includes(hook)) },
    ]),
  );
}

function chainName(hook: string, device: string): string {
  return `${hook}_${device}`;
}
