/**
 * Most that a machine may send: a named limit of its own for each NIC, found by the port in a map. What is over the rate
 * is dropped, as a switch port polices. The burst holds a fifth of a second, and a segment as large as a kernel hands over
 * in one piece.
 */
import type { NftTable } from '../../clients/nft/listing.js';
import { quoted } from '../../clients/nft/transaction.js';
import type { Json, Resource } from '../../plan/resource.js';
import { type TableName, tablePhrase } from '../kernel-gateway/rules/ruleset.js';

export const RATE_LIMIT_KIND = 'rate-limit';

interface RateLimit {
  readonly device: string;
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
}

const LARGEST_SEGMENT_BYTES = 65_536;
const BURST_SECONDS = 0.2;

export function rateLimitProperties(device: string, bitsPerSecond: number): Record<string, Json> {
  const bytesPerSecond = Math.floor(bitsPerSecond / 8);
  const burstBytes = Math.max(4 * LARGEST_SEGMENT_BYTES, Math.floor(bytesPerSecond * BURST_SECONDS));
  const limit: RateLimit = { device, bytesPerSecond, burstBytes };
  return { ...limit };
}

export function limitLines(table: TableName, nic: string, resource: Resource): string[] {
  const { device, bytesPerSecond, burstBytes } = resource.properties as unknown as RateLimit;
  const phrase = tablePhrase(table);
  const rate = `rate over ${bytesPerSecond} bytes/second burst ${burstBytes} bytes`;
  return [
    `add limit ${phrase} ${limitName(device)} { ${rate} ; }`,
    `add element ${phrase} rates { "${device}" comment ${quoted(`${RATE_LIMIT_KIND} ${nic}`)} : "${limitName(device)}" }`,
  ];
}

export function unlimitLines(table: TableName, resource: Resource): string[] {
  const device = String(resource.properties['device']);
  const phrase = tablePhrase(table);
  return [`delete element ${phrase} rates { "${device}" }`, `delete limit ${phrase} ${limitName(device)}`];
}

/** NIC -> properties. */
export function observedRateLimits(table: NftTable): Map<string, Record<string, Json>> {
  const limits = new Map(table.limits.map((limit) => [limit.name, limit]));
  const elements = table.sets.find(({ name }) => name === 'rates')?.elements ?? [];
  return new Map(
    elements.flatMap(({ text, comment }): [string, Record<string, Json>][] => {
      const [kind, nic] = comment?.split(' ') ?? [];
      const device = text.split(' : ')[0]?.replaceAll('"', '') ?? '';
      const limit = limits.get(limitName(device));
      if (kind !== RATE_LIMIT_KIND || nic === undefined || limit === undefined) return [];
      const { bytesPerSecond, burstBytes } = limit;
      return [[nic, { device, bytesPerSecond, burstBytes }]];
    }),
  );
}

function limitName(device: string): string {
  return `rate_${device}`;
}
