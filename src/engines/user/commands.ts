import { builtProgram } from '../../built-program.js';
import type { Change } from '../../plan/resource.js';
import type { EngineContext } from '../contract.js';
import { controlSocketPath } from './fabric-process.js';
import { NAMESPACE_KIND } from './namespaces.js';
import { operationsFor, PROCESS_ID } from './resources.js';

/** What a person would type: the fabric's program, and JSON lines on its control socket. */
export function commandsFor(context: EngineContext, change: Change): string[] {
  const subject = change.action === 'delete' ? change.before : change.after;
  const socket = controlSocketPath(context);
  const say = (method: string, params: object): string =>
    `echo ${quote(JSON.stringify({ id: 1, method, params }))} | socat - UNIX-CONNECT:${socket}`;
  if (subject.id === PROCESS_ID) {
    if (change.action === 'delete') return [say('shutdown', {})];
    const program = builtProgram('fabric/main.js');
    const { runDir, stateDir } = context.places;
    return [`node ${program} --project ${context.project} --run-dir ${runDir} --state-dir ${stateDir} &`];
  }
  if (subject.kind === NAMESPACE_KIND) {
    return [
      `ip netns ${change.action === 'delete' ? 'del' : 'add'} ${String(subject.properties['namespace'])}`,
    ];
  }
  return [say('apply', { operations: operationsFor([change]) })];
}

/** One word for a POSIX shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
