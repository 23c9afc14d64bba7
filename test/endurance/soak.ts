/**
 * Mixed load on a real fabric process for as many seconds as the argument says: two machines that stay and send each
 * other numbered frames, machines that join, exchange bytes with the host over TCP and UDP, and leave, and one that is
 * hostile. Tells what was lost, and the fabric's memory over time.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FabricPort } from '../../src/fabric/control/protocol.js';
import { udpPacket } from '../../src/fabric/gateway/packets.js';
import { systemClock } from '../../src/fabric/nat/clock.js';
import { IpProtocol } from '../../src/wire/ipv4.js';
import { FabricProcess } from '../fabric/fabric-process.js';
import { ethernet, macNumber, macOf } from '../fabric/frames.js';
import { ends4, GATEWAY_MAC, mac, network } from '../fabric/gateway-stage.js';
import { hostileFrame } from '../fabric/hostile-frames.js';
import { ModelGuest } from '../fabric/nat/model-guest.js';
import { Random } from '../fabric/nat/random.js';
import { ScriptedGuest } from '../fabric/scripted-guest.js';
import { tell } from './memory.js';
import type { SoakReport } from './soak-report.js';

const GATEWAY = '10.0.0.1';
const VISITORS = 6;
const STEADY_FRAMES_PER_TICK = 20;
const TICK_MS = 10;
const SAMPLE_MS = 1_000;

const seconds = Number(process.argv[2]);
const random = new Random(Number(process.env['FUZZ_SEED'] ?? 1));
const directory = await mkdtemp(join(tmpdir(), 'psl-soak-'));
const fabric = await FabricProcess.start({ directory });
const report: SoakReport = {
  residentBytes: [],
  visits: 0,
  tcpBytes: 0,
  datagrams: 0,
  framesSent: 0,
  framesLost: 0,
  hostileFrames: 0,
  failures: [],
};
/** The load ends, and what is under way is finished. */
const over = AbortSignal.timeout(seconds * 1000);

const echo = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.pipe(socket);
});
echo.listen(0, '127.0.0.1');
await once(echo, 'listening');
const { port: echoPort } = echo.address() as AddressInfo;
const udpEcho = createSocket('udp4').on('message', (bytes, from) => udpEcho.send(bytes, from.port));
udpEcho.bind(0, '127.0.0.1');
await once(udpEcho, 'listening');

await fabric.apply({ put: 'network', value: network({ hostLoopback: true }) });

async function joinWeb(index: number, more: Partial<FabricPort> = {}): Promise<ScriptedGuest> {
  const socketPath = join(directory, `m${index}.sock`);
  const ipv4 = `10.0.0.${index}`;
  const settings = { socketPath, mac: macNumber(index), gatewayMac: mac(GATEWAY_MAC), ipv4 };
  const guest = await ScriptedGuest.listen(settings);
  const identity = { id: `m${index}/0`, network: 'web', machine: `m${index}`, mac: macOf(index), ipv4 };
  await fabric.apply({ put: 'port', value: { ...identity, antiSpoofing: true, socketPath, ...more } });
  await guest.connected();
  return guest;
}

async function leave(index: number, guest: ScriptedGuest): Promise<void> {
  await fabric.apply({ delete: 'port', id: `m${index}/0` });
  await guest.close();
}

/** Numbered frames from one to the other; what does not arrive in order is lost. */
async function steady(): Promise<void> {
  const [from, to] = [await joinWeb(10), await joinWeb(11)];
  await fabric.connected();
  let expected = 0;
  to.onFrame = (frame) => {
    if (frame.readUInt16BE(12) !== 0x88b5) return;
    const number = frame.readUInt32BE(14);
    report.framesLost += Math.abs(number - expected);
    expected = number + 1;
  };
  from.onFrame = () => undefined;
  while (!over.aborted) {
    const frames = Array.from({ length: STEADY_FRAMES_PER_TICK }, () => {
      const payload = Buffer.alloc(random.integer(46, 1400));
      payload.writeUInt32BE(report.framesSent++);
      return ethernet(0x88b5, payload, macNumber(10), macNumber(11));
    });
    if (!from.sendFrame(...frames)) await from.drained();
    await delay(TICK_MS);
  }
  const deadlineMs = Date.now() + 5_000;
  const isThere = (): boolean => expected === report.framesSent;
  while (!isThere() && Date.now() < deadlineMs) await delay(TICK_MS);
  report.framesLost += report.framesSent - expected;
}

/** One visit: bytes there and back over TCP, datagrams there and back, then away. */
async function visit(index: number): Promise<void> {
  const guest = await joinWeb(index);
  const payload = random.bytes(random.integer(1, 60_000));
  const port = random.integer(20_000, 50_000);
  const tcp = new ModelGuest({
    clock: systemClock,
    send: (packet) => void guest.send(packet),
    address: `10.0.0.${index}`,
    remote: GATEWAY,
    remotePort: echoPort,
    port,
    mssBytes: 1460,
    windowScale: 7,
    bufferBytes: 200_000,
  });
  let datagrams = 0;
  guest.onFrame = (frame) => {
    if (frame.readUInt16BE(12) !== 0x0800) return;
    const packet = frame.subarray(14, 14 + frame.readUInt16BE(16));
    if (packet[9] === IpProtocol.udp) datagrams += 1;
    else if (packet[9] === IpProtocol.tcp && packet.readUInt16BE(22) === port) tcp.receive(packet);
  };
  tcp.connect();
  tcp.write(payload);
  tcp.close();
  const asked = random.integer(1, 10);
  for (let count = 0; count < asked; count++) {
    guest.send(
      udpPacket(ends4(GATEWAY, `10.0.0.${index}`), port + count, udpEcho.address().port, Buffer.from('u')),
    );
  }
  const deadlineMs = Date.now() + 20_000;
  const isDone = (): boolean => tcp.done && datagrams === asked;
  while (!isDone() && Date.now() < deadlineMs) await delay(5);
  const problems = [
    ...tcp.violations,
    ...(tcp.done && tcp.receivedBytes.equals(payload)
      ? []
      : [`TCP: ${tcp.receivedCount} of ${payload.length} bytes, ${tcp.state}`]),
    ...(datagrams === asked ? [] : [`UDP: ${datagrams} of ${asked}`]),
  ];
  report.failures.push(...problems.map((problem) => `visit ${report.visits}: ${problem}`));
  report.visits += 1;
  report.tcpBytes += tcp.receivedCount;
  report.datagrams += datagrams;
  await leave(index, guest);
}

async function visitors(index: number): Promise<void> {
  while (!over.aborted) await visit(index);
}

async function hostile(): Promise<void> {
  const guest = await joinWeb(99, { mac: '52:54:00:aa:bb:01', ipv4: '10.0.0.99' });
  guest.onFrame = () => undefined;
  while (!over.aborted) {
    for (let count = 0; count < 20; count++) guest.sendFrame(hostileFrame(random));
    report.hostileFrames += 20;
    await guest.drained();
    await delay(TICK_MS);
  }
}

async function sampled(): Promise<void> {
  while (!over.aborted) {
    await delay(SAMPLE_MS);
    report.residentBytes.push((await fabric.status()).residentBytes);
  }
}

await Promise.all([
  steady(),
  hostile(),
  sampled(),
  ...Array.from({ length: VISITORS }, (_, index) => visitors(20 + index)),
]);
await fabric.kill('SIGTERM');
await rm(directory, { recursive: true, force: true });
tell(report);
