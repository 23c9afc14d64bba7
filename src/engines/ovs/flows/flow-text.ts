/**
 * Flows as ovs-ofctl(8) reads and prints them, in one normal form, so that what is wanted and what the switch holds are
 * compared as text: `table=1,priority=200,arp,in_port=tap0 actions=drop`. Match fields are sorted, the table and the
 * priority always said, numbers of registers written in one way, cookies kept apart.
 */

/** @param match fields in any order. @param actions as ovs-ofctl prints them. */
export function flow(table: number, priority: number, match: readonly string[], actions: string): string {
  const fields = [`table=${table}`, `priority=${priority}`, ...match.map(normalField).sort()];
  return `${fields.join(',')} actions=${actions}`;
}

export interface DumpedFlow {
  /** As printed: `0x7073…`; of a flow without one, `0x0`. */
  readonly cookie: string;
  /** In normal form. */
  readonly text: string;
}

const ACTIONS = ' actions=';
/** OpenFlow's default, which ovs-ofctl leaves out (OFP_DEFAULT_PRIORITY). */
const DEFAULT_PRIORITY = 32_768;

/** Reads `ovs-ofctl --no-stats --names dump-flows`. Lines that are no flow (the header of a reply) are left out. */
export function parseDump(output: string): DumpedFlow[] {
  const flows: DumpedFlow[] = [];
  for (const line of output.split('\n')) {
    const end = line.indexOf(ACTIONS);
    if (end >= 0) flows.push(parseFlow(line.slice(0, end), unquoted(line.slice(end + ACTIONS.length))));
  }
  return flows;
}

function parseFlow(head: string, actions: string): DumpedFlow {
  let cookie = '0x0';
  let table = 0;
  let priority = DEFAULT_PRIORITY;
  const match: string[] = [];
  for (const part of unquoted(head).split(',')) {
    const field = part.trim();
    if (field.startsWith('cookie=')) cookie = field.slice(7);
    else if (field.startsWith('table=')) table = Number(field.slice(6));
    else if (field.startsWith('priority=')) priority = Number(field.slice(9));
    else if (field !== '') match.push(field);
  }
  return { cookie, text: flow(table, priority, match, actions.trim()) };
}

/** Names that could be mistaken for something else are printed in quotes. */
function unquoted(text: string): string {
  return text.includes('"') ? text.replaceAll('"', '') : text;
}

/** Versions differ in whether they print a zero as `0` or `0x0`. */
function normalField(field: string): string {
  return field.startsWith('reg') ? field.replace(/0x0+(?=$|\/)/gu, '0') : field;
}

/** The number of the meter that a flow sends through, if any. */
export function meterIn(flowText: string): number | undefined {
  const found = /\bmeter:(\d+)/u.exec(flowText)?.[1];
  return found === undefined ? undefined : Number(found);
}
