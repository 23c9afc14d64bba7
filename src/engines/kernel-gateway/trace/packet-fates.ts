/**
 * From what marked packets meet to what became of them. A packet is known by its id from its first chain on, and ends
 * where a rule or a policy drops it, or in a chain of ours that is the last of its hook. Pure; bounded, since the end of
 * some is never told.
 */
import type { TraceLine } from '../../../clients/nft/trace-line.js';
import type { PacketFate } from '../../contract.js';
import { FIRST_CHAIN, LAST_CHAINS } from './marking.js';
import { summaryOf, translation } from './packet-summary.js';
import { REASONS } from './reasons.js';

const MAX_PACKETS = 1024;

type Fields = ReadonlyMap<string, string>;

export class PacketFates {
  readonly #project: string;
  readonly #marking: string;
  readonly #underWay = new Map<string, Fields>();

  /** @param marking name of the table that marks. */
  constructor(project: string, marking: string) {
    this.#project = project;
    this.#marking = marking;
  }

  /** What has become of the packet by this, if anything has. */
  see({ id, family, table, chain, event }: TraceLine): PacketFate | undefined {
    if (event.kind === 'packet') {
      // The kernel uses an id again, for another packet of the same flow (nf_tables_trace.c).
      const isAnother = table === this.#marking && chain === FIRST_CHAIN;
      if (isAnother || !this.#underWay.has(id)) this.#begin(id, event.fields);
      const isLast = table === this.#marking && LAST_CHAINS.has(chain);
      return isLast ? this.#passed(id, chain, event.fields) : undefined;
    }
    if (event.verdict !== 'drop') return undefined;
    const first = this.#underWay.get(id);
    if (first === undefined) return undefined;
    this.#underWay.delete(id);
    const isOurs = table.startsWith(`passerelle.${this.#project}.`);
    const name = event.kind === 'rule' ? event.comment?.split(' ')[0] : undefined;
    const text =
      event.kind === 'policy'
        ? 'policy drop'
        : (event.text ?? 'a rule made or removed while packets are followed');
    return {
      packet: summaryOf(first),
      outcome: text.includes('reject') ? 'refused' : 'dropped',
      reason:
        (isOurs && name !== undefined ? REASONS[name] : undefined) ??
        `${isOurs ? '' : 'not by Passerelle: '}${text}`,
      rule: `${family} ${table} ${chain}${isOurs && name !== undefined ? ` ${name}` : ''}`,
      isOurs,
    };
  }

  #begin(id: string, fields: Fields): void {
    if (this.#underWay.size >= MAX_PACKETS) {
      const [oldest] = this.#underWay.keys();
      if (oldest !== undefined) this.#underWay.delete(oldest);
    }
    this.#underWay.set(id, fields);
  }

  #passed(id: string, chain: string, last: Fields): PacketFate {
    const first = this.#underWay.get(id) ?? last;
    this.#underWay.delete(id);
    const device = chain === 'taken' ? undefined : last.get('oif');
    const changes = translation(first, last);
    return {
      packet: summaryOf(first),
      outcome: 'passed',
      ...(changes.length > 0 && { reason: changes.join(', ') }),
      ...(device !== undefined && { device }),
      isOurs: true,
    };
  }
}
