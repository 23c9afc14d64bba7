/** Memory resident in the fabric: idle, for each idle guest, for each open TCP flow. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { benchmark } from './benchmark.js';
import { kibibytes } from './report/quantity.js';
import { tell } from './report/progress.js';
import { median } from './rounds.js';
import {
  addressOf,
  GATEWAY_ADDRESS,
  macOf,
  PREFIX_LENGTH,
  putNetwork,
  putPort,
  type RunningFabric,
  startFabric,
} from './stage/fabric.js';
import { plugIdleGuests } from './stage/idle-guests.js';
import { addNamespace, configureTap, plugTap } from './stage/namespaces.js';
import { requireSandbox } from './stage/sandbox.js';
import { nativeProgram } from './stage/native.js';
import { startProcess, waitForOutput } from './stage/processes.js';
import type { Scope } from './stage/scope.js';

const PORTS = 200;
const FLOWS = 1000;
const ECHO_PORT = '7007';
/** For garbage to be collected and timers to pass. */
const SETTLE_MS = 2_000;

await benchmark(
  'Memory of the fabric',
  { limitSeconds: 120 },
  async ({ scope, directory, runs, ...report }) => {
    requireSandbox();
    const idleBytes: number[] = [];
    const portBytes: number[] = [];
    const flowBytes: number[] = [];
    for (let run = 0; run < runs; run++) {
      const place = await mkdtemp(join(directory, 'r'));
      await scope.within(async (inner) => {
        const fabric = await startFabric(inner, place);
        await fabric.apply(putNetwork({ mode: 'nat', mtuBytes: 1500, dhcp: true }));
        const before = await settled(fabric);
        idleBytes.push(before);
        await plugIdleGuests(inner, fabric, 1, PORTS);
        portBytes.push(((await settled(fabric)) - before) / PORTS);
      });
      await scope.within(async (inner) => {
        const fabric = await startFabric(inner, await mkdtemp(join(directory, 'r')));
        flowBytes.push(await bytesOfFlow(inner, fabric));
      });
      tell(
        `run ${run + 1}: ${[idleBytes, portBytes, flowBytes].map((list) => kibibytes(list.at(-1) ?? 0)).join(', ')}`,
      );
    }
    report.text('Resident size of the fabric’s process, as it tells it in `status`.');
    report.table(
      ['', 'memory'],
      [
        ['idle, one nat network, no guest', kibibytes(median(idleBytes))],
        [`each of ${PORTS} connected guests that sent one packet`, kibibytes(median(portBytes))],
        [`each of ${FLOWS} open TCP flows that carried a byte each way`, kibibytes(median(flowBytes))],
      ],
    );
  },
);

async function settled(fabric: RunningFabric): Promise<number> {
  await delay(SETTLE_MS);
  return fabric.residentBytes();
}

async function bytesOfFlow(scope: Scope, fabric: RunningFabric): Promise<number> {
  const guest = await addNamespace(scope, 'guest');
  const load = await nativeProgram(scope, 'tcp-load');
  const socketPath = fabric.socketPath(1);
  await plugTap(scope, guest, { socketPath, dials: false });
  const address = `${addressOf(1)}/${PREFIX_LENGTH}`;
  await configureTap(scope, guest, { mac: macOf(1), mtuBytes: 1500, address, gateway: GATEWAY_ADDRESS });
  await fabric.apply(putNetwork({ mode: 'nat', mtuBytes: 1500 }), putPort(1, socketPath));
  await fabric.connected();
  await waitForOutput(scope, startProcess(scope, [load, 'serve', '127.0.0.1', ECHO_PORT]), 'serving');

  const hold = async (inner: Scope, count: number): Promise<number> => {
    const flows = startProcess(
      inner,
      guest.within([load, 'hold', GATEWAY_ADDRESS, ECHO_PORT, String(count)]),
    );
    await waitForOutput(inner, flows, `${count}\n`, 20_000);
    const { networks } = await fabric.client.call('status', {});
    const open = networks[0]?.flows.tcp ?? 0;
    if (open < count) throw new Error(`${open} of ${count} flows are open`);
    return settled(fabric);
  };
  // One flow first, so that what is compiled and allocated once is not counted.
  const before = await scope.within((inner) => hold(inner, 1));
  const after = await scope.within((inner) => hold(inner, FLOWS));
  return (after - before) / FLOWS;
}
