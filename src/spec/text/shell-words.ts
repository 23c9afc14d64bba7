import type { Parsed } from '../problems/fault.js';

/*
 * Splits a command line as a POSIX shell does (Shell Command Language, sections 2.2 and 2.3), with no expansion: `$`,
 * `~`, `*`, `|` and the like stand for themselves, since no shell ever sees the command.
 */

const BLANK = /[ \t\r\n]/;
/** Inside double quotes a backslash keeps its place except before these (section 2.2.3). */
const ESCAPED_IN_QUOTES = '$`"\\\n';

function unfinished(what: string, fix: string): { fault: { code: string; message: string; fix: string } } {
  return { fault: { code: 'spec/bad-command', message: `the command ends inside ${what}`, fix } };
}

/** @returns the words of the line; at least one. */
export function splitShellWords(line: string): Parsed<string[]> {
  const words: string[] = [];
  let word: string | undefined;
  let position = 0;
  while (position < line.length) {
    const char = line.charAt(position);
    position += 1;
    if (BLANK.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'") {
      const end = line.indexOf("'", position);
      if (end < 0) return unfinished('single quotes', "close them with '");
      word = (word ?? '') + line.slice(position, end);
      position = end + 1;
    } else if (char === '"') {
      const quotedPart = readDoubleQuotes(line, position);
      if (quotedPart === undefined) return unfinished('double quotes', 'close them with "');
      word = (word ?? '') + quotedPart.text;
      position = quotedPart.end;
    } else if (char === '\\') {
      if (position === line.length) return unfinished('a backslash escape', 'write \\\\ for a backslash');
      // A backslash before the end of a line joins the lines.
      if (line.charAt(position) !== '\n') word = (word ?? '') + line.charAt(position);
      position += 1;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  if (words.length > 0 && words[0] !== '') return { value: words };
  return {
    fault: {
      code: 'spec/bad-command',
      message: 'the command names no program',
      fix: 'write one such as qemu-system-x86_64 -m 256, or leave the key out',
    },
  };
}

/** @param start offset behind the opening quote. @returns undefined when the quote is never closed. */
function readDoubleQuotes(line: string, start: number): { text: string; end: number } | undefined {
  let text = '';
  let position = start;
  while (position < line.length) {
    const char = line.charAt(position);
    const next = line.charAt(position + 1);
    if (char === '"') return { text, end: position + 1 };
    if (char === '\\' && next !== '' && ESCAPED_IN_QUOTES.includes(next)) {
      if (next !== '\n') text += next;
      position += 2;
    } else {
      text += char;
      position += 1;
    }
  }
  return undefined;
}
