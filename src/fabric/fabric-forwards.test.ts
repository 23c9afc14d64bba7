import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FabricStage, putNetwork } from '../../test/fabric/fabric-stage.js';
import { macNumber } from '../../test/fabric/frames.js';
import type { FabricForward, FabricOperation } from './control/protocol.js';

let stage: FabricStage;
const others: Server[] = [];

beforeEach(async () => {
  stage = await FabricStage.open();
});

afterEach(async () => {
  for (const server of others.splice(0)) server.close();
  await stage.close();
});

/** A TCP port of loopback that is taken until the test ends, or only was. */
async function portOfAnother(isKept: boolean): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  if (isKept) {
    others.push(server);
  } else {
    server.close();
    await once(server, 'close');
  }
  return port;
}

const forwardTo = (listenPort: number, targetPort: number): FabricForward => ({
  id: `tcp/127.0.0.1:${listenPort}`,
  protocol: 'tcp',
  listenAddress: '127.0.0.1',
  listenPortFirst: listenPort,
  listenPortLast: listenPort,
  network: 'a',
  targetAddresses: ['10.0.0.1'],
  targetPortFirst: targetPort,
  targetPortFixed: false,
});
const put = (value: FabricForward): FabricOperation => ({ put: 'forward', value });

/** Port that a TCP SYN in a frame is for. */
function synPort(frame: Buffer): number | undefined {
  const isTcp = frame.readUInt16BE(12) === 0x0800 && frame[23] === 6;
  return isTcp && (frame[47]! & 0x12) === 0x02 ? frame.readUInt16BE(36) : undefined;
}

const isRefused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });

it('leads connections of the host to the machine, also after a change of the target', async () => {
  const m1 = await stage.boot(1);
  const port = await portOfAnother(false);
  await stage.fabric.apply([putNetwork('a', 0), stage.putPort(1), put(forwardTo(port, 80))]);
  await stage.plugged(m1);
  const first = connect(port, '127.0.0.1');
  await m1.until(({ frames }) => frames.some((frame) => synPort(frame) === 80), 'SYN');
  const syn = m1.frames.find((frame) => synPort(frame) === 80)!;
  expect(syn.readUIntBE(0, 6)).toBe(macNumber(1));
  expect(syn.subarray(30, 34).join('.')).toBe('10.0.0.1');
  await stage.fabric.apply([put(forwardTo(port, 8080))]);
  const second = connect(port, '127.0.0.1');
  await m1.until(({ frames }) => frames.some((frame) => synPort(frame) === 8080), 'SYN to the new target');
  await stage.fabric.apply([{ delete: 'forward', id: `tcp/127.0.0.1:${port}` }]);
  expect(await isRefused(port)).toBe(true);
  for (const socket of [first, second]) socket.on('error', () => undefined).destroy();
});

it('refuses the whole transaction when a port cannot be had', async () => {
  const free = await portOfAnother(false);
  const taken = await portOfAnother(true);
  await stage.fabric.apply([putNetwork('a', 0)]);
  const before = stage.fabric.configuration();
  await expect(
    stage.fabric.apply([
      putNetwork('b', 1),
      putNetwork('a', 0, { mtuBytes: 9000 }),
      stage.putPort(1),
      put(forwardTo(free, 80)),
      put(forwardTo(taken, 80)),
    ]),
  ).rejects.toMatchObject({ problems: [{ code: 'forward/listen-refused' }] });
  expect(stage.fabric.configuration()).toEqual(before);
  expect(stage.fabric.status()).toMatchObject({ ports: [], networks: [{ name: 'a' }] });
  expect(await isRefused(free)).toBe(true);
});
