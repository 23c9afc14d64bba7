/** Longest piece of the person's own text that a message repeats, in characters. */
const QUOTED_CHARS = 60;

/** Characters that could move a terminal's cursor, hide text or turn its direction. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A step into the file: a key of a mapping, or an index into a list. */
export type Path = readonly (string | number)[];

/** Text of another's making, with nothing a terminal would act on. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The person's text as a message repeats it: in quotes, clipped and printable. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text.length > QUOTED_CHARS ? `${text.slice(0, QUOTED_CHARS)}…` : text));
}

/** `machines.web1.nics[0].mac`. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${/^[\w-]{1,63}$/.test(step) ? step : quoted(step)}`;
  }
  return text;
}

/** `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}
