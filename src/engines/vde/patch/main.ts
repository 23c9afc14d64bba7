/**
 * A patch panel: makes a port of a VDE switch look like a QEMU that listens (`-netdev stream,server=on`), for who dials
 * such sockets: `vde_plug vde://SWITCH[PORT] = node main.js SOCKET`.
 *
 * Theory of operation. Standard input and output carry frames as vde_plug frames them, the socket carries the same frames
 * as QEMU does. One peer at a time; a new one takes the place of the old one. Frames for which nobody is there are
 * dropped. A side that does not take what comes stops the other side being read, so nothing is queued beyond a read and
 * what a pipe holds. Ends when its standard input does: with the cable, which ends with the switch.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import {
  encodeEvenFrame,
  encodeStreamFrame,
  QEMU_FRAMING,
  StreamFrameReader,
} from '../../../wire/vde-stream.js';

function main(socketPath: string): void {
  process.umask(0o077);
  let peer: Socket | undefined;
  const end = (): void => {
    rmSync(socketPath, { force: true });
    process.exit(0);
  };

  // process.stdout would block on a full pipe, and vde_plug on another one, each waiting for the other.
  const toSwitch = new Socket({ fd: 1, readable: false, writable: true });
  toSwitch.on('drain', () => peer?.resume());
  toSwitch.on('error', end);
  toSwitch.on('close', end);
  const forPeer: Buffer[] = [];
  const fromSwitch = new StreamFrameReader((frame) => forPeer.push(encodeStreamFrame(frame, QEMU_FRAMING)));
  process.stdin.on('data', (chunk: Buffer) => {
    if (!fromSwitch.push(chunk)) end();
    const frames = forPeer.splice(0);
    if (peer === undefined || frames.length === 0) return;
    if (!peer.write(Buffer.concat(frames))) process.stdin.pause();
  });
  process.stdin.on('end', end);
  process.stdin.on('error', end);

  const server = createServer((socket) => {
    peer?.destroy();
    peer = socket;
    // What waited for the last one.
    process.stdin.resume();
    const forSwitch: Buffer[] = [];
    const reader = new StreamFrameReader((frame) => {
      const framed = encodeEvenFrame(frame);
      if (framed !== undefined) forSwitch.push(framed);
    }, QEMU_FRAMING);
    socket.on('data', (chunk: Buffer) => {
      if (!reader.push(chunk)) socket.destroy();
      const frames = forSwitch.splice(0);
      if (frames.length > 0 && !toSwitch.write(Buffer.concat(frames))) socket.pause();
    });
    socket.on('drain', () => process.stdin.resume());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (peer !== socket) return;
      peer = undefined;
      process.stdin.resume();
    });
  });
  rmSync(socketPath, { force: true });
  server.listen(socketPath, () => chmodSync(socketPath, 0o600));
  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}

const [socketPath] = process.argv.slice(2);
if (socketPath === undefined) {
  process.stderr.write('usage: vde_plug vde://SWITCH = node main.js SOCKET\n');
  process.exitCode = 2;
} else {
  main(socketPath);
}
