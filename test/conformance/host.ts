/** How the host of a run is made: the world's host namespace, with what an engine expects to find on a host. */
import type { EngineName } from '../../src/topology/topology.js';
import { capabilitiesOf } from './capabilities.js';
import { OVN_PROGRAMS, OvnHost } from './ovn/ovn-host.js';
import { OvsHost } from './ovs/ovs-host.js';
import type { StageHost } from './stage.js';
import { enterWords, OFFICE_BRIDGE, type World } from './world.js';

export interface TestHost extends StageHost, AsyncDisposable {
  /** What stands on the host beyond what the kernel has, as text that two moments can be compared by. */
  dump(): Promise<string>;
  /** The uplink that leads to the office LAN. */
  readonly lanUplink: string;
}

/** Programs that every run needs. */
export const EVERY_RUN = [
  'ip',
  'nsenter',
  'curl',
  'socat',
  'dnsmasq',
  'tshark',
  'busybox',
  'python3',
  'qemu-system-x86_64',
] as const;

/** Programs that an engine's run needs beyond those of every run. */
export const PROGRAMS: Readonly<Partial<Record<EngineName, readonly string[]>>> = {
  linux: ['nft', 'dnsmasq'],
  vde: ['vde_switch', 'vde_plug'],
  ovs: ['nft', 'dnsmasq', 'ovsdb-server', 'ovs-vswitchd', 'ovs-vsctl'],
  ovn: OVN_PROGRAMS,
};

/** A host for the engine in the world, root's or an ordinary user's. */
export async function openHost(engine: EngineName, world: World, isRoot: boolean): Promise<TestHost> {
  const namespace = world.namespaceOf('host');
  // An engine that needs no root takes no NIC from the host: there the host has made a bridge of it itself.
  const { needsRoot } = capabilitiesOf(engine);
  if (isRoot && !needsRoot) await world.bridgeTheOffice();
  const lanUplink = needsRoot ? 'lan1' : OFFICE_BRIDGE;
  const common = { enter: enterWords(namespace), isRoot, lanUplink };
  if (engine === 'ovn') return openOvnHost(common, namespace, world);
  if (engine !== 'ovs') {
    const nowhere = { OVS_RUNDIR: '/nonexistent', OVN_RUNDIR: '/nonexistent' };
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

/** As whoever set OVN up on a host has it: a bridge that holds the NIC to the office, and OVN told of it by a name. */
async function openOvnHost(
  common: Omit<TestHost, 'dump' | 'environment' | typeof Symbol.asyncDispose>,
  namespace: string,
  world: World,
): Promise<TestHost> {
  const host = await OvnHost.start({ namespace });
  await host.type(
    'ovs-vsctl add-br br-office -- set Bridge br-office datapath_type=netdev -- add-port br-office lan1; ' +
      'ovs-vsctl set Open_vSwitch . external_ids:ovn-bridge-mappings=office:br-office; ' +
      'ip address flush dev lan1; ip address add 198.51.100.2/24 dev br-office; ip link set br-office up; ' +
      // The userspace datapath has its copy of each frame; the stack would hear it a second time.
      'nft add table netdev office; nft add chain netdev office in "{ type filter hook ingress device lan1 priority 0; policy drop; }"',
  );
  await world.must('host', 'until ip -6 address show dev br-office | grep -q fe80; do sleep 0.1; done');
  const { OVS_RUNDIR, OVN_RUNDIR } = host.environment;
  return {
    ...common,
    lanUplink: 'office',
    environment: { OVS_RUNDIR, OVN_RUNDIR },
    dump: () => host.dump(),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}
