/** What a person would type for a change of the gateway: its program, and JSON lines on its control socket. Pure. */
import { shellWord } from '../../../clients/command/run.js';
import type { Change } from '../../../plan/resource.js';
import type { EngineContext } from '../../contract.js';
import { fabricCommand, fabricFiles } from './fabric-process.js';
import { FABRIC_KIND, operationsFor } from './objects.js';

export function gatewayCommands(context: EngineContext, change: Change): string[] {
  const { controlSocket, runDir } = fabricFiles(context);
  const say = (method: string, params: object): string =>
    `echo ${shellWord(JSON.stringify({ id: 1, method, params }))} | socat - UNIX-CONNECT:${shellWord(controlSocket)}`;
  const { kind } = change.action === 'delete' ? change.before : change.after;
  if (kind !== FABRIC_KIND) return [say('apply', { operations: operationsFor([change]) })];
  const start = [
    `mkdir -p -m 0700 ${shellWord(runDir)}`,
    `setsid ${fabricCommand(context).map(shellWord).join(' ')} </dev/null >/dev/null 2>&1 &`,
    `until [ -S ${shellWord(controlSocket)} ]; do sleep 0.1; done`,
  ];
  switch (change.action) {
    case 'create':
      return start;
    case 'delete':
      return [say('shutdown', {})];
    case 'update':
    case 'replace':
      return [say('shutdown', {}), ...start];
  }
}
