import { PasserelleError } from '../../errors.js';
import { engineOf, machineNamed, nicArguments, readProject } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';

/** The QEMU flags that plug a machine's NICs in: `qemu-system-x86_64 … $(passerelle netdev web1)`. */
export async function netdevVerb(session: Session, options: CommonOptions, name: string): Promise<number> {
  const project = await readProject(session, options);
  const { nics } = machineNamed(project, name);
  const flags = nics.flatMap((nic) => nicArguments(project, nic));
  const opened = nics.flatMap((nic) => engineOf(project, nic).descriptors?.(nic) ?? []);
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
  if (opened.length > 0) {
    const redirections = opened.map(({ fd, path }) => `${fd}<>${path}`).join(' ');
    session.notes.write(`QEMU is to be started with ${redirections} behind its command line\n`);
  }
  return 0;
}
