/** How the host of a run is made: the world's host namespace, with what an engine expects to find on a host. */
import type { EngineName } from '../../src/topology/topology.js';
import { capabilitiesOf } from './capabilities.js';
import { OvsHost } from './ovs/ovs-host.js';
import type { StageHost } from './stage.js';
import { enterWords, type World } from './world.js';

export interface TestHost extends StageHost, AsyncDisposable {
  /** What stands on the host beyond what the kernel has, as text that two moments can be compared by. */
  dump(): Promise<string>;
}

/** Programs that an engine's run needs beyond those of every run. */
export const PROGRAMS: Readonly<Partial<Record<EngineName, readonly string[]>>> = {
  linux: ['nft', 'dnsmasq'],
  vde: ['vde_switch', 'vde_plug'],
  ovs: ['nft', 'dnsmasq', 'ovsdb-server', 'ovs-vswitchd', 'ovs-vsctl'],
};

/** A host for the engine in the world; it is root's where the engine needs root, and otherwise an ordinary user's. */
export async function openHost(engine: EngineName, world: World): Promise<TestHost> {
  const namespace = world.namespaceOf('host');
  const common = { enter: enterWords(namespace), isRoot: capabilitiesOf(engine).needsRoot };
  if (engine !== 'ovs') {
    const nowhere = { OVS_RUNDIR: '/nonexistent' };
    return {
      ...common,
      environment: nowhere,
      dump: async () => '',
      [Symbol.asyncDispose]: async () => {},
    };
  }
  const switching = await OvsHost.start({ switching: true, namespace });
  return {
    ...common,
    environment: { OVS_RUNDIR: switching.directory },
    dump: () => switching.run('ovs-vsctl', 'show'),
    [Symbol.asyncDispose]: () => switching[Symbol.asyncDispose](),
  };
}
