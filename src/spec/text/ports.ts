import type { Fault, Parsed } from '../problems/fault.js';
import { quoted } from '../problems/wording.js';

/** Ports `first` to `last`, both included; a single port is a range of one. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const MAX_PORT = 65_535;

function portFault(text: string): Fault {
  const isNumber = /^-?\d+$/.test(text);
  return {
    code: 'spec/bad-port',
    message: isNumber
      ? `port ${text.slice(0, 20)} does not exist`
      : `${quoted(text)} is not a port or a range of ports`,
    fix: isNumber
      ? `write a port from 1 to ${MAX_PORT}`
      : 'write a port such as 9011, or a range such as "9001-9099"',
  };
}

/** Reads `9011` or `9001-9099`. */
export function parsePorts(text: string): Parsed<PortRange> {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return { fault: portFault(text) };
  const [, firstText = '', lastText = firstText] = match;
  for (const port of [firstText, lastText]) {
    if (port.length > 5 || Number(port) < 1 || Number(port) > MAX_PORT) return { fault: portFault(port) };
  }
  const range = { first: Number(firstText), last: Number(lastText) };
  if (range.last >= range.first) return { value: range };
  return {
    fault: {
      code: 'spec/bad-port',
      message: `the range ${text} runs backwards`,
      fix: `write "${range.last}-${range.first}"`,
    },
  };
}

export function formatPorts({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

export function portCount({ first, last }: PortRange): number {
  return last - first + 1;
}
