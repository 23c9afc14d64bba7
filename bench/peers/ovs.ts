/** Open vSwitch with its userspace datapath, on a database of its own. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from '../stage/namespaces.js';
import { runProcess, startProcess, waitUntil } from '../stage/processes.js';
import type { Scope } from '../stage/scope.js';

const SCHEMA_PATH = '/usr/share/openvswitch/vswitch.ovsschema';

/** Puts one end of a veth, named tap0, into each namespace; the other is a port of one bridge. */
export async function joinByOvs(
  scope: Scope,
  directory: string,
  namespaces: readonly Namespace[],
  mtuBytes: number,
): Promise<void> {
  const home = join(directory, 'ovs');
  await mkdir(home, { recursive: true });
  const environment = { OVS_RUNDIR: home, OVS_DBDIR: home, OVS_LOGDIR: home };
  const remote = `unix:${join(home, 'db.sock')}`;
  const database = join(home, 'conf.db');
  await runProcess(scope, ['ovsdb-tool', 'create', database, SCHEMA_PATH], { environment });
  startProcess(scope, ['ovsdb-server', database, `--remote=p${remote}`], environment);
  const type = (...words: readonly string[]): Promise<string> =>
    runProcess(scope, ['ovs-vsctl', `--db=${remote}`, ...words], { environment });
  await waitUntil(scope, 'ovsdb-server', () =>
    type('--no-wait', 'init').then(
      () => true,
      () => false,
    ),
  );
  startProcess(scope, ['ovs-vswitchd', remote], environment);
  await type('add-br', 'br', '--', 'set', 'bridge', 'br', 'datapath_type=netdev');
  for (const [index, namespace] of namespaces.entries()) {
    const port = `ovs${index}`;
    await runProcess(scope, [
      'ip',
      'link',
      'add',
      port,
      'type',
      'veth',
      'peer',
      'tap0',
      'netns',
      namespace.name,
    ]);
    await runProcess(scope, ['ip', 'link', 'set', port, 'mtu', String(mtuBytes), 'up']);
    // The userspace datapath reads frames as they are: what leaves checksums to an offload would send it none.
    await runProcess(scope, ['ethtool', '-K', port, 'tx', 'off']);
    await runProcess(scope, namespace.within(['ethtool', '-K', 'tap0', 'tx', 'off']));
    await type('add-port', 'br', port);
  }
  // The bridge's device goes with its datapath; a sandbox has no other.
  scope.defer(async () => {
    await type('--no-wait', 'del-br', 'br').catch(() => undefined);
  });
}
