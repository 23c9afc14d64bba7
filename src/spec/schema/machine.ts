import { z } from 'zod';
import type { Parsed } from '../problems/fault.js';
import { LABEL_PATTERN, parseLabel } from '../text/names.js';
import { splitShellWords } from '../text/shell-words.js';
import { either, key, list, mapping, text } from './kinds.js';
import { nic } from './nic.js';

function parseArguments(words: readonly string[]): Parsed<readonly string[]> {
  if (words.length > 0 && words[0] !== '') return { value: words };
  const message = 'the command names no program';
  return {
    fault: {
      code: 'spec/bad-command',
      message,
      fix: 'write its path as the first item, or leave the key out',
    },
  };
}

const argumentList = list(z.string({ error: 'text' }), 'arguments').transform((words, context) => {
  const parsed = parseArguments(words);
  if ('value' in parsed) return parsed.value;
  context.addIssue({ code: 'custom', message: 'a command', params: { fault: parsed.fault } });
  return z.NEVER;
});

const machineShape = {
  nics: key(list(nic, 'NICs').optional(), {
    about: 'Network cards of the machine, first to last.',
    byDefault: 'none',
    example: [{ network: 'web' }],
  }),
  host: key(text('the name of a host', parseLabel, LABEL_PATTERN).optional(), {
    about: 'The host that the machine lives on, one of `hosts`.',
    byDefault: 'the first of `hosts`',
    example: 'kvm2',
  }),
  command: key(
    either('a command line or a list of arguments', [
      text('a command line', splitShellWords),
      argumentList,
    ]).optional(),
    {
      about:
        'Starts the machine on `up`, with its NICs appended; a line is split into words as a shell does, and given to no shell.',
      byDefault: 'the machine is started by other means',
      example: 'qemu-system-x86_64 -m 256 -hda web1.qcow2',
    },
  ),
};

export const machine = mapping(machineShape, '{ nics: [{ network: web }] }');
export type WrittenMachine = z.output<typeof machine>;
