import { createSocket } from 'node:dgram';
import { afterEach, expect, it } from 'vitest';
import { networkNamed } from '../../../test/fabric/fabric-stage.js';
import { eventually } from '../../../test/fabric/fake-guest.js';
import { ethernet, framed } from '../../../test/fabric/frames.js';
import { Random } from '../../../test/fabric/nat/random.js';
import { fuzz } from '../../../test/fuzz/fuzz.js';
import { writeVxlanHeader } from '../../wire/vxlan.js';
import { emptyCounters } from '../ports/counters.js';
import { FRAME_HEADER_BYTES, type FrameBatch, type Port } from '../ports/port.js';
import { Switch } from '../switch/switch.js';
import { Overlay } from './overlay.js';

/** Hosts of the test: addresses of the loopback. */
const [A, B, C] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

class Machine implements Port {
  readonly counters = emptyCounters();
  readonly frames: Buffer[] = [];
  constructor(readonly id: string) {}
  offer({ bytes }: FrameBatch, start: number, end: number): void {
    for (let position = start; position < end; ) {
      const next = position + FRAME_HEADER_BYTES + bytes.readUInt32BE(position);
      this.frames.push(Buffer.from(bytes.subarray(position + FRAME_HEADER_BYTES, next)));
      position = next;
    }
  }
  flush(): void {}
}

/** A host with one machine on network 7. */
async function host(localAddress: string, peers: readonly string[], port: number, mtuBytes = 1450) {
  const overlay = new Overlay();
  const network = networkNamed('a', 0, { mtuBytes, vxlan: { id: 7, port, localAddress, peers } });
  const segment = new Switch();
  const machine = new Machine(localAddress);
  segment.attach(machine);
  await overlay.open([network]);
  overlay.configure(network, segment);
  closing.push(() => overlay.close());
  const send = (frame: Buffer): void => {
    const bytes = framed(frame);
    segment.forward(machine, { bytes, retained: false }, 0, bytes.length);
  };
  const toPeer = (peer: string) => overlay.countersOf('a').find((tunnel) => tunnel.peer === peer)!.counters;
  return { overlay, network, segment, machine, send, toPeer };
}

/** A UDP port that is free now. */
async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, A, resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

it('floods to every peer, learns, and hands nothing from tunnel to tunnel', async () => {
  const port = await freeUdpPort();
  const [a, b, c] = [
    await host(A, [B, C], port),
    // They know nothing of each other, so that only A could pass anything on.
    await host(B, [A], port),
    await host(C, [A], port),
  ];
  const hello = ethernet(0x88b5, Buffer.from('hello'), 0xb);
  b.send(hello);
  await eventually(() => a.machine.frames.length === 1, 'frame');
  const back = ethernet(0x88b5, Buffer.from('back'), 0xa, 0xb);
  a.send(back);
  await eventually(() => b.machine.frames.length === 1, 'frame');
  expect(a.machine.frames).toEqual([hello]);
  expect(b.machine.frames).toEqual([back]);
  expect(c.machine.frames).toEqual([]);
  expect([a.toPeer(B).txFrames, a.toPeer(C).txFrames]).toEqual([1, 0]);
  a.send(ethernet(0x88b5, Buffer.from('all'), 0xa));
  await eventually(() => b.machine.frames.length === 2 && c.machine.frames.length === 1, 'flood');
});

it('takes frames up to the MTU and a VLAN tag, and no runts', async () => {
  const port = await freeUdpPort();
  const [a, b] = [await host(A, [B], port, 1000), await host(B, [A], port, 9000)];
  const [fits, large, runt] = [18 + 1000, 18 + 1001, 13].map((size) => Buffer.alloc(size, 1));
  for (const frame of [large!, runt!, fits!])
    b.send(Buffer.from([...Buffer.alloc(6, 0xff), ...frame.subarray(6)]));
  await eventually(() => a.machine.frames.length === 1, 'frame');
  expect(a.machine.frames[0]).toHaveLength(1018);
  expect(Object.fromEntries(a.toPeer(B).drops)).toEqual({ oversized: 1, runt: 1 });
});

it('changes only what differs, and lets go of sockets that nothing uses', async () => {
  const port = await freeUdpPort();
  const a = await host(A, [B, C], port);
  const [b] = a.overlay.countersOf('a');
  const vxlan = { ...a.network.vxlan!, peers: [B] };
  a.overlay.configure({ ...a.network, vxlan }, a.segment);
  expect(a.overlay.countersOf('a').map(({ counters }) => counters)).toEqual([b!.counters]);
  expect(a.overlay.countersOf('a')[0]!.counters).toBe(b!.counters);
  const { vxlan: _, ...without } = a.network;
  a.overlay.configure(without, a.segment);
  a.overlay.closeIdle();
  // The port is free for another.
  const other = await host(A, [B], port);
  expect(other.overlay.countersOf('a')).toHaveLength(1);
  await expect(host(A, [B], port)).rejects.toMatchObject({ problems: [{ code: 'fabric/vxlan-refused' }] });
});

fuzz('survives any datagram of a peer', [1], async (seed) => {
  const random = new Random(seed);
  const port = await freeUdpPort();
  const a = await host(A, [B], port);
  const peer = createSocket('udp4');
  closing.push(() => peer.close());
  await new Promise<void>((resolve) => peer.bind(0, B, resolve));
  for (let round = 0; round < 200; round++) {
    const datagram = random.bytes(random.integer(0, 60));
    if (datagram.length >= 8 && random.chance(0.8)) writeVxlanHeader(datagram, 0, 7);
    peer.send(datagram, port, A);
  }
  const last = Buffer.alloc(30, 0xff);
  writeVxlanHeader(last, 0, 7);
  peer.send(last, port, A);
  await eventually(() => a.machine.frames.at(-1)?.equals(last.subarray(8)) === true, 'last datagram');
  for (const close of closing.splice(0)) close();
});
