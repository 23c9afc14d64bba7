import { open } from 'node:fs/promises';
import { PasserelleError } from '../../errors.js';
import { engineOf, machineNamed, readProject } from '../project.js';
import type { CommonOptions, Session } from '../session.js';

export interface CaptureOptions extends CommonOptions {
  readonly nic?: string;
  readonly output?: string;
}

/** What passes a machine's NIC, as pcapng: `passerelle capture web1 | tshark -r -`. Ends with Ctrl-C. */
export async function captureVerb(session: Session, options: CaptureOptions, name: string): Promise<number> {
  const project = await readProject(session, options);
  const machine = machineNamed(project, name);
  const nic = machine.nics.find(
    (one) => `${one.index}` === (options.nic ?? '0') || one.network === options.nic,
  );
  if (nic === undefined) {
    throw new PasserelleError({
      code: 'capture/unknown-nic',
      message: `${name} has no NIC ${options.nic ?? '0'}`,
      fix: `one of: ${machine.nics.map((one) => `${one.index} (${one.network})`).join(', ')}`,
    });
  }
  if (options.output === undefined && process.stdout.isTTY) {
    throw new PasserelleError({
      code: 'capture/to-terminal',
      message: 'pcapng is binary and stdout is a terminal',
      fix: `passerelle capture ${name} | tshark -r -, or --output web1.pcapng`,
    });
  }
  const frames = engineOf(project, nic).capture(nic, session.signal);
  const file = options.output === undefined ? undefined : await open(options.output, 'w', 0o600);
  if (options.output !== undefined)
    session.notes.write(`capturing ${nic.id} to ${options.output}; Ctrl-C ends\n`);
  try {
    for await (const chunk of frames) {
      if (file !== undefined) await file.write(chunk);
      else if (!process.stdout.write(chunk)) await drained();
    }
  } catch (error) {
    // Whoever read the pipe has had enough, or Ctrl-C: both are how a capture ends.
    if (!session.signal.aborted && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  } finally {
    await file?.close();
  }
  return 0;
}

function drained(): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.once('drain', resolve);
    process.stdout.once('error', reject);
  });
}
