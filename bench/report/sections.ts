/** The report as a text of sections, each a `## TITLE` and what follows up to the next. Pure. */

export interface Report {
  /** All before the first section. */
  readonly head: string;
  /** By title, in the order of the text; each with its heading. */
  readonly sections: ReadonlyMap<string, string>;
}

const HEADING = /^## (.+)/;

export function parseReport(text: string): Report {
  const parts = text.split(/^(?=## )/m);
  const head = parts.filter((part) => !HEADING.test(part)).join('');
  const sections = new Map<string, string>();
  for (const part of parts) {
    const title = HEADING.exec(part)?.[1];
    if (title !== undefined) sections.set(title, part.trim());
  }
  return { head: head.trim(), sections };
}

/**
 * Puts new sections in place of the old ones of the same title; titles that are new go to the end.
 * @param complete the new sections are all there are: old ones that are not among them go, and the order is theirs.
 */
export function mergeReport(old: Report, fresh: Report, head: string, complete: boolean): string {
  const sections = new Map(complete ? [] : old.sections);
  for (const [title, section] of fresh.sections) sections.set(title, section);
  return `${[head.trim(), ...sections.values()].join('\n\n')}\n`;
}
