/** vde_plug URLs of the file: `MODULE://ADDRESS`, where the module is a plug-in of libvdeplug (vde_plug(1)). Pure. */
import { splitShellWords } from '../../spec/text/shell-words.js';

export interface PlugUrl {
  /** `vxvde`, `udp`, `cmd`. */
  readonly module: string;
  /** What `vde_plug` is told of the other end: the URL, or `=` and a command. */
  readonly end: readonly string[];
}

/**
 * `cmd://` is given to vde_plug as a command, not as a URL: its own module for it does not end when the command does, and
 * falls out of step when a frame comes in two pieces, as it does from ssh.
 * @returns undefined for what is no such URL.
 */
export function parsePlugUrl(url: string): PlugUrl | undefined {
  const [, module, address = ''] = /^([a-z][a-z0-9+]{0,31}):\/\/(\P{Cc}*)$/u.exec(url) ?? [];
  if (module === undefined) return undefined;
  if (module !== 'cmd') return { module, end: [url] };
  const command = commandWords(address);
  return command === undefined ? undefined : { module, end: ['=', ...command] };
}

/** As a shell splits them; the whole may stand in quotes, as vde_plug's manual writes it. */
function commandWords(line: string): readonly string[] | undefined {
  const words = wordsOf(line);
  const [only = ''] = words ?? [];
  const inner = words?.length === 1 && /\s/.test(only) ? wordsOf(only) : words;
  return inner === undefined || inner.length === 0 ? undefined : inner;
}

function wordsOf(line: string): readonly string[] | undefined {
  const parsed = splitShellWords(line);
  return 'value' in parsed ? parsed.value : undefined;
}
