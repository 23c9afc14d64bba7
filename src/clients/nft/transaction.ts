/**
 * `nft -f -`: all of it or none of it (nft(8)). The ruleset is text as a person types it, since that is what
 * `plan --commands` shows and what stands in an administrator's head; what is read back is JSON (`listing.ts`).
 */
import { PasserelleError } from '../../errors.js';
import type { Run } from '../command/run.js';

/**
 * Carries out the ruleset lines as one transaction.
 * @throws PasserelleError `nft/refused` with the line that was refused and why; then nothing was changed.
 */
export async function runTransaction(run: Run, lines: readonly string[], signal: AbortSignal): Promise<void> {
  if (lines.length === 0) return;
  const { exitCode, stderr } = await run(['nft', '-f', '-'], { signal, input: `${lines.join('\n')}\n` });
  if (exitCode !== 0) throw transactionError(lines, stderr);
}

const ELEMENT_LINE = /^(add|delete) element (\S+ \S+ \S+) \{ (.*) \}$/;

/**
 * The same commands with elements of one set in one command, which nft takes several times faster. In each run of element
 * commands what goes, goes first, so that a key may pass from one owner to another. Pure.
 */
export function gatherElements(lines: readonly string[]): string[] {
  const gathered: string[] = [];
  let run = new Map<string, string[]>();
  const flush = (): void => {
    for (const verb of ['delete', 'add']) {
      for (const [command, elements] of run) {
        if (command.startsWith(verb)) gathered.push(`${command} { ${elements.join(', ')} }`);
      }
    }
    run = new Map();
  };
  for (const line of lines) {
    const [, verb, set, element = ''] = ELEMENT_LINE.exec(line) ?? [];
    if (verb === undefined) {
      flush();
      gathered.push(line);
    } else {
      const command = `${verb} element ${set}`;
      const elements = run.get(command);
      if (elements === undefined) run.set(command, [element]);
      else elements.push(element);
    }
  }
  flush();
  return gathered;
}

/** nft says `/dev/stdin:LINE:COLUMNS: Error: REASON` and quotes the line below it. */
export function transactionError(lines: readonly string[], stderr: string): PasserelleError {
  const found = /^[^:\n]*:(\d+):\d+-\d+: Error: (.*)$/m.exec(stderr);
  const line = lines[Number(found?.[1] ?? 0) - 1]?.trim().slice(0, LINE_LIMIT);
  const reason = found?.[2] ?? stderr.trim().split('\n')[0] ?? '';
  return new PasserelleError({
    code: 'nft/refused',
    message: line === undefined ? `nftables refused: ${reason}` : `nftables refused \`${line}\`: ${reason}`,
    fix: reason.includes('Operation not permitted')
      ? 'run it as root: `sudo passerelle …`'
      : 'run `passerelle doctor`: it says what this kernel lacks',
  });
}

/** A quoted string of a ruleset. nft has no escapes inside; what cannot stand there is left out. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\\n]/g, '').slice(0, COMMENT_LIMIT)}"`;
}

/** A line with a thousand elements is not for a person to read. */
const LINE_LIMIT = 300;

/** Bytes of a comment that the kernel keeps (libnftnl, NFTNL_UDATA_COMMENT_MAXLEN). */
const COMMENT_LIMIT = 127;
