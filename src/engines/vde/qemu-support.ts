/** Whether QEMU was built with VDE, by asking it. */
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import type { Run } from '../../clients/command/run.js';
import type { Nic, Topology } from '../../topology/topology.js';
import { PROVIDER } from './resources.js';

/** What machines without a command are most likely started with. */
export const USUAL_QEMU = 'qemu-system-x86_64';

/**
 * Whether QEMU has VDE, or at least what a patch panel of ours dials.
 * @returns undefined when there is no such program, or it does not say.
 */
export async function backendOf(
  run: Run,
  program: string,
  signal: AbortSignal,
): Promise<'vde' | 'stream' | 'neither' | undefined> {
  const result = await run([program, '-netdev', 'help'], { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof Error) return undefined;
    throw error;
  });
  if (result === undefined || result.exitCode !== 0) return undefined;
  const backends = new Set(`${result.stdout}\n${result.stderr}`.split('\n').map((line) => line.trim()));
  return backends.has('vde') ? 'vde' : backends.has('stream') ? 'stream' : 'neither';
}

/** `-netdev` of a QEMU, asked once and at once: machines are started with what their QEMU has, so it is part of the plan. */
export class QemuSupport {
  readonly #known = new Map<string, boolean>();

  /** Whether the NIC's machine is started with a QEMU that has no VDE and has what a patch panel dials instead. */
  needsPanel(nic: Nic, topology: Topology): boolean {
    const command = topology.machines.find(({ name }) => name === nic.machine)?.command;
    const program = command?.[0] ?? USUAL_QEMU;
    if (!isQemu(program)) return false;
    const known = this.#known.get(program) ?? hasOnlyStream(program);
    this.#known.set(program, known);
    return known;
  }
}

function hasOnlyStream(program: string): boolean {
  const { status, stdout, stderr } = spawnSync(program, ['-netdev', 'help'], { encoding: 'utf8' });
  if (status !== 0) return false;
  const backends = new Set(`${stdout}\n${stderr}`.split('\n').map((line) => line.trim()));
  return backends.has('stream') && !backends.has('vde');
}

function isQemu(program: string): boolean {
  return /^(?:qemu-system-[a-z0-9_]+|qemu-kvm|kvm)$/.test(basename(program));
}

/** The QEMUs that machines with a NIC on networks of this engine are started with. */
export function qemuPrograms(topology: Topology): string[] {
  const ours = new Set(topology.networks.filter(({ engine }) => engine === PROVIDER).map(({ name }) => name));
  const machines = topology.machines.filter(({ nics }) => nics.some(({ network }) => ours.has(network)));
  const programs = machines.map(({ command = [USUAL_QEMU] }) => command[0] ?? USUAL_QEMU);
  return [...new Set(programs)].filter(isQemu);
}
