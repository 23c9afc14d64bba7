import { writeFile } from 'node:fs/promises';
import { PasserelleError } from '../../errors.js';
import type { CommonOptions, Session } from '../session.js';

const STARTER = `# Networks of KVM virtual machines. Check it with \`passerelle validate\`, make it real with \`passerelle up\`.
project: demo
engine: user            # no root needed; \`linux\` for servers

networks:
  web:
    mode: nat           # outwards behind the host's address; subnet, DHCP and DNS are chosen for you
  back:
    mode: isolated      # only its own machines: not the host, not the LAN
    dhcp: true

machines:
  web1:
    nics:
      - network: web
        forwards: ["127.0.0.1:8080:80"]     # host 127.0.0.1:8080 leads to port 80 of web1
      - network: back
    # Start it by hand with:  qemu-system-x86_64 -m 512 -hda web1.qcow2 $(passerelle netdev web1)
    # or let \`passerelle up\` start it:
    # command: qemu-system-x86_64 -m 512 -display none -hda web1.qcow2
  db1:
    nics:
      - network: back
`;

/** Writes a file to begin with. Never over one that is there. */
export async function initVerb(session: Session, options: CommonOptions): Promise<number> {
  try {
    await writeFile(options.file, STARTER, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new PasserelleError(
        {
          code: 'init/exists',
          message: `${options.file} is there already`,
          fix: 'choose another name with -f',
        },
        2,
      );
    }
    throw new PasserelleError(
      {
        code: 'init/not-written',
        message: `${options.file} could not be written: ${(error as Error).message}`,
      },
      1,
      { cause: error },
    );
  }
  session.out.write(`wrote ${options.file}; next: passerelle validate, passerelle plan, passerelle up\n`);
  return 0;
}
