import type { Problem } from '../errors.js';
import { PasserelleError } from '../errors.js';
import type { Places } from '../places.js';
import type { Topology } from '../topology/topology.js';
import { isQemu } from './command-line.js';
import { findProgram, missingProgramProblem } from './program.js';
import { machineFiles } from './run-files.js';

export interface MachineSurroundings {
  readonly places: Places;
  /** Absolute directory of the project's file. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** What would keep the machines of a topology from starting on this host. Touches nothing. */
export async function machineProblems(
  topology: Topology,
  surroundings: MachineSurroundings,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { name, command, source } of topology.machines) {
    if (command === undefined) continue;
    const [program = ''] = command;
    const searchPath = surroundings.environment['PATH'] ?? '';
    if ((await findProgram(program, surroundings.directory, searchPath)) === undefined) {
      problems.push({ ...missingProgramProblem(name, program), at: source });
    }
    if (isQemu(command) && command.some((word) => /^--?daemonize$/.test(word))) {
      problems.push({
        code: 'machine/daemonizes',
        message: `machine ${name} starts with -daemonize, and so would slip away from passerelle`,
        fix: 'leave -daemonize out: machines run in the background as it is',
        at: source,
      });
    }
    problems.push(...filesProblems(surroundings.places, name).map((problem) => ({ ...problem, at: source })));
  }
  return problems;
}

function filesProblems(places: Places, name: string): readonly Problem[] {
  try {
    machineFiles(places, name);
    return [];
  } catch (error) {
    if (error instanceof PasserelleError) return error.problems;
    throw error;
  }
}
