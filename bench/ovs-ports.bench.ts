/**
 * A thousand ports of Open vSwitch: as the engine adds them (one transaction of OVSDB), against ovs-vsctl called once a
 * port and against one ovs-vsctl with a thousand commands. All add the same taps, made beforehand, to a bridge of the
 * userspace datapath, and are done when ovs-vswitchd has taken them in. Then what the whole engine takes.
 */
import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { OvsdbDatabase } from '../src/clients/ovsdb/database.js';
import { createOvsEngine } from '../src/engines/ovs/ovs-engine.js';
import type { PortProperties } from '../src/engines/ovs/resources.js';
import { SCHEMA_NEEDS } from '../src/engines/ovs/database/columns.js';
import { RowWork } from '../src/engines/ovs/database/rows.js';
import { diff } from '../src/plan/diff.js';
import { OvsHost } from '../test/conformance/ovs/ovs-host.js';
import { network, nic, subnets, topology } from '../test/conformance/ovs/topologies.js';
import { benchmark } from './benchmark.js';
import { milliseconds, ratio } from './report/quantity.js';
import { tell } from './report/progress.js';
import { median } from './rounds.js';
import { requireSandbox } from './stage/sandbox.js';
import type { Scope } from './stage/scope.js';
import { commit } from '../src/engines/open-vswitch/commit.js';

const execute = promisify(execFile);
const PORTS = 1000;
/** Calls of ovs-vsctl that are measured: half while the bridge is empty, half when it is nearly full. */
const SAMPLED_CALLS = 50;
const BRIDGE = 'bench0';
const STANDING = {
  bridgeUuid: () => undefined,
  portUuid: () => undefined,
  mirrorUuid: () => undefined,
  mirrors: [],
  memberUuids: () => new Map<string, string>(),
  qosUuid: () => undefined,
};

const devices = Array.from({ length: PORTS }, (_, index) => `bt${index}`);

async function startHost(scope: Scope): Promise<OvsHost> {
  const host = await OvsHost.start();
  scope.defer(async () => host[Symbol.asyncDispose]());
  return host;
}

/** A bridge without ports, and the taps to be added. */
async function layOut(scope: Scope): Promise<OvsHost> {
  const host = await startHost(scope);
  await host.type(`ovs-vsctl add-br ${BRIDGE} -- set Bridge ${BRIDGE} datapath_type=netdev`);
  await host.type(
    `for i in $(seq 0 ${PORTS - 1}); do echo "tuntap add dev bt$i mode tap"; done | ip -batch -`,
  );
  return host;
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await task();
  return performance.now() - startedAt;
}

function port(device: string): PortProperties {
  return { bridge: BRIDGE, device, namespace: null, isIsolated: false, isAttached: true };
}

/** Called without a detour: its socket is reached from any namespace. */
async function vsctl(host: OvsHost, words: readonly string[]): Promise<unknown> {
  return execute('ovs-vsctl', words, { env: host.environment });
}

/** The words of ovs-vsctl that add a port and mark it. */
function additionOf(device: string): string {
  return `add-port ${BRIDGE} ${device} -- set Interface ${device} external_ids:passerelle-resource=port/${device}/0`;
}

async function oneTransaction(scope: Scope): Promise<number> {
  const host = await layOut(scope);
  return timed(async () => {
    const database = await OvsdbDatabase.open(host.remote, 'Open_vSwitch', SCHEMA_NEEDS, scope.signal);
    const work = new RowWork('bench', STANDING);
    for (const device of devices) work.createPort(`ovs/port/${device}/0`, port(device));
    await commit(database, work.operations(), { bridges: [BRIDGE], interfaces: devices }, scope.signal);
    database.close();
  });
}

async function oneBigCommand(scope: Scope): Promise<number> {
  const host = await layOut(scope);
  const words = devices.map(additionOf).join(' -- ').split(' ');
  return timed(async () => vsctl(host, words));
}

/** @returns the time that all the calls would take. */
async function manyCalls(scope: Scope): Promise<number> {
  const host = await layOut(scope);
  const half = SAMPLED_CALLS / 2;
  const add = async (device: string) => vsctl(host, additionOf(device).split(' '));
  const callOver = async (some: readonly string[]) =>
    timed(async () => {
      for (const device of some) await add(device);
    });
  const empty = await callOver(devices.slice(0, half));
  const middle = devices.slice(half, -half).map(additionOf).join(' -- ');
  await host.run('ovs-vsctl', ...middle.split(' '));
  const full = await callOver(devices.slice(-half));
  tell(`ovs-vsctl: ${(empty / half).toFixed(1)} ms a call at first, ${(full / half).toFixed(1)} ms at last`);
  return ((empty + full) / SAMPLED_CALLS) * PORTS;
}

/** The whole engine on a network of a thousand guarded NICs. */
async function wholeEngine(scope: Scope): Promise<{ up: number; plan: number; down: number }> {
  const host = await startHost(scope);
  const project = 'bench';
  const places = { runDir: `${host.directory}/run`, stateDir: `${host.directory}/state` };
  const engine = createOvsEngine({ project, places }, host.seenByEngine);
  const web = network(project, 'web', 'nat', {
    ...subnets(77),
    ipv4: { address: '10.77.0.0', prefixLength: 20, gateway: '10.77.0.1' },
  });
  const nics = devices.map((_, index) =>
    nic(project, `m${index}`, 0, web, {
      ipv4: `10.77.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`,
      ipv6: `fd00:77::1:${index.toString(16)}`,
    }),
  );
  const desired = engine.desire(topology(project, [web], nics));
  const toDesired = async (wanted: typeof desired) => {
    const changes = diff(wanted, await engine.observe(scope.signal), (before, after, changed) =>
      engine.updatesInPlace(before, after, changed),
    );
    if (changes.length > 0) await engine.execute(changes, scope.signal);
    return changes.length;
  };
  const up = await timed(async () => toDesired(desired));
  const plan = await timed(async () => {
    const left = await toDesired(desired);
    if (left > 0) throw new Error(`${left} changes are left`);
  });
  const down = await timed(async () => toDesired([]));
  return { up, plan, down };
}

await benchmark(`Open vSwitch: ${PORTS} ports`, { limitSeconds: 400 }, async ({ scope, runs, ...report }) => {
  requireSandbox();
  const contenders = [
    ['one transaction (passerelle)', oneTransaction],
    ['one ovs-vsctl', oneBigCommand],
    [`${PORTS} ovs-vsctl calls*`, manyCalls],
  ] as const;
  const times = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const [name, measure] of contenders) {
      const time = await scope.within(measure);
      tell(`${name}, run ${run + 1}: ${milliseconds(time)}`);
      times.get(name)!.push(time);
    }
  }
  const ours = median(times.get(contenders[0][0])!);
  report.table(
    ['adding the ports', 'time', 'against ours'],
    contenders.map(([name]) => {
      const time = median(times.get(name)!);
      return [name, milliseconds(time), name === contenders[0][0] ? '' : ratio(time, ours)];
    }),
  );
  const engine = await scope.within(wholeEngine);
  report.table(
    [`the engine, ${PORTS} NICs with anti-spoofing`, 'time'],
    [
      ['up: taps, switch, flows, gateway, DHCP', milliseconds(engine.up)],
      ['plan with nothing to do', milliseconds(engine.plan)],
      ['down', milliseconds(engine.down)],
    ],
  );
  report.notes([
    `*${SAMPLED_CALLS} calls measured, half on an empty and half on a nearly full bridge, times ${PORTS / SAMPLED_CALLS}`,
    'all wait until ovs-vswitchd has taken the ports in; userspace datapath, taps made beforehand',
  ]);
});
