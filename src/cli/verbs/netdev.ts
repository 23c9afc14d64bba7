import { PasserelleError } from '../../errors.js';
import { machineNamed, nicArguments, readProject } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';

/** The QEMU flags that plug a machine's NICs in: `qemu-system-x86_64 … $(passerelle netdev web1)`. */
export async function netdevVerb(session: Session, options: CommonOptions, name: string): Promise<number> {
  const project = await readProject(session, options);
  const flags = machineNamed(project, name).nics.flatMap((nic) => nicArguments(project, nic));
  if (session.format === 'json') {
    writeJson(session, flags);
    return 0;
  }
  const awkward = flags.find((flag) => /\s/.test(flag));
  if (awkward !== undefined) {
    throw new PasserelleError({
      code: 'netdev/white-space',
      message: `a shell would split ${JSON.stringify(awkward)}`,
      fix: 'use --format json, or set XDG_RUNTIME_DIR to a directory without white space',
    });
  }
  session.out.write(`${flags.join(' ')}\n`);
  return 0;
}
