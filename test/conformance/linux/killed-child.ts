/**
 * Converges to a topology and kills itself, without a chance to tidy up, at one of the commands that change something:
 * `half` the way into a batch, or right `after` it.
 * Arguments: host namespace, run directory, state directory, first|second|nothing, number of the command, half|after.
 * Exit status 0: it came to the end, there were fewer commands.
 */
import childProcess from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { FIRST, SECOND } from './killed-topologies.js';
import { PROJECT } from './namespace-lab.js';

const [namespace = '', runDir = '', stateDir = '', goal = '', killAt = '', moment = ''] =
  process.argv.slice(2);

const { spawn } = childProcess;
let count = 0;
childProcess.spawn = ((program: string, words: string[], options: object) => {
  if (changesSomething(words) && ++count === Number(killAt)) {
    const batch = words[words.indexOf('-batch') + 1] ?? '';
    if (moment === 'half' && words.includes('-batch')) {
      const lines = readFileSync(batch, 'utf8').trimEnd().split('\n');
      writeFileSync(batch, `${lines.slice(0, Math.floor(lines.length / 2)).join('\n')}\n`);
    }
    if (words.includes('-batch') || words.some((word) => word.startsWith('--conf-file'))) {
      childProcess.spawnSync(program, words, { stdio: 'ignore' });
    }
    process.kill(process.pid, 'SIGKILL');
  }
  return spawn(program, words, options);
}) as typeof spawn;
syncBuiltinESMExports();

/** Commands that are told what to do on standard input are killed before they hear it: they do all of it or nothing. */
function changesSomething(words: readonly string[]): boolean {
  const line = words.join(' ');
  if (moment === 'half') return line.includes('-batch');
  return (
    line.includes('-batch') ||
    line.includes('-f -') ||
    line.includes('-p -') ||
    line.includes('--conf-file') ||
    line.includes('conntrack -D')
  );
}

const { createLinuxEngine } = await import('../../../src/engines/linux/linux-engine.js');
const { converge } = await import('./converge.js');
const engine = createLinuxEngine({ project: PROJECT, places: { runDir, stateDir } }, { namespace });
const topologies = { first: FIRST, second: SECOND, nothing: undefined };
await converge(engine, topologies[goal as keyof typeof topologies]);
