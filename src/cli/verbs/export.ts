import { PasserelleError } from '../../errors.js';
import { RENDERERS, type Tool } from '../../exports/configuration.js';
import { openProject } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';

/**
 * The host's own configuration of the bridges that take its NICs in, for the tool that brings its network up at boot.
 * Printed, never written: the files are other tools'.
 */
export async function exportVerb(session: Session, options: CommonOptions, tool: Tool): Promise<number> {
  const { topology, engines } = await openProject(session, options);
  const bridges = await Promise.all(
    [...engines.values()].map(
      (engine) => engine.hostBridges?.(topology, session.signal) ?? Promise.resolve([]),
    ),
  );
  const files = bridges.flat().flatMap(RENDERERS[tool]);
  if (files.length === 0) {
    throw new PasserelleError(
      {
        code: 'export/nothing',
        message:
          'no network of the file takes a NIC of the host into a bridge, so there is nothing to configure',
        fix: 'only networks with `mode: bridge` on the linux engine change the host',
      },
      2,
    );
  }
  if (session.format === 'json') writeJson(session, files);
  else session.out.write(files.map(({ path, text }) => `# ${path}\n${text}`).join('\n'));
  return 0;
}
