/** Whether QEMU was built with VDE, by asking it. */
import { basename } from 'node:path';
import type { Run } from '../../clients/command/run.js';
import type { Topology } from '../../topology/topology.js';
import { PROVIDER } from './resources.js';

/** What machines without a command are most likely started with. */
export const USUAL_QEMU = 'qemu-system-x86_64';

/** @returns undefined when there is no such program, or it does not say. */
export async function knowsVde(run: Run, program: string, signal: AbortSignal): Promise<boolean | undefined> {
  const result = await run([program, '-netdev', 'help'], { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof Error) return undefined;
    throw error;
  });
  if (result === undefined || result.exitCode !== 0) return undefined;
  return `${result.stdout}\n${result.stderr}`.split('\n').some((line) => line.trim() === 'vde');
}

/** The QEMUs that machines with a NIC on networks of this engine are started with. */
export function qemuPrograms(topology: Topology): string[] {
  const ours = new Set(topology.networks.filter(({ engine }) => engine === PROVIDER).map(({ name }) => name));
  const machines = topology.machines.filter(({ nics }) => nics.some(({ network }) => ours.has(network)));
  const programs = machines.map(({ command = [USUAL_QEMU] }) => command[0] ?? USUAL_QEMU);
  return [...new Set(programs)].filter((program) =>
    /^(?:qemu-system-[a-z0-9_]+|qemu-kvm|kvm)$/.test(basename(program)),
  );
}
