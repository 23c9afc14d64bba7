import { readProject } from '../project.js';
import type { CommonOptions, Session } from '../session.js';

/** Keeps a change of the uplink that would otherwise be reverted when its time is over. */
export async function commitVerb(session: Session, options: CommonOptions): Promise<number> {
  const { engines } = await readProject(session, options);
  const waiting = await Promise.all(
    [...engines.values()].map((engine) => engine.commit?.() ?? Promise.resolve([])),
  );
  const networks = waiting.flat();
  const text = networks.length === 0 ? 'nothing waits to be kept' : `kept: ${networks.join(', ')}`;
  session.out.write(`${text}\n`);
  return 0;
}
