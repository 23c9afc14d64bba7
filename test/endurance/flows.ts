/**
 * Opens flows through a fabric's NAT and ends them, as many as the argument says: TCP connections to servers of the
 * host's loopback, ended by FIN or reset, with a byte each way, and UDP mappings. Then the network goes.
 */
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fabric } from '../../src/fabric/fabric.js';
import { pathBetween } from '../../src/fabric/nat/ip-path.js';
import { udpPacket } from '../../src/fabric/gateway/packets.js';
import { IpProtocol } from '../../src/wire/ipv4.js';
import { readTcpHeader, sequenceAdd, TcpFlag } from '../../src/wire/tcp.js';
import { ends4, GATEWAY_MAC, GUEST_MAC, mac, network, port } from '../fabric/gateway-stage.js';
import { segmentPacket } from '../fabric/nat/segment-probe.js';
import { ScriptedGuest } from '../fabric/scripted-guest.js';
import { settledMemory, tell } from './memory.js';

const GUEST = '10.0.0.11';
const GATEWAY = '10.0.0.1';
const AT_ONCE = 128;
/** Servers, so that the host has ports enough for connections that it still waits for (TIME-WAIT). */
const SERVERS = 8;
const WARM_UP_FLOWS = 5_000;
const FIRST_GUEST_PORT = 2_000;
const GUEST_PORTS = 60_000;
/** One flow in so many is UDP. */
const UDP_EVERY = 10;

const count = Number(process.argv[2]);
const directory = await mkdtemp(join(tmpdir(), 'psl-flows-'));
const fabric = new Fabric({ stateDir: directory, version: '0', log: () => undefined });
const socketPath = join(directory, 'm.sock');
const guest = await ScriptedGuest.listen({
  socketPath,
  mac: mac(GUEST_MAC),
  gatewayMac: mac(GATEWAY_MAC),
  ipv4: GUEST,
});
const toGuest = pathBetween(GUEST, GATEWAY)!;

/** Answers with what came, and closes when the client has. */
async function echoServer(): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
const serverPorts = await Promise.all(Array.from({ length: SERVERS }, echoServer));
const udpServer = createSocket('udp4').on('message', (bytes, from) => udpServer.send(bytes, from.port));
udpServer.bind(0, '127.0.0.1');
await once(udpServer, 'listening');

let opened = 0;
let ended = 0;
let target = 0;
let done: () => void = () => undefined;

function openNext(): void {
  if (opened === target) return;
  opened += 1;
  const guestPort = FIRST_GUEST_PORT + (opened % GUEST_PORTS);
  if (opened % UDP_EVERY === 0) {
    guest.send(udpPacket(ends4(GATEWAY), guestPort, udpServer.address().port, Buffer.from('u')));
  } else {
    send(guestPort, serverPorts[opened % SERVERS]!, { sequence: guestPort, flags: TcpFlag.syn });
  }
}

function send(
  guestPort: number,
  remotePort: number,
  segment: { sequence: number; acknowledgement?: number; flags: number; payload?: Buffer },
): void {
  guest.send(segmentPacket(toGuest, guestPort, remotePort, segment));
}

function end(): void {
  ended += 1;
  if (ended === target) done();
  else openNext();
}

/** The whole life of a connection, as answers: SYN-ACK, our byte, its echo, the end. */
guest.onFrame = (frame) => {
  if (frame.readUInt16BE(12) !== 0x0800) return;
  if (frame[23] === IpProtocol.udp) return end();
  const header = readTcpHeader(frame, 34, frame.length);
  if (header === undefined) return;
  const { sourcePort: remotePort, destinationPort: guestPort, flags, sequence } = header;
  const payloadBytes = 14 + frame.readUInt16BE(16) - 34 - header.headerBytes;
  const next = sequenceAdd(guestPort, 1);
  if ((flags & TcpFlag.rst) !== 0) throw new Error(`the NAT reset ${guestPort}`);
  if ((flags & TcpFlag.syn) !== 0) {
    const acknowledgement = sequenceAdd(sequence, 1);
    const payload = Buffer.from('t');
    send(guestPort, remotePort, {
      sequence: next,
      acknowledgement,
      flags: TcpFlag.ack | TcpFlag.psh,
      payload,
    });
  } else if (payloadBytes > 0) {
    const acknowledgement = sequenceAdd(sequence, payloadBytes);
    const flag = guestPort % 2 === 0 ? TcpFlag.fin : TcpFlag.rst;
    send(guestPort, remotePort, {
      sequence: sequenceAdd(next, 1),
      acknowledgement,
      flags: TcpFlag.ack | flag,
    });
    if (flag === TcpFlag.rst) end();
  } else if ((flags & TcpFlag.fin) !== 0) {
    const acknowledgement = sequenceAdd(sequence, 1);
    send(guestPort, remotePort, { sequence: sequenceAdd(next, 2), acknowledgement, flags: TcpFlag.ack });
    end();
  }
};

/** @returns bytes held while the network stands. */
async function pass(flows: number): Promise<number> {
  await fabric.apply([
    { put: 'network', value: network({ hostLoopback: true }) },
    { put: 'port', value: port({ socketPath }) },
  ]);
  await guest.connected();
  target += flows;
  await new Promise<void>((resolve) => {
    done = resolve;
    for (let index = 0; index < AT_ONCE; index++) openNext();
  });
  while ((fabric.status().networks[0]?.flows.tcp ?? 0) > 0)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const { heldBytes } = await settledMemory();
  await fabric.apply([
    { delete: 'port', id: port().id },
    { delete: 'network', id: 'web' },
  ]);
  return heldBytes;
}

await pass(WARM_UP_FLOWS);
const before = await settledMemory();
const fullBytes = (await pass(count)) - before.heldBytes;
const after = await settledMemory();
await guest.close();
await fabric.close();
await rm(directory, { recursive: true, force: true });
tell({ before, after, fullBytes });
