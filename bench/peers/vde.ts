/** VDE 2: vde_switch, and taps plugged into it by vde_plug2tap. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from '../stage/namespaces.js';
import { startProcess, waitUntil } from '../stage/processes.js';
import type { Scope } from '../stage/scope.js';

/** @returns the switch's directory, which is its address. */
export async function startVdeSwitch(scope: Scope, directory: string): Promise<string> {
  startProcess(scope, ['vde_switch', '-sock', directory, '-mode', '600']);
  await waitUntil(scope, 'vde_switch', () =>
    stat(join(directory, 'ctl')).then(
      () => true,
      () => false,
    ),
  );
  return directory;
}

/** Puts a tap0 that is a port of the switch into each namespace. */
export async function joinByVde(
  scope: Scope,
  directory: string,
  namespaces: readonly Namespace[],
): Promise<void> {
  const vde = await startVdeSwitch(scope, join(directory, 'vde'));
  for (const namespace of namespaces) {
    startProcess(scope, namespace.within(['vde_plug2tap', '-s', vde, 'tap0']));
    await waitUntil(scope, 'tap0', () => namespace.hasDevice(scope, 'tap0'));
  }
}
