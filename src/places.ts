import { join } from 'node:path';

/** Directories of one project. Run: sockets, pids, locks; state: leases, history (docs/design). */
export interface Places {
  readonly runDir: string;
  readonly stateDir: string;
}

/**
 * Where a project keeps its things: `$XDG_RUNTIME_DIR/passerelle/PROJECT` and `$XDG_STATE_HOME/passerelle/PROJECT`;
 * for root `/run/passerelle/PROJECT` and `/var/lib/passerelle/PROJECT`. XDG variables that are set win for root too,
 * so that tests and namespaces keep to themselves.
 */
export function placesOf(project: string, environment: NodeJS.ProcessEnv, uid: number): Places {
  const runRoot = environment['XDG_RUNTIME_DIR'] ?? (uid === 0 ? '/run' : `/tmp/passerelle-run-${uid}`);
  const stateRoot =
    environment['XDG_STATE_HOME'] ??
    (uid === 0 ? '/var/lib' : join(environment['HOME'] ?? `/tmp/passerelle-state-${uid}`, '.local', 'state'));
  return { runDir: join(runRoot, 'passerelle', project), stateDir: join(stateRoot, 'passerelle', project) };
}
