/** What this host offers the VDE engine, and what QEMU itself thinks of VDE. */
import type { Run } from '../../clients/command/run.js';
import type { Finding } from '../contract.js';
import { PROGRAMS } from './programs.js';
import { backendOf, USUAL_QEMU } from './qemu-support.js';

export async function doctorVde(run: Run, signal: AbortSignal): Promise<Finding[]> {
  const [programs, qemu] = await Promise.all([
    Promise.all(
      PROGRAMS.map(({ program, packageName }) => programFinding(run, program, packageName, signal)),
    ),
    backendOf(run, USUAL_QEMU, signal),
  ]);
  return [...programs, qemuFinding(qemu), ADVICE];
}

/** QEMU's manual, of `-netdev vde`: who does not know that they want VDE is better served by something else. */
const ADVICE: Finding = {
  subject: 'VDE at all',
  state: 'warning',
  detail:
    "QEMU's manual says that its VDE backend is for those who know that they need it: to meet other programs of VDE. It has no anti-spoofing and no capture, and a machine whose switch ends has to be plugged in again",
  fix: 'write `engine: user` (no root), `engine: linux` (servers) or `engine: ovs` (several hosts) unless VDE is the point',
};

async function programFinding(
  run: Run,
  program: string,
  packageName: string,
  signal: AbortSignal,
): Promise<Finding> {
  const result = await run([program, '--help'], { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof Error) return undefined;
    throw error;
  });
  if (result === undefined) {
    return {
      subject: program,
      state: 'missing',
      detail: 'not installed',
      fix: `sudo apt-get install ${packageName}`,
    };
  }
  // The vde_plug of VDE 2 itself knows no URLs: that came with libvdeplug 4.
  if (program === 'vde_plug' && !`${result.stdout}${result.stderr}`.includes('vde_plug_url')) {
    return {
      subject: program,
      state: 'warning',
      detail: 'it knows no URLs, so `plugs:` can only be directories of other switches',
      fix: `sudo apt-get install ${packageName}`,
    };
  }
  return { subject: program, state: 'ok', detail: 'installed' };
}

function qemuFinding(backend: Awaited<ReturnType<typeof backendOf>>): Finding {
  const subject = `${USUAL_QEMU} -netdev vde`;
  switch (backend) {
    case 'vde':
      return { subject, state: 'ok', detail: 'built in' };
    case 'stream':
      return {
        subject,
        state: 'warning',
        detail:
          'this QEMU was built without VDE: each of its NICs is plugged in by a process of ours, and copied twice',
        fix: 'install one that has it (Debian and Ubuntu: qemu-system), or leave it so',
      };
    case 'neither':
      return {
        subject,
        state: 'missing',
        detail: 'this QEMU was built without VDE',
        fix: 'install one that has it (Debian and Ubuntu: qemu-system), or write `engine: user`',
      };
    case undefined:
      return {
        subject,
        state: 'missing',
        detail: 'there is no QEMU to ask',
        fix: 'sudo apt-get install qemu-system-x86',
      };
  }
}
