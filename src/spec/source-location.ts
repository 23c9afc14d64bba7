/** A place in the file that the person wrote; lines and columns count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where the value of each written key stands. */
export type KeyLocations = Readonly<Record<string, SourceLocation>>;

/** The place of a key's value; where the key was not written, the place of what it belongs to. */
export function locationOfKey(
  owner: { readonly source: SourceLocation; readonly keyLocations?: KeyLocations },
  key: string,
): SourceLocation {
  return owner.keyLocations?.[key] ?? owner.source;
}

/** `passerelle.yaml:12:7`, the form that terminals and editors turn into a link. */
export function formatLocation(at: SourceLocation): string {
  return `${at.file}:${at.line}:${at.column}`;
}
