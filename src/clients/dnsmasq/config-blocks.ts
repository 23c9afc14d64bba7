/**
 * Configuration files made of blocks. A block opens with a comment that says what it is for and from which values its
 * lines were made, and ends with an empty line, so that the file is at once what dnsmasq reads, what a person can read,
 * and what we read back. A block whose lines were edited by hand is not ours any more and reads as absent.
 */
import { isDeepStrictEqual } from 'node:util';

export interface ConfigBlock {
  readonly kind: string;
  readonly name: string;
  /** JSON. */
  readonly value: unknown;
}

/** The lines that a block becomes. */
export type RenderLines = (block: ConfigBlock) => readonly string[];

const OPENING = /^# (\S+) (\S+) (\{.*\})$/;

export function blockLines(block: ConfigBlock, render: RenderLines): string[] {
  return [`# ${block.kind} ${block.name} ${JSON.stringify(block.value)}`, ...render(block), ''];
}

export function formatBlocks(blocks: readonly ConfigBlock[], render: RenderLines): string {
  return blocks
    .flatMap((block) => blockLines(block, render))
    .map((line) => `${line}\n`)
    .join('');
}

/** The blocks that stand as they were written. Anything else in the file is passed over. */
export function parseBlocks(text: string, render: RenderLines): ConfigBlock[] {
  return text.split(/^(?=# \S+ \S+ \{)/m).flatMap((part): ConfigBlock[] => {
    const [opening = '', ...lines] = part.split('\n');
    const [, kind, name, json] = OPENING.exec(opening) ?? [];
    if (kind === undefined || name === undefined || json === undefined) return [];
    try {
      const block: ConfigBlock = { kind, name, value: JSON.parse(json) as unknown };
      const standing = lines.filter((line) => line !== '');
      return isDeepStrictEqual(standing, [...render(block)]) ? [block] : [];
    } catch {
      // Neither JSON nor values of ours: not a block of ours.
      return [];
    }
  });
}
