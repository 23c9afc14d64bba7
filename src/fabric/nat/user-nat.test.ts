import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TcpFlag } from '../../wire/tcp.js';
import { systemClock } from './clock.js';
import { ModelGuest } from '../../../test/fabric/nat/model-guest.js';
import { Random } from '../../../test/fabric/nat/random.js';
import { GUEST_MAC, NETWORK, RecordedLink } from '../../../test/fabric/nat/recorded-link.js';
import { UserNat } from './user-nat.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A real server on the loopback, which the guest reaches at its gateway's address. */
async function serve(accept: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    closing.push(() => void socket.destroy());
    accept(socket);
  });
  closing.push(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function setUp(remotePort: number, bufferBytes = 1 << 20) {
  const nat = new UserNat();
  closing.push(() => nat.close());
  const network = { ...NETWORK, hostLoopback: true };
  const link = new RecordedLink(({ packet }) => void setImmediate(() => guest.receive(packet)), network);
  const guest: ModelGuest = new ModelGuest({
    clock: systemClock,
    remote: '10.0.0.1',
    remotePort,
    mssBytes: 1460,
    windowScale: 7,
    bufferBytes,
    send: (packet) =>
      void setImmediate(() => {
        nat.receive(link, packet, 0, packet.length, GUEST_MAC);
        nat.endOfBatch(link);
        link.flush();
      }),
  });
  guest.connect();
  return { nat, link, guest };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('connections to real sockets', () => {
  it('carry bytes both ways and close on both sides', async () => {
    const random = new Random(2);
    const [upload, download] = [random.bytes(400_000), random.bytes(400_000)];
    const received: Buffer[] = [];
    const port = await serve((socket) => {
      socket.on('data', (chunk) => received.push(chunk));
      // Half-close: the answer only begins when everything is there.
      socket.on('end', () => socket.end(download));
    });
    const { nat, guest } = setUp(port);
    guest.write(upload);
    guest.close();
    await until(() => guest.done);
    expect(Buffer.concat(received).equals(upload)).toBe(true);
    expect(guest.receivedBytes.equals(download)).toBe(true);
    expect(guest.violations).toEqual([]);
    await until(() => nat.flowCounts('web').tcp === 0);
  });

  it('are refused like the port behind them', async () => {
    const port = await serve(() => undefined);
    closing.splice(0).forEach((close) => close());
    const { nat, guest } = setUp(port);
    await until(() => guest.state === 'reset');
    expect(nat.flowCounts('web').tcp).toBe(0);
  });

  it('pass resets on, both ways', async () => {
    const seen: string[] = [];
    const port = await serve((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code ?? ''));
      socket.on('end', () => seen.push('end'));
      socket.on('data', (chunk) => {
        if (chunk.toString() === 'reset me') socket.resetAndDestroy();
      });
    });
    const first = setUp(port);
    first.guest.write(Buffer.from('reset me'));
    await until(() => first.guest.state === 'reset');
    const second = setUp(port);
    await until(() => second.guest.state === 'open');
    second.guest.abort();
    await until(() => seen.length > 0);
    expect(seen).toEqual(['ECONNRESET']);
    await until(() => second.nat.flowCounts('web').tcp === 0);
  });

  it('make the guest wait for a server that does not read, and keep little meanwhile', async () => {
    let served: Socket | undefined;
    const port = await serve((socket) => {
      socket.pause();
      served = socket;
    });
    const { guest } = setUp(port);
    const upload = Buffer.alloc(12_000_000, 3);
    guest.write(upload);
    guest.close();
    // What the kernel and the NAT hold is a few megabytes at most.
    let last = -1;
    while (guest.acknowledgedBytes !== last || last <= 0) {
      last = guest.acknowledgedBytes;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(guest.acknowledgedBytes).toBeLessThan(upload.length);
    let read = 0;
    served?.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    served?.resume();
    await until(() => read === upload.length);
    expect(guest.violations).toEqual([]);
  });

  it('do not read a server faster than the guest', async () => {
    let served: Socket | undefined;
    const download = Buffer.alloc(12_000_000, 4);
    const port = await serve((socket) => {
      served = socket;
      socket.write(download);
    });
    const { guest } = setUp(port, 0);
    await until(() => guest.state === 'open' && served !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(served?.writableLength).toBeGreaterThan(0);
    expect(guest.receivedBytes.length).toBeLessThan(10);
  });
});

describe('services inside the fabric', () => {
  it('end connections to the gateway on their port, half-close included', async () => {
    const { nat, link, guest } = setUp(53);
    link.network = NETWORK;
    const clients: unknown[] = [];
    nat.registerLocalTcp(53, (stream, client) => {
      clients.push(client);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => stream.end(Buffer.concat([Buffer.from('answer to '), ...chunks])));
    });
    guest.write(Buffer.alloc(100_000, 'q'));
    guest.close();
    await until(() => guest.done);
    expect(guest.receivedBytes.toString()).toBe(`answer to ${'q'.repeat(100_000)}`);
    expect(guest.violations).toEqual([]);
    expect(clients).toEqual([{ network: 'web', address: '10.0.0.2', port: 40_000 }]);
  });

  it('are reset with their client, and reset it', async () => {
    const { nat, link, guest } = setUp(53);
    link.network = NETWORK;
    let gone = false;
    nat.registerLocalTcp(53, (stream) =>
      stream.on('close', () => (gone = true)).on('error', () => undefined),
    );
    await until(() => guest.state === 'open');
    guest.abort();
    await until(() => gone);
    const second = setUp(53);
    second.nat.registerLocalTcp(53, (stream) => stream.destroy());
    await until(() => second.guest.state === 'reset');
    expect(second.nat.flowCounts('web').tcp).toBe(0);
  });

  it('answer where the gateway asks for local delivery, and only what is theirs', () => {
    const nat = new UserNat();
    const packets: Buffer[] = [];
    const link = new RecordedLink(({ packet }) => packets.push(packet));
    nat.registerLocalTcp(53, () => undefined);
    const local = (remotePort: number) => {
      const sent: Buffer[] = [];
      const guest = new ModelGuest({
        clock: systemClock,
        remote: '10.0.0.1',
        remotePort,
        send: (packet) => sent.push(packet),
      });
      guest.connect();
      closing.push(() => guest.abort());
      return nat.receiveLocal(link, sent[0]!, 0, sent[0]!.length, GUEST_MAC);
    };
    expect([local(53), local(54)]).toEqual([true, false]);
    expect(nat.flowCounts('web').tcp).toBe(1);
    nat.close();
  });
});

describe('guests', () => {
  it('are forgotten with what they left open on the host, when they are unplugged', async () => {
    let closed = false;
    const port = await serve((socket) => void socket.once('close', () => (closed = true)));
    const { nat, guest } = setUp(port);
    await until(() => guest.state === 'open');
    nat.forgetGuest('web', GUEST_MAC + 1);
    nat.forgetGuest('other', GUEST_MAC);
    expect(nat.flowCounts('web').tcp).toBe(1);
    nat.forgetGuest('web', GUEST_MAC);
    expect(nat.flowCounts('web').tcp).toBe(0);
    await until(() => closed);
  });
});

describe('networks', () => {
  it('are forgotten with their flows, each by itself', async () => {
    const { nat, link, guest } = setUp(await serve(() => undefined));
    const other = new RecordedLink(() => undefined, { ...NETWORK, name: 'other' });
    await until(() => guest.state === 'open');
    const syn: Buffer[] = [];
    const second = new ModelGuest({ clock: systemClock, send: (packet) => syn.push(packet) });
    second.connect();
    second.abort();
    const dialled: string[] = [];
    const quiet = new UserNat({
      dialTcp: (target) => {
        dialled.push(target.address);
        return { write: () => true, end() {}, reset() {}, keepAlive() {}, resume() {} };
      },
    });
    for (const each of [link, other]) quiet.receive(each, syn[0]!, 0, syn[0]!.length, GUEST_MAC);
    expect([quiet.flowCounts('web').tcp, quiet.flowCounts('other').tcp]).toEqual([1, 1]);
    quiet.forget('web');
    expect([quiet.flowCounts('web').tcp, quiet.flowCounts('other').tcp]).toEqual([0, 1]);
    expect(dialled).toEqual(['203.0.113.5', '203.0.113.5']);
    quiet.close();
    nat.forget('web');
    guest.inject(guest.nextSequence(), TcpFlag.ack);
    await until(() => guest.state === 'reset');
  });
});
