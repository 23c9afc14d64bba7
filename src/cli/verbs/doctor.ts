import { tmpdir } from 'node:os';
import type { Finding } from '../../engines/contract.js';
import { ENGINES } from '../../engines/registry.js';
import { inspectQemu } from '../../machines/qemu-doctor.js';
import { placesOf } from '../../places.js';
import { paint, type Screen } from '../output/style.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';

/** What this host offers each engine and what it lacks, with the command that mends it. */
export async function doctorVerb(session: Session, _options: CommonOptions): Promise<number> {
  const context = {
    project: 'doctor',
    places: placesOf('doctor', { XDG_RUNTIME_DIR: tmpdir(), XDG_STATE_HOME: tmpdir() }, 0),
  };
  const sections = await Promise.all([
    inspectQemu(session.signal).then((findings) => ({ name: 'machines', findings })),
    ...Object.entries(ENGINES).map(async ([name, create]) => ({
      name: `engine ${name}`,
      findings: await create(context).doctor(session.signal),
    })),
  ]);
  if (session.format === 'json')
    writeJson(session, Object.fromEntries(sections.map((one) => [one.name, one.findings])));
  else {
    for (const { name, findings } of sections) {
      session.out.write(`${paint(session.out, 'bold', name)}\n${renderFindings(session.out, findings)}`);
    }
  }
  return 0;
}

function renderFindings(screen: Screen, findings: readonly Finding[]): string {
  const signs = {
    ok: paint(screen, 'green', '✓'),
    missing: paint(screen, 'red', '✗'),
    warning: paint(screen, 'yellow', '!'),
  };
  return findings
    .map(({ subject, state, detail, fix }) => {
      const mend = fix === undefined ? '' : `      ${paint(screen, 'cyan', '->')} ${fix}\n`;
      return `  ${signs[state]} ${subject}: ${detail}\n${mend}`;
    })
    .join('');
}
