import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PasserelleError } from '../../errors.js';
import { readLog } from '../../machines/log.js';
import { findProject } from '../project.js';
import type { CommonOptions, Session } from '../session.js';

export interface LogsOptions extends CommonOptions {
  readonly project?: string;
  readonly follow?: boolean;
}

/** What a machine, or the fabric, wrote; `--follow` goes on until Ctrl-C. Without a name: which logs there are. */
export async function logsVerb(session: Session, options: LogsOptions, name?: string): Promise<number> {
  const { places } = await findProject(session, options);
  const directory = join(places.stateDir, 'logs');
  const files = await readdir(directory).catch(() => []);
  const names = files.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -'.log'.length));
  if (name === undefined) {
    session.out.write(names.map((one) => `${one}\n`).join(''));
    return 0;
  }
  if (!names.includes(name)) {
    throw new PasserelleError({
      code: 'logs/unknown',
      message: `there is no log of ${JSON.stringify(name)}`,
      fix:
        names.length > 0
          ? `one of: ${names.join(', ')}`
          : 'nothing has been started yet: run `passerelle up`',
    });
  }
  const pieces = readLog(join(directory, `${name}.log`), { follow: options.follow === true }, session.signal);
  for await (const piece of pieces) session.out.write(piece.toString('utf8'));
  return 0;
}
