import { PasserelleError } from '../errors.js';
import type { Spec } from '../spec/spec.js';

/**
 * Which of the file's hosts this machine is: the one asked for, else the one that bears the machine's own name.
 * @param hostname as the kernel has it, with or without its domain. @returns `undefined` when the file has no hosts.
 * @throws PasserelleError `host/unknown`, `host/unclear`, exit status 2.
 */
export function thisHost(spec: Spec, asked: string | undefined, hostname: string): string | undefined {
  const names = spec.hosts.map(({ name }) => name);
  if (asked !== undefined && !names.includes(asked)) {
    throw new PasserelleError(
      {
        code: 'host/unknown',
        message: `the file has no host ${JSON.stringify(asked)}`,
        fix: names.length === 0 ? 'leave --host out: the file has no `hosts`' : `one of: ${names.join(', ')}`,
      },
      2,
    );
  }
  if (names.length === 0) return undefined;
  const self = asked ?? names.find((name) => name === hostname.split('.')[0]?.toLowerCase());
  if (self !== undefined) return self;
  throw new PasserelleError(
    {
      code: 'host/unclear',
      message: `this machine is called ${JSON.stringify(hostname)}, and the file has the hosts ${names.join(', ')}`,
      fix: `say which of them it is: --host ${names[0] ?? 'NAME'}`,
    },
    2,
  );
}
