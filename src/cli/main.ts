import { CommanderError } from 'commander';
import { PasserelleError } from '../errors.js';
import { renderProblems } from './output/problems.js';
import { screenOf } from './output/style.js';
import { buildProgram } from './program.js';

const EXIT_FAILED = 1;
const EXIT_BAD_INPUT = 2;

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());

async function main(): Promise<void> {
  const notes = screenOf(process.stderr, process.env);
  // A reader that goes away (`| head`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  try {
    await buildProgram(stop.signal).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_BAD_INPUT;
    else if (error instanceof PasserelleError) {
      notes.write(renderProblems(notes, error.problems));
      process.exitCode = error.exitStatus;
    } else if (stop.signal.aborted) {
      notes.write('interrupted\n');
      process.exitCode = EXIT_FAILED;
    } else {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      notes.write(`passerelle has a defect; please report these lines:\n${detail}\n`);
      process.exitCode = EXIT_FAILED;
    }
  }
}

void main();
