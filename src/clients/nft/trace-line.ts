/**
 * Lines of `nft monitor trace` (nft(8), 1.0.6): text, since nft has no JSON for them. A packet that a rule marked with
 * `meta nftrace set 1` is told at every chain it comes through, whosever the table is: first the packet, then each rule
 * that matched, then the policy when no rule decided. Pure; what is no such line is nothing.
 */

export interface TraceLine {
  /** The same for one packet on its way through the hooks of one family. */
  readonly id: string;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly event: PacketSeen | RuleMatched | PolicyReached;
}

export interface PacketSeen {
  readonly kind: 'packet';
  /** Field -> text as nft writes it: `iif`, `ip saddr`, `tcp dport`. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface RuleMatched {
  readonly kind: 'rule';
  /** Absent of a rule that was removed since. */
  readonly text?: string;
  readonly comment?: string;
  /** `accept`, `drop`, `continue`, `goto NAME`, … */
  readonly verdict: string;
}

export interface PolicyReached {
  readonly kind: 'policy';
  readonly verdict: string;
}

const LINE = /^trace id ([0-9a-f]+) (\S+) (\S+) (\S+) (packet: |rule |policy |unknown rule )(.*)$/;
const VERDICT = / ?\(verdict ([^)]+)\)$/;
const COMMENT = / comment "([^"]*)"/;

export function parseTraceLine(line: string): TraceLine | undefined {
  const [, id, family, table, chain, word, rest] = LINE.exec(line.trim()) ?? [];
  if (id === undefined || family === undefined || table === undefined || chain === undefined)
    return undefined;
  const event = eventOf(word?.trim() ?? '', rest ?? '');
  return event === undefined ? undefined : { id, family, table, chain, event };
}

function eventOf(word: string, rest: string): TraceLine['event'] | undefined {
  if (word === 'packet:') return { kind: 'packet', fields: fieldsOf(rest) };
  if (word === 'policy') return { kind: 'policy', verdict: rest.trim() };
  const verdict = VERDICT.exec(rest)?.[1];
  if (verdict === undefined) return undefined;
  if (word === 'unknown rule') return { kind: 'rule', verdict };
  const text = rest.replace(VERDICT, '').replace(COMMENT, '').trim();
  const comment = COMMENT.exec(rest)?.[1];
  return { kind: 'rule', text, ...(comment !== undefined && { comment }), verdict };
}

/** Protocols whose fields are told as `ip saddr 10.0.0.1`: two words and a value. */
const HEADERS = new Set([
  'ether',
  'ip',
  'ip6',
  'arp',
  'icmp',
  'icmpv6',
  'tcp',
  'udp',
  'vlan',
  'sctp',
  'dccp',
  'th',
]);

function fieldsOf(text: string): Map<string, string> {
  const words = text.match(/"[^"]*"|\S+/g) ?? [];
  const fields = new Map<string, string>();
  for (let at = 0; at < words.length; ) {
    const isHeader = HEADERS.has(words[at] ?? '');
    const name = isHeader ? `${words[at]} ${words[at + 1]}` : (words[at] ?? '');
    at += isHeader ? 2 : 1;
    // `tcp flags == syn`
    if (words[at] === '==') at++;
    const value = words[at++];
    if (value !== undefined && !fields.has(name)) fields.set(name, value.replaceAll('"', ''));
  }
  return fields;
}
