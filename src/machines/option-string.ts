/**
 * QEMU's option strings, `virtio-net-pci,id=n0,mac=52:54:00:00:00:01`: a first word, then `key=value` pairs; a comma in
 * a value is written twice (docs/system: "keyval", util/keyval.c). Pure.
 */
export interface OptionString {
  readonly first: string;
  /** In order; a key may come several times (`hostfwd`). A word without `=` counts as `on`. */
  readonly pairs: readonly (readonly [key: string, value: string])[];
}

export function parseOptionString(text: string): OptionString {
  const [first = '', ...words] = splitAtSingleCommas(text);
  const pairs = words.map((word): [string, string] => {
    const equals = word.indexOf('=');
    return equals === -1 ? [word, 'on'] : [word.slice(0, equals), word.slice(equals + 1)];
  });
  return { first, pairs };
}

/** A value as it is written inside an option string. */
export function escapeOptionValue(value: string): string {
  return value.replaceAll(',', ',,');
}

function splitAtSingleCommas(text: string): string[] {
  const words: string[] = [];
  let word = '';
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== ',') word += text.charAt(at);
    else if (text[at + 1] === ',') {
      word += ',';
      at++;
    } else {
      words.push(word);
      word = '';
    }
  }
  return [...words, word];
}
