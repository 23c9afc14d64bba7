import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { PasserelleError } from '../../../errors.js';
import { TcpFlag } from '../../../wire/tcp.js';
import { pathBetween } from '../ip-path.js';
import {
  closeAll,
  dial,
  ending,
  freePair,
  freePort,
  opened,
  setUp,
  until,
} from '../../../../test/fabric/nat/forward-lab.js';
import { forwardTo } from '../../../../test/fabric/nat/forwarded-guest.js';
import { Random } from '../../../../test/fabric/nat/random.js';
import { segmentPacket } from '../../../../test/fabric/nat/segment-probe.js';

afterEach(closeAll);

describe('TCP forwards', () => {
  it('carry bytes and both ends of a connection to the machine', async () => {
    const lab = setUp();
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ listenPortFirst: port }), lab.link);
    lab.guest.listen();
    const client = dial(port);
    const random = new Random(1);
    const [upload, download] = [random.bytes(300_000), random.bytes(300_000)];
    const received: Buffer[] = [];
    client.on('data', (chunk) => received.push(chunk));
    client.end(upload);
    await until(() => lab.guest.finReceived);
    expect(lab.guest.receivedBytes.equals(upload)).toBe(true);
    lab.guest.write(download);
    lab.guest.close();
    await once(client, 'end');
    expect(Buffer.concat(received).equals(download)).toBe(true);
    expect(lab.guest.violations).toEqual([]);
    // The client is on the loopback, which the guest could not answer: it sees the gateway.
    expect(lab.guest.peer).toBe(`10.0.0.1:${client.localPort ?? lab.guest.peer.split(':')[1]}`);
  });

  it('reset the client when the machine refuses', async () => {
    const lab = setUp();
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ listenPortFirst: port }), lab.link);
    lab.attentive = false;
    const client = dial(port);
    await until(() => lab.packets.length > 0);
    const syn = lab.packets[0]!;
    lab.inject(resetFor(syn));
    expect(await ending(client)).toBe('ECONNRESET');
    await until(() => lab.nat.flowCounts('web').tcp === 0);
  });

  it('reset the client when the machine is absent', async () => {
    const lab = setUp();
    lab.link.neighbours.clear();
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ listenPortFirst: port }), lab.link);
    expect(await ending(dial(port))).toBe('ECONNRESET');
  });

  it('reset the machine when the client resets', async () => {
    const lab = setUp();
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ listenPortFirst: port }), lab.link);
    lab.guest.listen();
    const client = dial(port);
    await until(() => lab.guest.state === 'open');
    client.resetAndDestroy();
    await until(() => lab.guest.state === 'reset');
    expect(lab.nat.flowCounts('web').tcp).toBe(0);
  });

  it('lead each port of a range to its own, or all to one', async () => {
    for (const [targetPortFixed, step] of [
      [false, 1],
      [true, 0],
    ] as const) {
      const lab = setUp();
      const first = await freePair();
      const range = { listenPortFirst: first, listenPortLast: first + 1, targetPortFixed };
      await lab.nat.putForward(forwardTo(range), lab.link);
      dial(first + 1);
      await until(() => lab.packets.length > 0);
      expect(lab.packets[0]!.readUInt16BE(22)).toBe(8080 + step);
      expect(lab.packets[0]![33]).toBe(TcpFlag.syn);
    }
  });

  it('refuse a port that is taken, all of a range or nothing', async () => {
    const lab = setUp();
    const first = await freePair();
    const blocker = createServer().listen(first + 1, '127.0.0.1');
    await once(blocker, 'listening');
    opened.push({ destroy: () => void blocker.close() });
    const range = forwardTo({ listenPortFirst: first, listenPortLast: first + 1 });
    const refused = await lab.nat.putForward(range, lab.link).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PasserelleError);
    expect((refused as PasserelleError).problems).toMatchObject([
      {
        code: 'forward/listen-refused',
        message: `tcp port ${first + 1} on 127.0.0.1 is taken by another program`,
      },
    ]);
    expect(lab.nat.forwards).toEqual([]);
    expect(await ending(dial(first))).toBe('ECONNREFUSED');
  });

  it('refuse an address that the host does not have', async () => {
    const lab = setUp();
    const elsewhere = forwardTo({ listenPortFirst: 4000, listenAddress: '203.0.113.77' });
    await expect(lab.nat.putForward(elsewhere, lab.link)).rejects.toMatchObject({
      problems: [{ code: 'forward/listen-refused', fix: expect.stringContaining('ip address') as string }],
    });
  });

  it('go without touching connections that stand', async () => {
    const lab = setUp();
    const port = await freePort();
    const forward = forwardTo({ listenPortFirst: port });
    await lab.nat.putForward(forward, lab.link);
    lab.guest.listen();
    const client = dial(port);
    await until(() => lab.guest.state === 'open');
    lab.nat.deleteForward(forward.id);
    expect(await ending(dial(port))).toBe('ECONNREFUSED');
    client.write('still here');
    await until(() => lab.guest.receivedBytes.toString() === 'still here');
  });

  it('change their target and their range in place', async () => {
    const lab = setUp();
    const first = await freePair();
    const forward = forwardTo({ listenPortFirst: first });
    await lab.nat.putForward(forward, lab.link);
    await lab.nat.putForward({ ...forward, listenPortLast: first + 1, targetPortFirst: 9000 }, lab.link);
    dial(first);
    await until(() => lab.packets.length === 1);
    expect(lab.packets[0]!.readUInt16BE(22)).toBe(9000);
    dial(first + 1);
    await until(() => lab.packets.length === 2);
    expect(lab.packets[1]!.readUInt16BE(22)).toBe(9001);
    await lab.nat.putForward(forward, lab.link);
    expect(await ending(dial(first + 1))).toBe('ECONNREFUSED');
    expect(lab.nat.forwards).toEqual([forward]);
  });

  it('go with their network', async () => {
    const lab = setUp();
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ listenPortFirst: port }), lab.link);
    lab.nat.forget('web');
    expect(await ending(dial(port))).toBe('ECONNREFUSED');
    expect(lab.nat.forwards).toEqual([]);
  });

  it('serve both families on one port of all addresses', async () => {
    const lab = setUp();
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ listenPortFirst: port, listenAddress: '0.0.0.0' }), lab.link);
    await lab.nat.putForward(forwardTo({ id: 'six', listenPortFirst: port, listenAddress: '::' }), lab.link);
    dial(port);
    dial(port, '::1');
    await until(() => lab.packets.length === 2);
    // The IPv6 client cannot be named to an IPv4 guest: it is the gateway, like the other one.
    expect(lab.packets.map((packet) => packet.subarray(12, 16).join('.'))).toEqual(['10.0.0.1', '10.0.0.1']);
    expect(lab.packets[0]!.readUInt16BE(20)).not.toBe(lab.packets[1]!.readUInt16BE(20));
  });

  it('let a machine reach itself by the host (hairpin, RFC 5382 REQ-8)', async () => {
    const lab = setUp({ hostLoopback: true });
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ listenPortFirst: port }), lab.link);
    // The guest dials the forward at the gateway's address; the connection comes back to its own port 8080.
    lab.guest.listen();
    lab.inject(synFrom('10.0.0.2', 5000, '10.0.0.1', port));
    await until(() => lab.guest.state === 'open');
    expect(lab.guest.peer.split(':')[0]).toBe('10.0.0.1');
    expect(
      lab.packets.some(
        (packet) => packet.readUInt16BE(22) === 5000 && packet[33] === (TcpFlag.syn | TcpFlag.ack),
      ),
    ).toBe(true);
  });
});

function resetFor(syn: Buffer): Buffer {
  const path = pathBetween('10.0.0.2', '10.0.0.1')!;
  return segmentPacket(path, syn.readUInt16BE(22), syn.readUInt16BE(20), {
    sequence: 0,
    acknowledgement: syn.readUInt32BE(24) + 1,
    flags: TcpFlag.rst | TcpFlag.ack,
  });
}

function synFrom(guest: string, guestPort: number, remote: string, remotePort: number): Buffer {
  return segmentPacket(pathBetween(guest, remote)!, guestPort, remotePort, {
    sequence: 1,
    flags: TcpFlag.syn,
  });
}
