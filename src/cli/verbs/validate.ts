import { renderMachines } from '../output/machines.js';
import { paint } from '../output/style.js';
import { openProject } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';

/** Reads the file, decides every address, asks the engines, and touches nothing. */
export async function validateVerb(session: Session, options: CommonOptions): Promise<number> {
  const { topology } = await openProject(session, options);
  if (session.format === 'json') {
    writeJson(session, topology);
    return 0;
  }
  const count = (many: readonly unknown[], word: string): string =>
    `${many.length} ${word}${many.length === 1 ? '' : 's'}`;
  const counts = [
    count(topology.networks, 'network'),
    count(topology.machines, 'machine'),
    count(topology.forwards, 'forward'),
  ].join(', ');
  session.out.write(
    `${paint(session.out, 'green', '✓')} ${options.file}: ${topology.project}: ${counts}\n\n`,
  );
  session.out.write(renderMachines(session.out, topology));
  return 0;
}
